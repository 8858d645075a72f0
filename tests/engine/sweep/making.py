"""Small sweeps on iris, and a worker that trains in the process of the test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from engine import edit
from engine.spec import Spec
from engine.sweep import run as runs
from engine.sweep.folder import SweepFolder, Trials
from engine.sweep.plan import parse_space
from engine.train import loop
from engine.train.folder import Run
from tests.engine.train.making import iris, plain

LR = "training.optimizers.0.params.lr"
WIDTH = "nodes.linear_1.params.out_features"


def swept(*space: str, epochs: int = 2, **settings: Any) -> Spec:
    """A small network on iris with a sweep over ranges as they are written on the command line."""
    spec = edit.add(plain(iris(epochs=epochs)), "Accuracy", inputs={"input": "linear_2", "target": "input_2"})
    for name, value in {"pruner": "none", **settings}.items():
        spec = edit.set_setting(spec, f"sweep.{name}", value)
    return edit.set_setting(spec, "sweep.space", [parse_space(spec, each) for each in space])


class Here:
    """Stands for a worker process: trains at once, in this one."""

    def __init__(self, _threads: int, _log: object) -> None:
        pass

    def train(self, run: Run, folder: Path) -> None:
        list(loop.train(run.spec(), folder, run))

    def status(self) -> int | None:
        return None

    def end(self) -> None:
        pass


def folder_of(spec: Spec, path: Path) -> SweepFolder:
    folder = SweepFolder(path)
    folder.begin_sweep(spec, path.parent)
    return folder


def done(folder: SweepFolder, monkeypatch: pytest.MonkeyPatch) -> Trials:
    """How the trials stand once the sweep has ended, all trained in this process."""
    monkeypatch.setattr(runs, "_Process", Here)
    monkeypatch.setattr(runs, "LOOK_SECONDS", 0.0)
    *_, last = runs.sweep(folder)
    return last


def tried(trials: Trials, *states: str) -> list[Mapping[str, Any]]:
    return [each.values for each in trials.trials if not states or each.state in states]
