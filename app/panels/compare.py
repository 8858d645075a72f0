"""Runs beside each other: their curves, what differs between them, and which did best."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QColor, QFont, QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QSplitter,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.icons import icon
from app.panels.curves import Curves
from app.panels.run_table import swatch
from app.panels.sections import dim
from app.run_colours import RunColours
from app.theme import SPACE, mono, theme, themes
from engine.comparison import Comparison, Row, as_csv, as_markdown, short
from engine.runs import Summary

WIDTH, HEIGHT = 1000, 720
ROW_HEIGHT = 24
MOST_WIDTH = 280  # of a column until the user widens it
SAME = "These runs have the same graph, data and settings."


class CompareDialog(QDialog):
    """Shows several runs together; the window stays free meanwhile."""

    def __init__(
        self, summaries: Sequence[Summary], comparison: Comparison, colours: RunColours, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._summaries, self._comparison, self._colours = summaries, comparison, colours
        self.setWindowTitle(f"Compare {len(summaries)} runs")
        self.resize(WIDTH, HEIGHT)
        self.curves = Curves(colours)
        self.curves.show_runs([summary.run for summary in summaries])
        self.table = self._table()
        self.equal = QCheckBox("Show what is equal")
        self.equal.toggled.connect(lambda _on: self._fill())
        self._same = dim(SAME)
        self._lay_out()
        themes.changed.connect(self._fill)
        self._fill()

    def _table(self) -> QTableWidget:
        table = QTableWidget(0, len(self._summaries) + 1)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        table.horizontalHeader().setHighlightSections(False)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        return table

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.equal)
        row.addWidget(self._same, 1)
        row.addStretch(1)
        for text, name, work in (
            ("Copy as CSV", "copy", self._copy_csv),
            ("Copy as Markdown", "copy", self._copy_markdown),
            ("Close", "close", self.close),
        ):
            button = QPushButton(icon(name), text)
            button.clicked.connect(lambda _=False, work=work: work())
            row.addWidget(button)
        lower = QWidget()
        column = QVBoxLayout(lower)
        column.setContentsMargins(SPACE, 0, SPACE, SPACE)
        column.addWidget(self.table, 1)
        column.addLayout(row)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(self.curves)
        splitter.addWidget(lower)
        splitter.setSizes([HEIGHT * 2 // 5, HEIGHT * 3 // 5])
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(splitter)
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)  # Enter is for no one of them

    def rows(self) -> list[Row]:
        """The rows that are shown."""
        return self._comparison.shown(equal=self.equal.isChecked())

    def _fill(self) -> None:
        """Fill the table: a heading for each group, the best values marked."""
        rows, table = self.rows(), self.table
        table.clear()
        table.clearSpans()
        self._head()
        groups = dict.fromkeys(row.group for row in rows)
        table.setRowCount(len(rows) + len(groups))
        place = 0
        for group in groups:
            self._show_group(place, group)
            for row in (each for each in rows if each.group == group):
                place += 1
                self._show_row(place, row)
            place += 1
        self._same.setVisible(not any(row.differs for row in rows if row.group in ("Training", "Data", "Graph")))
        table.resizeColumnsToContents()
        for column in range(table.columnCount()):
            table.setColumnWidth(column, min(MOST_WIDTH, table.columnWidth(column)))

    def _head(self) -> None:
        self.table.setHorizontalHeaderItem(0, QTableWidgetItem(""))
        for column, summary in enumerate(self._summaries, 1):
            item = QTableWidgetItem(swatch(self._colours.colour(summary.run)), summary.name)
            item.setToolTip(str(summary.run.path))
            self.table.setHorizontalHeaderItem(column, item)

    def _show_group(self, place: int, group: str) -> None:
        item = QTableWidgetItem(group)
        font = QFont()
        font.setBold(True)
        item.setFont(font)
        item.setFlags(Qt.ItemFlag.ItemIsEnabled)
        self.table.setItem(place, 0, item)
        self.table.setSpan(place, 0, 1, self.table.columnCount())

    def _show_row(self, place: int, row: Row) -> None:
        name = QTableWidgetItem(f"   {row.name.removeprefix('training.').removeprefix('data.').removeprefix('nodes.')}")
        name.setToolTip(row.name)
        self.table.setItem(place, 0, name)
        for column, value in enumerate(row.values, 1):
            item = QTableWidgetItem(short(value))
            item.setToolTip(value)
            font = mono()
            if column - 1 in row.best:
                font.setBold(True)
                item.setForeground(QBrush(QColor(theme().ok)))
            elif not row.differs:
                item.setForeground(QBrush(QColor(theme().dim)))
            item.setFont(font)
            self.table.setItem(place, column, item)

    def _copy_csv(self) -> None:
        QGuiApplication.clipboard().setText(as_csv(self._comparison, self.rows()))

    def _copy_markdown(self) -> None:
        QGuiApplication.clipboard().setText(as_markdown(self._comparison, self.rows()))
