"""`--set PATH=VALUE`: any value of a spec, by its path."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.problem import Mistake
from engine.spec import Spec, load
from engine.values import with_value


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
    try:
        return with_value(spec, path, value)
    except Mistake as mistake:
        raise Mistake(f"--set {mistake.message}", param=mistake.param) from None
