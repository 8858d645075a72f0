"""Unsaved work is written aside now and then, and offered again after a crash."""

from __future__ import annotations

import contextlib
import json
import uuid
from pathlib import Path

from filelock import FileLock, Timeout
from PySide6.QtCore import QObject, QTimer

from app.document import Document
from app.settings import data_folder
from engine import spec as specs
from engine.problem import Mistake
from engine.spec import Spec

EVERY_MS = 20_000


class Recovery(QObject):
    """Keeps a copy of unsaved changes, one for each running studio; a lock tells which of them are alive."""

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self._document = document
        self._folder = data_folder() / "recovery"
        self._file = self._folder / f"{uuid.uuid4().hex}.json"
        self._lock: FileLock | None = None
        self._written: Spec | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(EVERY_MS)
        self._timer.timeout.connect(self.write)
        self._timer.start()
        document.saved.connect(self._drop)
        document.replaced.connect(self._drop)

    def write(self) -> None:
        """Write the present changes; a disk that cannot take them is no reason to bother anyone."""
        if not self._document.dirty or self._document.spec is self._written:
            return
        path = self._document.path
        record = {"path": str(path) if path else None, "spec": specs.encode(self._document.spec)}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if self._lock is None:
                self._lock = FileLock(self._file.with_suffix(".lock"))
                self._lock.acquire()
            specs.write_atomically(self._file, lambda stream: stream.write(json.dumps(record).encode()))
        except OSError:
            return
        self._written = self._document.spec

    def find(self) -> tuple[Spec, Path | None, Path] | None:
        """What a studio that is no longer alive has left: its spec, its project's file, and the copy."""
        for file in sorted(self._folder.glob("*.json")) if self._folder.is_dir() else ():
            if _alive(file.with_suffix(".lock")):
                continue
            try:
                record = json.loads(file.read_text(encoding="utf-8"))
                spec = specs.decode(record["spec"])
            except (OSError, ValueError, KeyError, TypeError, Mistake):
                _remove(file)
                continue
            return spec, Path(record["path"]) if record["path"] else None, file
        return None

    def _drop(self) -> None:
        """Remove the copy, for the project was saved, or given up for another."""
        if self._lock is not None:
            self._written = None
            _remove(self._file)

    def forget(self) -> None:
        """Remove the copy for good: the studio ends."""
        self._timer.stop()
        if self._lock is not None:
            _remove(self._file)
            self._lock.release()
            _remove(self._file.with_suffix(".lock"))


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def _alive(lock: Path) -> bool:
    if not lock.exists():
        return False
    held = FileLock(lock, timeout=0)
    try:
        held.acquire()
    except (Timeout, OSError):
        return True
    held.release()
    return False
