"""What a training run tells: frozen dataclasses, each one JSON line of `events.jsonl`."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from engine.problem import Fix

Scores = Mapping[str, float]  # metric or loss name -> value; a value that is not finite travels as null


@dataclass(frozen=True, slots=True)
class Table:
    """What a metric gives that is not one number: a value for each row and column.

    `down` and `across` say what rows and columns are, such as "true" and "answered" of a confusion matrix.
    """

    down: str
    across: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]


Tables = Mapping[str, Table]  # by metric


@dataclass(frozen=True, slots=True)
class Started:
    """The run began, or went on after `epoch` whole epochs and `step` steps. `samples` counts each split."""

    run: str
    device: str
    epochs: int
    epoch: int
    steps_per_epoch: int
    samples: Mapping[str, int]
    parameters: int
    metrics: Mapping[str, bool] = field(default_factory=dict)  # name -> whether higher is better
    passes: tuple[str, ...] = ()  # what the graph passes did, one sentence each
    notes: tuple[str, ...] = ()  # what was found in the data, such as rows left out or texts cut
    time: float = 0.0  # seconds since 1970
    step: int = 0


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the data's way to the model: how many samples a second it could give were it alone.

    `share` is the part of the time, from 0 to 1, in which it was at work; stages that work side by side have more
    than 1 together.
    """

    name: str
    samples_per_second: float
    share: float


@dataclass(frozen=True, slots=True)
class Progress:
    """Running means over this epoch's steps so far; sent at most about 20 times a second.

    `waited` is the share of the time, from 0 to 1, that the model waited for data; `stages` are those of the data in
    their order, and `advice` says what would shorten the wait, "" where there is none worth a word. The three are
    told about once a second; between, there are no stages.
    """

    epoch: int
    step: int
    steps: int
    train: Scores
    samples_per_second: float
    seconds_left: float
    learning_rates: Scores = field(default_factory=dict)  # optimizer's name -> its learning rate
    waited: float = 0.0
    stages: tuple[Stage, ...] = ()
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Measuring:
    """So many batches of a split are measured, after `epoch` whole epochs; sent at most about 20 times a second."""

    split: str
    epoch: int
    step: int
    steps: int


@dataclass(frozen=True, slots=True)
class Epoch:
    """An epoch is done: its scores on the train and the validation split.

    `tables` are of the validation split, or of the training split where there is no other; large ones are left out.
    """

    epoch: int
    train: Scores
    validation: Scores
    seconds: float
    samples_per_second: float
    best: bool
    learning_rates: Scores = field(default_factory=dict)  # optimizer's name -> that of its last step
    tables: Tables = field(default_factory=dict)
    notes: tuple[str, ...] = ()  # what a user should know that was not known before


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint after `epoch` whole epochs and `step` steps is on the disk; `path` is relative to the run folder."""

    epoch: int
    path: str
    step: int = 0


@dataclass(frozen=True, slots=True)
class Paused:
    """The run rests after `epoch` whole epochs and `step` steps, until it is told to go on or to stop."""

    epoch: int
    step: int


@dataclass(frozen=True, slots=True)
class Continued:
    """The run goes on after a pause."""

    epoch: int
    step: int


@dataclass(frozen=True, slots=True)
class Changed:
    """Something of the run was changed on its way; `message` says what, `epochs` are all that it is to train now.

    Where the graph was changed, `kept` are the nodes that went on with their weights and `fresh` those that start anew.
    """

    message: str
    epoch: int
    step: int
    epochs: int
    learning_rates: Scores = field(default_factory=dict)
    kept: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """The run is done; `test` and `tables` are the best weights' on the test split, empty where there is none."""

    run: str
    test: Scores
    epochs: int
    best_epoch: int
    seconds: float
    tables: Tables = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stopped:
    """The run was stopped by the user after `epoch` whole epochs; it can be resumed."""

    run: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The run ended at a mistake or a fault; `message` says where, what, and what to try, `fixes` do it."""

    message: str
    node: str | None = None
    param: str | None = None
    epoch: int | None = None
    step: int | None = None
    fixes: tuple[Fix, ...] = ()


Event = Started | Progress | Measuring | Epoch | Checkpoint | Paused | Continued | Changed | Finished | Stopped | Failed
LAST = (Finished, Stopped, Failed)


def sentences(event: Event) -> tuple[str, ...]:
    """What an event has to say in words to whoever watches: its notes, or what was changed."""
    match event:
        case Started() | Epoch():
            return event.notes
        case Changed():
            return (event.message,)
    return ()


_BY_NAME: dict[str, type[Event]] = {kind.__name__.lower(): kind for kind in get_args(Event)}
_FIELDS = {kind: frozenset(each.name for each in dataclasses.fields(kind)) for kind in _BY_NAME.values()}


def encode(event: Event) -> dict[str, Any]:
    """Turn an event into a JSON object whose key "event" is its name in small letters."""
    fields = {each.name: _plain(getattr(event, each.name)) for each in dataclasses.fields(event)}
    return {"event": type(event).__name__.lower(), **fields}


def decode(data: Mapping[str, Any]) -> Event | None:
    """Build an event from a JSON object; None for an event this version does not know."""
    fields = dict(data)
    kind = _BY_NAME.get(fields.pop("event", ""))
    if kind is None:
        return None
    known = _FIELDS[kind]
    values = {name: _restored(value) for name, value in fields.items() if name in known}
    if "stages" in values:
        values["stages"] = tuple(Stage(**each) for each in fields["stages"])
    if "fixes" in values:
        values["fixes"] = tuple(Fix.decode(each) for each in fields["fixes"])
    if "tables" in values:
        values["tables"] = {name: decode_table(table) for name, table in fields["tables"].items()}
    return kind(**values)


def encode_table(table: Table) -> dict[str, Any]:
    """Turn a table into a JSON object."""
    return {each.name: _plain(getattr(table, each.name)) for each in dataclasses.fields(table)}


def decode_table(data: Mapping[str, Any]) -> Table:
    """Build a table from a JSON object."""
    values = tuple(tuple(math.nan if each is None else each for each in row) for row in data["values"])
    return Table(data["down"], data["across"], tuple(data["rows"]), tuple(data["columns"]), values)


def _plain(value: Any) -> Any:
    if isinstance(value, Table):
        return encode_table(value)
    if isinstance(value, Stage):
        return dataclasses.asdict(value)
    if isinstance(value, Fix):
        return value.encode()
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return [_plain(each) for each in value] if isinstance(value, tuple) else value


def _restored(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: math.nan if each is None else each for name, each in value.items()}
    return tuple(value) if isinstance(value, list) else value
