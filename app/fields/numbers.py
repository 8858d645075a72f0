"""Numbers as people type and read them, and a box that steps through them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QAbstractSpinBox, QStyle, QStyleOptionSpinBox, QWidget

from engine.kinds import Bounds

Step = Callable[[float, int], float]  # (value, steps up or down) -> value

LOGARITHMIC = ("lr", "weight_decay", "eps")  # params that people change by factors
SMALLEST_STEP = 1e-10
FIRST_STEP = 1e-4  # where a step up from 0 goes among factors
LARGEST_DENOMINATOR = 4096


def read_int(text: str) -> Any:
    """Read a whole number, also one written 1e6 or 4.0; a text that is none comes back as it is."""
    try:
        return int(text)
    except ValueError:
        number = read_float(text) if len(text) < 40 else text
    whole = isinstance(number, float) and number.is_integer() and "/" not in text
    return int(number) if whole else text


def read_float(text: str) -> Any:
    """Read a number, also one written 1/255 or with a decimal comma; a text that is none comes back as it is."""
    above, slash, below = text.strip().replace(",", ".", 1).partition("/")
    try:
        return float(above) / float(below) if slash else float(above)
    except (ValueError, ZeroDivisionError):
        return text


def show_number(value: Any) -> str:
    """Write a number as short as it can be read back: 32, 0.001, 1e-05, 1/255; another value as its text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value)
    text = repr(value)
    if len(text) > 9 and 0 < abs(value) < 1 and abs(1 / value) < LARGEST_DENOMINATOR:
        below = round(1 / value)
        return f"1/{below}" if 1 / below == value else text
    return text.removesuffix(".0") if math.isfinite(value) and abs(value) >= 1e6 else text


def step_whole(value: float, steps: int) -> float:
    """Step by ones."""
    return int(value) + steps


def step_share(value: float, steps: int) -> float:
    """Step by twentieths."""
    return _rounded(value + 0.05 * steps)


def step_tenth(value: float, steps: int) -> float:
    """Step by tenths."""
    return _rounded(value + 0.1 * steps)


def step_factor(value: float, steps: int) -> float:
    """Step through 1, 2, 5, 10, ..., ten steps at once by a factor of ten; from the smallest to 0 and back."""
    if value < 0:
        return -step_factor(-value, -steps)
    if value < SMALLEST_STEP:
        return FIRST_STEP if steps > 0 else 0.0
    if abs(steps) >= 10:
        return _rounded(value * 10 ** math.copysign(1, steps))
    for _ in range(abs(steps)):
        value = _next_factor(value, up=steps > 0)
    return value if value >= SMALLEST_STEP else 0.0


def _next_factor(value: float, *, up: bool) -> float:
    decade = math.floor(math.log10(value))
    marks = [float(f"{digit}e{exponent}") for exponent in range(decade - 1, decade + 2) for digit in (1, 2, 5)]
    slack = value * 1e-9
    return min(m for m in marks if m > value + slack) if up else max(m for m in marks if m < value - slack)


def _rounded(value: float) -> float:
    return float(f"{value:.12g}")


def step_for(name: str, default: Any, bounds: Bounds) -> Step:
    """Choose how a number of this name, default and bounds is best stepped through."""
    small = isinstance(default, float) and 0 < abs(default) < 0.05
    if name in LOGARITHMIC or small:
        return step_factor
    limits = [limit for limit in (bounds.low, bounds.high, bounds.below) if limit is not None]
    return step_share if len(limits) >= 2 and all(0 <= limit <= 1 for limit in limits) else step_tenth


class NumberBox(QAbstractSpinBox):
    """A number of any size with arrows; what does not read as a number stays in it as it was typed.

    The wheel turns it only while it has the focus, so that scrolling a panel changes nothing.
    """

    edited = Signal(object, bool)  # the number, or the text where it is none; whether the edit is finished

    def __init__(self, read: Callable[[str], Any], step: Step, bounds: Bounds, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._read, self._step, self._bounds = read, step, bounds
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumWidth(56)
        self.lineEdit().textEdited.connect(lambda text: self.edited.emit(self._read(text), False))
        self.editingFinished.connect(lambda: self.edited.emit(self.value(), True))

    def value(self) -> Any:
        """What stands in the box: a number, or the text where it is none."""
        return self._read(self.text())

    def show_value(self, value: Any) -> None:
        """Write a value into the box; typed text stays where it means the same: "0.00" can become "0.001"."""
        if self.value() != value or not self.text():
            self.lineEdit().setText(show_number(value))

    def show_words(self, words: str) -> None:
        """Empty the box and say why in grey."""
        self.lineEdit().clear()
        self.lineEdit().setPlaceholderText(words)

    def stepBy(self, steps: int) -> None:
        value = self.value()
        if isinstance(value, str):
            value = self._bounds.low or 0
            steps = 0
        moved = self._within(self._step(value, steps) if steps else value)
        if moved != self.value():
            self.show_value(moved)
            self.edited.emit(moved, False)
        self.selectAll()

    def _within(self, value: float) -> float:
        if self._bounds.refuse(value) is None:
            return value
        ends = [end for end in (self._bounds.low, self._bounds.high) if end is not None]
        nearest = min(ends, key=lambda end: abs(end - value), default=self.value())
        if self._bounds.refuse(nearest) is not None:
            return self.value()  # type: ignore[no-any-return]  # an end that is itself excluded
        return type(value)(nearest)

    def stepEnabled(self) -> QAbstractSpinBox.StepEnabledFlag:
        return QAbstractSpinBox.StepEnabledFlag.StepUpEnabled | QAbstractSpinBox.StepEnabledFlag.StepDownEnabled

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def sizeHint(self) -> QSize:
        option = QStyleOptionSpinBox()
        self.initStyleOption(option)
        inner = QSize(self.fontMetrics().horizontalAdvance("0.00001"), self.fontMetrics().height() + 4)
        return self.style().sizeFromContents(QStyle.ContentsType.CT_SpinBox, option, inner, self)

    minimumSizeHint = sizeHint  # noqa: N815  # Qt's name
