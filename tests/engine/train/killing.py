"""Trainers in processes of their own, forked from one that has torch loaded, to be killed at random moments."""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.events import Failed, Finished
from engine.spec import load
from engine.train import loop
from engine.train.folder import Run

LONGEST = 120.0  # seconds that a trainer may take that nobody kills


def work(project: str, path: str) -> None:
    """Train a project in a run folder, or go on where it was left."""
    multiprocessing.set_start_method("fork", force=True)  # as in a run of its own, whose data workers end with it
    run = Run(Path(path))
    os.environ["OMP_NUM_THREADS"] = "1"
    stream = loop.resume(run) if (run.path / "spec.json").exists() else loop.train(load(Path(project)), Path(), run)
    for event in stream:
        assert not isinstance(event, Failed), event


@dataclass
class Nursery:
    """Starts trainers quickly: they are forked from a server that has imported the trainer."""

    context: Any = field(default_factory=lambda: multiprocessing.get_context("forkserver"))

    def __post_init__(self) -> None:
        self.context.set_forkserver_preload([__name__])

    def start(self, project: Path, run: Run) -> Any:
        process = self.context.Process(target=work, args=(str(project), str(run.path)))
        process.start()
        return process

    def finish(self, project: Path, run: Run) -> None:
        """Train until the run is finished."""
        process = self.start(project, run)
        process.join(LONGEST)
        assert process.exitcode == 0
        assert isinstance(run.events()[-1], Finished)

    def kill_once(self, project: Path, run: Run, chance: random.Random, longest: float) -> None:
        """Start a trainer and kill it: at any moment of its start, or up to so many seconds after its first word."""
        said = len(run.events())
        process = self.start(project, run)
        delay = chance.uniform(0.0, longest)
        if chance.random() < 0.8:
            while len(run.events()) <= said and process.is_alive():
                time.sleep(0.005)
        time.sleep(delay)
        assert process.is_alive(), "it finished before it could be killed"
        process.kill()
        process.join()
