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

Types = Mapping[str, Any]


def is_large(path: Path) -> bool:
    """Whether a file is too large to be read at once."""
    return path.stat().st_size > LARGE


def rewritten(path: Path, settings: Any, batches: Callable[[Types], Iterator[Any]], decimal: str = ".") -> Any:
    """The table of a file as it stands in an Arrow file of its own; `settings` say how it was read.

    `batches` read it with types of columns, those of the first rows where none are given, and raise WrongType where
    they do not hold further on; then all rows are looked through for types that do. Numbers are written with `decimal`.
    """
    facts = path.stat()
    key = store.key_of(str(path.resolve()), facts.st_size, facts.st_mtime_ns, settings)
    target = store.store_folder() / f"{key}.arrow"
    if not target.is_file():
        with store.room_for(facts.st_size):
            store.make_room(facts.st_size)
            try:
                store.written(target, lambda work: _stream(work, batches({})))
            except WrongType:
                types = fitting_types(batches, decimal)
                store.written(target, lambda work: _stream(work, batches(types)))
    with suppress(OSError):
        os.utime(target)  # used now, so not the first to go
    return mapped(target)


def mapped(path: Path) -> Any:
    """The table of an Arrow file, which is read from the disk as it is used."""
    import pyarrow as pa  # takes a moment to import

    return pa.ipc.open_file(pa.py_buffer(store.mapping(path))).read_all()


class WrongType(Exception):
    """A value does not fit the type that the rows before it gave to its column."""


def _stream(work: Path, batches: Iterator[Any]) -> None:
    import pyarrow as pa  # loaded by now

    first = next(batches)
    with pa.OSFile(str(work), "wb") as sink, pa.ipc.new_file(sink, first.schema) as stream:
        stream.write_batch(first)
        for batch in batches:
            stream.write_batch(batch)


def fitting_types(batches: Callable[[Types], Iterator[Any]], decimal: str) -> dict[str, Any]:
    """The type of each column that all its values fit: that of the first rows, or one that holds more."""
    import pyarrow as pa  # loaded by now

    types = {each.name: each.type for each in next(batches({})).schema}
    for batch in batches(dict.fromkeys(types, pa.string())):
        for name, texts in zip(batch.schema.names, batch.columns, strict=True):
            while not pa.types.is_string(types[name]) and not _fits(texts, types[name], decimal):
                types[name] = pa.type_for_alias(WIDER.get(str(types[name]), "string"))
    return types


def _fits(texts: Any, kind: Any, decimal: str) -> bool:
    import pyarrow as pa  # loaded by now
    from pyarrow import compute

    plain = compute.utf8_trim_whitespace(texts)
    if decimal != "." and pa.types.is_floating(kind):
        plain = compute.replace_substring(plain, decimal, ".")
    try:
        plain.cast(kind)
    except pa.ArrowInvalid:
        return False
    return True


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
