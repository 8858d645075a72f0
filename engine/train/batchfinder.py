"""Finds how large batches can be: steps with ever larger ones until memory runs out, and how fast each size is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from engine import data
from engine.data.keep import free_memory
from engine.problem import Mistake
from engine.progress import Headway, watcher
from engine.spec import Spec
from engine.train.finder import opened
from engine.train.session import Session

SMALLEST = 8
MOST_SECONDS = 5.0  # that a step may take
MOST_STEPS, ENOUGH_SECONDS = 20, 1.0  # of trial for each size, of which the fastest step counts
FINEST = 8  # the largest that fits is found to within so small a part of it
GOOD_ENOUGH = 0.9  # share of the highest speed that the suggested size reaches
FREE_SHARE = 0.8  # of the memory that is free, up to which batches on the CPU are tried
COPIES = 4  # of each weight while Adam trains: itself, its gradient and two averages


@dataclass(frozen=True, slots=True)
class Tried:
    """A batch size and what came of it: `bytes` are the most that were used, on the CPU an estimate."""

    batch_size: int
    fits: bool
    samples_per_second: float = 0.0
    bytes: int = 0


@dataclass(frozen=True)
class Fitted:
    """The sizes that were tried, smallest first: the largest that fits, and the smallest nearly as fast as any.

    `reason` says what kept from trying larger ones: "memory", "samples" where a batch held all, "time", or "stopped"
    where more were to be tried.
    """

    tried: tuple[Tried, ...]
    largest: int
    suggestion: int
    reason: str

    def encode(self) -> dict[str, Any]:
        return asdict(self)


def find_batch_size(spec: Spec, folder: Path, *, device: str | None = None) -> Fitted:
    """Try batch sizes in training steps on a copy of the network; nothing is kept of it.

    Raises Mistake where the spec cannot be trained, or where not even the smallest batch fits.
    """
    session = opened(spec, folder, device)
    samples = session.loader.samples("train")
    trials: dict[int, Tried] = {}
    with session.at_work():
        reason = _double(session, min(SMALLEST, samples), samples, trials)
        fitting = [size for size, each in trials.items() if each.fits]
        if not fitting:
            raise Mistake("Not even the smallest batch fits into memory; make the network or its samples smaller.")
        _narrow(session, trials, max(fitting))
    watcher()(Headway(""))
    return _judged(trials, reason)


def _judged(trials: Mapping[int, Tried], reason: str) -> Fitted:
    """What the sizes that were tried say, one of which fits."""
    fitted = [each for each in trials.values() if each.fits]
    fastest = max(each.samples_per_second for each in fitted)
    good = [each.batch_size for each in fitted if each.samples_per_second >= GOOD_ENOUGH * fastest]
    tried = tuple(sorted(trials.values(), key=lambda each: each.batch_size))
    return Fitted(tried, max(each.batch_size for each in fitted), min(good), reason)


def _double(session: Session, size: int, samples: int, trials: dict[int, Tried]) -> str:
    """Try larger and larger sizes; returns why the last one is the last."""
    while True:
        trials[size] = _tried(session, size, trials)
        if not trials[size].fits:
            return "memory"
        if size >= samples:
            return "samples"
        if size / trials[size].samples_per_second > MOST_SECONDS:
            return "time"
        size = min(2 * size, samples)


def _narrow(session: Session, trials: dict[int, Tried], low: int) -> None:
    """Try sizes between the largest that fits and the smallest that does not, until both are near to each other."""
    high = min((size for size, each in trials.items() if not each.fits), default=low)
    while high - low > max(1, low // FINEST):
        middle = (low + high) // 2
        trials[middle] = _tried(session, middle, trials)
        low, high = (middle, high) if trials[middle].fits else (low, middle)


def _tried(session: Session, size: int, trials: Mapping[int, Tried]) -> Tried:
    """What comes of a size; those that were tried before are told meanwhile."""
    found = _judged(trials, "stopped").encode() if any(each.fits for each in trials.values()) else None
    watcher()(Headway(f"Trying batches of {size:,}", found=found))
    needed = estimated(session, size)
    if session.device.type == "cpu" and needed > FREE_SHARE * free_memory():
        return Tried(size, fits=False, bytes=needed)
    try:
        return _measured(session, size, needed)
    except (torch.OutOfMemoryError, MemoryError):
        return Tried(size, fits=False)
    except RuntimeError as error:  # the CPU's allocator has no error of its own
        if "alloc" not in str(error).lower():
            raise
        return Tried(size, fits=False)
    finally:
        for weight in session.compiled.module.parameters():
            weight.grad = None
        if session.device.type == "cuda":
            torch.cuda.empty_cache()


def _measured(session: Session, size: int, needed: int) -> Tried:
    """Take a step to warm up, and a few that are timed."""
    on_gpu = session.device.type == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats(session.device)
    batch, step = _batch(session, size), session.stepper()
    spent: list[float] = []
    while len(spent) < 2 or (len(spent) < MOST_STEPS and sum(spent) < ENOUGH_SECONDS):
        begun = time.perf_counter()
        step(batch, len(spent))
        if on_gpu:
            torch.cuda.synchronize(session.device)
        spent.append(time.perf_counter() - begun)
    speed = len(batch[0]) / min(spent[1:])
    used = torch.cuda.max_memory_allocated(session.device) if on_gpu else needed
    return Tried(size, fits=True, samples_per_second=speed, bytes=used)


def _batch(session: Session, size: int) -> list[torch.Tensor]:
    """A training batch, that of the longest samples where they differ in length."""
    columns = session.flow.splits["train"]
    if not any(isinstance(each, data.Live) for each in columns.values()):
        lengths = data.lengths_of(columns)
        order = None if lengths is None else lengths.argsort(descending=True)[:size]
        return [each.to(session.device) for each in next(data.batches(columns, size, order=order))]
    loader = data.Loader(session.flow, replace(session.batching, batch_size=size), session.device, 0)
    with closing(loader):
        return next(loader.training(0))


def estimated(session: Session, size: int) -> int:
    """Bytes that a training step takes with batches of a size: weights, and what is kept for the backward pass."""
    weights = sum(each.numel() * each.element_size() for each in session.compiled.module.parameters())
    return COPIES * weights + session.compiled.report.activation_bytes * size // session.batching.batch_size
