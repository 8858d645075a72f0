"""The status line: how the check stands, what the passes did, and what the whole project counts."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QStatusBar, QToolButton, QWidget

from app.document import Document
from app.panels.sections import Elided
from app.theme import SPACE
from engine.amounts import counted, memory
from engine.report import Report
from engine.serve import COUNTED_AT_ONCE

LATE_MS = 300  # how long a check may be under way before it is said
BATCH = "N"
NO_PROBLEMS = "No problems"


class StatusLine(QWidget):
    """Stands at the right of the window's status bar; it counts the whole project, whichever block is open."""

    passes_wanted = Signal()

    def __init__(self, document: Document, bar: QStatusBar) -> None:
        super().__init__()
        self._document, self._bar = document, bar
        self._state = ""  # as the checker tells it
        self._counted: Report | None = None  # the report whose totals are shown
        self._parts: list[str] = []
        self._late = QTimer(self)
        self._late.setSingleShot(True)
        self._late.setInterval(LATE_MS)
        self._late.timeout.connect(self._tell)
        self.check, self.totals, self.device = QLabel(), Elided(), QLabel()
        self.optimised = QToolButton()
        self.optimised.setAutoRaise(True)
        self.optimised.clicked.connect(self.passes_wanted)
        # No higher than the words beside it, so that nothing moves when it comes to show.
        self.optimised.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Ignored)
        self.optimised.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, SPACE, 0)
        row.setSpacing(2 * SPACE)
        for widget in (self.check, self.optimised, self.totals, self.device):
            row.addWidget(widget)
        bar.addPermanentWidget(self)
        bar.setSizeGripEnabled(False)
        bar.messageChanged.connect(self._make_room)
        document.changed.connect(lambda _spec: self._tell())
        document.report_changed.connect(lambda _report: self._tell())
        self._tell()

    def show_state(self, state: str) -> None:
        """Take in how the check stands: "checking", "checked" or "failed"."""
        if state != "checking":
            self._late.stop()
        elif self._state != "checking":
            self._late.start()
        self._state = state
        self._tell()

    def _make_room(self, message: str) -> None:
        """Step aside while a long message is shown."""
        needed = self.fontMetrics().horizontalAdvance(message) + self.sizeHint().width() + 4 * SPACE
        self.setVisible(not message or needed <= self._bar.width())

    def _tell(self) -> None:
        document = self._document
        words = self._check_words()
        self.check.setText(words)
        wrong = "problem" in words and words != NO_PROBLEMS
        if self.check.property("error") != wrong:
            self.check.setProperty("error", wrong)
            self.check.style().polish(self.check)
        self._tell_optimised(document.report)
        if self._counted is not document.report:  # summing up a large graph takes a while
            self._counted = document.report
            self._parts = _totals(document.report)
            self.totals.setToolTip(_in_full(document.report) if document.checked else "")
        count = len(document.spec.nodes)
        nodes = f"{count} node{'s' * (count != 1)}"
        self.totals.setText(" · ".join([nodes, *self._parts]) if document.checked else nodes)

    def _check_words(self) -> str:
        checking = self._state == "checking"
        if checking and not (self._document.checked and self._late.isActive()):
            return "Checking…"
        if self._state == "failed":
            return "Not checked"
        if not self._document.checked:
            return ""
        count = len(self._document.report.problems)
        return f"{count} problem{'s' * (count > 1)}" if count else NO_PROBLEMS

    def _tell_optimised(self, report: Report) -> None:
        """Say what the passes did, where they did something; for a large graph it is told a while after its check."""
        found = report.optimised
        if found is None and not report.problems and len(report.nodes) > COUNTED_AT_ONCE:
            return
        self.optimised.setVisible(found is not None and found.after < found.before)
        if found is not None:
            self.optimised.setText(f"Optimised: {found.before:,} → {found.after:,} nodes")
            self.optimised.setToolTip(f"Before {found.purpose} the graph is improved; click to see what each pass did")


def _totals(report: Report) -> list[str]:
    frozen = f" ({counted(report.frozen)} frozen)" if report.frozen else ""
    parts = [f"{counted(report.parameters)} parameters{frozen}"]
    if report.macs:
        parts.append(f"{counted(report.macs)} MACs a sample")
    if report.activation_bytes:
        parts.append(f"{memory(report.activation_bytes)} at batch {report.sizes.get(BATCH, 1)}")
    if report.weight_bytes:
        parts.append(f"{memory(report.weight_bytes)} of weights")
    return parts


def _in_full(report: Report) -> str:
    """The totals spelled out, a line each."""
    learned = f"{report.parameters - report.frozen:,} parameters that training changes"
    lines = [
        f"{learned}, and {report.frozen:,} that are frozen" if report.frozen else learned,
        f"{'?' if report.macs is None else f'{report.macs:,}'} multiply-accumulates a sample, on the way forward",
        f"{memory(report.activation_bytes)} kept for the backward pass of a batch of {report.sizes.get(BATCH, 1)}",
        f"{memory(report.weight_bytes)} of weights in a file",
    ]
    free = ", ".join(f"{name} as {size}" for name, size in report.sizes.items() if name != BATCH)
    if free:
        lines.append(f"Free sizes are counted with {free}.")
    if report.problems:
        lines.append("Nodes in or behind a mistake are not counted.")
    return "\n".join(lines)
