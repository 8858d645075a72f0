from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from engine import edit
from engine.block_edits import group
from engine.events import Epoch, Finished, Stopped
from engine.problem import Mistake
from engine.sweep import run as runs
from engine.sweep.folder import SweepFolder, Trials, sweeps_in
from engine.sweep.plan import parse_space, planned
from engine.sweep.run import threads_for
from engine.sweep.study import importances
from engine.train import loop
from engine.train.folder import Run
from engine.values import value_at
from tests.engine.sweep.making import LR, WIDTH, Here, done, folder_of, swept, tried
from tests.engine.train.making import state_of

ROOT = Path(__file__).parents[3]


def test_a_grid_is_trained_whole_and_scores_as_its_runs_do_by_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = swept(f"{LR}=0.1,0.001", f"{WIDTH}=4,8", sampler="grid")
    folder = folder_of(spec, tmp_path / "s")
    trials = done(folder, monkeypatch)
    assert [tuple(each.values()) for each in tried(trials)] == list(itertools.product([0.1, 0.001], [4, 8]))
    for trial in trials.trials:
        alone = loop.train(planned(spec).applied(trial.values), tmp_path, Run(tmp_path / f"alone{trial.number}"))
        scores = [event.validation["accuracy"] for event in alone if isinstance(event, Epoch)]
        assert trial.scores == tuple(scores)
        assert trial.score == max(scores)
        assert state_of(Run(folder.path / trial.run)) == "finished"
    best = trials.best()
    assert best is not None
    assert best.score == max(each.score or 0 for each in trials.trials)
    assert folder.trials() == trials
    assert folder.sweep_state() == "finished"


@pytest.mark.parametrize("sampler", ["TPE", "random"])
def test_a_seed_draws_the_same_values_within_their_range(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sampler: str
) -> None:
    drawn = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        spec = swept(f"{LR}=0.001..0.1:log", f"{WIDTH}=4..8:step=2", sampler=sampler, trials=3, seed=seed)
        drawn.append(tried(done(folder_of(spec, tmp_path / name), monkeypatch)))
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(0.001 <= each[LR] <= 0.1 and each[WIDTH] in (4, 6, 8) for each in drawn[0])


def test_lower_is_better_for_a_loss_and_the_last_epoch_may_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = swept(f"{LR}=0.1,0.00001", metric="loss", epoch="last", sampler="grid", epochs=3)
    trials = done(folder_of(spec, tmp_path / "s"), monkeypatch)
    assert (trials.metric, trials.higher) == ("loss", False)
    assert [each.score for each in trials.trials] == [each.scores[-1] for each in trials.trials]
    assert [each.values[LR] for each in trials.ranked()] == [0.1, 0.00001]


def test_what_falls_behind_is_pruned_and_what_leads_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rates = "0.1,0.09,0.08,0.07,0.0000001"
    spec = swept(f"{LR}={rates}", sampler="grid", epochs=4, pruner="median", grace=1, metric="loss")
    trials = done(folder_of(spec, tmp_path / "s"), monkeypatch)
    assert [each.state for each in trials.trials] == ["finished"] * 4 + ["pruned"]
    slow = trials.trials[-1]
    medians = sorted(each.scores[len(slow.scores) - 1] or 0.0 for each in trials.trials[:4])
    assert len(slow.scores) < 4
    assert (slow.scores[-1] or 0.0) > (medians[1] + medians[2]) / 2


@pytest.mark.parametrize("pruner", ["successive halving", "hyperband"])
def test_every_pruner_comes_to_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pruner: str) -> None:
    spec = swept(f"{LR}=0.0001..1:log", trials=4, epochs=4, pruner=pruner, grace=1)
    trials = done(folder_of(spec, tmp_path / "s"), monkeypatch)
    assert trials.over() == 4
    assert trials.done


def test_a_trial_whose_graph_does_not_check_fails_with_the_reason_and_the_sweep_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = edit.insert_behind(swept(f"{WIDTH}=12,16"), "GroupNorm", "linear_1")
    (norm,) = [each for each in spec.nodes if each.startswith("group")]
    groups = f"nodes.{norm}.params.num_groups"
    spec = edit.set_setting(edit.set_param(spec, norm, "num_groups", 4), "sweep.sampler", "grid")
    space = [*spec.sweep["space"], {"path": groups, "op": "Choices", "params": {"values": [3, 4]}}]
    trials = done(folder_of(edit.set_setting(spec, "sweep.space", space), tmp_path / "s"), monkeypatch)
    states = {(each.values[WIDTH], each.values[groups]): each.state for each in trials.trials}
    assert states == {(12, 3): "finished", (12, 4): "finished", (16, 3): "failed", (16, 4): "finished"}
    (failed,) = [each for each in trials.trials if each.state == "failed"]
    assert norm in failed.why
    assert trials.done


def test_a_kernel_too_large_for_its_input_fails_its_trial_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = edit.insert_behind(swept(sampler="grid", epochs=1), "Conv1d", "input_1", params={"padding": 0})
    spec = edit.insert(spec, "Unsqueeze", "conv1d_1", "input", params={"dim": 1})
    spec = edit.insert_behind(spec, "Flatten", "conv1d_1")
    space = parse_space(spec, "nodes.conv1d_1.params.kernel_size=3,9")
    folder = folder_of(edit.set_setting(spec, "sweep.space", [space]), tmp_path / "s")
    trials = done(folder, monkeypatch)
    assert [each.state for each in trials.trials] == ["finished", "failed"]
    assert trials.trials[1].why.startswith("conv1d_1.kernel_size: kernel_size 9 reaches over 9 positions")
    assert trials.done


def test_ops_and_what_stands_inside_blocks_are_varied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    op, width = "training.optimizers.0.schedule.op", "blocks.Part.nodes.linear_1.params.out_features"
    spec = group(swept(sampler="grid", epochs=1), ["linear_1", "dropout_1"], "Part")
    ranges = [parse_space(spec, each) for each in (f"{op}=null,StepLR", f"{width}=4,8")]
    trials = done(folder_of(edit.set_setting(spec, "sweep.space", ranges), tmp_path / "s"), monkeypatch)
    assert [tuple(each.values()) for each in tried(trials)] == [(None, 4), (None, 8), ("StepLR", 4), ("StepLR", 8)]
    trained = Run(tmp_path / "s" / trials.trials[3].run).spec()
    assert (value_at(trained, op), value_at(trained, width)) == ("StepLR", 8)


@pytest.mark.parametrize(
    ("space", "settings", "words"),
    [
        (f"{LR}=1..2", {"metric": "acuracy"}, "which the project does not measure (did you mean 'accuracy'?)"),
        ("nodes.tanh_1.op=Conv1d,Conv2d", {}, 'nodes.tanh_1.op = "Conv1d": '),
    ],
)
def test_what_cannot_work_is_told_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, space: str, settings: dict[str, Any], words: str
) -> None:
    folder = folder_of(swept(space, **settings), tmp_path / "s")
    with pytest.raises(Mistake) as refused:
        done(folder, monkeypatch)
    assert words in refused.value.message
    assert not folder.journal.exists()


def test_a_diverging_trial_fails_and_a_worker_that_dies_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = done(folder_of(swept(f"{LR}=0.1,1e38", sampler="grid"), tmp_path / "s"), monkeypatch)
    assert [each.state for each in trials.trials] == ["finished", "failed"]
    assert "NaN" in trials.trials[1].why

    class Dying(Here):
        def train(self, run: Run, folder: Path) -> None:
            pass

        def status(self) -> int:
            return -9

    folder = folder_of(swept(f"{LR}=0.1,0.2", sampler="grid"), tmp_path / "d")
    monkeypatch.setattr(runs, "_Process", Dying)
    *_, last = runs.sweep(folder)
    assert [each.state for each in last.trials] == ["failed", "failed"]
    assert "ended unexpectedly (status -9)" in last.trials[0].why


def test_a_score_that_is_no_finite_number_counts_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Infinite(Here):
        def train(self, run: Run, folder: Path) -> None:
            for epoch, score in enumerate((0.5, float("inf"), float("nan"))[run.path.name == "0001" :], 1):
                run.append(Epoch(epoch, {"accuracy": score}, {}, 1.0, 1.0, best=False))
            run.append(Finished(str(run.path), {}, 3, 1, 3.0))

    folder = folder_of(swept(f"{LR}=0.1,0.2", sampler="grid"), tmp_path / "s")
    monkeypatch.setattr(runs, "_Process", Infinite)
    *_, last = runs.sweep(folder)
    assert [(each.state, each.score, each.scores) for each in last.trials] == [
        ("finished", 0.5, (0.5,)),
        ("failed", None, ()),
    ]
    assert "No epoch gave a number for accuracy." in last.trials[1].why
    assert folder.trials() == last


def test_a_stopped_sweep_goes_on_and_trains_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = swept(f"{LR}=0.001..0.1:log", trials=4)
    whole = done(folder_of(spec, tmp_path / "whole"), monkeypatch)
    folder = folder_of(spec, tmp_path / "s")
    stream = runs.sweep(folder)
    for trials in stream:
        if trials.over() == 2:
            folder.request_stop()
    assert not trials.done
    assert trials.why == "It was stopped."
    assert folder.sweep_state() == "stopped"
    before = {each.run: (folder.path / each.run / "weights.safetensors").stat().st_mtime_ns for each in trials.trials}
    again = done(folder, monkeypatch)
    assert again.done
    assert again.over() == 4
    assert tried(again)[:2] == tried(whole)[:2]
    assert all((folder.path / run / "weights.safetensors").stat().st_mtime_ns == at for run, at in before.items())


def test_no_trial_begins_once_the_time_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of(swept(f"{LR}=0.001..0.1:log", trials=50, minutes=1e-6), tmp_path / "s")
    trials = done(folder, monkeypatch)
    assert (trials.over(), trials.done) == (0, False)
    assert "minutes are over" in trials.why


def test_a_line_that_a_kill_cut_in_half_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of(swept(f"{LR}=0.1,0.01,0.2", sampler="grid", trials=2), tmp_path / "s")
    done(folder, monkeypatch)
    with folder.journal.open("ab") as stream:
        stream.write(b'{"op_code": 4, "worker')
    spec = edit.set_setting(folder.spec(), "sweep.trials", 3)
    folder.begin(spec)
    assert done(folder, monkeypatch).over() == 3
    assert all(json.loads(line) for line in folder.journal.read_text().splitlines())


def test_the_storage_holds_nothing_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of(swept(f"{LR}=0.1,0.01", sampler="grid"), tmp_path / "s")
    done(folder, monkeypatch)
    files = {each.name for each in folder.path.iterdir() if each.is_file()}
    assert files == {"spec.json", "environment.json", "study.jsonl", "trials.json", "lock", "process.json", "log.txt"}
    assert all(isinstance(json.loads(line), dict) for line in folder.journal.read_text().splitlines())


def test_what_matters_is_told_by_its_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = swept(f"{LR}=0.0001..0.1:log", "training.optimizers.0.params.amsgrad=true,false", metric="loss", trials=12)
    folder = folder_of(spec, tmp_path / "s")
    with pytest.raises(Mistake, match="no trials yet"):
        importances(folder.journal)
    done(folder, monkeypatch)
    shares = importances(folder.journal)
    assert list(shares) == [LR, "training.optimizers.0.params.amsgrad"]
    assert sum(shares.values()) == pytest.approx(1)
    assert shares[LR] > 0.9


def test_sweeps_are_listed_and_two_never_work_in_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of(swept(f"{LR}=0.1,0.01", sampler="grid"), tmp_path / "sweeps" / "s")
    assert sweeps_in(tmp_path / "sweeps") == [folder]
    monkeypatch.setattr("engine.train.folder.LOCK_SECONDS", 0.0)
    with folder.locked():
        assert folder.sweep_state() == "running"
        with pytest.raises(Mistake, match="another process"):
            done(folder, monkeypatch)


@pytest.mark.parametrize(
    ("jobs", "cores", "watched", "threads"), [(1, 8, False, 8), (1, 8, True, 7), (2, 8, False, 4), (8, 2, True, 1)]
)
def test_trials_side_by_side_share_the_cores(jobs: int, cores: int, watched: bool, threads: int) -> None:
    assert threads_for(jobs, cores, watched=watched) == threads


def _wait_for_epochs(folder: SweepFolder) -> Trials:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        found = folder.trials()
        if found is not None and any(each.scores for each in found.trials):
            return found
        time.sleep(0.02)
    raise AssertionError("no trial came to an epoch")


def test_a_killed_sweep_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = folder_of(swept(f"{LR}=0.0001..0.1:log", trials=1, epochs=2000), tmp_path / "s")
    command = [sys.executable, "-m", "engine", "sweep", "--resume", str(folder.path), "--json"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    killed = _wait_for_epochs(folder)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    run = Run(folder.path / killed.trials[0].run)
    deadline = time.monotonic() + 60
    while run.alive() and time.monotonic() < deadline:  # its worker hears of it, and stops
        time.sleep(0.05)
    assert state_of(run) == "stopped"
    folder.begin(edit.set_setting(folder.spec(), "training.epochs", 2))
    trials = done(folder, monkeypatch)
    assert [each.state for each in trials.trials] == ["cut off", "finished"]
    assert tried(trials, "cut off") == tried(trials, "finished") == tried(killed)
    assert "tried again" in trials.trials[0].why
    assert folder.sweep_state() == "finished"


@pytest.mark.parametrize("sampler", ["random", "TPE"])
def test_a_sweep_that_goes_on_draws_other_values_than_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sampler: str
) -> None:
    folder = folder_of(swept(f"{LR}=0.001..0.1:log", trials=4, sampler=sampler, epochs=1), tmp_path / "s")
    stream = runs.sweep(folder)
    monkeypatch.setattr(runs, "_Process", Here)
    for trials in stream:
        if trials.over() == 2:
            folder.request_stop()
    rates = [values[LR] for values in tried(done(folder, monkeypatch))]
    assert len(set(rates)) == len(rates) >= 4


def test_a_worker_that_ends_over_a_trial_does_not_take_the_next_one_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Once(Here):
        def __init__(self, threads: int, log: object) -> None:
            super().__init__(threads, log)
            self.taken = 0

        def train(self, run: Run, folder: Path) -> None:
            self.taken += 1
            if self.taken == 1:
                super().train(run, folder)

        def status(self) -> int | None:
            return 0 if self.taken > 1 else None

    folder = folder_of(swept(f"{LR}=0.1,0.2,0.3", sampler="grid"), tmp_path / "s")
    monkeypatch.setattr(runs, "_Process", Once)
    *_, last = runs.sweep(folder)
    assert [each.state for each in last.trials] == ["finished"] * 3


def test_a_trial_that_is_stopped_by_hand_counts_as_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Halted(Here):
        def train(self, run: Run, folder: Path) -> None:
            run.append(Stopped(str(run.path), 0))

    folder = folder_of(swept(f"{LR}=0.1,0.2", sampler="grid"), tmp_path / "s")
    monkeypatch.setattr(runs, "_Process", Halted)
    *_, last = runs.sweep(folder)
    assert [(each.state, each.why) for each in last.trials] == [("failed", "It was stopped while it trained.")] * 2
