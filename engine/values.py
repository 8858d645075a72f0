"""Any value of a spec by its path, such as "nodes.conv2d_1.params.stride" or "training.optimizers.0.params.lr"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine import edit
from engine.blocks import op_of
from engine.declare import Declared, did_you_mean
from engine.edit_settings import place_in
from engine.ops.optimizer import Optimizer
from engine.ops.settings import Batching, Split, Training
from engine.optimizers import PATH as OPTIMIZERS
from engine.optimizers import listed
from engine.problem import Mistake
from engine.spec import Node, Spec

NODES = "nodes."
NONE = object()
SECTIONS: Mapping[str, type[Declared]] = {"training": Training, "data.batching": Batching, "data.split": Split}


def with_value(spec: Spec, path: str, value: Any) -> Spec:
    """Set a value by its path; raises Mistake where the path leads nowhere."""
    if not path.startswith(NODES):
        return edit.set_setting(spec, path, value)
    node, rest = _node_at(spec, path)
    match rest:
        case ["params", name]:
            return edit.set_param(spec, node.id, name, value)
        case ["factor"]:
            return edit.set_factor(spec, node.id, value)
        case ["decode"]:
            return edit.set_decode(spec, node.id, value)
        case ["weights", "init", *tensor] if tensor:
            return edit.set_init(spec, node.id, ".".join(tensor), value)
        case ["weights", name]:
            return edit.set_weights(spec, node.id, name, value)
    known = "params.NAME, factor, decode, weights.NAME and weights.init.TENSOR"
    raise Mistake(f"{path}: of a node, {known} can be set.")


def _node_at(spec: Spec, path: str) -> tuple[Node, list[str]]:
    _, node, *rest = path.split(".")
    if node not in spec.nodes:
        raise Mistake(f"{path}: there is no node {node!r}{did_you_mean(node, spec.nodes)}.")
    return spec.nodes[node], rest


def value_at(spec: Spec, path: str) -> Any:
    """The value at a path, the default where the spec leaves it out; raises Mistake where there is no such value."""
    if path.startswith(NODES):
        node, rest = _node_at(spec, path)
        if rest[:1] == ["params"] and len(rest) == 2:
            return _param(spec, node, rest[1], path)
        holder: Any = {"factor": node.factor, "weights": node.weights}
        return _below(holder, rest, path, NONE)
    section, *rest = path.split(".")
    if section not in ("data", "training") or not rest:
        raise Mistake(f"{path!r} names no value; it must start with nodes., data. or training.")
    holder = dict(getattr(spec, section))
    if section == "training":
        holder["optimizers"] = listed(spec)
    return _below(holder, rest, path, _default(spec, path))


def _default(spec: Spec, path: str) -> Any:
    """What a setting is where the spec leaves it out; NONE where it is no declared one."""
    for where, declared in SECTIONS.items():
        name = path.removeprefix(f"{where}.")
        if name in declared.params() and name != path:
            return declared.defaults()[name]
    optimizers = listed(spec)
    match path.removeprefix(f"{OPTIMIZERS}.").split("."):
        case [place, "params", name] if path.startswith(f"{OPTIMIZERS}.") and isinstance(optimizers, list):
            entry = optimizers[place_in(optimizers, place, path)]
            optimizer = Optimizer.registry.get(str(entry.get("op"))) if isinstance(entry, Mapping) else None
            return optimizer.defaults().get(name, NONE) if optimizer is not None else NONE
    return NONE


def _param(spec: Spec, node: Node, name: str, path: str) -> Any:
    op = op_of(spec, node)
    known = op.params() if op is not None else {}
    if name in node.params:
        return node.params[name]
    if name not in known:
        raise Mistake(f"{path}: {node.op} has no param {name!r}{did_you_mean(name, known)}.")
    return known[name].default


def _below(holder: Any, keys: list[str], path: str, default: Any) -> Any:
    """Walk down to a value; `default` stands for what is left out."""
    for key in keys:
        if isinstance(holder, list):
            holder = holder[place_in(holder, key, path)]
        elif isinstance(holder, Mapping) and key in holder:
            holder = holder[key]
        elif default is not NONE:
            return default
        else:
            near = did_you_mean(key, holder) if isinstance(holder, Mapping) else ""
            raise Mistake(f"{path}: there is no {key!r}{near}.")
    return holder
