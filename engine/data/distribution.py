"""How the values of each column are distributed, part by part: classes, numbers in bins, and lengths."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine.columns import Column
from engine.data.browse import shares
from engine.data.made import Plan
from engine.data.prepare import plan
from engine.data.report import shown_value
from engine.data.sources import Array, Reader, open_source
from engine.problem import Mistake
from engine.spec import Spec

BINS = 24
MOST_CLASSES = 40  # classes that have a bar of their own
MOST_READ = 5000  # samples of a part that are read where a column is not in memory
UNITS = {"text": "characters", "audio": "seconds", "boxes": "boxes", "sequence": "numbers", "date": "date"}
COUNTED = ("number", "category", "text", "boxes", "date", "sequence")  # kinds whose values are in `held` or `fetch`
MOST_EXACT = 2**53  # up to which whole numbers have a place of their own among doubles
ALL = "all"  # the one part there is where the samples cannot be shared out


def distributions(spec: Spec, folder: Path) -> dict[str, Any]:
    """How the values of each column are distributed, as JSON: {column: {"unit", "names" or "edges", "parts"}}.

    "parts" hold for each part how many samples each class, or each bin between two edges, has. "read" tells that only
    so many samples of a part were looked at, "classes" of boxes how many boxes each class has. Columns that have
    nothing to count are left out.
    """
    reader = open_source(spec, folder)
    try:
        parts = shares(spec, reader)
    except Mistake:  # the data panel says why; the values are there all the same
        parts = {ALL: np.arange(len(reader))}
    found = {}
    for name, column in reader.columns.items():
        if not column.parts and (one := _column(spec, reader, name, parts)):
            found[name] = {**one, "classes": _of_boxes(reader, column, parts)} if column.kind == "boxes" else one
    return {"columns": found, "counts": {part: len(rows) for part, rows in parts.items()}}


def _column(spec: Spec, reader: Reader, name: str, parts: Mapping[str, Array]) -> dict[str, Any] | None:
    try:
        planned = plan(spec, reader, name)
    except Mistake:  # its steps are wrong; what the source holds can be counted
        raw = reader.described(name)
        planned = Plan(raw, (), raw, reader.classes(name) if raw.kind == "category" else ())
    if planned.numbers is None and planned.raw.kind == "number" and planned.raw.shape not in ((), (1,)):
        return None
    read, values = _values(reader, planned.raw, parts)
    if values is None:
        return None
    limited = {"read": MOST_READ} if read else {}
    if planned.classes and (planned.raw.kind == "category" or planned.numbers is not None):
        return {**_classes(planned, values), **limited}
    return {**_bins(_unit(planned.raw), values), **limited}


def _of_boxes(reader: Reader, column: Column, parts: Mapping[str, Array]) -> dict[str, Any]:
    """How many boxes each class has."""
    counts = {}
    for part, rows in parts.items():
        values = reader.fetch(_spread(rows), [column.name])[column.name]
        labels = Counter(label for each in values for label in shown_value(reader, column, each)["labels"])
        counts[part] = [labels[name] for name in column.classes]
    return {"unit": "", "names": list(column.classes), "parts": counts}


def _unit(column: Column) -> str:
    return UNITS.get(column.kind, "")


def _values(reader: Reader, column: Column, parts: Mapping[str, Array]) -> tuple[bool, dict[str, Array] | None]:
    """What is counted of each sample, part by part, and whether only some samples were read for it."""
    if column.kind == "audio":
        seconds = reader.seconds(column.name)
        return False, {part: seconds[rows] for part, rows in parts.items()}
    if column.kind not in COUNTED:
        return False, None
    held = reader.held(column.name)
    if held is not None:
        return False, {part: _counted(reader, column, held[rows]) for part, rows in parts.items()}
    some = {part: _spread(rows) for part, rows in parts.items()}
    found = {part: reader.fetch(rows, [column.name])[column.name] for part, rows in some.items()}
    limited = any(len(some[part]) < len(rows) for part, rows in parts.items())
    return limited, {part: _counted(reader, column, values) for part, values in found.items()}


def _spread(rows: Array) -> Array:
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(MOST_READ, len(rows))).astype(np.int64))]


def _counted(reader: Reader, column: Column, values: Array) -> Array:
    match column.kind:
        case "text" | "sequence":
            return np.array([len(each) for each in values if each is not None], np.float64)
        case "boxes":
            return np.array([len(shown_value(reader, column, each)["boxes"]) for each in values], np.float64)
    return values.reshape(len(values))


def _classes(planned: Plan, values: Mapping[str, Array]) -> dict[str, Any]:
    """The samples of each class, the largest classes first where there are too many for a bar each."""
    names = planned.classes
    counts = {part: _counts(planned, each, len(names)) for part, each in values.items()}
    if len(names) <= MOST_CLASSES:
        return {"unit": "", "names": list(names), "parts": {part: each.tolist() for part, each in counts.items()}}
    order = np.argsort(-sum(counts.values()), kind="stable")[: MOST_CLASSES - 1]
    rest = {part: int(each.sum() - each[order].sum()) for part, each in counts.items()}
    return {
        "unit": "",
        "names": [*(names[place] for place in order), f"{len(names) - len(order):,} others"],
        "parts": {part: [*each[order].tolist(), rest[part]] for part, each in counts.items()},
    }


def _counts(planned: Plan, values: Array, classes: int) -> Array:
    if planned.numbers is not None:
        values = np.searchsorted(planned.numbers, values[~np.isnan(values)] if values.dtype.kind == "f" else values)
    return np.bincount(values[values >= 0].astype(np.int64), minlength=classes)[:classes]


def _bins(unit: str, values: Mapping[str, Array]) -> dict[str, Any]:
    """The samples in bins of equal width from the lowest to the highest value."""
    finite = {part: _finite(each) for part, each in values.items()}
    known = np.concatenate(list(finite.values()))
    if not known.size:
        return {"unit": unit, "edges": [], "parts": {part: [] for part in values}}
    edges = _edges(known)
    counts = {part: np.histogram(each, edges)[0].tolist() for part, each in finite.items()}
    return {"unit": unit, "edges": [float(each) for each in edges], "parts": counts}


def _finite(values: Array) -> Array:
    numbers = values.astype(np.float64)
    return numbers[np.isfinite(numbers)]


def _edges(known: Array) -> Array:
    """Edges of the bins; those of whole numbers lie between them, so that each bin has equally many."""
    low, high = float(known.min()), float(known.max())
    if (known == np.round(known)).all() and high < MOST_EXACT:
        width = math.ceil((high - low + 1) / BINS)
        return np.arange(low, high + width + 0.5, width) - 0.5
    return np.linspace(low, high, BINS + 1) if high > low else np.array([low - 0.5, high + 0.5])
