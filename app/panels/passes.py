"""What the graph passes do, for training and for inference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from PySide6.QtCore import QSize
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QTextBrowser, QVBoxLayout, QWidget

from app.document import Document
from app.engine_process import EngineProcess, light
from app.panels.sections import dim
from app.theme import theme, themes
from engine.report import Optimised
from engine.spec import Spec

PURPOSES = ("training", "inference")
INTRODUCTION = "What runs is a leaner graph than you drew, and computes the same. Your drawing stays as it is."
SIZE = QSize(680, 520)
Answer = Mapping[str, Any]


class PassesDialog(QDialog):
    """Lists what each pass did; it stays open beside the work and follows it."""

    def __init__(self, document: Document, engine: EngineProcess, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._document, self._engine = document, engine
        self._asked: Spec | None = None
        self._answers: dict[str, Answer] = {}
        self.setWindowTitle("Graph passes")
        self.resize(SIZE)
        self.text = QTextBrowser()
        buttons = QDialogButtonBox()
        copy = buttons.addButton("Copy", QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.plain()))
        copy.setAutoDefault(False)
        close = buttons.addButton("Close", QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        for widget in (dim(INTRODUCTION), self.text, buttons):
            column.addWidget(widget)
        close.setDefault(True)
        close.setFocus()
        document.report_changed.connect(lambda _report: self._ask() if self.isVisible() else None)
        themes.changed.connect(self._write)

    def open_beside(self) -> None:
        """Show it and ask, without keeping the user from the window."""
        self._asked = None
        self._ask()
        self.show()
        self.raise_()

    def plain(self) -> str:
        """All of it as text, as the command line prints it."""
        return "\n\n".join("\n".join(_plain(purpose, self._answers.get(purpose))) for purpose in PURPOSES)

    def _ask(self) -> None:
        spec = self._document.spec
        if spec is self._asked:
            return
        self._asked, self._answers = spec, {}
        self._write()
        for purpose in PURPOSES:
            self._ask_for(spec, purpose)

    def _ask_for(self, spec: Spec, purpose: str) -> None:
        def take(answer: Answer) -> None:
            if spec is self._asked:
                self._answers[purpose] = answer
                self._write()

        self._engine.request("passes", take, spec=light(spec), only=purpose)

    def _write(self) -> None:
        self.text.setHtml("".join(_rich(purpose, self._answers.get(purpose)) for purpose in PURPOSES))


def _head(purpose: str, answer: Answer | None) -> str:
    """What all passes did together."""
    if answer is None:
        return f"For {purpose}: asking…"
    if "optimised" not in answer:
        return f"For {purpose}"
    found = Optimised.decode(answer["optimised"])
    if found.after == found.before:
        return f"For {purpose}: {found.before:,} nodes, nothing to improve"
    return f"For {purpose}: {found.before:,} → {found.after:,} nodes"


def _rows(answer: Answer | None) -> Iterator[tuple[str, str, str]]:
    """What each pass did: its name, the nodes before and after it, and a sentence."""
    if answer is None:
        return
    if "passes" not in answer:
        yield "", "", str(answer.get("error", "It could not be told."))
        return
    for each in answer["passes"]:
        yield each["name"], f"{each['before']:,} → {each['after']:,}", each["note"] or "Found nothing to do."


def _plain(purpose: str, answer: Answer | None) -> Iterator[str]:
    yield _head(purpose, answer)
    for name, count, note in _rows(answer):
        yield f"  {name:22} {count:>15}  {note}" if name else f"  {note}"


def _rich(purpose: str, answer: Answer | None) -> str:
    quiet = f"color:{theme().dim}"
    rows = "".join(
        f'<tr><td style="padding:4px 16px 4px 0">{escape(name)[:1].upper()}{escape(name)[1:]}</td>'
        f'<td style="padding:4px 16px 4px 0;white-space:nowrap;{quiet}">{escape(count)}</td>'
        f'<td style="padding:4px 0;{quiet if note == "Found nothing to do." else ""}">{escape(note)}</td></tr>'
        if name
        else f'<tr><td style="padding:4px 0;{quiet}">{escape(note)}</td></tr>'
        for name, count, note in _rows(answer)
    )
    return f'<p style="margin-top:8px"><b>{escape(_head(purpose, answer))}</b></p><table>{rows}</table>'
