from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.data_helper import DataHelper
from app.document import Document
from app.panels.data_page import DataPage, title_of
from engine import edit
from engine.edit_columns import set_steps
from engine.events import Progress, Stage
from engine.spec import Spec
from tests.app.gestures import press, words_in
from tests.app.panels.samples import Answering, pictures, read, table_of
from tests.app.story import STARTED


@pytest.fixture
def engine() -> Answering:
    return Answering()


@pytest.fixture
def page(document: Document, engine: Answering, qtbot: QtBot) -> DataPage:
    shown = DataPage(document, DataHelper(document, engine))
    qtbot.addWidget(shown)
    shown.resize(1000, 700)
    shown.show()
    return shown


def test_an_empty_project_is_told_where_data_comes_from(page: DataPage, qtbot: QtBot) -> None:
    assert "No data yet" in words_in(page)
    with qtbot.waitSignal(page.source_wanted):
        press(page, "Choose the data")


def test_columns_are_listed_with_their_distributions(
    page: DataPage, document: Document, engine: Answering, tmp_path: Path
) -> None:
    read(document, table_of(tmp_path))
    engine.answer()
    assert [each.name for each in page.columns.columns()] == ["features", "kind", "age", "town"]
    assert page.tabs.tabText(0) == "Columns (4)"
    assert page.tabs.tabText(1) == "Samples (200)"
    assert page.columns.chosen() == "features"
    page.columns.choose("kind")
    engine.answer()
    assert "category · 3 classes: x, y, z" in words_in(page)
    assert sum(page.column_box.distribution.shown["parts"]["train"]) == 160
    assert page.column_box.distribution.isVisible()
    page.grab()


def test_steps_that_change_show_anew_what_they_do_to_a_sample(
    page: DataPage, document: Document, engine: Answering, tmp_path: Path
) -> None:
    read(document, table_of(tmp_path))
    page.columns.choose("age")
    engine.answer()
    assert [title for title, _value in page.column_box.trace.stages()] == ["As it is", "Standardize"]
    counted, browsed = len(engine.asked("distributions")), len(engine.asked("browse"))
    document.edit("Steps", lambda spec: set_steps(spec, "age", [{"op": "FillMissing", "params": {"value": "zero"}}]))
    read(document)
    engine.answer()
    assert page.columns.chosen() == "age"
    assert [title for title, _value in page.column_box.trace.stages()] == ["As it is", "Fill missing"]
    assert (len(engine.asked("distributions")), len(engine.asked("browse"))) == (counted, browsed)


def test_nothing_is_asked_while_nobody_looks(
    page: DataPage, document: Document, engine: Answering, tmp_path: Path
) -> None:
    page.hide()
    read(document, table_of(tmp_path))
    assert engine.requests == []
    page.show()
    assert {each["do"] for each in engine.requests} == {"trace", "browse", "distributions"}


def test_answers_for_another_project_are_dropped(
    page: DataPage, document: Document, engine: Answering, tmp_path: Path
) -> None:
    read(document, table_of(tmp_path))
    document.new()
    engine.answer()
    assert page.columns.columns() == []
    assert page.samples.pages.total == 0
    assert page.column_box.trace.stages() == []


def test_requests_hold_of_the_graph_only_what_data_depends_on(
    page: DataPage, document: Document, engine: Answering, tmp_path: Path
) -> None:
    read(document, table_of(tmp_path))
    sent = engine.requests[0]["spec"]
    assert (sent["nodes"], sent["blocks"], sent["training"], sent["canvas"]) == ([], {}, {}, {})
    assert sent["data"]["source"]["kind"] == "Table"


def test_a_number_is_read_as_classes_and_back_by_one_edit_each(
    page: DataPage, document: Document, engine: Answering, tmp_path: Path
) -> None:
    read(document, table_of(tmp_path))
    page.columns.choose("age")
    box = page.column_box.kinds
    assert [box.itemText(place) for place in range(box.count())] == ["number", "category"]
    box.activated.emit(1)
    assert document.undo_stack.undoText() == "Read age as category"
    read(document)
    engine.answer()
    assert box.currentText() == "category"
    stages = page.column_box.trace.stages()
    assert [title for title, _value in stages] == ["As it is", "Index"]
    assert stages[1][1]["place"] == int(stages[0][1]["numbers"][0])
    page.columns.choose("features")
    assert not box.isEnabled()


def test_the_next_sample_is_shown_on_its_way(
    page: DataPage, document: Document, engine: Answering, tmp_path: Path
) -> None:
    read(document, pictures(tmp_path))
    engine.answer()
    first = page.column_box.trace._where.text()
    press(page, "Next sample")
    engine.answer()
    assert page.column_box.trace._where.text() != first
    assert engine.asked("trace")[-1]["place"] == 1
    assert "png" in page.column_box.trace.stages()[0][1]
    assert not page.column_box.trace._draw.isVisible()  # no step of this column draws
    page.grab()


def test_a_random_step_is_drawn_again_for_another_epoch(page: DataPage, document: Document, engine: Answering) -> None:
    trace = page.column_box.trace
    trace.show_column("image")
    trace.show_trace(
        {"stages": [{"op": "", "value": {"numbers": [1.0], "shape": [1]}}], "random": True, "where": "row 1"}
    )
    assert "as drawn in epoch 1" in words_in(trace)
    press(trace, "Draw again")
    press(trace, "Draw again")
    assert [each["epoch"] for each in engine.asked("trace")] == [1, 2, 3]


def test_what_is_wrong_is_said_in_the_place_of_the_stages(
    page: DataPage, document: Document, engine: Answering, tmp_path: Path
) -> None:
    spec = set_steps(table_of(tmp_path), "age", [{"op": "Nonsense", "params": {}}])
    read(document, spec)
    page.columns.choose("age")
    engine.answer()
    assert words_in(page.column_box.trace).count("no column step 'Nonsense'") == 1
    assert "no column step 'Nonsense'" in words_in(page.column_box.steps)
    assert page.column_box.trace.stages() == []


def test_problems_of_other_columns_stand_above_and_those_of_the_data_where_there_are_none(
    page: DataPage, document: Document, engine: Answering, tmp_path: Path
) -> None:
    spec = set_steps(table_of(tmp_path), "age", [{"op": "Nonsense", "params": {}}])
    read(document, spec)
    assert "Nonsense" in words_in(page._problems)
    page.columns.choose("age")
    assert "Nonsense" not in words_in(page._problems)
    assert "Nonsense" in words_in(page.column_box)
    (tmp_path / "people.csv").unlink()
    read(document)
    assert "does not exist" in words_in(page)


def test_boxes_are_counted_by_image_and_by_class(page: DataPage) -> None:
    by_class = {"unit": "", "names": ["cat", "dog"], "parts": {"train": [5, 2]}}
    page.column_box.area.show()
    page.column_box.show_distribution(
        {"unit": "boxes", "edges": [0.5, 1.5], "parts": {"train": [7]}, "classes": by_class}
    )
    assert page.column_box.classes.words() == "train: most, 5, are cat"
    page.column_box.show_distribution(None)
    assert page.column_box.classes.parts() == []


def test_the_data_is_named_by_its_source_and_its_file(tmp_path: Path) -> None:
    assert title_of(Spec()) == "Data"
    assert title_of(table_of(tmp_path)) == "Table: people.csv"
    assert title_of(edit.set_source(Spec(), "Digits")) == "Digits"


def test_a_run_shows_in_the_flow(page: DataPage) -> None:
    page.take(Progress(1, 1, 10, {}, 100.0, 9.0, waited=0.5, stages=(Stage("read", 120.0, 1.0),), advice="Cache it."))
    assert page.flow.cards["source"].rate == "120/s"
    assert "Cache it." in words_in(page)
    page.take(STARTED)
    assert page.flow.cards["source"].rate == ""


def test_the_page_says_that_data_is_being_read(page: DataPage) -> None:
    assert "Reading the data" not in words_in(page)
    page.show_reading(True)
    assert "Reading the data" in words_in(page)


def test_escape_and_the_button_lead_back_to_the_graph(page: DataPage, qtbot: QtBot) -> None:
    with qtbot.waitSignal(page.left):
        press(page, "Graph")
    with qtbot.waitSignal(page.left):
        QTest.keyClick(page, Qt.Key.Key_Escape)


def test_the_stage_of_steps_shows_the_columns(page: DataPage, document: Document, tmp_path: Path) -> None:
    read(document, table_of(tmp_path))
    page.show_tab("Samples")
    chosen: list[str] = []
    page.stage_chosen.connect(chosen.append)
    page.flow.cards["steps"].click()
    assert page.tabs.currentIndex() == 0
    assert chosen == ["steps"]
