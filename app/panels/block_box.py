"""What the inspector shows of blocks: a use's rounds and doors, and a block's own name, words and params."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.fields import Field
from app.fields.form import LABEL_WIDTH, offer_to_vary
from app.icons import icon
from app.panels.sections import clear, dim, heading
from app.scope import Scope
from app.theme import SPACE
from engine import block_edits
from engine.blocks import REPEAT, block_op, is_taken
from engine.dissolve import dissolve
from engine.spec import Node


class UseBox(QWidget):
    """The rounds of a block's use, and the buttons that open and dissolve it."""

    opened = Signal()
    varied = Signal(str)  # what of the use a sweep is to vary

    def __init__(self, scope: Scope, node: str) -> None:
        super().__init__()
        self._scope, self._node = scope, node
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        self._repeat = Field(REPEAT, 1, folder=scope.document.folder)
        self._repeat.changed.connect(lambda value, _final: self._set_repeat(value))
        offer_to_vary(lambda: self.varied.emit("repeat"), self._repeat)
        self._share = QCheckBox("the rounds share their weights")
        self._share.clicked.connect(self._set_share)
        offer_to_vary(lambda: self.varied.emit("share_weights"), self._share)
        form.addRow("Repeat", self._repeat)
        form.addRow("", self._share)
        self._open, dissolves = QPushButton(icon("open"), "Open block"), QPushButton("Dissolve")
        self._open.clicked.connect(self.opened)
        dissolves.setToolTip("Put the block's nodes in its place")
        dissolves.clicked.connect(self._dissolve)
        row = QHBoxLayout()
        row.addWidget(self._open)
        row.addWidget(dissolves)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE)
        column.addLayout(row)
        column.addWidget(heading("Rounds"))
        column.addLayout(form)

    def show_node(self, node: Node) -> None:
        """Show the present settings."""
        self._repeat.set_value(node.repeat)
        self._share.setChecked(node.share_weights)
        self._share.setEnabled(is_taken(node.repeat) or node.repeat != 1)

    def set_problem(self, text: str | None) -> None:
        """Show what is wrong with the rounds."""
        self._repeat.set_problem(text)

    def _set_repeat(self, value: Any) -> None:
        change = partial(block_edits.set_repeat, node=self._node, repeat=value)
        self._scope.edit(f"Repeat {self._node}", change, merge=f"{self._node}.repeat")

    def _set_share(self, share: bool) -> None:
        self._scope.edit("Share weights", partial(block_edits.set_share_weights, node=self._node, share=share))

    def _dissolve(self) -> None:
        self._scope.edit(f"Dissolve {self._node}", lambda spec: dissolve(spec, self._node))


class BlockBox(QWidget):
    """A block as a whole: its name, what it is for, the params that are set at each use."""

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self._scope, self._document = scope, scope.document
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(SPACE)
        self._column.addWidget(heading("Block"))
        self._name, self._doc = QLineEdit(), QLineEdit()
        self._name.editingFinished.connect(self._rename)
        self._doc.setPlaceholderText("What the block does, in a sentence")
        self._doc.editingFinished.connect(self._describe)
        self._facts = dim()
        for widget in (self._name, self._doc, self._facts, heading("Params set at each use")):
            self._column.addWidget(widget)
        self._params = QVBoxLayout()
        self._column.addLayout(self._params)
        self._column.addWidget(dim("Open a node inside and press the link beside a param to set it at each use."))
        self._shown: tuple[str, ...] | None = None
        self._fields: dict[str, Field] = {}

    def refresh(self) -> None:
        """Show the block as it is now."""
        spec, name = self._document.spec, self._scope.block
        if name not in spec.blocks:
            return
        block = spec.blocks[name]
        if not self._name.hasFocus():
            self._name.setText(name)
        if not self._doc.hasFocus():
            self._doc.setText(str(block.extra.get("doc", "")))
            self._doc.setCursorPosition(0)
        count = len(block_edits.uses(spec, name))
        used = "Used once" if count == 1 else f"Used {count} times" if count else "Not used yet"
        self._facts.setText(f"{used} · {len(block.nodes)} nodes inside. A change here changes every use.")
        if tuple(block.params) != self._shown:
            self._build(tuple(block.params))
        for param, field in self._fields.items():
            field.set_value(block.params[param].get("default"))

    def _build(self, params: tuple[str, ...]) -> None:
        clear(self._params)
        self._shown, self._fields = params, {}
        declared = block_op(self._document.spec, self._scope.block).params()
        for name in params:
            row = QWidget()
            grid = QGridLayout(row)
            grid.setContentsMargins(0, 0, 0, 0)
            field = self._fields[name] = Field(declared[name], declared[name].default, folder=self._document.folder)
            field.setToolTip(f"Default of {name}: {declared[name].doc}")
            field.changed.connect(lambda value, _final, name=name: self._set_default(name, value))
            remove = QToolButton()
            remove.setIcon(icon("close"))
            remove.setToolTip(f"Set {name} inside the block again")
            remove.clicked.connect(lambda _=False, name=name: self._unexpose(name))
            label = QLabel(name)
            label.setMinimumWidth(LABEL_WIDTH)
            for place, widget in enumerate((label, field, remove)):
                grid.addWidget(widget, 0, place)
            grid.setColumnStretch(1, 1)
            self._params.addWidget(row)
        if not params:
            self._params.addWidget(dim("None yet."))

    def _edit(self, text: str, change: Callable[..., Any]) -> None:
        self._document.edit(text, change)

    def _rename(self) -> None:
        old, new = self._scope.block, self._name.text().strip()
        if new and new != old:
            self._edit(f"Rename block {old}", lambda spec: block_edits.rename_block(spec, old, new))
        self.refresh()

    def _describe(self) -> None:
        name, text = self._scope.block, self._doc.text().strip()
        self._edit("Describe block", lambda spec: block_edits.describe_block(spec, name, text))

    def _set_default(self, param: str, value: Any) -> None:
        name = self._scope.block
        change = partial(block_edits.set_block_param, block=name, name=param, key="default", value=value)
        self._document.edit(f"Default of {param}", change, merge=f"{name}.{param}")

    def _unexpose(self, param: str) -> None:
        name = self._scope.block
        self._edit(f"Set {param} inside", lambda spec: block_edits.unexpose(spec, name, param))
