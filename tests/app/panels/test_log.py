from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from app.document import Document
from app.panels.log import MOST_LINES, LogPanel
from app.runner import Runner
from tests.app.gestures import press
from tests.app.story import FINISHED, STARTED, told_run


@pytest.fixture
def runner(document: Document) -> Runner:
    return Runner(document)


@pytest.fixture
def log(runner: Runner, qtbot: QtBot) -> LogPanel:
    panel = LogPanel(runner)
    qtbot.addWidget(panel)
    panel.show()
    return panel


def test_what_a_run_prints_is_shown_between_its_start_and_its_end(
    log: LogPanel, runner: Runner, qtbot: QtBot, tmp_path: Path
) -> None:
    run = told_run(tmp_path / "a", STARTED)
    run.log.write_text("before\n")
    runner.follow(run)
    with run.log.open("a") as stream:
        stream.write("loading\nwarning: slow\n")
    run.append(FINISHED)
    qtbot.waitUntil(lambda: not runner.running)
    assert log.text.toPlainText() == "--- a\nloading\nwarning: slow\n--- a: finished"


def test_a_line_that_is_half_written_is_shown_once_it_is_whole(
    log: LogPanel, runner: Runner, qtbot: QtBot, tmp_path: Path
) -> None:
    run = told_run(tmp_path / "a", STARTED)
    line = "one\ncafé\n".encode()
    run.log.write_bytes(b"")
    runner.follow(run)
    for data, shown in ((line[:8], "--- a\none"), (line[8:], "--- a\none\ncafé")):
        with run.log.open("ab") as stream:
            stream.write(data)
        log._read()
        assert log.text.toPlainText() == shown
    with run.log.open("ab") as stream:
        stream.write(b"no end")
    run.append(FINISHED)
    qtbot.waitUntil(lambda: not runner.running)
    assert log.text.toPlainText() == "--- a\none\ncafé\nno end\n--- a: finished"


def test_the_log_is_copied_and_cleared(log: LogPanel) -> None:
    log.add("one\ntwo\n")
    press(log, "Copy all")
    assert QGuiApplication.clipboard().text() == "one\ntwo"
    press(log, "Clear")
    assert log.text.toPlainText() == ""


def test_the_log_keeps_its_last_lines_only(log: LogPanel) -> None:
    log.add("\n".join(map(str, range(MOST_LINES + 50))))
    assert log.text.blockCount() == MOST_LINES
    assert log.text.toPlainText().endswith(f"\n{MOST_LINES + 49}")
