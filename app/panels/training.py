"""The training panel: settings, the Train button, and how the run is coming along."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from app.document import Document
from app.fields import Form
from app.fields.editors import CalmComboBox
from app.icons import icon
from app.panels.sections import clear, dim, heading, scrolled, settle
from app.runner import Runner, log_end
from app.theme import mono, theme, themes
from engine import edit
from engine.events import Epoch, Event, Failed, Finished, Progress, Started, Stopped
from engine.ops.optimizer import Optimizer
from engine.ops.settings import Training
from engine.spec import Spec
from engine.train.folder import Run
from engine.validate import terminals

TRAIN_WIDTH = 120


class TrainingPanel(QWidget):
    """Edits the training settings and shows the run; its Train button stands where the window puts it."""

    node_chosen = Signal(str, str)

    def __init__(self, document: Document, runner: Runner) -> None:
        super().__init__()
        self._document, self._runner = document, runner
        self._kind: str | None = ""
        self._epochs = 0
        self._last: Run | None = None
        self._failed: Failed | None = None
        self.train = QPushButton("Train")
        self.train.setProperty("primary", True)
        self.train.setMinimumWidth(TRAIN_WIDTH)
        self.train.clicked.connect(self._train_or_stop)
        self.resume = QPushButton("Resume")
        self.resume.setToolTip("Go on where the last run was stopped")
        self.resume.clicked.connect(self._resume)
        self.resume.hide()
        self.why = dim()
        self.state = QLabel()
        self.state.setWordWrap(True)
        self.bar = QProgressBar()
        self.bar.setTextVisible(True)
        self.bar.hide()
        self.scores = QLabel()
        self.scores.setFont(mono())
        self.scores.setWordWrap(True)
        self._go = QPushButton("Go to the node")
        self._go.clicked.connect(self._go_to_node)
        self._go.hide()
        self._optimizers = CalmComboBox()
        self._optimizers.addItems(list(Optimizer.registry))
        self._optimizers.activated.connect(self._choose)
        self._optimizer_form = QVBoxLayout()
        self._optimizer: Form | None = None
        self._settings = Form(Training, {}, folder=document.folder)
        self._settings.changed.connect(lambda name, value, _final: self._set(f"training.{name}", value))
        self._settings.reset.connect(lambda name: self._set(f"training.{name}", Training.defaults()[name]))
        self._device = dim()
        self._lay_out()
        document.changed.connect(self._show)
        document.report_changed.connect(lambda _report: self._judge())
        document.replaced.connect(self._forget)
        runner.started.connect(self._started)
        runner.event.connect(self._take)
        runner.ended.connect(self._ended)
        runner.failed.connect(self.state.setText)
        themes.changed.connect(self._dress)
        self._show(document.spec)
        self._dress()

    def _lay_out(self) -> None:
        column = QVBoxLayout()
        for widget in (self.why, self.bar, self.state, self.scores, self._go, self.resume):
            column.addWidget(widget)
        for widget in (heading("Optimizer"), self._optimizers):
            column.addWidget(widget)
        holder = QWidget()
        self._optimizer_form.setContentsMargins(0, 0, 0, 0)
        holder.setLayout(self._optimizer_form)
        for widget in (holder, heading("Run"), self._settings, self._device):
            column.addWidget(widget)
        column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolled(column))

    # -------------------------------------------------------------------------------------------------- settings

    def _show(self, spec: Spec) -> None:
        main = _main(spec)
        kind = main.get("op", "Adam")
        if kind != self._kind:
            self._kind = kind
            self._optimizers.setCurrentText(str(kind))
            self._build_optimizer(Optimizer.registry.get(str(kind)))
        params = main.get("params")
        if self._optimizer is not None:
            self._optimizer.set_values(params if isinstance(params, Mapping) else {})
        self._settings.set_values({name: value for name, value in spec.training.items() if name != "optimizers"})
        self._judge()

    def _build_optimizer(self, declared: type[Optimizer] | None) -> None:
        clear(self._optimizer_form)
        self._optimizer = None
        if declared is None:
            return
        self._optimizer = Form(declared, {}, folder=self._document.folder)
        self._optimizer.changed.connect(lambda name, value, _final: self._set_optimizer(name, value))
        self._optimizer.reset.connect(lambda name: self._set_optimizer(name, declared.defaults()[name]))
        self._optimizer_form.addWidget(dim(declared.doc()))
        self._optimizer_form.addWidget(self._optimizer)
        settle(self._optimizer_form)

    def _choose(self, place: int) -> None:
        op = self._optimizers.itemText(place)
        self._document.edit(f"Choose {op}", lambda spec: edit.set_optimizer(spec, op))

    def _set(self, path: str, value: Any) -> None:
        name = path.rpartition(".")[2]
        self._document.edit(f"Set {name}", lambda spec: edit.set_setting(spec, path, value), merge=path)

    def _set_optimizer(self, name: str, value: Any) -> None:
        path = f"training.optimizers.0.params.{name}"

        def change(spec: Spec) -> Spec:
            whole = spec if spec.training.get("optimizers") else edit.set_optimizer(spec, str(self._kind))
            return edit.set_setting(whole, path, value)

        self._document.edit(f"Set {name}", change, merge=path)

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

    def _judge(self) -> None:
        if self._runner.running:
            return
        why = self.why_not()
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

    def _go_to_node(self) -> None:
        if self._failed is not None and self._failed.node:
            self.node_chosen.emit(self._failed.node, self._failed.param or "")

    def _dress(self) -> None:
        running = self._runner.running
        self.train.setText("Stop" if running else "Train")
        self.train.setIcon(icon("stop" if running else "train", theme().accent_text))
        self.resume.setIcon(icon("resume"))

    # --------------------------------------------------------------------------------------------------- the run

    def _forget(self) -> None:
        """Begin anew with another project."""
        if self._runner.running:
            return
        self._last = self._failed = None
        for widget in (self.bar, self.resume, self._go):
            widget.hide()
        self.state.clear()
        self.scores.clear()

    def _started(self, run: Run) -> None:
        self._last, self._failed = run, None
        self.train.setEnabled(True)
        for widget in (self.why, self.resume, self._go):
            widget.hide()
        self.bar.setRange(0, 0)
        self.bar.setFormat("")
        self.bar.show()
        self.scores.clear()
        self.state.setText(f"Starting {run.name}…")
        self._dress()

    def _take(self, event: Event) -> None:
        match event:
            case Started():
                self._epochs = event.epochs
                self.state.setText(f"Training {event.parameters:,} parameters on {event.device}")
                self.bar.setRange(0, event.epochs * event.steps_per_epoch)
                self.bar.setValue(event.epoch * event.steps_per_epoch)
            case Progress():
                self.bar.setRange(0, self._epochs * event.steps)
                self.bar.setValue((event.epoch - 1) * event.steps + event.step)
                self.bar.setFormat(f"epoch {event.epoch} of {self._epochs} · %p%")
                self.state.setText(f"{event.samples_per_second:,.0f} samples/s · {duration(event.seconds_left)} left")
                self.scores.setText(words_of(event.train))
            case Epoch():
                lines = [f"train       {words_of(event.train)}"]
                if event.validation:
                    lines.append(f"validation  {words_of(event.validation)}")
                self.scores.setText("\n".join(lines))
                self.bar.setFormat(f"epoch {event.epoch} of {self._epochs} · %p%")
            case Finished():
                test = f"\ntest        {words_of(event.test)}" if event.test else ""
                self.scores.setText(self.scores.text() + test)
                self.state.setText(f"Finished in {duration(event.seconds)}; epoch {event.best_epoch} was best.")
                self.bar.setValue(self.bar.maximum())
            case Stopped():
                self.state.setText(f"Stopped after {event.epoch} whole epochs; everything so far is kept.")
            case Failed():
                self._failed = event
                self.state.setText(event.message)
                self._go.setVisible(bool(event.node))

    def _ended(self, run: Run, state: str) -> None:
        if state == "lost":
            said = log_end(run).strip().splitlines()
            more = f" It said last: {said[-1]}" if said else ""
            self.state.setText(f"The training process ended unexpectedly; its last checkpoint is kept.{more}")
        if self.bar.maximum() == 0:
            self.bar.hide()
        self.resume.setVisible(state in ("stopped", "lost", "failed") and any(run.checkpoints.glob("*.json")))
        self._dress()
        self._judge()
        self.train.setEnabled(not self.why_not())


def _main(spec: Spec) -> Mapping[str, Any]:
    """The main optimizer of a spec."""
    listed = spec.training.get("optimizers")
    first = listed[0] if isinstance(listed, list) and listed else {}
    return first if isinstance(first, Mapping) else {}


def words_of(scores: Mapping[str, float]) -> str:
    """Scores on one line: "loss 0.1234  accuracy 0.9876"."""
    return "  ".join(f"{name} {value:.4g}" for name, value in scores.items())


def duration(seconds: float) -> str:
    """Seconds as "1:05" or "2:03:04"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
