"""A declared thing to choose from its family, such as a schedule, with the form of its params below."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from app.fields.editors import CalmComboBox
from app.fields.form import Form, offer_to_vary
from app.theme import SPACE
from engine.declare import Declared


class Chooser(QWidget):
    """Chooses {"op", "params"} from a registry; `none` is the entry for no choice, where there may be none.

    `chosen` carries the name that was picked (None for none), `edited` a param and its value, `reset` a param; `varied`
    carries what a sweep is to vary, "op" or "params.NAME"; `built` tells of a new form.
    """

    chosen = Signal(object)
    edited = Signal(str, object)
    reset = Signal(str)
    varied = Signal(str)
    built = Signal(Form)

    def __init__(self, registry: Mapping[str, type[Declared]], *, folder: Path, none: str = "") -> None:
        super().__init__()
        self._registry, self._folder = registry, folder
        self._names: list[str | None] = [*([None] if none else []), *registry]
        self.box = CalmComboBox()
        self.box.addItems([name or none for name in self._names])
        self.box.activated.connect(lambda place: self.chosen.emit(self._names[place]))
        offer_to_vary(lambda: self.varied.emit("op"), self.box)
        self._doc = QLabel()
        self._doc.setWordWrap(True)
        self._doc.setProperty("dim", True)
        self.form: Form | None = None
        self._op: str | None = ""
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(SPACE)
        self._column.addWidget(self.box)
        self._column.addWidget(self._doc)

    def show_value(self, value: Any) -> None:
        """Show {"op", "params"}, or None; an op that is unknown is shown as no choice."""
        op = value.get("op") if isinstance(value, Mapping) else None
        params = value.get("params") if isinstance(value, Mapping) else None
        if op != self._op:
            self._build(op if op in self._registry else None)
            self._op = op
            self.box.setCurrentIndex(self._names.index(op) if op in self._names else -1)
        if self.form is not None:
            self.form.set_values(params if isinstance(params, Mapping) else {})

    def set_problems(self, problems: Mapping[str, str]) -> None:
        """Show what is wrong with the params, by name."""
        if self.form is not None:
            self.form.set_problems(problems)

    def _build(self, op: str | None) -> None:
        if self.form is not None:
            self.form.hide()
            self._column.removeWidget(self.form)
            self.form.deleteLater()
            self.form = None
        declared = self._registry.get(op) if op else None
        self._doc.setText(declared.doc() if declared else "")
        self._doc.setVisible(declared is not None)
        if declared is None or not declared.params():
            return
        self.form = Form(declared, {}, folder=self._folder, can_vary=True)
        self.form.varied.connect(lambda name: self.varied.emit(f"params.{name}"))
        self.form.changed.connect(lambda name, value, _final: self.edited.emit(name, value))
        self.form.reset.connect(self.reset)
        self._column.addWidget(self.form)
        self.built.emit(self.form)
