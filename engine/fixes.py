"""Fixes at work: the edit that a fix names, made where its node is defined, in a block too."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping

from engine import block_edits, edit
from engine.blocks import PARAM
from engine.dissolve import dissolve
from engine.expand import home
from engine.problem import Fix, Mistake
from engine.spec import SLASH, Spec
from engine.trust import trust

EDITS: Mapping[str, Callable[..., Spec]] = {**edit.EDITS, **block_edits.EDITS, dissolve.__name__: dissolve}
IN_TURN = "in_turn"  # a fix of several edits: its "steps" are {"edit", "arguments"}, run one after the other
ACTIONS: Mapping[str, str] = {
    "trust_code": "This changes nothing in the project: read the code, then trust it in the window or with --trust."
}  # what a fix may name beside an edit -> what is said where it is asked for as one


def is_action(fix: Fix) -> bool:
    """Whether a fix is no edit of the project but something that the user does; `act` does it."""
    return fix.edit in ACTIONS


def act(fix: Fix) -> None:
    """Do what a fix names that is no edit, once the user has said so; the check tells what it changed.

    "trust_code" trusts the text that stands in its arguments. Raises Mistake where this version knows no such action,
    OSError where it cannot be written down.
    """
    if not is_action(fix) or not isinstance(fix.arguments.get("code"), str):
        raise Mistake(f"This version cannot do {fix.edit!r}.")
    trust(fix.arguments["code"])


def apply(spec: Spec, fix: Fix) -> Spec:
    """Run the edit that a fix names; a node such as "encoder/0/attn" is mended in its block, for all uses.

    Raises Mistake where this version has no such edit, or where the fix is an action.
    """
    if is_action(fix):
        raise Mistake(ACTIONS[fix.edit])
    if fix.edit == IN_TURN:
        return functools.reduce(apply, _steps(fix), spec)
    change = EDITS.get(fix.edit)
    known = inspect.signature(change).parameters if change else {}
    if change is None or not set(fix.arguments) <= set(known):
        raise Mistake(f"This version cannot do {fix.edit!r}.")
    arguments = dict(fix.arguments)
    if isinstance(arguments.get("node"), str) and fix.edit == edit.set_param.__name__:
        arguments["node"], arguments["name"] = _settable(spec, arguments["node"], str(arguments.get("name")))
    block = ""
    if isinstance(arguments.get("node"), str):
        block, arguments["node"] = home(spec, arguments["node"])
    return block_edits.in_block(spec, block, lambda inner: change(inner, **arguments))


def _steps(fix: Fix) -> list[Fix]:
    steps = fix.arguments.get("steps")
    if not isinstance(steps, list) or not all(isinstance(each, Mapping) and "edit" in each for each in steps):
        raise Mistake(f"This version cannot do {fix.edit!r}.")
    return [Fix(fix.text, str(each["edit"]), each.get("arguments", {})) for each in steps]


def _settable(spec: Spec, path: str, name: str) -> tuple[str, str]:
    """Where a param is set: at the use of a block where the node inside takes it from the block as it is."""
    block, node = home(spec, path)
    nodes = spec.blocks[block].nodes if block else spec.nodes
    value = nodes[node].params.get(name) if node in nodes else None
    use = path.rsplit(SLASH, 2)[0]
    if block and use != path and isinstance(value, Mapping) and isinstance(value.get(PARAM), str):
        return _settable(spec, use, value[PARAM])
    return path, name
