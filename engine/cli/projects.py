"""Verbs on project files: new, check, data, export."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from engine import edit
from engine import spec as specs
from engine.amounts import counted, memory
from engine.cli.overrides import load_with, overridden
from engine.columns import DataReport
from engine.examples import find_example
from engine.problem import Mistake
from engine.report import Optimised, Report
from engine.spec import Spec
from engine.train.folder import Run
from engine.trust import trust_spec

if TYPE_CHECKING:  # they import torch
    from engine.check import Checker
    from engine.data.guessing import Guess
    from engine.passes import Ran

PROJECT_START = 2**12  # bytes in which a project file names its format
SHOWN_SAMPLES = 5
WIDEST = 60  # letters of a value that are printed

Purpose = Literal["training", "inference", "deployment"]


def new(arguments: argparse.Namespace) -> int:
    """Write a project file from a template; an existing file stays."""
    if arguments.file.exists():
        raise Mistake(f"{arguments.file} exists already; choose another name.")
    spec = specs.load(find_example(arguments.template))
    specs.save(spec, arguments.file)
    print(f"{arguments.file}: {spec.extra.get('about', spec.name)}")
    return 0


def check(arguments: argparse.Namespace) -> int:
    """Check a project; exit status 2 where it has problems."""
    spec = load_with(arguments.file, arguments.set)
    trusted(arguments, spec)
    from engine.check import Checker  # torch's seconds only where they are needed

    folder = arguments.file.resolve().parent
    checker = Checker()
    counted_at = sizes(arguments.size)
    report = checker.check(spec, folder=folder, sizes=counted_at)
    ran: tuple[Ran, ...] = ()
    unknown = [name for name in counted_at if name not in report.sizes]
    if unknown and not report.problems:
        raise Mistake(f"--size {unknown[0]}: the graph has no such size; it has {', '.join(report.sizes)}.")
    passes = arguments.passes or arguments.purpose is not None
    if passes and not report.problems:
        with nullcontext() if arguments.purpose else suppress(Mistake):  # nothing to train or predict
            optimised, ran = _optimised(spec, checker, arguments.purpose, folder)
            report = replace(report, optimised=optimised)
    if arguments.json:
        told = {"passes": [each.encode() for each in ran]} if passes else {}
        print(json.dumps({**report.encode(), **told}))
    else:
        for node_id in spec.nodes:
            if node_id in report.nodes:
                node = report.nodes[node_id]
                kind = spec.nodes[node_id].block or spec.nodes[node_id].op
                shapes = ", ".join(f"{tensor} {tensor.dtype}" for tensor in node.outputs.values())
                learned, macs = ("" if number == 0 else counted(number) for number in (node.parameters, node.macs))
                print(f"{node_id:24} {kind:20} {shapes:36} {learned:>12} {macs:>10}".rstrip())
        print(totals(spec, report))
        _print_passes(report.optimised, ran)
        for problem in report.problems:
            print(f"{arguments.file}: {problem}", file=sys.stderr)
    return 2 if report.problems else 0


def _optimised(
    spec: Spec, checker: Checker, purpose: Purpose | None, folder: Path
) -> tuple[Optimised, tuple[Ran, ...]]:
    """What the graph passes do for a purpose."""
    from engine.compile import compile, explain  # torch's seconds only where they are needed
    from engine.deploy import deploy

    if purpose != "deployment":
        return explain(spec, checker, purpose)
    ran = deploy(compile(spec, only="inference", seed=0, folder=folder)).ran
    return Optimised(purpose, ran[0].before, ran[-1].after), ran


def _print_passes(optimised: Optimised | None, ran: tuple[Ran, ...]) -> None:
    if optimised is None:
        return
    print(f"Optimised: {optimised.before:,} → {optimised.after:,} nodes ({optimised.purpose})")
    for each in ran:
        print(f"  {each.name:22} {each.before:6,} → {each.after:<6,} {each.note or 'Found nothing to do.'}")


def sizes(settings: list[str]) -> dict[str, int]:
    """Read free sizes such as "T=100"; raises Mistake where one has another form."""
    found = {}
    for each in settings:
        name, _, size = each.partition("=")
        if not name or not size.isdecimal() or int(size) < 1:
            raise Mistake(f"--size {each} is no size; write a free size and a whole number, such as T=100.")
        found[name] = int(size)
    return found


def totals(spec: Spec, report: Report) -> str:
    """What a whole graph counts, in a line."""
    frozen = f" ({counted(report.frozen)} frozen)" if report.frozen else ""
    parts = [
        f"{len(spec.nodes)} nodes",
        f"{counted(report.parameters)} parameters{frozen}",
        f"{counted(report.macs)} multiply-accumulates a sample",
        f"{memory(report.weight_bytes)} of weights",
        f"{memory(report.activation_bytes)} of activations at batch {report.sizes['N']}",
    ]
    free = ", ".join(f"{name} as {size}" for name, size in report.sizes.items() if name != "N")
    return ", ".join(parts) + (f"; counted with {free} (see --size)" if free else "")


def data(arguments: argparse.Namespace) -> int:
    """Describe a project's data, or what lies at a path; exit status 2 where something is wrong with it."""
    if arguments.clear_cache:
        return _clear_cache()
    if arguments.file is None:
        raise Mistake("Which data? Name a project, a file, a folder, an archive, or hub:OWNER/NAME.")
    guesses, spec = _data_of(arguments.file, arguments.set)
    folder = arguments.file.resolve().parent
    if arguments.bench:
        return _timed(spec, folder, as_json=arguments.json)
    from engine.data import report as data_report  # torch's seconds only where they are needed

    report = data_report(spec, folder)
    if arguments.json:
        found = {"guesses": [each.encode() for each in guesses]} if guesses else {}
        print(json.dumps({**report.encode(), "source": spec.data.get("source", {}), **found}))
        return 2 if report.problems else 0
    for line in (*_guessed(guesses), *_described(report)):
        print(line)
    for problem in report.problems:
        print(f"{arguments.file}: {problem}", file=sys.stderr)
    return 2 if report.problems else 0


def _timed(spec: Spec, folder: Path, *, as_json: bool) -> int:
    """Measure how fast the data comes."""
    from engine.data.timing import measure  # torch's seconds only where they are needed

    timing = measure(spec, folder)
    if as_json:
        print(json.dumps(timing.encode()))
        return 0
    workers = f", {counted(timing.workers)} workers" if timing.workers else ""
    print(f"prepared in {timing.prepare_seconds:.2f} s, kept: {timing.cache}{workers}")
    for stage in timing.stages:
        print(f"{stage.name:8} {stage.samples_per_second:14,.0f} samples/s  {stage.share:5.0%} of the time")
    print(f"{'all':8} {timing.samples_per_second:14,.0f} samples/s  {timing.megabytes_per_second:,.0f} MiB/s")
    return 0


def _clear_cache() -> int:
    """Throw away what archives were unpacked to, and columns that were made ready."""
    from engine.data import store  # few verbs need them
    from engine.data.archivecache import cache_folder, clear

    freed, in_use = clear()
    kept = f"; {in_use} in use {'is' if in_use == 1 else 'are'} kept" if in_use else ""
    print(f"{cache_folder()}: {memory(freed)} freed{kept}")
    print(f"{store.store_folder()}: {memory(store.clear())} freed")
    return 0


def _data_of(path: Path, overrides: list[str]) -> tuple[list[Guess], Spec]:
    """The project at a path; where it is none, what it looks like, with a project whose source reads it."""
    if is_project(path):
        return [], load_with(path, overrides)
    from engine.data.guess import guess  # pyarrow and numpy only where they are needed
    from engine.data.hubfiles import hub_name

    guesses = guess(path if hub_name(str(path)) else path.absolute())
    spec = edit.set_source(Spec(), guesses[0].kind, guesses[0].params)
    for override in overrides:
        spec = overridden(spec, override)
    return guesses, spec


def is_project(path: Path) -> bool:
    """Whether a path is to be read as a project file: it is named like one, or is JSON that begins like one."""
    if path.suffix != ".json" or not path.is_file():
        return path.suffix == ".netloom"
    with path.open("rb") as stream:
        return b'"format"' in stream.read(PROJECT_START)


def _guessed(guesses: Sequence[Guess]) -> Iterator[str]:
    """The guess in a sentence, how it is written, and what else it may be."""
    for place, each in enumerate(guesses):
        params = ", ".join(f"{name}={value}" for name, value in each.params.items() if name not in ("path", "name"))
        beside = f" ({params})" if params else ""
        name = each.params.get("name") or Path(str(each.params.get("path", ""))).name
        yield f"{'or ' if place else ''}{each.kind}{beside} {name}: {each.words}"


def _described(report: DataReport) -> Iterator[str]:
    for column in report.columns.values():
        shape = " × ".join(map(str, ("N", *column.shape)))
        count = round(column.high or 0) + 1 if column.kind == "category" else 0
        facts = column.extent() or (f"{count:,} classes" if count else _range(column.low, column.high))
        missing = f", {column.missing} missing" if column.missing else ""
        yield f"{column.name:24} {column.kind:10} {shape:20} {column.dtype:9} {facts}{missing}"
    yield ", ".join(f"{split} {count:,}" for split, count in report.splits.items())
    yield from report.notes
    for sample in report.samples[:SHOWN_SAMPLES]:
        yield "; ".join(f"{name} {_shown(value, report.columns[name].kind)}" for name, value in sample.items())


def _shown(value: Any, kind: str) -> str:
    if isinstance(value, dict):
        return f"({kind})"
    text = "-" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def _range(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:g} to {high:g}"


def export(arguments: argparse.Namespace) -> int:
    """Export a project file or a run folder."""
    from engine.export import export as write  # torch's seconds only where they are needed

    source: Path = arguments.source
    spec = Run(source).spec() if source.is_dir() else specs.load(source)
    trusted(arguments, spec)
    done = write(source if source.is_dir() else spec, arguments.format, arguments.output)
    for path in done:
        print(path)
    return 0


def trusted(arguments: argparse.Namespace, spec: Spec) -> None:
    """Trust the Python nodes of a spec where `--trust` says so."""
    if arguments.trust:
        trust_spec(spec)
