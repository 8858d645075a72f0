"""What of a project can be varied, and the range that is proposed for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine import edit, kinds
from engine.blocks import is_taken, op_of
from engine.declare import Declared, Param
from engine.ops import OPS
from engine.ops.optimizer import Optimizer
from engine.ops.settings import Batching, Training
from engine.ops.sweep import GRID_POINTS, Choices, Numbers, Range, WholeNumbers
from engine.optimizers import PATH as OPTIMIZERS
from engine.optimizers import listed
from engine.problem import Mistake
from engine.spec import Spec
from engine.sweep.plan import PATH, entry, listed_space, read_range
from engine.values import value_at

FACTOR = 10.0  # how far on either side of a number like a learning rate is looked
HOW_FAST = ("cache", "workers", "prefetch", "resident", "device", "compile")  # settings that change no result
WIDEST_WHOLE = 2**20


@dataclass(frozen=True, slots=True)
class Variable:
    """A setting that can be varied: where it stands, its value, and a range to begin with."""

    path: str
    group: str
    param: Param
    value: Any
    range: Range


def variables(spec: Spec) -> list[Variable]:
    """List what can be varied: optimizers, batches and training first, then node by node."""
    return list(_variables(spec))


def variable_at(spec: Spec, path: str) -> Variable | None:
    """What can be varied at a path; an optimizer may stand there by its name."""
    return next((each for each in _variables(spec) if each.path == path), None)


def vary(spec: Spec, path: str) -> Spec:
    """Add a setting to the space of the project's sweep, with the range that is proposed; raises Mistake."""
    found = variable_at(spec, path)
    if found is None:
        raise Mistake(f"{path} is no number, switch or choice that a sweep could vary.")
    space = listed_space(spec)
    if any(isinstance(each, Mapping) and each.get("path") == path for each in space):
        return spec
    return edit.set_setting(spec, PATH, [*space, entry(path, found.range)])


def set_range(spec: Spec, place: int, words: str) -> Spec:
    """Set the range of a setting that is varied, as it is written on the command line; raises Mistake."""
    path = str(listed_space(spec)[place]["path"])
    made = entry(path, read_range(words, value_at(spec, path)))
    return edit.set_setting(spec, f"{PATH}.{place}", made)


def _variables(spec: Spec) -> Iterator[Variable]:
    for place, each in enumerate(listed(spec)):
        if isinstance(each, Mapping) and (declared := Optimizer.registry.get(str(each.get("op")))):
            title = f"Optimizer {each.get('name', '')}" if len(listed(spec)) > 1 else f"Optimizer ({declared.__name__})"
            yield from _params(declared, each.get("params", {}), f"{OPTIMIZERS}.{place}.params", title)
    yield from _params(Batching, spec.data.get("batching", {}), "data.batching", "Batches")
    yield from _params(Training, spec.training, "training", "Training")
    for node in spec.nodes.values():
        op = op_of(spec, node)
        if op is not None and op.output_ports() and op is not OPS["Input"]:
            yield from _params(op, node.params, f"nodes.{node.id}.params", node.id)


def _params(declared: type[Declared], values: Any, where: str, group: str) -> Iterator[Variable]:
    given = values if isinstance(values, Mapping) else {}
    for param in declared.params().values():
        value = given.get(param.name, param.default)
        if param.name in HOW_FAST or is_taken(value) or param.refuse(value):
            continue
        range = proposed(param, value)
        if range is not None:
            yield Variable(f"{where}.{param.name}", group, param, value, range)


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
        return _factors(middle / FACTOR, middle * FACTOR if high is None else min(high, middle * FACTOR))
    if middle == 0:
        return _factors(1e-6, 1e-2) if low == 0 else _between(-1.0, 1.0)
    return _between(middle * 2, -middle)


def _between(low: float, high: float) -> Numbers:
    return Numbers(low=low, high=high, log=False, points=GRID_POINTS)


def _factors(low: float, high: float) -> Numbers:
    return Numbers(low=low, high=high, log=True, points=GRID_POINTS)
