"""Runs that wait for their turn: a file of the user's, and the one process that works through it.

Each entry holds its spec as it was when it was added. Entries are changed under a lock, so that windows, terminals
and the process that trains them may do so at once. The process holds a lock of its own; it falls with the process.
"""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import platformdirs
from filelock import FileLock, Timeout

from engine import spec as specs
from engine.detached import Process, start_logged
from engine.problem import Mistake
from engine.runs import Runs
from engine.spec import Spec, write_atomically
from engine.train.folder import Run, new_run
from engine.train.lock import is_held

LOCK_SECONDS = 5.0
TRY_SECONDS = 0.5  # for the lock of who works through it: longer than anybody looks at it
WAIT_SECONDS = 1.0  # between looks at whether the run before has ended


@dataclass(frozen=True, slots=True)
class Entry:
    """A run that waits: `runs` is the folder that it will stand in, `folder` where relative paths of its data start."""

    id: str
    name: str
    runs: Path
    folder: Path
    spec: Spec

    def encode(self) -> dict[str, Any]:
        """Turn it into a JSON object."""
        paths = {"runs": str(self.runs), "folder": str(self.folder)}
        return {"id": self.id, "name": self.name, **paths, "spec": specs.encode(self.spec)}

    @classmethod
    def decode(cls, data: dict[str, Any]) -> Self:
        """Build it from a JSON object."""
        spec = specs.decode(data["spec"])
        return cls(data["id"], data["name"], Path(data["runs"]), Path(data["folder"]), spec)


def new_entry(spec: Spec, name: str, runs: Path, folder: Path) -> Entry:
    """A run that can be put into the queue."""
    return Entry(uuid.uuid4().hex, name, runs.resolve(), folder.resolve(), spec)


class Queue:
    """The runs that wait, the next one first."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or platformdirs.user_data_path("netloom") / "queue"
        self.path = self.folder / "queue.json"

    def entries(self) -> list[Entry]:
        """What waits."""
        return self.read()[0]

    def paused(self) -> bool:
        """Whether no further run is to be started."""
        return self.read()[1]

    def add(self, entry: Entry) -> None:
        """Put a run at the end."""
        self._change(lambda entries: [*entries, entry])

    def remove(self, ids: Sequence[str]) -> None:
        """Take runs out."""
        self._change(lambda entries: [entry for entry in entries if entry.id not in ids])

    def arrange(self, ids: Sequence[str]) -> None:
        """Put the runs into this order; those that are not named come last, as they stood."""
        places = {each: place for place, each in enumerate(ids)}
        self._change(lambda entries: sorted(entries, key=lambda entry: places.get(entry.id, len(places))))

    def pause(self) -> None:
        """Start no further run; one that trains goes on."""
        self._change(list, paused=True)

    def unpause(self) -> None:
        """Start runs again, once `work` is at it."""
        self._change(list, paused=False)

    def take(self) -> tuple[Entry, Run] | None:
        """Take out the next run and make its folder; None where none waits, or the queue is paused."""
        with self._locked():
            entries, paused = self.read()
            if paused or not entries:
                return None
            entry = entries[0]
            run = new_run(entry.runs, entry.name)
            run.begin(entry.spec)  # before it is taken out: a crash between the two loses nothing
            self._write(entries[1:], paused=paused)
            return entry, run

    def _change(self, change: Callable[[list[Entry]], list[Entry]], *, paused: bool | None = None) -> None:
        with self._locked():
            entries, was_paused = self.read()
            self._write(change(entries), paused=was_paused if paused is None else paused)

    def read(self) -> tuple[list[Entry], bool]:
        """Read what waits, and whether no further run is to be started; raises Mistake where the file is damaged."""
        try:
            data = json.loads(self.path.read_text(encoding="utf-8"))
            return [Entry.decode(each) for each in data["entries"]], bool(data["paused"])
        except FileNotFoundError:
            return [], False
        except (OSError, ValueError, KeyError, TypeError, Mistake) as error:
            raise Mistake(f"The queue in {self.path} cannot be read: {error}. Mend the file, or delete it.") from None

    def _write(self, entries: Sequence[Entry], *, paused: bool) -> None:
        text = json.dumps({"paused": paused, "entries": [each.encode() for each in entries]}, ensure_ascii=False)
        write_atomically(self.path, lambda stream: stream.write(text.encode()))

    @property
    def log(self) -> Path:
        """What the process that works through the queue printed."""
        return self.folder / "log.txt"

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.folder / "queue.lock", timeout=LOCK_SECONDS):
                yield
        except Timeout:
            raise Mistake(f"The queue in {self.path} is being changed by another process; try again.") from None

    # ------------------------------------------------------------------------------------------------------ work

    def at_work(self) -> bool:
        """Whether a process works through the queue."""
        return is_held(self.folder / "worker.lock")

    def work(self) -> Generator[Run, None, None]:
        """Train what waits, one after the other, and yield each run as it starts; a run that fails stops no other.

        Raises Mistake where another process is at it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / "worker.lock", timeout=TRY_SECONDS)
        while True:
            try:
                lock.acquire()
            except Timeout:
                raise Mistake("Another process is working through the queue.") from None
            try:
                yield from self._worked_through()
            finally:
                lock.release()
            if self.paused() or not self.entries():  # else one came while the lock was still held
                return

    def _worked_through(self) -> Iterator[Run]:
        folders: dict[Path, Runs] = {}
        ended: set[Run] = set()
        while not self.paused() and (waiting := self.entries()):
            beside = folders.setdefault(waiting[0].runs, Runs(waiting[0].runs))
            if any(each.at_work and each.run not in ended for each in beside.read()):
                time.sleep(WAIT_SECONDS)
            elif (taken := self.take()) is not None:
                entry, run = taken
                process = launch(run, train_verb(run, entry.folder))
                yield run
                process.wait()
                ended.add(run)


def start_work(queue: Queue) -> Process:
    """Start a process that works through the queue and lives on by itself."""
    queue.folder.mkdir(parents=True, exist_ok=True)
    return start_logged(["queue", "start"], queue.log, "wb")


def train_verb(run: Run, folder: Path) -> list[str]:
    """The verb that trains the spec of a run's folder in that folder."""
    return ["train", str(run.path / "spec.json"), "--run", str(run.path), "--data-folder", str(folder)]


def launch(run: Run, verb: Sequence[str]) -> Process:
    """Start a process that trains a run and lives on by itself; what it prints goes to the run's log."""
    return start_logged([*verb, "--watched", "--json"], run.log)
