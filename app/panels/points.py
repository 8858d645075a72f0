"""What runs have told, as the points of lines: every one is kept."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from app.runner import PORTION
from engine.events import Epoch, Event, Progress, Started
from engine.train.folder import Run

LR = "learning rate"


@dataclass
class Line:
    """The points of one line: epochs, which grow, and values."""

    x: array[float] = field(default_factory=lambda: array("d"))
    y: array[float] = field(default_factory=lambda: array("d"))

    def add(self, x: float, y: float) -> None:
        self.x.append(x)
        self.y.append(y)

    def stretch(self, x: float, y: float) -> None:
        """Add a point of what mostly stays: a level stretch is its two ends."""
        if len(self.y) > 1 and self.y[-2] == self.y[-1] == y:
            self.x[-1] = x
        else:
            self.add(x, y)

    def forget_after(self, x: float) -> None:
        """Take away the points behind a place."""
        kept = bisect_right(self.x, x)
        del self.x[kept:], self.y[kept:]


@dataclass
class Points:
    """What one run has told: {(metric, split): line}; "steps" holds the training values between the epochs.

    Its events before the byte `offset` are taken in; up to `end` they are read from its folder, behind it they come by
    themselves, and wait until all before them is read.
    """

    end: int
    offset: int = 0
    waiting: list[tuple[list[Event], int]] = field(default_factory=list)
    lines: dict[tuple[str, str], Line] = field(default_factory=dict)
    moving: set[str] = field(default_factory=set)  # the learning rates that have changed

    @property
    def is_behind(self) -> bool:
        """Whether there is something to be read."""
        return self.offset < self.end

    def follow(self, offset: int) -> None:
        """Have what lies behind a byte come by itself, and what lies before it read."""
        self.end, self.waiting = offset, []

    def read_on(self, run: Run) -> None:
        """Take in the next portion of what is to be read, and what has waited for the last one."""
        events, offset = run.tail(self.offset, min(PORTION, self.end - self.offset))
        self._take(events)
        self.offset = offset if offset > self.offset else self.end  # what is left is no whole line
        if not self.is_behind:
            for each in self.waiting:
                self.come(*each)
            self.waiting = []

    def come(self, events: list[Event], offset: int) -> None:
        """Take in the events before a byte that have come."""
        if self.is_behind:
            self.waiting.append((events, offset))
            return
        self._take(events)
        self.offset = self.end = offset

    def _take(self, events: list[Event]) -> None:
        for event in events:
            self._take_one(event)

    def _take_one(self, event: Event) -> None:
        match event:
            case Started():
                self._forget_after(event.epoch + event.step / max(1, event.steps_per_epoch))
            case Progress():
                at = event.epoch - 1 + event.step / max(1, event.steps)
                for name, value in event.train.items():
                    self._add(name, "steps", at, value)
                self._add_rates(at, event.learning_rates)
            case Epoch():
                for split, scores in (("train", event.train), ("validation", event.validation)):
                    for name, value in scores.items():
                        self._add(name, split, event.epoch, value)
                self._add_rates(event.epoch, event.learning_rates)

    def _forget_after(self, place: float) -> None:
        """Take away what lies behind a place, in epochs: a run that goes on from there tells it anew."""
        for line in self.lines.values():
            line.forget_after(place)
        self.lines = {key: line for key, line in self.lines.items() if line.x}

    def _add(self, name: str, split: str, x: float, y: float) -> None:
        self._line(name, split).add(x, y)

    def _line(self, name: str, split: str) -> Line:
        line = self.lines.get((name, split))
        if line is None:
            line = self.lines[name, split] = Line()
        return line

    def _add_rates(self, x: float, rates: Mapping[str, float]) -> None:
        for optimizer, rate in rates.items():
            name = f"{LR} {optimizer}" if len(rates) > 1 else LR
            line = self._line(name, "train")
            if line.y and line.y[-1] != rate:
                self.moving.add(name)
            line.stretch(x, rate)

    def metrics(self) -> list[str]:
        """The names of what is measured, the loss first; a learning rate that stays is not worth a plot."""
        names = dict.fromkeys(name for name, _split in self.lines)
        return [name for name in names if not name.startswith(LR) or name in self.moving]


def smoothed(values: np.ndarray, weight: float) -> np.ndarray:
    """An exponential moving average without the bias of its start; gaps (NaN) stay gaps."""
    if weight <= 0:
        return values
    out, last, count = np.empty(len(values)), 0.0, 0
    for place, value in enumerate(values):
        if not math.isfinite(value):
            out[place] = math.nan
            continue
        last, count = last * weight + (1 - weight) * value, count + 1
        out[place] = last / (1 - weight**count)
    return out
