from __future__ import annotations

import pytest

from engine.block_edits import group
from engine.examples import examples
from engine.problem import Mistake
from engine.spec import Spec, load
from engine.values import value_at, with_value

PATHS = {
    "nodes.linear_1.params.out_features": 7,
    "nodes.loss.factor": 2.0,
    "nodes.linear_1.weights.frozen": True,
    "data.batching.batch_size": 5,
    "data.batching.sampling": "balanced",
    "data.split.seed": 3,
    "training.epochs": 2,
    "training.optimizers.0.params.lr": 0.5,
    "training.optimizers.main.params.weight_decay": 0.1,
    "training.optimizers.0.op": "SGD",
    "training.optimizers.0.schedule.op": "StepLR",
    "training.optimizers.0.schedule": None,
    "training.init.op": "XavierUniform",
    "nodes.relu_1.op": "GELU",
    "nodes.linear_1.weights.init.weight.op": "KaimingNormal",
    "nodes.linear_1.weights.lr_factor": 0.5,
}


def iris() -> Spec:
    return load(next(each.path for each in examples() if each.name == "iris"))


@pytest.mark.parametrize(("path", "value"), PATHS.items())
def test_what_is_set_at_a_path_is_found_there(path: str, value: object) -> None:
    assert value_at(with_value(iris(), path, value), path) == value


def test_what_a_project_leaves_out_is_at_its_default() -> None:
    assert value_at(iris(), "data.batching.sampling") == "each once"
    assert value_at(Spec(), "training.epochs") == 10
    assert value_at(Spec(), "training.optimizers.0.params.lr") == 0.001
    assert value_at(iris(), "nodes.linear_1.weights.mode") == "train"
    for nothing in ("training.optimizers.0.schedule.op", "training.init.op", "nodes.linear_1.weights.init.weight.op"):
        assert value_at(iris(), nothing) is None


def test_another_op_takes_the_place_of_a_node_with_its_wires_and_the_params_that_fit() -> None:
    spec = with_value(with_value(iris(), "nodes.relu_1.op", "Dropout"), "nodes.relu_1.params.p", 0.25)
    changed = with_value(spec, "nodes.relu_1.op", "AlphaDropout")
    assert changed.nodes["relu_1"].inputs == iris().nodes["relu_1"].inputs
    assert changed.nodes["relu_1"].params["p"] == 0.25
    assert "p" not in with_value(spec, "nodes.relu_1.op", "ReLU").nodes["relu_1"].params


@pytest.mark.parametrize(
    ("op", "param"),
    [
        ("training.optimizers.0.op", "lr"),
        ("training.optimizers.0.schedule.op", "gamma"),
        ("training.init.op", "std"),
        ("nodes.linear_1.weights.init.weight.op", "std"),
    ],
)
def test_another_op_of_the_settings_begins_at_its_defaults_and_the_same_one_keeps_its_params(
    op: str, param: str
) -> None:
    names = {"lr": ("SGD", "Adam"), "gamma": ("StepLR", "ExponentialLR"), "std": ("Normal", "TruncatedNormal")}[param]
    path = f"{op.removesuffix('op')}params.{param}"
    first = with_value(iris(), op, names[0])
    default = value_at(first, path)
    spec = with_value(first, path, 0.5)
    assert value_at(with_value(spec, op, names[0]), path) == 0.5
    assert value_at(with_value(with_value(spec, op, names[1]), op, names[0]), path) == default != 0.5
    if "optimizers.0.op" not in op:
        assert value_at(with_value(spec, op, None), op) is None


def test_what_stands_inside_a_block_is_set_in_all_its_uses_and_nowhere_else() -> None:
    spec = group(iris(), ["linear_1", "relu_1"], "Part")
    path = "blocks.Part.nodes.linear_1.params.out_features"
    changed = with_value(spec, path, 7)
    assert value_at(changed, path) == 7
    assert changed.nodes == spec.nodes
    assert value_at(with_value(spec, "blocks.Part.nodes.relu_1.op", "SiLU"), "blocks.Part.nodes.relu_1.op") == "SiLU"
    assert value_at(with_value(spec, "nodes.part_1.repeat", 3), "nodes.part_1.repeat") == 3


def test_steps_of_columns_and_parts_of_schedules_are_reached() -> None:
    spec = with_value(iris(), "data.columns.petal", {"steps": [{"op": "MinMax", "params": {"low": 0.0}}]})
    assert value_at(spec, "data.columns.petal.steps.0.params.high") == 1.0
    assert value_at(with_value(spec, "data.columns.petal.steps.0.op", "Standardize"), "data.columns.petal.steps") == [
        {"op": "Standardize", "params": {"measured": "training split"}}
    ]
    several = with_value(spec, "training.optimizers.0.schedule", [{"op": "StepLR", "params": {}}])
    path = "training.optimizers.main.schedule.0.params.step_size"
    assert value_at(several, path) == 10
    assert value_at(with_value(several, path, 3), path) == 3


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nodes.linear_9.params.bias", "no node 'linear_9'"),
        ("nodes.linear_1.params.biass", "no param 'biass' (did you mean 'bias'?)"),
        ("nodes.linear_1.parms", "there is no 'parms'"),
        ("training.epoch", "there is no 'epoch' (did you mean 'epochs'?)"),
        ("training.optimizers.3.params.lr", "no place 3"),
        ("canvas.linear_1", "must start with nodes., blocks., data. or training."),
        ("blocks.Part.params.width", "the values of its nodes can be named"),
        ("blocks.Part.nodes.linear_1.params.bias", "no block 'Part'"),
        ("training.optimizers.0.schedule.params.gamma", "there is no 'params'"),
        ("training.optimizers.0.params.momentum", "there is no 'momentum'"),
        ("nodes.linear_1.weights.init.weight.params.std", "there is no 'init'"),
    ],
)
def test_a_path_that_leads_nowhere_is_told(path: str, words: str) -> None:
    with pytest.raises(Mistake) as refused:
        value_at(iris(), path)
    assert words in refused.value.message


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("nodes.relu_1.op", "Relu7", "no op 'Relu7' (did you mean 'ReLU'?)"),
        ("training.optimizers.0.op", "Adamm", "no optimizer 'Adamm' (did you mean 'Adam'?)"),
        ("training.optimizers.0.op", None, "no optimizer 'None'"),
        ("nodes.loss.factor", "much", 'factor is "much"; it must be a number.'),
        ("nodes.linear_1.weights.init.weight.params.std", 1.0, "has no initializer of its own"),
        ("nodes.linear_1.inputs.input", "relu_1", "can be set"),
    ],
)
def test_a_value_that_cannot_stand_there_is_refused(path: str, value: object, words: str) -> None:
    with pytest.raises(Mistake) as refused:
        with_value(iris(), path, value)
    assert words in refused.value.message
