from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtWidgets import QComboBox, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from app.document import Document
from app.fields.editors import NumberEditor
from app.fields.numbers import NumberBox
from app.panels.inspector import Inspector
from engine import block_edits, edit
from engine.check import check
from engine.columns import Column, DataReport
from engine.ops import OPS
from engine.spec import Spec
from tests.app.gestures import press, words_in, write
from tests.builders import chain, image_classifier


@pytest.fixture
def inspector(document: Document, qtbot: QtBot) -> Inspector:
    document.new(image_classifier())
    document.set_report(check(document.spec))
    panel = Inspector(document)
    qtbot.addWidget(panel)
    panel.show()
    return panel


def line_of(inspector: Inspector, param: str) -> QLineEdit:
    assert inspector.form is not None
    return inspector.form.fields[param].findChildren(QLineEdit)[0]


def test_without_a_selection_the_project_is_shown_and_can_be_renamed(inspector: Inspector, document: Document) -> None:
    assert "9 nodes, 2,610 parameters" in words_in(inspector)
    write(inspector.findChild(QLineEdit), "digits")
    assert document.spec.name == "digits"
    document.undo_stack.undo()
    assert document.spec.name == "untitled"


def test_a_node_is_shown_with_what_it_is_and_what_flows(inspector: Inspector) -> None:
    inspector.show_nodes(["conv2d_1"])
    words = words_in(inspector)
    assert OPS["Conv2d"].doc() in words
    assert "conv2d_1 · torch.nn.Conv2d" in words
    assert "input_1" in words
    assert "N × 4 × 8 × 8  float32" in words
    assert "40 parameters" in words


@pytest.mark.parametrize("node", list(image_classifier().nodes))
def test_every_node_of_a_graph_can_be_shown(inspector: Inspector, node: str) -> None:
    inspector.show_nodes([node])
    assert node in words_in(inspector)


def test_a_form_has_its_size_before_it_is_first_drawn(inspector: Inspector) -> None:
    inspector.resize(200, 140)
    inspector.show_nodes(["conv2d_1"])
    assert inspector.form is not None
    assert all(field.height() >= 20 for field in inspector.form.fields.values() if field.isVisible())


def test_a_param_is_edited_and_undo_shows_the_old_value(inspector: Inspector, document: Document) -> None:
    inspector.show_nodes(["conv2d_1"])
    line = line_of(inspector, "out_channels")
    write(line, "16")
    assert document.spec.nodes["conv2d_1"].params["out_channels"] == 16
    assert document.undo_stack.count() == 1
    assert document.undo_stack.undoText() == "Set out_channels of conv2d_1"
    document.undo_stack.undo()
    assert line.text() == "4"
    assert line_of(inspector, "out_channels") is line


def test_a_wrong_value_is_refused_with_a_sentence_and_the_spec_keeps_the_old_one(
    inspector: Inspector, document: Document
) -> None:
    inspector.show_nodes(["conv2d_1"])
    write(line_of(inspector, "out_channels"), "0")
    assert "out_channels is 0; it must be at least 1." in words_in(inspector)
    assert document.spec.nodes["conv2d_1"].params["out_channels"] == 4
    assert not document.dirty


def test_a_changed_param_is_reset(inspector: Inspector, document: Document) -> None:
    inspector.show_nodes(["conv2d_1"])
    assert inspector.form is not None
    inspector.form.reset.emit("out_channels")
    default = OPS["Conv2d"].defaults()["out_channels"]
    assert document.spec.nodes["conv2d_1"].params["out_channels"] == default
    assert line_of(inspector, "out_channels").text() == str(default)


def test_the_title_is_edited_and_undone(inspector: Inspector, document: Document) -> None:
    inspector.show_nodes(["conv2d_1"])
    title = inspector.findChildren(QLineEdit)[0]
    write(title, "Edges")
    assert edit.title(document.spec, "conv2d_1") == "Edges"
    document.undo_stack.undo()
    assert title.text() == ""


def test_several_nodes_are_counted(inspector: Inspector) -> None:
    inspector.show_nodes(["conv2d_1", "relu_1"])
    assert "2 nodes are selected" in words_in(inspector)
    assert "Conv2d, ReLU" in words_in(inspector)


def test_a_problem_is_shown_with_its_fix_and_at_its_field(inspector: Inspector, document: Document) -> None:
    document.edit("Break", lambda spec: edit.set_param(spec, "conv2d_1", "kernel_size", 0))
    document.set_report(check(document.spec))
    inspector.show_nodes(["conv2d_1"])
    assert inspector.form is not None
    assert "kernel_size is 0" in inspector.form.fields["kernel_size"].problem()
    press(inspector, "Reset kernel_size")
    assert document.spec.nodes["conv2d_1"].params["kernel_size"] == 3
    document.set_report(check(document.spec))
    assert inspector.form.fields["kernel_size"].problem() == ""
    assert not [each for each in inspector.findChildren(QPushButton) if each.isVisible()]


def test_a_losss_factor_and_an_outputs_answer_are_edited(inspector: Inspector, document: Document) -> None:
    inspector.show_nodes(["cross_entropy_loss_1"])
    editor = next(each for each in inspector.findChildren(NumberEditor) if "loss is multiplied" in each.toolTip())
    factor = editor.findChildren(NumberBox)[0]
    write(factor.lineEdit(), "0.5")
    assert document.spec.nodes["cross_entropy_loss_1"].factor == 0.5
    inspector.show_nodes(["output_1"])
    answers = inspector.findChild(QComboBox)
    answers.activated.emit(1)
    assert document.spec.nodes["output_1"].decode == {"op": "Argmax", "params": {}}
    assert answers.currentIndex() == 1
    document.undo_stack.undo()
    assert answers.currentIndex() == 0


def test_an_input_bound_to_a_column_takes_its_shape_and_dtype(inspector: Inspector, document: Document) -> None:
    picture = Column("picture", "image", (3, 32, 32), "float32")
    document.set_data(DataReport("ImageFolder", {"picture": picture}))
    inspector.show_nodes(["input_1"])
    assert inspector.form is not None
    box = inspector.form.fields["column"].findChild(QComboBox)
    assert [box.itemText(place) for place in range(box.count())] == ["picture"]
    box.setCurrentIndex(0)
    box.activated.emit(0)
    params = document.spec.nodes["input_1"].params
    assert (params["column"], params["shape"], params["dtype"]) == ("picture", ["N", 3, 32, 32], "float32")
    assert line_of(inspector, "shape").text() == "N, 3, 32, 32"
    document.undo_stack.undo()
    assert document.spec.nodes["input_1"].params["column"] == "image"


def test_unknown_params_are_kept_and_can_be_removed(inspector: Inspector, document: Document) -> None:
    document.edit("Set", lambda spec: edit.set_param(spec, "conv2d_1", "filters", 3))
    inspector.show_nodes(["conv2d_1"])
    press(inspector, "Remove the unknown param filters")
    assert "filters" not in document.spec.nodes["conv2d_1"].params


def test_an_unknown_op_is_shown_as_such(inspector: Inspector, document: Document) -> None:
    odd = replace(document.spec.nodes["relu_1"], op="Nonsense", params={"depth": 3})
    document.new(document.spec.with_nodes([*document.spec.nodes.values(), replace(odd, id="odd_1")]))
    document.set_report(check(document.spec))
    inspector.show_nodes(["odd_1"])
    assert "This version has no op Nonsense." in words_in(inspector)
    assert inspector.form is None


def test_a_list_port_shows_all_its_wires(inspector: Inspector, document: Document) -> None:
    document.new(edit.add(chain("ReLU"), "Concat", inputs={"tensors": ["relu_1", "input_1", "relu_1"]}))
    inspector.show_nodes(["concat_1"])
    assert "relu_1, input_1, relu_1" in words_in(inspector)


def test_a_node_that_is_removed_is_shown_no_longer(inspector: Inspector, document: Document) -> None:
    inspector.show_nodes(["conv2d_1"])
    document.edit("Remove", lambda spec: edit.remove(spec, ["conv2d_1"]))
    assert "Select a node to see and change it." in words_in(inspector)
    document.new(Spec())
    assert "0 nodes" in words_in(inspector)


def test_what_begins_from_a_file_inside_a_block_is_told_and_can_begin_anew(
    inspector: Inspector, document: Document
) -> None:
    spec = block_edits.group(document.spec, ["conv2d_1", "relu_1"], "Features")
    document.new(spec)
    document.set_report(check(spec))
    given = {"op": "FromFile", "params": {"path": "best.safetensors", "name": "features_1.0.conv2d_1.weight"}}
    document.edit("Begin", lambda spec: edit.set_init(spec, "features_1", "0.conv2d_1.weight", given))
    inspector.show_nodes(["features_1"])
    assert "0.conv2d_1.weight begins from a file." in words_in(inspector)
    press(inspector, "Begin anew")
    assert document.spec == spec
    assert "from a file" not in words_in(inspector)
