"""Steers the run that is at work: pause and go on, stop, keep a checkpoint, change the learning rate, add epochs."""

from __future__ import annotations

from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.document import Document
from app.fields.numbers import read_float, show_number
from app.icons import icon
from app.panels.sections import dim
from app.runner import Runner
from app.theme import SPACE, mono, themes
from engine.events import Changed, Continued, Epoch, Event, Paused, Progress, Started
from engine.train.folder import Run

RATE_WIDTH = 96
MOST_EPOCHS = 10_000
FIRST_EPOCHS = 5
ALL = "all optimizers"


class ControlBox(QWidget):
    """What can be done with the run that is followed, or that has just ended."""

    def __init__(self, document: Document, runner: Runner) -> None:
        super().__init__()
        self._runner = runner
        self._last: Run | None = None
        self._rates: dict[str, float] = {}
        self.pause = QPushButton("Pause")
        self.pause.clicked.connect(self._pause_or_go_on)
        self.stop = QPushButton("Stop")
        menu = QMenu(self.stop)
        menu.addAction("After this step", self._stop)
        menu.addAction("After this epoch", self._stop_later)
        menu.addAction("Now", self._stop_now)
        self.stop.setMenu(menu)
        self.keep = QPushButton("Checkpoint")
        self.keep.setToolTip("Keep a checkpoint of the run as it is now")
        self.keep.clicked.connect(lambda: runner.tell("checkpoint"))
        self.rate = QLineEdit()
        self.rate.setFont(mono())
        self.rate.setFixedWidth(RATE_WIDTH)
        self.rate.setToolTip("Type another learning rate and press Enter; a schedule goes on from it, scaled")
        self.rate.returnPressed.connect(self._set_rate)
        self.which = QComboBox()
        self.which.currentIndexChanged.connect(lambda _place: self._show_rate())
        self.epochs = QSpinBox()
        self.epochs.setRange(1, MOST_EPOCHS)
        self.epochs.setValue(FIRST_EPOCHS)
        self.more = QPushButton("more epochs")
        self.more.clicked.connect(self._add_epochs)
        self._changes = dim("The project was changed. The run goes on with it; every node that fits keeps its weights.")
        self._later = dim("The run stops after this epoch.")
        self._steering, self._adding = QWidget(), QWidget()
        self._lay_out()
        runner.started.connect(self._started)
        runner.told.connect(self._take)
        runner.ended.connect(self._ended)
        runner.steered.connect(self._judge)
        document.changed.connect(lambda _spec: self._judge())
        document.replaced.connect(self._forget)
        themes.changed.connect(self._dress)
        self._dress()
        self._judge()

    def _lay_out(self) -> None:
        column, steering = QVBoxLayout(self), QVBoxLayout(self._steering)
        for each in (column, steering):
            each.setContentsMargins(0, 0, 0, 0)
            each.setSpacing(SPACE)
        steering.addLayout(_row(self.pause, self.stop, self.keep))
        steering.addWidget(self._changes)
        steering.addWidget(self._later)
        steering.addLayout(_row(QLabel("Learning rate"), self.rate, self.which))
        adding = _row(QLabel("Train"), self.epochs, self.more)
        adding.setContentsMargins(0, 0, 0, 0)
        self._adding.setLayout(adding)
        column.addWidget(self._steering)
        column.addWidget(self._adding)

    def _dress(self) -> None:
        self.pause.setIcon(icon("resume" if self._runner.paused or self._runner.stops_later else "pause"))
        self.stop.setIcon(icon("stop"))
        self.keep.setIcon(icon("save"))
        self.more.setIcon(icon("add"))

    # ------------------------------------------------------------------------------------------------ what is asked

    def _pause_or_go_on(self) -> None:
        self.pause.setEnabled(False)
        if self._runner.paused:
            self._runner.go_on()
        elif self._runner.stops_later:
            self._runner.tell("go on")
            self.pause.setEnabled(True)
        else:
            self._runner.pause()

    def _stop(self) -> None:
        self._close()
        self._runner.stop()

    def _stop_later(self) -> None:
        """Let the run stop after its epoch; until then it can be told not to."""
        self._runner.tell("stop after epoch")

    def _stop_now(self) -> None:
        self._close()
        self._runner.stop_now()

    def _close(self) -> None:
        """Let nothing more be asked of a run that is to stop, but that it stops sooner."""
        for each in (self.pause, self.keep, self.more, self.rate):
            each.setEnabled(False)

    def _set_rate(self) -> None:
        rate = read_float(self.rate.text())
        self.rate.clearFocus()
        if isinstance(rate, float):
            self._runner.tell("rate", rate, self.which.currentData())
        else:
            self._runner.failed.emit(f"The learning rate {rate!r} is no number.")
            self._show_rate()

    def _add_epochs(self) -> None:
        if self._runner.running:
            self._runner.tell("epochs", self.epochs.value())
        elif self._last is not None:
            self._runner.resume(self._last, more_epochs=self.epochs.value())

    # --------------------------------------------------------------------------------------------------- what is told

    def _started(self, run: Run) -> None:
        self._last, self._rates = run, {}
        self.which.clear()
        for each in (self.pause, self.keep, self.more, self.rate):
            each.setEnabled(False)
        self._judge()

    def _take(self, event: Event) -> None:
        if isinstance(event, Started | Paused | Continued):
            for each in (self.pause, self.keep, self.more, self.rate):
                each.setEnabled(True)
            self._judge()
        if isinstance(event, Progress | Epoch | Changed) and event.learning_rates:
            self._take_rates(dict(event.learning_rates))

    def _take_rates(self, rates: dict[str, float]) -> None:
        fresh = rates.keys() != self._rates.keys()
        self._rates = rates
        if fresh:
            self.which.clear()
            self.which.addItem(ALL, None)
            for name in rates:
                self.which.addItem(name, name)
            self.which.setVisible(len(rates) > 1)
        self._show_rate()

    def _show_rate(self) -> None:
        if not self._rates or self.rate.hasFocus():
            return
        name = self.which.currentData()
        shown = set(self._rates.values()) if name is None else {self._rates[name]}
        self.rate.setText(show_number(float(f"{shown.pop():.4g}")) if len(shown) == 1 else "")

    def _ended(self, _run: Run, _state: str) -> None:
        if not self._runner.is_own:
            self._last = None
        self.more.setEnabled(True)
        self._judge()

    def _forget(self) -> None:
        if not self._runner.running:
            self._last = None
            self._judge()

    def _judge(self) -> None:
        """Show what can be done now."""
        running, paused = self._runner.running, self._runner.paused
        self._steering.setVisible(running)
        self._adding.setVisible(running or (self._last is not None and bool(self._last.checkpoint_files())))
        self.which.setVisible(len(self._rates) > 1)
        self.pause.setText("Go on" if paused else "Do not stop" if self._runner.stops_later else "Pause")
        self._later.setVisible(self._runner.stops_later)
        self._changes.setVisible(self._runner.is_changed())
        self._dress()


def _row(*widgets: QWidget) -> QHBoxLayout:
    """Widgets side by side, room behind them."""
    row = QHBoxLayout()
    row.setSpacing(SPACE)
    for each in widgets:
        row.addWidget(each)
    row.addStretch(1)
    return row
