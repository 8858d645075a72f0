"""The list of runs: how each did, and what can be done with it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from PySide6.QtCore import QFileSystemWatcher, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QMessageBox,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)
from send2trash import send2trash

from app.document import Document
from app.icons import icon
from app.panels.sections import dim
from app.theme import SPACE
from engine.events import Epoch, Finished, Started
from engine.train.folder import Run, runs_in

HEADINGS = ("Run", "State", "Epoch", "Best", "Test", "Device", "Started")
REFRESH_MS = 400
ROLE = Qt.ItemDataRole.UserRole


class RunList(QWidget):
    """The runs of the project, newest first; a tick shows a run's curves."""

    shown_changed: Signal[tuple[list[Run]]] = Signal(list)
    resume_chosen = Signal(Run)
    spec_chosen = Signal(Run)
    export_chosen = Signal(Run)
    refused = Signal(str)

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self._facts: dict[Path, tuple[float, tuple[str, ...]]] = {}
        self._ticked: set[Path] = set()
        self.table = QTableWidget(0, len(HEADINGS))
        self.table.setHorizontalHeaderLabels(HEADINGS)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setShowGrid(False)
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.table.horizontalHeader().setStretchLastSection(True)
        self._empty = dim("No runs yet. Train, and each run is kept here with its curves, weights and log.")
        self._buttons = {
            "resume": QPushButton(icon("resume"), "Resume"),
            "spec": QPushButton(icon("open"), "Open its graph"),
            "export": QPushButton(icon("export"), "Export…"),
            "folder": QPushButton(icon("folder"), "Show folder"),
            "delete": QPushButton(icon("delete"), "Move to trash"),
        }
        self._lay_out()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        self._watcher = QFileSystemWatcher(self)
        self._watcher.directoryChanged.connect(lambda _path: self._timer.start())
        document.replaced.connect(self._forget)
        document.path_changed.connect(self._timer.start)
        self.table.itemChanged.connect(self._tick)
        self.table.itemSelectionChanged.connect(self._judge)
        self.refresh()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        for name, button in self._buttons.items():
            button.clicked.connect(lambda _=False, name=name: self._act(name))
            row.addWidget(button)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE, SPACE, SPACE, SPACE)
        column.addWidget(self._empty)
        column.addWidget(self.table, 1)
        column.addLayout(row)

    # ------------------------------------------------------------------------------------------------------ list

    def refresh(self) -> None:
        """Read the folder again; what did not change is not read twice."""
        folder = self._document.runs_folder
        if folder.is_dir() and str(folder) not in self._watcher.directories():
            self._watcher.addPath(str(folder))
        runs = runs_in(folder)
        chosen = self.chosen()
        self.table.blockSignals(True)
        self.table.setRowCount(len(runs))
        for place, run in enumerate(runs):
            for column, text in enumerate(self._row(run)):
                item = QTableWidgetItem(text)
                if column == 0:
                    item.setData(ROLE, run.path)
                    item.setCheckState(Qt.CheckState.Checked if run.path in self._ticked else Qt.CheckState.Unchecked)
                    item.setToolTip("Tick to show its curves")
                self.table.setItem(place, column, item)
            if chosen is not None and run == chosen:
                self.table.selectRow(place)
        self.table.blockSignals(False)
        self.table.setVisible(bool(runs))
        self._empty.setVisible(not runs)
        self._judge()

    def _row(self, run: Run) -> tuple[str, ...]:
        events = run.path / "events.jsonl"
        changed = events.stat().st_mtime if events.exists() else 0.0
        known = self._facts.get(run.path)
        if known is None or known[0] != changed or known[1][1] in ("running", "starting"):
            known = self._facts[run.path] = (changed, facts(run))
        return known[1]

    def _forget(self) -> None:
        self._ticked.clear()
        self._facts.clear()
        self.refresh()

    def chosen(self) -> Run | None:
        """The selected run."""
        items = self.table.selectedItems()
        return Run(items[0].data(ROLE)) if items and items[0].data(ROLE) else None

    def _tick(self, item: QTableWidgetItem) -> None:
        path = item.data(ROLE)
        if path is None:
            return
        (self._ticked.add if item.checkState() == Qt.CheckState.Checked else self._ticked.discard)(path)
        self.shown_changed.emit([Run(each) for each in sorted(self._ticked)])

    # --------------------------------------------------------------------------------------------------- buttons

    def _judge(self) -> None:
        run = self.chosen()
        for button in self._buttons.values():
            button.setEnabled(run is not None)
        if run is not None:
            state = self._row(run)[1]
            resumable = state in ("stopped", "lost", "failed") and bool(run.checkpoint_files())
            self._buttons["resume"].setEnabled(resumable)
            self._buttons["export"].setEnabled(run.weights.is_file())
            self._buttons["delete"].setEnabled(state not in ("running", "starting"))

    def _act(self, name: str) -> None:
        run: Any = self.chosen()
        if run is None:
            return
        match name:
            case "resume":
                self.resume_chosen.emit(run)
            case "spec":
                self.spec_chosen.emit(run)
            case "export":
                self.export_chosen.emit(run)
            case "folder":
                QDesktopServices.openUrl(QUrl.fromLocalFile(str(run.path)))
            case "delete":
                self._delete(run)

    def _delete(self, run: Run) -> None:
        question = f"Move {run.name} with its weights and curves to the trash?"
        if QMessageBox.question(self, "Move to trash", question) != QMessageBox.StandardButton.Yes:
            return
        try:
            send2trash(str(run.path))
        except OSError as error:
            self.refused.emit(f"{run.name} cannot be moved to the trash: {error}.")
        self._ticked.discard(run.path)
        self.refresh()
        self.shown_changed.emit([Run(each) for each in sorted(self._ticked)])


def facts(run: Run) -> tuple[str, ...]:
    """A run in words, a text for each heading."""
    events = run.events()
    started = next((event for event in events if isinstance(event, Started)), None)
    epochs = [event for event in events if isinstance(event, Epoch)]
    finished = next((event for event in events if isinstance(event, Finished)), None)
    best = next((event for event in reversed(epochs) if event.best), None)
    name = next(iter(started.metrics), "loss") if started else "loss"
    scores = (best.validation or best.train) if best else {}
    begun = datetime.fromtimestamp(started.time).astimezone() if started else None
    return (
        run.name,
        run.state(),
        f"{epochs[-1].epoch if epochs else 0} of {started.epochs if started else '?'}",
        f"{name} {scores[name]:.4g}" if name in scores else "",
        f"{name} {finished.test[name]:.4g}" if finished and name in finished.test else "",
        started.device if started else "",
        f"{begun:%Y-%m-%d %H:%M}" if begun else "",
    )
