"""Keeps what a run has reached: checkpoints, and the weights of its best epoch, written beside training."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from torch import Tensor

from engine.events import Checkpoint
from engine.ops.settings import Training
from engine.train.checkpoint import Progressed, Stateful, host_copies, save_tensors, snapshot
from engine.train.folder import Run
from engine.train.meter import Meter
from engine.train.writer import Writer

SECONDS = 60.0  # in a minute


class Keeper:
    """Writes the states of a run, each copied at once and written by a thread; leaving it waits for what is left.

    `weights` gives those that are kept where they are the best.
    """

    def __init__(
        self,
        run: Run,
        weights: Callable[[], Mapping[str, Tensor]],
        parts: Mapping[str, Stateful],
        training: Training,
    ) -> None:
        self._run, self._weights, self._parts, self._training = run, weights, parts, training
        self._writer: Writer[Path] = Writer()
        self._last = time.monotonic()
        self.meter: Meter | None = None  # of the epoch that is under way

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for what is being written; what goes wrong is raised unless something else has."""
        try:
            self._writer.flush()
        except OSError:
            if kind is None:
                raise

    def checkpoint(self, progressed: Progressed) -> None:
        """Keep the whole state as it is now."""
        self._last = time.monotonic()
        if self.meter is not None:
            progressed = replace(progressed, totals=self.meter.totals, states=self.meter.states())
        spec, keep = self._run.newest_spec(), self._training.keep_checkpoints
        self._writer.put("checkpoint", snapshot(self._run, spec, progressed, self._parts, keep=keep))

    def best(self) -> None:
        """Keep the weights as they are now as the best."""
        copies, path = host_copies(self._weights()), self._run.weights

        def write() -> Path:
            save_tensors(path, copies)
            return path

        self._writer.put("weights", write)

    def is_due(self) -> bool:
        """Whether a checkpoint is to be written within an epoch."""
        minutes = self._training.checkpoint_minutes
        return minutes is not None and time.monotonic() - self._last >= minutes * SECONDS

    def is_due_after(self, epoch: int) -> bool:
        """Whether a checkpoint is to be written after so many whole epochs."""
        return epoch % self._training.checkpoint_every == 0

    def written(self) -> Iterator[Checkpoint]:
        """Tell of the checkpoints that have come to be on the disk; raises OSError where one could not be written."""
        return self._told(self._writer.take())

    def finished(self) -> Iterator[Checkpoint]:
        """Wait until all is on the disk and tell of it; raises OSError where something could not be written."""
        return self._told(self._writer.flush())

    def _told(self, paths: list[Path]) -> Iterator[Checkpoint]:
        for path in paths:
            if path.parent == self._run.checkpoints:
                epoch, step = path.stem.split("-")
                yield Checkpoint(int(epoch), str(path.relative_to(self._run.path)), int(step))
