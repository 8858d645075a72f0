"""Starts sweeps in processes of their own, follows how their trials stand, and stops them."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from app.document import Document
from app.runner import log_end
from engine.detached import Process, start_logged
from engine.problem import Mistake
from engine.sweep.folder import FOLDER, SweepFolder, sweeps_in
from engine.train.folder import new_run

LOOK_MS = 300


class Sweeper(QObject):
    """One sweep at a time is followed; it goes on by itself when nobody follows."""

    changed = Signal()  # its trials have come on, or another sweep is followed
    ended = Signal(str)  # why, "" where all was tried
    failed = Signal(str)  # why it could not be started

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self._document = document
        self.folder: SweepFolder | None = None
        self._process: Process | None = None
        self._seen = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)

    @property
    def running(self) -> bool:
        """Whether a sweep is being followed that is at work."""
        return self._timer.isActive()

    @property
    def sweeps_folder(self) -> Path:
        """Where the project's sweeps are: beside its runs."""
        return self._document.runs_folder.parent / FOLDER

    def start(self) -> None:
        """Begin a sweep of the present project."""
        if self.running:
            return
        document = self._document
        name = document.path.stem if document.path else document.spec.name
        folder = SweepFolder(new_run(self.sweeps_folder, name).path)
        try:
            folder.begin_sweep(document.spec, document.folder)
        except OSError as error:
            self.failed.emit(f"{folder.path} cannot be written: {error.strerror or error}.")
            return
        self._launch(folder)

    def resume(self, folder: SweepFolder) -> None:
        """Go on with a sweep that was stopped or cut off."""
        if not self.running:
            self._launch(folder)

    def _launch(self, folder: SweepFolder) -> None:
        verb = ["sweep", "--resume", str(folder.path), "--watched", "--json"]
        try:
            folder.clear_stop()
            self._process = start_logged(verb, folder.log)
        except OSError as error:
            self.failed.emit(f"{folder.path} cannot be written: {error.strerror or error}.")
            return
        self._follow(folder)

    def show(self, folder: SweepFolder | None) -> None:
        """Look at a sweep; it is followed where it is at work."""
        if self.running and folder == self.folder:
            return
        self.leave()
        self._process = None
        self.folder, self._seen = folder, 0.0
        if folder is not None and folder.alive():
            self._timer.start()
        self.changed.emit()

    def show_newest(self) -> None:
        """Look at the newest sweep of the project, if there is one."""
        self.show(next(iter(sweeps_in(self.sweeps_folder)), None))

    def _follow(self, folder: SweepFolder) -> None:
        self.folder, self._seen = folder, 0.0
        self._timer.start()
        self.changed.emit()

    def stop(self) -> None:
        """Ask the sweep to stop; what is at work is tried again when it goes on."""
        if self.folder is not None and self.running:
            try:
                self.folder.request_stop()
            except OSError as error:
                self.failed.emit(f"The sweep cannot be told to stop: {error.strerror or error}.")

    def leave(self) -> None:
        """Follow no longer; the sweep goes on."""
        self._timer.stop()

    def _look(self) -> None:
        assert self.folder is not None
        alive = self._alive(self.folder)  # looked at before the last trials are read
        file = self.folder.path / "trials.json"
        changed = file.stat().st_mtime if file.exists() else 0.0
        if changed != self._seen:
            self._seen = changed
            self.changed.emit()
        if not alive:
            self._end(self.folder)

    def _alive(self, folder: SweepFolder) -> bool:
        return self._process.poll() is None if self._process is not None else folder.alive()

    def _end(self, folder: SweepFolder) -> None:
        self._timer.stop()
        self._process = None
        self.changed.emit()
        try:
            trials = folder.trials()
        except Mistake as mistake:
            self.failed.emit(mistake.message)
            return
        if trials is not None and (trials.done or trials.why):
            self.ended.emit(trials.why)
            return
        said = log_end(folder).strip().splitlines()
        why = said[-1].removeprefix("netloom: ") if said else "Its process ended unexpectedly; resume it to go on."
        self.failed.emit(f"The sweep ended: {why}")
