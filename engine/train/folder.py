"""The run folder: everything a training run leaves behind, readable without torch.

A run writes `spec.json`, `events.jsonl`, `environment.json`, `data.json` (what prediction needs to treat new samples
alike), `weights.safetensors` (the best epoch's), `checkpoints/` (the last states, to go on from), `specs/` (each spec
that it was trained with, by the step from which on) and `log.txt`. While it works it holds a lock, with its process
number in `process.json`, and takes commands from `commands.jsonl`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from engine import events as event_types
from engine.events import Event, Stopped
from engine.problem import Mistake
from engine.spec import PART, Spec, dumps, load, write_atomically
from engine.train import commands
from engine.train.commands import Command
from engine.train.lock import is_held

EVENTS = "events.jsonl"
SPECS = "specs"
PROCESS = "process.json"
CHECKPOINT = ".safetensors"
DAMAGED = ".damaged"  # behind the name of a checkpoint that was set aside
START_SECONDS = 60.0  # how long a run may take until its first event
LOCK_SECONDS = 5.0
ALL = -1  # bytes


class Run:
    """A run folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __eq__(self, other: object) -> bool:
        """Two runs are the same where their folders are."""
        return isinstance(other, Run) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def weights(self) -> Path:
        """The weights of the best epoch."""
        return self.path / "weights.safetensors"

    @property
    def checkpoints(self) -> Path:
        """Where the states to go on from are."""
        return self.path / "checkpoints"

    @property
    def log(self) -> Path:
        """What the process printed."""
        return self.path / "log.txt"

    @property
    def learned(self) -> Path:
        """What the column steps learned."""
        return self.path / "data.json"

    def spec(self) -> Spec:
        """The spec as trained; raises Mistake where this is no run folder."""
        path = self.path / "spec.json"
        if not path.is_file():
            raise Mistake(f"{self.path} is no run folder: it has no spec.json.")
        return load(path)

    def environment(self) -> Mapping[str, Any]:
        """Versions, device, thread count and the data's folder; empty where it was never written."""
        return self._json("environment.json")

    def data_state(self) -> Mapping[str, Any]:
        """What the column steps learned; raises Mistake where the run never came to that."""
        state = self._json("data.json")
        if not state:
            raise Mistake(f"{self.path} holds no trained model yet.")
        return state

    def _json(self, name: str) -> Mapping[str, Any]:
        try:
            data = json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise Mistake(f"{self.path / name} cannot be read: {error}.") from None
        return data if isinstance(data, dict) else {}

    def write_json(self, name: str, data: Mapping[str, Any]) -> None:
        """Write a JSON file of the run atomically."""
        text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
        write_atomically(self.path / name, lambda stream: stream.write(text.encode()))

    def begin(self, spec: Spec) -> None:
        """Make the folder and write the spec."""
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        self.keep_spec(spec, 0)

    def keep_spec(self, spec: Spec, step: int) -> None:
        """Write a spec that the run is trained with from a step on; those before it stay in `specs`."""
        data = dumps(spec).encode()
        if self._kept_spec() is not None and (self.path / "spec.json").read_bytes() == data:
            return
        (self.path / SPECS).mkdir(exist_ok=True)
        kept, number = self.path / SPECS / f"{step}.json", 1
        while kept.exists():
            number += 1
            kept = kept.with_name(f"{step}-{number}.json")
        for path in (kept, self.path / "spec.json"):
            write_atomically(path, lambda stream: stream.write(data))

    def newest_spec(self) -> str:
        """The file in the folder that holds the spec trained now, such as "specs/0.json"."""
        kept = self._kept_spec()
        return f"{SPECS}/{kept.name}" if kept is not None else "spec.json"

    def _kept_spec(self) -> Path | None:
        """The spec kept that is the present one; steps tell no order, for their count falls as batches grow."""
        try:
            present = (self.path / "spec.json").read_bytes()
        except FileNotFoundError:
            return None
        return next((path for path in (self.path / SPECS).glob("*.json") if path.read_bytes() == present), None)

    def checkpoint_files(self) -> list[Path]:
        """The checkpoints, the newest first; their names tell the epoch and the step."""
        return sorted(self.checkpoints.glob(f"*{CHECKPOINT}"), reverse=True)

    def has_begun(self) -> bool:
        """Whether it came to a checkpoint, be that one whole or not."""
        found = self.checkpoints.iterdir() if self.checkpoints.is_dir() else ()
        return any(path.suffix in (CHECKPOINT, DAMAGED) for path in found)

    # ---------------------------------------------------------------------------------------------------- events

    def append(self, event: Event) -> None:
        """Add an event to `events.jsonl`."""
        with (self.path / EVENTS).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(event_types.encode(event), ensure_ascii=False) + "\n")

    def told_bytes(self) -> int:
        """How many bytes of events there are."""
        try:
            return (self.path / EVENTS).stat().st_size
        except FileNotFoundError:
            return 0

    def lines(self, offset: int = 0, most: int = ALL) -> bytes:
        """Read the whole lines of events behind a byte offset, about so many bytes of them, yet one at least.

        A last line that is not yet whole is left for the next time.
        """
        try:
            with (self.path / EVENTS).open("rb") as stream:
                stream.seek(offset)
                data = stream.read(most)
                if b"\n" not in data:
                    data += stream.readline()
        except FileNotFoundError:
            return b""
        return data[: data.rfind(b"\n") + 1]

    def tail(self, offset: int = 0, most: int = ALL) -> tuple[list[Event], int]:
        """Read events as `lines` does; returns them and the offset to go on from. Damaged lines are passed over."""
        whole = self.lines(offset, most)
        return list(decode_events(whole)), offset + len(whole)

    def events(self) -> list[Event]:
        """All events so far."""
        return self.tail()[0]

    # -------------------------------------------------------------------------------------------- lock, commands

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run's lock; raises Mistake where another process does, or where the folder cannot be written."""
        with self._taken(LOCK_SECONDS):
            self.write_json(PROCESS, {"pid": os.getpid()})
            self._end_last_line()
            self._clear_leftovers()
            yield

    def _clear_leftovers(self) -> None:
        """Delete the files that a killed process left half written."""
        for folder in (self.path, self.checkpoints, self.path / SPECS):
            for path in folder.glob(f".*{PART}"):
                path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _taken(self, seconds: float) -> Iterator[None]:
        lock = FileLock(self.path / "lock", timeout=seconds)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            raise Mistake(
                f"{self.path} is being trained by another process; follow that one, or stop it first."
            ) from None
        except OSError as error:
            words = f"{self.path} cannot be written to ({error.strerror or error})"
            raise Mistake(f"{words}; choose another folder, or copy the run to one and go on there.") from None
        try:
            yield
        finally:
            lock.release()

    def _end_last_line(self) -> None:
        """End a line that a killed process left half written, so that the next event has one of its own."""
        with contextlib.suppress(FileNotFoundError), (self.path / EVENTS).open("rb+") as stream:
            if stream.seek(0, os.SEEK_END) and stream.seek(-1, os.SEEK_END) >= 0 and stream.read(1) != b"\n":
                stream.write(b"\n")

    def alive(self) -> bool:
        """Whether a process is working on the run; the lock falls with its process."""
        return is_held(self.path / "lock")

    def note_killed(self, epoch: int) -> None:
        """Say for a process that was ended that the run stopped, after so many whole epochs."""
        self._end_last_line()
        self.append(Stopped(str(self.path), epoch))

    def kill(self) -> None:
        """End the process that works on the run at once; what it wrote stays."""
        pid = self._json(PROCESS).get("pid")
        if not isinstance(pid, int) or not self.alive():
            return
        with contextlib.suppress(ProcessLookupError):
            if not hasattr(os, "killpg"):  # as on Windows, where this ends a process at once
                os.kill(pid, signal.SIGTERM)
            elif os.getpgid(pid) == pid:  # it leads a group of its own, its data workers among it
                os.killpg(pid, signal.SIGKILL)
            else:
                os.kill(pid, signal.SIGKILL)

    def tell(self, command: Command) -> None:
        """Leave a command for the process that trains."""
        commands.send(self.path, command)

    def forget_commands(self) -> None:
        """Take away the commands that nobody has followed; only for the process that works on the run."""
        commands.forget(self.path)

    def make_ready(self, wait: float = LOCK_SECONDS) -> None:
        """Take away what was told to a process that has gone, before another is started to go on.

        Raises Mistake where a process works on the run for `wait` seconds more, or the folder cannot be written.
        """
        with self._taken(wait):
            self.forget_commands()


def decode_events(data: bytes) -> Iterator[Event]:
    """Decode lines of `events.jsonl`; those that are damaged are passed over."""
    for line in data.splitlines():
        try:
            event = event_types.decode(json.loads(line))
        except (ValueError, TypeError, AttributeError):
            continue
        if event is not None:
            yield event


def runs_in(folder: Path) -> list[Run]:
    """List the runs in a folder, and in its folders that group runs, the newest first."""
    found = [Run(path) for path in _run_folders(folder)]
    return sorted(found, key=_written, reverse=True)


def _written(run: Run) -> float:
    try:
        return (run.path / "spec.json").stat().st_mtime
    except OSError:  # moved to the trash meanwhile
        return 0.0


def _run_folders(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir() if folder.is_dir() else ():
        if (path / "spec.json").is_file():
            yield path
        elif path.is_dir():
            yield from (each.parent for each in path.glob("*/spec.json"))


def new_run(folder: Path, name: str) -> Run:
    """Name a new run in a folder: "digits-20260131-174500", numbered where that is taken; nothing is written."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-") or "run"
    stamped = f"{stem}-{datetime.now().astimezone():%Y%m%d-%H%M%S}"
    path, number = folder / stamped, 1
    while path.exists():
        number += 1
        path = folder / f"{stamped}-{number}"
    return Run(path)
