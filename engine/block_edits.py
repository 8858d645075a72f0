"""Edits that make, use and open blocks: pure functions from a spec to a new spec, as in `engine.edit`.

A block is edited as a spec of its own: `inside` gives it, `put_back` takes it; a param of a use may be a value, or
taken from the block around it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from engine import edit
from engine.blocks import PARAM, REPEAT, circles, is_taken, op_of
from engine.declare import Loss, Metric, did_you_mean
from engine.edit import Position, position
from engine.ops import OPS
from engine.problem import Mistake
from engine.settle import settled
from engine.sharing import SHARE
from engine.spec import BLOCK, BLOCK_NAME, Block, Node, Spec, Wire, source_id, source_port
from engine.validate import targets_of, upstream

EDGE = 264  # pixels from a block's Inputs to what they feed

# ------------------------------------------------------------------------------------------------------- scopes


def inside(spec: Spec, block: str) -> Spec:
    """The nodes of a block as a spec, with the blocks, data and training of the whole; "" gives the spec itself."""
    if not block:
        return spec
    held = block_of(spec, block)
    return replace(spec, nodes=held.nodes, canvas=held.canvas)


def put_back(spec: Spec, block: str, inner: Spec) -> Spec:
    """Return the spec with a block's nodes, and the blocks beside it, as `inner` has them."""
    if not block:
        return inner
    held = replace(block_of(inner, block), nodes=inner.nodes, canvas=inner.canvas)
    return replace(spec, blocks={**inner.blocks, block: held}, data=inner.data, training=inner.training)


def in_block(spec: Spec, block: str, change: Callable[[Spec], Spec]) -> Spec:
    """Make an edit inside a block; "" stands for the graph itself.

    Raises Mistake where a block would come to hold itself.
    """
    changed = put_back(spec, block, change(inside(spec, block)))
    circle = next(circles(changed.blocks, block, ()), None) if block else None
    if circle is not None:
        raise Mistake(f"The block {block} would hold itself: {' → '.join(circle)}.")
    return changed


def block_of(spec: Spec, name: str) -> Block:
    if name not in spec.blocks:
        raise Mistake(f"There is no block {name!r}{did_you_mean(name, spec.blocks)}.")
    return spec.blocks[name]


def uses(spec: Spec, block: str) -> list[tuple[str, str]]:
    """Where a block is used: pairs of the block that holds the use ("" for the graph itself) and the node's id."""
    scopes = {"": spec.nodes, **{name: each.nodes for name, each in spec.blocks.items()}}
    return [(scope, node.id) for scope, nodes in scopes.items() for node in nodes.values() if node.block == block]


# ------------------------------------------------------------------------------------------------ make, use, drop


def new_block_name(spec: Spec) -> str:
    """A free name for a block: "Block1", "Block2", ..."""
    return next(name for number in range(1, len(spec.blocks) + 2) if (name := f"{BLOCK}{number}") not in spec.blocks)


def _checked_name(spec: Spec, name: str) -> str:
    if not BLOCK_NAME.fullmatch(name):
        raise Mistake(f"{name!r} cannot name a block: it takes letters, digits and _, a letter first.")
    if name in spec.blocks or name in OPS or name == BLOCK:
        raise Mistake(f"The name {name} is taken; choose another.")
    return name


def add_block(spec: Spec, name: str) -> Spec:
    """Define an empty block with one Input and one Output."""
    _checked_name(spec, name)
    inner = edit.add(Spec(), "Input", (0, 0))
    inner = edit.add(inner, "Output", (EDGE * 2, 0))
    return replace(spec, blocks={**spec.blocks, name: Block(nodes=inner.nodes, canvas=inner.canvas)})


def use_block(
    spec: Spec, block: str, pos: Position = (0, 0), inputs: Mapping[str, Wire | tuple[Wire, ...]] | None = None
) -> Spec:
    """Add a node that stands for a block, its params at the block's defaults."""
    held = block_of(spec, block)
    params = {name: each.get("default") for name, each in held.params.items()}
    node = Node(edit.new_id(spec, block), BLOCK, params, dict(inputs or {}), block=block)
    return edit.move(spec.with_nodes([*spec.nodes.values(), node]), {node.id: pos})


def group(spec: Spec, ids: Iterable[str], name: str) -> Spec:
    """Make a block of nodes and put one use of it in their place.

    Inputs, Outputs, losses and metrics stay outside. Raises Mistake where nothing is left, or where a node outside
    lies on the way between two of them.
    """
    _checked_name(spec, name)
    chosen = [node for node in spec.nodes.values() if node.id in set(ids) and _can_go_inside(node)]
    if not chosen:
        raise Mistake("Select the layers that the block is to hold; Inputs, Outputs, losses and metrics stay outside.")
    held = {node.id for node in chosen}
    _refuse_detour(spec, held)
    _refuse_shares(spec, held)
    coming, leaving = _coming(spec, chosen), _leaving(spec, held)
    corner = (min(position(spec, each)[0] for each in held), min(position(spec, each)[1] for each in held))
    inner = _inner(spec, chosen, coming, leaving, corner)
    outer = spec.with_nodes(node for node in spec.nodes.values() if node.id not in held)
    outer = replace(outer, blocks={**spec.blocks, name: Block(nodes=inner.nodes, canvas=inner.canvas)})
    node = Node(edit.new_id(outer, name), BLOCK, inputs={port: wire for wire, port in coming.items()}, block=name)
    place = list(spec.nodes).index(chosen[-1].id) - len(chosen) + 1
    nodes = list(outer.nodes.values())
    outer = outer.with_nodes([*nodes[:place], node, *nodes[place:]])
    first = next(iter(leaving.values()), "")
    table = {wire: node.id if port == first else f"{node.id}.{port}" for wire, port in leaving.items()}
    outer = rewired(outer, table, node.id)
    canvas = {each: spot for each, spot in outer.canvas.items() if each not in held}
    return edit.move(replace(outer, canvas=canvas), {node.id: corner})


def _can_go_inside(node: Node) -> bool:
    op = OPS.get(node.op)
    outside = op is not None and (issubclass(op, Loss | Metric) or node.op in ("Input", "Output"))
    return not outside


def _refuse_detour(spec: Spec, held: set[str]) -> None:
    targets = targets_of(spec)
    behind = {target for node in held for target in targets[node] if target not in held}
    waiting = list(behind)
    while waiting:
        for target in targets[waiting.pop()]:
            if target not in behind and target not in held:
                behind.add(target)
                waiting.append(target)
    between = sorted(behind & (upstream(spec, sorted(held)) - held))
    if between:
        raise Mistake(f"{between[0]} lies between nodes of the block; select it too, or fewer of the others.")


def _refuse_shares(spec: Spec, held: set[str]) -> None:
    """Refuse to part nodes that share weights: a share names a node of the same scope."""
    for node in spec.nodes.values():
        owner = node.weights.get(SHARE)
        if owner in spec.nodes and (node.id in held) != (owner in held):
            inner, outer = (node.id, owner) if node.id in held else (owner, node.id)
            raise Mistake(f"{inner} and {outer} share their weights; select {outer} too, or remove the sharing.")


def _coming(spec: Spec, chosen: list[Node]) -> dict[Wire, str]:
    """The wires that come in, each with the name of its port: that of the first port it feeds."""
    held = {node.id for node in chosen}
    found: dict[Wire, str] = {}
    for node in chosen:
        for port, _place, wire in node.wires():
            if source_id(wire) not in held and _plain(spec, wire) not in found:
                found[_plain(spec, wire)] = _free(found.values(), port)
    return found


def _leaving(spec: Spec, held: set[str]) -> dict[Wire, str]:
    """The wires that leave, each with the name of its port; where none does, the ends of what is held."""
    wires = [
        _plain(spec, wire)
        for node in spec.nodes.values()
        if node.id not in held
        for _port, _place, wire in node.wires()
        if source_id(wire) in held
    ]
    if not wires:
        targets = targets_of(spec)
        wires = [node for node in spec.nodes if node in held and not targets[node]]
    found: dict[Wire, str] = {}
    for wire in dict.fromkeys(wires):
        stem = "output" if len(set(wires)) == 1 else source_port(wire) or source_id(wire)
        found[wire] = _free(found.values(), stem)
    return found


def _plain(spec: Spec, wire: Wire) -> Wire:
    """A wire without the name of a node's first output, so that the same output reads the same."""
    source = spec.nodes.get(source_id(wire))
    op = op_of(spec, source) if source is not None else None
    first = op.output_ports()[:1] if op is not None else ()
    return source_id(wire) if source_port(wire) in ("", *first) else wire


def _free(taken: Iterable[str], stem: str) -> str:
    names = set(taken)
    return next(
        name
        for number in range(1, len(names) + 2)
        if (name := stem if number == 1 else f"{stem}_{number}") not in names
    )


def _inner(
    spec: Spec, chosen: list[Node], coming: Mapping[Wire, str], leaving: Mapping[Wire, str], corner: Position
) -> Spec:
    inner = Spec(blocks=spec.blocks)
    inside_wires: dict[Wire, Wire] = {}
    for row, (wire, port) in enumerate(coming.items()):
        feed = edit.new_id(inner.with_nodes([*inner.nodes.values(), *chosen]), "Input")
        inner = _with_port(inner, feed, "Input", port, (corner[0] - EDGE, corner[1] + 96 * row))
        inside_wires[wire] = feed
    held = {node.id for node in chosen}
    nodes = []
    for node in chosen:
        inputs: dict[str, Any] = {}
        for port, value in node.inputs.items():
            wires = [value] if isinstance(value, str) else list(value)
            moved = [each if source_id(each) in held else inside_wires[_plain(spec, each)] for each in wires]
            inputs[port] = moved[0] if isinstance(value, str) else tuple(moved)
        nodes.append(replace(node, inputs=inputs))
    inner = inner.with_nodes([*inner.nodes.values(), *nodes])
    inner = replace(inner, canvas={**inner.canvas, **{each: spec.canvas[each] for each in held if each in spec.canvas}})
    right = max(position(spec, each)[0] for each in held) + EDGE
    for row, (wire, port) in enumerate(leaving.items()):
        end = edit.new_id(inner, "Output")
        inner = _with_port(inner, end, "Output", port, (right, corner[1] + 96 * row))
        inner = edit.connect(inner, wire, end, "input")
    return inner


def _with_port(inner: Spec, node: str, op: str, port: str, pos: Position) -> Spec:
    ready = Node(node, op, edit.jsonable({**OPS[op].defaults(), "name": port}))
    return edit.move(inner.with_nodes([*inner.nodes.values(), ready]), {node: pos})


def rewired(spec: Spec, wires: Mapping[Wire, Wire], but: str) -> Spec:
    """Let the wires of a table start elsewhere."""

    def change(node: Node) -> Node:
        if node.id == but:
            return node
        inputs: dict[str, Any] = {}
        for port, value in node.inputs.items():
            moved = [_moved(spec, each, wires) for each in ((value,) if isinstance(value, str) else value)]
            inputs[port] = moved[0] if isinstance(value, str) else tuple(moved)
        return node if inputs == dict(node.inputs) else replace(node, inputs=inputs)

    return spec.with_nodes(map(change, spec.nodes.values()))


def _moved(spec: Spec, wire: Wire, wires: Mapping[Wire, Wire]) -> Wire:
    if wire in wires:
        return wires[wire]
    for old, new in wires.items():  # "node.output" reads as "node" where it is the first output
        if source_id(old) == source_id(wire) and "." not in old and source_id(wire) not in spec.nodes:
            return new
    return wire


def rename_block(spec: Spec, block: str, name: str) -> Spec:
    """Give a block another name, in all its uses."""
    held = block_of(spec, block)
    if name == block:
        return spec
    _checked_name(spec, name)

    def renamed(nodes: Mapping[str, Node]) -> Mapping[str, Node]:
        if all(node.block != block for node in nodes.values()):
            return nodes
        return {key: replace(node, block=name) if node.block == block else node for key, node in nodes.items()}

    blocks = {name if key == block else key: each for key, each in spec.blocks.items()}
    blocks[name] = held
    blocks = {key: replace(each, nodes=renamed(each.nodes)) for key, each in blocks.items()}
    return replace(spec, nodes=renamed(spec.nodes), blocks=blocks)


def describe_block(spec: Spec, block: str, doc: str) -> Spec:
    """Say in a sentence what a block does; an empty one takes the sentence away."""
    held = block_of(spec, block)
    extra = {key: each for key, each in held.extra.items() if key != "doc"}
    return replace(spec, blocks={**spec.blocks, block: replace(held, extra={**extra, "doc": doc} if doc else extra)})


def remove_block(spec: Spec, block: str) -> Spec:
    """Delete a block's definition; raises Mistake while it is in use."""
    block_of(spec, block)
    if found := uses(spec, block):
        scope, node = found[0]
        where = f"{node} in the block {scope}" if scope else node
        raise Mistake(f"The block {block} is in use: {where}. Delete or dissolve its uses first.")
    return replace(spec, blocks={name: each for name, each in spec.blocks.items() if name != block})


# ---------------------------------------------------------------------------------------------------- settings


def set_repeat(spec: Spec, node: str, repeat: Any) -> Spec:
    """Set how often a block stands in a row: a whole number, or taken from the block around it."""
    if not is_taken(repeat) and (refusal := REPEAT.refuse(repeat)):
        raise Mistake(refusal, param="repeat")
    return _with_use(spec, node, repeat=repeat)


def set_share_weights(spec: Spec, node: str, share: bool) -> Spec:
    """Set whether the rounds of a repeated block use the same weights."""
    return _with_use(spec, node, share_weights=share)


def _with_use(spec: Spec, node: str, **changes: Any) -> Spec:
    if node not in spec.nodes or spec.nodes[node].op != BLOCK:
        raise Mistake(f"{node} stands for no block.")
    return spec.with_nodes(replace(each, **changes) if each.id == node else each for each in spec.nodes.values())


def expose(spec: Spec, block: str, node: str, param: str, name: str) -> Spec:
    """Let a param of a node inside a block be set at each use, under a name; its value becomes the default.

    Where the block has the param already, the node takes part in it.
    """
    held = block_of(spec, block)
    if node not in held.nodes:
        raise Mistake(f"The block {block} has no node {node!r}{did_you_mean(node, held.nodes)}.")
    if not name.isidentifier():
        raise Mistake(f"{name!r} cannot name a param: it takes letters, digits and _.")
    inner = held.nodes[node]
    op = op_of(spec, inner)
    if op is None or param not in op.params():
        raise Mistake(f"{node} has no param {param!r}.")
    value = inner.params.get(param, op.params()[param].default)
    if is_taken(value):
        raise Mistake(f"{param} of {node} is taken from the block already.")
    params = held.params
    if name not in params:
        declared = {"type": _type_name(value), "default": edit.jsonable(value), "doc": op.params()[param].doc}
        params = {**params, name: declared}
    nodes = {**held.nodes, node: replace(inner, params={**inner.params, param: {PARAM: name}})}
    spec = replace(spec, blocks={**spec.blocks, block: replace(held, params=params, nodes=nodes)})
    return _with_param_in_uses(spec, block, name)


def _type_name(value: Any) -> str:
    names: dict[type, str] = {bool: "bool", int: "int", float: "float", str: "str", list: "shape", tuple: "shape"}
    return names.get(type(value), "float")


def _with_param_in_uses(spec: Spec, block: str, name: str) -> Spec:
    """Write a new param into every use, so that a later default cannot change it."""
    default = spec.blocks[block].params[name].get("default")
    for scope, node in uses(spec, block):

        def change(inner: Spec, node: str = node) -> Spec:
            return inner if name in inner.nodes[node].params else edit.set_param(inner, node, name, default)

        spec = put_back(spec, scope, change(inside(spec, scope)))
    return spec


def unexpose(spec: Spec, block: str, name: str) -> Spec:
    """Take a param away from a block: inside, its default stands in its place; uses lose it."""
    held = block_of(spec, block)
    if name not in held.params:
        raise Mistake(f"The block {block} has no param {name!r}{did_you_mean(name, held.params)}.")
    default = held.params[name].get("default")
    nodes = {key: settled(node, {name: default}) for key, node in held.nodes.items()}
    params = {key: each for key, each in held.params.items() if key != name}
    spec = replace(spec, blocks={**spec.blocks, block: replace(held, params=params, nodes=nodes)})
    for scope, node in uses(spec, block):
        inner = inside(spec, scope)
        kept = {key: value for key, value in inner.nodes[node].params.items() if key != name}
        changed = {**inner.nodes, node: replace(inner.nodes[node], params=kept)}
        spec = put_back(spec, scope, replace(inner, nodes=changed))
    return spec


def set_block_param(spec: Spec, block: str, name: str, key: str, value: Any) -> Spec:
    """Set the default, the doc or the type of a param that a block exposes."""
    held = block_of(spec, block)
    if name not in held.params or key not in ("default", "doc", "type"):
        raise Mistake(f"The block {block} has no {key} of a param {name!r}.")
    params = {**held.params, name: {**held.params[name], key: edit.jsonable(value)}}
    return replace(spec, blocks={**spec.blocks, block: replace(held, params=params)})


EDITS: dict[str, Callable[..., Spec]] = {
    each.__name__: each
    for each in (
        add_block,
        use_block,
        group,
        rename_block,
        remove_block,
        describe_block,
        set_repeat,
        set_share_weights,
        expose,
        unexpose,
        set_block_param,
    )
}
