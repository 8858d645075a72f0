from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from engine import edit
from engine.events import (
    Changed,
    Checkpoint,
    Continued,
    Epoch,
    Event,
    Finished,
    Measuring,
    Paused,
    Progress,
    Started,
    Stopped,
)
from engine.problem import Mistake
from engine.spec import Spec
from engine.train import loop
from engine.train.checkpoint import load_tensors, newest_checkpoint
from engine.train.commands import FILE, Command, Inbox, forget, send
from engine.train.folder import Run
from tests.engine.train.making import iris, last_weights, trained, with_settings


@pytest.fixture(autouse=True)
def heeded_at_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "READ_SECONDS", 0.0)


def told(stream: Iterator[Event], run: Run, *moments: tuple[Callable[[Any], bool], Command]) -> list[Any]:
    """All events of a run that is told commands, each at the first event that it waits for, one after the other."""
    waiting, events = list(moments), []
    for event in stream:
        events.append(event)
        while waiting and waiting[0][0](event):
            run.tell(waiting.pop(0)[1])
    assert not waiting
    return events


def at(epoch: int, step: int) -> Callable[[Any], bool]:
    return lambda event: isinstance(event, Progress) and (event.epoch, event.step) == (epoch, step)


def measuring(split: str, epoch: int) -> Callable[[Any], bool]:
    return lambda event: isinstance(event, Measuring) and (event.split, event.epoch) == (split, epoch)


def is_a(kind: type[Event]) -> Callable[[Any], bool]:
    return lambda event: isinstance(event, kind)


def kinds(events: list[Any], *wanted: type[Event]) -> list[type[Event]]:
    return [type(each) for each in events if isinstance(each, wanted)]


def measured_long(spec: Spec, **settings: Any) -> Spec:
    """The same in small batches, so that measuring takes several."""
    return edit.set_setting(with_settings(spec, **settings), "data.batching.batch_size", 6)


def test_a_run_that_pauses_and_goes_on_ends_as_if_it_had_not(tmp_path: Path) -> None:
    trained(iris(), tmp_path / "whole")
    run = Run(tmp_path / "run")
    stream = loop.train(iris(), tmp_path, run)
    events = told(stream, run, (at(2, 3), Command("pause")), (is_a(Paused), Command("go on")))
    assert kinds(events, Paused, Continued, Finished) == [Paused, Continued, Finished]
    assert next(each for each in events if isinstance(each, Paused)) == Paused(1, 3)
    assert run.weights.read_bytes() == (tmp_path / "whole" / "weights.safetensors").read_bytes()


def test_a_paused_run_has_a_checkpoint_and_can_be_stopped(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    stream = loop.train(iris(), tmp_path, run)
    events = told(stream, run, (at(1, 2), Command("pause")), (is_a(Paused), Command("stop")))
    assert kinds(events, Checkpoint, Paused, Stopped) == [Checkpoint, Paused, Checkpoint, Stopped]
    assert newest_checkpoint(run)[0].progressed.step == 2
    assert not (run.path / FILE).exists()


@pytest.mark.parametrize(("do", "epoch", "step"), [("stop", 1, 3), ("stop after epoch", 2, 0)])
def test_a_run_stops_after_the_step_or_after_the_epoch(tmp_path: Path, do: Any, epoch: int, step: int) -> None:
    run = Run(tmp_path / "run")
    events = told(loop.train(iris(), tmp_path, run), run, (at(2, 3), Command(do)))
    assert isinstance(events[-1], Stopped)
    progressed = newest_checkpoint(run)[0].progressed
    assert (progressed.epoch, progressed.step) == (epoch, step)
    assert [each.epoch for each in events if isinstance(each, Epoch)] == list(range(1, epoch + 1))


@pytest.mark.parametrize(("more", "end"), [((), Stopped), (((is_a(Continued), Command("go on")),), Finished)])
def test_a_run_that_is_to_stop_after_its_epoch_can_rest_before(tmp_path: Path, more: Any, end: type[Event]) -> None:
    run = Run(tmp_path / "run")
    moments = (
        (at(2, 3), Command("stop after epoch")),
        (at(2, 4), Command("pause")),
        (is_a(Paused), Command("rate", 0.03)),
        (is_a(Changed), Command("go on")),
        *more,
    )
    events = told(loop.train(iris(), tmp_path, run), run, *moments)
    assert kinds(events, Paused, Changed, Continued, Stopped, Finished) == [Paused, Changed, Continued, end]


def test_a_run_that_rests_goes_on_to_its_epochs_end_where_it_is_to_stop_there(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    moments = ((at(2, 3), Command("pause")), (is_a(Paused), Command("stop after epoch")))
    events = told(loop.train(iris(), tmp_path, run), run, *moments)
    assert kinds(events, Paused, Continued, Stopped) == [Paused, Continued, Stopped]
    assert newest_checkpoint(run)[0].progressed.epoch == 2


@pytest.mark.parametrize("settings", [{}, {"ema_decay": 0.8}, {"max_steps": 25}])
@pytest.mark.parametrize(("split", "epoch", "step"), [("validation", 1, True), ("test", 2, False)])
def test_a_run_stopped_while_it_measures_takes_no_step_twice(
    tmp_path: Path, split: str, epoch: int, step: bool, settings: dict[str, Any]
) -> None:
    spec = measured_long(iris(epochs=2), **settings)
    whole = trained(spec, tmp_path / "whole")
    run = Run(tmp_path / "run")
    events = told(loop.train(spec, tmp_path, run), run, (measuring(split, epoch), Command("stop")))
    assert isinstance(events[-1], Stopped)
    progressed = newest_checkpoint(run)[0].progressed
    assert (progressed.epoch, progressed.step > 0) == (epoch, step)
    resumed: list[Any] = list(loop.resume(run))
    assert not [each for each in resumed if isinstance(each, Progress)]
    assert run.weights.read_bytes() == (tmp_path / "whole" / "weights.safetensors").read_bytes()
    assert all(
        torch.equal(each, last_weights(tmp_path / "whole")[name]) for name, each in last_weights(run.path).items()
    )
    assert resumed[-1].test == whole[-1].test
    scores = [(each.epoch, each.train, each.validation) for each in whole if isinstance(each, Epoch)]
    assert [
        (each.epoch, each.train, each.validation) for each in [*events, *resumed] if isinstance(each, Epoch)
    ] == scores


def test_a_run_rests_while_it_measures_and_keeps_the_weights_that_it_trains(tmp_path: Path) -> None:
    spec = measured_long(iris(epochs=2), ema_decay=0.8)
    trained(spec, tmp_path / "whole")
    run = Run(tmp_path / "run")
    stream = loop.train(spec, tmp_path, run)
    next(event for event in stream if measuring("validation", 1)(event))
    run.tell(Command("pause"))
    paused = next(event for event in stream if isinstance(event, Paused))
    kept = last_weights(run.path)
    run.tell(Command("go on"))
    events = list(stream)
    steps = next(each.steps_per_epoch for each in run.events() if isinstance(each, Started))
    assert paused == Paused(1, steps)
    assert not [each for each in events if isinstance(each, Progress)]
    whole = last_weights(tmp_path / "whole")  # of after the same steps, for the second epoch is the last
    assert all(torch.equal(each, whole[name]) for name, each in kept.items())
    assert run.weights.read_bytes() == (tmp_path / "whole" / "weights.safetensors").read_bytes()


def test_epochs_added_while_the_test_is_measured_are_trained_before_it_counts(tmp_path: Path) -> None:
    spec = measured_long(iris(epochs=1))
    run = Run(tmp_path / "run")
    events = told(loop.train(spec, tmp_path, run), run, (measuring("test", 1), Command("epochs", 1)))
    assert kinds(events, Epoch, Finished) == [Epoch, Epoch, Finished]
    trained(edit.set_setting(spec, "training.epochs", 2), tmp_path / "whole")
    assert run.weights.read_bytes() == (tmp_path / "whole" / "weights.safetensors").read_bytes()


def test_measuring_is_told_batch_by_batch_but_for_the_last(tmp_path: Path) -> None:
    events = trained(measured_long(iris(epochs=1)), tmp_path / "run")
    (steps,) = {each.steps for each in events if isinstance(each, Measuring) and each.split == "validation"}
    told_of = [each.step for each in events if isinstance(each, Measuring) and each.split == "validation"]
    assert told_of == list(range(1, steps))


def test_a_checkpoint_is_kept_when_it_is_asked_for(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    spec = edit.set_setting(iris(), "training.checkpoint_every", 100)
    events = told(loop.train(spec, tmp_path, run), run, (at(1, 2), Command("checkpoint")))
    first, last = (event for event in events if isinstance(event, Checkpoint))
    assert (first.epoch, first.step, last.epoch) == (0, 2, 3)


def test_a_learning_rate_set_by_hand_is_that_of_a_run_that_had_it(tmp_path: Path) -> None:
    run, plain = Run(tmp_path / "run"), iris("SGD", lr=0.1)
    events = told(loop.train(plain, tmp_path, run), run, (at(1, 1), Command("rate", 0.0)))
    assert next(each for each in events if isinstance(each, Changed)).message == "The learning rate was set to 0."
    other = Run(tmp_path / "other")
    told(loop.train(plain, tmp_path, other), other, (at(1, 1), Command("stop")))
    assert all(torch.equal(each, last_weights(other.path)[name]) for name, each in last_weights(run.path).items())


def test_a_schedule_goes_on_scaled_from_the_rate_that_was_set(tmp_path: Path) -> None:
    spec = edit.set_schedule(iris("SGD", epochs=4, lr=0.1), 0, {"op": "ExponentialLR", "params": {"gamma": 0.5}})
    run = Run(tmp_path / "run")
    events = told(loop.train(spec, tmp_path, run), run, (at(2, 1), Command("rate", 0.2)))
    rates = {each.epoch: each.learning_rates["main"] for each in events if isinstance(each, Epoch)}
    assert [rates[epoch] for epoch in (1, 2, 3, 4)] == pytest.approx([0.1, 0.2, 0.1, 0.05])
    (changed,) = (each for each in events if isinstance(each, Changed))
    assert "its schedule goes on from there, scaled" in changed.message


def test_a_rate_set_by_hand_outlives_a_stop(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    told(
        loop.train(iris(lr=0.1), tmp_path, run),
        run,
        (at(1, 1), Command("rate", 0.03)),
        (is_a(Changed), Command("stop")),
    )
    resumed = list(loop.resume(run))
    assert next(each for each in resumed if isinstance(each, Epoch)).learning_rates == {"main": 0.03}


def test_an_optimizer_that_is_not_there_is_told(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    events = told(loop.train(iris(), tmp_path, run), run, (at(1, 1), Command("rate", 0.1, "critic")))
    (changed,) = (each for each in events if isinstance(each, Changed))
    assert changed.message == "There is no optimizer 'critic'; there is main. No rate was changed."


def test_epochs_are_added_to_a_run_and_to_one_that_has_finished(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    events = told(loop.train(iris(epochs=2), tmp_path, run), run, (at(1, 1), Command("epochs", 1)))
    assert [each.epochs for each in events if isinstance(each, Changed)] == [3]
    assert [each.epoch for each in events if isinstance(each, Epoch)] == [1, 2, 3]
    more = list(loop.resume(run, more_epochs=2))
    started = next(each for each in more if isinstance(each, Started))
    assert (started.epoch, [each.epoch for each in more if isinstance(each, Epoch)]) == (3, [4, 5])
    trained(iris(epochs=5), tmp_path / "whole")
    whole = load_tensors(tmp_path / "whole" / "weights.safetensors")
    assert all(torch.equal(each, whole[name]) for name, each in load_tensors(run.weights).items())


def test_added_epochs_stay_at_the_rate_at_which_the_schedule_ended(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    schedule = {"op": "CosineAnnealingLR", "params": {"eta_min": 0.01}}
    list(loop.train(edit.set_schedule(iris(epochs=2, lr=0.1), 0, schedule), tmp_path, run))
    more = [each for each in loop.resume(run, more_epochs=3) if isinstance(each, Epoch)]
    assert [each.learning_rates["main"] for each in more] == pytest.approx([0.01, 0.01, 0.01])


def test_commands_that_are_none_are_passed_over_and_half_a_line_waits(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    assert inbox.take() == []
    send(tmp_path, Command("pause"))
    with (tmp_path / FILE).open("a") as stream:
        stream.write('no JSON\n{"do": "dance"}\n[1]\n{"do": "ra')
    assert inbox.take() == [Command("pause")]
    with (tmp_path / FILE).open("a") as stream:
        stream.write('te", "value": 0.5}\n')
    assert inbox.take() == [Command("rate", 0.5)]
    assert inbox.take() == []


def test_commands_are_heard_when_the_file_was_taken_away_and_begun_anew(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    send(tmp_path, Command("rate", 0.123456))
    assert inbox.take() == [Command("rate", 0.123456)]
    forget(tmp_path)
    send(tmp_path, Command("stop"))
    assert inbox.take() == [Command("stop")]
    forget(tmp_path)
    assert inbox.take() == []
    send(tmp_path, Command("stop"))
    assert inbox.take() == [Command("stop")]


@pytest.mark.parametrize(
    ("do", "value", "words"),
    [("dance", None, "can be told pause"), ("rate", None, "needs a number"), ("stop", 1, "takes no number"),
     ("rate", -1, "from 0"), ("epochs", 0.5, "whole number")],
)  # fmt: skip
def test_a_command_that_makes_no_sense_is_refused(do: Any, value: Any, words: str) -> None:
    with pytest.raises(Mistake, match=words):
        Command(do, value)
