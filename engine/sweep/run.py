"""The work of a sweep: asks Optuna for values, has them trained, reports each epoch, and ends what falls behind."""

from __future__ import annotations

import json
import math
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import optuna
from optuna.trial import TrialState as State

from engine import spec as specs
from engine.detached import start
from engine.events import LAST, Epoch, Event, Failed, Finished, Started, Stopped
from engine.problem import Mistake
from engine.sweep import study as studies
from engine.sweep.folder import SweepFolder, Trials, stop_trial
from engine.sweep.objective import Objective, objective
from engine.sweep.plan import Plan, planned
from engine.sweep.view import trials_of
from engine.train.folder import Run
from engine.values import value_at

LOOK_SECONDS = 0.05  # between looks at the trials at work
TELL_SECONDS = 0.5  # between tellings of their epochs
END_SECONDS = 30.0  # that a worker has to stop in
WATCHED_CORES = 4  # from so many on, one is left to the window


class _Process:
    """A worker process: trains one trial at a time."""

    def __init__(self, threads: int, log: IO[bytes]) -> None:
        self._child = start(["trials", str(threads)], log, stdin=subprocess.PIPE)

    def train(self, run: Run, folder: Path) -> None:
        """Have a run trained."""
        assert self._child.stdin is not None
        line = json.dumps({"run": str(run.path.resolve()), "folder": str(folder)}) + "\n"
        with suppress(BrokenPipeError):  # it has died, which `status` tells
            self._child.stdin.write(line.encode())
            self._child.stdin.flush()

    def status(self) -> int | None:
        """Its exit status once it has ended."""
        return self._child.poll()

    def end(self) -> None:
        """Let it go when what it trains has stopped; kill it where that takes too long."""
        assert self._child.stdin is not None
        with suppress(BrokenPipeError):
            self._child.stdin.close()
        try:
            self._child.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


@dataclass
class _Going:
    """A trial at work."""

    trial: optuna.Trial
    run: Run
    process: _Process
    is_used: bool  # whether the process has trained another one before
    offset: int = 0
    begun: float = field(default_factory=time.monotonic)
    scores: list[float] = field(default_factory=list)
    told: bool = False  # whether the study knows its end

    @property
    def number(self) -> int:
        return int(self.trial.number)


def sweep(folder: SweepFolder, *, watched: bool = False) -> Iterator[Trials]:
    """Do a sweep, or go on with it; yields how its trials stand as they come on, the last time at the end.

    Raises Mistake where the sweep cannot begin.
    """
    plan = planned(folder.spec())
    judged = objective(plan)
    with folder.locked(), folder.log.open("ab") as log:
        yield from Sweeping(folder, plan, judged, log, watched=watched).events()


class Sweeping:
    """A sweep at work."""

    def __init__(
        self, folder: SweepFolder, plan: Plan, judged: Objective, log: IO[bytes], *, watched: bool = False
    ) -> None:
        self._folder, self._plan, self._objective, self._log = folder, plan, judged, log
        self._data = folder.data_folder()
        epochs = int(value_at(plan.spec, "training.epochs"))
        self._study = studies.open_study(folder.journal, plan, higher=judged.higher, epochs=epochs)
        self._threads = threads_for(plan.settings.jobs, os.cpu_count() or 1, watched=watched)
        self._idle: list[_Process] = []
        self._going: list[_Going] = []
        self._deadline = time.monotonic() + 60 * plan.settings.minutes if plan.settings.minutes else None
        self._all_begun = False

    def events(self) -> Iterator[Trials]:
        """Work until all is tried, the time is over, or a stop is asked for."""
        self._folder.clear_stop()
        studies.retire(self._study, self._plan)
        told, news = 0.0, 0
        yield self._tell()
        try:
            while not self._folder.stop_requested():
                news += self._begin()
                if not self._going:
                    break
                news += sum([self._look(each) for each in list(self._going)])
                now = time.monotonic()
                if news and (now - told >= TELL_SECONDS or news >= _ENDED):
                    told, news = now, 0
                    yield self._tell()
                time.sleep(LOOK_SECONDS)
        finally:
            why = self._why()
            self._end()
            self._folder.clear_stop()
            last = self._tell(done=self._done(), why=why)
        yield last

    def _tell(self, *, done: bool = False, why: str = "") -> Trials:
        trials = trials_of(self._study, self._plan, self._objective, done=done, why=why)
        self._folder.write_trials(trials)
        return trials

    def _done(self) -> bool:
        return self._all_begun or studies.over(self._study) >= self._plan.trials()

    def _why(self) -> str:
        """Why the sweep ends before all is tried."""
        if self._folder.stop_requested():
            return "It was stopped."
        if not self._done() and self._late():
            return f"Its {self._plan.settings.minutes:g} minutes are over."
        return ""

    def _late(self) -> bool:
        return self._deadline is not None and time.monotonic() >= self._deadline

    # ------------------------------------------------------------------------------------------------------ trials

    def _begin(self) -> int:
        """Begin trials while there is room; returns how much there is to tell."""
        news = 0
        while len(self._going) < self._plan.settings.jobs and not self._late():
            open_trials = sum(not each.told for each in self._going)
            if studies.over(self._study) + open_trials >= self._plan.trials():
                break
            trial = studies.ask(self._study, self._plan)
            if trial is None:
                self._all_begun = True
                break
            news += _ENDED
            self._begin_trial(trial)
        return news

    def _begin_trial(self, trial: optuna.Trial) -> None:
        run = self._folder.trial_run(trial.number)
        try:
            spec = self._plan.applied(studies.values_of(self._plan, trial.params))
        except Mistake as mistake:
            self._fail(trial.number, mistake.message)
            return
        run.path.mkdir(parents=True, exist_ok=True)
        specs.save(spec, run.path / "spec.json")
        self._idle = [each for each in self._idle if each.status() is None]
        is_used = bool(self._idle)
        process = self._idle.pop() if is_used else _Process(self._threads, self._log)
        process.train(run, self._data)
        self._going.append(_Going(trial, run, process, is_used))

    def _look(self, going: _Going) -> int:
        """Take in what a trial has told; returns how much of it is new."""
        status = going.process.status()  # looked at before the last lines are read
        events, going.offset = going.run.tail(going.offset)
        news = sum(isinstance(each, Epoch | Started) for each in events)
        for event in events:
            self._take(going, event)
            if isinstance(event, LAST):
                self._going.remove(going)
                self._idle.append(going.process)
                return news + _ENDED
        if status is None:
            return news
        if going.is_used and not going.offset:  # it ended over the trial before
            going.process, going.is_used = _Process(self._threads, self._log), False
            going.process.train(going.run, self._data)
            return news
        self._going.remove(going)
        if not going.told:
            why = f"The process that trained it ended unexpectedly (status {status}); {self._folder.log} has more."
            self._fail(going.number, why)
        return news + _ENDED

    def _take(self, going: _Going, event: Event) -> None:
        if going.told:
            return
        match event:
            case Started():
                going.begun = time.monotonic()  # the process has loaded torch by now
            case Epoch():
                score = self._objective.of(event)
                if score is None or not math.isfinite(score):
                    return
                going.scores.append(score)
                going.trial.report(score, event.epoch)
                if going.trial.should_prune():
                    self._note_time(going)
                    self._study.tell(going.number, state=State.PRUNED)
                    going.told = True
                    stop_trial(going.run)
            case Finished():
                self._note_time(going)
                self._finish(going)
                going.told = True
            case Stopped():
                self._note_time(going)
                self._fail(going.number, "It was stopped while it trained.")
                going.told = True
            case Failed():
                where = ".".join(each for each in (event.node, event.param) if each)
                self._note_time(going)
                self._fail(going.number, event.message if where in event.message else f"{where}: {event.message}")
                going.told = True

    def _finish(self, going: _Going) -> None:
        if not going.scores:
            self._fail(going.number, f"No epoch gave a number for {self._objective.metric}.")
            return
        counts = self._plan.settings.epoch
        score = going.scores[-1] if counts == "last" else self._objective.best(going.scores)
        self._study.tell(going.number, score)

    def _fail(self, number: int, why: str) -> None:
        studies.note(self._study, number, studies.WHY, why)
        self._study.tell(number, state=State.FAIL)

    def _note_time(self, going: _Going) -> None:
        studies.note(self._study, going.number, studies.SECONDS, round(time.monotonic() - going.begun, 3))

    def _end(self) -> None:
        """Stop what is at work; it is tried again when the sweep goes on."""
        for going in self._going:
            with suppress(OSError):  # such as a full disk: its worker ends all the same
                stop_trial(going.run)
        for process in [*self._idle, *(each.process for each in self._going)]:
            process.end()
        for going in self._going:
            if not going.told:
                words = "The sweep was stopped while it trained; its values are tried again."
                studies.give_up(self._study, self._plan, going.number, words)
        self._going.clear()


_ENDED = 1_000_000  # news that are told at once


def threads_for(jobs: int, cores: int, *, watched: bool) -> int:
    """How many threads each of some trials that train side by side has; a window that watches is left a core."""
    free = cores - 1 if watched and cores >= WATCHED_CORES else cores
    return max(1, free // jobs)
