"""Columns of lists of numbers: samples that differ in length, or arrays of one shape."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from engine.columns import Column
from engine.data.ragged import Array, Flat, bounds, flat
from engine.problem import Mistake

PORTS = "values, length"


def is_list(kind: Any) -> bool:
    """Whether a pyarrow type holds lists, nested ones and arrays of the datasets library among them."""
    from pyarrow import types  # loaded by now

    kind = _stored(kind)
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def innermost(kind: Any) -> Any:
    """The type of what stands in the lists."""
    kind = _stored(kind)
    return innermost(kind.value_type) if is_list(kind) else kind


def _stored(kind: Any) -> Any:
    return getattr(kind, "storage_type", kind)


def arrays_in(column: Any) -> Array | None:
    """The lists of a column: float32 (samples, *shape) where all have one shape, NaN for a sample that has none.

    Lists that differ in length come as an array of float32 arrays, None for one that is missing, empty, or lacks a
    value; nested ones that do give None, and so does a column without any value.
    """
    import pyarrow as pa  # loaded by now

    whole = pa.concat_arrays([chunk.storage if hasattr(chunk, "storage") else chunk for chunk in column.chunks])
    known = np.asarray(whole.is_valid())
    counts, values = _level(whole)
    counts = counts[known]
    shape: tuple[int, ...] = ()
    while is_list(values.type):
        inner, values = _level(values)
        if not len(inner) or (inner != inner[0]).any():
            return None
        shape = (*shape, int(inner[0]))
    numbers = np.array(values.cast(pa.float32(), safe=False).to_numpy(zero_copy_only=False))
    numbers[~np.isfinite(numbers)] = np.nan
    numbers = numbers.reshape(-1, *shape)
    if not counts.any():
        return None
    if (counts == counts[0]).all():
        found = np.full((len(known), int(counts[0]), *shape), np.nan, np.float32)
        found[known] = numbers.reshape(-1, int(counts[0]), *shape)
        return found
    if shape:
        return None
    return _ragged(numbers, known, counts)


def _level(array: Any) -> tuple[Array, Any]:
    """How long each list is, -1 for none, and what stands in all of them."""
    from pyarrow import compute  # loaded by now

    return np.asarray(compute.list_value_length(array).fill_null(-1)), compute.list_flatten(array)


def _ragged(numbers: Array, known: Array, counts: Array) -> Array:
    found = np.empty(len(known), object)
    samples = Flat(numbers, bounds(counts))
    for place, row in enumerate(np.flatnonzero(known).tolist()):
        sample = samples[place]
        found[row] = sample if len(sample) and not np.isnan(sample).any() else None
    return found


def sample(value: Any, name: str) -> Array:
    """One list that is to be predicted for; raises Mistake where it is none of numbers."""
    try:
        array = np.array(value, dtype=np.float32)
    except (TypeError, ValueError, OverflowError):
        array = np.empty(0, np.float32)
    if array.ndim != 1 or not array.size or not np.isfinite(array).all():
        raise Mistake(f"{name} is {str(value)[:60]!r}; it must be a list of numbers, at least one.")
    return array


def sequence_column(name: str, size: str) -> Column:
    """A column of lists that differ in length; `size` names it."""
    return Column(name, "sequence", (size,), "float32", ports=PORTS)


def described(column: Column, values: Array) -> Column:
    """A column of lists with its facts: the shortest, the middle and the longest list, and what numbers there are."""
    known = [each for each in values if each is not None]
    if not known:
        return column
    counts, numbers = [len(each) for each in known], np.concatenate(known)
    lengths = (float(min(counts)), float(np.median(counts)), float(max(counts)))
    low, high, mean = float(numbers.min()), float(numbers.max()), float(numbers.mean(dtype=float))
    return replace(column, lengths=lengths, low=low, high=high, mean=mean)


def laid_out(samples: Array) -> Flat:
    """Lists one after the other, none of them missing."""
    return flat(samples.tolist(), np.empty(0, np.float32))
