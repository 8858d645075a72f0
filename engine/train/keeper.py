"""Keeps what a run has reached: checkpoints, and the weights of its best epoch, written beside training."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from torch import Tensor

from engine.events import Checkpoint
from engine.ops.settings import Training
from engine.train.checkpoint import (
    EPOCH,
    Progressed,
    Stateful,
    host_copies,
    is_kept,
    making_room,
    save_tensors,
    snapshot,
)
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

    def write(self, path: Path) -> None:
        """Write them to a file, once."""
        if not self.are_written:
            save_tensors(path, self.tensors, {EPOCH: self.epoch})
            self.are_written, self.tensors = True, {}


class Keeper:
    """Writes the states of a run, each copied at once and written by a thread; leaving it waits for what is left.

    `weights` gives those that are kept where they are the best. They are written before the next checkpoint, so that
    none tells of a best epoch whose weights are not on the disk; without one where nothing else is being written.
    """

    def __init__(
        self,
        run: Run,
        weights: Callable[[], Mapping[str, Tensor]],
        parts: Mapping[str, Stateful],
        training: Training,
    ) -> None:
        self._run, self._weights, self._parts, self._training = run, weights, parts, training
        self._writer: Writer[Path | None] = Writer()
        self._last = time.monotonic()
        self._best: _Best | None = None
        self.meter: Meter | None = None  # of the epoch that is under way

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for what is being written or still to be; what goes wrong is raised unless something else has."""
        try:
            self._writer.flush()
            self._put_best()
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
            if best is not None:
                best.write(self._run.weights)
            return written()

        self._writer.put(partial(making_room, self._run, write))

    def _put_best(self) -> None:
        """Have the best weights written, if they are not; only while the writer is idle: no checkpoint gives way."""
        best = self._best
        if best is not None and not best.are_written:
            self._writer.put(partial(making_room, self._run, partial(best.write, self._run.weights)))

    def best(self, epoch: int) -> None:
        """Keep the weights as they are now, after so many whole epochs, as the best."""
        self._best = _Best(host_copies(self._weights()), epoch)

    def begin(self, progressed: Progressed, *, is_changed: bool) -> None:
        """Go on from a checkpoint, and keep another one at once where something is changed.

        Where the best weights are not those that it tells of, the present ones are: a kill may have come between the
        two files, and another graph has no use for the weights of the one before.
        """
        if progressed.epoch and not is_kept(self._run, progressed):
            self._take_for_best(progressed)
            is_changed = True
        if is_changed:
            self.checkpoint(progressed)

    def _take_for_best(self, progressed: Progressed) -> None:
        """Let the present weights be the best; their score is known only right after the epoch that they are of."""
        if progressed.best_epoch != progressed.epoch or progressed.step:
            progressed.best_epoch, progressed.best_score = progressed.epoch, None
        self.best(progressed.best_epoch)

    def is_due(self) -> bool:
        """Whether a checkpoint is to be written within an epoch."""
        minutes = self._training.checkpoint_minutes
        return minutes is not None and time.monotonic() - self._last >= minutes * SECONDS

    def is_due_after(self, epoch: int) -> bool:
        """Whether a checkpoint is to be written after so many whole epochs."""
        return epoch % self._training.checkpoint_every == 0

    def written(self) -> Iterator[Checkpoint]:
        """Tell of the checkpoints that have come to be on the disk; best weights without one come to it now.

        Raises OSError where something could not be written.
        """
        paths = self._writer.take()
        if self._writer.is_idle:
            self._put_best()
        return self._told(paths)

    def finished(self) -> Iterator[Checkpoint]:
        """Wait until all is on the disk and tell of it; raises OSError where something could not be written."""
        return self._told(self._writer.flush())

    def _told(self, paths: Sequence[Path | None]) -> Iterator[Checkpoint]:
        for path in paths:
            if path is not None:
                epoch, step = path.stem.split("-")
                yield Checkpoint(int(epoch), str(path.relative_to(self._run.path)), int(step))
