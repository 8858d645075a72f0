"""What there is to know of an op: what it does, its params, what goes in and comes out, and an example."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from app.icons import icon
from app.theme import SPACE, theme
from engine.catalogue import axes, dtypes, example
from engine.declare import Op, show_value


class HelpBox(QWidget):
    """Folded away until it is asked for."""

    page_wanted = Signal(str)  # the op whose entry of the reference is to be opened

    def __init__(self, op: type[Op]) -> None:
        super().__init__()
        self._op = op
        self._fold = QToolButton()
        self._fold.setIcon(icon("help"))
        self._fold.setText("Help")
        self._fold.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._fold.setCheckable(True)
        self._fold.toggled.connect(self._show)
        self._text = QLabel()
        self._text.setWordWrap(True)
        self._text.setTextFormat(Qt.TextFormat.RichText)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        self._page = QPushButton("Open the reference")
        self._page.clicked.connect(lambda: self.page_wanted.emit(op.__name__))
        row = QHBoxLayout()
        row.addWidget(self._fold)
        row.addStretch(1)
        row.addWidget(self._page)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE)
        column.addLayout(row)
        column.addWidget(self._text)
        self._text.hide()
        self._page.hide()

    def _show(self, unfolded: bool) -> None:
        if unfolded and not self._text.text():
            self._text.setText("".join(html(self._op)))
        self._text.setVisible(unfolded)
        self._page.setVisible(unfolded)


def html(op: type[Op]) -> Iterator[str]:
    """An op's help as simple HTML."""
    dim = theme().dim
    for paragraph in op.details().splitlines():
        if paragraph:
            yield f"<p>{escape(paragraph)}</p>"
    if op.params():
        yield "<p><b>Params</b></p>"
    for each in op.params().values():
        bounds = f", {each.bounds.words()}" if each.bounds.words() else ""
        facts = escape(f"{each.kind.name}{bounds}; {show_value(each.default)} unless set")
        yield f'<p><code>{each.name}</code>: {escape(each.doc)} <span style="color:{dim}">{facts}</span></p>'
    if op.input_ports():
        yield "<p><b>Inputs</b></p>"
    for port in op.input_ports().values():
        marks = " (a list)" * port.list + " (optional)" * port.optional
        accepted = escape(f"{axes(port.port.axes)}, {dtypes(port.port.dtypes)}")
        yield f"<p><code>{port.name}</code>{marks}: {accepted}</p>"
    if op.output_ports():
        yield f"<p><b>Outputs</b>: {escape(', '.join(op.output_ports()))}</p>"
    if line := example(op):
        yield f"<p><b>Example</b></p><p><code>{escape(line)}</code></p>"
