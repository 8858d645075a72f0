"""The page of the data: its way to the model, its columns with their steps, and its samples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from app.data_helper import DataHelper, of_data
from app.document import Document
from app.icons import icon
from app.panels.data_column_box import ColumnBox
from app.panels.data_columns import ColumnList
from app.panels.data_flow import Flow
from app.panels.data_samples import SampleBrowser
from app.panels.sections import ProblemBox, dim
from app.theme import SPACE, themes
from engine.columns import DataReport
from engine.events import Event, Progress, Started
from engine.ops.source import Source
from engine.spec import Spec

TABS = ("Columns", "Samples")
WIDTHS = [320, 560]
LEAST = QSize(320, 240)
BUSY_WIDTH, BUSY_HEIGHT = 96, 4
TOPIC = "distributions"
COLUMNS = "data.columns."  # how paths of what is said of columns begin
EMPTY = (
    "No data yet. Open a file, a folder or hub:owner/name in the Data panel; columns, steps and samples then show here."
)

READING = "The columns, their steps and the samples show here once the data is read."


class DataPage(QWidget):
    """Takes the place of the canvas while data is looked at."""

    left = Signal()  # the user wants the graph back
    source_wanted = Signal()
    stage_chosen = Signal(str)

    def __init__(self, document: Document, helper: DataHelper) -> None:
        super().__init__()
        self._document, self._helper = document, helper
        self._report: DataReport | None = None
        self._samples_of: Any = None  # what the samples that are shown depend on
        self._counted_of: Any = None  # the same for the distributions
        self._distributions: Mapping[str, Any] = {}
        self.flow = Flow()
        self.columns, self.column_box = ColumnList(), ColumnBox(document, helper)
        self.samples = SampleBrowser(helper)
        self._problems = ProblemBox(document.mend)
        self._back = QPushButton(icon("back"), "Graph")
        self._back.setToolTip("Back to the graph (Esc)")
        self._name, self._busy, self._reading = QLabel(), QProgressBar(), dim("Reading the data…")
        self._name.setProperty("heading", True)
        self._busy.setRange(0, 0)
        self._busy.setFixedSize(BUSY_WIDTH, BUSY_HEIGHT)
        self._busy.setTextVisible(False)
        self.tabs = QTabBar()
        self.body, self._pages = QStackedWidget(), QStackedWidget()
        self._empty = self._empty_state()
        self._lay_out()
        self._connect()
        self.setAutoFillBackground(True)
        self.show_reading(False)
        self._show_data(document.data_report)

    def _empty_state(self) -> QWidget:
        holder, self._words = QWidget(), dim(EMPTY)
        self._words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._open = QPushButton(icon("open"), "Choose the data")
        column = QVBoxLayout(holder)
        column.addStretch(1)
        column.addWidget(self._words)
        column.addWidget(self._open, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(2)
        return holder

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(SPACE)
        head.addWidget(self._back)
        head.addWidget(self._name, 1)
        head.addWidget(self._reading)
        head.addWidget(self._busy)
        self._reading.setWordWrap(False)
        self.tabs.setDocumentMode(True)
        self.tabs.setExpanding(False)
        self.tabs.setDrawBase(False)
        for name in TABS:
            self.tabs.addTab(name)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(self.columns)
        split.addWidget(self.column_box)
        split.setSizes(WIDTHS)
        split.setStretchFactor(1, 1)
        split.setChildrenCollapsible(False)
        self._pages.addWidget(split)
        self._pages.addWidget(self.samples)
        whole = QWidget()
        inner = QVBoxLayout(whole)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(SPACE)
        inner.addWidget(self._problems)
        inner.addWidget(self.tabs)
        inner.addWidget(self._pages, 1)
        self.body.addWidget(self._empty)
        self.body.addWidget(whole)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE + 4, SPACE, SPACE + 4, SPACE)
        column.setSpacing(SPACE)
        column.addLayout(head)
        column.addWidget(self.flow)
        column.addWidget(self.body, 1)

    def _connect(self) -> None:
        self._back.clicked.connect(self.left)
        self._open.clicked.connect(self.source_wanted)
        self.tabs.currentChanged.connect(self._turn)
        self.columns.column_chosen.connect(self._choose_column)
        self.flow.chosen.connect(self._go_to_stage)
        self._document.changed.connect(lambda spec: self.flow.show_settings(spec, self._report))
        self._document.data_changed.connect(self._show_data)
        self._document.replaced.connect(self._forget)
        themes.changed.connect(self._dress)

    def _dress(self) -> None:
        self._back.setIcon(icon("back"))
        self._open.setIcon(icon("open"))

    def minimumSizeHint(self) -> QSize:
        """Small, so that a page that is not shown keeps no window wide."""
        return LEAST

    # ------------------------------------------------------------------------------------------------------ show

    def _forget(self) -> None:
        self._samples_of = self._counted_of = None
        self._distributions = {}
        self.flow.clear_progress()

    def _show_data(self, report: DataReport | None) -> None:
        self._report = report
        self._name.setText(title_of(self._document.spec))
        self.flow.show_settings(self._document.spec, report)
        self._show_problems()
        self.body.setCurrentIndex(1 if report is not None else 0)
        self.tabs.setTabText(0, f"Columns ({len(report.columns)})" if report and report.columns else TABS[0])
        count = sum(report.splits.values()) if report else 0
        self.tabs.setTabText(1, f"Samples ({count:,})" if count else TABS[1])
        if self.isVisible():
            self._catch_up()

    def showEvent(self, event: QShowEvent) -> None:
        """Ask for what has changed while nobody looked."""
        super().showEvent(event)
        self._catch_up()

    def _catch_up(self) -> None:
        """Show what the report tells, and ask for samples and distributions where they may be others than before."""
        report = self._report
        chosen = self.columns.chosen()
        self.columns.show_columns(list(report.columns.values()) if report else [])
        if chosen and chosen == self.columns.chosen():
            self._choose_column(chosen)  # its steps, and what they do, may be others
        section = of_data(self._document.spec)
        source = (section.data.get("source"), section.data.get("split"), self._document.folder)
        splits = (dict(report.splits), [(each.name, each.kind) for each in report.columns.values()]) if report else None
        texts = (
            section.data.get("columns") if report and any(c.kind == "text" for c in report.columns.values()) else None
        )
        if (source, splits, texts) != self._samples_of:
            self._samples_of = (source, splits, texts)
            self.samples.show_data(report)
        if report is not None and report.columns and (source, splits) != self._counted_of:
            self._counted_of = (source, splits)
            self._helper.ask(TOPIC, self._count, "distributions")

    def _count(self, answer: Mapping[str, Any]) -> None:
        """Take in how values are distributed."""
        self._distributions = answer.get("columns", {})
        self.columns.show_distributions(self._distributions)
        self.column_box.show_distribution(self._distributions.get(self.columns.chosen()))

    def _show_problems(self) -> None:
        """Show what is wrong with other columns than the chosen one, or, where there are none, with the data."""
        report = self._report
        problems = report.problems if report else ()
        if report is not None and report.columns:
            own = f"{COLUMNS}{self.columns.chosen()}."
            problems = tuple(each for each in problems if (each.param or "").startswith(COLUMNS))
            problems = tuple(each for each in problems if not (each.param or "").startswith(own))
        self._problems.show_problems(problems)

    def _choose_column(self, name: str) -> None:
        column = self._report.columns.get(name) if self._report else None
        self.column_box.show_column(column, self._report)
        self.column_box.show_distribution(self._distributions.get(name))
        self._show_problems()

    def _turn(self, place: int) -> None:
        self._pages.setCurrentIndex(place)

    def show_tab(self, name: str) -> None:
        """Bring the columns or the samples to the front."""
        self.tabs.setCurrentIndex(TABS.index(name))

    def _go_to_stage(self, stage: str) -> None:
        if stage == "steps":
            self.show_tab("Columns")
            self.column_box.steps.list.setFocus()
        self.stage_chosen.emit(stage)

    # --------------------------------------------------------------------------------------------------- progress

    def show_reading(self, reading: bool) -> None:
        """Say that the data is being read, or no longer is."""
        self._reading.setVisible(reading)
        self._busy.setVisible(reading)
        self._words.setText(READING if reading else EMPTY)
        self._open.setVisible(not reading)

    def take(self, event: Event) -> None:
        """Take in what a run tells."""
        match event:
            case Started():
                self.flow.clear_progress()
            case Progress():
                self.flow.show_progress(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go back to the graph."""
        if event.key() == Qt.Key.Key_Escape and event.type() == QEvent.Type.KeyPress:
            self.left.emit()
        else:
            super().keyPressEvent(event)


def title_of(spec: Spec) -> str:
    """The data in words: its source, and the name of the file or folder."""
    source = spec.data.get("source")
    kind, params = (source.get("kind"), source.get("params")) if isinstance(source, Mapping) else (None, None)
    if kind not in Source.registry:
        return "Data"
    title, path = Source.registry[str(kind)].title, params.get("path") if isinstance(params, Mapping) else ""
    return f"{title}: {Path(str(path)).name}" if path else title
