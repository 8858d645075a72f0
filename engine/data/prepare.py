"""From a source to tensors: rows without missing values, split, with the steps of each column applied."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.columns import Column
from engine.data import planned, steps
from engine.data.following import FILL, Mover, moving
from engine.data.keep import Place, place_for
from engine.data.live import Tail
from engine.data.made import Maker, Plan, most_bytes, source_key
from engine.data.orders import balanced, drawing_weights
from engine.data.sources import Array, Reader, close_source, open_source
from engine.data.splits import small_classes, split, split_of, unseen_classes
from engine.declare import did_you_mean
from engine.ops.settings import Batching
from engine.ops.source import Source
from engine.ops.steps import FillMissing, Step
from engine.problem import Fix, Mistake
from engine.spec import Spec


@dataclass(frozen=True)
class Dataset:
    """Data ready for training: {split: {column: samples}} on the CPU, each a Tensor, a Ragged, a Picked or a Live.

    An empty split has no key. `tails` are what is still to be done to each batch of a column, on the device it trains
    on, and `movers` move boxes as their images move. `rows` tell for each split the number of each sample in the
    source; `weights` how often each training sample is drawn, None for each once; `cache` where samples are kept.
    `state` is JSON: what prediction needs to treat new samples alike.
    """

    columns: Mapping[str, Column]
    splits: Mapping[str, Mapping[str, Any]]  # which of the four, the column's kind and the cache say
    state: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    tails: Mapping[str, Tail] = field(default_factory=dict)
    rows: Mapping[str, Array] = field(default_factory=dict)
    weights: torch.Tensor | None = None
    cache: Place = "memory"
    movers: Mapping[str, Mover] = field(default_factory=dict)
    where: Callable[[int], str] = "sample {}".format  # names a sample by its number in the source


def prepare(
    spec: Spec, folder: Path, columns: Collection[str] | None = None, state: Mapping[str, Any] | None = None
) -> Dataset:
    """Read, split and transform columns: those named, or those the graph is bound to, or all.

    Relative paths start at `folder`. Rows that lack a value are judged by all columns that the graph is bound to,
    so every call for one spec splits alike; what cannot be read is left out of its part. With the `state` of a run,
    steps are as they were fitted then, and samples are kept where they were. Raises Mistake with the path of the
    setting that is at fault.
    """
    reader = open_source(spec, folder)
    bound = bound_columns(spec, reader)
    names = _known(reader, columns) if columns is not None else bound or list(reader.columns)
    plans = {name: plan(spec, reader, name) for name in dict.fromkeys((*names, *bound))}
    refuse_dates(spec, [plans[name] for name in bound])
    rows, notes = complete_rows(spec, reader, plans.values())
    batching = batching_of(spec)
    place = _place(batching, reader, [plans[name] for name in names], len(rows), state)
    settings = split_of(spec)
    labels = labels_of(spec, reader, rows) if settings.stratify else None
    indices = split(settings, reader, rows, labels)
    counts = {part: len(each) for part, each in indices.items()}
    maker = Maker(reader, place, lambda: source_key(spec, folder, reader), state)
    good, faults = maker.read(plans.values(), rows)
    indices = _readable(indices, rows, good)
    notes = (*reader.notes, *notes, *faults, *split_notes(counts, reader, rows, labels))
    indices = {part: reader.expanded(each) for part, each in indices.items()}
    weights = _weights(spec, reader, batching, indices["train"])
    made = {name: maker.made(plans[name], indices) for name in names}
    whole = {
        "target": reader.target,
        "white": reader.white,
        "columns": {name: each.state for name, each in made.items()},
    }
    close_source()  # the tensors take its place in memory
    return Dataset(
        {name: each.column for name, each in made.items()},
        {part: {name: each.values[part] for name, each in made.items()} for part in indices},
        whole,
        (*notes, *(note for each in made.values() for note in each.notes)),
        {name: each.tail for name, each in made.items() if each.tail is not None},
        indices,
        weights,
        place,
        {name: each.mover for name, each in made.items() if each.mover is not None},
        reader.where if any(each.tail is not None for each in made.values()) else "sample {}".format,
    )


def _place(
    batching: Batching, reader: Reader, plans: Sequence[Plan], rows: int, state: Mapping[str, Any] | None
) -> Place:
    """Where samples are kept: as the settings say, and, where a run goes on, as it began."""
    if state is not None and batching.cache == "auto" and state.get("cache") in ("memory", "disk", "none"):
        return state["cache"]  # type: ignore[no-any-return]
    return place_for(batching.cache, rows * reader.copies * sum(map(most_bytes, plans)))


def _readable(indices: Mapping[str, Array], rows: Array, good: Array) -> dict[str, Array]:
    """The rows of each part that can be read; what each part has of others does not hang on that."""
    if len(good) == len(rows):
        return dict(indices)
    kept = {part: each[np.isin(each, good)] for part, each in indices.items()}
    if not len(kept["train"]):
        raise Mistake("None of the training samples can be read.", param="data.source.params.path")
    return {part: each for part, each in kept.items() if len(each)}


def batching_of(spec: Spec) -> Batching:
    """Read the settings of batches; raises Mistake where they are wrong."""
    section = spec.data.get("batching", {})
    settings, problems = Batching.parse(section if isinstance(section, Mapping) else {})
    if settings is None:
        raise Mistake(problems[0].message, param=f"data.batching.{problems[0].param}")
    return settings


def _weights(spec: Spec, reader: Reader, batching: Batching, training: Array) -> torch.Tensor | None:
    """How often each training sample is drawn, None for each once."""
    if batching.sampling == "each once":
        return None
    where = "data.batching.sampling"
    if batching.sampling == "balanced":
        labels = labels_of(spec, reader, training)
        if labels is None:
            words = "Balanced sampling draws all classes of the target equally often, and the data has no such target"
            raise Mistake(f"{words}; set it to each once, or choose a target with classes.", param=where)
        return balanced(torch.from_numpy(labels))
    name = batching.weights
    if (
        name not in reader.columns
        or reader.columns[name].kind != "number"
        or reader.columns[name].sizes not in ((), (1,))
    ):
        words = f"Weighted sampling needs a column of numbers, and {name!r} is none" if name else "No column is chosen"
        words += did_you_mean(name, reader.columns) if name else " for weighted sampling"
        raise Mistake(f"{words}; set weights to the column that says how often.", param="data.batching.weights")
    weights = drawing_weights(reader.fetch(training, [name])[name])
    if not float(weights.sum()) > 0:
        raise Mistake(f"{name} has no number above 0, so nothing would be drawn.", param="data.batching.weights")
    return weights


def columns_of(spec: Spec, folder: Path) -> dict[str, Column]:
    """The columns of the data: as the graph gets those that it is bound to, or all where it is to none.

    The others are as the source holds them.
    """
    reader = open_source(spec, folder)
    bound = bound_columns(spec, reader) or list(reader.columns)
    return {name: plan(spec, reader, name).column if name in bound else reader.columns[name] for name in reader.columns}


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
    if raw.follows in reader.columns:
        return _following(spec, reader, raw, chain)
    if not steps.indexes(chain):
        column = steps.after(raw, chain)
        return Plan(raw, chain, column, reader.classes(name) if raw.kind in ("category", "mask") else ())
    values = reader.held(name)
    every = values if values is not None else reader.fetch(np.arange(len(reader)), [name])[name]
    numbers, counts = steps.distinct(every, name)
    return Plan(raw, chain, steps.after(raw, chain, (numbers, counts)), planned.class_names(numbers), numbers)


def refuse_dates(spec: Spec, plans: Iterable[Plan]) -> None:
    """Raise Mistake for dates that no step makes numbers of a network's size of."""
    for each in plans:
        if each.column.kind == "date":
            where = f"data.columns.{each.raw.name}.steps"
            listed = steps.sections(spec).get(each.raw.name, {}).get("steps", ())
            value = [*listed, {"op": "DateParts", "params": {}}]
            fix = Fix("Add DateParts", "set_setting", {"path": where, "value": value})
            words = f"{each.raw.name} holds dates, and a network takes numbers; give it the step DateParts"
            raise Mistake(f"{words}, which makes year, month, day and the like of them.", param=where, fixes=(fix,))


def _following(spec: Spec, reader: Reader, raw: Column, chain: tuple[Step, ...]) -> Plan:
    """The plan of a mask or of boxes, which move as the steps of their image say."""
    image = reader.described(raw.follows)
    moves = steps.steps_of(spec, image)
    column = raw
    if raw.kind == "mask" and moving(moves):
        size = steps.after(image, moves).sizes[1:]
        column = replace(raw, shape=size, ignored=FILL if any(step.random for step in moves) else raw.ignored)
    return Plan(raw, chain, column, reader.classes(raw.name), image=image, moves=moves)


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
        todo = "leave them out or fill them in" if _can_be_filled(reader, lacking) else "leave them out"
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
    if _can_be_filled(reader, lacking):
        filled = {name: {"steps": _with_filling(spec, reader.columns[name])} for name in lacking}
        columns = {**steps.sections(spec), **filled}
        fixes.append(Fix("Fill in what is missing", "set_setting", {"path": "data.columns", "value": columns}))
    return tuple(fixes)


def _can_be_filled(reader: Reader, lacking: Collection[str]) -> bool:
    """Whether a step fills in what all of these lack; a target so filled in would be learnt as if it were true."""
    return reader.target not in lacking and all(reader.columns[name].kind in FillMissing.kinds for name in lacking)


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
        words = planned.class_names(different)
    named = dict(zip(different.tolist(), words, strict=True))
    notes += unseen_classes(reader, rows, labels, named)
    return notes + small_classes(reader, each.tolist(), words, len(counts))
