"""The curve of a learning-rate sweep: the loss at each rate, and the rate that is suggested."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt

from app.theme import theme

TOP = 1.5  # how far above its first value the drawn loss may rise, in parts of its whole fall


class RatePlot(pg.PlotWidget):
    """Draws what a sweep found."""

    def __init__(self, swept: Mapping[str, Any]) -> None:
        worn = theme()
        super().__init__(background=worn.panel)
        self.setMenuEnabled(False)
        self.setLogMode(x=True)
        for side, words in (("bottom", "learning rate"), ("left", "loss")):
            self.setLabel(side, words, color=worn.dim)
            self.getAxis(side).setTextPen(worn.dim)
            self.getAxis(side).setPen(worn.line)
        rates, losses, smoothed = swept["rates"], swept["losses"], swept["smoothed"]
        self.plot(rates, losses, pen=pg.mkPen(worn.dim, width=1))
        self.plot(rates, smoothed, pen=pg.mkPen(worn.accent, width=2))
        if smoothed:
            least = min(smoothed)
            fall = max(smoothed[0] - least, abs(smoothed[0]) * 1e-3)
            self.setYRange(least - 0.1 * fall, least + TOP * fall)
        if swept["suggestion"]:
            line = pg.InfiniteLine(angle=90, pen=pg.mkPen(worn.accent, style=Qt.PenStyle.DashLine))
            self.addItem(line, ignoreBounds=True)
            line.setValue(math.log10(swept["suggestion"]))
