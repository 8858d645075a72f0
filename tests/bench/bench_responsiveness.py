"""Stalls of the window's event loop: while a small network trains, against rest, and while a long run is opened."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from engine.events import Epoch, Event, Progress, Started, encode
from engine.spec import Spec
from engine.train.folder import Run
from tests.bench.figure import Figure

SECONDS, TICK_MS = 8.0, 10
EPOCHS, LOOKS = 500, 400  # of the long run, and events in each of its epochs
LONGEST_SECONDS = 120.0


def _late(app: object, seconds: float, done: Callable[[], bool] = lambda: False) -> list[float]:
    """How late a timer of 10 ms comes, in milliseconds, over some seconds, or until something is done."""
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
    while time.perf_counter() < until and not done():
        app.processEvents()  # type: ignore[attr-defined]  # a QApplication
        time.sleep(0.0005)
    timer.stop()
    return late


def _long_run(folder: Path) -> Run:
    """A run that is at work for hours: 200,000 events, with two measures and a rate that falls."""
    run = Run(folder)
    run.begin(Spec(name="long"))
    events: list[Event] = [Started("long", "cpu", EPOCHS + 1, 0, LOOKS, {"train": LOOKS}, 1, {"accuracy": True})]
    for epoch in range(1, EPOCHS + 1):
        for step in range(1, LOOKS):
            at = epoch + step / LOOKS
            scores, rate = {"loss": 1 / at, "accuracy": 1 - 1 / at}, {"main": 0.1 / at}
            events.append(Progress(epoch, step, LOOKS, scores, 1e4, 3600.0, rate))
        scores = {"loss": 1 / epoch, "accuracy": 1 - 1 / epoch}
        events.append(Epoch(epoch, scores, scores, 60.0, 1e4, best=True))
    lines = (json.dumps(encode(event)) + "\n" for event in events)
    (run.path / "events.jsonl").write_text("".join(lines), encoding="utf-8")
    return run


def _opened(app: object, window: Any) -> tuple[float, float]:
    """Seconds until a long run at work is shown whole, and the longest stall meanwhile in milliseconds."""
    from PySide6.QtCore import QTimer  # with the platform that `run` chooses

    run = _long_run(window.document.runs_folder / "long")
    with run.locked():
        begun = time.perf_counter()
        QTimer.singleShot(TICK_MS, window, window.runner.follow_living)  # within the loop, whose stalls are measured
        late = _late(app, LONGEST_SECONDS, lambda: window.runner.offset == run.told_bytes())
        seconds = time.perf_counter() - begun
        late += _late(app, SECONDS)  # until all is drawn
        window.runner.leave()
    assert len(window.curves._runs[run].lines["loss", "steps"].x) == EPOCHS * (LOOKS - 1)
    return seconds, max(late)


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
    seconds, longest = _opened(app, window)
    window.document.undo_stack.setClean()
    window.close()
    ours, theirs = float(np.percentile(busy, 99)), float(np.percentile(idle, 99))
    return [
        Figure("event-loop stalls while training, 99th percentile", ours, "ms", 1.5, "lower", theirs),
        Figure("longest stall while a run of 200,000 events is opened", longest, "ms", 100.0, "lower"),
        Figure("from opening a run of 200,000 events to all its points", seconds, "s", 30.0, "lower"),
    ]
