"""Forms: a row for each param of a declaration, with help, reset, and the sentence that refuses a wrong value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.fields.editors import CodeEditor, Columns, Editor, editor_for
from app.fields.taken import Names, TakeButton, TakenLine
from app.icons import icon
from app.theme import SPACE, theme, themes
from engine.blocks import is_taken
from engine.declare import Declared, Param

LABEL_WIDTH, RESET_WIDTH, ROW_HEIGHT = 104, 28, 24
WORDS = {
    "lr": "Learning rate", "p": "Probability", "eps": "Epsilon", "dim": "Axis", "lr_factor": "Rate factor",
    "ema_decay": "EMA decay",
}  # fmt: skip


class Field(QWidget):
    """The editor of one param, with a sentence below it where something is wrong.

    What cannot be accepted stays in the editor with its sentence; `changed` carries only what the param's kind accepts.
    """

    changed = Signal(object, bool)

    def __init__(self, param: Param, value: Any, *, folder: Path, columns: Columns = tuple) -> None:
        super().__init__()
        self._param, self._shown = param, value
        self.editor: Editor = editor_for(param, folder, columns)
        self._problem = QLabel()
        self._problem.setWordWrap(True)
        self._problem.setProperty("error", True)
        self._problem.hide()
        self._refusal: str | None = None  # why what stands in the editor is not taken
        self._outer = ""
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        self._line = QHBoxLayout()
        self._line.setSpacing(2)
        self._line.addWidget(self.editor, 1)
        column.addLayout(self._line)
        column.addWidget(self._problem)
        self._column, self._taken = column, TakenLine() if is_taken(value) else None
        self.setFocusProxy(self.editor)
        self.editor.edited.connect(self._edited)
        self._show(value)
        self._tell()

    def _show(self, value: Any) -> None:
        """Show a plain value in the editor, one that is taken from the block in a line of its own."""
        taken = is_taken(value)
        if taken and self._taken is None:
            self._taken = TakenLine()
        if self._taken is not None:
            if self._taken.parent() is None:
                self._column.insertWidget(1, self._taken)
                self._taken.edited.connect(lambda value: self.changed.emit(value, True))
            self._taken.setVisible(taken)
        self.editor.setVisible(not taken)
        if taken and self._taken is not None:
            self._taken.show_value(value)
        else:
            self.editor.show_value(value)

    def put_beside(self, widget: QWidget) -> None:
        """Put a widget at the right of the editor."""
        self._line.addWidget(widget)

    def value(self) -> Any:
        """The spec's value that is shown."""
        return self._shown

    def _edited(self, value: Any, final: bool) -> None:
        self._refusal = self._param.refuse(value)
        if self._refusal is None:
            unchanged = value == self._shown and type(value) is type(self._shown)
            self._shown = value
            if not unchanged or final:
                self.changed.emit(value, final)
            self.editor.show_value(value)
        self._tell()

    def set_value(self, value: Any) -> None:
        """Show the spec's value; what was typed and refused stays until the spec's value is another."""
        if value != self._shown or type(value) is not type(self._shown):
            self._shown, self._refusal = value, None
        if self._refusal is None:
            self._show(value)
        self._tell()

    def set_problem(self, text: str | None) -> None:
        """Show what the check says of this param."""
        self._outer = text or ""
        self._tell()

    def problem(self) -> str:
        """The sentence that is shown; empty where nothing is wrong."""
        return "" if self._problem.isHidden() else self._problem.text()

    def _tell(self) -> None:
        text = self._refusal or (None if is_taken(self._shown) else self._param.refuse(self._shown)) or self._outer
        self._problem.setText(text)
        self._problem.setVisible(bool(text))


def offer_to_vary(vary: Callable[[], object], *widgets: QWidget) -> None:
    """Let a setting be varied from the context menu of the widgets that show it."""
    for widget in widgets:
        action = QAction("Vary in a sweep…", widget)
        action.triggered.connect(lambda _checked: vary())
        widget.addAction(action)
        widget.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        for line in widget.findChildren(QLineEdit):  # has a menu of its own
            line.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
            line.customContextMenuRequested.connect(partial(_pop_up, line, action))


def _pop_up(line: QLineEdit, action: QAction, place: QPoint) -> None:
    """Show the menu of a line that is typed in, with an action below."""
    menu = line.createStandardContextMenu()
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    menu.addSeparator()
    menu.addAction(action)
    menu.popup(line.mapToGlobal(place))


def readable(name: str) -> str:
    """A param's name as words: "kernel_size" -> "Kernel size"."""
    words = WORDS.get(name, name.replace("_", " "))
    return words[:1].upper() + words[1:]


class Form(QWidget):
    """The params of a declaration in rows; the advanced ones are folded away."""

    changed = Signal(str, object, bool)  # param, JSON value, whether the edit is finished
    reset = Signal(str)
    exposed = Signal(str)  # a param that is to be set at each use of the block
    varied = Signal(str)  # a param that a sweep is to vary

    def __init__(
        self,
        declared: type[Declared],
        values: Mapping[str, Any],
        *,
        folder: Path,
        columns: Columns = tuple,
        without: tuple[str, ...] = (),
        taken_from: Names | None = None,
        can_vary: bool = False,
    ) -> None:
        super().__init__()
        self.declared, self._taken_from, self._can_vary = declared, taken_from, can_vary
        self.fields: dict[str, Field] = {}
        self._resets: dict[str, QToolButton] = {}
        self._rows: dict[str, tuple[QWidget, ...]] = {}
        self._group = ""  # of the param that was added last
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(SPACE)
        self._grid.setVerticalSpacing(SPACE)
        self._grid.setColumnStretch(1, 1)
        params = [each for each in declared.params().values() if each.name not in without]
        for param in params:
            if not param.advanced:
                self._add(param, values, folder, columns)
        self._more = QToolButton()
        self._advanced = [each for each in params if each.advanced]
        if self._advanced:
            self._more.setCheckable(True)
            self._more.setText(f"More ({len(self._advanced)})")
            self._more.toggled.connect(self._fold)
            self._grid.addWidget(self._more, self._grid.rowCount(), 0, 1, 3)
            for param in self._advanced:
                self._add(param, values, folder, columns)
            self._fold(
                any(_plain(values.get(each.name, each.default)) != _plain(each.default) for each in self._advanced)
            )
        room = QWidget()  # for the reset buttons, also while none is shown: forms below each other are to be aligned
        room.setFixedSize(RESET_WIDTH, 0)
        self._grid.addWidget(room, 1, 2)
        themes.changed.connect(self._dress)
        self._dress()
        self.set_values(values)

    def _add(self, param: Param, values: Mapping[str, Any], folder: Path, columns: Columns) -> None:
        above = self._heading(param.group)
        row = self._grid.rowCount()
        label = QLabel(readable(param.name))
        label.setMinimumWidth(LABEL_WIDTH)
        label.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        label.setMinimumHeight(ROW_HEIGHT)
        bounds = f" It must be {param.bounds.words()}." if param.bounds.words() else ""
        field = Field(param, values.get(param.name, param.default), folder=folder, columns=columns)
        label.setToolTip(f"<p><b>{param.name}</b>: {param.doc}{bounds}</p>")
        field.setToolTip(f"<p>{param.doc}{bounds}</p>")
        label.setBuddy(field)
        if self._can_vary:
            offer_to_vary(lambda: self.varied.emit(param.name), label, field)
        button = QToolButton()
        button.setToolTip(f"Reset {param.name} to {param.default if param.default is not None else 'empty'}")
        button.clicked.connect(lambda: self.reset.emit(param.name))
        field.changed.connect(lambda value, final: self.changed.emit(param.name, value, final))
        self._grid.addWidget(label, row, 0, Qt.AlignmentFlag.AlignTop)
        if isinstance(field.editor, CodeEditor):  # code needs all the width there is
            self._grid.addWidget(field, row + 1, 0, 1, 3 if self._taken_from is None else 4)
        else:
            self._grid.addWidget(field, row, 1)
        self._grid.addWidget(button, row, 2, Qt.AlignmentFlag.AlignTop)
        self.fields[param.name], self._resets[param.name] = field, button
        self._rows[param.name] = (label, field, button, *above)
        if self._taken_from is not None:
            take = TakeButton(self._taken_from, lambda: _plain(param.default), field.value)
            take.exposed.connect(lambda: self.exposed.emit(param.name))
            take.chosen.connect(lambda value: self.changed.emit(param.name, value, True))
            self._grid.addWidget(take, row, 3, Qt.AlignmentFlag.AlignTop)
            self._rows[param.name] = (label, field, button, take, *above)

    def _heading(self, group: str) -> list[QWidget]:
        """The heading of a group that begins."""
        if group in ("", self._group):
            return []
        self._group, heading = group, QLabel(group)
        heading.setProperty("dim", True)
        heading.setContentsMargins(0, SPACE // 2, 0, 0)
        self._grid.addWidget(heading, self._grid.rowCount(), 0, 1, 3)
        return [heading]

    def _fold(self, unfolded: bool) -> None:
        self._more.setChecked(unfolded)
        self._more.setText("Less" if unfolded else f"More ({len(self._advanced)})")
        for param in self._advanced:
            for widget in self._rows[param.name]:
                widget.setVisible(unfolded)
        self._mark()

    def show_field(self, name: str) -> QWidget:
        """Bring the field of a param to show, were it folded away, and give it the focus; returns it."""
        if any(each.name == name for each in self._advanced):
            self._fold(True)
        field = self.fields[name]
        field.setFocus()
        return field

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show the spec's values; the focus and the cursor stay where they are."""
        self._values = dict(values)
        for name, field in self.fields.items():
            field.set_value(values.get(name, self.declared.params()[name].default))
        self._mark()

    def _mark(self) -> None:
        params = self.declared.params()
        values = getattr(self, "_values", {})
        for name, button in self._resets.items():
            changed = _plain(values.get(name, params[name].default)) != _plain(params[name].default)
            button.setVisible(changed and not self._rows[name][0].isHidden())

    def set_problems(self, problems: Mapping[str, str]) -> None:
        """Show what the check says, by param."""
        for name, field in self.fields.items():
            field.set_problem(problems.get(name))

    def _dress(self) -> None:
        for button in self._resets.values():
            button.setIcon(icon("reset", theme().dim))


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
