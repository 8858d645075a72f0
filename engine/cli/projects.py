"""Verbs on project files: new, check, data, export."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from engine import spec as specs
from engine.cli.overrides import load_with
from engine.examples import find_example
from engine.problem import Mistake
from engine.spec import Spec
from engine.train.folder import Run
from engine.trust import trust_spec


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
    from engine.check import check as check_spec  # torch's seconds only where they are needed

    report = check_spec(spec, arguments.file.resolve().parent)
    if arguments.json:
        print(json.dumps(report.encode()))
    else:
        for node_id in spec.nodes:
            if node_id in report.nodes:
                node = report.nodes[node_id]
                shapes = ", ".join(f"{tensor} {tensor.dtype}" for tensor in node.outputs.values())
                print(f"{node_id:24} {spec.nodes[node_id].op:20} {shapes:36} {node.parameters or '':>12}")
        frozen = f", {report.frozen:,} of them frozen" if report.frozen else ""
        print(f"{len(spec.nodes)} nodes, {report.parameters:,} parameters{frozen}")
        for problem in report.problems:
            print(f"{arguments.file}: {problem}", file=sys.stderr)
    return 2 if report.problems else 0


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
