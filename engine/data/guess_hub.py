"""What a data set of the Hugging Face hub looks like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.data.guessing import TARGETS, Guess, offer
from engine.data.hubfiles import splits_of
from engine.ops.source_hub import HubDataset
from engine.problem import Mistake

KIND = HubDataset.__name__


def hub_guesses(name: str) -> Iterator[Guess]:
    """A guess for a set of the hub, one for each of its configs where it has several and no default."""
    source, problems = HubDataset.parse({"name": name})
    if source is None:
        raise Mistake(problems[0].message, param="data.source.params.name")
    try:
        splits = splits_of(source, Path())[0]
    except Mistake as mistake:
        if mistake.param != "data.source.params.config":
            raise
        for fix in mistake.fixes:
            config = fix.arguments["value"]
            yield offer(KIND, {"name": name, "config": config}, f"{config}, one of the sets of {name} on the hub")
        return
    first = next(iter(splits.values()))
    target = _target(first.features)
    counts = ", ".join(f"{split} {len(each):,}" for split, each in splits.items())
    missing = {"missing": "drop rows"} if _lacks(first) else {}
    words = f"a data set of the Hugging Face hub ({counts})" + (f"; {target} may be what to predict" if target else "")
    yield offer(KIND, {"name": name, "target": target, **missing}, words)


def _target(features: Mapping[str, Any]) -> str:
    """The column that is likeliest to be predicted: of classes, or named like one; "" where none stands out."""
    classes = [name for name, feature in features.items() if hasattr(feature, "names")]
    named = [name for name in features if name.lower() in TARGETS]
    return next((each for each in (*[name for name in classes if name in named], *classes, *named)), "")


def _lacks(split: Any) -> bool:
    """Whether a column of single values lacks some."""
    plain = [name for name, feature in split.features.items() if type(feature).__name__ in ("Value", "ClassLabel")]
    return any(split.data.column(name).null_count for name in plain)
