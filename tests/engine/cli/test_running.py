from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine import edit
from engine.cli import main
from engine.events import Changed, Epoch, Event, Finished, Paused, Stopped
from engine.spec import save
from engine.train.commands import Command, Inbox
from engine.train.folder import Run
from tests.engine.train.making import iris, state_of

ROOT = Path(__file__).parents[3]
LONGEST = 60.0


def seen(run: Run, kind: type[Event]) -> None:
    """Wait until a run tells such an event."""
    deadline = time.monotonic() + LONGEST
    while not any(isinstance(event, kind) for event in run.events()):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_run_in_another_process_is_steered_and_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(iris(epochs=100_000), tmp_path / "p.netloom")
    run = Run(tmp_path / "run")
    command = [sys.executable, "-m", "engine", "train", str(tmp_path / "p.netloom"), "--run", str(run.path), "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        try:
            seen(run, Epoch)
            assert main(["tell", str(run.path), "rate", "0.002"]) == 0
            seen(run, Changed)
            assert main(["tell", str(run.path), "pause"]) == 0
            seen(run, Paused)
            assert main(["tell", str(run.path), "rate"]) == 2
            assert main(["kill", str(run.path)]) == 0
            assert process.wait(LONGEST) != 0
        finally:
            process.kill()
    assert state_of(run) == "crashed"
    assert main(["tell", str(run.path), "stop"]) == 2
    assert "is not being trained; go on with it with `netloom resume`" in capsys.readouterr().err


def test_a_finished_run_goes_on_for_more_epochs_and_with_another_project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(iris(epochs=1), tmp_path / "p.netloom")
    path = str(tmp_path / "run")
    assert main(["train", str(tmp_path / "p.netloom"), "--run", path]) == 0
    assert main(["resume", path, "--epochs", "2"]) == 0
    assert "2 more epochs: the run goes on to epoch 3." in capsys.readouterr().out
    save(edit.insert(iris(epochs=4), "ReLU", "tanh_1", "input"), tmp_path / "q.netloom")
    assert main(["resume", path, "--spec", str(tmp_path / "q.netloom"), "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["epoch"] for each in told if each["event"] == "epoch"] == [4]
    assert next(each for each in told if each["event"] == "changed")["kept"] == ["linear_1", "linear_2"]
    with pytest.raises(SystemExit):
        main(["resume", path, "--epochs", "0"])


def test_training_starts_from_the_weights_of_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(iris(epochs=1), tmp_path / "p.netloom")
    assert main(["train", str(tmp_path / "p.netloom"), "--run", str(tmp_path / "a")]) == 0
    arguments = [
        "train",
        str(tmp_path / "p.netloom"),
        "--run",
        str(tmp_path / "b"),
        "--start-from",
        str(tmp_path / "a"),
    ]
    assert main(arguments) == 0
    assert "linear_1, linear_2 begin from the file." in capsys.readouterr().err
    assert isinstance(Run(tmp_path / "b").events()[-1], Finished)


def test_ctrl_c_stops_a_run_with_a_checkpoint(tmp_path: Path) -> None:
    save(iris(epochs=100_000), tmp_path / "p.netloom")
    run = Run(tmp_path / "run")
    command = [sys.executable, "-m", "engine", "train", str(tmp_path / "p.netloom"), "--run", str(run.path), "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        seen(run, Epoch)
        process.terminate()
        assert process.wait(LONGEST) == 0
    assert isinstance(run.events()[-1], Stopped)


def test_a_process_that_waits_runs_the_verb_that_it_is_handed(tmp_path: Path) -> None:
    save(iris(epochs=1), tmp_path / "p.netloom")
    verb = ["train", str(tmp_path / "p.netloom"), "--run", str(tmp_path / "run")]
    order = json.dumps({"arguments": verb, "log": str(tmp_path / "log.txt")})
    command = [sys.executable, "-m", "engine", "wait"]
    subprocess.run(command, cwd=ROOT, input=order + "\n", text=True, check=True, timeout=LONGEST)
    assert isinstance(Run(tmp_path / "run").events()[-1], Finished)
    assert Inbox(tmp_path / "run").take() == []
    subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, check=True, timeout=LONGEST)


@pytest.mark.parametrize(("flags", "end"), [([], Finished), (["--watched"], Stopped)])
def test_a_run_forgets_what_its_last_process_was_told_but_heeds_the_window_that_began_it(
    tmp_path: Path, flags: list[str], end: type[Event]
) -> None:
    save(iris(epochs=1), tmp_path / "p.netloom")
    run = Run(tmp_path / "run")
    assert main(["train", str(tmp_path / "p.netloom"), "--run", str(run.path)]) == 0
    run.tell(Command("stop"))
    assert main(["resume", str(run.path), "--epochs", "2", *flags]) == 0
    assert isinstance(run.events()[-1], end)


def test_a_run_at_work_is_not_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(tmp_path / "run")
    run.begin(iris())
    with run.locked():
        run.tell(Command("pause"))
        assert main(["resume", str(run.path)]) == 2
        assert Inbox(run.path).take() == [Command("pause")]
    assert "is being trained by another process" in capsys.readouterr().err
