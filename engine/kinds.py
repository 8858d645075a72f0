"""Kinds of param: what values each accepts, said in words, in JSON Schema, and to the form that edits them.

A kind is derived from a param's type annotation: `int`, `float`, `bool`, `str`, `Literal`, the aliases at the
end of this module, and unions of these.
"""

from __future__ import annotations

import math
import types
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, Union, get_args, get_origin


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of a number: `low` and `high` are allowed themselves, `above` and `below` are not."""

    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None

    def refuse(self, value: float) -> str | None:
        """Say what a value out of bounds must be, or None where it is within them."""
        if isinstance(value, float) and not math.isfinite(value):
            return "must be a finite number"
        if self.low is not None and value < self.low:
            return f"must be at least {_readable(self.low)}"
        if self.high is not None and value > self.high:
            return f"must be at most {_readable(self.high)}"
        if self.above is not None and value <= self.above:
            return f"must be greater than {_readable(self.above)}"
        if self.below is not None and value >= self.below:
            return f"must be less than {_readable(self.below)}"
        return None

    def schema(self) -> dict[str, float]:
        keys = {
            "minimum": self.low,
            "maximum": self.high,
            "exclusiveMinimum": self.above,
            "exclusiveMaximum": self.below,
        }
        return {key: value for key, value in keys.items() if value is not None}

    def words(self) -> str:
        """The limits in a few words, such as "at least 1", or "" where there are none."""
        parts = []
        if self.low is not None:
            parts.append(f"at least {_readable(self.low)}")
        if self.above is not None:
            parts.append(f"greater than {_readable(self.above)}")
        if self.high is not None:
            parts.append(f"at most {_readable(self.high)}")
        if self.below is not None:
            parts.append(f"less than {_readable(self.below)}")
        return ", ".join(parts)


def _readable(limit: float) -> str:
    """Write a limit: whole numbers in full, such as 1,048,576."""
    return f"{int(limit):,}" if float(limit).is_integer() else f"{limit:g}"


UNBOUNDED = Bounds()


@dataclass(frozen=True, slots=True)
class Kind:
    """Base of all kinds: `refuse` says what a wrong value must be, `schema` is its JSON Schema."""

    @property
    def name(self) -> str:
        """The type as a user reads it, such as "int" or "int | (int, int)"."""
        raise NotImplementedError

    def refuse(self, value: Any) -> str | None:
        """Return None for an accepted value, else how the sentence "NAME is VALUE; it ..." ends."""
        raise NotImplementedError

    def schema(self) -> dict[str, Any]:
        raise NotImplementedError

    def parse(self, value: Any) -> Any:
        """Turn an accepted JSON value into what ops compute with (lists become tuples)."""
        return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class Nothing(Kind):
    """The value null: the param is not set."""

    @property
    def name(self) -> str:
        return "none"

    def refuse(self, value: Any) -> str | None:
        return None if value is None else "must be empty"

    def schema(self) -> dict[str, Any]:
        return {"type": "null"}


@dataclass(frozen=True, slots=True)
class Bool(Kind):
    """True or false."""

    @property
    def name(self) -> str:
        return "bool"

    def refuse(self, value: Any) -> str | None:
        return None if isinstance(value, bool) else "must be true or false"

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Int(Kind):
    """A whole number within bounds."""

    bounds: Bounds = UNBOUNDED

    @property
    def name(self) -> str:
        return "int"

    def refuse(self, value: Any) -> str | None:
        if not _whole(value):
            return "must be a whole number"
        if abs(value) >= 2**63:
            return "must fit in 64 bits"
        return self.bounds.refuse(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", **self.bounds.schema()}


@dataclass(frozen=True, slots=True)
class Float(Kind):
    """A finite number within bounds."""

    bounds: Bounds = UNBOUNDED

    @property
    def name(self) -> str:
        return "float"

    def refuse(self, value: Any) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return "must be a number"
        if isinstance(value, int) and abs(value) >= 2**1000:
            return "must be a finite number"
        return self.bounds.refuse(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "number", **self.bounds.schema()}

    def parse(self, value: Any) -> float:
        return float(value)


@dataclass(frozen=True, slots=True)
class Text(Kind):
    """Any text."""

    @property
    def name(self) -> str:
        return "str"

    def refuse(self, value: Any) -> str | None:
        return None if isinstance(value, str) else "must be text"

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


@dataclass(frozen=True, slots=True)
class Code(Text):
    """Python source, of several lines."""

    @property
    def name(self) -> str:
        return "Python code"


@dataclass(frozen=True, slots=True)
class Path(Text):
    """Path of a file or a folder; relative paths start at the project file's folder."""

    what: Literal["file", "folder", "file or folder"] = "file"

    @property
    def name(self) -> str:
        return f"path of a {self.what}"


@dataclass(frozen=True, slots=True)
class ColumnName(Text):
    """Name of a data column."""

    @property
    def name(self) -> str:
        return "column"


class ScoreName(Text):
    """Name of what is measured while training: "loss", or a loss or metric node."""

    @property
    def name(self) -> str:
        return "score"


@dataclass(frozen=True, slots=True)
class Choice(Kind):
    """One of a few values."""

    options: tuple[Any, ...]

    @property
    def name(self) -> str:
        return " | ".join(str(option) for option in self.options)

    def refuse(self, value: Any) -> str | None:
        if any(type(value) is type(option) and value == option for option in self.options):
            return None
        return "must be " + either(str(option) for option in self.options)

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.options)}


@dataclass(frozen=True, slots=True)
class Size(Kind):
    """A size along `axes` axes: one whole number for all of them, or one for each (some empty, where `gaps`)."""

    axes: int
    bounds: Bounds = UNBOUNDED
    gaps: bool = False

    @property
    def name(self) -> str:
        if self.axes == 1:
            return "int"
        one = "int or none" if self.gaps else "int"
        return f"int | ({', '.join([one] * self.axes)})"

    def refuse(self, value: Any) -> str | None:
        if _whole(value):
            return Int(self.bounds).refuse(value)
        if self.axes == 1:
            return "must be a whole number"
        if isinstance(value, list | tuple) and len(value) == self.axes and all(map(self._one_size, value)):
            sizes = [each for each in value if each is not None]
            return next((words for each in sizes if (words := Int(self.bounds).refuse(each))), None)
        return f"must be one whole number, or {self.axes} of them" + " (or empty)" * self.gaps

    def _one_size(self, value: Any) -> bool:
        return _whole(value) or (self.gaps and value is None)

    def schema(self) -> dict[str, Any]:
        one = Int(self.bounds).schema()
        if self.axes == 1:
            return one
        items = {"anyOf": [one, {"type": "null"}]} if self.gaps else one
        return {"anyOf": [one, {"type": "array", "items": items, "minItems": self.axes, "maxItems": self.axes}]}


@dataclass(frozen=True, slots=True)
class Shape(Kind):
    """A tensor's shape: whole numbers, and names such as "N" for sizes that are free (where `named`)."""

    named: bool = True

    @property
    def name(self) -> str:
        return "shape"

    def refuse(self, value: Any) -> str | None:
        if not isinstance(value, list | tuple):
            return "must be a list of sizes"
        for size in value:
            if isinstance(size, str) and self.named:
                if not size.isidentifier():
                    return f"has the size {size!r}, which must be a whole number or a name such as N"
            elif not _whole(size):
                return f"has the size {size!r}, which must be a whole number" + " or a name" * self.named
            elif not (0 if self.named else -1) <= size < 2**40:
                return f"has the size {size}, which is out of range"
        return None

    def schema(self) -> dict[str, Any]:
        names = [{"type": "string"}] if self.named else []
        return {"type": "array", "items": {"anyOf": [{"type": "integer"}, *names]}}


@dataclass(frozen=True, slots=True)
class ListOf(Kind):
    """Values of one kind: `count` of them, or any number where it is None."""

    item: Kind
    count: int | None = None

    @property
    def name(self) -> str:
        if self.count is not None:
            return f"({', '.join([self.item.name] * self.count)})"
        return f"list of {self.item.name}"

    def refuse(self, value: Any) -> str | None:
        if not isinstance(value, list | tuple):
            return "must be a list" if self.count is None else f"must be a list of {self.count}"
        if self.count is not None and len(value) != self.count:
            return f"must have {self.count} values, not {len(value)}"
        return next((f"has {each!r}, which {words}" for each in value if (words := self.item.refuse(each))), None)

    def schema(self) -> dict[str, Any]:
        sizes = {} if self.count is None else {"minItems": self.count, "maxItems": self.count}
        return {"type": "array", "items": self.item.schema(), **sizes}

    def parse(self, value: Any) -> Any:
        return tuple(map(self.item.parse, value))


@dataclass(frozen=True, slots=True)
class Either(Kind):
    """A value of any of several kinds; the first that accepts it counts."""

    kinds: tuple[Kind, ...]

    @property
    def name(self) -> str:
        return " | ".join(kind.name for kind in self.kinds)

    def refuse(self, value: Any) -> str | None:
        refusals = [kind.refuse(value) for kind in self.kinds]
        if None in refusals:
            return None
        words = [refusal for refusal in refusals if refusal]
        return either(dict.fromkeys(words), glue=", or ")

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [kind.schema() for kind in self.kinds]}

    def parse(self, value: Any) -> Any:
        return next(kind for kind in self.kinds if kind.refuse(value) is None).parse(value)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def either(words: Iterable[str], glue: str = " or ") -> str:
    """Join words as a choice: "a, b or c"."""
    *others, last = list(words)
    return f"{', '.join(others)}{glue}{last}" if others else last


def kind_of(hint: Any, bounds: Bounds = UNBOUNDED) -> Kind:
    """Derive the kind of a param from its type annotation and its bounds."""
    plain: dict[Any, Kind] = {bool: Bool(), int: Int(bounds), float: Float(bounds), str: Text()}
    if hint in plain:
        return plain[hint]
    if hint is None or hint is type(None):
        return Nothing()
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        kind: Kind = next(mark for mark in arguments[1:] if isinstance(mark, Kind))
        return replace(kind, bounds=bounds) if isinstance(kind, Size) else kind
    if origin is Literal:
        return Choice(arguments)
    if origin in (Union, types.UnionType):
        return Either(tuple(kind_of(argument, bounds) for argument in arguments))
    if origin is tuple:
        count = None if arguments[-1] is Ellipsis else len(arguments)
        return ListOf(kind_of(arguments[0], bounds), count)
    raise TypeError(f"no kind of param for the annotation {hint!r}")


Size1 = Annotated[int, Size(1)]
Size2 = Annotated[int | tuple[int, int], Size(2)]
Size3 = Annotated[int | tuple[int, int, int], Size(3)]
Size4 = Annotated[int | tuple[int, int, int, int], Size(4)]
Size6 = Annotated[int | tuple[int, int, int, int, int, int], Size(6)]
Size2OrGaps = Annotated[int | tuple[int | None, int | None], Size(2, gaps=True)]
Size3OrGaps = Annotated[int | tuple[int | None, int | None, int | None], Size(3, gaps=True)]
NamedShape = Annotated[tuple[int | str, ...], Shape()]
FixedShape = Annotated[tuple[int, ...], Shape(named=False)]
PythonCode = Annotated[str, Code()]
FilePath = Annotated[str, Path("file")]
FolderPath = Annotated[str, Path("folder")]
AnyPath = Annotated[str, Path("file or folder")]
Column = Annotated[str, ColumnName()]
Score = Annotated[str, ScoreName()]
Columns = Annotated[tuple[str, ...], ListOf(ColumnName())]
