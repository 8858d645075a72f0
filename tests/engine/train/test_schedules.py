from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler as torchs

from engine import edit, events
from engine.events import Epoch, Failed, Finished, Progress
from engine.ops.schedule import EXCLUDED, LEFT_OUT, Schedule
from engine.problem import Mistake
from engine.spec import Spec
from engine.train import loop
from engine.train.commands import Command
from engine.train.folder import Run
from engine.train.optimizers import stepper
from engine.train.schedules import MOST_POINTS, curve, preview
from engine.train.session import open_session
from tests.engine.train.making import BATCH, by_hand, hand_batches, iris, last_weights, plain, same_weights, trained

EPOCHS, STEPS = 12, 8  # of the run that schedules are tried in
TOTAL = EPOCHS * STEPS
LR = 0.1
By = Callable[[torch.optim.Optimizer], Any]


def rising(optimizer: torch.optim.Optimizer, warmup: int) -> torchs.LinearLR:
    return torchs.LinearLR(optimizer, 1 / (warmup + 1), 1.0, warmup)


def warmed(build: By, warmup: int) -> By:
    def build_both(optimizer: torch.optim.Optimizer) -> Any:
        main = build(optimizer)
        return torchs.SequentialLR(optimizer, [rising(optimizer, warmup), main], [warmup])

    return build_both


CASES: list[tuple[str, dict[str, Any], By]] = [
    ("ConstantLR", {}, torchs.ConstantLR),
    ("ConstantLR", {"factor": 0.5, "total_iters": 7}, lambda o: torchs.ConstantLR(o, 0.5, 7)),
    ("LinearLR", {}, torchs.LinearLR),
    (
        "LinearLR",
        {"start_factor": 1.0, "end_factor": 0.1, "total_iters": None, "interval": "step"},
        lambda o: torchs.LinearLR(o, 1.0, 0.1, TOTAL),
    ),
    ("StepLR", {"step_size": 3, "gamma": 0.5}, lambda o: torchs.StepLR(o, 3, 0.5)),
    ("StepLR", {"step_size": 3, "warmup": 2}, warmed(lambda o: torchs.StepLR(o, 3), 2)),
    ("MultiStepLR", {"milestones": [2, 5, 5], "gamma": 0.3}, lambda o: torchs.MultiStepLR(o, [2, 5, 5], 0.3)),
    (
        "MultiStepLR",
        {"milestones": [20, 50], "interval": "step", "warmup": 5},
        warmed(lambda o: torchs.MultiStepLR(o, [20, 50]), 5),
    ),
    ("ExponentialLR", {"gamma": 0.8}, lambda o: torchs.ExponentialLR(o, 0.8)),
    ("ExponentialLR", {"gamma": 0.9, "warmup": 4}, warmed(lambda o: torchs.ExponentialLR(o, 0.9), 4)),
    ("PolynomialLR", {"power": 2.0}, lambda o: torchs.PolynomialLR(o, EPOCHS, 2.0)),
    ("PolynomialLR", {"total_iters": 5, "warmup": 1}, warmed(lambda o: torchs.PolynomialLR(o, 5), 1)),
    ("CosineAnnealingLR", {}, lambda o: torchs.CosineAnnealingLR(o, EPOCHS)),
    ("CosineAnnealingLR", {"T_max": 4, "eta_min": 0.01}, lambda o: torchs.CosineAnnealingLR(o, 4, 0.01)),
    (
        "CosineAnnealingLR",
        {"interval": "step", "warmup": 10},
        warmed(lambda o: torchs.CosineAnnealingLR(o, TOTAL - 10), 10),
    ),
    (
        "CosineAnnealingWarmRestarts",
        {"T_0": 2, "T_mult": 2, "eta_min": 0.001},
        lambda o: torchs.CosineAnnealingWarmRestarts(o, 2, 2, 0.001),
    ),
    (
        "CosineAnnealingWarmRestarts",
        {"T_0": 7, "interval": "step", "warmup": 3},
        warmed(lambda o: torchs.CosineAnnealingWarmRestarts(o, 7), 3),
    ),
    (
        "CyclicLR",
        {"step_size_up": 5, "cycle_momentum": False},
        lambda o: torchs.CyclicLR(o, LR / 10, LR, 5, cycle_momentum=False),
    ),
    (
        "CyclicLR",
        {"base_lr": 0.01, "max_lr": 0.2, "step_size_up": 4, "step_size_down": 9, "mode": "triangular2"},
        lambda o: torchs.CyclicLR(o, 0.01, 0.2, 4, 9, "triangular2"),
    ),
    (
        "CyclicLR",
        {"step_size_up": 4, "mode": "exp_range", "gamma": 0.95, "interval": "epoch", "warmup": 2},
        warmed(lambda o: torchs.CyclicLR(o, LR / 10, LR, 4, mode="exp_range", gamma=0.95), 2),
    ),
    ("OneCycleLR", {}, lambda o: torchs.OneCycleLR(o, LR, TOTAL)),
    (
        "OneCycleLR",
        {"max_lr": 0.5, "pct_start": 0.25, "anneal_strategy": "linear", "div_factor": 10.0, "final_div_factor": 100.0},
        lambda o: torchs.OneCycleLR(o, 0.5, TOTAL, None, None, 0.25, "linear", True, 0.85, 0.95, 10.0, 100.0),
    ),
    (
        "OneCycleLR",
        {"three_phase": True, "base_momentum": 0.7, "max_momentum": 0.8},
        lambda o: torchs.OneCycleLR(o, LR, TOTAL, base_momentum=0.7, max_momentum=0.8, three_phase=True),
    ),
    ("OneCycleLR", {"warmup": 6}, warmed(lambda o: torchs.OneCycleLR(o, LR, TOTAL - 6), 6)),
    ("OneCycleLR", {"interval": "epoch"}, lambda o: torchs.OneCycleLR(o, LR, EPOCHS)),
]


def named(case: tuple[str, dict[str, Any], By]) -> str:
    return f"{case[0]}-{'-'.join(case[1]) or 'plain'}"


def interval_of(name: str, params: dict[str, Any]) -> str:
    return str(params.get("interval", Schedule.registry[name].defaults()["interval"]))


def by_torch(build: By, interval: str) -> list[tuple[float, float]]:
    """Learning rate and momentum at each step of a run, by a scheduler built by hand on an optimizer that trains."""
    weight = nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([weight], lr=LR, momentum=0.9)
    scheduler, seen = build(optimizer), []
    for _epoch in range(EPOCHS):
        for _step in range(STEPS):
            seen.append((optimizer.param_groups[0]["lr"], optimizer.param_groups[0]["momentum"]))
            weight.grad = torch.ones(2)
            optimizer.step()
            if interval == "step":
                scheduler.step()
        if interval == "epoch":
            scheduler.step()
    return seen


def in_a_run(spec: Spec, folder: Path) -> list[tuple[float, float]]:
    """The same, of the optimizer of a run."""
    session = open_session(spec, folder)
    step, (acting,), seen, number = stepper(session.compiled.module.forward, session.turns), session.acting, [], 0
    assert session.loader.steps() == STEPS
    for epoch in range(EPOCHS):
        for batch in session.loader.training(epoch, 0):
            (group,) = acting.optimizer.param_groups
            assert acting.rate == group["lr"]
            seen.append((group["lr"], group["momentum"]))
            step(batch, number)
            number += 1
        acting.after_epoch(1.0, None)
    return seen


def project(schedule: Any, **params: Any) -> Spec:
    spec = iris("SGD", lr=LR, epochs=EPOCHS, **{"momentum": 0.9, **params})
    return edit.set_schedule(spec, 0, schedule)


@pytest.mark.parametrize("case", CASES, ids=named)
def test_a_schedule_gives_the_learning_rates_of_its_class(tmp_path: Path, case: tuple[str, dict[str, Any], By]) -> None:
    name, params, build = case
    expected = by_torch(build, interval_of(name, params))
    schedule = {"op": name, "params": params}
    assert in_a_run(project(schedule), tmp_path) == expected
    assert curve(schedule, LR, STEPS, EPOCHS) == [rate for rate, _momentum in expected]
    assert len({rate for rate, _momentum in expected}) > 1


def test_every_schedule_has_a_case() -> None:
    assert {name for name, _params, _build in CASES} | {"ReduceLROnPlateau", "SequentialLR"} == set(Schedule.registry)


def test_every_scheduler_of_pytorch_is_declared_or_left_out_with_a_reason() -> None:
    theirs = {
        name
        for name in torchs.__all__
        if name != "LRScheduler" and issubclass(getattr(torchs, name), torchs.LRScheduler)
    }
    assert theirs == set(Schedule.registry) | {name.rpartition(".")[2] for name in EXCLUDED}


@pytest.mark.parametrize("name", list(Schedule.registry))
def test_a_schedule_has_the_params_of_its_class(name: str) -> None:
    theirs = set(inspect.signature(getattr(torchs, name)).parameters) - set(LEFT_OUT)
    ours = set(Schedule.registry[name].params()) - {"interval", "warmup"}
    if name == "ReduceLROnPlateau":
        theirs, ours = theirs - {"mode"}, ours - {"watch"}  # what is watched says which is better
    assert ours == theirs


def test_a_list_of_schedules_is_chained(tmp_path: Path) -> None:
    chain = [
        {"op": "LinearLR", "params": {"total_iters": 3}},
        {"op": "ExponentialLR", "params": {"gamma": 0.9}},
        {"op": "StepLR", "params": {"step_size": 4}},
    ]

    def build(optimizer: torch.optim.Optimizer) -> Any:
        parts = [
            torchs.LinearLR(optimizer, total_iters=3),
            torchs.ExponentialLR(optimizer, 0.9),
            torchs.StepLR(optimizer, 4),
        ]
        return torchs.ChainedScheduler(parts, optimizer)

    assert in_a_run(project(chain), tmp_path) == by_torch(build, "epoch")


def test_schedules_in_a_list_may_count_differently() -> None:
    chain = [
        {"op": "LinearLR", "params": {"start_factor": 0.25, "total_iters": 3, "interval": "step"}},
        {"op": "StepLR", "params": {"step_size": 2, "gamma": 0.5}},
    ]
    rates = curve(chain, 1.0, 4, 4)
    assert rates[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert rates[4:] == pytest.approx([1.0] * 4 + [0.5] * 8)


def test_a_sequence_hands_over_at_its_milestones(tmp_path: Path) -> None:
    sequence = {
        "op": "SequentialLR",
        "params": {"milestones": [3, 6], "warmup": 2},
        "schedules": [
            {"op": "ConstantLR", "params": {"factor": 0.5, "total_iters": 2}},
            {"op": "CosineAnnealingLR", "params": {}},
            {"op": "PolynomialLR", "params": {}},
        ],
    }

    def build(optimizer: torch.optim.Optimizer) -> Any:
        parts = [
            rising(optimizer, 2),
            torchs.ConstantLR(optimizer, 0.5, 2),
            torchs.CosineAnnealingLR(optimizer, 3),
            torchs.PolynomialLR(optimizer, EPOCHS - 2 - 6),
        ]
        return torchs.SequentialLR(optimizer, parts, [2, 5, 8])

    assert in_a_run(project(sequence), tmp_path) == by_torch(build, "epoch")


# --------------------------------------------------------------------------------------------------------- plateau


@pytest.mark.parametrize(("watch", "mode"), [("loss", "min"), ("metric", "max")])
def test_a_plateau_is_found_in_what_is_watched(tmp_path: Path, watch: str, mode: str) -> None:
    params = {"watch": watch, "factor": 0.5, "patience": 1, "threshold": 0.01, "cooldown": 1, "min_lr": 0.01}
    session = open_session(project({"op": "ReduceLROnPlateau", "params": params}), tmp_path)
    (acting,) = session.acting
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=LR)
    plateau = torchs.ReduceLROnPlateau(optimizer, mode, 0.5, 1, 0.01, cooldown=1, min_lr=0.01)  # type: ignore[arg-type]
    values = [1.0, 0.9, 0.9, 0.9, 0.9, 0.95, 0.9, 0.9, 0.2, 0.3, 0.3, 0.3, 0.3]
    for value in values:
        other = 1.0 - value / 7
        acting.after_epoch(*((value, other) if watch == "loss" else (other, value)))
        plateau.step(value)
        assert acting.optimizer.param_groups[0]["lr"] == acting.rate == optimizer.param_groups[0]["lr"]
    assert acting.rate < LR


def test_a_plateau_is_watched_for_once_the_warm_up_is_over(tmp_path: Path) -> None:
    schedule = {"op": "ReduceLROnPlateau", "params": {"patience": 0, "warmup": 3, "factor": 0.5}}
    session = open_session(project(schedule), tmp_path)
    (acting,), rates = session.acting, []
    for _epoch in range(6):
        rates.append(acting.rate)
        acting.after_epoch(1.0, None)
    assert rates == pytest.approx([LR / 4, LR / 2, LR * 3 / 4, LR, LR, LR / 2])


def test_a_plateau_can_be_multiplied_with_another_schedule(tmp_path: Path) -> None:
    chain = [
        {"op": "ReduceLROnPlateau", "params": {"patience": 0, "factor": 0.5}},
        {"op": "ExponentialLR", "params": {"gamma": 0.9}},
    ]
    session = open_session(project(chain), tmp_path)
    (acting,) = session.acting
    for _epoch in range(3):
        acting.after_epoch(1.0, None)
    assert acting.rate == pytest.approx(LR * 0.9**3 * 0.5**2)


def test_a_run_on_a_plateau_lowers_its_learning_rate(tmp_path: Path) -> None:
    spec = edit.set_schedule(iris("SGD", lr=0.0, epochs=5), 0, {"op": "ReduceLROnPlateau", "params": {"patience": 0}})
    spec = edit.set_setting(spec, "training.optimizers.0.params.lr", 1e-6)
    spec = edit.set_setting(spec, "training.optimizers.0.schedule.params.eps", 0.0)
    spec = edit.set_setting(spec, "training.optimizers.0.schedule.params.threshold", 0.5)
    epochs = [event for event in trained(spec, tmp_path / "run") if isinstance(event, Epoch)]
    assert epochs[-1].learning_rates["main"] < epochs[0].learning_rates["main"]


# ------------------------------------------------------------------------------------------------------------- runs


def test_a_run_with_a_schedule_computes_what_a_loop_by_hand_computes(tmp_path: Path) -> None:
    spec = plain(iris("Adam", lr=0.01, epochs=3))
    spec = edit.set_schedule(spec, 0, {"op": "OneCycleLR", "params": {"max_lr": 0.05}})
    events = trained(spec, tmp_path / "run")
    model = by_hand()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, fused=True)
    scheduler = torchs.OneCycleLR(optimizer, 0.05, 3 * STEPS)
    loss_of = nn.CrossEntropyLoss()
    for _epoch, features, labels in hand_batches(spec, tmp_path, 3):
        optimizer.zero_grad()
        loss_of(model(features), labels).backward()
        optimizer.step()
        scheduler.step()
    assert isinstance(events[-1], Finished), events[-1]
    assert same_weights(tmp_path / "run", model)


STOPPED = [
    {"op": "OneCycleLR", "params": {}},
    {"op": "CosineAnnealingLR", "params": {"interval": "step", "warmup": 5}},
    {"op": "CosineAnnealingWarmRestarts", "params": {"T_0": 3, "interval": "step"}},
    {"op": "CyclicLR", "params": {"step_size_up": 3}},
    {"op": "MultiStepLR", "params": {"milestones": [10, 14], "interval": "step"}},
    {"op": "ReduceLROnPlateau", "params": {"patience": 0, "threshold": 0.5, "factor": 0.5, "warmup": 1}},
    [{"op": "LinearLR", "params": {"interval": "step"}}, {"op": "StepLR", "params": {"step_size": 1}}],
    {
        "op": "SequentialLR",
        "params": {"milestones": [7], "interval": "step"},
        "schedules": [
            {"op": "ConstantLR", "params": {"interval": "step"}},
            {"op": "ExponentialLR", "params": {"interval": "step"}},
        ],
    },
]


@pytest.mark.parametrize("schedule", STOPPED, ids=lambda each: each["op"] if isinstance(each, dict) else "list")
@pytest.mark.parametrize("midway", [True, False])
def test_a_run_stopped_in_mid_schedule_goes_on_bit_for_bit(
    tmp_path: Path, schedule: Any, midway: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "READ_SECONDS", 0.0)
    spec = edit.set_schedule(iris("Adam", lr=0.05, epochs=4), 0, schedule)
    whole = trained(spec, tmp_path / "whole")
    run = Run(tmp_path / "run")
    seen = []
    for event in loop.train(spec, tmp_path, run):
        seen.append(event)
        if midway and isinstance(event, Progress) and event.epoch == 2 and event.step == 3:
            run.tell(Command("stop"))
        if not midway and isinstance(event, Epoch) and event.epoch == 2:
            run.tell(Command("stop"))
    seen += loop.resume(run)
    assert isinstance(seen[-1], Finished), seen[-1]
    one, other = last_weights(tmp_path / "whole"), last_weights(run.path)
    assert all(torch.equal(one[name], other[name]) for name in one)
    expected = [event.learning_rates for event in whole if isinstance(event, Epoch)]
    assert [event.learning_rates for event in seen if isinstance(event, Epoch)] == expected
    assert len({rates["main"] for rates in expected}) > 1


def test_events_tell_the_learning_rates_and_old_ones_still_read(tmp_path: Path) -> None:
    spec = edit.set_schedule(
        iris("SGD", lr=0.4, epochs=3), 0, {"op": "StepLR", "params": {"step_size": 1, "gamma": 0.5}}
    )
    told = trained(spec, tmp_path / "run")
    rates = [event.learning_rates["main"] for event in told if isinstance(event, Epoch)]
    assert rates == [0.4, 0.2, 0.1]
    assert all(event.learning_rates["main"] in rates for event in told if isinstance(event, Progress))
    old = events.encode(next(event for event in told if isinstance(event, Epoch)))
    del old["learning_rates"]
    read = events.decode(old)
    assert isinstance(read, Epoch)
    assert read.learning_rates == {}


def test_an_optimizer_that_rests_counts_its_own_steps(tmp_path: Path) -> None:
    spec = edit.set_setting(iris("SGD", lr=1.0, epochs=3), "training.optimizers.0.every", 1)
    spec = edit.add_optimizer(spec, "SGD", name="slow")
    spec = edit.set_setting(spec, "training.optimizers.1.every", 3)
    spec = edit.set_schedule(spec, 1, {"op": "LinearLR", "params": {"interval": "step", "total_iters": None}})
    session = open_session(spec, tmp_path)
    step, slow = stepper(session.compiled.module.forward, session.turns), session.acting[1]
    for number, batch in enumerate(list(session.loader.training(0, 0)) * 3):
        step(batch, number)
    assert math.ceil(3 * STEPS / 3) == 8
    assert slow.rate == pytest.approx(0.01)  # at the end of its eight steps


# ----------------------------------------------------------------------------------------------------------- curves


def test_a_run_that_goes_past_one_cycle_stays_at_its_lowest_rate() -> None:
    rates = curve({"op": "OneCycleLR", "params": {"total_steps": 10}}, LR, 4, 5)
    assert len(rates) == 20
    assert rates[9:] == [rates[9]] * 11
    assert rates[9] == pytest.approx(LR / 25 / 1e4)


def test_a_warm_up_longer_than_the_run_is_drawn() -> None:
    assert curve({"op": "CosineAnnealingLR", "params": {"warmup": 9}}, 1.0, 1, 3) == pytest.approx([0.1, 0.2, 0.3])


def test_without_a_schedule_the_curve_is_flat() -> None:
    assert curve(None, 0.3, 2, 2) == [0.3] * 4


@pytest.mark.parametrize("schedule", [{"op": "StepLL", "params": {}}, {"op": "StepLR", "params": {"gamma": -1}}])
def test_a_wrong_schedule_draws_no_curve(schedule: Any) -> None:
    with pytest.raises(Mistake):
        curve(schedule, 0.1, 2, 2)


def test_a_preview_has_few_points_and_counts_in_epochs() -> None:
    points = preview({"op": "OneCycleLR", "params": {}}, LR, 1000, 20)
    assert len(points) <= MOST_POINTS + 1
    assert points[0][0] == 0 and points[-1][0] == pytest.approx(20, abs=0.01)
    epochs = preview({"op": "StepLR", "params": {"step_size": 1}}, LR, 10**9, 3)
    assert [place for place, _rate in epochs] == [0, 1, 2]
    with pytest.raises(Mistake, match="too many"):
        preview({"op": "OneCycleLR", "params": {}}, LR, 10**6, 3)


def test_a_share_of_one_cycle_without_a_way_up_is_told_when_the_run_begins(tmp_path: Path) -> None:
    spec = edit.set_schedule(iris("SGD", epochs=1), 0, {"op": "OneCycleLR", "params": {"pct_start": 1 / STEPS}})
    failed = trained(spec, tmp_path / "run")[-1]
    assert isinstance(failed, Failed)
    assert "pct_start" in failed.message
    assert BATCH == 16


def test_a_plateau_watches_the_metric_that_says_which_epoch_was_best(tmp_path: Path) -> None:
    spec = project({"op": "ReduceLROnPlateau", "params": {"watch": "metric", "patience": 0, "factor": 0.5}})
    inputs = {"input": "linear_2", "target": "input_2"}
    for op in ("ConfusionMatrix", "Accuracy"):
        spec = edit.add(spec, op, inputs=inputs)
    session = open_session(spec, tmp_path)
    assert session.compiled.program.leading_metric() == "accuracy"
    (acting,) = session.acting
    acting.after_epoch(1.0, 0.5)
    acting.after_epoch(1.0, 0.7)
    assert acting.rate == LR
    acting.after_epoch(0.5, 0.6)
    assert acting.rate == LR / 2
    run = edit.set_setting(spec, "training.epochs", 2)
    assert isinstance(trained(run, tmp_path / "run")[-1], Finished)


def test_a_plateau_rests_where_its_metric_does_not_apply(tmp_path: Path) -> None:
    spec = project({"op": "ReduceLROnPlateau", "params": {"watch": "metric", "patience": 0, "factor": 0.5}})
    spec = edit.add(spec, "Accuracy", inputs={"input": "linear_2", "target": "input_2"})
    (acting,) = open_session(spec, tmp_path).acting
    for loss in (1.0, 0.5, 0.25):
        acting.after_epoch(loss, None)
    assert acting.rate == LR
