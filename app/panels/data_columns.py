"""The columns of the data: what each is, what it holds, and how its values are distributed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from app.icons import icon
from app.panels.data_draw import draw_bars, totals
from app.theme import SPACE, smaller, theme, themes
from engine.amounts import plain_number
from engine.columns import Column

ROW_HEIGHT, BARS_WIDTH, ICON = 48, 72, 16
SHOWN_CLASSES = 6
Index = QModelIndex | QPersistentModelIndex
COLUMN = Qt.ItemDataRole.UserRole
DISTRIBUTION = Qt.ItemDataRole.UserRole + 1


def shape_words(column: Column) -> str:
    """The shape of a batch of a column: "N × 3 × 32 × 32"."""
    return " × ".join(map(str, ("N", *column.shape)))


def values_words(column: Column) -> str:
    """What a column holds: its range, its classes, how long its samples are."""
    if column.classes:
        shown = ", ".join(column.classes[:SHOWN_CLASSES])
        return f"{len(column.classes)} classes: {shown}{'…' * (len(column.classes) > SHOWN_CLASSES)}"
    if extent := column.extent():
        return extent
    if column.kind == "category" and column.high is not None:
        return f"{int(column.high) + 1:,} classes"
    if column.low is None or column.high is None:
        return ""
    return f"{plain_number(column.low)} to {plain_number(column.high)}"


def facts_words(column: Column) -> str:
    """A column on one line: kind, shape, values, and what is missing."""
    missing = f"{column.missing:,} missing" if column.missing else ""
    parts = f"joins {len(column.parts)}" if column.parts else ""
    shape = shape_words(column) if column.shape not in ((), (1,)) else ""
    return " · ".join(each for each in (column.kind, parts, shape, values_words(column), missing) if each)


class _Model(QAbstractListModel):
    """The columns and their distributions."""

    def __init__(self) -> None:
        super().__init__()
        self.columns: list[Column] = []
        self.distributions: Mapping[str, Any] = {}

    def rowCount(self, _parent: Index | None = None) -> int:
        return len(self.columns)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        column = self.columns[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return column.name
            case Qt.ItemDataRole.AccessibleDescriptionRole:
                return facts_words(column)
            case Qt.ItemDataRole.ToolTipRole:
                steps = f"<br>Steps: {', '.join(column.steps)}" if column.steps else ""
                return f"<p><b>{column.name}</b><br>{facts_words(column)}{steps}</p>"
        if role == COLUMN:
            return column
        return self.distributions.get(column.name) if role == DISTRIBUTION else None


class ColumnList(QListView):
    """Two lines and a small distribution for each column; one of them is chosen."""

    column_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._model = _Model()
        self.setModel(self._model)
        self.setItemDelegate(_Painter(self))
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setAccessibleName("Columns")
        self.selectionModel().currentChanged.connect(self._chosen)
        themes.changed.connect(self.viewport().update)

    def show_columns(self, columns: list[Column]) -> None:
        """Show columns; the chosen one stays chosen where it is still there, else the first is."""
        before = self.chosen()
        self._model.beginResetModel()
        self._model.columns = columns
        self._model.endResetModel()
        names = [each.name for each in columns]
        if columns:
            self.choose(before if before in names else names[0])
        else:
            self.column_chosen.emit("")

    def show_distributions(self, distributions: Mapping[str, Any]) -> None:
        """Show how values are distributed."""
        self._model.distributions = distributions
        self.viewport().update()

    def columns(self) -> list[Column]:
        """The columns that are shown."""
        return self._model.columns

    def chosen(self) -> str:
        """The name of the chosen column, "" where there is none."""
        row = self.currentIndex().row()
        return self._model.columns[row].name if 0 <= row < len(self._model.columns) else ""

    def choose(self, name: str) -> None:
        """Choose a column by its name."""
        names = [each.name for each in self._model.columns]
        if name in names:
            self.setCurrentIndex(self._model.index(names.index(name)))

    def _chosen(self, index: QModelIndex) -> None:
        if index.isValid():
            self.column_chosen.emit(self._model.columns[index.row()].name)


class _Painter(QStyledItemDelegate):
    """Draws a column."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)

    def sizeHint(self, _option: QStyleOptionViewItem, _index: Index) -> QSize:
        return QSize(160, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        worn = theme()
        column, distribution = index.data(COLUMN), index.data(DISTRIBUTION)
        rect, state = option.rect, option.state  # type: ignore[attr-defined]  # the stubs leave Qt's fields out
        painter.save()
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, QColor(worn.selection))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, QColor(worn.line))
        inner = rect.adjusted(SPACE, 6, -SPACE, -6)
        icon(column.kind, worn.dim).paint(painter, QRect(inner.left(), inner.top() + 1, ICON, ICON))
        if distribution:
            bars = QRect(inner.right() - BARS_WIDTH, inner.top() + 2, BARS_WIDTH, inner.height() - 4)
            draw_bars(painter, bars, totals(distribution), QColor(worn.accent))
        left = inner.left() + ICON + SPACE
        width = inner.right() - left - (BARS_WIDTH + SPACE if distribution else 0)
        painter.setPen(QColor(worn.text))
        _line(painter, QRect(left, inner.top(), width, 18), column.name)
        painter.setPen(QColor(worn.dim))
        painter.setFont(smaller(painter.font()))
        _line(painter, QRect(left, inner.top() + 19, width, 17), facts_words(column))
        painter.restore()


def _line(painter: QPainter, rect: QRect, text: str) -> None:
    shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
    painter.drawText(rect, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
