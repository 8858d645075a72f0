"""From a click on Train to the first point of its curve, and from Stop to a window that is idle again."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.figure import Figure

ROUNDS = 5
OPEN_SECONDS = 15.0  # that the window has been open before each click: "a while"
LONGEST_SECONDS = 60.0
EXAMPLE = "digits_cnn"


def _until(done: Callable[[], bool], seconds: float = LONGEST_SECONDS) -> float:
    """Let the window work until something is so; returns how long that took."""
    from PySide6.QtCore import QCoreApplication, QEventLoop  # with the platform that `run` chooses

    begun = time.perf_counter()
    while not done():
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 5)
        if time.perf_counter() - begun > seconds:
            raise TimeoutError("nothing came")
        time.sleep(0.001)
    return time.perf_counter() - begun


def _wait(seconds: float) -> None:
    end = time.perf_counter() + seconds
    _until(lambda: time.perf_counter() >= end, seconds + 1)


def _rounds() -> tuple[list[float], list[float], list[float]]:
    from app.main import main  # sets up Qt
    from app.window import Window
    from engine import edit
    from engine.events import Progress
    from engine.examples import find_example

    first: list[float] = []
    stopped: list[float] = []
    killed: list[float] = []

    def measure(window: Window) -> None:
        window.open_file(find_example(EXAMPLE))
        window.document.edit("Long", lambda spec: edit.set_setting(spec, "training.epochs", 1000))
        told: list[Any] = []
        window.runner.told.connect(told.append)
        for each in range(ROUNDS):
            _wait(OPEN_SECONDS)
            told.clear()
            window.runner.start()
            first.append(_until(lambda: any(isinstance(event, Progress) for event in told)))
            _wait(1.0)
            stop, times = (window.runner.stop, stopped) if each % 2 else (window.runner.stop_now, killed)
            stop()
            times.append(_until(lambda: not window.runner.running))
        window.document.undo_stack.setClean()
        window.close()

    _with_window(main, measure)
    return first, stopped, killed


def _with_window(main: Callable[[list[str]], int], use: Callable[[Any], None]) -> None:
    """Open the studio as its own start does, and use its window in the place of the event loop."""
    from PySide6.QtWidgets import QApplication

    from app.window import Window

    def loop() -> int:
        QApplication.processEvents()
        (window,) = (each for each in QApplication.topLevelWidgets() if isinstance(each, Window))
        use(window)
        return 0

    QApplication.exec = staticmethod(loop)  # type: ignore[method-assign,assignment]
    main([])


def run() -> list[Figure]:
    """Train and stop again and again in one window."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ["QT_PREFERRED_BINDING"] = "PySide6"
    with tempfile.TemporaryDirectory() as home:
        for name in ("CONFIG", "DATA", "STATE", "CACHE"):
            os.environ[f"XDG_{name}_HOME"] = str(Path(home) / name.lower())
        first, stopped, killed = _rounds()
    return [
        Figure("from Train to the first curve point", median(first), "s", 1.0, "lower"),
        Figure("from Stop to idle, with a checkpoint", median(stopped), "s", 0.5, "lower"),
        Figure("from Stop now to idle", max(killed), "s", 0.5, "lower"),
    ]
