"""From a source to tensors: rows without missing values, split, with the steps of each column applied."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.columns import Column, DataReport
from engine.data import steps
from engine.data.sources import PARTS, Array, Reader, open_source, reader_class, source_of
from engine.declare import did_you_mean
from engine.ops.settings import Split
from engine.problem import Mistake, Problem
from engine.spec import Spec

SHOWN = 48  # samples of a report


@dataclass(frozen=True)
class Dataset:
    """Data ready for training: {split: {column: tensor, samples along the first axis}} on the CPU.

    An empty split has no key. `state` is JSON: what prediction needs to treat new samples alike.
    """

    columns: Mapping[str, Column]
    splits: Mapping[str, Mapping[str, Tensor]]
    state: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def prepare(spec: Spec, folder: Path, columns: Collection[str] | None = None) -> Dataset:
    """Read, split and transform the columns (None: all); relative paths start at `folder`.

    Raises Mistake with the path of the setting that is at fault.
    """
    reader = open_source(spec, folder)
    names = _wanted(reader, columns)
    plans = {name: steps.steps_of(spec, reader, name) for name in names}
    rows, notes = _complete_rows(spec, reader, plans)
    indices = split(spec, reader, rows)
    if not len(indices["train"]):
        raise Mistake("No samples are left for training; lower the shares for validation and test.", param="data.split")
    fitted: dict[str, list[steps.Fitted]] = {}
    splits: dict[str, dict[str, Tensor]] = {part: {} for part, found in indices.items() if len(found)}
    described = {}
    for name in names:
        training = reader.fetch(indices["train"], [name])[name]
        fitted[name] = steps.fit(plans[name], training)
        for part, tensors in splits.items():
            values = training if part == "train" else reader.fetch(indices[part], [name])[name]
            tensors[name] = torch.from_numpy(np.ascontiguousarray(steps.apply(fitted[name], values)))
        described[name] = _described(reader.columns[name], splits, name, plans[name])
    state = {"steps": fitted, "columns": {name: _kept(reader.columns[name]) for name in names}}
    return Dataset(described, splits, state, (*reader.notes, *notes))


def _wanted(reader: Reader, columns: Collection[str] | None) -> list[str]:
    if columns is None:
        return list(reader.columns)
    for name in columns:
        if name not in reader.columns:
            known = ", ".join(list(reader.columns)[:8])
            words = f"The data has no column {name!r}{did_you_mean(name, reader.columns)}; it has {known}."
            raise Mistake(words, param="data.source")
    return list(dict.fromkeys(columns))


def _complete_rows(spec: Spec, reader: Reader, plans: Mapping[str, Sequence[Any]]) -> tuple[Array, tuple[str, ...]]:
    """Choose the rows that lack nothing the columns need; refuse them where the source says so."""
    lacking = reader.missing([name for name, plan in plans.items() if not steps.fills(plan)])
    rows = np.arange(len(reader))
    if not lacking:
        return rows, ()
    lost = np.logical_or.reduce(list(lacking.values()))
    where = ", ".join(f"{name} ({int(each.sum())})" for name, each in lacking.items())
    words = f"{int(lost.sum())} of {len(rows)} rows lack a value in {where}, the first of them row {int(np.argmax(lost)) + 1}"
    if getattr(source_of(spec), "missing", "refuse") == "refuse":
        todo = 'set missing to "drop rows", give the column a FillMissing step, or mend the data'
        raise Mistake(f"{words}; {todo}.", param="data.source.params.missing")
    return rows[~lost], (f"{words}; they are left out.",)


def split(spec: Spec, reader: Reader, rows: Array) -> dict[str, Array]:
    """Share rows out to train, validation and test: {part: indices}, in a seeded random order.

    Each class is shared out for itself where the split is stratified; a test part of the source's own stays.
    """
    settings, problems = Split.parse(spec.data.get("split", {}))
    if settings is None:
        raise Mistake(problems[0].message, param=f"data.split.{problems[0].param}")
    random = np.random.default_rng(settings.seed)
    shuffled = random.permutation(rows)
    own = np.zeros(len(shuffled), dtype=np.int8) if reader.parts is None else reader.parts[shuffled]
    parts = own.copy()
    free = np.flatnonzero(own == 0)
    shares = {1: 0.0 if (own == 1).any() else settings.validation, 2: 0.0 if (own == 2).any() else settings.test}
    quantiles = _quantiles(_strata(reader, shuffled[free], stratify=settings.stratify))
    parts[free[quantiles < shares[1]]] = 1
    parts[free[(quantiles >= shares[1]) & (quantiles < shares[1] + shares[2])]] = 2
    return {name: shuffled[parts == place] for place, name in enumerate(PARTS)}


def _strata(reader: Reader, rows: Array, *, stratify: bool) -> Array:
    column = reader.columns.get(reader.target)
    if not stratify or column is None or column.kind != "category":
        return np.zeros(len(rows), dtype=np.int64)
    return reader.fetch(rows, [reader.target])[reader.target]


def _quantiles(strata: Array) -> Array:
    """How far along its class each sample stands, between 0 and 1."""
    order = np.argsort(strata, kind="stable")
    _, starts, counts = np.unique(strata[order], return_index=True, return_counts=True)
    ranks = np.arange(len(strata)) - np.repeat(starts, counts)
    quantiles = np.empty(len(strata))
    quantiles[order] = (ranks + 0.5) / np.repeat(counts, counts)
    return quantiles


def _kept(column: Column) -> dict[str, Any]:
    return {
        "kind": column.kind,
        "shape": column.shape,
        "dtype": column.dtype,
        "classes": column.classes,
        "parts": column.parts,
    }


def _described(column: Column, splits: Mapping[str, Mapping[str, Tensor]], name: str, plan: Sequence[Any]) -> Column:
    whole = [tensors[name] for tensors in splits.values()]
    names = tuple(type(step).__name__ for step in plan)
    if column.kind == "category":
        counts = sum(torch.bincount(each[each >= 0], minlength=len(column.classes)) for each in whole)
        assert isinstance(counts, Tensor)
        return replace(column, counts=tuple(counts.tolist()), low=0.0, high=float(len(column.classes) - 1), steps=names)
    low, high = min(float(each.min()) for each in whole), max(float(each.max()) for each in whole)
    mean = sum(float(each.sum(dtype=torch.float64)) for each in whole) / sum(each.numel() for each in whole)
    return replace(column, low=low, high=high, mean=mean, steps=names)


# -------------------------------------------------------------------------------------------------------- report


def report(spec: Spec, folder: Path, samples: int = SHOWN) -> DataReport:
    """Describe the data of a spec for people: columns, splits, first samples. Mistakes are inside, never raised."""
    try:
        return _report(spec, folder, samples)
    except Mistake as mistake:
        columns = _columns_anyway(spec, folder)
        return DataReport(_name(spec), columns, problems=(mistake.problem(),))
    except MemoryError:
        words = "The data does not fit into memory; choose a smaller part of it."
        return DataReport(_name(spec), problems=(Problem(words, None, "data.source"),))


def _name(spec: Spec) -> str:
    section = spec.data.get("source")
    return str(section.get("kind", "")) if isinstance(section, Mapping) else ""


def _columns_anyway(spec: Spec, folder: Path) -> Mapping[str, Column]:
    """What columns there are, where just their values are at fault."""
    try:
        return open_source(spec, folder).columns
    except Mistake:
        return {}


def _report(spec: Spec, folder: Path, samples: int) -> DataReport:
    reader = open_source(spec, folder)
    whole = [name for name in reader.columns if not reader.missing([name])]
    bound = [node.params.get("column") for node in spec.nodes.values() if node.op == "Input"]
    wanted = [name for name in bound if name in reader.columns] or list(reader.columns)[:1]
    problems: tuple[Problem, ...] = ()
    try:
        dataset = prepare(spec, folder, [*wanted, *whole])
    except Mistake as mistake:
        if mistake.param != "data.source.params.missing" or not whole:
            raise
        problems = (mistake.problem(),)
        dataset = prepare(spec, folder, whole)
    columns = {name: dataset.columns.get(name, column) for name, column in reader.columns.items()}
    for name, lacks in reader.missing(list(columns)).items():
        columns[name] = replace(columns[name], missing=int(lacks.sum()))
    shown = reader.fetch(slice(0, samples), list(reader.columns))
    rows = [
        {name: sample_value(columns[name], values[place]) for name, values in shown.items()}
        for place in range(min(samples, len(reader)))
    ]
    sizes = {part: len(next(iter(tensors.values()))) for part, tensors in dataset.splits.items()}
    return DataReport(_name(spec), columns, sizes, tuple(rows), problems, dataset.notes)


def sample_value(column: Column, value: Any) -> Any:
    """One sample's value of a column as JSON: a class's name, an image as {"png": base64}, numbers."""
    if column.kind == "category":
        return column.classes[int(value)] if value >= 0 else None
    if column.kind == "image":
        return {"png": _png(np.asarray(value))}
    numbers = np.asarray(value, dtype=np.float64).round(6)
    flat = [None if np.isnan(each) else each for each in numbers.reshape(-1)[:64].tolist()]
    return flat[0] if numbers.size == 1 else flat


def _png(pixels: Array) -> str:
    from PIL import Image  # takes a moment to import

    scaled = np.clip(pixels.astype(np.float32) * (1 if pixels.dtype.kind in "iu" else 255), 0, 255).astype(np.uint8)
    image = Image.fromarray(scaled[0] if scaled.shape[0] == 1 else scaled.transpose(1, 2, 0))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


# ---------------------------------------------------------------------------------------------------- new samples


def _state_columns(state: Mapping[str, Any], names: Collection[str]) -> dict[str, Column]:
    kept = state["columns"]
    return {
        name: Column(
            name,
            kept[name]["kind"],
            tuple(kept[name]["shape"]),
            kept[name]["dtype"],
            classes=tuple(kept[name]["classes"]),
            parts=tuple(kept[name]["parts"]),
        )
        for name in names
    }


def read_rows(
    state: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], columns: Collection[str]
) -> dict[str, Tensor]:
    """Turn raw rows ({column: value}) into tensors as the model was trained on; Mistake names row and column."""
    found = {}
    for name, column in _state_columns(state, columns).items():
        values = np.stack([_row_value(row, column, place) for place, row in enumerate(rows, 1)])
        found[name] = _transformed(state, name, values)
    return found


def _row_value(row: Mapping[str, Any], column: Column, place: int) -> Array:
    value = row.get(column.name)
    if value is None and column.parts and all(part in row for part in column.parts):
        value = [row[part] for part in column.parts]
    if value is None:
        also = f", nor {', '.join(column.parts)}" if column.parts else ""
        raise Mistake(f"Sample {place} has no {column.name}{also}.")
    if column.kind == "category":
        if str(value) not in column.classes:
            raise Mistake(
                f"Sample {place}: {column.name} is {value!r}; it must be one of {', '.join(column.classes[:20])}."
            )
        return np.asarray(column.classes.index(str(value)), dtype=np.int64)
    try:
        array = np.asarray(value, dtype=column.dtype)
    except (ValueError, TypeError, OverflowError):
        raise Mistake(f"Sample {place}: {column.name} is {str(value)[:60]!r}; it must hold numbers.") from None
    if array.size != int(np.prod(column.shape)):
        raise Mistake(f"Sample {place}: {column.name} has {array.size} numbers; it must have {column.shape}.")
    return array.reshape(column.shape)


def read_file(spec: Spec, state: Mapping[str, Any], path: Path, columns: Collection[str]) -> dict[str, Tensor]:
    """Read new samples: a JSON file of one object or a list, or a file of the source's kind."""
    if not path.exists():
        raise Mistake(f"{path} does not exist.")
    if path.suffix == ".json":
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, OSError) as error:
            raise Mistake(f"{path} cannot be read as JSON: {error}.") from None
        return read_rows(state, _objects(data, path), columns)
    source = source_of(spec)
    arrays = reader_class(source).read_file(source, path, _state_columns(state, columns))
    lacking = [name for name in columns if name not in arrays]
    if lacking:
        raise Mistake(f"{path} lacks the column {lacking[0]!r}.")
    return {name: _transformed(state, name, arrays[name]) for name in columns}


def _objects(data: Any, path: Path) -> list[Mapping[str, Any]]:
    rows = data if isinstance(data, list) else [data]
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise Mistake(f"{path} must hold an object {{column: value}}, or a list of them.")
    return rows


def _transformed(state: Mapping[str, Any], name: str, values: Array) -> Tensor:
    column = state["columns"][name]
    values = steps.apply(state["steps"].get(name, ()), values)
    if column["kind"] != "category" and np.issubdtype(values.dtype, np.floating) and np.isnan(values).any():
        row = int(np.isnan(values).reshape(len(values), -1).any(axis=1).argmax()) + 1
        raise Mistake(f"Sample {row} lacks a value in {name}.")
    if column["kind"] == "category" and (values < 0).any():
        raise Mistake(f"Sample {int((values < 0).argmax()) + 1} lacks a value in {name}.")
    return torch.from_numpy(np.ascontiguousarray(values))
