from __future__ import annotations

from collections.abc import Callable

import pytest
from pytestqt.qtbot import QtBot

from app.canvas import Canvas
from app.document import Document
from engine import edit
from engine.check import check
from engine.spec import Spec


@pytest.fixture
def show(document: Document, qtbot: QtBot) -> Callable[[Spec], Canvas]:
    """Show a spec on a canvas of its own, tidied and whole in view, with what a check says of it."""

    def shown(spec: Spec) -> Canvas:
        document.new(edit.tidy(spec) if spec.nodes else spec)
        document.set_report(check(document.spec))
        canvas = Canvas(document)
        qtbot.addWidget(canvas)
        canvas.resize(1000, 700)
        canvas.show()
        qtbot.waitExposed(canvas)
        canvas.fit()
        return canvas

    return shown
