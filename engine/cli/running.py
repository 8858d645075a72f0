"""Verbs that work on a run: train, resume, evaluate, predict."""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from engine import edit, events
from engine.cli.overrides import load_with
from engine.cli.projects import trusted
from engine.events import (
    Changed,
    Continued,
    Epoch,
    Event,
    Failed,
    Finished,
    Measuring,
    Paused,
    Progress,
    Started,
    Stopped,
    Table,
)
from engine.problem import Mistake
from engine.spec import Spec, load
from engine.start_from import start_from
from engine.train.commands import Command
from engine.train.folder import Run, new_run

NICENESS = 10
WATCHED_CORES = 4  # from so many on, one is left to the window


def train(arguments: argparse.Namespace) -> int:
    """Train a project, with a progress bar or an event a line."""
    before = Run(arguments.file) if arguments.file.is_dir() else None
    spec = load_with(before.path / "spec.json" if before else arguments.file, arguments.set)
    if arguments.epochs is not None:
        spec = edit.set_setting(spec, "training.epochs", arguments.epochs)
    trusted(arguments, spec)
    if arguments.start_from is not None:
        spec = _begun(spec, arguments.start_from, arguments.file)
    beside = before.path.parent if before else Path("runs")
    run = Run(arguments.run) if arguments.run else new_run(beside, spec.name if before else arguments.file.stem)
    if (run.path / "events.jsonl").exists():
        raise Mistake(f"{run.path} holds a run already; choose another folder, or go on with `netloom resume`.")
    folder, device = arguments.data_folder or arguments.file.resolve().parent, arguments.device
    _stop_on_signals(run)
    _make_room(watched=arguments.watched)
    if before is not None:
        from engine.train import again  # torch's seconds only where they are needed

        folder, device = arguments.data_folder or again.folder_of(before), device or again.device_of(before)
        again.take_threads(before)
        for words in again.changes(before):
            print(f"netloom: {words}", file=sys.stderr)
    from engine.train.loop import train as work  # as above

    return _show(work(spec, folder, run, device=device), run, as_json=arguments.json)


def _begun(spec: Spec, path: Path, file: Path) -> Spec:
    """The spec with every node that fits beginning from a run or a file; which these are is told on stderr."""
    from engine.check import check  # torch's seconds only where they are needed

    found = start_from(spec, path, check(spec, file.resolve().parent).nodes)
    print(found.words(), file=sys.stderr)
    return found.spec


def resume(arguments: argparse.Namespace) -> int:
    """Go on with a run."""
    run = Run(arguments.run)
    spec = run.spec() if arguments.spec is None else load(arguments.spec)
    trusted(arguments, spec)
    if not arguments.watched:  # else the window has done so, and may have told the run something since
        run.make_ready()
    _stop_on_signals(run)
    _make_room(watched=arguments.watched)
    from engine.train.loop import resume as work  # torch's seconds only where they are needed

    stream = work(run, device=arguments.device, spec=spec, more_epochs=arguments.epochs or 0)
    return _show(stream, run, as_json=arguments.json)


def tell(arguments: argparse.Namespace) -> int:
    """Tell a run that is at work to pause, to go on, to stop, or to change."""
    run = Run(arguments.run)
    run.spec()
    command = Command(arguments.do.replace("-", " "), arguments.value, arguments.optimizer)
    if not run.alive():
        raise Mistake(f"{run.path} is not being trained; go on with it with `netloom resume`.")
    run.tell(command)
    return 0


def kill(arguments: argparse.Namespace) -> int:
    """End the process of a run at once; its last checkpoint stays."""
    run = Run(arguments.run)
    run.spec()
    if not run.alive():
        raise Mistake(f"{run.path} is not being trained.")
    run.kill()
    return 0


def _stop_on_signals(run: Run) -> None:
    """Let the first Ctrl+C or SIGTERM stop the run with a checkpoint; a second one ends the process."""

    def stop(number: int, _frame: object) -> None:
        if run.path.is_dir():
            run.tell(Command("stop"))
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def _make_room(*, watched: bool) -> None:
    """Train at lower priority; where a window watches, leave it a core from four on."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    if not watched:
        return
    import torch  # its seconds only where they are needed

    cores = torch.get_num_threads()
    if cores >= WATCHED_CORES:
        torch.set_num_threads(cores - 1)


def _show(stream: Iterator[Event], run: Run, *, as_json: bool) -> int:
    last = _print_json(stream) if as_json else _print_words(stream, run)
    if isinstance(last, Failed):
        where = ".".join(each for each in (last.node, last.param) if each)
        print(f"netloom: {where + ': ' if where else ''}{last.message}", file=sys.stderr)
        return 2 if last.epoch is None and where else 1
    return 0


def _print_json(stream: Iterator[Event]) -> Event | None:
    last = None
    for last in stream:
        print(json.dumps(events.encode(last)), flush=True)
    return last


def _print_words(stream: Iterator[Event], run: Run) -> Event | None:
    """A bar for each epoch on a terminal, a line for each epoch everywhere."""
    last: Event | None = None
    bar: Any = None
    for last in stream:
        match last:
            case Started():
                counts = ", ".join(f"{split} {count:,}" for split, count in last.samples.items())
                print(f"Training {last.parameters:,} parameters on {last.device}; samples: {counts}")
                _print_notes(last.notes)
                bar = tqdm(total=last.steps_per_epoch, unit="step", leave=False, disable=not sys.stderr.isatty())
                epochs = last.epochs
            case Progress():
                bar.total, bar.n = last.steps, last.step
                bar.set_description(f"epoch {last.epoch}/{epochs}", refresh=False)
                speed, left = f"{last.samples_per_second:,.0f} samples/s", f"{_duration(last.seconds_left)} left"
                bar.set_postfix_str(f"{scores_words(last.train)}, {speed}, {left}")
            case Measuring():
                bar.total, bar.n = last.steps, last.step
                bar.set_description(f"measuring {last.split}", refresh=False)
                bar.set_postfix_str("")
            case Epoch():
                best = "  best" if last.best else ""
                validation = f" | validation {scores_words(last.validation)}" if last.validation else ""
                words = f"epoch {last.epoch}/{epochs}  {scores_words(last.train)}{validation}"
                tqdm.write(f"{words}  {last.samples_per_second:,.0f} samples/s{best}")
                _print_notes(last.notes)
                bar.reset()
            case Changed():
                epochs = last.epochs
                tqdm.write(last.message)
            case Paused():
                tqdm.write(f"Paused; go on with: netloom tell {run.path} go-on")
            case Continued():
                tqdm.write("Going on.")
            case Finished():
                bar.close()
                test = f"; test {scores_words(last.test)}" if last.test else ""
                print(f"Finished in {_duration(last.seconds)}; best epoch {last.best_epoch}{test}")
                print(f"Run: {run.path}")
            case Stopped():
                bar.close()
                print(f"Stopped after {last.epoch} epochs; go on with: netloom resume {run.path}")
    if bar is not None:
        bar.close()
    return last


def _print_notes(notes: Sequence[str]) -> None:
    for note in notes:
        tqdm.write(f"  {note}")


def scores_words(scores: Mapping[str, float]) -> str:
    """Scores in one line."""
    return ", ".join(f"{name} {value:.4g}" for name, value in scores.items())


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def evaluate(arguments: argparse.Namespace) -> int:
    """Measure a run on a split."""
    from engine.train.predict import evaluate as work  # torch's seconds only where they are needed
    from engine.train.session import Refused

    run = Run(arguments.run)
    trusted(arguments, run.spec())
    try:
        measured = work(run, arguments.split, device=arguments.device)
    except Refused as refused:
        raise Mistake(str(refused.problem)) from None
    if arguments.json:
        finite = {name: value if math.isfinite(value) else None for name, value in measured.scores.items()}
        tables = {name: events.encode_table(table) for name, table in measured.tables.items()}
        print(json.dumps({"split": arguments.split, "metrics": finite, "tables": tables}, ensure_ascii=False))
    else:
        print(f"{arguments.split}: {scores_words(measured.scores)}")
        for name, table in measured.tables.items():
            print(f"\n{name}\n{table_text(table)}")
    return 0


def table_text(table: Table) -> str:
    """A table in aligned columns, rows and columns named."""
    corner = f"{table.down} \\ {table.across}" if table.across else table.down
    cells = [[_cell(value) for value in row] for row in table.values]
    widths = [max(map(len, column)) for column in zip(table.columns, *cells, strict=True)]
    first = max(map(len, (corner, *table.rows)))
    lines = [(corner, table.columns), *zip(table.rows, cells, strict=True)]
    return "\n".join(
        "  ".join([name.ljust(first), *(cell.rjust(width) for cell, width in zip(row, widths, strict=True))])
        for name, row in lines
    )


def _cell(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.0f}" if float(value).is_integer() else f"{value:.4g}"


def predict(arguments: argparse.Namespace) -> int:
    """Predict for new samples, an object a line."""
    from engine.train.predict import predict as work  # torch's seconds only where they are needed

    run = Run(arguments.run)
    trusted(arguments, run.spec())
    for answer in work(run, _samples(arguments.input)):
        print(json.dumps(answer, ensure_ascii=False))
    return 0


def _samples(text: str) -> Path | Sequence[Mapping[str, Any]]:
    if text == "-":
        return _rows(sys.stdin, "standard input")
    return _rows([text], "the argument") if text.lstrip().startswith("{") else Path(text)


def _rows(lines: Iterable[str], where: str) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = []
    for place, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise Mistake(f"Line {place} of {where} is no JSON: {error}.") from None
        if not isinstance(row, dict):
            raise Mistake(f"Line {place} of {where} must be an object {{column: value}}.")
        rows.append(row)
    if not rows:
        raise Mistake(f"There are no samples in {where}.")
    return rows
