from __future__ import annotations

from typing import Any

import pytest

from engine import edit, fixes, validate
from engine.optimizers import read_optimizers, turns
from engine.problem import Problem
from engine.spec import Spec
from tests.builders import image_classifier

LOSSES = ["cross_entropy_loss_1"]
ONE = {"name": "one", "op": "SGD", "params": {"lr": 0.1}}


def project(*entries: Any) -> Spec:
    return edit.set_setting(image_classifier(), "training.optimizers", list(entries))


def problem_of(spec: Spec) -> Problem:
    (problem,) = validate.problems(spec)
    assert problem.message.endswith(".") and problem.node is None
    return problem


def test_without_a_list_adam_trains_all() -> None:
    for spec in (image_classifier(), project()):
        (entry,), problems = read_optimizers(spec, LOSSES)
        assert (entry.op, entry.turn.name, entry.turn.nodes) == ("Adam", "main", "*")
        assert entry.takes("linear_1", "weight") and entry.minimises("cross_entropy_loss_1")
        assert problems == []


def test_nodes_and_single_tensors_can_be_named() -> None:
    (entry,), _problems = read_optimizers(project({**ONE, "nodes": ["conv2d_1", "linear_1.bias"]}), LOSSES)
    assert entry.takes("conv2d_1", "weight") and entry.takes("linear_1", "bias")
    assert not entry.takes("linear_1", "weight")


def test_optimizers_that_act_together_share_a_turn() -> None:
    names = [{**ONE, "name": name, "together": name in "bd"} for name in "abcd"]
    entries, problems = read_optimizers(project(*names), LOSSES)
    assert problems == []
    assert [[entry.turn.name for entry in group] for group in turns(entries)] == [["a", "b"], ["c", "d"]]


@pytest.mark.parametrize(
    ("entries", "path", "words"),
    [
        ([3], "training.optimizers.0", '"op" and "params"'),
        ([{"op": 3}], "training.optimizers.0", '"op" and "params"'),
        ([{**ONE, "params": 3}], "training.optimizers.0.params", "object of settings"),
        ([{**ONE, "node": "*"}], "training.optimizers.0.node", "did you mean 'nodes'"),
        ([{**ONE, "every": 0}], "training.optimizers.0.every", "at least 1"),
        ([{**ONE, "every": 2}], "training.optimizers.0.every", "nothing is learned"),
        ([{**ONE, "nodes": "linear_1"}], "training.optimizers.0.nodes", "must be"),
        ([{**ONE, "nodes": ["linear_7"]}], "training.optimizers.0.nodes", "did you mean 'linear_1'"),
        ([{**ONE, "nodes": []}], "training.optimizers.0.nodes", "trains no node"),
        ([{**ONE, "losses": ["accuracy"]}], "training.optimizers.0.losses", "which is no loss"),
        ([{**ONE, "losses": ["mse_loss_1"]}], "training.optimizers.0.losses", "does not exist"),
        ([{**ONE, "name": " "}], "training.optimizers.0.name", "name is empty"),
        ([ONE, ONE], "training.optimizers.1.name", "Two optimizers have the name 'one'"),
        ([{**ONE, "together": True}], "training.optimizers.0.together", "first optimizer"),
        (
            [ONE, {**ONE, "name": "two", "together": True, "every": 2}],
            "training.optimizers.1.together",
            "differ in losses or every",
        ),
        (
            [ONE, {"name": "two", "op": "LBFGS", "together": True}],
            "training.optimizers.1.together",
            "several times a step",
        ),
        (
            [{"op": "SGD", "params": {"nesterov": True}}],
            "training.optimizers.0.params.nesterov",
            "needs a momentum",
        ),
        ([{"op": "Rprop", "params": {"etas": [1.5, 2.0]}}], "training.optimizers.0.params.etas", "one number below 1"),
        (
            [{"op": "Rprop", "params": {"step_sizes": [2.0, 1.0]}}],
            "training.optimizers.0.params.step_sizes",
            "smallest step",
        ),
        ([{"op": "Adam", "params": {"betas": [0.9]}}], "training.optimizers.0.params.betas", "must have 2 values"),
        ([{"op": "Adam", "params": {"betas": 0.9}}], "training.optimizers.0.params.betas", "must be a list of 2"),
        ([{"op": "Muon", "params": {"ns_steps": 100}}], "training.optimizers.0.params.ns_steps", "at most 99"),
    ],
)
def test_a_wrong_optimizer_is_told_at_its_path(entries: list[Any], path: str, words: str) -> None:
    spec = project(*entries)
    problem = problem_of(spec)
    assert problem.param == path
    assert words in problem.message
    for fix in problem.fixes:
        assert validate.problems(fixes.apply(spec, fix)) == [], fix.text


def test_what_a_fix_removes_from_a_selection_is_only_the_wrong_name() -> None:
    spec = project({**ONE, "nodes": ["linear_7", "linear_1"]})
    (fix,) = problem_of(spec).fixes
    assert fixes.apply(spec, fix).training["optimizers"][0]["nodes"] == ["linear_1"]


def test_a_loss_that_no_optimizer_makes_small_is_told_with_those_that_could() -> None:
    spec = edit.add(image_classifier(), "MSELoss", inputs={"input": "linear_1", "target": "linear_1"})
    entries = [{**ONE, "losses": ["mse_loss_1"]}, {**ONE, "name": "two", "losses": ["mse_loss_1"]}]
    spec = edit.set_setting(spec, "training.optimizers", entries)
    problem = problem_of(spec)
    assert problem.param == "training.optimizers"
    assert "cross_entropy_loss_1" in problem.message
    assert [fix.text for fix in problem.fixes] == ["Add cross_entropy_loss_1 to one", "Add cross_entropy_loss_1 to two"]
    assert all(validate.problems(fixes.apply(spec, fix)) == [] for fix in problem.fixes)


# -------------------------------------------------------------------------------------------------------- schedules

STEP = {"op": "StepLR", "params": {}}
SEQUENCE = {"op": "SequentialLR", "params": {"milestones": [3]}, "schedules": [STEP, STEP]}


@pytest.mark.parametrize(
    ("schedule", "path", "words"),
    [
        (3, "schedule", '"op" and "params"'),
        ([3], "schedule.0", '"op" and "params"'),
        ({"op": "StepLRR"}, "schedule", "did you mean 'StepLR'"),
        ({"op": "StepLR", "params": 3}, "schedule.params", "object of settings"),
        ({"op": "StepLR", "params": {"gamma": 0}}, "schedule.params.gamma", "greater than 0"),
        ({"op": "StepLR", "params": {"gama": 1}}, "schedule.params.gama", "did you mean 'gamma'"),
        ({"op": "StepLR", "parms": {}}, "schedule.parms", "did you mean 'params'"),
        ({**STEP, "schedules": [STEP]}, "schedule.schedules", "SequentialLR, or a list"),
        ([STEP, {"op": "StepLR", "params": {"warmup": 3}}], "schedule.1.params.warmup", "cannot warm up one by one"),
        ([STEP, {"op": "OneCycleLR", "params": {}}], "schedule.1", "cannot be multiplied"),
        ([{"op": "CyclicLR", "params": {}}, STEP], "schedule.0", "cannot be multiplied"),
        ([{"op": "CosineAnnealingWarmRestarts", "params": {}}, STEP], "schedule.0", "cannot be multiplied"),
        ([SEQUENCE, STEP], "schedule.0", "cannot be multiplied"),
        ({"op": "SequentialLR", "params": {}}, "schedule.schedules", "a list of the schedules"),
        ({**SEQUENCE, "params": {}}, "schedule.params.milestones", "it must have 1"),
        (
            {**SEQUENCE, "schedules": [STEP, STEP, STEP], "params": {"milestones": [5, 5]}},
            "schedule.params.milestones",
            "must rise",
        ),
        (
            {**SEQUENCE, "schedules": [STEP, {"op": "ReduceLROnPlateau", "params": {}}]},
            "schedule.schedules.1",
            "cannot stand in a sequence",
        ),
        ({**SEQUENCE, "schedules": [STEP, SEQUENCE]}, "schedule.schedules.1", "cannot stand in a sequence"),
        (
            {**SEQUENCE, "schedules": [STEP, {"op": "StepLR", "params": {"interval": "step"}}]},
            "schedule.schedules.1.params.interval",
            "make them equal",
        ),
        (
            {**SEQUENCE, "schedules": [STEP, {"op": "StepLR", "params": {"warmup": 1}}]},
            "schedule.schedules.1.params.warmup",
            "Only the whole sequence",
        ),
        (
            {"op": "CyclicLR", "params": {"base_lr": 1.0, "max_lr": 0.5}},
            "schedule.params.base_lr",
            "exchange them",
        ),
        ({"op": "CyclicLR", "params": {"base_lr": 0.2}}, "schedule.params.base_lr", "above max_lr, which is 0.1"),
        (
            {"op": "OneCycleLR", "params": {"total_steps": 10, "pct_start": 0.1}},
            "schedule.params.pct_start",
            "choose another share",
        ),
    ],
)
def test_a_wrong_schedule_is_told_at_its_path(schedule: Any, path: str, words: str) -> None:
    spec = project({**ONE, "schedule": schedule})
    problem = problem_of(spec)
    assert problem.param == f"training.optimizers.0.{path}"
    assert words in problem.message
    for fix in problem.fixes:
        assert validate.problems(fixes.apply(spec, fix)) == [], fix.text


def test_momentum_that_is_not_there_cannot_be_cycled() -> None:
    spec = project({"name": "main", "op": "Adagrad", "schedule": {"op": "OneCycleLR", "params": {}}})
    problem = problem_of(spec)
    assert problem.param == "training.optimizers.0.schedule.params.cycle_momentum"
    assert validate.problems(fixes.apply(spec, problem.fixes[0])) == []
    assert validate.problems(project({"op": "RMSprop", "schedule": {"op": "OneCycleLR", "params": {}}})) == []


def test_an_optimizer_that_does_not_look_at_its_rate_again_has_no_schedule() -> None:
    spec = project({"name": "main", "op": "Rprop", "schedule": STEP})
    problem = problem_of(spec)
    assert "changes nothing" in problem.message
    assert validate.problems(fixes.apply(spec, problem.fixes[0])) == []
