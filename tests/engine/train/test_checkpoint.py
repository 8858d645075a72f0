from __future__ import annotations

import errno
import itertools
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine import edit
from engine.events import Checkpoint, Epoch, Failed, Finished, Started
from engine.problem import Mistake
from engine.train import checkpoint, keeper, loop
from engine.train.checkpoint import EPOCH, Progressed, is_kept, load_tensors, newest_checkpoint, save_tensors
from engine.train.folder import Run
from engine.train.predict import evaluate
from engine.train.writer import Writer
from tests.engine.train.making import iris, state_of, trained


def damage(path: Path, *, at: int) -> None:
    """Turn a bit of a file, that many bytes before its end."""
    data = bytearray(path.read_bytes())
    data[-at] ^= 1
    path.write_bytes(bytes(data))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


@pytest.mark.parametrize("harm", [cut, lambda path: damage(path, at=9)], ids=["cut", "one bit"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before_and_is_told(tmp_path: Path, harm: Any) -> None:
    trained(iris(epochs=4), tmp_path / "whole")
    run = Run(tmp_path / "run")
    stream = loop.train(iris(epochs=4), tmp_path, run)
    for event in stream:
        if isinstance(event, Checkpoint) and len(run.checkpoint_files()) > 1:
            break
    stream.close()  # type: ignore[attr-defined]  # it is a generator
    newest, before = run.checkpoint_files()
    harm(newest)
    events = list(loop.resume(run))
    started = next(each for each in events if isinstance(each, Started))
    assert any("goes on from the checkpoint before it" in note for note in started.notes)
    assert started.epoch == int(before.stem.split("-")[0])
    assert isinstance(events[-1], Finished)
    assert run.weights.read_bytes() == (tmp_path / "whole" / "weights.safetensors").read_bytes()
    assert newest.with_name(f"{newest.name}.damaged").exists()


def test_a_run_whose_first_checkpoint_was_cut_off_begins_anew_and_clears_what_is_left_of_it(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.begin(iris(epochs=1))
    for path in (run.checkpoints / "0000001-000000000.safetensors", run.weights, run.path / "specs" / "0.json"):
        killed_while_writing(path)
    events = list(loop.resume(run))
    assert isinstance(events[-1], Finished)
    assert not [path for path in run.path.rglob("*") if path.name.startswith(".")]


def killed_while_writing(path: Path) -> None:
    """Write a file in a process that is killed halfway."""
    script = (
        "import os, signal, sys; from pathlib import Path; from engine.spec import write_atomically;"
        "write_atomically(Path(sys.argv[1]), lambda _stream: os.kill(os.getpid(), signal.SIGKILL))"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], cwd=Path(__file__).parents[3], check=False)
    assert done.returncode == -signal.SIGKILL


def test_a_run_all_of_whose_checkpoints_are_damaged_says_so(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    trained(iris(), run.path)
    for path in run.checkpoint_files():
        cut(path)
    failed = list(loop.resume(run))[-1]
    assert isinstance(failed, Failed)
    assert "no checkpoint that is whole" in failed.message


@pytest.mark.parametrize(("keep", "every", "epochs"), [(1, 1, [4]), (2, 3, [3, 4]), (9, 4, [4])])
def test_as_many_checkpoints_are_kept_as_often_as_is_set(
    tmp_path: Path, keep: int, every: int, epochs: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Writer, "put", at_once)
    spec = edit.set_setting(iris(epochs=4), "training.keep_checkpoints", keep)
    trained(edit.set_setting(spec, "training.checkpoint_every", every), tmp_path / "run")
    kept = [int(path.stem.split("-")[0]) for path in Run(tmp_path / "run").checkpoint_files()]
    assert sorted(kept) == epochs


def test_a_full_disk_costs_the_older_checkpoints_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(tmp_path / "run")
    written = checkpoint.save_tensors

    def full(path: Path, *arguments: Any) -> None:
        if path.parent == run.checkpoints and len(run.checkpoint_files()) > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        written(path, *arguments)

    monkeypatch.setattr(Writer, "put", at_once)
    monkeypatch.setattr(checkpoint, "save_tensors", full)
    events = trained(edit.set_setting(iris(epochs=6), "training.keep_checkpoints", 5), run.path)
    assert isinstance(events[-1], Finished)
    assert newest_checkpoint(run)[0].progressed.epoch == 6


def test_a_full_disk_costs_the_older_checkpoints_for_the_best_weights_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(tmp_path / "run")

    def full(path: Path, *arguments: Any) -> None:
        if len(run.checkpoint_files()) > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        save_tensors(path, *arguments)

    monkeypatch.setattr(Writer, "put", at_once)
    monkeypatch.setattr(keeper, "save_tensors", full)
    events = trained(edit.set_setting(iris(epochs=6), "training.keep_checkpoints", 5), run.path)
    assert isinstance(events[-1], Finished)
    assert is_kept(run, newest_checkpoint(run)[0].progressed)


def at_once(writer: Writer[Any], work: Callable[[], Any]) -> None:
    """Do a piece of work as it comes."""
    writer._done.append(work())


def test_the_best_weights_are_on_the_disk_before_any_checkpoint_is_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(tmp_path / "run")
    monkeypatch.setattr(Writer, "put", at_once)
    stream = loop.train(edit.set_setting(iris(epochs=6), "training.checkpoint_every", 6), tmp_path, run)
    for _ in range(2):
        next(each for each in stream if isinstance(each, Epoch))
    assert not run.checkpoint_files()
    assert is_kept(run, Progressed(best_epoch=1))
    stream.close()  # type: ignore[attr-defined]  # it is a generator


def test_a_fault_before_the_first_checkpoint_leaves_the_best_weights(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    stream = loop.train(edit.set_setting(iris(epochs=6), "training.checkpoint_every", 6), tmp_path, run)
    assert next(each for each in stream if isinstance(each, Epoch)).best
    stream.close()  # type: ignore[attr-defined]  # it is a generator
    assert not run.checkpoint_files()
    assert is_kept(run, Progressed(best_epoch=1))


def test_a_tensor_under_two_names_is_written_once(tmp_path: Path) -> None:
    tensor = torch.randn(100, 100)
    save_tensors(tmp_path / "a", {"one": tensor, "two": tensor, "none": torch.empty(0)})
    found = load_tensors(tmp_path / "a")
    assert torch.equal(found["two"], tensor)
    assert (tmp_path / "a").stat().st_size < 1.6 * tensor.numel() * 4
    with pytest.raises(Mistake, match="does not exist"):
        load_tensors(tmp_path / "b")


def test_a_slow_disk_holds_back_nothing_but_the_newest() -> None:
    writer: Writer[str] = Writer()
    begun, going = threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        assert going.wait(10)
        return "first"

    writer.put(slow)
    assert begun.wait(10)
    for number in range(5):
        writer.put(f"checkpoint {number}".format)
    assert writer.take() == []
    going.set()
    assert writer.flush() == ["first", "checkpoint 4"]


def test_what_went_wrong_while_writing_is_raised_where_it_is_taken() -> None:
    writer: Writer[str] = Writer()

    def full() -> str:
        raise OSError(errno.ENOSPC, "full")

    writer.put(full)
    with pytest.raises(OSError, match="full"):
        writer.flush()
    writer.put(lambda: "again")
    assert writer.flush() == ["again"]


def test_a_run_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Mistake, match=r"cannot be written to .*choose another folder"):
        next(loop.train(iris(), tmp_path, Run(tmp_path / "file" / "run")))


def test_an_event_after_a_line_cut_by_a_kill_has_a_line_of_its_own(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    trained(iris(epochs=1), run.path)
    with (run.path / "events.jsonl").open("a") as stream:
        stream.write('{"event": "prog')
    list(loop.resume(run, more_epochs=1))
    assert [each.epochs for each in run.events() if isinstance(each, Finished)] == [1, 2]
    assert state_of(run) == "finished"


def stopped_after(epoch: int, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Train six epochs, a checkpoint with every second one, cut off after one of them."""
    monkeypatch.setattr(Writer, "put", at_once)
    stream = loop.train(edit.set_setting(iris(epochs=6), "training.checkpoint_every", 2), run.path.parent, run)
    next(each for each in stream if isinstance(each, Checkpoint) and each.epoch == epoch)
    stream.close()  # type: ignore[attr-defined]  # it is a generator


def test_best_weights_from_after_the_checkpoint_give_way_to_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(tmp_path / "run")
    stopped_after(4, run, monkeypatch)
    saved, _notes = newest_checkpoint(run)
    assert is_kept(run, saved.progressed)
    later = {name: torch.zeros_like(each) for name, each in load_tensors(run.weights).items()}
    save_tensors(run.weights, later, {EPOCH: 5})  # as a kill between the two files leaves them
    assert not is_kept(run, saved.progressed)
    slower = edit.set_setting(run.spec(), "training.optimizers.0.params.lr", 0.0)
    events = list(loop.resume(run, spec=slower))
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.best_epoch >= 4
    kept = next((each for each in events if isinstance(each, Epoch) and each.epoch == finished.best_epoch), None)
    assert kept is None or evaluate(run, "validation").scores == kept.validation
    assert not any(torch.equal(each, later[name]) for name, each in load_tensors(run.weights).items())


def test_a_kill_between_the_best_weights_and_the_checkpoint_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, run = Run(tmp_path / "whole"), Run(tmp_path / "run")
    trained(edit.set_setting(iris(epochs=6), "training.checkpoint_every", 2), whole.path)
    stopped_after(4, run, monkeypatch)
    save_tensors(run.weights, load_tensors(run.weights), {EPOCH: 5})
    assert isinstance(list(loop.resume(run))[-1], Finished)
    assert run.weights.read_bytes() == whole.weights.read_bytes()


def test_a_checkpoint_whose_best_weights_could_not_be_written_is_not_written_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, counted = Run(tmp_path / "run"), itertools.count(1)

    def full(*arguments: Any) -> None:
        if next(counted) > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        save_tensors(*arguments)

    monkeypatch.setattr(keeper, "save_tensors", full)
    failed = trained(iris(epochs=6), run.path)[-1]
    assert isinstance(failed, Failed)
    assert "The disk is full" in failed.message
    assert is_kept(run, newest_checkpoint(run)[0].progressed)
    monkeypatch.undo()
    assert isinstance(list(loop.resume(run))[-1], Finished)
