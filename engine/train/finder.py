"""Finds a learning rate: trains a copy of the network while the rate rises, and looks where the loss falls fastest."""

from __future__ import annotations

import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from engine import draws
from engine.declare import did_you_mean
from engine.optimizers import listed
from engine.problem import Mistake
from engine.progress import Headway, watcher
from engine.spec import Spec
from engine.train.optimizers import Acting, total
from engine.train.session import Refused, Session, open_session

LOWEST, HIGHEST = 1e-7, 10.0
STEPS = 100
SMOOTHING = 0.8  # share that a smoothed loss keeps of itself in each step
DIVERGED = 4.0  # times the least loss, beyond which training falls apart
AROUND = 4  # neighbours on each side by which a slope is told
FIRST, LAST = 5, 3  # steps at the ends of the curve where slopes say little
SIGNIFICANT = 2  # digits of the rate that is suggested
TELL_SECONDS = 0.1  # between tellings of the curve so far


@dataclass(frozen=True)
class Swept:
    """The curve of a sweep: rates with the loss and the smoothed loss at each; `suggestion` is None where none fell."""

    optimizer: str
    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    suggestion: float | None
    diverged: bool

    def encode(self) -> dict[str, Any]:
        return asdict(self)


def find_lr(
    spec: Spec,
    folder: Path,
    *,
    optimizer: str | None = None,
    device: str | None = None,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
    steps: int = STEPS,
) -> Swept:
    """Sweep the learning rate of an optimizer, the first unless named, over so many batches; nothing is kept of it.

    The other optimizers work at their own rates, schedules rest. Raises Mistake where the spec cannot be trained.
    """
    session = opened(_without_schedules(spec), folder, device)
    acting = _chosen(session, optimizer)
    ratio = (highest / lowest) ** (1 / max(1, steps - 1))
    rates, losses, smoothed = [], [], []
    average, least, told = 0.0, math.inf, time.monotonic()
    with session.at_work():
        draws.seed(session.training.seed)
        step = _step(session)
        for place in range(steps):
            rate = lowest * ratio**place
            for group, factor in zip(acting.optimizer.param_groups, acting.factors, strict=True):
                group["lr"] = rate * factor
            loss = _taken(step)
            if not math.isfinite(loss):
                break
            average = average * SMOOTHING + loss * (1 - SMOOTHING)
            rates.append(rate)
            losses.append(loss)
            smoothed.append(average / (1 - SMOOTHING ** (place + 1)))
            found = None
            if time.monotonic() - told >= TELL_SECONDS:
                told, found = time.monotonic(), _judged(acting.name, rates, losses, smoothed).encode()
            watcher()(Headway("Trying learning rates", place + 1, steps, found=found))
            least = min(least, smoothed[-1]) if place >= FIRST else math.inf
            if smoothed[-1] > DIVERGED * abs(least):
                break
    watcher()(Headway(""))
    return replace(_judged(acting.name, rates, losses, smoothed), diverged=len(rates) < steps)


def _judged(optimizer: str, rates: list[float], losses: list[float], smoothed: list[float]) -> Swept:
    """The curve so far, with the rate that it suggests."""
    rate = suggested(rates, smoothed)
    return Swept(optimizer, tuple(rates), tuple(losses), tuple(smoothed), rate, diverged=False)


def opened(spec: Spec, folder: Path, device: str | None) -> Session:
    """A spec made ready to train; raises Mistake where it cannot be."""
    try:
        return open_session(spec, folder, device=device)
    except Refused as refused:
        problem = refused.problem
        raise Mistake(str(problem), param=problem.param, fixes=problem.fixes) from None


def suggested(rates: Sequence[float], smoothed: Sequence[float]) -> float | None:
    """The rate around which the smoothed loss falls fastest by the rate's logarithm, before its least; None for none.

    A slope is that of the line through the neighbours on both sides: that of two batches is noise.
    """
    if len(rates) < FIRST + LAST + 1:
        return None
    lowest = min(range(FIRST, len(smoothed)), key=lambda place: smoothed[place])
    slopes = {
        place: _slope(rates[place - AROUND : place + AROUND + 1], smoothed[place - AROUND : place + AROUND + 1])
        for place in range(FIRST, min(lowest + 1, len(rates) - AROUND))
    }
    steepest = min(slopes, key=lambda place: slopes[place], default=None)
    if steepest is None or slopes[steepest] >= 0:
        return None
    return float(f"{rates[steepest]:.{SIGNIFICANT}g}")


def _slope(rates: Sequence[float], losses: Sequence[float]) -> float:
    """How steeply losses rise with the logarithm of their rates, by least squares."""
    return statistics.linear_regression([math.log(rate) for rate in rates], losses).slope


def _without_schedules(spec: Spec) -> Spec:
    """The spec with its learning rates at rest, and with no limit that would end the sweep."""
    entries = listed(spec)
    resting = [
        {**each, "schedule": None} if isinstance(each, dict) else each
        for each in (entries if isinstance(entries, list) else [])
    ]
    return replace(spec, training={**spec.training, "optimizers": resting, "max_steps": None})


def _chosen(session: Session, name: str | None) -> Acting:
    acting = {each.name: each for each in session.acting}
    if name is None:
        return session.acting[0]
    if name not in acting:
        known = ", ".join(acting)
        raise Mistake(f"There is no optimizer {name!r}{did_you_mean(name, acting)}; there is {known}.")
    return acting[name]


def _step(session: Session) -> Callable[[], float]:
    """A function that trains on as many batches as are added up for one step, and tells their mean loss."""
    session.gradients.never_end()
    take, batches, numbers = session.stepper(), _batches(session), itertools.count()
    losses = list(session.compiled.program.losses.items())

    def step() -> float:
        count = session.training.accumulate
        return sum(float(total(take(next(batches), next(numbers)), losses).detach()) for _ in range(count)) / count

    return step


def _taken(step: Callable[[], float]) -> float:
    try:
        return step()
    except torch.OutOfMemoryError:
        raise Mistake("There is not enough memory for a batch; lower batch_size.") from None


def _batches(session: Session) -> Iterator[list[torch.Tensor]]:
    """Yield training batches, one epoch after the other."""
    for epoch in itertools.count():
        if not session.loader.steps():
            raise Mistake("There are no batches to train on; lower batch_size, or turn drop_last off.")
        yield from session.loader.training(epoch)
