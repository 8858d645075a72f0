"""What the steps of a column do to a sample: its value before them and after each, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QRect, QSize, QSizeF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from app.data_helper import DataHelper
from app.icons import icon
from app.panels.data_draw import draw_boxes, draw_chips, draw_picture, draw_wave, pixmap_of, size_of
from app.panels.sections import Elided, Words
from app.theme import SPACE, mono, smaller, theme, themes
from engine.amounts import plain_number
from engine.edit_columns import step_title

STAGE_HEIGHT, SHORT_HEIGHT, PICTURE, WIDE = 156, 72, 112, 208
TOPIC = "trace"
FIRST_EPOCH = 1
KEEP = Qt.AspectRatioMode.KeepAspectRatio
SHORT_TEXT = 24  # letters of a text that needs one line


class TraceBox(QWidget):
    """Asks for a sample of the training split on its way through the steps of a column, and shows it."""

    def __init__(self, helper: DataHelper) -> None:
        super().__init__()
        self._helper = helper
        self._column, self._place = "", 0
        self._epoch = FIRST_EPOCH
        self._where, self._note = Elided(Qt.TextElideMode.ElideMiddle), Words()
        self._where.setProperty("dim", True)
        self._note.setProperty("dim", True)
        self._next = QPushButton(icon("next"), "Next sample")
        self._next.clicked.connect(self._show_next)
        self._draw = QPushButton(icon("draw"), "Draw again")
        self._draw.setToolTip("Shows what random steps make of the sample in another epoch")
        self._draw.clicked.connect(self._draw_again)
        self._row = QHBoxLayout()
        self._row.setSpacing(SPACE)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._stages: list[_Stage] = []
        self._lay_out()

    def _lay_out(self) -> None:
        inner = QWidget()
        inner.setLayout(self._row)
        self._row.addStretch(1)
        self._area = QScrollArea()
        self._area.setWidget(inner)
        self._area.setWidgetResizable(True)
        self._area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        tools = QHBoxLayout()
        tools.setContentsMargins(0, 0, 0, 0)
        tools.addWidget(self._where, 1)
        tools.addWidget(self._draw)
        tools.addWidget(self._next)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE // 2)
        column.addLayout(tools)
        column.addWidget(self._area)
        column.addWidget(self._note)
        self._draw.hide()

    def show_column(self, column: str) -> None:
        """Show a sample of a column; the place among the samples stays."""
        if column != self._column:
            self._epoch = FIRST_EPOCH
        self._column = column
        self._ask()

    def _show_next(self) -> None:
        self._place += 1
        self._ask()

    def _draw_again(self) -> None:
        self._epoch += 1
        self._ask()

    def _ask(self) -> None:
        if not self._column:
            self._helper.forget(TOPIC)
            self.show_trace({})
            return
        arguments = {"column": self._column, "place": self._place, "epoch": self._epoch}
        self._helper.ask(TOPIC, self.show_trace, "trace", **arguments)

    def show_trace(self, answer: Mapping[str, Any]) -> None:
        """Show an answer of the helper."""
        stages = answer.get("stages", ())
        kept = [(each.get("op", ""), each["value"]) for each in stages]
        while len(self._stages) > len(kept):
            stage = self._stages.pop()
            self._row.removeWidget(stage)
            stage.hide()
            stage.deleteLater()
        while len(self._stages) < len(kept):
            self._stages.append(_Stage())
            self._row.insertWidget(len(self._stages) - 1, self._stages[-1])
        height = STAGE_HEIGHT if any(not is_short(value) for _op, value in kept) else SHORT_HEIGHT
        for stage, (op, value) in zip(self._stages, kept, strict=True):
            stage.show_value(step_title(op) if op else "As it is", value, height)
        self._area.setFixedHeight(height + 2 * SPACE)
        self._area.setVisible(bool(kept))
        self._next.setEnabled(bool(kept))
        self._draw.setVisible(bool(answer.get("random")))
        self._where.setText(str(answer.get("where", "")))
        self._where.setToolTip(str(answer.get("where", "")))
        drawn = f"Random steps as drawn in epoch {self._epoch}; outside of training they rest."
        told = (answer.get("error"), drawn if answer.get("random") else "", answer.get("note"))
        self._note.setText(" ".join(str(each) for each in told if each))

    def stages(self) -> list[tuple[str, Mapping[str, Any]]]:
        """What is shown: the title of each stage, and the sample's value after it."""
        return [(each.title, each.value) for each in self._stages]


class _Stage(QWidget):
    """A value after a step."""

    def __init__(self) -> None:
        super().__init__()
        self.title, self.value = "", dict[str, Any]()
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        themes.changed.connect(self.update)

    def sizeHint(self) -> QSize:
        """As wide as what it shows needs."""
        wide = any(key in self.value for key in ("text", "tokens", "peaks", "spectrum", "names"))
        return QSize(WIDE if wide else PICTURE + 2 * SPACE, self.height())

    def show_value(self, title: str, value: Mapping[str, Any], height: int) -> None:
        """Show a value as the engine tells it."""
        self.title, self.value = title, dict(value)
        self.setFixedHeight(height)
        self.setToolTip(words_of(value))
        self.setAccessibleName(f"{title}: {words_of(value)}")
        self.updateGeometry()
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw title, value and facts."""
        worn, painter = theme(), QPainter(self)
        painter.setPen(QColor(worn.line))
        painter.setBrush(QColor(worn.field))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.setPen(QColor(worn.text))
        head = QRect(SPACE, 4, self.width() - 2 * SPACE, 16)
        painter.drawText(head, Qt.AlignmentFlag.AlignVCenter, _elided(painter, self.title, head))
        body = self.rect().adjusted(SPACE, 24, -SPACE, -22)
        self._draw_value(painter, body)
        painter.setPen(QColor(worn.dim))
        painter.setFont(smaller(self.font()))
        foot = QRect(SPACE, self.height() - 19, self.width() - 2 * SPACE, 16)
        painter.drawText(foot, Qt.AlignmentFlag.AlignVCenter, _elided(painter, foot_of(self.value), foot))
        painter.end()

    def _draw_value(self, painter: QPainter, body: QRect) -> None:
        value = self.value
        if "png" in value:
            draw_picture(painter, body, pixmap_of(value["png"]))
        elif "peaks" in value and "spectrum" in value:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            half = body.height() // 2
            draw_wave(painter, QRect(body.topLeft(), QSize(body.width(), half - 2)), value["peaks"])
            low = QRect(body.left(), body.top() + half + 2, body.width(), half - 2)
            painter.drawPixmap(low, pixmap_of(value["spectrum"]))
        elif "peaks" in value:
            draw_wave(painter, body, value["peaks"])
        elif "spectrum" in value:
            painter.drawPixmap(body, pixmap_of(value["spectrum"]))
        elif "boxes" in value:
            height, width = size_of(value)
            place = QRect(body.topLeft(), QSizeF(width, height).scaled(body.size(), KEEP).toSize())
            painter.drawRect(place)
            draw_boxes(painter, place, value)
        elif "tokens" in value:
            painter.setFont(mono(-2))
            draw_chips(painter, body, value["tokens"])
        elif "numbers" in value:
            self._draw_numbers(painter, body)
        else:
            flags = Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextWordWrap
            painter.setPen(QColor(theme().dim if value.get("missing") else theme().text))
            painter.drawText(body, flags, "missing" if value.get("missing") else str(value.get("text", "")))

    def _draw_numbers(self, painter: QPainter, body: QRect) -> None:
        """Numbers one below the other, with the names of the columns that they join."""
        painter.setFont(mono(-1))
        height = painter.fontMetrics().height()
        names = self.value.get("names", ())
        for place, number in enumerate(self.value["numbers"][: max(1, body.height() // height)]):
            line = QRect(body.left(), body.top() + place * height, body.width(), height)
            painter.setPen(QColor(theme().text))
            painter.drawText(
                line, Qt.AlignmentFlag.AlignRight if names else Qt.AlignmentFlag.AlignLeft, number_words(number)
            )
            if names:
                painter.setPen(QColor(theme().dim))
                left = QRect(line.topLeft(), QSize(line.width() * 3 // 5, height))
                painter.drawText(left, Qt.AlignmentFlag.AlignLeft, _elided(painter, names[place], left))


def _elided(painter: QPainter, text: str, rect: QRect) -> str:
    return painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, rect.width())


def is_short(value: Mapping[str, Any]) -> bool:
    """Whether a value needs but a line: one number, or a word."""
    return len(value.get("numbers", ())) == 1 or ("text" in value and len(str(value["text"])) <= SHORT_TEXT)


def number_words(value: float | None) -> str:
    """A number in few letters; a missing one is said to be."""
    return "missing" if value is None else plain_number(value)


def foot_of(value: Mapping[str, Any]) -> str:
    """The facts of a value on one line: its shape, its range, how long it is."""
    if "range" in value:
        low, high = value["range"]
        return f"{low:.3g} to {high:.3g}"
    if "boxes" in value:
        return f"{len(value['boxes'])} boxes"
    if "count" in value:
        return f"{value['count']:,} tokens"
    if "seconds" in value:
        return f"{value['seconds']:g} s, {value['rate']:,} Hz"
    if "place" in value:
        return f"class {value['place']}"
    shape = value.get("shape", ())
    if len(shape) < 2 or "numbers" not in value:
        count = len(value.get("numbers", ()))
        return f"{shape[0]:,} numbers" if count > 1 else " × ".join(map(str, shape)) if len(shape) > 1 else ""
    return " × ".join(map(str, shape))


def words_of(value: Mapping[str, Any]) -> str:
    """A value in words, for a tooltip."""
    if value.get("missing"):
        return "missing"
    if "tokens" in value:
        return "  ".join(f"{token} ({number})" for token, number in zip(value["tokens"], value["ids"], strict=True))
    if "numbers" in value:
        return ", ".join(map(number_words, value["numbers"]))
    return str(value.get("text") or foot_of(value))
