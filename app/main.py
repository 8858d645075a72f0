"""Opens the studio."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

os.environ.setdefault("QT_PREFERRED_BINDING", "PySide6")  # NodeGraphQt reaches Qt through Qt.py

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from app import theme
from app.settings import Settings, log_folder

if TYPE_CHECKING:
    from app.window import Window


def main(argv: Sequence[str]) -> int:
    """Show the window, with a project file where one is named; returns the exit status."""
    app = QApplication(["netloom", *argv])
    app.setApplicationName("Netloom")
    app.setDesktopFileName("netloom")
    settings = Settings()
    theme.apply(app, settings.theme())
    from app.window import Window  # after the theme, so that nothing is drawn twice

    window = Window(settings)
    _tell_of_faults(window)
    window.show()
    if argv:
        window.open_file(Path(argv[0]))
    window.offer_recovered()
    QTimer.singleShot(0, window, window.begin)
    return app.exec()


def _tell_of_faults(window: Window) -> None:
    """Log a fault of our own and say so, instead of ending."""
    folder = log_folder()
    folder.mkdir(parents=True, exist_ok=True)
    log = logging.getLogger("netloom")
    handler = logging.FileHandler(folder / "studio.log", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)

    def told(kind: type[BaseException], fault: BaseException, trace: TracebackType | None) -> None:
        sys.__excepthook__(kind, fault, trace)
        log.error("a fault in the studio", exc_info=(kind, fault, trace))
        words = f"Something in Netloom went wrong ({kind.__name__}: {fault}). Your project is still open; save it."
        window.messages.show_message(f"{words} Details are in {folder / 'studio.log'}.")

    sys.excepthook = told


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
