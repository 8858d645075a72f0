"""Fixes at work: the edit that a fix names, made where its node is defined, in a block too."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

from engine import block_edits, edit
from engine.dissolve import dissolve
from engine.expand import home
from engine.problem import Fix, Mistake
from engine.spec import Spec

EDITS: Mapping[str, Callable[..., Spec]] = {**edit.EDITS, **block_edits.EDITS, dissolve.__name__: dissolve}


def apply(spec: Spec, fix: Fix) -> Spec:
    """Run the edit that a fix names; a node such as "encoder/0/attn" is mended in its block, for all uses.

    Raises Mistake where this version has no such edit.
    """
    change = EDITS.get(fix.edit)
    known = inspect.signature(change).parameters if change else {}
    if change is None or not set(fix.arguments) <= set(known):
        raise Mistake(f"This version cannot do {fix.edit!r}.")
    arguments = dict(fix.arguments)
    block = ""
    if isinstance(arguments.get("node"), str):
        block, arguments["node"] = home(spec, arguments["node"])
    return block_edits.in_block(spec, block, lambda inner: change(inner, **arguments))
