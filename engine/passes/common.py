"""Common subexpressions: what several steps compute alike is computed once."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from engine.passes.dead import pruned
from engine.passes.facts import Gradients, is_pure, same_work, terminals, touched
from engine.program import Program, Ref, Step, replace_refs


def merge_common(program: Program) -> tuple[Program, tuple[str, ...]]:
    """Merge each pure step into an earlier one that does the same with the same inputs.

    In training a step through which a gradient passes stays: the gradients of two steps and that of one that does the
    work of both are rounded differently.
    """
    gradients, left_alone = Gradients(program), touched(program) | terminals(program)
    first: dict[Hashable, str] = {}
    merged: dict[str, str] = {}
    steps = []
    for step in program.steps:
        step = redirected(step, merged)
        if step.node not in left_alone and is_pure(step):
            twin = first.setdefault(same_work(step), step.node)
            if twin != step.node and not gradients.pass_through(step.node):
                merged[step.node] = twin
                continue
        steps.append(step)
    if not merged:
        return program, ()
    outputs = {node: _renamed(ref, merged) for node, ref in program.outputs.items()}
    words = tuple(f"{node} with {twin}" for node, twin in merged.items())
    return pruned(replace(program, steps=tuple(steps), outputs=outputs)), words


def redirected(step: Step, merged: dict[str, str]) -> Step:
    """Let a step take its inputs from the steps that others were merged into."""
    if not merged or not any(ref.node in merged for ref in step.refs()):
        return step
    kwargs = {name: replace_refs(value, lambda ref: _renamed(ref, merged)) for name, value in step.kwargs.items()}
    return replace(step, args=replace_refs(step.args, lambda ref: _renamed(ref, merged)), kwargs=kwargs)


def _renamed(ref: Ref, merged: dict[str, str]) -> Ref:
    return Ref(merged[ref.node], ref.port) if ref.node in merged else ref
