"""Losses and metrics added up over batches: kept on the device, read now and then."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from engine.program import Program

LOSS = "loss"


class NotFinite(Exception):  # caught by the loop, which tells the user
    """A loss became NaN or infinite, so many batches after the last reading."""

    def __init__(self, batch: int) -> None:
        super().__init__(batch)
        self.batch = batch


class Meter:
    """Adds up what a compiled graph answers; nothing is read from the device until `read`."""

    def __init__(self, program: Program, totals: Mapping[str, Sequence[float]] | None = None) -> None:
        self._factors = torch.tensor(list(program.losses.values()), dtype=torch.float64)
        self._losses = list(program.losses)
        self._metrics = program.metrics
        self._answers: list[Mapping[str, Tensor]] = []
        self._sizes: list[int] = []
        self.totals: dict[str, list[float]] = {name: list(pair) for name, pair in (totals or {}).items()}

    @property
    def waiting(self) -> int:
        """How many batches were added since the last reading."""
        return len(self._sizes)

    def add(self, answers: Mapping[str, Tensor], size: int) -> None:
        """Take in a batch of `size` samples."""
        self._answers.append(answers)
        self._sizes.append(size)

    def read(self) -> None:
        """Bring what was added into `totals`; raises NotFinite with the first batch whose loss is not finite."""
        if not self._sizes:
            return
        answers, sizes = self._answers, torch.tensor(self._sizes, dtype=torch.float64)
        self._answers, self._sizes = [], []
        rows = torch.stack([each[name] for each in answers for name in self._losses])
        losses = rows.view(len(answers), -1).double().cpu()
        finite = losses.isfinite().all(dim=1)
        if not finite.all():
            raise NotFinite(int((~finite).nonzero()[0]))
        weighted = losses * sizes[:, None]
        count = float(sizes.sum())
        self._total(LOSS, float((weighted @ self._factors).sum()), count)
        if len(self._losses) > 1:
            for name, total in zip(self._losses, weighted.sum(dim=0).tolist(), strict=True):
                self._total(name, total, count)
        for name in self._metrics:
            added, counted = torch.stack([each[name] for each in answers]).double().sum(dim=0).tolist()
            self._total(name, added, counted)

    def _total(self, name: str, added: float, counted: float) -> None:
        total = self.totals.setdefault(name, [0.0, 0.0])
        total[0] += added
        total[1] += counted

    def scores(self) -> dict[str, float]:
        """The means so far: {loss or metric: value}, "loss" first."""
        return {name: self._finished(name, *pair) for name, pair in self.totals.items()}

    def _finished(self, name: str, total: float, count: float) -> float:
        mean = total / count if count else math.nan
        metric = self._metrics.get(name)
        return math.sqrt(mean) if metric is not None and metric.finish == "root" else mean
