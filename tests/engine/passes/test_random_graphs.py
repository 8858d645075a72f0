"""Random graphs with duplicates, inverse pairs, constants and dead branches compute the same before and after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.declare import Call, Recipe, Torch, names_in
from engine.passes import PASSES, Pass, optimise
from engine.program import Program, Ref, Step, replace_refs
from engine.recipes import build
from engine.recipes import call as apply
from tests.engine.passes.making import call, layer, numbers, program, run, same_bits, trained

Draw = Callable[[st.SearchStrategy[Any]], Any]
FEW = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])

EACH_NUMBER = ("torch.abs", "torch.neg", "torch.tanh", "torch.sin", "torch.floor", "torch.exp")
LAYERS = (
    Recipe("nn.ReLU"), Recipe("nn.ReLU"), Recipe("nn.Sigmoid"), Recipe("nn.Softmax", dim=-1), Recipe("nn.Identity"),
    Recipe("nn.LeakyReLU", 0.1), Recipe("nn.Dropout", 0.0),
)  # fmt: skip
NUMBERS = (0, 1, 0.0, -0.0, 1.0, 0.5)


@dataclass
class Growing:
    """A graph while it grows: its steps, and the shape and dtype of each tensor so far."""

    draw: Draw
    steps: list[Step] = field(default_factory=list)
    values: dict[Ref, Tensor] = field(default_factory=lambda: {Ref("x"): torch.randn(2, 3, 4)})

    @property
    def tensors(self) -> dict[Ref, tuple[tuple[int, ...], str]]:
        """The shape and the dtype of each tensor."""
        return {
            ref: (tuple(value.shape), str(value.dtype).removeprefix("torch.")) for ref, value in self.values.items()
        }

    def node(self) -> str:
        """The name of the next step."""
        return f"n{len(self.steps)}"

    def pick(self, fits: Callable[[tuple[int, ...], str], bool] = lambda _shape, _dtype: True) -> Ref | None:
        """Draw a tensor that fits, late ones more often."""
        found = [ref for ref, what in self.tensors.items() if fits(*what)]
        if not found:
            return None
        return cast("Ref", self.draw(st.sampled_from(found[-3:] if self.draw(st.booleans()) else found)))

    def add(self, step: Step | None) -> None:
        """Take a step in where it runs."""
        if step is None:
            return
        try:
            value = self._computed(step)
        except (RuntimeError, IndexError):
            return
        self.steps.append(step)
        several = not isinstance(step.outputs, str)
        for place, port in enumerate(names_in(step.outputs) if several else ("",)):
            self.values[Ref(step.node, port)] = value[place] if several else value

    def _computed(self, step: Step) -> Any:
        args = replace_refs(step.args, self.values.__getitem__)
        with torch.no_grad():
            if isinstance(step.recipe, Recipe):
                return build(step.recipe).eval()(*args)
            return apply(Call(step.recipe.target, *args, **step.kwargs), {})


def is_float(_shape: tuple[int, ...], dtype: str) -> bool:
    return dtype.startswith("float")


def each_number(grow: Growing) -> Step | None:
    source = grow.pick(is_float)
    return None if source is None else call(grow.node(), grow.draw(st.sampled_from(EACH_NUMBER)), source)


def module(grow: Growing) -> Step | None:
    source = grow.pick(is_float)
    return None if source is None else layer(grow.node(), grow.draw(st.sampled_from(LAYERS)), source)


def dropout(grow: Growing) -> Step | None:
    source = grow.pick(is_float)
    return None if source is None else layer(grow.node(), Recipe("nn.Dropout", 0.5), source, random=True)


def reorder(grow: Growing) -> Step | None:
    source = grow.pick()
    assert source is not None
    rank = len(grow.tensors[source][0])
    axes = st.integers(-rank, rank - 1) if rank else st.just(0)
    match grow.draw(st.sampled_from(("permute", "transpose", "movedim", "undo"))):
        case "permute":
            return call(grow.node(), "torch.permute", source, tuple(grow.draw(st.permutations(range(rank)))))
        case "undo":
            return _undo(grow)
        case name:
            return call(grow.node(), f"torch.{name}", source, grow.draw(axes), grow.draw(axes))


def _undo(grow: Growing) -> Step | None:
    """The inverse of a permute that stands there already."""
    permutes = [step for step in grow.steps if step.recipe.target == "torch.permute"]
    if not permutes:
        return None
    step = grow.draw(st.sampled_from(permutes))
    order = step.args[1]
    return call(grow.node(), "torch.permute", Ref(step.node), tuple(order.index(axis) for axis in range(len(order))))


def shape(grow: Growing) -> Step | None:
    source = grow.pick()
    assert source is not None
    sizes = grow.tensors[source][0]
    rank = len(sizes)
    match grow.draw(st.sampled_from(("reshape", "flatten", "unsqueeze", "squeeze", "expand"))):
        case "reshape" if sizes:
            return call(grow.node(), "torch.reshape", source, (-1, *sizes[1:]))
        case "flatten" if sizes:
            start = grow.draw(st.integers(0, rank - 1))
            return layer(grow.node(), Recipe("nn.Flatten", start, grow.draw(st.integers(start, rank - 1))), source)
        case "expand" if sizes:
            return call(grow.node(), ".expand", source, *sizes)
        case name if name in ("unsqueeze", "squeeze"):
            return call(grow.node(), f"torch.{name}", source, grow.draw(st.integers(-rank, max(rank - 1, 0))))
    return None


def join(grow: Growing) -> Step | None:
    source = grow.pick(lambda shape, _dtype: bool(shape))
    if source is None:
        return None
    same = [ref for ref, what in grow.tensors.items() if what == grow.tensors[source]]
    others = grow.draw(st.lists(st.sampled_from(same), max_size=2))
    return call(grow.node(), "torch.cat", [source, *others], dim=0)


def arithmetic(grow: Growing) -> Step | None:
    source = grow.pick()
    assert source is not None
    same = [ref for ref, what in grow.tensors.items() if what == grow.tensors[source]]
    constants = [ref for ref, (sizes, _dtype) in grow.tensors.items() if sizes in ((), (1,), (4,))]
    other = grow.draw(st.sampled_from([*NUMBERS, *same, *constants]))
    target = grow.draw(st.sampled_from(("torch.add", "torch.sub", "torch.mul", "torch.div", "torch.pow")))
    if isinstance(other, Ref) and grow.draw(st.booleans()):
        source, other = other, source
    return call(grow.node(), target, source, other)


def constant(grow: Growing) -> Step | None:
    match grow.draw(st.sampled_from(("full", "arange", "kept"))):
        case "full":
            sizes = grow.draw(st.sampled_from(((), (1,), (4,), (2, 3, 4))))
            return call(grow.node(), "torch.full", sizes, float(grow.draw(st.sampled_from(NUMBERS))))
        case "arange":
            return call(grow.node(), "torch.arange", 4)
    return None


def convert(grow: Growing) -> Step | None:
    source = grow.pick()
    name = grow.draw(st.sampled_from(("float32", "float32", "float64", "int64")))
    return call(grow.node(), ".to", source, Torch(f"torch.{name}"))


def several(grow: Growing) -> Step | None:
    source = grow.pick(lambda sizes, dtype: is_float(sizes, dtype) and bool(sizes) and sizes[-1] >= 2)
    if source is None:
        return None
    if grow.draw(st.booleans()):
        return call(grow.node(), "torch.topk", source, 2, outputs=("values", "indices"))
    return call(grow.node(), "torch.aminmax", source, outputs=("min", "max"))


def again(grow: Growing) -> Step | None:
    """The same as an earlier step."""
    if not grow.steps:
        return None
    twin = grow.draw(st.sampled_from(grow.steps))
    return Step(grow.node(), twin.recipe, twin.args, twin.kwargs, twin.outputs, twin.random)


def linear(grow: Growing) -> Step | None:
    source = grow.pick(lambda sizes, dtype: dtype == "float32" and bool(sizes) and sizes[-1] == 4)
    return None if source is None else layer(grow.node(), Recipe("nn.Linear", 4, 4), source)


KINDS = (each_number, module, dropout, reorder, shape, join, arithmetic, constant, convert, several, again, linear)


def grown(draw: Draw) -> Growing:
    grow = Growing(draw)
    for kind in draw(st.lists(st.sampled_from(KINDS), min_size=2, max_size=14)):
        grow.add(kind(grow))
    return grow


@st.composite
def predicting(draw: Draw) -> Program:
    grow = grown(draw)
    outputs = draw(st.lists(st.sampled_from(list(grow.tensors)), min_size=1, max_size=4))
    return program(grow.steps, outputs)


@st.composite
def learning(draw: Draw) -> Program:
    """A graph with a Linear at its beginning, so that there is something to learn, and one loss or two."""
    grow = Growing(draw)
    grow.add(layer(grow.node(), Recipe("nn.Linear", 4, 4), Ref("x")))
    for kind in draw(st.lists(st.sampled_from(KINDS), min_size=2, max_size=12)):
        grow.add(kind(grow))
    floats = [ref for ref, what in grow.tensors.items() if is_float(*what)]
    losses = []
    for ref in draw(st.lists(st.sampled_from(floats[-4:]), min_size=1, max_size=3)):
        losses.append(grow.node())
        grow.add(call(losses[-1], "torch.mean", ref))
        grow.values.pop(Ref(losses[-1]))
    return program(grow.steps, losses=losses)


@pytest.mark.parametrize("each", PASSES["inference"], ids=lambda each: each.name)
@FEW
@given(made=predicting())
def test_a_pass_leaves_what_a_graph_predicts(each: Pass, made: Program) -> None:
    after, _changed = each.run(made)
    compare(run(made, numbers(made)), run(after, numbers(made), made))
    assert each.run(after)[1] == ()


@FEW
@given(made=predicting())
def test_all_passes_together_leave_what_a_graph_predicts(made: Program) -> None:
    after, ran = optimise(made, PASSES["inference"])
    compare(run(made, numbers(made)), run(after, numbers(made), made))
    assert [each.before for each in ran[1:]] == [each.after for each in ran[:-1]]


@pytest.mark.parametrize("each", PASSES["training"], ids=lambda each: each.name)
@FEW
@given(made=learning())
def test_a_pass_leaves_losses_gradients_and_weights(each: Pass, made: Program) -> None:
    first, _ = optimise(made, PASSES["training"][:1])  # a dead dropout draws numbers, so that others draw other ones
    after, _ = each.run(first)
    compare(trained(first, numbers(made), made), trained(after, numbers(made), made))


@FEW
@given(made=learning())
def test_all_passes_together_leave_losses_gradients_and_weights(made: Program) -> None:
    first, _ = optimise(made, PASSES["training"][:1])
    after, _ = optimise(made, PASSES["training"])
    compare(trained(first, numbers(made), made), trained(after, numbers(made), made))


def compare(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one.keys() == other.keys()
    different = [name for name in one if not same_bits(one[name], other[name])]
    assert not different
