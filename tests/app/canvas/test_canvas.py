from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QMenu
from pytestqt.qtbot import QtBot

from app.canvas import Canvas
from app.canvas.viewer import MIME
from app.document import Document
from engine import card, edit
from engine.check import check
from engine.spec import Spec
from tests.app.gestures import LEFT, body, click_node, drag_scene, drop, input_of, output_of, pixel, write
from tests.builders import chain, image_classifier

CONTROL = Qt.KeyboardModifier.ControlModifier


Show = Callable[[Spec], Canvas]


def dropped(canvas: Canvas, op: str, point: QPointF) -> bool:
    data = QMimeData()
    data.setData(MIME, op.encode())
    return drop(canvas.viewer.viewport(), data, pixel(canvas, point))


# ------------------------------------------------------------------------------------------------ what it shows


def test_cards_and_wires_follow_the_document_there_and_back(show: Show, document: Document) -> None:
    canvas = show(image_classifier())
    assert list(canvas.cards) == list(document.spec.nodes)
    assert len(canvas.wires) == 9
    document.edit("Remove", lambda spec: edit.remove(spec, ["relu_1"]))
    assert "relu_1" not in canvas.cards
    assert len(canvas.wires) == 7
    document.undo_stack.undo()
    assert set(canvas.cards) == set(document.spec.nodes)
    assert len(canvas.wires) == 9
    assert {wire.target.id for wire in canvas.cards["relu_1"].wires} == {"relu_1", "flatten_1"}


def test_a_card_tells_its_title_params_shape_and_count(show: Show, document: Document) -> None:
    canvas = show(edit.set_title(image_classifier(), "conv2d_1", "Edges"))
    shown = canvas.cards["conv2d_1"]
    assert shown.title == "Edges"
    assert shown.report is not None
    assert (str(shown.report.outputs["output"]), shown.report.parameters) == ("N × 4 × 8 × 8", 40)
    document.edit("Set", lambda spec: edit.set_param(spec, "conv2d_1", "out_channels", 0))
    document.set_report(check(document.spec))
    assert shown.report is None
    assert "must be at least 1" in shown.toolTip()
    document.undo_stack.undo()
    document.set_report(check(document.spec))
    assert shown.problems == ()
    assert shown.report is not None


def test_a_list_port_shows_its_wires_in_order_and_a_free_place(show: Show, document: Document) -> None:
    spec = edit.add(chain("ReLU", "Tanh"), "Concat", inputs={"tensors": ["relu_1", "tanh_1"]})
    canvas = show(spec)
    assert [card.label(socket) for socket in canvas.cards["concat_1"].inputs] == ["tensors 1", "tensors 2", "tensors +"]
    drag_scene(canvas, output_of(canvas, "input_1"), input_of(canvas, "concat_1", "tensors", 2))
    assert document.spec.nodes["concat_1"].inputs["tensors"] == ("relu_1", "tanh_1", "input_1")
    assert card.label(canvas.cards["concat_1"].inputs[-1]) == "tensors +"
    canvas.wires["concat_1", "tensors", 0, "relu_1"].setSelected(True)
    canvas.delete()
    assert document.spec.nodes["concat_1"].inputs["tensors"] == ("tanh_1", "input_1")
    drawn = {(wire.source.id, wire.place) for wire in canvas.wires.values() if wire.target.id == "concat_1"}
    assert drawn == {("tanh_1", 0), ("input_1", 1)}


def test_an_unknown_op_and_a_wire_from_nowhere_are_shown_all_the_same(show: Show) -> None:
    spec = chain("ReLU")
    nodes = dict(spec.nodes)
    text = '{"netloom": 1, "nodes": [{"id": "odd", "op": "Nonsense", "inputs": {"x": "relu_1", "y": ["relu_1"]}}]}'
    spec = edit.paste(spec.with_nodes(nodes.values()), text, (0, 300))
    canvas = show(spec)
    assert [socket.port for socket in canvas.cards["odd_1"].inputs] == ["x", "y"]
    assert "Nonsense" in canvas.cards["odd_1"].toolTip()


def test_wires_that_do_not_suit_their_ports_are_shown_all_the_same(show: Show) -> None:
    spec = edit.add(edit.add(chain("ReLU"), "Concat"), "Tanh")
    wrong: dict[str, dict[str, str | tuple[str, ...]]] = {
        "concat_1": {"tensors": "relu_1"},
        "tanh_1": {"input": ("relu_1", "input_1"), "gone": ("relu_1",)},
    }
    nodes = [replace(node, inputs=wrong.get(node.id, node.inputs)) for node in spec.nodes.values()]
    canvas = show(spec.with_nodes(nodes))
    places = {(wire.target.id, wire.port, wire.place) for wire in canvas.wires.values()}
    assert places > {("concat_1", "tensors", None), ("tanh_1", "input", 1), ("tanh_1", "gone", 0)}
    canvas.viewer.viewport().repaint()


def test_the_whole_graph_is_painted_at_every_scale(show: Show) -> None:
    canvas = show(image_classifier())
    assert canvas.image().width() > 2 * card.WIDTH
    for _ in range(16):
        canvas.zoom_out()
        canvas.viewer.viewport().repaint()
    for _ in range(32):
        canvas.zoom_in()
    canvas.viewer.viewport().repaint()
    assert canvas.viewer.get_zoom() == pytest.approx(2.5)


# ------------------------------------------------------------------------------------------------------ dropping


def test_an_op_is_dropped_where_the_mouse_is(show: Show, document: Document) -> None:
    canvas = show(Spec())
    assert dropped(canvas, "Conv2d", QPointF(200, 100))
    assert list(document.spec.nodes) == ["conv2d_1"]
    x, y = edit.position(document.spec, "conv2d_1")
    assert abs(x + card.WIDTH / 2 - 200) <= 8
    assert abs(y + card.HEADER / 2 - 100) <= 8
    assert canvas.selected() == ["conv2d_1"]


def test_an_op_dropped_on_a_wire_goes_between(show: Show, document: Document) -> None:
    canvas = show(chain("ReLU", "Linear"))
    middle = canvas.wires["linear_1", "input", None, "relu_1"].path().pointAtPercent(0.5)
    dropped(canvas, "Dropout", middle)
    assert document.spec.nodes["linear_1"].inputs == {"input": "dropout_1"}
    assert document.spec.nodes["dropout_1"].inputs == {"input": "relu_1"}
    document.undo_stack.undo()
    assert document.spec.nodes["linear_1"].inputs == {"input": "relu_1"}


def test_other_things_are_not_welcome_and_an_unknown_op_is_refused(
    show: Show, document: Document, qtbot: QtBot
) -> None:
    canvas = show(Spec())
    data = QMimeData()
    data.setText("Conv2d")
    assert not drop(canvas.viewer.viewport(), data, QPoint(100, 100))
    with qtbot.waitSignal(document.refused) as refused:
        dropped(canvas, "Cnov2d", QPointF(0, 0))
    assert refused.args == ["There is no op 'Cnov2d'."]
    assert document.spec.nodes == {}


# -------------------------------------------------------------------------------------------------------- wiring


def unwired(*ops: str) -> Spec:
    spec = chain(shape=("N", 16))
    for op in ops:
        spec = edit.add(spec, op)
    places = {node: (300 * place, 0) for place, node in enumerate(spec.nodes)}
    return edit.move(spec, places)


def show_as_placed(show: Show, document: Document, spec: Spec) -> Canvas:
    canvas = show(spec)
    places = {node: edit.position(spec, node) for node in spec.nodes}
    document.edit("Place", lambda s: edit.move(s, places))
    canvas.fit()
    return canvas


def test_a_wire_is_drawn_from_output_to_input_and_backwards(show: Show, document: Document) -> None:
    canvas = show_as_placed(show, document, unwired("ReLU", "Tanh"))
    drag_scene(canvas, output_of(canvas, "input_1"), input_of(canvas, "relu_1", "input"))
    drag_scene(canvas, input_of(canvas, "tanh_1", "input"), output_of(canvas, "relu_1"))
    assert document.spec.nodes["relu_1"].inputs == {"input": "input_1"}
    assert document.spec.nodes["tanh_1"].inputs == {"input": "relu_1"}
    document.undo_stack.undo()
    assert document.spec.nodes["tanh_1"].inputs == {}
    assert len(canvas.wires) == 1


def test_a_wire_dropped_on_a_cards_body_takes_the_first_free_input_that_fits(show: Show, document: Document) -> None:
    canvas = show_as_placed(show, document, unwired("Add"))
    for port in ("input", "other"):
        drag_scene(canvas, output_of(canvas, "input_1"), body(canvas.cards["add_1"]))
        assert document.spec.nodes["add_1"].inputs[port] == "input_1"


def test_a_wire_is_taken_up_at_its_end_and_put_elsewhere(show: Show, document: Document) -> None:
    spec = edit.add(chain("ReLU", "Tanh"), "Sigmoid")
    canvas = show_as_placed(show, document, edit.move(spec, {"sigmoid_1": (600, 300)}))
    drag_scene(canvas, input_of(canvas, "tanh_1", "input"), input_of(canvas, "sigmoid_1", "input"))
    assert document.spec.nodes["tanh_1"].inputs == {}
    assert document.spec.nodes["sigmoid_1"].inputs == {"input": "relu_1"}
    assert document.undo_stack.undoText() == "Move wire"


def test_a_wire_dropped_on_the_ground_is_removed_and_one_put_back_stays(show: Show, document: Document) -> None:
    canvas = show(chain("ReLU", "Tanh"))
    steps = document.undo_stack.count()
    end = input_of(canvas, "tanh_1", "input")
    drag_scene(canvas, end, end + QPointF(3, 2))
    assert document.undo_stack.count() == steps
    assert canvas.wires["tanh_1", "input", None, "relu_1"].isVisible()
    drag_scene(canvas, end, end + QPointF(-20, 200))
    assert document.spec.nodes["tanh_1"].inputs == {}
    assert canvas.wires.keys() == {("relu_1", "input", None, "input_1")}


@pytest.mark.parametrize("onto", ["input_1", "relu_1", "output_1"])
def test_a_wire_taken_up_and_dropped_where_it_cannot_go_stays(show: Show, document: Document, onto: str) -> None:
    canvas = show(chain("ReLU", "Tanh", "Output"))
    before = document.spec
    drag_scene(canvas, input_of(canvas, "tanh_1", "input"), body(canvas.cards[onto]))
    assert document.spec == before
    assert canvas.wires["tanh_1", "input", None, "relu_1"].isVisible()


def test_a_click_on_a_port_does_nothing(show: Show, document: Document) -> None:
    canvas = show(chain("ReLU"))
    for point in (output_of(canvas, "relu_1"), input_of(canvas, "relu_1", "input")):
        for off in (-6, 6):
            QTest.mouseClick(canvas.viewer.viewport(), LEFT, pos=pixel(canvas, point + QPointF(off, 0)))
    assert not canvas.search.isVisible()
    assert not document.dirty


def test_escape_gives_a_wire_up(show: Show, document: Document) -> None:
    canvas = show(chain("ReLU", "Tanh"))
    view, end = canvas.viewer.viewport(), pixel(canvas, input_of(canvas, "tanh_1", "input"))
    QTest.mousePress(view, LEFT, pos=end)
    QTest.mouseMove(view, end + QPoint(0, 90))
    QTest.keyClick(canvas.viewer, Qt.Key.Key_Escape)
    QTest.mouseRelease(view, LEFT, pos=end + QPoint(0, 90))
    assert document.spec.nodes["tanh_1"].inputs == {"input": "relu_1"}
    assert canvas.wires["tanh_1", "input", None, "relu_1"].isVisible()


@pytest.mark.parametrize("onto", ["port", "body"])
def test_a_wire_that_would_run_in_a_circle_is_refused_with_a_sentence(
    show: Show, document: Document, qtbot: QtBot, onto: str
) -> None:
    canvas = show(chain("ReLU", "Tanh", "Sigmoid"))
    before = document.spec
    end = input_of(canvas, "relu_1", "input") if onto == "port" else body(canvas.cards["relu_1"])
    with qtbot.waitSignal(document.refused) as refused:
        drag_scene(canvas, output_of(canvas, "sigmoid_1"), end)
    assert refused.args == ["A wire from sigmoid_1 to relu_1 would run in a circle."]
    assert document.spec == before


def test_a_wire_whose_dtype_does_not_fit_is_refused_with_what_helps(
    show: Show, document: Document, qtbot: QtBot
) -> None:
    canvas = show_as_placed(show, document, unwired("Embedding"))
    with qtbot.waitSignal(document.refused) as refused:
        drag_scene(canvas, output_of(canvas, "input_1"), input_of(canvas, "embedding_1", "input"))
    assert "input_1 gives float32" in refused.args[0]
    assert "put a Cast between them" in refused.args[0]


def test_a_residual_chain_of_a_hundred_steps_is_wired_at_once(show: Show, document: Document) -> None:
    spec, before = chain("Linear", shape=("N", 4)), "linear_1"
    for step in range(1, 101):
        spec = edit.add(spec, "Add", inputs={"input": before, "other": before})
        before = f"add_{step}"
    canvas = show(edit.add(spec, "ReLU"))
    begun = time.perf_counter()
    drag_scene(canvas, output_of(canvas, before), input_of(canvas, "relu_1", "input"))
    assert document.spec.nodes["relu_1"].inputs == {"input": before}
    drag_scene(canvas, output_of(canvas, "relu_1"), input_of(canvas, "linear_1", "input"))
    assert document.spec.nodes["linear_1"].inputs == {"input": "input_1"}
    assert time.perf_counter() - begun < 2


# ---------------------------------------------------------------------------------------- selecting and moving


def test_clicks_select_and_control_and_shift_add(show: Show, qtbot: QtBot) -> None:
    canvas = show(chain("ReLU", "Tanh"))
    with qtbot.waitSignal(canvas.selection_changed) as selected:
        click_node(canvas, "relu_1")
    assert selected.args == [["relu_1"]]
    click_node(canvas, "tanh_1", CONTROL)
    assert canvas.selected() == ["relu_1", "tanh_1"]
    click_node(canvas, "input_1", Qt.KeyboardModifier.ShiftModifier)
    assert canvas.selected() == ["input_1", "relu_1", "tanh_1"]
    click_node(canvas, "relu_1")
    assert canvas.selected() == ["relu_1"]


def test_a_rubber_band_selects_what_it_touches(show: Show) -> None:
    canvas = show(chain("ReLU", "Tanh"))
    first, second = canvas.cards["input_1"], canvas.cards["relu_1"]
    drag_scene(canvas, first.pos() - QPointF(40, 40), second.pos() + QPointF(20, 20))
    assert canvas.selected() == ["input_1", "relu_1"]


def test_dragged_cards_move_together_as_one_step_on_the_grid(show: Show, document: Document) -> None:
    canvas = show(chain("ReLU", "Tanh"))
    canvas.select(["relu_1", "tanh_1"])
    before = {node: edit.position(document.spec, node) for node in canvas.cards}
    start = body(canvas.cards["relu_1"])
    drag_scene(canvas, start, start + QPointF(43, 99))
    for node, (x, y) in before.items():
        moved = (40, 96) if node != "input_1" else (0, 0)
        assert edit.position(document.spec, node) == (x + moved[0], y + moved[1])
        assert canvas.cards[node].pos().toTuple() == edit.position(document.spec, node)
    assert document.undo_stack.undoText() == "Move 2 nodes"
    document.undo_stack.undo()
    assert {node: canvas.cards[node].pos().toTuple() for node in before} == before


def test_a_card_dragged_by_less_than_the_grid_stands_where_it_stood(show: Show, document: Document) -> None:
    canvas = show(chain("ReLU"))
    start = body(canvas.cards["relu_1"])
    drag_scene(canvas, start, start + QPointF(3, 3))
    assert canvas.cards["relu_1"].pos().toTuple() == edit.position(document.spec, "relu_1")
    assert not document.dirty


def test_arrows_nudge_by_the_grid_as_one_step(show: Show, document: Document) -> None:
    canvas = show(chain("ReLU"))
    canvas.select(["relu_1"])
    x, y = edit.position(document.spec, "relu_1")
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Down):
        QTest.keyClick(canvas.viewer, key)
    assert edit.position(document.spec, "relu_1") == (x + 16, y + 8)
    assert document.undo_stack.count() == 1


def test_tidy_lays_the_graph_out_as_one_step(show: Show, document: Document) -> None:
    canvas = show(chain("ReLU", "Tanh"))
    document.edit("Heap", lambda spec: edit.move(spec, dict.fromkeys(spec.nodes, (0, 0))))
    canvas.tidy()
    places = {edit.position(document.spec, node) for node in document.spec.nodes}
    assert len(places) == 3
    document.undo_stack.undo()
    assert {canvas.cards[node].pos().toTuple() for node in canvas.cards} == {(0.0, 0.0)}


# ------------------------------------------------------------------------------------------ clipboard, deleting


def test_delete_removes_nodes_with_their_wires_and_undo_brings_all_back(show: Show, document: Document) -> None:
    canvas = show(image_classifier())
    before = document.spec
    canvas.select(["relu_1", "linear_1"])
    canvas.delete()
    assert document.spec == edit.remove(before, ["relu_1", "linear_1"])
    document.undo_stack.undo()
    assert document.spec == before
    assert len(canvas.wires) == 9


def test_a_selected_wire_is_deleted_alone(show: Show, document: Document) -> None:
    canvas = show(chain("ReLU", "Tanh"))
    wire = canvas.wires["tanh_1", "input", None, "relu_1"]
    QTest.mouseClick(canvas.viewer.viewport(), LEFT, pos=pixel(canvas, wire.path().pointAtPercent(0.5)))
    canvas.delete()
    assert document.spec.nodes["tanh_1"].inputs == {}
    assert list(document.spec.nodes) == ["input_1", "relu_1", "tanh_1"]


def test_copies_keep_the_wires_among_them_and_get_ids_of_their_own(show: Show, document: Document) -> None:
    canvas = show(image_classifier())
    canvas.select(["conv2d_1", "relu_1"])
    canvas.copy()
    canvas.paste()
    canvas.paste()
    assert document.spec.nodes["relu_2"].inputs == {"input": "conv2d_2"}
    assert document.spec.nodes["relu_3"].inputs == {"input": "conv2d_3"}
    assert canvas.selected() == ["conv2d_3", "relu_3"]
    first, second = (edit.position(document.spec, node) for node in ("conv2d_2", "conv2d_3"))
    assert (second[0] - first[0], second[1] - first[1]) == (32, 32)


def test_cut_and_paste_into_another_project(show: Show, document: Document) -> None:
    canvas = show(image_classifier())
    canvas.select(["conv2d_1", "relu_1"])
    canvas.cut()
    assert "conv2d_1" not in document.spec.nodes
    document.new()
    canvas.paste()
    assert list(document.spec.nodes) == ["conv2d_1", "relu_1"]
    assert document.spec.nodes["relu_1"].inputs == {"input": "conv2d_1"}
    assert document.spec.nodes["conv2d_1"].params["out_channels"] == 4


def test_pasting_what_is_no_node_is_refused_with_a_sentence(show: Show, document: Document, qtbot: QtBot) -> None:
    canvas = show(Spec())
    for text in ("hello", "", "{}", '{"netloom": 1, "nodes": []}'):
        QGuiApplication.clipboard().setText(text)
        with qtbot.waitSignal(document.refused) as refused:
            canvas.paste()
        assert refused.args == ["The clipboard holds no nodes of Netloom."]


def test_duplicates_are_wired_to_the_same_sources(show: Show, document: Document) -> None:
    canvas = show(image_classifier())
    canvas.select(["linear_1"])
    canvas.duplicate()
    assert document.spec.nodes["linear_2"].inputs == {"input": "flatten_1"}
    assert document.spec.nodes["linear_2"].params == document.spec.nodes["linear_1"].params
    assert canvas.selected() == ["linear_2"]


# ------------------------------------------------------------------------------------------------------- naming


def rename_line(canvas: Canvas) -> QLineEdit:
    (line,) = canvas.viewer.viewport().findChildren(QLineEdit)
    return line


def test_a_double_click_renames_in_place(show: Show, document: Document) -> None:
    canvas = show(chain("ReLU"))
    place = pixel(canvas, body(canvas.cards["relu_1"]))
    QTest.mouseDClick(canvas.viewer.viewport(), LEFT, pos=place)
    write(rename_line(canvas), "Bend")
    assert edit.title(document.spec, "relu_1") == "Bend"
    assert canvas.cards["relu_1"].title == "Bend"
    document.undo_stack.undo()
    assert canvas.cards["relu_1"].title == "ReLU"


def test_escape_gives_a_new_name_up(show: Show, document: Document, qtbot: QtBot) -> None:
    canvas = show(chain("ReLU"))
    canvas.select(["relu_1"])
    canvas.rename()
    line = rename_line(canvas)
    QTest.keyClicks(line, "Bend")
    QTest.keyClick(line, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not canvas.viewer.viewport().findChildren(QLineEdit))
    assert canvas.cards["relu_1"].title == "ReLU"
    assert not document.dirty


def test_an_empty_name_goes_back_to_the_ops(show: Show, document: Document) -> None:
    canvas = show(edit.set_title(chain("ReLU"), "relu_1", "Bend"))
    canvas.select(["relu_1"])
    canvas.rename()
    write(rename_line(canvas), " ")
    assert canvas.cards["relu_1"].title == "ReLU"


# ------------------------------------------------------------------------------------------------------- search


def test_tab_adds_the_op_that_is_typed_beside_the_selected_node(show: Show, document: Document) -> None:
    canvas = show(chain("ReLU"))
    canvas.select(["relu_1"])
    QTest.keyClick(canvas.viewer, Qt.Key.Key_Tab)
    assert canvas.search.isVisible()
    QTest.keyClicks(canvas.search.line, "dense")
    QTest.keyClick(canvas.search.line, Qt.Key.Key_Return)
    assert not canvas.search.isVisible()
    assert document.spec.nodes["linear_1"].inputs == {"input": "relu_1"}
    assert edit.position(document.spec, "linear_1")[0] > edit.position(document.spec, "relu_1")[0]
    assert document.undo_stack.count() == 1


def test_a_wire_dropped_on_the_ground_searches_for_what_fits(show: Show, document: Document) -> None:
    canvas = show(chain(shape=("N", 16), dtype="int64"))
    drag_scene(canvas, output_of(canvas, "input_1"), output_of(canvas, "input_1") + QPointF(120, 90))
    assert canvas.search.isVisible()
    names = [canvas.search.list.item(row).text() for row in range(canvas.search.list.count())]
    assert "Embedding" in names
    assert "Linear" not in names
    QTest.keyClicks(canvas.search.line, "embed")
    QTest.keyClick(canvas.search.line, Qt.Key.Key_Return)
    assert document.spec.nodes["embedding_1"].inputs == {"input": "input_1"}


def test_a_wire_dropped_backwards_searches_for_a_source(show: Show, document: Document) -> None:
    canvas = show(edit.add(Spec(), "Linear"))
    start = input_of(canvas, "linear_1", "input")
    drag_scene(canvas, start, start - QPointF(120, 0))
    names = [canvas.search.list.item(row).text() for row in range(canvas.search.list.count())]
    assert "Output" not in names
    QTest.keyClicks(canvas.search.line, "input")
    QTest.keyClick(canvas.search.line, Qt.Key.Key_Return)
    assert document.spec.nodes["linear_1"].inputs == {"input": "input_1"}


# --------------------------------------------------------------------------------------------------------- menus


def menu_of(canvas: Canvas, monkeypatch: pytest.MonkeyPatch, point: QPointF) -> dict[str, QAction]:
    """The context menu at a point of the scene, by its texts."""
    found: dict[str, QAction] = {}

    class Menu(QMenu):
        def exec(self, *_place: object) -> None:  # type: ignore[override]  # waits for nobody
            found.update({each.text(): each for each in self.actions()})

    monkeypatch.setattr("app.canvas.canvas.QMenu", Menu)
    item = canvas.viewer.card_at(point) or canvas.viewer.wire_at(point)
    canvas.viewer.menu_asked.emit(item, QPoint())
    return found


def test_a_cards_menu_mends_what_is_wrong_with_it(
    show: Show, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    canvas = show(edit.set_param(chain("Linear"), "linear_1", "out_features", 0))
    menu_of(canvas, monkeypatch, body(canvas.cards["linear_1"]))["Reset out_features"].trigger()
    assert document.spec.nodes["linear_1"].params["out_features"] > 0


def test_a_wires_menu_removes_it_or_puts_an_op_on_it(
    show: Show, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    canvas = show(chain("ReLU", "Tanh"))
    middle = canvas.wires["tanh_1", "input", None, "relu_1"].path().pointAtPercent(0.5)
    menu = menu_of(canvas, monkeypatch, middle)
    menu["Insert op…"].trigger()
    QTest.keyClicks(canvas.search.line, "dropout")
    QTest.keyClick(canvas.search.line, Qt.Key.Key_Return)
    assert document.spec.nodes["tanh_1"].inputs == {"input": "dropout_1"}
    assert document.spec.nodes["dropout_1"].inputs == {"input": "relu_1"}
    document.undo_stack.undo()
    menu_of(canvas, monkeypatch, middle)["Remove wire"].trigger()
    assert document.spec.nodes["tanh_1"].inputs == {}


def test_a_cards_menu_replaces_its_op_and_puts_one_behind_it(
    show: Show, document: Document, monkeypatch: pytest.MonkeyPatch
) -> None:
    canvas = show(chain("ReLU", "Tanh"))
    menu = menu_of(canvas, monkeypatch, body(canvas.cards["relu_1"]))
    menu["Replace with…"].trigger()
    QTest.keyClicks(canvas.search.line, "gelu")
    QTest.keyClick(canvas.search.line, Qt.Key.Key_Return)
    assert document.spec.nodes["relu_1"].op == "GELU"
    menu["Insert op after…"].trigger()
    QTest.keyClicks(canvas.search.line, "dropout")
    QTest.keyClick(canvas.search.line, Qt.Key.Key_Return)
    assert document.spec.nodes["tanh_1"].inputs == {"input": "dropout_1"}
    assert document.spec.nodes["dropout_1"].inputs == {"input": "relu_1"}
