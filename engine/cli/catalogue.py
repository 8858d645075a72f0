"""Verbs on what there is: all that is declared, templates, devices."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from itertools import groupby

from engine.catalogue import Outputs, describe, everything, example_spec, facts, find, heading
from engine.declare import Op
from engine.examples import examples


def ops(arguments: argparse.Namespace) -> int:
    """List all that is declared, describe one, or write the reference."""
    chosen = everything() if arguments.name is None else find(arguments.name)
    if arguments.html is not None:
        from engine.reference import page  # only here is it needed
        from engine.spec import write_atomically

        text = page(_ran())
        write_atomically(arguments.html, lambda stream: stream.write(text.encode()))
        print(arguments.html)
    elif arguments.json:
        print(json.dumps([facts(each) for each in chosen], ensure_ascii=False))
    elif arguments.name:
        ran = _ran() if any(issubclass(each, Op) for each in chosen) else None
        texts = [describe(each, ran(each) if ran is not None and issubclass(each, Op) else None) for each in chosen]
        print("\n\n".join(texts))
    else:
        for title, members in groupby(chosen, heading):
            print(title)
            for each in members:
                print(f"  {each.__name__:28} {each.doc()}")
    return 0


def _ran() -> Callable[[type[Op]], Outputs | None]:
    """Return what tells the outputs of an op's example, found by the check."""
    from engine.check import Checker  # torch's seconds only where they are needed

    checker = Checker()

    def ran(op: type[Op]) -> Outputs | None:
        made = example_spec(op)
        if made is None:
            return None
        spec, node = made
        report = checker.check(spec)
        return report.nodes[node].outputs if node in report.nodes else None

    return ran


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
