"""Ratings: who rated what and how, with facts about users and items from tables beside."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.columns import Column
from engine.data import negative, tablefile
from engine.data.moments import moments
from engine.data.sources import MOST_LISTED, Array, Reader, class_column, located_file, refuse
from engine.data.steps import STANDARDIZE
from engine.data.table import known_column
from engine.data.tablefile import TableFile
from engine.ops import source as declared

NAMES = {
    "user": ("userid", "user", "uid", "customer", "customerid", "reviewerid", "reader"),
    "item": ("movieid", "itemid", "item", "iid", "bookid", "productid", "product", "movie", "book", "isbn", "song"),
    "rating": ("rating", "ratings", "score", "stars", "bookrating", "overall"),
    "time": ("timestamp", "time", "date", "unixreviewtime"),
}
MOST_VALUES = 1000  # different ones in cells of several
NOTHING = ("(no genres listed)",)  # what MovieLens writes for no value


def role_of(role: str, names: Iterable[str]) -> str:
    """The first column whose name says that it holds the users, items, ratings or times; "" where none does."""
    return next((each for each in names if "".join(filter(str.isalnum, each.lower())) in NAMES[role]), "")


def rows_of(
    source: declared.Ratings, path: Path, folder: Path, parts: Mapping[str, Sequence[str]]
) -> list[dict[str, Any]]:
    """The rows of a new table of ratings by the names of the columns here: "user", "item" and what else it has.

    `parts` are the columns that are asked for, each with the values that a cell of it may hold several of. Facts that
    the table does not have itself are taken from the source's tables beside, which start at `folder`.
    """
    read = tablefile.read_table(path)
    named = {role: getattr(source, role) or role_of(role, read.names) for role in NAMES}
    found = {role: read.table.column(name).to_pylist() for role, name in named.items() if name in read.names}
    for full, several in parts.items():
        if full in found:
            continue
        cells = _facts_of(full, source, read, named, folder)
        if cells is not None:
            found[full] = [_split(each, several, source.separator) for each in cells] if several else cells
    return [dict(zip(found, each, strict=True)) for each in zip(*found.values(), strict=True)]


def _facts_of(
    full: str, source: declared.Ratings, read: TableFile, named: Mapping[str, str], folder: Path
) -> list[Any] | None:
    """The value of a fact such as "item_genres" in each row, None where neither this table nor one beside has it."""
    if full in read.names:
        return list(read.table.column(full).to_pylist())
    role, _, name = full.partition("_")
    beside = {"user": source.users, "item": source.items}.get(role)
    if not beside or named[role] not in read.names:
        return None
    path = located_file(beside, folder, f"table of {role}s")
    facts = tablefile.read_table(path)
    if name not in facts.names or named[role] not in facts.names:
        return None
    keys = tablefile.texts(facts.table.column(named[role])).to_pylist()
    known = dict(zip(keys, facts.table.column(name).to_pylist(), strict=True))
    return [known.get(each) for each in tablefile.texts(read.table.column(named[role])).to_pylist()]


def _split(cell: Any, parts: Sequence[str], separator: str) -> Any:
    """A cell of several values as 0 and 1 for each value there may be; one that lacks a value lacks all."""
    if not isinstance(cell, str):
        return [math.nan] * len(parts) if cell is None else cell
    held = {each.strip() for each in cell.split(separator)}
    return [float(each in held) for each in parts]


@dataclass(frozen=True)
class _Fact:
    """A column of a table beside: its values, one for each user or item, and whose they are."""

    column: Column
    of: str
    values: Array
    classes: tuple[str, ...] = ()


class Ratings(Reader):
    """Columns "user", "item", "rating", "time" where there is one, and facts such as "user_age" or "item_genres"."""

    target = "rating"

    def __init__(self, source: declared.Ratings, folder: Path) -> None:
        self._path = located_file(source.path, folder, "table of ratings")
        self.drops_missing = source.missing == "drop rows"
        read = tablefile.read_table(self._path)
        self._first_row = read.first_row
        named = {role: self._named(source, role, read) for role in ("user", "item", "rating", "time")}
        self._arrays: dict[str, Array] = {}
        self._classes: dict[str, Sequence[str]] = {}
        for role in ("user", "item"):
            self._coded_ids(role, named[role], read)
        self._arrays["rating"] = self._numbers(named["rating"], read, "rating")
        columns = [class_column(role, self._classes[role]) for role in ("user", "item")]
        columns.append(Column("rating", "number", (1,), "float32"))
        if named["time"]:
            self._arrays["time"] = self._moments(named["time"], read)
            columns.append(Column("time", "number", (1,), "float32", default=STANDARDIZE))
        self._facts: dict[str, _Fact] = {}
        self._titles: dict[str, list[str | None]] = {}  # of users or items, each in the place of its class
        for role, path in (("user", source.users), ("item", source.items)):
            if path:
                self._read_facts(role, named[role], located_file(path, folder, f"table of {role}s"), source.separator)
        self.columns = {each.name: each for each in columns} | {name: each.column for name, each in self._facts.items()}
        self.copies = 1 + source.negatives
        if source.negatives:
            self._rated = negative.pairs(self._arrays["user"], self._arrays["item"], len(self._classes["item"]))

    def __len__(self) -> int:
        return len(self._arrays["rating"])

    def read(self, indices: Array, name: str) -> tuple[Array, dict[int, str]]:
        return self._taken(indices, name, self._items(indices, (0, -1))), {}

    def redrawn(self, indices: Array, name: str, draw: tuple[int, int]) -> Array | None:
        fact = self._facts.get(name)
        if self.copies == 1 or "item" not in (name, fact.of if fact is not None else ""):
            return None
        return self._taken(indices, name, self._items(indices, draw))

    def _taken(self, indices: Array, name: str, items: Array) -> Array:
        """The values of a column for samples of which the items are known."""
        rows = indices % len(self)
        if (fact := self._facts.get(name)) is not None:
            places = items if fact.of == "item" else self._arrays[fact.of][rows]
            taken: Array = fact.values[places]
            taken[places < 0] = np.nan if taken.dtype.kind == "f" else -1
            return taken
        if name == "item":
            return items
        if name == "rating" and self.copies > 1:
            return (indices < len(self)).astype(np.float64)[:, None]
        values: Array = self._arrays[name][rows]
        return values if name in self._classes else values[:, None]

    def _items(self, indices: Array, draw: tuple[int, int]) -> Array:
        """The item of each sample; beyond the rows, one drawn that the user has not rated."""
        items: Array = self._arrays["item"][indices % len(self)]
        drawn = np.flatnonzero(indices >= len(self))
        if drawn.size:
            users = self._arrays["user"][indices[drawn] % len(self)]
            items[drawn] = negative.items(users, indices[drawn], self._rated, len(self._classes["item"]), draw)
        return items

    def held(self, name: str) -> Array | None:
        return self._arrays.get(name)

    def classes(self, name: str) -> Sequence[str]:
        return self._facts[name].classes if name in self._facts else self._classes.get(name, ())

    def class_words(self, name: str, place: int) -> str:
        title = self._titles[name][place] if name in self._titles else None
        return f"{self.classes(name)[place]} {title}" if title else self.classes(name)[place]

    def missing(self, name: str) -> Array | None:
        fact = self._facts.get(name)
        if fact is None:
            return super().missing(name)
        rows = fact.values.reshape(len(fact.values), -1)
        lacking = (np.isnan(rows) if rows.dtype.kind == "f" else rows < 0).any(axis=1)
        lacks: Array = np.take(lacking, self._arrays[fact.of])
        return lacks if lacks.any() else None

    def _with_facts(self, column: Column) -> Column:
        fact = self._facts.get(column.name)
        if fact is None:
            return super()._with_facts(column)
        lacks = self.missing(column.name)
        column = replace(column, missing=0 if lacks is None else int(lacks.sum()))
        if column.kind == "category":
            codes = fact.values[self._arrays[fact.of]]
            counts = np.bincount(codes[codes >= 0], minlength=len(fact.classes))
            return replace(column, counts=tuple(counts.tolist()) if column.classes else ())
        known = fact.values[~np.isnan(fact.values)]
        if not known.size:
            return column
        return replace(column, low=float(known.min()), high=float(known.max()), mean=float(known.mean(dtype=float)))

    def where(self, index: int) -> str:
        return f"row {(index % len(self) if self.copies > 1 else index) + self._first_row}"

    # ------------------------------------------------------------------------------------------------- reading

    def _named(self, source: declared.Ratings, role: str, read: TableFile) -> str:
        name = known_column(getattr(source, role), read.names, role) or role_of(role, read.names)
        if not name and role != "time":
            listed = ", ".join(read.names[:8])
            raise refuse(f"{self._path}: which column holds the {role}s? It has {listed}; set {role}.", role)
        return name

    def _coded_ids(self, role: str, name: str, read: TableFile) -> None:
        texts = tablefile.texts(read.table.column(name))
        different = texts.unique().drop_null().to_pylist()
        if not different:
            raise refuse(f"{self._path}: the column {name} is empty; choose another {role}.", role)
        numeric = all(map(tablefile.is_number, different))
        order: Callable[[str], Any] = float if numeric else str
        self._classes[role] = sorted(different, key=order)
        self._arrays[role] = tablefile.places(texts, self._classes[role])

    def _numbers(self, name: str, read: TableFile, param: str) -> Array:
        column = read.table.column(name)
        if tablefile.is_numeric(column.type):
            return tablefile.numbers(column)
        found = tablefile.first_text(tablefile.texts(column)) if tablefile.is_text(column.type) else (0, "no number")
        if found is not None:
            words = f"{self._path.name}: {name} must hold numbers, and {self.where(found[0])} has {found[1]!r}"
            raise refuse(f"{words}; mend it or choose another {param}.", param)
        return np.array([math.nan if each is None else float(each) for each in tablefile.texts(column).to_pylist()])

    def _moments(self, name: str, read: TableFile) -> Array:
        found = moments(read.table.column(name))
        if found is None:
            raise refuse(f"{self._path.name}: {name} holds neither numbers nor times; choose another time.", "time")
        return found

    def _read_facts(self, role: str, name: str, path: Path, separator: str) -> None:
        """Take in the columns of a table about users or items, each row put where its user or item stands."""
        read = tablefile.read_table(path)
        if name not in read.names:
            raise refuse(f"{path} has no column {name}, by which its rows are found.", f"{role}s")
        keys = tablefile.places(tablefile.texts(read.table.column(name)), self._classes[role])
        self._refuse_twice(keys, role, path, read)
        rows = np.full(len(self._classes[role]), -1)
        rows[keys[keys >= 0]] = np.flatnonzero(keys >= 0)
        lost = int((rows < 0).sum())
        if lost:
            self.notes += (f"{path.name} lacks {lost:,} of the {len(rows):,} {role}s that ratings name.",)
        for each in read.names:
            if each != name and (fact := self._fact(role, each, read.table.column(each), rows, separator)):
                self._facts[fact.column.name] = fact

    def _refuse_twice(self, keys: Array, role: str, path: Path, read: TableFile) -> None:
        known = np.flatnonzero(keys >= 0)
        order = known[np.argsort(keys[known], kind="stable")]
        again = order[1:][keys[order[1:]] == keys[order[:-1]]]
        if len(again):
            row = int(again.min())
            which = self._classes[role][int(keys[row])]
            raise refuse(f"{path}: row {row + read.first_row} is a second one for {role} {which}.", f"{role}s")

    def _fact(self, role: str, name: str, column: Any, rows: Array, separator: str) -> _Fact | None:
        full = f"{role}_{name}"
        if tablefile.is_numeric(column.type) or tablefile.is_time(column.type):
            values = np.append(tablefile.numbers(column), np.nan)[rows][:, None].astype(np.float32)
            return _Fact(Column(full, "number", (1,), "float32", default=STANDARDIZE), role, values)
        if not tablefile.is_text(column.type):
            self.notes += (f"{name} is of the type {column.type} and is left out.",)
            return None
        texts = tablefile.texts(column)
        several = _several(texts.to_pylist(), separator)
        if several is not None:
            values, parts = several
            whole = np.concatenate([values, np.full((1, len(parts)), np.nan, np.float32)])[rows]
            return _Fact(Column(full, "number", (len(parts),), "float32", parts=parts), role, whole)
        classes = sorted(texts.unique().drop_null().to_pylist())
        if not classes or len(classes) > max(2, min(MOST_LISTED, len(texts) // 2)):
            self.notes += (f"{name} has {len(classes):,} different texts and is left out.",)
            if classes:
                listed = [*texts.to_pylist(), None]
                self._titles.setdefault(role, [listed[row] for row in rows])
            return None
        codes = np.append(tablefile.places(texts, classes), -1)[rows]
        return _Fact(class_column(full, classes), role, codes, tuple(classes))


def _several(texts: Sequence[str | None], separator: str) -> tuple[Array, tuple[str, ...]] | None:
    """Cells of several values as 0 and 1 for each value there is; None where no cell holds several."""
    if not separator or not any(separator in each for each in texts if each):
        return None
    cells = [
        [] if each is None else [part.strip() for part in each.split(separator) if part.strip() not in ("", *NOTHING)]
        for each in texts
    ]
    parts = sorted({part for cell in cells for part in cell})
    if len(parts) > MOST_VALUES:
        return None
    places = {part: place for place, part in enumerate(parts)}
    values = np.zeros((len(cells), len(parts)), np.float32)
    for row, cell in enumerate(cells):
        values[row, [places[part] for part in cell]] = 1
    values[[each is None for each in texts]] = np.nan
    return values, tuple(parts)
