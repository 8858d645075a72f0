from __future__ import annotations

import itertools
from typing import Any

import pytest

from engine import edit
from engine.ops.sweep import Range
from engine.problem import Mistake
from engine.spec import dumps, loads
from engine.sweep.objective import Objective, objective
from engine.sweep.plan import parse_space, planned, read_plan, short
from engine.values import value_at
from tests.engine.sweep.making import LR, WIDTH, swept


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (f"{LR}=0.001..0.1:log:points=3", [0.001, 0.01, 0.1]),
        (f"{LR}=0..1", [0.0, 0.25, 0.5, 0.75, 1.0]),
        (f"{WIDTH}=4..16:step=4", [4, 8, 12, 16]),
        (f"{WIDTH}=4..20:log", [4, 8, 16]),
        ("data.batching.batch_size=16,32,64", [16, 32, 64]),
        ("nodes.linear_1.params.bias=true,false", [True, False]),
        ("training.optimizers.main.params.betas=[0.9,0.999],[0.8,0.9]", [[0.9, 0.999], [0.8, 0.9]]),
        ("training.device=auto,cpu", ["auto", "cpu"]),
        ("training.epochs=1..3", [1, 2, 3]),
        ("training.optimizers.0.op=SGD,AdamW", ["SGD", "AdamW"]),
        ("training.optimizers.0.schedule.op=null,StepLR", [None, "StepLR"]),
        ("nodes.tanh_1.op=ReLU,GELU", ["ReLU", "GELU"]),
        ("training.clip_norm=null,1,5", [None, 1, 5]),
    ],
)
def test_a_range_tries_what_is_written(text: str, values: list[Any]) -> None:
    (varied,) = planned(swept(text)).space
    assert varied.range.grid() == values


def test_a_range_is_written_as_it_was_read() -> None:
    for words in (
        "0.001..0.1:log",
        "../a:b,../c",
        "0..1:points=3",
        "4..16:int:step=4",
        "4..20:int:log",
        "1,2,[3, 4],null,true,a",
    ):
        path = LR if "." in words[:5] and ":int" not in words else WIDTH
        made = parse_space(swept(f"{LR}=1..2"), f"{path}={words}")
        again, _problems = Range.registry[made["op"]].parse(made["params"])
        assert again.words().replace(" ", "") == words.replace(" ", "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("training.epochs", "write PATH=LOW..HIGH or PATH=A,B,C"),
        ("nodes.dropot_1.params.p=0..1", "no node 'dropot_1' (did you mean 'dropout_1'?)"),
        ("nodes.linear_1.params.widht=1..2", "Linear has no param 'widht'"),
        ("training.optimizers.0.params.lr0=1..2", "there is no 'lr0' (did you mean 'lr'?)"),
        ("epochs=1..2", "must start with nodes., blocks., data. or training."),
        (f"{LR}=0..1:log", "low is 0; with log it must be greater than 0."),
        (f"{LR}=2..1", "low is 2 and high is 1; high must be greater."),
        (f"{LR}=1..x", "'x' is no number"),
        (f"{LR}=1..2:lgo", "'lgo' is no mark of a range"),
        (f"{WIDTH}=8", "at least two that differ"),
        (f"{WIDTH}=8..16:int:log:step=2", "step is 2; with log it must be 1."),
    ],
)
def test_what_makes_no_range_is_refused_with_a_sentence(text: str, words: str) -> None:
    with pytest.raises(Mistake) as refused:
        parse_space(swept(f"{LR}=1..2"), text)
    assert words in refused.value.message
    assert refused.value.message.startswith(f"--space {text}")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{WIDTH}=0..8", f"{WIDTH} = 0: out_features is 0; it must be at least 1."),
        ("data.batching.batch_size=16,many", 'data.batching.batch_size = "many": batch_size is "many"; it must be'),
        (f"{LR}=-1..1", f"{LR} = -1.0: lr is -1.0"),
    ],
)
def test_a_value_that_its_setting_does_not_take_is_told_before_anything_starts(text: str, words: str) -> None:
    plan, problems = read_plan(swept(text))
    assert plan is None
    assert words in problems[0].message
    assert [fix.edit for fix in problems[0].fixes] == ["remove_setting"]


def test_a_sweep_without_a_space_or_with_a_path_twice_is_no_plan() -> None:
    assert "needs a setting to vary" in read_plan(swept())[1][0].message
    assert "varied twice" in read_plan(swept(f"{LR}=1..2", f"{LR}=1..3"))[1][0].message
    by_name = "training.optimizers.main.params.lr"
    assert f"{by_name} is varied twice" in read_plan(swept(f"{LR}=1..2", f"{by_name}=1..3"))[1][0].message


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("sweep.space", "all", "must be a list"),
        ("sweep.space", [3], 'with "path", "op" and "params"'),
        ("sweep.space", [{"path": LR, "op": "Number", "params": {}}], "did you mean 'Numbers'?"),
        ("sweep.space", [{"path": LR, "op": "Numbers", "params": {"low": "x"}}], 'low is "x"; it must be a number'),
        ("sweep.sampler", "guess", 'sampler is "guess"'),
        ("sweep.trails", 3, "A sweep has no param 'trails' (did you mean 'trials'?)"),
    ],
)
def test_a_section_that_was_damaged_by_hand_is_told_where(path: str, value: Any, words: str) -> None:
    plan, problems = read_plan(edit.set_setting(swept(f"{LR}=1..2"), path, value))
    assert plan is None
    assert words in problems[0].message
    assert (problems[0].param or "").startswith(path.rpartition(".")[0] or "sweep")


def test_the_grid_is_the_product_of_its_ranges() -> None:
    plan = planned(swept(f"{LR}=0.1,0.01", f"{WIDTH}=4..6", sampler="grid"))
    combinations = [tuple(each.values()) for each in plan.combinations()]
    assert combinations == list(itertools.product([0.1, 0.01], [4, 5, 6]))
    assert plan.trials() == 6


SCHEDULE = "training.optimizers.0.schedule"
GAMMA, WARMUP = f"{SCHEDULE}.params.gamma", f"{SCHEDULE}.params.warmup"


def test_a_grid_trains_no_two_trials_that_differ_in_params_their_ops_do_not_have() -> None:
    spec = edit.set_schedule(swept(), 0, "StepLR")
    ranges = (
        f"{GAMMA}=0.1,0.5", f"{SCHEDULE}.op=null,StepLR,CosineAnnealingLR", f"{WARMUP}=0,2",
        "training.optimizers.0.op=Adam,SGD", "training.optimizers.main.params.betas=[0.9,0.999],[0.8,0.9]",
    )  # fmt: skip
    space = [parse_space(spec, each) for each in ranges]
    plan = planned(edit.set_setting(edit.set_setting(spec, "sweep.space", space), "sweep.sampler", "grid"))
    trained = [dumps(plan.applied(each)) for each in plan.combinations()]
    every = [each.range.grid() for each in plan.space]
    paths = [each.path for each in plan.space]
    possible = {dumps(plan.applied(dict(zip(paths, each, strict=True)))) for each in itertools.product(*every)}
    assert len(set(trained)) == len(trained) == plan.count() == (1 + 2 * 2 + 2) * (2 + 1)
    assert set(trained) == possible


def test_a_trials_spec_has_its_values_and_no_sweep() -> None:
    spec = planned(swept(f"{LR}=0.1,0.01", f"{WIDTH}=4..6")).applied({LR: 0.1, WIDTH: 5})
    assert (value_at(spec, LR), value_at(spec, WIDTH)) == (0.1, 5)
    assert spec.sweep == {}


def test_an_op_is_chosen_before_the_params_it_may_not_have() -> None:
    op, momentum = "training.optimizers.0.op", "training.optimizers.0.params.momentum"
    spec = edit.set_optimizer(swept(), "SGD")
    plan = planned(
        edit.set_setting(spec, "sweep.space", [parse_space(spec, each) for each in (
            f"{momentum}=0.5,0.9", f"{LR}=0.1,0.2", f"{op}=SGD,Adam")])
    )  # fmt: skip
    sgd = plan.applied({momentum: 0.9, LR: 0.2, op: "SGD"})
    assert [value_at(sgd, each) for each in (momentum, LR, op)] == [0.9, 0.2, "SGD"]
    adam = plan.applied({momentum: 0.9, LR: 0.2, op: "Adam"})
    assert [value_at(adam, each) for each in (LR, op)] == [0.2, "Adam"]
    assert "momentum" not in adam.training["optimizers"][0]["params"]


@pytest.mark.parametrize("owners", [("0", "main"), ("main", "0")])
def test_an_optimizer_is_the_same_by_its_place_and_by_its_name(owners: tuple[str, str]) -> None:
    op, betas = f"training.optimizers.{owners[0]}.op", f"training.optimizers.{owners[1]}.params.betas"
    plan = planned(swept(f"{op}=Adam,SGD", f"{betas}=[0.9,0.999],[0.8,0.9]"))
    assert plan.applied({op: "Adam", betas: [0.8, 0.9]}).training["optimizers"][0]["params"]["betas"] == [0.8, 0.9]
    assert "betas" not in plan.applied({op: "SGD", betas: [0.8, 0.9]}).training["optimizers"][0]["params"]


@pytest.mark.parametrize(
    ("path", "heading"),
    [
        (LR, "lr"),
        ("training.optimizers.0.op", "optimizer"),
        ("training.optimizers.0.schedule.op", "schedule.op"),
        ("nodes.relu_1.op", "relu_1.op"),
        ("blocks.Part.nodes.linear_1.params.bias", "Part.linear_1.bias"),
        ("data.columns.petal.steps.0.params.low", "petal.low"),
    ],
)
def test_headings_of_paths_are_short(path: str, heading: str) -> None:
    assert short(path) == heading


def test_a_project_keeps_its_sweep_and_one_without_writes_none() -> None:
    spec = swept(f"{LR}=1..2:log")
    assert loads(dumps(spec)) == spec
    assert '"sweep"' not in dumps(edit.remove_setting(edit.remove_setting(spec, "sweep.space"), "sweep.pruner"))


def test_a_sweep_makes_best_what_says_which_epoch_is_best() -> None:
    spec = swept(f"{LR}=0.1,0.01")
    assert objective(planned(spec)).metric == "accuracy"
    by_loss = edit.set_setting(spec, "training.best_metric", "loss")
    assert objective(planned(by_loss)) == Objective("loss", higher=False)
    named = edit.set_setting(by_loss, "sweep.metric", "accuracy")
    assert objective(planned(named)) == Objective("accuracy", higher=True)


@pytest.mark.parametrize("setting", ["training.best_metric", "sweep.metric"])
def test_the_only_loss_is_called_as_epochs_call_it(setting: str) -> None:
    spec = edit.set_setting(swept(f"{LR}=0.1,0.01"), setting, "cross_entropy_loss_1")
    assert objective(planned(spec)) == Objective("loss", higher=False)
    spec = edit.add(spec, "CrossEntropyLoss", inputs={"input": "linear_2", "target": "input_2"})
    assert objective(planned(spec)) == Objective("cross_entropy_loss_1", higher=False)
