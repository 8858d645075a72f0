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

    def opened(self) -> Any:
        """The file as a stream that reads no more than it is asked for; its path where the column holds that alone."""
        import pyarrow as pa  # loaded by now

        value = self.column[self.place]
        content = value["bytes"] if value.is_valid else None
        if content is not None and content.is_valid:
            return pa.BufferReader(content.as_buffer())
        return str((value.as_py() or {}).get("path") or "")


File = Path | Stored


def opened(file: File | bytes) -> Any:
    """What libraries read a file from: a path, or a stream of its bytes."""
    if isinstance(file, Stored):
        return file.opened()
    return BytesIO(file) if isinstance(file, bytes) else str(file)


def files_of(column: Any, where: Sequence[str]) -> list[Stored]:
    """The files of a column, each with its name."""
    return [Stored(column, place, name) for place, name in enumerate(where)]
