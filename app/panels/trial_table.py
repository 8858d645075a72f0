"""The trials of a sweep in rows: state, score, its course, and the values that were tried."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QBrush, QColor, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
)

from app.panels.sections import OwnKeys
from app.theme import mono, theme, themes
from engine.amounts import duration
from engine.sweep.folder import Trial, Trials
from engine.sweep.plan import short, shown

ORDER = Qt.ItemDataRole.UserRole  # what a cell is sorted by
COURSE = 3  # the column of the sparkline
COURSE_WIDTH, MARGIN = 112, 4
PLAIN = ("Trial", "State")
LAST = ("Time", "Remark")
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class _Cell(QTableWidgetItem):
    """A cell that is sorted by a number or a text behind it."""

    def __init__(self, text: str, order: Any) -> None:
        super().__init__(text)
        self.setData(ORDER, order)

    def __lt__(self, other: object) -> bool:
        mine, theirs = self.data(ORDER), other.data(ORDER) if isinstance(other, QTableWidgetItem) else None
        if isinstance(mine, int | float) and isinstance(theirs, int | float):
            return mine < theirs
        return str(mine) < str(theirs)


class _Sparkline(QStyledItemDelegate):
    """Draws the scores of a trial, epoch by epoch, between the least and the greatest of all trials."""

    def __init__(self, table: QTableWidget) -> None:
        super().__init__(table)
        self.bounds, self.longest = (0.0, 1.0), 1

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draw the ground as usual, and the line on it."""
        super().paint(painter, option, index)
        scores = index.data(ORDER)
        if not scores:
            return
        low, high = self.bounds
        box = QRectF(option.rect).adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)  # type: ignore[attr-defined]  # Qt's field
        wide, tall = box.width() / max(1, self.longest - 1), box.height() / ((high - low) or 1)
        points = [
            QPointF(box.left() + wide * place, box.bottom() - tall * (score - low))
            for place, score in enumerate(scores)
            if score is not None
        ]
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        selected = QStyle.StateFlag.State_Selected in option.state  # type: ignore[attr-defined]  # Qt's field
        painter.setPen(QPen(QColor(theme().accent_text if selected else theme().accent), 1.5))
        if len(points) == 1:
            painter.drawEllipse(points[0], 1, 1)
        painter.drawPolyline(QPolygonF(points))
        painter.restore()


class TrialTable(QTableWidget):
    """Shows the trials; the best stands out, and a brush on the plots may leave some out."""

    trial_chosen: Signal[tuple[Trial | None]] = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._trials: Trials | None = None
        self._left: set[int] | None = None  # the trials that a brush leaves
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.verticalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setStretchLastSection(True)
        self.horizontalHeader().setSortIndicator(0, Qt.SortOrder.AscendingOrder)
        OwnKeys(self)
        self._sparkline = _Sparkline(self)
        self.setItemDelegateForColumn(COURSE, self._sparkline)
        self.itemSelectionChanged.connect(lambda: self.trial_chosen.emit(self.chosen()))
        themes.changed.connect(self._redraw)

    def _redraw(self) -> None:
        self.show_trials(self._trials)

    def chosen(self) -> Trial | None:
        """The selected trial."""
        items = self.selectedItems()
        number = items[0].data(ORDER) if items else None
        trials = self._trials.trials if self._trials is not None else ()
        return next((each for each in trials if each.number == number), None)

    def brush(self, left: set[int] | None) -> None:
        """Show only these trials, or all."""
        self._left = left
        self._hide()

    def show_trials(self, trials: Trials | None) -> None:
        """Show these trials; sorting and selection stay."""
        chosen, self._trials = self.chosen(), trials
        header = self.horizontalHeader()
        order, direction = header.sortIndicatorSection(), header.sortIndicatorOrder()
        self.blockSignals(True)
        self.setSortingEnabled(False)
        self.setRowCount(0)
        if trials is not None:
            self._fill(trials)
            self.setSortingEnabled(True)
            self.sortItems(*((order, direction) if order < self.columnCount() else (0, Qt.SortOrder.AscendingOrder)))
            self._hide()
            for row in range(self.rowCount()):
                if chosen is not None and self._number(row) == chosen.number:
                    self.selectRow(row)
        self.blockSignals(False)

    def _fill(self, trials: Trials) -> None:
        paths = list(trials.ranges)
        self.setColumnCount(len(PLAIN) + 2 + len(paths) + len(LAST))
        self.setHorizontalHeaderLabels([*PLAIN, trials.metric, "Course", *map(short, paths), *LAST])
        known = [each for trial in trials.trials for each in trial.scores if each is not None]
        self._sparkline.bounds = (min(known, default=0.0), max(known, default=1.0))
        self._sparkline.longest = max((len(each.scores) for each in trials.trials), default=1)
        self.setRowCount(len(trials.trials))
        best = trials.best()
        for row, trial in enumerate(trials.trials):
            self._fill_row(row, trial, paths, is_best=best is not None and trial.number == best.number)
        self.horizontalHeader().setSectionResizeMode(COURSE, QHeaderView.ResizeMode.Fixed)
        self.setColumnWidth(COURSE, COURSE_WIDTH)

    def _fill_row(self, row: int, trial: Trial, paths: list[str], *, is_best: bool) -> None:
        far = float("inf")
        cells = [
            _Cell(str(trial.number), trial.number),
            _Cell(f"{trial.state}, best" if is_best else trial.state, trial.state),
            _Cell("" if trial.score is None else f"{trial.score:.4g}", far if trial.score is None else trial.score),
            _Cell("", list(trial.scores)),
            *(
                _Cell(shown(trial.values[path]) if path in trial.values else "", trial.values.get(path))
                for path in paths
            ),
            _Cell(duration(trial.seconds) if trial.seconds else "", trial.seconds),
            _Cell(trial.why, trial.why),
        ]
        ground = QBrush(QColor(theme().selection)) if is_best else QBrush()
        colour = {"failed": theme().error, "pruned": theme().dim, "cut off": theme().dim}.get(trial.state, theme().text)
        for column, cell in enumerate(cells):
            cell.setBackground(ground)
            cell.setForeground(QColor(colour))
            cell.setToolTip(trial.why)
            if column not in (1, COURSE, len(cells) - 1):
                cell.setTextAlignment(RIGHT)
                cell.setFont(mono(-1))
            self.setItem(row, column, cell)

    def _number(self, row: int) -> int:
        item = self.item(row, 0)
        assert item is not None
        return int(item.data(ORDER))

    def _hide(self) -> None:
        for row in range(self.rowCount()):
            self.setRowHidden(row, self._left is not None and self._number(row) not in self._left)
