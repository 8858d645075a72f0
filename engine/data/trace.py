"""What the steps of a column do to one sample: its value before them and after each of them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.columns import Column
from engine.data import audio, steps, text
from engine.data.browse import TILE, heat, outline, shares, sound_shown
from engine.data.keys import Keys
from engine.data.made import Plan
from engine.data.prepare import plan
from engine.data.report import MOST_LETTERS, MOST_NUMBERS, png, shown_value
from engine.data.sources import Array, Reader, open_source, pixels
from engine.ops.source_audio import Resample
from engine.problem import Mistake
from engine.spec import Spec

FITTED_ON = 2000  # training samples that a preview learns from at most, so that it need not read all there are
MOST_KEPT = 32  # columns and steps for which what was learned is kept
MOST_TOKENS = 200  # of a text that are shown
FRAMES = frozenset(each.__name__ for each in audio.FRAMES)


@dataclass(frozen=True)
class _Learned:
    """A column's steps as they were learned for a preview, and what they were learned from."""

    fitted: Sequence[Mapping[str, Any]]
    samples: int
    there: int

    def note(self) -> str:
        if self.samples == self.there:
            return ""
        return f"Learned from {self.samples:,} of the {self.there:,} training samples; training learns from them all."


def trace(spec: Spec, folder: Path, column: str, place: int = 0, epoch: int | None = None) -> dict[str, Any]:
    """A training sample's value of a column as the source holds it and after each step, as JSON.

    `place` counts through the training samples, from the first again after the last. Random steps rest unless `epoch`
    says for which their draw is to be shown. Raises Mistake where the steps do not go together.
    """
    reader = open_source(spec, folder)
    if column not in reader.columns:
        raise Mistake(f"The data has no column {column!r}.")
    planned = plan(spec, reader, column)
    rows = shares(spec, reader)["train"]
    row = int(rows[place % len(rows)])
    value = reader.fetch(np.array([row]), [column])[column][0]
    learned = _learned(spec, reader, planned, rows)
    return {
        "column": column,
        "index": row,
        "where": reader.where(row),
        "stages": _stages(reader, planned, learned.fitted, value, _keys(spec, row, epoch)),
        "random": any(step.random for step in planned.steps),
        "note": learned.note(),
    }


def _learned(spec: Spec, reader: Reader, planned: Plan, rows: Array) -> _Learned:
    """Fit a column's steps on some of the training samples; kept with the reader until steps or split change."""
    key = (planned.raw.name, planned.steps, json.dumps(spec.data.get("split", {}), sort_keys=True), len(rows))
    kept: dict[Any, _Learned] = reader.__dict__.setdefault("_traced", {})
    if key not in kept:
        if planned.raw.kind == "audio":
            return _Learned(audio.fit(planned.steps), len(rows), len(rows))
        if len(kept) >= MOST_KEPT:
            kept.clear()
        some = _learned_from(planned, rows)
        read, faults = reader.read(some, planned.raw.name)
        values = np.delete(read, list(faults), axis=0)  # training leaves out what cannot be read too
        count = len(some) or len(rows)
        kept[key] = _Learned(_fit(planned, values, reader.white), count, len(rows))
    return kept[key]


def _learned_from(planned: Plan, rows: Array) -> Array:
    """The training samples that a column's steps are fitted on; none where no step learns anything."""
    if planned.raw.kind != "text" and not any(step.learns for step in planned.steps):
        return rows[:0]
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(FITTED_ON, len(rows))).astype(np.int64))]


def _fit(planned: Plan, training: Array, white: float) -> list[dict[str, Any]]:
    if planned.raw.kind == "text":
        return text.fit(planned.steps, planned.raw.name, [each for each in training if each is not None])
    return steps.fit(planned.steps, planned.raw, training, planned.numbers, white=white)


# ---------------------------------------------------------------------------------------------------------- stages


def _stages(
    reader: Reader, planned: Plan, fitted: Sequence[Mapping[str, Any]], value: Any, keys: Keys | None
) -> list[dict[str, Any]]:
    raw = planned.raw
    first = {"op": "", "value": _source_value(reader, raw, value)}
    if value is None:
        return [first]
    stages = [first]
    for count, step in enumerate(fitted, 1):
        match raw.kind:
            case "text":
                shown = tokens(fitted[:count], str(value))
            case "audio":
                shown = _sound_after(fitted[:count], value, keys)
            case _:
                shown = _shown(planned, _through(fitted[:count], value, keys))
        stages.append({"op": step["op"], "value": shown})
    return stages


def _source_value(reader: Reader, raw: Column, value: Any) -> dict[str, Any]:
    if value is None:
        return {"missing": True}
    match raw.kind:
        case "image":
            return _picture(pixels(value, reader.white))
        case "text":
            return {"text": str(value)[:MOST_LETTERS]}
        case "audio":
            return sound_shown(value)
        case "number" | "sequence":
            return _numbers(value, raw.parts)
    shown = shown_value(reader, raw, value)
    return shown if isinstance(shown, dict) else {"text": "" if shown is None else str(shown), "missing": shown is None}


def _keys(spec: Spec, row: int, epoch: int | None) -> Keys | None:
    """What random steps draw a sample's changes from in an epoch, the first being 1; None lets them rest."""
    if epoch is None:
        return None
    seed = spec.training.get("seed")
    return Keys(seed if isinstance(seed, int) else 0, epoch - 1, torch.tensor([row]))


def _through(fitted: Sequence[Mapping[str, Any]], value: Any, keys: Keys | None) -> Array:
    """One sample's value after fitted steps."""
    found: Array = steps.apply(fitted, torch.from_numpy(np.ascontiguousarray(value))[None], keys)[0].numpy()
    return found


def _shown(planned: Plan, value: Array) -> dict[str, Any]:
    """A value after some steps: a picture, the name of a class, or numbers."""
    if planned.raw.kind == "image" and value.ndim == len(planned.raw.shape) and value.shape[0] in (1, 3):
        return _picture(value)
    classes = planned.classes or planned.column.classes
    if value.dtype.kind in "iu" and value.ndim == 0 and classes:
        place = int(value)
        return {"text": classes[place] if 0 <= place < len(classes) else "none", "place": place}
    return _numbers(value, planned.raw.parts)


def _picture(value: Array) -> dict[str, Any]:
    low, high = float(np.min(value)), float(np.max(value))
    return {"png": png(value, TILE), "shape": list(value.shape), "range": [low, high]}


def _numbers(value: Any, parts: Sequence[str]) -> dict[str, Any]:
    """Numbers, with the names of the columns that they are joined from."""
    array = np.asarray(value, np.float64)
    listed = [float(each) if np.isfinite(each) else None for each in array.ravel()[:MOST_NUMBERS]]
    names = {"names": list(parts[:MOST_NUMBERS])} if array.shape == (len(parts),) else {}
    return {"numbers": listed, "shape": list(array.shape), **names}


def tokens(fitted: Sequence[Mapping[str, Any]], value: str) -> dict[str, Any]:
    """A text after some of its steps: its first tokens as they are spelled, and how many there are."""
    ids = text.apply(fitted, [value])[0][0].tolist()
    names = {number: token for token, number in text.vocabulary(fitted).items()}
    width = text.width(fitted)
    ids += [text.PAD] * ((width or 0) - len(ids))
    return {"tokens": [names.get(each, "?") for each in ids[:MOST_TOKENS]], "ids": ids[:MOST_TOKENS], "count": len(ids)}


def with_tokens(spec: Spec, folder: Path, page: dict[str, Any]) -> dict[str, Any]:
    """A page of samples with the tokens of their texts; a column whose steps are wrong has none."""
    reader = open_source(spec, folder)
    found = {}
    for name, column in reader.columns.items():
        if column.kind == "text":
            with contextlib.suppress(Mistake):
                planned = plan(spec, reader, name)
                found[name] = _learned(spec, reader, planned, shares(spec, reader)["train"]).fitted
    return {**page, "samples": [_tokenized(each, found) for each in page["samples"]]}


def _tokenized(sample: Mapping[str, Any], found: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    texts = {name: sample["values"].get(name) for name in found}
    cut = {name: tokens(found[name], value)["tokens"] for name, value in texts.items() if value is not None}
    return {**sample, "tokens": cut}


def _sound_after(fitted: Sequence[Mapping[str, Any]], found: audio.Sound, keys: Keys | None) -> dict[str, Any]:
    samples = audio.applied(fitted, found, keys)
    if any(step["op"] in FRAMES for step in fitted):
        return {"spectrum": heat(samples), "shape": list(samples.shape)}
    rate = next((each["params"]["rate"] for each in reversed(fitted) if each["op"] == Resample.__name__), found.rate)
    seconds = round(len(samples) / rate, 3)
    return {"seconds": seconds, "rate": rate, "channels": samples.shape[1] if samples.ndim > 1 else 1,
            "peaks": outline(samples), "shape": list(samples.shape)}  # fmt: skip
