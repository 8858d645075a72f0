"""The space of a sweep: what is varied, each with its range, and a list to choose more from."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtWidgets import (
    QGridLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QToolButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.document import Document
from app.fields.form import readable
from app.icons import icon
from app.panels.sections import Words, clear, dim
from app.theme import SPACE, mono, theme
from engine import edit
from engine.ops.sweep import Range
from engine.problem import Mistake, Problem
from engine.spec import Spec
from engine.sweep.choosing import set_range, variable_at, variables, vary
from engine.sweep.plan import PATH, listed_space, short, shown

ROLE = Qt.ItemDataRole.UserRole
CHOOSER_SIZE = (360, 380)
NOTHING = "Nothing is called so. A path, such as training.epochs, names any value."
RANGE_HELP = (
    "<p>From one number to another: <b>0.001..0.1</b>; behind it <b>:log</b> where factors count, <b>:int</b> for "
    "whole numbers, <b>:step=8</b>, or <b>:points=5</b> for a grid. Or values to choose from: <b>16,32,64</b>.</p>"
)


class SpaceBox(QWidget):
    """Edits the space in the project; ranges are written as on the command line."""

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self._paths: list[str] = []
        self.ranges: list[QLineEdit] = []
        self._told: list[str] = []  # the ranges as the spec has them
        self._words: list[Words] = []
        self._rows = QVBoxLayout()
        self._rows.setSpacing(SPACE)
        self._empty = dim("Choose what is to vary, such as the learning rate and the width of a layer.")
        self.more = QPushButton("Vary a setting…")
        self.more.clicked.connect(self._choose)
        self._chooser: Chooser | None = None
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE)
        column.addWidget(self._empty)
        column.addLayout(self._rows)
        column.addWidget(self.more)
        document.replaced.connect(lambda: self._build([]))  # what was being typed belongs to the project before
        self.dress()

    def dress(self) -> None:
        """Take the icons of the theme."""
        self.more.setIcon(icon("add"))

    def show_spec(self, spec: Spec) -> None:
        """Show the space of a spec; rows are built anew where other settings are varied."""
        listed = listed_space(spec)
        paths = [str(each.get("path")) if isinstance(each, dict) else "" for each in listed]
        if paths != self._paths:
            self._build(paths)
        told = [_words_of(each) for each in listed]
        for line, before, words in zip(self.ranges, self._told, told, strict=True):
            if words != before or not line.hasFocus():  # what is being typed stays while its range does
                line.setText(words)
                line.setCursorPosition(0)  # a long list is read from its start
        self._told = told
        self._empty.setVisible(not paths)

    def show_problems(self, problems: list[Problem]) -> None:
        """Say below each row what is wrong with it."""
        for place, words in enumerate(self._words):
            where = f"{PATH}.{place}"
            told = [each.message for each in problems if f"{each.param}.".startswith(f"{where}.")]
            words.setText(told[0] if told else "")

    def _build(self, paths: list[str]) -> None:
        for line in self.ranges:
            line.blockSignals(True)  # one that has the focus would set its range when it is hidden
        clear(self._rows)
        self._paths, self.ranges, self._told, self._words = paths, [], [""] * len(paths), []
        for place, path in enumerate(paths):
            self._rows.addWidget(self._row(place, path))

    def _row(self, place: int, path: str) -> QWidget:
        row = QWidget()
        grid = QGridLayout(row)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(2)
        name, line, words, remove = QLabel(short(path)), QLineEdit(), Words(), QToolButton()
        name.setToolTip(path)
        line.setFont(mono(-1))
        line.setToolTip(RANGE_HELP)
        line.setAccessibleName(f"Range of {path}")
        line.editingFinished.connect(lambda: self._set(place, line))
        words.setProperty("error", True)
        remove.setIcon(icon("close", theme().dim))
        remove.setToolTip(f"Vary {path} no longer")
        remove.clicked.connect(lambda: self._remove(place, path))
        grid.addWidget(name, 0, 0)
        grid.addWidget(remove, 0, 1)
        grid.addWidget(line, 1, 0, 1, 2)
        grid.addWidget(words, 2, 0, 1, 2)
        grid.setColumnStretch(0, 1)
        self.ranges.append(line)
        self._words.append(words)
        return row

    def _set(self, place: int, line: QLineEdit) -> None:
        """Take a range that was typed; one that makes none stays in its line with the reason below it."""
        before = self._document.spec
        if line.text() == _words_of(listed_space(before)[place]):
            return
        try:
            after = set_range(before, place, line.text())
        except Mistake as mistake:
            self._words[place].setText(mistake.message)
            return
        self._words[place].setText("")
        self._document.edit(f"Set the range of {short(self._paths[place])}", lambda _spec: after)

    def _remove(self, place: int, path: str) -> None:
        text = f"Vary {short(path)} no longer"
        self._document.edit(text, lambda spec: edit.remove_setting(spec, f"{PATH}.{place}"))

    def add(self, path: str) -> None:
        """Vary a setting, from the range that is proposed for it on."""
        self._document.edit(f"Vary {short(path)}", lambda spec: vary(spec, path))

    def _choose(self) -> None:
        self._chooser = Chooser(self._document.spec, self)
        self._chooser.chosen.connect(self.add)
        self._chooser.move(self.more.mapToGlobal(QPoint(0, -CHOOSER_SIZE[1])))
        self._chooser.show()


def _words_of(value: Any) -> str:
    """A range of the spec as it is typed; "" where it is none."""
    declared = Range.registry.get(str(value.get("op"))) if isinstance(value, dict) else None
    params = value.get("params", {}) if declared is not None else {}
    parsed = declared.parse(params)[0] if declared is not None and isinstance(params, dict) else None
    return parsed.words() if parsed is not None else ""


def _why_not(spec: Spec, path: str) -> str:
    """Why nothing can be varied at a path; "" where something can."""
    try:
        variable_at(spec, path)
    except Mistake as mistake:
        return mistake.message if "." in path else NOTHING
    return ""


class Chooser(QWidget):
    """A list of what can be varied, by optimizer, settings, column, node and block, with a search.

    Where nothing in the list fits, the search takes a path.
    """

    chosen = Signal(str)

    def __init__(self, spec: Spec, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(*CHOOSER_SIZE)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search settings, or type a path")
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._filter)
        self.search.returnPressed.connect(self._take_first)
        self.tree = QTreeWidget()
        self.tree.setHeaderHidden(True)
        self.tree.setColumnCount(2)
        self.tree.itemActivated.connect(lambda item, _column: self._take(item))
        self.tree.itemClicked.connect(lambda item, _column: self._take(item))
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE, SPACE, SPACE, SPACE)
        self._words = Words()
        for widget in (self.search, self._words, self.tree):
            column.addWidget(widget)
        self._spec = spec
        self._fill(spec)
        self._offer = QTreeWidgetItem(self.tree)  # to vary what was typed as a path
        self._offer.setFirstColumnSpanned(True)
        self._offer.setHidden(True)
        self.search.setFocus()

    def _fill(self, spec: Spec) -> None:
        groups: dict[str, QTreeWidgetItem] = {}
        varied = {str(each.get("path")) for each in listed_space(spec) if isinstance(each, dict)}
        for each in variables(spec):
            if each.group not in groups:
                groups[each.group] = QTreeWidgetItem(self.tree, [each.group])
                groups[each.group].setFirstColumnSpanned(True)
            item = QTreeWidgetItem(groups[each.group], [readable(each.param.name), shown(each.value)])
            item.setData(0, ROLE, each.path)
            item.setToolTip(0, f"<p><b>{each.path}</b>: {each.param.doc}</p>")
            item.setForeground(1, self.palette().placeholderText())
            item.setDisabled(each.path in varied)
        self.tree.expandAll()
        self.tree.setColumnWidth(0, CHOOSER_SIZE[0] * 3 // 5)

    def _items(self) -> list[QTreeWidgetItem]:
        groups = [self.tree.topLevelItem(place) for place in range(self.tree.topLevelItemCount())]
        return [group.child(place) for group in groups if group is not None for place in range(group.childCount())]

    def _filter(self, text: str) -> None:
        words = text.lower().split()
        for item in self._items():
            told = f"{item.data(0, ROLE)} {item.text(0)}".lower()
            item.setHidden(not all(word in told for word in words))
        for place in range(self.tree.topLevelItemCount()):
            group = self.tree.topLevelItem(place)
            if group is not None:
                group.setHidden(all(group.child(each).isHidden() for each in range(group.childCount())))
        self._offer_path("" if any(not item.isHidden() for item in self._items()) else text.strip())

    def _offer_path(self, path: str) -> None:
        """Offer to vary any value by its path, or say why there is none; "" takes both away."""
        words = _why_not(self._spec, path) if path else ""
        self._offer.setText(0, f"Vary {path}")
        self._offer.setData(0, ROLE, path)
        self._offer.setHidden(not path or bool(words))
        self._words.setText(words)

    def _take_first(self) -> None:
        items = (*self._items(), self._offer)
        first = next((item for item in items if not item.isHidden() and not item.isDisabled()), None)
        if first is not None:
            self._take(first)

    def _take(self, item: QTreeWidgetItem) -> None:
        path = item.data(0, ROLE)
        if path and not item.isDisabled():
            self.chosen.emit(path)
            self.close()
