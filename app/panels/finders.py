"""Dialogs that find a setting by trying: the learning rate and the batch size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from app.document import Document
from app.engine_process import EngineProcess, light
from app.fields.numbers import show_number
from app.panels.optimizer_box import OptimizerBox
from app.panels.sections import Words, dim
from app.theme import mono
from engine import edit
from engine.amounts import memory
from engine.progress import Headway

if TYPE_CHECKING:
    from app.panels.rate_plot import RatePlot

SIZE = QSize(560, 420)
MOST_ROOM = 100  # parts of the height that is left, of which the stretch above the buttons has one
REASONS = {
    "memory": "Larger ones do not fit into memory.",
    "samples": "It holds all training samples.",
    "time": "Larger ones take seconds for a step.",
    "stopped": "Larger ones were not tried.",
}
Answer = Mapping[str, Any]


class Finder(QDialog):
    """Tries out settings in a process of its own, and shows what it has found so far.

    It can be stopped; what is found by then can be taken over.
    """

    title, introduction, request, answer = "", "", "", ""

    def __init__(self, document: Document, parent: QWidget) -> None:
        super().__init__(parent)
        self._document = document
        self._engine = EngineProcess(self)
        self._engine.went_on.connect(self._tell)
        self._found: Answer | None = None  # so far, while it is at work
        self.stopped = False
        self.setWindowTitle(self.title)
        self.resize(SIZE)
        self.bar = QProgressBar()
        self.bar.setRange(0, 0)
        self.bar.setTextVisible(False)
        self.words = Words()
        self.use = QPushButton("Use")
        self.use.setProperty("primary", True)
        self.use.hide()
        self.use.clicked.connect(self._use)
        self.end = QPushButton("Stop")
        self.end.clicked.connect(self._stop)
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.end)
        buttons.addWidget(self.use)
        self._column = QVBoxLayout(self)
        for widget in (dim(self.introduction), self.bar, self.words):
            self._column.addWidget(widget)
        self._column.addStretch(1)
        self._column.addLayout(buttons)

    def begin(self) -> None:
        """Show it and try."""
        self.words.setText("Starting…")
        self.show()
        folder = str(self._document.folder)
        self._engine.request(self.request, self._take, spec=light(self._document.spec), folder=folder, **self.asked())

    def asked(self) -> dict[str, Any]:
        """What is asked beside the project."""
        return {}

    def done(self, result: int) -> None:
        """Close; what is still under way ends."""
        self._engine.close()
        super().done(result)
        self.deleteLater()

    def _tell(self, headway: Headway) -> None:
        if headway.what:
            self.words.setText(f"{headway.words()}…")
            self.bar.setRange(0, headway.total)
            self.bar.setValue(headway.done)
        if headway.found is not None:
            self._found = headway.found
            self.show_so_far(headway.found, headway.done / (headway.total or 1))

    def _stop(self) -> None:
        """End with what was found so far, or close where there is nothing."""
        found, self.stopped = self._found, True
        if found is None:
            self.reject()
            return
        self._engine.cancel()
        self._take({self.answer: found})

    def _take(self, answer: Answer) -> None:
        self._found = None
        self.bar.hide()
        self.end.setText("Close")
        if self.answer in answer:
            self.show_found(answer[self.answer])
        else:
            self.words.setText(str(answer.get("error", "")))

    def show_so_far(self, found: Answer, share: float) -> None:
        """Show what was found once a share of all has been tried."""
        raise NotImplementedError

    def show_found(self, found: Answer) -> None:
        """Show what was found in the end."""
        raise NotImplementedError

    def take_over(self) -> None:
        """Put what was found into the project."""
        raise NotImplementedError

    def _use(self) -> None:
        self.take_over()
        self.accept()

    def _put(self, widget: QWidget) -> None:
        """Put a widget between the words and the buttons, in the room that is left."""
        self._column.insertWidget(self._column.count() - 2, widget, MOST_ROOM)

    def _offer(self, text: str) -> None:
        self.use.setText(text)
        self.use.show()
        self.use.setDefault(True)


class RateFinder(Finder):
    """Finds a learning rate for the optimizer that is shown."""

    title, request, answer = "Find a learning rate", "find_lr", "swept"
    introduction = (
        "A copy of the network trains on a few batches while the learning rate rises from tiny to huge. A good rate is "
        "where the loss falls fastest, well before it rises again."
    )

    def __init__(self, document: Document, optimizers: OptimizerBox, parent: QWidget) -> None:
        super().__init__(document, parent)
        self._optimizers, self._place = optimizers, optimizers.place
        self._name = str(optimizers.entry().get("name", "main"))
        self._rate: float | None = None
        self._plot: RatePlot | None = None

    def asked(self) -> dict[str, Any]:
        return {"optimizer": self._name}

    def show_so_far(self, found: Answer, share: float) -> None:
        self._shown().show_curve(found, share)

    def _shown(self) -> RatePlot:
        if self._plot is None:
            from app.panels.rate_plot import RatePlot  # what plots is loaded only where something is drawn

            self._plot = RatePlot()
            self._put(self._plot)
        return self._plot

    def show_found(self, found: Answer) -> None:
        self._shown().show_curve(found)
        self._rate = found["suggestion"]
        if self._rate is not None:
            beginning = "Of the rates that were tried, the" if self.stopped else "The"
            self.words.setText(f"{beginning} loss falls fastest at {show_number(self._rate)}.")
            self._offer(f"Use {show_number(self._rate)}")
            self._shown().mark(self._rate)
        elif self.stopped:
            self.words.setText("The loss fell at none of the rates that were tried until then.")
        else:
            self.words.setText("The loss falls at no rate. Look at the data and the graph, or try larger batches.")

    def take_over(self) -> None:
        assert self._rate is not None
        self._optimizers.take_rate(self._place, self._rate)


class BatchFinder(Finder):
    """Finds how large batches can be, and how large they are best."""

    title, request, answer = "Find a batch size", "find_batch", "fitted"
    introduction = (
        "A copy of the network trains on larger and larger batches, until they no longer fit into memory. Up to a "
        "point, large batches pass through faster; beyond it, they only change the weights less often."
    )

    def __init__(self, document: Document, parent: QWidget) -> None:
        super().__init__(document, parent)
        self._size = 0
        self._lines = Words()
        self._lines.setFont(mono())
        self._lines.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._put(self._lines)

    def show_so_far(self, found: Answer, share: float) -> None:
        self._lines.setText("\n".join(map(_line, found["tried"])))

    def show_found(self, found: Answer) -> None:
        self._size = found["suggestion"]
        self.words.setText(
            f"The largest that was tried with success is {found['largest']:,}. {REASONS[found['reason']]} "
            f"Nearly as fast as any is {self._size:,}."
        )
        self.show_so_far(found, 1.0)
        self._offer(f"Use {self._size}")

    def take_over(self) -> None:
        path = "data.batching.batch_size"
        self._document.edit("Set batch_size", lambda spec: edit.set_setting(spec, path, self._size), merge=path)


def _line(tried: Answer) -> str:
    """A size that was tried, in columns."""
    if not tried["fits"]:
        return f"{tried['batch_size']:>8,}   does not fit"
    return f"{tried['batch_size']:>8,}   {tried['samples_per_second']:>12,.0f} samples/s   {memory(tried['bytes']):>10}"
