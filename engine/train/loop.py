"""The training loop: a generator of events that also keeps the run folder."""

from __future__ import annotations

import errno
import math
import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path

import torch

from engine.events import Checkpoint, Epoch, Event, Failed, Finished, Progress, Started, Stopped, Tables
from engine.expand import expand
from engine.problem import Mistake, Problem
from engine.python_node import fault_of, node_at_work, node_of
from engine.spec import Spec
from engine.train.checkpoint import (
    Progressed,
    load_checkpoint,
    load_weights,
    save_checkpoint,
    save_tensors,
)
from engine.train.folder import Run
from engine.train.meter import LOSS, Meter, NotFinite
from engine.train.precision import indeterminate
from engine.train.session import Refused, Session, environment, open_session

READ_SECONDS = 0.05  # between readings of the device, and of the commands
STAGES_SECONDS = 1.0  # between tellings of how the data comes
MOST_CELLS = 10_000  # of a table that is told every epoch
MOST_WAITING = 1024  # batches whose answers are kept until they are read


def train(spec: Spec, folder: Path, run: Run, *, device: str | None = None) -> Iterator[Event]:
    """Train a spec in a run folder; relative paths of the data start at `folder`.

    Yields events, the last of them Finished, Stopped or Failed; mistakes in spec and data are Failed.
    """
    with run.locked():
        run.begin(spec)
        yield from _recorded(run, _guarded(_placed(spec, _started(spec, folder, run, device))))


def resume(run: Run, *, device: str | None = None) -> Iterator[Event]:
    """Go on with a run from its last checkpoint, as if it had never stopped."""
    spec, known = run.spec(), run.environment()
    if known.get("threads"):
        torch.set_num_threads(int(known["threads"]))
    with run.locked():
        yield from _recorded(run, _guarded(_placed(spec, _resumed(spec, run, known.get("folder", "."), device))))


def _recorded(run: Run, events: Iterator[Event]) -> Iterator[Event]:
    """Write each event down before it is handed on; a full disk does not keep it from the reader."""
    for event in events:
        try:
            run.append(event)
        except OSError:
            if not isinstance(event, Failed):
                yield Failed(_full_disk(run))
                return
        yield event


def _guarded(events: Iterator[Event]) -> Iterator[Event]:
    """Turn what users can mend into a last event that says how."""
    try:
        yield from events
    except Refused as refused:
        problem = refused.problem
        yield Failed(problem.message, problem.node, problem.param)
    except Mistake as mistake:
        yield Failed(mistake.message, None, mistake.param)
    except MemoryError:
        yield Failed(_OUT_OF_MEMORY)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        yield Failed(_FULL if full else f"A file could not be written or read: {error}.")
    except RuntimeError as error:  # torch raises it for most of what goes wrong in a kernel
        known = indeterminate(error)
        yield Failed(_torch_words(error)) if known is None else Failed(known.message, None, known.param)
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        yield Failed(
            "A batch of one sample reached a batch normalisation, which needs two or more: "
            "raise batch_size, or turn drop_last on."
        )


def _placed(spec: Spec, events: Iterator[Event]) -> Iterator[Event]:
    """Say of what the code of a Python node raises at which node and in which line it was."""
    try:
        yield from events
    except (Refused, MemoryError, torch.OutOfMemoryError):
        raise
    except Mistake as mistake:
        node = node_at_work(mistake)
        if node is None:
            raise
        raise Refused(mistake.problem(node)) from None
    except Exception as error:  # code may raise anything; what is not a node's goes on its way
        fault = fault_of(error)
        if fault is None:
            raise
        raise Refused(Problem(fault.message, node_of(expand(spec).spec, fault), "code")) from error


_OUT_OF_MEMORY = "There is not enough memory: lower batch_size, make the network smaller, or train on another device."
_FULL = "The disk is full: make room, then resume the run. Its last checkpoint is whole."


def _full_disk(run: Run) -> str:
    return f"{run.path} cannot be written to; make room or choose another folder, then resume the run."


def _torch_words(error: RuntimeError) -> str:
    words = str(error).split("\n")[0]
    if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in words or "alloc" in words.lower():
        return _OUT_OF_MEMORY
    return f"PyTorch stopped the training: {words.rstrip('.')}."


def _started(spec: Spec, folder: Path, run: Run, device: str | None) -> Iterator[Event]:
    session = open_session(spec, folder, device=device)
    run.write_json("environment.json", environment(session.device, folder))
    run.write_json("data.json", session.dataset.state)
    with session.at_work():
        yield from _epochs(session, run, Progressed())


def _resumed(spec: Spec, run: Run, folder: str, device: str | None) -> Iterator[Event]:
    session = open_session(spec, Path(folder), device=device, trained=True)
    progressed = load_checkpoint(run, session.compiled.module, session.acting, session.extras)
    run.clear("stop")
    with session.at_work():
        yield from _epochs(session, run, progressed)


def _epochs(session: Session, run: Run, progressed: Progressed) -> Iterator[Event]:
    """Train the epochs that are left, then measure the best weights on the test split."""
    before, started = progressed.seconds, time.monotonic()
    yield _start_event(session, run, progressed)
    module, training, ending = session.compiled.module, session.training, session.ending
    ending.begin(before)
    while not ending.is_over(progressed.epoch):
        if progressed.step == 0:
            torch.manual_seed(training.seed * 1_000_003 + progressed.epoch + 1)
        meter = Meter(session.compiled.program, progressed.totals, progressed.states)
        begun, begun_step = time.monotonic(), progressed.step
        stopped = yield from _steps(session, run, progressed, meter)
        progressed.seconds = before + time.monotonic() - started
        if stopped:
            progressed.totals, progressed.states = meter.totals, meter.states()
            path = save_checkpoint(run, module, session.acting, progressed, session.extras)
            yield Checkpoint(progressed.epoch, str(path.relative_to(run.path)))
            yield _stopped(run, progressed)
            return
        seconds = time.monotonic() - begun
        samples = (progressed.step - begun_step) * session.batching.batch_size
        measured, validation = meter.measured(session.classes), session.validate()
        progressed.epoch, progressed.step, progressed.totals, progressed.states = progressed.epoch + 1, 0, {}, {}
        scores = validation.scores or measured.scores
        best = _is_best(session, progressed, scores)
        if best:
            save_tensors(run.weights, session.kept_weights())
        speed, rates = samples / max(seconds, 1e-9), session.rates()
        tables = _small((validation if validation.scores else measured).tables)
        early = ending.after_epoch(scores)
        notes = (*session.news(), *([early] if early else ()))
        yield Epoch(progressed.epoch, measured.scores, validation.scores, seconds, speed, best, rates, tables, notes)
        metric = session.compiled.program.leading_metric() or LOSS
        for acting in session.acting:
            acting.after_epoch(scores[LOSS], scores.get(metric))
        path = save_checkpoint(run, module, session.acting, progressed, session.extras)
        yield Checkpoint(progressed.epoch, str(path.relative_to(run.path)))
        if not ending.is_over(progressed.epoch) and run.requested("stop"):
            yield _stopped(run, progressed)
            return
    load_weights(module, run.weights)
    test = session.measure("test")
    seconds = before + time.monotonic() - started
    yield Finished(str(run.path), test.scores, progressed.epoch, progressed.best_epoch, seconds, test.tables)


def _small(tables: Tables) -> Tables:
    """The tables that may be written every epoch."""
    return {name: table for name, table in tables.items() if len(table.rows) * len(table.columns) <= MOST_CELLS}


def _stopped(run: Run, progressed: Progressed) -> Stopped:
    run.clear("stop")
    return Stopped(str(run.path), progressed.epoch)


def _start_event(session: Session, run: Run, progressed: Progressed) -> Started:
    program = session.compiled.program
    return Started(
        run=str(run.path),
        device=str(session.device),
        epochs=session.ending.epochs,
        epoch=progressed.epoch,
        steps_per_epoch=session.loader.steps(),
        samples={split: session.loader.samples(split) for split in session.dataset.splits},
        parameters=sum(each.numel() for each in session.compiled.module.parameters()),
        metrics={
            name: metric.higher_is_better
            for name, metric in program.metrics.items()
            if metric.higher_is_better is not None and metric.table() is None
        },
        passes=session.compiled.passes,
        notes=session.notes,
        time=time.time(),
    )


def _steps(session: Session, run: Run, progressed: Progressed, meter: Meter) -> Generator[Event, None, bool]:
    """Take the steps of one epoch that are left; returns whether it was stopped before its end."""
    step, ending = session.stepper(), session.ending
    count, first = session.loader.steps(), progressed.step
    before = progressed.epoch * count
    last = ending.run_batches - before
    begun = read = told = time.monotonic()
    session.loader.stages.begin()
    for batch in session.loader.training(progressed.epoch, first):
        answers = step(batch, before + progressed.step)
        meter.add(answers, batch[0].shape[0])
        progressed.step += 1
        if progressed.step == last < count:
            break
        now = time.monotonic()
        if now - read < READ_SECONDS and meter.waiting < MOST_WAITING:
            continue
        read = now
        _read(meter, progressed)
        progress = _progress(session, progressed, meter, (now - begun) / (progressed.step - first))
        if now - told >= STAGES_SECONDS:
            told, loader = now, session.loader
            stages = loader.stages
            progress = replace(progress, waited=stages.waited, stages=stages.stages(), advice=loader.advice())
        yield progress
        if progressed.step < count and run.requested("stop"):
            return True
        if ending.is_over_time():
            break
    _read(meter, progressed)
    return False


def _read(meter: Meter, progressed: Progressed) -> None:
    """Read the meter; a loss that is not finite ends the run with what to try."""
    waiting = meter.waiting
    try:
        meter.read()
    except NotFinite as found:
        step = progressed.step - waiting + found.batch + 1
        raise Mistake(
            f"The loss became NaN or infinite in epoch {progressed.epoch + 1}, step {step}. Try a learning rate ten "
            "times smaller, standardised columns, or BatchNorm layers; a logarithm or division in the graph may have "
            "met a zero."
        ) from None


def _progress(session: Session, progressed: Progressed, meter: Meter, seconds_a_step: float) -> Progress:
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
