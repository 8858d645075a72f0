"""Small pieces that the panels share: headings, dim labels, scrolling columns, problems with their fixes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from app.icons import icon
from app.theme import SPACE, theme
from engine.problem import Fix, Problem

OWN_KEYS = (QKeySequence.StandardKey.SelectAll, QKeySequence.StandardKey.Copy, QKeySequence.StandardKey.Delete)


class Words(QLabel):
    """A label that takes no room while it says nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.setWordWrap(True)
        self.hide()

    def setText(self, text: str) -> None:
        """Say something, or nothing."""
        super().setText(text)
        self.setVisible(bool(text))


class Elided(QLabel):
    """A line that is cut where there is no room, at its end or as told; a plain label would keep the window wide."""

    def __init__(self, mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight) -> None:
        super().__init__()
        self._mode = mode
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)

    def minimumSizeHint(self) -> QSize:
        """Next to nothing."""
        return QSize(self.fontMetrics().horizontalAdvance("…"), super().minimumSizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw as much as there is room for."""
        painter = QPainter(self)
        text = self.fontMetrics().elidedText(self.text(), self._mode, self.width())
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter, text)
        painter.end()


def heading(text: str) -> QLabel:
    """The heading of a section."""
    label = QLabel(text)
    label.setProperty("heading", True)
    label.setContentsMargins(0, SPACE, 0, 0)
    return label


def dim(text: str = "") -> QLabel:
    """A sentence in the background."""
    label = QLabel(text)
    label.setWordWrap(True)
    label.setProperty("dim", True)
    return label


def scrolled(column: QVBoxLayout) -> QScrollArea:
    """A column that scrolls where it is too long, and never sideways."""
    inner = QWidget()
    column.setContentsMargins(SPACE + 4, SPACE, SPACE + 4, SPACE)
    column.setSpacing(SPACE)
    inner.setLayout(column)
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(inner)
    return area


def add(column: QVBoxLayout, *widgets: QWidget) -> None:
    """Put widgets at the end of a column, one below the other."""
    for widget in widgets:
        column.addWidget(widget)


def clear(layout: QVBoxLayout) -> None:
    """Take all widgets out of a column."""
    while layout.count():
        item = layout.takeAt(0)
        widget = item.widget() if item is not None else None
        if widget is not None:
            widget.hide()
            widget.setParent(None)
            widget.deleteLater()


def settle(column: QVBoxLayout) -> None:
    """Lay out what was just added to a column before it is first drawn; it would flash up squeezed."""
    for place in range(column.count()):
        item = column.itemAt(place)
        widget = item.widget() if item is not None else None
        if widget is not None and not widget.testAttribute(Qt.WidgetAttribute.WA_WState_ExplicitShowHide):
            widget.show()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest.value)


class OwnKeys(QObject):
    """Lets a view have the keys by which it edits, selects and deletes, before the window takes them for the canvas."""

    deleted = Signal()

    def __init__(self, view: QWidget) -> None:
        super().__init__(view)
        view.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take the key from the window; Delete is told, the others are the view's own."""
        if isinstance(event, QKeyEvent) and (event.key() == Qt.Key.Key_F2 or any(map(event.matches, OWN_KEYS))):
            if event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress and event.matches(QKeySequence.StandardKey.Delete):
                self.deleted.emit()
                return True
        return super().eventFilter(watched, event)


class ProblemBox(QWidget):
    """Problems in sentences, each with the buttons that mend it; hidden where there are none."""

    def __init__(self, fix: Callable[[Fix], object]) -> None:
        super().__init__()
        self._fix = fix
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self.hide()

    def show_problems(self, problems: Iterable[Problem]) -> None:
        """Show these problems."""
        clear(self._column)
        shown = list(problems)
        for problem in shown:
            self._column.addWidget(self._row(problem))
        self.setVisible(bool(shown))
        settle(self._column)

    def _row(self, problem: Problem) -> QWidget:
        row = QWidget()
        column = QVBoxLayout(row)
        column.setContentsMargins(0, 0, 0, 0)
        line = QHBoxLayout()
        mark, text = QLabel(), QLabel(problem.message)
        mark.setPixmap(icon("error", theme().error).pixmap(16, 16))
        mark.setAlignment(Qt.AlignmentFlag.AlignTop)
        text.setWordWrap(True)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        line.addWidget(mark)
        line.addWidget(text, 1)
        if problem.message:
            column.addLayout(line)
        for fix in problem.fixes:
            button = QPushButton(icon("fix"), fix.text)
            button.clicked.connect(lambda _=False, fix=fix: self._fix(fix))
            column.addWidget(button)
        return row
