"""The log: what runs had to tell, and what their processes and the helpers printed."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from app.icons import icon
from app.runner import Runner
from app.theme import SPACE, mono
from engine.events import Event, sentences
from engine.train.folder import Run

MOST_LINES = 5000
READ_MS = 500
MOST_BYTES = 256 * 1024  # read at once


class LogPanel(QWidget):
    """Follows the log and the notes of the present run, and shows what helpers say."""

    def __init__(self, runner: Runner) -> None:
        super().__init__()
        self._run: Run | None = None
        self._offset = 0
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setMaximumBlockCount(MOST_LINES)
        self.text.setFont(mono())
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setPlaceholderText("What the training process prints shows here.")
        copy, wipe = QPushButton(icon("copy"), "Copy all"), QPushButton(icon("delete"), "Clear")
        copy.clicked.connect(self._copy)
        wipe.clicked.connect(self.text.clear)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(copy)
        row.addWidget(wipe)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE, SPACE, SPACE, SPACE)
        column.addWidget(self.text)
        column.addLayout(row)
        self._timer = QTimer(self)
        self._timer.setInterval(READ_MS)
        self._timer.timeout.connect(self._read)
        runner.started.connect(self._follow)
        runner.told.connect(self._take)
        runner.ended.connect(lambda run, state: self._ended(run, state))

    def add(self, text: str) -> None:
        """Add lines."""
        for line in text.rstrip("\n").split("\n"):
            self.text.appendPlainText(line)

    def _copy(self) -> None:
        self.text.selectAll()
        self.text.copy()

    def _follow(self, run: Run) -> None:
        self._run = run
        self._offset = run.log.stat().st_size if run.log.exists() else 0
        self.add(f"--- {run.name}")
        self._timer.start()

    def _take(self, event: Event) -> None:
        for sentence in sentences(event):
            self.add(sentence)

    def _ended(self, run: Run, state: str) -> None:
        self._timer.stop()
        while data := self._behind():
            self._show(data)
        self.add(f"--- {run.name}: {state}")

    def _read(self) -> None:
        """Show the whole lines that have come; one of more than is read at once is cut."""
        data = self._behind()
        self._show(data[: data.rfind(b"\n") + 1] or (data if len(data) == MOST_BYTES else b""))

    def _behind(self) -> bytes:
        """What the log holds behind what was shown, up to a limit."""
        if self._run is None or not self._run.log.exists():
            return b""
        with self._run.log.open("rb") as stream:
            stream.seek(self._offset)
            return stream.read(MOST_BYTES)

    def _show(self, data: bytes) -> None:
        self._offset += len(data)
        if data:
            self.add(data.decode(errors="replace"))
