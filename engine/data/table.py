"""Tables: rows of a CSV, Parquet, JSON lines or Arrow file, each column by its name, and the features joined."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.columns import Column
from engine.data import bigtable, lists, store, tablefile
from engine.data.moments import moments_in
from engine.data.sources import MOST_LISTED, PARTS, Array, Reader, class_column, located_file, refuse
from engine.data.steps import INDEX, MOST_CLASSES, STANDARDIZE
from engine.data.tablefile import TableFile
from engine.data.text import array_of, text_column
from engine.declare import did_you_mean
from engine.ops import source as declared
from engine.problem import Fix, Mistake

FEATURES = "features"
FEW_NUMBERS = 20  # a target of at most so many different whole numbers is taken as classes
TEXT_LETTERS, TEXT_WORDS = 20, 4  # on average, from which values are read as texts
TEXT_SHARE = 0.5  # of the values that differ, from which they may be texts
MOSTLY = 0.8  # share of different values that are numbers, from which a text column is taken as one with faults


class Table(Reader):
    """Each column by its name, numbers with a size of 1, and "features" with the chosen numbers side by side."""

    _settings: tuple[str, ...] = ()  # how the file is read

    def __init__(self, source: declared.Table, folder: Path) -> None:
        read = self._whole(source, folder)
        self.target = known_column(source.target, read.names, "target")
        self.drops_missing = source.missing == "drop rows"
        self.columns = self._filled(read, source.features, source.texts)
        if not self.columns:
            raise refuse(f"{self._path} has no column of numbers or of classes.")

    def _whole(self, source: declared.Table, folder: Path) -> TableFile:
        """Read the file, and those of the other parts below it."""
        self._path = located_file(source.path, folder, tablefile.WHAT)
        self._settings = (source.delimiter, source.header)
        files, places = [(self._path, tablefile.read_table(self._path, source.delimiter, source.header))], [0]
        for place, path in ((1, source.validation_path), (2, source.test_path)):
            if path:
                found = located_file(path, folder, f"file of the {PARTS[place]} part")
                files.append((found, tablefile.read_table(found, source.delimiter, source.header)))
                places.append(place)
        counts = [each.table.num_rows for _path, each in files]
        if len(files) > 1:
            self.parts = np.repeat(np.array(places, np.int8), counts)
        starts = np.cumsum([0, *counts[:-1]]).tolist()
        self._files = [(path, each.first_row, start) for (path, each), start in zip(files, starts, strict=True)]
        table, self.notes = tablefile.joined(files)
        return TableFile(table, files[0][1].first_row, any(each.large for _path, each in files))

    def _filled(self, read: TableFile, features: Sequence[str], texts: Sequence[str] = ()) -> dict[str, Column]:
        """Take in the columns of the file, and join the features."""
        self._arrays: dict[str, Any] = {}  # Arrays, and of a large table Texts
        self._classes: dict[str, list[str]] = {}
        self._texts: dict[str, tuple[int, str]] = {}  # of columns with numbers and texts: the first text and its row
        self._rows = read.table.num_rows
        self._chosen_texts = {known_column(name, read.names, "texts") for name in texts}
        columns = {name: column for name in read.names if (column := self._column(read, name)) is not None}
        parts = self._features(features, read, columns)
        if self.target:
            self._check_target(columns)
        joined = {} if not parts or FEATURES in columns else {FEATURES: _joined(parts)}
        order = sorted(columns, key=lambda name: name != self.target)
        return joined | {name: columns[name] for name in order}

    def __len__(self) -> int:
        return int(self._rows)

    def read(self, indices: Array, name: str) -> tuple[Array, dict[int, str]]:
        column = self.columns[name]
        if column.parts:
            return np.stack([self._arrays[part][indices] for part in column.parts], axis=1), {}
        values = self._arrays[name][indices]
        return values[:, None] if column.shape == (1,) else values, {}

    def held(self, name: str) -> Array | None:
        return self._arrays.get(name)

    def classes(self, name: str) -> Sequence[str]:
        return self._classes.get(name, ())

    def missing(self, name: str) -> Array | None:
        parts = self.columns[name].parts
        if not parts:
            return super().missing(name)
        lacking = [lacks for part in parts if (lacks := super(Table, self).missing(part)) is not None]
        return np.logical_or.reduce(lacking) if lacking else None

    def _with_facts(self, column: Column) -> Column:
        described = super()._with_facts(column)
        known = [part for name in column.parts if (part := self.described(name)).mean is not None]
        if not known:
            return described
        lows, highs, means = zip(*((part.low, part.high, part.mean) for part in known), strict=True)
        return replace(described, low=min(lows), high=max(highs), mean=math.fsum(means) / len(means))

    def where(self, index: int) -> str:
        path, first_row, start = next(each for each in reversed(self._files) if each[2] <= index)
        return f"row {index - start + first_row}" + (f" of {path.name}" if len(self._files) > 1 else "")

    # ---------------------------------------------------------------------------------------------------- columns

    def _column(self, read: TableFile, name: str) -> Column | None:
        """Take in a column of the file; None, with a note, for one that is of no use."""
        column = read.table.column(name)
        kind = column.type
        if str(kind) in ("binary", "large_binary"):
            raise tablefile.not_text(self._path, name, column, read.first_row)
        if name in self._chosen_texts:
            return self._category(name, tablefile.texts(column))
        if tablefile.is_time(kind) and name != self.target:
            return self._date(name, tablefile.numbers(column))
        if (infinite := tablefile.infinite(column)) is not None:
            count, first = infinite
            words = f"{name} has {count:,} infinite value{'s' * (count > 1)}, first {self.where(first)}"
            self.notes += (f"{words}; {'they count' if count > 1 else 'it counts'} as missing.",)
        if tablefile.is_numeric(kind) or tablefile.is_time(kind):
            return self._number(name, self._numbers(read, name), whole=str(kind).startswith(("int", "uint")))
        if lists.is_list(kind):
            return self._lists(name, column)
        if not tablefile.is_text(kind):
            self.notes += (f"{name} is of the type {kind} and is left out.",)
            return None
        if str(kind) == "bool" and name != self.target:
            return self._number(name, self._numbers(read, name), whole=False)
        return self._category(name, tablefile.texts(column), large=read.large)

    def _numbers(self, read: TableFile, name: str) -> Array:
        """A column's numbers, of a large table in a file."""
        column = read.table.column(name)
        if not read.large:
            return tablefile.numbers(column)
        states = [(path.resolve(), path.stat()) for path, _first, _start in self._files]
        facts = [(str(path), state.st_size, state.st_mtime_ns) for path, state in states]
        key = store.key_of(facts, self._settings, read.names, name)
        return bigtable.numbers(column, key, tablefile.numbers)

    def _number(self, name: str, values: Array, *, whole: bool) -> Column | None:
        self._arrays[name] = values
        if np.isnan(values).all():
            self.notes += (f"{name} is empty and is left out.",)
            return None
        default = STANDARDIZE if name != self.target else INDEX if whole and _few(values) else ()
        return Column(name, "number", (1,), "float32", default=default)

    def _date(self, name: str, values: Array) -> Column | None:
        if np.isnan(values).all():
            self.notes += (f"{name} is empty and is left out.",)
            return None
        self._arrays[name] = values
        return Column(name, "date", (1,), "float64")

    def _lists(self, name: str, column: Any) -> Column | None:
        """A column of lists: a sequence where they differ in length, else numbers of their shape."""
        inner = lists.innermost(column.type)
        if not tablefile.is_numeric(inner):
            self.notes += (f"{name} holds lists of {inner} and no numbers, and is left out.",)
            return None
        values = lists.arrays_in(column)
        if values is None:
            self.notes += (f"{name} holds lists that are empty, or lists of lists that differ in length; left out.",)
            return None
        if values.dtype == object:
            size = self._free_size(name)
            self._arrays[name] = values
            return lists.sequence_column(name, size)
        if values.shape[1:] == (1,):
            return self._number(name, values[:, 0], whole=False)
        self._arrays[name] = values
        return Column(name, "number", values.shape[1:], "float32", default=STANDARDIZE)

    def _category(self, name: str, texts: Any, *, large: bool = False) -> Column | None:
        different = texts.unique().drop_null()
        if len(different) == 0:
            self.notes += (f"{name} is empty and is left out.",)
            return None
        if name not in (self.target, *self._chosen_texts):
            days = moments_in(different.to_pylist())
            if days is not None:
                return self._date(name, np.append(days, math.nan)[tablefile.places(texts, different.to_pylist())])
        if name != self.target and (name in self._chosen_texts or _reads_as_text(texts, len(different))):
            self._arrays[name] = bigtable.Texts(texts) if large else array_of(texts.to_pylist())
            return text_column(name, self._free_size(name))
        if len(different) > MOST_CLASSES:
            self.notes += (f"{name} has {len(different):,} different texts, too many to be classes, and is left out.",)
            return None
        known = different.to_pylist()
        count = sum(map(tablefile.is_number, known))
        if count == len(known):
            return self._number(
                name, np.array([math.nan if each is None else float(each) for each in texts.to_pylist()]), whole=False
            )
        if count >= 2 and (count >= MOSTLY * len(known) or len(known) - count == 1):
            found = tablefile.first_text(texts)
            assert found is not None
            self._texts[name] = found
        self._classes[name] = sorted(known)
        self._arrays[name] = tablefile.places(texts, self._classes[name])
        return class_column(name, self._classes[name])

    def _free_size(self, name: str) -> str:
        """A name for how many tokens a text has: "T", and one of its own for each text beside the first."""
        others = sum(array.dtype == object for each, array in self._arrays.items() if each != name)
        own = re.sub(r"\W", "_", name)
        return f"T_{own}" if others else "T"

    def _features(self, features: Sequence[str], read: TableFile, columns: dict[str, Column]) -> tuple[str, ...]:
        """The columns that "features" joins; raises Mistake where one is no column of numbers."""
        chosen = tuple(known_column(name, read.names, "features") for name in features)
        if self.target in chosen:
            words = f"features holds {self.target!r}, which is the target; take it out of one of them."
            raise refuse(words, "features")
        usable = tuple(
            name
            for name, column in columns.items()
            if column.kind == "number" and name != self.target and column.shape == (1,)
        )
        faulty = [name for name in self._texts if name in chosen or (not chosen and name != self.target)]
        if faulty:
            raise self._no_number(faulty[0], usable)
        for name in chosen:
            if (
                name in columns
                and (columns[name].kind, columns[name].shape) != ("number", (1,))
                and (columns[name].kind != "category")
            ):
                words = f"{name} is a {columns[name].kind} column; features joins single numbers, so take it out"
                raise refuse(f"{words}, and bind an Input to it.", "features", (_without(name, usable),))
            if name not in columns or columns[name].kind != "number":
                self._texts[name] = tablefile.first_text(tablefile.texts(read.table.column(name))) or (0, "")
                raise self._no_number(name, usable)
        return chosen or usable

    def _no_number(self, name: str, usable: Sequence[str]) -> Mistake:
        index, text = self._texts[name]
        words = f"{self._path.name}: {name} must hold numbers, and {self.where(index)} has {text!r}"
        fixes = (_without(name, usable),) if usable else ()
        return refuse(f"{words}; mend it, or leave {name} out of features.", "features", fixes)

    def _check_target(self, columns: dict[str, Column]) -> None:
        if self.target in self._texts:
            index, text = self._texts[self.target]
            words = f"{self._path.name}: the target {self.target} holds numbers, but {self.where(index)} has {text!r}"
            raise refuse(f"{words}; mend it or choose another target.", "target")
        count = len(self._classes.get(self.target, ()))
        if self.target not in columns:
            raise refuse(f"The target {self.target} is empty or of no usable type; choose another.", "target")
        if count == 1:
            words = f"The target {self.target} has one class, {self._classes[self.target][0]}"
            raise refuse(f"{words}; at least two are needed to tell apart. Choose another target.", "target")
        if count > MOST_LISTED:
            words = f"The target {self.target} has {count:,} different texts, more than {MOST_LISTED:,} classes"
            raise refuse(f"{words}; choose another target.", "target")


def _reads_as_text(texts: Any, different: int) -> bool:
    """Whether values are long and mostly different, so that they are read rather than sorted into classes."""
    from pyarrow import compute  # loaded by now

    known = len(texts) - texts.null_count
    if different < max(FEW_NUMBERS, known * TEXT_SHARE):
        return False
    blanks = compute.mean(compute.count_substring(texts, " ")).as_py()
    return bool(compute.mean(compute.utf8_length(texts)).as_py() >= TEXT_LETTERS and blanks >= TEXT_WORDS - 1)


def _without(name: str, usable: Sequence[str]) -> Fix:
    value = {"path": "data.source.params.features", "value": [each for each in usable if each != name]}
    return Fix(f"Take the features without {name}", "set_setting", value)


def _joined(parts: tuple[str, ...]) -> Column:
    return Column(FEATURES, "number", (len(parts),), "float32", parts=parts, default=STANDARDIZE)


def _few(values: Array) -> bool:
    known = values[~np.isnan(values)]
    return bool(known.min() >= 0) and len(np.unique(known)) <= FEW_NUMBERS


def known_column(name: str, names: Sequence[str], param: str) -> str:
    """Return the name of a column that a param of the source holds; raises Mistake where the table has none."""
    if name and name not in names:
        listed = ", ".join(each[:30] for each in names[:8]) + (", ..." if len(names) > 8 else "")
        raise refuse(f"The table has no column {name!r}{did_you_mean(name, names)}; it has {listed}.", param)
    return name
