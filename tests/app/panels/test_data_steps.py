from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from app.document import Document
from app.panels.data_steps import StepsBox, step_words
from engine.data import report as data_report
from tests.app.gestures import words_in, write
from tests.app.panels.samples import table_of

ALT = Qt.KeyboardModifier.AltModifier


@pytest.fixture
def box(document: Document, qtbot: QtBot, tmp_path: Path) -> StepsBox:
    document.new(table_of(tmp_path))
    shown = StepsBox(document)
    qtbot.addWidget(shown)
    shown.resize(480, 500)
    shown.show()
    show(shown, document, "age")
    return shown


def show(box: StepsBox, document: Document, name: str) -> None:
    report = data_report(document.spec, document.folder)
    box.show_column(report.columns[name], report)


def ops(document: Document) -> list[str]:
    return [each["op"] for each in document.spec.data["columns"]["age"]["steps"]]


def test_the_default_steps_are_listed_and_the_first_edit_writes_them_down(box: StepsBox, document: Document) -> None:
    assert box.list.item(0).text() == "1.  Standardize"
    assert "columns" not in document.spec.data
    box.add_step("FillMissing")
    assert ops(document) == ["Standardize", "FillMissing"]
    assert document.undo_stack.undoText() == "Add Fill missing"
    assert "Puts a value where one is missing" in words_in(box)
    document.undo_stack.undo()
    assert "columns" not in document.spec.data
    assert box.list.count() == 1


def test_the_menu_offers_steps_that_fit_under_their_groups_with_what_they_do(box: StepsBox, document: Document) -> None:
    box._fill()
    entries = box._menu.actions()
    offered = {each.text(): each.toolTip() for each in entries if each.isEnabled()}
    assert "Brings numbers to mean 0" in offered["Standardize"]
    assert "Tokenize" not in offered
    assert next(each.text() for each in entries if not each.isEnabled()) == "Numbers"
    next(each for each in entries if each.text() == "Scale").trigger()
    assert ops(document) == ["Standardize", "Scale"]


def test_steps_move_with_the_keyboard(box: StepsBox, document: Document) -> None:
    box.add_step("Scale")
    box.add_step("FillMissing")
    QTest.keyClick(box.list, Qt.Key.Key_Up, ALT)
    assert ops(document) == ["Standardize", "FillMissing", "Scale"]
    assert box.list.currentRow() == 1
    QTest.keyClick(box.list, Qt.Key.Key_Up, ALT)
    QTest.keyClick(box.list, Qt.Key.Key_Up, ALT)  # the first goes no further
    assert ops(document) == ["FillMissing", "Standardize", "Scale"]
    QTest.keyClick(box.list, Qt.Key.Key_Down, ALT)
    assert ops(document) == ["Standardize", "FillMissing", "Scale"]
    QTest.keyClick(box.list, Qt.Key.Key_Delete)
    assert ops(document) == ["Standardize", "Scale"]
    for _ in range(4):
        document.undo_stack.undo()
    assert ops(document) == ["Standardize", "Scale", "FillMissing"]


@pytest.mark.parametrize(
    ("row", "onto", "below", "order"),
    [
        (0, 2, True, ["Scale", "FillMissing", "Standardize"]),
        (2, 0, False, ["FillMissing", "Standardize", "Scale"]),
        (0, 1, False, ["Standardize", "Scale", "FillMissing"]),
        (0, 1, True, ["Scale", "Standardize", "FillMissing"]),
    ],
)
def test_a_step_that_is_dragged_goes_where_it_is_dropped(
    box: StepsBox, document: Document, row: int, onto: int, below: bool, order: list[str]
) -> None:
    box.add_step("Scale")
    box.add_step("FillMissing")
    box.list.setCurrentRow(row)
    rect = box.list.visualItemRect(box.list.item(onto))
    point = QPoint(20, rect.bottom() - 2 if below else rect.top() + 2)
    data = box.list.mimeData([box.list.item(row)])
    action, left = Qt.DropAction.MoveAction, Qt.MouseButton.LeftButton
    box.list.dropEvent(QDropEvent(QPointF(point), action, data, left, Qt.KeyboardModifier.NoModifier))
    assert ops(document) == order
    assert box.list.count() == 3


def test_a_param_is_set_reset_and_undone(box: StepsBox, document: Document) -> None:
    box.add_step("Scale")
    assert box._form is not None
    write(box._form.fields["factor"].findChild(QLineEdit), "2.5")
    assert document.spec.data["columns"]["age"]["steps"][1]["params"] == {"factor": 2.5, "offset": 0.0}
    assert box.list.item(1).text() == "2.  Scale   factor 2.5"
    box._form.reset.emit("factor")
    assert document.spec.data["columns"]["age"]["steps"][1]["params"]["factor"] == 1 / 255
    document.undo_stack.undo()
    assert box._form.fields["factor"].findChild(QLineEdit).text() == "2.5"


def test_the_default_steps_come_back(box: StepsBox, document: Document) -> None:
    assert not box._reset.isVisible()
    box.remove_step(0)
    assert ops(document) == []
    assert "No steps" in words_in(box)
    QTest.mouseClick(box._reset, Qt.MouseButton.LeftButton)
    assert "columns" not in document.spec.data
    assert box.list.count() == 1


def test_what_is_wrong_with_the_steps_is_said_above_them(box: StepsBox, document: Document) -> None:
    box.add_step("Index")
    show(box, document, "age")
    assert "Index on age must come before other steps." in words_in(box)
    show(box, document, "town")
    assert "Index" not in words_in(box)


def test_a_step_that_is_unknown_is_listed_by_its_name() -> None:
    assert step_words({"op": "Later", "params": {}}) == "Later"
    assert step_words({"op": "FillMissing", "params": {"value": "zero"}}) == 'Fill missing   value "zero"'
