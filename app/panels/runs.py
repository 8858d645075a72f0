"""The list of runs: how each did, what its user calls it, and what can be done with it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QFileSystemWatcher, QPoint, QSize, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QAction, QDesktopServices, QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QMenu,
    QMessageBox,
    QSplitter,
    QTableView,
    QToolBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from send2trash import send2trash

from app.document import Document
from app.icons import icon
from app.panels.run_table import COLUMNS, HEADINGS, RunFilter, RunModel
from app.panels.sections import OwnKeys, dim
from app.run_colours import RunColours
from app.settings import data_folder
from app.theme import SPACE, themes
from engine.runs import Runs, Summary
from engine.train.folder import Run

REFRESH_MS = 400  # after the folder has changed
FOLLOW_MS = 1000  # between looks at runs that are at work
READ_SECONDS = 0.015  # for reading new runs at a time, so that the window stays free
ROW_HEIGHT, ICON = 26, 16  # pixels
ANY_STATE, ANY_TAG = "All states", "All tags"
STATES = ("running", "paused", "starting", "finished", "stopped", "failed", "crashed")
OWN, UNSAVED, OTHER = "Runs beside this project", "Runs of unsaved projects", "Other folder…"
EMPTY = "No runs yet. Train, and each run is kept here with its curves, weights and log."
NONE_LEFT = "No run is left by this filter."
# name: icon, text, whether the text stands beside the icon, what it does
ACTIONS = {
    "compare": ("compare", "Compare", True, "Set the selected runs beside each other; select two or more with Ctrl"),
    "resume": ("resume", "Resume", True, "Go on from the last checkpoint"),
    "again": ("redo", "Train again", True, "Train the same graph with the same settings in a new run"),
    "use": ("paste", "Use these settings", True, "Take its graph and settings over into the project"),
    "spec": ("open", "Open its graph", True, "Open the graph as a copy in another window"),
    "export": ("export", "Export model…", False, "Export the trained model"),
    "folder": ("folder", "Show folder", False, "Show the run's folder"),
    "delete": ("delete", "Move to trash", False, "Move the selected runs to the trash"),
}  # fmt: skip


class RunList(QWidget):
    """The runs of a folder, newest first; a tick shows a run's curves. `beside` stands right of the list."""

    shown_changed: Signal[tuple[list[Run]]] = Signal(list)
    compare_chosen: Signal[tuple[list[Summary]]] = Signal(list)
    resume_chosen = Signal(Run)
    again_chosen = Signal(Run)
    use_chosen = Signal(Run)
    spec_chosen = Signal(Run)
    export_chosen = Signal(Run)
    described = Signal(Run)
    refused = Signal(str)
    told = Signal(str)  # what was done

    def __init__(self, document: Document, colours: RunColours | None = None, beside: QWidget | None = None) -> None:
        super().__init__()
        self._document = document
        self._runs = Runs(document.runs_folder)
        self.model = RunModel(colours or RunColours(), self)
        self.filter = RunFilter(self.model, self)
        self.table = self._table()
        self.search = QLineEdit()
        self.search.setPlaceholderText("Filter by name, tag, graph, data or notes")
        self.search.setClearButtonEnabled(True)
        self.states, self.tags, self.folders = QComboBox(), QComboBox(), QComboBox()
        self._empty = dim(EMPTY)
        self._tools = QToolBar()  # it offers what finds no room behind an arrow
        self._tools.setProperty("flat", True)
        self._tools.setIconSize(QSize(ICON, ICON))
        self._actions = {name: self._action(name) for name in ACTIONS}
        self._lay_out(beside)
        self._fill_folders()
        self._timer = self._single_shot(REFRESH_MS, self.refresh)
        self._more_timer = self._single_shot(0, self.refresh)
        self._follow_timer = self._single_shot(FOLLOW_MS, self._follow)
        self._watcher = QFileSystemWatcher(self)
        self._connect()
        self._dress()
        self.refresh()

    def _connect(self) -> None:
        self._watcher.directoryChanged.connect(lambda _path: self._timer.start())
        self._document.replaced.connect(self._forget)
        self._document.path_changed.connect(self._timer.start)
        self.model.ticked.connect(lambda: self.shown_changed.emit(self.model.runs_ticked()))
        self.model.described.connect(self.described)
        self.model.described.connect(lambda _run: self._fill_tags())
        self.model.refused.connect(self.refused)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._look_again())
        self.search.textChanged.connect(lambda _text: self._choose())
        self.states.activated.connect(lambda _place: self._choose())
        self.tags.activated.connect(lambda _place: self._choose())
        self.folders.activated.connect(lambda _place: self._choose_folder())
        OwnKeys(self.table).deleted.connect(lambda: self._act("delete"))
        themes.changed.connect(self._dress)

    # ----------------------------------------------------------------------------------------------------- build

    def _table(self) -> QTableView:
        table = QTableView()
        table.setModel(self.filter)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setSortingEnabled(True)
        table.sortByColumn(COLUMNS["Started"], Qt.SortOrder.DescendingOrder)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        header = table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        header.setStretchLastSection(True)
        for place, heading in enumerate(HEADINGS):
            table.setColumnWidth(place, heading.width)
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.customContextMenuRequested.connect(self._show_menu)
        return table

    def _action(self, name: str) -> QAction:
        _icon, text, with_text, tip = ACTIONS[name]
        action = QAction(text, self)
        action.setToolTip(tip)
        action.triggered.connect(lambda _=False: self._act(name))
        self._tools.addAction(action)
        button = self._tools.widgetForAction(action)
        if with_text and isinstance(button, QToolButton):
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        return action

    def _lay_out(self, beside: QWidget | None) -> None:
        tools = QHBoxLayout()
        tools.addWidget(self.search, 1)
        for box in (self.states, self.tags, self.folders):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
            tools.addWidget(box, 0, Qt.AlignmentFlag.AlignRight)
        listed = QWidget()
        inner = QVBoxLayout(listed)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addLayout(tools)
        inner.addWidget(self._empty, 1, Qt.AlignmentFlag.AlignTop)
        inner.addWidget(self.table, 1)
        splitter = QSplitter()
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(listed)
        if beside is not None:
            splitter.addWidget(beside)
        splitter.setStretchFactor(0, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE, SPACE, SPACE, SPACE)
        column.addWidget(splitter, 1)
        column.addWidget(self._tools)

    def _single_shot(self, milliseconds: int, work: Callable[[], object]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(milliseconds)
        timer.timeout.connect(work)
        return timer

    def _dress(self) -> None:
        for name, action in self._actions.items():
            action.setIcon(icon(ACTIONS[name][0]))

    # ------------------------------------------------------------------------------------------------------ list

    def refresh(self) -> None:
        """Look at the folder again; what did not change is not read twice."""
        folder = self._folder()
        if folder != self._runs.folder:
            self._runs = Runs(folder)
        if folder.is_dir() and str(folder) not in self._watcher.directories():
            self._watcher.addPath(str(folder))
        self.model.show_runs(self._runs.read(READ_SECONDS))
        if self._runs.behind:
            self._more_timer.start()
        self._fill_states()
        self._fill_tags()
        self._show_emptiness()
        self._judge()
        self._look_after_living()

    def _follow(self) -> None:
        """Look at the runs that are at work."""
        for summary in [each for each in self.model.summaries() if each.at_work]:
            self.model.show_run(self._runs.again(summary.run))
        self._judge()
        self._look_after_living()

    def _look_again(self) -> None:
        """Look at the selected runs, which may be at work again: the folder does not tell of that."""
        for summary in self.selected():
            self.model.show_run(self._runs.again(summary.run))
        self._judge()
        self._look_after_living()

    def showEvent(self, event: QShowEvent) -> None:
        """Look at what happened while nobody did."""
        super().showEvent(event)
        self._timer.start()

    def _look_after_living(self) -> None:
        if any(summary.at_work for summary in self.model.summaries()):
            self._follow_timer.start()

    def _show_emptiness(self) -> None:
        shown = self.filter.rowCount() > 0
        self._empty.setText(NONE_LEFT if self.model.rowCount() else EMPTY)
        self._empty.setVisible(not shown)
        self.table.setVisible(shown)
        for widget in (self.search, self.states, self._tools):
            widget.setVisible(self.model.rowCount() > 0)

    def _forget(self) -> None:
        for run in self.model.runs_ticked():
            self.model.tick(run, on=False)
        self.folders.setCurrentIndex(0)
        self._fill_folders()
        self.refresh()

    def show_run(self, run: Run) -> None:
        """Tick a run that has begun, as its curves are shown."""
        self.refresh()
        self.model.tick(run)

    # ---------------------------------------------------------------------------------------------------- filter

    def _choose(self) -> None:
        state, tag = self.states.currentText(), self.tags.currentText()
        self.filter.choose(self.search.text(), "" if state == ANY_STATE else state, "" if tag == ANY_TAG else tag)
        self._show_emptiness()
        self._judge()

    def _fill_states(self) -> None:
        known = {summary.state for summary in self.model.summaries()}
        _fill(self.states, [ANY_STATE, *(state for state in STATES if state in known)])

    def _fill_tags(self) -> None:
        tags = sorted({tag for summary in self.model.summaries() for tag in summary.about.tags})
        _fill(self.tags, [ANY_TAG, *tags])
        self.tags.setVisible(bool(tags))

    def _folder(self) -> Path:
        return self.folders.currentData() or self._document.runs_folder

    def _fill_folders(self) -> None:
        chosen, unsaved = self.folders.currentData(), data_folder() / "runs"
        self.folders.clear()
        self.folders.addItem(OWN, None)
        if unsaved.is_dir() and unsaved != self._document.runs_folder:
            self.folders.addItem(UNSAVED, unsaved)
        if chosen is not None and chosen != unsaved:
            self.folders.addItem(chosen.name if chosen.name != "runs" else f"{chosen.parent.name}/runs", chosen)
            self.folders.setItemData(self.folders.count() - 1, str(chosen), Qt.ItemDataRole.ToolTipRole)
        self.folders.addItem(OTHER, None)
        self.folders.setCurrentIndex(max(0, self.folders.findData(chosen)) if chosen is not None else 0)

    def _choose_folder(self) -> None:
        if self.folders.currentText() == OTHER:
            name = QFileDialog.getExistingDirectory(self, "Show the runs of a folder", str(self._runs.folder))
            self.folders.setCurrentIndex(0)
            if name:
                self.show_folder(Path(name))
        self.refresh()

    def show_folder(self, folder: Path) -> None:
        """Show the runs of another folder, until another project comes."""
        if self.folders.findData(folder) < 0:
            self.folders.insertItem(1, str(folder), folder)
        self.folders.setCurrentIndex(self.folders.findData(folder))
        self._fill_folders()
        self.refresh()

    # --------------------------------------------------------------------------------------------------- actions

    def chosen(self) -> Run | None:
        """The run that is selected, where it is one."""
        found = self.selected()
        return found[0].run if len(found) == 1 else None

    def selected(self) -> list[Summary]:
        """The runs that are selected, from top to bottom."""
        places = sorted(self.table.selectionModel().selectedRows(), key=lambda index: index.row())
        return [self.model.at(self.filter.mapToSource(index).row()) for index in places]

    def _judge(self) -> None:
        """Offer what can be done with the selected runs."""
        found = self.selected()
        run = found[0].run if len(found) == 1 else None
        for action in self._actions.values():
            action.setEnabled(run is not None)
        self._actions["compare"].setEnabled(len(found) > 1)
        self._actions["delete"].setEnabled(bool(found) and not any(each.at_work for each in found))
        if run is not None:
            state = found[0].state
            resumable = state in ("stopped", "crashed", "failed") and bool(run.checkpoint_files())
            self._actions["resume"].setEnabled(resumable)
            self._actions["export"].setEnabled(run.weights.is_file())

    def _show_menu(self, place: QPoint) -> None:
        """Offer the same beside the mouse."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addActions(list(self._actions.values()))
        menu.popup(self.table.viewport().mapToGlobal(place))

    def _act(self, name: str) -> None:
        found = self.selected()
        if not self._actions[name].isEnabled() or not found:
            return
        run = found[0].run
        match name:
            case "compare":
                self.compare_chosen.emit(found)
            case "folder":
                QDesktopServices.openUrl(QUrl.fromLocalFile(str(run.path)))
            case "delete":
                self._delete([each.run for each in found])
            case _:
                signals = {
                    "resume": self.resume_chosen, "again": self.again_chosen, "use": self.use_chosen,
                    "spec": self.spec_chosen, "export": self.export_chosen,
                }  # fmt: skip
                signals[name].emit(run)

    def _delete(self, runs: list[Run]) -> None:
        """Move runs to the trash; only where there is none is it asked whether they may be lost for good."""
        gone = [run for run in runs if self._trashed(run)]
        for run in gone:
            self.model.tick(run, on=False)
        self.refresh()
        if gone:
            self.told.emit(f"Moved {gone[0].name if len(gone) == 1 else f'{len(gone)} runs'} to the trash")

    def _trashed(self, run: Run) -> bool:
        if run.alive():
            self.refused.emit(f"{run.name} is being trained and stays; stop it before it goes to the trash.")
            return False
        try:
            send2trash(str(run.path))
        except OSError as error:
            words = f"{run.name} cannot be moved to the trash: {error}."
            buttons = QMessageBox.StandardButton
            question = f"{words}\n\nDelete it for good, with its weights and curves?"
            if QMessageBox.question(self, "Delete for good", question, defaultButton=buttons.No) != buttons.Yes:
                return False
            shutil.rmtree(run.path, ignore_errors=True)
            if run.path.exists():
                self.refused.emit(f"{run.path} cannot be deleted; it may be open elsewhere.")
        return not run.path.exists()


def _fill(box: QComboBox, texts: list[str]) -> None:
    """Offer these texts; the one that was chosen stays, or else the first is."""
    if [box.itemText(place) for place in range(box.count())] != texts:
        chosen = box.currentText()
        box.clear()
        box.addItems(texts)
        box.setCurrentIndex(max(0, box.findText(chosen)))
