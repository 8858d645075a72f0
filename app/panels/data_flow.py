"""The way of the data from its source to the model, a card for each stage, with what each gives while training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from app.icons import icon
from app.panels.sections import Words
from app.theme import SPACE, smaller, theme, themes
from engine.amounts import short_count
from engine.columns import DataReport
from engine.events import Progress
from engine.ops.settings import Batching
from engine.ops.source import Source
from engine.spec import Spec

CARD_HEIGHT, CARD_WIDTH, LEAST_WIDTH = 72, 132, 40
ARROW = "→"
# The cards in their order: what each is called, its icon, and the stage of a run's progress that it stands for.
STAGES = {
    "source": ("Source", "data", "read"),
    "steps": ("Steps", "steps", "steps"),
    "cache": ("Cache", "cache", "cache"),
    "shuffle": ("Shuffle", "shuffle", ""),
    "batch": ("Batch", "batch", "batch"),
    "prefetch": ("Prefetch", "prefetch", "copy"),
    "model": ("Model", "node", "model"),
}
CACHES = {"auto": "as it fits", "none": "not kept", "memory": "in memory", "disk": "on the disk"}
WAIT_WORTH_TELLING = 0.01


@dataclass(frozen=True, slots=True)
class Told:
    """What a card says: its settings in words, a detail, and both in full for its tooltip."""

    words: str
    full: str
    detail: str = ""


def told(spec: Spec, report: DataReport | None) -> dict[str, Told]:
    """What each card says of the settings of a spec."""
    batching = {**Batching.defaults(), **_mapping(spec.data.get("batching"))}
    return {
        "source": _source(spec, report),
        "steps": _steps(report),
        "cache": Told(CACHES.get(str(batching["cache"]), "?"), Batching.params()["cache"].doc),
        "shuffle": _shuffle(batching),
        "batch": _batch(batching, report),
        "prefetch": _prefetch(batching),
        "model": _model(spec, report),
    }


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _source(spec: Spec, report: DataReport | None) -> Told:
    kind = str(_mapping(spec.data.get("source")).get("kind", ""))
    if kind not in Source.registry:
        return Told("none chosen", "Choose where samples come from.")
    title = Source.registry[kind].title
    count = sum(report.splits.values()) if report else 0
    if not count:
        return Told(title, f"Samples come from: {title}.")
    parts = ", ".join(f"{name} {each:,}" for name, each in report.splits.items()) if report else ""
    target = report.columns.get(report.target) if report else None
    classes = len(target.classes) if target else 0
    detail = f"{classes:,} classes" if classes else title
    return Told(f"{count:,} samples", f"{title}: {count:,} samples ({parts}).", detail)


def _steps(report: DataReport | None) -> Told:
    stepped = (
        [each for each in report.columns.values() if each.steps and not _is_part(each.name, report)] if report else []
    )
    count = sum(len(each.steps) for each in stepped)
    if not count:
        return Told("none", "No column has steps; values go to the model as the source holds them.")
    listed = "\n".join(f"{each.name}: {', '.join(each.steps)}" for each in stepped[:12])
    of = len(stepped)
    return Told(f"{count} step{'s' * (count > 1)}", listed, f"on {of} column{'s' * (of > 1)}")


def _is_part(name: str, report: DataReport) -> bool:
    return any(name in each.parts for each in report.columns.values())


def _shuffle(batching: Mapping[str, Any]) -> Told:
    full = "Training samples come in a new order each epoch." if batching["shuffle"] else "Samples come as they lie."
    if batching["sampling"] != "each once":
        return Told(str(batching["sampling"]), f"Drawn {batching['sampling']}. {full}")
    if not batching["shuffle"]:
        return Told("as they lie", full)
    buffer = batching["shuffle_buffer"]
    return Told(f"within {buffer:,}" if buffer else "shuffled", full)


def _batch(batching: Mapping[str, Any], report: DataReport | None) -> Told:
    size = batching["batch_size"]
    count = report.splits.get("train", 0) if report else 0
    whole = isinstance(size, int) and size > 0 and count
    batches = -(-count // size) if whole else 0
    detail = f"{batches:,} batch{'es' * (batches != 1)}" if batches else ""
    full = f"{detail} of training samples an epoch." if batches else "Samples in a batch."
    return Told(f"{size:,} a batch" if isinstance(size, int) else "?", full, detail)


def _prefetch(batching: Mapping[str, Any]) -> Told:
    workers, ahead = batching["workers"], batching["prefetch"]
    words = "as needed" if workers is None else f"{workers} worker{'s' * (workers != 1)}"
    told_in_full = "As many workers as needed" if workers is None else words
    return Told(
        words,
        f"{told_in_full}, {ahead} batch{'es' * (ahead != 1)} ahead each, where samples are not in memory.",
        f"{ahead} ahead",
    )


def _model(spec: Spec, report: DataReport | None) -> Told:
    bound = [node.params.get("column") for node in spec.nodes.values() if node.op == "Input"]
    names = [str(each) for each in bound if each and (report is None or each in report.columns)]
    if not names:
        return Told("no input yet", "No Input of the graph is bound to a column.")
    return Told(f"{len(names)} input{'s' * (len(names) > 1)}", f"Inputs are bound to {', '.join(names)}.")


class Flow(QWidget):
    """The stages as cards in a row; a click leads to the settings of one."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.cards = {name: _Card(title, icon_name) for name, (title, icon_name, _stage) in STAGES.items()}
        self._advice = Words()
        row = QHBoxLayout()
        row.setSpacing(SPACE // 2)
        for name, card in self.cards.items():
            card.clicked.connect(lambda _=False, name=name: self.chosen.emit(name))
            if row.count():
                arrow = QLabel(ARROW)
                arrow.setProperty("dim", True)
                row.addWidget(arrow)
            row.addWidget(card, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE // 2)
        column.addLayout(row)
        column.addWidget(self._advice)

    def show_settings(self, spec: Spec, report: DataReport | None) -> None:
        """Say the settings."""
        for name, each in told(spec, report).items():
            self.cards[name].show_words(each)

    def show_progress(self, event: Progress) -> None:
        """Show what each stage gives while training, the slowest of them marked; what is not told anew stays."""
        if not event.stages:
            return
        rates = {each.name: each.samples_per_second for each in event.stages}
        slowest = min((name for name in rates if name != "model"), key=lambda name: rates[name], default="")
        for name, (_title, _icon, stage) in STAGES.items():
            rate = f"{short_count(round(rates[stage]))}/s" if rates.get(stage) else ""
            late = stage == slowest and event.waited > WAIT_WORTH_TELLING
            self.cards[name].show_rate(rate, "warning" if late else "")
        model = rates.get("model") or event.samples_per_second
        self.cards["model"].show_rate(f"waits {event.waited:.0%}, {short_count(round(model))}/s", "")
        self._advice.setText(event.advice)

    def clear_progress(self) -> None:
        """Say nothing of a run any more."""
        for card in self.cards.values():
            card.show_rate("", "")
        self._advice.setText("")


class _Card(QAbstractButton):
    """One stage: its name, its settings in words, and what it gives."""

    def __init__(self, title: str, icon_name: str) -> None:
        super().__init__()
        self._title, self._icon = title, icon_name
        self.words, self.rate = "", ""
        self._detail, self._mark = "", ""
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        themes.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """As wide as the words of most settings."""
        return QSize(CARD_WIDTH, CARD_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        """As narrow as its name."""
        return QSize(LEAST_WIDTH, CARD_HEIGHT)

    def show_words(self, told: Told) -> None:
        """Say the settings."""
        self.words, self._detail = told.words, told.detail
        self.setToolTip(f"<p><b>{self._title}</b>: {told.full}</p>".replace("\n", "<br>"))
        self.setAccessibleName(f"{self._title}: {told.words}")
        self.update()

    def show_rate(self, rate: str, mark: str) -> None:
        """Say how much it gives."""
        if (rate, mark) != (self.rate, self._mark):
            self.rate, self._mark = rate, mark
            self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the card."""
        worn, painter = theme(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        hot = self.underMouse() or self.hasFocus()
        edge = worn.accent if hot else worn.warning if self._mark else worn.card_edge
        painter.setPen(QPen(QColor(edge), 1))
        painter.setBrush(QColor(worn.card))
        painter.drawRoundedRect(self.rect().adjusted(0, 0, -1, -1), 6, 6)
        inner = self.rect().adjusted(SPACE, SPACE - 2, -SPACE, -SPACE + 2)
        icon(self._icon, worn.dim).paint(painter, QRect(inner.left(), inner.top() + 1, 14, 14))
        self._line(painter, QRect(inner.left() + 20, inner.top(), inner.width() - 20, 16), self._title, worn.dim)
        self._line(painter, QRect(inner.left(), inner.top() + 21, inner.width(), 18), self.words, worn.text)
        painter.setFont(smaller(self.font()))
        mark = worn.warning if self._mark else worn.accent if self.rate else worn.dim
        low = QRect(inner.left(), inner.bottom() - 15, inner.width(), 16)
        self._line(painter, low, self.rate or self._detail, mark)
        painter.end()

    def _line(self, painter: QPainter, rect: QRect, text: str, colour: str) -> None:
        painter.setPen(QColor(colour))
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
        painter.drawText(rect, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
