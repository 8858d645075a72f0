"""One column closely: its kind, its steps with what they do to a sample, and how its values are distributed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.data_helper import DataHelper
from app.document import Document
from app.fields.editors import CalmComboBox
from app.panels.data_columns import facts_words
from app.panels.data_distribution import Distribution
from app.panels.data_steps import StepsBox
from app.panels.data_trace import TraceBox
from app.panels.sections import Words, add, heading, scrolled
from app.theme import SPACE
from engine.columns import Column, DataReport
from engine.edit_columns import kinds_for, set_kind

KIND_WIDTH = 128


class ColumnBox(QWidget):
    """Shows and edits the column that is chosen."""

    def __init__(self, document: Document, helper: DataHelper) -> None:
        super().__init__()
        self._document = document
        self._column: Column | None = None
        self._name, self._facts = QLabel(), Words()
        self._name.setProperty("heading", True)
        self._facts.setProperty("dim", True)
        self.kinds = CalmComboBox()
        self.kinds.setFixedWidth(KIND_WIDTH)
        self.kinds.activated.connect(self._read_as)
        self.steps = StepsBox(document)
        self.trace = TraceBox(helper)
        self.distribution = Distribution()
        self._counted, self._of_boxes = heading("Distribution"), heading("Boxes of each class")
        self.classes = Distribution()
        self._limited = Words()
        self._limited.setProperty("dim", True)
        head = QHBoxLayout()
        head.setSpacing(SPACE)
        head.addWidget(self._name, 1)
        head.addWidget(QLabel("Kind"))
        head.addWidget(self.kinds)
        column = QVBoxLayout()
        column.addLayout(head)
        add(column, self._facts, heading("Steps"), self.steps, heading("Before and after"), self.trace)
        add(column, self._counted, self.distribution, self._limited, self._of_boxes, self.classes)
        column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        self.area = scrolled(column)
        outer.addWidget(self.area)
        self._name.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def show_column(self, column: Column | None, report: DataReport | None) -> None:
        """Show a column, or nothing."""
        self._column = column
        self.area.setVisible(column is not None)
        self.steps.show_column(column, report)
        self.trace.show_column(column.name if column else "")
        if column is None:
            return
        self._name.setText(column.name)
        self._facts.setText(facts_words(column))
        kinds = kinds_for(self._document.spec, column)
        self.kinds.clear()
        self.kinds.addItems(list(kinds))
        self.kinds.setEnabled(len(kinds) > 1)
        more = "" if len(kinds) > 1 else "The source tells this column's kind; it can be read as no other."
        self.kinds.setToolTip(more or "What the values are read as")

    def show_distribution(self, distribution: Mapping[str, Any] | None) -> None:
        """Show how the column's values are distributed."""
        self._counted.setVisible(bool(distribution))
        self.distribution.show_distribution(distribution)
        classes = distribution.get("classes") if distribution else None
        self._of_boxes.setVisible(bool(classes))
        self.classes.show_distribution(classes)
        read = distribution.get("read") if distribution else None
        self._limited.setText(f"Counted on {read:,} samples of each split at most." if read else "")

    def _read_as(self, place: int) -> None:
        column = self._column
        if column is None:
            return
        kind: Any = self.kinds.itemText(place)
        self._document.edit(f"Read {column.name} as {kind}", lambda spec: set_kind(spec, column, kind))
