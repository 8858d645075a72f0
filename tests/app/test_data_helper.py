from __future__ import annotations

from typing import Any

import pytest

from app.data_helper import DataHelper, of_data
from app.document import Document
from engine import edit
from engine.spec import Spec
from tests.app.panels.samples import Answering
from tests.builders import image_classifier


@pytest.fixture
def engine() -> Answering:
    return Answering()


def test_only_the_newest_answer_of_a_topic_counts(document: Document, engine: Answering) -> None:
    document.new(edit.set_source(Spec(), "Digits"))
    helper, taken = DataHelper(document, engine), []

    def take(answer: dict[str, Any]) -> None:
        taken.append(answer["samples"][0]["index"])

    helper.ask("one", take, "look", index=1)
    helper.ask("one", take, "look", index=2)
    helper.ask("another", take, "look", index=3)
    helper.ask("a third", take, "look", index=4)
    helper.forget("a third")
    engine.answer()
    assert taken == [2, 3]
    helper.ask("one", take, "look", index=5)
    document.new()
    engine.answer()
    assert taken == [2, 3]


def test_what_is_sent_is_what_the_data_depends_on() -> None:
    spec = edit.set_setting(edit.set_source(image_classifier(), "Digits"), "training.epochs", 3)
    spec = of_data(edit.set_setting(spec, "training.seed", 7))
    assert [(node.op, dict(node.inputs)) for node in spec.nodes.values()] == [("Input", {}), ("Input", {})]
    assert spec.data["source"]["kind"] == "Digits"
    assert not spec.blocks and not spec.canvas
    assert spec.training == {"seed": 7}
