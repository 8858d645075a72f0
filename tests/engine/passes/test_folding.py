from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from engine import modules
from engine.declare import Call, Recipe, Torch
from engine.passes.common import merge_common
from engine.passes.facts import CONSTANT
from engine.passes.folding import MOST_NUMBERS, fold_constants, fold_exact_constants
from engine.program import Program, Ref, Step
from tests.engine.passes.making import call, layer, module_of, numbers, program, run, same_bits, trained

X = Ref("x")
RANGE = call("range", "torch.arange", 4)
POSITIONS = [
    RANGE,
    call("float", ".to", Ref("range"), Torch("torch.float32")),
    call("scaled", "torch.mul", Ref("float"), 0.1),
    call("wave", "torch.sin", Ref("scaled")),
    call("sum", "torch.add", X, Ref("wave")),
]


def kinds(made: Program) -> dict[str, str]:
    return {step.node: step.recipe.target for step in made.steps}


def test_a_chain_of_constants_becomes_one() -> None:
    made = program(POSITIONS, ["sum"])
    after, names = fold_constants(made)
    assert names == ("range", "float", "scaled", "wave")
    assert kinds(after) == {"wave": CONSTANT, "sum": "torch.add"}
    assert same_bits(run(made, numbers(made))["out_0"], run(after, numbers(made), made)["out_0"])


def test_a_constant_is_a_buffer_that_moves_and_is_no_weight() -> None:
    made = program([*POSITIONS, layer("linear", Recipe("nn.Linear", 4, 2), Ref("sum"))], ["linear"])
    after, _ = fold_constants(made)
    module = module_of(after, weights=made)
    assert set(module.state_dict()) == set(module_of(made).state_dict()) == {"linear.weight", "linear.bias"}
    assert [name for name, _ in module.named_buffers()] == ["wave.value_0"]
    assert not any(each is module.get_buffer("wave.value_0") for each in module.parameters())
    moved = copy.deepcopy(module).to("meta")
    assert moved.get_buffer("wave.value_0").device.type == "meta"
    assert set(moved.state_dict()) == {"linear.weight", "linear.bias"}
    assert moved(torch.empty(2, 3, 4, device="meta"))["out_0"].device.type == "meta"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_constant_moves_to_the_gpu() -> None:
    made = program(POSITIONS, ["sum"])
    after, _ = fold_constants(made)
    given = numbers(made)
    answer = module_of(after).to("cuda")(given[0].cuda())["out_0"]
    torch.testing.assert_close(answer.cpu(), run(made, given)["out_0"])


@pytest.mark.parametrize(
    "step",
    [
        call("a", "torch.rand", 4),
        call("a", "torch.randn", 4),
        call("a", "torch.empty", 4),
        call("a", "torch.ones", 4, random=True),
        call("a", "torch.zeros_like", X),
        call("a", "torch.arange", 4.5, "nonsense"),
        call("a", "users.code", 4),
        layer("a", Recipe("nn.Dropout", 0.5), Ref("range"), random=True),
        layer("a", Recipe("nn.Embedding", 4, 4), Ref("range")),
        call("a", "torch.full", (MOST_NUMBERS + 1,), 0.0),
    ],
    ids=lambda step: step.recipe.target,
)
def test_what_draws_depends_or_is_large_stays(step: Step) -> None:
    made = replace(program([], []), steps=(step,), outputs={"out": Ref("a")})
    if any(ref.node == "range" for ref in step.refs()):
        made = replace(made, steps=(RANGE, step))
    after, names = fold_constants(made)
    assert "a" not in names
    assert after.steps[-1] == step


def test_a_constant_that_is_changed_in_place_stays() -> None:
    steps = (call("a", "torch.ones", 4), call("b", ".add_", Ref("a"), 1.0))
    made = replace(program([], []), steps=steps, outputs={"out": Ref("b")})
    assert fold_constants(made) == (made, ())


def test_numbers_that_are_stretched_are_not_stored() -> None:
    steps = [
        RANGE,
        call("large", ".expand", Ref("range"), 1000, 4),
        call("twice", "torch.add", Ref("large"), Ref("range")),
    ]
    made = program([*steps, call("end", "torch.select", Ref("large"), 0, 0)], ["end", "large", "twice"])
    after, names = fold_constants(made)
    assert names == ("range", "twice", "end")
    assert kinds(after) == {"range": CONSTANT, "large": ".expand", "twice": CONSTANT, "end": CONSTANT}
    one, other = run(made, numbers(made)), run(after, numbers(made), made)
    assert all(same_bits(one[name], other[name]) for name in one)


def test_several_outputs_and_lists_are_folded_with_their_ports() -> None:
    steps = [
        RANGE,
        call("parts", "torch.split", Ref("range"), 2, outputs=("first", "second")),
        call("top", "torch.topk", Ref("range"), 2, outputs=("values", "indices")),
        call("cat", "torch.cat", [Ref("parts", "second"), Ref("top", "values")]),
    ]
    made = program(steps, [Ref("cat"), Ref("top", "indices"), Ref("parts", "first")])
    after, names = fold_constants(made)
    assert names == ("range", "parts", "top", "cat")
    assert set(kinds(after).values()) == {CONSTANT}
    one, other = run(made, numbers(made)), run(after, numbers(made), made)
    assert all(same_bits(one[name], other[name]) for name in one)


def test_equal_constants_are_stored_once() -> None:
    steps = [call("a", "torch.zeros", 4), call("b", "torch.full", (4,), 0.0), call("c", "torch.full", (4,), -0.0)]
    sums = [call(f"{node}_sum", "torch.add", X, Ref(node)) for node in "abc"]
    after, _ = fold_constants(program([*steps, *sums], [f"{node}_sum" for node in "abc"]))
    merged, words = merge_common(after)
    assert words == ("b with a", "b_sum with a_sum")
    assert kinds(merged) == {"a": CONSTANT, "c": CONSTANT, "a_sum": "torch.add", "c_sum": "torch.add"}


def test_a_stored_tensor_is_left_as_it_is_and_what_follows_is_folded() -> None:
    """As a catalogue's constant does it: a module that keeps its tensor."""
    steps = [layer("kept", Recipe("modules.Constant", Call("torch.arange", 4))), call("neg", "torch.neg", Ref("kept"))]
    made = program([steps[0], call("sum", "torch.add", X, Ref("kept"))], ["sum"])
    assert fold_constants(made) == (made, ())
    made = program([*steps, call("sum", "torch.add", X, Ref("neg"))], ["sum"])
    after, names = fold_constants(made)
    assert names == ("kept", "neg")
    assert kinds(after) == {"neg": CONSTANT, "sum": "torch.add"}


# ------------------------------------------------------------------------------------------------------- training


def test_training_folds_what_is_the_same_on_every_device() -> None:
    """The sine of the CPU and that of a GPU differ in their last bit; counting, scaling and joining do not."""
    made = program(POSITIONS, ["sum"])
    after, names = fold_exact_constants(made)
    assert names == ("range", "float", "scaled")
    assert kinds(after) == {"scaled": CONSTANT, "wave": "torch.sin", "sum": "torch.add"}
    assert same_bits(run(made, numbers(made))["out_0"], run(after, numbers(made), made)["out_0"])


@pytest.mark.parametrize(
    "step",
    [
        call("a", "torch.div", Ref("half"), 3.0),
        call("a", "torch.linspace", 0.0, 1.0, 4),
        call("a", ".to", Ref("half"), Torch("torch.int64")),
        call("a", "torch.add", Ref("half"), Ref("half"), alpha=0.3),
        call("a", "torch.mean", Ref("half")),
        call("a", "torch.argsort", Ref("half")),
    ],
    ids=lambda step: step.recipe.target,
)
def test_training_leaves_what_rounds_otherwise_elsewhere(step: Step) -> None:
    steps = [call("half", "torch.full", (4,), 0.5), step]
    made = replace(program([], []), steps=tuple(steps), outputs={"out": Ref("a"), "half": Ref("half")})
    assert "a" not in fold_exact_constants(made)[1]
    assert "a" in fold_constants(made)[1]


def test_training_with_folded_constants_is_the_same_to_the_bit() -> None:
    steps = [
        *POSITIONS,
        layer("linear", Recipe("nn.Linear", 4, 4), Ref("sum")),
        call("loss", "torch.mean", Ref("linear")),
    ]
    made = program(steps, losses=["loss"])
    after, names = fold_exact_constants(made)
    assert names
    one, other = trained(made, numbers(made), made), trained(after, numbers(made), made)
    assert one.keys() == other.keys()
    assert all(same_bits(one[name], other[name]) for name in one)


def test_a_loss_of_constants_keeps_its_name() -> None:
    made = program(
        [call("a", "torch.ones", 4), layer("loss", Recipe("nn.L1Loss"), Ref("a"), Ref("a"))], losses=["loss"]
    )
    after, _ = fold_exact_constants(made)
    assert kinds(after) == {"a": CONSTANT, "loss": "nn.L1Loss"}
    assert run(after, [])["loss"] == 0


# ------------------------------------------------------------------------------------------------------ the module


def test_a_constant_module_keeps_a_nest_as_it_is() -> None:
    nest: Any = (torch.ones(2), (torch.zeros(3), torch.arange(2)))
    module: nn.Module = modules.Constant(nest)
    first, (second, third) = module()
    assert torch.equal(first, nest[0]) and torch.equal(second, nest[1][0]) and torch.equal(third, nest[1][1])
    assert not module.state_dict()
    first, _rest = module.double()()
    assert first.dtype == torch.float64
