"""What every data source offers, and how one is opened from a spec."""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.columns import RAGGED, Column, Fit
from engine.data import sequences, store
from engine.data.archive import archive_in, entered, visible
from engine.data.archivecache import as_given
from engine.data.audio import Sound
from engine.data.stored import File
from engine.declare import did_you_mean
from engine.kinds import Path as PathKind
from engine.ops.source import Source
from engine.problem import Fix, Mistake
from engine.spec import Spec

Array = NDArray[Any]
PARTS = ("train", "validation", "test")
SHOWN = 3  # faults that a note tells
MOST_STAMPED = 20_000  # files of a source that are looked at for changes one by one
MOST_LISTED = 1000  # classes of a category; more are counted but not listed


class Reader:
    """A source that was opened: its columns, its length, and samples by their indices.

    Numbers may lack values (NaN), and so may categories (-1). `parts` tells, where the source brings its own
    split, the place in PARTS of each sample. `target` is the column to predict, "" where the source does not say.
    Images come as they are stored: bytes up to `white`, the brightest pixel, or numbers. `times` tells, of a source
    whose samples follow each other in time, the first and the last moment that each sample predicts.
    """

    columns: Mapping[str, Column]
    target: str = ""
    parts: Array | None = None
    times: tuple[Array, Array] | None = None
    white: float = 255.0
    notes: tuple[str, ...] = ()
    by_class: bool = False  # whether samples stand class by class, so that a preview takes them from all over
    drops_missing: bool = False  # whether rows that lack a value are left out
    key: str = ""  # names what it holds, where its files do not
    copies: int = 1  # samples that stand for a row: the others have the numbers of the rows behind all rows

    def __len__(self) -> int:
        raise NotImplementedError

    def read(self, indices: Array, name: str) -> tuple[Array, dict[int, str]]:
        """The samples of a column at these indices, stacked along the first axis.

        Also the places, with words, of samples that cannot be read; what stands there is of no meaning.
        """
        raise NotImplementedError

    def fetch(self, indices: Array, names: Collection[str]) -> dict[str, Array]:
        """The samples of several columns; raises Mistake where one cannot be read."""
        fetched = {}
        for name in names:
            fetched[name], faults = self.read(indices, name)
            if faults:
                raise refuse(next(iter(faults.values())))
        return fetched

    def held(self, name: str) -> Array | None:
        """All values of a column that is in memory, None for one that is read or put together when it is needed."""
        raise NotImplementedError

    def files(self, name: str) -> Sequence[File | Sound]:
        """The file of each sample of a column that is read from files, a file a sample; else none.

        A sound that is in memory stands for its file.
        """
        return ()

    def redrawn(self, indices: Array, name: str, draw: tuple[int, int]) -> Array | None:
        """The samples of a column at these indices as (seed, epoch) draw them, None for what is always the same."""
        del indices, name, draw
        return None

    def expanded(self, rows: Array) -> Array:
        """The numbers of all samples that stand for some rows."""
        if self.copies == 1:
            return rows
        return np.concatenate([rows + copy * len(self) for copy in range(self.copies)])

    def seconds(self, name: str) -> Array:
        """How long each sample of a column of sounds is."""
        raise NotImplementedError

    def classes(self, name: str) -> Sequence[str]:
        """All class names of a category."""
        return self.columns[name].classes

    def class_words(self, name: str, place: int) -> str:
        """A class of a category as people know it."""
        return self.classes(name)[place]

    def missing(self, name: str) -> Array | None:
        """Tell for each sample whether it lacks the column's value; None where none does."""
        values = self.held(name)
        if values is not None and values.dtype == object:
            lacks = np.array([each is None for each in values])
            return lacks if lacks.any() else None
        if values is None or values.dtype.kind not in "fi" or (values.dtype.kind == "i" and not self._coded(name)):
            return None
        store.release(store.FEW_MAPPED)
        rows = values.reshape(len(values), -1)
        lacks = np.any(rows < 0 if values.dtype.kind == "i" else np.isnan(rows), axis=1)
        return lacks if lacks.any() else None

    def _coded(self, name: str) -> bool:
        return self.columns[name].kind == "category"

    def described(self, name: str) -> Column:
        """The column with its facts: missing values, low, high and mean, samples of each class."""
        found: dict[str, Column] = self.__dict__.setdefault("_described", {})
        if name not in found:
            found[name] = self._with_facts(self.columns[name])
            store.release(store.FEW_MAPPED)
        return found[name]

    def _with_facts(self, column: Column) -> Column:
        values, lacks = self.held(column.name), self.missing(column.name)
        column = replace(column, missing=0 if lacks is None else int(lacks.sum()))
        if values is not None and column.kind in RAGGED:
            return sequences.described(column, values)
        if values is None or column.kind in ("image", "mask") or values.dtype.kind not in "fiu" or values.size == 0:
            return column
        if column.kind == "category":
            counts = np.bincount(values if lacks is None else values[~lacks], minlength=len(column.classes))
            return replace(column, counts=tuple(counts.tolist()) if column.classes else ())
        known = values if lacks is None else values[~np.isnan(values)]
        if not known.size:
            return column
        return replace(column, low=float(known.min()), high=float(known.max()), mean=float(known.mean(dtype=float)))

    def preview(self, count: int) -> Array:
        """Indices of the samples that are shown to people."""
        shown = min(count, len(self))
        return np.unique(np.linspace(0, len(self) - 1, shown).astype(np.int64)) if self.by_class else np.arange(shown)

    def where(self, index: int) -> str:
        """Name a sample as its user knows it."""
        return f"sample {index + 1}"


class Held(Reader):
    """A source whose arrays are in memory."""

    def __init__(self, columns: Sequence[Column], arrays: Mapping[str, Array]) -> None:
        self.columns = {column.name: column for column in columns}
        self._arrays = arrays

    def __len__(self) -> int:
        return len(next(iter(self._arrays.values())))

    def held(self, name: str) -> Array:
        return self._arrays[name]

    def read(self, indices: Array, name: str) -> tuple[Array, dict[int, str]]:
        return np.take(self._arrays[name], indices, axis=0), {}


def class_column(name: str, classes: Sequence[str]) -> Column:
    """A category; its classes are listed where they are few enough to be."""
    listed = tuple(classes) if len(classes) <= MOST_LISTED else ()
    return Column(name, "category", (), "int64", low=0.0, high=float(len(classes) - 1), classes=listed)


def pixels(values: Array, white: float) -> Array:
    """Images as numbers from 0 to 1; those that are stored as numbers stay as they are."""
    return values * np.float32(1 / white) if values.dtype == np.uint8 else values


def image_column(name: str, shape: Sequence[int], fit: Fit = "stretch") -> Column:
    """Images whose pixels are from 0 to 1; `shape` is (channels, height, width)."""
    return Column(name, "image", tuple(shape), "float32", low=0.0, high=1.0, fit=fit)


# ------------------------------------------------------------------------------------------------------- opening


def source_of(spec: Spec) -> Source:
    """Read the source's declaration from a spec; raises Mistake where there is none or it is wrong."""
    section = spec.data.get("source")
    if not isinstance(section, Mapping):
        raise Mistake("The project has no data source; choose one in the data panel.", param="data.source")
    kind, params = section.get("kind"), section.get("params", {})
    declared = Source.registry.get(str(kind))
    if declared is None:
        known = did_you_mean(str(kind), Source.registry)
        raise Mistake(f"There is no data source {kind!r}{known}.", param="data.source")
    source, problems = declared.parse(params if isinstance(params, Mapping) else {})
    if problems:
        raise Mistake(problems[0].message, param=f"data.source.params.{problems[0].param}")
    assert source is not None
    return source  # type: ignore[no-any-return]


def open_source(spec: Spec, folder: Path) -> Reader:
    """Open the source of a spec; relative paths start at `folder`. Raises Mistake where it cannot be.

    What was opened last is kept, so that looking again after a small change of other settings is quick.
    """
    source = source_of(spec)
    return _opened(source, folder, stamps(source, folder))


def close_source() -> None:
    """Let go of the source that was opened last."""
    _opened.cache_clear()


@functools.lru_cache(maxsize=1)
def _opened(source: Source, folder: Path, _stamp: object) -> Reader:
    module, _, name = source.reader.partition(":")
    return getattr(importlib.import_module(module), name)(source, folder)  # type: ignore[no-any-return]


def _paths(source: Source, folder: Path) -> list[Path]:
    """The files and folders that a source names, of a place in an archive the archive."""
    kinds = {name: each.kind for name, each in source.params().items()}
    named = [getattr(source, name) for name, kind in kinds.items() if isinstance(kind, PathKind)]
    with contextlib.suppress(RuntimeError, ValueError, OSError):  # told when the source is opened
        paths = [folder / Path(each).expanduser() for each in named if each]
        return [archive_in(each) or each for each in paths]
    return []


def stamps(source: Source, folder: Path) -> tuple[object, ...]:
    """What changes when the files do that a source names."""
    return tuple(map(_stamp, _paths(source, folder)))


def _stamp(path: Path) -> tuple[object, ...]:
    """What changes when a file does, or one in a folder or below it; of very many files their folders alone."""
    try:
        facts = path.stat()
        inside = list(islice(_entries(path), MOST_STAMPED)) if path.is_dir() else []
    except OSError:
        return ()
    if len(inside) == MOST_STAMPED:
        inside = [(str(each), each.stat().st_mtime_ns, 0) for each in (path, *path.glob("*/")) if each.is_dir()]
    return (facts.st_mtime_ns, facts.st_size, *inside)


def _entries(folder: Path) -> Iterator[tuple[str, int, int]]:
    """The files in a folder and below it, with their time and size."""
    for home, _folders, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # gone meanwhile
                facts = os.stat(os.path.join(home, name))  # quicker than Path, of many
                yield os.path.join(home, name), facts.st_mtime_ns, facts.st_size


# -------------------------------------------------------------------------------------------------------- refusing


def refuse(message: str, param: str = "path", fixes: tuple[Fix, ...] = ()) -> Mistake:
    """A Mistake at a param of the source; what lies in an archive is named by its place there."""
    return Mistake(as_given(message), param=f"data.source.params.{param}", fixes=fixes)


def located(path: str, folder: Path, what: str) -> Path:
    """Resolve the `path` param of a source; raises Mistake where it is empty or nothing is there.

    A path that names an archive, or leads into one, becomes that of what is unpacked from it.
    """
    if not path:
        raise refuse(f"No {what} is chosen; set path.")
    with reading(Path(path)):
        whole = folder / Path(path).expanduser()
        if whole.exists() or archive_in(whole):
            return entered(whole)
        beside = [each.name for each in whole.parent.iterdir()] if whole.parent.is_dir() else []
    raise refuse(f"{whole} does not exist{did_you_mean(whole.name, beside)}; choose another {what}.")


def located_file(path: str, folder: Path, what: str) -> Path:
    """Resolve the `path` param of a source that is a file; of an archive with one file, that file."""
    found = located(path, folder, what)
    if found.is_dir() and archive_in(folder / Path(path).expanduser()):
        inside = [each for each in visible(found) if each.is_file()]
        if len(inside) == 1:
            return inside[0]
        names = ", ".join(each.name for each in inside[:6]) or "folders only"
        raise refuse(f"{path} holds {names}; name the {what} in it, such as {path}/{(inside or [Path('a')])[0].name}.")
    return found


def located_folder(path: str, folder: Path, what: str) -> Path:
    """Resolve the `path` param of a source that is a folder; raises Mistake where it is none."""
    home = located(path, folder, what)
    if not home.is_dir():
        raise refuse(f"{home} is a file; path must name the {what}.")
    return home


def left_out(messages: Sequence[str], what: str) -> tuple[str, ...]:
    """A note that samples were left out, and why the first ones were; `what` names one of them."""
    if not messages:
        return ()
    words = "; ".join(message.rstrip(".") for message in messages[:SHOWN]) + "; ..." * (len(messages) > SHOWN)
    count = len(messages)
    return (f"{count:,} {what}{'s are' if count > 1 else ' is'} left out: {words}.",)


def unreadable(faults: Mapping[int, str]) -> Mistake:
    """The Mistake for samples of which none can be read; `faults` say what is wrong with each."""
    return refuse(f"None of the files can be read: {faults[min(faults)]}")


def folder_of_named(chosen: str, folder: Path, table: Path, what: str) -> Path:
    """The folder where the paths that a table names start: the one that is chosen, else the table's own."""
    return located_folder(chosen, folder, what) if chosen else table.parent


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what the system says of an unreadable file into a Mistake."""
    try:
        yield
    except PermissionError as error:
        name = error.filename or path
        raise refuse(f"{name} may not be read: its permissions forbid it; change them or choose another.") from None
    except (OSError, RuntimeError, ValueError) as error:  # ValueError: a NUL in a path; RuntimeError: no such ~user
        words = (getattr(error, "strerror", None) or str(error)).rstrip(".")
        if words.startswith("Truncated"):  # what pyarrow says of a gzip without its end
            raise refuse(f"{path} is cut off or damaged ({words}); fetch it again.") from None
        raise refuse(f"{path} cannot be read: {words}.") from None
