"""The whole studio at work: the real window, its real helper processes, a real training process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QDrag, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit
from pytestqt.qtbot import QtBot

from app.fields import Form
from app.panels import palette
from app.settings import Settings
from app.window import Window
from engine.card import HEADER, WIDTH
from engine.events import Epoch, Event
from engine.examples import find_example
from engine.ops.settings import Batching, Training
from engine.spec import load
from engine.train.predict import load_model
from tests.alone import computed_alone
from tests.app.gestures import LEFT, click_node, drag_scene, drop, input_of, output_of, pixel, press, words_in, write

EPOCHS = 8
START_MS, TRAIN_MS = 60_000, 60_000  # torch is loaded first, on a machine that may be busy


@pytest.fixture
def window(qtbot: QtBot) -> Iterator[Window]:
    """The window as the studio opens it, with its helper processes."""
    shown = Window(Settings())
    shown.resize(1440, 900)
    shown.show()
    qtbot.waitExposed(shown)
    shown.begin()
    yield shown
    shown.runner.stop()
    shown.document.undo_stack.setClean()
    shown.close()
    shown.deleteLater()


def line_of(window: Window, declared: object, param: str) -> QLineEdit:
    """Where a param is typed, in whatever form has it."""
    form = next(each for each in window.findChildren(Form) if each.declared is declared)
    return form.fields[param].findChildren(QLineEdit)[0]


def drag_op(window: Window, op: str, point: QPointF, monkeypatch: pytest.MonkeyPatch) -> None:
    """Find an op in the palette and drag it to a point of the canvas.

    The off-screen platform has no drag and drop: once the drag has begun, its data is dropped by events.
    """

    class Drag(QDrag):
        def exec(self, *_actions: object) -> Qt.DropAction:  # type: ignore[override]  # the way is short
            viewport = window.canvas.viewer.viewport()
            assert drop(viewport, self.mimeData(), pixel(window.canvas, point))
            return Qt.DropAction.CopyAction

    monkeypatch.setattr(palette, "QDrag", Drag)
    tree = window.palette_panel.tree
    window.palette_panel.search.clear()
    QTest.keyClicks(window.palette_panel.search, op)
    start = tree.visualItemRect(tree.topLevelItem(0)).center()
    QTest.mousePress(tree.viewport(), LEFT, pos=start)
    QTest.mouseMove(tree.viewport(), start + QPoint(40, 10))
    QTest.mouseMove(tree.viewport(), start + QPoint(90, 20))
    QTest.mouseRelease(tree.viewport(), LEFT, pos=start + QPoint(90, 20))


def drawn(window: Window, metric: str, split: str) -> int:
    """How many points a line of the curves has."""
    for (_run, name, part), item in window.curves._items.items():
        if (name, part) == (metric, split):
            x, _y = item.getOriginalDataset()
            return 0 if x is None else len(x)
    return 0


def test_from_an_example_to_an_exported_model(
    window: Window, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document, canvas = window.document, window.canvas

    # An example opens, is checked, and its data is read.
    window.start.example_chosen.emit(find_example("digits_cnn"))
    qtbot.waitUntil(lambda: canvas.cards["linear_1"].report is not None, timeout=START_MS)
    qtbot.waitUntil(lambda: document.data_report is not None, timeout=START_MS)
    qtbot.waitUntil(window.training.train.isEnabled)
    document.save(tmp_path / "digits.netloom")

    # An op is dragged from the palette to a free place and wired by mouse between two nodes.
    canvas.fit()
    free = canvas.cards["relu_1"].pos() + QPointF(WIDTH / 2, -160 + HEADER / 2)
    drag_op(window, "tanh", free, monkeypatch)
    assert document.spec.nodes["tanh_1"].inputs == {}
    qtbot.waitUntil(lambda: not window.training.train.isEnabled())  # for nothing is wired to it
    drag_scene(canvas, output_of(canvas, "relu_1"), input_of(canvas, "tanh_1", "input"))
    drag_scene(canvas, output_of(canvas, "tanh_1"), input_of(canvas, "conv2d_2", "input"))
    assert document.spec.nodes["tanh_1"].inputs == {"input": "relu_1"}
    assert document.spec.nodes["conv2d_2"].inputs == {"input": "tanh_1"}
    qtbot.waitUntil(lambda: canvas.cards["tanh_1"].report is not None)

    # Params are changed in the inspector, undone and done again.
    for node in ("conv2d_1", "conv2d_2"):
        click_node(canvas, node)
        assert window.inspector.form is not None
        before, line = document.spec, window.inspector.form.fields["out_channels"].findChildren(QLineEdit)[0]
        write(line, "4")
        after = document.spec
        assert after.nodes[node].params["out_channels"] == 4
        canvas.setFocus()
        QTest.keySequence(window, QKeySequence(QKeySequence.StandardKey.Undo))
        assert document.spec is before
        QTest.keySequence(window, QKeySequence(QKeySequence.StandardKey.Redo))
        assert document.spec is after
    write(line_of(window, Training, "epochs"), str(EPOCHS))
    write(line_of(window, Batching, "batch_size"), "64")
    qtbot.waitUntil(lambda: str(canvas.cards["conv2d_2"].report.outputs["output"]) == "N × 4 × 8 × 8")  # type: ignore[union-attr]
    qtbot.waitUntil(window.training.train.isEnabled)

    # It trains while the curves grow, stops, and goes on to its end.
    told: list[Event] = []
    window.runner.told.connect(told.append)
    QTest.mouseClick(window.training.train, LEFT)
    assert window.training.train.text() == "Stop"
    qtbot.waitUntil(lambda: any(isinstance(each, Epoch) for each in told), timeout=TRAIN_MS)
    with qtbot.waitSignal(window.runner.ended, timeout=TRAIN_MS) as ended:
        QTest.mouseClick(window.training.train, LEFT)
    run, state = ended.args
    assert state == "stopped"
    done = sum(isinstance(each, Epoch) for each in told)
    assert 0 < done < EPOCHS
    qtbot.waitUntil(lambda: drawn(window, "loss", "train") == done)
    window.show_panel("Training")
    with qtbot.waitSignal(window.runner.ended, timeout=TRAIN_MS) as ended:
        press(window.training, "Resume")
    assert ended.args == [run, "finished"]
    assert [each.epoch for each in told if isinstance(each, Epoch)] == list(range(1, EPOCHS + 1))
    assert load(run.path / "spec.json") == document.spec
    window.show_panel("Curves")
    qtbot.waitUntil(lambda: drawn(window, "accuracy", "validation") == EPOCHS)
    losses = [each.train["loss"] for each in told if isinstance(each, Epoch)]
    assert losses[-1] < losses[0]
    window.show_panel("Training")
    assert "Finished" in words_in(window.training)

    # It is exported, and computes the same in a process that has never heard of Netloom.
    (tmp_path / "elsewhere").mkdir()
    window.export()
    dialog = window._export_dialog
    assert dialog is not None
    assert dialog.source.currentText() == run.name
    dialog.format.setCurrentIndex(dialog.format.findData("python"))
    dialog.path.setText(str(tmp_path / "elsewhere" / "digits.py"))
    press(dialog, "Export")
    qtbot.waitUntil(lambda: dialog.answer.text().startswith("Wrote digits.py"), timeout=START_MS)
    dialog.close()
    given = torch.rand(7, 1, 8, 8)
    alone = computed_alone(tmp_path / "elsewhere" / "digits.py", {"image": given}, tmp_path / "elsewhere")
    with torch.inference_mode():
        expected = load_model(run).module(given)
    assert alone.keys() == expected.keys() == {"class_name"}
    assert torch.equal(alone["class_name"], expected["class_name"])
