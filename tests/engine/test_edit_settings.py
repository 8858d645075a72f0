from __future__ import annotations

from typing import Any

import pytest

from engine import edit, fixes, validate
from engine.cli.overrides import overridden
from engine.problem import Mistake
from engine.spec import Spec
from tests.builders import image_classifier


def entries(spec: Spec) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = spec.training["optimizers"]
    return listed


def names(spec: Spec) -> list[str]:
    return [str(entry["name"]) for entry in entries(spec)]


def test_an_optimizer_is_added_behind_the_one_that_acts_by_default() -> None:
    spec = edit.add_optimizer(image_classifier(), "SGD", nodes=["linear_1"])
    assert [entry["op"] for entry in entries(spec)] == ["Adam", "SGD"]
    assert names(spec) == ["main", "sgd"]
    assert entries(spec)[1]["nodes"] == ["linear_1"]
    assert names(edit.add_optimizer(spec, "SGD")) == ["main", "sgd", "sgd_2"]
    assert validate.problems(spec) == []


def test_choosing_another_optimizer_keeps_what_is_not_its_own() -> None:
    spec = edit.add_optimizer(image_classifier(), "SGD", name="slow", nodes=["linear_1"])
    spec = edit.set_schedule(spec, 1, "StepLR")
    spec = edit.set_optimizer(edit.set_setting(spec, "training.optimizers.1.every", 4), "RMSprop", 1)
    slow = entries(spec)[1]
    assert (slow["op"], slow["name"], slow["nodes"], slow["every"]) == ("RMSprop", "slow", ["linear_1"], 4)
    assert slow["schedule"]["op"] == "StepLR"
    assert slow["params"]["alpha"] == 0.99
    assert entries(spec)[0]["op"] == "Adam"


def test_optimizers_are_removed_and_moved_and_the_last_one_stays() -> None:
    spec = edit.add_optimizer(edit.add_optimizer(image_classifier(), "SGD"), "Rprop")
    assert names(edit.move_optimizer(spec, 0, 2)) == ["sgd", "rprop", "main"]
    assert names(edit.move_optimizer(spec, 2, 0)) == ["rprop", "main", "sgd"]
    assert names(edit.remove_optimizer(spec, 1)) == ["main", "rprop"]
    with pytest.raises(Mistake, match="needs an optimizer"):
        edit.remove_optimizer(image_classifier(), 0)
    for wrong in (lambda: edit.remove_optimizer(spec, 3), lambda: edit.move_optimizer(spec, 0, 3)):
        with pytest.raises(Mistake):
            wrong()


def test_a_schedule_is_written_out_with_all_its_params() -> None:
    spec = edit.set_schedule(image_classifier(), 0, {"op": "StepLR", "params": {"gamma": 0.5}})
    assert entries(spec)[0]["schedule"] == {
        "op": "StepLR",
        "params": {"step_size": 10, "gamma": 0.5, "interval": "epoch", "warmup": 0},
    }
    spec = edit.set_schedule(spec, 0, ["StepLR", {"op": "LinearLR"}])
    assert [each["op"] for each in entries(spec)[0]["schedule"]] == ["StepLR", "LinearLR"]
    assert entries(edit.set_schedule(spec, 0, None))[0]["schedule"] is None
    sequence = {"op": "SequentialLR", "params": {"milestones": (3,)}, "schedules": ["StepLR", "ConstantLR"]}
    spec = edit.set_schedule(spec, 0, sequence)
    assert entries(spec)[0]["schedule"]["schedules"][1]["params"]["total_iters"] == 5
    assert validate.problems(spec) == []


@pytest.mark.parametrize("wrong", [3, {"op": "StepLRR"}, {"op": "StepLR", "params": 3}, [None, 3], {"params": {}}])
def test_what_is_no_schedule_is_refused(wrong: Any) -> None:
    if wrong == [None, 3]:
        wrong = [3]
    with pytest.raises(Mistake):
        edit.set_schedule(image_classifier(), 0, wrong)


def test_initializers_are_set_and_taken_away() -> None:
    spec = edit.set_init(image_classifier(), "linear_1", "weight", "Orthogonal")
    spec = edit.set_init(spec, "linear_1", "bias", {"op": "Constant", "params": {"val": 1.0}})
    assert spec.nodes["linear_1"].weights == {
        "init": {
            "weight": {"op": "Orthogonal", "params": {"gain": 1.0}},
            "bias": {"op": "Constant", "params": {"val": 1.0}},
        }
    }
    spec = edit.set_init(edit.set_init(spec, "linear_1", "weight", None), "linear_1", "bias", None)
    assert spec.nodes["linear_1"].weights == {}
    spec = edit.set_default_init(spec, "XavierNormal")
    assert spec.training["init"] == {"op": "XavierNormal", "params": {"gain": 1.0}}
    assert "init" not in edit.set_default_init(spec, None).training
    with pytest.raises(Mistake, match="did you mean 'Zeros'"):
        edit.set_init(spec, "linear_1", "weight", "Zeroes")


def test_removing_a_node_takes_it_out_of_the_optimizers_that_name_it() -> None:
    spec = edit.add_optimizer(
        image_classifier(), "SGD", nodes=["conv2d_1", "linear_1.bias", "linear_1"], losses=["cross_entropy_loss_1"]
    )
    gone = edit.remove(spec, ["linear_1", "cross_entropy_loss_1"])
    assert (entries(gone)[1]["nodes"], entries(gone)[1]["losses"]) == (["conv2d_1"], [])
    assert entries(gone)[0]["nodes"] == "*"
    untouched = image_classifier()
    assert "optimizers" not in edit.remove(untouched, ["linear_1"]).training


def test_a_setting_that_is_removed_takes_its_default() -> None:
    spec = edit.set_setting(edit.set_setting(Spec(), "training.epochs", 0), "training.optimizers.0.params.lr", -1)
    for problem in validate.problems(spec):
        spec = fixes.apply(spec, problem.fixes[0])
    assert validate.problems(spec) == []
    assert "epochs" not in spec.training and "lr" not in entries(spec)[0]["params"]
    for path in ("training.epochs", "training.optimizers.5", "training.optimizers.0.params.deep.er", "name"):
        with pytest.raises(Mistake, match="names no setting"):
            edit.remove_setting(spec, path)
    two = edit.add_optimizer(spec, "SGD")
    assert names(edit.remove_setting(two, "training.optimizers.0")) == ["sgd"]


def test_an_optimizer_is_reached_by_name_and_the_default_one_by_its_place() -> None:
    spec = edit.set_setting(image_classifier(), "training.optimizers.main.params.lr", 0.5)
    assert entries(spec)[0]["params"]["lr"] == 0.5
    spec = edit.set_setting(edit.add_optimizer(spec, "SGD", name="critic"), "training.optimizers.critic.every", 2)
    assert entries(spec)[1]["every"] == 2


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("nodes.linear_1.weights.frozen=true", {"frozen": True}),
        ("nodes.linear_1.weights.frozen=false", {}),
        ("nodes.linear_1.weights.lr_factor=0.1", {"lr_factor": 0.1}),
        ("nodes.linear_1.weights.init.weight=Eye", {"init": {"weight": {"op": "Eye", "params": {}}}}),
        (
            'nodes.linear_1.weights.init.a.b={"op": "Constant", "params": {"val": 2}}',
            {"init": {"a.b": {"op": "Constant", "params": {"val": 2}}}},
        ),
    ],
)
def test_weights_are_set_on_the_command_line(override: str, expected: dict[str, Any]) -> None:
    assert overridden(image_classifier(), override).nodes["linear_1"].weights == expected


@pytest.mark.parametrize(
    "override",
    [
        "nodes.linear_1.weights=3",
        "nodes.linear_1.weights.init.weight=3",
        'nodes.linear_1.weights.init.weight={"op": "Eye", "params": 3}',
    ],
)
def test_weights_that_make_no_sense_are_refused_on_the_command_line(override: str) -> None:
    with pytest.raises(Mistake):
        overridden(image_classifier(), override)
