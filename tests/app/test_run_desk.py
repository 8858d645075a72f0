from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QProcess, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QMessageBox
from pytestqt.qtbot import QtBot

from app.settings import data_folder
from app.window import Window
from engine import edit
from engine.runs import About, write_about
from engine.spec import Spec, load, save
from engine.train.folder import Run
from engine.train.queue import Queue, new_entry
from tests.app.gestures import press, words_in
from tests.app.story import STARTED, WHOLE, told_run
from tests.builders import image_classifier


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Run, list[str]]]:
    """The verbs that runs were started with, in place of their processes."""
    found: list[tuple[Run, list[str]]] = []
    monkeypatch.setattr("app.runner.Runner._launch", lambda _runner, run, verb: found.append((run, verb)))
    return found


def run_of(spec: Spec | None = None, name: str = "a") -> Run:
    return told_run(data_folder() / "runs" / name, *WHOLE, spec=spec)


class Answers:
    """Presses a button of each message box that comes, and keeps what the boxes say."""

    def __init__(self, window: Window) -> None:
        self.said: list[str] = []
        self.text = ""
        self.remember = False
        self._timer = QTimer(window)
        self._timer.setInterval(5)
        self._timer.timeout.connect(self._look)
        self._timer.start()

    def _look(self) -> None:
        box = QApplication.activeModalWidget()
        if isinstance(box, QMessageBox):
            self.said.append(f"{box.text()} {box.informativeText()}")
            if self.remember:
                box.checkBox().setChecked(True)
            next(each for each in box.buttons() if each.text().replace("&", "") == self.text).click()


@pytest.fixture
def answers(window: Window) -> Answers:
    return Answers(window)


# ------------------------------------------------------------------------------------------------------------ runs


def test_keys_pressed_in_the_list_of_runs_are_not_meant_for_the_canvas(
    window: Window, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.document.new(image_classifier())
    window.canvas.select_all()
    before = window.document.spec
    run_of()
    window.show_panel("Runs")
    window.runs.refresh()
    qtbot.waitUntil(lambda: window.runs.model.rowCount() == 1)
    table = window.runs.table
    asked: list[str] = []
    monkeypatch.setattr(window.runs, "_act", asked.append)
    table.setCurrentIndex(table.model().index(0, 0))
    table.setFocus()
    QTest.keyClick(table, Qt.Key.Key_Delete)
    assert asked == ["delete"]
    assert window.document.spec == before
    QTest.keyClick(table, Qt.Key.Key_F2)
    name = table.findChild(QLineEdit)
    assert name is not None
    name.setText("mine")
    QTest.keyClick(name, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "mine" in str(table.model().index(0, 0).data()))


def test_a_runs_settings_become_the_projects_and_undo_brings_them_back(window: Window) -> None:
    window.document.new(edit.set_name(image_classifier(), "mine"))
    before = window.document.spec
    other = edit.set_setting(edit.set_param(image_classifier(), "linear_1", "out_features", 3), "training.seed", 5)
    window.runs.use_chosen.emit(run_of(other))
    assert window.document.spec == edit.set_name(other, "mine")
    window.document.undo_stack.undo()
    assert window.document.spec == before


def test_settings_that_are_the_projects_already_change_nothing(window: Window) -> None:
    run = run_of(window.document.spec)
    window.runs.use_chosen.emit(run)
    assert not window.document.dirty
    assert "already" in window.statusBar().currentMessage()


def test_a_runs_graph_opens_in_another_window(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []

    def start(_program: str, arguments: list[str], _folder: str) -> tuple[bool, int]:
        started.append(arguments)
        return True, 1

    monkeypatch.setattr(QProcess, "startDetached", start)
    run = run_of()
    window.runs.spec_chosen.emit(run)
    assert started == [["-m", "app", str(run.path / "spec.json")]]
    monkeypatch.setattr(QProcess, "startDetached", lambda *_: (False, 0))
    window.runs.spec_chosen.emit(run)
    assert "No further window" in window.messages.text()


def test_a_copy_of_a_run_finds_the_data_where_the_run_did(window: Window, tmp_path: Path) -> None:
    run = run_of(image_classifier())
    run.write_json("environment.json", {"folder": str(tmp_path)})
    window.open_file(run.path / "spec.json")
    assert (window.document.path, window.document.spec) == (None, image_classifier())
    assert window.document.folder == tmp_path
    window.document.new()
    assert window.document.folder == Path.home()


def test_a_run_is_trained_again_at_once_where_nothing_has_changed(
    window: Window, qtbot: QtBot, launched: list[tuple[Run, list[str]]]
) -> None:
    run = run_of(image_classifier())
    window.runs.again_chosen.emit(run)
    qtbot.waitUntil(lambda: bool(launched))
    ((new, verb),) = launched
    assert verb == ["train", str(run.path), "--run", str(new.path)]
    assert new.path.parent == run.path.parent
    assert load(new.path / "spec.json") == run.spec()


@pytest.mark.parametrize("answer", ["Train all the same", "Cancel"])
def test_what_has_changed_is_said_before_a_run_is_trained_again(
    window: Window,
    qtbot: QtBot,
    answers: Answers,
    launched: list[tuple[Run, list[str]]],
    answer: str,
) -> None:
    answers.text = answer
    run = run_of()
    run.write_json("environment.json", {"torch": "1.0", "folder": "/"})
    window.runs.again_chosen.emit(run)
    qtbot.waitUntil(lambda: bool(answers.said))
    assert "PyTorch was 1.0" in answers.said[0]
    qtbot.wait(20)  # lets the box close
    assert len(launched) == (answer == "Train all the same")


def test_runs_are_compared_in_a_window_of_their_own(window: Window) -> None:
    for name in ("a", "b"):
        run_of(name=name)
    window.runs.refresh()
    window.runs.compare_chosen.emit(window.runs.model.summaries())
    dialog = window.desk._compare
    assert dialog is not None
    assert dialog.isVisible()
    colours = [window.desk.colours.colour(Run(data_folder() / "runs" / name)).name() for name in ("a", "b")]
    dialog.close()
    assert window.desk._compare is None
    assert window.desk.colours.colour(Run(Path("c"))).name() in colours  # they were given back
    window.runs.compare_chosen.emit(window.runs.model.summaries()[:1])
    assert "two runs or more" in window.messages.text()


def test_a_new_name_shows_in_the_curves(window: Window) -> None:
    run = run_of()
    window.runs.refresh()
    window.runs.model.tick(run)
    run_of(name="b")
    window.runs.refresh()
    window.runs.model.tick(run_of(name="b"))
    write_about(run, About("the good one"))
    window.runs.described.emit(run)
    assert "the good one" in window.curves.legend.text()


def test_the_list_and_the_curves_agree_about_colours(window: Window) -> None:
    runs = [run_of(name=name) for name in ("a", "b")]
    window.runs.refresh()
    for run in runs:
        window.runs.model.tick(run)
    for run in runs:
        pens = {item.opts["pen"].color().name() for (of, _, split), item in window.curves._items.items()
                if of == run and split == "train"}  # fmt: skip
        assert pens == {window.desk.colours.colour(run).name()}


# ----------------------------------------------------------------------------------------------------------- queue


def test_the_project_is_queued_as_it_is_now(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.panels.queue_box.start_work", lambda _queue: None)
    monkeypatch.setattr(window.training, "why_not", lambda: "")
    window.document.new(edit.set_name(image_classifier(), "net"))
    press(window, "Add to queue")
    window.document.new()
    (entry,) = Queue().entries()
    assert (entry.name, entry.spec.name, entry.runs) == ("net", "net", window.document.runs_folder)
    assert window.bottom.currentWidget() is window.runs
    assert "Queue · 1 waiting" in words_in(window.runs)


def test_a_project_that_cannot_be_trained_is_not_queued(window: Window) -> None:
    press(window, "Add to queue")
    assert "Nothing to train yet" in window.messages.text()
    assert Queue().entries() == []


# ----------------------------------------------------------------------------------------------- close, come back


@pytest.mark.parametrize(
    ("button", "closed", "stopped"),
    [("Keep training", True, False), ("Stop and close", True, True), ("Cancel", False, False)],
)
def test_a_window_that_closes_asks_about_a_run_at_work(
    window: Window,
    answers: Answers,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    button: str,
    closed: bool,
    stopped: bool,
) -> None:
    answers.text = button
    Queue().add(new_entry(image_classifier(), "next", tmp_path / "elsewhere", tmp_path))
    window.desk.queue.refresh()
    stops: list[bool] = []
    run = told_run(data_folder() / "runs" / "a", STARTED)
    with run.locked():
        window.runner.follow(run)
        monkeypatch.setattr(window.runner, "stop", lambda: stops.append(True))
        assert window.close() == closed
    assert "a is being trained." in answers.said[0]
    assert bool(stops) == stopped
    assert Queue().paused() == stopped
    assert window.settings.when_closing() == "ask"


def test_the_answer_is_remembered_where_that_is_wished(
    window: Window, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers.text, answers.remember = "Keep training", True
    stops: list[bool] = []
    monkeypatch.setattr(window.runner, "stop", lambda: stops.append(True))
    run = told_run(data_folder() / "runs" / "a", STARTED)
    with run.locked():
        window.runner.follow(run)
        assert window.desk.may_close()
        assert window.settings.when_closing() == "keep"
        assert window.desk.may_close()
        window.settings.set_when_closing("stop")
        assert window.desk.may_close()
    assert (len(answers.said), stops) == (1, [True])


def test_a_window_without_runs_at_work_closes_without_a_question(window: Window) -> None:
    assert window.desk.may_close()


def test_a_window_asks_about_a_queue_at_work_where_a_run_waits(
    window: Window, answers: Answers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    answers.text = "Keep training"
    monkeypatch.setattr(Queue, "at_work", lambda _queue: True)
    assert window.desk.may_close()
    assert answers.said == []
    Queue().add(new_entry(image_classifier(), "next", tmp_path / "elsewhere", tmp_path))
    window.desk.queue.refresh()
    assert window.desk.may_close()
    assert "The queue is at work." in answers.said[0]


def test_what_is_done_at_closing_is_chosen_in_the_run_menu(window: Window) -> None:
    assert [each.isChecked() for each in window.closing_choices.actions()] == [True, False, False]
    window.closing_choices.actions()[2].trigger()
    assert window.settings.when_closing() == "stop"


def test_a_run_that_is_still_at_work_is_followed_when_the_window_comes(window: Window) -> None:
    run = told_run(data_folder() / "runs" / "a", STARTED)
    with run.locked():
        window.desk.find_living()
        assert window.runner.run == run
        assert run in window.runs.model.runs_ticked()
        window.runner.leave()


def test_a_run_of_another_project_that_is_still_at_work_is_offered(window: Window, tmp_path: Path) -> None:
    save(image_classifier(), tmp_path / "cats.netloom")
    window.settings.add_recent(tmp_path / "cats.netloom")
    run = told_run(tmp_path / "runs" / "a", STARTED)
    with run.locked():
        window.desk.find_living()
        assert window.messages.text() == "a of cats.netloom is still being trained."
        press(window.messages, "Show it")
        assert window.document.path == tmp_path / "cats.netloom"
        assert window.runner.run == run
        window.runner.leave()
