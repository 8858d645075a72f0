"""Edits of a project's settings: its data, its training, and how the weights of a node begin and are trained.

`engine.edit` offers them beside its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from engine.declare import Declared, did_you_mean
from engine.ops.initializer import Initializer
from engine.ops.optimizer import Optimizer
from engine.ops.schedule import Schedule
from engine.ops.settings import Weights
from engine.ops.source import Source
from engine.optimizers import DEFAULT, PATH, free_name
from engine.problem import Mistake
from engine.spec import Node, Spec, jsonable

# ------------------------------------------------------------------------------------------------------ settings


def set_name(spec: Spec, name: str) -> Spec:
    """Rename the project."""
    return replace(spec, name=name)


def set_setting(spec: Spec, path: str, value: Any) -> Spec:
    """Set a value of the data, training or sweep section by its path, such as "data.source.params.path".

    In a list a step of the path is a place or, of the optimizers, a name: "training.optimizers.main.params.lr".
    """
    section, rest = _parted(path)
    if path.startswith(f"{PATH}."):
        spec = _with_optimizers(spec, _optimizers(spec))
    return _with_section(spec, section, _set(getattr(spec, section), rest, jsonable(value), path))


def remove_setting(spec: Spec, path: str) -> Spec:
    """Take a value of the data, training or sweep section away, so that its default counts."""
    section, rest = _parted(path)
    return _with_section(spec, section, _removed(getattr(spec, section), rest, path))


def _with_section(spec: Spec, section: str, value: Mapping[str, Any]) -> Spec:
    match section:
        case "data":
            return replace(spec, data=value)
        case "training":
            return replace(spec, training=value)
    return replace(spec, sweep=value)


def _parted(path: str) -> tuple[str, list[str]]:
    section, *rest = path.split(".")
    if section not in ("data", "training", "sweep") or not rest:
        raise Mistake(f"{path!r} names no setting; it must start with data., training. or sweep.")
    return section, rest


def _set(holder: Any, path: list[str], value: Any, whole: str) -> Any:
    if not path:
        return value
    key, *rest = path
    if isinstance(holder, list):
        place = place_in(holder, key, whole)
        return [*holder[:place], _set(holder[place], rest, value, whole), *holder[place + 1 :]]
    if not isinstance(holder, Mapping):
        raise Mistake(f"{whole!r} names no setting: there is nothing below {key}.")
    return {**holder, key: _set(holder.get(key, {}), rest, value, whole)}


def _removed(holder: Any, path: list[str], whole: str) -> Any:
    key, *rest = path
    if isinstance(holder, list):
        place = place_in(holder, key, whole)
        kept = [_removed(holder[place], rest, whole)] if rest else []
        return [*holder[:place], *kept, *holder[place + 1 :]]
    if not isinstance(holder, Mapping) or key not in holder:
        raise Mistake(f"{whole!r} names no setting: there is no {key}.")
    if rest:
        return {**holder, key: _removed(holder[key], rest, whole)}
    return {name: value for name, value in holder.items() if name != key}


def place_in(holder: list[Any], key: str, whole: str) -> int:
    """The place in a list that a step of the path `whole` names: a place, or the name of what stands there."""
    names = [each.get("name") if isinstance(each, Mapping) else None for each in holder]
    if key in names:
        return names.index(key)
    if not key.isdigit() or int(key) >= len(holder):
        raise Mistake(f"{whole!r} names no setting: the list has no place {key}.")
    return int(key)


def set_source(spec: Spec, kind: str, params: Mapping[str, Any] | None = None) -> Spec:
    """Choose another kind of data source, at its defaults but for `params`; the steps of columns start anew."""
    if kind not in Source.registry:
        raise Mistake(f"There is no data source {kind!r}{did_you_mean(kind, Source.registry)}.")
    params = jsonable({**Source.registry[kind].defaults(), **(params or {})})
    data = {name: value for name, value in spec.data.items() if name != "columns"}
    return replace(spec, data={**data, "source": {"kind": kind, "params": params}})


# ---------------------------------------------------------------------------------------------------- optimizers


def _optimizers(spec: Spec) -> list[Any]:
    """The optimizers of a spec, the one that acts where none is listed written out."""
    listed = spec.training.get("optimizers")
    return list(listed) if isinstance(listed, list) and listed else [_entry(str(DEFAULT["op"]), str(DEFAULT["name"]))]


def _entry(op: str, name: str) -> dict[str, Any]:
    if op not in Optimizer.registry:
        raise Mistake(f"There is no optimizer {op!r}{did_you_mean(op, Optimizer.registry)}.")
    params = jsonable(Optimizer.registry[op].defaults())
    return {"name": name, "op": op, "params": params, "nodes": "*", "losses": "*", "schedule": None, "every": 1}


def _with_optimizers(spec: Spec, optimizers: list[Any]) -> Spec:
    return replace(spec, training={**spec.training, "optimizers": optimizers})


def _optimizer_at(spec: Spec, place: int) -> tuple[list[Any], dict[str, Any]]:
    optimizers = _optimizers(spec)
    if not 0 <= place < len(optimizers) or not isinstance(optimizers[place], Mapping):
        raise Mistake(f"There is no optimizer at place {place}; there are {len(optimizers)}.")
    return optimizers, dict(optimizers[place])


def set_optimizer(spec: Spec, op: str, place: int = 0) -> Spec:
    """Choose another optimizer, at its defaults; its name, nodes, losses, schedule and turn stay."""
    if not isinstance(spec.training.get("optimizers", []), list):
        return _with_optimizers(spec, [_entry(op, str(DEFAULT["name"]))])
    optimizers, old = _optimizer_at(spec, place)
    kept = {name: value for name, value in old.items() if name not in ("op", "params")}
    new = _entry(op, str(old.get("name", DEFAULT["name"])))
    optimizers[place] = {**new, **kept, "op": op, "params": new["params"]}
    return _with_optimizers(spec, optimizers)


def add_optimizer(
    spec: Spec,
    op: str,
    name: str | None = None,
    nodes: str | Collection[str] = "*",
    losses: str | Collection[str] = "*",
    together: bool = False,
) -> Spec:
    """Add an optimizer that acts after the others, at its defaults; without a name it takes its op's."""
    optimizers = _optimizers(spec)
    taken = {str(each.get("name")) for each in optimizers if isinstance(each, Mapping)}
    entry = _entry(op, free_name(name or op.lower(), taken))
    entry |= {"nodes": _ids(nodes), "losses": _ids(losses), **({"together": True} if together else {})}
    return _with_optimizers(spec, [*optimizers, entry])


def _ids(chosen: str | Collection[str]) -> str | list[str]:
    return chosen if isinstance(chosen, str) else list(chosen)


def remove_optimizer(spec: Spec, place: int) -> Spec:
    """Remove an optimizer; the last one stays."""
    optimizers, _gone = _optimizer_at(spec, place)
    if len(optimizers) == 1:
        raise Mistake("Training needs an optimizer; choose another one instead of removing the last.")
    return _with_optimizers(spec, optimizers[:place] + optimizers[place + 1 :])


def move_optimizer(spec: Spec, place: int, to: int) -> Spec:
    """Let an optimizer act at another place in the order."""
    optimizers, entry = _optimizer_at(spec, place)
    if not 0 <= to < len(optimizers):
        raise Mistake(f"There is no place {to} among {len(optimizers)} optimizers.")
    rest = optimizers[:place] + optimizers[place + 1 :]
    return _with_optimizers(spec, [*rest[:to], entry, *rest[to:]])


def set_schedule(spec: Spec, place: int, schedule: Any) -> Spec:
    """Set the schedule of an optimizer: an op's name, {"op", "params"}, a list of these, or None for none.

    Params that are left out take their defaults.
    """
    optimizers, entry = _optimizer_at(spec, place)
    optimizers[place] = {**entry, "schedule": _schedule(schedule)}
    return _with_optimizers(spec, optimizers)


def _schedule(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, list | tuple):
        return [_schedule(each) for each in value]
    found = written_out(value, Schedule.registry, "schedule")
    if isinstance(found.get("schedules"), list | tuple):
        found["schedules"] = [_schedule(each) for each in found["schedules"]]
    return found


def without_nodes(spec: Spec, gone: set[str]) -> Spec:
    """Take nodes out of the optimizers that name them."""
    listed = spec.training.get("optimizers")
    if not isinstance(listed, list):
        return spec
    kept = [_entry_without(each, gone) for each in listed]
    return spec if kept == listed else _with_optimizers(spec, kept)


def _entry_without(entry: Any, gone: set[str]) -> Any:
    if not isinstance(entry, Mapping):
        return entry
    changed = dict(entry)
    for key in ("nodes", "losses"):
        ids = entry.get(key)
        if isinstance(ids, list):
            changed[key] = [each for each in ids if str(each).partition(".")[0] not in gone]
    return changed


# ------------------------------------------------------------------------------------------------------- weights


def _node(spec: Spec, node: str) -> Node:
    if node not in spec.nodes:
        raise Mistake(f"There is no node {node!r}{did_you_mean(node, spec.nodes)}.")
    return spec.nodes[node]


def _with_weights(spec: Spec, node: Node, weights: Mapping[str, Any]) -> Spec:
    return replace(spec, nodes={**spec.nodes, node.id: replace(node, weights=weights)})


def set_weights(spec: Spec, node: str, name: str, value: Any) -> Spec:
    """Set how a node's weights are trained: frozen, mode, lr_factor or decay; None, or the default, takes it away."""
    target = _node(spec, node)
    weights = {each: kept for each, kept in target.weights.items() if each != name}
    default = Weights.defaults().get(name)
    if value is not None and not (value == default and type(value) is type(default)):
        weights[name] = jsonable(value)
    return _with_weights(spec, target, weights)


def set_init(spec: Spec, node: str, tensor: str, init: str | Mapping[str, Any] | None) -> Spec:
    """Set the initializer of a node's tensor: an op's name or {"op", "params"}; None takes it away.

    Params that are left out take their defaults.
    """
    target = _node(spec, node)
    known = target.weights.get("init")
    inits = {each: kept for each, kept in known.items() if each != tensor} if isinstance(known, Mapping) else {}
    if init is not None:
        inits[tensor] = initializer(init)
    weights = {each: kept for each, kept in target.weights.items() if each != "init"}
    return _with_weights(spec, target, {**weights, "init": inits} if inits else weights)


def set_default_init(spec: Spec, init: str | Mapping[str, Any] | None) -> Spec:
    """Set the initializer of all matrices that have none of their own; None leaves them to PyTorch.

    Matrices are weights of two axes or more, but not those of embeddings and normalisations.
    """
    rest = {name: value for name, value in spec.training.items() if name != "init"}
    return replace(spec, training=rest if init is None else {**rest, "init": initializer(init)})


def initializer(value: str | Mapping[str, Any]) -> dict[str, Any]:
    """Write an initializer out with all its params; raises Mistake where there is none of that name."""
    return written_out(value, Initializer.registry, "initializer")


def written_out(value: Any, registry: Mapping[str, type[Declared]], what: str) -> dict[str, Any]:
    """Write {"op", "params"}, or an op's name alone, out with all params; raises Mistake where that cannot be."""
    found: Any = {"op": value} if isinstance(value, str) else value
    if not isinstance(found, Mapping) or not isinstance(found.get("params", {}), Mapping):
        raise Mistake(f'A {what} must be a name, or an object with "op" and "params".')
    op, params = str(found.get("op")), dict(found.get("params", {}))
    if op not in registry:
        raise Mistake(f"There is no {what} {op!r}{did_you_mean(op, registry)}.")
    return {**found, "params": jsonable({**registry[op].defaults(), **params})}
