"""What a source says of its data, as plain values that cross to the window and into JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from engine.problem import Problem

ColumnKind = Literal["number", "category", "date", "image", "mask", "boxes", "text", "audio", "sequence"]
Fit = Literal["stretch", "pad", "crop"]  # how an image of another size is brought to one
RAGGED: tuple[ColumnKind, ...] = ("text", "audio", "sequence", "boxes")  # kinds whose samples differ in size


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `shape` and `dtype` are those of one sample's tensor, the batch axis left out.

    `low`, `high` and `mean` are of the values as the source holds them, before the steps. A category's values are
    the places of its `classes`, from `low` to `high`; more than 1,000 classes are not listed. Those of a date are days
    since 1970.

    A size that differs from sample to sample is a name, such as "T"; batches fill it up with `fill`. `ports` are those
    of an Input that is bound to the column. `lengths` are the shortest, the middle and the longest sample as the source
    holds them: characters of a text, seconds of a sound, numbers of a list, boxes of an image. Before it was trained
    on, a text has no
    `high`, for how many tokens it has is learned.
    """

    name: str
    kind: ColumnKind
    shape: tuple[int | str, ...]
    dtype: str
    missing: int = 0
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    classes: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()  # samples of each class
    parts: tuple[str, ...] = ()  # names of the features a joined column holds
    steps: tuple[str, ...] = ()  # names of the steps applied
    default: tuple[Mapping[str, Any], ...] = ()  # the steps it has where the spec names none, as the spec writes them
    ports: str = "output"
    fill: float = 0.0
    rate: int = 0  # samples of a sound a second, 0 where sounds differ in it
    lengths: tuple[float, ...] = ()
    fit: Fit = "stretch"  # how images of another size are brought to this one
    ignored: int | None = None  # the class of a mask's pixels that are not to count
    follows: str = ""  # the image column whose pixels it speaks of: masks and boxes move as the image does

    def extent(self) -> str:
        """How much there is, in words: "7,972 tokens, 2 to 910 characters"; of dates, from when to when."""
        if self.kind == "date" and self.low is not None and self.high is not None:
            return f"{day_text(self.low)} to {day_text(self.high)}"
        if self.kind == "mask":
            return f"{len(self.classes):,} classes"
        if self.kind not in RAGGED:
            return ""
        classes = [f"{len(self.classes):,} classes"] if self.kind == "boxes" else []
        tokens = [f"{int(self.high) + 1:,} tokens"] if self.kind == "text" and self.high is not None else []
        rate = [f"{self.rate:,} Hz"] if self.rate else []
        unit = {"text": "characters", "sequence": "numbers", "boxes": "boxes an image"}.get(self.kind, "s")
        lengths = [f"{self.lengths[0]:.3g} to {self.lengths[-1]:.3g} {unit}"] if self.lengths else []
        return ", ".join([*classes, *tokens, *lengths, *rate])

    @property
    def bytes(self) -> int:
        """Bytes of a sample's tensor; of one whose samples differ in size about as many as the middle one has."""
        each = max(1, int("".join(filter(str.isdecimal, self.dtype)) or 8) // 8)
        if self.kind in RAGGED:
            middle = self.lengths[len(self.lengths) // 2] if self.lengths else 0.0
            return int(middle * each * (self.rate or 1))
        return math.prod(size for size in self.shape if isinstance(size, int)) * each

    @property
    def sizes(self) -> tuple[int, ...]:
        """The shape of a column whose samples have one size."""
        assert all(isinstance(size, int) for size in self.shape)
        return tuple(size for size in self.shape if isinstance(size, int))


def day_text(days: float) -> str:
    """Days since 1970 as people write them: "2011-01-31", with the time where it is not midnight."""
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=round(days * 86_400))
    except (OverflowError, ValueError):  # beyond the years that a calendar has here
        return f"{days:g} days"
    whole = moment.hour == moment.minute == moment.second == 0
    return moment.strftime("%Y-%m-%d" if whole else "%Y-%m-%d %H:%M:%S")


@dataclass(frozen=True, slots=True)
class DataReport:
    """A source as it was read: columns, sizes of the splits, first samples, problems.

    A sample maps each column to a JSON value; an image is {"png": base64 text}.
    """

    source: str
    columns: Mapping[str, Column] = field(default_factory=dict)
    splits: Mapping[str, int] = field(default_factory=dict)
    samples: tuple[Mapping[str, Any], ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()  # what a user should know, such as "12 rows lack a value and were left out"
    target: str = ""  # the column to predict, "" where the source does not say

    def encode(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "columns": {name: asdict(column) for name, column in self.columns.items()},
            "splits": dict(self.splits),
            "samples": list(self.samples),
            "problems": [problem.encode() for problem in self.problems],
            "notes": list(self.notes),
            "target": self.target,
        }

    @classmethod
    def decode(cls, data: Mapping[str, Any]) -> DataReport:
        columns = {name: _column(fields) for name, fields in data["columns"].items()}
        problems = tuple(map(Problem.decode, data["problems"]))
        notes, target = tuple(data["notes"]), data.get("target", "")
        return cls(data["source"], columns, data["splits"], tuple(data["samples"]), problems, notes, target)


def _column(fields: Mapping[str, Any]) -> Column:
    plain: dict[str, Any] = {key: tuple(each) if isinstance(each, list) else each for key, each in fields.items()}
    return Column(**plain)


def default_steps(report: DataReport) -> dict[str, Any]:
    """The steps that columns have unless a spec says otherwise, in the form of a spec's `data.columns`.

    Written into the spec when a source is chosen, they keep a project as it is when defaults change.
    """
    return {
        name: {"steps": [dict(step) for step in column.default]}
        for name, column in report.columns.items()
        if column.default
    }
