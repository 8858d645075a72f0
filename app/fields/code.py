"""The editor of a param that holds Python source."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontMetricsF, QKeyEvent
from PySide6.QtWidgets import QPlainTextEdit

from app.theme import mono

LINES = 14  # shown without scrolling
INDENT = "    "


class CodeLines(QPlainTextEdit):
    """Several lines of code; Tab indents, and an edit is finished when the focus leaves."""

    typed = Signal(str)
    finished = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setFont(mono())
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        metrics = QFontMetricsF(mono())
        self.setTabStopDistance(len(INDENT) * metrics.horizontalAdvance(" "))
        self.setMinimumHeight(round(LINES * metrics.lineSpacing()))
        self.textChanged.connect(lambda: self.typed.emit(self.toPlainText()))

    def show_text(self, value: Any) -> None:
        """Show a text; tells nothing, and the cursor stays where nothing changes."""
        text = value if isinstance(value, str) else ""
        if self.toPlainText() != text:
            with QSignalBlocker(self):
                self.setPlainText(text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Indent by Tab; begin a new line as far in as the one before, and further behind a colon."""
        if event.key() == Qt.Key.Key_Tab:
            self.insertPlainText(INDENT)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            before = self.textCursor().block().text()[: self.textCursor().positionInBlock()]
            indent = before[: len(before) - len(before.lstrip())]
            self.insertPlainText("\n" + indent + INDENT * before.rstrip().endswith(":"))
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Finish the edit."""
        super().focusOutEvent(event)
        if self.document().isModified():  # Qt writes some characters in its own way: what was only seen stays
            self.document().setModified(False)
            self.finished.emit(self.toPlainText())
