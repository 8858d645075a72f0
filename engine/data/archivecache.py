"""Where archives lie unpacked: which archive each folder is from, who uses it, and when it is thrown away."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

MOST_BYTES = 20 * 2**30  # that are kept of unpacked archives
MOST_DAYS = 30  # that one is kept without being used
DAY_S = 86_400
NOTE, LOCK, WORK = ".json", ".lock", ".unpacking-"
HOME = re.compile(r"[^/\\]*-[0-9a-f]{20}")  # how a folder of this cache is named

_held: dict[Path, FileLock] = {}  # what this process uses; the locks fall with it


@dataclass(frozen=True)
class Kept:
    """A folder of the cache, its size in bytes, and when it was last used in seconds since 1970."""

    home: Path
    size: int
    used: float


def cache_folder() -> Path:
    """Where archives are unpacked."""
    return platformdirs.user_cache_path("netloom") / "unpacked"


def use(home: Path, archive: Path) -> None:
    """Note that an unpacked archive is used now, and keep it from being thrown away while this process lives."""
    note = home.with_name(home.name + NOTE)
    known = _noted(note)
    size = known["size"] if known else _size(home)
    with suppress(OSError):  # a cache that may not be written to is read all the same
        if known.get("archive") != str(archive):
            note.write_text(json.dumps({"archive": str(archive), "size": size}), encoding="utf-8")
        os.utime(note)
        lock = home.with_name(f"{home.name}.{os.getpid()}{LOCK}")
        if lock not in _held:
            _held[lock] = FileLock(lock, timeout=0)
            _held[lock].acquire()


def _noted(note: Path) -> dict[str, object]:
    with suppress(OSError, ValueError):
        found = json.loads(note.read_text(encoding="utf-8"))
        if isinstance(found, dict) and isinstance(found.get("size"), int):
            return found
    return {}


def as_given(text: str) -> str:
    """A text that names what was unpacked by its place in its archive, not by where that lies unpacked."""
    folder = str(cache_folder())
    if folder not in text:
        return text

    def archive(found: re.Match[str]) -> str:
        return str(_noted(Path(found[0] + NOTE)).get("archive", found[0]))

    return re.sub(re.escape(folder + os.sep) + HOME.pattern, archive, text)


def kept() -> list[Kept]:
    """What lies unpacked, the longest unused first."""
    folder = cache_folder()
    homes = [each for each in folder.iterdir() if HOME.fullmatch(each.name)] if folder.is_dir() else []
    found = []
    for home in homes:
        note = home.with_name(home.name + NOTE)
        known = _noted(note)
        with suppress(OSError):  # another process has thrown it away
            used = (note if known else home).stat().st_mtime
            size = known["size"] if known else _size(home)
            assert isinstance(size, int)
            found.append(Kept(home, size, used))
    return sorted(found, key=lambda each: each.used)


def _size(home: Path) -> int:
    return sum(each.stat().st_size for each in home.rglob("*") if each.is_file())


def prune(room_for: int = 0) -> int:
    """Throw away what was not used for long, and what is too much beside `room_for` bytes; returns the bytes freed."""
    found, freed = kept(), 0
    total, now = sum(each.size for each in found) + room_for, time.time()
    for each in found:
        old = now - each.used > MOST_DAYS * DAY_S
        if (old or total - freed > MOST_BYTES) and _thrown_away(each.home):
            freed += each.size
    _clear_leftovers(now)
    return freed


def clear() -> tuple[int, int]:
    """Throw away all that nobody uses; returns the bytes freed and how many archives were kept."""
    found = kept()
    freed = [each for each in found if _thrown_away(each.home)]
    _clear_leftovers(time.time())
    return sum(each.size for each in freed), len(found) - len(freed)


def _thrown_away(home: Path) -> bool:
    """Delete a folder of the cache unless a process uses it."""
    if any(_is_held(lock) for lock in _locks(home)):
        return False
    aside = home.with_name(f"{WORK}{home.name}")  # gone at once for others, whatever deleting takes
    with suppress(OSError):
        home.rename(aside)
        home.with_name(home.name + NOTE).unlink(missing_ok=True)
        shutil.rmtree(aside, ignore_errors=True)
        return True
    return False


def _locks(home: Path) -> Iterator[Path]:
    yield from home.parent.glob(f"{home.name}.*{LOCK}")


def _is_held(lock: Path) -> bool:
    """Whether a process that lives holds a lock; one whose process has gone is deleted."""
    if lock in _held:
        return True
    try:
        with FileLock(lock, timeout=0):
            pass
    except (Timeout, OSError):
        return True
    lock.unlink(missing_ok=True)
    return False


def _clear_leftovers(now: float) -> None:
    """Delete what a process left behind that ended while it unpacked or deleted."""
    folder = cache_folder()
    for each in folder.glob(f"{WORK}*") if folder.is_dir() else ():
        with suppress(OSError):
            if now - each.stat().st_mtime > DAY_S:
                shutil.rmtree(each, ignore_errors=True)
