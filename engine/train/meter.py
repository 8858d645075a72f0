"""Losses and metrics added up over batches: kept on the device, read now and then."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor

from engine.events import Table
from engine.program import LOSS, Program
from engine.train.gather import Gathered, table

T = TypeVar("T")
MOST_KEPT = 2**20  # numbers kept of batches for the metrics that gather, until they are handed on
LARGEST_EXPONENT = 709.0  # e to a larger power is more than a float holds
FINISHES: Mapping[str, Callable[[float], float]] = {
    "mean": float,
    "root": math.sqrt,
    "exp": lambda mean: math.inf if mean > LARGEST_EXPONENT else math.exp(mean),
}


@dataclass
class Measured:
    """Losses and metrics of a split: {name: value}, "loss" first, and those that are tables.

    `notes` tell which metrics could not be measured, and why.
    """

    scores: dict[str, float] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Meter:
    """Adds up what a compiled graph answers; nothing is read from the device until `read`.

    `totals` and `states` are those of another meter to go on from.
    """

    def __init__(
        self,
        program: Program,
        totals: Mapping[str, Sequence[float]] | None = None,
        states: Mapping[str, Mapping[str, Tensor]] | None = None,
    ) -> None:
        self._factors = list(program.losses.values())
        self._losses = list(program.losses)
        self._metrics = program.metrics
        self._gathered = {
            name: Gathered(recipe, (states or {}).get(name, {})) for name, recipe in program.gathered.items()
        }
        self._kept = sum(each.kept for each in self._gathered.values())
        self._summed = [name for name in program.metrics if name not in program.gathered]
        self._added = (*self._losses, *self._summed)
        self._notes: list[str] = []
        self._answers: list[Mapping[str, Tensor]] = []
        self._sizes: list[int] = []
        self.totals: dict[str, list[float]] = {name: list(pair) for name, pair in (totals or {}).items()}

    @property
    def waiting(self) -> int:
        """How many batches were added since the last reading."""
        return len(self._sizes)

    def add(self, answers: Mapping[str, Any], size: int) -> None:
        """Take in a batch of `size` samples."""
        self._answers.append({name: answers[name].detach() for name in self._added})
        self._sizes.append(size)
        for name, gathered in self._gathered.items():
            self._kept += gathered.add(answers[name])
        if self._kept > MOST_KEPT:
            self._flush()

    def _flush(self) -> None:
        """Hand on what was kept for the metrics that gather; never by the clock, for it rounds their sums."""
        self._kept = 0
        for name in list(self._gathered):
            self._asked(name, Gathered.flush)

    def _asked(self, name: str, ask: Callable[[Gathered], T]) -> T | None:
        """Ask the object of a metric; one that refuses what it was given is left out, with a note."""
        try:
            return ask(self._gathered[name])
        except (ValueError, TypeError, IndexError, RuntimeError) as error:
            if isinstance(error, torch.OutOfMemoryError) or "CUDA" in str(error):
                raise
            del self._gathered[name]
            why = " ".join(str(error).split()).rstrip(".")
            self._notes.append(f"{name} does not apply to what it is given and is left out: {why}.")
            return None

    def read(self) -> int | None:
        """Bring what was added into `totals`; returns the place of the first batch whose loss is not finite, if any.

        Batches are added one after the other, so that the sums do not depend on when they are read.
        """
        if not self._sizes:
            return None
        answers, sizes = self._answers, self._sizes
        self._answers, self._sizes = [], []
        rows = torch.stack([each[name] for each in answers for name in self._losses])
        losses = rows.view(len(answers), -1).double().cpu()
        for row, size in zip(losses.tolist(), sizes, strict=True):
            self._total(LOSS, sum(loss * factor for loss, factor in zip(row, self._factors, strict=True)) * size, size)
            if len(self._losses) > 1:
                for name, loss in zip(self._losses, row, strict=True):
                    self._total(name, loss * size, size)
        for name in self._summed:
            for added, counted in torch.stack([each[name] for each in answers]).double().tolist():
                self._total(name, added, counted)
        finite = losses.isfinite().all(dim=1)
        return None if finite.all() else int((~finite).nonzero()[0])

    def _total(self, name: str, added: float, counted: float) -> None:
        total = self.totals.setdefault(name, [0.0, 0.0])
        total[0] += added
        total[1] += counted

    def states(self) -> dict[str, dict[str, Tensor]]:
        """What the metrics that gather have, for a meter that goes on from here."""
        return {name: gathered.state() for name, gathered in self._gathered.items()}

    def scores(self) -> dict[str, float]:
        """The means so far of losses and metrics that are added up: {name: value}, "loss" first."""
        return {name: self._finished(name, *pair) for name, pair in self.totals.items()}

    def measured(self, classes: Mapping[str, Sequence[str]]) -> Measured:
        """All that was measured, if anything; `classes` holds, for a metric, the names of its target's classes."""
        self.read()
        if not self.totals:
            return Measured()
        found, gathered = Measured(self.scores()), {}
        for name in list(self._gathered):
            value = self._asked(name, Gathered.value)
            if value is not None and value.numel() > 1:
                found.tables[name] = table(self._metrics[name], value, classes.get(name, ()))
            elif value is not None:
                gathered[name] = value.item()
        all_scores = found.scores | gathered
        losses = [name for name in found.scores if name not in self._metrics]
        found.notes = tuple(self._notes)
        found.scores = {name: all_scores[name] for name in (*losses, *self._metrics) if name in all_scores}
        return found

    def _finished(self, name: str, total: float, count: float) -> float:
        mean = total / count if count else math.nan
        metric = self._metrics.get(name)
        return FINISHES[metric.finish](mean) if metric is not None else mean
