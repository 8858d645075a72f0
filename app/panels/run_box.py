"""How the run that is followed comes along, what can be done with it, and what it had to tell."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from app.document import Document
from app.icons import icon
from app.panels.control_box import ControlBox
from app.panels.sections import ProblemBox, Words, add, dim
from app.panels.table_box import TableBox
from app.runner import Runner, log_end
from app.theme import SPACE, mono, themes
from engine.events import (
    Changed,
    Continued,
    Epoch,
    Event,
    Failed,
    Finished,
    Measuring,
    Paused,
    Progress,
    Started,
    Stopped,
    sentences,
)
from engine.problem import Fix, Problem
from engine.train.folder import Run

NOTES = 4  # of a run, the last ones; all of them are in the log


class RunBox(QWidget):
    """Shows a run and steers it; one that ended before its time can go on."""

    node_chosen = Signal(str, str)

    def __init__(self, document: Document, runner: Runner) -> None:
        super().__init__()
        self._document, self._runner = document, runner
        self._epochs = 0
        self._last: Run | None = None
        self._failed: Failed | None = None
        self._ended_run: Run | None = None  # one that can go on
        self._told: list[str] = []
        self.bar = QProgressBar()
        self.bar.setTextVisible(True)
        self.bar.hide()
        self.control = ControlBox(document, runner)
        self.state = Words()
        self.scores = Words()
        self.scores.setFont(mono())
        self.notes = dim()
        self.notes.hide()
        self.tables = TableBox()
        self._go = QPushButton("Go to the node")
        self._go.clicked.connect(self._go_to_node)
        self._go.hide()
        self.fixes = ProblemBox(self._mend)
        self.resume = QPushButton("Resume")
        self.resume.setToolTip("Go on where the last run was stopped")
        self.resume.clicked.connect(self._resume)
        self.resume.hide()
        self.resume_changed = QPushButton("Resume with the changes")
        self.resume_changed.setToolTip(
            "Go on with the project as it is now; every node that still fits keeps its weights"
        )
        self.resume_changed.clicked.connect(self._resume_changed)
        self.resume_changed.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE)
        # what is clicked stands above what changes its height, so that no button moves under the mouse
        add(column, self.bar, self.resume, self.resume_changed, self.control)
        add(column, self.state, self.fixes, self._go, self.scores, self.notes, self.tables)
        runner.started.connect(self._started)
        runner.told.connect(self._note)
        runner.told.connect(self._take)
        runner.ended.connect(self._ended)
        runner.failed.connect(self.state.setText)
        document.replaced.connect(self.forget)
        themes.changed.connect(self._dress)
        self._dress()

    def offer(self) -> None:
        """Offer to go on with a run that ended before its time, as it was or with what was changed since."""
        run = self._ended_run if not self._runner.running else None
        self.resume.setVisible(run is not None)
        changed = run is not None and self._runner.differs(run)
        self.resume_changed.setVisible(changed)
        self.resume_changed.setEnabled(not self._document.report.problems)

    def forget(self) -> None:
        """Begin anew with another project."""
        if self._runner.running:
            return
        self._last = self._failed = self._ended_run = None
        for widget in (self.bar, self.resume, self.resume_changed, self._go, self.fixes):
            widget.hide()
        self.state.setText("")
        self.scores.setText("")
        self._tell([])
        self.tables.show_tables({})

    # ------------------------------------------------------------------------------------------------ what is asked

    def _resume(self) -> None:
        if self._last is not None:
            self._runner.resume(self._last)

    def _resume_changed(self) -> None:
        if self._last is not None:
            self._runner.resume(self._last, self._document.spec)

    def _mend(self, fix: Fix) -> None:
        """Mend what ended the run; what cannot be mended twice is offered once."""
        self._document.mend(fix)
        self.fixes.show_problems([])
        go_on = "Resume with the changes, or train anew." if self._ended_run is not None else "Train again."
        self.state.setText(f"Mended. {go_on}")

    def _go_to_node(self) -> None:
        if self._failed is not None and self._failed.node:
            self.node_chosen.emit(self._failed.node, self._failed.param or "")

    def _dress(self) -> None:
        self.resume.setIcon(icon("resume"))
        self.resume_changed.setIcon(icon("resume"))

    # ------------------------------------------------------------------------------------------------- what is told

    def _started(self, run: Run) -> None:
        if run != self._last:
            self._tell([])
        self._last, self._failed, self._ended_run = run, None, None
        for widget in (self.resume, self.resume_changed, self._go, self.fixes):
            widget.hide()
        self.bar.setRange(0, 0)
        self.bar.setFormat("")
        self.bar.show()
        self.scores.setText("")
        self.tables.show_tables({})
        self.state.setText(f"Starting {run.name}…")

    def _tell(self, notes: list[str]) -> None:
        """Show the last of the notes of a run."""
        self._told = notes
        self.notes.setText("\n".join(notes[-NOTES:]))
        self.notes.setVisible(bool(notes))

    def _note(self, event: Event) -> None:
        if fresh := [each for each in sentences(event) if each not in self._told]:
            self._tell([*self._told, *fresh])

    def _take(self, event: Event) -> None:
        match event:
            case Started():
                self._epochs = event.epochs
                self.state.setText(f"Training {event.parameters:,} parameters on {event.device}")
                self.bar.setRange(0, event.epochs * event.steps_per_epoch)
                self.bar.setValue(event.epoch * event.steps_per_epoch + event.step)
            case Progress():
                self.bar.setRange(0, self._epochs * event.steps)
                self.bar.setValue((event.epoch - 1) * event.steps + event.step)
                self.bar.setFormat(f"epoch {event.epoch} of {self._epochs} · %p%")
                self.state.setText(f"{event.samples_per_second:,.0f} samples/s · {duration(event.seconds_left)} left")
                self.scores.setText(words_of(event.train))
            case Measuring():
                self.state.setText(f"Measuring the {event.split} split · batch {event.step:,} of {event.steps:,}")
            case Epoch():
                splits = {"train": event.train, "validation": event.validation}
                lines = [f"{split:<12}{words_of(scores)}" for split, scores in splits.items() if scores]
                self.scores.setText("\n".join(lines))
                self.tables.show_tables(event.tables)
                self.bar.setFormat(f"epoch {event.epoch} of {self._epochs} · %p%")
            case Changed():
                self._epochs = event.epochs
            case Paused():
                self.state.setText("Paused: the run rests and has a checkpoint. The project can be changed meanwhile.")
            case Continued():
                self.state.setText("Going on…")
            case Finished():
                test = f"\ntest        {words_of(event.test)}" if event.test else ""
                self.scores.setText(self.scores.text() + test)
                self.tables.show_tables(event.tables or self.tables.tables())
                self.state.setText(f"Finished in {duration(event.seconds)}; epoch {event.best_epoch} was best.")
                self.bar.setValue(self.bar.maximum())
            case Stopped():
                epochs = f"{event.epoch} whole epoch{'s' * (event.epoch != 1)}"
                self.state.setText(f"Stopped after {epochs}; everything so far is kept.")
            case Failed():
                self._failed = event
                self.state.setText("")
                self._go.setVisible(bool(event.node) and self._runner.is_own)
                fixes = event.fixes if self._runner.is_own else ()
                self.fixes.show_problems([Problem(event.message, event.node, event.param, fixes)])

    def _ended(self, run: Run, state: str) -> None:
        if state == "lost":
            said = log_end(run).strip().splitlines()
            more = f" It said last: {said[-1]}" if said else ""
            self.state.setText(f"The training process ended unexpectedly; its last checkpoint is kept.{more}")
        if self.bar.maximum() == 0:
            self.bar.hide()
        can_go_on = state in ("stopped", "lost", "failed") and self._runner.is_own and bool(run.checkpoint_files())
        self._ended_run = run if can_go_on else None
        self.offer()


class Doing(QLabel):
    """Says which run is at work, wherever the eye is."""

    def __init__(self, runner: Runner) -> None:
        super().__init__()
        self._runner = runner
        self.setProperty("dim", True)
        self.setContentsMargins(0, 0, SPACE + 4, 0)
        runner.started.connect(lambda _run: self._show("Training"))
        runner.told.connect(self._take)
        runner.ended.connect(lambda _run, _state: self.setText(""))

    def _take(self, event: Event) -> None:
        if isinstance(event, Paused | Continued):
            self._show("Paused" if isinstance(event, Paused) else "Training")

    def _show(self, doing: str) -> None:
        self.setText(f"{doing}: {self._runner.run.name}" if self._runner.run is not None else "")


def words_of(scores: Mapping[str, float]) -> str:
    """Scores on one line: "loss 0.1234  accuracy 0.9876"."""
    return "  ".join(f"{name} {value:.4g}" for name, value in scores.items())


def duration(seconds: float) -> str:
    """Seconds as "1:05" or "2:03:04"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
