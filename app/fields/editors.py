"""One editor for each kind of param; all speak JSON values."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from app.fields.code import CodeLines
from app.fields.numbers import NumberBox, read_float, read_int, step_for, step_whole
from app.icons import icon
from app.theme import SPACE
from engine import kinds
from engine.declare import Param
from engine.kinds import Kind

Columns = Callable[[], Sequence[str]]  # the data's column names, as they are now
COLUMN_HINTS = {"features": "all numbers but the target"}  # what an empty list of columns means, by param
OWN_SIZE = "numbers…"  # the choice that opens the boxes of a size beside named ones


class Editor(QWidget):
    """Edits one value; `edited` carries the new JSON value and whether the edit is finished."""

    edited = Signal(object, bool)

    def show_value(self, value: Any) -> None:
        """Show a value; tells nothing."""
        raise NotImplementedError

    def _row(self, *widgets: QWidget) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACE // 2)
        for widget in widgets:
            row.addWidget(widget)


class CalmComboBox(QComboBox):
    """A combo box that the wheel turns only while it has the focus."""

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumContentsLength(6)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave scrolling to the panel."""
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class BoolEditor(Editor):
    """A check box."""

    def __init__(self) -> None:
        super().__init__()
        self._box = QCheckBox()
        self._row(self._box)
        self._box.clicked.connect(lambda checked: self.edited.emit(checked, True))

    def show_value(self, value: Any) -> None:
        """Show it."""
        self._box.setChecked(value is True)


class NumberEditor(Editor):
    """A box with arrows; an optional number may be empty."""

    def __init__(self, param: Param, kind: kinds.Int | kinds.Float, *, optional: bool) -> None:
        super().__init__()
        self._optional = optional
        read = read_int if isinstance(kind, kinds.Int) else read_float
        step = step_whole if isinstance(kind, kinds.Int) else step_for(param.name, param.default, kind.bounds)
        self._box = NumberBox(read, step, kind.bounds)
        self._box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        if optional:
            self._box.lineEdit().setPlaceholderText("empty")
        self._row(self._box)
        self._box.edited.connect(self._told)

    def _told(self, value: Any, final: bool) -> None:
        self.edited.emit(None if value == "" and self._optional else value, final)

    def show_value(self, value: Any) -> None:
        """Show it."""
        if value is None:
            self._box.lineEdit().clear()
        else:
            self._box.show_value(value)


class ChoiceEditor(Editor):
    """A list to choose from."""

    def __init__(self, options: Sequence[Any]) -> None:
        super().__init__()
        self._options = list(options)
        self._box = CalmComboBox()
        self._box.addItems([_option(each) for each in options])
        self._row(self._box)
        self._box.activated.connect(lambda place: self.edited.emit(self._options[place], True))

    def show_value(self, value: Any) -> None:
        """Show it; one that is not among the options is shown as none."""
        self._box.setCurrentIndex(self._options.index(value) if value in self._options else -1)


def _option(value: Any) -> str:
    return {"\t": "tab", None: "empty"}.get(value, str(value))


class SizeEditor(Editor):
    """One box an axis, linked while they are equal; beside them the names that may stand in their place."""

    def __init__(self, kind: kinds.Size, names: Sequence[str], *, optional: bool) -> None:
        super().__init__()
        self._kind, self._names = kind, [*names, *([None] if optional else [])]
        self._boxes = [NumberBox(read_int, step_whole, kind.bounds) for _ in range(kind.axes)]
        for box in self._boxes if kind.gaps else ():
            box.lineEdit().setPlaceholderText("as is")
        self._link = QToolButton()
        self._link.setText("=")
        self._link.setToolTip("One number for all axes")
        self._link.setCheckable(True)
        self._link.setVisible(kind.axes > 1)
        self._choice = CalmComboBox()
        self._choice.addItems([*(_option(name) for name in self._names), OWN_SIZE])
        self._choice.setVisible(bool(self._names))
        self._row(self._choice, *self._boxes, self._link)
        for box in self._boxes:
            box.edited.connect(self._typed)
        self._link.clicked.connect(self._linked)
        self._choice.activated.connect(self._chosen)

    def _typed(self, value: Any, final: bool) -> None:
        if self._link.isChecked() or self._kind.axes == 1:
            self.edited.emit(value, final)
        else:
            self.edited.emit([self._size(box) for box in self._boxes], final)

    def _size(self, box: NumberBox) -> Any:
        value = box.value()
        return None if self._kind.gaps and value == "" else value

    def _linked(self, linked: bool) -> None:
        first = self._boxes[0].value()
        self.edited.emit(first if linked else [first] * self._kind.axes, True)

    def _chosen(self, place: int) -> None:
        own = place == len(self._names)
        self.edited.emit(max(1, int(self._kind.bounds.low or 0)) if own else self._names[place], True)

    def show_value(self, value: Any) -> None:
        """Show it."""
        named = value in self._names
        self._choice.setCurrentIndex(self._names.index(value) if named else len(self._names))
        values = value if isinstance(value, list | tuple) else [value] * self._kind.axes
        linked = not isinstance(value, list | tuple)
        self._link.setChecked(linked)
        for place, box in enumerate(self._boxes):
            box.setVisible(not named and (place == 0 or not linked))
            if not named:
                size = values[place] if place < len(values) else None
                box.show_value("" if size is None else size)
        self._link.setVisible(self._kind.axes > 1 and not named)


class TextEditor(Editor):
    """A line of text."""

    def __init__(self, read: Callable[[str], Any] = str, show: Callable[[Any], str] = str) -> None:
        super().__init__()
        self._read, self._show = read, show
        self.line = QLineEdit()
        self._row(self.line)
        self.line.textEdited.connect(lambda text: self.edited.emit(self._read(text), False))
        self.line.editingFinished.connect(lambda: self.edited.emit(self._read(self.line.text()), True))

    def show_value(self, value: Any) -> None:
        """Show it; the cursor stays where nothing changes."""
        if self._read(self.line.text()) != value or not self.line.text():
            self.line.setText(self._show(value))


def read_shape(text: str) -> Any:
    """Read "N, 1, 28, 28" (or with × or x between) as a list; single names stay names."""
    inner = text.strip().strip("()[]").replace("×", ",").replace(" x ", ",")
    return [read_int(part.strip()) for part in inner.split(",") if part.strip()]


def read_optional_shape(text: str) -> Any:
    """Read a shape where none may be meant: an empty text is none, "()" a shape without sizes."""
    return read_shape(text) if text.strip() else None


def show_optional_shape(value: Any) -> str:
    """Write a shape so that `read_optional_shape` reads it back."""
    return "" if value is None else show_list(value) or "()"


def show_list(value: Any) -> str:
    """Write a list as "N, 1, 28, 28"."""
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def read_numbers(text: str) -> Any:
    """Read "0.9, 0.999" as a list of numbers."""
    return [read_float(part.strip()) for part in text.strip().strip("()[]").split(",") if part.strip()]


def read_one_or_more(text: str, read: Callable[[str], Any]) -> Any:
    """Read "2" as a number, "2, 3" as a list of numbers, an empty text as none."""
    numbers = [read(part.strip()) for part in text.strip().strip("()[]").split(",") if part.strip()]
    if not numbers:
        return None
    return numbers if len(numbers) > 1 else numbers[0]


class CodeEditor(Editor):
    """Lines of code."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = CodeLines()
        self._row(self.lines)
        self.setFocusProxy(self.lines)
        self.lines.typed.connect(lambda text: self.edited.emit(text, False))
        self.lines.finished.connect(lambda text: self.edited.emit(text, True))

    def show_value(self, value: Any) -> None:
        """Show it."""
        self.lines.show_text(value)


class PathEditor(TextEditor):
    """A path, with a button that looks for it; relative where it lies in the project's folder."""

    def __init__(self, what: str, folder: Path) -> None:
        super().__init__()
        self._what, self._folder = what, folder
        browse = QToolButton()
        browse.setIcon(icon("folder"))
        browse.setToolTip(f"Choose a {what}")
        browse.clicked.connect(self._browse)
        layout = self.layout()
        assert layout is not None
        layout.addWidget(browse)

    def _browse(self) -> None:
        start = str(self._folder / self.line.text())
        if self._what == "folder":
            chosen = QFileDialog.getExistingDirectory(self, "Choose a folder", start)
        else:
            chosen, _ = QFileDialog.getOpenFileName(self, f"Choose a {self._what}", start)
        if chosen:
            path = Path(chosen)
            inside = path.is_relative_to(self._folder)
            self.edited.emit(str(path.relative_to(self._folder)) if inside else chosen, True)


class ColumnEditor(Editor):
    """A data column, or another name, to choose, or to type while what it names is not there."""

    def __init__(self, columns: Columns, *, empty: Any, placeholder: str = "choose a column") -> None:
        super().__init__()
        self._columns, self._empty = columns, empty
        self._box = CalmComboBox()
        self._box.setEditable(True)
        self._box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        line = self._box.lineEdit()
        assert line is not None
        line.setPlaceholderText(placeholder)
        self._row(self._box)
        self._box.activated.connect(lambda _place: self._told())
        line.editingFinished.connect(self._told)
        self._shown: Any = empty

    def _told(self) -> None:
        value = self._box.currentText().strip() or self._empty
        if value != self._shown:
            self._shown = value
            self.edited.emit(value, True)

    def show_value(self, value: Any) -> None:
        """Show it, and offer the columns there are now."""
        names, text = list(self._columns()), "" if value is None else str(value)
        self._shown = value
        with QSignalBlocker(self._box):
            if [self._box.itemText(place) for place in range(self._box.count())] != names:
                self._box.clear()
                self._box.addItems(names)
            if self._box.currentText() != text:
                self._box.setCurrentText(text)
            if not text:
                self._box.setCurrentIndex(-1)


class ColumnsEditor(TextEditor):
    """Several columns: a line to type them in, and a menu to tick them off."""

    def __init__(self, columns: Columns, placeholder: str) -> None:
        super().__init__(lambda text: [part.strip() for part in text.split(",") if part.strip()], show_list)
        self._columns = columns
        self.line.setPlaceholderText(placeholder)
        button = QToolButton()
        button.setIcon(icon("chevron_down"))
        button.setToolTip("Choose from a list")
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(button)
        self._menu.aboutToShow.connect(self._fill)
        button.setMenu(self._menu)
        layout = self.layout()
        assert layout is not None
        layout.addWidget(button)

    def _fill(self) -> None:
        self._menu.clear()
        chosen = self._read(self.line.text())
        for name in self._columns():
            action = self._menu.addAction(name)
            action.setCheckable(True)
            action.setChecked(name in chosen)
            action.toggled.connect(lambda on, name=name: self._tick(name, on))

    def _tick(self, name: str, on: bool) -> None:
        chosen = [each for each in self._read(self.line.text()) if each != name]
        self.edited.emit([*chosen, name] if on else chosen, True)


def editor_for(param: Param, folder: Path, columns: Columns) -> Editor:
    """Build the editor of a param, from its kind."""
    choices = param.kind.kinds if isinstance(param.kind, kinds.Either) else (param.kind,)
    optional = any(isinstance(each, kinds.Nothing) for each in choices)
    choices = tuple(each for each in choices if not isinstance(each, kinds.Nothing))
    sizes = [each for each in choices if isinstance(each, kinds.Size)]
    if sizes:
        names = [name for each in choices if isinstance(each, kinds.Choice) for name in each.options]
        return SizeEditor(sizes[0], names, optional=optional)
    lists = [each for each in choices if isinstance(each, kinds.ListOf)]
    if lists and len(choices) > 1:
        read = read_int if isinstance(lists[0].item, kinds.Int) else read_float
        return TextEditor(
            lambda text: read_one_or_more(text, read), lambda value: "" if value is None else show_list(value)
        )
    return _simple(param, choices[0], folder, columns, optional=optional)


def _simple(param: Param, kind: Kind, folder: Path, columns: Columns, *, optional: bool) -> Editor:
    match kind:
        case kinds.Bool():
            return BoolEditor()
        case kinds.Int() | kinds.Float():
            return NumberEditor(param, kind, optional=optional)
        case kinds.Choice():
            return ChoiceEditor([*kind.options, *([None] if optional else [])])
        case kinds.Path():
            return PathEditor(kind.what, folder)
        case kinds.ColumnName() | kinds.ScoreName():
            return ColumnEditor(columns, empty=None if optional else "", placeholder=f"choose a {kind.name}")
        case kinds.Shape() if optional:
            return TextEditor(read_optional_shape, show_optional_shape)
        case kinds.Shape():
            return TextEditor(read_shape, show_list)
        case kinds.ListOf(item=kinds.ColumnName()):
            return ColumnsEditor(columns, COLUMN_HINTS.get(param.name, "none"))
        case kinds.ListOf(item=kinds.Int()):
            return TextEditor(read_shape, show_list)
        case kinds.ListOf():
            return TextEditor(read_numbers, show_list)
        case kinds.Text():
            return _text_editor(param, kind, columns)
    return TextEditor(_read_json, json.dumps)


def _text_editor(param: Param, kind: kinds.Text, columns: Columns) -> Editor:
    if isinstance(kind, kinds.Code):
        return CodeEditor()
    return ColumnEditor(columns, empty="") if param.name == "target" else TextEditor()


def _read_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
