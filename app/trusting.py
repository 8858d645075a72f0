"""The question whether the Python code of a node may run."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from app.theme import mono
from engine.problem import Fix

WORDS = (
    "This code will run on your computer with all your rights: in checks, in training, in every project that holds it. "
    "Trust it only if you have read it and know what it does. When a letter of it changes, you are asked anew."
)


class TrustDialog(QDialog):
    """Shows the code that a fix wants to be trusted; it is accepted where the user trusts it."""

    def __init__(self, fix: Fix, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Trust the code of {fix.arguments.get('node', 'a node')}")
        self.resize(720, 480)
        self.code = QPlainTextEdit(str(fix.arguments.get("code", "")))
        self.code.setReadOnly(True)
        self.code.setFont(mono())
        self.code.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        words = QLabel(WORDS)
        words.setWordWrap(True)
        buttons = QDialogButtonBox()
        self.trust = buttons.addButton(fix.text, QDialogButtonBox.ButtonRole.AcceptRole)
        self.trust.setAutoDefault(False)  # Enter never trusts
        not_now = buttons.addButton("Not now", QDialogButtonBox.ButtonRole.RejectRole)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        for widget in (words, self.code, buttons):
            column.addWidget(widget)
        not_now.setDefault(True)  # only now: a box of buttons gives Enter to the first that accepts
        not_now.setFocus()
