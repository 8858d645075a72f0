"""The helper process that does torch's work for the window: checks, previews, exports."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal

from app.document import Document
from engine.columns import DataReport
from engine.detached import ROOT
from engine.progress import Headway
from engine.report import Optimised, Report
from engine.serve import COUNTED_AT_ONCE
from engine.spec import Spec, encode

Reply = Callable[[dict[str, Any]], None]

CHECK_DELAY_MS = 40
DATA_DELAY_MS = 250
PASSES_DELAY_MS = 600  # for a large graph, that is not counted with each check
KILL_MS = 1000


class EngineProcess(QObject):
    """One `python -m engine serve`; started at the first request, and anew should it die."""

    lost = Signal(str)
    printed = Signal(str)
    progressed = Signal(str)  # how far work has come that takes a while; "" once it is done
    went_on = Signal(Headway)  # the same with its numbers, and what has been found so far

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process: QProcess | None = None
        self._waiting: dict[int, Reply] = {}
        self._next = 0
        self._closing = False

    def start(self) -> None:
        """Start the process, so that torch is loaded by the time it is asked."""
        if self._process is not None:
            return
        process = QProcess(self)
        environment = QProcessEnvironment.systemEnvironment()
        environment.insert("PYTHONUNBUFFERED", "1")
        process.setProcessEnvironment(environment)
        process.setWorkingDirectory(str(ROOT))
        process.readyReadStandardOutput.connect(self._read)
        process.readyReadStandardError.connect(self._print)
        process.finished.connect(self._ended)
        process.errorOccurred.connect(self._failed)
        process.start(sys.executable, ["-m", "engine", "serve"])
        self._process = process

    def request(self, do: str, reply: Reply, **arguments: Any) -> int:
        """Send a request; `reply` gets the answer, with "error" where it could not be done. Returns its number."""
        self.start()
        assert self._process is not None
        self._next += 1
        self._waiting[self._next] = reply
        line = json.dumps({"id": self._next, "do": do, **arguments}, ensure_ascii=False)
        self._process.write(line.encode() + b"\n")
        return self._next

    def close(self) -> None:
        """End the process."""
        self._closing = True
        if self._process is not None:
            self._process.closeWriteChannel()
            self._process.kill()
            self._process.waitForFinished(KILL_MS)

    def cancel(self) -> None:
        """Put an end to what is under way; the next request starts a new process."""
        process, self._process = self._process, None
        waiting, self._waiting = self._waiting, {}
        if process is not None:
            process.blockSignals(True)  # it may be in the midst of a line
            process.kill()
            process.waitForFinished(KILL_MS)
            process.deleteLater()
        for reply in waiting.values():
            reply({"error": "It was stopped."})

    def _read(self) -> None:
        assert self._process is not None
        while self._process is not None and self._process.canReadLine():
            self._hear(json.loads(bytes(self._process.readLine().data())))

    def _hear(self, answer: dict[str, Any]) -> None:
        if "progress" in answer:
            headway = Headway.decode(answer["progress"])
            self.progressed.emit(headway.words())
            self.went_on.emit(headway)
            return
        reply = self._waiting.pop(answer.get("id", -1), None)
        if reply is not None:
            reply(answer)

    def _print(self) -> None:
        assert self._process is not None
        self.printed.emit(bytes(self._process.readAllStandardError().data()).decode(errors="replace"))

    def _failed(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._ended()

    def _ended(self) -> None:
        if self._closing or self._process is None:
            return
        self._process.deleteLater()
        self._process = None
        waiting, self._waiting = self._waiting, {}
        words = "The helper process ended unexpectedly; it starts anew with the next edit. The log has more."
        self.lost.emit(words)
        for reply in waiting.values():
            reply({"error": words})


class Checker(QObject):
    """Keeps a document's reports up to date: a short while after each edit it asks the helper processes."""

    state_changed = Signal(str)  # "checking", "checked" or "failed"
    reading_changed = Signal(bool)  # whether the data is being read

    def __init__(self, document: Document, checks: EngineProcess, worker: EngineProcess) -> None:
        super().__init__(document)
        self._document, self._checks, self._worker = document, checks, worker
        self._checked: Spec | None = None
        self._described: tuple[Any, ...] | None = None
        self._check_timer = self._timer(CHECK_DELAY_MS, self._check)
        self._data_timer = self._timer(DATA_DELAY_MS, self._describe)
        self._passes_timer = self._timer(PASSES_DELAY_MS, self._optimise)
        document.changed.connect(self._look)
        document.replaced.connect(self._forget)
        document.path_changed.connect(self._look)

    def _timer(self, delay_ms: int, work: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(delay_ms)
        timer.timeout.connect(work)
        return timer

    def again(self) -> None:
        """Check the same spec anew, for something beside it has changed on which its report depends."""
        self._checked = None
        self._look()

    def _forget(self) -> None:
        self._checked = self._described = None
        self.reading_changed.emit(False)

    def _look(self) -> None:
        """Ask for what the last edit has made out of date; moved nodes change nothing."""
        spec = self._document.spec
        known = self._checked
        if known is None or _looked_at(known) != _looked_at(spec):
            self.state_changed.emit("checking")
            self._check_timer.start()
        if self._described != self._description():
            self._data_timer.start()

    def _description(self) -> tuple[Any, ...]:
        """What a data report depends on."""
        spec = self._document.spec
        bound = [node.params.get("column") for node in spec.nodes.values() if node.op == "Input"]
        return (spec.data, bound, self._document.folder)

    def _check(self) -> None:
        self._passes_timer.stop()
        spec = self._checked = self._document.spec
        self._checks.request("check", lambda answer: self._take(spec, answer), spec=light(spec))

    def _take(self, spec: Spec, answer: dict[str, Any]) -> None:
        if spec is not self._checked or self._check_timer.isActive():
            return  # out of date: a newer check is under way, or about to be
        if "report" in answer:
            report = Report.decode(answer["report"])
            self._document.set_report(report)
            self.state_changed.emit("checked")
            if report.optimised is None and not report.problems and len(report.nodes) > COUNTED_AT_ONCE:
                self._passes_timer.start()
        elif "error" in answer:
            self._checked = None
            self.state_changed.emit("failed")

    def _optimise(self) -> None:
        """Ask what the graph passes do."""
        spec = self._checked
        if spec is not None and not self._check_timer.isActive():
            self._checks.request("passes", lambda answer: self._take_optimised(spec, answer), spec=light(spec))

    def _take_optimised(self, spec: Spec, answer: dict[str, Any]) -> None:
        if spec is self._checked and not self._check_timer.isActive() and "optimised" in answer:
            self._document.set_optimised(Optimised.decode(answer["optimised"]))

    def _describe(self) -> None:
        described = self._described = self._description()
        if not self._document.spec.data.get("source"):
            self.reading_changed.emit(False)
            self._document.set_data(None)
            return

        def take(answer: dict[str, Any]) -> None:
            if described is not self._described:
                return
            self.reading_changed.emit(False)
            if "data" in answer:
                self._document.set_data(DataReport.decode(answer["data"]))
            else:
                self._described = None

        self.reading_changed.emit(True)
        folder = str(self._document.folder)
        self._worker.request("data", take, spec=encode(self._document.spec), folder=folder)


def light(spec: Spec) -> dict[str, Any]:
    """The spec as JSON without the canvas, at which neither the check nor the passes look."""
    return {**encode(spec), "canvas": {}}


def _looked_at(spec: Spec) -> tuple[Any, ...]:
    """What a check depends on; where a node stands on the canvas is none of it."""
    blocks = {name: (block.params, block.nodes) for name, block in spec.blocks.items()}
    return (spec.nodes, blocks, spec.data, spec.training)
