"""Editors of sizes with gaps, and of a number that may be several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.fields.editors import (
    Editor,
    TextEditor,
    editor_for,
    read_one_or_more,
    read_optional_shape,
    show_optional_shape,
)
from app.fields.numbers import NumberBox, read_float, read_int
from engine.ops import OPS


def shown(op: str, param: str, qtbot: QtBot, tmp_path: Path) -> tuple[Editor, list[Any]]:
    """The editor of a param, and the list that gathers what it tells."""
    editor = editor_for(OPS[op].params()[param], tmp_path, tuple)
    qtbot.addWidget(editor)
    told: list[Any] = []
    editor.edited.connect(lambda value, _final: told.append(value))
    return editor, told


def test_an_emptied_box_of_a_size_with_gaps_is_a_gap(qtbot: QtBot, tmp_path: Path) -> None:
    editor, told = shown("AdaptiveAvgPool2d", "output_size", qtbot, tmp_path)
    editor.show_value([1, None])
    boxes = editor.findChildren(NumberBox)
    assert [box.text() for box in boxes] == ["1", ""]
    boxes[0].lineEdit().clear()
    boxes[0].lineEdit().textEdited.emit("")
    assert told == [[None, None]]


def test_an_emptied_box_of_another_size_is_no_gap(qtbot: QtBot, tmp_path: Path) -> None:
    editor, told = shown("Conv2d", "kernel_size", qtbot, tmp_path)
    editor.show_value([3, 5])
    box = editor.findChildren(NumberBox)[0]
    box.lineEdit().clear()
    box.lineEdit().textEdited.emit("")
    assert OPS["Conv2d"].params()["kernel_size"].refuse(told[0])


@pytest.mark.parametrize(("value", "text"), [(None, ""), (2.5, "2.5"), ([2.0, 3.5], "2.0, 3.5"), (2, "2")], ids=str)
def test_a_number_or_several_are_shown_and_read_back(value: Any, text: str, qtbot: QtBot, tmp_path: Path) -> None:
    editor, told = shown("Upsample", "scale_factor", qtbot, tmp_path)
    assert isinstance(editor, TextEditor)
    editor.show_value(value)
    assert editor.line.text() == text
    editor.line.textEdited.emit(text)
    assert told == [value]
    assert OPS["Upsample"].params()["scale_factor"].refuse(told[0]) is None


@pytest.mark.parametrize(("text", "value"), [("7", 7), ("7, 3", [7, 3]), ("(7, 3)", [7, 3]), ("", None), ("x", "x")])
def test_sizes_are_read_as_whole_numbers(text: str, value: Any) -> None:
    assert read_one_or_more(text, read_int) == value


def test_one_number_in_a_list_is_that_number() -> None:
    assert read_one_or_more(" 1/2, ", read_float) == 0.5


@pytest.mark.parametrize(("text", "value"), [("", None), ("()", []), ("3, 4", [3, 4]), ("N, 1", ["N", 1])])
def test_a_shape_that_may_be_left_out_differs_from_one_without_sizes(text: str, value: Any) -> None:
    assert read_optional_shape(text) == value
    assert show_optional_shape(value) == text
