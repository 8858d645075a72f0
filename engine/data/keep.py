"""Where the samples of columns are kept once they are read: in memory, in files on the disk, or nowhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from engine.data import store
from engine.data.sources import Array, Reader
from engine.problem import Mistake

Place = Literal["memory", "disk", "none"]
FITS_WELL = 0.25  # share of the memory that is free, up to which columns are kept in it
BLOCK_BYTES = 2**25  # that are read at once
MEMINFO = Path("/proc/meminfo")


@dataclass(frozen=True, eq=False)
class Kept:
    """A column of which all samples were read: `values` of the source's `rows`, as the source holds them."""

    rows: Array
    values: Array

    def places(self, rows: Array) -> Array:
        """Where these rows stand among the values."""
        return np.searchsorted(self.rows, rows)


def place_for(cache: str, needed: int) -> Place:
    """Where columns of so many bytes are kept, for a `cache` as the settings say it; raises Mistake for too many."""
    if cache == "memory":
        _refuse_too_much(needed)
    if cache != "auto":
        return cache  # type: ignore[return-value]  # one of a Literal
    if needed <= FITS_WELL * free_memory():
        return "memory"
    return "disk" if needed < store.room() else "none"


def free_memory() -> int:
    """Bytes of memory that are free or can be freed."""
    try:
        lines = dict(line.split(":") for line in MEMINFO.read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, KeyError):
        return _memory() // 2


def _memory() -> int:
    """Bytes of this machine's memory; as many as nobody has where that cannot be found out."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return 2**50
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _refuse_too_much(needed: int) -> None:
    """Raise Mistake where tensors would not fit into this machine's memory."""
    if needed > 0.9 * _memory():
        words = f"The data needs {needed / 2**30:,.1f} GiB as tensors, and this machine has {_memory() / 2**30:,.1f}"
        raise Mistake(f"{words}; set cache to disk, or take fewer or smaller samples.", param="data.batching.cache")


def read_all(reader: Reader, name: str, rows: Array, place: Place, key: str) -> tuple[Kept, dict[int, str]]:
    """Read these rows of a column into memory or into a file; also the rows that cannot be read, with words.

    `key` names what the source holds; a file that was written before is taken again.
    """
    if not len(rows):
        return Kept(rows, reader.read(rows, name)[0]), {}
    first, _faults = reader.read(rows[:1], name)
    step = max(1, BLOCK_BYTES // max(1, first.nbytes))
    faults: dict[int, str] = {}

    def blocks() -> Iterator[Array]:
        for start in range(0, len(rows), step):
            some = rows[start : start + step]
            values, failed = reader.read(some, name)
            faults.update({int(some[place]): words for place, words in failed.items()})
            yield values

    if place == "disk":
        named = store.key_of(key, name, rows)
        values, found = store.stored(named, blocks, len(rows) * first.nbytes, lambda: faults)
        return Kept(rows, values), {int(row): words for row, words in found.items()}
    values = np.empty((len(rows), *first.shape[1:]), first.dtype)
    for start, block in zip(range(0, len(rows), step), blocks(), strict=True):
        values[start : start + len(block)] = block
    return Kept(rows, values), faults
