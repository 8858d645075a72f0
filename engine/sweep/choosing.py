"""What of a project can be varied, and the range that is proposed for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine import edit, kinds
from engine.block_edits import inside
from engine.blocks import REPEAT, is_taken, op_of
from engine.declare import FACTOR, Declared, Loss, Op, Param
from engine.ops import OPS
from engine.ops.initializer import Initializer
from engine.ops.optimizer import Optimizer
from engine.ops.schedule import Schedule
from engine.ops.settings import Batching, Split, Training, Turn, Weights
from engine.ops.steps import Step
from engine.ops.sweep import GRID_POINTS, Choices, Numbers, Range, WholeNumbers
from engine.optimizers import PATH as OPTIMIZERS
from engine.optimizers import listed
from engine.problem import Mistake
from engine.spec import BLOCK, Node, Spec
from engine.sweep.plan import PATH, entry, is_op, listed_space, read_range, refusing
from engine.values import param_at, parted, registry_at, value_at

AROUND = 10.0  # times, up and down, that a number like a learning rate is varied
WIDEST_WHOLE = 2**20
NO_RESULT = (
    "cache", "workers", "prefetch", "resident", "device", "compile", "deterministic",
    "checkpoint_every", "checkpoint_minutes", "keep_checkpoints",
)  # fmt: skip  # settings that change no result; precision does


@dataclass(frozen=True, slots=True)
class Variable:
    """A setting that can be varied: where it stands, its value, and a range to begin with."""

    path: str
    group: str
    param: Param
    value: Any
    range: Range


def variables(spec: Spec) -> list[Variable]:
    """List what can be varied: optimizers, settings and columns first, then node by node, those of blocks too."""
    return list(_variables(spec))


def variable_at(spec: Spec, path: str) -> Variable:
    """What can be varied at a path, were it listed or not; raises Mistake where there is no single value."""
    value = value_at(spec, path)
    for each in _variables(spec):
        if each.path == path:
            return each
    if is_taken(value):
        raise Mistake(f"{path} is taken from the block; vary the block's param where it is used.")
    where = path.removesuffix(".op")
    if is_op(path) and (registry := registry_at(parted(where)[1])):
        return _choice("op", (*([None] if value is None else []), *registry), value, where, "")
    if isinstance(value, Mapping):
        raise Mistake(f"{path} holds several values; name one of them, such as {path}.{next(iter(value), 'op')}.")
    param = param_at(spec, path) or _undeclared(path.rpartition(".")[2], value)
    range = None if param.refuse(value) else proposed(param, value)
    return Variable(path, "", param, value, range or Choices(values=(value,)))


def _undeclared(name: str, value: Any) -> Param:
    known: dict[type, kinds.Kind] = {bool: kinds.Bool(), int: kinds.Int(), float: kinds.Float()}
    return Param(name, known.get(type(value), kinds.Text()), value, "", kinds.UNBOUNDED)


def vary(spec: Spec, path: str) -> Spec:
    """Add a setting to the space of the project's sweep, with the range that is proposed; raises Mistake."""
    found = variable_at(spec, path)
    space = listed_space(spec)
    if any(isinstance(each, Mapping) and each.get("path") == path for each in space):
        return spec
    range = found.range
    if is_op(path):
        refuse = refusing(spec, path)
        range = Choices(values=tuple(each for each in range.grid() if not refuse(each)))
    return edit.set_setting(spec, PATH, [*space, entry(path, range)])


def set_range(spec: Spec, place: int, words: str) -> Spec:
    """Set the range of a setting that is varied, as it is written on the command line; raises Mistake."""
    path = str(listed_space(spec)[place]["path"])
    made = entry(path, read_range(words, value_at(spec, path)))
    return edit.set_setting(spec, f"{PATH}.{place}", made)


# ------------------------------------------------------------------------------------------------------ what is listed


def _variables(spec: Spec) -> Iterator[Variable]:
    yield from _optimizers(spec)
    init = spec.training.get("init")
    yield from _chosen("initializer", Initializer.registry, (None, *Initializer.registry), init, "training.init",
                       "First weights")  # fmt: skip
    yield from _params(Batching, spec.data.get("batching"), "data.batching", "Batches")
    yield from _params(Split, spec.data.get("split"), "data.split", "Split")
    yield from _params(Training, spec.training, "training", "Training")
    yield from _columns(spec)
    yield from _nodes(spec)
    for name in spec.blocks:
        for each in _nodes(inside(spec, name)):
            yield replace(each, path=f"blocks.{name}.{each.path}", group=f"{name} › {each.group}")


def _optimizers(spec: Spec) -> Iterator[Variable]:
    found = listed(spec)
    for place, each in enumerate(found if isinstance(found, list) else ()):
        declared = Optimizer.registry.get(str(each.get("op"))) if isinstance(each, Mapping) else None
        if declared is None:
            continue
        path, several = f"{OPTIMIZERS}.{place}", len(found) > 1
        group = f"Optimizer {each.get('name', '')}" if several else f"Optimizer ({declared.__name__})"
        alike = [name for name, other in Optimizer.registry.items() if _stands_in(other, declared)]
        yield from _chosen("optimizer", Optimizer.registry, alike, each, path, group)
        if several:
            every = Turn.params()["every"]
            yield from _declared(every, each.get(every.name, every.default), f"{path}.{every.name}", group)
        below = f"Schedule of {each.get('name', '')}" if several else "Learning-rate schedule"
        yield from _schedules(each.get("schedule"), f"{path}.schedule", below, (None, *Schedule.registry))


def _stands_in(one: type[Optimizer], other: type[Optimizer]) -> bool:
    """Whether an optimizer trains the same weights by as many runs of the network as another."""
    return (one.axes, one.repeats, one.sparse == "only") == (other.axes, other.repeats, other.sparse == "only")


def _schedules(
    value: Any, path: str, group: str, names: Sequence[str | None], held: Sequence[str] = ()
) -> Iterator[Variable]:
    """A schedule, those of a sequence, or those that are multiplied; `held` are params of which each has one value."""
    if isinstance(value, list | tuple):
        held = (*held, "warmup") if len(value) > 1 else held  # those of a list cannot warm up one by one
        for place, each in enumerate(value):
            yield from _schedules(each, f"{path}.{place}", f"{group} {place + 1}", tuple(Schedule.registry), held)
        return
    parts = value.get("schedules") if isinstance(value, Mapping) else None
    held = (*held, "interval") if parts else held  # which all of a sequence share
    for each in _chosen("schedule", Schedule.registry, names, value, path, group):
        if each.param.name not in held:
            yield each
    if parts:
        yield from _schedules(parts, f"{path}.schedules", group, (), (*held, "warmup"))


def _columns(spec: Spec) -> Iterator[Variable]:
    columns = spec.data.get("columns")
    for name, column in columns.items() if isinstance(columns, Mapping) else ():
        steps = column.get("steps") if isinstance(column, Mapping) and "." not in name else None  # no path has such
        for place, step in enumerate(steps if isinstance(steps, list | tuple) else ()):
            declared = Step.registry.get(str(step.get("op"))) if isinstance(step, Mapping) else None
            if declared is not None:
                alike = [key for key, each in Step.registry.items() if _kinds_of(each) == _kinds_of(declared)]
                path = f"data.columns.{name}.steps.{place}"
                yield from _chosen("step", Step.registry, alike, step, path, f"Column {name}: {declared.title}")


def _kinds_of(step: type[Step]) -> tuple[Any, ...]:
    """What a step takes and makes; another one of its group that does the same can stand in its place."""
    return (step.group, step.kinds, *(step().makes(each) for each in step.kinds))


def _nodes(spec: Spec) -> Iterator[Variable]:
    for node in spec.nodes.values():
        op = op_of(spec, node)
        if op is None or not op.output_ports() or op is OPS["Input"]:
            continue
        path = f"nodes.{node.id}"
        if node.op in OPS and len(alike := [name for name, each in OPS.items() if _same_ports(each, op)]) > 1:
            yield _choice("op", alike, node.op, path, node.id)
        yield from _params(op, node.params, f"{path}.params", node.id)
        yield from _beside_params(node, op, path)


def _same_ports(one: type[Op], other: type[Op]) -> bool:
    """Whether an op of the palette's same group can be wired as another is."""
    if one.group != other.group or one.output_ports() != other.output_ports():
        return False
    ports, others = list(one.input_ports().values()), list(other.input_ports().values())
    return len(ports) == len(others) and all(
        (each.name, each.optional, each.list, each.port.axes) == (port.name, port.optional, port.list, port.port.axes)
        and set(each.port.dtypes) & set(port.port.dtypes)
        for each, port in zip(ports, others, strict=True)
    )


def _beside_params(node: Node, op: type[Op], path: str) -> Iterator[Variable]:
    """What can be varied of a node beside its params: factor, rounds, and how its weights begin and are trained."""
    if issubclass(op, Loss):
        yield from _declared(FACTOR, node.factor, f"{path}.factor", node.id)
    if node.op == BLOCK:
        yield from _declared(REPEAT, node.repeat, f"{path}.repeat", node.id)
    for name, param in Weights.params().items():
        if name in node.weights:
            yield from _declared(param, node.weights[name], f"{path}.weights.{name}", node.id)
    inits = node.weights.get("init")
    for tensor, init in inits.items() if isinstance(inits, Mapping) else ():
        where, names = f"{path}.weights.init.{tensor}", (None, *Initializer.registry)
        yield from _chosen("initializer", Initializer.registry, names, init, where, f"{node.id}: {tensor}")


def _chosen(
    what: str, registry: Mapping[str, type[Declared]], names: Sequence[str | None], value: Any, path: str, group: str
) -> Iterator[Variable]:
    """Which op stands at a place of the settings, and the params of the one that does."""
    op = value.get("op") if isinstance(value, Mapping) else None
    if len(names) > 1:
        yield _choice(what, names, op, path, group)
    if declared := registry.get(str(op)):
        yield from _params(declared, value.get("params"), f"{path}.params", group)


def _choice(what: str, names: Sequence[str | None], op: str | None, path: str, group: str) -> Variable:
    param = Param(what, kinds.Choice(tuple(names)), op, f"Which {what} it is.", kinds.UNBOUNDED)
    return Variable(f"{path}.op", group, param, op, Choices(values=tuple(names)))


def _params(declared: type[Declared], values: Any, where: str, group: str) -> Iterator[Variable]:
    given = values if isinstance(values, Mapping) else {}
    for param in declared.params().values():
        if param.name not in NO_RESULT:
            yield from _declared(param, given.get(param.name, param.default), f"{where}.{param.name}", group)


def _declared(param: Param, value: Any, path: str, group: str) -> Iterator[Variable]:
    if not is_taken(value) and not param.refuse(value) and (range := proposed(param, value)) is not None:
        yield Variable(path, group, param, value, range)


# ----------------------------------------------------------------------------------------------------------- proposals


def proposed(param: Param, value: Any) -> Range | None:
    """A range around a param's value, within its bounds; None where it is nothing that a sweep could try."""
    for kind in param.kind.kinds if isinstance(param.kind, kinds.Either) else (param.kind,):
        match kind:
            case kinds.Bool():
                return Choices(values=(False, True))
            case kinds.Choice() if len(kind.options) > 1:
                return Choices(values=kind.options)
            case kinds.Int() | kinds.Size():
                return _whole(kind.bounds, value if type(value) is int else param.default)
            case kinds.Float():
                return _numbers(kind.bounds, value if isinstance(value, int | float) else param.default)
    return None


def _whole(bounds: kinds.Bounds, value: Any) -> Range | None:
    """From half of a number to twice as much; factors count where it is large."""
    middle = value if type(value) is int else 1
    least = int(bounds.low) if bounds.low is not None else -WIDEST_WHOLE
    most = int(bounds.high) if bounds.high is not None else WIDEST_WHOLE
    low, high = max(least, middle // 2), min(most, max(middle * 2, middle + 1))
    if low >= high:
        return None
    return WholeNumbers(low=low, high=high, step=1, log=low >= 8)


def _numbers(bounds: kinds.Bounds, value: Any) -> Range:
    """Up to a half for a share or a probability below it, else a tenth to ten times of the number."""
    middle = float(value) if isinstance(value, int | float) else 0.0
    low = bounds.low if bounds.low is not None else bounds.above
    high = bounds.high if bounds.high is not None else bounds.below
    if high is not None and low is not None and high <= 1:
        least = low if bounds.above is None else low + 0.05
        most = high if bounds.below is None else high - 0.05
        return _between(least, min(most, 0.5) if middle < 0.5 else most)
    if middle > 0:
        return _factors(middle / AROUND, middle * AROUND if high is None else min(high, middle * AROUND))
    if middle == 0:
        return _factors(1e-6, 1e-2) if low == 0 else _between(-1.0, 1.0)
    return _between(middle * 2, -middle)


def _between(low: float, high: float) -> Numbers:
    return Numbers(low=low, high=high, log=False, points=GRID_POINTS)


def _factors(low: float, high: float) -> Numbers:
    return Numbers(low=low, high=high, log=True, points=GRID_POINTS)
