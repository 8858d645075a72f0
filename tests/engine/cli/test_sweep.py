from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.cli import main
from engine.spec import save
from engine.sweep import run as runs
from engine.sweep.folder import SweepFolder
from tests.engine.sweep.making import LR, WIDTH, Here, swept


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.cli.sweeping._stop_on_signals", lambda run: None)
    monkeypatch.setattr(runs, "_Process", Here)
    monkeypatch.setattr(runs, "LOOK_SECONDS", 0.0)


def project(folder: Path, *space: str, **settings: Any) -> list[str]:
    save(swept(*space, **settings), folder / "p.netloom")
    return ["sweep", str(folder / "p.netloom"), "--folder", str(folder / "s")]


def test_a_sweep_tells_its_trials_and_the_best_of_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space = ["--space", f"{LR}=0.1,0.00001", "--space", f"{WIDTH}=4,8", "--sampler", "grid"]
    assert main([*project(tmp_path), *space]) == 0
    said = capsys.readouterr().out
    heading, *rows = said.split("\n\n")[1].splitlines()
    assert heading.split() == ["trial", "accuracy", "lr", "linear_1.out_features", "time"]
    assert [row.split()[2] for row in rows[:2]] == ["0.1", "0.1"]
    assert rows[-1] == f"Sweep: {tmp_path / 's'}"


def test_the_space_may_stand_in_the_project_and_json_is_a_line_for_each_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*project(tmp_path, f"{LR}=0.1,0.2", sampler="grid"), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    ended = [(each["event"], each["number"]) for each in lines[:-1] if each["state"] == "finished"]
    assert ended == [("trial", 0), ("trial", 1)]
    last = lines[-1]
    assert (last["event"], last["trials"], last["metric"], last["higher_is_better"]) == (
        "finished",
        2,
        "accuracy",
        True,
    )
    assert last["best"]["values"] in ({LR: 0.1}, {LR: 0.2})


@pytest.mark.parametrize("sampler", ["grid", "random"])
def test_a_value_that_changes_nothing_in_a_trial_is_not_told_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], sampler: str
) -> None:
    op, betas = "training.optimizers.0.op", "training.optimizers.main.params.betas"
    ranges = (f"{op}=Adam,SGD", f"{betas}=[0.9,0.999],[0.8,0.9]")
    assert main([*project(tmp_path, *ranges, sampler=sampler, epochs=1), "--trials", "4"]) == 0
    trials = SweepFolder(tmp_path / "s").trials()
    assert trials is not None
    assert all((betas in each.values) == (each.values[op] == "Adam") for each in trials.trials)
    _heading, *rows, _last = capsys.readouterr().out.split("\n\n")[1].splitlines()
    assert all(("(0." in row) == ("Adam" in row) for row in rows)
    if sampler == "grid":
        tried = [tuple(each.values.values()) for each in trials.trials]
        assert tried == [("Adam", [0.9, 0.999]), ("Adam", [0.8, 0.9]), ("SGD",)]
        assert trials.done


def test_a_sweep_goes_on_with_more_trials(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*project(tmp_path, f"{LR}=0.001..0.1:log", sampler="random"), "--trials", "1"]) == 0
    assert main(["sweep", "--resume", str(tmp_path / "s"), "--trials", "3"]) == 0
    trials = SweepFolder(tmp_path / "s").trials()
    assert trials is not None
    assert [each.state for each in trials.trials] == ["finished"] * 3
    assert "trial 2 " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "needs a setting to vary"),
        (["--space", "nodes.linear_1.params.bais=true,false"], "did you mean 'bias'?"),
        (["--space", f"{WIDTH}=0..4"], "out_features is 0; it must be at least 1."),
        (["--space", f"{LR}=1..2", "--metric", "acuracy"], "did you mean 'accuracy'?"),
        (["--space", f"{LR}=1..2", "--resume", "s"], "begin a new one for others"),
    ],
)
def test_what_is_wrong_is_told_and_no_folder_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main([*project(tmp_path), *arguments]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "s").exists()


def test_a_folder_that_is_taken_or_is_no_sweep_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begin = project(tmp_path, f"{LR}=0.1,0.2", sampler="grid")
    assert main([*begin, "--trials", "1"]) == 0
    assert main(begin) == 2
    assert "holds a sweep or a run already" in capsys.readouterr().err
    assert main(["sweep", "--resume", str(tmp_path / "s" / "trials" / "0000")]) == 2
    assert "is the folder of a run" in capsys.readouterr().err
    assert main(["sweep"]) == 2
    assert "Name a project file" in capsys.readouterr().err


def test_a_sweep_of_which_nothing_came_has_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(project(tmp_path, f"{LR}=1e37,1e38", sampler="grid")) == 1
    assert "No trial came to an end" in capsys.readouterr().out
