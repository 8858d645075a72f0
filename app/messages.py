"""A slim bar above the canvas that says in a sentence what went wrong, or what can be done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from app.icons import icon
from app.theme import SPACE, theme, themes

Level = Literal["info", "warning", "error"]


class MessageBar(QWidget):
    """Shows one message until it is closed or another comes."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("message_bar")
        self._level: Level = "info"
        self._icon, self._text = QLabel(), QLabel()
        self._text.setWordWrap(True)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._action = QPushButton()
        self._on_action: Callable[[], object] | None = None
        self._action.clicked.connect(self._act)
        self._close = QToolButton()
        self._close.setToolTip("Close this message")
        self._close.clicked.connect(self.hide)
        row = QHBoxLayout(self)
        row.setContentsMargins(SPACE, SPACE // 2, SPACE, SPACE // 2)
        for widget in (self._icon, self._text, self._action, self._close):
            row.addWidget(widget)
        themes.changed.connect(self._dress)
        self._dress()
        self.hide()

    def show_message(
        self, text: str, level: Level = "error", action: str = "", on_action: Callable[[], object] | None = None
    ) -> None:
        """Show a sentence, with a button where there is something to do about it."""
        self._text.setText(text)
        self._level, self._on_action = level, on_action
        self._action.setText(action)
        self._action.setVisible(bool(action))
        self._dress()
        self.show()

    def text(self) -> str:
        """What the bar says; empty while it is hidden."""
        return "" if self.isHidden() else self._text.text()

    def _act(self) -> None:
        self.hide()
        if self._on_action is not None:
            self._on_action()

    def _dress(self) -> None:
        worn = theme()
        colour = {"info": worn.accent, "warning": worn.warning, "error": worn.error}[self._level]
        self._icon.setPixmap(icon(self._level, colour).pixmap(16, 16))
        self._close.setIcon(icon("close"))
        self.setStyleSheet(f"#message_bar {{ background: {worn.card}; border-bottom: 2px solid {colour}; }}")
