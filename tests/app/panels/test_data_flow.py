from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.panels.data_flow import STAGES, Flow, told
from engine import edit
from engine.data import report as data_report
from engine.events import Progress, Stage
from engine.spec import Spec
from tests.app.gestures import words_in
from tests.app.panels.samples import table_of
from tests.builders import image_classifier


@pytest.fixture
def flow(qtbot: QtBot) -> Flow:
    shown = Flow()
    qtbot.addWidget(shown)
    shown.resize(900, 120)
    shown.show()
    return shown


def progress(*stages: Stage, waited: float = 0.0, advice: str = "") -> Progress:
    return Progress(1, 3, 10, {"loss": 1.0}, 500.0, 60.0, waited=waited, stages=stages, advice=advice)


def words(spec: Spec, folder: Path) -> dict[str, str]:
    return {name: each.words for name, each in told(spec, data_report(spec, folder)).items()}


def test_settings_are_said_in_words(tmp_path: Path) -> None:
    spec = table_of(tmp_path)
    assert words(spec, tmp_path) == {
        "source": "200 samples",
        "steps": "1 step",
        "cache": "as it fits",
        "shuffle": "shuffled",
        "batch": "32 a batch",
        "prefetch": "as needed",
        "model": "no input yet",
    }
    detail = {name: each.detail for name, each in told(spec, data_report(spec, tmp_path)).items()}
    assert (detail["source"], detail["steps"], detail["batch"]) == ("3 classes", "on 1 column", "5 batches")


def test_other_settings_have_other_words(tmp_path: Path) -> None:
    spec = table_of(tmp_path)
    for name, value in (("cache", "disk"), ("shuffle", False), ("batch_size", 8), ("workers", 1)):
        spec = edit.set_setting(spec, f"data.batching.{name}", value)
    spec = edit.add(spec, "Input", params={"column": "age"})
    said = words(spec, tmp_path)
    shown = [said[name] for name in ("cache", "shuffle", "batch", "prefetch", "model")]
    assert shown == ["on the disk", "as they lie", "8 a batch", "1 worker", "1 input"]
    spec = edit.set_setting(edit.set_setting(spec, "data.batching.shuffle", True), "data.batching.shuffle_buffer", 5000)
    assert words(spec, tmp_path)["shuffle"] == "within 5,000"
    assert words(edit.set_setting(spec, "data.batching.sampling", "balanced"), tmp_path)["shuffle"] == "balanced"


def test_a_project_without_data_says_so() -> None:
    assert told(Spec(), None)["source"].words == "none chosen"
    assert told(image_classifier(), None)["model"].words == "2 inputs"


def test_a_click_or_the_space_bar_chooses_a_stage(flow: Flow) -> None:
    chosen: list[str] = []
    flow.chosen.connect(chosen.append)
    for card in flow.cards.values():
        QTest.mouseClick(card, Qt.MouseButton.LeftButton)
    assert chosen == list(STAGES)
    flow.cards["batch"].setFocus()
    QTest.keyClick(flow.cards["batch"], Qt.Key.Key_Space)
    assert chosen[-1] == "batch"


def test_training_shows_what_each_stage_gives_and_how_long_the_model_waits(flow: Flow) -> None:
    stages = (
        Stage("read", 950.0, 0.9),
        Stage("steps", 12_345.0, 0.2),
        Stage("batch", 4.1e6, 0.1),
        Stage("model", 800.0, 0.5),
    )
    advice = "Reading is the slowest; keep samples in memory."
    flow.show_progress(progress(*stages, waited=0.25, advice=advice))
    rates = {name: card.rate for name, card in flow.cards.items()}
    assert rates["source"] == "950/s"
    assert rates["steps"] == "12.3k/s"
    assert rates["batch"] == "4.1M/s"
    assert rates["model"] == "waits 25%, 800/s"
    assert rates["cache"] == rates["shuffle"] == rates["prefetch"] == ""
    assert advice in words_in(flow)
    flow.show_progress(progress())  # between, nothing is told of the stages
    assert {name: card.rate for name, card in flow.cards.items()} == rates
    assert advice in words_in(flow)
    flow.grab()
    flow.clear_progress()
    assert {card.rate for card in flow.cards.values()} == {""}
    assert advice not in words_in(flow)


def test_a_run_that_tells_of_no_stages_shows_none(flow: Flow) -> None:
    flow.show_progress(progress())
    assert {card.rate for card in flow.cards.values()} == {""}
