"""What a run is told while it is at work, and what becomes of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Literal

from engine.events import Changed, Continued, Event, Paused
from engine.train.checkpoint import Progressed
from engine.train.commands import Command, Inbox
from engine.train.folder import Run
from engine.train.keeper import Keeper
from engine.train.session import Session

LOOK_SECONDS = 0.05  # between looks at the commands while a run rests


class Control:
    """Follows the commands of a run: it rests, changes its rates or its epochs, keeps a checkpoint, or is to stop."""

    def __init__(self, run: Run, session: Session, progressed: Progressed, keeper: Keeper) -> None:
        self._session, self._progressed, self._keeper = session, progressed, keeper
        self._inbox = Inbox(run.path)
        self._rests = False
        self._changed = False  # so that a checkpoint is wanted
        self.stops: Literal["", "now", "after epoch"] = ""
        self.rested = 0.0  # seconds in all
        self._before, self._begun = progressed.seconds, time.monotonic()

    def seconds(self) -> float:
        """How long the run has trained, pauses left out."""
        return self._before + time.monotonic() - self._begun - self.rested

    @property
    def epochs(self) -> int:
        """How many epochs the run is to train, those that were added among them."""
        return self._session.ending.epochs

    def follow(self) -> Iterator[Event]:
        """Do what was commanded since the last look; returns only when the run is to go on or to stop."""
        self._progressed.seconds = self.seconds()
        yield from self._take()
        if self._rests and self.stops != "now":
            yield from self._rest()
        if self._changed or self._keeper.is_due():
            self._changed = False
            self._keeper.checkpoint(self._progressed)
        yield from self._keeper.written()

    def _rest(self) -> Iterator[Event]:
        """Wait for the word to go on, or to stop."""
        begun, at = time.monotonic(), self._progressed
        self._keeper.checkpoint(at)
        yield from self._keeper.finished()
        yield Paused(at.epoch, at.step)
        while self._rests and self.stops != "now":
            time.sleep(LOOK_SECONDS)
            yield from self._take()
            if self._changed:
                self._changed = False
                self._keeper.checkpoint(at)
                yield from self._keeper.finished()
        self.rested += time.monotonic() - begun
        self._session.ending.begin(self.seconds())
        if self.stops != "now":
            yield Continued(at.epoch, at.step)

    def _take(self) -> Iterator[Event]:
        for command in self._inbox.take():
            match command.do:
                case "pause":
                    self._rests = True
                case "go on" if self._rests:
                    self._rests = False
                case "go on":
                    self.stops = ""
                case "stop":
                    self.stops = "now"
                case "stop after epoch":
                    self.stops, self._rests = "after epoch", False
                case "checkpoint":
                    self._changed = True
                case "rate":
                    yield self._set_rate(command)
                case "epochs":
                    yield self.add_epochs(int(command.value or 0))

    def _set_rate(self, command: Command) -> Event:
        rate = float(command.value or 0)
        acting = [each for each in self._session.acting if command.optimizer in (None, each.name)]
        if not acting:
            known = ", ".join(each.name for each in self._session.acting)
            return self._told(f"There is no optimizer {command.optimizer!r}; there is {known}. No rate was changed.")
        for each in acting:
            each.set_rate(rate)
        self._changed = True
        follows = any(each.schedule is not None and each.held is None for each in acting)
        names = "" if command.optimizer is None else f" of {command.optimizer}"
        then = "; its schedule goes on from there, scaled" if follows else ""
        return self._told(f"The learning rate{names} was set to {rate:g}{then}.")

    def add_epochs(self, count: int) -> Event:
        """Train so many epochs more than the run was to; a schedule that has ended stays at its last rate."""
        self._progressed.epochs = self.epochs + count
        self._session.extend(self._progressed.epochs)
        self._changed = True
        return self._told(f"{count:,} more epoch{'s' * (count > 1)}: the run goes on to epoch {self.epochs:,}.")

    def _told(self, message: str) -> Changed:
        at = self._progressed
        return Changed(message, at.epoch, at.step, self.epochs, self._session.rates())
