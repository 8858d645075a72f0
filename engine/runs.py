"""The runs of a folder at a glance: what each one trained, how it did, and what its user calls it.

Reading a thousand runs takes seconds, so what was read is kept in a file beside them, with the place in each
`events.jsonl` to read on from. That file holds nothing of its own: it may be deleted, or fail to be written.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from engine.events import Changed, Continued, Epoch, Event, Failed, Finished, Paused, Scores, Started, Stopped
from engine.problem import Mistake
from engine.spec import Spec, write_atomically
from engine.train.folder import START_SECONDS, Run, decode_events, runs_in

ABOUT, INDEX = "about.json", ".runs.json"
INDEX_FORMAT = 1  # raised when what is kept changes, so that an older file is not read
LOSS = "loss"
ENDED = ("finished", "stopped", "failed")
AT_WORK = ("starting", "running", "paused")
PROGRESS = (b'{"event": "progress"', b'{"event": "measuring"')
PORTION = 512 * 1024  # bytes of events that are read at once


@dataclass(frozen=True, slots=True)
class About:
    """What a user says of a run. A run without a title goes by its folder's name."""

    title: str = ""
    tags: tuple[str, ...] = ()
    notes: str = ""


def read_about(run: Run) -> About:
    """Read what is said of a run; nothing where nobody has said anything, or where it cannot be read."""
    try:
        data = json.loads((run.path / ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return About()
    return _about(data)


def _about(data: Any) -> About:
    if not isinstance(data, dict):
        return About()
    tags = data.get("tags")
    listed = tuple(str(tag) for tag in tags) if isinstance(tags, list) else ()
    return About(str(data.get("title") or ""), listed, str(data.get("notes") or ""))


def write_about(run: Run, about: About) -> None:
    """Keep what is said of a run in its folder; raises OSError where it cannot be written."""
    run.write_json(ABOUT, dataclasses.asdict(about))


def name_of(run: Run) -> str:
    """What a run is called: its title, or its folder's name."""
    return read_about(run).title or run.name


def tags_of(text: str) -> tuple[str, ...]:
    """Read tags that were typed, parted by commas; the same one counts once."""
    return tuple(dict.fromkeys(tag for tag in (each.strip() for each in text.split(",")) if tag))


@dataclass(frozen=True, slots=True)
class Summary:
    """A run at a glance. `scores` are those of its best epoch, on validation where there is one; `best` leads them."""

    run: Run
    about: About
    state: str
    graph: str
    nodes: int
    data: str
    parameters: int
    epoch: int
    epochs: int
    metric: str
    metrics: Mapping[str, bool]  # name -> whether higher is better
    scores: Scores
    test: Scores
    device: str
    seconds: float
    started: float  # seconds since 1970; when it was made where it never came to start
    message: str  # why it failed

    @property
    def name(self) -> str:
        """What the run is called."""
        return self.about.title or self.run.name

    @property
    def best(self) -> float | None:
        """The best epoch's value of the metric that leads; None before the first epoch, or where it is no number."""
        return finite(self.scores.get(self.metric))

    @property
    def at_work(self) -> bool:
        """Whether a process works on it."""
        return self.state in AT_WORK

    def encode(self) -> dict[str, Any]:
        """Turn it into a JSON object."""
        return {
            "run": str(self.run.path),
            "name": self.name,
            "state": self.state,
            "graph": self.graph,
            "nodes": self.nodes,
            "parameters": self.parameters,
            "data": self.data,
            "epoch": self.epoch,
            "epochs": self.epochs,
            "metric": self.metric,
            "best": {name: finite(value) for name, value in self.scores.items()},
            "test": {name: finite(value) for name, value in self.test.items()},
            "device": self.device,
            "seconds": self.seconds,
            "started": self.started,
            "tags": list(self.about.tags),
            "notes": self.about.notes,
            "message": self.message,
        }


def finite(value: float | None) -> float | None:
    """A number, or None for what is none."""
    return value if value is not None and math.isfinite(value) else None


@dataclass
class _Told:
    """What the events of a run have told so far, and the byte behind them; `last` is the kind of the last turn."""

    offset: int = 0
    last: str = ""
    device: str = ""
    parameters: int = 0
    epoch: int = 0
    epochs: int = 0
    metrics: dict[str, bool] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    test: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    started: float | None = None
    message: str = ""

    def take(self, event: Event) -> None:
        """Take in an event."""
        match event:
            case Started():
                self.device, self.parameters, self.epochs = event.device, event.parameters, event.epochs
                self.metrics = dict(event.metrics)
                self.started, self.message = self.started or event.time or None, ""
            case Epoch():
                self.epoch, self.seconds = event.epoch, self.seconds + event.seconds
                if event.best or not self.scores:
                    self.scores = dict(event.validation or event.train)
            case Changed():
                self.epochs = event.epochs
            case Finished():
                self.test, self.seconds = dict(event.test), event.seconds
            case Failed():
                self.message = event.message
            case Stopped():
                self.epoch = event.epoch
        if isinstance(event, (Started, Paused, Continued, Finished, Failed, Stopped)):
            self.last = type(event).__name__.lower()

    def read_on(self, run: Run) -> bool:
        """Take in the next portion of events; returns whether there was one. A file that has shrunk is read anew."""
        try:
            size = run.told_bytes()
            if size == self.offset:
                return False
            if size < self.offset:
                self.__init__()  # type: ignore[misc]  # begins anew
            whole = run.lines(self.offset, PORTION)
        except OSError:
            return False
        # Nearly all lines tell of progress, which no summary needs.
        for event in decode_events(b"\n".join(each for each in whole.splitlines() if not each.startswith(PROGRESS))):
            self.take(event)
        self.offset += len(whole)
        return bool(whole)


@dataclass
class _Entry:
    """What is known of a run, and when the files that it was read from were last written (nanoseconds)."""

    spec_time: int = -1
    about_time: int = -1
    graph: str = ""
    nodes: int = 0
    data: str = ""
    about: About = About()
    told: _Told = field(default_factory=_Told)

    def encode(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def decode(cls, data: dict[str, Any]) -> Self:
        return cls(**{**data, "about": _about(data["about"]), "told": _Told(**data["told"])})

    def look(self, run: Run) -> bool:
        """Read what has changed, of the events a portion; returns whether anything had."""
        changed = self._look_at_spec(run)
        written = _written(run.path / ABOUT)
        if written != self.about_time:
            self.about_time, self.about, changed = written, read_about(run), True
        return self.told.read_on(run) or changed

    def _look_at_spec(self, run: Run) -> bool:
        written = _written(run.path / "spec.json")
        if written == self.spec_time:
            return False
        self.spec_time = written
        try:
            spec = run.spec()
        except Mistake:
            self.graph, self.nodes, self.data = "", 0, ""
        else:
            self.graph, self.nodes, self.data = spec.name, len(spec.nodes), data_words(spec)
        return True

    def state(self, run: Run) -> str:
        """How the run stands: a run that had ended may be at work again, and one that died without a word is not."""
        if run.alive():
            return self.told.last if self.told.last == "paused" else "running"
        if self.told.last in ENDED:
            return self.told.last
        return "starting" if not self.told.last and time.time() - self.spec_time / 1e9 < START_SECONDS else "crashed"

    def summary(self, run: Run) -> Summary:
        told = self.told
        return Summary(
            run, self.about, self.state(run), self.graph, self.nodes, self.data, told.parameters, told.epoch,
            told.epochs, next(iter(told.metrics), LOSS), told.metrics, told.scores, told.test, told.device,
            told.seconds, told.started or self.spec_time / 1e9, told.message,
        )  # fmt: skip


def _written(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def data_words(spec: Spec) -> str:
    """Name what a spec is trained on: the file, folder or data set of its source, or the source itself."""
    source = spec.data.get("source")
    if not isinstance(source, Mapping):
        return ""
    params = source.get("params")
    for value in params.values() if isinstance(params, Mapping) else ():
        if isinstance(value, str) and value:
            return value.rstrip("/\\").replace("\\", "/").rpartition("/")[2] or value
    return str(source.get("kind", ""))


class Runs:
    """The runs of a folder, kept up to date with little reading."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.behind = False  # whether there are runs that the last reading had no time for
        self._entries = self._kept()
        self._unread = set(self._entries)  # of the entries, those that were not yet read to their end
        self._changed = False  # whether there is something to keep

    def read(self, seconds: float = math.inf) -> list[Summary]:
        """Look at the folder; the newest run comes first.

        Runs that are not read to their end after so many seconds are left for the next reading, if they are new.
        """
        found, before = runs_in(self.folder), self._entries
        self._entries = {run.path: before.get(run.path) or _Entry() for run in found}
        self._unread = (self._unread & self._entries.keys()) | (self._entries.keys() - before.keys())
        self._changed = self._changed or self._entries.keys() != before.keys()
        for run in found:
            if run.path not in self._unread:
                self._read_on(run)
        end = time.monotonic() + seconds  # for the new ones, however long it took to look at the others
        for run in found:
            if time.monotonic() < end and run.path in self._unread:
                self._read_on(run, end)
        self.behind = bool(self._unread)
        if self._changed and not self.behind:
            self._changed = False
            self._keep()
        return [self._entries[run.path].summary(run) for run in found if run.path not in self._unread]

    def _read_on(self, run: Run, end: float = math.inf) -> None:
        """Read what is new of a run, as far as there is time."""
        entry = self._entries[run.path]
        while time.monotonic() < end:
            if not entry.look(run):
                self._unread.discard(run.path)
                return
            self._changed = self._changed or entry.told.last in ENDED

    def again(self, run: Run) -> Summary:
        """Look at one run of the folder."""
        entry = self._entries.setdefault(run.path, _Entry())
        while entry.look(run):
            pass
        return entry.summary(run)

    def _kept(self) -> dict[Path, _Entry]:
        try:
            data = json.loads((self.folder / INDEX).read_text(encoding="utf-8"))
            if data["format"] != INDEX_FORMAT:
                return {}
            return {self.folder / name: _Entry.decode(each) for name, each in data["runs"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def _keep(self) -> None:
        runs = {path.relative_to(self.folder).as_posix(): entry.encode() for path, entry in self._entries.items()}
        text = json.dumps({"format": INDEX_FORMAT, "runs": runs}, ensure_ascii=False)
        with contextlib.suppress(OSError):  # the folder is only read from, or its disk is full
            write_atomically(self.folder / INDEX, lambda stream: stream.write(text.encode()))


def summaries(folder: Path) -> list[Summary]:
    """Tell of the runs in a folder, the newest first."""
    return Runs(folder).read()


# Names of an environment's entries on which the numbers of a run depend, as a user says them.
VERSIONS = {"python": "Python", "torch": "PyTorch", "numpy": "NumPy", "platform": "system"}
MACHINE = {"device": "device", "device_name": "processor", "threads": "number of threads"}


def environment_changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Say in sentences what differs between two environments that numbers depend on."""
    return [
        f"The {name} was {then[key]}; it is {now[key]} now."
        if key in MACHINE or key == "platform"
        else f"{name} was {then[key]}; it is {now[key]} now."
        for key, name in {**VERSIONS, **MACHINE}.items()
        if then.get(key) and now.get(key) and then[key] != now[key]
    ]
