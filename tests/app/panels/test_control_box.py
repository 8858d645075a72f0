from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.document import Document
from app.panels.control_box import ControlBox
from app.runner import Runner
from engine import edit
from engine.events import Changed, Continued, Event, Paused, Stopped
from engine.train.commands import Command, Inbox
from engine.train.folder import Run
from tests.app.gestures import press, words_in, write
from tests.app.story import FINISHED, STARTED, epoch, told_run
from tests.builders import image_classifier


@pytest.fixture
def runner(document: Document) -> Runner:
    document.new(image_classifier())
    return Runner(document)


@pytest.fixture
def box(document: Document, runner: Runner, qtbot: QtBot) -> ControlBox:
    shown = ControlBox(document, runner)
    qtbot.addWidget(shown)
    shown.resize(340, 200)
    shown.show()
    return shown


def followed(runner: Runner, qtbot: QtBot, folder: Path, *events: Event) -> tuple[Run, Inbox]:
    """A run that is at work, and the commands that it gets."""
    run = told_run(folder / "a", STARTED, *events, checkpoint=True)
    runner.follow(run)
    told: list[Any] = []
    runner.told.connect(told.append)
    qtbot.waitUntil(lambda: len(told) == 1 + len(events))
    return run, Inbox(run.path)


def changed(rate: float) -> Changed:
    return Changed("", 0, 0, 4, {"main": rate})


def test_a_run_is_paused_and_goes_on(box: ControlBox, runner: Runner, qtbot: QtBot, tmp_path: Path) -> None:
    run, inbox = followed(runner, qtbot, tmp_path)
    press(box, "Pause")
    assert not box.pause.isEnabled()
    assert inbox.take() == [Command("pause")]
    run.append(Paused(1, 2))
    qtbot.waitUntil(lambda: box.pause.text() == "Go on" and box.pause.isEnabled())
    press(box, "Go on")
    assert inbox.take() == [Command("go on")]
    run.append(Continued(1, 2))
    qtbot.waitUntil(lambda: box.pause.text() == "Pause")
    runner.leave()


def test_a_run_whose_project_was_changed_goes_on_with_it(
    box: ControlBox, runner: Runner, document: Document, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, inbox = followed(runner, qtbot, tmp_path, Paused(1, 2))
    assert "was changed" not in words_in(box)
    document.edit("Widen", lambda spec: edit.set_param(spec, "conv2d_1", "out_channels", 8))
    assert "The project was changed" in words_in(box)
    launched: list[list[str]] = []
    monkeypatch.setattr(runner._warm, "launch", lambda verb, log: launched.append(verb))
    press(box, "Go on")
    assert inbox.take() == [Command("stop")]
    with qtbot.waitSignal(runner.ended):
        run.append(Stopped(str(run.path), 1))
    assert launched[0][:2] == ["resume", str(run.path)]
    assert launched[0][2] == "--spec"
    assert runner.running
    runner.leave()


def choose(box: ControlBox, text: str) -> None:
    """Choose an entry of the menu of the button that stops."""
    menu = box.stop.menu()
    assert menu is not None
    next(each for each in menu.actions() if each.text() == text).trigger()


def test_a_run_is_stopped_after_its_step(box: ControlBox, runner: Runner, qtbot: QtBot, tmp_path: Path) -> None:
    _run, inbox = followed(runner, qtbot, tmp_path)
    choose(box, "After this step")
    assert inbox.take() == [Command("stop")]
    assert not box.pause.isEnabled()
    runner.leave()


def test_a_run_that_is_to_stop_after_its_epoch_can_be_told_not_to(
    box: ControlBox, runner: Runner, qtbot: QtBot, tmp_path: Path
) -> None:
    _run, inbox = followed(runner, qtbot, tmp_path)
    choose(box, "After this epoch")
    assert inbox.take() == [Command("stop after epoch")]
    assert "The run stops after this epoch." in words_in(box)
    press(box, "Do not stop")
    assert inbox.take() == [Command("go on")]
    assert "stops" not in words_in(box)
    assert (box.pause.text(), box.pause.isEnabled()) == ("Pause", True)
    runner.leave()


def test_a_run_that_does_not_stop_in_time_is_ended(
    box: ControlBox, runner: Runner, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run, inbox = followed(runner, qtbot, tmp_path, epoch(1))
    killed: list[Run] = []
    monkeypatch.setattr(Run, "kill", lambda run: killed.append(run))
    with qtbot.waitSignal(runner.ended, timeout=1000) as ended:
        box._stop_now()
    assert inbox.take() == [Command("stop")]
    assert ended.args == [killed[0], "stopped"]
    assert killed[0].events()[-1] == Stopped(str(killed[0].path), 1)


def test_the_learning_rate_is_shown_and_changed(box: ControlBox, runner: Runner, qtbot: QtBot, tmp_path: Path) -> None:
    run, inbox = followed(runner, qtbot, tmp_path, changed(0.001))
    assert box.rate.text() == "0.001"
    write(box.rate, "1/2000")
    assert inbox.take() == [Command("rate", 0.0005)]
    run.append(changed(0.0005))
    qtbot.waitUntil(lambda: box.rate.text() == "0.0005")
    refused: list[str] = []
    runner.failed.connect(refused.append)
    write(box.rate, "fast")
    assert refused == ["The learning rate 'fast' is no number."]
    runner.leave()


def test_of_several_optimizers_one_is_meant(box: ControlBox, runner: Runner, qtbot: QtBot, tmp_path: Path) -> None:
    _run, inbox = followed(runner, qtbot, tmp_path, Changed("", 0, 0, 4, {"one": 0.1, "two": 0.2}))
    assert box.rate.text() == ""
    box.which.setCurrentIndex(2)
    assert box.rate.text() == "0.2"
    write(box.rate, "0.3")
    assert inbox.take() == [Command("rate", 0.3, "two")]
    runner.leave()


def test_epochs_are_added_while_it_runs_and_once_it_has_finished(
    box: ControlBox, runner: Runner, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, inbox = followed(runner, qtbot, tmp_path)
    box.epochs.setValue(7)
    press(box, "more epochs")
    assert inbox.take() == [Command("epochs", 7)]
    with qtbot.waitSignal(runner.ended):
        run.append(FINISHED)
    QTest.qWait(0)
    assert not box.pause.isVisible()
    launched: list[list[str]] = []
    monkeypatch.setattr(runner._warm, "launch", lambda verb, log: launched.append(verb))
    press(box, "more epochs")
    assert launched[0][:4] == ["resume", str(run.path), "--epochs", "7"]
    runner.leave()


def test_changes_of_another_project_are_none_of_the_runs(
    box: ControlBox, runner: Runner, document: Document, qtbot: QtBot, tmp_path: Path
) -> None:
    _run, inbox = followed(runner, qtbot, tmp_path, Paused(1, 2))
    document.new(edit.set_setting(image_classifier(), "training.seed", 3))
    assert not runner.is_changed()
    assert "was changed" not in words_in(box)
    press(box, "Go on")
    assert inbox.take() == [Command("go on")]
    runner.leave()
