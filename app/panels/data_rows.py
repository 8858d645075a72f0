"""Samples as the rows of a table, asked for as they come to be seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QTableView

from app.panels.data_draw import pixmap_of
from app.panels.data_pages import Pages
from app.panels.sections import OwnKeys
from app.theme import SPACE
from engine.amounts import plain_number
from engine.columns import Column

ROW_HEIGHT, MOST_WIDTH, THUMBNAIL = 24, 320, 20
SHOWN_NUMBERS = 12
STYLE = f"""
QTableView::item {{ padding: 0 {SPACE}px; }}
QHeaderView::section {{ padding: 2px {SPACE}px; border: none; background: palette(window); }}
"""
MEASURED = 40  # rows by which columns get their width
Index = QModelIndex | QPersistentModelIndex


class _Model(QAbstractTableModel):
    """A row for each sample, a column for each of the data's."""

    def __init__(self, pages: Pages) -> None:
        super().__init__()
        self._pages = pages
        self._rows = 0
        self.columns: list[Column] = []

    def begin(self) -> None:
        """Take in how many samples there are."""
        self.beginResetModel()
        self._rows = self._pages.total
        self.endResetModel()

    def show_columns(self, columns: Sequence[Column]) -> None:
        """Show these columns."""
        self.beginResetModel()
        self.columns = list(columns)
        self.endResetModel()

    def refresh(self) -> None:
        """Draw anew what has arrived."""
        if self._rows and self.columns:
            self.dataChanged.emit(self.index(0, 0), self.index(self._rows - 1, len(self.columns) - 1))

    def rowCount(self, _parent: Index | None = None) -> int:
        return self._rows

    def columnCount(self, _parent: Index | None = None) -> int:
        return len(self.columns)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        across = orientation == Qt.Orientation.Horizontal
        if role == Qt.ItemDataRole.TextAlignmentRole and across:
            return _side(self.columns[section])
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        if across:
            return self.columns[section].name
        sample = self._pages.peek(section)  # the width of all headings is measured by the last ones too
        return f"{sample['index'] + 1:,}" if sample else ""

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _side(self.columns[index.column()])
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.DecorationRole):
            return None
        sample = self._pages.sample(index.row())
        if sample is None:
            return "…" if role == Qt.ItemDataRole.DisplayRole else None
        column = self.columns[index.column()]
        value = sample["values"].get(column.name)
        if role == Qt.ItemDataRole.DecorationRole:
            png = value.get("png") if isinstance(value, Mapping) else None
            return pixmap_of(png).scaledToHeight(THUMBNAIL) if png else None
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{sample['where']}: {sample.get('error') or cell_words(column, value)}"
        return cell_words(column, value)


def _side(column: Column) -> Qt.AlignmentFlag:
    """The side on which a column's values stand: single numbers to the right."""
    number = column.kind == "number" and column.shape in ((), (1,))
    return (Qt.AlignmentFlag.AlignRight if number else Qt.AlignmentFlag.AlignLeft) | Qt.AlignmentFlag.AlignVCenter


def cell_words(column: Column, value: Any) -> str:
    """A sample's value of a column in words; of columns that join 0 and 1, the names of those that are 1."""
    match value:
        case None:
            return ""
        case float():
            return plain_number(value)
        case {"seconds": seconds, "rate": rate}:
            return f"{seconds:g} s, {rate:,} Hz"
        case {"boxes": boxes}:
            return f"{len(boxes)} box{'es' * (len(boxes) != 1)}"
        case {"png": _}:
            return ""
        case list():
            return _list_words(column, value)
    return " ".join(str(value).split())


def _list_words(column: Column, values: Sequence[Any]) -> str:
    if len(values) == len(column.parts) and all(each in (0, 1) for each in values):
        return ", ".join(name for name, each in zip(column.parts, values, strict=True) if each)
    shown = ["" if each is None else plain_number(each) if isinstance(each, float) else str(each) for each in values]
    return ", ".join(shown[:SHOWN_NUMBERS]) + " …" * (len(shown) > SHOWN_NUMBERS)


class Rows(QTableView):
    """The table; a double click, Space or Enter opens a sample."""

    opened = Signal(int)

    def __init__(self, pages: Pages) -> None:
        super().__init__()
        self._model = _Model(pages)
        self.setModel(self._model)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setAlternatingRowColors(True)
        self.setFrameShape(QTableView.Shape.NoFrame)
        self.setAccessibleName("Samples")
        self.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        self.verticalHeader().setSectionResizeMode(self.verticalHeader().ResizeMode.Fixed)
        self.setStyleSheet(STYLE)
        OwnKeys(self)
        self.horizontalHeader().setHighlightSections(False)
        self.doubleClicked.connect(lambda index: self.opened.emit(index.row()))
        self._fitted = False
        pages.changed.connect(self._begin)
        pages.arrived.connect(self._arrived)

    def show_columns(self, columns: Sequence[Column]) -> None:
        """Show these columns."""
        self._model.show_columns(columns)
        self._fitted = False

    def _begin(self) -> None:
        self._model.begin()

    def _arrived(self) -> None:
        self._model.refresh()
        if not self._fitted and self._model.rowCount():
            self._fitted = True
            self._fit()

    def _fit(self) -> None:
        """Make columns as wide as the first rows need, within a limit; Qt's own way would read them all."""
        metrics, rows = self.fontMetrics(), range(min(MEASURED, self._model.rowCount()))
        for place, column in enumerate(self._model.columns):
            cells = [str(self._model.index(row, place).data() or "") for row in rows]
            widest = max(metrics.horizontalAdvance(text) for text in (column.name, *cells))
            self.setColumnWidth(place, min(MOST_WIDTH, widest + 4 * SPACE))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Open a row."""
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self.opened.emit(self.currentIndex().row())
        else:
            super().keyPressEvent(event)
