"""What is done with runs beside starting one: compare them, train them again, queue them, and leave them at work."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from PySide6.QtCore import QObject, QProcess, Signal
from PySide6.QtWidgets import QCheckBox, QMessageBox, QWidget

from app.document import Document
from app.engine_process import EngineProcess
from app.panels.queue_box import QueueBox
from app.panels.runs import RunList
from app.run_colours import RunColours
from app.runner import Runner
from app.settings import Settings
from engine.comparison import compare
from engine.detached import ROOT
from engine.problem import Mistake
from engine.runs import Summary, name_of
from engine.train.folder import Run, runs_in
from engine.train.queue import Queue, new_entry

if TYPE_CHECKING:
    from app.panels.compare import CompareDialog

NEWEST = 5  # runs of a folder in which one is looked for that is still at work


class RunDesk(QObject):
    """Owns the list of runs and the queue, and does what they ask for."""

    refused = Signal(str)
    told = Signal(str)
    found: Signal[tuple[Run, Path]] = Signal(Run, object)  # a run at work, and the project that it is of

    def __init__(self, document: Document, runner: Runner, worker: EngineProcess, settings: Settings) -> None:
        super().__init__(document)
        self._document, self._runner, self._worker, self._settings = document, runner, worker, settings
        self.colours = RunColours()
        self.queue = QueueBox(Queue())
        self.runs = RunList(document, self.colours, self.queue)
        self._compare: CompareDialog | None = None
        self.runs.compare_chosen.connect(self.compare)
        self.runs.resume_chosen.connect(runner.resume)
        self.runs.again_chosen.connect(self.train_again)
        self.runs.use_chosen.connect(self.use)
        self.runs.spec_chosen.connect(self.open_beside)
        for panel in (self.runs, self.queue):
            panel.refused.connect(self.refused)
        self.runs.told.connect(self.told)
        self.queue.worked.connect(runner.follow_living)

    # ------------------------------------------------------------------------------------------------------ runs

    def compare(self, summaries: list[Summary]) -> None:
        """Set runs beside each other in a window of their own."""
        from app.panels.compare import CompareDialog  # loads numpy and pyqtgraph

        try:
            comparison = compare(summaries)
        except Mistake as mistake:
            self.refused.emit(mistake.message)
            return
        if self._compare is not None:
            self._compare.close()
        dialog = CompareDialog(summaries, comparison, self.colours, self._window())
        dialog.finished.connect(lambda _result: self._forget(dialog, [summary.run for summary in summaries]))
        self._compare = dialog
        dialog.show()

    def _forget(self, dialog: CompareDialog, runs: list[Run]) -> None:
        """Let go of a comparison, and of the colours that only it has shown."""
        dialog.deleteLater()
        for run in runs:
            if run not in self.runs.model.runs_ticked():
                self.colours.release(run)
        if self._compare is dialog:
            self._compare = None

    def use(self, run: Run) -> None:
        """Make a run's graph and settings the project's, as one step that can be undone."""
        try:
            spec = run.spec()
        except Mistake as mistake:
            self.refused.emit(mistake.message)
            return
        name = name_of(run)
        if self._document.edit(f"Use the settings of {name}", lambda now: replace(spec, name=now.name)):
            self.told.emit(f"The project now has the graph and the settings of {name}; Undo brings yours back")
        else:
            self.told.emit(f"The project has the graph and the settings of {name} already")

    def open_beside(self, run: Run) -> None:
        """Open a run's graph as an untitled copy in a window of its own."""
        started, _pid = QProcess.startDetached(sys.executable, ["-m", "app", str(run.path / "spec.json")], str(ROOT))
        if started:
            self.told.emit(f"Opening the graph of {name_of(run)} in another window…")
        else:
            self.refused.emit("No further window can be opened: the system refuses to start it.")

    def train_again(self, run: Run) -> None:
        """Train a run anew from its folder alone, after saying what has changed since."""
        if self._runner.running:
            self.refused.emit("A run is being trained; stop it first, or let it end.")
            return
        self._worker.request("changes", lambda answer: self._train_again(run, answer), run=str(run.path))
        self.told.emit(f"Looking at what {name_of(run)} was trained with…")

    def _train_again(self, run: Run, answer: dict[str, Any]) -> None:
        if "changes" not in answer:
            self.refused.emit(str(answer.get("error", f"{run.path} cannot be read.")))
            return
        changes = answer["changes"]
        if changes and not self._confirmed("The numbers may come out differently", changes):
            return
        self._runner.again(run)

    def _confirmed(self, title: str, changes: list[str]) -> bool:
        box = QMessageBox(QMessageBox.Icon.Question, "Train again", f"{title}.", parent=self._window())
        box.setInformativeText("\n".join(changes))
        train = box.addButton("Train all the same", QMessageBox.ButtonRole.AcceptRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(train)
        box.exec()
        return box.clickedButton() is train

    def _window(self) -> QWidget:
        return self.runs.window()

    # ----------------------------------------------------------------------------------------------------- queue

    def add_to_queue(self) -> None:
        """Have the project as it is now trained in its turn."""
        document = self._document
        name = document.path.stem if document.path else document.spec.name
        self.queue.add(new_entry(document.spec, name, document.runs_folder, document.folder))
        waiting = self.queue.waiting()
        self.told.emit(f"Added {name} to the queue; {waiting} {'waits' if waiting == 1 else 'wait'}")

    # ---------------------------------------------------------------------------------------- closing, coming back

    def may_close(self) -> bool:
        """Ask whether runs go on without the window, unless that was said for good; whether it may be closed."""
        if not self._runner.at_work and not (self.queue.at_work and self.queue.waiting()):
            return True
        wish = self._settings.when_closing()
        choice = self._asked() if wish == "ask" else wish
        if choice == "stop":
            if self.queue.waiting():
                self.queue.pause()
            self._runner.stop()
        return choice != "cancel"

    def _asked(self) -> Literal["keep", "stop", "cancel"]:
        running = self._runner.run
        what = f"{name_of(running)} is being trained" if self._runner.at_work and running else "The queue is at work"
        box = QMessageBox(QMessageBox.Icon.Question, "Close the window", f"{what}.", parent=self._window())
        box.setInformativeText(
            "It can go on without the window, and is found again when Netloom starts. "
            "Stopped, it writes a checkpoint and can be resumed."
        )
        remember = QCheckBox("Always do this; the Run menu changes it")
        box.setCheckBox(remember)
        keep = box.addButton("Keep training", QMessageBox.ButtonRole.AcceptRole)
        stop = box.addButton("Stop and close", QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(keep)
        box.exec()
        clicked = box.clickedButton()
        if clicked not in (keep, stop):
            return "cancel"
        choice: Literal["keep", "stop"] = "keep" if clicked is keep else "stop"
        if remember.isChecked():
            self._settings.set_when_closing(choice)
        return choice

    def find_living(self) -> None:
        """Follow a run of the project that an earlier window left at work, or tell of one of another project."""
        self._runner.follow_living()
        if self._runner.running:
            return
        for project in self._settings.recent():
            living = next((run for run in runs_in(project.parent / "runs")[:NEWEST] if run.alive()), None)
            if living is not None:
                self.found.emit(living, project)
                return
