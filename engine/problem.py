"""A user's mistake as a value: where it is, what is wrong, what to do, and edits that mend it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Fix:
    """What mends a problem: `edit` names a function of `engine.edit`, `arguments` are its keywords.

    A few name an action instead, which changes nothing in the project (see `engine.fixes.ACTIONS`).
    """

    text: str
    edit: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def encode(self) -> dict[str, Any]:
        return {"text": self.text, "edit": self.edit, "arguments": dict(self.arguments)}

    @classmethod
    def decode(cls, data: Mapping[str, Any]) -> Fix:
        return cls(data["text"], data["edit"], data["arguments"])


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake of the user's.

    `node` is the id of the node it stands at, or None. `param` is the param or port of that node; without a
    node it is a path into the spec, such as `data.source.params.path`.
    """

    message: str
    node: str | None = None
    param: str | None = None
    fixes: tuple[Fix, ...] = ()

    def __str__(self) -> str:
        where = ".".join(part for part in (self.node, self.param) if part)
        return f"{where}: {self.message}" if where else self.message

    def encode(self) -> dict[str, Any]:
        return {
            "node": self.node,
            "param": self.param,
            "message": self.message,
            "fixes": [fix.encode() for fix in self.fixes],
        }

    @classmethod
    def decode(cls, data: Mapping[str, Any]) -> Problem:
        fixes = tuple(Fix.decode(fix) for fix in data.get("fixes", ()))
        return cls(data["message"], data.get("node"), data.get("param"), fixes)


class Mistake(Exception):
    """Raised where an op, a source or a file finds the user's mistake; the caller turns it into a Problem."""

    def __init__(self, message: str, *, param: str | None = None, fixes: tuple[Fix, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.fixes = fixes

    def problem(self, node: str | None = None) -> Problem:
        return Problem(self.message, node, self.param, self.fixes)
