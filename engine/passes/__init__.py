"""Graph passes: each takes a program and returns a better one that computes the same, and tells what it did.

Which passes run depends on what the program is for. All of these leave every number the same to the bit:

- training: dead code, constants that are the same on every device, identities and common subexpressions where no
  gradient is added up in another order;
- inference (outputs, in evaluation mode for good): dead code, dropouts, constants, identities, common subexpressions.

For deployment, `engine.deploy` also folds batch norms into the weights before them, which rounds differently. The
Python export is the graph as it was drawn, without its dead code. No pass removes or merges a step that holds weights:
the names in a weights file are those of the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from engine.passes.common import merge_common
from engine.passes.dead import eliminate_dead_code
from engine.passes.folding import fold_constants, fold_exact_constants
from engine.passes.identities import drop_dropouts, remove_identities
from engine.program import Program

MOST_NAMED = 6  # steps in a note


@dataclass(frozen=True, slots=True)
class Pass:
    """A pass: its name, how the sentence on its work reads, and the function that returns what it changed."""

    name: str
    words: str
    run: Callable[[Program], tuple[Program, tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class Ran:
    """What a pass did: a sentence ("" where it found nothing), and how many nodes there were before and after."""

    name: str
    note: str
    before: int
    after: int

    def encode(self) -> dict[str, Any]:
        """The same as JSON."""
        return asdict(self)


DEAD_CODE = Pass("dead code", "Dead-code elimination left out {}.", eliminate_dead_code)
DROPOUTS = Pass("dropouts", "Dropouts do nothing when predicting and fell away: {}.", drop_dropouts)
CONSTANTS = Pass("constants", "Constant folding computed {} beforehand.", fold_constants)
EXACT_CONSTANTS = Pass("constants", "Constant folding computed {} beforehand.", fold_exact_constants)
IDENTITIES = Pass("identities", "Steps that change nothing fell away: {}.", remove_identities)
COMMON = Pass("common subexpressions", "Equal steps are computed once: {}.", merge_common)

PASSES: Mapping[str, tuple[Pass, ...]] = {
    "training": (DEAD_CODE, EXACT_CONSTANTS, IDENTITIES, COMMON),
    "inference": (DEAD_CODE, DROPOUTS, CONSTANTS, IDENTITIES, COMMON),
}
AS_DRAWN = (DEAD_CODE,)  # what a Python export is, and what may be put in training mode without training losses


def optimise(program: Program, passes: Sequence[Pass]) -> tuple[Program, tuple[Ran, ...]]:
    """Run passes one after the other; returns the program and what each pass did."""
    ran = []
    for each in passes:
        before = nodes_of(program)
        program, changed = each.run(program)
        ran.append(Ran(each.name, each.words.format(listed(changed)) if changed else "", before, nodes_of(program)))
    return program, tuple(ran)


def nodes_of(program: Program) -> int:
    """How many nodes feed or compute something."""
    return len(program.feeds) + len(program.steps)


def listed(names: Sequence[str]) -> str:
    """Name a few and count the rest: "a, b and 7 more"."""
    shown = ", ".join(names[:MOST_NAMED])
    return f"{shown} and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else shown
