from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QModelIndex
from pytestqt.qtbot import QtBot

from app.panels.queue_box import QueueBox
from engine import edit
from engine.train.queue import Entry, Queue, new_entry
from tests.app.gestures import button, press, words_in
from tests.builders import image_classifier


class Worker:
    """Stands for a process that was started to work through the queue, and has ended at once."""

    ended: int | None = 1

    def poll(self) -> int | None:
        return self.ended


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    return Queue(tmp_path / "queue")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Queue]:
    """The queues for which a process was started; it is never seen at work."""
    found: list[Queue] = []

    def start(queue: Queue) -> Any:
        found.append(queue)
        return Worker()

    monkeypatch.setattr("app.panels.queue_box.start_work", start)
    return found


@pytest.fixture
def box(queue: Queue, started: list[Queue], qtbot: QtBot) -> QueueBox:
    panel = QueueBox(queue)
    qtbot.addWidget(panel)
    return panel


def entry(name: str, tmp_path: Path) -> Entry:
    return new_entry(edit.set_name(image_classifier(), name), name, tmp_path / "runs", tmp_path)


def shown(box: QueueBox) -> list[str]:
    return [box.list.item(row).text() for row in range(box.list.count())]


def test_an_empty_queue_takes_no_room(box: QueueBox) -> None:
    assert box.isHidden()
    assert box.waiting() == 0


def test_a_run_that_is_added_is_shown_and_its_work_started(
    box: QueueBox, started: list[Queue], queue: Queue, tmp_path: Path
) -> None:
    box.add(entry("a", tmp_path))
    assert (shown(box), started, box.isHidden()) == (["a"], [queue], False)
    assert "Queue · 1 waiting" in words_in(box)


def test_a_paused_queue_takes_runs_and_starts_none(box: QueueBox, started: list[Queue], tmp_path: Path) -> None:
    box.pause()
    box.add(entry("a", tmp_path))
    assert started == []
    assert "Paused: no further run starts." in words_in(box)
    press(box, "Start")
    assert len(started) == 1
    assert "Paused" not in words_in(box)


def test_no_second_process_is_started_while_the_first_comes_up(
    box: QueueBox, started: list[Queue], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Worker, "ended", None)
    for name in ("a", "b"):
        box.add(entry(name, tmp_path))
    assert (len(started), box.at_work) == (1, True)


def test_the_button_pauses_while_a_process_is_at_work(
    box: QueueBox, queue: Queue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Queue, "at_work", lambda _queue: True)
    box.add(entry("a", tmp_path))
    press(box, "Pause")
    assert queue.paused()
    assert button(box, "Start").isEnabled()


def test_while_the_queue_is_at_work_it_is_told_again_and_again(
    box: QueueBox, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Queue, "at_work", lambda _queue: True)
    with qtbot.waitSignal(box.worked):
        box.refresh()


def test_a_drag_changes_the_order(box: QueueBox, queue: Queue, tmp_path: Path) -> None:
    box.pause()
    for name in ("a", "b", "c"):
        box.add(entry(name, tmp_path))
    assert box.list.model().moveRow(QModelIndex(), 2, QModelIndex(), 0)
    assert [each.name for each in queue.entries()] == ["c", "a", "b"]
    assert shown(box) == ["c", "a", "b"]


def test_selected_runs_are_taken_out(box: QueueBox, queue: Queue, tmp_path: Path) -> None:
    box.pause()
    for name in ("a", "b"):
        box.add(entry(name, tmp_path))
    assert not button(box, "Remove").isEnabled()
    box.list.setCurrentRow(0)
    press(box, "Remove")
    assert [each.name for each in queue.entries()] == ["b"]


def test_what_another_window_adds_shows_by_itself(box: QueueBox, queue: Queue, qtbot: QtBot, tmp_path: Path) -> None:
    box.pause()
    queue.add(entry("a", tmp_path))
    qtbot.waitUntil(lambda: shown(box) == ["a"])


def test_why_the_work_ended_is_said(box: QueueBox, queue: Queue, tmp_path: Path) -> None:
    box.add(entry("a", tmp_path))
    queue.log.write_text("netloom: /gone: No such file or directory.\n")
    box.refresh()
    assert "Not started. /gone: No such file or directory." in words_in(box)


def test_a_damaged_queue_is_said_where_it_stands_and_when_it_is_changed(
    box: QueueBox, queue: Queue, qtbot: QtBot, tmp_path: Path
) -> None:
    queue.folder.mkdir(exist_ok=True)
    queue.path.write_text("{")
    with qtbot.waitSignal(box.refused) as refused:
        box.add(entry("a", tmp_path))
    assert "cannot be read" in refused.args[0]
    assert "cannot be read" in words_in(box)
