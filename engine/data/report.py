"""What the window shows of the data: columns, sizes of the splits, first samples, problems."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from engine.columns import Column, DataReport, day_text
from engine.data import audio, boxes, masks, sequences
from engine.data.made import Plan
from engine.data.prepare import bound_columns, complete_rows, labels_of, plan, refuse_dates, split_notes
from engine.data.sources import Array, Reader, left_out, open_source, pixels, reading, unreadable
from engine.data.splits import counted, split, split_of
from engine.ops.source import Source
from engine.problem import Mistake, Problem
from engine.spec import Spec

SHOWN = 48  # samples of a report
MOST_LETTERS = 400  # of a text that are shown
MOST_NUMBERS = 64  # of a sample that are shown
THUMBNAIL = 96  # pixels, the longer side of an image at most
T = TypeVar("T")


def report(spec: Spec, folder: Path, samples: int = SHOWN) -> DataReport:
    """Describe the data of a spec for people. The user's mistakes are inside, never raised."""
    section = spec.data.get("source")
    kind = str(section.get("kind", "")) if isinstance(section, Mapping) else ""
    problems = list(_param_problems(section))
    reader = None if problems else _tried(problems, lambda: open_source(spec, folder))
    if reader is None:
        return DataReport(kind, problems=tuple(problems))
    plans = {}
    for name in reader.columns:
        found = _tried(problems, lambda name=name: plan(spec, reader, name))  # type: ignore[misc]  # bound at once
        plans[name] = found or Plan(reader.described(name), (), reader.described(name))
    bound = bound_columns(spec, reader)
    _tried(problems, lambda: refuse_dates(spec, [plans[name] for name in bound]))
    needed = bound or watched(reader)
    chosen = _tried(problems, lambda: complete_rows(spec, reader, [plans[name] for name in needed]))
    splits: dict[str, int] = {}
    notes = reader.notes
    columns = {name: each.column for name, each in plans.items()}
    if chosen is not None:
        rows, lost = chosen
        settled = _tried(problems, lambda: _settled(spec, reader, rows))
        splits, further = settled or ({}, ())
        notes = (*notes, *lost, *further)
        if settled:
            columns |= _tried(problems, lambda: dict(_learned(spec, reader, rows, plans))) or {}
    shown, faults = _tried(problems, lambda: _samples(reader, samples)) or ((), ())
    return DataReport(kind, columns, splits, shown, tuple(problems), (*notes, *faults), reader.target)


def _param_problems(section: Any) -> list[Problem]:
    """Every wrong param of the source, not just the first."""
    if not isinstance(section, Mapping) or str(section.get("kind")) not in Source.registry:
        return []
    params = section.get("params", {})
    found = Source.registry[str(section["kind"])].parse(params if isinstance(params, Mapping) else {})[1]
    return [Problem(each.message, None, f"data.source.params.{each.param}") for each in found]


def _tried(problems: list[Problem], work: Callable[[], T]) -> T | None:
    """Do a part of the work; where the user's mistake stops it, note the problem and return None."""
    try:
        with reading(Path()):
            return work()
    except Mistake as mistake:
        problems.append(mistake.problem())
    except MemoryError:
        problems.append(Problem("The data does not fit into memory; choose less of it.", None, "data.source"))
    return None


def watched(reader: Reader) -> list[str]:
    """The columns that a graph is most likely bound to."""
    joined = [name for name, column in reader.columns.items() if column.parts]
    target = [reader.target] if reader.target in reader.columns else []
    return [*joined, *target] or list(reader.columns)


def _settled(spec: Spec, reader: Reader, rows: Array) -> tuple[dict[str, int], tuple[str, ...]]:
    settings = split_of(spec)
    labels = labels_of(spec, reader, rows) if settings.stratify else None
    counts = counted(settings, reader, rows, labels)
    notes = split_notes(counts, reader, rows, labels)
    return {part: count * reader.copies for part, count in counts.items()}, notes


def _learned(spec: Spec, reader: Reader, rows: Array, plans: Mapping[str, Plan]) -> Iterator[tuple[str, Column]]:
    """Yield the text columns with what their steps learn from the training split; what was learned last is kept."""
    texts = [each for each in plans.values() if each.raw.kind == "text" and each.steps]
    if not texts:
        return
    settings = split_of(spec)
    kept: dict[Any, Column] = reader.__dict__.setdefault("_learned", {})
    training = None
    for each in texts:
        key = (each.raw.name, each.steps, settings, len(rows))
        if key not in kept:
            if training is None:
                labels = labels_of(spec, reader, rows) if settings.stratify else None
                training = split(settings, reader, rows, labels)["train"]
            samples = reader.fetch(training, [each.raw.name])[each.raw.name]
            kept[key] = sequences.learned(each.column, each.steps, samples[samples != None])  # noqa: E711  # each of them
        yield each.raw.name, kept[key]


# --------------------------------------------------------------------------------------------------------- samples


def _samples(reader: Reader, count: int) -> tuple[tuple[dict[str, Any], ...], tuple[str, ...]]:
    """The first samples for people, and a note on those that cannot be read."""
    indices = reader.preview(count)
    shown, faults = {}, dict[int, str]()
    for name, column in reader.columns.items():
        shown[name], failed = shown_values(reader, column, indices)
        faults |= failed
    if faults and len(faults) == len(indices):
        raise unreadable(faults)
    samples = tuple({name: each[place] for name, each in shown.items()} for place in range(len(indices)))
    return samples, left_out([faults[place] for place in sorted(faults)], "sample")


def shown_values(reader: Reader, column: Column, indices: Array) -> tuple[list[Any], dict[int, str]]:
    """A column's values at some rows as JSON, null for one that cannot be read; also what is wrong with those."""
    values, faults = reader.read(indices, column.name)
    values = pixels(values, reader.white) if column.kind == "image" else values
    return [None if place in faults else shown_value(reader, column, each) for place, each in enumerate(values)], faults


def shown_value(reader: Reader, column: Column, value: Any) -> Any:
    """One sample's value as JSON: a class's name, an image as {"png": base64 text}, numbers, null for missing.

    Boxes are {"boxes": [[x1, y1, x2, y2], ...], "labels": [names], "height": ..., "width": ...}, in pixels of an image
    of that size.
    """
    if column.kind == "category":
        return reader.class_words(column.name, int(value)) if value >= 0 else None
    if column.kind == "text":
        return None if value is None else str(value)[:MOST_LETTERS]
    if column.kind == "audio":
        return None if value is None else audio.thumbnail(value)
    if column.kind == "sequence" and value is None:
        return None
    if column.kind == "date":
        return None if np.isnan(value).any() else day_text(float(np.ravel(value)[0]))
    if column.kind == "image":
        return {"png": png(value)}
    if column.kind == "mask":
        return {"png": _written(masks.coloured(value))}
    if column.kind == "boxes":
        return boxes.shown(value, column.classes, reader.columns[column.follows].sizes[1:])
    if np.size(value) > MOST_NUMBERS:
        shape = np.shape(value) if column.kind == "sequence" else column.shape
        return f"{' × '.join(map(str, shape))} numbers"
    if np.asarray(value).dtype.kind != "f":
        return np.asarray(value).tolist()
    numbers = [None if np.isnan(each) else float(each) for each in np.asarray(value, np.float64).ravel()]
    return numbers[0] if column.shape in ((), (1,)) else numbers


def png(pixels: Array, longest: int = THUMBNAIL) -> str:
    """Write an image (channels, height, width) as base64 text of a PNG; pixels beyond 0..1 are brought into it.

    It is made smaller where its longer side has more than `longest` pixels.
    """
    from PIL import Image  # takes a moment to import

    low, high = min(0.0, float(np.nanmin(pixels, initial=0))), max(1.0, float(np.nanmax(pixels, initial=1)))
    scaled = np.nan_to_num((pixels - low) / (high - low) * 255).round().astype(np.uint8)
    return _written(Image.fromarray(scaled[0] if len(scaled) == 1 else scaled.transpose(1, 2, 0)), longest)


def _written(image: Any, longest: int = THUMBNAIL) -> str:
    """Write a Pillow image, made small, as base64 text of a PNG."""
    image.thumbnail((longest, longest))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()
