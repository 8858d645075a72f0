"""The list of problems: each leads to its place, and has the buttons that mend it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.document import Document
from app.icons import icon
from app.panels.sections import clear, dim, scrolled, settle
from app.theme import mono, theme, themes
from engine.problem import Fix, Problem
from engine.report import Report

MOST_SHOWN = 200


class ProblemList(QWidget):
    """All problems of the project; a click goes to the node, or to the panel, that it is about."""

    node_chosen = Signal(str, str)
    setting_chosen = Signal(str)

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self._shown: tuple[bool, tuple[Problem, ...]] | None = None
        self._column = QVBoxLayout()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolled(self._column))
        document.report_changed.connect(self._show)
        themes.changed.connect(self._redraw)
        self._show(document.report)

    def _redraw(self) -> None:
        self._shown = None
        self._show(self._document.report)

    def _show(self, report: Report) -> None:
        shown = (self._document.checked, report.problems)
        if shown == self._shown:
            return
        self._shown = shown
        clear(self._column)
        for problem in report.problems[:MOST_SHOWN]:
            self._column.addWidget(_Row(problem, self))
        if len(report.problems) > MOST_SHOWN:
            self._column.addWidget(dim(f"… and {len(report.problems) - MOST_SHOWN} more."))
        if not report.problems:
            begun = "No problems." if self._document.checked else "Not checked yet."
            self._column.addWidget(dim(f"{begun} What is wrong with the graph, the data or the settings shows here."))
        self._column.addStretch(1)
        settle(self._column)

    def choose(self, problem: Problem) -> None:
        """Go where a problem is."""
        if problem.node is not None:
            self.node_chosen.emit(problem.node, problem.param or "")
        elif problem.param:
            self.setting_chosen.emit(problem.param)

    def mend(self, fix: Fix) -> None:
        """Run a fix."""
        self._document.mend(fix)


class _Row(QFrame):
    """One problem."""

    def __init__(self, problem: Problem, owner: ProblemList) -> None:
        super().__init__()
        self._problem, self._owner = problem, owner
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        mark, where, text = QLabel(), QLabel(problem.node or problem.param or "project"), QLabel(problem.message)
        mark.setPixmap(icon("error", theme().error).pixmap(16, 16))
        where.setFont(mono())
        where.setMinimumWidth(160)
        where.setMaximumWidth(240)
        text.setWordWrap(True)
        row.addWidget(mark)
        row.addWidget(where)
        row.addWidget(text, 1)
        for fix in problem.fixes:
            button = QPushButton(icon("fix"), fix.text)
            button.clicked.connect(lambda _=False, fix=fix: owner.mend(fix))
            row.addWidget(button)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Go there."""
        self._owner.choose(self._problem)
        super().mousePressEvent(event)
