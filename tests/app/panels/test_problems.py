from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFrame
from pytestqt.qtbot import QtBot

from app.document import Document
from app.panels.problems import MOST_SHOWN, ProblemList
from engine import edit
from engine.check import check
from engine.problem import Problem
from engine.report import Report
from tests.app.gestures import button, press, words_in
from tests.builders import chain, image_classifier


@pytest.fixture
def problems(document: Document, qtbot: QtBot) -> ProblemList:
    panel = ProblemList(document)
    qtbot.addWidget(panel)
    panel.show()
    return panel


def test_without_problems_the_list_says_so_once_it_is_known(problems: ProblemList, document: Document) -> None:
    assert "Not checked yet." in words_in(problems)
    document.set_report(Report())
    assert "No problems." in words_in(problems)


def test_all_problems_stand_in_one_list_each_with_its_place(problems: ProblemList, document: Document) -> None:
    spec = edit.set_param(image_classifier(), "conv2d_1", "out_channels", 0)
    document.new(edit.set_setting(spec, "training.epochs", 0))
    document.set_report(check(document.spec))
    words = words_in(problems)
    assert "conv2d_1" in words
    assert "out_channels is 0; it must be at least 1." in words
    assert "training.epochs" in words
    assert "epochs is 0; it must be at least 1." in words


def test_one_click_mends_a_problem_as_one_step_that_can_be_undone(problems: ProblemList, document: Document) -> None:
    broken = edit.set_param(image_classifier(), "conv2d_1", "filters", 3)
    document.new(broken)
    report = check(broken)
    document.set_report(report)
    fix = report.problems[0].fixes[0]
    press(problems, fix.text)
    assert document.undo_stack.count() == 1
    assert document.undo_stack.undoText() == fix.text
    document.set_report(check(document.spec))
    assert document.report.problems == ()
    assert "No problems." in words_in(problems)
    document.undo_stack.undo()
    assert document.spec == broken


def test_a_fix_of_several_edits_is_one_step_too(problems: ProblemList, document: Document) -> None:
    spec = edit.add(chain(shape=("N", 16, 8, 8)), "LSTM", inputs={"input": "input_1"})
    spec = edit.add(spec, "Output", inputs={"input": "lstm_1"})
    document.new(spec)
    document.set_report(check(spec))
    press(problems, "Insert Flatten and Transpose before lstm_1")
    assert document.undo_stack.count() == 1
    assert check(document.spec).problems == ()
    document.undo_stack.undo()
    assert document.spec == spec


def test_every_fix_that_a_check_offers_has_a_button(problems: ProblemList, document: Document) -> None:
    spec = edit.set_param(chain("Linear", "ReLU"), "linear_1", "filters", 3)
    document.new(edit.set_param(spec, "linear_1", "out_features", 0))
    document.set_report(check(document.spec))
    texts = [fix.text for problem in document.report.problems for fix in problem.fixes]
    assert texts
    assert all(button(problems, text).isEnabled() for text in texts)


@pytest.mark.parametrize(
    ("problem", "signal", "told"),
    [
        (Problem("Wrong.", "conv2d_1", "stride"), "node_chosen", ["conv2d_1", "stride"]),
        (Problem("Wrong.", "conv2d_1"), "node_chosen", ["conv2d_1", ""]),
        (Problem("Wrong.", None, "training.epochs"), "setting_chosen", ["training.epochs"]),
    ],
)
def test_a_click_leads_to_the_place(
    problems: ProblemList, document: Document, qtbot: QtBot, problem: Problem, signal: str, told: list[str]
) -> None:
    document.set_report(Report(problems=(problem,)))
    row = next(
        each for each in problems.findChildren(QFrame) if each.cursor().shape() == Qt.CursorShape.PointingHandCursor
    )
    with qtbot.waitSignal(getattr(problems, signal)) as chosen:
        QTest.mouseClick(row, Qt.MouseButton.LeftButton)
    assert chosen.args == told


def test_thousands_of_problems_are_counted_rather_than_listed(problems: ProblemList, document: Document) -> None:
    document.set_report(Report(problems=tuple(Problem(f"Wrong {place}.") for place in range(MOST_SHOWN + 800))))
    assert "… and 800 more." in words_in(problems)
