"""Windows over the rows of a table in the order of time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.columns import Column
from engine.data import tablefile
from engine.data.moments import PARTS, moments, together
from engine.data.sources import Array, Reader, located_file, refuse
from engine.data.steps import STANDARDIZE
from engine.data.table import MOSTLY, known_column
from engine.data.tablefile import TableFile
from engine.ops import source as declared

MOST_CLASSES = 20  # of a column of texts, each of which becomes a column of 0 and 1


class TimeSeries(Reader):
    """Columns "past" (rows, columns), "future" (what follows of the targets) and "time", the first moment predicted.

    "future" has the axes (rows, targets), and lacks the one whose size is 1.
    """

    target = "future"

    def __init__(self, source: declared.TimeSeries, folder: Path) -> None:
        self._path = located_file(source.path, folder, "table of a series")
        read = tablefile.read_table(self._path)
        self._first_row = read.first_row
        self._source = source
        times, order = ordered(source.time, read, self._path)
        twice = int((np.diff(times) == 0).sum())
        if twice:
            self.notes += (f"{twice:,} rows have the time of the row before them.",)
        self._rows = order
        self._values, self._answers = self._columns(read, order)
        self.drops_missing = source.missing == "drop rows"
        if source.missing in ("last value", "zero"):
            self._values = _filled(self._values, source.missing)
            self._answers = _filled(self._answers, source.missing)
        count = len(order) - source.length - source.horizon
        if count < 0:
            words = f"{self._path.name} has {len(order):,} rows, fewer than a window and its horizon take"
            raise refuse(f"{words} ({source.length} + {source.horizon}); make length smaller.", "length")
        self._starts = np.arange(0, count + 1, source.stride)
        first = self._starts + source.length
        self.times = (times[first], times[first + source.horizon - 1])
        self.columns = {each.name: each for each in self._described()}

    def __len__(self) -> int:
        return len(self._starts)

    def _described(self) -> tuple[Column, ...]:
        length, horizon, targets = self._source.length, self._source.horizon, self._answers.shape[1]
        shape = tuple(size for size in (horizon, targets) if size > 1) or (1,)
        return (
            Column("past", "number", (length, len(self._names)), "float32", parts=self._names, default=STANDARDIZE),
            Column("future", "number", shape, "float32"),
            Column("time", "number", (1,), "float32", default=STANDARDIZE),
        )

    def read(self, indices: Array, name: str) -> tuple[Array, dict[int, str]]:
        starts = self._starts[indices][:, None]
        if name == "past":
            return self._values[starts + np.arange(self._source.length)], {}
        if name == "future":
            rows = starts + self._source.length + np.arange(self._source.horizon)
            return self._answers[rows].reshape(len(indices), *self.columns["future"].shape), {}
        assert self.times is not None
        return self.times[0][indices][:, None], {}

    def held(self, _name: str) -> Array | None:
        return None

    def missing(self, name: str) -> Array | None:
        if name == "time":
            return None
        values = self._values if name == "past" else self._answers
        size = self._source.length if name == "past" else self._source.horizon
        starts = self._starts + (0 if name == "past" else self._source.length)
        known = np.concatenate([[0], np.cumsum(np.isnan(values).any(axis=1))])
        lacks = known[starts + size] > known[starts]
        return lacks if lacks.any() else None

    def _with_facts(self, column: Column) -> Column:
        assert self.times is not None
        values = {"past": self._values, "future": self._answers}.get(column.name, self.times[0])
        lacks, known = self.missing(column.name), values[~np.isnan(values)]
        column = replace(column, missing=0 if lacks is None else int(lacks.sum()))
        if not known.size:
            return column
        return replace(column, low=float(known.min()), high=float(known.max()), mean=float(known.mean(dtype=float)))

    def where(self, index: int) -> str:
        row = int(self._rows[self._starts[index]])
        return f"the window from row {row + self._first_row} on"

    # ------------------------------------------------------------------------------------------------- reading

    def _columns(self, read: TableFile, order: Array) -> tuple[Array, Array]:
        """Take in the columns that are seen and those that are predicted, in the order of time."""
        chosen = tuple(known_column(name, read.names, "columns") for name in self._source.columns)
        arrays: dict[str, Array] = {}
        for name in chosen or [name for name in read.names if name not in self._source.time]:
            found = self._taken(name, read)
            if not found and chosen:
                raise refuse(f"{self._path.name}: {name} holds neither numbers nor a few classes.", "columns")
            arrays |= found
        numbers = [name for name in arrays if name in read.names]
        targets = tuple(known_column(name, read.names, "targets") for name in self._source.targets) or numbers[-1:]
        if not targets:
            raise refuse(f"{self._path.name} has no column of numbers to predict.", "targets")
        self._names = tuple(arrays)
        values = np.stack(list(arrays.values()), axis=1)[order].astype(np.float32)
        answers = [_numbers(name, read, self._path, "targets") for name in targets]
        return values, np.stack(answers, axis=1)[order].astype(np.float32)

    def _taken(self, name: str, read: TableFile) -> dict[str, Array]:
        """A column of numbers as it is, one of a few texts as a column of 0 and 1 for each; none, with a note, else."""
        column = read.table.column(name)
        if tablefile.is_numeric(column.type):
            values = tablefile.numbers(column)
            return {} if np.isnan(values).all() else {name: values}
        if not tablefile.is_text(column.type):
            self.notes += (f"{name} is of the type {column.type} and is left out.",)
            return {}
        texts = tablefile.texts(column)
        classes = sorted(texts.unique().drop_null().to_pylist())
        if sum(map(tablefile.is_number, classes)) >= max(1, MOSTLY * len(classes)):
            return {name: _numbers(name, read, self._path, "columns")}
        if len(classes) > MOST_CLASSES:
            self.notes += (f"{name} has {len(classes):,} different texts and is left out.",)
            return {}
        codes = tablefile.places(texts, classes)
        lacks = np.where(codes < 0, np.nan, 0.0)
        return {f"{name}={each}": (codes == place) + lacks for place, each in enumerate(classes)}


def ordered(names: Sequence[str], read: TableFile, path: Path) -> tuple[Array, Array]:
    """The moments of a table's rows, ascending, and the rows in that order; without names, as they stand."""
    names = tuple(known_column(name, read.names, "time") for name in names)
    if not names:
        return np.arange(read.table.num_rows, dtype=np.float64), np.arange(read.table.num_rows)
    times = _together(names, read, path) if len(names) > 1 else _moments(names[0], read, path)
    if np.isnan(times).any():
        row = int(np.isnan(times).argmax()) + read.first_row
        raise refuse(f"{path.name}: row {row} has no time; mend it, or choose other columns.", "time")
    order = np.argsort(times, kind="stable")
    return times[order], order


def _moments(name: str, read: TableFile, path: Path) -> Array:
    found = moments(read.table.column(name))
    if found is None:
        first = read.table.column(name)[0].as_py()
        words = f"{path.name}: {name} holds no times that are written alike, such as 2024-01-31"
        raise refuse(f"{words}; row {read.first_row} has {first!r}.", "time")
    return found


def _together(names: Sequence[str], read: TableFile, path: Path) -> Array:
    lowered = [name.lower() for name in names]
    if "year" not in lowered or not set(lowered) <= set(PARTS):
        words = f"several columns of time must be named {', '.join(PARTS[:-1])} or {PARTS[-1]}, year among them"
        raise refuse(f"{path.name}: {words}.", "time")
    return together({name: _numbers(name, read, path, "time") for name in names})


def _numbers(name: str, read: TableFile, path: Path, param: str) -> Array:
    column: Any = read.table.column(name)
    if tablefile.is_numeric(column.type):
        return tablefile.numbers(column)
    if not tablefile.is_text(column.type):
        raise refuse(f"{path.name}: {name} is of the type {column.type} and holds no numbers.", param)
    texts = tablefile.texts(column)
    found = tablefile.first_text(texts)
    if found is not None:
        words = f"{path.name}: {name} must hold numbers, and row {found[0] + read.first_row} has {found[1]!r}"
        raise refuse(f"{words}; mend it, or leave {name} out.", param)
    return np.array([math.nan if each is None else float(each) for each in texts.to_pylist()])


def latest(source: declared.TimeSeries, path: Path, names: Sequence[str]) -> Array:
    """The last window of a new table, from which what follows it is predicted: (1, length, columns).

    `names` are the columns as the training data had them. Raises Mistake where the table lacks one, or has fewer rows.
    """
    read = tablefile.read_table(path)
    if read.table.num_rows < source.length:
        raise refuse(f"{path} has {read.table.num_rows} rows, and a window takes {source.length}.")
    order = ordered(source.time, read, path)[1]
    columns = [_like_trained(name, read, path) for name in names]
    values = np.stack(columns, axis=1)[order].astype(np.float32)
    if source.missing in ("last value", "zero"):
        values = _filled(values, source.missing)
    return values[None, -source.length :]


def _like_trained(name: str, read: TableFile, path: Path) -> Array:
    column, is_class, text = name.rpartition("=")
    if name not in read.names and is_class and column in read.names:
        texts = tablefile.texts(read.table.column(column))
        codes = tablefile.places(texts, [text])
        return np.where(codes == -1, np.nan, codes == 0)
    known_column(name, read.names, "columns")
    return _numbers(name, read, path, "columns")


def _filled(values: Array, how: str) -> Array:
    """Put the last known value of a column, or 0, where one is missing; what comes before the first becomes 0."""
    if how == "zero":
        return np.asarray(np.nan_to_num(values, nan=0.0))
    rows = np.where(np.isnan(values), 0, np.arange(len(values))[:, None])
    known = np.take_along_axis(values, np.maximum.accumulate(rows, axis=0), axis=0)
    return np.asarray(np.nan_to_num(known, nan=0.0))
