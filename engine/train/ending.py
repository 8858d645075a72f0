"""When training ends: after its epochs, steps or minutes, or once nothing becomes better."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from engine.ops.settings import Training


class Ending:
    """Says when a run is over. `score` names what early stopping watches, `higher_is_better` which way it goes."""

    def __init__(self, training: Training, epoch_batches: int, score: str, *, higher_is_better: bool) -> None:
        self._training = training
        self._epoch_batches = epoch_batches
        whole = training.epochs * epoch_batches
        self.run_batches = whole if training.max_steps is None else min(whole, training.max_steps)
        self.epochs = math.ceil(self.run_batches / epoch_batches) if epoch_batches else training.epochs
        self.score = score
        self._sign = 1.0 if higher_is_better else -1.0
        self._best: float | None = None
        self._waited = 0  # epochs since the best
        self._passed: float | None = None  # minutes that were used up when epochs were added, and count no more
        self._seconds_before = 0.0
        self._begun = time.monotonic()

    def reach(self, epochs: int) -> None:
        """Go on to the end of this epoch, whatever the settings say of epochs and steps."""
        self.epochs, self.run_batches = epochs, epochs * self._epoch_batches

    def extend(self, epochs: int) -> None:
        """Go on to the end of this epoch, even where the minutes are used up; patience begins anew."""
        self.reach(epochs)
        self._waited = 0
        if self.is_over_time():
            self._passed = self._training.max_minutes

    def updates(self, accumulate: int, batches: int | None = None) -> int:
        """How many times optimizers take a step in so many batches, or in the whole run, of which they add some up."""
        if not self._epoch_batches:
            return 0
        whole, rest = divmod(self.run_batches if batches is None else batches, self._epoch_batches)
        return whole * math.ceil(self._epoch_batches / accumulate) + math.ceil(rest / accumulate)

    def begin(self, seconds: float) -> None:
        """Take note that the run goes on now, after so many seconds of work."""
        self._seconds_before, self._begun = seconds, time.monotonic()

    def is_over_time(self) -> bool:
        """Whether the minutes are used up."""
        return self._seconds() >= self._most_seconds()

    def _most_seconds(self) -> float:
        minutes = self._training.max_minutes
        return math.inf if minutes is None or minutes == self._passed else 60 * minutes

    def _seconds(self) -> float:
        return self._seconds_before + time.monotonic() - self._begun

    def seconds_left(self, batches: int, seconds_a_batch: float) -> float:
        """How long the run still takes after so many batches."""
        left = (self.run_batches - batches) * seconds_a_batch
        return max(0.0, min(left, self._most_seconds() - self._seconds()))

    def is_over(self, epoch: int) -> bool:
        """Whether training ends after so many epochs, the last of them whole or not."""
        return epoch >= self.epochs or self.is_over_time() or self._is_patience_out()

    def _is_patience_out(self) -> bool:
        return self._training.patience is not None and self._waited >= self._training.patience

    def after_epoch(self, scores: Mapping[str, float]) -> str:
        """Take in the scores of an epoch; returns a note where they are the reason to end, else ""."""
        if self._training.patience is None or self.score not in scores:
            return ""
        value = self._sign * scores[self.score]
        if not math.isnan(value) and (self._best is None or value > self._best + self._training.min_delta):
            self._best, self._waited = value, 0
            return ""
        self._waited += 1
        if not self._is_patience_out():
            return ""
        epochs = f"{self._waited} epoch{'s' * (self._waited > 1)}"
        return f"{self.score} has not become better in {epochs}, so training ends early."

    def state(self) -> dict[str, Any]:
        """How long it has waited for what, as JSON."""
        return {"best": self._best, "waited": self._waited, "passed": self._passed}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go back to where `state` was written."""
        self._best, self._waited, self._passed = state["best"], state["waited"], state["passed"]
