from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QFocusEvent
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.document import Document
from app.fields.code import CodeLines
from app.fields.editors import CodeEditor, editor_for
from app.panels.inspector import Inspector
from app.trusting import TrustDialog
from app.window import Window
from engine import edit, trust
from engine.ops.python import Python
from engine.python_code import TEMPLATE
from engine.python_node import UNTRUSTED
from tests.app.gestures import press, words_in
from tests.engine.python_nodes import LAYER, leaving_a_mark, with_code

CODE = "def forward(x):\n    return x + 1\n"


def asked(window: Window) -> TrustDialog:
    """The question that the window has put."""
    return next(each for each in window.findChildren(TrustDialog) if each.isVisible())


def test_code_is_shown_then_trusted_and_checked(window: Window, qtbot: QtBot) -> None:
    window.document.new(with_code(CODE))
    qtbot.waitUntil(lambda: UNTRUSTED in words_in(window.problems))
    press(window.problems, "Trust this code")
    dialog = asked(window)
    assert dialog.code.toPlainText() == CODE
    assert dialog.code.isReadOnly()
    assert not trust.is_trusted(CODE)
    press(dialog, "Trust this code")
    assert trust.is_trusted(CODE)
    assert not window.document.dirty
    qtbot.waitUntil(lambda: "python_1" in window.document.report.nodes, timeout=60_000)
    assert window.document.report.problems == ()


def test_code_that_the_user_does_not_trust_stays_still(window: Window, qtbot: QtBot, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    window.document.new(with_code(leaving_a_mark(mark)))
    qtbot.waitUntil(lambda: UNTRUSTED in words_in(window.problems))
    press(window.problems, "Trust this code")
    press(asked(window), "Not now")
    window.document.edit("Move", lambda spec: edit.move(spec, {"python_1": (80, 80)}))
    qtbot.wait(200)
    assert not mark.exists()
    assert UNTRUSTED in words_in(window.problems)


def test_enter_trusts_nothing(window: Window, qtbot: QtBot) -> None:
    window.document.new(with_code(CODE))
    qtbot.waitUntil(lambda: UNTRUSTED in words_in(window.problems))
    for place in ("dialog", "code"):
        press(window.problems, "Trust this code")
        dialog = asked(window)
        assert not dialog.trust.isDefault()
        assert "with all your rights" in words_in(dialog)
        QTest.keyClick(dialog if place == "dialog" else dialog.code, Qt.Key.Key_Return)
        assert not dialog.isVisible()
        assert not trust.is_trusted(CODE)


def test_a_python_node_from_the_palette_holds_code_that_runs_and_typing_in_it_asks_nothing(
    window: Window, qtbot: QtBot
) -> None:
    window.palette_panel.op_chosen.emit("Input")
    window.palette_panel.op_chosen.emit("Python")
    assert window.inspector.form is not None
    lines = window.inspector.form.fields["code"].findChildren(CodeLines)[0]
    assert lines.toPlainText() == TEMPLATE
    qtbot.waitUntil(lambda: "python_1" in window.document.report.nodes, timeout=60_000)
    lines.setFocus()
    for letter in "# mine\n":
        QTest.keyClicks(lines, letter) if letter != "\n" else QTest.keyClick(lines, Qt.Key.Key_Return)
        qtbot.wait(60)  # a check answers between the keys
    assert window.document.spec.nodes["python_1"].params["code"] == "# mine\n" + TEMPLATE
    qtbot.waitUntil(lambda: UNTRUSTED in words_in(window.problems))
    assert window.findChildren(TrustDialog) == []
    assert lines.hasFocus() or not window.isActiveWindow()
    press(window.inspector, "Trust this code")
    assert asked(window).code.toPlainText() == "# mine\n" + TEMPLATE
    press(asked(window), "Trust this code")
    qtbot.waitUntil(lambda: "python_1" in window.document.report.nodes, timeout=60_000)


def test_code_has_the_whole_width_of_the_form(inspector: Inspector) -> None:
    inspector.resize(344, 700)
    assert inspector.form is not None
    assert lines_of(inspector).width() > 0.9 * inspector.form.width()


def test_trust_that_cannot_be_written_down_is_said(
    window: Window, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    window.document.new(with_code(CODE))
    qtbot.waitUntil(lambda: UNTRUSTED in words_in(window.problems))
    press(window.problems, "Trust this code")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    press(asked(window), "Trust this code")
    assert "cannot be written down" in window.messages.text()


@pytest.fixture
def inspector(document: Document, qtbot: QtBot) -> Inspector:
    document.new(with_code(CODE))
    panel = Inspector(document)
    qtbot.addWidget(panel)
    panel.show()
    panel.show_nodes(["python_1"])
    return panel


def lines_of(inspector: Inspector) -> CodeLines:
    assert inspector.form is not None
    return inspector.form.fields["code"].findChildren(CodeLines)[0]


def test_code_keeps_its_lines_in_the_form(inspector: Inspector, document: Document) -> None:
    assert isinstance(editor_for(Python.params()["code"], Path(), tuple), CodeEditor)
    lines = lines_of(inspector)
    assert lines.toPlainText() == CODE
    lines.setPlainText(LAYER)
    assert document.spec.nodes["python_1"].params["code"] == LAYER
    document.undo_stack.undo()
    assert lines_of(inspector).toPlainText() == CODE


def test_params_that_the_code_declares_come_into_the_form_while_it_is_typed(
    inspector: Inspector, document: Document, qtbot: QtBot
) -> None:
    lines = lines_of(inspector)
    inspector.activateWindow()
    lines.setFocus()
    cursor = lines.textCursor()
    cursor.setPosition(len("def forward(x"))
    lines.setTextCursor(cursor)
    for letter in ", *, a=1":
        QTest.keyClicks(lines_of(inspector), letter)
        qtbot.wait(5)
    assert document.spec.nodes["python_1"].params["code"].startswith("def forward(x, *, a=1):\n")
    assert inspector.form is not None
    assert list(inspector.form.fields) == ["code", "output_names", "a"]
    assert lines_of(inspector).textCursor().position() == len("def forward(x, *, a=1")
    while document.undo_stack.canUndo():
        document.undo_stack.undo()
    assert document.spec.nodes["python_1"].params["code"] == CODE


def test_keys_indent_as_code_is_indented(qtbot: QtBot) -> None:
    lines = CodeLines()
    qtbot.addWidget(lines)
    lines.show()
    QTest.keyClicks(lines, "def f():")
    QTest.keyClick(lines, Qt.Key.Key_Return)
    QTest.keyClicks(lines, "x = 1")
    QTest.keyClick(lines, Qt.Key.Key_Return)
    QTest.keyClick(lines, Qt.Key.Key_Tab)
    QTest.keyClicks(lines, "y")
    assert lines.toPlainText() == "def f():\n    x = 1\n        y"


def test_code_that_was_only_looked_at_stays_as_it_is(qtbot: QtBot) -> None:
    lines = CodeLines()
    qtbot.addWidget(lines)
    lines.show_text("def forward(x):\r\n    return x  # a\u00a0b\n")
    with qtbot.assertNotEmitted(lines.finished):
        lines.focusOutEvent(QFocusEvent(QEvent.Type.FocusOut))
    lines.insertPlainText("# mine\n")
    with qtbot.waitSignal(lines.finished):
        lines.focusOutEvent(QFocusEvent(QEvent.Type.FocusOut))
