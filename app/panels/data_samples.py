"""The browser of samples: by split and by class, as pictures, waves, texts or rows."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QHBoxLayout,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.data_helper import DataHelper
from app.fields.editors import CalmComboBox
from app.icons import icon
from app.panels.data_gallery import SIZES, Gallery
from app.panels.data_pages import Pages
from app.panels.data_rows import Rows
from app.panels.data_viewer import Viewer
from app.panels.sections import dim
from app.theme import SPACE, themes
from engine.columns import Column, DataReport

ALL_PARTS, ALL_CLASSES = "All samples", "All classes"
COMBO_WIDTH = 168
CHOSEN_BY = ("category", "boxes")  # kinds of target by whose classes samples are chosen
MOST_BESIDE = 3  # columns beside a text, with which it is shown as a text and not as a row


class SampleBrowser(QWidget):
    """Shows the samples of a split and a class; a double click, Space or Enter opens one."""

    def __init__(self, helper: DataHelper) -> None:
        super().__init__()
        self._columns: list[Column] = []
        self._main: Column | None = None
        self.pages = Pages(helper, self)
        self.parts, self.classes = CalmComboBox(), CalmComboBox()
        self.parts.setToolTip("Split")
        self.classes.setToolTip("Class")
        self.tokens = QCheckBox("Tokens")
        self.tokens.setToolTip("Shows texts as the tokens that their steps cut them into")
        self.count = dim()
        self.gallery, self.rows = Gallery(self.pages), Rows(self.pages)
        self.viewer = Viewer(helper, self.pages, self)
        self.stack = QStackedWidget()
        self._words = dim()
        self._words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._views = QButtonGroup(self)
        for each in (self.gallery, self.rows, self._words):
            self.stack.addWidget(each)
        self._lay_out()
        self.parts.activated.connect(lambda _place: self._begin())
        self.classes.activated.connect(lambda _place: self._begin())
        self.tokens.toggled.connect(self._show_tokens)
        self.pages.changed.connect(self._tell)
        self.gallery.opened.connect(self._open)
        self.rows.opened.connect(self._open)
        themes.changed.connect(self._dress)
        self._dress()

    def _lay_out(self) -> None:
        tools = QHBoxLayout()
        tools.setSpacing(SPACE)
        for combo in (self.parts, self.classes):
            combo.setFixedWidth(COMBO_WIDTH)
            tools.addWidget(combo)
        tools.addWidget(self.count, 1)
        tools.addWidget(self.tokens)
        for place, words in enumerate(("As they are seen or heard", "As rows of all columns")):
            button = QToolButton()
            button.setCheckable(True)
            button.setToolTip(words)
            self._views.addButton(button, place)
            tools.addWidget(button)
        self._views.idClicked.connect(lambda _place: self._tell())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, SPACE, 0, 0)
        column.setSpacing(SPACE)
        column.addLayout(tools)
        column.addWidget(self.stack, 1)

    def _dress(self) -> None:
        for place, name in enumerate(("samples", "palette")):
            self._views.button(place).setIcon(icon(name))

    # ------------------------------------------------------------------------------------------------------ show

    def show_data(self, report: DataReport | None) -> None:
        """Begin anew with other data; the split and the class stay chosen where they are still there."""
        self._columns = list(report.columns.values()) if report else []
        self._main = main_column(self._columns)
        part, cls = self.parts.currentData(), self.classes.currentData()
        self._fill(self.parts, ALL_PARTS, list(report.splits) if report else [], part)
        self._fill(self.classes, ALL_CLASSES, classes_of(report), cls)
        self.classes.setVisible(self.classes.count() > 1)
        self.tokens.setVisible(any(each.kind == "text" for each in self._columns))
        self.rows.show_columns(shown_in_rows(self._columns))
        self._views.button(0).setEnabled(self._main is not None)
        self._views.button(0 if self._main is not None and seen_at_once(self._columns, self._main) else 1).setChecked(
            True
        )
        self.gallery.show_columns(self._columns, self._main, tokens=self.tokens.isChecked())
        if report and report.columns:
            self._begin()
        else:
            self.pages.forget()

    def _fill(self, combo: CalmComboBox, first: str, names: Sequence[str], chosen: str | None) -> None:
        combo.clear()
        combo.addItem(first, "")
        for name in names:
            combo.addItem(name, name)
        combo.setCurrentIndex(max(0, combo.findData(chosen or "")))

    def _begin(self) -> None:
        part, cls = self.parts.currentData() or "", self.classes.currentData() or ""
        self.pages.show(part, cls, tokens=self.tokens.isChecked() and self.tokens.isVisibleTo(self))

    def _show_tokens(self, shown: bool) -> None:
        self.gallery.show_columns(self._columns, self._main, tokens=shown)
        self._begin()

    def _tell(self) -> None:
        pages = self.pages
        self.count.setText(
            f"{pages.total:,} sample{'s' * (pages.total != 1)}" if pages.known and not pages.error else ""
        )
        if pages.error:
            self._words.setText(pages.error)
        elif not pages.known:
            self._words.setText("Reading samples…" if self._columns else "")
        elif not pages.total:
            self._words.setText("There are no such samples.")
        view = self.gallery if self._views.checkedId() == 0 else self.rows
        self.stack.setCurrentWidget(view if pages.total and not pages.error else self._words)

    def _open(self, place: int) -> None:
        self.viewer.show_place(place, self._columns)


def main_column(columns: Sequence[Column]) -> Column | None:
    """The column that samples are recognised by: a picture, a sound, or a text."""
    found = (each for kind in SIZES for each in columns if each.kind == kind)
    return next(found, None)


def seen_at_once(columns: Sequence[Column], main: Column) -> bool:
    """Whether tiles show a sample better than a row does; a text among many columns is one of them."""
    return main.kind != "text" or len(columns) <= 1 + MOST_BESIDE


def shown_in_rows(columns: Sequence[Column]) -> list[Column]:
    """The columns of rows; those that a table joins stand there one by one."""
    own = {each.name for each in columns}
    return [each for each in columns if not (each.parts and set(each.parts) <= own)]


def classes_of(report: DataReport | None) -> list[str]:
    """The classes that samples can be chosen by: those of the column that is to be predicted."""
    column = report.columns.get(report.target) if report else None
    return list(column.classes) if column and column.kind in CHOSEN_BY else []
