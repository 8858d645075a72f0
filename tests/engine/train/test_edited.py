from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from engine import edit
from engine.events import Changed, Epoch, Failed, Finished, Measuring, Progress, Started
from engine.spec import Spec, load
from engine.train import loop
from engine.train.checkpoint import load_tensors, newest_checkpoint
from engine.train.commands import Command
from engine.train.folder import Run
from engine.train.predict import load_model
from tests.engine.train.making import iris, plain, trained, with_settings


def changed_in(events: list[Any]) -> Changed:
    return next(each for each in events if isinstance(each, Changed))


def test_nodes_that_fit_go_on_with_their_weights_and_what_the_optimizer_gathered(tmp_path: Path) -> None:
    run, spec = Run(tmp_path / "run"), iris(epochs=2)
    trained(spec, run.path)
    before = newest_checkpoint(run)[0]
    wider = edit.insert(spec, "BatchNorm1d", "tanh_1", "input")
    wider = edit.set_param(edit.set_setting(wider, "training.epochs", 4), "linear_2", "bias", False)
    stream = loop.resume(run, spec=wider)
    events = [next(stream), next(stream)]
    changed = changed_in(events)
    assert (changed.kept, changed.fresh) == (("linear_1", "linear_2"), ("batch_norm1d_1",))
    assert changed.message == (
        "The project was changed: linear_1, linear_2 go on with what was learned; batch_norm1d_1 starts anew."
    )
    next(event for event in stream if not isinstance(event, Changed))
    stream.close()  # type: ignore[attr-defined]  # it is a generator
    after = newest_checkpoint(run)[0]
    assert after.progressed.epoch == 2
    for name in ("linear_1.weight", "linear_1.bias", "linear_2.weight"):
        assert torch.equal(before.parts["weights"][name], after.parts["weights"][name])
        one, other = (each.parts["optimizers"]["main"]["weights"][name] for each in (before, after))
        assert all(torch.equal(value, other[key]) for key, value in one.items())
    assert "batch_norm1d_1.weight" not in after.parts["optimizers"]["main"]["weights"]


def test_each_spec_is_kept_by_the_step_from_which_it_was_trained(tmp_path: Path) -> None:
    run, spec = Run(tmp_path / "run"), iris(epochs=2)
    trained(spec, run.path)
    steps = next(each for each in run.events() if isinstance(each, Started)).steps_per_epoch
    relu = edit.set_setting(edit.insert(spec, "ReLU", "tanh_1", "input"), "training.epochs", 3)
    events = list(loop.resume(run, spec=relu))
    assert isinstance(events[-1], Finished)
    assert (changed_in(events).epoch, changed_in(events).epochs) == (2, 3)
    assert [each.epoch for each in events if isinstance(each, Epoch)] == [3]
    assert load(run.path / "specs" / "0.json") == spec
    assert load(run.path / "specs" / f"{2 * steps}.json") == relu == run.spec()
    assert newest_checkpoint(run)[0].spec == f"specs/{2 * steps}.json"
    assert list(load_model(run).program.outputs) == ["output_1"]


def test_a_changed_run_that_ends_at_once_still_holds_a_model_of_its_graph(tmp_path: Path) -> None:
    run, spec = Run(tmp_path / "run"), iris(epochs=1)
    trained(spec, run.path)
    events = list(loop.resume(run, spec=edit.set_param(spec, "linear_1", "out_features", 5)))
    assert changed_in(events).fresh == ("linear_1", "linear_2")
    assert isinstance(events[-1], Finished)
    assert load_tensors(run.weights)["linear_1.weight"].shape == (5, 4)


def test_a_moved_node_changes_nothing(tmp_path: Path) -> None:
    run, spec = Run(tmp_path / "run"), iris(epochs=1)
    trained(spec, run.path)
    moved = edit.move(spec, {"linear_1": (10.0, 20.0)})
    assert not [each for each in loop.resume(run, spec=moved) if isinstance(each, Changed)]


def test_a_schedule_that_was_changed_stands_where_the_run_is(tmp_path: Path) -> None:
    run, spec = Run(tmp_path / "run"), iris(epochs=2, lr=0.1)
    trained(spec, run.path)
    longer = edit.set_schedule(edit.set_setting(spec, "training.epochs", 3), 0, "ExponentialLR")
    longer = edit.set_setting(longer, "training.optimizers.0.schedule.params.gamma", 0.5)
    (epoch,) = (each for each in loop.resume(run, spec=longer) if isinstance(each, Epoch))
    assert epoch.learning_rates == {"main": 0.025}


def test_a_checkpoint_of_another_graph_is_refused_with_what_differs(tmp_path: Path) -> None:
    run, other = Run(tmp_path / "run"), Run(tmp_path / "other")
    trained(iris(epochs=1), run.path)
    trained(edit.set_param(iris(epochs=1), "linear_1", "out_features", 5), other.path)
    for each in run.checkpoint_files():
        each.write_bytes(other.checkpoint_files()[0].read_bytes())
    failed = list(loop.resume(run))[-1]
    assert isinstance(failed, Failed)
    assert "of another graph: linear_1.weight is (5, 4) in the checkpoint and (16, 4) in the graph" in failed.message
    assert "--spec" in failed.message


def test_a_changed_project_goes_on_with_the_average_of_the_weights_that_fit(tmp_path: Path) -> None:
    run, spec = Run(tmp_path / "run"), with_settings(plain(iris(epochs=2)), ema_decay=0.9, accumulate=3)
    trained(spec, run.path)
    before = newest_checkpoint(run)[0]
    stream = loop.resume(run, spec=with_settings(edit.insert(spec, "BatchNorm1d", "tanh_1", "input"), epochs=3))
    next(event for event in stream if isinstance(event, Changed))
    next(stream)
    stream.close()  # type: ignore[attr-defined]  # it is a generator
    after = newest_checkpoint(run)[0]
    for name, each in before.parts["average"].items():
        assert torch.equal(each, after.parts["average"][name])
    assert after.parts["gradients"]["steps"] == before.parts["gradients"]["steps"]
    assert torch.equal(after.parts["average"]["batch_norm1d_1.weight"], torch.ones(16))


@pytest.mark.parametrize("before", [None, 0.5], ids=["turned on", "of other tensors"])
def test_an_average_of_which_nothing_is_carried_begins_at_the_weights(tmp_path: Path, before: float | None) -> None:
    run, spec = Run(tmp_path / "run"), plain(iris(epochs=1))
    trained(with_settings(spec, ema_decay=before), run.path)
    wider = spec if before is None else edit.set_param(spec, "linear_1", "out_features", 5)
    stream = loop.resume(run, spec=with_settings(wider, ema_decay=0.5, epochs=2))
    next(event for event in stream if isinstance(event, Changed))
    next(stream)
    stream.close()  # type: ignore[attr-defined]  # it is a generator
    parts = newest_checkpoint(run)[0].parts
    assert parts["average"]
    assert all(torch.equal(each, parts["weights"][name]) for name, each in parts["average"].items())


def test_a_checkpoint_without_the_state_of_a_part_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, parts_of = Run(tmp_path / "run"), loop.parts_of
    with monkeypatch.context() as older:
        names = ("weights", "optimizers", "random")
        older.setattr(loop, "parts_of", lambda session: {name: parts_of(session)[name] for name in names})
        trained(iris(epochs=1), run.path)
    assert isinstance(list(loop.resume(run, more_epochs=1))[-1], Finished)


def test_a_spec_trained_later_is_the_newest_though_its_batches_are_larger(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    trained(iris(epochs=1), run.path)
    for epochs, size in ((2, 4), (3, 32)):
        spec = edit.set_setting(edit.set_setting(iris(), "data.batching.batch_size", size), "training.epochs", epochs)
        assert changed_in(list(loop.resume(run, spec=spec)))
        assert load(run.path / run.newest_spec()) == load(run.path / newest_checkpoint(run)[0].spec) == run.spec()
    assert not [each for each in loop.resume(run, more_epochs=1) if "project was changed" in str(each)]


def test_a_run_that_begins_anew_with_another_spec_and_more_epochs_is_trained_and_kept_as_asked(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.begin(iris(epochs=1))
    wider = edit.set_param(iris(epochs=1), "linear_1", "out_features", 5)
    events = list(loop.resume(run, spec=wider, more_epochs=1))
    assert [each.epoch for each in events if isinstance(each, Epoch)] == [1, 2]
    assert run.spec() == wider == load(run.path / newest_checkpoint(run)[0].spec)
    assert list(load_model(run).program.outputs) == ["output_1"]


def test_a_spec_that_stays_is_kept_once(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    for spec in (iris(), iris(), iris(epochs=5), iris(epochs=5), iris()):
        run.begin(spec)
        assert load(run.path / run.newest_spec()) == run.spec() == spec
    assert {path.name for path in (run.path / "specs").iterdir()} == {"0.json", "0-2.json", "0-3.json"}


def test_a_default_that_is_written_down_changes_nothing(tmp_path: Path) -> None:
    run, whole = Run(tmp_path / "run"), Run(tmp_path / "whole")
    list(loop.train(iris(epochs=3), tmp_path, whole))
    stream = loop.train(iris(epochs=3), tmp_path, run)
    next(each for each in stream if isinstance(each, Epoch))
    run.tell(Command("stop"))
    list(stream)
    written = edit.set_setting(edit.set_setting(iris(epochs=3), "training.accumulate", 1), "data.split.method", "auto")
    events = list(loop.resume(run, spec=written))
    assert not any(isinstance(each, Changed) for each in events)
    assert run.weights.read_bytes() == whole.weights.read_bytes()


def test_a_run_stopped_while_it_measures_goes_on_changed_and_takes_no_step_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "READ_SECONDS", 0.0)
    spec = edit.set_setting(iris(epochs=2), "data.batching.batch_size", 6)
    run = Run(tmp_path / "run")
    for event in loop.train(spec, tmp_path, run):
        if isinstance(event, Measuring):
            run.tell(Command("stop"))
    steps = newest_checkpoint(run)[0].progressed.step
    events = list(loop.resume(run, spec=edit.insert(spec, "ReLU", "tanh_1", "input")))
    assert isinstance(events[-1], Finished)
    epochs = [each for each in events if isinstance(each, Epoch)]
    assert [each.epoch for each in epochs] == [1, 2]
    assert (epochs[0].train, set(epochs[0].validation)) == ({}, {"loss", "accuracy"})
    assert [each.step for each in events if isinstance(each, Progress)] == list(range(1, steps + 1))


def from_file(spec: Spec, path: Path) -> Spec:
    """A spec whose layers all begin from the tensors of their names in a file."""
    for node, tensor in (("linear_1", "weight"), ("linear_1", "bias"), ("linear_2", "weight"), ("linear_2", "bias")):
        init = {"op": "FromFile", "params": {"path": str(path), "name": f"{node}.{tensor}"}}
        spec = edit.set_init(spec, node, tensor, init)
    return spec


def test_a_run_goes_on_changed_without_the_file_that_its_weights_began_from(tmp_path: Path) -> None:
    run, first = Run(tmp_path / "run"), Run(tmp_path / "first")
    trained(iris(epochs=1), first.path)
    spec = from_file(iris(epochs=1), first.weights)
    trained(spec, run.path)
    first.weights.unlink()
    faster = with_settings(edit.set_setting(spec, "training.optimizers.0.params.lr", 0.01), epochs=2)
    events = list(loop.resume(run, spec=faster))
    assert isinstance(events[-1], Finished)
    assert changed_in(events).kept == ("linear_1", "linear_2")


def test_a_node_that_starts_anew_in_a_changed_run_needs_its_file(tmp_path: Path) -> None:
    run, first = Run(tmp_path / "run"), Run(tmp_path / "first")
    trained(iris(epochs=1), first.path)
    trained(edit.set_param(iris(epochs=1), "linear_2", "bias", False), run.path)
    spec = from_file(iris(epochs=1), first.weights)
    kept = load_tensors(first.weights)["linear_2.weight"]
    stream = loop.resume(run, spec=with_settings(spec, epochs=2))
    assert changed_in([next(stream), next(stream)]).fresh == ("linear_2",)
    next(stream)
    stream.close()  # type: ignore[attr-defined]  # it is a generator
    assert torch.equal(newest_checkpoint(run)[0].parts["weights"]["linear_2.weight"], kept)
    first.weights.unlink()
    failed = list(loop.resume(run, spec=edit.set_param(spec, "linear_1", "out_features", 5)))[-1]
    assert isinstance(failed, Failed)
    assert "does not exist" in failed.message
