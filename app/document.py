"""The open project: one immutable spec, its undo stack, and what is known of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from app.commands import EditCommand
from engine import fixes
from engine import spec as specs
from engine.binding import binding_problems
from engine.columns import DataReport
from engine.problem import Fix, Mistake, Problem
from engine.report import Optimised, Report
from engine.spec import Spec


class Document(QObject):
    """Holds the spec. Every change goes through `edit`, so everything can be undone.

    `problems` joins those of the check with those of the data and of their going together.
    """

    changed = Signal(Spec)
    report_changed = Signal(Report)
    data_changed: Signal[tuple[DataReport | None]] = Signal(object)
    path_changed = Signal()
    replaced = Signal()
    saved = Signal()
    refused = Signal(str)
    asked = Signal(object)  # Fix: something that is no edit, for the user to confirm

    def __init__(self, home: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.undo_stack = QUndoStack(self)
        self.spec = Spec()
        self.path: Path | None = None
        self.report = Report()
        self.data_report: DataReport | None = None
        self._home = home
        self._beside: Path | None = None  # the folder of an untitled project that is a copy
        self.checked = False  # whether a check of this project has answered
        self._checked = Report()

    @property
    def folder(self) -> Path:
        """Where relative paths of the data start."""
        return self.path.parent if self.path else self._beside or Path.home()

    @property
    def runs_folder(self) -> Path:
        """Where runs go: beside the project's file, or among the user's data while it has none."""
        return (self.path.parent if self.path else self._home) / "runs"

    @property
    def dirty(self) -> bool:
        """Whether there are changes that no file holds."""
        return not self.undo_stack.isClean()

    def edit(self, text: str, change: Callable[[Spec], Spec], merge: str | None = None) -> bool:
        """Apply a change as one undo step called `text`; returns whether it was done.

        Steps that follow each other with the same `merge` key become one. What makes no sense is told by `refused`.
        """
        try:
            after = change(self.spec)
        except Mistake as mistake:
            self.refused.emit(mistake.message)
            return False
        if after == self.spec:
            return False
        self.undo_stack.push(EditCommand(self, text, after, merge))
        return True

    def mend(self, fix: Fix) -> None:
        """Run a fix as one undo step; one that is no edit is asked for by `asked`."""
        if fixes.is_action(fix):
            self.asked.emit(fix)
        else:
            self.edit(fix.text, lambda spec: fixes.apply(spec, fix))

    def show(self, spec: Spec) -> None:
        """Put a spec in place; for undo commands."""
        self.spec = spec
        self.changed.emit(spec)

    # ----------------------------------------------------------------------------------------------------- files

    def new(self, spec: Spec | None = None, folder: Path | None = None) -> None:
        """Begin an untitled project, empty or from a spec whose relative paths start at a folder."""
        self._beside = folder
        self._replace(spec or Spec(), None)

    def open(self, path: Path) -> None:
        """Open a project file; raises Mistake, with everything left as it is, where it cannot be read."""
        self._replace(specs.load(path), path)

    def recover(self, spec: Spec, path: Path | None) -> None:
        """Take up work that was never saved."""
        self._replace(spec, path)
        self.undo_stack.resetClean()

    def _replace(self, spec: Spec, path: Path | None) -> None:
        self.undo_stack.clear()
        self.spec, self.path = spec, path
        self.report = self._checked = Report()
        self.checked, self.data_report = False, None
        self.path_changed.emit()
        self.replaced.emit()
        self.changed.emit(spec)
        self.report_changed.emit(self.report)
        self.data_changed.emit(None)

    def save(self, path: Path) -> None:
        """Save under a name; raises OSError where that fails, and nothing is lost."""
        specs.save(self.spec, path)
        moved = path != self.path
        self.path = path
        self.undo_stack.setClean()
        self.saved.emit()
        if moved:
            self.path_changed.emit()

    # --------------------------------------------------------------------------------------------------- reports

    def set_report(self, report: Report) -> None:
        """Take in what a check of the present spec found."""
        self._checked, self.checked = report, True
        self._join()

    def set_optimised(self, optimised: Optimised) -> None:
        """Take in what the graph passes do to the spec that was checked last."""
        self._checked = replace(self._checked, optimised=optimised)
        self._join()

    def set_data(self, data: DataReport | None) -> None:
        """Take in what was found of the present data."""
        self.data_report = data
        self.data_changed.emit(data)
        self._join()

    def _join(self) -> None:
        problems: tuple[Problem, ...] = self._checked.problems
        if self.data_report is not None:
            told = {problem.param for problem in problems if problem.node is None}
            problems += tuple(each for each in self.data_report.problems if each.param not in told)
            if self._checked.nodes:
                problems += tuple(binding_problems(self.spec, self._checked, self.data_report.columns))
        self.report = replace(self._checked, problems=problems)
        self.report_changed.emit(self.report)
