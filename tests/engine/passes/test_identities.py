from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch

from engine import edit
from engine.compile import compile
from engine.declare import Call, Recipe, Torch
from engine.passes.folding import fold_constants
from engine.passes.identities import drop_dropouts, remove_identities
from engine.passes.layout import gives_rows
from engine.program import Program, Ref, Step
from engine.spec import Spec
from tests.builders import chain
from tests.engine.passes.making import Known, call, layer, module_of, numbers, program, run, same_bits, trained

X, A, B = Ref("x"), Ref("a"), Ref("b")
FLOAT, DOUBLE = Torch("torch.float32"), Torch("torch.float64")
ROTATED = call("a", "torch.permute", X, (1, 2, 0))
REVERSED = call("a", "torch.permute", X, (2, 1, 0))
LINEAR = layer("linear", Recipe("nn.Linear", 4, 4), X)
L = Ref("linear")

GONE: Mapping[str, tuple[list[Step], str]] = {
    "identity": ([layer("a", Recipe("nn.Identity"), X)], "a"),
    "a dropout of nothing": ([layer("a", Recipe("nn.Dropout", 0.0), X, random=True)], "a"),
    "a cast to the same dtype": ([call("a", ".to", X, FLOAT)], "a"),
    "a flatten of one axis": ([layer("a", Recipe("nn.Flatten", start_dim=2), X)], "a"),
    "torch.flatten of one axis": ([call("a", "torch.flatten", X, -1)], "a"),
    "a reshape to the same shape": ([call("a", "torch.reshape", X, (2, -1, 4))], "a"),
    "an expand to the same shape": ([call("a", ".expand", X, 2, 3, 4)], "a"),
    "an unflatten into one axis": ([layer("a", Recipe("nn.Unflatten", 1, (3,)), X)], "a"),
    "a permute that leaves all in place": ([call("a", "torch.permute", X, (0, 1, -1))], "a"),
    "a permute and its inverse": ([ROTATED, call("b", "torch.permute", A, (2, 0, 1))], "b"),
    "three permutes that end where they began": (
        [ROTATED, call("b", "torch.permute", A, (1, 2, 0)),
         call("c", "torch.permute", B, (1, 2, 0))], "c"),
    "two transposes": ([call("a", "torch.transpose", X, 1, 2), call("b", "torch.transpose", A, -1, -2)], "b"),
    "a permute and a transpose": ([REVERSED, call("b", "torch.transpose", A, 0, 2)], "b"),
    "movedim there and back": ([call("a", "torch.movedim", X, 0, -1), call("b", "torch.movedim", A, 2, 0)], "b"),
    "unsqueeze and squeeze": ([call("a", "torch.unsqueeze", X, 1), call("b", "torch.squeeze", A, -3)], "b"),
    "a concat of one": ([call("a", "torch.cat", [X], dim=1)], "a"),
    "times 1": ([call("a", "torch.mul", X, 1)], "a"),
    "by 1": ([call("a", "torch.div", X, 1.0)], "a"),
    "to the power of 1": ([call("a", "torch.pow", X, 1.0)], "a"),
    "less 0": ([call("a", "torch.sub", X, 0)], "a"),
    "plus -0.0": ([call("a", "torch.add", X, -0.0)], "a"),
    "plus 0 where no -0.0 can be": ([call("a", "torch.abs", X), call("b", "torch.add", A, 0.0)], "b"),
    "whole numbers plus 0": ([call("a", ".to", X, Torch("torch.int64")), call("b", "torch.add", A, 0)], "b"),
    "times a tensor of ones": ([call("a", "torch.ones", 4), call("b", "torch.mul", A, X)], "b"),
    "a relu of a relu": ([layer("a", Recipe("nn.ReLU"), X), layer("b", Recipe("nn.ReLU"), A)], "b"),
    "floor of floor": ([call("a", "torch.floor", X), call("b", "torch.floor", A)], "b"),
}  # fmt: skip

KEPT: Mapping[str, list[Step]] = {
    "a transpose of a number": [call("d", "torch.sum", X), call("a", "torch.transpose", Ref("d"), 0, 0)],
    "a cast to another dtype": [call("a", ".to", X, DOUBLE)],
    "plus 0.0, which turns -0.0 to 0.0": [call("a", "torch.add", X, 0.0)],
    "plus 0, which does the same": [call("a", "torch.add", X, 0)],
    "times 1 in another dtype": [call("d", "torch.ones", 4, dtype=DOUBLE), call("a", "torch.mul", X, Ref("d"))],
    "times ones that stretch it": [call("d", "torch.ones", 5, 1, 1, 1), call("a", "torch.mul", X, Ref("d"))],
    "1 minus": [call("a", "torch.rsub", X, 0)],
    "1 divided": [call("d", "torch.ones", ()), call("a", "torch.div", Ref("d"), X)],
    "plus 0 with a factor": [call("a", "torch.add", X, 0.0, alpha=2)],
    "a flatten of two axes": [layer("a", Recipe("nn.Flatten"), X)],
    "a permute twice": [ROTATED, call("b", "torch.permute", A, (1, 2, 0))],
    "squeeze of another axis": [call("a", "torch.unsqueeze", X, 1), call("b", "torch.select", A, 1, 0),
                                call("c", "torch.unsqueeze", B, 0), call("d", "torch.squeeze", Ref("c"), 1)],
    "a concat of a tensor that lies otherwise": [REVERSED, call("b", "torch.cat", [A], dim=0)],
    "a concat of two": [call("a", "torch.cat", [X, X], dim=0)],
    "times 1 of a tensor with gaps": [call("a", "torch.select", X, 2, 0), call("b", "torch.mul", A, 1)],
    "two leaky relus": [layer("a", Recipe("nn.LeakyReLU"), X), layer("b", Recipe("nn.LeakyReLU"), A)],
    "rounding to digits twice": [call("a", "torch.round", X, decimals=1), call("b", "torch.round", A, decimals=1)],
    "a dropout": [layer("a", Recipe("nn.Dropout", 0.5), X, random=True)],
}  # fmt: skip


def compared(made: Program, after: Program) -> None:
    one, other = run(made, numbers(made)), run(after, numbers(made), made)
    assert one.keys() == other.keys()
    assert all(same_bits(one[name], other[name]) for name in one)


@pytest.mark.parametrize("name", GONE)
def test_what_changes_nothing_falls_away(name: str) -> None:
    steps, node = GONE[name]
    made = program([*steps, call("end", "torch.neg", Ref(node))], ["end", node])
    made, _ = fold_constants(made)
    after, gone = remove_identities(made)
    assert node in gone
    assert node not in {step.node for step in after.steps}
    compared(made, after)


@pytest.mark.parametrize("name", KEPT)
def test_what_changes_something_stays(name: str) -> None:
    steps = KEPT[name]
    made, _ = fold_constants(program(steps, [steps[-1].node]))
    assert remove_identities(made) == (made, ())


def test_without_a_known_shape_or_dtype_nothing_is_assumed() -> None:
    steps = [call("a", ".to", X, FLOAT), call("b", "torch.reshape", A, (2, 3, 4)), call("c", "torch.mul", B, 1)]
    made = replace(program(steps, ["c"]), tensors={})
    assert remove_identities(made) == (made, ())


def test_sizes_that_depend_on_numbers_are_not_taken_for_equal() -> None:
    spec = edit.add(chain("ReLU"), "Output", inputs={"input": "relu_1"})
    made = compile(spec, only="inference", passes=()).program
    for size, expected in (("N", ("b",)), ("K3", ())):
        known = Known((size, 16), "float32")
        steps = (layer("a", Recipe("nn.ReLU"), Ref("input_1")), call("b", "torch.reshape", A, (-1, 16)))
        tensors = {Ref("input_1"): known, A: known, B: known}
        assert remove_identities(replace(made, steps=steps, tensors=tensors, outputs={"o": B}))[1] == expected


def test_what_lies_between_a_pair_stays_where_it_is_used() -> None:
    steps = [
        ROTATED,
        call("b", "torch.permute", A, (2, 0, 1)),
        call("c", "torch.neg", B),
    ]
    made = program(steps, ["c", "a"])
    after, gone = remove_identities(made)
    assert gone == ("b",)
    assert [step.node for step in after.steps] == ["a", "c"]
    compared(made, after)


def test_identities_behind_one_another_all_go_and_lists_and_outputs_follow() -> None:
    steps = [layer(n, Recipe("nn.Identity"), Ref(m)) for n, m in (("a", "x"), ("b", "a"), ("c", "b"))]
    made = program([*steps, call("cat", "torch.cat", [X, Ref("b"), Ref("c")], dim=0)], ["cat", "c", "a"])
    after, gone = remove_identities(made)
    assert gone == ("a", "b", "c")
    assert after.outputs == {"out_0": Ref("cat"), "out_1": X, "out_2": X}
    compared(made, after)


def test_a_copy_that_is_changed_in_place_stays() -> None:
    for change in (call("c", ".mul_", A, 2.0), call("c", "users.code", A)):
        steps = [call("a", "torch.cat", [X], dim=0), change, call("d", "torch.neg", X)]
        made = replace(program([steps[0]], []), steps=tuple(steps), outputs={"c": Ref("c"), "d": Ref("d")})
        assert remove_identities(made) == (made, ())


def test_dropouts_fall_away_where_the_model_only_predicts() -> None:
    axes = {"Dropout": 2, "Dropout1d": 3, "Dropout2d": 4, "Dropout3d": 5, "AlphaDropout": 2, "FeatureAlphaDropout": 3}
    for kind, count in axes.items():
        steps = [layer("a", Recipe(f"nn.{kind}", 0.5), X, random=True), call("b", "torch.neg", A)]
        made = program(steps, ["b", "a"], shapes={"x": (2, 3, 4, 4, 4)[:count]})
        after, gone = drop_dropouts(made)
        assert gone == ("a",)
        compared(made, after)


def test_a_dropout_in_the_graph_falls_away_when_predicting_and_works_in_training() -> None:
    spec = chain("Linear", "Dropout", "Linear", shape=("N", 6))
    spec = edit.add(spec, "Output", inputs={"input": "linear_2"})
    spec = edit.add(spec, "MSELoss", inputs={"input": "linear_2", "target": "linear_2"})
    predicting, training = (compile(spec, only=only, seed=1) for only in ("inference", "training"))
    assert "dropout_1" not in predicting.module.code
    assert "Dropouts do nothing when predicting and fell away: dropout_1." in predicting.passes
    assert "dropout_1" in training.module.code


# ------------------------------------------------------------------------------------------------------- training


THERE, BACK = call("a", "torch.permute", L, (0, 2, 1)), call("b", "torch.permute", A, (0, 2, 1))


def readers(*sources: Ref) -> list[Step]:
    """Three steps p, q and r that read the sources."""
    functions = ("torch.tanh", "torch.sin", "torch.exp")
    return [call(n, function, source) for n, function, source in zip("pqr", functions, sources, strict=True)]


TRAINED: Mapping[str, tuple[list[Step], tuple[str, ...]]] = {
    "the very same tensor, whoever else reads it": ([layer("a", Recipe("nn.Identity"), L), *readers(L, A, A)], ("a",)),
    "a pair of views that alone follows": ([THERE, BACK, *readers(B, B, B)], ("b",)),
    "a pair beside another reader of its source": ([THERE, BACK, *readers(B, L, B)], ()),
    "a pair with another reader between": ([THERE, BACK, *readers(B, A, L)], ()),
    "what computes with its gradient": ([call("a", "torch.mul", L, 1), *readers(A, A, A)], ()),
    "what no gradient passes": ([call("a", "torch.mul", X, 1), *readers(A, A, L)], ("a",)),
    "a concat of one": ([call("a", "torch.cat", [L], dim=0), *readers(A, A, A)], ("a",)),
}


@pytest.mark.parametrize("name", TRAINED)
def test_in_training_only_that_goes_which_leaves_all_gradients_the_same(name: str) -> None:
    steps, expected = TRAINED[name]
    means = [call(f"loss_{step.node}", "torch.mean", Ref(step.node)) for step in steps if step.node in "pqrs"]
    made = program([LINEAR, *steps, *means], losses=[step.node for step in means])
    after, gone = remove_identities(made)
    assert gone == expected
    one, other = trained(made, numbers(made), made), trained(after, numbers(made), made)
    assert one.keys() == other.keys()
    assert all(same_bits(one[name], other[name]) for name in one)


# ---------------------------------------------------------------------------------------------------------- rows


ROWS: list[tuple[Step, bool]] = [
    (layer("a", Recipe("nn.Linear", 4, 5), X), True),
    (layer("a", Recipe("nn.GELU"), X), True),
    (layer("a", Recipe("nn.Softmax", dim=1), X), True),
    (layer("a", Recipe("nn.Flatten"), X), True),
    (call("a", "torch.cat", [X, X], dim=2), True),
    (call("a", "torch.add", X, X), True),
    (call("a", ".to", X, DOUBLE), True),
    (call("a", "torch.permute", X, (0, 2, 1)), False),
    (call("a", "torch.select", X, 1, 0), False),
    (call("a", ".expand", X, 2, 3, 4), False),
    (layer("a", Recipe("nn.MultiheadAttention", 4, 1), X, X, X), False),
]


@pytest.mark.parametrize(
    ("step", "expected"), ROWS, ids=lambda each: getattr(getattr(each, "recipe", each), "target", each)
)
def test_what_is_known_to_lie_in_rows_does(step: Step, expected: bool) -> None:
    made = program([step], ["a"] if expected else [])
    assert gives_rows(step, made, {X}) is expected
    assert step.recipe.target == "nn.Linear" or not gives_rows(step, made, set())
    if expected:
        tensor = run(made, numbers(made))["out_0"]
        assert tensor.stride() == torch.empty(tensor.shape).stride()


def test_a_linear_gives_rows_of_whatever_it_gets() -> None:
    module = module_of(program([layer("a", Recipe("nn.Linear", 4, 5), X)], ["a"], shapes={"x": (2, 3, 4)}))
    answer = module(torch.randn(4, 3, 2).permute(2, 1, 0))["out_0"]
    assert answer.stride() == (15, 5, 1)


def test_an_embedding_gives_rows_of_whatever_it_gets() -> None:
    steps = (layer("a", Recipe("nn.Embedding", 4, 5), X),)
    module = module_of(replace(program([], []), steps=steps, outputs={"a": A}))
    assert module(torch.ones(3, 2).long().t())["a"].stride() == (15, 5, 1)


# --------------------------------------------------------------------------------------------------- on the canvas


def test_a_permute_and_its_inverse_on_the_canvas_fall_away() -> None:
    spec = edit.add(Spec(), "Input", params={"shape": ["N", "T", 4]})
    spec = edit.add(spec, "Permute", params={"dims": [0, 2, 1]}, inputs={"input": "input_1"})
    spec = edit.add(spec, "Permute", params={"dims": [0, 2, 1]}, inputs={"input": "permute_1"})
    spec = edit.add(spec, "Cast", inputs={"input": "permute_2"})
    spec = edit.add(spec, "Concat", inputs={"tensors": ["cast_1"]})
    spec = edit.add(spec, "Linear", inputs={"input": "concat_1"})
    spec = edit.add(spec, "Output", inputs={"input": "linear_1"})
    compiled, plain = (compile(spec, only="inference", seed=0, passes=each) for each in (None, ()))
    assert [step.node for step in compiled.program.steps] == ["linear_1"]
    assert "Steps that change nothing fell away: permute_2, cast_1, concat_1." in compiled.passes
    given = torch.randn(2, 3, 4)
    assert same_bits(compiled.module.eval()(given)["output_1"], plain.module.eval()(given)["output_1"])


def test_calls_among_arguments_follow_what_stands_in_the_place_of_a_step() -> None:
    steps = [layer("a", Recipe("nn.Identity"), X), call("b", "torch.add", X, Call("torch.neg", A))]
    made = replace(program([], []), steps=tuple(steps), outputs={"b": B})
    after, _ = remove_identities(made)
    assert after.steps == (call("b", "torch.add", X, Call("torch.neg", X)),)
