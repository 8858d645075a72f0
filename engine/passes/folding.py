"""Constant folding: what depends on no input of the graph, on no weights and on no chance is computed once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from engine.declare import Call, Pattern, Recipe, names_in
from engine.passes.dead import pruned
from engine.passes.facts import CONSTANT, is_pure, terminals, touched
from engine.program import Program, Ref, Step, path_to, replace_refs
from engine.recipes import build, constants, find

MOST_NUMBERS = 2**22  # of a constant: 16 MiB of float32; larger ones are made when they are needed

# Functions that give the same bits on every device: they move numbers, count, compare, or round as IEEE 754 demands.
_SAME_EVERYWHERE = frozenset(
    f"torch.{name}"
    for name in """abs add arange broadcast_to cat ceil clamp diag_embed diagonal eq eye flatten flip floor full
    full_like gather ge gt index_select le logical_and logical_not logical_or logical_xor lt masked_fill maximum
    minimum movedim mul narrow ne neg ones ones_like permute reshape roll select sign split squeeze stack sub tensor
    tile transpose tril triu trunc unflatten unsqueeze where zeros zeros_like""".split()
) | {".expand", ".repeat", ".to", "nn.Flatten", "nn.Identity", "nn.Unflatten", CONSTANT}


def fold_constants(program: Program) -> tuple[Program, tuple[str, ...]]:
    """Compute constant steps now, on the CPU.

    The results are stored in the module beside its weights, and move with it; elsewhere than on the CPU functions such
    as sin may round their last bit in another way.
    """
    return _folded(program, _values(program, everywhere=False))


def fold_exact_constants(program: Program) -> tuple[Program, tuple[str, ...]]:
    """Do the same for those steps alone that give the same bits on every device, as training needs it."""
    return _folded(program, _values(program, everywhere=True))


def _values(program: Program, *, everywhere: bool) -> dict[str, Any]:
    """What each constant step gives."""
    left_alone = touched(program) | terminals(program)
    values: dict[str, Any] = {}
    patterns: dict[str, Pattern] = {}

    def tensor(ref: Ref) -> Any:
        value = values[ref.node]
        for place in path_to(patterns[ref.node], ref.port) if ref.port else ():
            value = value[place]
        return value

    for step in program.steps:
        if any(ref.node not in values for ref in step.refs()) or step.node in left_alone or not is_pure(step):
            continue
        if not _is_small(program, step) or (everywhere and not _is_same_everywhere(step)):
            continue
        args = constants(replace_refs(step.args, tensor))
        kwargs = {name: constants(replace_refs(value, tensor)) for name, value in step.kwargs.items()}
        value = _computed(step.recipe, args, kwargs)
        if value is not None and not (everywhere and _is_cut(args, value)):
            values[step.node], patterns[step.node] = value, step.outputs
    return values


def _is_same_everywhere(step: Step) -> bool:
    if isinstance(step.recipe, Recipe) and not any(step.refs()):
        return True  # a stored tensor: it is made on the CPU in any case
    return step.recipe.target in _SAME_EVERYWHERE and "alpha" not in step.kwargs


def _is_cut(args: tuple[Any, ...], value: Any) -> bool:
    """Whether broken numbers became whole ones: what is too large to be one depends on the device."""
    given = [each for each in args if isinstance(each, Tensor)]
    return (
        isinstance(value, Tensor)
        and not _is_broken(value)
        and value.dtype != torch.bool
        and any(map(_is_broken, given))
    )


def _is_broken(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _is_small(program: Program, step: Step) -> bool:
    ports = (step.outputs, "") if isinstance(step.outputs, str) else names_in(step.outputs)
    shapes = [program.tensors[ref].shape for port in ports if (ref := Ref(step.node, port)) in program.tensors]
    return all(math.prod(size for size in shape if isinstance(size, int)) <= MOST_NUMBERS for shape in shapes)


def _computed(recipe: Recipe | Call, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """What a step gives, or None where that is no tensor or cannot be had: then it tells why when it runs."""
    try:
        with torch.no_grad():
            value = _function(recipe, args)(*args[recipe.target.startswith(".") :], **kwargs)
    except (ArithmeticError, AssertionError, LookupError, RuntimeError, TypeError, ValueError):
        return None
    return value if _is_nest(value) else None


def _function(recipe: Recipe | Call, args: tuple[Any, ...]) -> Any:
    if isinstance(recipe, Recipe):
        return build(recipe)
    return getattr(args[0], recipe.target[1:]) if recipe.target.startswith(".") else find(recipe.target)


def _is_nest(value: Any) -> bool:
    if isinstance(value, Tensor):
        return value.numel() <= MOST_NUMBERS and not value.is_sparse
    return isinstance(value, tuple | list) and all(map(_is_nest, value))


def _folded(program: Program, values: Mapping[str, Any]) -> tuple[Program, tuple[str, ...]]:
    """Put constants in the place of the steps that gave them, and leave out those that only such steps needed.

    A view that repeats numbers, as expand makes it, stays a step: as a constant it would take their memory.
    """
    needed = {ref.node for ref in program.outputs.values()}
    steps: list[Step] = []
    changed: set[str] = set()
    for step in reversed(program.steps):
        if step.node in values and step.node not in needed:
            changed.add(step.node)
            continue
        stored = isinstance(step.recipe, Recipe) and not any(step.refs())
        if step.node in values and not stored and _is_dense(values[step.node]):
            changed.add(step.node)
            step = replace(step, recipe=Recipe(CONSTANT, _cloned(values[step.node])), args=(), kwargs={})
        needed.update(ref.node for ref in step.refs())
        steps.append(step)
    names = tuple(step.node for step in program.steps if step.node in changed)
    return (pruned(replace(program, steps=tuple(reversed(steps)))), names) if names else (program, ())


def _is_dense(value: Any) -> bool:
    if isinstance(value, Tensor):
        return value.clone().stride() == value.stride()
    return all(map(_is_dense, value))


def _cloned(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else tuple(map(_cloned, value))
