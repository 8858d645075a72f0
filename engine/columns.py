"""What a source says of its data, as plain values that cross to the window and into JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from engine.problem import Problem

ColumnKind = Literal["number", "category", "image"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `shape` and `dtype` are those of one sample's tensor, the batch axis left out.

    `low`, `high` and `mean` are of the values as the source holds them, before the steps. A category's values are
    the places of its `classes`, from `low` to `high`; more than 1,000 classes are not listed.
    """

    name: str
    kind: ColumnKind
    shape: tuple[int, ...]
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

    def encode(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "columns": {name: asdict(column) for name, column in self.columns.items()},
            "splits": dict(self.splits),
            "samples": list(self.samples),
            "problems": [problem.encode() for problem in self.problems],
            "notes": list(self.notes),
        }

    @classmethod
    def decode(cls, data: Mapping[str, Any]) -> DataReport:
        columns = {name: _column(fields) for name, fields in data["columns"].items()}
        problems = tuple(map(Problem.decode, data["problems"]))
        return cls(data["source"], columns, data["splits"], tuple(data["samples"]), problems, tuple(data["notes"]))


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
