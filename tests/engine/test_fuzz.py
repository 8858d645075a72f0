"""Broken files: whatever is wrong with a project file, reading it and checking it say so in sentences, and soon."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import fixes
from engine.check import check
from engine.examples import examples
from engine.ops import OPS
from engine.picture import svg
from engine.problem import Mistake
from engine.report import Report
from engine.spec import decode, dumps, jsonable, loads
from tests.engine.test_blocks import residual

MOST_SECONDS = 20.0  # far more than any check of a small graph takes
TEXTS = [*(each.path.read_text(encoding="utf-8") for each in examples()), dumps(residual(repeat=2))]
FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

NUMBERS = st.sampled_from([0, -1, 1, 2, 3, 7, 2**31, 2**40, 2**62, 2**64, -(2**63), 0.0, -0.5, 0.5, 1e-300, 1e308])
WORDS = ["", "N", "mean", "same", "float32", "int64", "input", "relu_1", "a.b.c", "\x00", "é" * 9]
WITHIN = [{"param": "width"}, {"param": 3}, {"expr": "2 * width"}, {"expr": "9 ** 9 ** 9"}, {"expr": "(" * 999}]
VALUES = st.recursive(
    NUMBERS | st.sampled_from([None, True, False, *WORDS, *WITHIN]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=2),
    max_leaves=4,
)
Place = tuple[Any, Any]  # an object or a list, and a key of it


def places(value: Any) -> Iterator[Place]:
    """Every place in a JSON value."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places(value[key])


def nodes_of(data: Any) -> list[dict[str, Any]]:
    """The nodes of a project, those inside its blocks among them."""
    listed = [holder[key] for holder, key in places(data) if key == "nodes"]
    return [each for nodes in listed if isinstance(nodes, list) for each in nodes if isinstance(each, dict)]


def become(draw: st.DrawFn, node: dict[str, Any], op: str, ids: list[str]) -> None:
    """Make a node another op, with all its params and with wires from anywhere."""
    node["op"], node["params"] = op, jsonable(OPS[op].defaults())
    ports = OPS[op].input_ports().values()
    node["inputs"] = {
        port.name: [draw(st.sampled_from(ids))] if port.list else draw(st.sampled_from(ids)) for port in ports
    }


def mutate(draw: st.DrawFn, data: Any) -> None:
    """Change one thing: most often a param, an op or a wire, for these come the furthest."""
    nodes = nodes_of(data)
    kinds = ["value", "remove", "double"] + ["param", "param", "param", "op", "wire", "wire"] * bool(nodes)
    kind = draw(st.sampled_from(kinds))
    if kind in ("param", "op", "wire"):
        node = draw(st.sampled_from(nodes))
        params, inputs = node.get("params"), node.get("inputs")
        ids = [str(each.get("id")) for each in nodes]
        if kind == "op":
            become(draw, node, draw(st.sampled_from(sorted(OPS))), ids)
        elif kind == "param" and isinstance(params, dict) and params:
            params[draw(st.sampled_from(sorted(params)))] = draw(VALUES)
        elif kind == "wire" and isinstance(inputs, dict):
            inputs[draw(st.sampled_from([*inputs, "input", "other"]))] = draw(
                st.sampled_from([*ids, "nobody", ids[:3]])
            )
        return
    holder, key = draw(st.sampled_from(list(places(data))))
    if kind == "value":
        holder[key] = draw(VALUES)
    elif kind == "remove":
        del holder[key]
    elif isinstance(holder, list):
        holder.insert(key, copy.deepcopy(holder[key]))


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """An example's JSON with a few things changed."""
    data = json.loads(draw(st.sampled_from(TEXTS)))
    for _ in range(draw(st.integers(1, 5))):
        if list(places(data)):
            mutate(draw, data)
    return data


def judged(data: Any) -> Report | None:
    """Read, check and draw JSON, however odd: None where it is no spec, and that must be said in a sentence."""
    begun = time.monotonic()
    try:
        spec = decode(data)
    except Mistake as mistake:
        refusal = mistake.message
    else:
        report = check(spec)
        svg(spec, report)
        assert time.monotonic() - begun < MOST_SECONDS
        return report
    assert refusal.endswith(".")
    return None


@pytest.mark.filterwarnings("ignore")  # torch warns of odd graphs; the log shows it
@FUZZ
@given(mutated())
def test_a_project_with_odd_values_is_refused_or_checked(data: Any) -> None:
    report = judged(data)
    if report is not None:
        assert all(problem.message for problem in report.problems)
        json.dumps(report.encode(), allow_nan=False)


@pytest.mark.filterwarnings("ignore")
@FUZZ
@given(mutated())
def test_each_fix_that_is_offered_takes_its_problem_away(data: Any) -> None:
    try:
        spec = decode(data)
    except Mistake:
        return
    for problem in check(spec).problems:
        for fix in problem.fixes:
            if fixes.is_action(fix) or "not a list" in problem.message:  # of such a list, each wire is taken away
                continue
            left = check(fixes.apply(spec, fix)).problems
            told = [(each.node, each.param, each.message) for each in left]
            assert (problem.node, problem.param, problem.message) not in told, fix


@FUZZ
@given(VALUES)
def test_any_json_is_refused_or_checked(data: Any) -> None:
    judged(data)


@FUZZ
@given(st.sampled_from(TEXTS), st.data())
def test_damaged_text_is_refused_or_read(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    middle = data.draw(
        st.text(max_size=8) | st.sampled_from(['"', "{", "]", ",", "null", "1e999", "-", "\ud800", "\x00"])
    )
    refusal = "."
    try:
        loads(text[:start] + middle + text[end:])
    except Mistake as mistake:
        refusal = mistake.message
    assert refusal.endswith(".")
