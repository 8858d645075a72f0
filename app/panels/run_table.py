"""The runs as a table: what stands in each column, what can be edited in place, what a filter lets through."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QSize,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QBrush, QColor, QFont, QIcon, QPainter, QPixmap

from app.panels.run_box import duration
from app.run_colours import RunColours
from app.theme import theme
from engine.runs import About, Summary, finite, tags_of, write_about
from engine.train.folder import Run

Index = QModelIndex | QPersistentModelIndex
Role = Qt.ItemDataRole
ORDER = Role.UserRole + 1  # what a column is sorted by
SWATCH = 12  # pixels
NAME, TAGS, NOTES = "Run", "Tags", "Notes"


@dataclass(frozen=True, slots=True)
class Heading:
    """A column: what it tells of a run, and what it is sorted by where that is not the text."""

    title: str
    tell: Callable[[Summary], str]
    order: Callable[[Summary], float | None] | None = None
    width: int = 80


def _best(summary: Summary) -> str:
    return "" if summary.best is None else f"{summary.metric} {summary.best:.4g}"


def _test_value(summary: Summary) -> float | None:
    return finite(summary.test.get(summary.metric))


def _test(summary: Summary) -> str:
    value = _test_value(summary)
    return "" if value is None else f"{summary.metric} {value:.4g}"


def _started(summary: Summary) -> str:
    return f"{datetime.fromtimestamp(summary.started).astimezone():%Y-%m-%d %H:%M}"


def _graph(summary: Summary) -> str:
    return f"{summary.graph} · {summary.nodes} nodes" if summary.nodes else summary.graph


HEADINGS = (
    Heading(NAME, lambda run: run.name, width=256),
    Heading("State", lambda run: run.state, width=84),
    Heading("Epoch", lambda run: f"{run.epoch} of {run.epochs or '?'}", lambda run: run.epoch, 88),
    Heading("Best", _best, lambda run: run.best, 124),
    Heading("Test", _test, _test_value, 124),
    Heading("Time", lambda run: duration(run.seconds) if run.seconds else "", lambda run: run.seconds, 60),
    Heading("Graph", _graph, width=156),
    Heading("Data", lambda run: run.data, width=110),
    Heading("Device", lambda run: run.device, width=60),
    Heading("Started", _started, lambda run: run.started, 118),
    Heading(TAGS, lambda run: ", ".join(run.about.tags), width=110),
    Heading(NOTES, lambda run: run.about.notes, width=160),
)
COLUMNS = {heading.title: place for place, heading in enumerate(HEADINGS)}
EDITED = (NAME, TAGS, NOTES)


class RunModel(QAbstractTableModel):
    """The runs of a folder; a tick shows a run's curves, and its name, tags and notes are edited in place."""

    ticked = Signal()
    described = Signal(Run)  # what is said of a run has changed
    refused = Signal(str)

    def __init__(self, colours: RunColours, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._colours = colours
        self._summaries: list[Summary] = []
        self._rows: dict[Run, int] = {}
        self._ticked: dict[Run, None] = {}  # in the order of ticking

    # ------------------------------------------------------------------------------------------------------- runs

    def summaries(self) -> list[Summary]:
        """All runs, in no order."""
        return self._summaries

    def at(self, row: int) -> Summary:
        """The run of a row."""
        return self._summaries[row]

    def row_of(self, run: Run) -> int | None:
        """The row of a run, or None where it is not in the list."""
        return self._rows.get(run)

    def show_runs(self, summaries: Sequence[Summary]) -> None:
        """Show these runs; rows that stay keep their selection."""
        new = {summary.run: summary for summary in summaries}
        for row in reversed(range(len(self._summaries))):
            if self._summaries[row].run not in new:
                self.beginRemoveRows(QModelIndex(), row, row)
                del self._summaries[row]
                self._count_rows()
                self.endRemoveRows()
        for summary in list(self._summaries):
            self.show_run(new.pop(summary.run))
        if new:
            first = len(self._summaries)
            self.beginInsertRows(QModelIndex(), first, first + len(new) - 1)
            self._summaries += new.values()
            self._count_rows()
            self.endInsertRows()

    def _count_rows(self) -> None:
        self._rows = {summary.run: row for row, summary in enumerate(self._summaries)}

    def show_run(self, summary: Summary) -> None:
        """Show how a run of the list stands now."""
        row = self.row_of(summary.run)
        if row is not None and self._summaries[row] != summary:
            self._summaries[row] = summary
            self._tell(row)

    def _tell(self, row: int) -> None:
        self.dataChanged.emit(self.index(row, 0), self.index(row, len(HEADINGS) - 1))

    def runs_ticked(self) -> list[Run]:
        """The runs whose curves are shown, in the order in which they were ticked."""
        return list(self._ticked)

    def tick(self, run: Run, *, on: bool = True) -> None:
        """Tick a run, or take its tick away."""
        if on == (run in self._ticked):
            return
        if on:
            self._ticked[run] = None
        else:
            del self._ticked[run]
            self._colours.release(run)
        row = self.row_of(run)
        if row is not None:
            self._tell(row)
        self.ticked.emit()

    # ------------------------------------------------------------------------------------------------------ table

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  # as Qt declares it
        """The number of runs."""
        return 0 if parent.isValid() else len(self._summaries)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008  # as above
        """The number of columns."""
        return 0 if parent.isValid() else len(HEADINGS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        """The title of a column."""
        if orientation == Qt.Orientation.Horizontal and role == Role.DisplayRole:
            return HEADINGS[section].title
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """What can be done with a cell."""
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        title = HEADINGS[index.column()].title
        if title == NAME:
            flags |= Qt.ItemFlag.ItemIsUserCheckable
        return flags | Qt.ItemFlag.ItemIsEditable if title in EDITED else flags

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        """What stands in a cell, and how it looks."""
        summary, heading = self._summaries[index.row()], HEADINGS[index.column()]
        match role:
            case Role.DisplayRole | Role.EditRole:
                return heading.tell(summary)
            case Role.ToolTipRole:
                return self._tip(summary, heading)
            case Role.TextAlignmentRole:
                return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
            case Role.ForegroundRole if heading.title == "State":
                return QBrush(QColor(state_colour(summary.state)))
        if role == ORDER:
            return heading.order(summary) if heading.order else heading.tell(summary).casefold()
        return self._mark(summary, role) if heading.title == NAME else None

    def _mark(self, summary: Summary, role: int) -> Any:
        shown = summary.run in self._ticked
        if role == Role.CheckStateRole:
            return Qt.CheckState.Checked if shown else Qt.CheckState.Unchecked
        if role == Role.DecorationRole and shown:
            return swatch(self._colours.colour(summary.run))
        if role == Role.FontRole and summary.at_work:
            font = QFont()
            font.setBold(True)
            return font
        return None

    def _tip(self, summary: Summary, heading: Heading) -> str:
        match heading.title:
            case "State" if summary.message:
                return summary.message
            case "State" if summary.state == "crashed":
                return "Its process ended without a word; its last checkpoint is kept."
            case "Run":
                return f"{summary.run.path}\nTick to show its curves; double-click to rename"
            case "Tags":
                return "Double-click to edit; a comma between two tags"
            case "Notes":
                return summary.about.notes or "Double-click to edit"
        return heading.tell(summary)

    def setData(self, index: Index, value: Any, role: int = Role.EditRole) -> bool:
        """Take a tick, or what was typed."""
        summary, title = self._summaries[index.row()], HEADINGS[index.column()].title
        if role == Role.CheckStateRole:
            self.tick(summary.run, on=Qt.CheckState(value) == Qt.CheckState.Checked)
            return True
        if role != Role.EditRole or title not in EDITED:
            return False
        about = described(summary, title, str(value).strip())
        if about == summary.about:
            return False
        try:
            write_about(summary.run, about)
        except OSError as error:
            self.refused.emit(f"{summary.run.path} cannot be written: {error.strerror or error}.")
            return False
        self.show_run(replace(summary, about=about))
        self.described.emit(summary.run)
        return True


def described(summary: Summary, title: str, text: str) -> About:
    """What is said of a run once a column of it reads so; without a name it goes by its folder's again."""
    match title:
        case "Run":
            return replace(summary.about, title="" if text == summary.run.name else text)
        case "Tags":
            return replace(summary.about, tags=tags_of(text))
    return replace(summary.about, notes=text)


def state_colour(state: str) -> str:
    """The colour in which a state is told."""
    worn = theme()
    known = {"failed": worn.error, "crashed": worn.error, "finished": worn.ok, "stopped": worn.dim}
    return known.get(state, worn.accent)


def swatch(colour: QColor) -> QIcon:
    """A dot in the colour of a run's curves."""
    pixmap = QPixmap(QSize(SWATCH, SWATCH) * 2)
    pixmap.setDevicePixelRatio(2)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(colour)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawEllipse(1, 1, SWATCH - 2, SWATCH - 2)
    painter.end()
    dot = QIcon(pixmap)
    dot.addPixmap(pixmap, QIcon.Mode.Selected)  # a colour that is told apart is not to be tinted
    return dot


class RunFilter(QSortFilterProxyModel):
    """Lets through the runs that hold every word, in a state and with a tag where these are asked for."""

    def __init__(self, model: RunModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._words: list[str] = []
        self._state = self._tag = ""
        self.setSourceModel(model)
        self.setSortRole(ORDER)

    def choose(self, text: str, state: str, tag: str) -> None:
        """Let through what holds all words of a text, and is of the state and the tag; empty ones ask for nothing."""
        self._words, self._state, self._tag = text.casefold().split(), state, tag
        self.invalidate()

    def filterAcceptsRow(self, row: int, parent: Index) -> bool:
        """Whether a run is let through."""
        summary = self._model.at(row)
        if (self._state and summary.state != self._state) or (self._tag and self._tag not in summary.about.tags):
            return False
        about = summary.about
        told = (summary.name, summary.run.name, summary.graph, summary.data, summary.device, about.notes, *about.tags)
        text = " ".join((*told, summary.state)).casefold()
        return all(word in text for word in self._words)
