from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QComboBox, QLineEdit
from pytestqt.qtbot import QtBot

from app.document import Document
from app.fields import Form
from app.panels.data import UNKNOWN_SPLITS, DataPanel
from engine import edit
from engine.check import check
from engine.data import report as data_report
from engine.ops.settings import Batching, Split
from engine.ops.source import Source
from engine.spec import Spec
from tests.app.gestures import button, press, words_in, write
from tests.builders import image_classifier


@pytest.fixture
def panel(document: Document, qtbot: QtBot) -> DataPanel:
    shown = DataPanel(document)
    qtbot.addWidget(shown)
    shown.resize(360, 900)
    shown.show()
    return shown


def read(document: Document, tmp_path: Path) -> None:
    """Take in what the engine says of the document's data."""
    document.set_report(check(document.spec))
    document.set_data(data_report(document.spec, tmp_path))


def choose(panel: DataPanel, kind: str) -> None:
    box = next(each for each in panel.findChildren(QComboBox) if each.findData(kind) >= 0)
    box.activated.emit(box.findData(kind))


def form_of(panel: DataPanel, declared: object) -> Form:
    return next(each for each in panel.findChildren(Form) if each.declared is declared)


def test_an_empty_project_says_what_to_do_first(panel: DataPanel) -> None:
    assert "Choose a source" in words_in(panel)
    assert not panel.look.isVisible()


def test_every_source_can_be_chosen_and_has_its_form(panel: DataPanel, document: Document) -> None:
    for kind, source in Source.registry.items():
        choose(panel, kind)
        assert document.spec.data["source"] == {
            "kind": kind,
            "params": edit.set_source(Spec(), kind).data["source"]["params"],
        }
        assert source.doc() in words_in(panel)
        shown = [each.declared for each in panel.findChildren(Form) if each.isVisible()]
        assert (source in shown) == bool(source.params())
    for _ in Source.registry:
        document.undo_stack.undo()
    assert document.spec == Spec()
    assert "Choose a source" in words_in(panel)


def test_splits_are_told_and_the_page_is_offered(
    panel: DataPanel, document: Document, tmp_path: Path, qtbot: QtBot
) -> None:
    choose(panel, "Digits")
    read(document, tmp_path)
    assert "train 1,437" in words_in(panel)
    with qtbot.waitSignal(panel.page_wanted):
        press(panel, "Columns and samples")
    panel.grab()


def test_the_panel_says_that_data_is_being_read(panel: DataPanel) -> None:
    panel.show_reading(True)
    assert "Reading the data…" in words_in(panel)
    panel.show_reading(False)
    assert "Reading" not in words_in(panel)


def test_settings_of_a_stage_come_to_show_where_they_were_folded_away(panel: DataPanel) -> None:
    fields = form_of(panel, Batching).fields
    assert not fields["cache"].isVisible()
    for stage, name in (("cache", "cache"), ("shuffle", "shuffle"), ("batch", "batch_size"), ("prefetch", "workers")):
        panel.show_stage(stage)
        assert fields[name].isVisible()
        assert not fields[name].visibleRegion().isEmpty()
    panel.show_stage("source")


def test_inputs_are_added_for_columns_that_no_node_is_bound_to(
    panel: DataPanel, document: Document, tmp_path: Path
) -> None:
    choose(panel, "Digits")
    read(document, tmp_path)
    press(panel, "Add Inputs for these columns")
    params = [node.params for node in document.spec.nodes.values()]
    assert [each["column"] for each in params] == ["image", "label"]
    assert [each["shape"] for each in params] == [["N", 1, 8, 8], ["N"]]
    assert document.undo_stack.undoText() == "Add Inputs"
    read(document, tmp_path)
    with pytest.raises(ValueError):
        button(panel, "Add Inputs for these columns")


def test_split_and_batches_are_edited_undone_and_reset(panel: DataPanel, document: Document) -> None:
    document.new(image_classifier())
    size = form_of(panel, Batching).fields["batch_size"].findChild(QLineEdit)
    write(size, "64")
    assert document.spec.data["batching"]["batch_size"] == 64
    assert document.undo_stack.count() == 1
    document.undo_stack.undo()
    assert size.text() == "32"
    share = form_of(panel, Split).fields["test"].findChild(QLineEdit)
    write(share, "0,25")
    assert document.spec.data["split"]["test"] == 0.25
    write(share, "1")
    assert "test is 1.0; it must be less than 1." in words_in(panel)
    assert document.spec.data["split"]["test"] == 0.25
    form_of(panel, Split).reset.emit("test")
    assert document.spec.data["split"]["test"] == 0.1


def test_what_is_wrong_with_the_data_is_said_at_its_param(panel: DataPanel, document: Document, tmp_path: Path) -> None:
    choose(panel, "Table")
    write(form_of(panel, Source.registry["Table"]).fields["path"].findChild(QLineEdit), "gone.csv")
    read(document, tmp_path)
    assert "gone.csv" in form_of(panel, Source.registry["Table"]).fields["path"].problem()
    assert not panel.look.isVisible()


def test_a_table_offers_its_columns_as_target(panel: DataPanel, document: Document, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("age,kind\n" + "".join(f"{age},{'ab'[age % 2]}\n" for age in range(20)))
    choose(panel, "Table")
    table = Source.registry["Table"]
    write(form_of(panel, table).fields["path"].findChild(QLineEdit), "a.csv")
    read(document, tmp_path)
    target = form_of(panel, table).fields["target"].findChild(QComboBox)
    assert {target.itemText(place) for place in range(target.count())} >= {"age", "kind"}


def test_another_project_shows_none_of_the_last_ones_data(panel: DataPanel, document: Document, tmp_path: Path) -> None:
    choose(panel, "Digits")
    read(document, tmp_path)
    document.new()
    assert not panel.look.isVisible()
    assert UNKNOWN_SPLITS in words_in(panel)
