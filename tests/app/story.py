"""Runs as their folders tell them, written by hand: no training is needed to see how they are shown."""

from __future__ import annotations

import os
import time
from pathlib import Path

from engine.events import Epoch, Event, Finished, Progress, Started
from engine.spec import Spec
from engine.train.folder import Run
from tests.builders import image_classifier

STARTED = Started("run", "cpu", 4, 0, 10, {"train": 100, "validation": 10, "test": 10}, 2610, {"accuracy": True},
                  time=1_700_000_000.0)  # fmt: skip


def epoch(number: int, *, best: bool = True) -> Epoch:
    """An epoch whose loss falls and whose accuracy rises."""
    scores = {"loss": 1 / number, "accuracy": 1 - 0.5 / number}
    return Epoch(number, scores, {name: value * 0.9 for name, value in scores.items()}, 2.0, 500.0, best)


def progress(number: int, step: int) -> Progress:
    return Progress(number, step, 10, {"loss": 1 / number, "accuracy": 0.5}, 1234.0, 65.0)


FINISHED = Finished("run", {"loss": 0.25, "accuracy": 0.875}, 4, 3, 65.0)
WHOLE: tuple[Event, ...] = (STARTED, *(epoch(number, best=number < 4) for number in range(1, 5)), FINISHED)


def told_run(path: Path, *events: Event, spec: Spec | None = None, checkpoint: bool = False) -> Run:
    """A run folder in which a run has told these events."""
    run = Run(path)
    run.begin(spec or image_classifier())
    for event in events:
        run.append(event)
    if checkpoint:
        (run.checkpoints / "0000001-000000000.safetensors").touch()
    return run


def lived_before(run: Run) -> Run:
    """The same run, its start long enough ago that it cannot be starting still."""
    long_ago = time.time() - 3600
    os.utime(run.path / "spec.json", (long_ago, long_ago))
    return run
