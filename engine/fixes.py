"""Fixes at work: the edit that a fix names, made where its node is defined, in a block too."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

from engine import block_edits, edit
from engine.dissolve import dissolve
from engine.expand import home
from engine.problem import Fix, Mistake
from engine.spec import Spec
from engine.trust import trust

EDITS: Mapping[str, Callable[..., Spec]] = {**edit.EDITS, **block_edits.EDITS, dissolve.__name__: dissolve}
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
    change = EDITS.get(fix.edit)
    known = inspect.signature(change).parameters if change else {}
    if change is None or not set(fix.arguments) <= set(known):
        raise Mistake(f"This version cannot do {fix.edit!r}.")
    arguments = dict(fix.arguments)
    block = ""
    if isinstance(arguments.get("node"), str):
        block, arguments["node"] = home(spec, arguments["node"])
    return block_edits.in_block(spec, block, lambda inner: change(inner, **arguments))
