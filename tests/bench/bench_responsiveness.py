"""Stalls of the window's event loop while a small network trains, against the same window at rest."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import numpy as np

from tests.bench.figure import Figure

SECONDS, TICK_MS = 8.0, 10


def _late(app: object, seconds: float) -> list[float]:
    """How late a timer of 10 ms comes, in milliseconds, over some seconds."""
    from PySide6.QtCore import QElapsedTimer, Qt, QTimer

    late: list[float] = []
    clock, timer = QElapsedTimer(), QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.setInterval(TICK_MS)
    clock.start()

    def tick() -> None:
        late.append(clock.nsecsElapsed() / 1e6)
        clock.restart()

    timer.timeout.connect(tick)
    timer.start()
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        app.processEvents()  # type: ignore[attr-defined]  # a QApplication
        time.sleep(0.0005)
    timer.stop()
    return late


def run() -> list[Figure]:
    """Measure the whole window with its helper processes, at rest and while it trains."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    os.environ["QT_PREFERRED_BINDING"] = "PySide6"
    home = tempfile.mkdtemp()
    for name in ("CONFIG", "DATA", "STATE", "CACHE"):
        os.environ[f"XDG_{name}_HOME"] = home
    from PySide6.QtWidgets import QApplication

    app = QApplication([])
    from app import theme
    from app.settings import Settings
    from app.window import Window
    from engine import edit

    theme.apply(app, "light")
    window = Window(Settings())
    window.show()
    window.begin()
    example = Path(__file__).parents[2] / "resources" / "examples" / "digits_cnn.netloom"
    window.open_file(example)
    window.document.edit("Train long", lambda spec: edit.set_setting(spec, "training.epochs", 1000))
    _late(app, 8.0)
    idle = _late(app, SECONDS)
    window.train()
    _late(app, 5.0)
    busy = _late(app, SECONDS)
    window.runner.stop()
    while window.runner.running:
        _late(app, 0.2)
    window.document.undo_stack.setClean()
    window.close()
    ours, theirs = float(np.percentile(busy, 99)), float(np.percentile(idle, 99))
    return [Figure("event-loop stalls while training, 99th percentile", ours, "ms", 1.5, "lower", theirs)]
