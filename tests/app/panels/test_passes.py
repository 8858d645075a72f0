from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from app.document import Document
from app.engine_process import EngineProcess, Reply
from app.panels.passes import PassesDialog
from engine import edit
from engine.report import Report
from tests.app.gestures import press
from tests.builders import image_classifier

TRAINING = {
    "optimised": {"purpose": "training", "before": 41, "after": 35},
    "passes": [
        {"name": "dead code", "note": "Dead-code elimination left out relu_2.", "before": 41, "after": 35},
        {"name": "identities", "note": "", "before": 35, "after": 35},
    ],
}
INFERENCE = {"optimised": {"purpose": "inference", "before": 12, "after": 12}, "passes": []}


class Desk(EngineProcess):
    """Keeps requests until the test answers them."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, Reply, dict[str, Any]]] = []

    def request(self, do: str, reply: Reply, **arguments: Any) -> int:
        self.asked.append((do, reply, arguments))
        return len(self.asked)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def dialog(document: Document, desk: Desk, qtbot: QtBot) -> PassesDialog:
    document.new(image_classifier())
    shown = PassesDialog(document, desk)
    qtbot.addWidget(shown)
    shown.open_beside()
    return shown


def test_both_purposes_are_asked_for_and_told_as_they_are_answered(dialog: PassesDialog, desk: Desk) -> None:
    assert [(do, arguments["only"]) for do, _reply, arguments in desk.asked] == [
        ("passes", "training"),
        ("passes", "inference"),
    ]
    assert dialog.plain() == "For training: asking…\n\nFor inference: asking…"
    desk.asked[0][1](TRAINING)
    desk.asked[1][1](INFERENCE)
    text = dialog.text.toPlainText()
    assert "For training: 41 → 35 nodes" in text
    assert "Dead-code elimination left out relu_2." in text
    assert "Found nothing to do." in text
    assert "For inference: 12 nodes, nothing to improve" in text


def test_all_of_it_can_be_copied(dialog: PassesDialog, desk: Desk) -> None:
    desk.asked[0][1](TRAINING)
    press(dialog, "Copy")
    assert QGuiApplication.clipboard().text() == dialog.plain()
    assert "Dead-code elimination left out relu_2." in dialog.plain()


def test_why_there_is_nothing_to_tell_is_said(dialog: PassesDialog, desk: Desk) -> None:
    desk.asked[0][1]({"error": "The graph has problems; mend them first."})
    assert "For training\n  The graph has problems; mend them first." in dialog.plain()


def test_an_edit_is_followed_and_what_comes_late_for_the_old_graph_is_dropped(
    dialog: PassesDialog, desk: Desk, document: Document
) -> None:
    document.edit("Set", lambda spec: edit.set_param(spec, "linear_1", "out_features", 3))
    document.set_report(Report())
    assert len(desk.asked) == 4
    desk.asked[0][1](TRAINING)
    assert "asking" in dialog.plain().splitlines()[0]
    document.set_report(Report())  # the same graph is not asked about again
    assert len(desk.asked) == 4
    dialog.close()
    document.edit("Set", lambda spec: edit.set_param(spec, "linear_1", "out_features", 4))
    document.set_report(Report())
    assert len(desk.asked) == 4
