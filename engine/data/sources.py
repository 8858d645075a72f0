"""What every data source offers, and how one is opened from a spec."""

from __future__ import annotations

import functools
import importlib
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.columns import Column
from engine.declare import did_you_mean
from engine.ops.source import Source
from engine.problem import Mistake
from engine.spec import Spec

Array = NDArray[Any]
PARTS = ("train", "validation", "test")


class Reader:
    """A source that was opened: its columns, its length, and samples by their indices.

    A subclass that holds more than fits in memory reads in `fetch`; those here hold arrays. `parts` tells, where
    the source brings its own split, the place in PARTS of each sample. `target` is the column to predict,
    `standardised` the columns that are standardised unless the spec says otherwise.
    """

    target: str = ""
    standardised: tuple[str, ...] = ()
    parts: Array | None = None
    notes: tuple[str, ...] = ()
    file_kinds: ClassVar[str] = ""  # what `read_file` takes, in words

    def __init__(self, columns: Sequence[Column], arrays: Mapping[str, Array]) -> None:
        self.columns: Mapping[str, Column] = {column.name: column for column in columns}
        self._arrays = arrays

    def __len__(self) -> int:
        return len(next(iter(self._arrays.values())))

    def fetch(self, indices: Array | slice, names: Collection[str]) -> dict[str, Array]:
        """Return the samples of the columns at these indices, stacked along the first axis."""
        return {name: self._arrays[name][indices] for name in names}

    def missing(self, names: Collection[str]) -> Mapping[str, Array]:
        """For each column that lacks values: whether each sample does."""
        found = {}
        for name in names:
            array = self._arrays[name]
            if array.dtype.kind == "f":
                lacks = np.isnan(array).reshape(len(array), -1).any(axis=1)
            elif self.columns[name].kind == "category":
                lacks = array < 0
            else:
                continue
            if lacks.any():
                found[name] = lacks
        return found

    @classmethod
    def read_file(cls, source: Source, path: Path, columns: Mapping[str, Column]) -> dict[str, Array]:
        """Read new samples from a file of this source's kind; raises Mistake where it cannot be."""
        raise Mistake(f"New samples for {type(source).__name__} come as a JSON file of columns, not as {path.name}.")


def source_of(spec: Spec) -> Source:
    """Read the source's declaration from a spec; raises Mistake where there is none or it is wrong."""
    section = spec.data.get("source")
    if not isinstance(section, Mapping):
        raise Mistake("The project has no data source; choose one in the data panel.", param="data.source")
    kind = section.get("kind")
    declared = Source.registry.get(str(kind))
    if declared is None:
        known = did_you_mean(str(kind), Source.registry)
        raise Mistake(f"There is no data source {kind!r}{known}.", param="data.source")
    source, problems = declared.parse(section.get("params", {}))
    if problems:
        raise Mistake(problems[0].message, param=f"data.source.params.{problems[0].param}")
    assert source is not None
    return source  # type: ignore[no-any-return]


def reader_class(source: Source) -> type[Reader]:
    """Import the class that reads a source."""
    module, _, name = source.reader.partition(":")
    return getattr(importlib.import_module(module), name)  # type: ignore[no-any-return]


def open_source(spec: Spec, folder: Path) -> Reader:
    """Open the source of a spec; relative paths start at `folder`.

    What was opened last is kept, so that a preview after a small change of other settings is quick.
    """
    source = source_of(spec)
    return _opened(source, folder, _stamp(source, folder))


@functools.lru_cache(maxsize=1)
def _opened(source: Source, folder: Path, _stamp: str) -> Reader:
    return reader_class(source)(source, folder)  # type: ignore[call-arg,arg-type]  # each reader takes these


def _stamp(source: Source, folder: Path) -> str:
    """What changes when the files of a source do."""
    path = getattr(source, "path", "")
    if not path:
        return ""
    whole = folder / path
    files = sorted(whole.iterdir()) if whole.is_dir() else [whole]
    return json.dumps([[str(each), each.stat().st_mtime_ns, each.stat().st_size] for each in files if each.exists()])


def located(path: str, folder: Path, what: str) -> Path:
    """Resolve the `path` param of a source; raises Mistake where it is empty or nothing is there."""
    where = "data.source.params.path"
    if not path:
        raise Mistake(f"No {what} is chosen; set path in the data panel.", param=where)
    whole = (folder / Path(path).expanduser()).resolve()
    try:
        there = whole.exists()
    except OSError as error:
        raise Mistake(f"{path} cannot be read: {error.strerror}.", param=where) from None
    if not there:
        raise Mistake(f"{whole} does not exist; choose another {what}.", param=where)
    return whole


def refuse_path(message: str) -> Mistake:
    """A Mistake at the source's path."""
    return Mistake(message, param="data.source.params.path")
