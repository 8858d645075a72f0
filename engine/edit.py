"""Edits: pure functions from a spec to a new spec. Every change of a project is one of these.

Each raises Mistake with a sentence where the edit makes no sense. Windows, fixes and scripts use them alike;
a `Fix` names one by its function's name.
"""

from __future__ import annotations

import itertools
import json
import keyword
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine import card
from engine.blocks import op_of
from engine.columns import Column
from engine.declare import Metric, Op, did_you_mean
from engine.edit_settings import (
    add_optimizer,
    move_optimizer,
    remove_optimizer,
    remove_setting,
    set_default_init,
    set_init,
    set_name,
    set_optimizer,
    set_schedule,
    set_setting,
    set_source,
    set_weights,
    without_nodes,
)
from engine.layout import layout
from engine.ops import OPS
from engine.problem import Mistake
from engine.sharing import SHARE, set_share, with_shares
from engine.spec import (
    BLOCK,
    MODULE_NAMES,
    Block,
    Node,
    Spec,
    Wire,
    decode_block,
    decode_node,
    encode_block,
    encode_node,
    jsonable,
    source_id,
)
from engine.validate import targets_of, would_cycle

Position = tuple[float, float]

GRID = 8
STEP_RIGHT = 56  # pixels between a card and the next one placed right of it
CLEARANCE, FARTHEST = 20, 960  # pixels: around a card that is put between others, and how far from the middle it may go
MOST_MOVED = 200  # cards that step aside for another one
CLIP_KEY = "netloom"


# --------------------------------------------------------------------------------------------------------- nodes


def new_id(spec: Spec, op: str) -> str:
    """Return a free id for a new node: "Conv2d" -> "conv2d_1"; the first metric of a kind has no number."""
    stem = _stem(op)
    plain = op in OPS and issubclass(OPS[op], Metric) and stem not in spec.nodes
    return stem if plain else free_id(spec.nodes, stem)


_WORD_STARTS = re.compile("(?<=[a-z0-9])(?=[A-Z][a-z])|(?<=[A-Z])(?=[A-Z][a-z])")


def _stem(op: str) -> str:
    """Write an op's name as an id: "CrossEntropyLoss" -> "cross_entropy_loss", "LeakyReLU" -> "leaky_relu"."""
    words = _WORD_STARTS.sub("_", op).lower()
    return re.sub(r"[^a-z0-9_]", "", words).lstrip("0123456789_") or "node"


def free_id(taken: Iterable[str], stem: str) -> str:
    """The first of "stem_1", "stem_2", ... that is not taken."""
    taken = set(taken)
    return next(each for number in itertools.count(1) if (each := f"{stem}_{number}") not in taken)


def add(
    spec: Spec,
    op: str,
    pos: Position = (0, 0),
    params: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Wire | Sequence[Wire]] | None = None,
) -> Spec:
    """Add a node with all its params at their defaults, `params` excepted; its id is `new_id(spec, op)`."""
    declared = _op(op)
    wires = {port: wire if isinstance(wire, str) else tuple(wire) for port, wire in (inputs or {}).items()}
    node = Node(new_id(spec, op), op, jsonable({**declared.defaults(), **(params or {})}), wires)
    return move(spec.with_nodes([*spec.nodes.values(), node]), {node.id: pos})


def _op(op: str) -> type[Any]:
    if op not in OPS:
        raise Mistake(f"There is no op {op!r}{did_you_mean(op, OPS)}.")
    return OPS[op]


def _node(spec: Spec, node: str) -> Node:
    if node not in spec.nodes:
        raise Mistake(f"There is no node {node!r}{did_you_mean(node, spec.nodes)}.")
    return spec.nodes[node]


def _with(spec: Spec, node: Node) -> Spec:
    return replace(spec, nodes={**spec.nodes, node.id: node})


def remove(spec: Spec, ids: Iterable[str]) -> Spec:
    """Remove nodes and the wires from them."""
    gone = {_node(spec, node).id for node in ids}
    rest = [with_shares(node, dict.fromkeys(gone)) for node in spec.nodes.values() if node.id not in gone]
    kept = [_without_wires_from(node, gone) for node in rest]
    canvas = {node_id: place for node_id, place in spec.canvas.items() if node_id not in gone}
    return without_nodes(replace(spec.with_nodes(kept), canvas=canvas), gone)


def _without_wires_from(node: Node, gone: set[str]) -> Node:
    if gone.isdisjoint(node.sources()):
        return node
    inputs: dict[str, Wire | tuple[Wire, ...]] = {}
    for port, wire in node.inputs.items():
        if not isinstance(wire, str):
            inputs[port] = tuple(each for each in wire if source_id(each) not in gone)
        elif source_id(wire) not in gone:
            inputs[port] = wire
    return replace(node, inputs={port: wire for port, wire in inputs.items() if wire})


def new_nodes(before: Spec, after: Spec) -> list[str]:
    """List the ids of the nodes that `after` has and `before` lacks."""
    return [node for node in after.nodes if node not in before.nodes]


# --------------------------------------------------------------------------------------------------------- wires


def connect(spec: Spec, source: Wire, node: str, port: str, place: int | None = None) -> Spec:
    """Wire the output `source` ("id" or "id.port") into an input port.

    The wire that a single port had is replaced. On a list port, `place` says which wire is replaced; None, or the
    place after the last, appends.
    """
    target, origin = _node(spec, node), _node(spec, source_id(source))
    outputs = _declared(spec, origin).output_ports()
    name = source.partition(".")[2]
    if not outputs:
        raise Mistake(f"{origin.op} has no output to wire from.")
    if name and name not in outputs:
        raise Mistake(f"{origin.op} has no output {name!r}; it has {', '.join(outputs)}.")
    declared = _input_port(spec, target, port)
    if would_cycle(spec, origin.id, node):
        raise Mistake(f"A wire from {origin.id} to {node} would run in a circle.", param=port)
    wire = origin.id if name in ("", outputs[0]) else f"{origin.id}.{name}"
    if not declared.list:
        return _with(spec, replace(target, inputs={**target.inputs, port: wire}))
    wires = list(_list_wires(target, port))
    if place is None or place >= len(wires):
        wires.append(wire)
    else:
        wires[place] = wire
    return _with(spec, replace(target, inputs={**target.inputs, port: tuple(wires)}))


def _declared(spec: Spec, node: Node) -> type[Op]:
    """The declaration of a node, of its op or its block."""
    declared = op_of(spec, node)
    if declared is None:
        raise Mistake(f"There is no op {node.op!r}." if node.op != BLOCK else f"There is no block {node.block!r}.")
    return declared


def _input_port(spec: Spec, node: Node, port: str) -> Any:
    ports = _declared(spec, node).input_ports()
    if port not in ports:
        raise Mistake(f"{node.op} has no input {port!r}{did_you_mean(port, ports)}.", param=port)
    return ports[port]


def _list_wires(node: Node, port: str) -> tuple[Wire, ...]:
    wires = node.inputs.get(port, ())
    return (wires,) if isinstance(wires, str) else tuple(wires)


def disconnect(spec: Spec, node: str, port: str, place: int | None = None) -> Spec:
    """Remove the wire into a port; on a list port that at `place`, or all where it is None."""
    target = _node(spec, node)
    inputs = dict(target.inputs)
    if place is None or isinstance(inputs.get(port), str):
        inputs.pop(port, None)
    else:
        wires = _list_wires(target, port)
        inputs[port] = wires[:place] + wires[place + 1 :]
        if not inputs[port]:
            del inputs[port]
    return _with(spec, replace(target, inputs=inputs))


def move_wire(spec: Spec, node: str, port: str, to: str) -> Spec:
    """Let the wire into one input port go into another of the same node."""
    target = _node(spec, node)
    if port not in target.inputs or _input_port(spec, target, to).list != _input_port(spec, target, port).list:
        raise Mistake(f"No wire of {node} can move from {port} to {to}.", param=port)
    inputs = {name: wire for name, wire in target.inputs.items() if name != port}
    return _with(spec, replace(target, inputs={**inputs, to: target.inputs[port]}))


def insert(
    spec: Spec,
    op: str,
    node: str,
    port: str,
    place: int | None = None,
    params: Mapping[str, Any] | None = None,
    pos: Position | None = None,
) -> Spec:
    """Put a new op before an input port: it takes over the wire into that port and feeds the port itself."""
    declared, target = _op(op), _node(spec, node)
    new = new_id(spec, op)
    if not declared.output_ports():
        raise Mistake(f"{op} has no output, so it cannot stand on a wire.")
    wires = _list_wires(target, port)
    wire = wires[place or 0] if len(wires) > (place or 0) else None
    if pos is None:
        spec, pos = _with_room(spec, wire, node)
    spec = add(spec, op, pos, params)
    if wire is not None and declared.input_ports():
        spec = connect(spec, wire, new, next(iter(declared.input_ports())))
    return connect(spec, new, node, port, place if wire is None else place or 0)


def _with_room(spec: Spec, wire: Wire | None, node: str) -> tuple[Spec, Position]:
    """Find a place for a card on the wire into a node.

    It is in the middle where there is room, else where the node stood, which steps right with the cards behind it.
    """
    x, y = position(spec, node)
    left, top = position(spec, source_id(wire)) if wire is not None else (x, y)
    gap = x - left - card.WIDTH
    if gap < 0:  # nothing on its left, or a wire that leads back to a new line
        return spec, _free_place(spec, (x - card.WIDTH - STEP_RIGHT, y))
    middle = _snapped(((x + left) / 2, (y + top) / 2))
    if gap >= card.WIDTH + 2 * CLEARANCE:
        return spec, _free_place(spec, middle)
    behind = _to_the_right(spec, node)
    step = card.WIDTH + max(gap, STEP_RIGHT)
    places = {each: position(spec, each) for each in spec.nodes if each not in behind}
    moved = {each: (x + step, y) for each in behind for x, y in (position(spec, each),)}
    if len(behind) > MOST_MOVED or not _apart(spec, {**moved, "": (x, y)}, places):
        return spec, _free_place(spec, middle)
    return move(spec, moved), (x, y)


def _to_the_right(spec: Spec, node: str) -> set[str]:
    """A node with all that is reached from it by wires that lead right."""
    found, waiting = {node}, [node]
    targets = targets_of(spec)
    while waiting:
        source = waiting.pop()
        for target in targets[source]:
            if target not in found and position(spec, target)[0] > position(spec, source)[0]:
                found.add(target)
                waiting.append(target)
    return found


def _apart(spec: Spec, cards: Mapping[str, Position], others: Mapping[str, Position]) -> bool:
    """Whether cards stand clear of others; "" is one that does not exist yet."""
    heights = {each: card.height(spec, spec.nodes[each]) if each else card.HEIGHT for each in (*cards, *others)}
    return not any(
        abs(x - left) < card.WIDTH and y < top + heights[other] and top < y + heights[each]
        for each, (x, y) in cards.items()
        for other, (left, top) in others.items()
    )


def _free_place(spec: Spec, pos: Position) -> Position:
    """The place nearest below or above another one where a card stands clear of all; that one itself far from any."""
    x, y = pos
    taken = [
        (top - card.HEIGHT - CLEARANCE, top + card.height(spec, node) + CLEARANCE)
        for node in spec.nodes.values()
        for left, top in (position(spec, node.id),)
        if abs(left - x) < card.WIDTH + CLEARANCE
    ]
    ways = (y + way for far in range(0, FARTHEST, GRID) for way in (far, -far))
    return (x, next((way for way in ways if not any(low < way < high for low, high in taken)), y))


def insert_once(spec: Spec, node: str, port: str, ops: Sequence[Mapping[str, Any]]) -> Spec:
    """Put ops, {"op", "params"} one after the other, before all ports of a node that are fed as `port` is."""
    target = _node(spec, node)
    wire = target.inputs.get(port)
    if not isinstance(wire, str):
        raise Mistake(f"Nothing is wired to {port} of {node} alone.", param=port)
    end: Wire = wire
    for each in ops:
        op = str(each.get("op"))
        declared, new = _op(op), new_id(spec, op)
        spec, pos = _with_room(spec, end, node)
        spec = add(spec, op, pos, each.get("params"))
        spec = connect(spec, end, new, next(iter(declared.input_ports())))
        end = new
    return _with(spec, _with_wires(target, {wire: end}))


def insert_behind(spec: Spec, op: str, node: str, port: str = "", params: Mapping[str, Any] | None = None) -> Spec:
    """Put a new op behind an output of a node: all that was wired to that output now takes the new op's."""
    declared, source = _op(op), _node(spec, node)
    outputs = _declared(spec, source).output_ports()
    if not outputs or not declared.output_ports() or not declared.input_ports():
        raise Mistake(f"{op} cannot stand behind {node}.")
    new = new_id(spec, op)
    wires = {node, f"{node}.{outputs[0]}"} if port in ("", outputs[0]) else {f"{node}.{port}"}
    moved = spec.with_nodes(_with_wires(each, dict.fromkeys(wires, new)) for each in spec.nodes.values())
    x, y = position(spec, node)
    moved = add(moved, op, (x + card.WIDTH + STEP_RIGHT, y + 96), params)
    return connect(moved, min(wires, key=len), new, next(iter(declared.input_ports())))


def take_out(spec: Spec, node: str) -> Spec:
    """Remove a node and join its wires: what its first output fed takes what came into its first input."""
    old = _node(spec, node)
    declared = _declared(spec, old)
    outputs = declared.output_ports()
    wires = _list_wires(old, next(iter(declared.input_ports()), ""))
    if wires and outputs:
        joined = dict.fromkeys((node, f"{node}.{outputs[0]}"), wires[0])
        spec = spec.with_nodes(_with_wires(each, joined) for each in spec.nodes.values())
    return remove(spec, [node])


def _with_wires(node: Node, table: Mapping[Wire, Wire]) -> Node:
    """Let those wires into a node that a table names start elsewhere."""
    if not any(wire in table for _port, _place, wire in node.wires()):
        return node
    inputs: dict[str, Any] = {}
    for port, wire in node.inputs.items():
        inputs[port] = table.get(wire, wire) if isinstance(wire, str) else tuple(table.get(each, each) for each in wire)
    return replace(node, inputs=inputs)


def replace_op(spec: Spec, node: str, op: str) -> Spec:
    """Make a node another op; its id, and wires and params that fit by name or place, stay."""
    declared, old = _op(op), _node(spec, node)
    params = {name: _kept(declared, name, old.params, default) for name, default in declared.defaults().items()}
    ports, inputs = declared.input_ports(), {}
    free = [port for port in ports if port not in old.inputs]
    for port, wire in old.inputs.items():
        name = port if port in ports else free.pop(0) if free else None
        if name is not None:
            wires = (wire,) if isinstance(wire, str) else wire
            inputs[name] = tuple(wires) if ports[name].list else wires[0]
    changed = _with(spec, replace(old, op=op, params=jsonable(params), inputs=inputs))
    outputs = declared.output_ports()
    return changed.with_nodes(_rewired(each, node, outputs) for each in changed.nodes.values())


def _kept(declared: type[Any], name: str, values: Mapping[str, Any], default: Any) -> Any:
    return values[name] if name in values and declared.params()[name].refuse(values[name]) is None else default


def _rewired(node: Node, source: str, outputs: tuple[str, ...]) -> Node:
    """Bring the wires from `source` to outputs it has: one it lacks becomes its first, or falls away."""

    def kept(wire: Wire) -> Wire | None:
        if source_id(wire) != source or wire.partition(".")[2] in outputs:
            return wire
        return source if outputs else None

    if source not in node.sources():
        return node
    inputs: dict[str, Any] = {}
    for port, wire in node.inputs.items():
        inputs[port] = kept(wire) if isinstance(wire, str) else tuple(each for each in map(kept, wire) if each)
    return replace(node, inputs={port: wire for port, wire in inputs.items() if wire})


# -------------------------------------------------------------------------------------------------------- params


def set_param(spec: Spec, node: str, name: str, value: Any) -> Spec:
    """Set a param; the value is kept even where it is wrong, and the check says so."""
    target = _node(spec, node)
    return _with(spec, replace(target, params={**target.params, name: jsonable(value)}))


def reset_param(spec: Spec, node: str, name: str) -> Spec:
    """Set a param to its default, or remove it where the op has no such param."""
    target = _node(spec, node)
    defaults = _declared(spec, target).defaults()
    if name in defaults:
        return set_param(spec, node, name, defaults[name])
    params = {each: value for each, value in target.params.items() if each != name}
    return _with(spec, replace(target, params=params))


def set_factor(spec: Spec, node: str, factor: float) -> Spec:
    """Set what a loss is multiplied by in the training loss."""
    return _with(spec, replace(_node(spec, node), factor=factor))


def set_decode(spec: Spec, node: str, decode: Mapping[str, Any] | None) -> Spec:
    """Set how an Output's tensor becomes an answer, such as {"op": "Argmax", "params": {}}."""
    return _with(spec, replace(_node(spec, node), decode=decode))


def bind(spec: Spec, node: str, column: Column) -> Spec:
    """Bind an Input to a data column: its name, shape ("N" first) and dtype."""
    if _node(spec, node).op != "Input":
        raise Mistake(f"{node} is a {spec.nodes[node].op}; only an Input is bound to a column.")
    spec = set_param(spec, node, "column", column.name)
    return take_shape(spec, node, ["N", *column.shape], column.dtype, column.ports)


def take_shape(spec: Spec, node: str, shape: Sequence[int | str], dtype: str, ports: str | None = None) -> Spec:
    """Give an Input the shape and dtype that the data has, and the ports where they are told."""
    if ports not in (None, _node(spec, node).params.get("ports", "output")):
        spec = set_param(spec, node, "ports", ports)
    return set_param(set_param(spec, node, "shape", shape), node, "dtype", dtype)


# -------------------------------------------------------------------------------------------------------- canvas


def position(spec: Spec, node: str) -> Position:
    """Where a node's top left corner stands; (0, 0) where it was never placed."""
    place = spec.canvas.get(node)
    pos = place.get("pos") if isinstance(place, Mapping) else None
    if isinstance(pos, list | tuple) and len(pos) == 2 and all(isinstance(each, int | float) for each in pos):
        return (pos[0], pos[1])
    return (0, 0)


def title(spec: Spec, node: str) -> str:
    """The title the user gave a node, "" where there is none."""
    place = spec.canvas.get(node)
    text = place.get("title") if isinstance(place, Mapping) else None
    return text if isinstance(text, str) else ""


def _snapped(pos: Position) -> Position:
    return (round(pos[0] / GRID) * GRID, round(pos[1] / GRID) * GRID)


def _placed(spec: Spec, node: str, **changes: Any) -> dict[str, Any]:
    place = spec.canvas.get(node)
    return {**(place if isinstance(place, Mapping) else {}), **changes}


def move(spec: Spec, positions: Mapping[str, Position]) -> Spec:
    """Place nodes, snapped to the grid; {id: (x, y)} of the top left corners, in pixels."""
    places = {node: _placed(spec, _node(spec, node).id, pos=list(_snapped(pos))) for node, pos in positions.items()}
    return replace(spec, canvas={**spec.canvas, **places})


def set_title(spec: Spec, node: str, title: str) -> Spec:
    """Set a node's title; an empty one goes back to the op's name."""
    place = _placed(spec, _node(spec, node).id, title=title.strip())
    if not place["title"]:
        del place["title"]
    return replace(spec, canvas={**spec.canvas, node: place})


def tidy(spec: Spec) -> Spec:
    """Place all nodes by the layered layout."""
    return move(spec, layout(spec))


# ---------------------------------------------------------------------------------------------- copy and paste


def copy(spec: Spec, ids: Iterable[str]) -> str:
    """Write nodes, the wires among and into them, their places and their blocks as JSON text for the clipboard."""
    chosen = set(ids)
    nodes = [node for node in spec.nodes.values() if node.id in chosen]
    canvas = {node_id: place for node_id, place in spec.canvas.items() if node_id in chosen}
    blocks = {name: encode_block(spec.blocks[name]) for name in _blocks_of(spec, nodes)}
    data = {CLIP_KEY: 1, "nodes": list(map(encode_node, nodes)), "blocks": blocks, "canvas": canvas}
    return json.dumps(data, ensure_ascii=False)


def _blocks_of(spec: Spec, nodes: Iterable[Node]) -> list[str]:
    """The blocks that nodes stand for, and those inside them."""
    found: dict[str, None] = {}
    waiting = [node.block for node in nodes if node.op == BLOCK]
    while waiting:
        name = waiting.pop()
        if name in spec.blocks and name not in found:
            found[name] = None
            waiting += [node.block for node in spec.blocks[name].nodes.values() if node.op == BLOCK]
    return list(found)


def paste(spec: Spec, text: str, pos: Position) -> Spec:
    """Add the nodes of a copy under new ids, their top left corner at `pos`.

    Wires among them are kept; wires from nodes that were not copied are kept where this spec has such a node.
    """
    nodes, blocks, canvas = _clip(text)
    spec, nodes = _with_blocks(spec, blocks, nodes)
    return _add_copies(spec, nodes, canvas, pos)


def _with_blocks(spec: Spec, blocks: Mapping[str, Block], nodes: list[Node]) -> tuple[Spec, list[Node]]:
    """Bring the blocks of a copy along; one whose name stands for another block here comes under a new name."""
    names = {name: name for name in blocks}
    for name, block in blocks.items():
        if spec.blocks.get(name, block) != block:
            names[name] = next(
                each for number in itertools.count(2) if (each := f"{name}{number}") not in {*spec.blocks, *blocks}
            )

    def named(node: Node) -> Node:
        return replace(node, block=names[node.block]) if node.block in names else node

    added = {
        names[name]: replace(block, nodes={key: named(node) for key, node in block.nodes.items()})
        for name, block in blocks.items()
    }
    return replace(spec, blocks={**spec.blocks, **added}), list(map(named, nodes))


def duplicate(spec: Spec, ids: Iterable[str]) -> Spec:
    """Add copies of nodes a little below and right of them, wired to the same sources."""
    nodes, _blocks, canvas = _clip(copy(spec, [_node(spec, each).id for each in ids]))
    corner = _corner(spec, nodes)
    return _add_copies(spec, nodes, canvas, (corner[0] + 4 * GRID, corner[1] + 4 * GRID))


def _clip(text: str) -> tuple[list[Node], Mapping[str, Block], Mapping[str, Any]]:
    refusal = "The clipboard holds no nodes of Netloom."
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise Mistake(refusal) from None
    if not isinstance(data, dict) or CLIP_KEY not in data or not isinstance(data.get("nodes"), list):
        raise Mistake(refusal)
    nodes = [decode_node(each, f"node {place} of the clipboard") for place, each in enumerate(data["nodes"])]
    canvas, held = data.get("canvas"), data.get("blocks")
    if not nodes:
        raise Mistake(refusal)
    blocks = {name: decode_block(each, name) for name, each in held.items()} if isinstance(held, dict) else {}
    return nodes, blocks, canvas if isinstance(canvas, dict) else {}


def _corner(spec: Spec, nodes: Sequence[Node]) -> Position:
    places = [position(spec, node.id) for node in nodes]
    return (min(x for x, _ in places), min(y for _, y in places))


def _add_copies(spec: Spec, nodes: list[Node], canvas: Mapping[str, Any], pos: Position) -> Spec:
    names: dict[str, str] = {}
    for node in nodes:
        names[node.id] = free_id([*spec.nodes, *names.values()], _stem_of(node.id))
    clip = Spec(nodes={node.id: node for node in nodes}, canvas=canvas)
    left, top = _corner(clip, nodes)
    copies = [_renamed(node, names, spec) for node in nodes]
    pasted = spec.with_nodes([*spec.nodes.values(), *copies])
    places = {}
    for node in nodes:
        x, y = position(clip, node.id)
        moved = list(_snapped((x - left + pos[0], y - top + pos[1])))
        places[names[node.id]] = {**_placed(clip, node.id), "pos": moved}
    return replace(pasted, canvas={**pasted.canvas, **places})


def _stem_of(node_id: str) -> str:
    stem = re.sub(r"_\d+$", "", node_id)
    return "node" if keyword.iskeyword(stem) or stem in MODULE_NAMES else stem


def _renamed(node: Node, names: Mapping[str, str], spec: Spec) -> Node:
    def wire(text: Wire) -> Wire | None:
        source, dot, port = text.partition(".")
        if source in names:
            return names[source] + dot + port
        return text if source in spec.nodes else None

    inputs: dict[str, Any] = {}
    for port, value in node.inputs.items():
        inputs[port] = wire(value) if isinstance(value, str) else tuple(each for each in map(wire, value) if each)
    share = node.weights.get(SHARE)
    shares = {**names, share: names.get(share)} if isinstance(share, str) and share not in spec.nodes else names
    node = with_shares(node, shares)
    return replace(node, id=names[node.id], inputs={port: value for port, value in inputs.items() if value})


# --------------------------------------------------------------------------------------------------------- fixes

EDITS: dict[str, Callable[..., Spec]] = {
    each.__name__: each
    for each in (
        add, remove, connect, disconnect, move_wire, insert, insert_once, insert_behind, take_out, replace_op,
        set_param, reset_param, set_factor, set_decode, move, set_title, take_shape, tidy, set_name,
        set_setting, remove_setting, set_source, set_optimizer, add_optimizer, remove_optimizer, move_optimizer,
        set_schedule, set_weights, set_share, set_init, set_default_init,
    )
}  # fmt: skip

__all__ = [
    "CLIP_KEY",
    "EDITS",
    "GRID",
    "OPS",
    "STEP_RIGHT",
    "Position",
    "add",
    "add_optimizer",
    "bind",
    "connect",
    "copy",
    "disconnect",
    "duplicate",
    "free_id",
    "insert",
    "insert_behind",
    "insert_once",
    "jsonable",
    "move",
    "move_optimizer",
    "move_wire",
    "new_id",
    "new_nodes",
    "op_of",
    "paste",
    "position",
    "remove",
    "remove_optimizer",
    "remove_setting",
    "replace_op",
    "reset_param",
    "set_decode",
    "set_default_init",
    "set_factor",
    "set_init",
    "set_name",
    "set_optimizer",
    "set_param",
    "set_schedule",
    "set_setting",
    "set_share",
    "set_source",
    "set_title",
    "set_weights",
    "take_out",
    "take_shape",
    "tidy",
    "title",
]
