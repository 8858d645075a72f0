"""Sweeps as they are declared: which values of a project are tried, and how they are chosen."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal

from engine.declare import Declared, param
from engine.ops.settings import Settings
from engine.problem import Mistake

GRID_POINTS = 5  # that a grid tries between two numbers, where nothing else is said

Values = tuple[bool | int | float | str | tuple[int | float | str, ...] | None, ...]


class Sweep(Settings):
    """How a sweep chooses the values it tries, and what it calls good.

    `space` stands beside these in the spec: [{"path": ..., "op": "Numbers", "params": {...}}, ...].
    """

    subject = "A sweep"

    sampler: Literal["TPE", "random", "grid"] = param(
        "TPE", "How values are chosen: learning from the trials so far (TPE), at random, or every combination (grid)."
    )
    pruner: Literal["none", "median", "successive halving", "hyperband"] = param(
        "median",
        "Which trials end early: none, those below the median of the trials before them, or those that fall behind in "
        "ever longer rounds.",
    )
    trials: int = param(20, "Trials in all; a grid ends earlier where it has fewer combinations.", low=1, high=10**6)
    jobs: int = param(1, "Trials that train at the same time; they share the cores.", low=1, high=64)
    minutes: float | None = param(
        None, "After so many minutes no new trial begins; counted anew when the sweep goes on.", above=0
    )
    metric: str = param(
        "", "Metric of the validation split, or loss, that is to be best; empty: what tells a run's best epoch."
    )
    epoch: Literal["best", "last"] = param("best", "Which epoch of a trial counts.")
    direction: Literal["auto", "lower", "higher"] = param(
        "auto", "Whether lower or higher is better; auto: as the metric is declared.", advanced=True
    )
    grace: int = param(3, "Epochs that every trial has before it may end early.", low=1, high=10**6, advanced=True)
    seed: int = param(0, "Start of the random choices of values.", low=0, high=2**32 - 1, advanced=True)


class Range(Declared, family="range"):
    """The values that a sweep tries for one setting."""

    subject = "A range"

    def refuse_params(self) -> None:
        """Raise Mistake where the params do not go together."""

    def grid(self) -> list[Any]:
        """The values that a grid tries, in order."""
        raise NotImplementedError

    def ends(self) -> list[Any]:
        """The values that stand for all in a check: the outermost, or each of a list."""
        return self.grid()

    def words(self) -> str:
        """The range as it is written on the command line, such as "0.001..0.1:log"."""
        raise NotImplementedError


class Numbers(Range):
    """Numbers between two ends."""

    low: float = param(0.0, "Smallest value.")
    high: float = param(1.0, "Largest value.")
    log: bool = param(False, "Whether it is factors that count: 0.001 to 0.01 is as far as 0.01 to 0.1.")
    points: int = param(GRID_POINTS, "Values that a grid tries, evenly spread.", low=2, high=1000)

    def refuse_params(self) -> None:
        """Raise Mistake where the params do not go together."""
        _refuse_ends(self.low, self.high)
        if self.log and self.low <= 0:
            raise Mistake(f"low is {self.low:g}; with log it must be greater than 0.", param="low")

    def grid(self) -> list[Any]:
        """The values that a grid tries, in order."""
        parts = [place / (self.points - 1) for place in range(self.points)]
        if not self.log:
            return [self.low + part * (self.high - self.low) for part in parts]
        between = [float(f"{self.low * (self.high / self.low) ** part:.6g}") for part in parts[1:-1]]
        return [self.low, *between, self.high]

    def ends(self) -> list[Any]:
        """The smallest and the largest value."""
        return [self.low, self.high]

    def words(self) -> str:
        """The range as it is written on the command line."""
        points = f":points={self.points}" if self.points != GRID_POINTS else ""
        return f"{self.low:g}..{self.high:g}{':log' * self.log}{points}"


class WholeNumbers(Range):
    """Whole numbers between two ends."""

    low: int = param(1, "Smallest value.")
    high: int = param(10, "Largest value.")
    step: int = param(1, "From one value to the next.", low=1, high=2**40)
    log: bool = param(False, "Whether it is factors that count; a grid then doubles from the smallest value on.")

    def refuse_params(self) -> None:
        """Raise Mistake where the params do not go together."""
        _refuse_ends(self.low, self.high)
        if self.log and self.low < 1:
            raise Mistake(f"low is {self.low}; with log it must be at least 1.", param="low")
        if self.log and self.step != 1:
            raise Mistake(f"step is {self.step}; with log it must be 1.", param="step")

    def grid(self) -> list[Any]:
        """The values that a grid tries, in order."""
        if not self.log:
            return list(range(self.low, self.high + 1, self.step))
        doublings = int(math.log2(self.high / self.low))
        return [self.low * 2**power for power in range(doublings + 1)]

    def ends(self) -> list[Any]:
        """The smallest and the largest value."""
        return [self.low, self.low + (self.high - self.low) // self.step * self.step]

    def words(self) -> str:
        """The range as it is written on the command line."""
        step = f":step={self.step}" if self.step != 1 else ""
        return f"{self.low}..{self.high}:int{':log' * self.log}{step}"


class Choices(Range):
    """The values of a list."""

    values: Values = param((), "Values to choose from.")

    def refuse_params(self) -> None:
        """Raise Mistake where the params do not go together."""
        if len(self.grid()) < 2:
            raise Mistake("A list of values to choose from needs at least two that differ.", param="values")

    def grid(self) -> list[Any]:
        """The values that a grid tries, in order; once each."""
        return list(_once(self.values))

    def words(self) -> str:
        """The range as it is written on the command line."""
        return ",".join(_written(each) for each in self.values)


def _refuse_ends(low: float, high: float) -> None:
    if low >= high:
        raise Mistake(f"low is {low:g} and high is {high:g}; high must be greater.", param="high")


def _once(values: Values) -> Iterator[Any]:
    """Yield values without repeats; 1, 1.0 and true are three values."""
    known: set[str] = set()
    for each in values:
        if repr(each) not in known:
            known.add(repr(each))
            yield list(each) if isinstance(each, tuple) else each


def _written(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{','.join(map(_written, value))}]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)
