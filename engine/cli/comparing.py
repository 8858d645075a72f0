"""Verbs on several runs: list them, compare them, and have them trained one after the other."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from engine import comparison
from engine.cli.overrides import load_with
from engine.cli.running import scores_words
from engine.problem import Mistake
from engine.runs import Runs, Summary, finite, summaries
from engine.train.folder import Run
from engine.train.queue import Queue, new_entry


def runs(arguments: argparse.Namespace) -> int:
    """List the runs of a folder, newest first."""
    found = summaries(arguments.folder)
    if arguments.json:
        print(json.dumps([each.encode() for each in found], ensure_ascii=False))
        return 0
    if not found:
        print(f"There are no runs in {arguments.folder}.")
    for each in found:
        best = scores_words({name: value for name, value in each.scores.items() if finite(value) is not None})
        tags = f"  [{', '.join(each.about.tags)}]" if each.about.tags else ""
        print(f"{each.name:40} {each.state:9} epoch {each.epoch:<4} {best}{tags}")
    return 0


def compare(arguments: argparse.Namespace) -> int:
    """Set runs beside each other."""
    found = comparison.compare(list(_chosen(arguments.runs)))
    rows = found.shown(equal=arguments.all)
    if arguments.json:
        print(json.dumps({"runs": list(found.runs), "rows": [row.encode() for row in rows]}, ensure_ascii=False))
    elif arguments.csv:
        print(comparison.as_csv(found, rows), end="")
    elif arguments.markdown:
        print(comparison.as_markdown(found, rows), end="")
    else:
        print(_table(found, rows))
    return 0


def _chosen(paths: Sequence[Path]) -> Iterator[Summary]:
    """Read run folders, and those in folders of runs."""
    for path in paths:
        if (path / "spec.json").is_file():
            yield Runs(path.parent).again(Run(path))
        elif inside := summaries(path):
            yield from inside
        else:
            raise Mistake(f"{path} is no run folder, and there are no runs in it.")


def _table(found: comparison.Comparison, rows: Sequence[comparison.Row]) -> str:
    """Aligned columns, a heading for each group; a star marks the best."""
    cells = [[f"{comparison.short(value)}{'*' * (place in row.best)}" for place, value in enumerate(row.values)]
             for row in rows]  # fmt: skip
    names = ["", *(row.name for row in rows)]
    columns = [names, *map(list, zip(found.runs, *cells, strict=True))]
    widths = [max(map(len, column)) for column in columns]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
             for line in zip(*columns, strict=True)]  # fmt: skip
    told, group = [lines[0]], ""
    for row, line in zip(rows, lines[1:], strict=True):
        told += [f"\n{row.group}"] * (row.group != group) + [line]
        group = row.group
    return "\n".join(told)


def queue(arguments: argparse.Namespace) -> int:
    """List, change or work through the queue."""
    waiting = Queue()
    match arguments.action:
        case "add":
            _add(waiting, arguments)
        case "remove":
            entries = waiting.entries()
            waiting.remove([entries[number - 1].id for number in _numbers(arguments.items, len(entries))])
        case "pause":
            waiting.pause()
        case "start":
            waiting.unpause()
            for run in waiting.work():
                print(f"Training {run.path}", flush=True)
            return 0
    _list(waiting, as_json=arguments.json)
    return 0


def _add(waiting: Queue, arguments: argparse.Namespace) -> None:
    if not arguments.items:
        raise Mistake("Name the project files to add to the queue.")
    paths = [Path(item) for item in arguments.items]
    for path, spec in [(path, load_with(path, arguments.set)) for path in paths]:
        waiting.add(new_entry(spec, path.stem, path.resolve().parent / "runs", path.parent))


def _numbers(items: Sequence[str], count: int) -> list[int]:
    """Read the numbers of entries, as `netloom queue` lists them."""
    for item in items:
        if not item.isdigit() or not 1 <= int(item) <= count:
            raise Mistake(f"{item!r} is no number of a run that waits; `netloom queue` lists them.")
    return [int(item) for item in items]


def _list(waiting: Queue, *, as_json: bool) -> None:
    entries, paused = waiting.entries(), waiting.paused()
    if as_json:
        told = [{"name": entry.name, "runs": str(entry.runs)} for entry in entries]
        print(json.dumps({"paused": paused, "at_work": waiting.at_work(), "entries": told}, ensure_ascii=False))
        return
    for number, entry in enumerate(entries, 1):
        print(f"{number:3}  {entry.name:30} {entry.runs}")
    if not entries:
        print("Nothing waits in the queue.")
    elif not waiting.at_work():
        print("The queue is paused." if paused else "The queue waits; work through it with: netloom queue start")
