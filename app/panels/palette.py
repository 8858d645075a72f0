"""The palette: all ops by group, found by typing, dragged to the canvas."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QMimeData, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QColor, QDrag, QIcon, QKeyEvent, QPainter, QPixmap
from PySide6.QtWidgets import QAbstractItemView, QLabel, QLineEdit, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from app.icons import group_icon
from app.theme import SPACE, theme, themes
from engine import ops
from engine.blocks import GROUP, block_op
from engine.declare import Op
from engine.spec import Spec

MIME = "application/x-netloom-op"
NAME = Qt.ItemDataRole.UserRole
OPEN_GROUPS = 3  # the first so many are unfolded at the start


class _Tree(QTreeWidget):
    """The ops, ready to be dragged."""

    def mimeData(self, items: Any) -> QMimeData:
        """What a drag carries: the op's name."""
        data = QMimeData()
        if name := items[0].data(0, NAME):
            data.setData(MIME, name.encode())
            data.setText(name)
        return data

    def startDrag(self, _actions: Qt.DropAction) -> None:
        """Drag a small card with the op's name."""
        item = self.currentItem()
        if item is None or not item.data(0, NAME):
            return
        drag = QDrag(self)
        drag.setMimeData(self.mimeData([item]))
        pixmap = _small_card(item.data(0, NAME), item.icon(0), self.devicePixelRatioF())
        drag.setPixmap(pixmap)
        drag.setHotSpot(QPoint(24, 16))
        drag.exec(Qt.DropAction.CopyAction)


class Palette(QWidget):
    """Ops by group with a search line; `op_chosen` tells a double click or Enter."""

    op_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search ops")
        self.search.setClearButtonEnabled(True)
        self.tree = _Tree()
        self.tree.setHeaderHidden(True)
        self.tree.setIndentation(SPACE * 2)
        self.tree.setIconSize(QSize(16, 16))
        self.tree.setUniformRowHeights(True)
        self.tree.setDragEnabled(True)
        self.tree.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.tree.setFrameShape(QTreeWidget.Shape.NoFrame)
        self._nothing = QLabel("No op is called that.\nTry another word, such as “dense” or “pool”.")
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._nothing.setWordWrap(True)
        self._nothing.setProperty("dim", True)
        self._nothing.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE, SPACE, 0, 0)
        column.addWidget(self.search)
        column.addWidget(self._nothing)
        column.addWidget(self.tree)
        self._known: dict[str, type[Op]] = dict(ops.OPS)
        self._folded: set[str] = set(ops.GROUPS[OPEN_GROUPS:])
        self.search.textChanged.connect(self._fill)
        self.tree.itemCollapsed.connect(lambda item: self._folded.add(item.text(0)))
        self.tree.itemExpanded.connect(lambda item: self._folded.discard(item.text(0)))
        self.tree.itemDoubleClicked.connect(self._choose)
        self.tree.itemClicked.connect(self._toggle)
        self.search.returnPressed.connect(self._choose_first)
        themes.changed.connect(self._fill)
        self._fill()

    def show_blocks(self, spec: Spec) -> None:
        """List the blocks of a project below the ops."""
        blocks = {name: block_op(spec, name) for name in spec.blocks}
        known: dict[str, type[Op]] = {**blocks, **ops.OPS}
        if known.keys() != self._known.keys():
            self._known = known
            self._fill()
        self._known = known

    def _fill(self) -> None:
        words = self.search.text().strip()
        self.tree.clear()
        if words:
            for name in ops.search(words, self._known):
                self.tree.addTopLevelItem(_item(name, self._known[name]))
            self.tree.setCurrentIndex(self.tree.model().index(0, 0))
        else:
            self._fill_groups()
        self._nothing.setVisible(not self.tree.topLevelItemCount())

    def _fill_groups(self) -> None:
        folded = set(self._folded)
        blocks = [GROUP] if len(self._known) > len(ops.OPS) else []
        for group in [*ops.GROUPS, *blocks]:
            heading = QTreeWidgetItem([group])
            heading.setFlags(Qt.ItemFlag.ItemIsEnabled)
            heading.setForeground(0, QColor(theme().dim))
            heading.addChildren([_item(name, op) for name, op in self._known.items() if op.group == group])
            self.tree.addTopLevelItem(heading)
            heading.setExpanded(group not in folded)
        self._folded = folded

    def _toggle(self, item: QTreeWidgetItem) -> None:
        """A click on a heading folds its group."""
        if not item.data(0, NAME) and item.childCount():
            item.setExpanded(not item.isExpanded())

    def _choose(self, item: QTreeWidgetItem) -> None:
        if name := item.data(0, NAME):
            self.op_chosen.emit(name)

    def _choose_first(self) -> None:
        if self.search.text().strip() and (item := self.tree.currentItem()):
            self._choose(item)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter in the list chooses an op; Down goes from the line into the list."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.tree.hasFocus() and self.tree.currentItem():
            self._choose(self.tree.currentItem())
        elif event.key() == Qt.Key.Key_Down and self.search.hasFocus():
            self.tree.setFocus()
        else:
            super().keyPressEvent(event)


def _item(name: str, op: type[Op]) -> QTreeWidgetItem:
    item = QTreeWidgetItem([name])
    item.setData(0, NAME, name)
    item.setIcon(0, group_icon(op.group))
    item.setToolTip(0, f"<p><b>{name}</b>: {op.doc()}</p>")
    return item


def _small_card(name: str, mark: QIcon, scale: float) -> QPixmap:
    worn = theme()
    pixmap = QPixmap(QSize(160, 32) * scale)
    pixmap.setDevicePixelRatio(scale)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(QColor(worn.card))
    painter.setPen(QColor(worn.accent))
    painter.drawRoundedRect(1, 1, 158, 30, 6, 6)
    mark.paint(painter, 10, 8, 16, 16)
    painter.setPen(QColor(worn.text))
    painter.drawText(34, 0, 120, 32, Qt.AlignmentFlag.AlignVCenter, name)
    painter.end()
    return pixmap
