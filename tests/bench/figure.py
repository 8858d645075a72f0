"""A measured figure: ours against theirs, side by side in one run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """`ours` and `theirs` in `unit`; the ratio is ours / theirs, and its target a lowest or a highest value.

    A figure without `theirs` is judged by itself.
    """

    name: str
    ours: float
    unit: str
    target: float
    better: Literal["higher", "lower"]
    theirs: float | None = None

    @property
    def measured(self) -> float:
        """What the target is about: the ratio, or the figure itself."""
        return self.ours if self.theirs is None else self.ours / self.theirs

    @property
    def met(self) -> bool:
        """Whether the target is met."""
        return self.measured >= self.target if self.better == "higher" else self.measured <= self.target

    def row(self) -> str:
        """The figure as a line of a table."""
        theirs = "" if self.theirs is None else f"{self.theirs:,.4g}"
        sign = "≥" if self.better == "higher" else "≤"
        ratio = "" if self.theirs is None else f"{self.measured:.2f}"
        verdict = "met" if self.met else "MISSED"
        figures = f"{self.ours:>10,.4g} {theirs:>10} {self.unit:12} {ratio:>6}"
        return f"{self.name:58} {figures} {sign} {self.target:<6g} {verdict}"
