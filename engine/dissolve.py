"""The edit that dissolves a block: its nodes in the place of one of its uses, a copy for each round."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from engine import edit
from engine.block_edits import block_of, remove_block, rewired, uses
from engine.blocks import REPEAT, port_name
from engine.edit import Position, position
from engine.expand import INIT, inherited, within
from engine.problem import Mistake
from engine.settle import settled
from engine.sharing import SHARE, WHERE, with_shares
from engine.spec import BLOCK, Block, Node, Spec, Wire, source_id


def dissolve(spec: Spec, node: str) -> Spec:
    """Put a block's nodes in the place of its use, once for each round; the block goes where nothing else uses it."""
    if node not in spec.nodes or spec.nodes[node].op != BLOCK:
        raise Mistake(f"{node} stands for no block.")
    use = spec.nodes[node]
    held = block_of(spec, use.block)
    if REPEAT.refuse(use.repeat):
        raise Mistake(f"{node} is repeated by a param of the block around it; set a number first.", param="repeat")
    _refuse_shared(spec, use)
    outer = spec.with_nodes(each for each in spec.nodes.values() if each.id != node)
    wired: dict[str, Any] = {port: wire for port, wire in use.inputs.items() if isinstance(wire, str)}
    results: dict[str, Wire] = {}
    first: dict[str, str] = {}
    corner = position(spec, node)
    for number in range(use.repeat):
        spot = (corner[0], corner[1] + 320 * number)
        outer, results, names = _placed(outer, held, use, number, wired, spot)
        if number and use.share_weights:
            outer = _sharing(outer, names, first)
        first = first or names
        wired = {port: results.get(port, wire) for port, wire in wired.items()}
        if wired and results and not wired.keys() & results.keys():
            wired[next(iter(wired))] = next(iter(results.values()))
    ports = list(results)
    table = {f"{node}.{port}": wire for port, wire in results.items()}
    if ports:
        table[node] = results[ports[0]]
    outer = _without_lost(rewired(outer, table, ""), node)
    outer = replace(outer, canvas={each: spot for each, spot in outer.canvas.items() if each != node})
    return outer if uses(outer, use.block) else remove_block(outer, use.block)


def _refuse_shared(spec: Spec, use: Node) -> None:
    """Refuse to dissolve one of several uses that share their weights: its nodes could not share with those inside."""
    others = [each.id for each in spec.nodes.values() if each.weights.get(SHARE) == use.id]
    owner = use.weights.get(SHARE) or next(iter(others), None)
    if owner is not None:
        raise Mistake(f"{use.id} and {owner} share their weights; remove the sharing first.", param=WHERE)


def _placed(
    outer: Spec, held: Block, use: Node, number: int, wired: Mapping[str, Wire], corner: Position
) -> tuple[Spec, dict[str, Wire], dict[str, str]]:
    """Copy a block's nodes, as a round of a use has them, into a spec; returns it, what comes out, and the new ids."""
    values = {name: use.params.get(name, each.get("default")) for name, each in held.params.items()}
    inner = [node for node in held.nodes.values() if node.op not in ("Input", "Output")]
    names: dict[str, str] = {}
    for node in inner:
        taken = outer.with_nodes([*outer.nodes.values(), *(Node(each, "") for each in names.values())])
        names[node.id] = node.id if node.id not in taken.nodes else edit.free_id(taken.nodes, node.id)
    feeds: dict[str, Wire | None] = {
        node.id: wired.get(port_name(node)) for node in held.nodes.values() if node.op == "Input"
    }

    def moved(wire: Wire) -> Wire | None:
        source, dot, port = wire.partition(".")
        return feeds[source] if source in feeds else names.get(source, source) + dot + port

    around = within(use.weights, str(number))
    told = [replace(settled(node, values), weights=inherited(around, node)) for node in inner]
    copies = [_copied(node, names, moved) for node in told]
    left = min((position(Spec(canvas=held.canvas), each.id)[0] for each in inner), default=0)
    top = min((position(Spec(canvas=held.canvas), each.id)[1] for each in inner), default=0)
    spots = {
        names[each.id]: {
            **_spot(held, each.id),
            "pos": list(_shifted(held, each.id, (corner[0] - left, corner[1] - top))),
        }
        for each in inner
    }
    placed = outer.with_nodes([*outer.nodes.values(), *copies])
    results = {
        port_name(node): wire
        for node in held.nodes.values()
        if node.op == "Output"
        and isinstance(node.inputs.get("input"), str)
        and (wire := moved(str(node.inputs["input"])))
    }
    return replace(placed, canvas={**placed.canvas, **spots}), results, names


def _spot(held: Block, node: str) -> Mapping[str, Any]:
    spot = held.canvas.get(node)
    return spot if isinstance(spot, Mapping) else {}


def _shifted(held: Block, node: str, by: Position) -> Position:
    x, y = position(Spec(canvas=held.canvas), node)
    return (x + by[0], y + by[1])


def _copied(node: Node, names: Mapping[str, str], moved: Callable[[Wire], Wire | None]) -> Node:
    inputs: dict[str, Any] = {}
    for port, value in node.inputs.items():
        wires = [moved(each) for each in ((value,) if isinstance(value, str) else value)]
        kept = [each for each in wires if each]
        inputs[port] = (kept[0] if kept else None) if isinstance(value, str) else tuple(kept)
    wired = {port: value for port, value in inputs.items() if value}
    return with_shares(replace(node, id=names[node.id], inputs=wired), names)


def _sharing(spec: Spec, names: Mapping[str, str], first: Mapping[str, str]) -> Spec:
    nodes = dict(spec.nodes)
    for inner, name in names.items():
        weights = {each: value for each, value in nodes[name].weights.items() if each != INIT}
        nodes[name] = replace(nodes[name], weights={**weights, SHARE: first[inner]})
    return replace(spec, nodes=nodes)


def _without_lost(spec: Spec, node: str) -> Spec:
    """Drop wires that still start at a node which is gone."""

    def kept(each: Node) -> Node:
        if node not in each.sources():
            return each
        inputs: dict[str, Any] = {}
        for port, value in each.inputs.items():
            wires = [wire for wire in ((value,) if isinstance(value, str) else value) if source_id(wire) != node]
            inputs[port] = (wires[0] if wires else None) if isinstance(value, str) else tuple(wires)
        return replace(each, inputs={port: value for port, value in inputs.items() if value})

    return spec.with_nodes(map(kept, spec.nodes.values()))
