"""Files that stand in a column of an Arrow table, as data sets of the Hugging Face hub hold images and sounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any


@dataclass(frozen=True, eq=False)
class Stored:
    """One file of a column of {"bytes", "path"}, read when it is needed; `where` names it to people."""

    column: Any  # a pyarrow ChunkedArray that is mapped into memory
    place: int
    where: str

    def __str__(self) -> str:
        return self.where

    def opened(self) -> BytesIO | str:
        """The file's bytes as a stream, or its path where the column holds that alone."""
        value = self.column[self.place].as_py() or {}
        content = value.get("bytes")
        return str(value.get("path") or "") if content is None else BytesIO(content)


File = Path | Stored


def opened(file: File | bytes) -> Any:
    """What libraries read a file from: a path, or a stream of its bytes."""
    if isinstance(file, Stored):
        return file.opened()
    return BytesIO(file) if isinstance(file, bytes) else str(file)


def files_of(column: Any, where: Sequence[str]) -> list[Stored]:
    """The files of a column, each with its name."""
    return [Stored(column, place, name) for place, name in enumerate(where)]
