"""The main window: puts document, canvas and panels together, and connects them."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from PySide6.QtCore import QByteArray, QSize, Qt, QTimer, QUrl
from PySide6.QtGui import QAction, QActionGroup, QCloseEvent, QDesktopServices, QKeySequence
from PySide6.QtWidgets import (
    QDockWidget,
    QFileDialog,
    QMainWindow,
    QMenu,
    QMessageBox,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QTabWidget,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from app import theme as themes_module
from app.actions import ACTIONS
from app.canvas import Canvas, CanvasTabs
from app.data_helper import DataHelper
from app.document import Document
from app.engine_process import Checker, EngineProcess
from app.icons import icon
from app.messages import MessageBar
from app.panels.data import DataPanel
from app.panels.data_page import DataPage
from app.panels.inspector import Inspector
from app.panels.log import LogPanel
from app.panels.palette import Palette
from app.panels.problems import ProblemList
from app.panels.run_box import Doing
from app.panels.start import StartPage
from app.panels.sweeps import SweepPanel
from app.panels.training import TrainingPanel
from app.recovery import Recovery
from app.run_desk import RunDesk
from app.runner import Runner
from app.scope import Scope
from app.settings import THEMES, WHEN_CLOSING, Closing, Settings, data_folder
from app.status import StatusLine
from app.sweeper import Sweeper
from app.theme import SPACE, themes
from app.trusting import TrustDialog
from engine import fixes
from engine.examples import FOLDER as EXAMPLES
from engine.expand import home
from engine.export.formats import FORMATS
from engine.ops import OPS
from engine.problem import Fix, Mistake
from engine.report import Report
from engine.spec import SLASH, SUFFIX, encode, load
from engine.train.folder import Run, runs_in

if TYPE_CHECKING:
    from app.panels.curves import Curves
    from app.panels.export import ExportDialog
    from app.panels.passes import PassesDialog

FILTER = f"Netloom projects (*{SUFFIX});;All files (*)"
RUN_SPEC = "spec.json"  # the name of the project in a run's folder
HINT_MS = 8000
READY_MS = 4000  # until a process is made ready for the next run: the helpers load first
SIZE = QSize(1440, 900)
GRAPH_DOCKS = ("Ops", "Bottom panel")  # that step aside while the data is looked at
PANELS = {"Side panel": ["Node", "Data", "Training"], "Bottom panel": ["Problems", "Curves", "Runs", "Sweeps", "Log"]}


class Window(QMainWindow):
    """The studio."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.document = Document(data_folder(), self)
        self.runner = Runner(self.document)
        self.checks, self.worker = EngineProcess(self), EngineProcess(self)
        self.checker = Checker(self.document, self.checks, self.worker)
        self.recovery = Recovery(self.document)
        self.tabs = CanvasTabs(self.document)
        self.palette_panel = Palette()
        self.inspector = Inspector(self.document)
        self.data_panel = DataPanel(self.document)
        self.data_page = DataPage(self.document, DataHelper(self.document, self.worker))
        self.training = TrainingPanel(self.document, self.runner)
        self.problems = ProblemList(self.document)
        self.desk = RunDesk(self.document, self.runner, self.worker, settings)
        self.runs = self.desk.runs
        self.sweeper = Sweeper(self.document)
        self.sweeps = SweepPanel(self.document, self.sweeper)
        self.log = LogPanel(self.runner)
        self.messages = MessageBar()
        self.start = StartPage(settings.recent())
        self._curves: Curves | None = None
        self._export_dialog: ExportDialog | None = None
        self._passes_dialog: PassesDialog | None = None
        self._actions: list[tuple[QAction, str]] = []
        self._set_aside: list[QDockWidget] = []  # while the data takes their room
        self._keep_ready = QTimer(self)
        self._keep_ready.setSingleShot(True)
        self._keep_ready.setInterval(READY_MS)
        self._keep_ready.timeout.connect(self.runner.prepare)
        self._build()
        self._connect()
        self._restore()
        self.setAcceptDrops(True)

    # ----------------------------------------------------------------------------------------------------- build

    def _build(self) -> None:
        self.setObjectName("window")
        self.setAnimated(False)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.start)
        self.stack.addWidget(self.tabs)
        self.stack.addWidget(self.data_page)
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.messages)
        column.addWidget(self.stack, 1)
        self.setCentralWidget(centre)
        self.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)
        self.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
        self._curves_holder = QWidget()
        QVBoxLayout(self._curves_holder).setContentsMargins(0, 0, 0, 0)
        self.side = _tabs({"Node": self.inspector, "Data": self.data_panel, "Training": self.training})
        self.bottom = _tabs(
            {
                "Problems": self.problems,
                "Curves": self._curves_holder,
                "Runs": self.runs,
                "Sweeps": self.sweeps,
                "Log": self.log,
            }
        )
        self.docks = {
            "Ops": self._dock("Ops", self.palette_panel, Qt.DockWidgetArea.LeftDockWidgetArea),
            "Side panel": self._dock("Side panel", self.side, Qt.DockWidgetArea.RightDockWidgetArea),
            "Bottom panel": self._dock("Bottom panel", self.bottom, Qt.DockWidgetArea.BottomDockWidgetArea),
        }
        self.resizeDocks([self.docks["Ops"], self.docks["Side panel"]], [216, 344], Qt.Orientation.Horizontal)
        self.resizeDocks([self.docks["Bottom panel"]], [264], Qt.Orientation.Vertical)
        self._build_menus()
        self.status = StatusLine(self.document, self.statusBar())

    def show_panel(self, name: str) -> None:
        """Bring a panel of the side or the bottom to the front."""
        for dock, tabs in (("Side panel", self.side), ("Bottom panel", self.bottom)):
            if name in PANELS[dock]:
                self.docks[dock].show()
                tabs.setCurrentIndex(PANELS[dock].index(name))

    def _dock(self, name: str, widget: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(name, self)
        dock.setObjectName(name)
        dock.setFeatures(QDockWidget.DockWidgetFeature.DockWidgetClosable)
        dock.setTitleBarWidget(QWidget())  # the tabs name the panels
        dock.setWidget(widget)
        self.addDockWidget(area, dock)
        return dock

    def _build_menus(self) -> None:
        self.toolbar = QToolBar("Tools")
        self.toolbar.setObjectName("Tools")
        self.toolbar.setMovable(False)
        self.toolbar.setIconSize(QSize(20, 20))
        self.addToolBar(self.toolbar)
        menus = {name: self.menuBar().addMenu(f"&{name}") for name in ("File", "Edit", "View", "Run", "Help")}
        undo = self.document.undo_stack.createUndoAction(self, "&Undo")
        redo = self.document.undo_stack.createRedoAction(self, "&Redo")
        undo.setShortcuts(QKeySequence.StandardKey.Undo)
        redo.setShortcuts(QKeySequence.StandardKey.Redo)
        menus["Edit"].addActions([undo, redo])
        self._actions += [(undo, "undo"), (redo, "redo")]
        for each in ACTIONS:
            menu = menus[each.menu]
            if each.separated:
                menu.addSeparator()
            action = QAction(each.text, self)
            if each.keys is not None:
                action.setShortcuts(
                    QKeySequence.keyBindings(each.keys) if not isinstance(each.keys, str) else [QKeySequence(each.keys)]
                )
            action.triggered.connect(functools.partial(self._run, each.slot))
            menu.addAction(action)
            self._actions.append((action, each.icon))
            keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            action.setToolTip(f"{each.text.replace('&', '')} ({keys})" if keys else each.text.replace("&", ""))
            if each.toolbar:
                self.toolbar.addAction(action)
            if each.slot == "export":
                self.toolbar.addSeparator()
                self.toolbar.addActions([undo, redo])
        self._recent = QMenu("Open &recent", self)
        self._recent.aboutToShow.connect(self._fill_recent)
        menus["File"].insertMenu(menus["File"].actions()[2], self._recent)
        self._build_view_menu(menus["View"])
        self._build_closing_menu(menus["Run"])
        self._build_train_button()
        self._dress()

    def _run(self, slot: str, *_args: object) -> None:
        """Call the method that an action names; text being typed keeps the clipboard's keys."""
        cast("Callable[[], object]", operator.attrgetter(slot)(self))()

    def _build_view_menu(self, menu: QMenu) -> None:
        menu.addSeparator()
        for dock in self.docks.values():
            menu.addAction(dock.toggleViewAction())
        menu.addSeparator()
        group = QActionGroup(self)
        for choice in THEMES:
            action = QAction(f"{choice.title()} theme", self, checkable=True)
            action.setChecked(self.settings.theme() == choice)
            action.triggered.connect(functools.partial(self.set_theme, choice))
            group.addAction(action)
            menu.addAction(action)

    def _build_closing_menu(self, menu: QMenu) -> None:
        """Let the user say what becomes of runs when the window closes; the question at closing may change it too."""
        menu.addSeparator()
        closing = menu.addMenu("When the &window closes")
        self.closing_choices = QActionGroup(self)
        for choice, text in WHEN_CLOSING.items():
            action = QAction(text, self, checkable=True)
            action.setChecked(self.settings.when_closing() == choice)
            action.triggered.connect(functools.partial(self._set_closing, choice))
            self.closing_choices.addAction(action)
            closing.addAction(action)

    def _set_closing(self, choice: Closing, *_args: object) -> None:
        self.settings.set_when_closing(choice)

    def _build_train_button(self) -> None:
        stretch = QWidget()
        stretch.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._queue_button = QPushButton("Add to queue")
        self._queue_button.setToolTip("Train the project as it is now when its turn comes")
        self._queue_button.clicked.connect(lambda _=False: self.queue_run())
        gap = QWidget()
        gap.setFixedWidth(SPACE)
        for widget in (stretch, Doing(self.runner), self._queue_button, gap, self.training.train):
            self.toolbar.addWidget(widget)

    def _dress(self) -> None:
        self._queue_button.setIcon(icon("queue"))
        for action, name in self._actions:
            if name:
                action.setIcon(icon(name))

    @property
    def canvas(self) -> Canvas:
        """The canvas that is shown: the graph's, or that of an open block."""
        return self.tabs.current

    @property
    def curves(self) -> Curves:
        """The curves, made when they are first wanted: plotting takes a while to load."""
        if self._curves is None:
            from app.panels.curves import Curves  # loads numpy and pyqtgraph

            self._curves = Curves(self.desk.colours)
            layout = self._curves_holder.layout()
            assert layout is not None
            layout.addWidget(self._curves)
        return self._curves

    def _load_curves(self, place: int) -> None:
        """Make the curves when their tab is first opened."""
        if PANELS["Bottom panel"][place] == "Curves":
            self.curves.show()

    # --------------------------------------------------------------------------------------------------- connect

    def _connect(self) -> None:
        document, runner = self.document, self.runner
        document.changed.connect(self.palette_panel.show_blocks)
        document.report_changed.connect(self._count_problems)
        document.path_changed.connect(self._show_name)
        document.undo_stack.cleanChanged.connect(self._show_name)
        document.refused.connect(self.hint)
        document.asked.connect(self._ask)
        document.replaced.connect(self._show_project)
        self.tabs.selection_changed.connect(self._select)
        self.tabs.shown.connect(self.inspector.show_scope)
        self.inspector.block_opened.connect(self.tabs.open)
        self.inspector.page_wanted.connect(self.show_reference)
        self.inspector.block_wanted.connect(lambda: self.canvas.make_block())
        self.palette_panel.op_chosen.connect(self._add_op)
        self.problems.node_chosen.connect(self._go_to)
        self.problems.setting_chosen.connect(self._go_to_setting)
        self.training.node_chosen.connect(self._go_to)
        self.data_panel.open_box.path_chosen.connect(self._look_at)
        self.data_panel.open_box.taken.connect(self.show_data_page)
        self.data_panel.page_wanted.connect(self.show_data_page)
        self.data_page.left.connect(self._show_project)
        self.data_page.source_wanted.connect(lambda: self.show_panel("Data"))
        self.data_page.stage_chosen.connect(self._go_to_stage)
        self.checker.reading_changed.connect(self.data_panel.show_reading)
        self.checker.reading_changed.connect(self.data_page.show_reading)
        self.start.example_chosen.connect(self.open_file)
        self.start.file_chosen.connect(self.open_file)
        self.start.new_chosen.connect(self.new)
        self.start.open_chosen.connect(self.open)
        self.checker.state_changed.connect(self.status.show_state)
        self.status.passes_wanted.connect(self.show_passes)
        for process in (self.checks, self.worker):
            process.lost.connect(lambda text: self.messages.show_message(text, "warning"))
            process.printed.connect(self.log.add)
            process.progressed.connect(self.statusBar().showMessage)
        runner.started.connect(self._run_started)
        runner.came.connect(lambda events, offset: self.curves.take(events, offset))
        runner.told.connect(self.data_page.take)
        runner.ended.connect(self._run_ended)
        runner.ended.connect(lambda _run, _state: self._keep_ready.start())
        runner.failed.connect(self.messages.show_message)
        self.runs.shown_changed.connect(lambda runs: self._show_curves(runs))
        self.runs.export_chosen.connect(self._export)
        self.runs.described.connect(lambda _run: self._curves.show_names() if self._curves else None)
        self.desk.refused.connect(self.messages.show_message)
        self.desk.told.connect(self.hint)
        self.desk.found.connect(self._tell_of_living)
        self.sweeps.refused.connect(self.messages.show_message)
        self.sweeps.run_chosen.connect(lambda run: self._show_curves([run]))
        self.sweeps.importance_wanted.connect(self._ask_importance)
        for panel in (self.inspector, self.training, self.data_panel):
            panel.vary_wanted.connect(self._vary)
        self.bottom.currentChanged.connect(self._load_curves)
        self.stack.currentChanged.connect(lambda _place: self._bring_back())
        themes.changed.connect(self._dress)

    def begin(self) -> None:
        """Start the helper processes, once the window is shown."""
        self.checks.start()
        self.worker.request("devices", self._take_devices)
        self.desk.find_living()
        self._keep_ready.start()

    def _take_devices(self, answer: dict[str, Any]) -> None:
        if "devices" in answer:
            self.training.set_devices(answer["devices"])
            self.status.device.setText(answer["devices"][-1]["description"])

    def _look_at(self, path: str) -> None:
        """Ask the helper what data lies at a path."""
        self.worker.request("guess", lambda answer: self.data_panel.open_box.show_guesses(path, answer), path=path)

    def _ask(self, fix: Fix) -> None:
        """Have the user confirm what a fix does beside the project: code is shown before it is trusted."""
        dialog = TrustDialog(fix, self)
        dialog.accepted.connect(lambda: self._trust(fix))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _trust(self, fix: Fix) -> None:
        try:
            fixes.act(fix)
        except OSError as error:
            self.messages.show_message(f"What you trust cannot be written down: {error.strerror or error}.")
        self.checker.again()

    def hint(self, text: str) -> None:
        """Say something in the status line for a while."""
        self.statusBar().showMessage(text, HINT_MS)

    def _add_op(self, op: str) -> None:
        self._show_project()
        self.canvas.add_op(op)

    def _select(self, ids: list[str]) -> None:
        self.inspector.show_nodes(ids)
        if ids:
            self.show_panel("Node")

    def _go_to(self, node: str, param: str) -> None:
        """Show a node, and the field of a param of it."""
        self._show_project()
        block, inner = home(self.document.spec, node)
        self.tabs.open(Scope(self.document, block, node.removesuffix(inner).rstrip(SLASH)))
        self.canvas.show_node(inner)
        self.show_panel("Node")
        form = self.inspector.form
        if form is not None and param in form.fields:
            form.fields[param].setFocus()

    def _go_to_setting(self, path: str) -> None:
        self.show_panel("Training" if path.startswith("training") else "Data")

    def _go_to_stage(self, stage: str) -> None:
        """Show the settings of a stage of the data's way to the model; the steps are on the page itself."""
        if stage == "model":
            self.show_panel("Training")
        elif stage != "steps":
            self.show_panel("Data")
            self.data_panel.show_stage(stage)

    # -------------------------------------------------------------------------------------------------- what is on

    def _show_project(self) -> None:
        self.stack.setCurrentWidget(self.tabs)

    def show_data_page(self) -> None:
        """Show the data in the place of the graph; what is for the graph alone steps aside."""
        if self.stack.currentWidget() is not self.data_page:
            self._set_aside = [self.docks[name] for name in GRAPH_DOCKS if not self.docks[name].isHidden()]
            for dock in self._set_aside:
                dock.hide()
        self.stack.setCurrentWidget(self.data_page)
        self.show_panel("Data")
        self.data_page.setFocus()

    def _bring_back(self) -> None:
        """Show again what stepped aside for the data."""
        if self.stack.currentWidget() is not self.data_page:
            set_aside, self._set_aside = self._set_aside, []
            for dock in set_aside:
                dock.show()

    def turn_data_page(self) -> None:
        """Show the data, or the graph again."""
        if self.stack.currentWidget() is self.data_page:
            self._show_project()
        else:
            self.show_data_page()

    def show_start(self) -> None:
        """Show the start page; the project stays open behind it."""
        self.start.show_recent(self.settings.recent())
        self.stack.setCurrentWidget(self.start)

    def _show_name(self) -> None:
        path = self.document.path
        self.setWindowTitle(f"{path.name if path else self.document.spec.name}[*] – Netloom")
        self.setWindowModified(self.document.dirty)

    def _count_problems(self, report: Report) -> None:
        count = len(report.problems)
        self.bottom.setTabText(0, "Problems" if not count else f"Problems ({count})")

    def show_passes(self) -> None:
        """Show what the graph passes do; the window stays free meanwhile."""
        if self._passes_dialog is None:
            from app.panels.passes import PassesDialog  # only when asked for

            self._passes_dialog = PassesDialog(self.document, self.checks, self)
        self._passes_dialog.open_beside()

    def set_theme(self, choice: themes_module.Choice, *_args: object) -> None:
        """Wear another theme."""
        from PySide6.QtWidgets import QApplication

        self.settings.set_theme(choice)
        themes_module.apply(QApplication.instance(), choice)

    def find_op(self) -> None:
        """Put the cursor into the palette's search."""
        self.docks["Ops"].show()
        self.palette_panel.search.setFocus()
        self.palette_panel.search.selectAll()

    # ------------------------------------------------------------------------------------------------------ files

    def _may_leave(self) -> bool:
        """Ask about unsaved changes; whether the present project may be left."""
        if not self.document.dirty:
            return True
        buttons = QMessageBox.StandardButton
        name = self.document.path.name if self.document.path else "The project"
        box = QMessageBox(QMessageBox.Icon.Question, "Unsaved changes", f"{name} has unsaved changes.", parent=self)
        box.setInformativeText("Save them before you go on?")
        box.setStandardButtons(buttons.Save | buttons.Discard | buttons.Cancel)
        box.setDefaultButton(buttons.Save)
        answer = box.exec()
        if answer == buttons.Save:
            return self.save()
        return bool(answer == buttons.Discard)

    def new(self) -> None:
        """Begin an empty project."""
        if self._may_leave():
            self.document.new()
            self._after_open()

    def open(self) -> None:
        """Ask for a project file and open it."""
        path, _ = QFileDialog.getOpenFileName(self, "Open a project", str(self.document.folder), FILTER)
        if path:
            self.open_file(Path(path))

    def open_file(self, path: Path) -> None:
        """Open a project; an example or a run's spec opens as an untitled copy."""
        if not self._may_leave():
            return
        path = path.resolve()
        try:
            if path.name == RUN_SPEC:
                folder = Run(path.parent).environment().get("folder")
                self.document.new(load(path), Path(folder) if folder else None)
            elif path.parent == EXAMPLES:
                self.document.new(load(path))
            else:
                self.document.open(path)
                self.settings.add_recent(path)
        except Mistake as mistake:
            self.messages.show_message(mistake.message)
            return
        self._after_open()

    def _after_open(self) -> None:
        self.messages.hide()
        self._show_name()
        self.canvas.setFocus()
        if self._curves is not None and not self.runner.running:
            self._curves.clear()
        self.runs.refresh()
        self.runner.follow_living()

    def save(self) -> bool:
        """Save the project; asks for a name where it has none. Whether it was saved."""
        return self._save_to(self.document.path) if self.document.path else self.save_as()

    def save_as(self) -> bool:
        """Ask for a file and save the project in it."""
        start = self.document.path or self.document.folder / f"{self.document.spec.name}{SUFFIX}"
        name, _ = QFileDialog.getSaveFileName(self, "Save the project", str(start), FILTER)
        if not name:
            return False
        path = Path(name)
        return self._save_to(path if path.suffix else path.with_suffix(SUFFIX))

    def _save_to(self, path: Path) -> bool:
        try:
            self.document.save(path)
        except OSError as error:
            words = f"{path} cannot be saved: {error.strerror or error}. The project is still open; save it elsewhere."
            self.messages.show_message(words, "error", "Save as…", self.save_as)
            return False
        self.settings.add_recent(path)
        self.hint(f"Saved {path}")
        return True

    def _fill_recent(self) -> None:
        self._recent.clear()
        for path in self.settings.recent():
            self._recent.addAction(str(path), functools.partial(self.open_file, path))
        if not self._recent.actions():
            self._recent.addAction("No files yet").setEnabled(False)

    # ------------------------------------------------------------------------------------------------------- runs

    def train(self) -> None:
        """Train the project, or say why it cannot be."""
        self.show_panel("Training")
        why = self.training.why_not()
        if why:
            self.messages.show_message(why, "warning")
        else:
            self.runner.start()

    def queue_run(self) -> None:
        """Put the project as it is now into the queue, or say why it cannot be trained."""
        why = self.training.why_not()
        if why:
            self.messages.show_message(why, "warning")
            return
        self.show_panel("Runs")
        self.desk.add_to_queue()

    def _tell_of_living(self, run: Run, project: Path) -> None:
        words = f"{run.name} of {project.name} is still being trained."
        self.messages.show_message(words, "info", "Show it", lambda: self.open_file(project))

    def _run_started(self, run: Run) -> None:
        self.show_panel("Training")
        self.show_panel("Curves")
        self.curves.follow(run, self.runner.offset)
        self.runs.show_run(run)

    def _run_ended(self, run: Run, state: str) -> None:
        self.hint(f"{run.name}: {state}")
        self.runs.refresh()

    def _show_curves(self, runs: list[Run]) -> None:
        self.curves.show_runs(runs)
        self.show_panel("Curves")

    def _vary(self, path: str) -> None:
        """Vary a setting in the project's sweep."""
        self.show_panel("Sweeps")
        self.sweeps.vary(path)

    def _ask_importance(self, journal: str) -> None:
        """Ask the helper what matters in a sweep; Optuna is no load for the window."""
        self.worker.request("importance", self.sweeps.show_importance, journal=journal)

    def export(self) -> None:
        """Export the graph or a trained run."""
        self._export(self.runs.chosen())

    def _export(self, chosen: Run | None) -> None:
        from app.panels.export import ExportDialog  # only when asked for

        runs = [run for run in runs_in(self.document.runs_folder) if run.weights.is_file()]
        name = self.document.path.stem if self.document.path else self.document.spec.name
        self._export_dialog = ExportDialog(self, runs, chosen, self.document.folder, name)
        self._export_dialog.accepted_export.connect(self._export_to)
        self._export_dialog.open()

    def _export_to(self, run: Run | None, format: str, path: Path) -> None:
        dialog = self._export_dialog
        assert dialog is not None
        source = {"run": str(run.path)} if run else {"spec": encode(self.document.spec)}

        def answered(answer: dict[str, Any]) -> None:
            done = ", ".join(Path(each).name for each in answer.get("done", ()))
            text = f"Wrote {done} to {path.parent}." if done else answer.get("error", "It could not be exported.")
            dialog.show_answer(text)
            self.hint(text)

        arguments = {"format": format, "path": str(path), "folder": str(self.document.folder)}
        self.worker.request("export", answered, **source, **arguments)
        self.hint(f"Exporting {FORMATS[format].title}…")

    # -------------------------------------------------------------------------------------------------- the rest

    def show_reference(self, op: str = "") -> None:
        """Open the reference in the browser, at an op."""
        from engine.reference import anchor, page  # only when asked for

        path = data_folder() / "reference.html"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(page(), encoding="utf-8")
        except OSError as error:
            self.messages.show_message(f"{path} cannot be written: {error.strerror or error}.")
            return
        url = QUrl.fromLocalFile(str(path))
        url.setFragment(anchor(OPS[op]) if op in OPS else "")
        if not QDesktopServices.openUrl(url):
            self.messages.show_message(f"No browser could be opened; the reference is in {path}.", "info")

    def show_shortcuts(self) -> None:
        """List the keyboard shortcuts."""
        rows = []
        for action, _name in self._actions:
            keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            if keys:
                rows.append(f"<tr><td><b>{keys}</b>&nbsp;&nbsp;</td><td>{action.text().replace('&', '')}</td></tr>")
        canvas = (
            "<tr><td><b>Tab</b></td><td>Search and add an op</td></tr>"
            "<tr><td><b>Space + drag</b>&nbsp;&nbsp;</td><td>Move the view</td></tr>"
            "<tr><td><b>Arrows</b></td><td>Nudge the selected nodes</td></tr>"
        )
        QMessageBox.information(self, "Keyboard shortcuts", f"<table>{''.join(rows)}{canvas}</table>")

    def show_about(self) -> None:
        """Say what this is."""
        words = (
            "<h3>Netloom 0.1</h3><p>Draw a network, see its shapes, train it, take it with you.</p><p>MIT licence.</p>"
        )
        QMessageBox.about(self, "About Netloom", words)

    def _restore(self) -> None:
        self.resize(SIZE)
        known = self.settings.geometry()
        if known is not None:
            self.restoreGeometry(known[0])
            self.restoreState(known[1])
        self._show_name()

    def offer_recovered(self) -> None:
        """Offer work that a crash left unsaved."""
        found = self.recovery.find()
        if found is not None:
            spec, path, file = found
            name = path.name if path else spec.name

            def take() -> None:
                self.document.recover(spec, path)
                self.recovery.write()
                file.unlink(missing_ok=True)

            words = f"Netloom ended unexpectedly with unsaved changes in {name}."
            self.messages.show_message(words, "info", "Recover them", take)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask about unsaved changes and about runs at work, remember the window, end the helpers."""
        if not self._may_leave() or not self.desk.may_close():
            event.ignore()
            return
        self._show_project()  # so that no dock is remembered as closed that only stepped aside
        self.document.undo_stack.setClean()  # a dirty one tells of itself while all is being torn down
        self.settings.set_geometry(self.saveGeometry(), QByteArray(self.saveState()))
        self.settings.sync()
        self._keep_ready.stop()
        self.runner.leave()
        self.sweeper.leave()
        self.recovery.forget()
        self.checks.close()
        self.worker.close()
        super().closeEvent(event)

    def dragEnterEvent(self, event: Any) -> None:
        """Take files: projects, and data."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dropEvent(self, event: Any) -> None:
        """Open what was dropped: a project, or the data of the project that is open."""
        path = Path(event.mimeData().urls()[0].toLocalFile())
        project = path.suffix == SUFFIX or path.name == RUN_SPEC
        work = self.open_file if project else self._open_data
        QTimer.singleShot(0, self, lambda: work(path))

    def _open_data(self, path: Path) -> None:
        self.show_panel("Data")
        self.data_panel.open_box.look_at(str(path))


def _tabs(panels: dict[str, QWidget]) -> QTabWidget:
    """Panels one behind the other; docks of Qt's own leave stray tab bars behind when they are tabbed."""
    tabs = QTabWidget()
    tabs.setDocumentMode(True)
    for name, panel in panels.items():
        tabs.addTab(panel, name)
    return tabs
