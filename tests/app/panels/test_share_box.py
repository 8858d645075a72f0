from __future__ import annotations

import pytest
from PySide6.QtGui import QStandardItemModel
from pytestqt.qtbot import QtBot

from app.document import Document
from app.panels.inspector import Inspector
from app.panels.share_box import OWN, ShareBox
from app.scope import scope_of
from engine import edit
from engine.block_edits import group, use_block
from engine.check import check
from engine.spec import Spec
from tests.app.gestures import press, words_in
from tests.builders import chain


def language() -> Spec:
    """Indices through an Embedding and a Linear of the same shape, and one of another."""
    spec = chain("Embedding", "Linear", "Linear", shape=("N", "T"), dtype="int64")
    sizes = {"embedding_1": {"num_embeddings": 11, "embedding_dim": 6}, "linear_2": {"out_features": 5}}
    sizes["linear_1"] = {"out_features": 11}
    for node, params in sizes.items():
        for name, value in params.items():
            spec = edit.set_param(spec, node, name, value)
    return edit.add(spec, "Output", inputs={"input": "linear_2"})


@pytest.fixture
def inspector(document: Document, qtbot: QtBot) -> Inspector:
    panel = Inspector(document)
    qtbot.addWidget(panel)
    panel.show()
    return panel


def open_node(inspector: Inspector, document: Document, spec: Spec, node: str) -> ShareBox:
    document.new(spec)
    document.set_report(check(spec))
    inspector.show_nodes([node])
    assert inspector._share is not None
    return inspector._share


def offered(box: ShareBox) -> list[str]:
    """The entries that can be chosen."""
    model = box.box.model()
    assert isinstance(model, QStandardItemModel)
    return [item.text() for place in range(model.rowCount()) if (item := model.item(place)).isEnabled()]


def choose(box: ShareBox, text: str) -> None:
    box.box.setCurrentIndex(box.box.findText(text))
    box.box.activated.emit(box.box.currentIndex())


def test_nodes_whose_weights_fit_are_offered_and_one_choice_shares(inspector: Inspector, document: Document) -> None:
    box = open_node(inspector, document, language(), "linear_1")
    assert box.isVisible()
    assert offered(box) == [OWN, "embedding_1"]
    choose(box, "embedding_1")
    assert document.spec.nodes["linear_1"].weights == {"share": "embedding_1"}
    assert document.undo_stack.undoText() == "Share the weights of embedding_1"
    document.set_report(check(document.spec))
    assert document.report.problems == ()
    assert "Uses the weights of embedding_1" in words_in(box)
    document.undo_stack.undo()
    assert document.spec.nodes["linear_1"].weights == {}
    assert box.box.currentText() == OWN


def test_the_sharing_is_removed_as_one_step(inspector: Inspector, document: Document) -> None:
    shared = edit.set_share(language(), "linear_1", "embedding_1")
    box = open_node(inspector, document, shared, "linear_1")
    assert box.box.currentText() == "embedding_1"
    press(box, "Remove the sharing")
    assert document.spec.nodes["linear_1"].weights == {}
    document.undo_stack.undo()
    assert document.spec == shared
    choose(box, OWN)
    assert document.spec.nodes["linear_1"].weights == {}


def test_a_node_tells_who_uses_its_weights_and_why_it_may_not_use_theirs(
    inspector: Inspector, document: Document
) -> None:
    box = open_node(inspector, document, edit.set_share(language(), "linear_1", "embedding_1"), "embedding_1")
    assert "Its weights are used by linear_1 too." in words_in(box)
    assert offered(box) == [OWN]
    model = box.box.model()
    assert isinstance(model, QStandardItemModel)
    assert "shared in a circle" in model.item(1).toolTip()


def test_what_is_refused_is_said_and_the_choice_goes_back(inspector: Inspector, document: Document) -> None:
    shared = edit.set_share(language(), "linear_1", "embedding_1")
    box = open_node(inspector, document, shared, "embedding_1")
    refused: list[str] = []
    document.refused.connect(refused.append)
    choose(box, "linear_1")
    assert "shared in a circle" in refused[0]
    assert document.spec == shared
    assert box.box.currentText() == OWN


def test_nothing_is_offered_where_no_weights_fit(inspector: Inspector, document: Document) -> None:
    assert not open_node(inspector, document, language(), "linear_2").isVisible()
    assert not open_node(inspector, document, chain("ReLU", "ReLU"), "relu_1").isVisible()


def test_uses_of_a_block_share_with_uses_of_that_block_alone(inspector: Inspector, document: Document) -> None:
    spec = group(chain("Linear", "Linear", shape=("N", 64)), ["linear_1"], "One")
    spec = use_block(group(spec, ["linear_2"], "Other"), "One", inputs={"input": "input_1"})
    box = open_node(inspector, document, spec, "one_1")
    assert offered(box) == [OWN, "one_2"]
    assert box.box.findText("other_1") >= 0
    choose(box, "one_2")
    assert document.spec.nodes["one_1"].weights == {"share": "one_2"}


def test_nodes_inside_a_block_share_with_each_other(inspector: Inspector, document: Document) -> None:
    spec = group(chain("Linear", "Linear", shape=("N", 64)), ["linear_1", "linear_2"], "Two")
    document.new(spec)
    document.set_report(check(spec))
    inspector.show_scope(scope_of(document, "Two"))
    inspector.show_nodes(["linear_2"])
    box = inspector._share
    assert box is not None
    assert offered(box) == [OWN, "linear_1"]
    choose(box, "linear_1")
    assert document.spec.blocks["Two"].nodes["linear_2"].weights == {"share": "linear_1"}
    document.undo_stack.undo()
    assert document.spec == spec
