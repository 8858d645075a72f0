from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QComboBox, QLineEdit, QProgressBar
from pytestqt.qtbot import QtBot
from safetensors.numpy import save_file

from app.document import Document
from app.fields import Form
from app.panels.log import LogPanel
from app.panels.training import TrainingPanel
from app.runner import Runner
from engine import edit
from engine.check import check
from engine.events import Changed, Failed, Measuring, Stopped
from engine.ops.optimizer import Optimizer
from engine.ops.settings import Training
from engine.problem import Fix
from engine.spec import Spec
from engine.train.commands import Command, Inbox
from engine.train.folder import Run
from tests.app.gestures import button, press, words_in, write
from tests.app.story import FINISHED, STARTED, epoch, progress, told_run
from tests.builders import image_classifier


@pytest.fixture
def runner(document: Document) -> Runner:
    return Runner(document)


@pytest.fixture
def panel(document: Document, runner: Runner, qtbot: QtBot) -> TrainingPanel:
    shown = TrainingPanel(document, runner)
    qtbot.addWidget(shown)
    qtbot.addWidget(shown.train)
    shown.resize(340, 800)
    shown.show()
    return shown


def ready(document: Document) -> None:
    """Open a project that can be trained, checked."""
    document.new(edit.set_source(image_classifier(), "Digits"))
    document.set_report(check(document.spec))


def form_of(panel: TrainingPanel, declared: object) -> Form:
    return next(each for each in panel.findChildren(Form) if each.declared is declared)


def test_what_keeps_from_training_is_said_one_after_the_other(panel: TrainingPanel, document: Document) -> None:
    assert "add an Input" in panel.why_not()
    document.new(edit.remove(image_classifier(), ["cross_entropy_loss_1", "conv2d_1"]))
    assert "Data panel" in panel.why_not()
    document.edit("Source", lambda spec: edit.set_source(spec, "Digits"))
    assert "Add a loss" in panel.why_not()
    ready(document)
    document.edit("Break", lambda spec: edit.set_param(spec, "conv2d_1", "stride", 0))
    document.set_report(check(document.spec))
    assert "Mend the problem first: conv2d_1" in panel.why_not()
    assert not panel.train.isEnabled()
    assert "Mend the problem first" in words_in(panel)
    document.undo_stack.undo()
    document.set_report(check(document.spec))
    assert panel.why_not() == ""
    assert panel.train.isEnabled()


def test_settings_are_edited_undone_and_refused(panel: TrainingPanel, document: Document) -> None:
    ready(document)
    epochs = form_of(panel, Training).fields["epochs"].findChild(QLineEdit)
    write(epochs, "7")
    assert document.spec.training["epochs"] == 7
    write(epochs, "0")
    assert "epochs is 0; it must be at least 1." in words_in(panel)
    document.undo_stack.undo()
    assert epochs.text() == str(Training.defaults()["epochs"])


def test_every_optimizer_can_be_chosen_with_its_params(panel: TrainingPanel, document: Document) -> None:
    ready(document)
    box = next(each for each in panel.findChildren(QComboBox) if each.findText("SGD") >= 0)
    for name, declared in Optimizer.registry.items():
        box.activated.emit(box.findText(name))
        assert document.spec.training["optimizers"][0]["op"] == name
        assert declared.doc() in words_in(panel)
        write(form_of(panel, declared).fields["lr"].findChild(QLineEdit), "0.002")
        assert document.spec.training["optimizers"][0]["params"]["lr"] == 0.002
        document.set_report(check(document.spec))
        assert [problem for problem in document.report.problems if problem.node is None] == []


def test_a_learning_rate_set_where_the_spec_names_no_optimizer_brings_the_default_one(
    panel: TrainingPanel, document: Document
) -> None:
    ready(document)
    assert not document.spec.training.get("optimizers")
    write(form_of(panel, Optimizer.registry["Adam"]).fields["lr"].findChild(QLineEdit), "0.5")
    (main,) = document.spec.training["optimizers"]
    assert (main["op"], main["params"]["lr"]) == ("Adam", 0.5)


def test_a_run_is_followed_from_its_start_to_its_end(
    panel: TrainingPanel, document: Document, runner: Runner, qtbot: QtBot, tmp_path: Path
) -> None:
    ready(document)
    bar = panel.findChild(QProgressBar)
    run = told_run(tmp_path / "runs" / "a")
    runner.follow(run)
    assert panel.train.text() == "Stop"
    assert "Starting a…" in words_in(panel)
    run.append(STARTED)
    qtbot.waitUntil(lambda: "Training 2,610 parameters on cpu" in words_in(panel))
    assert (bar.minimum(), bar.maximum()) == (0, 40)
    run.append(progress(2, 5))
    qtbot.waitUntil(lambda: "1,234 samples/s · 1:05 left" in words_in(panel))
    assert bar.value() == 15
    run.append(Measuring("validation", 1, 37, 1200))
    qtbot.waitUntil(lambda: "Measuring the validation split · batch 37 of 1,200" in words_in(panel))
    assert bar.value() == 15
    run.append(epoch(2))
    qtbot.waitUntil(lambda: "validation  loss 0.45" in words_in(panel))
    run.append(FINISHED)
    qtbot.waitUntil(lambda: not runner.running)
    assert "Finished in 1:05; epoch 3 was best." in words_in(panel)
    assert "test        loss 0.25  accuracy 0.875" in words_in(panel)
    assert bar.value() == bar.maximum()
    assert panel.train.text() == "Train"
    assert panel.train.isEnabled()
    assert not panel.run.resume.isVisible()


def test_what_a_run_has_to_tell_stays_in_sight_while_it_trains_on(
    panel: TrainingPanel, document: Document, runner: Runner, qtbot: QtBot, tmp_path: Path
) -> None:
    ready(document)
    log = LogPanel(runner)
    qtbot.addWidget(log)
    changed = Changed("linear_1 starts anew.", 1, 0, 4)
    run = told_run(tmp_path / "runs" / "a", replace(STARTED, notes=("3 rows are left out.",)), changed, progress(2, 5))
    runner.follow(run)
    qtbot.waitUntil(lambda: "samples/s" in words_in(panel))
    assert "3 rows are left out.\nlinear_1 starts anew." in words_in(panel)
    assert "linear_1 starts anew." in log.text.toPlainText()
    runner.leave()


def test_stop_is_asked_for_once_and_resume_offered_where_there_is_a_checkpoint(
    panel: TrainingPanel, document: Document, runner: Runner, qtbot: QtBot, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    ready(document)
    run = told_run(tmp_path / "runs" / "a", STARTED, checkpoint=True)
    runner.follow(run)
    panel.train.click()
    assert Inbox(run.path).take() == [Command("stop")]
    assert not panel.train.isEnabled()
    assert "Stopping" in words_in(panel)
    run.append(Stopped("a", 1))
    qtbot.waitUntil(lambda: not runner.running)
    assert "Stopped after 1 whole epoch;" in words_in(panel)
    resumed: list[Run] = []
    monkeypatch.setattr(runner, "resume", resumed.append)
    press(panel, "Resume")
    assert resumed == [run]


def test_a_failure_leads_to_its_node(
    panel: TrainingPanel, document: Document, runner: Runner, qtbot: QtBot, tmp_path: Path
) -> None:
    ready(document)
    run = told_run(tmp_path / "runs" / "a", STARTED, Failed("Too wide.", "linear_1", "out_features"))
    runner.follow(run)
    qtbot.waitUntil(lambda: not runner.running)
    assert "Too wide." in words_in(panel)
    with qtbot.waitSignal(panel.node_chosen) as chosen:
        press(panel, "Go to the node")
    assert chosen.args == ["linear_1", "out_features"]


def test_a_fault_is_mended_with_a_click_and_the_run_goes_on_with_that(
    panel: TrainingPanel, document: Document, runner: Runner, qtbot: QtBot, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    ready(document)
    fix = Fix("Halve the batches to 8 samples", "set_setting", {"path": "data.batching.batch_size", "value": 8})
    run = told_run(tmp_path / "a", STARTED, Failed("Too large.", fixes=(fix,)), spec=document.spec, checkpoint=True)
    runner.follow(run)
    qtbot.waitUntil(lambda: not runner.running)
    assert not panel.run.resume_changed.isVisible()
    press(panel, "Halve the batches to 8 samples")
    assert document.spec.data["batching"]["batch_size"] == 8
    resumed: list[tuple[Run, Spec]] = []
    monkeypatch.setattr(runner, "resume", lambda *arguments: resumed.append(arguments))
    press(panel, "Resume with the changes")
    assert resumed == [(run, document.spec)]


def test_every_node_that_fits_starts_from_a_file_at_once(
    panel: TrainingPanel, document: Document, tmp_path: Path
) -> None:
    ready(document)
    panel.start_with(tmp_path / "gone.safetensors")
    assert "does not exist" in words_in(panel)
    shapes = document.report.nodes["linear_1"].tensors
    save_file({f"linear_1.{name}": np.zeros(shape, np.float32) for name, shape in shapes.items()}, tmp_path / "w")
    panel.start_with(tmp_path / "w")
    assert "linear_1 begins from the file; conv2d_1 begins anew." in words_in(panel)
    assert document.spec.nodes["linear_1"].weights["init"]["bias"]["params"]["name"] == "linear_1.bias"


def test_a_run_that_vanished_is_said_with_its_last_words(
    panel: TrainingPanel, document: Document, runner: Runner, tmp_path: Path
) -> None:
    ready(document)
    run = told_run(tmp_path / "runs" / "a", STARTED)
    run.log.write_text("loading\nKilled\n")
    runner.follow(run)
    runner.leave()
    runner.ended.emit(run, "lost")
    assert "ended unexpectedly" in words_in(panel)
    assert "It said last: Killed" in words_in(panel)


def test_another_project_forgets_the_run(
    panel: TrainingPanel, document: Document, runner: Runner, qtbot: QtBot, tmp_path: Path
) -> None:
    ready(document)
    runner.follow(told_run(tmp_path / "runs" / "a", STARTED, Stopped("a", 1), checkpoint=True))
    qtbot.waitUntil(lambda: not runner.running)
    assert button(panel, "Resume").isVisible()
    document.new(Spec())
    assert "Stopped" not in words_in(panel)
    assert not panel.run.resume.isVisible()


def test_devices_are_named(panel: TrainingPanel) -> None:
    panel.set_devices([{"name": "cpu", "description": "8 cores"}, {"name": "cuda", "description": "A card"}])
    assert "auto uses cuda here.\ncpu: 8 cores\ncuda: A card" in words_in(panel)


def test_a_run_that_ends_under_another_project_is_not_offered_to_it(
    panel: TrainingPanel, document: Document, runner: Runner, qtbot: QtBot, tmp_path: Path
) -> None:
    ready(document)
    run = told_run(tmp_path / "runs" / "a", STARTED, spec=document.spec, checkpoint=True)
    runner.follow(run)
    document.new(edit.set_setting(document.spec, "training.seed", 3))
    fix = Fix("Halve the batches", "set_setting", {"path": "data.batching.batch_size", "value": 8})
    run.append(Failed("Too large.", "linear_1", fixes=(fix,)))
    qtbot.waitUntil(lambda: not runner.running)
    assert "Too large." in words_in(panel)
    assert "Halve" not in words_in(panel)
    assert not panel.run.resume.isVisible()
    assert not panel.run.resume_changed.isVisible()
    assert not panel.run.control.more.isVisible()
