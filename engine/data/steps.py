"""Column steps at work: what each learns from the training split, and how it changes values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from engine.data.sources import Array, Reader
from engine.ops import source as declared
from engine.problem import Mistake
from engine.spec import Spec

Fitted = dict[str, Any]  # {"op": name, "params": {...}, "state": {...}}: JSON, kept with the model


def steps_of(spec: Spec, reader: Reader, column: str) -> list[declared.Step]:
    """The steps of a column: as the spec says, else standardising where the source's numbers call for it."""
    section = spec.data.get("columns", {}).get(column)
    if section is None:
        return [declared.Standardize()] if column in reader.standardised else []
    where = f"data.columns.{column}.steps"
    steps = [_step(each, f"{where}.{place}") for place, each in enumerate(section.get("steps", ()))]
    if steps and not np.issubdtype(np.dtype(reader.columns[column].dtype), np.floating):
        raise Mistake(f"{column} holds {reader.columns[column].dtype}; its steps work on float32 only.", param=where)
    return steps


def _step(data: Mapping[str, Any], where: str) -> declared.Step:
    kind = declared.Step.registry.get(str(data.get("op")))
    if kind is None:
        raise Mistake(f"There is no column step {data.get('op')!r}.", param=where)
    step, problems = kind.parse(data.get("params", {}))
    if step is None:
        raise Mistake(problems[0].message, param=f"{where}.params.{problems[0].param}")
    return step  # type: ignore[no-any-return]


def fills(steps: Sequence[declared.Step]) -> bool:
    """Whether the steps put something in the place of missing values."""
    return any(isinstance(step, declared.FillMissing) for step in steps)


def fit(steps: Sequence[declared.Step], training: Array) -> list[Fitted]:
    """Learn what the steps need from the training samples of one column, one step after the other."""
    fitted: list[Fitted] = []
    for step in steps:
        params = {name: getattr(step, name) for name in step.params()}
        one: Fitted = {"op": type(step).__name__, "params": params, "state": _learned(step, training)}
        fitted.append(one)
        training = apply([one], training)
    return fitted


def _learned(step: declared.Step, training: Array) -> dict[str, Any]:
    axes = (0, *range(2, training.ndim)) if training.ndim > 2 else 0  # each feature or channel for itself
    if isinstance(step, declared.Standardize):
        mean = np.mean(training, axis=axes, dtype=np.float64)
        deviation = np.std(training, axis=axes, dtype=np.float64)
        return {"mean": mean.tolist(), "deviation": np.where(deviation > 0, deviation, 1.0).tolist()}
    if isinstance(step, declared.FillMissing) and step.value == "mean":
        counted = np.where(np.isnan(training), 0, training).sum(axis=axes, dtype=np.float64)
        known = (~np.isnan(training)).sum(axis=axes)
        return {"value": (counted / np.maximum(known, 1)).tolist()}
    return {}


def apply(fitted: Sequence[Fitted], values: Array) -> Array:
    """Run fitted steps on the values of one column."""
    for step in fitted:
        values = _applied(step, values).astype(np.float32, copy=False)
    return values


def _applied(step: Fitted, values: Array) -> Array:
    state, params = step["state"], step["params"]
    match step["op"]:
        case "Standardize":
            return (values - _along(state["mean"], values)) / _along(state["deviation"], values)
        case "Scale":
            return values * np.float32(params["factor"]) + np.float32(params["offset"])
        case "FillMissing":
            filling = _along(state["value"], values) if params["value"] == "mean" else np.float32(0)
            return np.where(np.isnan(values), filling, values)
    raise Mistake(f"This version knows no column step {step['op']!r}; predict with the version that trained.")


def _along(numbers: Any, values: Array) -> Array:
    """Arrange one number a feature or channel so that it broadcasts along axis 1."""
    array = np.asarray(numbers, dtype=np.float32)
    return array.reshape(array.shape + (1,) * (values.ndim - 2)) if values.ndim > 2 else array
