"""How the values of a column are distributed, split by split, as bars with their axis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.panels.data_draw import draw_bars, part_colour
from app.theme import SPACE, smaller, theme, themes
from engine.amounts import plain_number
from engine.columns import day_text

CHART_HEIGHT, AXIS_HEIGHT, HEAD_HEIGHT = 64, 18, 18
DATE = "date"  # the unit of dates
LEAST_LABEL = 22  # pixels of a bar from which on each has its name below it


class Distribution(QWidget):
    """A chart for each split, one below the other on the same axis."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: Mapping[str, Any] = {}
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        themes.changed.connect(self.update)
        self.show_distribution(None)

    def show_distribution(self, distribution: Mapping[str, Any] | None) -> None:
        """Show a distribution as the engine tells it."""
        self.shown = distribution or {}
        parts = self.parts()
        self.setFixedHeight(len(parts) * (CHART_HEIGHT + HEAD_HEIGHT) + AXIS_HEIGHT if parts else 0)
        self.setAccessibleName(self.words())
        self.setVisible(bool(parts))
        self.update()

    def parts(self) -> list[str]:
        """The splits that have something to show."""
        return [part for part, counts in self.shown.get("parts", {}).items() if counts]

    def words(self) -> str:
        """The largest bar of each split in words."""
        told = []
        for part in self.parts():
            counts = self.shown["parts"][part]
            told.append(f"{part}: most, {max(counts):,}, are {self.name(counts.index(max(counts)))}")
        return "; ".join(told)

    def name(self, place: int) -> str:
        """What a bar stands for: a class, or from where to where it reaches."""
        if "names" in self.shown:
            return str(self.shown["names"][place])
        low, high = self.shown["edges"][place : place + 2]
        low, high = (low + self._inset(), high - self._inset())
        words = self._value(low) if low == high else f"{self._value(low)} to {self._value(high)}"
        return f"{words} {self._unit()}".strip()

    def _inset(self) -> float:
        """How far the lowest whole number of a bar is from its edge, 0 where its numbers are not whole."""
        low, high = self.shown["edges"][:2]
        return 0.5 if (high - low).is_integer() and (low + 0.5).is_integer() else 0.0

    def _unit(self) -> str:
        return "" if self.shown["unit"] == DATE else str(self.shown["unit"])

    def _value(self, value: float) -> str:
        """A value of the axis in words."""
        return day_text(value) if self.shown["unit"] == DATE else plain_number(value)

    def event(self, event: Any) -> bool:
        """Say what the bar under the mouse counts."""
        if isinstance(event, QHelpEvent) and (words := self.words_at(event.pos())):
            QToolTip.showText(event.globalPos(), words, self)
            return True
        return super().event(event)

    def words_at(self, point: QPoint) -> str:
        """What the bar at a point counts."""
        place = point.y() // (CHART_HEIGHT + HEAD_HEIGHT)
        parts = self.parts()
        if not 0 <= place < len(parts) or not 0 <= point.x() < self.width():
            return ""
        counts = self.shown["parts"][parts[place]]
        bar = point.x() * len(counts) // self.width()
        share = counts[bar] / max(1, sum(counts))
        return f"{self.name(bar)}: {counts[bar]:,} of {parts[place]} ({share:.1%})"

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the charts and the axis."""
        worn, painter = theme(), QPainter(self)
        top = 0
        for part in self.parts():
            counts = self.shown["parts"][part]
            painter.setPen(QColor(worn.dim))
            painter.setFont(smaller(self.font()))
            head = f"{part}  {sum(counts):,}"
            painter.drawText(QRect(0, top, self.width(), HEAD_HEIGHT), Qt.AlignmentFlag.AlignVCenter, head)
            chart = QRect(0, top + HEAD_HEIGHT, self.width(), CHART_HEIGHT - SPACE // 2)
            draw_bars(painter, chart, counts, part_colour(part))
            painter.fillRect(QRect(0, chart.bottom() + 1, self.width(), 1), QColor(worn.line))
            top += CHART_HEIGHT + HEAD_HEIGHT
        if top:
            self._draw_axis(painter, QRect(0, top, self.width(), AXIS_HEIGHT))
        painter.end()

    def _draw_axis(self, painter: QPainter, rect: QRect) -> None:
        painter.setPen(QColor(theme().dim))
        painter.setFont(smaller(self.font()))
        names = self.shown.get("names")
        if names and rect.width() / len(names) >= LEAST_LABEL:
            step = rect.width() / len(names)
            for place, name in enumerate(names):
                box = QRect(round(step * place), rect.top(), round(step) - 2, rect.height())
                shown = painter.fontMetrics().elidedText(str(name), Qt.TextElideMode.ElideRight, box.width())
                painter.drawText(box, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter, shown)
            return
        last = len(next(iter(self.shown["parts"].values()))) - 1
        painter.drawText(rect, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self._end(0))
        painter.drawText(rect, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self._end(last))

    def _end(self, place: int) -> str:
        """What stands at an end of the axis."""
        if "names" in self.shown:
            return str(self.shown["names"][place])
        edges = self.shown["edges"]
        value = edges[place + 1] - self._inset() if place else edges[0] + self._inset()
        return f"{self._value(value)} {self._unit()}".strip()
