from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.document import Document
from app.runner import Runner, log_end
from engine import edit
from engine.events import Event, Finished, Stage, Stopped
from engine.spec import load, save
from engine.train.commands import FILE, Command, Inbox
from tests.app.story import FINISHED, STARTED, WHOLE, epoch, progress, told_run
from tests.builders import image_classifier


@pytest.fixture
def runner(document: Document) -> Runner:
    document.new(image_classifier())
    return Runner(document)


class Process:
    """Stands for the training process: what it was started with, and whether it lives."""

    started: list[list[str]]

    def __init__(self, command: list[str], **options: Any) -> None:
        type(self).started.append(command)
        self.options = options
        self.ended: int | None = None

    def poll(self) -> int | None:
        return self.ended


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    Process.started = []
    monkeypatch.setattr("engine.detached.subprocess.Popen", Process)
    return Process.started


def test_a_run_starts_detached_on_the_spec_as_it_is(
    runner: Runner, document: Document, processes: list[list[str]], tmp_path: Path
) -> None:
    document.edit("Set", lambda spec: edit.set_name(spec, "my net/1"))
    runner.start()
    assert runner.run is not None
    assert runner.run.path.parent == tmp_path / "runs"
    assert runner.run.name.startswith("my-net-1-")
    assert load(runner.run.path / "spec.json") == document.spec
    (command,) = processes
    assert command[:4] == [sys.executable, "-m", "engine", "train"]
    assert command[command.index("--run") + 1] == str(runner.run.path)
    assert command[command.index("--data-folder") + 1] == str(document.folder)
    assert {"--watched", "--json"} <= set(command)
    assert runner._process is not None
    assert runner._process.options["start_new_session"] is True  # type: ignore[attr-defined]  # the stand-in's
    runner.start()
    assert len(processes) == 1


def test_a_saved_projects_run_is_named_after_its_file_and_stands_beside_it(
    runner: Runner, document: Document, processes: list[list[str]], tmp_path: Path
) -> None:
    (tmp_path / "work").mkdir()
    save(image_classifier(), tmp_path / "work" / "cats.netloom")
    document.open(tmp_path / "work" / "cats.netloom")
    runner.start()
    assert runner.run is not None
    assert runner.run.path.parent == tmp_path / "work" / "runs"
    assert runner.run.name.startswith("cats-")
    assert str(tmp_path / "work") in processes[0]


def test_a_folder_that_cannot_be_written_is_told(qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    runner = Runner(Document(tmp_path / "file"))
    with qtbot.waitSignal(runner.failed) as failed:
        runner.start()
    assert "cannot be written" in failed.args[0]
    assert not runner.running


def test_what_a_run_tells_is_told_in_order_until_it_ends(runner: Runner, qtbot: QtBot, tmp_path: Path) -> None:
    run = told_run(tmp_path / "runs" / "a", *WHOLE)
    told: list[Event] = []
    runner.told.connect(told.append)
    with qtbot.waitSignal(runner.ended) as ended:
        runner.follow(run)
        assert runner.running
    assert told == list(WHOLE)
    assert ended.args == [run, "finished"]
    assert not runner.running


def test_a_line_that_is_half_written_is_told_once_it_is_whole(runner: Runner, qtbot: QtBot, tmp_path: Path) -> None:
    run = told_run(tmp_path / "runs" / "a", STARTED)
    told: list[Event] = []
    runner.told.connect(told.append)
    line = '{"event": "stopped", "run": "a", "epoch": 2}\n'
    with (run.path / "events.jsonl").open("a") as stream:
        stream.write(line[:20])
    runner.follow(run)
    qtbot.waitUntil(lambda: told == [STARTED])
    with qtbot.waitSignal(runner.ended), (run.path / "events.jsonl").open("a") as stream:
        stream.write(line[20:])
    assert told[1:] == [Stopped("a", 2)]


def test_a_process_that_dies_without_a_word_is_told_as_lost(
    runner: Runner, processes: list[list[str]], qtbot: QtBot
) -> None:
    runner.start()
    assert runner.run is not None
    runner.run.append(STARTED)
    runner.run.log.write_text("one\ntwo\n")
    told: list[Event] = []
    runner.told.connect(told.append)
    with qtbot.waitSignal(runner.ended) as ended:
        runner._process.ended = -9  # type: ignore[union-attr]  # the stand-in's
    assert ended.args == [runner.run, "lost"]
    assert told == [STARTED]
    assert log_end(runner.run) == "one\ntwo"


def test_a_last_word_counts_even_where_the_process_is_gone(
    runner: Runner, processes: list[list[str]], qtbot: QtBot
) -> None:
    runner.start()
    assert runner.run is not None
    with qtbot.waitSignal(runner.ended) as ended:
        runner._process.ended = 0  # type: ignore[union-attr]  # the stand-in's
        runner.run.append(FINISHED)
    assert ended.args[1] == "finished"


def test_stop_leaves_the_command_in_the_runs_folder(runner: Runner, tmp_path: Path) -> None:
    run = told_run(tmp_path / "runs" / "a", STARTED)
    runner.stop()
    assert not (run.path / FILE).exists()
    runner.follow(run)
    runner.stop()
    assert Inbox(run.path).take() == [Command("stop")]
    runner.leave()


def test_resuming_takes_the_stop_away_and_tells_only_what_is_new(
    runner: Runner, processes: list[list[str]], qtbot: QtBot, tmp_path: Path
) -> None:
    run = told_run(tmp_path / "runs" / "a", STARTED, epoch(1), Stopped("a", 1))
    run.tell(Command("stop"))
    told: list[Event] = []
    runner.told.connect(told.append)
    runner.resume(run)
    assert not (run.path / FILE).exists()
    assert processes[0][3:5] == ["resume", str(run.path)]
    with qtbot.waitSignal(runner.ended):
        run.append(epoch(2))
        run.append(FINISHED)
    assert [type(event) for event in told] == [type(epoch(2)), Finished]


def test_a_living_run_of_the_project_is_followed_again(runner: Runner, tmp_path: Path) -> None:
    told_run(tmp_path / "runs" / "dead", STARTED)
    run = told_run(tmp_path / "runs" / "alive", STARTED)
    runner.follow_living()
    following = [runner.running]
    with run.locked():
        runner.follow_living()
        following.append(runner.running)
        assert runner.run == run
    assert following == [False, True]
    runner.leave()


def test_a_run_at_work_is_not_gone_on_with_and_hears_what_it_was_told(
    runner: Runner, processes: list[list[str]], qtbot: QtBot, tmp_path: Path
) -> None:
    run = told_run(tmp_path / "runs" / "a", STARTED, Stopped("a", 1))
    with run.locked():
        run.tell(Command("pause"))
        with qtbot.waitSignal(runner.failed) as failed:
            runner.resume(run)
        assert "is being trained by another process" in failed.args[0]
        assert Inbox(run.path).take() == [Command("pause")]
    assert (runner.running, processes) == (False, [])


def test_a_run_that_was_gone_on_with_elsewhere_is_followed_past_its_earlier_end(
    runner: Runner, qtbot: QtBot, tmp_path: Path
) -> None:
    run = told_run(tmp_path / "runs" / "a", STARTED, Stopped("a", 1))
    told: list[Event] = []
    runner.told.connect(told.append)
    with run.locked():
        runner.follow(run)
        qtbot.waitUntil(lambda: len(told) == 2)
        assert runner.running
        run.append(STARTED)
        run.append(FINISHED)
        qtbot.waitUntil(lambda: len(told) == 4)
        assert runner.running
    with qtbot.waitSignal(runner.ended) as ended:
        pass
    assert ended.args == [run, "finished"]


def test_of_what_lies_behind_all_events_come_and_of_progress_the_newest_is_told(
    runner: Runner, qtbot: QtBot, tmp_path: Path
) -> None:
    staged = replace(progress(1, 3), stages=(Stage("model", 1.0, 0.5),))
    looks = (progress(1, 1), progress(1, 2), staged, progress(1, 4), progress(1, 5))
    events: tuple[Event, ...] = (STARTED, *looks, epoch(1), FINISHED)
    run = told_run(tmp_path / "runs" / "a", *events)
    came: list[tuple[list[Event], int]] = []
    told: list[Event] = []
    runner.came.connect(lambda portion, offset: came.append((portion, offset)))
    runner.told.connect(told.append)
    with qtbot.waitSignal(runner.ended):
        runner.follow(run)
        assert runner.offset == 0
    assert came == [(list(events), run.told_bytes())]
    assert told == [STARTED, staged, progress(1, 5), epoch(1), FINISHED]


def test_what_lies_behind_is_told_bit_by_bit(
    runner: Runner, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.runner.PORTION", 1)
    monkeypatch.setattr("app.runner.BUSY_SECONDS", 1e-9)
    run = told_run(tmp_path / "runs" / "a", *WHOLE)
    told: list[Event] = []
    runner.told.connect(told.append)
    monkeypatch.setattr("app.runner.time.perf_counter", iter(x / 2e9 for x in range(1000)).__next__)
    with qtbot.waitSignal(runner.ended) as ended:
        runner.follow(run)
    assert (told, ended.args) == (list(WHOLE), [run, "finished"])
