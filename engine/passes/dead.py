"""Dead-code elimination: what no loss, metric or output needs is not computed."""

from __future__ import annotations

from dataclasses import replace

from engine.program import Program


def eliminate_dead_code(program: Program) -> tuple[Program, tuple[str, ...]]:
    """Drop steps and feeds that no loss, metric or output of the program needs; their weights stay in the module."""
    live = {*program.losses, *program.metrics, *(ref.node for ref in program.outputs.values())}
    used = set(program.outputs.values())
    for step in reversed(program.steps):
        if step.node in live:
            used.update(step.refs())
            live.update(ref.node for ref in step.refs())
    steps = tuple(step for step in program.steps if step.node in live)
    feeds = tuple(feed for feed in program.feeds if feed.ref in used)
    gone = [feed.node for feed in program.feeds if feed.node not in live]
    gone += [step.node for step in program.steps if step.node not in live]
    if len(feeds) == len(program.feeds) and len(steps) == len(program.steps):
        return program, ()
    return replace(program, steps=steps, feeds=feeds), tuple(dict.fromkeys(gone))


def pruned(program: Program) -> Program:
    """Return the program without dead code."""
    return eliminate_dead_code(program)[0]
