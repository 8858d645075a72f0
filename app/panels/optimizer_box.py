"""The optimizers of a project: each with its params, its schedule, and what it trains where there are several."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QTabBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.document import Document
from app.fields import Form
from app.fields.chooser import Chooser
from app.fields.editors import ColumnsEditor, NumberEditor
from app.fields.form import offer_to_vary
from app.icons import icon
from app.panels.sections import heading
from app.theme import SPACE
from engine import edit
from engine.edit_settings import set_setting
from engine.ops.optimizer import Optimizer
from engine.ops.schedule import Schedule
from engine.ops.settings import Turn
from engine.optimizers import PATH, listed
from engine.spec import Spec
from engine.validate import terminals

EVERYTHING = "*"


class OptimizerBox(QWidget):
    """Shows one optimizer of the spec at a time; several stand in tabs."""

    search_wanted = Signal()  # for the learning rate of the one that is shown
    vary_wanted = Signal(str)  # the path of a setting that a sweep is to vary

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self.bar = QTabBar()
        self.bar.setExpanding(False)
        self.bar.setDrawBase(False)
        self.bar.currentChanged.connect(lambda _place: self.refresh())
        self.optimizer = Chooser(Optimizer.registry, folder=document.folder)
        self.optimizer.built.connect(self._offer_search)
        self.optimizer.chosen.connect(self._choose)
        self.optimizer.edited.connect(self._set_param)
        self.optimizer.reset.connect(lambda name: self._set_param(name, self._defaults()[name]))
        self.schedule = Chooser(Schedule.registry, folder=document.folder, none="The learning rate stays")
        self.schedule.chosen.connect(self._choose_schedule)
        self.schedule.edited.connect(self._set_schedule)
        self.schedule.reset.connect(self._reset_schedule)
        self.optimizer.varied.connect(self._vary)
        self.schedule.varied.connect(lambda below: self._vary(f"schedule.{below}"))
        self._turn = self._build_turn()
        add = QPushButton(icon("add"), "Add optimizer")
        add.setToolTip("Train some nodes, or for some losses, with an optimizer of their own")
        add.clicked.connect(self._add)
        self._remove = QPushButton(icon("delete"), "Remove")
        self._remove.clicked.connect(self._remove_shown)
        buttons = QHBoxLayout()
        buttons.addWidget(add)
        buttons.addWidget(self._remove)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE)
        for widget in (self.bar, self.optimizer, heading("Learning-rate schedule"), self.schedule, self._turn):
            column.addWidget(widget)
        column.addLayout(buttons)
        self.refresh()

    def _build_turn(self) -> QWidget:
        holder = QWidget()
        form = QFormLayout(holder)
        form.setContentsMargins(0, 0, 0, 0)
        self._name = QLineEdit()
        self._name.editingFinished.connect(self._rename)
        self._nodes = ColumnsEditor(lambda: list(self._document.spec.nodes), placeholder="all nodes")
        self._nodes.edited.connect(lambda names, _final: self._set("nodes", names or EVERYTHING))
        self._losses = ColumnsEditor(lambda: terminals(self._document.spec)[0], placeholder="all losses")
        self._losses.edited.connect(lambda names, _final: self._set("losses", names or EVERYTHING))
        every = Turn.params()["every"]
        self._every = NumberEditor(every, every.kind, optional=False)  # type: ignore[arg-type]  # a whole number
        self._every.edited.connect(lambda value, _final: self._set("every", value))
        offer_to_vary(lambda: self._vary("every"), self._every)
        for name, widget in (
            ("name", self._name),
            ("nodes", self._nodes),
            ("losses", self._losses),
            ("every", self._every),
        ):
            widget.setToolTip(f"<p>{Turn.params()[name].doc}</p>")
            form.addRow({"nodes": "Trains", "losses": "For", "every": "Every (steps)"}.get(name, "Name"), widget)
        return holder

    def _offer_search(self, form: Form) -> None:
        """Put the button that finds a learning rate beside it."""
        if "lr" in form.fields:
            button = QToolButton()
            button.setText("Find…")
            button.setToolTip("Try rates on a few batches and see at which the loss falls fastest")
            button.clicked.connect(self.search_wanted)
            form.fields["lr"].put_beside(button)

    def _vary(self, below: str) -> None:
        self.vary_wanted.emit(f"{PATH}.{self.place}.{below}")

    # ----------------------------------------------------------------------------------------------------- show

    @property
    def place(self) -> int:
        """Which optimizer is shown."""
        return max(0, self.bar.currentIndex())

    def entry(self) -> Mapping[str, Any]:
        """The optimizer that is shown, as the spec has it."""
        found = listed(self._document.spec)
        entry = found[self.place] if isinstance(found, list) and self.place < len(found) else {}
        return entry if isinstance(entry, Mapping) else {}

    def refresh(self) -> None:
        """Show the spec as it is."""
        found = listed(self._document.spec)
        names = (
            [str(each.get("name", "main")) if isinstance(each, Mapping) else "?" for each in found]
            if isinstance(found, list)
            else []
        )
        self._show_tabs(names)
        entry = self.entry()
        several = len(names) > 1
        self.optimizer.show_value(entry)
        schedule = entry.get("schedule")
        self.schedule.show_value(schedule if isinstance(schedule, Mapping) else None)
        self._turn.setVisible(several)
        self._remove.setVisible(several)
        if several:
            if not self._name.hasFocus():
                self._name.setText(str(entry.get("name", "main")))
            for editor, name in ((self._nodes, "nodes"), (self._losses, "losses")):
                value = entry.get(name, EVERYTHING)
                editor.show_value([] if value == EVERYTHING else value)
            self._every.show_value(entry.get("every", 1))

    def _show_tabs(self, names: list[str]) -> None:
        if names == [self.bar.tabText(place) for place in range(self.bar.count())]:
            return
        shown = self.place
        self.bar.blockSignals(True)
        while self.bar.count():
            self.bar.removeTab(0)
        for name in names:
            self.bar.addTab(name)
        self.bar.setCurrentIndex(min(shown, len(names) - 1))
        self.bar.blockSignals(False)
        self.bar.setVisible(len(names) > 1)

    def show_problems(self, problems: Mapping[str, str]) -> None:
        """Show what is wrong, by path in the spec."""
        path = f"{PATH}.{self.place}"
        for chooser, where in ((self.optimizer, f"{path}.params."), (self.schedule, f"{path}.schedule.params.")):
            chooser.set_problems(
                {name.removeprefix(where): text for name, text in problems.items() if name.startswith(where)}
            )

    # ---------------------------------------------------------------------------------------------------- edits

    def _defaults(self) -> dict[str, Any]:
        declared = Optimizer.registry.get(str(self.entry().get("op")))
        return declared.defaults() if declared else {}

    def _edit(self, text: str, path: str, value: Any, place: int | None = None) -> None:
        """Set a value of the optimizer, by default the one shown; one that stood nowhere is written out."""
        place = self.place if place is None else place

        def change(spec: Spec) -> Spec:
            whole = spec if spec.training.get("optimizers") else edit.set_optimizer(spec, str(listed(spec)[0]["op"]))
            return set_setting(whole, f"{PATH}.{place}.{path}", value)

        self._document.edit(text, change, merge=f"{PATH}.{place}.{path}")

    def _choose(self, op: str) -> None:
        place = self.place
        self._document.edit(f"Choose {op}", lambda spec: edit.set_optimizer(spec, op, place))

    def take_rate(self, place: int, rate: float) -> None:
        """Set the learning rate of an optimizer."""
        self._edit("Set lr", "params.lr", rate, place)

    def _set_param(self, name: str, value: Any) -> None:
        self._edit(f"Set {name}", f"params.{name}", value)

    def _choose_schedule(self, op: str | None) -> None:
        place = self.place
        text = f"Schedule {op}" if op else "Remove schedule"
        self._document.edit(text, lambda spec: edit.set_schedule(spec, place, op))

    def _set_schedule(self, name: str, value: Any) -> None:
        self._edit(f"Set {name} of the schedule", f"schedule.params.{name}", value)

    def _reset_schedule(self, name: str) -> None:
        schedule = self.entry().get("schedule")
        declared = Schedule.registry.get(str(schedule.get("op"))) if isinstance(schedule, Mapping) else None
        if declared is not None:
            self._set_schedule(name, declared.defaults()[name])

    def _set(self, name: str, value: Any) -> None:
        if Turn.params()[name].refuse(value) is None:
            self._edit(f"Set {name} of the optimizer", name, value)

    def _rename(self) -> None:
        if self._name.text().strip():
            self._set("name", self._name.text().strip())

    def _add(self) -> None:
        count = len(listed(self._document.spec))
        if self._document.edit("Add optimizer", lambda spec: edit.add_optimizer(spec, "Adam")):
            self.bar.setCurrentIndex(count)

    def _remove_shown(self) -> None:
        place = self.place
        self._document.edit("Remove optimizer", lambda spec: edit.remove_optimizer(spec, place))
