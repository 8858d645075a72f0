"""The export dialog: what, in which format, where to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from app.icons import icon
from app.panels.sections import dim
from engine.export.formats import FORMATS
from engine.train.folder import Run

NOW = "The graph as it is now, untrained"


class ExportDialog(QDialog):
    """Asks for a source, a format and a file; `accepted_export` tells them, and the dialog waits for the answer."""

    accepted_export: Signal[tuple[Run | None, str, Path]] = Signal(object, str, object)  # run, format, file

    def __init__(self, parent: QWidget, runs: Sequence[Run], chosen: Run | None, folder: Path, name: str) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export")
        self.setMinimumWidth(480)
        self._runs: list[Run | None] = [*runs, None]
        self._folder, self._name = folder, name
        self.source, self.format = QComboBox(), QComboBox()
        self.source.addItems([*(run.name for run in runs), NOW])
        if chosen is not None and chosen in runs:
            self.source.setCurrentIndex(list(runs).index(chosen))
        for each in FORMATS.values():
            self.format.addItem(each.title, each.name)
        self._about = dim()
        self.path = QLineEdit()
        browse = QPushButton(icon("folder"), "Browse…")
        browse.clicked.connect(self._browse)
        line = QHBoxLayout()
        line.addWidget(self.path)
        line.addWidget(browse)
        form = QFormLayout()
        form.addRow("What", self.source)
        form.addRow("Format", self.format)
        form.addRow("", self._about)
        form.addRow("File", line)
        self.answer = QLabel()
        self.answer.setWordWrap(True)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self.button = buttons.addButton("Export", QDialogButtonBox.ButtonRole.ActionRole)
        self.button.setProperty("primary", True)
        self.button.setDefault(True)
        self.button.clicked.connect(self._export)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(self.answer)
        column.addWidget(buttons)
        self.format.currentIndexChanged.connect(self._changed)
        self.source.currentIndexChanged.connect(self._judge)
        self._changed()

    def _changed(self) -> None:
        chosen = FORMATS[self.format.currentData()]
        self._about.setText(chosen.about)
        self.path.setText(str(self._folder / f"{self._name}{chosen.suffix}"))
        self._judge()

    def _judge(self) -> None:
        untrained = self._runs[self.source.currentIndex()] is None
        impossible = untrained and FORMATS[self.format.currentData()].trained
        self.button.setEnabled(not impossible)
        self.answer.setText(
            "Weights come from a trained run: train first, or choose a run above." if impossible else ""
        )

    def _browse(self) -> None:
        chosen = FORMATS[self.format.currentData()]
        options = QFileDialog.Option.DontConfirmOverwrite
        path, _ = QFileDialog.getSaveFileName(self, "Export to", self.path.text(), f"*{chosen.suffix}", options=options)
        if path:
            self.path.setText(path)

    def _export(self) -> None:
        self.button.setEnabled(False)
        self.answer.setText("Exporting…")
        run = self._runs[self.source.currentIndex()]
        self.accepted_export.emit(run, self.format.currentData(), Path(self.path.text()).expanduser())

    def show_answer(self, text: str) -> None:
        """Say how it went; the dialog stays open for another format."""
        self.button.setEnabled(True)
        self.answer.setText(text)
