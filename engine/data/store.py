"""Prepared columns in files that are mapped into memory: made once, and looked up by what they are made from."""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import mmap
import os
import shutil
import time
import uuid
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from engine.problem import Mistake

Array = NDArray[Any]

FORMAT = 1  # raised when decoding or steps come to other numbers, so that what was kept is made anew
TRIES = 3
LEFT_FREE = 2**28  # bytes of the disk that a cache leaves free
MOST_BYTES = 40 * 2**30  # of all files together, from which the ones not used for longest go
LEFT_AFTER_S = 86_400  # seconds after which a file that is being written counts as left by a process that died
MOST_MAPPED = 3 * 2**28  # bytes of mapped files that may stay in this process's memory
FEW_MAPPED = 2**28  # the same while files are read once, from their beginning to their end
STATM = Path("/proc/self/statm")

_names: weakref.WeakKeyDictionary[mmap.mmap, Path] = weakref.WeakKeyDictionary()  # what is mapped, and from where


def store_folder() -> Path:
    """Where prepared columns are kept."""
    return platformdirs.user_cache_path("netloom") / "prepared"


def key_of(*facts: Any) -> str:
    """A name for what a file is made from: arrays, and values that JSON can hold."""
    digest = hashlib.sha256()
    for fact in (FORMAT, *facts):
        plain = (
            fact.tobytes() if isinstance(fact, np.ndarray) else json.dumps(fact, sort_keys=True, default=str).encode()
        )
        digest.update(len(plain).to_bytes(8, "little") + plain)
    return digest.hexdigest()[:40]


def stored(
    key: str, blocks: Callable[[], Iterator[Array]], needed: int, facts: Callable[[], Any] = lambda: None
) -> tuple[Array, Any]:
    """The array of a key, mapped into memory; `blocks` give its rows one after the other where it is not there yet.

    `needed` are its bytes, or about as many. `facts` give, once the rows are written, what else is to be known of
    them, as JSON; both come back. Raises Mistake where the disk has no room.
    """
    path = store_folder() / f"{key}.npy"
    for _try in range(TRIES):
        if not _is_whole(path):
            with room_for(needed):
                _write(path, blocks(), needed, facts)
        with suppress(FileNotFoundError):  # another process made room
            os.utime(path)  # used now, so not the first to go
            return mapped(path), _facts(path)
    raise full_disk(needed)


def _facts(path: Path) -> Any:
    return json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))


def mapped(path: Path) -> Array:
    """An array of a .npy file that is read from the disk as it is used; never to be written to."""
    array = np.load(path, mmap_mode="c", allow_pickle=False)  # "c": torch takes no array that may not be written to
    if isinstance(array, np.memmap):
        _names[array._mmap] = path  # type: ignore[attr-defined]  # numpy keeps it there
    return np.asarray(array)


def mapping(path: Path) -> mmap.mmap:
    """A whole file that is read from the disk as it is used."""
    with path.open("rb") as stream:
        found = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    _names[found] = path
    return found


def _is_whole(path: Path) -> bool:
    """Whether the file of an array is there; one that is damaged is made anew."""
    try:
        np.load(path, mmap_mode="r", allow_pickle=False)
        _facts(path)
    except (OSError, ValueError, EOFError):
        return False
    return True


def _write(path: Path, blocks: Iterator[Array], needed: int, facts: Callable[[], Any]) -> None:
    """Write the blocks to a file that gets its name when it is whole."""
    make_room(needed)

    def write(work: Path) -> None:
        with work.open("wb") as stream:
            first = next(blocks)
            _write_header(stream, first, 0)
            rows = 0
            for block in itertools.chain([first], blocks):
                stream.write(np.ascontiguousarray(block).data.cast("B") if block.size else b"")
                rows += len(block)
                release(FEW_MAPPED)
            stream.seek(0)
            _write_header(stream, first, rows)  # as long as before: numpy leaves room for the count to grow
        told = json.dumps(facts())
        written(path.with_suffix(".json"), lambda beside: beside.write_text(told, encoding="utf-8"))

    written(path, write)


def written(path: Path, write: Callable[[Path], object]) -> None:
    """Let a file be written under another name, and give it its own when it is whole."""
    work = path.with_name(f".{path.stem}-{uuid.uuid4().hex[:8]}")
    try:
        write(work)
        work.replace(path)
    finally:
        work.unlink(missing_ok=True)


def _write_header(stream: IO[bytes], like: Array, rows: int) -> None:
    described = np.lib.format.dtype_to_descr(like.dtype)
    header = {"descr": described, "fortran_order": False, "shape": (rows, *like.shape[1:])}
    np.lib.format.write_array_header_1_0(stream, header)


@contextmanager
def room_for(needed: int) -> Iterator[None]:
    """Turn a full disk, or a folder that may not be written to, into a Mistake."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise full_disk(needed) from None
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            words = f"{store_folder()}, where prepared data is kept, cannot be written to ({error.strerror})"
            raise Mistake(f"{words}; mend its permissions or set cache to none.", param="data.batching.cache") from None
        raise


def full_disk(needed: int) -> Mistake:
    """The Mistake for a disk without room for so many bytes."""
    words = f"The disk of {store_folder()} is full, and the prepared data takes {needed / 2**30:,.1f} GiB"
    todo = "make room there (`netloom data --clear-cache` may), or set cache to none"
    return Mistake(f"{words}; {todo}.", param="data.batching.cache")


def room() -> int:
    """Bytes that may still be written."""
    folder = store_folder()
    there = next(each for each in (folder, *folder.parents) if each.exists())
    return max(0, shutil.disk_usage(there).free - LEFT_FREE)


def make_room(needed: int) -> None:
    """Make the folder, and delete the files in it that were not used for longest where all would be too much.

    Nothing is deleted where that would not be enough, nor what this process has mapped.
    """
    folder = store_folder()
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for each in folder.iterdir():
        with suppress(OSError):  # another process may have been quicker
            facts = each.stat()
            if not each.name.startswith(".") and each.suffix != ".json":
                files.append((facts.st_mtime, facts.st_size, each))
            elif each.name.startswith(".") and time.time() - facts.st_mtime > LEFT_AFTER_S:  # by a process that died
                each.unlink()
    total = needed + sum(size for _time, size, _path in files)
    free = [each for each in sorted(files) if each[2] not in _names.values()]
    if room() + sum(size for _time, size, _path in free) < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    for _time, size, path in free:
        if total <= MOST_BYTES and room() >= needed:
            break
        with suppress(OSError):  # Windows keeps what is in use
            path.unlink()
            path.with_suffix(".json").unlink(missing_ok=True)
            total -= size


def clear() -> int:
    """Delete all that this process does not use; returns the bytes that this frees."""
    freed = 0
    for each in store_folder().iterdir() if store_folder().is_dir() else ():
        with suppress(OSError):
            if each not in _names.values():
                size = each.stat().st_size
                each.unlink()
                freed += size
    return freed


def release(most: int = MOST_MAPPED) -> None:
    """Give mapped pages back to the system where they are more than so many bytes; they are read again when needed."""
    try:
        shared = int(STATM.read_text().split()[2]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return
    if shared < most:
        return
    for each in list(_names):
        with suppress(ValueError):  # closed meanwhile
            each.madvise(mmap.MADV_DONTNEED)
