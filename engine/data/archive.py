"""Zip and tar files, unpacked once into a cache folder that is named after their content."""

from __future__ import annotations

import errno
import functools
import hashlib
import lzma
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from engine.amounts import memory
from engine.data.archivecache import WORK, cache_folder, prune, use
from engine.declare import did_you_mean
from engine.problem import Mistake

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
LEFT_FREE = 2**28  # bytes of the disk that unpacking leaves free
MOST_MEMBERS = 5_000_000
MOST_BYTES_UNASKED = 2**30  # that are unpacked however small they were packed
MOST_TIMES = 200  # as large as the archive; tables of numbers reach 20


@dataclass(frozen=True)
class Member:
    """What is in an archive under a name; `odd` says what it is where it is neither file nor folder."""

    name: str
    size: int
    odd: str = ""


def is_archive(path: Path) -> bool:
    """Whether a path is a file that is named like an archive."""
    return path.name.lower().endswith(ENDINGS) and path.is_file()


def archive_in(path: Path) -> Path | None:
    """The archive that a path is, or leads into; None where it does neither."""
    return next((each for each in (path, *path.parents) if is_archive(each)), None)


def entered(path: Path) -> Path:
    """The path itself; of an archive, or a place in one ("set.zip/train"), where that lies unpacked.

    Folders that hold one folder and nothing else are passed through. Raises Mistake for a damaged archive, for one
    with a path that climbs out of it, and for a place that it does not have.
    """
    archive = archive_in(path)
    if archive is None:
        return path
    home = unpacked(archive)
    inner = path.relative_to(archive)
    if inner == Path():
        return _passed_through(home)
    place = home / inner
    if ".." in inner.parts or not place.exists():
        names = [each.name for each in place.parent.iterdir()] if place.parent.is_dir() else []
        raise _refused(f"{archive} holds no {inner.as_posix()}{did_you_mean(inner.name, names)}.")
    return entered(place)


def _passed_through(home: Path) -> Path:
    while True:
        inside = visible(home)
        if len(inside) != 1 or not inside[0].is_dir():
            return home
        home = inside[0]


def visible(folder: Path) -> list[Path]:
    """What a folder holds, by name, without what is hidden and what macOS leaves in archives."""
    return sorted(each for each in folder.iterdir() if not each.name.startswith((".", "__MACOSX")))


def unpacked(archive: Path) -> Path:
    """Unpack an archive, unless its content has been before; returns the folder."""
    home = _home(archive)
    if not home.is_dir():
        with _explained(archive):
            home.parent.mkdir(parents=True, exist_ok=True)
            _unpack_to(home, archive)
    use(home, archive)
    return home


def _unpack_to(home: Path, archive: Path) -> None:
    work = Path(tempfile.mkdtemp(prefix=WORK, dir=home.parent))
    try:
        _unpack(archive, work)
        work.replace(home)
    except OSError:
        if not home.is_dir():  # else another process was as quick
            raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _home(archive: Path) -> Path:
    """The folder for an archive of this content."""
    facts = archive.stat()
    digest = _digest(archive, facts.st_size, facts.st_mtime_ns)
    return cache_folder() / f"{archive.name.split('.')[0][:40]}-{digest}"


@functools.lru_cache(maxsize=64)
def _digest(archive: Path, _size: int, _changed: int) -> str:
    with archive.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:20]


@contextmanager
def _explained(archive: Path) -> Iterator[None]:
    """Turn what the libraries say of a damaged archive into a Mistake."""
    try:
        yield
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError) as error:
        words = str(error).rstrip(".") or "its end is missing"
        raise _refused(f"{archive} is cut off or damaged ({words}); fetch it again.") from None
    except RuntimeError as error:
        words = "is locked by a password" if "password" in str(error) else f"cannot be unpacked ({error})"
        raise _refused(f"{archive} {words}; unpack it yourself and choose the folder.") from None
    except NotImplementedError as error:
        raise _refused(f"{archive} cannot be unpacked ({error}); pack it anew as a plain zip.") from None
    except OSError as error:
        damaged = error.strerror is None  # gzip and bz2 raise a bare OSError for wrong bytes
        if damaged:
            raise _refused(f"{archive} is cut off or damaged ({str(error).rstrip('.')}); fetch it again.") from None
        raise _refused(f"{archive} cannot be unpacked to {cache_folder()}: {error.strerror}.") from None


@contextmanager
def _in_room(archive: Path, needed: int) -> Iterator[None]:
    """Turn a disk that fills up into a Mistake."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _refused(_no_room(archive, needed)) from None


def _no_room(archive: Path, needed: int) -> str:
    free = memory(shutil.disk_usage(cache_folder()).free)
    todo = "make room (`netloom data --clear-cache` may), or unpack it elsewhere and choose the folder"
    return f"{archive} unpacks to {memory(needed)}, and {cache_folder()} has {free} free; {todo}."


def _unpack(archive: Path, work: Path) -> None:
    if zipfile.is_zipfile(archive) or archive.suffix.lower() == ".zip":
        with zipfile.ZipFile(archive) as zipped:
            members = (Member(each.filename, each.file_size, _oddness(each)) for each in zipped.infolist())
            with _in_room(archive, _checked(archive, members)):
                zipped.extractall(work)  # noqa: S202 - every path was checked
        return
    with tarfile.open(archive) as tarred:
        size = _checked(archive, (Member(each.name, each.size, _tar_oddness(each)) for each in tarred))
        with _in_room(archive, size):
            for each in tarred.getmembers():
                each.mode = 0o755 if each.isdir() else 0o644
                tarred.extract(each, work, set_attrs=False, filter="data")


def _oddness(info: zipfile.ZipInfo) -> str:
    return "a link" if stat.S_ISLNK(info.external_attr >> 16) else ""


def _tar_oddness(info: tarfile.TarInfo) -> str:
    if info.isfile() or info.isdir():
        return ""
    return "a link" if info.issym() or info.islnk() else "a device"


def _checked(archive: Path, members: Iterable[Member]) -> int:
    """The bytes that the members have unpacked.

    Refuses paths that climb out of the archive, what is no file, a bomb, and more than the disk can take.
    """
    size, packed = 0, archive.stat().st_size
    for count, member in enumerate(members):
        if _climbs(member.name):
            raise _refused(f"{archive} holds {member.name!r}, a path that climbs out of it; nothing was unpacked.")
        if member.odd:
            raise _refused(f"{archive} holds {member.odd}, {member.name!r}; only files and folders are unpacked.")
        if count >= MOST_MEMBERS:
            raise _refused(f"{archive} holds more than {MOST_MEMBERS:,} files; unpack it yourself.")
        size += member.size
        if size > MOST_BYTES_UNASKED and size > MOST_TIMES * packed:
            words = (
                f"{archive} has {memory(packed)} and unpacks to {memory(size)} or more, as files made to fill disks do"
            )
            raise _refused(f"{words}; if you trust it, unpack it yourself and choose the folder.")
    prune(room_for=size)
    if size > shutil.disk_usage(cache_folder()).free - LEFT_FREE:
        raise _refused(_no_room(archive, size))
    return size


def _climbs(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    drive = os.path.splitdrive(name)[0] or (len(name) > 1 and name[1] == ":")
    return bool(drive) or ".." in parts or name.startswith(("/", "\\")) or "\0" in name


def _refused(message: str) -> Mistake:
    return Mistake(message, param="data.source.params.path")
