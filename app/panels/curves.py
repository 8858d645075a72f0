"""The curves of losses and metrics: live, of several runs at once, every point kept."""

from __future__ import annotations

import contextlib
import csv
import html
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyqtgraph as pg
import pyqtgraph.exporters
from PySide6.QtCore import QPointF, Qt, QTimer
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QShowEvent, QTextDocument
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from app.icons import icon
from app.panels.points import LR, Points, smoothed
from app.panels.sections import dim
from app.run_colours import RunColours
from app.runner import BUSY_SECONDS
from app.theme import SPACE, mono, theme, themes
from engine.events import LAST, Event
from engine.runs import name_of
from engine.train.folder import Run

LEAST_HEIGHT = 140
LEAST_POINTS = 3  # below so many, a line shows as dots
# Live drawing takes a small share of the time, so that nothing stalls; yet curves are never older than two seconds.
LEAST_DRAW_MS, MOST_DRAW_MS, DRAW_SHARE = 100, 2000, 0.008
STEPS_ALPHA = 120  # of 255, for the values between the epochs
SOLID, DASHED = "━━", "╍╍"


def _coloured(text: str, colour: QColor) -> str:
    return f'<span style="color:{colour.name()}">{text}</span>'


class Curves(QWidget):
    """A plot for the loss and one for each metric, their epochs linked."""

    def __init__(self, colours: RunColours | None = None) -> None:
        super().__init__()
        pg.setConfigOptions(antialias=True)
        self._colours = colours or RunColours()
        self._runs: dict[Run, Points] = {}
        self._followed: Run | None = None
        self._plots: dict[str, pg.PlotItem] = {}
        self._items: dict[tuple[Run, str, str], pg.PlotDataItem] = {}
        self._drawn: dict[pg.PlotDataItem, tuple[int, float, float]] = {}
        self._crosses: dict[str, pg.InfiniteLine] = {}
        self._stale = False  # whether a line has come that no plot has yet
        self._pause_ms = LEAST_DRAW_MS
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._catch_up)
        self._reading = QTimer(self)
        self._reading.setSingleShot(True)
        self._reading.timeout.connect(self._read_on)
        self.view = pg.GraphicsLayoutWidget()
        self._empty = dim("Train, and the curves of the loss and of each metric grow here.")
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.legend, self.readout = QLabel(), QLabel()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.readout.setFont(mono(-1))
        self.readout.hide()
        self.smoothing = QSlider(Qt.Orientation.Horizontal)
        self.smoothing.setRange(0, 99)
        self.smoothing.setFixedWidth(120)
        self.smoothing.setToolTip("Smoothing of the training curves")
        self.logarithmic = QCheckBox("Log")
        self.logarithmic.setToolTip("Logarithmic axis for losses")
        self._stack = QStackedLayout()
        self._stack.addWidget(self._empty)
        self._stack.addWidget(self.view)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE, SPACE // 2, SPACE, SPACE // 2)
        column.addLayout(self._tools())
        column.addLayout(self._stack, 1)
        self.smoothing.valueChanged.connect(lambda _value: self._draw())
        self.logarithmic.toggled.connect(self._scale)
        self.view.scene().sigMouseMoved.connect(self._hover)
        themes.changed.connect(self._redraw)
        self._dress()

    def _tools(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.addWidget(dim("Smoothing"))
        row.addWidget(self.smoothing)
        row.addWidget(self.logarithmic)
        row.addSpacing(SPACE)
        for label in (self.legend, self.readout):
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            row.addWidget(label, 1)
        for text, name, work in (
            ("Fit", "fit", self.fit),
            ("PNG…", "image", self._save_png),
            ("CSV…", "export", self._save_csv),
        ):
            button = QPushButton(icon(name), text)
            button.clicked.connect(lambda _=False, work=work: work())
            row.addWidget(button)
        return row

    # ------------------------------------------------------------------------------------------------------ runs

    def follow(self, run: Run, offset: int) -> None:
        """Show a run that begins, or goes on; from that byte of its events on they come by `take`."""
        self._followed = run
        curves = self._runs.get(run)
        if curves is None or curves.offset > offset:
            curves = self._runs[run] = Points(offset)
        curves.follow(offset)
        self._read_on()
        self._rebuild()

    def take(self, events: list[Event], offset: int) -> None:
        """Take in the events before a byte of the run that is followed; its last is drawn at once."""
        if self._followed is None:
            return
        with self._growing():
            self._runs[self._followed].come(events, offset)
        if any(isinstance(event, LAST) for event in events):
            self._timer.start(0)

    @contextlib.contextmanager
    def _growing(self) -> Iterator[None]:
        """Have what comes meanwhile drawn, after a while."""
        before = self._known_lines()
        yield
        self._stale = self._stale or self._known_lines() != before
        if not self._timer.isActive():
            self._timer.start(self._pause_ms)

    def _known_lines(self) -> list[tuple[int, int]]:
        return [(len(curves.lines), len(curves.moving)) for curves in self._runs.values()]

    def _read_on(self) -> None:
        """Read what the runs have told before, as far as there is time."""
        end = time.perf_counter() + BUSY_SECONDS
        with self._growing():
            while (found := self._behind()) is not None and time.perf_counter() < end:
                run, curves = found
                curves.read_on(run)
        if found is not None:
            self._reading.start(0)

    def _behind(self) -> tuple[Run, Points] | None:
        return next((each for each in self._runs.items() if each[1].is_behind), None)

    def _catch_up(self) -> None:
        """Draw what has come; the longer that takes, the longer until the next time."""
        if not self.isVisible():
            return
        if any((name, split) not in self._runs[run].lines for run, name, split in self._items):
            self._rebuild()
            return
        if self._stale:
            self._extend()
            return
        begun = time.perf_counter()
        self._draw()
        self.view.viewport().repaint()
        cost = (time.perf_counter() - begun) * 1000
        self._pause_ms = min(MOST_DRAW_MS, max(LEAST_DRAW_MS, round(cost / DRAW_SHARE)))

    def showEvent(self, event: QShowEvent) -> None:
        """Draw what came while nobody looked."""
        super().showEvent(event)
        self._timer.start(0)

    def show_runs(self, runs: list[Run]) -> None:
        """Show these runs and the one that is followed."""
        kept = [*runs, *([self._followed] if self._followed and self._followed not in runs else [])]
        for run in kept:
            if run not in self._runs:
                self._runs[run] = Points(run.told_bytes())
        self._runs = {run: self._runs[run] for run in kept}
        self._read_on()
        self._rebuild()

    def clear(self) -> None:
        """Show nothing, as for another project."""
        self._runs.clear()
        self._followed = None
        self._rebuild()

    # ------------------------------------------------------------------------------------------------------ plots

    def _redraw(self) -> None:
        """Make the plots anew: another theme has come."""
        self._dress()
        self._clear()
        self._rebuild()

    def _clear(self) -> None:
        self.view.clear()
        self._plots.clear()
        self._items.clear()
        self._crosses.clear()

    def _rebuild(self) -> None:
        """Make the lines anew: other runs are shown, or one has taken a line back. Plots stay where they can."""
        if self._plots.keys() - self._metrics().keys():
            self._clear()
        for (_run, name, _split), item in self._items.items():
            self._plots[name].removeItem(item)
        self._items.clear()
        self._drawn.clear()
        self.fit()
        self._extend()

    def _extend(self) -> None:
        """Add what is lacking: one plot at a time, so that the window stays free, and its lines."""
        for name in self._lacking()[:1]:
            self._plots[name] = self._plot(name, len(self._plots))
        self._fill()
        if self._stale:
            self._timer.start(0)

    def _metrics(self) -> dict[str, None]:
        """The names of what the runs have measured."""
        return dict.fromkeys(name for curves in self._runs.values() for name in curves.metrics())

    def _lacking(self) -> list[str]:
        """The metrics that have no plot yet."""
        return [name for name in self._metrics() if name not in self._plots]

    def _fill(self) -> None:
        """Put the lines that are lacking into the plots, and what is known of them."""
        self._stack.setCurrentIndex(1 if self._plots else 0)
        for run, curves in self._runs.items():
            known = [key for key in curves.lines if key[0] in self._plots and (run, *key) not in self._items]
            for name, split in sorted(known, key=lambda key: ("steps", "train", "validation").index(key[1])):
                self._items[run, name, split] = self._line(run, name, split)
        self._stale = bool(self._lacking())
        self._show_legend()
        self._scale()
        self._draw()

    def _plot(self, name: str, place: int) -> pg.PlotItem:
        worn = theme()
        plot = self.view.addPlot(row=0, col=place, title=name)
        plot.setMinimumHeight(LEAST_HEIGHT)
        plot.titleLabel.setText(name, color=worn.text, size="10pt")
        plot.setDownsampling(auto=True, mode="peak")
        for side in ("left", "bottom"):
            axis = plot.getAxis(side)
            axis.setPen(worn.line)
            axis.setTextPen(worn.dim)
            axis.setTickFont(QFont(mono(-2)))
        self.view.ci.layout.setColumnPreferredWidth(place, LEAST_HEIGHT)
        self.view.ci.layout.setColumnStretchFactor(place, 1)
        if self._plots:
            plot.setXLink(next(iter(self._plots.values())))
        cross = pg.InfiniteLine(angle=90, pen=pg.mkPen(worn.dim, style=Qt.PenStyle.DotLine))
        cross.setVisible(False)
        plot.addItem(cross, ignoreBounds=True)
        self._crosses[name] = cross
        return plot

    def _line(self, run: Run, name: str, split: str) -> pg.PlotDataItem:
        colour = self._colour(run, split)
        if split == "steps":
            colour.setAlpha(STEPS_ALPHA)
            return self._plots[name].plot(pen=pg.mkPen(colour, width=1), connect="finite")
        style = Qt.PenStyle.DashLine if split == "validation" else Qt.PenStyle.SolidLine
        pen = pg.mkPen(colour, width=2, style=style)
        return self._plots[name].plot(pen=pen, connect="finite", symbolSize=5, symbolBrush=colour, symbolPen=None)

    def _colour(self, run: Run, split: str) -> QColor:
        """A colour for each run; where there is one run, a colour for each split."""
        return self._colours.colour(run, further=split == "validation" and len(self._runs) == 1)

    def show_names(self) -> None:
        """Read anew what the runs are called."""
        self._show_legend()

    def _show_legend(self) -> None:
        """Say beside the tools what the lines are; inside the plots a legend would hide some of them."""
        lines = {key for curves in self._runs.values() for key in curves.lines}
        parts = []
        if len(self._runs) == 1:
            (run,) = self._runs
            for split, mark in (("train", SOLID), ("validation", DASHED)):
                if any(split == told for _name, told in lines):
                    parts.append(f"{_coloured(mark, self._colour(run, split))} {split}")
        elif lines:
            parts += [
                f"{_coloured(SOLID, self._colour(run, 'train'))} {html.escape(name_of(run))}" for run in self._runs
            ]
            parts.append(f"{DASHED} validation")
        self.legend.setText("&nbsp;&nbsp;&nbsp;".join(parts))

    def _draw(self) -> None:
        """Put the points that have come into the plots."""
        weight = self.smoothing.value() / 100
        for (run, name, split), item in self._items.items():
            line = self._runs[run].lines.get((name, split))
            if line is None or not line.x:
                continue
            shown = (len(line.x), line.x[-1], weight)
            if self._drawn.get(item) == shown:
                continue
            self._drawn[item] = shown
            values = np.array(line.y, dtype=float)
            if split != "steps":
                values = values if name.startswith(LR) else smoothed(values, weight)
                item.setSymbol("o" if len(values) < LEAST_POINTS else None)
            item.setData(np.array(line.x, dtype=float), values)

    def _scale(self) -> None:
        for name, plot in self._plots.items():
            plot.setLogMode(y=self.logarithmic.isChecked() and "loss" in name)

    def fit(self) -> None:
        """Show all points."""
        for plot in self._plots.values():
            plot.enableAutoRange()

    def _dress(self) -> None:
        self.view.setBackground(theme().panel)

    def _hover(self, place: QPointF) -> None:
        """Read all values at the epoch under the mouse."""
        found = next((plot for plot in self._plots.values() if plot.sceneBoundingRect().contains(place)), None)
        for cross in self._crosses.values():
            cross.setVisible(found is not None)
        self.readout.setVisible(found is not None)
        self.legend.setVisible(found is None)
        if found is None:
            return
        x = found.vb.mapSceneToView(place).x()
        for cross in self._crosses.values():
            cross.setPos(x)
        self.readout.setText(self._values_at(x))

    def _values_at(self, x: float) -> str:
        parts = [f"epoch {x:.2f}"]
        for run, name, split in self._items:
            line = self._runs[run].lines.get((name, split))
            if split != "steps" and line is not None:
                near = min(range(len(line.x)), key=lambda place: abs(line.x[place] - x))
                parts.append(f"{name} {split} {line.y[near]:.4g}")
        return "   ".join(parts[:9])

    # ------------------------------------------------------------------------------------------------------- save

    def _save_png(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save the curves", "curves.png", "*.png")
        if path:
            self.save_png(Path(path))

    def save_png(self, path: Path) -> None:
        """Save the plots and their legend as an image, twice as sharp as on the screen."""
        exporter = pyqtgraph.exporters.ImageExporter(self.view.scene())
        exporter.parameters()["width"] = self.view.width() * 2
        plots = exporter.export(toBytes=True)
        legend = QTextDocument()
        legend.setHtml(f'<span style="color:{theme().text}">{self.legend.text()}</span>')
        top = round(legend.size().height()) * 2
        sheet = QImage(plots.width(), plots.height() + top, QImage.Format.Format_RGB32)
        sheet.fill(QColor(theme().panel))
        painter = QPainter(sheet)
        painter.drawImage(0, top, plots)
        painter.scale(2, 2)
        legend.drawContents(painter)
        painter.end()
        sheet.save(str(path))

    def _save_csv(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save the points", "curves.csv", "*.csv")
        if path:
            self.save_csv(Path(path))

    def save_csv(self, path: Path) -> None:
        """Save every point of every line: run, metric, split, epoch, value."""
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(("run", "metric", "split", "epoch", "value"))
            for run, curves in self._runs.items():
                while curves.is_behind:
                    curves.read_on(run)
                for (name, split), line in curves.lines.items():
                    rows = zip(map(_short, line.x), line.y, strict=True)
                    writer.writerows((name_of(run), name, split, x, y) for x, y in rows)


def _short(x: float) -> float:
    """A whole epoch as a whole number."""
    return int(x) if x.is_integer() else x
