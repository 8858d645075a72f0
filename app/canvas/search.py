"""The search that opens on the canvas: type a few letters, press Enter."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QEvent, QObject, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QLabel, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from app.icons import group_icon
from app.theme import SPACE
from engine import ops
from engine.declare import Op

WIDTH, HEIGHT = 320, 320
ROLE = Qt.ItemDataRole.UserRole


class Search(QFrame):
    """A popup with a line to type in and the ops that match, best first."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._fits: Callable[[str], bool] = lambda _op: True
        self._known: dict[str, type[Op]] = dict(ops.OPS)
        self.line = QLineEdit()
        self.line.setPlaceholderText("Search ops")
        self.line.setClearButtonEnabled(True)
        self.list = QListWidget()
        self.list.setIconSize(QSize(16, 16))
        self.list.setUniformItemSizes(True)
        self._about = QLabel()
        self._about.setWordWrap(True)
        self._about.setProperty("dim", True)
        self._about.setMinimumHeight(36)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE, SPACE, SPACE, SPACE)
        for widget in (self.line, self.list, self._about):
            column.addWidget(widget)
        self.setFixedSize(WIDTH, HEIGHT)
        self.line.textChanged.connect(self._fill)
        self.line.installEventFilter(self)
        self.list.itemActivated.connect(self._choose)
        self.list.itemClicked.connect(self._choose)
        self.list.currentItemChanged.connect(self._tell)

    def open_at(self, place: QPoint, fits: Callable[[str], bool], blocks: Mapping[str, type[Op]] | None = None) -> None:
        """Open at a place of the screen, with the ops and the blocks of the project that fit."""
        self._fits = fits
        self._known = {**(blocks or {}), **ops.OPS}
        self.line.clear()
        self._fill("")
        self.move(place)
        self.show()
        self.line.setFocus()

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        """Let the arrow keys and Enter work from the line."""
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return False
        if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_Tab):
            step = -1 if event.key() == Qt.Key.Key_Up else 1
            self.list.setCurrentRow((self.list.currentRow() + step) % max(1, self.list.count()))
            return True
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.list.currentItem():
            self._choose(self.list.currentItem())
            return True
        return False

    def _fill(self, words: str) -> None:
        self.list.clear()
        found = ops.search(words, self._known) if words.strip() else sorted(self._known, key=self._place)
        for name in filter(self._fits, found):
            item = QListWidgetItem(group_icon(self._known[name].group), name)
            item.setData(ROLE, name)
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        if not self.list.count():
            self._about.setText("No op of this name fits here.")

    def _tell(self, item: QListWidgetItem | None) -> None:
        self._about.setText(self._known[item.data(ROLE)].doc() if item else "")

    def _choose(self, item: QListWidgetItem) -> None:
        self.close()
        self.chosen.emit(item.data(ROLE))

    def _place(self, name: str) -> int:
        """Blocks of the project first, then the groups in their order."""
        group = self._known[name].group
        return ops.GROUPS.index(group) if group in ops.GROUPS else -1
