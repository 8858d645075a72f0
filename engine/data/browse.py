"""Looking at samples: pages of them by split and class, one of them closely, and the sound of one."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.columns import Column
from engine.data import audio
from engine.data.prepare import bound_columns, complete_rows, labels_of, plan
from engine.data.report import png, shown_value, watched
from engine.data.sources import Array, Reader, open_source, pixels
from engine.data.splits import split, split_of
from engine.declare import did_you_mean
from engine.problem import Mistake
from engine.spec import Spec

PAGE = 60  # samples of a page, unless more or fewer are asked for
TILE, LARGE = 144, 1024  # pixels, the longer side of an image at most: in a page, and looked at closely
LETTERS = 20_000  # of a text that is looked at closely
OUTLINE = 600  # parts of a sound's outline that is looked at closely
FRAME = 512  # samples of a frame of the spectrum that is shown
MIXED = 0  # start of the draw that mixes classes
MOST_SECONDS = 60  # of a sound that is played
# The colours of a spectrum from silence to its loudest, between which the others lie.
HEAT = np.array([(12, 8, 38), (81, 18, 124), (183, 55, 121), (252, 137, 97), (252, 253, 191)], np.float64)


def browse(
    spec: Spec, folder: Path, part: str = "", cls: str = "", start: int = 0, count: int = PAGE
) -> dict[str, Any]:
    """A page of the samples of a part ("" for all) and of a class of the target ("" for all), as JSON.

    Returns how many samples there are of them, and of each in the page its index, its name and its values.
    """
    reader = open_source(spec, folder)
    rows = chosen(spec, reader, part, cls)
    page = rows[max(0, start) : max(0, start) + count]
    return {"total": len(rows), "start": start, "samples": _page(reader, page)}


def chosen(spec: Spec, reader: Reader, part: str, cls: str) -> Array:
    """The samples of a part and a class, "" for all of them; all classes come mixed where they lie one by one.

    What was chosen last is kept with the reader, for its pages are asked for one after the other.
    """
    key = (part, cls, _sharing(spec, reader))
    kept: dict[Any, Array] = reader.__dict__.setdefault("_chosen", {})
    if key not in kept:
        kept.clear()
        kept[key] = _chosen(spec, reader, part, cls)
    return kept[key]


def _sharing(spec: Spec, reader: Reader) -> str:
    """What the sharing out of the samples, and their classes, depend on."""
    return json.dumps([bound_columns(spec, reader), spec.data.get("columns"), spec.data.get("split")], sort_keys=True)


def _chosen(spec: Spec, reader: Reader, part: str, cls: str) -> Array:
    rows = np.arange(len(reader)) if not part else shares(spec, reader).get(part, np.empty(0, np.int64))
    if not cls:
        return np.random.default_rng(MIXED).permutation(rows) if reader.by_class else rows
    classes = target_classes(spec, reader)
    if cls not in classes:
        raise Mistake(f"The data has no class {cls!r}{did_you_mean(cls, classes)}.")
    if reader.columns[reader.target].kind == "boxes":
        return rows[_with_boxes_of(reader, rows, cls)]
    of_class: Array = rows[_places(spec, reader)[rows] == list(classes).index(cls)]
    return of_class


def shares(spec: Spec, reader: Reader) -> Mapping[str, Array]:
    """The samples of each part as training gets them; kept with the reader until a setting changes them."""
    key = _sharing(spec, reader)
    kept: dict[str, Mapping[str, Array]] = reader.__dict__.setdefault("_shares", {})
    if key not in kept:
        settings, bound = split_of(spec), bound_columns(spec, reader) or watched(reader)
        rows, _notes = complete_rows(spec, reader, [plan(spec, reader, name) for name in bound])
        labels = labels_of(spec, reader, rows) if settings.stratify else None
        kept.clear()
        kept[key] = split(settings, reader, rows, labels)
    return kept[key]


def target_classes(spec: Spec, reader: Reader) -> Sequence[str]:
    """The classes of the column to predict, none where it has none."""
    if reader.target not in reader.columns:
        return ()
    column = reader.columns[reader.target]
    if column.kind == "boxes":
        return column.classes
    return plan(spec, reader, reader.target).classes if column.kind in ("category", "number") else ()


def _with_boxes_of(reader: Reader, rows: Array, cls: str) -> Array:
    """Which of the samples have a box of a class."""
    column = reader.columns[reader.target]
    values = reader.fetch(rows, [column.name])[column.name]
    return np.array([cls in shown_value(reader, column, each)["labels"] for each in values], bool)


def _places(spec: Spec, reader: Reader) -> Array:
    """The place of each sample's class among the classes of the target."""
    values = reader.held(reader.target)
    if values is None:
        values = reader.fetch(np.arange(len(reader)), [reader.target])[reader.target]
    numbers = plan(spec, reader, reader.target).numbers
    return values.reshape(len(values)) if numbers is None else np.searchsorted(numbers, values.reshape(len(values)))


# --------------------------------------------------------------------------------------------------------- samples


def _page(reader: Reader, rows: Array) -> list[dict[str, Any]]:
    """The samples at these rows; one that cannot be read says why, and does not hide the others."""
    read = {name: reader.read(rows, name) for name in reader.columns}
    return [_sample(reader, int(row), place, read) for place, row in enumerate(rows)]


def _sample(reader: Reader, row: int, place: int, read: Mapping[str, tuple[Array, dict[int, str]]]) -> dict[str, Any]:
    """A sample of a page by its place in what was read."""
    shown = {
        name: _shown(reader, reader.columns[name], values[place], TILE)
        for name, (values, faults) in read.items()
        if place not in faults
    }
    faults = [faults[place] for _values, faults in read.values() if place in faults]
    return {"index": row, "where": reader.where(row), "values": shown} | ({"error": faults[0]} if faults else {})


def _shown(reader: Reader, column: Column, value: Any, longest: int) -> Any:
    if column.kind == "image":
        return {"png": png(pixels(value, reader.white), longest)}
    return shown_value(reader, column, value)


def look(spec: Spec, folder: Path, index: int) -> dict[str, Any]:
    """One sample as large as it is worth showing, with its facts as pairs of a name and words."""
    reader = open_source(spec, folder)
    _refuse_index(reader, index)
    values = {name: each[0] for name, each in reader.fetch(np.array([index]), list(reader.columns)).items()}
    shown = {name: _close(reader, reader.columns[name], value) for name, value in values.items()}
    return {"index": index, "where": reader.where(index), "values": shown, "facts": _facts(spec, reader, index)}


def _refuse_index(reader: Reader, index: int) -> None:
    if not 0 <= index < len(reader):
        raise Mistake(f"There is no sample {index + 1}; the data has {len(reader):,}.")


def _close(reader: Reader, column: Column, value: Any) -> Any:
    if column.kind == "text" and value is not None:
        return str(value)[:LETTERS]
    if column.kind == "audio" and value is not None:
        return sound_shown(value)
    return _shown(reader, column, value, LARGE)


def _facts(spec: Spec, reader: Reader, index: int) -> list[list[str]]:
    facts = [["Sample", f"{index + 1:,} of {len(reader):,}"], ["From", reader.where(index)]]
    try:
        parts = [part for part, rows in shares(spec, reader).items() if (rows == index).any()]
        facts.append(["Split", parts[0] if parts else "none, it is left out"])
    except Mistake:
        pass  # how samples are shared out is not known yet, and the data panel says why
    facts += [
        [each.name, f"{' × '.join(map(str, each.shape))} as the network gets it"]
        for each in reader.columns.values()
        if each.kind == "image"
    ]
    size = next((_size_of_file(each) for each in _files_of(reader, index)), "")
    return [*facts, ["Size of the file", size]] if size else facts


def _files_of(reader: Reader, index: int) -> Iterator[str]:
    """The file of a sample's image, where it has one."""
    for name, column in reader.columns.items():
        files = reader.files(name) if column.kind == "image" else ()
        if files and isinstance(files[index], Path):
            yield str(files[index])


def _size_of_file(where: str) -> str:
    """Width and height of an image file, "" for what is none."""
    from PIL import Image, UnidentifiedImageError  # takes a moment to import

    try:
        with Image.open(where) as image:
            return f"{image.width} × {image.height} pixels"
    except (OSError, ValueError, UnidentifiedImageError, Image.DecompressionBombError):
        return ""


# ---------------------------------------------------------------------------------------------------------- sounds


def sound(spec: Spec, folder: Path, column: str, index: int) -> dict[str, Any]:
    """The sound of a sample to be played: its rate, its channels, and base64 text of 16-bit numbers, channels mixed."""
    reader = open_source(spec, folder)
    _refuse_index(reader, index)
    if column not in reader.columns or reader.columns[column].kind != "audio":
        raise Mistake(f"{column} holds no sounds.")
    found = reader.fetch(np.array([index]), [column])[column][0]
    if found is None:
        raise Mistake(f"The sound of {reader.where(index)} cannot be read.")
    samples = found.samples[: MOST_SECONDS * found.rate]
    numbers = (np.clip(samples, -1, 1) * 32767).astype("<i2")
    return {"rate": found.rate, "channels": samples.shape[1], "pcm": base64.b64encode(numbers.tobytes()).decode()}


def sound_shown(found: audio.Sound) -> dict[str, Any]:
    """A sound with the outline of its wave and its spectrum."""
    mono = audio.Sound(found.samples.mean(axis=1, keepdims=True), found.rate)
    hop = max(FRAME // 4, len(mono.samples) // LARGE)
    params = {"n_fft": FRAME, "hop_length": hop, "window": "hann", "log": True}
    frames = audio.applied([{"op": "Spectrogram", "params": params, "state": {}}], mono)
    return {**audio.thumbnail(found), "peaks": outline(found.samples), "spectrum": heat(frames)}


def outline(samples: Array, parts: int = OUTLINE) -> list[float]:
    """How far a wave (time, channels) swings in each part of its time."""
    swing = np.abs(samples).reshape(len(samples), -1).max(axis=1)
    return [round(float(each.max()), 3) for each in np.array_split(swing, min(parts, len(swing)))]


def heat(frames: Array) -> str:
    """Frames (time, bands) as base64 text of a PNG, time to the right, the lowest band at the bottom."""
    bands = np.nan_to_num(frames.T[::-1].astype(np.float64))
    low, high = np.quantile(bands, 0.05), bands.max()
    shares_ = ((bands - low) / max(high - low, 1e-12)).clip(0, 1) * (len(HEAT) - 1)
    channels = [np.interp(shares_, np.arange(len(HEAT)), HEAT[:, channel]) for channel in range(3)]
    return png(np.stack(channels) / 255, LARGE)
