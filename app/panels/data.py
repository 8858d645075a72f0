"""The data panel: where samples come from, how they are split and batched; the page beside it shows what they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.document import Document
from app.fields import Form
from app.fields.editors import CalmComboBox
from app.icons import icon
from app.panels.data_draw import part_colour
from app.panels.open_box import OpenBox
from app.panels.sections import ProblemBox, Words, add, clear, dim, heading, scrolled, settle
from app.theme import SPACE, themes
from engine import edit
from engine.columns import Column, DataReport
from engine.ops.settings import Batching, Split
from engine.ops.source import Source
from engine.spec import Spec

UNKNOWN_SPLITS = "The sizes of the splits show here once the data is read."
# The field that holds the settings of a stage of the data's way to the model.
FIELDS = {"cache": "cache", "shuffle": "shuffle", "batch": "batch_size", "prefetch": "workers"}


class DataPanel(QWidget):
    """Shows and edits the data section of the project but for the steps of its columns."""

    page_wanted = Signal()
    vary_wanted = Signal(str)  # the path of a setting that a sweep is to vary

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self._kind: str | None = ""
        self._source: Form | None = None
        self._kinds = CalmComboBox()
        self._kinds.setPlaceholderText("Choose where samples come from")
        for name, source in Source.registry.items():
            self._kinds.addItem(source.title, name)
        self._kinds.activated.connect(self._choose)
        self.open_box = OpenBox(document)
        self._about = dim()
        self._problems = ProblemBox(document.mend)
        self._source_form = QVBoxLayout()
        self._notes, self._reading = Words(), Words()
        for words in (self._notes, self._reading):
            words.setProperty("dim", True)
        self._bar = _SplitBar()
        self.look = QPushButton("Columns and samples")
        self.look.setToolTip("Shows the columns with their steps, and the samples, in the place of the graph")
        self.look.clicked.connect(self.page_wanted)
        self._use = QPushButton("Add Inputs for these columns")
        self._use.setToolTip("Adds an Input node for each column that no node is bound to yet")
        self._use.clicked.connect(self._add_inputs)
        self._split = self._form(Split, "data.split")
        self._batching = self._form(Batching, "data.batching")
        self._lay_out()
        document.changed.connect(self._show)
        document.data_changed.connect(self._show_data)
        themes.changed.connect(self._dress)
        self._dress()
        self._show(document.spec)
        self._show_data(document.data_report)

    def _lay_out(self) -> None:
        column = QVBoxLayout()
        holder = QWidget()
        self._source_form.setContentsMargins(0, 0, 0, 0)
        holder.setLayout(self._source_form)
        add(column, heading("Source"), self.open_box, self._kinds, self._about, self._problems, holder)
        add(column, self._reading, self._notes, self.look, self._use)
        add(column, heading("Split"), self._bar, self._split, heading("Batches"), self._batching)
        column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        self._area: QScrollArea = scrolled(column)
        outer.addWidget(self._area)

    def _form(self, declared: Any, path: str) -> Form:
        form = Form(declared, {}, folder=self._document.folder, columns=self._column_names, can_vary=True)
        form.varied.connect(lambda name: self.vary_wanted.emit(f"{path}.{name}"))
        form.changed.connect(lambda name, value, _final: self._set(f"{path}.{name}", value))
        form.reset.connect(lambda name: self._set(f"{path}.{name}", declared.defaults()[name]))
        return form

    def _dress(self) -> None:
        self.look.setIcon(icon("samples"))
        self._use.setIcon(icon("add"))

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
        self._source = None
        if declared is None or not declared.params():
            return
        self._source = self._form(declared, "data.source.params")
        self._source_form.addWidget(self._source)
        settle(self._source_form)

    def _column_names(self) -> list[str]:
        report = self._document.data_report
        return [name for name, column in report.columns.items() if not column.parts] if report else []

    def _show_data(self, report: DataReport | None) -> None:
        self._bar.show_splits(report.splits if report else {})
        self._problems.show_problems(report.problems if report else ())
        self._notes.setText("\n".join(report.notes) if report else "")
        self.look.setVisible(bool(report and report.columns))
        self._use.setVisible(bool(report and self._unused(report)))
        if self._source is not None:
            said = {each.param: each.message for each in report.problems if each.param} if report else {}
            self._source.set_problems({(path or "").rpartition(".")[2]: words for path, words in said.items()})
            self._show(self._document.spec)

    def _unused(self, report: DataReport) -> list[Column]:
        """Columns worth an Input that has none; a table's joined features stand for their parts."""
        bound = {node.params.get("column") for node in self._document.spec.nodes.values() if node.op == "Input"}
        parts = {part for column in report.columns.values() for part in column.parts}
        return [each for each in report.columns.values() if each.name not in bound and each.name not in parts]

    def show_reading(self, reading: bool) -> None:
        """Say that the data is being read, or no longer is."""
        self._reading.setText("Reading the data…" if reading else "")

    def show_stage(self, stage: str) -> None:
        """Bring the settings of a stage of the data's way to the model to show."""
        field = self._batching.show_field(FIELDS[stage]) if stage in FIELDS else self._kinds
        field.setFocus()
        inner = self._area.widget()
        layout = inner.layout() if inner is not None else None
        if layout is not None:
            layout.activate()  # a field that was folded away has no place yet
        self._area.ensureWidgetVisible(field, 0, 8 * SPACE)

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


def _with_inputs(spec: Spec, columns: list[Column]) -> Spec:
    bottom = max((edit.position(spec, node)[1] for node in spec.nodes), default=-136)
    for place, column in enumerate(columns):
        new = edit.new_id(spec, "Input")
        spec = edit.bind(edit.add(spec, "Input", (0, bottom + 136 * (place + 1))), new, column)
        spec = edit.set_title(spec, new, column.name)
    return spec


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


class _SplitBar(QWidget):
    """The sizes of the splits, drawn in proportion."""

    def __init__(self) -> None:
        super().__init__()
        self._splits: Mapping[str, int] = {}
        self._words = dim()
        column = QHBoxLayout(self)
        column.setContentsMargins(0, 2 * SPACE, 0, 0)
        column.addWidget(self._words)
        themes.changed.connect(self.update)

    def show_splits(self, splits: Mapping[str, int]) -> None:
        """Show the sizes."""
        self._splits = splits
        self._words.setText("   ".join(f"{name} {count:,}" for name, count in splits.items()) or UNKNOWN_SPLITS)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the bar."""
        total = sum(self._splits.values())
        if not total:
            return
        painter, x = QPainter(self), 0.0
        for part, count in self._splits.items():
            width = self.width() * count / total
            painter.fillRect(int(x), 4, max(2, int(width) - 2), SPACE, QColor(part_colour(part)))
            x += width
        painter.end()
