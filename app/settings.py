"""What the studio remembers of its user: window, theme, recent files."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import platformdirs
from PySide6.QtCore import QByteArray, QSettings

from app.theme import Choice

LAYOUT = 1  # raised when docks are renamed, so that an old layout is not restored
MOST_RECENT = 10
Closing = Literal["ask", "keep", "stop"]
WHEN_CLOSING: dict[Closing, str] = {"ask": "Ask", "keep": "Keep training", "stop": "Stop training"}
THEMES: tuple[Choice, ...] = ("system", "light", "dark")


def data_folder() -> Path:
    """The folder of the user's data: runs of unsaved projects, recovered work."""
    return platformdirs.user_data_path("netloom")


def log_folder() -> Path:
    """The folder of the studio's own log."""
    return platformdirs.user_log_path("netloom")


class Settings:
    """Settings in an INI file of the user's; what cannot be read is as if it were not there."""

    def __init__(self) -> None:
        path = platformdirs.user_config_path("netloom") / "studio.ini"
        self._stored = QSettings(str(path), QSettings.Format.IniFormat)

    def geometry(self) -> tuple[QByteArray, QByteArray] | None:
        """The window's geometry and the state of its docks, or None the first time."""
        geometry, state = self._stored.value("window/geometry"), self._stored.value(f"window/state{LAYOUT}")
        if isinstance(geometry, QByteArray) and isinstance(state, QByteArray):
            return geometry, state
        return None

    def set_geometry(self, geometry: QByteArray, state: QByteArray) -> None:
        """Remember the window's geometry and the state of its docks."""
        self._stored.setValue("window/geometry", geometry)
        self._stored.setValue(f"window/state{LAYOUT}", state)

    def theme(self) -> Choice:
        """The chosen theme."""
        chosen = self._stored.value("theme")
        return chosen if chosen in THEMES else "system"

    def set_theme(self, choice: Choice) -> None:
        """Remember the chosen theme."""
        self._stored.setValue("theme", choice)

    def when_closing(self) -> Closing:
        """What becomes of runs at work when the window closes."""
        chosen = self._stored.value("runs/when_closing")
        return chosen if chosen in WHEN_CLOSING else "ask"

    def set_when_closing(self, choice: Closing) -> None:
        """Remember what becomes of runs at work when the window closes."""
        self._stored.setValue("runs/when_closing", choice)

    def recent(self) -> list[Path]:
        """The files opened last that still exist, the newest first."""
        stored = self._stored.value("recent") or []
        names = [stored] if isinstance(stored, str) else stored if isinstance(stored, list) else []
        return [Path(name) for name in names if isinstance(name, str) and Path(name).is_file()]

    def add_recent(self, path: Path) -> None:
        """Put a file first among the recent ones."""
        paths = [str(path), *(str(each) for each in self.recent() if each != path)]
        self._stored.setValue("recent", paths[:MOST_RECENT])

    def sync(self) -> None:
        """Write the settings to the disk."""
        self._stored.sync()
