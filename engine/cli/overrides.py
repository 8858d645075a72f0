"""`--set PATH=VALUE`: any value of a spec, by its path."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine import edit
from engine.declare import did_you_mean
from engine.problem import Mistake
from engine.spec import Spec, load


def load_with(path: Path, overrides: Sequence[str]) -> Spec:
    """Load a project file and override values of it."""
    spec = load(path)
    for override in overrides:
        spec = overridden(spec, override)
    return spec


def overridden(spec: Spec, override: str) -> Spec:
    """Apply one PATH=VALUE; a value that is no JSON is text."""
    path, equals, text = override.partition("=")
    if not equals:
        raise Mistake(f"--set {override}: write PATH=VALUE, such as training.epochs=5.")
    try:
        value: Any = json.loads(text)
    except ValueError:
        value = text
    if not path.startswith("nodes."):
        return edit.set_setting(spec, path, value)
    _, node, *rest = path.split(".")
    if node not in spec.nodes:
        raise Mistake(f"--set {path}: there is no node {node!r}{did_you_mean(node, spec.nodes)}.")
    match rest:
        case ["params", name]:
            return edit.set_param(spec, node, name, value)
        case ["factor"]:
            return edit.set_factor(spec, node, value)
        case ["decode"]:
            return edit.set_decode(spec, node, value)
        case ["weights", "init", *tensor] if tensor:
            return edit.set_init(spec, node, ".".join(tensor), value)
        case ["weights", name]:
            return edit.set_weights(spec, node, name, value)
    known = "params.NAME, factor, decode, weights.NAME and weights.init.TENSOR"
    raise Mistake(f"--set {path}: of a node, {known} can be set.")
