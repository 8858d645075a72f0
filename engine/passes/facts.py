"""What passes know of steps: which are pure, which may change what they are given, which are the same.

Only what is known is relied on. A module or function that stands in no list here counts as impure and is left alone.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from engine.declare import Call, Recipe, Torch
from engine.program import Program, Ref, Step
from engine.recipes import build, find

KNOWN_HOMES = frozenset({"nn", "torch", "modules", "metrics", ""})  # "": a method of the first argument

# Modules of torch.nn that hold no weights and no state and draw no numbers, by the file that defines them.
_PURE_FILES = frozenset(
    f"torch.nn.modules.{name}"
    for name in ("activation", "channelshuffle", "distance", "flatten", "fold", "padding", "pixelshuffle", "pooling",
                 "upsampling")
)  # fmt: skip
_NOT_PURE = frozenset({"PReLU", "RReLU", "MultiheadAttention", "FractionalMaxPool2d", "FractionalMaxPool3d"})
_ALSO_PURE = frozenset({"Identity", "LocalResponseNorm"})
_DRAWS = frozenset(
    """rand randn randint randperm rand_like randn_like randint_like bernoulli binomial multinomial normal poisson
    empty empty_like empty_strided empty_permuted new_empty dropout dropout1d dropout2d dropout3d alpha_dropout
    feature_dropout feature_alpha_dropout native_dropout gumbel_softmax rrelu fractional_max_pool2d
    fractional_max_pool3d""".split()
)
DROPOUTS = frozenset(
    f"nn.{name}" for name in ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout")
)
CONSTANT = "modules.Constant"
_MOST_COMPARED = 2**16  # numbers of a constant that are compared with another's


# -------------------------------------------------------------------------------------------------------- purity


def is_pure(step: Step) -> bool:
    """Whether a step gives the same for the same inputs each time and changes nothing: no weights, state or chance."""
    if step.random or step.recipe.target in DROPOUTS or is_opaque(step):
        return False
    if isinstance(step.recipe, Recipe) and bears_weights(step):
        return False
    return not any(_draws(target) or _drops(kwargs) for target, kwargs in _calls(step))


def is_opaque(step: Step) -> bool:
    """Whether a step may change its inputs in place: it says so, or it is code that is not known here."""
    recipe = step.recipe
    if isinstance(recipe, Recipe) and (not _is_known(recipe.target) or _in_place(recipe)):
        return True
    return any(not _is_known(target) or _asks_for_place(kwargs) for target, kwargs in _calls(step))


def bears_weights(step: Step) -> bool:
    """Whether a step holds weights or state of its own, or is not known to hold none."""
    recipe = step.recipe
    if not isinstance(recipe, Recipe) or recipe.target == CONSTANT or recipe.target in DROPOUTS:
        return is_opaque(step)
    home = recipe.target.partition(".")[0]
    if home == "nn":
        return not _is_pure_module(recipe.target)
    return home != "modules" or _has_state(_Hashed(recipe))


def touched(program: Program) -> frozenset[str]:
    """The nodes whose numbers a step further on may change in place: all that lie before an opaque step."""
    found: set[str] = set()
    for step in reversed(program.steps):
        if step.node in found or is_opaque(step):
            found.update(ref.node for ref in step.refs())
    return frozenset(found)


def terminals(program: Program) -> frozenset[str]:
    """The losses and metrics: asked for by name, so that they stay what they are."""
    return frozenset({*program.losses, *program.metrics})


def _calls(step: Step) -> list[tuple[str, Mapping[str, Any]]]:
    """The function a step calls, and those among its arguments, each with its keywords."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    if isinstance(step.recipe, Call):
        found.append((step.recipe.target, step.kwargs))
    for value in (*step.args, *step.kwargs.values()):
        if isinstance(value, Call | list | tuple):
            found += _nested(value)
    return found


def _nested(value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(value, Call):
        yield value.target, value.kwargs
        yield from _nested([*value.args, *value.kwargs.values()])
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _nested(each)


@functools.cache
def _is_known(target: str) -> bool:
    """Whether a function or module is PyTorch's or ours, and changes nothing in place by its name."""
    in_place = target.endswith("_") and not target.endswith("__")
    return target.partition(".")[0] in KNOWN_HOMES and not in_place


def _asks_for_place(kwargs: Mapping[str, Any]) -> bool:
    return bool(kwargs) and ("out" in kwargs or bool(kwargs.get("inplace")))


@functools.cache
def _draws(target: str) -> bool:
    return target.rpartition(".")[2] in _DRAWS


def _drops(kwargs: Mapping[str, Any]) -> bool:
    return any("dropout" in name and value for name, value in kwargs.items())


def _in_place(recipe: Recipe) -> bool:
    if recipe.kwargs.get("inplace"):
        return True
    if not any(each is True for each in recipe.args):
        return False
    return bool(_signature(recipe.target).bind_partial(*recipe.args).arguments.get("inplace"))


@functools.cache
def _signature(target: str) -> inspect.Signature:
    return inspect.signature(find(target))


@functools.cache
def _is_pure_module(target: str) -> bool:
    kind = find(target)
    name = kind.__name__
    return name in _ALSO_PURE or (kind.__module__ in _PURE_FILES and name not in _NOT_PURE)


class _Hashed:
    """A recipe that can be a key."""

    __slots__ = ("key", "recipe")

    def __init__(self, recipe: Recipe) -> None:
        self.recipe, self.key = recipe, key_of(recipe)

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hashed) and other.key == self.key


@functools.lru_cache(maxsize=4096)
def _has_state(hashed: _Hashed) -> bool:
    """Whether one of our own modules holds weights or other saved numbers."""
    with torch.device("meta"):
        module: nn.Module = build(hashed.recipe)
    return bool(module.state_dict()) or any(True for _ in module.parameters())


# -------------------------------------------------------------------------------------------------------- sameness


def same_work(step: Step) -> Hashable:
    """A key that two steps share where they do the same with the same inputs."""
    if isinstance(step.recipe, Recipe):
        return (key_of(step.recipe), key_of(step.args), key_of(step.kwargs))
    return (step.recipe.target, key_of(step.args), key_of(step.kwargs))


def key_of(value: Any) -> Hashable:
    """A key that two values share where they are the same to the bit: 1, 1.0 and true differ, as do 0.0 and -0.0."""
    if isinstance(value, Ref):
        return value
    if isinstance(value, list | tuple):
        return (type(value), *map(key_of, value))
    if isinstance(value, Mapping):
        return tuple((name, key_of(value[name])) for name in sorted(value))
    if isinstance(value, Call | Recipe):
        return (type(value), value.target, key_of(value.args), key_of(value.kwargs))
    if isinstance(value, Torch):
        return (Torch, value.name)
    if isinstance(value, Tensor):
        return _key_of_tensor(value)
    if isinstance(value, float):
        return (float, value.hex())
    return (type(value), value if isinstance(value, Hashable) else id(value))


def _key_of_tensor(tensor: Tensor) -> Hashable:
    if tensor.numel() > _MOST_COMPARED:
        return (Tensor, id(tensor))
    numbers = tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
    return (Tensor, tensor.dtype, tuple(tensor.shape), tensor.stride(), numbers)


# -------------------------------------------------------------------------------------------------------- gradients


class Gradients:
    """Where gradients pass in training; nowhere, where a program has no loss.

    A merged or removed step leaves training the same to the bit only if all gradients are added up in the same order
    as before, for floating-point sums depend on it.
    """

    def __init__(self, program: Program) -> None:
        self._learned = _behind_weights(program) if program.losses else set()
        self._needed = _before_losses(program) if program.losses else set()
        self.edges: dict[Ref, int] = {}  # how many gradients are added up for a tensor
        for step in program.steps if program.losses else ():
            if self.pass_through(step.node):
                for ref in step.refs():
                    if ref.node in self._learned:
                        self.edges[ref] = self.edges.get(ref, 0) + 1

    def pass_through(self, node: str) -> bool:
        """Whether a gradient may flow back through a step."""
        return node in self._learned and node in self._needed


def _behind_weights(program: Program) -> set[str]:
    """The steps whose results depend on weights, and are no whole numbers, which have no gradient."""
    whole: dict[str, bool] = {}
    for ref, tensor in program.tensors.items():
        whole[ref.node] = whole.get(ref.node, True) and not tensor.dtype.startswith(("float", "bfloat", "complex"))
    found: set[str] = set()
    for step in program.steps:
        if not whole.get(step.node) and (bears_weights(step) or any(ref.node in found for ref in step.refs())):
            found.add(step.node)
    return found


def _before_losses(program: Program) -> set[str]:
    found = set(program.losses)
    for step in reversed(program.steps):
        if step.node in found:
            found.update(ref.node for ref in step.refs())
    return found
