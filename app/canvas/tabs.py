"""The canvases: the graph, and beside it a tab for each block that is open, with the way to it above."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QLabel, QStackedWidget, QTabBar, QToolButton, QVBoxLayout, QWidget

from app.canvas.canvas import Canvas
from app.document import Document
from app.icons import icon
from app.scope import GRAPH, Scope
from app.theme import SPACE, theme, themes

GRAPH_TAB = 0
RIGHT = QTabBar.ButtonPosition.RightSide


class CanvasTabs(QWidget):
    """Holds a canvas for the graph and one for each open block; `current` is the one that is shown."""

    selection_changed: Signal[tuple[list[str]]] = Signal(list)
    shown = Signal(Scope)

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self.bar = QTabBar()
        self.bar.setDocumentMode(True)
        self.bar.setExpanding(False)
        self.bar.setDrawBase(False)
        self.crumbs = QLabel()
        self.crumbs.setTextFormat(Qt.TextFormat.RichText)
        self.crumbs.setContentsMargins(SPACE + 4, SPACE // 2, SPACE, SPACE // 2)
        self.crumbs.linkActivated.connect(self._follow)
        self.stack = QStackedWidget()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget in (self.bar, self.crumbs, self.stack):
            column.addWidget(widget)
        column.setStretchFactor(self.stack, 1)
        self._add(Scope(document))
        self.bar.currentChanged.connect(self._show)
        document.changed.connect(lambda _spec: self._keep_up())
        document.replaced.connect(self._forget)
        themes.changed.connect(self._tell_way)
        self._show(GRAPH_TAB)

    # ----------------------------------------------------------------------------------------------------- tabs

    @property
    def current(self) -> Canvas:
        """The canvas that is shown."""
        return self.canvas(self.bar.currentIndex())

    def canvas(self, place: int) -> Canvas:
        """The canvas of a tab."""
        canvas = self.stack.widget(max(place, GRAPH_TAB))
        assert isinstance(canvas, Canvas)
        return canvas

    def canvases(self) -> list[Canvas]:
        """The canvases of all tabs."""
        return [self.canvas(place) for place in range(self.stack.count())]

    def open(self, scope: Scope) -> Canvas:
        """Show a scope: in its block's tab where that is open, else in a new one."""
        blocks = [canvas.scope.block for canvas in self.canvases()]
        if scope.block in blocks:
            place = blocks.index(scope.block)
            self.canvas(place).show_scope(scope)
        else:
            place = self._add(scope)
        self.bar.setCurrentIndex(place)
        self._show(place)
        return self.canvas(place)

    def _add(self, scope: Scope) -> int:
        canvas = Canvas(self._document, scope)
        canvas.selection_changed.connect(lambda ids: self._selected(canvas, ids))
        canvas.block_opened.connect(self.open)
        self.stack.addWidget(canvas)
        place = self.bar.addTab(scope.block or GRAPH)
        self.bar.setTabButton(place, RIGHT, self._closer(canvas) if scope.block else None)
        self.bar.setVisible(self.bar.count() > 1)
        if scope.block:
            canvas.fit_later()
        return place

    def _closer(self, canvas: Canvas) -> QToolButton:
        button = QToolButton()
        button.setIcon(icon("close", theme().dim))
        button.setIconSize(QSize(12, 12))
        button.setAutoRaise(True)
        button.setToolTip("Close this tab; the block stays")
        button.clicked.connect(lambda: self.close_tab(self.stack.indexOf(canvas)))
        return button

    def close_tab(self, place: int) -> None:
        """Close a block's tab; the graph's stays."""
        if place == GRAPH_TAB:
            return
        canvas = self.canvas(place)
        self.bar.removeTab(place)
        self.stack.removeWidget(canvas)
        canvas.leave()
        canvas.deleteLater()
        self.bar.setVisible(self.bar.count() > 1)
        self._show(self.bar.currentIndex())

    def _show(self, place: int) -> None:
        self.stack.setCurrentIndex(max(place, GRAPH_TAB))
        self._tell_way()
        self.shown.emit(self.current.scope)
        self.selection_changed.emit(self.current.selected())

    def _selected(self, canvas: Canvas, ids: list[str]) -> None:
        if canvas is self.current:
            self.selection_changed.emit(ids)

    def _keep_up(self) -> None:
        """Close the tabs of blocks that are gone, follow those that were renamed."""
        for place in range(self.bar.count() - 1, GRAPH_TAB, -1):
            canvas = self.canvas(place)
            if not canvas.scope.exists and not canvas.follow_rename():
                self.close_tab(place)
            elif self.bar.tabText(place) != canvas.scope.block:
                self.bar.setTabText(place, canvas.scope.block)
        self._tell_way()

    def _forget(self) -> None:
        for place in range(self.bar.count() - 1, GRAPH_TAB, -1):
            self.close_tab(place)

    # ------------------------------------------------------------------------------------------------------ way

    def _tell_way(self) -> None:
        scope = self.current.scope
        crumbs = scope.crumbs()
        links = [
            f'<a href="{place}" style="color:{theme().accent};text-decoration:none">{escape(name)}</a>'
            for place, (name, _block, _path) in enumerate(crumbs[:-1])
        ]
        self.crumbs.setText(" › ".join([*links, f"<b>{escape(crumbs[-1][0])}</b>"]))
        self.crumbs.setVisible(bool(scope.block))

    def _follow(self, link: str) -> None:
        _name, block, path = self.current.scope.crumbs()[int(link)]
        self.open(Scope(self._document, block, path))
