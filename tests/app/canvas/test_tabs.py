from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.canvas import CanvasTabs
from app.document import Document
from app.panels.inspector import Inspector
from app.scope import Scope, scope_of
from engine import block_edits, edit
from engine.check import check
from tests.app.gestures import body, pixel
from tests.builders import image_classifier

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def tabs(qtbot: QtBot, document: Document) -> CanvasTabs:
    """The graph of an image classifier, checked, its convolution and activation in a block that stands twice."""
    spec = block_edits.group(image_classifier(), ["conv2d_1", "relu_1"], "Stage")
    spec = edit.tidy(block_edits.set_repeat(spec, "stage_1", 2))
    tabs = CanvasTabs(document)
    qtbot.addWidget(tabs)
    tabs.resize(900, 600)
    with qtbot.waitExposed(tabs):
        tabs.show()
    document.new(spec)
    document.set_report(check(document.spec))
    QApplication.processEvents()  # the canvas fits itself to its size
    return tabs


def titles(tabs: CanvasTabs) -> list[str]:
    return [tabs.bar.tabText(place) for place in range(tabs.bar.count())]


def test_a_selection_becomes_a_block_and_dissolves_again_and_undo_takes_both_back(
    tabs: CanvasTabs, document: Document
) -> None:
    before = document.spec
    tabs.current.select(["flatten_1", "linear_1"])
    tabs.current.make_block()
    assert tabs.current.selected() == ["block1_1"]
    assert document.spec.nodes["cross_entropy_loss_1"].inputs["input"] == "block1_1"
    assert tabs.current.cards["block1_1"].title == "Block1"
    tabs.current.dissolve_block()
    assert {"flatten_1", "linear_1"} <= document.spec.nodes.keys()
    document.undo_stack.undo()
    document.undo_stack.undo()
    assert document.spec == before


def test_a_double_click_opens_a_block_in_a_tab_with_the_way_to_it(tabs: CanvasTabs) -> None:
    assert titles(tabs) == ["Graph"] and not tabs.bar.isVisible()
    card = tabs.current.cards["stage_1"]
    assert "× 2" in card._second
    QTest.mouseDClick(tabs.current.viewer.viewport(), LEFT, pos=pixel(tabs.current, body(card)))
    assert titles(tabs) == ["Graph", "Stage"]
    assert tabs.bar.isVisible()
    assert set(tabs.current.cards) == {"input_1", "conv2d_1", "relu_1", "output_1"}
    assert "Graph" in tabs.crumbs.text() and "stage_1" in tabs.crumbs.text()
    shapes = {node: card.report for node, card in tabs.current.cards.items()}
    assert str(shapes["input_1"].outputs["output"]) == "N × 1 × 8 × 8"  # type: ignore[union-attr]
    assert str(shapes["conv2d_1"].outputs["output"]) == "N × 4 × 8 × 8"  # type: ignore[union-attr]
    tabs.crumbs.linkActivated.emit("0")
    assert tabs.bar.currentIndex() == 0


def test_an_edit_inside_is_an_edit_of_the_block(tabs: CanvasTabs, document: Document) -> None:
    canvas = tabs.open(scope_of(document, "Stage"))
    canvas.select(["relu_1"])
    canvas.delete()
    assert "relu_1" not in document.spec.blocks["Stage"].nodes
    assert "relu_1" not in canvas.cards
    document.undo_stack.undo()
    assert "relu_1" in canvas.cards


def test_a_mistake_inside_stands_at_its_node(tabs: CanvasTabs, document: Document) -> None:
    canvas = tabs.open(scope_of(document, "Stage"))
    canvas.scope.edit("Set", lambda spec: edit.set_param(spec, "conv2d_1", "out_channels", 0))
    document.set_report(check(document.spec))
    assert [problem.param for problem in canvas.cards["conv2d_1"].problems] == ["out_channels"]
    canvas._fix(canvas.cards["conv2d_1"].problems[0].fixes[0])
    assert check(document.spec).problems == ()


def test_a_tab_closes_with_its_block_and_follows_its_name(tabs: CanvasTabs, document: Document) -> None:
    tabs.open(scope_of(document, "Stage"))
    document.edit("Rename", lambda spec: block_edits.rename_block(spec, "Stage", "Features"))
    assert titles(tabs) == ["Graph", "Features"]
    assert set(tabs.current.cards) == {"input_1", "conv2d_1", "relu_1", "output_1"}
    document.undo_stack.undo()
    assert titles(tabs) == ["Graph", "Stage"]
    tabs.canvas(0).select(["stage_1"])
    tabs.canvas(0).dissolve_block()
    assert titles(tabs) == ["Graph"]
    assert len(tabs.canvases()) == 1


def test_nested_blocks_are_opened_one_in_another(tabs: CanvasTabs, document: Document) -> None:
    document.edit("Group", lambda spec: block_edits.group(spec, ["stage_1", "flatten_1"], "Body"))
    document.set_report(check(document.spec))
    outer = tabs.open(Scope(document, "Body", "body_1/0"))
    inner = tabs.open(outer.scope.opened("stage_1"))
    assert inner.scope.path == "body_1/0/stage_1/0"
    assert [name for name, _block, _path in inner.scope.crumbs()] == ["Graph", "body_1", "stage_1"]
    assert inner.cards["conv2d_1"].report is not None
    assert scope_of(document, "Stage").path == "body_1/0/stage_1/0"


def test_the_search_and_the_canvas_offer_the_blocks_of_the_project(tabs: CanvasTabs, document: Document) -> None:
    graph = tabs.canvas(0)
    graph.add_op("Stage")
    assert document.spec.nodes["stage_2"].block == "Stage"
    inside = tabs.open(scope_of(document, "Stage"))
    assert "Stage" not in inside._blocks()
    inside.add_op("Stage")
    assert "stage_1" not in document.spec.blocks["Stage"].nodes


def test_the_inspector_sets_rounds_and_params_at_each_use(qtbot: QtBot, tabs: CanvasTabs, document: Document) -> None:
    inspector = Inspector(document)
    qtbot.addWidget(inspector)
    inspector.show_scope(scope_of(document, "Stage"))
    inspector.show_nodes(["conv2d_1"])
    assert inspector.form is not None
    inspector.form.exposed.emit("out_channels")
    assert document.spec.blocks["Stage"].nodes["conv2d_1"].params["out_channels"] == {"param": "out_channels"}
    assert document.spec.nodes["stage_1"].params == {"out_channels": 4}
    field = inspector.form.fields["out_channels"]
    line = field._taken.line  # type: ignore[union-attr]
    line.setText("2 * out_channels")
    line.editingFinished.emit()
    assert document.spec.blocks["Stage"].nodes["conv2d_1"].params["out_channels"] == {"expr": "2 * out_channels"}
    inspector.show_scope(Scope(document))
    inspector.show_nodes(["stage_1"])
    assert list(inspector.form.fields) == ["out_channels"]
    inspector.form.fields["out_channels"].changed.emit(6, True)
    assert document.spec.nodes["stage_1"].params["out_channels"] == 6
    inspector._use._repeat.changed.emit(3, True)  # type: ignore[union-attr]
    assert document.spec.nodes["stage_1"].repeat == 3
    report = check(document.spec)
    assert str(report.nodes["stage_1"].outputs["output"]) == "N × 12 × 8 × 8"
    inspector.show_scope(scope_of(document, "Stage"))
    assert list(inspector._block._fields) == ["out_channels"]
    inspector._block._unexpose("out_channels")
    assert document.spec.nodes["stage_1"].params == {}
