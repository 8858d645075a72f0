from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine import data, edit, events, fixes
from engine.compile import compile
from engine.events import Checkpoint, Epoch, Failed, Finished, Measuring, Progress, Started, Stopped
from engine.problem import Mistake
from engine.spec import Spec, save
from engine.train import checkpoint, loop
from engine.train.checkpoint import load_tensors, newest_checkpoint
from engine.train.commands import Command
from engine.train.folder import Run
from engine.train.predict import evaluate, load_model, load_pair, predict
from tests.builders import image_classifier
from tests.engine.data.test_loader import loader, pictures, with_batching
from tests.engine.train.making import iris, state_of, trained

ROOT = Path(__file__).parents[3]


def test_a_run_tells_all_it_does_and_leaves_a_whole_folder(tmp_path: Path) -> None:
    events = trained(iris(), tmp_path / "run")
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Finished)
    assert [event.epoch for event in events if isinstance(event, Epoch)] == [1, 2, 3]
    assert [event.epoch for event in events if isinstance(event, Checkpoint)][-1] == 3
    run = Run(tmp_path / "run")
    assert state_of(run) == "finished"
    assert run.events() == events
    assert {"spec.json", "events.jsonl", "weights.safetensors", "environment.json", "data.json"} <= {
        path.name for path in run.path.iterdir()
    }
    assert set(events[-1].test) == {"loss", "accuracy"}
    assert evaluate(run, "test").scores == events[-1].test


def stopped_after(spec: Spec, run: Run, epoch: int, *, midway: bool) -> list[Any]:
    """Train, asking to stop in an epoch: at its first progress, or once it is done."""
    events = []
    for event in loop.train(spec, run.path.parent, run):
        events.append(event)
        if midway and isinstance(event, Progress) and event.epoch == epoch and event.step < event.steps:
            run.tell(Command("stop"))
        if not midway and isinstance(event, Epoch) and event.epoch == epoch:
            run.tell(Command("stop"))
    return events


def digits(epochs: int) -> Spec:
    """A convolution on the digits: its filters are stored in a layout of their own."""
    return edit.set_setting(edit.set_source(image_classifier(), "Digits"), "training.epochs", epochs)


def test_a_run_tells_what_was_found_in_its_data(tmp_path: Path) -> None:
    rows = "".join(f"{row},1,2,{row % 3 or ''},{'abc'[row % 3]}\n" for row in range(60))
    (tmp_path / "flowers.csv").write_text(f"a,b,c,d,label\n{rows}1,1,2,3,c\n1,1,2,3,a\n")
    params = {"path": "flowers.csv", "target": "label", "missing": "drop rows"}
    spec = edit.set_source(iris(epochs=1), "Table", params)
    started = next(each for each in trained(spec, tmp_path / "run") if isinstance(each, Started))
    assert any(note.startswith("20 of 62 samples lack a value in d (20)") for note in started.notes)
    assert events.decode(json.loads(json.dumps(events.encode(started)))) == started


@pytest.mark.parametrize("spec", [iris(epochs=4), digits(epochs=3)], ids=["iris", "digits"])
@pytest.mark.parametrize("midway", [True, False])
def test_a_stopped_run_goes_on_as_if_it_had_never_stopped(
    tmp_path: Path, midway: bool, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "READ_SECONDS", 0.0)
    whole = trained(spec, tmp_path / "whole")
    run = Run(tmp_path / "run")
    events = stopped_after(spec, run, 2, midway=midway)
    assert isinstance(events[-1], Stopped)
    assert state_of(run) == "stopped"
    resumed = list(loop.resume(run))
    assert isinstance(resumed[-1], Finished)
    one, other = load_tensors(tmp_path / "whole" / "weights.safetensors"), load_tensors(run.weights)
    assert all(torch.equal(one[name], other[name]) for name in one)
    scores = {event.epoch: event.train for event in whole if isinstance(event, Epoch)}
    for event in [each for each in [*events, *resumed] if isinstance(each, Epoch)]:
        assert event.train == pytest.approx(scores[event.epoch])


def test_a_killed_process_is_seen_and_its_run_goes_on(tmp_path: Path) -> None:
    save(iris(epochs=100_000), tmp_path / "p.netloom")
    run = Run(tmp_path / "run")
    command = [sys.executable, "-m", "engine", "train", str(tmp_path / "p.netloom"), "--run", str(run.path), "--json"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not any(isinstance(event, Checkpoint) for event in run.events()):
        time.sleep(0.05)
    assert run.alive()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert state_of(run) == "crashed"
    run.tell(Command("stop"))
    events = []
    for event in loop.resume(run):
        events.append(event)
        run.tell(Command("stop"))
    assert isinstance(events[-1], Stopped)


def test_a_loss_that_becomes_nan_ends_the_run_with_its_step(tmp_path: Path) -> None:
    failed = trained(edit.set_param(iris("SGD", lr=1e38), "dropout_1", "p", 0.0), tmp_path / "run")[-1]
    assert isinstance(failed, Failed)
    assert "epoch 1, step" in failed.message
    assert "learning rate" in failed.message
    assert state_of(Run(tmp_path / "run")) == "failed"


@pytest.mark.parametrize(
    ("change", "node", "words"),
    [
        (lambda s: edit.set_param(s, "input_1", "column", "featurs"), "input_1", "did you mean 'features'"),
        (lambda s: edit.set_param(s, "input_1", "column", None), "input_1", "No data column is bound"),
        (lambda s: edit.set_param(s, "input_1", "shape", ["N", 5]), "input_1", "N × 4"),
        (lambda s: edit.set_param(s, "linear_2", "out_features", 2), "cross_entropy_loss_1", "3 classes"),
        (
            lambda s: edit.set_setting(s, "data.source", {"kind": "Table", "params": {"path": "gone.csv"}}),
            None,
            "gone.csv",
        ),
        (lambda s: edit.set_setting(s, "training.device", "cuda"), None, "no CUDA GPU"),
        (lambda s: edit.remove(s, ["cross_entropy_loss_1"]), None, "no loss"),
        (lambda s: edit.set_param(s, "linear_1", "out_features", 0), None, "at least 1"),
    ],
)
def test_a_mistake_is_told_as_the_last_event(
    tmp_path: Path, change: Callable[[Spec], Spec], node: str | None, words: str
) -> None:
    if words == "no CUDA GPU" and torch.cuda.is_available():
        pytest.skip("this machine has a CUDA GPU")
    failed = trained(change(iris()), tmp_path / "run")[-1]
    assert isinstance(failed, Failed)
    assert words in failed.message
    assert failed.node == node


def test_a_batch_of_one_before_a_batch_norm_is_told(tmp_path: Path) -> None:
    spec = edit.insert(iris(), "BatchNorm1d", "tanh_1", "input")
    spec = edit.set_setting(spec, "data.batching.batch_size", 1)
    failed = trained(spec, tmp_path / "run")[-1]
    assert isinstance(failed, Failed)
    assert "batch_size" in failed.message


def test_a_full_disk_ends_the_run_and_its_last_checkpoint_stays_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(tmp_path / "run")
    written = checkpoint.save_tensors

    def full(path: Path, *arguments: Any) -> None:
        if path.parent == run.checkpoints and run.checkpoint_files():
            raise OSError(errno.ENOSPC, "No space left on device")
        written(path, *arguments)

    monkeypatch.setattr(checkpoint, "save_tensors", full)
    events = list(loop.train(iris(), tmp_path, run))
    assert isinstance(events[-1], Failed)
    assert "disk is full" in events[-1].message
    monkeypatch.undo()
    assert isinstance(list(loop.resume(run))[-1], Finished)


def test_out_of_memory_is_told_with_what_to_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: Any, **_more: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("engine.train.meter.Meter.add", full)
    failed = trained(iris(), tmp_path / "run")[-1]
    assert isinstance(failed, Failed)
    assert "A batch of 16 samples needs more memory than cpu has. Try batches of 8" in failed.message
    (fix,) = failed.fixes
    assert fixes.apply(iris(), fix).data["batching"]["batch_size"] == 8
    assert events.decode(events.encode(failed)) == failed


def test_two_losses_are_summed_by_their_factors_and_each_is_told(tmp_path: Path) -> None:
    spec = edit.add(iris(epochs=1), "MSELoss", inputs={"input": "linear_2", "target": "linear_2"})
    spec = edit.set_factor(spec, "mse_loss_1", 5.0)
    epoch = next(event for event in trained(spec, tmp_path / "run") if isinstance(event, Epoch))
    assert epoch.train["loss"] == pytest.approx(epoch.train["cross_entropy_loss_1"])
    assert epoch.train["mse_loss_1"] == 0


def test_a_run_that_another_process_trains_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.train.folder.LOCK_SECONDS", 0.1)
    run = Run(tmp_path / "run")
    with run.locked():
        assert run.alive()
        with pytest.raises(Mistake, match="another process"):
            next(loop.train(iris(), tmp_path, run))
    assert not run.alive()


def test_a_run_predicts_the_classes_of_raw_rows(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    list(loop.train(iris(epochs=40, lr=0.02), tmp_path, run))
    rows = [{"features": [5.1, 3.5, 1.4, 0.2]}, {"features": [6.3, 3.3, 6.0, 2.5]}]
    assert [answer["output_1"] for answer in predict(run, rows)] == ["setosa", "virginica"]


def test_a_spec_and_its_weights_open_again_and_compute_the_same(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    list(loop.train(iris(), tmp_path, run))
    given = torch.randn(5, 4)
    one, other = load_model(run), load_pair(run.spec(), run.weights)
    assert torch.equal(one.module(given)["output_1"], other.module(given)["output_1"])


def test_weights_of_another_graph_are_refused(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    list(loop.train(iris(epochs=1), tmp_path, run))
    wider = edit.set_param(run.spec(), "linear_1", "out_features", 17)
    with pytest.raises(Mistake, match=r"linear_1\.weight is \(16, 4\) in the file and \(17, 4\)"):
        load_pair(wider, run.weights)
    run.weights.write_bytes(run.weights.read_bytes()[:100])
    with pytest.raises(Mistake, match="no whole safetensors file"):
        load_model(run)


def test_an_image_network_learns(tmp_path: Path) -> None:
    finished = trained(digits(epochs=6), tmp_path / "run")[-1]
    assert isinstance(finished, Finished)
    assert finished.test["accuracy"] > 0.9


def test_the_compiled_training_graph_reports_its_passes(tmp_path: Path) -> None:
    spec = edit.add(iris(epochs=1), "ReLU", inputs={"input": "linear_1"})
    started = trained(spec, tmp_path / "run")[0]
    assert isinstance(started, Started)
    assert "relu_1" in started.passes[0]
    assert compile(spec).passes == started.passes


def test_a_run_stopped_while_it_measures_goes_on_though_its_last_batches_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "READ_SECONDS", 0.0)
    spec = with_batching(pictures(tmp_path, count=40), cache="none", workers=0, batch_size=1)
    order = loader(spec)._order(0)
    assert order is not None
    last = int(data.prepare(spec, tmp_path).rows["train"][order[-1]])
    spec = edit.add(spec, "Input", params={"column": "image", "shape": ["N", 3, 8, 8]})
    spec = edit.add(spec, "Input", params={"column": "label", "shape": ["N"], "dtype": "int64"})
    spec = edit.add(spec, "Flatten", inputs={"input": "input_1"})
    spec = edit.add(spec, "Linear", params={"out_features": 2}, inputs={"input": "flatten_1"})
    spec = edit.add(spec, "CrossEntropyLoss", inputs={"input": "linear_1", "target": "input_2"})
    spec = edit.set_setting(spec, "training.epochs", 1)
    run = Run(tmp_path / "run")
    for event in loop.train(spec, tmp_path, run):
        if isinstance(event, Started):
            sorted(tmp_path.rglob("*.png"))[last].write_bytes(b"no image")
        if isinstance(event, Measuring):
            run.tell(Command("stop"))
    assert isinstance(event, Stopped)
    progressed = newest_checkpoint(run)[0].progressed
    assert (progressed.epoch, progressed.step) == (0, len(order))
    events = list(loop.resume(run))
    assert isinstance(events[-1], Finished)
    assert not [each for each in events if isinstance(each, Progress)]


def test_how_fast_a_run_goes_is_told_by_several_epochs_where_they_are_short() -> None:
    missing: Any = None
    work = loop.Work(missing, missing, missing, missing, missing, missing, missing, pace=(90, 1.0))
    assert work.paced(10, 0.5) == (100, 1.5)
    assert work.paced(10, 3.0) == (10, 3.0)
