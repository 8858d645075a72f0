"""Wires that are missing: an input that nothing feeds, a graph from which nothing comes out."""

from __future__ import annotations

from collections.abc import Iterator

from engine.declare import Loss
from engine.flow import declared
from engine.mistakes import broken as fix
from engine.mistakes.broken import Broken
from engine.ops import OPS
from engine.problem import Fix
from engine.spec import SLASH, Node, Spec
from engine.validate import targets_of, upstream

MOST_SOURCES = 6


def nothing_wired(broken: Broken) -> Iterator[Fix]:
    """An input that nothing feeds: wire what feeds nothing else yet, the newest first."""
    port, spec = broken.where, broken.spec
    if port not in broken.op.input_ports() or port in broken.node.inputs:
        return
    targets, scope = targets_of(spec), _scope(broken.node.id)
    fed_by_it = {node for node in spec.nodes if node in broken.checked} - upstream(spec, [broken.node.id])
    idle = [node for node in spec.nodes.values() if node.id in fed_by_it and not targets[node.id]]
    others = [node for node in _fitting(broken, list(spec.nodes.values())) if node.id in fed_by_it and node not in idle]
    for node in [*reversed(_fitting(broken, idle)), *reversed(others)][:MOST_SOURCES]:
        if _scope(node.id) == scope and declared(node).output_ports():
            yield fix.connect(node.id, broken.node.id, port)


def _scope(node: str) -> str:
    return node.rpartition(SLASH)[0]


def _fitting(broken: Broken, nodes: list[Node]) -> list[Node]:
    """For a loss's target the Inputs alone, for its scores all that is no Input."""
    if not issubclass(broken.op, Loss):
        return nodes
    is_target = broken.where != broken.first
    return [node for node in nodes if (node.op == "Input") == is_target]


def without_end(spec: Spec) -> tuple[Fix, ...]:
    """For a graph from which nothing comes out: an Output behind what nothing is wired to, the newest first."""
    targets = targets_of(spec)
    ends = [node.id for node in spec.nodes.values() if not targets[node.id] and node.op != "Input" and _gives(node)]
    return tuple(
        Fix(f"Add an Output behind {end}", "add", {"op": "Output", "inputs": {"input": end}}) for end in ends[::-1][:2]
    )


def _gives(node: Node) -> bool:
    op = OPS.get(node.op)
    return op is None or bool(op.output_ports())


def number_and_wire(broken: Broken) -> Iterator[Fix]:
    """A number beside a wire in its place."""
    if broken.where == "value" and "wired to other" in broken.problem.message:
        yield broken.set("value", None)
        yield fix.disconnect(broken.node.id, "other")
