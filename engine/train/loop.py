"""The training loop: a generator of events that also keeps the run folder."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from engine import draws
from engine.comparison import changed
from engine.events import Epoch, Event, Finished, Measuring, Progress, Started, Stopped, Tables
from engine.program import LOSS
from engine.spec import Spec, load
from engine.train.checkpoint import Progressed, Stateful, load_weights, newest_checkpoint
from engine.train.control import Control
from engine.train.edited import carried
from engine.train.faults import (
    Broken,
    device_assert,
    guarded,
    is_device_assert,
    is_out_of_memory,
    not_finite,
    out_of_memory,
    placed,
    recorded,
)
from engine.train.folder import Run
from engine.train.guard import Guard, NotFinite, find_culprit
from engine.train.keeper import Keeper
from engine.train.meter import Measured, Meter
from engine.train.optimizers import total
from engine.train.parts import Optimizing, Random
from engine.train.session import Session, environment, open_session

READ_SECONDS = 0.05  # between readings of the device, and of the commands
STEADY_SECONDS = 2.0  # from which on an epoch tells by itself how fast it goes
STAGES_SECONDS = 1.0  # between tellings of how the data comes
MOST_CELLS = 10_000  # of a table that is told every epoch
MOST_WAITING = 1024  # batches whose answers are kept until they are read


@dataclass
class Work:
    """A run at work: what it works with, how far it is, who keeps it and whom it heeds."""

    run: Run
    spec: Spec
    session: Session
    progressed: Progressed
    keeper: Keeper
    control: Control
    guard: Guard
    noted: set[str] = field(default_factory=set)
    pace: tuple[int, float] = (0, 0.0)  # steps of the epochs before, and the seconds that they took

    def paced(self, steps: int, seconds: float) -> tuple[int, float]:
        """Steps of an epoch and their seconds, with those before where they are too few to tell how fast it goes."""
        return (steps, seconds) if seconds >= STEADY_SECONDS else (self.pace[0] + steps, self.pace[1] + seconds)

    def fresh(self, notes: Iterable[str]) -> list[str]:
        """Those of the notes that were not told yet, told now."""
        found = [note for note in dict.fromkeys(notes) if note not in self.noted]
        self.noted.update(found)
        return found


def train(spec: Spec, folder: Path, run: Run, *, device: str | None = None) -> Iterator[Event]:
    """Train a spec in a run folder; relative paths of the data start at `folder`.

    Yields events, the last of them Finished, Stopped or Failed; mistakes in spec and data are Failed.
    """
    with run.locked():
        run.begin(spec)
        yield from recorded(run, guarded(placed(spec, _started(spec, folder, run, device))))


def resume(run: Run, *, device: str | None = None, spec: Spec | None = None, more_epochs: int = 0) -> Iterator[Event]:
    """Go on with a run from its last checkpoint, as if it had never stopped; from its start where it has none yet.

    With another spec it goes on with the weights of every node that still fits, by id; `more_epochs` are trained
    beyond those that it was to train.
    """
    known = run.environment()
    if known.get("threads"):
        torch.set_num_threads(int(known["threads"]))
    present = run.spec() if spec is None else spec
    folder = Path(known.get("folder", "."))
    with run.locked():
        yield from recorded(run, guarded(placed(present, _resumed(present, run, folder, device, more_epochs))))


def _started(spec: Spec, folder: Path, run: Run, device: str | None, more_epochs: int = 0) -> Iterator[Event]:
    threads = torch.get_num_threads()
    run.write_json("environment.json", {"threads": threads, "folder": str(folder.resolve())})  # to begin anew by
    session = open_session(spec, folder, device=device)
    run.write_json("environment.json", environment(session.device, folder))
    run.write_json("data.json", session.dataset.state)
    yield from _worked(run, spec, session, Progressed(), more_epochs=more_epochs)


def _resumed(spec: Spec, run: Run, folder: Path, device: str | None, more_epochs: int) -> Iterator[Event]:
    if not run.has_begun():
        run.begin(spec)
        yield from _started(spec, folder, run, device, more_epochs)
        return
    saved, notes = newest_checkpoint(run)
    before = load(run.path / saved.spec)
    if found := changed(before, spec):
        session, progressed, event = carried(run, before, spec, found, saved, folder, device)
        yield from _worked(run, spec, session, progressed, notes, (event,), more_epochs)
        return
    session = open_session(spec, folder, device=device, trained=run.data_state())
    for name, part in parts_of(session).items():
        if name in saved.parts:  # a checkpoint of an older version lacks some
            part.load(saved.parts[name])
    yield from _worked(run, spec, session, saved.progressed, notes, (), more_epochs)


def parts_of(session: Session) -> Mapping[str, Stateful]:
    """The parts of a run whose states a checkpoint keeps, by name, in the order in which they are brought back."""
    return {
        "weights": session.weights,
        "optimizers": Optimizing(session.compiled.module, session.acting),
        "random": Random(session.device),
        **session.extras,
    }


def _worked(
    run: Run,
    spec: Spec,
    session: Session,
    progressed: Progressed,
    notes: tuple[str, ...] = (),
    changes: tuple[Event, ...] = (),
    more_epochs: int = 0,
) -> Iterator[Event]:
    """Train what is left to train, and let go of all that is held for it."""
    session.begin(progressed)
    with session.at_work(), Keeper(run, session.kept_weights, parts_of(session), session.training) as keeper:
        guard = session.guard()
        work = Work(run, spec, session, progressed, keeper, Control(run, session, progressed, keeper), guard)
        yield _start_event(work, notes)
        yield from changes
        if more_epochs:
            yield work.control.add_epochs(more_epochs)
        keeper.begin(progressed, is_changed=bool(changes or more_epochs))
        yield from _told_faults(work, _epochs(work))
    run.forget_commands()


def _told_faults(work: Work, events: Iterator[Event]) -> Iterator[Event]:
    """Say of what a device refuses where training was; what was reached is kept wherever that can be."""
    at = work.progressed
    try:
        yield from events
    except (RuntimeError, MemoryError) as error:
        if is_device_assert(error):
            raise Broken(device_assert(work.session, at.epoch, at.step)) from error
        if not is_out_of_memory(error):
            raise
        work.session.forget_gradients()
        for acting in work.session.acting:
            acting.forget_untaken()
        if work.keeper.meter is not None:
            work.keeper.meter.read()
        work.keeper.checkpoint(at)
        yield from work.keeper.finished()
        raise Broken(out_of_memory(work.session, at.epoch, at.step)) from error


def _epochs(work: Work) -> Iterator[Event]:
    """Train the epochs that are left, then measure the best weights on the test split."""
    progressed, ending, control = work.progressed, work.session.ending, work.control
    test = None
    while test is None or not ending.is_over(progressed.epoch):  # epochs may be added while the test is measured
        while progressed.step or not ending.is_over(progressed.epoch):
            if not (yield from _epoch(work)) or (control.stops and not ending.is_over(progressed.epoch)):
                yield from _stopped(work)
                return
        yield from work.keeper.finished()
        test = yield from _tested(work)
        if test is None:
            yield from _stopped(work)
            return
    seconds, epoch = control.seconds(), progressed.epoch
    yield Finished(str(work.run.path), test.scores, epoch, progressed.best_epoch, seconds, test.tables)


def _epoch(work: Work) -> Generator[Event, None, bool]:
    """Take the steps of an epoch that are left and measure it; returns whether it came to its end."""
    session, progressed, keeper, control = work.session, work.progressed, work.keeper, work.control
    if progressed.step == 0:
        _seed(work)
    meter = keeper.meter = Meter(session.compiled.program, progressed.totals, progressed.states)
    begun, begun_step, rested = time.monotonic(), progressed.step, control.rested
    yield from _steps(work, meter)
    if control.stops == "now" and progressed.step < session.loader.steps():
        return False
    progressed.seconds = control.seconds()
    seconds = time.monotonic() - begun - (control.rested - rested)
    samples = (progressed.step - begun_step) * session.batching.batch_size
    measured = meter.measured(session.classes)
    with session.kept_in_place():
        validation = yield from _measured(work, "validation")
    if validation is None:
        return False
    keeper.meter = None
    progressed.epoch, progressed.step, progressed.totals, progressed.states = progressed.epoch + 1, 0, {}, {}
    scores = validation.scores or measured.scores
    best = _is_best(session, progressed, scores)
    if best:
        keeper.best(progressed.best_epoch)
    speed, rates = samples / max(seconds, 1e-9), session.rates()
    tables = _small((validation if validation.scores else measured).tables)
    early = session.ending.after_epoch(scores)
    notes = (*session.news(), *([early] if early else ()), *work.fresh((*measured.notes, *validation.notes)))
    yield Epoch(progressed.epoch, measured.scores, validation.scores, seconds, speed, best, rates, tables, notes)
    metric = session.compiled.program.score("")
    for acting in session.acting:
        acting.after_epoch(scores[LOSS], scores.get(metric))
    if keeper.is_due_after(progressed.epoch) or session.ending.is_over(progressed.epoch):
        keeper.checkpoint(progressed)
    yield from control.follow()
    return True


def _seed(work: Work) -> None:
    """Let what is drawn from here on depend on the seed and the epoch alone."""
    draws.seed(work.session.training.seed * 1_000_003 + work.progressed.epoch + 1)


def _measured(work: Work, split: str) -> Generator[Event, None, Measured | None]:
    """Measure a split, and follow what is commanded meanwhile; None where the run is to stop at once."""
    session, progressed, control = work.session, work.progressed, work.control
    _seed(work)
    meter, count, read = Meter(session.compiled.program), session.loader.steps(split), time.monotonic()
    for step in session.measuring(split, meter):
        if time.monotonic() - read < READ_SECONDS or step == count:
            continue
        read = time.monotonic()
        yield Measuring(split, progressed.epoch, step, count)
        yield from control.follow()
        if control.stops == "now":
            return None
    return meter.measured(session.classes)


def _tested(work: Work) -> Generator[Event, None, Measured | None]:
    """Measure the best weights on the test split; None where the run is to stop before it is done."""
    with work.session.weights.aside():
        load_weights(work.session.compiled.module, work.run.weights)
        return (yield from _measured(work, "test"))


def _small(tables: Tables) -> Tables:
    """The tables that may be written every epoch."""
    return {name: table for name, table in tables.items() if len(table.rows) * len(table.columns) <= MOST_CELLS}


def _stopped(work: Work) -> Iterator[Event]:
    work.keeper.checkpoint(work.progressed)
    yield from work.keeper.finished()
    yield Stopped(str(work.run.path), work.progressed.epoch)


def _start_event(work: Work, notes: tuple[str, ...]) -> Started:
    session = work.session
    program = session.compiled.program
    return Started(
        run=str(work.run.path),
        device=str(session.device),
        epochs=work.control.epochs,
        epoch=work.progressed.epoch,
        steps_per_epoch=session.loader.steps(),
        samples={split: session.loader.samples(split) for split in session.dataset.splits},
        parameters=sum(each.numel() for each in session.compiled.module.parameters()),
        metrics={
            name: metric.higher_is_better
            for name, metric in program.metrics.items()
            if metric.higher_is_better is not None and metric.table() is None
        },
        passes=session.compiled.passes,
        notes=(*session.notes, *notes),
        time=time.time(),
        step=work.progressed.step,
    )


def _steps(work: Work, meter: Meter) -> Iterator[Event]:
    """Take the steps of one epoch that are left, as far as nobody stops them."""
    session, progressed, control, guard = work.session, work.progressed, work.control, work.guard
    step, ending = session.stepper(guard), session.ending
    count, first, rested = session.loader.steps(), progressed.step, control.rested
    before = progressed.epoch * count
    if first == count or (meter.totals and (before + first >= ending.run_batches or ending.is_over_time())):
        return  # a run that was stopped while it measured this epoch
    if before + first:
        session.prepare()
    begun = read = told = time.monotonic()
    session.loader.stages.begin()
    for batch in session.loader.training(progressed.epoch, first):
        guard.begin()
        try:
            answers = step(batch, before + progressed.step)
        except NotFinite:
            meter.read()
            yield from _broken(work)
        meter.add(answers, batch[0].shape[0])
        progressed.step = session.loader.place
        if before + progressed.step >= ending.run_batches and progressed.step < count:
            break
        now = time.monotonic()
        if now - read < READ_SECONDS and meter.waiting < MOST_WAITING:
            continue
        read = now
        yield from _looked(work, meter)
        steps, seconds = work.paced(progressed.step - first, now - begun - (control.rested - rested))
        progress = _progress(work, meter, seconds / steps)
        if now - told >= STAGES_SECONDS:
            told, loader = now, session.loader
            stages = loader.stages
            progress = replace(progress, waited=stages.waited, stages=stages.stages(), advice=loader.advice())
        yield progress
        if progressed.step < count:
            yield from control.follow()
            if control.stops == "now":
                return
        if ending.is_over_time():
            break
    yield from _looked(work, meter)
    work.pace = work.paced(progressed.step - first, time.monotonic() - begun - (control.rested - rested))
    progressed.step = session.loader.place  # behind batches at the end of which nothing could be read


def _looked(work: Work, meter: Meter) -> Iterator[Event]:
    """Read the device: what was measured, and whether all numbers were finite."""
    try:
        work.guard.look()
    except NotFinite as found:
        work.progressed.step -= found.late
        yield from _broken(work)
    bad = meter.read()
    if bad is not None:  # of a loss at which no optimizer looked in that step
        yield from _broken(work)


def _broken(work: Work) -> Iterator[Event]:
    """Keep the weights from before a step with a number that is not finite, name its node, and end the run."""
    session, progressed = work.session, work.progressed
    module, program = session.compiled.module, session.compiled.program
    work.guard.restore()
    session.forget_gradients()
    work.keeper.checkpoint(progressed)
    yield from work.keeper.finished()
    batch = next(session.loader.training(progressed.epoch, progressed.step))
    try:
        with session.precision.at_work(session.device):
            culprit = find_culprit(module, batch, lambda answers: total(answers, list(program.losses.items())))
    except torch.OutOfMemoryError:  # it keeps all that flows, which training does not
        culprit = None
    raise Broken(not_finite(session, work.spec, culprit, progressed.epoch, progressed.step))


def _progress(work: Work, meter: Meter, seconds_a_step: float) -> Progress:
    session, progressed = work.session, work.progressed
    count = session.loader.steps()
    return Progress(
        epoch=progressed.epoch + 1,
        step=progressed.step,
        steps=count,
        train=meter.scores(),
        samples_per_second=session.batching.batch_size / max(seconds_a_step, 1e-9),
        seconds_left=session.ending.seconds_left(progressed.epoch * count + progressed.step, seconds_a_step),
        learning_rates=session.rates(),
    )


def _is_best(session: Session, progressed: Progressed, scores: dict[str, float]) -> bool:
    """Whether this epoch beats all before it: by the score that the settings name, or the loss if it is lacking."""
    name, higher_is_better = session.best_by if session.best_by[0] in scores else (LOSS, False)
    score = scores[name] if higher_is_better else -scores[name]
    if math.isnan(score):  # such as an AUROC of one class: only better than no epoch at all
        progressed.best_epoch = progressed.best_epoch or progressed.epoch
        return progressed.best_epoch == progressed.epoch
    if progressed.best_score is not None and score <= progressed.best_score:
        return False
    progressed.best_score, progressed.best_epoch = score, progressed.epoch
    return True
