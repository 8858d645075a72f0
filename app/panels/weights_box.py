"""How a node's weights begin and are trained, where that differs from the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel, QToolButton, QVBoxLayout, QWidget

from app.fields import Form
from app.fields.chooser import Chooser
from app.panels.sections import Words, clear
from app.scope import Scope
from app.theme import SPACE, mono
from engine import edit
from engine.ops.initializer import FromFile, Initializer
from engine.ops.settings import Weights
from engine.report import NodeReport
from engine.sharing import SHARE
from engine.spec import Node, Spec

SHOWN = 3  # names in a sentence


class WeightsBox(QWidget):
    """Folded away until it is asked for, or where something differs from the defaults."""

    varied = Signal(str)  # what of the node a sweep is to vary, such as "weights.lr_factor"

    def __init__(self, scope: Scope, node: str) -> None:
        super().__init__()
        self._scope, self._node = scope, node
        self._tensors: tuple[str, ...] = ()
        self._inits: dict[str, Chooser] = {}
        self._fold = QToolButton()
        self._fold.setCheckable(True)
        self._fold.setText("Weights…")
        self._fold.setToolTip("How these weights begin and are trained")
        self._body = QWidget()
        self._fold.toggled.connect(self._body.setVisible)
        inner = QVBoxLayout(self._body)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(SPACE)
        self._form = Form(Weights, {}, folder=scope.document.folder, can_vary=True)
        self._form.varied.connect(lambda name: self.varied.emit(f"weights.{name}"))
        self._form.changed.connect(lambda name, value, _final: self._set(name, value))
        self._form.reset.connect(lambda name: self._set(name, None))
        self._first = QVBoxLayout()
        self._others = QWidget()
        self._told = Words()
        anew = QToolButton()
        anew.setText("Begin anew")
        anew.setToolTip("Let them begin as they would have without a file")
        anew.clicked.connect(self._begin_anew)
        others = QVBoxLayout(self._others)
        others.setContentsMargins(0, 0, 0, 0)
        others.addWidget(self._told)
        others.addWidget(anew)
        inner.addWidget(self._form)
        inner.addLayout(self._first)
        inner.addWidget(self._others)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE)
        column.addWidget(self._fold)
        column.addWidget(self._body)
        self._body.hide()

    def show_node(self, node: Node, report: NodeReport | None) -> None:
        """Show a node's settings; those of single tensors once the check has found which there are."""
        if node.weights.keys() - {SHARE} and not self._fold.isChecked() and not self._inits:
            self._fold.setChecked(True)
        self._form.set_values({name: value for name, value in node.weights.items() if name in Weights.params()})
        tensors = report.tensors if report is not None else {}
        if tensors and tuple(tensors) != self._tensors:
            self._build(tensors)
        init = node.weights.get("init")
        for tensor, chooser in self._inits.items():
            chooser.show_value(init.get(tensor) if isinstance(init, Mapping) else None)
        others = self._from_files(node)
        self._others.setVisible(bool(others))
        self._told.setText(f"{listed(others)} {'begins' if len(others) == 1 else 'begin'} from a file.")

    def set_problems(self, problems: Mapping[str, str]) -> None:
        """Show what is wrong, by the path of the setting."""
        self._form.set_problems(
            {path.removeprefix("weights."): text for path, text in problems.items() if path.startswith("weights.")}
        )

    def _build(self, tensors: Mapping[str, tuple[int, ...]]) -> None:
        clear(self._first)
        self._tensors, self._inits = tuple(tensors), {}
        for tensor, shape in tensors.items():
            label = QLabel(f"{tensor}  {' × '.join(map(str, shape))}")
            label.setFont(mono(-1))
            chooser = Chooser(Initializer.registry, folder=self._scope.document.folder, none="begins as all others do")
            chooser.chosen.connect(partial(self._choose, tensor))
            chooser.edited.connect(partial(self._set_init, tensor))
            chooser.reset.connect(partial(self._reset_init, tensor))
            chooser.varied.connect(partial(self._vary_init, tensor))
            self._first.addWidget(label)
            self._first.addWidget(chooser)
            self._inits[tensor] = chooser

    def _from_files(self, node: Node) -> list[str]:
        """What begins from a file and has no chooser here: buffers, and the tensors inside of a block."""
        init = node.weights.get("init")
        given = init.items() if isinstance(init, Mapping) else ()
        return [
            name
            for name, value in given
            if name not in self._inits and isinstance(value, Mapping) and value.get("op") == FromFile.__name__
        ]

    # ---------------------------------------------------------------------------------------------------- edits

    def _set(self, name: str, value: Any) -> None:
        key = f"{self._node}.weights.{name}"
        change = partial(edit.set_weights, node=self._node, name=name, value=value)
        self._scope.edit(f"Set {name} of {self._node}", change, merge=key)

    def _begin_anew(self) -> None:
        names = self._from_files(self._scope.spec.nodes[self._node])
        self._scope.edit(f"Begin {listed(names)} anew", partial(_without_inits, node=self._node, tensors=names))

    def _choose(self, tensor: str, op: str | None) -> None:
        change = partial(edit.set_init, node=self._node, tensor=tensor, init=op)
        self._scope.edit(f"Begin {tensor} with {op}" if op else f"Begin {tensor} as all others", change)

    def _init(self, tensor: str) -> Mapping[str, Any]:
        init = self._scope.spec.nodes[self._node].weights.get("init")
        value = init.get(tensor) if isinstance(init, Mapping) else None
        return value if isinstance(value, Mapping) else {}

    def _set_init(self, tensor: str, name: str, value: Any) -> None:
        init = self._init(tensor)
        params = {**init.get("params", {}), name: value}
        change = partial(edit.set_init, node=self._node, tensor=tensor, init={**init, "params": params})
        self._scope.edit(f"Set {name} of {tensor}", change, merge=f"{self._node}.init.{tensor}.{name}")

    def _vary_init(self, tensor: str, below: str) -> None:
        self.varied.emit(f"weights.init.{tensor}.{below}")

    def _reset_init(self, tensor: str, name: str) -> None:
        declared = Initializer.registry.get(str(self._init(tensor).get("op")))
        if declared is not None:
            self._set_init(tensor, name, declared.defaults()[name])


def _without_inits(spec: Spec, node: str, tensors: Sequence[str]) -> Spec:
    """Let some tensors of a node begin as all others do."""
    for tensor in tensors:
        spec = edit.set_init(spec, node, tensor, None)
    return spec


def listed(names: Sequence[str]) -> str:
    """A few names in a sentence, and how many more there are."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
