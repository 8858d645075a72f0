"""The steps of a column: added, moved, removed and set, in the order in which they are applied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QAction, QDropEvent, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.document import Document
from app.fields import Form
from app.icons import icon
from app.panels.sections import OwnKeys, ProblemBox, dim
from app.theme import SPACE, theme, themes
from engine.columns import Column, DataReport
from engine.declare import show_value
from engine.edit_columns import declared_step, listed_steps, new_step, reset_steps, set_steps, step_title, steps_for
from engine.spec import jsonable

ROW_HEIGHT, MOST_ROWS = 28, 8
KEYS = "Alt+Up and Alt+Down, or dragging, move a step; Delete removes it"


class StepsBox(QWidget):
    """The steps of one column as a list, the params of the chosen one below."""

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self._column: Column | None = None
        self._steps: list[dict[str, Any]] = []
        self.list = StepList()
        self.list.moved.connect(self.move_step)
        self.list.removed.connect(self.remove_step)
        self.list.currentRowChanged.connect(lambda _row: self._show_form())
        self._empty = dim("No steps: values go to the network as the source holds them.")
        self._problems = ProblemBox(document.mend)
        self._add = QPushButton(icon("add"), "Add a step")
        self._menu = QMenu(self._add)
        self._menu.setToolTipsVisible(True)
        self._menu.aboutToShow.connect(self._fill)
        self._add.setMenu(self._menu)
        self._reset = QToolButton()
        self._reset.setToolTip("Give the column its default steps back")
        self._reset.clicked.connect(self._give_back)
        self._buttons = {
            "up": self._button("Move the step up (Alt+Up)", lambda: self._shift(-1)),
            "down": self._button("Move the step down (Alt+Down)", lambda: self._shift(1)),
            "delete": self._button("Remove the step (Delete)", lambda: self.remove_step(self.list.currentRow())),
        }
        self._about = dim()
        self._form: Form | None = None
        self._form_of = ""
        self._lay_out()
        document.changed.connect(lambda _spec: self._refresh())
        themes.changed.connect(self._dress)
        self._dress()

    def _lay_out(self) -> None:
        tools = QHBoxLayout()
        tools.setContentsMargins(0, 0, 0, 0)
        tools.addWidget(self._add)
        for button in self._buttons.values():
            tools.addWidget(button)
        tools.addStretch(1)
        tools.addWidget(self._reset)
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(SPACE)
        for widget in (self._problems, self.list, self._empty):
            self._box.addWidget(widget)
        self._box.addLayout(tools)
        self._box.addWidget(self._about)

    def _button(self, words: str, work: Any) -> QToolButton:
        button = QToolButton()
        button.setToolTip(words)
        button.clicked.connect(lambda _=False: work())
        return button

    def _dress(self) -> None:
        for name, button in self._buttons.items():
            button.setIcon(icon(name))
        self._add.setIcon(icon("add"))
        self._reset.setIcon(icon("reset", theme().dim))

    # ------------------------------------------------------------------------------------------------------ show

    def show_column(self, column: Column | None, report: DataReport | None) -> None:
        """Show the steps of a column, with what is wrong with them."""
        if column is None or self._column is None or column.name != self._column.name:
            self.list.setCurrentRow(-1)
        self._column = column
        where = f"data.columns.{column.name}.steps" if column else ""
        wrong = [each for each in report.problems if (each.param or "").startswith(where)] if report and column else []
        self._problems.show_problems(wrong)
        self._refresh()

    def _refresh(self) -> None:
        if self._column is None:
            return
        self._steps = listed_steps(self._document.spec, self._column)
        self.list.show_steps(self._steps)
        self.list.setVisible(bool(self._steps))
        self._empty.setVisible(not self._steps)
        self._reset.setVisible(self._steps != [dict(each) for each in self._column.default])
        self._show_form()

    def _show_form(self) -> None:
        """Show the params of the chosen step; the form stays while the step is of the same kind."""
        row = self.list.currentRow()
        step = self._steps[row] if 0 <= row < len(self._steps) else None
        for name, button in self._buttons.items():
            last = len(self._steps) - 1
            button.setEnabled(
                step is not None and not (name == "up" and row == 0) and not (name == "down" and row == last)
            )
        declared = declared_step(str(step.get("op"))) if step else None
        self._about.setText(declared.doc() if declared else "")
        self._about.setVisible(declared is not None)
        op = declared.__name__ if declared is not None and declared.params() else ""
        if op != self._form_of:
            self._form_of = op
            self._build(op)
        if self._form is not None and step is not None:
            params = step.get("params")
            self._form.set_values(params if isinstance(params, Mapping) else {})

    def _build(self, op: str) -> None:
        if self._form is not None:
            self._form.hide()
            self._box.removeWidget(self._form)
            self._form.deleteLater()
            self._form = None
        declared = declared_step(op)
        if declared is None:
            return
        self._form = Form(declared, {}, folder=self._document.folder)
        self._form.changed.connect(lambda name, value, _final: self._set(name, value))
        self._form.reset.connect(lambda name: self._set_param(name, declared.defaults()[name], None))
        self._box.addWidget(self._form)

    def _fill(self) -> None:
        """Offer the steps that fit, under the headings of their groups."""
        self._menu.clear()
        group = ""
        for step in steps_for(self._column) if self._column else ():
            if step.group != group:
                group = step.group
                self._menu.addAction(_group_heading(group, self._menu))
            action = self._menu.addAction(step.title)
            action.triggered.connect(lambda _=False, op=step.__name__: self.add_step(op))
            action.setToolTip(f"<p>{step.doc()}</p>")
        if self._menu.isEmpty():
            self._menu.addAction("No step fits this kind of column").setEnabled(False)

    # ----------------------------------------------------------------------------------------------------- edits

    def _edit(self, text: str, steps: list[dict[str, Any]], merge: str | None = None) -> None:
        assert self._column is not None
        name = self._column.name
        self._document.edit(text, lambda spec: set_steps(spec, name, steps), merge=merge)

    def add_step(self, op: str) -> None:
        """Add a step behind the others and choose it."""
        self._edit(f"Add {step_title(op)}", [*self._steps, new_step(op)])
        self.list.setCurrentRow(len(self._steps) - 1)

    def remove_step(self, row: int) -> None:
        """Take a step out."""
        if 0 <= row < len(self._steps):
            rest = [*self._steps[:row], *self._steps[row + 1 :]]
            self._edit(f"Remove {step_title(str(self._steps[row].get('op')))}", rest)

    def move_step(self, row: int, to: int) -> None:
        """Bring a step to another place."""
        if row == to or not (0 <= row < len(self._steps) and 0 <= to < len(self._steps)):
            return
        rest = [*self._steps[:row], *self._steps[row + 1 :]]
        moved = [*rest[:to], self._steps[row], *rest[to:]]
        self._edit(f"Move {step_title(str(self._steps[row].get('op')))}", moved)
        self.list.setCurrentRow(to)

    def _shift(self, by: int) -> None:
        row = self.list.currentRow()
        self.move_step(row, row + by)

    def _set(self, name: str, value: Any) -> None:
        assert self._column is not None
        self._set_param(name, value, f"data.columns.{self._column.name}.{self.list.currentRow()}.{name}")

    def _set_param(self, name: str, value: Any, merge: str | None) -> None:
        row = self.list.currentRow()
        step = self._steps[row]
        params = step.get("params")
        changed = {**step, "params": {**(params if isinstance(params, Mapping) else {}), name: value}}
        self._edit(f"Set {name}", [*self._steps[:row], changed, *self._steps[row + 1 :]], merge)

    def _give_back(self) -> None:
        assert self._column is not None
        name = self._column.name
        self._document.edit("Reset steps", lambda spec: reset_steps(spec, name))


def _group_heading(group: str, menu: QMenu) -> QAction:
    """An entry that names a group; sections of Qt's own show no name in this style."""
    heading = QAction(group, menu)
    heading.setEnabled(False)
    font = menu.font()
    font.setBold(True)
    heading.setFont(font)
    return heading


def step_words(step: Mapping[str, Any]) -> str:
    """A step on one line: its name, and its params where they are not as they begin."""
    op = str(step.get("op"))
    declared, params = declared_step(op), step.get("params")
    if declared is None or not isinstance(params, Mapping):
        return step_title(op)
    defaults = declared.defaults()
    told = [
        f"{name} {show_value(value)}"
        for name, value in params.items()
        if jsonable(value) != jsonable(defaults.get(name))
    ]
    return f"{step_title(op)}   {', '.join(told)}" if told else step_title(op)


class StepList(QListWidget):
    """The names of the steps in their order; dragging and Alt with the arrows move one."""

    moved = Signal(int, int)
    removed = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.setAccessibleName("Steps")
        self.setToolTip(KEYS)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        OwnKeys(self).deleted.connect(self._remove)

    def show_steps(self, steps: list[dict[str, Any]]) -> None:
        """Show steps; the chosen place stays chosen."""
        words = [f"{place}.  {step_words(step)}" for place, step in enumerate(steps, 1)]
        if [self.item(row).text() for row in range(self.count())] == words:
            return
        row = self.currentRow()
        self.blockSignals(True)
        self.clear()
        for text in words:
            item = QListWidgetItem(text)
            item.setSizeHint(QSize(0, ROW_HEIGHT))
            self.addItem(item)
        self.setCurrentRow(min(row, len(words) - 1))
        self.blockSignals(False)
        self.setFixedHeight(ROW_HEIGHT * min(MOST_ROWS, max(1, len(words))) + 2 * self.frameWidth())

    def dropEvent(self, event: QDropEvent) -> None:
        """Tell where a step is to go; the edit then shows it there."""
        to = self._place_of(event)
        event.setDropAction(Qt.DropAction.IgnoreAction)
        event.accept()
        self.moved.emit(self.currentRow(), to)

    def _place_of(self, event: QDropEvent) -> int:
        """The place among the others that a step dropped here takes."""
        point = event.position().toPoint()
        index = self.indexAt(point)
        if not index.isValid():
            return self.count() - 1
        below = point.y() > self.visualRect(index).center().y()
        gap = index.row() + below
        return gap - 1 if gap > self.currentRow() else gap

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move a step with Alt and the arrows, remove it with Backspace as with Delete."""
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        row = self.currentRow()
        if event.modifiers() & Qt.KeyboardModifier.AltModifier and event.key() in steps:
            self.moved.emit(row, row + steps[Qt.Key(event.key())])
        elif event.key() == Qt.Key.Key_Backspace:
            self._remove()
        else:
            super().keyPressEvent(event)

    def _remove(self) -> None:
        if self.currentRow() >= 0:
            self.removed.emit(self.currentRow())
