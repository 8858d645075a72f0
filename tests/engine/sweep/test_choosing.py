from __future__ import annotations

import pytest

from engine import edit
from engine.block_edits import expose, group
from engine.examples import examples
from engine.problem import Mistake
from engine.spec import Spec, load
from engine.sweep.choosing import variable_at, variables, vary
from engine.sweep.plan import listed_space, read_plan
from engine.validate import problems
from engine.values import value_at
from tests.engine.sweep.making import LR, WIDTH, swept

TABLES = [each for each in examples() if each.name in ("iris", "digits_cnn", "lstm_sequence", "gpt")]


@pytest.mark.parametrize("example", TABLES, ids=lambda each: each.name)
def test_every_range_that_is_proposed_can_be_swept(example: object) -> None:
    spec = load(example.path)  # type: ignore[attr-defined]  # an Example
    assert problems(spec) == []
    found = variables(spec)
    for each in found:
        assert value_at(spec, each.path) == each.value
        assert read_plan(vary(spec, each.path))[1] == [], each.path
    assert any(each.path == LR for each in found)


STEP, EXPONENTIAL = {"op": "StepLR", "params": {}}, {"op": "ExponentialLR", "params": {}}
SEQUENCE = {"op": "SequentialLR", "params": {"milestones": [1]}, "schedules": [STEP, EXPONENTIAL]}


@pytest.mark.parametrize(
    ("schedule", "warming"), [([STEP, EXPONENTIAL], []), ([STEP], [".0"]), (SEQUENCE, [""]), (STEP, [""])]
)
def test_of_several_schedules_what_they_must_have_in_common_is_not_proposed(
    schedule: object, warming: list[str]
) -> None:
    path = "training.optimizers.0.schedule"
    spec = edit.set_setting(swept(), path, schedule)
    found = [each.path for each in variables(spec) if each.path.startswith(path)]
    assert [each for each in found if each.endswith("warmup")] == [f"{path}{each}.params.warmup" for each in warming]
    assert any(each.endswith("gamma") for each in found)
    for each in found:
        assert read_plan(vary(spec, each))[1] == [], each


def test_ranges_lie_around_the_value_and_within_its_bounds() -> None:
    spec = swept(f"{LR}=1..2")
    assert {path: str(variable_at(spec, path).range.words()) for path in (LR, WIDTH)} == {
        LR: "0.0001..0.01:log",
        WIDTH: "8..32:int:log",
    }
    assert variable_at(spec, "nodes.dropout_1.params.p").range.words() == "0..0.5"


def test_what_changes_no_result_is_not_offered() -> None:
    paths = [each.path for each in variables(swept(f"{LR}=1..2"))]
    assert not [path for path in paths if path.endswith(("workers", "cache", "device", "column", "keep_checkpoints"))]
    assert "training.precision" in paths


def values_of(spec: Spec, path: str) -> list[object]:
    """What is proposed to be tried at a path."""
    return listed_space(vary(spec, path))[-1]["params"]["values"]  # type: ignore[no-any-return]


def test_ops_that_can_stand_in_each_others_place_are_proposed() -> None:
    spec = swept()
    activations = values_of(spec, "nodes.tanh_1.op")
    assert {"ReLU", "GELU", "SiLU", "Tanh"} <= set(activations)
    assert not {"PReLU", "Linear", "MultiheadAttention"} & set(activations)
    optimizers = values_of(spec, "training.optimizers.0.op")
    assert {"SGD", "Adam", "AdamW"} <= set(optimizers)
    assert not {"SparseAdam", "Muon", "LBFGS"} & set(optimizers)
    schedules = values_of(spec, "training.optimizers.0.schedule.op")
    assert schedules[0] is None
    assert "CosineAnnealingLR" in schedules
    assert "SequentialLR" not in schedules
    initializers = values_of(spec, "nodes.linear_1.weights.init.weight.op")
    assert initializers[:2] == [None, "Default"]
    assert "KaimingNormal" in initializers
    assert "AdamW" in values_of(spec, "training.optimizers.main.op")


def test_all_parts_of_a_project_are_listed_in_groups() -> None:
    spec = edit.set_schedule(group(swept(), ["linear_1", "dropout_1", "tanh_1"], "Part"), 0, "StepLR")
    spec = edit.set_default_init(edit.set_init(spec, "linear_2", "weight", "Normal"), "XavierUniform")
    spec = edit.set_setting(spec, "data.columns.petal", {"steps": [{"op": "MinMax", "params": {}}]})
    found = {each.path: each.group for each in variables(spec)}
    expected = {
        "training.optimizers.0.op": "Optimizer (Adam)",
        "training.optimizers.0.schedule.params.gamma": "Learning-rate schedule",
        "training.init.op": "First weights",
        "training.init.params.gain": "First weights",
        "data.split.validation": "Split",
        "data.columns.petal.steps.0.params.low": "Column petal: Min-max",
        "nodes.part_1.repeat": "part_1",
        "nodes.linear_2.weights.init.weight.params.std": "linear_2: weight",
        "blocks.Part.nodes.linear_1.params.out_features": "Part › linear_1",
        "blocks.Part.nodes.tanh_1.op": "Part › tanh_1",
    }
    assert {path: found.get(path) for path in expected} == expected


@pytest.mark.parametrize(
    ("path", "op", "params"),
    [
        ("nodes.linear_1.weights.lr_factor", "Numbers", {"low": 0.1, "high": 10.0}),
        ("training.optimizers.main.params.lr", "Numbers", {"low": 0.0001, "high": 0.01}),
        ("training.device", "Choices", {"values": ["auto", "cpu", "cuda"]}),
        ("data.source.kind", "Choices", {"values": ["Iris"]}),
    ],
)
def test_any_value_can_be_varied_by_its_path(path: str, op: str, params: dict[str, object]) -> None:
    (made,) = listed_space(vary(swept(), path))
    assert made["op"] == op
    assert {name: made["params"][name] for name in params} == params


def test_what_is_no_single_value_is_refused_with_a_way_out() -> None:
    spec = edit.set_default_init(swept(), "Normal")
    with pytest.raises(Mistake, match=r"name one of them, such as training\.init\.op\."):
        vary(spec, "training.init")
    exposed = expose(
        group(swept(), ["linear_1", "dropout_1", "tanh_1"], "Part"), "Part", "linear_1", "out_features", "width"
    )
    with pytest.raises(Mistake, match="vary the block's param where it is used"):
        vary(exposed, "blocks.Part.nodes.linear_1.params.out_features")
    assert "nodes.part_1.params.width" in [each.path for each in variables(exposed)]
