"""Graph passes: each takes a program and returns a better one, with a sentence on what it did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from engine.program import Program

Pass = Callable[[Program], tuple[Program, str]]


def eliminate_dead_code(program: Program) -> tuple[Program, str]:
    """Drop steps and feeds that no loss, metric or output of the program needs."""
    live = {*program.losses, *program.metrics, *(ref.node for ref in program.outputs.values())}
    for step in reversed(program.steps):
        if step.node in live:
            live.update(ref.node for ref in step.refs())
    steps = tuple(step for step in program.steps if step.node in live)
    feeds = tuple(feed for feed in program.feeds if feed.node in live)
    names = [feed.node for feed in program.feeds] + [step.node for step in program.steps]
    gone = [name for name in names if name not in live]
    words = f"Dead-code elimination left out {', '.join(gone)}." if gone else ""
    return replace(program, steps=steps, feeds=feeds), words


PASSES: tuple[Pass, ...] = (eliminate_dead_code,)


def optimise(program: Program) -> tuple[Program, tuple[str, ...]]:
    """Run all passes; returns the program and a sentence for each pass that changed something."""
    notes = []
    for each in PASSES:
        program, words = each(program)
        if words:
            notes.append(words)
    return program, tuple(notes)
