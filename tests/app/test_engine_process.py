from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QProcess
from pytestqt.qtbot import QtBot

from app.document import Document
from app.engine_process import Checker, EngineProcess, Reply
from engine import edit
from engine.block_edits import in_block
from engine.check import check
from engine.data import report as data_report
from engine.report import Optimised, Report
from engine.serve import COUNTED_AT_ONCE
from engine.spec import Spec, encode
from tests.builders import chain, image_classifier
from tests.engine.test_blocks import residual

START_MS = 30_000  # torch is loaded first


class Desk(EngineProcess):
    """Keeps requests until the test answers them, in whatever order it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, Reply, dict[str, Any]]] = []

    def start(self) -> None:
        pass

    def request(self, do: str, reply: Reply, **arguments: Any) -> int:
        self.asked.append((do, reply, arguments))
        return len(self.asked)

    def answer(self, place: int, **answer: Any) -> None:
        self.asked[place][1](answer)


# ------------------------------------------------------------------------------------------- the real process


@pytest.fixture
def process(qtbot: QtBot) -> Iterator[EngineProcess]:
    made = EngineProcess()
    yield made
    made.close()


def pid_of(process: EngineProcess) -> int:
    inner = process._process
    assert isinstance(inner, QProcess)
    return inner.processId()


def test_a_process_that_dies_is_told_and_started_anew_by_the_next_request(process: EngineProcess, qtbot: QtBot) -> None:
    answers: list[dict[str, Any]] = []
    spec = encode(image_classifier())
    process.request("check", answers.append, spec=spec)
    qtbot.waitUntil(lambda: len(answers) == 1, timeout=START_MS)
    optimised = {"purpose": "training", "before": 8, "after": 8}
    assert answers[0]["report"] == {**check(image_classifier()).encode(), "optimised": optimised}
    first = pid_of(process)
    with qtbot.waitSignal(process.lost) as lost:
        process.request("check", answers.append, spec=spec)
        os.kill(first, signal.SIGKILL)
    assert "ended unexpectedly" in lost.args[0]
    assert answers[1] == {"error": lost.args[0]}
    process.request("check", answers.append, spec=spec)
    qtbot.waitUntil(lambda: len(answers) == 3, timeout=START_MS)
    assert answers[2]["report"] == answers[0]["report"]
    assert pid_of(process) != first


def test_a_process_that_cannot_start_is_told(
    process: EngineProcess, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.engine_process.sys.executable", "/nowhere/python")
    answers: list[dict[str, Any]] = []
    with qtbot.waitSignal(process.lost):
        process.request("check", answers.append, spec={})
    assert "error" in answers[0]


def test_what_the_process_prints_is_told_and_what_is_cancelled_is_answered(
    process: EngineProcess, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "python"
    script.write_text('#!/bin/sh\necho trouble >&2\nread line\necho "{\\"id\\": 1, \\"done\\": []}"\nsleep 60\n')
    script.chmod(0o755)
    monkeypatch.setattr("app.engine_process.sys.executable", str(script))
    answers: list[dict[str, Any]] = []
    with qtbot.waitSignal(process.printed) as printed:
        process.request("export", answers.append)
    assert printed.args == ["trouble\n"]
    qtbot.waitUntil(lambda: answers == [{"id": 1, "done": []}])
    process.request("export", answers.append)
    with qtbot.assertNotEmitted(process.lost, wait=50):
        process.cancel()
    assert answers[1] == {"error": "It was stopped."}


@pytest.mark.skipif(os.name == "nt", reason="a script stands in for Python")
def test_how_far_work_has_come_is_told_before_its_reply(
    process: EngineProcess, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress = '{"id": 1, "progress": {"what": "Downloading a/b", "done": 1024, "total": 2048, "unit": "bytes"}}'
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\nread line\necho '{progress}'\necho '{{\"id\": 1, \"guesses\": []}}'\nread line\n")
    script.chmod(0o700)
    monkeypatch.setattr("app.engine_process.sys.executable", str(script))
    answers: list[dict[str, Any]] = []
    with qtbot.waitSignal(process.progressed, check_params_cb=lambda words: words == "Downloading a/b: 1 KiB of 2 KiB"):
        process.request("guess", answers.append, path="hub:a/b")
    qtbot.waitUntil(lambda: answers == [{"id": 1, "guesses": []}])


# ------------------------------------------------------------------------------------------------- the checker


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def worker() -> Desk:
    return Desk()


@pytest.fixture
def checker(document: Document, desk: Desk, worker: Desk) -> Checker:
    return Checker(document, desk, worker)


@pytest.fixture
def asked(qtbot: QtBot) -> Callable[[Desk, int], None]:
    """Wait until a desk has so many requests."""
    return lambda desk, count: qtbot.waitUntil(lambda: len(desk.asked) == count)


Asked = Callable[[Desk, int], None]


def report_of(spec: Spec) -> dict[str, Any]:
    return check(spec).encode()


def test_an_edit_is_checked_a_moment_later_and_several_at_once(
    checker: Checker, document: Document, desk: Desk, asked: Asked, qtbot: QtBot
) -> None:
    states: list[str] = []
    checker.state_changed.connect(states.append)
    document.new(image_classifier())
    for width in (3, 4, 5):
        document.edit("Set", functools.partial(edit.set_param, node="linear_1", name="out_features", value=width))
    asked(desk, 1)
    assert desk.asked[0][2]["spec"]["nodes"] == encode(document.spec)["nodes"]
    assert desk.asked[0][2]["spec"]["canvas"] == {}
    desk.answer(0, report=report_of(document.spec))
    assert document.report == check(document.spec)
    assert (states[0], states[-1]) == ("checking", "checked")


def test_moving_a_node_asks_for_nothing(
    checker: Checker, document: Document, desk: Desk, asked: Asked, qtbot: QtBot
) -> None:
    document.new(image_classifier())
    asked(desk, 1)
    desk.answer(0, report=report_of(document.spec))
    document.edit("Move", lambda spec: edit.move(spec, {"linear_1": (80, 80)}))
    document.edit("Name", lambda spec: edit.set_title(spec, "linear_1", "Scores"))
    with qtbot.assertNotEmitted(checker.state_changed, wait=80):
        pass
    assert len(desk.asked) == 1


def test_an_edit_inside_a_block_is_checked_and_a_move_there_is_not(
    checker: Checker, document: Document, desk: Desk, asked: Asked, qtbot: QtBot
) -> None:
    document.new(residual(2))
    asked(desk, 1)
    desk.answer(0, report=report_of(document.spec))
    document.edit("Move", lambda spec: in_block(spec, "Residual", lambda inner: edit.move(inner, {"relu_1": (8, 8)})))
    with qtbot.assertNotEmitted(checker.state_changed, wait=80):
        pass
    change = functools.partial(edit.set_param, node="linear_1", name="bias", value=False)
    document.edit("Set", lambda spec: in_block(spec, "Residual", change))
    asked(desk, 2)
    assert desk.asked[1][2]["spec"]["blocks"] == encode(document.spec)["blocks"]


def test_a_reply_that_is_out_of_date_is_dropped(checker: Checker, document: Document, desk: Desk, asked: Asked) -> None:
    document.new(chain("Linear"))
    asked(desk, 1)
    stale = report_of(document.spec)
    document.edit("Add", lambda spec: edit.add(spec, "ReLU", inputs={"input": "linear_1"}))
    desk.answer(0, report=stale)  # the next request waits still
    assert document.report == Report()
    asked(desk, 2)
    desk.answer(0, report=stale)
    assert document.report == Report()
    desk.answer(1, report=report_of(document.spec))
    assert document.report == check(document.spec)


def test_a_reply_for_another_project_is_dropped(checker: Checker, document: Document, desk: Desk, asked: Asked) -> None:
    document.new(image_classifier())
    asked(desk, 1)
    document.new(chain("Linear"))
    desk.answer(0, report=report_of(image_classifier()))
    assert document.report == Report()


def test_a_check_that_fails_is_told_and_tried_again_with_the_next_edit(
    checker: Checker, document: Document, desk: Desk, asked: Asked
) -> None:
    states: list[str] = []
    checker.state_changed.connect(states.append)
    document.new(image_classifier())
    asked(desk, 1)
    desk.answer(0, error="The helper process ended unexpectedly.")
    assert states[-1] == "failed"
    document.edit("Move", lambda spec: edit.move(spec, {"linear_1": (80, 80)}))
    asked(desk, 2)


def test_what_passes_do_to_a_large_graph_is_asked_for_once_edits_rest(
    checker: Checker, document: Document, desk: Desk, asked: Asked
) -> None:
    document.new(chain(*["ReLU"] * COUNTED_AT_ONCE, "Output"))
    asked(desk, 1)
    desk.answer(0, report=report_of(document.spec))
    assert document.report == check(document.spec)
    document.edit("Name", lambda spec: edit.set_title(spec, "relu_1", "First"))
    asked(desk, 2)
    (do, _reply, arguments) = desk.asked[1]
    assert (do, arguments["spec"]["canvas"]) == ("passes", {})
    desk.answer(1, optimised=Optimised("inference", 101, 100).encode(), passes=[])
    assert document.report.optimised == Optimised("inference", 101, 100)
    document.edit("Add", lambda spec: edit.add(spec, "ReLU", inputs={"input": "relu_1"}))
    asked(desk, 3)
    desk.answer(2, report=report_of(document.spec))
    document.edit("Add", lambda spec: edit.add(spec, "ReLU", inputs={"input": "relu_1"}))
    desk.answer(1, optimised=Optimised("inference", 1, 1).encode(), passes=[])  # late
    assert document.report.optimised is None


def test_data_is_described_when_its_settings_or_bindings_change_and_not_else(
    checker: Checker, document: Document, worker: Desk, asked: Asked, qtbot: QtBot, tmp_path: Path
) -> None:
    document.new(edit.set_source(image_classifier(), "Digits"))
    asked(worker, 1)
    (do, _reply, arguments) = worker.asked[0]
    assert (do, arguments["folder"]) == ("data", str(document.folder))
    worker.answer(0, data=data_report(document.spec, tmp_path).encode())
    assert document.data_report is not None
    assert set(document.data_report.columns) == {"image", "label"}
    document.edit("Set", lambda spec: edit.set_param(spec, "linear_1", "out_features", 3))
    document.edit("Bind", lambda spec: edit.set_param(spec, "input_1", "column", "label"))
    asked(worker, 2)
    document.edit("Split", lambda spec: edit.set_setting(spec, "data.split.test", 0.5))
    asked(worker, 3)
    worker.answer(1, data=data_report(image_classifier(), tmp_path).encode())
    assert "image" in document.data_report.columns  # the late answer was dropped


def test_it_is_told_while_data_is_being_read(
    checker: Checker, document: Document, worker: Desk, asked: Asked, tmp_path: Path
) -> None:
    told: list[bool] = []
    checker.reading_changed.connect(told.append)
    document.new(edit.set_source(image_classifier(), "Digits"))
    asked(worker, 1)
    assert told == [False, True]
    document.edit("Split", lambda spec: edit.set_setting(spec, "data.split.test", 0.5))
    asked(worker, 2)
    worker.answer(0, error="late")
    assert told == [False, True, True]
    worker.answer(1, data=data_report(document.spec, tmp_path).encode())
    assert told == [False, True, True, False]


def test_without_a_source_there_is_no_data(
    checker: Checker, document: Document, worker: Desk, asked: Asked, qtbot: QtBot, tmp_path: Path
) -> None:
    document.new(edit.set_source(image_classifier(), "Digits"))
    asked(worker, 1)
    worker.answer(0, data=data_report(document.spec, tmp_path).encode())
    document.undo_stack.clear()
    document.edit("None", lambda spec: edit.set_setting(spec, "data.source", None))
    qtbot.waitUntil(lambda: document.data_report is None)
    assert len(worker.asked) == 1
