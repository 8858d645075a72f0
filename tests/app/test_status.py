from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from app.document import Document
from app.scope import scope_of
from app.status import LATE_MS, StatusLine
from app.window import Window
from engine import edit
from engine.block_edits import group
from engine.check import Checker, check
from engine.compile import explain
from engine.problem import Problem
from engine.report import NodeReport, Optimised, Report
from engine.serve import COUNTED_AT_ONCE
from engine.spec import Spec
from tests.app.gestures import words_in
from tests.builders import image_classifier


@pytest.fixture
def status(document: Document, qtbot: QtBot) -> Iterator[StatusLine]:
    window = QMainWindow()
    qtbot.addWidget(window)
    line = StatusLine(document, window.statusBar())
    window.resize(1400, 300)
    window.show()
    yield line
    window.hide()


# -------------------------------------------------------------------------------------------------------- totals


def test_the_totals_of_the_project_stand_in_a_line_and_in_full_in_its_tip(
    status: StatusLine, document: Document
) -> None:
    spec = edit.set_weights(image_classifier(), "conv2d_1", "frozen", True)
    document.new(spec)
    assert status.totals.text() == "9 nodes"
    report = check(spec)
    document.set_report(report)
    assert (report.parameters, report.frozen, report.macs) == (2610, 40, 4864)
    assert status.totals.text().startswith("9 nodes · 2,610 parameters (40 frozen) · 4,864 MACs a sample · ")
    assert " at batch 32 · 10.2 KiB of weights" in status.totals.text()
    tip = status.totals.toolTip()
    assert "2,570 parameters that training changes, and 40 that are frozen" in tip
    assert "4,864 multiply-accumulates" in tip
    assert "of a batch of 32" in tip


def test_the_batch_is_that_of_the_project(status: StatusLine, document: Document) -> None:
    document.new(edit.set_setting(image_classifier(), "data.batching.batch_size", 7))
    document.set_report(check(document.spec))
    assert "at batch 7" in status.totals.text()


def test_what_a_broken_graph_counts_is_told_with_a_word_of_caution(status: StatusLine, document: Document) -> None:
    document.new(edit.set_param(image_classifier(), "linear_1", "out_features", 0))
    document.set_report(check(document.spec))
    assert "40 parameters" in status.totals.text()
    assert "MACs" not in status.totals.text()
    assert "not counted" in status.totals.toolTip()
    assert status.check.property("error")


def test_free_sizes_are_told_with_what_they_count_as(status: StatusLine, document: Document) -> None:
    document.set_report(Report(sizes={"N": 32, "T": 128}))
    assert "T as 128" in status.totals.toolTip()


def test_in_a_blocks_tab_the_totals_of_the_whole_project_remain(window: Window, qtbot: QtBot) -> None:
    window.document.new(group(image_classifier(), ["conv2d_1", "relu_1"], "Features"))
    qtbot.waitUntil(lambda: "2,610 parameters" in words_in(window.statusBar()))
    window.tabs.open(scope_of(window.document, "Features"))
    assert window.canvas.scope.block == "Features"
    assert "8 nodes · 2,610 parameters" in words_in(window.statusBar())


def test_a_narrow_window_cuts_the_totals_off_and_a_long_message_has_the_line(
    status: StatusLine, document: Document
) -> None:
    document.new(image_classifier())
    document.set_report(check(document.spec))
    window = status.window()
    assert isinstance(window, QMainWindow)
    assert window.minimumSizeHint().width() < 400
    window.statusBar().showMessage("Saved")
    assert status.isVisible()
    window.statusBar().showMessage("A long sentence. " * 20)
    assert not status.isVisible()
    window.statusBar().clearMessage()
    assert status.isVisible()


# ------------------------------------------------------------------------------------------------------ checking


def test_nothing_is_said_to_be_right_before_the_first_check(status: StatusLine, document: Document) -> None:
    document.set_report(Report())
    status.show_state("checking")
    document.new(image_classifier())
    assert status.check.text() == "Checking…"
    document.set_data(None)
    assert status.check.text() == "Checking…"
    document.set_report(check(document.spec))
    status.show_state("checked")
    assert status.check.text() == "No problems"


def test_a_check_is_told_only_where_it_takes_long(status: StatusLine, document: Document, qtbot: QtBot) -> None:
    document.set_report(Report(problems=(Problem("Wrong."),)))
    status.show_state("checked")
    status.show_state("checking")
    assert status.check.text() == "1 problem"
    status.show_state("checking")  # one more edit begins no new wait
    qtbot.waitUntil(lambda: status.check.text() == "Checking…", timeout=10 * LATE_MS)
    assert not status.check.property("error")
    status.show_state("checked")
    assert status.check.text() == "1 problem"


def test_a_check_that_fails_is_told(status: StatusLine) -> None:
    status.show_state("checking")
    status.show_state("failed")
    assert status.check.text() == "Not checked"


def test_the_window_says_checking_until_the_first_answer(window: Window, qtbot: QtBot) -> None:
    window.document.new(image_classifier())
    assert window.status.check.text() == "Checking…"
    assert "Not checked yet" in words_in(window.problems)
    qtbot.waitUntil(lambda: window.status.check.text() == "No problems")


# -------------------------------------------------------------------------------------------------------- passes


def test_what_the_passes_did_is_told_where_they_did_something(status: StatusLine, document: Document) -> None:
    report = check(image_classifier())
    document.new(image_classifier())
    document.set_report(replace(report, optimised=Optimised("training", 41, 35)))
    assert status.optimised.isVisible()
    assert status.optimised.text() == "Optimised: 41 → 35 nodes"
    document.set_report(replace(report, optimised=Optimised("training", 12, 12)))
    assert not status.optimised.isVisible()


def test_what_was_told_of_a_large_graph_stays_until_it_is_told_anew(status: StatusLine, document: Document) -> None:
    nodes = {f"relu_{place}": NodeReport() for place in range(COUNTED_AT_ONCE + 1)}
    document.set_report(Report(nodes))
    document.set_optimised(Optimised("training", 101, 90))
    assert status.optimised.text() == "Optimised: 101 → 90 nodes"
    document.set_report(Report(nodes))
    assert status.optimised.isVisible()
    document.set_report(Report(nodes, (Problem("Wrong."),)))
    assert not status.optimised.isVisible()


def doubled() -> Spec:
    """The image classifier with a second ReLU that computes what the first does."""
    spec = edit.add(image_classifier(), "ReLU", inputs={"input": "conv2d_1"})
    return edit.add(spec, "Output", inputs={"input": "relu_2"})


def test_a_click_lists_what_each_pass_did(window: Window, qtbot: QtBot) -> None:
    window.document.new(doubled())
    qtbot.waitUntil(window.status.optimised.isVisible)
    QTest.mouseClick(window.status.optimised, Qt.MouseButton.LeftButton)
    dialog = window._passes_dialog
    assert dialog is not None
    assert dialog.isVisible()
    assert not dialog.isModal()
    qtbot.waitUntil(lambda: "asking" not in dialog.plain())
    told = notes(doubled())
    assert told
    assert all(note in dialog.plain() for note in told)
    dialog.close()


def notes(spec: Spec) -> list[str]:
    """The sentences on what passes do for training."""
    checker = Checker()
    checker.check(spec)
    return [each.note for each in explain(spec, checker, "training")[1] if each.note]
