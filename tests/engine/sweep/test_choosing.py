from __future__ import annotations

import pytest

from engine import edit
from engine.examples import examples
from engine.spec import load
from engine.sweep.choosing import variable_at, variables
from engine.sweep.plan import entry, read_plan
from engine.validate import problems
from engine.values import value_at
from tests.engine.sweep.making import LR, WIDTH, swept

TABLES = [each for each in examples() if each.name in ("iris", "digits_cnn", "lstm_sequence", "gpt")]


@pytest.mark.parametrize("example", TABLES, ids=lambda each: each.name)
def test_every_range_that_is_proposed_can_be_swept(example: object) -> None:
    spec = load(example.path)  # type: ignore[attr-defined]  # an Example
    assert problems(spec) == []
    found = variables(spec)
    for each in found:
        assert value_at(spec, each.path) == each.value
        swept_one = edit.set_setting(spec, "sweep.space", [entry(each.path, each.range)])
        assert read_plan(swept_one)[1] == [], each.path
    assert any(each.path == LR for each in found)


def test_ranges_lie_around_the_value_and_within_its_bounds() -> None:
    spec = swept(f"{LR}=1..2")
    assert {path: str(variable_at(spec, path).range.words()) for path in (LR, WIDTH)} == {  # type: ignore[union-attr]
        LR: "0.0001..0.01:log",
        WIDTH: "8..32:int:log",
    }
    assert variable_at(spec, "nodes.dropout_1.params.p").range.words() == "0..0.5"  # type: ignore[union-attr]


def test_what_changes_no_result_is_not_offered() -> None:
    paths = [each.path for each in variables(swept(f"{LR}=1..2"))]
    assert not [path for path in paths if path.endswith(("workers", "cache", "device", "column"))]
