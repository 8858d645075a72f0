"""Brings the JSON of older project files up to the present format, one pure step a version."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.problem import Mistake

FORMAT = 1

# STEPS[i] turns a file of format i + 1 into one of format i + 2.
STEPS: list[Callable[[dict[str, Any]], dict[str, Any]]] = []


def migrate(data: dict[str, Any]) -> dict[str, Any]:
    """Return `data` in the present format; raises Mistake for a newer or an unknown one."""
    version = data.get("format")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise Mistake('This is no Netloom project: it has no "format" number.', param="format")
    if version > FORMAT:
        raise Mistake(
            f"This project is of format {version}, and this Netloom reads up to {FORMAT}; "
            "open it with a newer Netloom.",
            param="format",
        )
    for step in STEPS[version - 1 :]:
        data = step(data)
    return {**data, "format": FORMAT}
