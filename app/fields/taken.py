"""Inside a block a param may be taken from the block: the line that shows how, and the menu that sets it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QMenu, QToolButton, QWidget

from app.icons import icon
from app.theme import SPACE, mono, theme
from engine.blocks import EXPR, PARAM

Names = Callable[[], Sequence[str]]  # the params of the block, as they are now


class TakenLine(QWidget):
    """A line such as "= 4 * width"; a single name takes the param as it is."""

    edited = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.line = QLineEdit()
        self.line.setFont(mono())
        self.line.setToolTip("Taken from the block: a param of it, or numbers computed from its params")
        sign = QLabel("=")
        sign.setFont(mono())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACE // 2)
        row.addWidget(sign)
        row.addWidget(self.line)
        self.setFocusProxy(self.line)
        self.line.editingFinished.connect(self._done)
        self._shown: Any = None

    def _done(self) -> None:
        value = as_taken(self.line.text())
        if value is not None and value != self._shown:
            self._shown = value
            self.edited.emit(value)

    def show_value(self, value: Any) -> None:
        """Show how the value is taken."""
        self._shown = value
        text = str(next(iter(value.values())))
        if self.line.text().strip() != text:
            self.line.setText(text)


def as_taken(text: str) -> dict[str, str] | None:
    """Read "width" or "4 * width" as a spec holds it; None for an empty line."""
    words = text.strip().removeprefix("=").strip()
    if not words:
        return None
    return {PARAM: words} if words.isidentifier() else {EXPR: words}


class TakeButton(QToolButton):
    """The button beside a param of a node inside a block.

    `exposed` asks for a new param of the block, `chosen` carries a value: taken, or plain again.
    """

    exposed = Signal()
    chosen = Signal(object)

    def __init__(self, names: Names, plain: Callable[[], Any], value: Callable[[], Any]) -> None:
        super().__init__()
        self._names, self._plain, self._value = names, plain, value
        self.setToolTip("Set at each use of the block, or compute from the block's params")
        self.setIcon(icon("expose", theme().dim))
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(self)
        self._menu.aboutToShow.connect(self._fill)
        self.setMenu(self._menu)
        self.setStyleSheet("QToolButton::menu-indicator { image: none; }")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def _fill(self) -> None:
        self._menu.clear()
        taken = isinstance(self._value(), dict)
        if taken:
            self._menu.addAction("Back to a plain value", lambda: self.chosen.emit(self._plain()))
        else:
            self._menu.addAction("Set at each use of the block", self.exposed.emit)
        names = list(self._names())
        if names:
            self._menu.addSeparator()
        for name in names:
            self._menu.addAction(f"Take {name}", functools.partial(self.chosen.emit, {PARAM: name}))
        if names and not taken:
            self._menu.addAction("Compute…", lambda: self.chosen.emit({EXPR: f"1 * {names[0]}"}))
