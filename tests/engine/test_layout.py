from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import card, edit
from engine.examples import examples
from engine.layout import GRID, layout
from engine.spec import Node, Spec, load
from tests.builders import chain, image_classifier


def overlap(spec: Spec, places: Mapping[str, tuple[float, float]]) -> list[tuple[str, str]]:
    """The pairs of cards that touch each other."""

    def apart(one: str, other: str) -> bool:
        (x, y), (other_x, other_y) = places[one], places[other]
        upper = one if y < other_y else other
        return abs(x - other_x) >= card.WIDTH or abs(y - other_y) >= card.height(spec, spec.nodes[upper])

    return [pair for pair in combinations(places, 2) if not apart(*pair)]


@st.composite
def graphs(draw: st.DrawFn) -> Spec:
    """Any graph without circles, in pieces or whole."""
    nodes = [Node("n0", "Input")]
    for place in range(1, draw(st.integers(1, 16))):
        sources = draw(st.lists(st.sampled_from([node.id for node in nodes]), max_size=3))
        nodes.append(Node(f"n{place}", "Concat", {}, {"tensors": tuple(sources)} if sources else {}))
    return Spec().with_nodes(nodes)


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_every_card_has_a_place_of_its_own_on_the_grid(spec: Spec) -> None:
    places = layout(spec)
    assert places.keys() == spec.nodes.keys()
    assert all(x % GRID == 0 and y % GRID == 0 for x, y in places.values())
    assert overlap(spec, places) == []


@pytest.mark.parametrize("example", examples(), ids=lambda each: each.name)
def test_examples_are_laid_out_without_touching_cards(example: object) -> None:
    spec = load(example.path)  # type: ignore[attr-defined]  # an Example
    assert overlap(spec, layout(spec)) == []


def test_a_short_chain_stands_on_one_straight_line_in_its_order() -> None:
    spec = chain("Linear", "ReLU", "Linear")
    places = layout(spec)
    assert len({y for _, y in places.values()}) == 1
    assert [node for node, _ in sorted(places.items(), key=lambda pair: pair[1])] == list(spec.nodes)


def test_wires_lead_right_except_where_a_long_graph_starts_a_new_line() -> None:
    spec = chain(*["ReLU"] * 60)
    places = layout(spec)
    width, height = (max(place[axis] for place in places.values()) for axis in (0, 1))
    assert width < 60 * card.WIDTH / 2
    assert height > card.HEIGHT
    for node in spec.nodes.values():
        for source in node.sources():
            (x, y), (source_x, source_y) = places[node.id], places[source]
            assert x > source_x or y > source_y


def test_the_same_graph_is_laid_out_the_same() -> None:
    assert layout(image_classifier()) == layout(image_classifier())


def test_a_circle_is_drawn_as_far_as_it_goes() -> None:
    spec = chain("ReLU", "Tanh")
    nodes = [replace(node, inputs={"input": "tanh_1"}) if node.id == "relu_1" else node for node in spec.nodes.values()]
    spec = spec.with_nodes(nodes)
    assert layout(spec).keys() == spec.nodes.keys()


def test_an_empty_graph_has_no_places() -> None:
    assert layout(Spec()) == {}


def test_a_thousand_nodes_with_residuals_are_laid_out_soon() -> None:
    nodes = [Node("n0", "Input")]
    for place in range(1, 1000):
        nodes.append(Node(f"n{place}", "Add", {}, {"input": f"n{place - 1}", "other": f"n{max(0, place - 5)}"}))
    begun = time.process_time()
    layout(Spec().with_nodes(nodes))
    assert time.process_time() - begun < 5


def test_two_graphs_in_one_project_stand_one_below_the_other() -> None:
    spec = chain("ReLU")
    for op in ("Input", "Tanh"):
        spec = edit.add(spec, op)
    spec = edit.connect(spec, "input_2", "tanh_1", "input")
    places = layout(spec)
    assert places["input_2"][1] > places["input_1"][1]
