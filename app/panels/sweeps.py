"""The sweeps panel: what is varied and how, the trials of a sweep, and its plots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSplitter, QTabWidget, QVBoxLayout, QWidget

from app.document import Document
from app.fields import Form
from app.fields.editors import CalmComboBox
from app.icons import icon
from app.panels.sections import Elided, Words, dim, heading, scrolled
from app.panels.space_box import SpaceBox
from app.panels.trial_table import TrialTable
from app.sweeper import Sweeper
from app.theme import SPACE, theme, themes
from engine import edit
from engine.ops.sweep import Sweep
from engine.problem import Mistake
from engine.spec import Spec
from engine.sweep.folder import SweepFolder, Trial, Trials, sweeps_in
from engine.sweep.plan import applied, planned, read_plan, sweep_settings
from engine.train.folder import Run

if TYPE_CHECKING:
    from app.panels.sweep_plots import SweepPlots

TABS = ("Trials", "History", "Parallel", "Importance", "Slices")  # as app.panels.sweep_plots names its kinds
WIDTHS = [320, 960]
LEAST_WIDTH = 312  # of the settings, whose fields would be cut off


class SweepPanel(QWidget):
    """Edits the sweep of the project, starts it, and shows one of its sweeps."""

    refused = Signal(str)
    run_chosen = Signal(Run)  # a trial whose curves are to be shown
    importance_wanted = Signal(str)  # of the sweep whose journal is at this path

    def __init__(self, document: Document, sweeper: Sweeper) -> None:
        super().__init__()
        self._document, self._sweeper = document, sweeper
        self._plots: SweepPlots | None = None
        self._trials: Trials | None = None
        self.space = SpaceBox(document)
        self._form = Form(Sweep, {}, folder=document.folder)
        self._form.changed.connect(lambda name, value, _final: self._set(name, value))
        self._form.reset.connect(lambda name: self._set(name, Sweep.defaults()[name]))
        self._problem = Words()
        self._problem.setProperty("error", True)
        self.start = QPushButton("Start sweep")
        self.start.setProperty("primary", True)
        self.start.clicked.connect(self._start_or_stop)
        self.sweeps = CalmComboBox()
        self.sweeps.setToolTip("The sweeps of this project, the newest first")
        self.sweeps.activated.connect(self._choose)
        self.state = Elided()
        self.table = TrialTable()
        self.table.trial_chosen.connect(lambda _trial: self._judge())
        self.why = Words()
        self._resume, self._use, self._curves = (
            QPushButton(text) for text in ("Resume", "Use these values", "Show its curves")
        )
        self._empty = dim(
            "A sweep trains the project many times, with values that differ, and shows which do best. "
            "Choose on the left what is to vary, and start it."
        )
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.setAutoFillBackground(True)
        self.setMinimumWidth(SPACE * 20)  # a narrow window may cut it off, but is not kept from being narrow
        self._build()
        self._connect()
        self._show_spec(document.spec)
        self._list()
        self._dress()

    def _build(self) -> None:
        left = QVBoxLayout()
        for widget in (heading("What varies"), self.space, heading("How"), self._form):
            left.addWidget(widget)
        left.addStretch(1)
        side = QWidget()
        side.setMinimumWidth(LEAST_WIDTH)
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, SPACE)
        column.addWidget(scrolled(left), 1)
        foot = QVBoxLayout()
        foot.setContentsMargins(SPACE + 4, 0, SPACE + 4, 0)
        foot.addWidget(self._problem)
        foot.addWidget(self.start)
        column.addLayout(foot)
        self._resume.clicked.connect(self._go_on)
        self._use.clicked.connect(self._use_values)
        self._curves.clicked.connect(self._show_curves)
        row = QHBoxLayout()
        row.addWidget(self.sweeps)
        row.addStretch(1)
        for button in (self._resume, self._use, self._curves):
            row.addWidget(button)
        self.sweeps.setFixedWidth(SPACE * 20)
        for name in TABS:
            self.tabs.addTab(self.table if name == "Trials" else _holder(), name)
        self._right = QWidget()
        body = QVBoxLayout(self._right)
        body.setContentsMargins(SPACE, SPACE, SPACE, SPACE)
        body.addLayout(row)
        body.addWidget(self.state)
        body.addWidget(self.why)
        body.addWidget(self.tabs, 1)
        body.addWidget(self._empty, 1)
        splitter = QSplitter()
        splitter.addWidget(side)
        splitter.addWidget(self._right)
        splitter.setSizes(WIDTHS)
        splitter.setStretchFactor(1, 1)
        splitter.setChildrenCollapsible(False)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(splitter)

    def _connect(self) -> None:
        self._document.changed.connect(self._show_spec)
        self._document.replaced.connect(self._forget)
        self._document.path_changed.connect(self._list)
        self._sweeper.changed.connect(self._show_sweep)
        self._sweeper.ended.connect(self._end)
        self._sweeper.failed.connect(self._tell_failure)
        self.tabs.currentChanged.connect(self._open_tab)
        themes.changed.connect(self._dress)

    def _dress(self) -> None:
        running = self._sweeper.running
        self.start.setText("Stop sweep" if running else "Start sweep")
        self.start.setIcon(icon("stop" if running else "train", theme().accent_text))
        for button, name in ((self._resume, "resume"), (self._use, "fix"), (self._curves, "curves")):
            button.setIcon(icon(name))
        self.space.dress()

    # ------------------------------------------------------------------------------------------------- the project

    def vary(self, path: str) -> None:
        """Vary a setting of the project."""
        self.space.add(path)

    def _set(self, name: str, value: Any) -> None:
        path = f"sweep.{name}"
        self._document.edit(f"Set {name} of the sweep", lambda spec: edit.set_setting(spec, path, value), merge=path)

    def _show_spec(self, spec: Spec) -> None:
        self.space.show_spec(spec)
        self._form.set_values(sweep_settings(spec))
        self._judge()

    def why_not(self) -> str:
        """Why no sweep can be started now; "" where one can."""
        try:
            planned(self._document.spec)
        except Mistake as mistake:
            return mistake.message
        problems = self._document.report.problems
        return f"Mend the project first: {problems[0]}" if problems else ""

    def _start_or_stop(self) -> None:
        if self._sweeper.running:
            self.start.setEnabled(False)
            self.state.setText("Stopping…")
            self._sweeper.stop()
            return
        why = self.why_not()
        self._problem.setText(why)
        if not why:
            self._sweeper.start()
            self._list()

    # --------------------------------------------------------------------------------------------------- the sweep

    def _forget(self) -> None:
        self._sweeper.show_newest()
        self._list()

    def _list(self) -> None:
        """List the sweeps of the project, and look at the newest where none is looked at."""
        found = sweeps_in(self._sweeper.sweeps_folder)
        if self._sweeper.folder not in found:
            self._sweeper.show(found[0] if found else None)
        self.sweeps.clear()
        for each in found:
            self.sweeps.addItem(each.name, each.path)
        if self._sweeper.folder in found:
            self.sweeps.setCurrentIndex(found.index(self._sweeper.folder))
        self._show_sweep()

    def _end(self, _why: str) -> None:
        self._list()

    def _choose(self, place: int) -> None:
        self._sweeper.show(SweepFolder(self.sweeps.itemData(place)))

    def _show_sweep(self) -> None:
        folder = self._sweeper.folder
        try:
            self._trials = folder.trials() if folder is not None else None
        except Mistake as mistake:
            self._trials = None
            self.refused.emit(mistake.message)
        self.table.show_trials(self._trials)
        if self._plots is not None:
            self._plots.show_trials(self._trials)
        self.state.setText(self._words())
        self.state.setToolTip(self.state.text())
        for widget in (self.tabs, self.sweeps, self.state, self._resume, self._use, self._curves):
            widget.setVisible(folder is not None)
        self._empty.setVisible(folder is None)
        self.start.setEnabled(True)
        self._dress()
        self._judge()

    def _words(self) -> str:
        """How the sweep stands, in a line."""
        trials = self._trials
        if trials is None:
            return "Starting…" if self._sweeper.running else ""
        best = trials.best()
        parts = [f"{trials.over()} of {trials.wanted} trials"]
        if best is not None:
            parts.append(f"best {trials.metric} {best.score:.4g} (trial {best.number})")
        if not self._sweeper.running and not trials.done:
            parts.append(trials.why.rstrip(".").lower() or "cut off")
        return " · ".join(parts)

    def _tell_failure(self, why: str) -> None:
        self._problem.setText(why)
        self._show_sweep()

    def _judge(self) -> None:
        trial, folder = self.table.chosen(), self._sweeper.folder
        problems = read_plan(self._document.spec)[1]
        self.space.show_problems(problems)
        running, trials = self._sweeper.running, self._trials
        self._resume.setEnabled(folder is not None and not running and not (trials is not None and trials.done))
        self._use.setEnabled(trial is not None and bool(trial.values))
        self._curves.setEnabled(trial is not None and bool(trial.scores))
        self.why.setText(trial.why if trial is not None else "")

    def _go_on(self) -> None:
        if self._sweeper.folder is not None:
            self._sweeper.resume(self._sweeper.folder)

    def _use_values(self) -> None:
        trial = self.table.chosen()
        if trial is not None:
            text = f"Use the values of trial {trial.number}"
            self._document.edit(text, lambda spec: applied(spec, trial.values))

    def _show_curves(self) -> None:
        trial, folder = self.table.chosen(), self._sweeper.folder
        if isinstance(trial, Trial) and folder is not None:
            self.run_chosen.emit(Run(folder.path / trial.run))

    # --------------------------------------------------------------------------------------------------- the plots

    @property
    def plots(self) -> SweepPlots:
        """The plots, made when they are first wanted: plotting takes a while to load."""
        if self._plots is None:
            from app.panels.sweep_plots import SweepPlots  # loads numpy and pyqtgraph

            self._plots = SweepPlots()
            self._plots.brushed.connect(self.table.brush)
            self._plots.importance_wanted.connect(self._ask_importance)
            self._plots.show_trials(self._trials)
        return self._plots

    def _open_tab(self, place: int) -> None:
        if TABS[place] == "Trials":
            return
        holder = self.tabs.widget(place)
        assert holder is not None
        layout = holder.layout()
        assert layout is not None
        layout.addWidget(self.plots)
        self.plots.show_kind(TABS[place])

    def _ask_importance(self) -> None:
        if self._sweeper.folder is not None:
            self.importance_wanted.emit(str(self._sweeper.folder.journal))

    def show_importance(self, answer: Mapping[str, Any]) -> None:
        """Show what the helper says of what matters."""
        self.plots.show_importance(answer.get("importance") or str(answer.get("error", "")))


def _holder() -> QWidget:
    """An empty page, which the plots move to when it is opened."""
    holder = QWidget()
    QVBoxLayout(holder).setContentsMargins(0, 0, 0, 0)
    return holder
