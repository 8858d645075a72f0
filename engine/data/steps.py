"""Column steps at work: what each learns from the training split, how it changes values, and the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.columns import RAGGED, Column
from engine.data import sequences
from engine.declare import did_you_mean
from engine.ops.source import FillMissing, Index, Scale, Standardize, Step
from engine.problem import Mistake
from engine.spec import Spec

Array = NDArray[Any]
Fitted = dict[str, Any]  # {"op": name, "params": {...}, "state": {...}}: JSON, kept with the model

STANDARDIZE: tuple[Mapping[str, Any], ...] = ({"op": "Standardize", "params": {}},)
INDEX: tuple[Mapping[str, Any], ...] = ({"op": "Index", "params": {}},)
BLOCK = 8192  # samples that are measured at once, so that measuring needs little memory
MOST_CLASSES = 100_000

# ------------------------------------------------------------------------------------------------------- planning


def steps_of(spec: Spec, column: Column) -> tuple[Step, ...]:
    """The steps of a column: as the spec says, else its default; raises Mistake where one does not apply."""
    section = sections(spec).get(column.name)
    listed = section.get("steps", ()) if isinstance(section, Mapping) else column.default
    where = f"data.columns.{column.name}.steps"
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        raise Mistake(f"The steps of {column.name} must be a list.", param=where)
    steps = tuple(_step(each, f"{where}.{place}") for place, each in enumerate(listed))
    kind = column.kind
    for place, step in enumerate(steps):
        name = type(step).__name__
        if kind not in step.kinds:
            words = f"{name} works on {' and '.join(step.kinds)} columns, and {column.name} is a {kind} column here"
            raise Mistake(f"{words}; remove it.", param=f"{where}.{place}")
        if isinstance(step, Index):
            if place or column.shape not in ((), (1,)):
                words = "come before other steps" if place else f"have one number a sample, not {column.shape}"
                raise Mistake(f"Index on {column.name} must {words}.", param=f"{where}.{place}")
            kind = "category"
    return steps


def sections(spec: Spec) -> Mapping[str, Any]:
    """What a spec says of columns, by their names."""
    found = spec.data.get("columns", {})
    return found if isinstance(found, Mapping) else {}


def _step(data: Any, where: str) -> Step:
    name = data.get("op") if isinstance(data, Mapping) else None
    kind = Step.registry.get(str(name))
    if kind is None:
        raise Mistake(f"There is no column step {name!r}{did_you_mean(str(name), Step.registry)}.", param=where)
    params = data.get("params", {})
    step, problems = kind.parse(params if isinstance(params, Mapping) else {})
    if step is None:
        raise Mistake(problems[0].message, param=f"{where}.params.{problems[0].param}")
    return step  # type: ignore[no-any-return]


def fills(steps: Sequence[Step]) -> bool:
    """Whether the steps put something in the place of missing values."""
    return any(isinstance(step, FillMissing) for step in steps)


def indexes(steps: Sequence[Step]) -> bool:
    """Whether the steps make classes of numbers."""
    return any(isinstance(step, Index) for step in steps)


def after(column: Column, steps: Sequence[Step]) -> Column:
    """The column as it leaves its steps; what Index and Tokenize make of it is not known here."""
    if column.kind in RAGGED:
        return sequences.after(column, steps)
    names = tuple(type(step).__name__ for step in steps)
    if indexes(steps):
        return replace(column, kind="category", shape=(), dtype="int64", steps=names)
    changed = any(isinstance(step, Standardize | Scale | FillMissing) for step in steps) and column.kind != "category"
    return replace(column, dtype="float32" if changed else column.dtype, steps=names)


def distinct(values: Array, name: str) -> tuple[Array, Array]:
    """The different numbers of a column, ascending, and how often each stands; NaN does not count."""
    numbers, counts = np.unique(values[~np.isnan(values)] if values.dtype.kind == "f" else values, return_counts=True)
    if len(numbers) > MOST_CLASSES:
        words = f"{name} has {len(numbers):,} different numbers, too many to be classes; remove Index."
        raise Mistake(words, param=f"data.columns.{name}.steps")
    return numbers, counts


def class_names(numbers: Array) -> list[str]:
    """Write numbers as names of classes: "3", "2.5"."""
    return [str(int(each)) if float(each).is_integer() else repr(each) for each in numbers.tolist()]


# --------------------------------------------------------------------------------------------- fitting and applying


def fit(steps: Sequence[Step], column: Column, training: Array, numbers: Array | None = None) -> list[Fitted]:
    """Learn what the steps of a column need from its training samples, one step after the other.

    `numbers` are the different numbers that Index makes classes of.
    """
    fitted: list[Fitted] = []
    for step in steps:
        params = {name: getattr(step, name) for name in step.params()}
        one: Fitted = {"op": type(step).__name__, "params": params, "state": _learned(step, column, training, numbers)}
        fitted.append(one)
        if step is not steps[-1]:
            training = apply([one], training)
    return fitted


def _learned(step: Step, column: Column, training: Array, numbers: Array | None) -> dict[str, Any]:
    match step:
        case Standardize():
            mean, deviation = _moments(training, _axes(column, training))
            return {"mean": mean.tolist(), "deviation": np.where(deviation > 0, deviation, 1.0).tolist()}
        case Index():
            assert numbers is not None
            return {"numbers": numbers.tolist()}
        case FillMissing():
            return {"value": _filling(step, column, training)}
    return {}


def _axes(column: Column, training: Array) -> tuple[int, ...]:
    """The axes that are measured together: all but the channels of an image, or the last axis of numbers."""
    kept = 1 if column.kind == "image" else max(1, training.ndim - 1)
    return tuple(axis for axis in range(training.ndim) if axis != kept)


def _moments(values: Array, axes: tuple[int, ...]) -> tuple[Array, Array]:
    """Mean and standard deviation, NaN left out, in blocks of samples and double precision."""
    blocks = [values[start : start + BLOCK] for start in range(0, len(values), BLOCK)]
    known = sum(np.sum(~np.isnan(block), axis=axes, keepdims=True) for block in blocks)
    count = np.maximum(known, 1)
    mean = sum(np.nansum(block, axis=axes, keepdims=True, dtype=np.float64) for block in blocks) / count
    square = sum(np.nansum((block - mean) ** 2, axis=axes, keepdims=True, dtype=np.float64) for block in blocks)
    return mean[0], np.sqrt(square / count)[0]


def _filling(step: FillMissing, column: Column, training: Array) -> Any:
    if training.dtype.kind == "i":  # a category: places of classes, -1 where one is missing
        known = training[training >= 0]
        return int(np.bincount(known).argmax()) if known.size else 0
    if step.value == "mean":
        return _moments(training, _axes(column, training))[0].tolist()
    if step.value == "zero":
        return 0.0
    width = training.shape[-1] if training.ndim > 1 else 1
    return [_most_common(each) for each in training.reshape(-1, width).T]


def _most_common(numbers: Array) -> float:
    different, counts = np.unique(numbers[~np.isnan(numbers)], return_counts=True)
    return float(different[counts.argmax()]) if different.size else 0.0


def apply(fitted: Sequence[Fitted], values: Array) -> Array:
    """Run fitted steps on the values of one column."""
    for step in fitted:
        values = _applied(step, values)
    return values


def _applied(step: Fitted, values: Array) -> Any:
    state, params = step["state"], step["params"]
    if step["op"] == "Index":
        return _indexed(np.asarray(state["numbers"], dtype=np.float64), values)
    if step["op"] == "FillMissing" and values.dtype.kind == "i":
        return np.where(values < 0, np.int64(state["value"]), values)
    if values.dtype.kind != "f":
        values = values.astype(np.float64)
    kind = values.dtype.type
    match step["op"]:
        case "Standardize":
            return (values - np.asarray(state["mean"], kind)) / np.asarray(state["deviation"], kind)
        case "Scale":
            return values * kind(params["factor"]) + kind(params["offset"])
        case "FillMissing":
            return np.where(np.isnan(values), np.asarray(state["value"], kind), values)
    raise Mistake(f"This version knows no column step {step['op']!r}; predict with the version that trained.")


def _indexed(numbers: Array, values: Array) -> Array:
    """The place of each number among the known ones; -1 where it is missing or unknown."""
    flat = values.reshape(len(values))
    places = np.searchsorted(numbers, flat).clip(max=len(numbers) - 1)
    return np.where(numbers[places] == flat, places, -1).astype(np.int64)


def undo(fitted: Sequence[Fitted], values: Array) -> Array:
    """Bring values of a number column back to what they were before its steps."""
    for step in reversed(fitted):
        match step["op"]:
            case "Standardize":
                state = step["state"]
                values = values * np.asarray(state["deviation"], values.dtype) + np.asarray(state["mean"], values.dtype)
            case "Scale" if step["params"]["factor"]:
                kind = values.dtype.type
                values = (values - kind(step["params"]["offset"])) / kind(step["params"]["factor"])
    return values
