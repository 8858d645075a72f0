"""From a source to tensors: rows without missing values, split, with the steps of each column applied."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.columns import RAGGED, Column
from engine.data import audio, boxes, sequences, steps
from engine.data.ragged import Flat, Values
from engine.data.sources import MOST_LISTED, Array, Reader, close_source, open_source
from engine.data.splits import small_classes, split, split_of
from engine.declare import did_you_mean
from engine.ops.source import Source, Step
from engine.problem import Fix, Mistake
from engine.spec import Spec

Loaded = tuple[Array, Flat]  # rows, and the sound of each


@dataclass(frozen=True)
class Dataset:
    """Data ready for training: {split: {column: tensor, samples along the first axis}} on the CPU.

    A column whose samples differ in size is Ragged. An empty split has no key. `state` is JSON: what prediction
    needs to treat new samples alike.
    """

    columns: Mapping[str, Column]
    splits: Mapping[str, Mapping[str, Any]]  # a Tensor or a Ragged: which of them, the column's kind says
    state: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """A column with its steps: as the source holds it, as the graph gets it, and the numbers that Index orders."""

    raw: Column
    steps: tuple[Step, ...]
    column: Column
    classes: Sequence[str] = ()
    numbers: Array | None = None


def prepare(spec: Spec, folder: Path, columns: Collection[str] | None = None) -> Dataset:
    """Read, split and transform columns: those named, or those the graph is bound to, or all.

    Relative paths start at `folder`. Rows that lack a value are judged by all columns that the graph is bound to,
    so every call for one spec splits alike. Raises Mistake with the path of the setting that is at fault.
    """
    reader = open_source(spec, folder)
    bound = bound_columns(spec, reader)
    names = _known(reader, columns) if columns is not None else bound or list(reader.columns)
    plans = {name: plan(spec, reader, name) for name in dict.fromkeys((*names, *bound))}
    rows, notes = complete_rows(spec, reader, plans.values())
    loaded, rows, faults = load_sounds(reader, plans.values(), rows)
    _check_memory([plans[name].column for name in names], len(rows))
    settings = split_of(spec)
    labels = labels_of(spec, reader, rows) if settings.stratify else None
    indices = split(settings, reader, rows, labels)
    counts = {part: len(each) for part, each in indices.items()}
    splits: dict[str, dict[str, Values]] = {part: {} for part in indices}
    state, described = {}, {}
    notes = (*reader.notes, *notes, *faults, *split_notes(counts, reader, rows, labels))
    for name in names:
        values, state[name], described[name], more = _values(plans[name], reader, indices, loaded.get(name))
        notes += more
        for part, each in values.items():
            splits[part][name] = each
    whole = {"target": reader.target, "white": reader.white, "columns": state}
    close_source()  # the tensors take its place in memory
    return Dataset(described, splits, whole, notes)


def columns_of(spec: Spec, folder: Path) -> dict[str, Column]:
    """The columns that the data of a spec has, as the graph gets them."""
    reader = open_source(spec, folder)
    return {name: plan(spec, reader, name).column for name in reader.columns}


def bound_columns(spec: Spec, reader: Reader) -> list[str]:
    """The columns of the source that the graph's Inputs are bound to."""
    names = [node.params.get("column") for node in spec.nodes.values() if node.op == "Input"]
    return list(dict.fromkeys(name for name in names if isinstance(name, str) and name in reader.columns))


def _known(reader: Reader, columns: Collection[str]) -> list[str]:
    for name in columns:
        if name not in reader.columns:
            known = ", ".join(list(reader.columns)[:8])
            words = f"The data has no column {name!r}{did_you_mean(str(name), reader.columns)}; it has {known}."
            raise Mistake(words, param="data.source")
    return list(dict.fromkeys(columns))


def plan(spec: Spec, reader: Reader, name: str) -> Plan:
    """Find a column's steps and what it is after them."""
    raw = reader.described(name)
    chain = steps.steps_of(spec, raw)
    column = steps.after(raw, chain)
    if not steps.indexes(chain):
        return Plan(raw, chain, column, reader.classes(name) if raw.kind in ("category", "mask") else ())
    values = reader.held(name)
    every = values if values is not None else reader.fetch(np.arange(len(reader)), [name])[name]
    numbers, counts = steps.distinct(every, name)
    classes = steps.class_names(numbers)
    listed = len(classes) <= MOST_LISTED
    column = replace(
        column,
        low=0.0,
        high=float(len(classes) - 1),
        mean=None,
        classes=tuple(classes) if listed else (),
        counts=tuple(counts.tolist()) if listed else (),
    )
    return Plan(raw, chain, column, classes, numbers)


def complete_rows(spec: Spec, reader: Reader, plans: Iterable[Plan]) -> tuple[Array, tuple[str, ...]]:
    """Choose the rows that lack nothing the columns need, with notes; refuse them where the source says so."""
    rows = np.arange(len(reader))
    lacking = {
        each.raw.name: lacks
        for each in plans
        if not steps.fills(each.steps) and (lacks := reader.missing(each.raw.name)) is not None
    }
    if not lacking:
        return rows, ()
    lost = np.logical_or.reduce(list(lacking.values()))
    count, first = int(lost.sum()), reader.where(int(np.argmax(lost)))
    words = f"{count:,} of {len(rows):,} samples lack a value in {_culprits(reader, lacking)}, first {first}"
    if not reader.drops_missing:
        ragged = any(reader.columns[name].kind in RAGGED for name in lacking)
        todo = "leave them out" if reader.target in lacking or ragged else "leave them out or fill them in"
        raise Mistake(f"{words}; {todo}.", param=_missing_param(spec), fixes=_fixes(spec, reader, lacking))
    if count == len(rows):
        raise Mistake(f"Every row lacks a value in {_culprits(reader, lacking)}.", param=_missing_param(spec))
    return rows[~lost], (f"{words}; they are left out.",)


def _culprits(reader: Reader, lacking: Mapping[str, Array]) -> str:
    """Name the columns that lack values and how many; of a joined column, its parts."""
    counts: dict[str, int] = {}
    for name, lacks in lacking.items():
        parts = [part for part in reader.columns[name].parts if part in reader.columns]
        found = {part: int(each.sum()) for part in parts if (each := reader.missing(part)) is not None}
        counts |= found or {name: int(lacks.sum())}
    worst = sorted(counts, key=lambda name: -counts[name])
    more = f" and {len(worst) - 4} more columns" if len(worst) > 4 else ""
    return ", ".join(f"{name} ({counts[name]:,})" for name in worst[:4]) + more


def _missing_param(spec: Spec) -> str:
    declared = Source.registry[spec.data["source"]["kind"]]
    return f"data.source.params.{'missing' if 'missing' in declared.params() else 'path'}"


def _fixes(spec: Spec, reader: Reader, lacking: Mapping[str, Array]) -> tuple[Fix, ...]:
    fixes = []
    if _missing_param(spec).endswith("missing"):
        arguments = {"path": "data.source.params.missing", "value": "drop rows"}
        fixes.append(Fix("Leave these rows out", "set_setting", arguments))
    ragged = any(reader.columns[name].kind in RAGGED for name in lacking)
    if reader.target not in lacking and not ragged:  # a target that was filled in would be learnt as if it were true
        filled = {name: {"steps": _with_filling(spec, reader.columns[name])} for name in lacking}
        columns = {**steps.sections(spec), **filled}
        fixes.append(Fix("Fill in what is missing", "set_setting", {"path": "data.columns", "value": columns}))
    return tuple(fixes)


def _with_filling(spec: Spec, column: Column) -> list[Any]:
    section = steps.sections(spec).get(column.name)
    listed = list(section.get("steps", ()) if isinstance(section, Mapping) else column.default)
    indexed = bool(listed) and listed[0]["op"] == "Index"  # which must come first
    return [*listed[:indexed], {"op": "FillMissing", "params": {"value": "mean"}}, *listed[indexed:]]


def labels_of(spec: Spec, reader: Reader, rows: Array) -> Array | None:
    """The class of each row where the source's target has classes, None where it has none."""
    if reader.target not in reader.columns:
        return None
    raw = reader.columns[reader.target]
    if raw.kind != "category" and not steps.indexes(steps.steps_of(spec, raw)):
        return None
    labels = reader.fetch(rows, [reader.target])[reader.target].reshape(len(rows))
    return np.where(np.isnan(labels), -1, labels) if labels.dtype.kind == "f" else labels


def split_notes(counts: Mapping[str, int], reader: Reader, rows: Array, labels: Array | None) -> tuple[str, ...]:
    """What a user should know of the split."""
    own = (
        []
        if reader.parts is None
        else [part for place, part in ((1, "validation"), (2, "test")) if (reader.parts == place).any()]
    )
    notes: tuple[str, ...] = (f"The {' and '.join(own)} samples are the source's own.",) if own else ()
    left_out = len(rows) - sum(counts.values())
    if left_out:
        notes += (f"{left_out:,} samples are left out, for what they predict reaches into a later part.",)
    if labels is None or reader.target not in reader.columns:
        return notes
    different, each = np.unique(labels, return_counts=True)
    names = reader.classes(reader.target)
    if reader.columns[reader.target].kind == "category":
        words = [names[int(place)] if 0 <= place < len(names) else "?" for place in different]
    else:
        words = steps.class_names(different)
    return notes + small_classes(reader, each.tolist(), words, len(counts))


def load_sounds(reader: Reader, plans: Iterable[Plan], rows: Array) -> tuple[dict[str, Loaded], Array, tuple[str, ...]]:
    """Decode the sounds of these rows and apply their steps; rows of which a sound fails are left out, with a note."""
    found: dict[str, Flat] = {}
    faults: dict[int, str] = {}
    for each in plans:
        if each.raw.kind == "audio":
            files = reader.files(each.raw.name)
            sounds, failed = audio.load(audio.fit(each.steps), [files[row] for row in rows])
            found[each.raw.name] = sounds
            faults |= dict(failed)
    if faults and len(faults) == len(rows):
        raise Mistake(f"None of the sounds can be read: {next(iter(faults.values()))}", param="data.source.params.path")
    notes = audio.faulty([faults[place] for place in sorted(faults)])
    return {name: (rows, sounds) for name, sounds in found.items()}, np.delete(rows, sorted(faults)), notes


def _values(
    plan: Plan, reader: Reader, indices: Mapping[str, Array], loaded: Loaded | None
) -> tuple[Mapping[str, Values], dict[str, Any], Column, tuple[str, ...]]:
    """A column's values in each split, its state, what it is in the end, and notes."""
    if loaded is not None:
        rows, sounds = loaded
        places = {part: np.searchsorted(rows, each) for part, each in indices.items()}
        held = {part: sounds.taken(sounds.offsets[each], sounds.lengths[each]) for part, each in places.items()}
        return sequences.sounds(plan.raw, plan.steps, plan.column, held)
    if plan.raw.kind in RAGGED:
        samples = {part: reader.fetch(rows, [plan.raw.name])[plan.raw.name] for part, rows in indices.items()}
        made = boxes.prepared if plan.raw.kind == "boxes" else sequences.texts
        return made(plan.raw, plan.steps, plan.column, samples)
    arrays, state = _prepared(plan, reader, indices)
    return {part: torch.from_numpy(array) for part, array in arrays.items()}, state, plan.column, ()


def _prepared(plan: Plan, reader: Reader, indices: Mapping[str, Array]) -> tuple[dict[str, Array], dict[str, Any]]:
    """Fit a column's steps on the training split and apply them to all; what was fitted goes into the state."""
    name = plan.raw.name
    training = reader.fetch(indices["train"], [name])[name]
    fitted = steps.fit(plan.steps, plan.raw, training, plan.numbers)
    arrays = {}
    for part, rows in indices.items():
        values = training if part == "train" else reader.fetch(rows, [name])[name]
        arrays[part] = _final(steps.apply(fitted, values), plan.column)
    state = {
        "kind": plan.raw.kind,
        "shape": list(plan.raw.shape),
        "dtype": plan.column.dtype,
        "classes": list(plan.classes),
        "parts": list(plan.raw.parts),
        "steps": fitted,
    }
    if plan.raw.kind == "image":
        state["fit"] = plan.raw.fit
    return arrays, state


def _final(values: Array, column: Column) -> Array:
    return np.ascontiguousarray(values, dtype=np.dtype(column.dtype))


def _check_memory(columns: Sequence[Column], count: int) -> None:
    """Raise Mistake where the tensors would not fit into this machine's memory."""
    dense = [column for column in columns if column.kind not in RAGGED]
    needed = count * sum(math.prod(column.sizes) * np.dtype(column.dtype).itemsize for column in dense)
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return
    there = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > 0.9 * there:
        words = f"The data needs {needed / 2**30:,.1f} GiB as tensors, and this machine has {there / 2**30:,.1f}"
        raise Mistake(f"{words}; take fewer samples or smaller ones.", param="data.source")
