from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from app.panels.compare import SAME, CompareDialog
from app.run_colours import RunColours
from app.theme import theme
from engine import edit
from engine.comparison import compare
from engine.runs import About, summaries, write_about
from tests.app.gestures import cell, press, words_in
from tests.app.story import STARTED, WHOLE, epoch, told_run
from tests.builders import image_classifier


@pytest.fixture
def dialog(qtbot: QtBot, tmp_path: Path) -> CompareDialog:
    """Two runs, the second with a wider layer, another name and better scores."""
    told_run(tmp_path / "a", STARTED, epoch(1))
    wider = edit.set_param(image_classifier(), "linear_1", "out_features", 20)
    write_about(told_run(tmp_path / "b", *WHOLE, spec=wider), About("wide"))
    return shown(tmp_path, qtbot)


def shown(folder: Path, qtbot: QtBot) -> CompareDialog:
    found = sorted(summaries(folder), key=lambda each: each.run.name)
    panel = CompareDialog(found, compare(found), RunColours())
    qtbot.addWidget(panel)
    panel.show()
    qtbot.waitExposed(panel)
    return panel


def lines(dialog: CompareDialog) -> dict[str, list[str]]:
    """What the table says: name -> a value for each run; a group has none."""
    table, found = dialog.table, {}
    for row in range(table.rowCount()):
        values = [table.item(row, column) for column in range(1, table.columnCount())]
        found[cell(table, row, 0).text().strip()] = [item.text() for item in values if item]
    return found


def test_differences_scores_and_curves_stand_together(dialog: CompareDialog) -> None:
    found = lines(dialog)
    assert found["linear_1.params.out_features"] == ["10", "20"]
    assert found["accuracy"] == ["–", "0.875"]  # of the test, which comes last
    assert found["Graph"] == []
    assert "linear_1.params.bias" not in found
    heads = [dialog.table.horizontalHeaderItem(column) for column in (1, 2)]
    assert [head.text() for head in heads if head] == ["a", "wide"]
    assert {run.name for run, *_ in dialog.curves._items} == {"a", "b"}
    assert "wide" in dialog.curves.legend.text()


def test_the_best_value_stands_out(dialog: CompareDialog) -> None:
    table = dialog.table
    row = next(row for row in range(table.rowCount()) if cell(table, row, 0).text().strip() == "loss")
    assert [cell(table, row, column).font().bold() for column in (1, 2)] == [False, True]
    assert cell(table, row, 2).foreground().color().name() == theme().ok


def test_what_is_equal_shows_when_it_is_asked_for(dialog: CompareDialog) -> None:
    dialog.equal.setChecked(True)
    assert lines(dialog)["linear_1.params.bias"] == ["true", "true"]
    dialog.equal.setChecked(False)
    assert "linear_1.params.bias" not in lines(dialog)


def test_runs_that_are_alike_are_said_to_be(tmp_path: Path, qtbot: QtBot) -> None:
    for name in ("a", "b"):
        told_run(tmp_path / name, *WHOLE)
    assert SAME in words_in(shown(tmp_path, qtbot))


def test_the_table_is_copied_as_it_is_shown(dialog: CompareDialog) -> None:
    press(dialog, "Copy as Markdown")
    assert "| nodes.linear_1.params.out_features | 10 | 20 |" in QGuiApplication.clipboard().text()
    press(dialog, "Copy as CSV")
    rows = list(csv.reader(io.StringIO(QGuiApplication.clipboard().text())))
    assert rows[0] == ["group", "name", "a", "wide"]
    assert ["Graph", "nodes.linear_1.params.out_features", "10", "20"] in rows
