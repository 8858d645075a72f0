"""The training panel: settings, the Train button, and how the run is coming along."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QProgressBar, QPushButton, QToolButton, QVBoxLayout, QWidget

from app.document import Document
from app.fields import Form
from app.fields.chooser import Chooser
from app.icons import icon
from app.panels.control_box import ControlBox
from app.panels.finders import BatchFinder, RateFinder
from app.panels.optimizer_box import OptimizerBox
from app.panels.sections import ProblemBox, Words, add, dim, heading, scrolled
from app.panels.table_box import TableBox
from app.runner import Runner, log_end
from app.theme import mono, theme, themes
from engine import edit
from engine.declare import Declared
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
)
from engine.ops.initializer import Initializer
from engine.ops.settings import Batching, Training
from engine.problem import Fix, Mistake, Problem
from engine.spec import Spec
from engine.start_from import start_from
from engine.train.folder import Run
from engine.training import LOSS
from engine.validate import run_settings, terminals

TRAIN_WIDTH = 120
BATCH_SIZE = "batch_size"
WEIGHTS_FILTER = "Weights (*.safetensors);;All files (*)"


class TrainingPanel(QWidget):
    """Edits the training settings and shows the run; its Train button stands where the window puts it."""

    node_chosen = Signal(str, str)

    def __init__(self, document: Document, runner: Runner) -> None:
        super().__init__()
        self._document, self._runner = document, runner
        self._epochs = 0
        self._last: Run | None = None
        self._failed: Failed | None = None
        self._ended_run: Run | None = None  # one that can go on
        self.train = QPushButton("Train")
        self.train.setProperty("primary", True)
        self.train.setMinimumWidth(TRAIN_WIDTH)
        self.train.clicked.connect(self._train_or_stop)
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
        self.control = ControlBox(document, runner)
        self.fixes = ProblemBox(self._mend)
        self.why = dim()
        self.state = Words()
        self.bar = QProgressBar()
        self.bar.setTextVisible(True)
        self.bar.hide()
        self.scores = Words()
        self.scores.setFont(mono())
        self.tables = TableBox()
        self._go = QPushButton("Go to the node")
        self._go.clicked.connect(self._go_to_node)
        self._go.hide()
        self.optimizers = OptimizerBox(document)
        self._init = Chooser(Initializer.registry, folder=document.folder, none="As PyTorch draws them")
        self._init.chosen.connect(self._choose_init)
        self._init.edited.connect(lambda name, value: self._set(f"training.init.params.{name}", value))
        self._init.reset.connect(self._reset_init)
        self.start_from = QPushButton("Start from a run or file…")
        self.start_from.setToolTip("Let every node that fits begin with the weights of another run, by its id")
        self.start_from.clicked.connect(self._choose_start)
        self.begun = Words()
        self._batch = self._form(Batching, "data.batching", [BATCH_SIZE])
        params = Training.params().values()
        self._basics = self._form(Training, "training", [each.name for each in params if not each.advanced])
        self._more = self._form(Training, "training", [each.name for each in params if each.advanced])
        self._offer_searches()
        self._device = dim()
        self._lay_out()
        document.changed.connect(self._show)
        document.report_changed.connect(lambda _report: self._judge())
        document.replaced.connect(self._forget)
        runner.started.connect(self._started)
        runner.told.connect(self._take)
        runner.ended.connect(self._ended)
        runner.failed.connect(self.state.setText)
        themes.changed.connect(self._dress)
        self._show(document.spec)
        self._dress()

    def _form(self, declared: type[Declared], path: str, names: list[str]) -> Form:
        """A form of some settings of the spec."""
        without = tuple(name for name in declared.params() if name not in names)
        form = Form(declared, {}, folder=self._document.folder, columns=self._scores, without=without)
        form.changed.connect(lambda name, value, _final: self._set(f"{path}.{name}", value))
        form.reset.connect(lambda name: self._set(f"{path}.{name}", declared.defaults()[name]))
        return form

    def _scores(self) -> list[str]:
        """What the project names to be measured."""
        losses, metrics, _outputs = terminals(self._document.spec)
        return [LOSS, *(losses if len(losses) > 1 else []), *metrics]

    def _offer_searches(self) -> None:
        """Let the batch size and the learning rate be found."""
        button = QToolButton()
        button.setText("Find…")
        button.setToolTip("Try batches of many sizes: which fit into memory, and how fast they are")
        button.clicked.connect(lambda: BatchFinder(self._document, self).begin())
        self._batch.fields[BATCH_SIZE].put_beside(button)
        self.optimizers.search_wanted.connect(lambda: RateFinder(self._document, self.optimizers, self).begin())

    def _lay_out(self) -> None:
        column = QVBoxLayout()
        add(column, self.why, self.bar, self.state, self.scores, self.tables)
        add(column, self._go, self.fixes, self.resume, self.resume_changed, self.control)
        add(column, heading("Run"), self._batch, self._basics, self._device, self._more)
        add(column, heading("Optimizer"), self.optimizers)
        add(column, heading("First weights"), self._init, self.start_from, self.begun)
        column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolled(column))

    # -------------------------------------------------------------------------------------------------- settings

    def _show(self, spec: Spec) -> None:
        self.optimizers.refresh()
        self._init.show_value(spec.training.get("init"))
        batching = spec.data.get("batching", {})
        self._batch.set_values(batching if isinstance(batching, Mapping) else {})
        for form in (self._basics, self._more):
            form.set_values(run_settings(spec))
        self._judge()

    def _choose_init(self, op: str | None) -> None:
        text = f"Begin with {op}" if op else "Begin as PyTorch does"
        self._document.edit(text, lambda spec: edit.set_default_init(spec, op))

    def _reset_init(self, name: str) -> None:
        value = self._document.spec.training.get("init")
        declared = Initializer.registry.get(str(value.get("op"))) if isinstance(value, Mapping) else None
        if declared is not None:
            self._set(f"training.init.params.{name}", declared.defaults()[name])

    def _choose_start(self) -> None:
        folder = str(self._document.runs_folder)
        name, _ = QFileDialog.getOpenFileName(self, "Start from the weights of a run or a file", folder, WEIGHTS_FILTER)
        if name:
            self.start_with(Path(name))

    def start_with(self, path: Path) -> None:
        """Let every node that fits begin with the weights of a file."""
        try:
            found = start_from(self._document.spec, path, self._document.report.nodes)
        except Mistake as mistake:
            self.begun.setText(mistake.message)
            return
        self._document.edit("Start from a file", lambda _spec: found.spec)
        self.begun.setText(found.words())

    def _set(self, path: str, value: Any) -> None:
        name = path.rpartition(".")[2]
        self._document.edit(f"Set {name}", lambda spec: edit.set_setting(spec, path, value), merge=path)

    def set_devices(self, devices: list[dict[str, str]]) -> None:
        """Say what `auto` means on this machine."""
        words = [f"{each['name']}: {each['description']}" for each in devices]
        best = devices[-1]["name"] if devices else "cpu"
        self._device.setText(f"auto uses {best} here.\n" + "\n".join(words))

    # ------------------------------------------------------------------------------------------------- the button

    def why_not(self) -> str:
        """Why the project cannot be trained now; empty where it can."""
        spec, problems = self._document.spec, self._document.report.problems
        losses, _metrics, _outputs = terminals(spec)
        if not spec.nodes:
            return "Nothing to train yet: add an Input, some layers and a loss."
        if not spec.data.get("source"):
            return "Choose where the samples come from in the Data panel."
        if not losses:
            return "Add a loss, such as CrossEntropyLoss, and wire the prediction and its target to it."
        if problems:
            count = len(problems)
            return f"Mend {'the problem' if count == 1 else f'the {count} problems'} first: {problems[0]}"
        return ""

    def _offer(self) -> None:
        """Offer to go on with a run that ended before its time, as it was or with what was changed since."""
        run = self._ended_run if not self._runner.running else None
        self.resume.setVisible(run is not None)
        changed = run is not None and self._runner.differs(run)
        self.resume_changed.setVisible(changed)
        self.resume_changed.setEnabled(not self._document.report.problems)

    def _judge(self) -> None:
        if self._runner.running:
            return
        self._offer()
        why = self.why_not()
        told = {each.param: each.message for each in self._document.report.problems if each.param and not each.node}
        self.optimizers.show_problems(told)
        for form in (self._basics, self._more):
            form.set_problems({name.removeprefix("training."): words for name, words in told.items()})
        self.why.setText(why)
        self.why.setVisible(bool(why))
        self.train.setEnabled(not why)

    def _train_or_stop(self) -> None:
        if self._runner.running:
            self.train.setEnabled(False)
            self.state.setText("Stopping: a checkpoint is being written…")
            self._runner.stop()
        else:
            self._runner.start()

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
        self.state.setText("Mended. Resume with the changes, or train anew.")

    def _go_to_node(self) -> None:
        if self._failed is not None and self._failed.node:
            self.node_chosen.emit(self._failed.node, self._failed.param or "")

    def _dress(self) -> None:
        running = self._runner.running
        self.train.setText("Stop" if running else "Train")
        self.train.setIcon(icon("stop" if running else "train", theme().accent_text))
        self.resume.setIcon(icon("resume"))
        self.resume_changed.setIcon(icon("resume"))

    # --------------------------------------------------------------------------------------------------- the run

    def _forget(self) -> None:
        """Begin anew with another project."""
        if self._runner.running:
            return
        self._last = self._failed = self._ended_run = None
        for widget in (self.bar, self.resume, self.resume_changed, self._go, self.fixes):
            widget.hide()
        self.state.setText("")
        self.scores.setText("")
        self.begun.setText("")
        self.tables.show_tables({})

    def _started(self, run: Run) -> None:
        self._last, self._failed, self._ended_run = run, None, None
        self.train.setEnabled(True)
        for widget in (self.why, self.resume, self.resume_changed, self._go, self.fixes):
            widget.hide()
        self.bar.setRange(0, 0)
        self.bar.setFormat("")
        self.bar.show()
        self.scores.setText("")
        self.tables.show_tables({})
        self.state.setText(f"Starting {run.name}…")
        self._dress()

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
                lines = [f"train       {words_of(event.train)}"]
                if event.validation:
                    lines.append(f"validation  {words_of(event.validation)}")
                self.scores.setText("\n".join(lines))
                self.tables.show_tables(event.tables)
                self.bar.setFormat(f"epoch {event.epoch} of {self._epochs} · %p%")
            case Changed():
                self._epochs = event.epochs
                self.state.setText(event.message)
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
                self.state.setText(event.message)
                self._go.setVisible(bool(event.node))
                mended = Problem("", event.node, event.param, event.fixes)
                self.fixes.show_problems([mended] if event.fixes else [])

    def _ended(self, run: Run, state: str) -> None:
        if state == "lost":
            said = log_end(run).strip().splitlines()
            more = f" It said last: {said[-1]}" if said else ""
            self.state.setText(f"The training process ended unexpectedly; its last checkpoint is kept.{more}")
        if self.bar.maximum() == 0:
            self.bar.hide()
        self._ended_run = run if state in ("stopped", "lost", "failed") and run.checkpoint_files() else None
        self._offer()
        self._dress()
        self._judge()
        self.train.setEnabled(not self.why_not())


def words_of(scores: Mapping[str, float]) -> str:
    """Scores on one line: "loss 0.1234  accuracy 0.9876"."""
    return "  ".join(f"{name} {value:.4g}" for name, value in scores.items())


def duration(seconds: float) -> str:
    """Seconds as "1:05" or "2:03:04"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
