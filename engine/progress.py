"""How far work has come that takes a while, such as a download, told to whoever waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import Any

from engine.amounts import memory

BYTES = "bytes"


@dataclass(frozen=True, slots=True)
class Headway:
    """What is being done, and how much of it: `done` of `total` in `unit`; `total` is 0 where it is not known.

    `what` is "" once all is done. `found` is what has been found so far, as the answer will hold it, where that is
    worth telling by now.
    """

    what: str
    done: int = 0
    total: int = 0
    unit: str = ""
    found: Mapping[str, Any] | None = None

    def words(self) -> str:
        """How far it has come, such as "Downloading owner/name: 12.5 MiB of 40 MiB"."""
        amounts = [each for each in (self.done, self.total) if each]
        said = [memory(each) if self.unit == BYTES else f"{each:,}" for each in amounts]
        return f"{self.what}: {' of '.join(said)}" if said else self.what

    def encode(self) -> dict[str, Any]:
        """Turn it into a JSON object; what was found stands in it only where there is something."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def decode(cls, data: Mapping[str, Any]) -> Headway:
        return cls(**data)


Watcher = Callable[[Headway], None]
_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watched(by: Watcher) -> Iterator[None]:
    """Let `by` be told how far the work inside has come."""
    token = _watcher.set(by)
    try:
        yield
    finally:
        _watcher.reset(token)


def watcher() -> Watcher:
    """Who is to be told; threads of the work take it with them, for a new thread knows of none."""
    return _watcher.get() or (lambda _headway: None)
