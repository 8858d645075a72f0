"""Steps that change nothing, and pairs of steps that undo each other, fall away where that is exact."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

import torch
from torch import Tensor

from engine.declare import Recipe, Torch
from engine.passes.dead import pruned
from engine.passes.facts import DROPOUTS, Gradients, is_pure, same_work, terminals, touched
from engine.passes.layout import gives_rows
from engine.program import Program, Ref, Shaped, Step, replace_refs
from engine.recipes import build


class Kind(Enum):
    """What a step that changes nothing does: hand on its very input, view or copy it, or compute the same numbers."""

    SAME = 1  # gradients are added up where they were
    VIEW = 2  # a gradient goes through as it is, but is a sum of its own
    VALUE = 3  # a gradient is computed with


@dataclass(frozen=True, slots=True)
class Found:
    """What a step may be replaced by: an earlier tensor; `between` are the tensors on the way from it to the step."""

    source: Ref
    kind: Kind
    between: tuple[Ref, ...] = ()


def drop_dropouts(program: Program) -> tuple[Program, tuple[str, ...]]:
    """Leave out what does nothing in evaluation mode; only for programs that are run in no other."""
    work = _Removal(program)
    return work.run(lambda step: _handed_on(step) if step.recipe.target in DROPOUTS else None)


def remove_identities(program: Program) -> tuple[Program, tuple[str, ...]]:
    """Leave out steps that give what they are given, or what the step before them was given.

    In training a step through which a gradient passes goes only where no sum of gradients changes its order.
    """
    work = _Removal(program)
    return work.run(work.identity)


class _Removal:
    """One walk through a program."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._steps = {step.node: step for step in program.steps}
        self._gradients = Gradients(program)
        self._edges = dict(self._gradients.edges)
        self._touched, self._terminals = touched(program), terminals(program)
        self._in_rows = {feed.ref for feed in program.feeds}
        self._orders: dict[Ref, _Order] = {}
        self._replaced: dict[str, Ref] = {}  # step left out -> what stands in its place

    def run(self, find: Callable[[Step], Found | None]) -> tuple[Program, tuple[str, ...]]:
        """Ask of each step what may stand in its place, and put it there."""
        steps, gone = [], []
        for step in self._program.steps:
            step = self._steps[step.node] = self._redirected(step)
            found = find(step) if isinstance(step.outputs, str) and step.node not in self._terminals else None
            if found is not None and self._is_exact(step, found):
                self._replaced[step.node] = found.source
                gone.append(step.node)
                continue
            if gives_rows(step, self._program, self._in_rows):
                self._in_rows.add(Ref(step.node))
            steps.append(step)
        if not gone:
            return self._program, ()
        outputs = {node: self._now(ref) for node, ref in self._program.outputs.items()}
        return pruned(replace(self._program, steps=tuple(steps), outputs=outputs)), tuple(gone)

    def _redirected(self, step: Step) -> Step:
        if not self._replaced or not any(ref.node in self._replaced for ref in step.refs()):
            return step
        kwargs = {name: replace_refs(value, self._now) for name, value in step.kwargs.items()}
        return replace(step, args=replace_refs(step.args, self._now), kwargs=kwargs)

    def _now(self, ref: Ref) -> Ref:
        return self._replaced.get(ref.node, ref)

    def _is_exact(self, step: Step, found: Found) -> bool:
        """Whether nothing else changes where a step is left out; keeps count of the gradients that are added up."""
        own, source = self._edges.get(Ref(step.node), 0), found.source
        passes = self._gradients.pass_through(step.node)
        if found.kind is not Kind.SAME:
            if step.node in self._touched or source.node in self._touched:
                return False
            if passes and (
                found.kind is Kind.VALUE or any(self._edges.get(ref) != 1 for ref in (source, *found.between))
            ):
                return False
        if passes:
            self._edges[source] = self._edges.get(source, 0) + own - 1
        return True

    # ---------------------------------------------------------------------------------------------------- rules

    def identity(self, step: Step) -> Found | None:
        """What a step may be replaced by: each rule looks at its own functions."""
        rule = _RULES.get(step.recipe.target)
        return None if rule is None or (step.random and step.recipe.target != "nn.Dropout") else rule(self, step)

    def tensor(self, ref: Any) -> Shaped | None:
        """What is known of a tensor."""
        return self._program.tensors.get(ref) if isinstance(ref, Ref) else None

    def never_drops(self, step: Step) -> Found | None:
        """A dropout of nothing; PyTorch hands on its input then."""
        assert isinstance(step.recipe, Recipe)
        share = [*step.recipe.args, step.recipe.kwargs.get("p")][0]
        return _handed_on(step) if share == 0 and not isinstance(share, bool) else None

    def cast(self, step: Step) -> Found | None:
        """A cast to the dtype that it gets."""
        match step.args:
            case (Ref() as source, Torch(name=name)) if not step.kwargs:
                known = self.tensor(source)
                return Found(source, Kind.SAME) if known and f"torch.{known.dtype}" == name else None
        return None

    def flatten(self, step: Step) -> Found | None:
        """A Flatten of one axis, for which PyTorch hands on its input, else of a shape that stays as it is."""
        source = step.args[0] if step.args else None
        known = self.tensor(source)
        given = step.recipe.args if isinstance(step.recipe, Recipe) else step.args[1:]
        named = step.recipe.kwargs if isinstance(step.recipe, Recipe) else step.kwargs
        if not isinstance(source, Ref) or known is None or not known.shape:
            return None
        settings = {"start_dim": int(isinstance(step.recipe, Recipe)), "end_dim": -1, **named}
        settings.update(zip(("start_dim", "end_dim"), given, strict=False))
        first, last = (settings[name] % len(known.shape) for name in ("start_dim", "end_dim"))
        return Found(source, Kind.SAME) if first == last else None

    def same_shape(self, step: Step) -> Found | None:
        """A Reshape to the shape that is there already, rows staying rows."""
        source = step.args[0] if step.args else None
        if not isinstance(source, Ref) or source not in self._in_rows or len(list(step.refs())) != 1:
            return None
        if not self._is_kept(source, Ref(step.node)):
            return None
        # of a gradient that lies otherwise, a reshape may change the strides of axes of size 1
        return Found(source, Kind.VALUE)

    def _is_kept(self, source: Ref, result: Ref) -> bool:
        """Whether shape and dtype are known to be the same."""
        before, after = self.tensor(source), self.tensor(result)
        if before is None or after is None or before.dtype != after.dtype:
            return False
        return tuple(before.shape) == tuple(after.shape) and not any(map(_is_unsure, before.shape))

    def reorder(self, step: Step) -> Found | None:
        """An order of the axes that is the one they had, here or with the steps before."""
        source = step.args[0] if step.args else None
        if not isinstance(source, Ref):
            return None
        before = self._orders.get(source) or _Order(source, None, ())
        known = self.tensor(source)
        rank = len(before.axes) if before.axes is not None else len(known.shape) if known is not None else None
        axes = _axes_of(step, rank)
        if axes is None or (before.axes is not None and len(axes) != len(before.axes)):
            return None
        axes = axes if before.axes is None else tuple(before.axes[axis] for axis in axes)
        self._orders[Ref(step.node)] = _Order(before.base, axes, (*before.between, Ref(step.node)))
        return Found(before.base, Kind.VIEW, before.between) if axes == tuple(range(len(axes))) else None

    def squeeze(self, step: Step) -> Found | None:
        """A Squeeze of the axis that an Unsqueeze has just added."""
        inner = self._before(step)
        if inner is None or inner.recipe.target != "torch.unsqueeze":
            return None
        known = self.tensor(Ref(inner.node))
        added, dropped = _setting(inner, "dim"), _setting(step, "dim")
        if known is None or not isinstance(added, int) or not isinstance(dropped, int):
            return None
        rank = len(known.shape)
        if added % rank != dropped % rank or not isinstance(inner.args[0], Ref):
            return None
        return Found(inner.args[0], Kind.VIEW, (Ref(inner.node),))

    def join(self, step: Step) -> Found | None:
        """A Concat of one tensor."""
        match step.args:
            case ([Ref() as source] | (Ref() as source,), *_) if source in self._in_rows:
                return Found(source, Kind.VIEW)
        return None

    def again(self, step: Step) -> Found | None:
        """A function that gives its own results back as they are, such as a ReLU behind a ReLU."""
        inner = self._before(step)
        if inner is None or len(step.args) > 1 or step.kwargs or not is_pure(inner) or not is_pure(step):
            return None
        twin = replace(step, args=inner.args)
        return Found(Ref(inner.node), Kind.VALUE) if same_work(twin) == same_work(inner) else None

    def _before(self, step: Step) -> Step | None:
        """The step that gives a step its first input, where it gives nothing else."""
        source = step.args[0] if step.args else None
        inner = self._steps.get(source.node) if isinstance(source, Ref) else None
        return inner if inner is not None and isinstance(inner.outputs, str) and inner.args else None

    def arithmetic(self, step: Step) -> Found | None:
        """A sum, a product or a power with a number that changes nothing."""
        if len(step.args) != 2 or step.kwargs:
            return None
        target = step.recipe.target
        for source, other in (step.args, step.args[::-1]) if target in ("torch.add", "torch.mul") else (step.args,):
            if not isinstance(source, Ref) or source not in self._in_rows or not self._is_kept(source, Ref(step.node)):
                continue
            number = self._number(other)
            if target == "torch.pow" and isinstance(other, Ref):  # computes each power, to the last bit but one
                continue
            if number is not None and self._changes_nothing(target, source, number):
                return Found(source, Kind.VIEW if target in ("torch.add", "torch.sub") else Kind.VALUE)
        return None

    def _changes_nothing(self, target: str, source: Ref, number: Tensor) -> bool:
        known = self.tensor(source)
        if known is None or not known.dtype.startswith(("float", "bfloat", "int", "uint")):
            return False
        if target in ("torch.mul", "torch.div", "torch.pow"):
            return bool((number == 1).all())
        if not bool((number == 0).all()):
            return False
        negative = torch.signbit(number)  # -0.0 + 0.0 is 0.0; x + -0.0 and x - 0.0 are x
        exact = bool(negative.all()) if target == "torch.add" else not bool(negative.any())
        inner = self._steps.get(source.node)
        whole = known.dtype.startswith(("int", "uint"))
        return exact or whole or (inner is not None and inner.recipe.target in _NO_NEGATIVE_ZERO)

    def _number(self, value: Any) -> Tensor | None:
        """The constant that stands beside a tensor."""
        if isinstance(value, int | float) and not isinstance(value, bool):
            return torch.tensor(value, dtype=torch.float64 if isinstance(value, float) else torch.int64)
        step = self._steps.get(value.node) if isinstance(value, Ref) and not value.port else None
        if step is None or not isinstance(step.recipe, Recipe) or any(step.refs()) or not is_pure(step):
            return None
        constant = build(step.recipe)()
        return constant if isinstance(constant, Tensor) and constant.is_contiguous() else None


@dataclass(frozen=True, slots=True)
class _Order:
    """A tensor that is another with its axes in another order, by way of the tensors `between`."""

    base: Ref
    axes: tuple[int, ...] | None
    between: tuple[Ref, ...]


def _handed_on(step: Step) -> Found | None:
    source = step.args[0] if len(step.args) == 1 and not step.kwargs else None
    return Found(source, Kind.SAME) if isinstance(source, Ref) else None


def _setting(step: Step, name: str) -> Any:
    """What a function of one tensor gets beside it."""
    return step.kwargs.get(name, step.args[1] if len(step.args) == 2 else None)


def _axes_of(step: Step, rank: int | None) -> tuple[int, ...] | None:
    """The old axes in their new order."""
    target, rest = step.recipe.target, step.args[1:]
    if step.kwargs:
        return None
    if target == "torch.permute" and len(rest) == 1 and isinstance(rest[0], tuple | list):
        return tuple(axis % len(rest[0]) for axis in rest[0])
    if not rank or len(rest) != 2 or not all(isinstance(axis, int) for axis in rest):
        return None
    one, other = (axis % rank for axis in rest)
    axes = list(range(rank))
    if target == "torch.movedim":
        axes.insert(other, axes.pop(one))
    else:
        axes[one], axes[other] = axes[other], axes[one]
    return tuple(axes)


def _is_unsure(size: Any) -> bool:
    """Whether a size depends on numbers: two of one name may differ."""
    return not isinstance(size, int) and re.search(r"\bK\d", str(size)) is not None


_NO_NEGATIVE_ZERO = frozenset({"torch.abs", "torch.exp", "torch.sigmoid", "nn.Sigmoid", "nn.Softmax", "torch.softmax"})

_RULES: Mapping[str, Callable[[_Removal, Step], Found | None]] = {
    "nn.Identity": lambda _work, step: _handed_on(step),
    ".to": _Removal.cast,
    "torch.cat": _Removal.join,
    "torch.squeeze": _Removal.squeeze,
    "nn.Dropout": _Removal.never_drops,
    **dict.fromkeys(("nn.Flatten", "torch.flatten"), _Removal.flatten),
    **dict.fromkeys(("torch.reshape", "nn.Unflatten", ".expand"), _Removal.same_shape),
    **dict.fromkeys(("torch.permute", "torch.transpose", "torch.movedim"), _Removal.reorder),
    **dict.fromkeys(
        ("nn.ReLU", "nn.ReLU6", "torch.abs", "torch.ceil", "torch.floor", "torch.relu", "torch.round", "torch.trunc"),
        _Removal.again,
    ),
    **dict.fromkeys(("torch.add", "torch.sub", "torch.mul", "torch.div", "torch.pow"), _Removal.arithmetic),
}
