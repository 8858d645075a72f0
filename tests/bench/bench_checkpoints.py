"""What a checkpoint every epoch costs the MNIST CNN, and what watching for numbers that are not finite costs an MLP."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from engine import edit
from engine.events import Epoch, Event
from engine.spec import Spec
from engine.train import loop, optimizers, session
from engine.train.folder import Run
from tests.bench.bench_training import Layer, project
from tests.bench.figure import Figure

ROUNDS = 5
SAMPLES = 54_000  # of MNIST, that train
BATCH = 64
MANY = 1_000_000  # epochs, so that none ends with a checkpoint
CNN: list[Layer] = [
    ("Conv2d", {"out_channels": 32}), ("ReLU", {}), ("MaxPool2d", {}),
    ("Conv2d", {"out_channels": 64}), ("ReLU", {}), ("MaxPool2d", {}),
    ("Flatten", {}), ("Dropout", {"p": 0.3}), ("Linear", {"out_features": 128}), ("ReLU", {}),
    ("Linear", {"out_features": 10}),
]  # fmt: skip
LINEAR: list[Layer] = [("Linear", {"out_features": 64}), ("ReLU", {})]


def _epochs(spec: Spec, folder: Path, name: str) -> Iterator[Event]:
    return (event for event in loop.train(spec, folder, Run(folder / name)) if isinstance(event, Epoch))


def _checkpoint_cost(part: int) -> Figure:
    """Seconds that an epoch takes with a checkpoint at its end and without, in turn, on a share of the samples.

    What a checkpoint costs does not depend on how many samples an epoch has, so the difference is set against a whole
    epoch of MNIST.
    """
    random = np.random.default_rng(0)
    count = SAMPLES // part
    images = random.random((count, 1, 28, 28), dtype=np.float32), random.integers(0, 10, count)
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        spec = edit.set_setting(project(folder, *images, BATCH, CNN), "training.epochs", MANY)
        often = _epochs(spec, folder, "often")
        never = _epochs(edit.set_setting(spec, "training.checkpoint_every", MANY), folder, "never")
        kept: list[float] = []
        free: list[float] = []
        for _ in range(ROUNDS + 1):
            for stream, times in ((often, kept), (never, free)):
                begun = time.perf_counter()
                next(stream)
                times.append(time.perf_counter() - begun)
    cost = median(one - other for one, other in zip(kept[1:], free[1:], strict=True))
    whole = median(free[1:]) * part
    return Figure("an MNIST CNN epoch with a checkpoint", whole + max(cost, 0.0), "s", 1.02, "lower", whole)


def _bare(forward: Any, turns: Any, _guard: Any) -> Any:
    return optimizers.stepper(forward, turns)


def _guard_cost() -> Figure:
    """Samples per second of an MLP with the watch and without, in turn."""
    random = np.random.default_rng(0)
    table = random.standard_normal((20_000, 10), dtype=np.float32), random.integers(0, 3, 20_000)
    made = optimizers.stepper
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        layers = [*LINEAR, *LINEAR, ("Linear", {"out_features": 3})]
        spec = edit.set_setting(project(folder, *table, 32, layers), "training.epochs", MANY)
        watched, bare = _epochs(spec, folder, "watched"), _epochs(spec, folder, "bare")
        speeds: dict[str, list[float]] = {"watched": [], "bare": []}
        for _ in range(ROUNDS + 1):
            for name, stream in (("watched", watched), ("bare", bare)):
                setattr(session, "stepper", made if name == "watched" else _bare)  # noqa: B010  # the session's own name for it
                event = next(stream)
                assert isinstance(event, Epoch)
                speeds[name].append(event.samples_per_second)
        setattr(session, "stepper", made)  # noqa: B010
    ours, theirs = (median(speeds[name][1:]) for name in ("watched", "bare"))
    return Figure("an MLP watched for numbers that are not finite", ours, "samples/s", 0.95, "higher", theirs)


def run() -> list[Figure]:
    """Measure both; the batches of the CNN are many enough for a tenth of an epoch."""
    return [_checkpoint_cost(10), _guard_cost()]
