"""The curve of a learning-rate sweep: the loss at each rate, and the rate that is suggested."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.fields.numbers import show_number
from app.theme import theme, themes

TOP = 1.5  # how far above its first value the drawn loss may rise, in parts of its whole fall
LEAST_FALL = 0.25  # share of the first loss that is drawn at least; less would make noise look large


class RatePlot(QWidget):
    """Draws the curve while it grows, and marks what it suggests."""

    def __init__(self) -> None:
        super().__init__()
        self._plot: Any = pg.PlotWidget()
        self._plot.setMenuEnabled(False)
        self._plot.hideButtons()
        self._plot.setLogMode(x=True)
        self._plot.setMouseEnabled(False, False)
        self._losses, self._smoothed = self._plot.plot(), self._plot.plot()
        self._mark = pg.InfiniteLine(angle=90, label="", labelOpts={"position": 0.93, "anchors": [(1, 0.5), (0, 0.5)]})
        self._mark.hide()
        self._plot.addItem(self._mark, ignoreBounds=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._plot)
        themes.changed.connect(self._dress)
        self._dress()

    def _dress(self) -> None:
        worn = theme()
        self._plot.setBackground(worn.panel)
        for side, words in (("bottom", "learning rate"), ("left", "loss")):
            axis = self._plot.getAxis(side)
            axis.setTextPen(worn.dim)
            axis.setPen(worn.line)
            axis.enableAutoSIPrefix(False)
            self._plot.setLabel(side, words, color=worn.dim)  # behind the pen, which colours it too
        self._losses.setPen(pg.mkPen(worn.dim, width=1))
        self._smoothed.setPen(pg.mkPen(worn.accent, width=2))
        self._mark.setPen(pg.mkPen(worn.text, style=Qt.PenStyle.DashLine))
        self._mark.label.setColor(worn.text)

    def show_curve(self, swept: Mapping[str, Any], share: float = 1.0) -> None:
        """Draw what has been found once a share of all rates has been tried."""
        rates, smoothed = swept["rates"], swept["smoothed"]
        if not rates:
            return
        self._losses.setData(rates, swept["losses"])
        self._smoothed.setData(rates, smoothed)
        first, last = math.log10(rates[0]), math.log10(rates[-1])
        self._plot.setXRange(first, first + (last - first) / share if last > first else first + 1)
        least = min(smoothed)
        fall = max(smoothed[0] - least, abs(smoothed[0]) * LEAST_FALL)
        self._plot.setYRange(least - 0.1 * fall, least + TOP * fall)

    def mark(self, rate: float) -> None:
        """Mark the rate that is suggested."""
        self._mark.show()  # first, for a hidden label takes no words
        self._mark.setValue(math.log10(rate))
        self._mark.label.setFormat(show_number(rate))
