"""What a run that is at work can be told: commands in its folder, one JSON line each, from any number of writers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from engine.problem import Mistake

Do = Literal["pause", "go on", "stop", "stop after epoch", "checkpoint", "rate", "epochs"]
DOES: tuple[Do, ...] = get_args(Do)
FILE = "commands.jsonl"
VALUES = ("rate", "epochs")  # commands that come with a number


@dataclass(frozen=True, slots=True)
class Command:
    """One command: what to do, the number that goes with it, and the optimizer whose rate is meant, None for all."""

    do: Do
    value: float | None = None
    optimizer: str | None = None

    def __post_init__(self) -> None:
        """Raise Mistake where the number does not go with the command."""
        if self.do not in DOES:
            raise Mistake(f"A run cannot be told {self.do!r}; it can be told {', '.join(DOES)}.")
        if (self.value is None) is (self.do in VALUES):
            raise Mistake(f"{self.do!r} {'needs a number' if self.value is None else 'takes no number'}.")
        if self.do == "rate" and not 0 <= float(self.value or 0) <= 1e6:
            raise Mistake(f"The learning rate is {self.value}; it must be from 0 to a million.")
        if self.do == "epochs" and not (float(self.value or 0).is_integer() and 1 <= float(self.value or 0) <= 1e6):
            raise Mistake(f"The epochs to add are {self.value}; they must be a whole number of at least 1.")


def send(folder: Path, command: Command) -> None:
    """Leave a command for the process that trains; a line this short is written whole, whoever else writes."""
    line = json.dumps({name: value for name, value in asdict(command).items() if value is not None}) + "\n"
    handle = os.open(folder / FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        os.write(handle, line.encode())
    finally:
        os.close(handle)


def forget(folder: Path) -> None:
    """Take away the commands that nobody has followed."""
    (folder / FILE).unlink(missing_ok=True)


class Inbox:
    """The commands of a run's folder, each taken once."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._offset = 0

    def take(self) -> list[Command]:
        """The commands that have come since the last look; what is no command is passed over.

        A file that has become smaller was begun anew.
        """
        try:
            size = self._path.stat().st_size
            if size == self._offset:
                return []
            if size < self._offset:
                self._offset = 0
            with self._path.open("rb") as stream:
                stream.seek(self._offset)
                data = stream.read()
        except FileNotFoundError:
            self._offset = 0
            return []
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return list(_commands(whole))


def _commands(data: bytes) -> Iterator[Command]:
    for line in data.splitlines():
        try:
            values: Any = json.loads(line)
            yield Command(**values)
        except (ValueError, TypeError, Mistake):
            continue
