"""Any value of a spec by its path, such as "nodes.conv2d_1.params.stride" or "training.optimizers.0.params.lr".

What stands inside a block has a path such as "blocks.Encoder.nodes.linear_1.params.out_features".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from engine import edit
from engine.block_edits import in_block, inside, set_repeat, set_share_weights
from engine.blocks import REPEAT, op_of
from engine.declare import FACTOR, Declared, Param, did_you_mean
from engine.edit_settings import place_in, written_out
from engine.ops.initializer import Initializer
from engine.ops.optimizer import Optimizer
from engine.ops.schedule import Schedule
from engine.ops.settings import Batching, Split, Training, Turn, Weights
from engine.ops.source import Source
from engine.ops.steps import Step
from engine.optimizers import PATH as OPTIMIZERS
from engine.optimizers import listed
from engine.problem import Mistake
from engine.spec import Node, Spec

NODES, BLOCKS, OP, PARAMS = "nodes", "blocks", "op", "params"
NONE = object()
OPTIONAL = ("schedule", "initializer")  # families of what may be left out


def with_value(spec: Spec, path: str, value: Any) -> Spec:
    """Set a value by its path; another op keeps of a node what fits it; raises Mistake where the path leads nowhere."""
    block, rest = parted(path)
    if block:
        return in_block(spec, block, lambda inner: with_value(inner, rest, value))
    if rest.startswith(f"{NODES}."):
        return _with_node_value(spec, path, value)
    where, _, last = path.rpartition(".")
    if last == OP and (registry := registry_at(where)):
        return _with_op(spec, where, registry, value)
    return edit.set_setting(spec, path, value)


def parted(path: str) -> tuple[str, str]:
    """The block inside which a path leads, "" for none, and the path from there on."""
    match path.split("."):
        case ["blocks", block, "nodes", *rest] if rest:
            return block, ".".join([NODES, *rest])
        case ["blocks", *_]:
            raise Mistake(
                f"{path}: of a block, the values of its nodes can be named: blocks.NAME.nodes.ID.params.NAME."
            )
    return "", path


def by_place(spec: Spec, path: str) -> str:
    """The path with an optimizer's place for its name, so that both ways to name a value are one.

    Raises Mistake where there is no such optimizer.
    """
    optimizers = listed(spec)
    match path.split("."):
        case ["training", "optimizers", key, *rest] if isinstance(optimizers, list):
            return ".".join([OPTIMIZERS, str(place_in(optimizers, key, path)), *rest])
    return path


def _with_node_value(spec: Spec, path: str, value: Any) -> Spec:
    node, rest = _node_at(spec, path)
    match rest:
        case ["op"]:
            return spec if value == node.op else edit.replace_op(spec, node.id, str(value))
        case ["params", name]:
            return edit.set_param(spec, node.id, name, value)
        case ["factor"]:
            if words := FACTOR.refuse(value):
                raise Mistake(f"{path}: {words}")
            return edit.set_factor(spec, node.id, value)
        case ["decode"]:
            return edit.set_decode(spec, node.id, value)
        case ["repeat"]:
            return set_repeat(spec, node.id, value)
        case ["share_weights"]:
            return set_share_weights(spec, node.id, value)
        case ["weights", "init", *tensor] if tensor:
            return _with_init(spec, node, path, *_tensor(tensor), value)
        case ["weights", name]:
            return edit.set_weights(spec, node.id, name, value)
    known = "op, params.NAME, factor, decode, repeat, share_weights, weights.NAME and weights.init.TENSOR"
    raise Mistake(f"{path}: of a node, {known} can be set.")


def _with_init(spec: Spec, node: Node, path: str, tensor: str, below: list[str], value: Any) -> Spec:
    """Set the initializer of a tensor, the op of it, or a param of it."""
    present = _below(node.weights, ["init", tensor], path, None)
    match below:
        case [] | ["op"] if not below or value != _op_of(present):
            return edit.set_init(spec, node.id, tensor, value)
        case ["params", name]:
            if not isinstance(present, Mapping):
                raise Mistake(f"{path}: {tensor} of {node.id} has no initializer of its own; choose one first.")
            params = {**present.get(PARAMS, {}), name: value}
            return edit.set_init(spec, node.id, tensor, {**present, PARAMS: params})
    return spec


def _with_op(spec: Spec, where: str, registry: Mapping[str, type[Declared]], op: Any) -> Spec:
    """Choose what stands at a place of the settings, at its defaults; the same again changes nothing."""
    if op == value_at(spec, f"{where}.{OP}"):
        return spec
    match where.split("."):
        case ["training", "optimizers", key]:
            return edit.set_optimizer(spec, str(op), place_in(listed(spec), key, where))
        case ["training", "optimizers", key, "schedule"]:
            return edit.set_schedule(spec, place_in(listed(spec), key, where), op)
        case ["training", "init"]:
            return edit.set_default_init(spec, op)
    family = next(iter(registry.values())).family
    return edit.set_setting(spec, where, written_out(op, registry, family))


def _node_at(spec: Spec, path: str) -> tuple[Node, list[str]]:
    _, node, *rest = path.split(".")
    if node not in spec.nodes:
        raise Mistake(f"{path}: there is no node {node!r}{did_you_mean(node, spec.nodes)}.")
    return spec.nodes[node], rest


def _tensor(rest: list[str]) -> tuple[str, list[str]]:
    """The tensor that the end of a path names, which may hold dots, and what is meant of its initializer."""
    match rest:
        case [*tensor, "op"] if tensor:
            return ".".join(tensor), [OP]
        case [*tensor, "params", name] if tensor:
            return ".".join(tensor), [PARAMS, name]
    return ".".join(rest), []


def _op_of(value: Any) -> Any:
    return value.get(OP) if isinstance(value, Mapping) else None


# ------------------------------------------------------------------------------------------------------- what is there


def value_at(spec: Spec, path: str) -> Any:
    """The value at a path, the default where the spec leaves it out; raises Mistake where there is no such value."""
    block, rest = parted(path)
    spec = inside(spec, block)
    if rest.startswith(f"{NODES}."):
        return _node_value(spec, rest)
    section, *keys = rest.split(".")
    if section not in ("data", "training") or not keys:
        raise Mistake(f"{path!r} names no value; it must start with nodes., blocks., data. or training.")
    holder = dict(getattr(spec, section))
    if section == "training":
        holder["optimizers"] = listed(spec)
    return _below(holder, keys, path, _default(spec, rest), _names_beside(spec, rest))


def _node_value(spec: Spec, path: str) -> Any:
    node, rest = _node_at(spec, path)
    match rest:
        case ["params", name]:
            return _param(spec, node, name, path)
        case ["weights", "init", *tensor] if tensor:
            name, below = _tensor(tensor)
            rest = ["weights", "init", name, *below]
    names = (OP, "factor", "decode", "repeat", "share_weights", "weights")
    return _below(
        {name: getattr(node, name) for name in names}, rest, path, _default(spec, path), _names_beside(spec, path)
    )


def _names_beside(spec: Spec, path: str) -> Collection[str]:
    """The params that are declared where a path ends."""
    declared = _declared_at(spec, path.rpartition(".")[0])
    return declared.params() if declared is not None else ()


def _default(spec: Spec, path: str) -> Any:
    """What a value is where the spec leaves it out; NONE where it is no declared one."""
    registry = registry_at(path.removesuffix(f".{OP}"))
    if registry and next(iter(registry.values())).family in OPTIONAL:
        return None
    param = param_at(spec, path)
    return NONE if param is None else param.default


def _param(spec: Spec, node: Node, name: str, path: str) -> Any:
    op = op_of(spec, node)
    known = op.params() if op is not None else {}
    if name in node.params:
        return node.params[name]
    if name not in known:
        raise Mistake(f"{path}: {node.op} has no param {name!r}{did_you_mean(name, known)}.")
    return known[name].default


def _below(holder: Any, keys: list[str], path: str, default: Any, known: Collection[str] = ()) -> Any:
    """Walk down to a value; `default` stands for what is left out, `known` are names that could be meant."""
    for key in keys:
        if isinstance(holder, list):
            holder = holder[place_in(holder, key, path)]
        elif isinstance(holder, Mapping) and key in holder:
            holder = holder[key]
        elif default is not NONE:
            return default
        else:
            near = did_you_mean(key, [*holder, *known]) if isinstance(holder, Mapping) else ""
            raise Mistake(f"{path}: there is no {key!r}{near}.")
    return holder


# ---------------------------------------------------------------------------------------------------- what is declared


def param_at(spec: Spec, path: str) -> Param | None:
    """How the value at a path is declared; None where it is no param of a declaration."""
    block, rest = parted(path)
    spec = inside(spec, block)
    where, _, name = rest.rpartition(".")
    match rest.split("."):
        case ["nodes", _, "factor"]:
            return FACTOR
        case ["nodes", _, "repeat"]:
            return REPEAT
    declared = _declared_at(spec, where)
    return declared.params().get(name) if declared is not None else None


def _declared_at(spec: Spec, path: str) -> type[Declared] | None:
    """The declaration of the params that stand below a path, such as "training.optimizers.0.params"."""
    match path.split("."):
        case ["training"]:
            return Training
        case ["data", "batching"]:
            return Batching
        case ["data", "split"]:
            return Split
        case ["training", "optimizers", _]:
            return Turn
        case ["nodes", node, "params"] if node in spec.nodes:
            return op_of(spec, spec.nodes[node])
        case ["nodes", _, "weights"]:
            return Weights
    where, _, last = path.rpartition(".")
    registry = registry_at(where) if last == PARAMS else None
    if not registry:
        return None
    op = value_at(spec, f"{where}.{'kind' if registry is Source.registry else OP}")
    return registry.get(str(op))


def registry_at(path: str) -> Mapping[str, type[Declared]] | None:
    """What may be chosen for the {"op", "params"} at a path; None where there stands no such thing."""
    match path.split("."):
        case ["training", "optimizers", _]:
            return Optimizer.registry
        case ["training", "optimizers", _, "schedule", *inner] if all(
            each == "schedules" or each.isdigit() for each in inner
        ):
            return Schedule.registry
        case ["training", "init"]:
            return Initializer.registry
        case ["nodes", _, "weights", "init", *tensor] if tensor and not _tensor(tensor)[1]:
            return Initializer.registry
        case ["data", "columns", _, "steps", _]:
            return Step.registry
        case ["data", "source"]:
            return Source.registry
    return None
