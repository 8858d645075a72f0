"""Verbs on project files: new, check, data, export."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from engine import spec as specs
from engine.amounts import counted, memory
from engine.cli.overrides import load_with
from engine.examples import find_example
from engine.problem import Mistake
from engine.report import Optimised, Report
from engine.spec import Spec
from engine.train.folder import Run
from engine.trust import trust_spec

if TYPE_CHECKING:  # they import torch
    from engine.check import Checker
    from engine.passes import Ran

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
    report = checker.check(spec, folder=folder, sizes=sizes(arguments.size))
    ran: tuple[Ran, ...] = ()
    if arguments.passes and not report.problems:
        optimised, ran = _optimised(spec, checker, arguments.purpose, folder)
        report = replace(report, optimised=optimised)
    if arguments.json:
        told = {"passes": [each.encode() for each in ran]} if arguments.passes else {}
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
    """Describe a project's data; exit status 2 where something is wrong with it."""
    spec = load_with(arguments.file, arguments.set)
    from engine.data import report as data_report  # torch's seconds only where they are needed

    report = data_report(spec, arguments.file.resolve().parent)
    if arguments.json:
        print(json.dumps({**report.encode(), "source": spec.data.get("source", {})}))
    else:
        for column in report.columns.values():
            shape = " × ".join(map(str, ("N", *column.shape)))
            facts = f"{len(column.classes)} classes" if column.classes else _range(column.low, column.high)
            facts = column.extent() or facts
            missing = f", {column.missing} missing" if column.missing else ""
            print(f"{column.name:24} {column.kind:10} {shape:20} {column.dtype:9} {facts}{missing}")
        print(", ".join(f"{split} {count:,}" for split, count in report.splits.items()))
        for note in report.notes:
            print(note)
        for problem in report.problems:
            print(f"{arguments.file}: {problem}", file=sys.stderr)
    return 2 if report.problems else 0


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


def fault_words(error: Exception) -> str | None:
    """What the code of a Python node has raised, in a sentence; None where no such code was at work."""
    if "torch" not in sys.modules:  # without it no node has run
        return None
    from engine.python_node import fault_of

    fault = fault_of(error)
    if fault is None:
        return None
    return f"{fault.node}: {fault.message}" if fault.node else fault.message
