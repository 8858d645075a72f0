"""The plots of a sweep: its history, what matters, each value against the score, and all values side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetrics, QShowEvent
from PySide6.QtWidgets import QGraphicsRectItem, QStackedLayout, QVBoxLayout, QWidget

from app.panels.sections import dim
from app.theme import SPACE, mono, theme, themes
from engine.sweep.folder import Trial, Trials
from engine.sweep.plan import read_range, short, shown

HISTORY, PARALLEL, IMPORTANCE, SLICES = "History", "Parallel", "Importance", "Slices"
DOTS = "Full: trials that were finished. Hollow: those that ended early, at their last score."
CAPTIONS = {
    HISTORY: f"{DOTS} The line: the best so far.",
    PARALLEL: "Drag along an axis to keep the trials that pass there, in the table as well; click the axis to free it.",
    IMPORTANCE: "How much of the difference between scores each setting explains, told by fANOVA from finished trials.",
    SLICES: DOTS,
}
BRUSH_WIDTH = 0.16  # of the distance between two axes
NEAREST = 0.5  # how near an axis a brush must begin, in distances between two
FEW = 8  # different values that are named on their axis
AXIS_WIDE, LEAST_WIDE = 24, 48  # pixels: what an axis takes of a slice, and the least that its words are cut to
EDGE = 0.25  # beside the outermost values of a slice, so that their words have room; in parts of the way between
SHADES = 8  # from the weakest line to the strongest
THIN, THICK = 1, 3  # pixels: lines between the two take fifty times as long to draw as thin ones
GROUND = 190  # how much the ground of words covers, of 255


class SweepPlots(QWidget):
    """One kind of plot at a time."""

    brushed: Signal[tuple[set[int] | None]] = Signal(object)  # the trials that are left, None for all
    importance_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        pg.setConfigOptions(antialias=True)
        self._trials: Trials | None = None
        self._kind = HISTORY
        self._importance: Mapping[str, float] | str = ""
        self._brushes: dict[int, tuple[float, float]] = {}
        self._is_stale = True  # whether something changed while no plot was on show
        self.view = pg.GraphicsLayoutWidget()
        self._words = dim()
        self._words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._stack = QStackedLayout()
        self._stack.addWidget(self._words)
        self._stack.addWidget(self.view)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, SPACE // 2, 0, 0)
        column.addLayout(self._stack, 1)
        self._caption = dim()
        column.addWidget(self._caption)
        themes.changed.connect(self._draw)

    def show_kind(self, kind: str) -> None:
        """Show another kind of plot."""
        is_drawn = kind == self._kind and not self._is_stale
        self._kind = kind
        self._caption.setText(CAPTIONS[kind])
        if not is_drawn:
            self._renew()

    def show_trials(self, trials: Trials | None) -> None:
        """Show these trials; the brushes go with the sweep they were drawn on."""
        if self._trials is None or trials is None or self._trials.ranges != trials.ranges:
            self._brushes = {}
            self.brushed.emit(None)
        self._trials = trials
        self._renew()

    def show_importance(self, found: Mapping[str, float] | str) -> None:
        """Show how much each setting matters, or the sentence that says why that is not known."""
        self._importance = found
        if self._kind == IMPORTANCE:
            self._draw()

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what changed meanwhile."""
        super().showEvent(event)
        if self._is_stale:
            self._renew()

    def _renew(self) -> None:
        """Draw anew, and have it asked what matters where that is on show."""
        if self._kind == IMPORTANCE and self.isVisible():
            self.importance_wanted.emit()
        self._draw()

    def _draw(self) -> None:
        self._is_stale = not self.isVisible()
        if self._is_stale:
            return
        self.view.setBackground(theme().panel)
        self.view.clear()
        trials = self._trials
        scored = [each for each in trials.trials if each.score is not None] if trials is not None else []
        if trials is None or not scored:
            self._say("The plots grow as trials come to an end.")
            return
        self._stack.setCurrentWidget(self.view)
        match self._kind:
            case "History":
                self._draw_history(trials, scored)
            case "Parallel":
                self._draw_parallel(trials, scored)
            case "Importance":
                self._draw_importance()
            case _:
                self._draw_slices(trials, scored)

    def _say(self, words: str) -> None:
        self._words.setText(words)
        self._stack.setCurrentWidget(self._words)

    def _plot(self, column: int, left: str, bottom: str, view: pg.ViewBox | None = None) -> pg.PlotItem:
        plot: pg.PlotItem = self.view.addPlot(row=0, col=column, viewBox=view)
        for side, text in (("left", left), ("bottom", bottom)):
            axis = plot.getAxis(side)
            axis.setPen(theme().line)
            axis.setTextPen(theme().dim)
            axis.setTickFont(QFont(mono(-2)))
            axis.setLabel(text, color=theme().dim)
            axis.enableAutoSIPrefix(False)
            axis.setStyle(hideOverlappingLabels=False)
        plot.hideButtons()
        return plot

    # -------------------------------------------------------------------------------------------------- the kinds

    def _draw_history(self, trials: Trials, scored: list[Trial]) -> None:
        plot = self._plot(0, trials.metric, "trial")
        self._scatter(plot, [each.number for each in scored], scored)
        best: list[float] = []
        finished = [each for each in scored if each.state == "finished"]
        for each in finished:
            score = each.score or 0.0
            best.append((max if trials.higher else min)(score, best[-1]) if best else score)
        if best:
            places = [each.number for each in finished] + [finished[-1].number + 1]
            plot.plot(places, best, stepMode="center", pen=pg.mkPen(theme().accent, width=2))

    def _scatter(self, plot: pg.PlotItem, places: Sequence[float], scored: list[Trial]) -> None:
        """A dot for each trial, hollow where it was pruned."""
        full, hollow = pg.mkBrush(theme().accent), pg.mkBrush(None)
        plot.addItem(
            pg.ScatterPlotItem(
                x=list(places),
                y=[each.score for each in scored],
                size=8,
                pen=pg.mkPen(theme().accent),
                brush=[full if each.state == "finished" else hollow for each in scored],
            )
        )

    def _draw_slices(self, trials: Trials, scored: list[Trial]) -> None:
        first: pg.PlotItem | None = None
        for column, path in enumerate(trials.ranges):
            scale = _Scale(path, trials, scored)
            wide = max(LEAST_WIDE, self.view.width() // len(trials.ranges) - AXIS_WIDE)
            name = self.fontMetrics().elidedText(short(path), Qt.TextElideMode.ElideLeft, wide)
            plot = self._plot(column, trials.metric if first is None else "", name)
            there = [each for each in scored if path in each.values]
            self._scatter(plot, [scale.of(each) for each in there], there)
            plot.getAxis("bottom").setTicks([_staggered(scale.ticks(), wide)])
            plot.setXRange(0, 1, padding=EDGE)
            if first is not None:
                plot.setYLink(first)
                plot.getAxis("left").setStyle(showValues=False)
            first = first or plot

    def _draw_importance(self) -> None:
        found = self._importance
        if isinstance(found, str):
            self._say(found or "Asking what matters…")
            return
        paths = list(found)
        plot = self._plot(0, "", "share of what the score depends on")
        places = np.arange(len(paths))[::-1]
        plot.addItem(
            pg.BarGraphItem(x0=0, y=places, height=0.6, width=list(found.values()), brush=theme().accent, pen=None)
        )
        plot.getAxis("left").setTicks(
            [[(float(place), short(path)) for place, path in zip(places, paths, strict=True)]]
        )
        for place, share in zip(places, found.values(), strict=True):
            text = pg.TextItem(f"{share:.0%}", color=theme().text, anchor=(0, 0.5))
            text.setPos(share, place)
            plot.addItem(text)
        plot.setXRange(0, max(found.values(), default=1.0) * 1.15)
        plot.setYRange(-0.6, len(paths) - 0.4)
        plot.setMouseEnabled(False, False)

    def _draw_parallel(self, trials: Trials, scored: list[Trial]) -> None:
        scales = [_Scale(path, trials, scored) for path in trials.ranges] + [_Scale("", trials, scored)]
        view = _BrushView(self._brush)
        plot = self._plot(0, "", "", view)
        plot.hideAxis("left")
        lines = [(each, [scale.of(each) for scale in scales]) for each in scored]
        self._draw_lines(plot, trials, lines)
        ground = QColor(theme().panel)  # below the words, which lie upon lines
        ground.setAlpha(GROUND)
        for place, scale in enumerate(scales):
            plot.addItem(pg.InfiniteLine(place, angle=90, pen=pg.mkPen(theme().dim)))
            for at, text in scale.ticks():
                label = pg.TextItem(text, color=theme().text, anchor=(0, 0.5), fill=ground)
                label.setFont(mono(-2))
                label.setPos(place, at)
                plot.addItem(label)
        for place, (low, high) in self._brushes.items():
            box = QGraphicsRectItem(QRectF(place - BRUSH_WIDTH / 2, low, BRUSH_WIDTH, high - low))
            brush = QColor(theme().accent)
            brush.setAlpha(60)
            box.setBrush(brush)
            box.setPen(pg.mkPen(theme().accent))
            plot.addItem(box)
        names = [short(path) for path in trials.ranges] + [trials.metric]
        plot.getAxis("bottom").setTicks([list(enumerate(names))])
        plot.setXRange(-0.3, len(scales) - 0.6, padding=0)
        plot.setYRange(-0.06, 1.06, padding=0)

    def _draw_lines(self, plot: pg.PlotItem, trials: Trials, lines: list[tuple[Trial, list[float]]]) -> None:
        """Draw the lines of one pen as one item, for one each is slow; the best trial lies on top."""
        order = {each.number: place for place, each in enumerate(reversed(trials.ranked()))}
        left = self._left(lines)
        drawn: dict[_Pen, list[float]] = {}
        for each, places in sorted(lines, key=lambda line: order.get(line[0].number, -1)):
            out = left is not None and each.number not in left
            drawn.setdefault(_pen(each, order, out=out), []).extend([*places, math.nan])
        for pen, places in sorted(drawn.items(), key=lambda item: item[0].level):
            axes = np.resize(np.arange(len(trials.ranges) + 2), len(places))
            plot.addItem(pg.PlotCurveItem(axes, np.array(places), pen=pen.made(), connect="finite"))

    def _left(self, lines: list[tuple[Trial, list[float]]]) -> set[int] | None:
        """The trials whose lines go through every brush; None where there is no brush."""
        if not self._brushes:
            return None
        return {
            each.number
            for each, places in lines
            if all(low <= places[axis] <= high for axis, (low, high) in self._brushes.items() if axis < len(places))
        }

    def _brush(self, x: float, low: float, high: float) -> None:
        """Brush the axis near a place; a brush of no height takes it away."""
        trials = self._trials
        axis = round(x)
        if trials is None or abs(x - axis) > NEAREST or not 0 <= axis <= len(trials.ranges):
            return
        self._brushes.pop(axis, None)
        if high > low:
            self._brushes[axis] = (low, high)
        self._draw()
        scored = [each for each in trials.trials if each.score is not None]
        scales = [_Scale(path, trials, scored) for path in trials.ranges] + [_Scale("", trials, scored)]
        self.brushed.emit(self._left([(each, [scale.of(each) for scale in scales]) for each in scored]))


class _Pen(NamedTuple):
    """What a line is drawn with, above those of a lower level."""

    level: int
    colour: str
    alpha: float
    width: int

    def made(self) -> Any:
        """The pen itself."""
        colour = QColor(self.colour)
        colour.setAlphaF(self.alpha)
        return pg.mkPen(colour, width=self.width)


def _pen(trial: Trial, order: Mapping[int, int], *, out: bool) -> _Pen:
    """Better trials are drawn stronger, in a few shades; what a brush leaves `out` stays as a shade."""
    if out:
        return _Pen(-1, theme().line, 0.5, THIN)
    rank = order.get(trial.number, 0) / max(1, len(order) - 1)
    level = round(rank * SHADES)
    colour = theme().accent if trial.state == "finished" else theme().dim
    return _Pen(level, colour, 0.2 + 0.8 * (level / SHADES) ** 2, THICK if rank == 1 else THIN)


class _BrushView(pg.ViewBox):  # type: ignore[misc]  # pyqtgraph has no types
    """A view in which a drag along an axis brushes it, and a click takes the brush away."""

    def __init__(self, brush: Any) -> None:
        super().__init__(enableMenu=False)
        self._brush = brush

    def mouseDragEvent(self, ev: Any, axis: Any = None) -> None:
        """Brush from where the drag began to where it ends."""
        ev.accept()
        if ev.isFinish():
            start, end = self.mapToView(ev.buttonDownPos()), self.mapToView(ev.pos())
            self._brush(start.x(), min(start.y(), end.y()), max(start.y(), end.y()))

    def mouseClickEvent(self, ev: Any) -> None:
        """Take the brush away."""
        ev.accept()
        place = self.mapToView(ev.pos())
        self._brush(place.x(), 0.0, 0.0)

    def wheelEvent(self, ev: Any, axis: Any = None) -> None:
        """Leave the axes as they are."""
        ev.ignore()


class _Scale:
    """Where values of a path stand between 0 and 1; those of "" are the scores."""

    def __init__(self, path: str, trials: Trials, scored: Sequence[Trial]) -> None:
        self._path = path
        found = [self._value(each) for each in scored if not path or path in each.values]
        self._numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in found)
        self._whole = self._numbers and all(isinstance(each, int) for each in found)
        self._log = self._numbers and ":log" in trials.ranges.get(path, "")
        self._names = [] if self._numbers else _in_order(found, trials.ranges.get(path, ""))
        known = [self._at(each) for each in found] if self._numbers else []
        self._low, self._high = min(known, default=math.nan), max(known, default=math.nan)

    def _value(self, trial: Trial) -> Any:
        return trial.values[self._path] if self._path else trial.score

    def of(self, trial: Trial) -> float:
        """Where a trial stands; NaN where its ops do not have the param."""
        return math.nan if self._path and self._path not in trial.values else self.place(self._value(trial))

    def _at(self, value: Any) -> float:
        return math.log10(value) if self._log else float(value)

    def place(self, value: Any) -> float:
        """Where a value stands."""
        if not self._numbers:
            return self._names.index(shown(value)) / (len(self._names) - 1) if len(self._names) > 1 else 0.5
        return (self._at(value) - self._low) / (self._high - self._low) if self._high > self._low else 0.5

    def ticks(self) -> list[tuple[float, str]]:
        """Places and what stands there: each name, or numbers from end to end."""
        if not self._numbers:
            return [(self.place(name), name) for name in self._names[:FEW]]
        if math.isnan(self._low):
            return []
        if self._high <= self._low:
            return [(0.5, shown(self._back(self._low)))]
        known = [self._back(self._low + part * (self._high - self._low)) for part in (0.0, 0.5, 1.0)]
        return [(self.place(each), shown(each) if self._whole else f"{each:.3g}") for each in known]

    def _back(self, at: float) -> float:
        """The number at a place of the scale; a whole one where all are whole."""
        number = 10**at if self._log else at
        return round(number) if self._whole else number


def _staggered(ticks: list[tuple[float, str]], width: int) -> list[tuple[float, str]]:
    """Words on two lines in turn, where one has no room for them, cut where they are too long all the same."""
    metrics, mode = QFontMetrics(mono(-2)), Qt.TextElideMode.ElideRight
    room = width // (len(ticks) + 1)
    if all(metrics.horizontalAdvance(text) <= room for _place, text in ticks):
        return ticks
    cut = [metrics.elidedText(text, mode, min(2 * room, width // 2)) for _place, text in ticks]
    return [(ticks[place][0], "\n" * (place % 2) + text) for place, text in enumerate(cut)]


def _in_order(values: Sequence[Any], range: str) -> list[str]:
    """The names of values that occur, in the order of their range."""
    listed = [shown(each) for each in read_range(range, None).grid()] if range else []
    found = list(dict.fromkeys(map(shown, values)))
    return sorted(found, key=lambda name: listed.index(name) if name in listed else len(listed))
