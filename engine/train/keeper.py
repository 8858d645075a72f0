"""Keeps what a run has reached: checkpoints, and the weights of its best epoch, written beside training."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from torch import Tensor

from engine.events import Checkpoint
from engine.ops.settings import Training
from engine.train.checkpoint import EPOCH, Progressed, Stateful, host_copies, is_kept, save_tensors, snapshot
from engine.train.folder import Run
from engine.train.meter import Meter
from engine.train.writer import Writer

SECONDS = 60.0  # in a minute


@dataclass
class _Best:
    """Weights that wait to be written, and the epoch after which they were those."""

    tensors: Mapping[str, Tensor]
    epoch: int
    are_written: bool = False


class Keeper:
    """Writes the states of a run, each copied at once and written by a thread; leaving it waits for what is left.

    `weights` gives those that are kept where they are the best. They are written with the next checkpoint, before it:
    a checkpoint never tells of a best epoch whose weights are not on the disk.
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
        self._best: _Best | None = None
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
        written, best = snapshot(self._run, spec, progressed, self._parts, keep=keep), self._best

        def write() -> Path:
            if best is not None and not best.are_written:
                save_tensors(self._run.weights, best.tensors, {EPOCH: best.epoch})
                best.are_written, best.tensors = True, {}
            return written()

        self._writer.put(write)

    def best(self, epoch: int) -> None:
        """Keep the weights as they are now, after so many whole epochs, as the best."""
        self._best = _Best(host_copies(self._weights()), epoch)

    def begin(self, progressed: Progressed) -> None:
        """Go on from a checkpoint: where the best weights are not those that it tells of, the present ones are.

        A kill may have come between the two files, and another graph has no use for the weights of the one before.
        """
        if not progressed.epoch or is_kept(self._run, progressed):
            return
        if progressed.best_epoch != progressed.epoch or progressed.step:
            progressed.best_epoch, progressed.best_score = progressed.epoch, None
        self.best(progressed.best_epoch)
        self.checkpoint(progressed)

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
            epoch, step = path.stem.split("-")
            yield Checkpoint(int(epoch), str(path.relative_to(self._run.path)), int(step))
