"""Verbs on what there is: ops, templates, devices."""

from __future__ import annotations

import argparse
import json
import textwrap
from typing import Any

from engine.declare import Metric, Op, did_you_mean, show_value
from engine.examples import examples
from engine.ops import GROUPS, OPS
from engine.problem import Mistake

WIDTH = 100  # of running text, in letters


def ops(arguments: argparse.Namespace) -> int:
    """List all ops by group, or describe one."""
    if arguments.name is None:
        chosen = sorted(OPS.values(), key=lambda op: GROUPS.index(op.group))
    elif arguments.name in OPS:
        chosen = [OPS[arguments.name]]
    else:
        raise Mistake(f"There is no op {arguments.name!r}{did_you_mean(arguments.name, OPS)}.")
    if arguments.json:
        print(json.dumps([facts(op) for op in chosen], ensure_ascii=False))
    elif arguments.name:
        print(description(chosen[0]))
    else:
        group = ""
        for op in chosen:
            if op.group != group:
                group = op.group
                print(f"{group}:")
            print(f"  {op.__name__:22} {op.doc()}")
    return 0


def facts(op: type[Op]) -> dict[str, Any]:
    """An op as JSON."""
    measured: dict[str, Any] = {}
    if issubclass(op, Metric):
        measured = {"higher_is_better": op.higher_is_better, "range": list(op.range), "percent": op.percent}
    return {
        "op": op.__name__,
        "group": op.group,
        "doc": op.doc(),
        "details": op.details(),
        **measured,
        "torch": op.source_of(),
        "params": [
            {
                "name": each.name,
                "type": each.kind.name,
                "default": each.default,
                "doc": each.doc,
                "bounds": each.bounds.words(),
            }
            for each in op.params().values()
        ],
        "inputs": [
            {
                "name": each.name,
                "dtypes": list(each.port.dtypes),
                "axes": each.port.axes,
                "optional": each.optional,
                "list": each.list,
            }
            for each in op.input_ports().values()
        ],
        "outputs": list(op.output_ports()),
    }


def description(op: type[Op]) -> str:
    """An op as text: what it does, its params and its ports."""
    source = op.source_of()
    lines = [f"{op.__name__} ({op.group}{', ' + source if source else ''})", op.doc(), ""]
    for paragraph in op.details().splitlines():
        lines += textwrap.wrap(paragraph, WIDTH) or [""]
    lines += [""] * bool(op.details())
    for each in op.params().values():
        bounds = f"; {each.bounds.words()}" if each.bounds.words() else ""
        lines.append(f"  {each.name} = {show_value(each.default)}  ({each.kind.name}{bounds})")
        lines.append(f"      {each.doc}")
    for port in op.input_ports().values():
        marks = "".join((" (list)" * port.list, " (optional)" * port.optional))
        lines.append(f"  input {port.name}{marks}: {port.port.axes}, {' or '.join(port.port.dtypes)}")
    lines.extend(f"  output {name}" for name in op.output_ports())
    return "\n".join(lines)


def templates(arguments: argparse.Namespace) -> int:
    """List the examples."""
    found = [{"template": each.name, "about": each.about, "file": str(each.path)} for each in examples()]
    if arguments.json:
        print(json.dumps(found))
    else:
        for each in found:
            print(f"{each['template']:22} {each['about']}")
    return 0


def devices(arguments: argparse.Namespace) -> int:
    """List the devices."""
    from engine.devices import devices as list_devices  # torch's seconds only where they are needed

    found = [{"device": each.name, "description": each.description} for each in list_devices()]
    if arguments.json:
        print(json.dumps(found))
    else:
        for each in found:
            print(f"{each['device']:8} {each['description']}")
    return 0
