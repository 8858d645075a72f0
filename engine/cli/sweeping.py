"""The verb on sweeps."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from engine import edit
from engine.amounts import duration
from engine.cli.overrides import load_with
from engine.cli.projects import trusted
from engine.problem import Mistake
from engine.spec import Spec, save
from engine.sweep.folder import FOLDER, SweepFolder, Trial, Trials
from engine.sweep.plan import PATH, parse_space, planned, short, shown
from engine.train.folder import new_run

SHOWN = 10  # trials in the table at the end
FLAGS = ("trials", "sampler", "pruner", "jobs", "minutes", "metric", "seed")  # that stand for settings of a sweep


def sweep(arguments: argparse.Namespace) -> int:
    """Do a sweep, or go on with one, with a bar or a line for each change of a trial."""
    folder = _resumed(arguments) if arguments.resume else _begun(arguments)
    _stop_on_signals(folder)
    from engine.sweep.run import sweep as work  # torch's seconds only where they are needed

    stream = work(folder, watched=arguments.watched)
    last = _print_json(stream, folder) if arguments.json else _print_words(stream, folder)
    return 0 if last is None or last.best() is not None or not last.done else 1


def _stop_on_signals(folder: SweepFolder) -> None:
    """Let the first Ctrl+C or SIGTERM stop the sweep, so that it can go on; a second one ends the process."""

    def stop(number: int, _frame: object) -> None:
        folder.request_stop()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)


def _begun(arguments: argparse.Namespace) -> SweepFolder:
    if arguments.file is None:
        raise Mistake("Name a project file, or a sweep's folder behind --resume.")
    spec = with_flags(load_with(arguments.file, arguments.set), arguments)
    if arguments.space:
        spec = edit.set_setting(spec, PATH, [parse_space(spec, each) for each in arguments.space])
    plan = planned(spec)
    trusted(arguments, spec)
    path = arguments.folder or new_run(Path(FOLDER), arguments.file.stem).path
    if (path / "spec.json").exists():
        raise Mistake(f"{path} holds a sweep or a run already; choose another folder, or --resume {path}.")
    from engine.sweep.objective import objective  # torch's seconds only where they are needed

    objective(plan)  # so that no folder is made for what cannot begin
    folder = SweepFolder(path)
    folder.begin_sweep(spec, arguments.data_folder or arguments.file.resolve().parent)
    return folder


def _resumed(arguments: argparse.Namespace) -> SweepFolder:
    if arguments.file is not None or arguments.space or arguments.set or arguments.folder:
        raise Mistake("A sweep that goes on keeps its project, its space and its folder; begin a new one for others.")
    folder = SweepFolder(arguments.resume)
    spec = folder.spec()
    if not spec.sweep:
        raise Mistake(f"{folder.path} is the folder of a run; go on with it by: netloom resume {folder.path}")
    changed = with_flags(spec, arguments)
    trusted(arguments, changed)
    if changed != spec:
        planned(changed)
        save(changed, folder.path / "spec.json")
    return folder


def with_flags(spec: Spec, arguments: argparse.Namespace) -> Spec:
    """Set what flags say of a sweep."""
    for name in FLAGS:
        value = getattr(arguments, name)
        if value is not None:
            spec = edit.set_setting(spec, f"sweep.{name}", value)
    return spec


def _print_json(stream: Iterable[Trials], folder: SweepFolder) -> Trials | None:
    last: Trials | None = None
    for trial, trials in _changes(stream):
        last = trials
        if trial is not None:
            print(json.dumps({"event": "trial", **_facts(trial)}, ensure_ascii=False), flush=True)
    if last is not None:
        best = last.best()
        told = {"event": "finished" if last.done else "stopped", "sweep": str(folder.path), "why": last.why}
        facts = {"metric": last.metric, "higher_is_better": last.higher, "trials": last.over()}
        print(json.dumps({**told, **facts, "best": _facts(best) if best else None}, ensure_ascii=False), flush=True)
    return last


def _facts(trial: Trial) -> dict[str, Any]:
    """What is told of a trial on a line of its own: all but the score of each epoch."""
    names = ("number", "state", "values", "score", "run", "seconds", "why")
    return {**{name: getattr(trial, name) for name in names}, "epochs": len(trial.scores)}


def _changes(stream: Iterable[Trials]) -> Iterator[tuple[Trial | None, Trials]]:
    """Yield each trial whose state has changed, or None, with how all stand."""
    known: dict[int, str] = {}
    for trials in stream:
        yield None, trials
        for trial in trials.trials:
            if known.get(trial.number) != trial.state:
                known[trial.number] = trial.state
                yield trial, trials


def _print_words(stream: Iterable[Trials], folder: SweepFolder) -> Trials | None:
    """A bar on a terminal, a line for each trial that ended everywhere, and the best trials at the end."""
    last: Trials | None = None
    with tqdm(unit="trial", leave=False, disable=not sys.stderr.isatty()) as bar:
        for trial, last in _changes(stream):
            bar.total, bar.n = last.wanted, last.over()
            best = last.best()
            bar.set_postfix_str(f"best {last.metric} {best.score:.4g}" if best else "")
            if trial is not None and trial.state != "running":
                tqdm.write(_line(trial, last))
    if last is None:
        return None
    print(f"\n{table(last)}" if last.best() else "No trial came to an end that can be compared.")
    if not last.done:
        print(f"{last.why} Go on with: netloom sweep --resume {folder.path}")
    print(f"Sweep: {folder.path}")
    return last


def _line(trial: Trial, trials: Trials) -> str:
    score = f"{trials.metric} {trial.score:.4g}" if trial.score is not None else ""
    values = ", ".join(f"{short(path)} {shown(value)}" for path, value in trial.values.items())
    why = f"  {trial.why}" if trial.why else ""
    return f"trial {trial.number:<4} {trial.state:9} {score:20} {values}{why}"


def table(trials: Trials) -> str:
    """The best trials in aligned columns."""
    best = trials.ranked()[:SHOWN]
    paths = list(trials.ranges)
    rows = [["trial", trials.metric, *map(short, paths), "time"]]
    for each in best:
        values = [shown(each.values[path]) if path in each.values else "" for path in paths]
        rows.append([str(each.number), f"{each.score:.4g}", *values, duration(each.seconds)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
