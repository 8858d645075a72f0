from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from engine import edit
from engine.events import Event
from engine.problem import Mistake
from engine.spec import Spec, load
from engine.train.folder import Run
from engine.train.queue import Entry, Queue, new_entry, start_work
from tests.app.story import FINISHED, STARTED, told_run
from tests.builders import image_classifier


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    return Queue(tmp_path / "queue")


def added(queue: Queue, *names: str) -> list[Entry]:
    folder = queue.folder.parent
    for name in names:
        queue.add(new_entry(edit.set_name(image_classifier(), name), name, folder / "runs", folder))
    return queue.entries()


def names(queue: Queue) -> list[str]:
    return [entry.name for entry in queue.entries()]


class Trained:
    """Stands for a training process: its run is finished by the time that it has been waited for."""

    runs: list[Path]

    def __init__(self, run: Run) -> None:
        self._run = run

    def wait(self) -> int:
        self._run.append(STARTED)
        self._run.append(FINISHED)
        self.runs.append(self._run.path)
        return 0


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    Trained.runs = []

    def launch(run: Run, verb: Sequence[str]) -> Trained:
        assert verb[:2] == ["train", str(run.path / "spec.json")]
        return Trained(run)

    monkeypatch.setattr("engine.train.queue.launch", launch)
    monkeypatch.setattr("engine.train.queue.WAIT_SECONDS", 0.01)
    return Trained.runs


def test_an_empty_queue_has_nothing_to_do(queue: Queue) -> None:
    assert (queue.entries(), queue.paused(), queue.at_work(), list(queue.work())) == ([], False, False, [])


def test_runs_wait_in_order_with_their_spec_as_it_was(queue: Queue) -> None:
    (first, second) = added(queue, "a", "b")
    assert (first.name, second.name) == ("a", "b")
    assert first.spec == edit.set_name(image_classifier(), "a")
    assert Queue(queue.folder).entries() == [first, second]


def test_the_order_can_be_changed_and_runs_taken_out(queue: Queue) -> None:
    a, _b, c = added(queue, "a", "b", "c")
    queue.arrange([c.id, a.id])
    assert names(queue) == ["c", "a", "b"]
    queue.remove([a.id, "gone"])
    assert names(queue) == ["c", "b"]


def test_what_waits_is_trained_one_after_the_other(queue: Queue, trained: list[Path]) -> None:
    added(queue, "a", "b")
    begun = list(queue.work())
    assert [run.spec().name for run in begun] == ["a", "b"]
    assert trained == [run.path for run in begun]
    assert names(queue) == []
    assert not queue.at_work()


@pytest.mark.parametrize("told", [(STARTED,), (STARTED, FINISHED)], ids=["begun", "gone on with"])
def test_the_next_run_waits_for_one_that_is_at_work_in_the_same_folder(
    queue: Queue, trained: list[Path], monkeypatch: pytest.MonkeyPatch, told: tuple[Event, ...]
) -> None:
    added(queue, "a")
    before = told_run(queue.folder.parent / "runs" / "before", *told)
    lock = before.locked()
    lock.__enter__()
    waits: list[float] = []

    def end_it(seconds: float) -> None:
        waits.append(seconds)
        lock.__exit__(None, None, None)

    monkeypatch.setattr("engine.train.queue.time.sleep", end_it)
    assert len(list(queue.work())) == 1
    assert len(waits) == 1


def test_a_paused_queue_starts_nothing_until_it_goes_on(queue: Queue, trained: list[Path]) -> None:
    added(queue, "a")
    queue.pause()
    assert (list(queue.work()), queue.take(), names(queue)) == ([], None, ["a"])
    queue.unpause()
    assert len(list(queue.work())) == 1


def test_a_pause_lets_the_run_end_that_is_being_trained(queue: Queue, trained: list[Path]) -> None:
    added(queue, "a", "b")
    working = queue.work()
    next(working)
    queue.pause()
    assert list(working) == []
    assert (len(trained), names(queue)) == (1, ["b"])


def test_only_one_process_works_through_a_queue(queue: Queue, trained: list[Path]) -> None:
    added(queue, "a")
    working = queue.work()
    next(working)
    assert queue.at_work()
    with pytest.raises(Mistake, match="Another process"):
        next(Queue(queue.folder).work())
    working.close()
    assert not queue.at_work()


def test_a_run_that_is_taken_stands_in_its_folder(queue: Queue) -> None:
    (entry,) = added(queue, "a")
    taken = queue.take()
    assert taken is not None
    assert taken[0] == entry
    assert taken[1].path.parent == entry.runs
    assert load(taken[1].path / "spec.json") == entry.spec
    taken[1].begin(taken[1].spec())  # as training does
    assert [path.name for path in (taken[1].path / "specs").iterdir()] == ["0.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"entries": [{"id": "x"}], "paused": false}', '{"entries": 3}'])
def test_a_damaged_queue_is_said_and_left_as_it_is(queue: Queue, text: str) -> None:
    queue.folder.mkdir()
    queue.path.write_text(text)
    with pytest.raises(Mistake, match="cannot be read"):
        queue.entries()
    with pytest.raises(Mistake, match="cannot be read"):
        queue.add(new_entry(Spec(), "a", queue.folder, queue.folder))
    assert queue.path.read_text() == text


def test_the_work_is_started_in_a_process_of_its_own(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[list[str], dict[str, Any]]] = []
    monkeypatch.setattr(
        "engine.detached.subprocess.Popen", lambda command, **options: started.append((command, options))
    )
    start_work(queue)
    ((command, options),) = started
    assert command[1:] == ["-m", "engine", "queue", "start"]
    assert options["start_new_session"] is True
