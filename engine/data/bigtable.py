"""Tables too large for memory: rewritten once, block by block, as an Arrow file that is mapped into memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from engine.data import store
from engine.data.sources import Array

LARGE = 2**28  # bytes of a table, from which it is rewritten
BLOCK = 2**24  # bytes of a file that are read at once
ROWS = 2**16  # of a block
WIDER = {"null": "int64", "int64": "double", "bool": "string", "date32[day]": "string", "time32[s]": "string"}
MOST_TRIES = 200  # columns that may turn out to be of a wider type

Types = Mapping[str, Any]


def is_large(path: Path) -> bool:
    """Whether a file is too large to be read at once."""
    return path.stat().st_size > LARGE


def rewritten(path: Path, settings: Any, batches: Callable[[Types], Iterator[Any]]) -> Any:
    """The table of a file as it stands in an Arrow file of its own; `settings` say how it was read.

    `batches` read it for types that are known of columns, and raise WrongType where one does not hold.
    """
    facts = path.stat()
    key = store.key_of(str(path.resolve()), facts.st_size, facts.st_mtime_ns, settings)
    target = store.store_folder() / f"{key}.arrow"
    if not target.is_file():
        with store.room_for(facts.st_size):
            store.make_room(facts.st_size)
            _write(target, batches)
    with suppress(OSError):
        os.utime(target)  # used now, so not the first to go
    return mapped(target)


def mapped(path: Path) -> Any:
    """The table of an Arrow file, which is read from the disk as it is used."""
    import pyarrow as pa  # takes a moment to import

    return pa.ipc.open_file(pa.py_buffer(store.mapping(path))).read_all()


class WrongType(Exception):
    """A value does not fit the type that the rows before it gave to its column."""

    def __init__(self, name: str, kind: Any) -> None:
        super().__init__(name)
        self.name, self.kind = name, kind


def _write(target: Path, batches: Callable[[Types], Iterator[Any]]) -> None:
    """Write batches to a file that gets its name when it is whole; a column that turns out wider is begun anew."""
    types: dict[str, Any] = {}
    for _try in range(MOST_TRIES):
        try:
            store.written(target, lambda work: _stream(work, batches(types)))
        except WrongType as wrong:
            types[wrong.name] = wider(wrong.kind)
        else:
            return


def _stream(work: Path, batches: Iterator[Any]) -> None:
    import pyarrow as pa  # loaded by now

    first = next(batches)
    with pa.OSFile(str(work), "wb") as sink, pa.ipc.new_file(sink, first.schema) as stream:
        stream.write_batch(first)
        for batch in batches:
            stream.write_batch(batch)


def wider(kind: Any) -> Any:
    """The type that holds the values of a type and more."""
    import pyarrow as pa  # loaded by now

    return pa.type_for_alias(WIDER.get(str(kind), "string"))


def numbers(column: Any, key: str, convert: Callable[[Any], Array]) -> Array:
    """A column of a large table as an array in a file; `convert` makes one of a piece of the column."""
    import pyarrow as pa  # loaded by now

    pieces = [pa.chunked_array([chunk]) for chunk in column.chunks]
    values, _facts = store.stored(key, lambda: map(convert, pieces), 8 * len(column))
    return values


class Texts:
    """A column of texts that stays in a mapped file; indexed like an array of objects."""

    dtype = np.dtype(object)
    ndim = 1

    def __init__(self, column: Any) -> None:
        self._column = column

    def __len__(self) -> int:
        return len(self._column)

    def __iter__(self) -> Iterator[str | None]:
        for chunk in self._column.chunks:
            yield from chunk.to_pylist()

    def __getitem__(self, indices: Array) -> Array:
        import pyarrow as pa  # loaded by now

        found = np.empty(len(indices), object)
        found[:] = self._column.take(pa.array(indices)).to_pylist()
        return found
