from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app.fields import Form
from app.fields.editors import read_numbers, read_shape, show_list
from engine.declare import Declared
from engine.ops import OPS
from engine.ops.optimizer import Optimizer
from engine.ops.settings import Batching, Split, Training
from engine.ops.source import Source
from engine.ops.steps import Step

DECLARED = [*OPS.values(), *Optimizer.registry.values(), *Source.registry.values(), *Step.registry.values(),
            Batching, Split, Training]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["N, 1, 28, 28", "(N, 1, 28, 28)", "N × 1 × 28 × 28", "N x 1 x 28 x 28", "[N,1,28,28,]"]
)
def test_a_shape_is_read_as_people_write_it(text: str) -> None:
    assert read_shape(text) == ["N", 1, 28, 28]


@pytest.mark.parametrize("value", [["N", 3, 8], [], [0.9, 0.999], [1 / 255]])
def test_a_list_is_read_back_as_it_is_shown(value: list[Any]) -> None:
    read = read_shape if all(isinstance(each, int | str) for each in value) else read_numbers
    assert read(show_list(value)) == value


@pytest.mark.parametrize("declared", DECLARED, ids=lambda each: each.__name__)
def test_the_form_of_every_declaration_shows_its_defaults_and_changes_nothing(
    declared: type[Declared], qtbot: QtBot, tmp_path: Path
) -> None:
    form = Form(declared, {}, folder=tmp_path)
    qtbot.addWidget(form)
    with qtbot.assertNotEmitted(form.changed):
        form.set_values(declared.defaults())
        form.set_values({})
    assert form.fields.keys() == declared.params().keys()
    problems = {name: field.problem() for name, field in form.fields.items()}
    assert problems == {name: each.refuse(each.default) or "" for name, each in declared.params().items()}
