"""The data panel: where samples come from, how they are split and batched, and what they look like."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSizePolicy,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from app.document import Document
from app.fields import Form
from app.fields.editors import CalmComboBox
from app.icons import icon
from app.panels.open_box import OpenBox
from app.panels.sections import ProblemBox, add, clear, dim, heading, scrolled, settle
from app.theme import SPACE, theme, themes
from engine import edit
from engine.columns import Column, DataReport
from engine.ops.settings import Batching, Split
from engine.ops.source import Source
from engine.problem import Fix
from engine.spec import Spec

THUMBNAIL = 56
MOST_THUMBNAILS = 48
TABLE_HEIGHT = 220
Index = QModelIndex


class DataPanel(QWidget):
    """Shows and edits the data section of the project, with the first samples below."""

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self._kind: str | None = ""
        self._kinds = CalmComboBox()
        self._kinds.setPlaceholderText("Choose where samples come from")
        for name, source in Source.registry.items():
            self._kinds.addItem(source.title, name)
        self._kinds.activated.connect(self._choose)
        self.open_box = OpenBox(document)
        self._about = dim()
        self._problems = ProblemBox(self._fix)
        self._source_form = QVBoxLayout()
        self._notes = dim()
        self._bar = _SplitBar()
        self._use = QPushButton(icon("add"), "Add Inputs for these columns")
        self._use.setToolTip("Adds an Input node for each column that no node is bound to yet")
        self._use.clicked.connect(self._add_inputs)
        self._columns = _Table(_ColumnModel())
        self._samples = _Table(_SampleModel())
        self._thumbnails = _Thumbnails()
        column = QVBoxLayout()
        add(
            column, heading("Source"), self.open_box, self._kinds, self._about, self._problems, _held(self._source_form)
        )
        self._split = self._form(Split, "data.split")
        self._batching = self._form(Batching, "data.batching")
        add(column, heading("Columns"), self._columns, self._use, self._notes)
        add(column, heading("Split"), self._bar, self._split, heading("Batches"), self._batching)
        add(column, heading("First samples"), self._thumbnails, self._samples)
        column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolled(column))
        document.changed.connect(self._show)
        document.data_changed.connect(self._show_data)
        self._show(document.spec)
        self._show_data(document.data_report)

    def _form(self, declared: Any, path: str) -> Form:
        form = Form(declared, {}, folder=self._document.folder, columns=self._column_names)
        form.changed.connect(lambda name, value, _final: self._set(f"{path}.{name}", value))
        form.reset.connect(lambda name: self._set(f"{path}.{name}", declared.defaults()[name]))
        return form

    # ------------------------------------------------------------------------------------------------------ show

    def _show(self, spec: Spec) -> None:
        source = spec.data.get("source")
        kind = source.get("kind") if isinstance(source, Mapping) else None
        if kind != self._kind:
            self._kind = kind
            self._kinds.setCurrentIndex(self._kinds.findData(kind))
            declared = Source.registry.get(str(kind))
            self._about.setText(declared.doc() if declared else "Choose a source; its columns then feed the Inputs.")
            self._build_source(declared)
        if self._source is not None and isinstance(source, Mapping):
            self._source.set_values(_mapping(source.get("params")))
        self._split.set_values(_mapping(spec.data.get("split")))
        self._batching.set_values(_mapping(spec.data.get("batching")))

    def _build_source(self, declared: type[Source] | None) -> None:
        clear(self._source_form)
        self._source: Form | None = None
        if declared is None or not declared.params():
            return
        self._source = Form(declared, {}, folder=self._document.folder, columns=self._column_names)
        path = "data.source.params"
        self._source.changed.connect(lambda name, value, _final: self._set(f"{path}.{name}", value))
        self._source.reset.connect(lambda name: self._set(f"{path}.{name}", declared.defaults()[name]))
        self._source_form.addWidget(self._source)
        settle(self._source_form)

    def _column_names(self) -> list[str]:
        report = self._document.data_report
        return [name for name, column in report.columns.items() if not column.parts] if report else []

    def _show_data(self, report: DataReport | None) -> None:
        self._columns.show_rows(list(report.columns.values()) if report else [])
        self._bar.show_splits(report.splits if report else {})
        self._problems.show_problems(report.problems if report else ())
        self._notes.setText("\n".join(report.notes) if report else "")
        self._notes.setVisible(bool(report and report.notes))
        self._use.setVisible(bool(report and self._unused(report)))
        image = next((each.name for each in report.columns.values() if each.kind == "image"), "") if report else ""
        self._thumbnails.show_samples(report, image)
        self._thumbnails.setVisible(bool(image))
        self._samples.setVisible(bool(report) and not image)
        if report and not image:
            self._samples.show_rows(list(report.samples))
        if self._source is not None:
            said = {each.param: each.message for each in report.problems if each.param} if report else {}
            self._source.set_problems({(path or "").rpartition(".")[2]: words for path, words in said.items()})
            self._show(self._document.spec)

    def _unused(self, report: DataReport) -> list[Column]:
        """Columns worth an Input that has none; a table's joined features stand for their parts."""
        bound = {node.params.get("column") for node in self._document.spec.nodes.values() if node.op == "Input"}
        parts = {part for column in report.columns.values() for part in column.parts}
        return [each for each in report.columns.values() if each.name not in bound and each.name not in parts]

    # ----------------------------------------------------------------------------------------------------- edits

    def _choose(self, place: int) -> None:
        kind = self._kinds.itemData(place)
        self._document.edit(f"Choose {kind}", lambda spec: edit.set_source(spec, kind))

    def _set(self, path: str, value: Any) -> None:
        name = path.rpartition(".")[2]
        self._document.edit(f"Set {name}", lambda spec: edit.set_setting(spec, path, value), merge=path)

    def _add_inputs(self) -> None:
        report = self._document.data_report
        if report is not None:
            columns = self._unused(report)
            self._document.edit("Add Inputs", lambda spec: _with_inputs(spec, columns))

    def _fix(self, fix: Fix) -> None:
        self._document.mend(fix)


def _with_inputs(spec: Spec, columns: list[Column]) -> Spec:
    bottom = max((edit.position(spec, node)[1] for node in spec.nodes), default=-136)
    for place, column in enumerate(columns):
        new = edit.new_id(spec, "Input")
        spec = edit.bind(edit.add(spec, "Input", (0, bottom + 136 * (place + 1))), new, column)
        spec = edit.set_title(spec, new, column.name)
    return spec


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _held(layout: QVBoxLayout) -> QWidget:
    holder = QWidget()
    layout.setContentsMargins(0, 0, 0, 0)
    holder.setLayout(layout)
    return holder


class _Model(QAbstractTableModel):
    """Rows of values under headings."""

    headings: tuple[str, ...] = ()

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Any] = []

    def show_rows(self, rows: list[Any]) -> None:
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, _parent: Any = None) -> int:
        return len(self.rows)

    def columnCount(self, _parent: Any = None) -> int:
        return len(self.headings)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        return self.headings[section] if orientation == Qt.Orientation.Horizontal else section + 1

    def data(self, index: Any, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return self.text(self.rows[index.row()], index.column())
        return None

    def text(self, row: Any, column: int) -> str:
        raise NotImplementedError


class _ColumnModel(_Model):
    headings = ("Column", "Kind", "Shape", "Type", "Values", "Missing", "Steps")

    def text(self, row: Column, column: int) -> str:
        shape = " × ".join(map(str, ("N", *row.shape)))
        values = f"{row.low:g} to {row.high:g}" if row.low is not None and row.high is not None else ""
        values = row.extent() or values
        if row.classes:
            shown = ", ".join(row.classes[:6])
            values = f"{len(row.classes)} classes: {shown}{'…' * (len(row.classes) > 6)}"
        return (row.name, row.kind, shape, row.dtype, values, str(row.missing or ""), ", ".join(row.steps))[column]


class _SampleModel(_Model):
    def show_rows(self, rows: list[Any]) -> None:
        self.headings = tuple(rows[0]) if rows else ()
        super().show_rows(rows)

    def text(self, row: Mapping[str, Any], column: int) -> str:
        value = row[self.headings[column]]
        if isinstance(value, Mapping) and "seconds" in value:
            return f"{value['seconds']:g} s, {value['rate']:,} Hz"
        if isinstance(value, list):
            return ", ".join("" if each is None else f"{each:g}" for each in value)
        return f"{value:g}" if isinstance(value, float) else "" if value is None else str(value)


class _Table(QTableView):
    """A table to read."""

    def __init__(self, model: _Model) -> None:
        super().__init__()
        self._rows = model
        self.setModel(model)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(24)
        self.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def show_rows(self, rows: list[Any]) -> None:
        """Show rows, the table as high as they are up to a limit."""
        self._rows.show_rows(rows)
        self.setVisible(bool(rows))
        self.resizeColumnsToContents()
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        self.setFixedHeight(min(TABLE_HEIGHT, 24 * len(rows) + header.sizeHint().height() + 18))


class _Thumbnails(QListWidget):
    """The first images with their labels."""

    def __init__(self) -> None:
        super().__init__()
        self.setViewMode(QListWidget.ViewMode.IconMode)
        self.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.setMovement(QListWidget.Movement.Static)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setIconSize(QSize(THUMBNAIL, THUMBNAIL))
        self.setGridSize(QSize(THUMBNAIL + SPACE, THUMBNAIL + 3 * SPACE))
        self.setFixedHeight(4 * (THUMBNAIL + 3 * SPACE))
        self.setFrameShape(QListWidget.Shape.NoFrame)

    def show_samples(self, report: DataReport | None, image: str) -> None:
        """Decode and show the images of a report."""
        self.clear()
        if report is None or not image:
            return
        label = next((each.name for each in report.columns.values() if each.kind == "category"), "")
        for sample in report.samples[:MOST_THUMBNAILS]:
            pixmap = QPixmap()
            pixmap.loadFromData(base64.b64decode(sample[image]["png"]))
            tiny = max(pixmap.width(), pixmap.height()) < THUMBNAIL
            mode = Qt.TransformationMode.FastTransformation if tiny else Qt.TransformationMode.SmoothTransformation
            sized = pixmap.scaled(THUMBNAIL, THUMBNAIL, Qt.AspectRatioMode.KeepAspectRatio, mode)
            self.addItem(QListWidgetItem(QIcon(sized), str(sample.get(label, ""))))


class _SplitBar(QWidget):
    """The sizes of the splits, drawn in proportion."""

    def __init__(self) -> None:
        super().__init__()
        self._splits: Mapping[str, int] = {}
        self._words = QLabel()
        self._words.setProperty("dim", True)
        column = QHBoxLayout(self)
        column.setContentsMargins(0, 2 * SPACE, 0, 0)
        column.addWidget(self._words)
        themes.changed.connect(self.update)

    def show_splits(self, splits: Mapping[str, int]) -> None:
        """Show the sizes."""
        self._splits = splits
        words = "   ".join(f"{name} {count:,}" for name, count in splits.items())
        self._words.setText(words or "The sizes of the splits show here once the data is read.")
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the bar."""
        total = sum(self._splits.values())
        if not total:
            return
        painter, x = QPainter(self), 0.0
        colours = (theme().accent, theme().ok, theme().warning)
        for colour, count in zip(colours, self._splits.values(), strict=False):
            width = self.width() * count / total
            painter.fillRect(int(x), 4, max(2, int(width) - 2), SPACE, QColor(colour))
            x += width
        painter.end()
