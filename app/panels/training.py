"""The training panel: settings, the Train button, and how the run is coming along."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QPushButton, QToolButton, QVBoxLayout, QWidget

from app.document import Document
from app.fields import Form
from app.fields.chooser import Chooser
from app.icons import icon
from app.panels.finders import BatchFinder, RateFinder
from app.panels.optimizer_box import OptimizerBox
from app.panels.run_box import RunBox
from app.panels.sections import Words, add, dim, heading, scrolled
from app.runner import Runner
from app.theme import theme, themes
from engine import edit
from engine.declare import Declared
from engine.ops.initializer import Initializer
from engine.ops.settings import Batching, Training
from engine.problem import Mistake
from engine.program import LOSS
from engine.spec import Spec
from engine.start_from import start_from
from engine.train.folder import Run
from engine.validate import run_settings, terminals

TRAIN_WIDTH = 120
BATCH_SIZE = "batch_size"
WEIGHTS_FILTER = "Weights (*.safetensors);;All files (*)"


class TrainingPanel(QWidget):
    """Edits the training settings and shows the run; its Train button stands where the window puts it."""

    node_chosen = Signal(str, str)
    vary_wanted = Signal(str)  # the path of a setting that a sweep is to vary

    def __init__(self, document: Document, runner: Runner) -> None:
        super().__init__()
        self._document, self._runner = document, runner
        self.train = QPushButton("Train")
        self.train.setProperty("primary", True)
        self.train.setMinimumWidth(TRAIN_WIDTH)
        self.train.clicked.connect(self._train_or_stop)
        self.run = RunBox(document, runner)
        self.run.node_chosen.connect(self.node_chosen)
        self.why = dim()
        self.optimizers = OptimizerBox(document)
        self.optimizers.vary_wanted.connect(self.vary_wanted)
        self._init = Chooser(Initializer.registry, folder=document.folder, none="As PyTorch draws them")
        self._init.chosen.connect(self._choose_init)
        self._init.edited.connect(lambda name, value: self._set(f"training.init.params.{name}", value))
        self._init.reset.connect(self._reset_init)
        self._init.varied.connect(lambda below: self.vary_wanted.emit(f"training.init.{below}"))
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
        runner.ended.connect(self._ended)
        themes.changed.connect(self._dress)
        self._show(document.spec)
        self._dress()

    def _form(self, declared: type[Declared], path: str, names: list[str]) -> Form:
        """A form of some settings of the spec."""
        without = tuple(name for name in declared.params() if name not in names)
        form = Form(declared, {}, folder=self._document.folder, columns=self._scores, without=without, can_vary=True)
        form.varied.connect(lambda name: self.vary_wanted.emit(f"{path}.{name}"))
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
        add(column, self.why, self.run)
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

    def _judge(self) -> None:
        if self._runner.running:
            return
        self.run.offer()
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
            self.run.state.setText("Stopping: a checkpoint is being written…")
            self._runner.stop()
        else:
            self._runner.start()

    def _dress(self) -> None:
        running = self._runner.running
        self.train.setText("Stop" if running else "Train")
        self.train.setIcon(icon("stop" if running else "train", theme().accent_text))

    # --------------------------------------------------------------------------------------------------- the run

    def _forget(self) -> None:
        """Begin anew with another project."""
        self.begun.setText("")

    def _started(self, _run: Run) -> None:
        self.train.setEnabled(True)
        self.why.hide()
        self._dress()

    def _ended(self, _run: Run, _state: str) -> None:
        self._dress()
        self._judge()
