"""Starts training runs in processes of their own, follows what they tell, and stops them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from app.document import Document
from engine import spec as specs
from engine.events import LAST, Event
from engine.train.commands import Command
from engine.train.folder import Run, new_run, runs_in

ROOT = Path(__file__).parents[1]
TAIL_MS = 50
ALIVE_EVERY = 20  # tails between looks at whether the process lives
REAP_MS = 500
LOG_LINES = 12


class Runner(QObject):
    """One run at a time is followed; runs go on by themselves when nobody follows."""

    started = Signal(Run)
    told: Signal[tuple[Event]] = Signal(object)
    ended = Signal(Run, str)  # and its state
    failed = Signal(str)  # why a run could not be started

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self._document = document
        self.run: Run | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._ending: list[subprocess.Popen[bytes]] = []
        self._offset = 0
        self._ticks = 0
        self._timer = QTimer(self)
        self._timer.setInterval(TAIL_MS)
        self._timer.timeout.connect(self._tail)

    @property
    def running(self) -> bool:
        """Whether a run is being followed."""
        return self._timer.isActive()

    def start(self) -> None:
        """Train the present spec in a new run."""
        if self.running:
            return
        document = self._document
        name = document.path.stem if document.path else document.spec.name
        run = new_run(document.runs_folder, name)
        try:
            run.path.mkdir(parents=True)
            specs.save(document.spec, run.path / "spec.json")
            verb = ["train", str(run.path / "spec.json"), "--run", str(run.path)]
            self._launch(run, [*verb, "--data-folder", str(document.folder)])
        except OSError as error:
            self.failed.emit(f"{run.path} cannot be written: {error.strerror or error}.")

    def resume(self, run: Run) -> None:
        """Go on with a run that was stopped, or whose process died."""
        if self.running:
            return
        run.forget_commands()
        try:
            self._launch(run, ["resume", str(run.path)], offset=run.tail()[1])
        except OSError as error:
            self.failed.emit(f"{run.path} cannot be written: {error.strerror or error}.")

    def _launch(self, run: Run, verb: Sequence[str], offset: int = 0) -> None:
        with run.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "engine", *verb, "--watched", "--json"],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                start_new_session=True,
            )
        self._follow(run, offset)

    def follow(self, run: Run) -> None:
        """Follow a run that some other window, or a terminal, has started."""
        self._process = None
        self._follow(run, 0)

    def follow_living(self) -> None:
        """Follow the newest run of the project that is still at work, if there is one."""
        if not self.running:
            living = next((run for run in runs_in(self._document.runs_folder)[:5] if run.alive()), None)
            if living is not None:
                self.follow(living)

    def _follow(self, run: Run, offset: int) -> None:
        self.run, self._offset, self._ticks = run, offset, 0
        self._timer.start()
        self.started.emit(run)

    def stop(self) -> None:
        """Ask the run to stop; it writes a checkpoint first."""
        if self.run is not None and self.running:
            try:
                self.run.tell(Command("stop"))
            except OSError as error:
                self.failed.emit(f"The run cannot be told to stop: {error.strerror or error}.")

    def leave(self) -> None:
        """Follow no longer; the run goes on."""
        self._timer.stop()

    def _tail(self) -> None:
        assert self.run is not None
        run = self.run
        self._ticks += 1
        dead = self._ticks % ALIVE_EVERY == 0 and not self._alive(run)  # looked at before the last lines are read
        events, self._offset = run.tail(self._offset)
        for event in events:
            self.told.emit(event)
            if isinstance(event, LAST):
                self._end(run, type(event).__name__.lower())
                return
        if dead:
            self._end(run, "lost")

    def _alive(self, run: Run) -> bool:
        if self._process is not None:
            return self._process.poll() is None
        return run.alive()

    def _end(self, run: Run, state: str) -> None:
        self._timer.stop()
        if self._process is not None:
            self._ending.append(self._process)
            self._process = None
            self._reap()
        self.ended.emit(run, state)

    def _reap(self) -> None:
        """Take note of the processes that have ended, so that none is left behind."""
        self._ending = [each for each in self._ending if each.poll() is None]
        if self._ending:
            QTimer.singleShot(REAP_MS, self, self._reap)


def log_end(run: Run) -> str:
    """The last lines that a run's process printed."""
    try:
        lines = run.log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-LOG_LINES:])
