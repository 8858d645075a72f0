from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QMenu

from app.canvas import Canvas
from app.canvas.card import PAD, Card
from app.document import Document
from app.scope import Scope, scope_of
from app.theme import mono
from engine import card, edit
from engine.block_edits import group, in_block
from engine.check import check
from engine.spec import Spec
from tests.app.gestures import output_of
from tests.builders import chain, image_classifier

Show = Callable[[Spec], Canvas]


def with_pieces(chunks: int) -> Spec:
    """Input -> Chunk, whose last piece feeds a ReLU and an Output."""
    spec = edit.set_param(chain("Chunk", shape=("N", 24)), "chunk_1", "chunks", chunks)
    spec = edit.add(spec, "ReLU", inputs={"input": f"chunk_1.output_{chunks}"})
    return edit.add(spec, "Output", inputs={"input": "relu_1"})


def blocky() -> Spec:
    """The image classifier, its convolution and what follows folded into a block that stands there twice."""
    spec = group(image_classifier(), ["linear_1"], "Scores")
    return group(spec, ["conv2d_1", "relu_1"], "Features")


def use_of(spec: Spec, block: str) -> str:
    return next(node.id for node in spec.nodes.values() if node.block == block)


# --------------------------------------------------------------------------------------------------------- costs


def test_a_card_tells_shape_parameters_and_multiply_accumulates(show: Show) -> None:
    cards = show(image_classifier()).cards
    assert cards["conv2d_1"].foot == ["N × 4 × 8 × 8", "40 params · 2.3k MACs"]
    assert cards["relu_1"].foot == ["N × 4 × 8 × 8"]
    assert "2,304 multiply-accumulates a sample" in cards["conv2d_1"].toolTip()
    assert "40 parameters" in cards["conv2d_1"].toolTip()
    assert cards["conv2d_1"].height == cards["relu_1"].height + card.FOOT_LINE


def test_the_longest_counts_are_not_cut_off(show: Show) -> None:
    show(Spec())
    font = mono()
    font.setPixelSize(11)
    assert QFontMetricsF(font).horizontalAdvance("99.9M params · 99.9G MACs") <= card.WIDTH - 2 * PAD


def test_a_card_keeps_its_height_while_its_node_cannot_be_checked(show: Show, document: Document) -> None:
    shown = show(image_classifier()).cards["linear_1"]
    height = shown.height
    document.edit("Break", lambda spec: edit.set_param(spec, "conv2d_1", "out_channels", 0))
    document.set_report(check(document.spec))
    assert (shown.foot, shown.height) == ([""], height)
    document.edit("Replace", lambda spec: edit.replace_op(spec, "linear_1", "ReLU"))
    assert shown.height == height - card.FOOT_LINE


def test_a_blocks_card_and_the_cards_inside_it_tell_their_costs(show: Show, document: Document) -> None:
    canvas = show(blocky())
    use = use_of(document.spec, "Features")
    assert canvas.cards[use].foot == ["N × 4 × 8 × 8", "40 params · 2.3k MACs"]
    inside = Canvas(document, scope_of(document, "Features"))
    assert inside.cards["conv2d_1"].foot == ["N × 4 × 8 × 8", "40 params · 2.3k MACs"]
    inside.leave()


def test_a_card_tells_whose_weights_it_uses_until_that_is_undone(show: Show, document: Document) -> None:
    canvas = show(chain("Linear", "Linear", "Output"))
    alone = edit.set_param(document.spec, "linear_1", "out_features", 16)
    document.edit("Alike", lambda _spec: edit.set_param(alone, "linear_2", "out_features", 16))
    document.edit("Share", lambda spec: edit.set_share(spec, "linear_2", "linear_1"))
    document.set_report(check(document.spec))
    shown = canvas.cards["linear_2"]
    assert shown.foot == ["N × 16", "256 MACs", "shares linear_1"]
    assert shown.height == card.height(document.spec, shown.node) + 2 * card.FOOT_LINE
    document.undo_stack.undo()
    assert "shares linear_1" not in shown.foot


# ------------------------------------------------------------------------------------------------------- outputs


def outputs(shown: Card) -> list[str]:
    return [socket.port for socket in shown.outputs]


def test_only_the_outputs_that_a_node_has_are_drawn(show: Show) -> None:
    cards = show(with_pieces(3)).cards
    assert outputs(cards["chunk_1"]) == ["output_1", "output_2", "output_3"]
    assert outputs(show(chain("MaxPool2d", shape=("N", 1, 8, 8))).cards["max_pool2d_1"]) == ["output"]


def test_a_wire_from_an_output_that_goes_away_comes_back_with_it(show: Show, document: Document) -> None:
    canvas = show(with_pieces(3))
    wire = ("relu_1", "input", None, "chunk_1.output_3")
    end = canvas.wires[wire].path().pointAtPercent(0)
    assert end == output_of(canvas, "chunk_1", "output_3")
    document.edit("Fewer", lambda spec: edit.set_param(spec, "chunk_1", "chunks", 2))
    assert outputs(canvas.cards["chunk_1"]) == ["output_1", "output_2"]
    assert wire not in canvas.wires
    document.set_report(check(document.spec))
    assert canvas.cards["relu_1"].problems
    document.undo_stack.undo()
    assert canvas.wires[wire].path().pointAtPercent(0) == output_of(canvas, "chunk_1", "output_3")


def test_all_outputs_are_drawn_while_their_number_is_not_known(show: Show) -> None:
    wrong = edit.set_param(with_pieces(3), "chunk_1", "chunks", 0)
    assert len(outputs(show(wrong).cards["chunk_1"])) == 8


# ------------------------------------------------------------------------------------------------------ problems


def broken_inside() -> Spec:
    spec = blocky()
    return in_block(spec, "Features", lambda inner: edit.set_param(inner, "conv2d_1", "out_channels", 0))


def menu_of(canvas: Canvas, node: str) -> QMenu:
    menu = QMenu(canvas)
    canvas._fill_card_menu(menu, canvas.cards[node])
    return menu


@pytest.mark.parametrize("place", ["outside", "inside"])
def test_a_problem_inside_a_block_is_marked_and_mended_at_its_use_and_at_its_node(
    show: Show, document: Document, place: str
) -> None:
    canvas = show(broken_inside())
    broken, node = document.spec, use_of(document.spec, "Features")
    if place == "outside":
        (problem,) = canvas.cards[node].problems
        assert problem.message == "0/conv2d_1: out_channels is 0; it must be at least 1."
    else:
        canvas, node = Canvas(document, scope_of(document, "Features")), "conv2d_1"
        assert canvas.cards[node].problems[0].message == "out_channels is 0; it must be at least 1."
    (fix,) = (each for each in menu_of(canvas, node).actions() if each.text() == "Reset out_channels")
    fix.trigger()
    document.set_report(check(document.spec))
    assert document.report.problems == ()
    assert canvas.cards[node].problems == ()
    document.undo_stack.undo()
    assert document.spec == broken


def test_a_problem_in_a_block_inside_a_block_is_marked_at_the_inner_use(show: Show, document: Document) -> None:
    spec = broken_inside()
    show(group(spec, [use_of(spec, "Features"), "flatten_1"], "Around"))
    inner = use_of(Spec(nodes=document.spec.blocks["Around"].nodes), "Features")
    scope = Scope(document, "Around", f"{use_of(document.spec, 'Around')}/0")
    assert [each.node for each in scope.report.problems] == [f"{inner}/0/conv2d_1"]
    canvas = Canvas(document, scope)
    assert canvas.cards[inner].problems
    canvas.leave()
