"""The queue: which runs wait, in which order, and whether they are being trained."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QFileSystemWatcher, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.icons import icon
from app.panels.sections import Words, heading
from app.theme import SPACE, themes
from engine.detached import Process
from engine.problem import Mistake
from engine.train.queue import Entry, Queue, start_work

REFRESH_MS = 1000
LEAST_WIDTH = 200
ROLE = Qt.ItemDataRole.UserRole


class QueueBox(QWidget):
    """The runs that wait; they are dragged into another order. Takes no room while none waits."""

    refused = Signal(str)
    worked = Signal()  # the queue is being worked through: a run of it may have begun

    def __init__(self, queue: Queue) -> None:
        super().__init__()
        self._queue = queue
        self._shown: list[Entry] = []
        self._worker: Process | None = None  # the process that this window has started
        self._title, self._state = heading("Queue"), Words()
        self._state.setProperty("dim", True)
        self.list = QListWidget()
        self.list.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.list.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setToolTip("Drag to change the order")
        self.start, self.remove = QPushButton("Start"), QPushButton("Remove")
        self.start.clicked.connect(self._start_or_pause)
        self.remove.clicked.connect(self._remove)
        self.list.model().rowsMoved.connect(lambda *_: self._arrange())
        self.list.itemSelectionChanged.connect(self._judge)
        QShortcut(QKeySequence.StandardKey.Delete, self.list, self._remove,
                  context=Qt.ShortcutContext.WidgetShortcut)  # fmt: skip
        self.setMinimumWidth(LEAST_WIDTH)
        self._lay_out()
        self._watcher = QFileSystemWatcher(self)
        self._watcher.directoryChanged.connect(lambda _path: self.refresh())
        self._timer = QTimer(self)
        self._timer.setInterval(REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        themes.changed.connect(self._dress)
        self.hide()
        self.refresh()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.start)
        row.addWidget(self.remove)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE, 0, 0, 0)
        column.addWidget(self._title)
        column.addWidget(self.list, 1)
        column.addWidget(self._state)
        column.addLayout(row)

    # ----------------------------------------------------------------------------------------------------- queue

    @property
    def at_work(self) -> bool:
        """Whether the queue is worked through, or will be once the process has come up that this window has started."""
        return self._queue.at_work() or (self._worker is not None and self._worker.poll() is None)

    def waiting(self) -> int:
        """How many runs wait."""
        return len(self._shown)

    def add(self, entry: Entry) -> None:
        """Put a run at the end; it is trained in its turn, unless the queue is paused."""
        self._do(lambda: self._queue.add(entry))
        self._work()

    def pause(self) -> None:
        """Start no further run."""
        self._do(self._queue.pause)

    def _work(self) -> None:
        """Have the queue worked through by a process that lives on when the window closes."""
        try:
            entries, paused = self._queue.read()
            if entries and not paused and not self.at_work:
                self._worker = start_work(self._queue)
        except (Mistake, OSError) as error:
            self.refused.emit(_words(error))
        self.refresh()

    def _start_or_pause(self) -> None:
        if self.at_work and not self._queue.paused():
            self.pause()
        else:
            self._do(self._queue.unpause)
            self._work()

    def _remove(self) -> None:
        self._do(lambda: self._queue.remove([item.data(ROLE) for item in self.list.selectedItems()]))

    def _arrange(self) -> None:
        self._do(lambda: self._queue.arrange([self.list.item(row).data(ROLE) for row in range(self.list.count())]))

    def _do(self, change: Callable[[], object]) -> None:
        try:
            change()
        except (Mistake, OSError) as error:
            self.refused.emit(_words(error))
        self.refresh()

    # ------------------------------------------------------------------------------------------------------ show

    def refresh(self) -> None:
        """Look at the queue's file and at its process."""
        folder = self._queue.folder
        if folder.is_dir() and not self._watcher.directories():
            self._watcher.addPath(str(folder))
        try:
            entries, paused = self._queue.read()
        except Mistake as mistake:
            self._timer.stop()
            self._state.setText(mistake.message)
            self.show()
            return
        if entries != self._shown:
            self._fill(entries)
        at_work = self.at_work
        self.setVisible(bool(entries))
        (self._timer.start if entries or at_work else self._timer.stop)()
        self._title.setText(f"Queue · {len(entries)} waiting" if entries else "Queue")
        self._state.setText(self._state_words(paused=paused, at_work=at_work))
        self.start.setText("Pause" if at_work and not paused else "Start")
        self.start.setToolTip("Start no further run; one that trains goes on" if at_work else "Train what waits")
        self.start.setEnabled(bool(entries))
        self._dress()
        self._judge()
        if at_work:
            self.worked.emit()

    def _state_words(self, *, paused: bool, at_work: bool) -> str:
        if paused:
            return "Paused: no further run starts."
        if at_work:
            return "The next run starts when the one before it has ended, with this window or without."
        try:
            said = self._queue.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        except OSError:
            said = []
        return f"Not started. {said[-1].removeprefix('netloom: ')}" if said else "Not started."

    def _fill(self, entries: list[Entry]) -> None:
        self._shown = entries
        self.list.clear()
        for entry in entries:
            item = QListWidgetItem(entry.name)
            item.setData(ROLE, entry.id)
            item.setToolTip(f"{len(entry.spec.nodes)} nodes; its run will stand in {entry.runs}")
            self.list.addItem(item)

    def _judge(self) -> None:
        self.remove.setEnabled(bool(self.list.selectedItems()))

    def _dress(self) -> None:
        self.start.setIcon(icon("pause" if self.start.text() == "Pause" else "train"))
        self.remove.setIcon(icon("delete"))


def _words(error: Mistake | OSError) -> str:
    return error.message if isinstance(error, Mistake) else f"The queue cannot be written: {error.strerror or error}."
