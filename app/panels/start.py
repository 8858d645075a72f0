"""The start page: examples to begin with, recent files, and an empty project."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.icons import icon
from app.panels.sections import clear, dim, heading, scrolled
from app.theme import SPACE, theme, themes
from engine.examples import Example, examples
from engine.picture import svg
from engine.spec import load

COLUMNS = 3
PICTURE = QSize(216, 88)


class StartPage(QWidget):
    """What the studio shows while no project is open."""

    example_chosen = Signal(Path)
    file_chosen = Signal(Path)
    new_chosen = Signal()
    open_chosen = Signal()

    def __init__(self, recent: Sequence[Path]) -> None:
        super().__init__()
        self._recent = list(recent)
        self._column = QVBoxLayout()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolled(self._column))
        self._column.setContentsMargins(SPACE * 4, SPACE * 4, SPACE * 2, SPACE * 4)
        themes.changed.connect(self._build)
        self._build()

    def show_recent(self, recent: Sequence[Path]) -> None:
        """List these files as recent."""
        if list(recent) != self._recent:
            self._recent = list(recent)
            self._build()

    def _build(self) -> None:
        clear(self._column)
        title = QLabel("Netloom")
        font = title.font()
        font.setPointSize(font.pointSize() + 10)
        font.setBold(True)
        title.setFont(font)
        self._column.addWidget(title)
        self._column.addWidget(dim("Draw a network, see its shapes, train it, take it with you."))
        self._column.addWidget(self._buttons())
        found = examples()
        self._column.addWidget(heading("Examples"))
        self._column.addWidget(self._cards([each for each in found if each.trains]))
        if self._recent:
            self._column.addWidget(heading("Recent"))
            for path in self._recent[:6]:
                self._column.addWidget(self._file(path))
        self._column.addWidget(heading("Well-known networks"))
        self._column.addWidget(self._cards([each for each in found if not each.trains]))
        self._column.addStretch(1)

    def _buttons(self) -> QWidget:
        holder = QWidget()
        grid = QGridLayout(holder)
        grid.setContentsMargins(0, SPACE, 0, 0)
        new = QPushButton(icon("new", theme().accent_text), "New project")
        new.setProperty("primary", True)
        new.clicked.connect(lambda: self.new_chosen.emit())
        opened = QPushButton(icon("open"), "Open…")
        opened.clicked.connect(lambda: self.open_chosen.emit())
        grid.addWidget(new, 0, 0)
        grid.addWidget(opened, 0, 1)
        grid.setColumnStretch(2, 1)
        return holder

    def _cards(self, shown: Sequence[Example]) -> QWidget:
        holder = QWidget()
        grid = QGridLayout(holder)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(SPACE * 2)
        for place, example in enumerate(shown):
            grid.addWidget(self._card(example), place // COLUMNS, place % COLUMNS)
        grid.setColumnStretch(COLUMNS, 1)
        return holder

    def _card(self, example: Example) -> QWidget:
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE // 2)
        button = QToolButton()
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setText(example.name.replace("_", " "))
        button.setIcon(_blank())
        button.setIconSize(PICTURE)
        draw = partial(_draw, button, example)
        QTimer.singleShot(0, button, draw)  # the window shows first
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        button.setToolTip(f"<p>{example.about}</p>")
        button.setStyleSheet(
            f"QToolButton {{ background: {theme().card}; border: 1px solid {theme().card_edge}; padding: 8px; "
            f"font-weight: 600; }} QToolButton:hover, QToolButton:focus {{ border: 1px solid {theme().accent}; }}"
        )
        button.clicked.connect(lambda: self.example_chosen.emit(example.path))
        about = dim(example.about)
        about.setFixedWidth(PICTURE.width() + SPACE * 2)
        about.setAlignment(Qt.AlignmentFlag.AlignTop)
        column.addWidget(button)
        column.addWidget(about, 1)
        holder.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        return holder

    def _file(self, path: Path) -> QWidget:
        button = QPushButton(f"{path.stem}    {path.parent}")
        button.setFlat(True)
        button.setStyleSheet("text-align: left; padding: 4px;")
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        button.clicked.connect(lambda: self.file_chosen.emit(path))
        return button


def _blank() -> QIcon:
    """A picture of the size of the others, with nothing on it."""
    pixmap = QPixmap(PICTURE)
    pixmap.fill(Qt.GlobalColor.transparent)
    return QIcon(pixmap)


def _draw(button: QToolButton, example: Example) -> None:
    button.setIcon(_picture(example, button.devicePixelRatioF()))


def _picture(example: Example, scale: float) -> QIcon:
    """The example's graph as a small picture."""
    renderer = QSvgRenderer(QByteArray(svg(load(example.path), dark=theme().dark).encode()))
    pixmap = QPixmap(PICTURE * scale)
    pixmap.setDevicePixelRatio(scale)
    pixmap.fill(Qt.GlobalColor.transparent)
    size = renderer.defaultSize().scaled(PICTURE, Qt.AspectRatioMode.KeepAspectRatio)
    left, top = (PICTURE.width() - size.width()) / 2, (PICTURE.height() - size.height()) / 2
    painter = QPainter(pixmap)
    renderer.render(painter, QRectF(left, top, size.width(), size.height()))
    painter.end()
    return QIcon(pixmap)
