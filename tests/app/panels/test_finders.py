from __future__ import annotations

import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.document import Document
from app.panels import finders
from app.panels.finders import BatchFinder, RateFinder
from app.panels.optimizer_box import OptimizerBox
from app.panels.training import TrainingPanel
from app.runner import Runner
from engine import edit
from tests.app.conftest import EngineHere
from tests.app.gestures import press, words_in
from tests.engine.train.making import iris

SECONDS = 20_000  # that a search may take, in thousandths


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finders, "EngineProcess", EngineHere)


@pytest.fixture
def holder(qtbot: QtBot, document: Document) -> QWidget:
    document.new(iris())
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


def test_a_learning_rate_is_found_and_taken_over(holder: QWidget, document: Document, qtbot: QtBot) -> None:
    box = OptimizerBox(document)
    qtbot.addWidget(box)
    finder = RateFinder(document, box, holder)
    finder.begin()
    assert finder.bar.isVisible()
    assert not finder.use.isVisible()
    qtbot.waitUntil(finder.use.isVisible, timeout=SECONDS)
    assert "The loss falls fastest at" in words_in(finder)
    rate = float(finder.use.text().removeprefix("Use "))
    finder.use.click()
    assert document.spec.training["optimizers"][0]["params"]["lr"] == rate
    document.undo_stack.undo()
    assert document.spec.training["optimizers"][0]["params"]["lr"] == 0.001


def test_a_batch_size_is_found_and_taken_over(holder: QWidget, document: Document, qtbot: QtBot) -> None:
    finder = BatchFinder(document, holder)
    finder.begin()
    qtbot.waitUntil(finder.use.isVisible, timeout=SECONDS)
    assert "The largest that was tried with success is 120. It holds all training samples." in words_in(finder)
    assert "samples/s" in words_in(finder)
    size = int(finder.use.text().removeprefix("Use "))
    finder.use.click()
    assert document.spec.data["batching"]["batch_size"] == size


def test_what_cannot_be_trained_is_said_in_place_of_a_curve(holder: QWidget, document: Document, qtbot: QtBot) -> None:
    document.edit("Break", lambda spec: edit.set_param(spec, "input_1", "column", "nothing"))
    finder = BatchFinder(document, holder)
    finder.begin()
    qtbot.waitUntil(lambda: "The data has no column 'nothing'" in words_in(finder), timeout=SECONDS)
    assert not finder.use.isVisible()
    assert finder.end.text() == "Close"
    finder.end.click()
    assert not finder.isVisible()


def test_the_panel_offers_to_find_both(document: Document, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[type] = []
    monkeypatch.setattr(finders.Finder, "begin", lambda finder: begun.append(type(finder)))
    document.new(iris())
    panel = TrainingPanel(document, Runner(document))
    qtbot.addWidget(panel)
    qtbot.addWidget(panel.train)
    panel.show()
    for field in (panel._batch.fields["batch_size"], panel.optimizers.optimizer.form.fields["lr"]):  # type: ignore[union-attr]  # there is one
        press(field, "Find…")
    assert begun == [BatchFinder, RateFinder]
