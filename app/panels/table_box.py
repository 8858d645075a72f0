"""Measures that are tables, such as a confusion matrix: numbers on a ground that is the deeper the larger they are."""

from __future__ import annotations

import math
from collections.abc import Mapping

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from app.panels.sections import clear, dim, heading
from app.theme import mono, theme, themes
from engine.events import Table

MOST_HEIGHT, ROW = 260, 24
DEEPEST = 0.6  # share of the accent colour in the ground of the largest number


class TableBox(QWidget):
    """Shows the tables of the last epoch, or of the test; hidden where there are none."""

    def __init__(self) -> None:
        super().__init__()
        self._tables: Mapping[str, Table] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        themes.changed.connect(self._redraw)
        self.hide()

    def _redraw(self) -> None:
        self.show_tables(self._tables)

    def tables(self) -> Mapping[str, Table]:
        """The tables that are shown."""
        return self._tables

    def show_tables(self, tables: Mapping[str, Table]) -> None:
        """Show these tables."""
        self._tables = tables
        clear(self._column)
        for name, table in tables.items():
            self._column.addWidget(heading(name))
            words = f"Rows: {table.down}; columns: {table.across}." if table.across else f"Rows: {table.down}."
            self._column.addWidget(dim(words))
            self._column.addWidget(_grid(table))
        self.setVisible(bool(tables))


def _grid(table: Table) -> QTableWidget:
    grid = QTableWidget(len(table.rows), len(table.columns))
    grid.setHorizontalHeaderLabels(list(table.columns))
    grid.setVerticalHeaderLabels(list(table.rows))
    grid.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
    grid.setFont(mono(-1))
    grid.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    grid.verticalHeader().setDefaultSectionSize(ROW)
    largest = max((abs(value) for row in table.values for value in row if math.isfinite(value)), default=0) or 1
    for down, row in enumerate(table.values):
        for across, value in enumerate(row):
            item = QTableWidgetItem(f"{value:.4g}" if math.isfinite(value) else "–")
            item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            ground = QColor(theme().accent)
            ground.setAlphaF(DEEPEST * abs(value) / largest if math.isfinite(value) else 0)
            item.setBackground(ground)
            grid.setItem(down, across, item)
    grid.setFixedHeight(min(MOST_HEIGHT, ROW * (len(table.rows) + 1) + 8))
    return grid
