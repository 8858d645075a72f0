"""The studio under test: off-screen, dressed once, with an engine that answers in this process."""

from __future__ import annotations

import gc
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app import theme
from app.document import Document
from app.engine_process import EngineProcess, Reply
from app.settings import Settings
from app.window import Window
from engine.serve import Server

MOST_GARBAGE = 200_000  # objects, from which on it is collected between two tests


@pytest.fixture(scope="session")
def qapp_args() -> list[str]:
    return ["netloom"]


@pytest.fixture(scope="module", autouse=True)
def tidied() -> Iterator[None]:
    """Collect what tests leave behind here, in this thread: Qt does not survive it in those that later tests start."""
    gc.disable()
    yield
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    gc.collect()
    gc.enable()


@pytest.fixture(autouse=True)
def fresh(qapp: QApplication) -> None:
    """Begin without the widgets that the test before gave up, in the light theme."""
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    if gc.get_count()[0] > MOST_GARBAGE:
        gc.collect()
    if theme.theme() is not theme.LIGHT or not qapp.styleSheet():
        theme.apply(qapp, "light")


class EngineHere(EngineProcess):
    """An engine that answers in this process once the window is idle: quick, and with nothing to start."""

    def start(self) -> None:
        pass

    def request(self, do: str, reply: Reply, **arguments: Any) -> int:
        self._next += 1
        self._waiting[self._next] = reply
        line, replies = json.dumps({"id": self._next, "do": do, **arguments}), io.StringIO()

        def answer() -> None:
            Server(io.StringIO(line), replies).run()
            for each in replies.getvalue().splitlines():
                self._hear(json.loads(each))

        QTimer.singleShot(0, self, answer)
        return self._next


@pytest.fixture
def document(qapp: QApplication, tmp_path: Path) -> Document:
    """An empty document whose runs go to a folder of the test's own."""
    return Document(tmp_path)


@pytest.fixture
def window(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Window]:
    """The main window with an empty project, shown; what is unsaved at the end is given up."""
    monkeypatch.setattr("app.window.EngineProcess", EngineHere)
    shown = Window(Settings())
    shown.show()
    qtbot.waitExposed(shown)
    shown.new()
    yield shown
    shown.document.undo_stack.setClean()
    shown.close()
    shown.deleteLater()
