"""Files that stand in a column of an Arrow table, as data sets of the Hugging Face hub hold images and sounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, overload

from numpy.typing import NDArray

from engine.problem import Mistake

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Stored:
    """One file of a column of {"bytes", "path"}, read when it is needed; `where` names it to people.

    A path that leads out of the folders `within` is not followed: who wrote the table does not choose what is read.
    """

    column: Any  # a pyarrow ChunkedArray that is mapped into memory
    place: int
    where: str
    within: tuple[Path, ...]

    def __str__(self) -> str:
        return self.where

    def opened(self) -> BytesIO | str:
        """The file's bytes as a stream, or its path where the column holds that alone."""
        value = self.column[self.place].as_py() or {}
        content = value.get("bytes")
        if content is not None:
            return BytesIO(content)
        path = Path(value.get("path") or "")
        if not any(path.resolve().is_relative_to(home.resolve()) for home in self.within):
            raise Mistake(f"{self.where} names {path}, which is no file of the set; leave the row out.")
        return str(path)


class StoredFiles(Sequence[Stored]):
    """The files of a column at some rows of it; `named` names a row to people."""

    def __init__(self, column: Any, rows: Array, named: Callable[[int], str], within: tuple[Path, ...]) -> None:
        self.column = column
        self._rows, self._named, self._within = rows, named, within

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, place: int) -> Stored: ...

    @overload
    def __getitem__(self, place: slice) -> StoredFiles: ...

    def __getitem__(self, place: int | slice) -> Stored | StoredFiles:
        if isinstance(place, slice):
            return StoredFiles(self.column, self._rows[place], self._named, self._within)
        row = int(self._rows[place])
        return Stored(self.column, row, self._named(row), self._within)

    def at(self, places: Array) -> StoredFiles:
        """Those of them at these places."""
        return StoredFiles(self.column, self._rows[places], self._named, self._within)


File = Path | Stored


def opened(file: File | bytes) -> Any:
    """What libraries read a file from: a path, or a stream of its bytes."""
    if isinstance(file, Stored):
        return file.opened()
    return BytesIO(file) if isinstance(file, bytes) else str(file)
