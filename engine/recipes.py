"""Recipes at work: the modules and functions that declarations name, found, built and called."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from engine import metrics, modules, python_node, tensorfile
from engine.declare import Call, Op, Recipe, Torch, Value, names_in, pattern
from engine.problem import Mistake

HOMES: Mapping[str, Any] = {
    "nn": nn,
    "torch": torch,
    "optim": torch.optim,
    "metrics": metrics,
    "modules": modules,
    "python": python_node,
    "tensorfile": tensorfile,
}
HEAVY: Mapping[str, str] = {"torchmetrics": "torchmetrics", "measures": "engine.measures"}  # imported when first used


@functools.cache
def find(target: str) -> Any:
    """Find what a recipe's target names: "nn.Linear", "torch.cat", "metrics.x", "package.module:Name".

    Raises Mistake where an installed package does not have it.
    """
    if ":" in target:
        return _in_package(*target.split(":", 1))
    root, _, name = target.partition(".")
    home = importlib.import_module(HEAVY[root]) if root in HEAVY else HOMES[root]
    return functools.reduce(getattr, name.split("."), home)


def _in_package(module: str, name: str) -> Any:
    try:
        return functools.reduce(getattr, name.split("."), importlib.import_module(module))
    except (ImportError, AttributeError) as error:
        raise Mistake(f"{module}:{name} is not to be found: {error}; install the package that has it.") from None


def build(recipe: Recipe, **more: Any) -> Any:
    """Build the module that a recipe names; `more` are further keywords, such as device."""
    kwargs = {name: constants(value) for name, value in recipe.kwargs.items()}
    return find(recipe.target)(*constants(recipe.args), **kwargs, **more)


def is_plain(recipe: Recipe) -> bool:
    """Whether a recipe is built from plain values alone, without tensors or modules of its own."""
    return not any(isinstance(each, Recipe | Call) for each in (*recipe.args, *recipe.kwargs.values()))


def arguments(op: type[Op], tensors: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arrange what comes through an op's ports as the arguments its module is called with.

    Ports are positional as far as they are connected without a gap, then by keyword, at the latest behind a "*" in
    the op's `inputs` pattern; a tuple there is packed.
    """
    tree = pattern(op.inputs) if op.inputs else tuple(op.input_ports())
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    gap = False
    for part in (tree,) if isinstance(tree, str) else tree:
        names = names_in(part)
        if part == "*" or any(name not in tensors for name in names):
            gap = True
        elif not isinstance(part, str):
            args.append(tuple(tensors[name] for name in names))
        elif gap:
            kwargs[part] = tensors[part]
        else:
            args.append(tensors[part])
    return tuple(args), kwargs


def resolved(value: Any, tensors: Mapping[str, Any]) -> Any:
    """Put tensors (or Refs) in the place of the Values among a Call's arguments, and of the Calls among those."""
    if isinstance(value, Value):
        port, _, place = value.port.partition("[")
        return tensors[port][int(place[:-1])] if place else tensors[port]
    if isinstance(value, Call):
        kwargs = {name: resolved(each, tensors) for name, each in value.kwargs.items()}
        return Call(value.target, *resolved(value.args, tensors), **kwargs)
    if isinstance(value, list | tuple):
        return type(value)(resolved(each, tensors) for each in value)
    return value


def constants(value: Any) -> Any:
    """Put torch's own constants in the place of Torch(...), and what they make in that of recipes and calls."""
    if isinstance(value, Torch):
        return find(value.name)
    if isinstance(value, Recipe):
        return build(value)
    if isinstance(value, Call):
        return call(value, {})
    if isinstance(value, list | tuple):
        return type(value)(constants(each) for each in value)
    return value


def call(recipe: Call, tensors: Mapping[str, Any]) -> Any:
    """Call the function or method that a Call names."""
    args = constants(resolved(recipe.args, tensors))
    kwargs = {name: constants(resolved(value, tensors)) for name, value in recipe.kwargs.items()}
    if recipe.target.startswith("."):
        return getattr(args[0], recipe.target[1:])(*args[1:], **kwargs)
    return find(recipe.target)(*args, **kwargs)
