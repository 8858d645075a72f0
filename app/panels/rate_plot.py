"""The curve of a learning-rate sweep: the loss at each rate, and the rate that is suggested."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from app.theme import theme

TOP = 1.5  # how far above its first value the drawn loss may rise, in parts of its whole fall


def rate_plot(swept: Mapping[str, Any]) -> QWidget:
    """Draw what a sweep found."""
    worn = theme()
    plot: Any = pg.PlotWidget(background=worn.panel)
    plot.setMenuEnabled(False)
    plot.setLogMode(x=True)
    for side, words in (("bottom", "learning rate"), ("left", "loss")):
        plot.getAxis(side).setTextPen(worn.dim)
        plot.getAxis(side).setPen(worn.line)
        plot.setLabel(side, words, color=worn.dim)  # behind the pen, which colours it too
    rates, losses, smoothed = swept["rates"], swept["losses"], swept["smoothed"]
    plot.plot(rates, losses, pen=pg.mkPen(worn.dim, width=1))
    plot.plot(rates, smoothed, pen=pg.mkPen(worn.accent, width=2))
    if smoothed:
        least = min(smoothed)
        fall = max(smoothed[0] - least, abs(smoothed[0]) * 1e-3)
        plot.setYRange(least - 0.1 * fall, least + TOP * fall)
    if swept["suggestion"]:
        line = pg.InfiniteLine(angle=90, pen=pg.mkPen(worn.accent, style=Qt.PenStyle.DashLine))
        plot.addItem(line, ignoreBounds=True)
        line.setValue(math.log10(swept["suggestion"]))
    found: QWidget = plot
    return found
