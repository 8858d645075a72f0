from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from engine import edit
from engine.events import Epoch, Failed, Finished, Progress, Started
from engine.train import loop
from engine.train.checkpoint import load_tensors, newest_checkpoint
from engine.train.commands import Command
from engine.train.ending import Ending
from engine.train.folder import Run
from tests.engine.train.making import iris, settings, trained, with_settings

STEPS = 8  # 120 training samples in batches of 16


def steps_taken(run: Path) -> int:
    tensors = load_tensors(Run(run).checkpoint_files()[0])
    return int(next(value for name, value in tensors.items() if name.endswith(".step")))


@pytest.mark.parametrize(("limit", "epochs"), [(3, 1), (STEPS, 1), (STEPS + 1, 2), (2 * STEPS, 2)])
def test_a_run_takes_exactly_as_many_steps_as_it_may(tmp_path: Path, limit: int, epochs: int) -> None:
    events = trained(with_settings(iris(epochs=5), max_steps=limit), tmp_path / "run")
    assert steps_taken(tmp_path / "run") == limit
    assert next(each for each in events if isinstance(each, Started)).epochs == epochs
    assert [each.epoch for each in events if isinstance(each, Epoch)] == list(range(1, epochs + 1))
    assert isinstance(events[-1], Finished)


def test_a_run_ends_at_once_where_its_steps_are_made_fewer_than_it_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "READ_SECONDS", 0.0)
    run = Run(tmp_path / "run")
    for event in loop.train(iris(epochs=5), tmp_path, run):
        if isinstance(event, Progress) and event.step == 4:
            run.tell(Command("stop"))
    done = steps_taken(run.path)
    assert 3 < done < STEPS
    events = list(loop.resume(run, spec=with_settings(iris(epochs=5), max_steps=3)))
    assert isinstance(events[-1], Finished)
    assert steps_taken(run.path) == done + 1  # by which the epoch that it stands in is measured
    assert [each.epoch for each in events if isinstance(each, Epoch)] == [1]


def test_epochs_end_a_run_where_they_come_before_its_steps(tmp_path: Path) -> None:
    trained(with_settings(iris(epochs=1), max_steps=1000), tmp_path / "run")
    assert steps_taken(tmp_path / "run") == STEPS


def test_a_run_ends_when_its_minutes_are_used_up(tmp_path: Path) -> None:
    events = trained(with_settings(iris(epochs=10**6), max_minutes=0.01), tmp_path / "run")
    last = events[-1]
    assert isinstance(last, Finished)
    assert 0.5 <= last.seconds < 5.0
    assert last.epochs < 10**6


def test_a_schedule_ends_with_the_last_step(tmp_path: Path) -> None:
    spec = edit.set_schedule(with_settings(iris(epochs=5), max_steps=12), 0, "CosineAnnealingLR")
    spec = edit.set_setting(spec, "training.optimizers.0.schedule.params.interval", "step")
    last = [each for each in trained(spec, tmp_path / "run") if isinstance(each, Epoch)][-1]
    assert last.learning_rates["main"] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("limit", "accumulate", "updates"), [(None, 1, 40), (None, 3, 15), (12, 3, 5), (12, 100, 2)])
def test_steps_of_optimizers_are_counted_with_what_is_added_up(
    limit: int | None, accumulate: int, updates: int
) -> None:
    ending = Ending(settings(epochs=5, max_steps=limit), STEPS, "loss", higher_is_better=False)
    assert ending.updates(accumulate) == updates


def ended_after(scores: list[float], *, higher_is_better: bool = False, **values: Any) -> int:
    """After how many epochs of these scores a run ends."""
    ending = Ending(settings(epochs=100, **values), STEPS, "loss", higher_is_better=higher_is_better)
    for epoch, score in enumerate(scores, 1):
        note = ending.after_epoch({"loss": score})
        assert bool(note) == ending.is_over(epoch)
        if note:
            return epoch
    return 0


def test_early_stopping_ends_a_run_in_the_right_epoch() -> None:
    falling = [1.0, 0.9, 0.8, 0.85, 0.8, 0.81, 0.5]
    assert ended_after(falling, patience=3) == 6
    assert ended_after(falling, patience=1) == 4
    assert ended_after(falling, patience=4) == 0
    assert ended_after(falling, patience=2, min_delta=0.15) == 5
    assert ended_after(falling, patience=1, higher_is_better=True) == 2
    assert ended_after([math.nan] * 5, patience=2) == 2
    assert ended_after(falling) == 0


def test_a_run_that_becomes_no_better_ends_early_and_says_so(tmp_path: Path) -> None:
    spec = with_settings(iris("SGD", epochs=50, lr=1e-12), patience=3, min_delta=0.01, stop_metric="loss")
    events = trained(spec, tmp_path / "run")
    epochs = [each for each in events if isinstance(each, Epoch)]
    assert len(epochs) == 4
    assert epochs[-1].notes == ("loss has not become better in 3 epochs, so training ends early.",)
    assert isinstance(events[-1], Finished)


def test_the_best_epoch_is_that_of_the_metric_which_the_settings_name(tmp_path: Path) -> None:
    events = trained(with_settings(iris(epochs=6), best_metric="loss"), tmp_path / "run")
    losses = {each.epoch: each.validation["loss"] for each in events if isinstance(each, Epoch)}
    assert events[-1].best_epoch == min(losses, key=lambda epoch: losses[epoch])


@pytest.mark.parametrize("setting", ["best_metric", "stop_metric"])
def test_a_metric_that_is_not_measured_is_refused_with_those_that_are(tmp_path: Path, setting: str) -> None:
    last = trained(with_settings(iris(), **{setting: "acuracy"}), tmp_path / "run")[-1]
    assert isinstance(last, Failed)
    assert last.param == f"training.{setting}"
    assert "did you mean 'accuracy'?" in last.message
    assert "choose one of loss, cross_entropy_loss_1, accuracy" in last.message


def test_how_long_it_has_waited_is_part_of_its_state() -> None:
    first, second = (Ending(settings(epochs=100, patience=2), STEPS, "loss", higher_is_better=False) for _ in range(2))
    for loss in (1.0, 1.1):
        first.after_epoch({"loss": loss})
    second.load(first.state())
    assert second.after_epoch({"loss": 1.2})


@pytest.mark.parametrize("values", [{"max_steps": STEPS + 3}, {"max_minutes": 1e-4}, {"patience": 1, "min_delta": 9.0}])
def test_epochs_that_are_added_are_trained_whatever_ended_the_run(tmp_path: Path, values: dict[str, Any]) -> None:
    trained(with_settings(iris(epochs=50), **values), tmp_path / "run")
    run = Run(tmp_path / "run")
    reached = newest_checkpoint(run)[0].progressed.epoch
    more = list(loop.resume(run, more_epochs=1))
    assert isinstance(more[-1], Finished)
    assert [each.epoch for each in more if isinstance(each, Epoch)][:1] == [reached + 1]


def test_minutes_that_are_used_up_end_a_run_until_epochs_are_added() -> None:
    ending = Ending(settings(epochs=5, max_minutes=1.0), STEPS, "loss", higher_is_better=False)
    ending.begin(59.0)
    assert not ending.is_over_time()
    ending.begin(61.0)
    assert ending.is_over_time()
    ending.extend(6)
    assert not ending.is_over_time()
