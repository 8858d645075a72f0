from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from engine import edit
from engine.compile import compile
from engine.declare import Call, Recipe
from engine.ops.metric import Accuracy
from engine.passes.common import merge_common
from engine.program import Ref, Step
from engine.spec import Spec
from tests.builders import chain
from tests.engine.passes.making import call, layer, numbers, program, run, same_bits, trained

X = Ref("x")


def nodes(steps: tuple[Step, ...]) -> list[str]:
    return [step.node for step in steps]


def test_equal_steps_are_merged_and_what_comes_behind_them_too() -> None:
    steps = [call(f"abs_{n}", "torch.abs", X) for n in (1, 2)]
    steps += [call(f"add_{n}", "torch.add", Ref(f"abs_{n}"), 1.5) for n in (1, 2)]
    made = program([*steps, call("sum", "torch.add", Ref("add_1"), Ref("add_2"))], ["sum", "add_2"])
    merged, words = merge_common(made)
    assert nodes(merged.steps) == ["abs_1", "add_1", "sum"]
    assert words == ("abs_2 with abs_1", "add_2 with add_1")
    given = numbers(made)
    before, after = run(made, given), run(merged, given, made)
    assert list(after) == list(before)
    assert all(same_bits(before[name], after[name]) for name in before)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (call("a", "torch.add", X, 1), call("b", "torch.add", X, 1.0)),
        (call("a", "torch.add", X, 1), call("b", "torch.add", X, True)),
        (call("a", "torch.mul", X, 0.0), call("b", "torch.mul", X, -0.0)),
        (call("a", "torch.sum", X, dim=1), call("b", "torch.sum", X, dim=1, keepdim=True)),
        (layer("a", Recipe("nn.LeakyReLU", 0.1), X), layer("b", Recipe("nn.LeakyReLU", 0.2), X)),
        (layer("a", Recipe("nn.Dropout", 0.5), X), layer("b", Recipe("nn.Dropout", 0.5), X)),
        (layer("a", Recipe("nn.RReLU"), X), layer("b", Recipe("nn.RReLU"), X)),
        (layer("a", Recipe("nn.PReLU"), X), layer("b", Recipe("nn.PReLU"), X)),
        (layer("a", Recipe("nn.Linear", 4, 4), X), layer("b", Recipe("nn.Linear", 4, 4), X)),
        (layer("a", Recipe("nn.BatchNorm1d", 3), X), layer("b", Recipe("nn.BatchNorm1d", 3), X)),
        (layer("a", Recipe("nn.LayerNorm", 4), X), layer("b", Recipe("nn.LayerNorm", 4), X)),
        (call("a", "torch.bernoulli", X), call("b", "torch.bernoulli", X)),
        (call("a", "torch.rand_like", X), call("b", "torch.rand_like", X)),
        (call("a", "torch.abs", X, random=True), call("b", "torch.abs", X, random=True)),
        (call("a", "nn.functional.dropout", X), call("b", "nn.functional.dropout", X)),
        (call("a", "torch.mul", X, Call("torch.rand_like", X)), call("b", "torch.mul", X, Call("torch.rand_like", X))),
        (call("a", "users.code", X), call("b", "users.code", X)),
    ],
    ids=lambda step: step.recipe.target if step.node == "a" else "",
)  # fmt: skip
def test_steps_that_differ_draw_or_hold_weights_stay_two(one: Step, other: Step) -> None:
    made = replace(program([], []), steps=(one, other), outputs={"p": Ref("a"), "q": Ref("b")})
    assert merge_common(made) == (made, ())


def test_what_a_step_changes_in_place_is_not_shared() -> None:
    """Two equal tensors, one of them changed in place: merged, the other would change with it."""
    for change in (
        call("c", ".mul_", Ref("view"), 2.0),
        layer("c", Recipe("nn.ReLU", inplace=True), Ref("view")),
        layer("c", Recipe("nn.ReLU", True), Ref("view")),
        call("c", "nn.functional.relu", Ref("view"), inplace=True),
    ):
        steps = [
            call("a", "torch.neg", X),
            call("b", "torch.neg", X),
            call("view", "torch.permute", Ref("a"), (0, 2, 1)),
        ]
        made = program([*steps, change, call("d", "torch.add", Ref("b"), 0.5)], ["c", "d"])
        assert merge_common(made) == (made, ())
        given = numbers(made)
        assert torch.equal(run(made, given)["out_1"], 0.5 - numbers(made)[0])


def test_steps_with_several_outputs_are_merged_as_one() -> None:
    steps = [call(f"top_{n}", "torch.topk", X, 2, outputs=("values", "indices")) for n in (1, 2)]
    made = program(steps, [Ref("top_1", "values"), Ref("top_2", "indices"), Ref("top_2", "values")])
    merged, _ = merge_common(made)
    assert nodes(merged.steps) == ["top_1"]
    assert merged.outputs["out_1"] == Ref("top_1", "indices")
    given = numbers(made)
    before, after = run(made, given), run(merged, given, made)
    assert all(same_bits(before[name], after[name]) for name in before)


def test_a_list_input_takes_the_merged_step_twice() -> None:
    steps = [call("a", "torch.neg", X), call("b", "torch.neg", X)]
    made = program([*steps, call("cat", "torch.cat", [Ref("a"), X, Ref("b")], dim=1)], ["cat"])
    merged, _ = merge_common(made)
    assert merged.steps[-1].args == ([Ref("a"), X, Ref("a")],)
    assert same_bits(run(made, numbers(made))["out_0"], run(merged, numbers(made), made)["out_0"])


def test_losses_and_metrics_keep_their_names() -> None:
    steps = [layer("a", Recipe("nn.L1Loss"), X, Ref("y")), layer("b", Recipe("nn.L1Loss"), X, Ref("y"))]
    shapes = {"x": (2, 3), "y": (2, 3)}
    made = program(steps, losses=["a", "b"], shapes=shapes)
    assert merge_common(made) == (made, ())


def test_in_training_only_steps_without_gradient_are_merged() -> None:
    """The gradient of x + x through two tanhs is rounded otherwise than through one."""
    steps = [
        call("raw_1", "torch.tanh", X),
        call("raw_2", "torch.tanh", X),
        layer("linear", Recipe("nn.Linear", 4, 4), Ref("raw_1")),
        call("tanh_1", "torch.tanh", Ref("linear")),
        call("tanh_2", "torch.tanh", Ref("linear")),
        call("both", "torch.mul", Ref("tanh_1"), Ref("raw_2")),
        call("sum", "torch.add", Ref("both"), Ref("tanh_2")),
        call("loss", "torch.mean", Ref("sum")),
    ]
    made = program(steps, losses=["loss"])
    merged, words = merge_common(made)
    assert words == ("raw_2 with raw_1",)
    one, other = trained(made, numbers(made), made), trained(merged, numbers(made), made)
    assert one.keys() == other.keys()
    assert all(same_bits(one[name], other[name]) for name in one)


def test_a_step_for_a_metric_is_merged_into_the_one_that_is_trained() -> None:
    steps = [
        layer("linear", Recipe("nn.Linear", 4, 4), X),
        call("tanh_1", "torch.tanh", Ref("linear")),
        call("tanh_2", "torch.tanh", Ref("linear")),
        call("loss", "torch.mean", Ref("tanh_1")),
        call("metric", "torch.sum", Ref("tanh_2")),
    ]
    made = replace(program(steps, losses=["loss"]), metrics={"metric": Accuracy(threshold=0.5, ignore_index=-100)})
    merged, words = merge_common(made)
    assert words == ("tanh_2 with tanh_1",)
    one, other = trained(made, numbers(made), made), trained(merged, numbers(made), made)
    assert all(same_bits(one[name], other[name]) for name in one)


def test_duplicates_on_the_canvas_are_merged_and_two_linears_stay_two() -> None:
    spec = edit.add(Spec(), "Input", params={"shape": ["N", 4]})
    for _ in range(2):
        spec = edit.add(spec, "Tanh", inputs={"input": "input_1"})
        spec = edit.add(spec, "Linear", inputs={"input": "input_1"})
    spec = edit.add(spec, "Concat", inputs={"tensors": ["tanh_1", "tanh_2", "linear_1", "linear_2"]})
    spec = edit.add(spec, "Output", inputs={"input": "concat_1"})
    compiled = compile(spec, only="inference", seed=0)
    assert [step.node for step in compiled.program.steps] == ["tanh_1", "linear_1", "linear_2", "concat_1"]
    assert compiled.passes == ("Equal steps are computed once: tanh_2 with tanh_1.",)
    plain = compile(spec, only="inference", seed=0, passes=())
    given = torch.randn(3, 4)
    assert torch.equal(compiled.module.eval()(given)["output_1"], plain.module.eval()(given)["output_1"])
    assert compiled.module.state_dict().keys() == plain.module.state_dict().keys()


def test_states_of_a_recurrent_layer_stay_apart() -> None:
    spec = chain("LSTM", shape=("N", "T", 4))
    for port in ("h_n", "c_n", "h_n"):
        spec = edit.add(spec, "Tanh", inputs={"input": f"lstm_1.{port}"})
    for node in ("tanh_1", "tanh_2", "tanh_3"):
        spec = edit.add(spec, "Output", inputs={"input": node})
    compiled, plain = (compile(spec, only="inference", seed=0, passes=each) for each in (None, ()))
    assert compiled.passes == ("Equal steps are computed once: tanh_3 with tanh_1.",)
    given = torch.randn(2, 5, 4)
    one, other = compiled.module.eval()(given), plain.module.eval()(given)
    assert all(torch.equal(one[name], other[name]) for name in other)
