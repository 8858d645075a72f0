from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from engine import edit
from engine.problem import Mistake
from engine.progress import Headway, watched
from engine.spec import Spec
from engine.train import finder
from engine.train.finder import HIGHEST, LOWEST, STEPS, find_lr, suggested
from tests.engine.train.making import iris, with_settings


def line(folder: Path) -> tuple[Spec, float]:
    """A linear regression by SGD on whole batches, and the rate from which it diverges: 2 / the largest curvature."""
    random = np.random.default_rng(0)
    x = random.normal(size=(512, 3)).astype(np.float32)
    y = (x @ np.array([[1.0], [-2.0], [3.0]], np.float32)).astype(np.float32)
    np.savez(folder / "data.npz", x=x, y=y)
    spec = edit.set_optimizer(edit.set_source(Spec(), "Arrays", {"path": "data.npz"}), "SGD")
    spec = edit.set_setting(spec, "data.split", {"validation": 0.0, "test": 0.0})
    spec = edit.set_setting(spec, "data.batching.batch_size", 512)
    spec = edit.add(spec, "Input", params={"column": "x", "shape": ["N", 3]})
    spec = edit.add(spec, "Input", params={"column": "y", "shape": ["N", 1]})
    spec = edit.add(spec, "Linear", params={"out_features": 1}, inputs={"input": "input_1"})
    spec = edit.add(spec, "MSELoss", inputs={"input": "linear_1", "target": "input_2"})
    whole = np.hstack([x, np.ones((512, 1), np.float32)])
    return spec, 2 / float(np.linalg.eigvalsh(2 * whole.T @ whole / 512)[-1])


def test_the_rate_that_is_found_is_below_the_one_at_which_training_falls_apart(tmp_path: Path) -> None:
    spec, limit = line(tmp_path)
    swept = find_lr(spec, tmp_path)
    assert swept.suggestion is not None
    assert limit / 100 < swept.suggestion < limit
    assert swept.diverged
    assert limit < swept.rates[-1] < HIGHEST


def test_rates_rise_by_one_factor_from_the_lowest(tmp_path: Path) -> None:
    swept = find_lr(iris(), tmp_path)
    assert swept.rates[0] == LOWEST
    ratios = [after / before for before, after in zip(swept.rates, swept.rates[1:], strict=False)]
    assert ratios == pytest.approx([(HIGHEST / LOWEST) ** (1 / (STEPS - 1))] * len(ratios))
    assert len(swept.rates) == len(swept.losses) == len(swept.smoothed)


def test_the_steepest_place_before_the_least_is_suggested() -> None:
    rates = [10 ** (place / 10 - 4) for place in range(40)]
    smoothed = [1 / (1 + math.exp(place - 20)) + (0.2 * (place - 30) if place > 30 else 0) for place in range(40)]
    assert suggested(rates, smoothed) == pytest.approx(0.01)


def test_where_no_loss_falls_nothing_is_suggested() -> None:
    rates = [10 ** (place / 10 - 4) for place in range(40)]
    assert suggested(rates, [1.0 + place for place in range(40)]) is None
    assert suggested(rates[:4], [1.0, 0.5, 0.4, 0.3]) is None


def test_a_sweep_tells_how_far_it_is_and_is_alike_each_time(tmp_path: Path) -> None:
    told: list[Headway] = []
    with watched(told.append):
        first = find_lr(iris(), tmp_path, steps=12)
    assert [each.done for each in told] == [*range(1, len(first.rates) + 1), 0]
    assert find_lr(iris(), tmp_path, steps=12) == first


def test_the_curve_is_told_while_it_grows_but_no_oftener_than_it_can_be_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Headway] = []
    with watched(told.append):
        find_lr(iris(), tmp_path, steps=12)
    assert sum(each.found is not None for each in told) < 12
    monkeypatch.setattr(finder, "TELL_SECONDS", 0.0)
    told.clear()
    with watched(told.append):
        swept = find_lr(iris(), tmp_path, steps=12)
    for each in told[: len(swept.rates)]:
        assert each.found is not None
        assert each.found["losses"] == swept.losses[: each.done]
        assert each.found["suggestion"] == suggested(swept.rates[: each.done], swept.smoothed[: each.done])


def test_schedules_and_limits_do_not_disturb_a_sweep(tmp_path: Path) -> None:
    spec = edit.set_schedule(with_settings(iris(), max_steps=3, accumulate=2), 0, "ExponentialLR")
    assert len(find_lr(spec, tmp_path, steps=20, highest=1e-3).rates) == 20


def test_the_rate_of_one_of_several_optimizers_is_swept(tmp_path: Path) -> None:
    spec = edit.add_optimizer(iris(), "SGD")
    spec = edit.set_setting(spec, "training.optimizers.0.nodes", ["linear_1"])
    name = edit.set_setting(spec, "training.optimizers.1.nodes", ["linear_2"]).training["optimizers"][1]["name"]
    assert find_lr(spec, tmp_path, optimizer=name, steps=12).optimizer == name
    with pytest.raises(Mistake, match="There is no optimizer 'man'"):
        find_lr(spec, tmp_path, optimizer="man")


def test_a_project_that_cannot_be_trained_says_why(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="The data has no column 'nothing'"):
        find_lr(edit.set_param(iris(), "input_1", "column", "nothing"), tmp_path)


def test_batches_are_added_up_wherever_an_epoch_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    taken = torch.optim.Adam.step

    def counted(optimizer: torch.optim.Adam) -> None:
        steps.append(1)
        taken(optimizer)

    monkeypatch.setattr(torch.optim.Adam, "step", counted)
    find_lr(with_settings(iris(epochs=1), accumulate=4), tmp_path, highest=1e-3, steps=20)
    assert len(steps) == 20
