"""A node that does not work, as the recognisers of common mistakes see it, and the edits that they propose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.declare import Op, Param
from engine.fixes import IN_TURN
from engine.flow import Checked, Flow, Flows, declared
from engine.ops import OPS
from engine.problem import Fix, Problem
from engine.spec import SLASH, Node, Spec, Wire, jsonable, source_id


@dataclass(frozen=True, slots=True)
class Broken:
    """A node of a spec without blocks, what is wrong with it, what flows into it, and all nodes that work."""

    spec: Spec
    node: Node
    problem: Problem
    flows: Flows
    checked: Mapping[str, Checked]

    @property
    def op(self) -> type[Op]:
        return declared(self.node)

    @property
    def where(self) -> str:
        """The param or port that the problem stands at."""
        return self.problem.param or ""

    @property
    def first(self) -> str:
        """The first input port."""
        return next(iter(self.op.input_ports()), "")

    def param(self, name: str) -> Any:
        """The value of a param, its default where the node has none."""
        declared_param: Param = self.op.params()[name]
        return self.node.params.get(name, declared_param.default)

    def flow(self, port: str) -> Flow | None:
        """What flows into a port that takes one wire."""
        found = self.flows.get(port)
        return found if isinstance(found, Flow) else None

    def pairs(self) -> Iterator[tuple[str, Flow, str, Flow]]:
        """Yield two ports of one wire each with what flows in: the one of the problem first, if there is one."""
        single = {port: flow for port, flow in self.flows.items() if isinstance(flow, Flow)}
        starts = [self.where] if self.where in single else list(single)
        for port in starts:
            for other, flow in single.items():
                if other != port:
                    yield port, single[port], other, flow
                    yield other, flow, port, single[port]

    def upstream(self) -> Iterator[Node]:
        """Yield the nodes on the way back along first inputs, the nearest first."""
        here: Node | None = self.node
        while here is not None:
            here = source_of(self.spec, here)
            if here is not None:
                yield here

    def insert(self, op: str, port: str, place: int | None = None, **params: Any) -> Fix:
        """The fix that puts an op before one of the node's ports."""
        return insert(op, self.node.id, port, place, **params)

    def set(self, name: str, value: Any) -> Fix:
        """The fix that sets a param of the node."""
        return set_param(self.node.id, name, value)


def source_of(spec: Spec, node: Node) -> Node | None:
    """The node that is wired to the first input of another."""
    port = next(iter(declared(node).input_ports()), "")
    wire = node.inputs.get(port)
    return spec.nodes.get(source_id(wire)) if isinstance(wire, str) else None


def name(node: str) -> str:
    """How a label calls a node: by its id, without the path of blocks around it."""
    return node.rpartition(SLASH)[2]


def written(value: Any) -> str:
    """How a label writes a value."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"({', '.join(map(str, value))})" if isinstance(value, list | tuple) else str(value)


def insert(op: str, node: str, port: str, place: int | None = None, **params: Any) -> Fix:
    """Put an op before a port; `place` says which wire of a list."""
    arguments = {"op": op, "node": node, "port": port}
    more = ({"place": place} if place is not None else {}) | ({"params": jsonable(params)} if params else {})
    return Fix(f"Insert {op} before {name(node)}", "insert", arguments | more)


def behind(op: str, node: str, **params: Any) -> Fix:
    """Put an op behind a node, for all that is wired to it."""
    arguments = {"op": op, "node": node, **({"params": jsonable(params)} if params else {})}
    return Fix(f"Insert {op} behind {name(node)}", "insert_behind", arguments)


def set_param(node: str, param: str, value: Any) -> Fix:
    """Set a param of a node."""
    text = f"Set {param} of {name(node)} to {written(value)}"
    if value is None:
        text = f"Empty {param} of {name(node)}"
    elif isinstance(value, bool):
        text = f"Turn {param} of {name(node)} {written(value)}"
    return Fix(text, "set_param", {"node": node, "name": param, "value": jsonable(value)})


def become(node: str, op: str) -> Fix:
    """Make a node another op."""
    article = "an" if op[0] in "AEIOU" or op.startswith(("MSE", "LSTM", "RNN", "NLL")) else "a"
    return Fix(f"Make {name(node)} {article} {op}", "replace_op", {"node": node, "op": op})


def take_out(node: str) -> Fix:
    """Remove a node and join its wires."""
    return Fix(f"Remove {name(node)}", "take_out", {"node": node})


def connect(source: Wire, node: str, port: str) -> Fix:
    """Wire an output of the same graph or block to a port."""
    arguments = {"source": name(source), "node": node, "port": port}
    return Fix(f"Wire {name(source)} to {port} of {name(node)}", "connect", arguments)


def disconnect(node: str, port: str) -> Fix:
    """Remove the wires into a port."""
    return Fix(f"Unwire {port} of {name(node)}", "disconnect", {"node": node, "port": port})


def for_all_ports(broken: Broken, fix: Fix) -> Iterator[Fix]:
    """The same ops once for all ports of the node that one output feeds, as query, key and value of an attention."""
    inserted = _inserted(fix)
    ports = {each["port"] for each in inserted if "place" not in each}
    wire = broken.node.inputs.get(ports.pop()) if len(ports) == 1 else None
    if not isinstance(wire, str) or sum(each == wire for _port, _place, each in broken.node.wires()) < 2:
        return
    ops = [{"op": each["op"], "params": each.get("params", {})} for each in inserted]
    yield Fix(fix.text, "insert_once", {"node": broken.node.id, "port": inserted[0]["port"], "ops": ops})


def told_apart(fixes: Sequence[Fix]) -> tuple[Fix, ...]:
    """Fixes whose labels all differ: those that read alike name the port, and where that does not do, the settings."""
    for longer in (_with_port, _with_settings):
        texts = [fix.text for fix in fixes]
        fixes = [replace(fix, text=longer(fix)) if texts.count(fix.text) > 1 else fix for fix in fixes]
    return tuple({fix.text: fix for fix in reversed(fixes)}.values())[::-1]


def _with_port(fix: Fix) -> str:
    """Such as "Insert Cast before other of add"."""
    places = {f"{each['port']}{_place(each)} of {name(each['node'])}" for each in _inserted(fix)}
    return f"{fix.text.partition(' before ')[0]} before {places.pop()}" if len(places) == 1 else fix.text


def _with_settings(fix: Fix) -> str:
    """Such as "Insert Unsqueeze (dim 1) before input of conv"."""
    text = fix.text
    for each in _inserted(fix):
        text = text.replace(f" {each['op']} ", f" {each['op']}{_settings(each['op'], each.get('params', {}))} ", 1)
    return text


def _inserted(fix: Fix) -> list[Mapping[str, Any]]:
    """The arguments of what a fix inserts."""
    steps: list[dict[str, Any]]
    steps = fix.arguments["steps"] if fix.edit == IN_TURN else [{"edit": fix.edit, "arguments": fix.arguments}]
    return [step["arguments"] for step in steps if step["edit"] == "insert"]


def _settings(op: str, params: Mapping[str, Any]) -> str:
    parsed = OPS[op].parse(params)[0]
    text = parsed.summary() if parsed is not None and params else ""
    return f" ({text})" if text else ""


def _place(arguments: Mapping[str, Any]) -> str:
    place = arguments.get("place")
    return "" if place is None else f" {place + 1}"


def in_turn(text: str, fixes: Iterable[Fix]) -> Fix:
    """Several edits as one fix."""
    return Fix(text, IN_TURN, {"steps": [{"edit": each.edit, "arguments": dict(each.arguments)} for each in fixes]})


def inserts(node: str, port: str, *ops: tuple[str, Mapping[str, Any]], place: int | None = None) -> Fix:
    """Put several ops before a port, in the order of what flows through them."""
    fixes = [insert(op, node, port, place, **params) for op, params in ops]
    names = " and ".join(op for op, _params in ops)
    return fixes[0] if len(fixes) == 1 else in_turn(f"Insert {names} before {name(node)}", fixes)
