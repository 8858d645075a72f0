"""What a guess is: a source for a path, and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TARGETS = ("target", "label", "class", "species", "y", "outcome", "diagnosis", "survived", "quality", "category")

Named = Callable[[Path], str]  # how a place is written in params, through the archive that it lies in


@dataclass(frozen=True)
class Guess:
    """A source for a path: its kind, the params that differ from the defaults, and why, in a sentence."""

    kind: str
    params: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""

    def encode(self) -> dict[str, Any]:
        return {"kind": self.kind, "params": dict(self.params), "words": self.words}


def offer(kind: str, params: Mapping[str, Any], what: str) -> Guess:
    """A guess whose sentence says what a path looks like."""
    return Guess(kind, {name: value for name, value in params.items() if value}, f"This looks like {what}.")
