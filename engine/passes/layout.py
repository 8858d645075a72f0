"""How tensors lie in memory, as far as it is known: row by row, without gaps, as a new tensor does.

A step that copies (a Concat of one tensor) or computes with a number that changes nothing (times 1) gives its result
row by row. It can be left out exactly where its input lies so already: other layouts lead to other kernels, and those
to other roundings.
"""

from __future__ import annotations

import functools

from engine.declare import Recipe
from engine.passes.facts import CONSTANT, DROPOUTS
from engine.program import Program, Ref, Step
from engine.recipes import find

_ALWAYS = frozenset({"nn.Linear", "nn.Embedding"})
_LIKE_INPUT = frozenset(
    f"torch.{name}"
    for name in """abs cat ceil concat cos erf exp expm1 flatten floor log log1p neg reciprocal relu reshape round rsqrt
    sigmoid sign sin sqrt square squeeze tanh trunc unsqueeze""".split()
) | {".to", "nn.Flatten", "nn.Identity", "nn.Unflatten"}
_PAIRWISE = frozenset({"torch.add", "torch.sub", "torch.mul", "torch.div"})


def gives_rows(step: Step, program: Program, in_rows: set[Ref]) -> bool:
    """Whether the one tensor a step gives lies row by row; `in_rows` holds those before it that do.

    Feeds count among these: batches are gathered anew.
    """
    target = step.recipe.target
    if target in _ALWAYS:
        return True
    if target == CONSTANT or any(ref not in in_rows for ref in step.refs()):
        return False
    if target in _LIKE_INPUT or target in DROPOUTS:
        return True
    if target in _PAIRWISE:
        return _are_alike(step, program)
    return isinstance(step.recipe, Recipe) and _is_activation(target)


@functools.cache
def _is_activation(target: str) -> bool:
    return (
        target.startswith("nn.")
        and target != "nn.MultiheadAttention"
        and find(target).__module__ == "torch.nn.modules.activation"
    )


def _are_alike(step: Step, program: Program) -> bool:
    """Whether all that a step is given has one known shape."""
    refs = list(step.refs())
    if len(refs) == 1:
        return True
    shapes = [program.tensors[ref].shape for ref in refs if ref in program.tensors]
    return len(shapes) == len(refs) and all(shape == shapes[0] for shape in shapes)
