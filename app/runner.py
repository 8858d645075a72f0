"""Starts training runs in processes of their own, follows what they tell, and steers them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from app.document import Document
from app.warm import Warm
from engine import spec as specs
from engine.comparison import changed
from engine.detached import Process
from engine.events import LAST, Continued, Epoch, Event, Measuring, Paused, Progress, Started
from engine.problem import Mistake
from engine.spec import Spec
from engine.train.commands import Command, Do
from engine.train.folder import Run, new_run, runs_in

TAIL_MS = 50
BUSY_SECONDS = 0.012  # for reading what lies behind at a time, so that the window stays free
PORTION = 32 * 1024  # bytes of events that are read at once
ALIVE_EVERY = 20  # tails between looks at whether the process lives
REAP_MS = 500
KILL_MS = 300  # that a run has to stop by itself before it is ended
LOCK_SECONDS = 0.2  # that the lock of a run may be in use by others that look at it
LOG_LINES = 12
CHANGED = "changed.json"  # in a run's folder: the project with which it is to go on


class Runner(QObject):
    """One run at a time is followed; runs go on by themselves when nobody follows."""

    started = Signal(Run)
    came: Signal[tuple[list[Event], int]] = Signal(list, object)  # all events of a portion, and the byte behind them
    told: Signal[tuple[Event]] = Signal(object)  # each event but progress that newer progress had overtaken
    ended = Signal(Run, str)  # and its state
    steered = Signal()  # the run was told something
    failed = Signal(str)  # why a run could not be started or told

    def __init__(self, document: Document) -> None:
        super().__init__(document)
        self._document = document
        self.run: Run | None = None
        self.paused = False
        self.stops_later = False  # whether it was told to stop after its epoch
        self._warm = Warm()
        self._process: Process | None = None
        self._ending: list[Process] = []
        self.offset = 0  # of the run's events: those behind it are still to come
        self._waiting: deque[Event] = deque()  # events that came and are to be told
        self._ticks = 0
        self._epoch = 0
        self._over = ""  # how the run ended, by its last word
        self._next: Spec | None = None  # with which the run goes on once it has stopped
        self._project: Path | None = None  # of the run that is followed, where it was saved
        self._is_replaced = False  # whether another project was opened since
        document.replaced.connect(self._replaced)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._tail)
        self._kill_timer = QTimer(self)
        self._kill_timer.setSingleShot(True)
        self._kill_timer.setInterval(KILL_MS)
        self._kill_timer.timeout.connect(self._kill)

    @property
    def running(self) -> bool:
        """Whether a run is being followed."""
        return self._timer.isActive()

    @property
    def at_work(self) -> bool:
        """Whether the run that is followed has a process that works on it."""
        return self.running and self.run is not None and self._alive(self.run)

    @property
    def is_own(self) -> bool:
        """Whether the run that is followed is of the project that is open: only then do changes concern it."""
        path = self._document.path
        return not self._is_replaced or (path is not None and path == self._project)

    def _replaced(self) -> None:
        self._is_replaced = True
        if not self.is_own:
            self._next = None

    # ------------------------------------------------------------------------------------------------ start and end

    def prepare(self) -> None:
        """Have a process ready, so that the next run begins at once."""
        if not self.running:
            self._warm.prepare()

    def start(self) -> None:
        """Train the present spec in a new run."""
        if self.running:
            return
        document = self._document
        name = document.path.stem if document.path else document.spec.name
        run = new_run(document.runs_folder, name)
        try:
            run.path.mkdir(parents=True)
            specs.save(document.spec, run.path / "spec.json")
            verb = ["train", str(run.path / "spec.json"), "--run", str(run.path)]
            self._launch(run, [*verb, "--data-folder", str(document.folder)])
        except OSError as error:
            self.failed.emit(f"{run.path} cannot be written: {error.strerror or error}.")

    def resume(self, run: Run, spec: Spec | None = None, more_epochs: int = 0) -> None:
        """Go on with a run that has ended, with another spec where one is given, or for more epochs."""
        if self.running:
            return
        verb = ["resume", str(run.path)]
        try:
            run.make_ready(LOCK_SECONDS)
            if spec is not None:
                specs.save(spec, run.path / CHANGED)
                verb += ["--spec", str(run.path / CHANGED)]
            if more_epochs:
                verb += ["--epochs", str(more_epochs)]
            self._launch(run, verb, run.told_bytes())
        except Mistake as mistake:
            self.failed.emit(mistake.message)
        except OSError as error:
            self.failed.emit(f"{run.path} cannot be written: {error.strerror or error}.")

    def again(self, run: Run) -> None:
        """Train the spec of a run anew, on its device and with its threads, in a new run beside it."""
        if self.running:
            return
        try:
            spec = run.spec()
            new = new_run(run.path.parent, spec.name)
            new.path.mkdir(parents=True)
            specs.save(spec, new.path / "spec.json")
            self._launch(new, ["train", str(run.path), "--run", str(new.path)])
        except Mistake as mistake:
            self.failed.emit(mistake.message)
        except OSError as error:
            self.failed.emit(f"{run.path.parent} cannot be written: {error.strerror or error}.")

    def _launch(self, run: Run, verb: Sequence[str], offset: int = 0) -> None:
        self._process = self._warm.launch([*verb, "--watched", "--json"], run.log)
        self._follow(run, offset)

    def follow(self, run: Run) -> None:
        """Follow a run that some other window, or a terminal, has started."""
        self._process = None
        self._follow(run, 0)

    def follow_living(self) -> None:
        """Follow the newest run of the project that is still at work, if there is one."""
        if not self.running:
            living = next((run for run in runs_in(self._document.runs_folder)[:5] if run.alive()), None)
            if living is not None:
                self.follow(living)

    def _follow(self, run: Run, offset: int) -> None:
        self.run, self.offset, self._ticks, self.paused, self.stops_later = run, offset, 0, False, False
        self._over, self._next = "", None
        self._project, self._is_replaced = self._document.path, False
        self._waiting.clear()
        self._timer.start(TAIL_MS)
        self.started.emit(run)

    def leave(self) -> None:
        """Follow no longer, and keep nothing ready; the run goes on."""
        self._timer.stop()
        self._kill_timer.stop()
        self._warm.close()

    # ------------------------------------------------------------------------------------------------------ steering

    def tell(self, do: Do, value: float | None = None, optimizer: str | None = None) -> None:
        """Tell the run that is followed what to do."""
        if self.run is None or not self.running:
            return
        try:
            self.run.tell(Command(do, value, optimizer))
            if do == "stop after epoch":
                self.stops_later = True
            elif do == "stop" or (do == "go on" and not self.paused):  # which ends a rest first
                self.stops_later = False
            self.steered.emit()
        except OSError as error:
            self.failed.emit(f"The run cannot be told to {do}: {error.strerror or error}.")
        except Mistake as mistake:
            self.failed.emit(mistake.message)

    def stop(self) -> None:
        """Ask the run to stop after its step; it writes a checkpoint first."""
        self.tell("stop")

    def stop_now(self) -> None:
        """Stop the run within half a second: where it does not by itself in time, its process is ended."""
        if self.running:
            self.tell("stop")
            self._kill_timer.start()

    def pause(self) -> None:
        """Let the run rest after its step."""
        self.tell("pause")

    def go_on(self) -> None:
        """Let a run that rests go on: with the project as it is now, where that was changed meanwhile."""
        if self.is_changed():
            self._next = self._document.spec
            self.stop()
        else:
            self.tell("go on")

    def is_changed(self) -> bool:
        """Whether the project is another than the run that rests is trained with."""
        return self.paused and self.is_own and self.run is not None and self.differs(self.run)

    def differs(self, run: Run) -> bool:
        """Whether the project would train otherwise than a run does; where nodes stand is none of it."""
        try:
            return bool(changed(run.spec(), self._document.spec))
        except Mistake:
            return False

    def _kill(self) -> None:
        """End the process of a run that has not stopped in time."""
        if self.run is None or not self.running:
            return
        try:
            self.run.kill()
            if self._process is not None:
                self._process.kill()
                self._process.wait()
            if not self._over:
                self.run.note_killed(self._epoch)
        except (OSError, Mistake) as error:
            self.failed.emit(f"The run could not be ended: {error}.")

    # ----------------------------------------------------------------------------------------------------- following

    def _tail(self) -> None:
        assert self.run is not None
        run = self.run
        self._ticks += 1
        dead = self._ticks % ALIVE_EVERY == 0 and not self._alive(run)  # looked at before the last lines are read
        is_behind = not self._tell_on(run)
        self._timer.setInterval(0 if is_behind else TAIL_MS)
        if is_behind:
            return
        if self._over and not run.alive():  # so that it can be gone on with at once
            self._end(run, self._over)
        elif dead:
            self._end(run, "lost")

    def _tell_on(self, run: Run) -> bool:
        """Tell what has come, as far as there is time; returns whether that was all."""
        end = time.perf_counter() + BUSY_SECONDS
        while self.running and time.perf_counter() < end:
            if not self._waiting:
                before = self.offset
                events, self.offset = run.tail(before, PORTION)
                if self.offset == before:
                    return True
                self.came.emit(events, self.offset)
                self._waiting.extend(_not_overtaken(events))
            else:
                event = self._waiting.popleft()
                self._note(event)
                self.told.emit(event)
        return False

    def _note(self, event: Event) -> None:
        self._over = type(event).__name__.lower() if isinstance(event, LAST) else ""
        if isinstance(event, Paused | Continued):
            self.paused = isinstance(event, Paused)
        if isinstance(event, Started | Epoch):
            self._epoch = event.epoch

    def _alive(self, run: Run) -> bool:
        if self._process is not None:
            return self._process.poll() is None
        return run.alive()

    def _end(self, run: Run, state: str) -> None:
        self._timer.stop()
        self._kill_timer.stop()
        self.paused = False
        if self._process is not None:
            self._ending.append(self._process)
            self._process = None
            self._reap()
        following, self._next = self._next, None
        self.ended.emit(run, state)
        if following is not None and state == "stopped":
            self.resume(run, following)

    def _reap(self) -> None:
        """Take note of the processes that have ended, so that none is left behind."""
        self._ending = [each for each in self._ending if each.poll() is None]
        if self._ending:
            QTimer.singleShot(REAP_MS, self, self._reap)


def _not_overtaken(events: list[Event]) -> Iterator[Event]:
    """The events but for progress that newer progress among them has overtaken; stages are told more rarely."""
    progress = [event for event in events if isinstance(event, Progress)]
    measuring = [event for event in events if isinstance(event, Measuring)]
    newest = {id(each) for each in (*progress[-1:], *[each for each in progress if each.stages][-1:], *measuring[-1:])}
    return (event for event in events if not isinstance(event, Progress | Measuring) or id(event) in newest)


def log_end(run: Run) -> str:
    """The last lines that a run's process printed."""
    try:
        lines = run.log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-LOG_LINES:])
