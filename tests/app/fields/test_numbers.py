from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.fields.numbers import (
    NumberBox,
    read_float,
    read_int,
    show_number,
    step_factor,
    step_for,
    step_share,
    step_tenth,
    step_whole,
)
from engine.kinds import Bounds


@pytest.mark.parametrize(
    ("text", "number"),
    [("12", 12), ("-3", -3), ("1e6", 1_000_000), ("4.0", 4), (" 7 ", 7), ("9" * 30, int("9" * 30)), ("3.5", "3.5"),
     ("3/1", "3/1"), ("many", "many"), ("", ""), ("nan", "nan"), ("inf", "inf")],
)  # fmt: skip
def test_whole_numbers_are_read_as_people_write_them(text: str, number: Any) -> None:
    assert read_int(text) == number
    assert type(read_int(text)) is type(number)


@pytest.mark.parametrize(
    ("text", "number"),
    [("0.5", 0.5), ("0,5", 0.5), ("1e-3", 1e-3), ("1/255", 1 / 255), ("1 / 4", 0.25), ("1/0", "1/0"), ("a/b", "a/b"),
     ("", "")],
)  # fmt: skip
def test_numbers_are_read_as_people_write_them(text: str, number: Any) -> None:
    assert read_float(text) == number


@pytest.mark.parametrize(
    "value", [0.1, 1 / 255, 1 / 3, 1e-5, 0.001, 1e6, 12345678.9, 0.30000000000000004, 5e-324, 3, -7]
)
def test_a_number_is_shown_as_it_can_be_read_back(value: float) -> None:
    assert read_float(show_number(value)) == value


@pytest.mark.parametrize(
    ("value", "text"), [(1 / 255, "1/255"), (1e-5, "1e-05"), (32, "32"), (2e6, "2000000"), ("x", "x")]
)
def test_numbers_are_shown_short(value: Any, text: str) -> None:
    assert show_number(value) == text


def test_a_learning_rate_steps_through_one_two_and_five() -> None:
    values = [0.001]
    for _ in range(4):
        values.append(step_factor(values[-1], 1))
    assert values == [0.001, 0.002, 0.005, 0.01, 0.02]
    for value in values[-2::-1]:
        assert step_factor(values.pop(), -1) == value
    assert step_factor(0.003, 10) == 0.03
    assert step_factor(0.0, 1) == 1e-4
    assert step_factor(1e-10, -1) == 0.0


def test_a_param_steps_as_suits_its_name_and_bounds() -> None:
    assert step_for("lr", 0.1, Bounds()) is step_factor
    assert step_for("alpha", 0.01, Bounds()) is step_factor
    assert step_for("p", 0.5, Bounds(low=0, high=1)) is step_share
    assert step_for("slope", 1.0, Bounds()) is step_tenth
    assert step_share(0.1, 2) == 0.2


@pytest.fixture
def box(qtbot: QtBot) -> NumberBox:
    made = NumberBox(read_int, step_whole, Bounds(low=1, high=9))
    qtbot.addWidget(made)
    made.show()
    made.show_value(8)
    return made


def test_arrow_keys_step_and_stop_at_the_bounds(box: NumberBox) -> None:
    told: list[Any] = []
    box.edited.connect(lambda value, final: told.append((value, final)))
    for _ in range(3):
        QTest.keyClick(box, Qt.Key.Key_Up)
    assert told == [(9, False)]
    for _ in range(12):
        QTest.keyClick(box, Qt.Key.Key_Down)
    assert box.value() == 1


def test_an_arrow_key_turns_words_into_the_lowest_number(box: NumberBox) -> None:
    box.lineEdit().setText("many")
    QTest.keyClick(box, Qt.Key.Key_Up)
    assert box.value() == 1


def test_what_is_typed_is_told_as_it_stands_and_as_finished_with_enter(box: NumberBox) -> None:
    told: list[Any] = []
    box.edited.connect(lambda value, final: told.append((value, final)))
    box.selectAll()
    QTest.keyClicks(box, "4x")
    QTest.keyClick(box, Qt.Key.Key_Return)
    assert told[0] == (4, False)
    assert told[1] == ("4x", False)
    assert told[2] == ("4x", True)
    assert box.text() == "4x"


def test_the_wheel_turns_a_box_only_while_it_has_the_focus(box: NumberBox, monkeypatch: pytest.MonkeyPatch) -> None:
    phase, button, keys = Qt.ScrollPhase.NoScrollPhase, Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier

    def turn() -> bool:
        event = QWheelEvent(QPointF(5, 5), QPointF(5, 5), QPoint(), QPoint(0, 120), button, keys, phase, False)
        QApplication.sendEvent(box, event)
        return event.isAccepted()

    monkeypatch.setattr(box, "hasFocus", lambda: False)
    assert not turn()
    assert box.value() == 8
    monkeypatch.setattr(box, "hasFocus", lambda: True)
    turn()
    assert box.value() == 9
