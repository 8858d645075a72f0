from __future__ import annotations

from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from app.document import Document
from app.panels.run_box import RunBox, duration
from app.runner import Runner
from tests.app.story import epoch


@pytest.mark.parametrize(("seconds", "words"), [(5, "0:05"), (65.4, "1:05"), (3725, "1:02:05")])
def test_durations_read_as_clocks_do(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_an_epoch_of_which_only_the_validation_was_measured_shows_that_alone(document: Document, qtbot: QtBot) -> None:
    runner = Runner(document)
    box = RunBox(document, runner)
    qtbot.addWidget(box)
    measured = replace(epoch(1), train={"loss": 0.75}, validation={"loss": 0.5})
    runner.told.emit(measured)
    assert box.scores.text() == "train       loss 0.75\nvalidation  loss 0.5"
    runner.told.emit(replace(measured, train={}))
    assert box.scores.text() == "validation  loss 0.5"
