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
from engine.progress import Headway
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


def curve(points: int, suggestion: float | None) -> Headway:
    rates = [1e-5 * 2**place for place in range(points)]
    losses = [1.0 - place / 50 for place in range(points)]
    found = {"rates": rates, "losses": losses, "smoothed": losses, "suggestion": suggestion, "diverged": False}
    return Headway("Trying learning rates", points, 100, found=found)


@pytest.mark.parametrize(
    ("suggestion", "words"),
    [
        (0.02, "Of the rates that were tried, the loss falls fastest at 0.02."),
        (None, "The loss fell at none of the rates that were tried until then."),
    ],
)
def test_a_curve_grows_and_what_there_is_when_it_is_stopped_counts(
    holder: QWidget, document: Document, suggestion: float | None, words: str
) -> None:
    finder = RateFinder(document, OptimizerBox(document), holder)
    finder.show()
    finder._engine.went_on.emit(Headway("Trying learning rates", 1, 100))
    finder._engine.went_on.emit(curve(20, suggestion))
    assert "Trying learning rates: 20 of 100…" in words_in(finder)
    assert (finder.bar.value(), finder.bar.maximum()) == (20, 100)
    assert finder._plot is not None
    assert len(finder._plot._smoothed.getData()[0]) == 20
    assert not finder.use.isVisible()
    finder.end.click()
    assert words in words_in(finder)
    assert finder.use.isVisible() == (suggestion is not None)
    assert finder.end.text() == "Close"
    finder.end.click()
    assert not finder.isVisible()


def test_sizes_are_listed_as_they_are_tried(holder: QWidget, document: Document) -> None:
    finder = BatchFinder(document, holder)
    finder.show()
    tried = [{"batch_size": 8, "fits": True, "samples_per_second": 1000.0, "bytes": 2048}]
    found = {"tried": tried, "largest": 8, "suggestion": 8, "reason": "stopped"}
    finder._engine.went_on.emit(Headway("Trying batches of 16", found=found))
    assert "1,000 samples/s" in words_in(finder)
    finder.end.click()
    assert "The largest that was tried with success is 8. Larger ones were not tried." in words_in(finder)
    finder.use.click()
    assert document.spec.data["batching"]["batch_size"] == 8


def test_a_search_that_has_found_nothing_yet_closes_when_it_is_stopped(holder: QWidget, document: Document) -> None:
    finder = RateFinder(document, OptimizerBox(document), holder)
    finder.show()
    finder.end.click()
    assert not finder.isVisible()


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
