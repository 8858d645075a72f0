from __future__ import annotations

import pytest

from engine import card, edit
from engine.block_edits import expose, group
from engine.blocks import is_taken
from engine.spec import Spec
from tests.builders import chain

EIGHT = tuple(f"output_{place}" for place in range(1, 9))


def outputs(spec: Spec, node: str) -> tuple[str, ...]:
    return card.outputs_of(spec, spec.nodes[node])


@pytest.mark.parametrize(
    ("op", "param", "value", "names"),
    [
        ("Chunk", "chunks", 3, EIGHT[:3]),
        ("Split", "split_sizes", [2, 2, 4, -1], EIGHT[:4]),
        ("Chunk", "chunks", 0, EIGHT),
        ("MaxPool1d", "return_indices", False, ("output",)),
        ("MaxPool1d", "return_indices", True, ("output", "indices")),
    ],
)
def test_a_card_has_the_outputs_that_its_node_gives(op: str, param: str, value: object, names: tuple[str, ...]) -> None:
    spec = chain(op, shape=("N", 4, 24))
    (node,) = (each for each in spec.nodes if each != "input_1")
    spec = edit.set_param(spec, node, param, value)
    assert outputs(spec, node) == names
    assert [socket.port for socket in card.outputs(spec, spec.nodes[node])] == list(names)


def test_a_number_of_outputs_that_is_set_at_each_use_is_not_known_inside() -> None:
    spec = group(chain("Chunk", shape=("N", 24)), ["chunk_1"], "Cut")
    spec = expose(spec, "Cut", "chunk_1", "chunks", "pieces")
    inside = Spec(nodes=spec.blocks["Cut"].nodes)
    assert is_taken(inside.nodes["chunk_1"].params["chunks"])
    assert outputs(inside, "chunk_1") == EIGHT


def test_a_card_is_as_high_as_the_ports_that_it_has() -> None:
    spec = chain("Chunk", shape=("N", 24))
    more = edit.set_param(spec, "chunk_1", "chunks", 5)
    heights = [card.height(each, each.nodes["chunk_1"]) for each in (spec, more)]
    assert heights[1] - heights[0] == 3 * card.ROW
