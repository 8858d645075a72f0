"""What the inspector shows of shared weights: whose a node uses, who uses its own, and a choice of others."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.fields.editors import CalmComboBox
from app.fields.form import LABEL_WIDTH
from app.panels.sections import Words
from app.scope import Scope
from app.theme import SPACE
from engine import edit
from engine.sharing import SHARE, partners, sharers
from engine.spec import Node

OWN = "none, it has its own"


class ShareBox(QWidget):
    """Takes no room where there is nothing to share with."""

    def __init__(self, scope: Scope, node: str) -> None:
        super().__init__()
        self._scope, self._node = scope, node
        self._shown: tuple[object, ...] = ()
        label = QLabel("Share with")
        label.setMinimumWidth(LABEL_WIDTH)
        self.box = CalmComboBox()
        self.box.activated.connect(lambda place: self._choose(self.box.itemData(place)))
        self._remove = QPushButton("Remove the sharing")
        self._remove.clicked.connect(lambda: self._choose(None))
        self._told = Words()
        self._told.setProperty("dim", True)
        row = QHBoxLayout()
        row.addWidget(label)
        row.addWidget(self.box, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE)
        column.addLayout(row)
        column.addWidget(self._told)
        column.addWidget(self._remove)
        self.setToolTip("Nodes that share weights learn as one: what one learns, the other has learnt too")

    def show_node(self, node: Node) -> None:
        """Show the present sharing, and the nodes beside this one that it could share with."""
        spec, report = self._scope.spec, self._scope.report
        owner = node.weights.get(SHARE)
        found = partners(spec, node.id, {name: each.tensors for name, each in report.nodes.items()})
        used_by = sharers(spec, node.id)
        self.setVisible(bool(found or owner is not None or used_by))
        shown = (owner, tuple(found.items()))
        if shown != self._shown:
            self._shown = shown
            self._fill(owner, found)
        self._remove.setVisible(owner is not None)
        words = [f"Uses the weights of {owner}, and learns with it as one."] if owner is not None else []
        words += [f"Its weights are used by {', '.join(used_by)} too."] if used_by else []
        self._told.setText(" ".join(words))

    def _fill(self, owner: object, found: dict[str, str]) -> None:
        """Offer the nodes that may be chosen; the others stand there greyed, with the reason as their tip."""
        self.box.clear()
        self.box.addItem(OWN, None)
        model = self.box.model()
        assert isinstance(model, QStandardItemModel)
        for name, refusal in found.items():
            item = QStandardItem(name)
            item.setData(name, Qt.ItemDataRole.UserRole)
            item.setEnabled(not refusal)
            item.setToolTip(refusal)
            model.appendRow(item)
        if owner is not None and str(owner) not in found:
            self.box.addItem(str(owner), owner)
        self.box.setCurrentIndex(0 if owner is None else self.box.findText(str(owner)))

    def _choose(self, other: str | None) -> None:
        text = f"Share the weights of {other}" if other else "Remove the sharing"
        if not self._scope.edit(text, partial(edit.set_share, node=self._node, other=other)):
            self._shown = ()  # it was refused: show again what is
            self.show_node(self._scope.spec.nodes[self._node])
