"""Splits that the data tells: by the time of its samples, or by a column that names the part."""

from __future__ import annotations

import numpy as np

from engine.data.moments import moment, moments_in
from engine.data.sources import PARTS, Array, Reader
from engine.declare import did_you_mean
from engine.ops.settings import Split
from engine.problem import Mistake

PLACES = {
    **dict.fromkeys(("train", "training", "fit"), 0),
    **dict.fromkeys(("validation", "validate", "val", "valid", "dev"), 1),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), 2),
}


def split_column(name: str, reader: Reader, rows: Array) -> Array:
    """The values of a column by which samples are shared out, one for each row."""
    where = "data.split.column"
    if name not in reader.columns:
        known = ", ".join(list(reader.columns)[:8])
        words = f"The data has no column {name!r}{did_you_mean(name, reader.columns)}; it has {known}"
        raise Mistake(f"{words}.", param=where)
    if reader.columns[name].kind not in ("category", "number", "date") or reader.columns[name].shape not in ((), (1,)):
        words = f"{name} has no single value a sample, so it cannot split; choose a column of classes or numbers."
        raise Mistake(words, param=where)
    return reader.fetch(rows, [name])[name].reshape(len(rows))


# -------------------------------------------------------------------------------------------------------- by time


def by_time(settings: Split, reader: Reader, rows: Array, own: Array) -> Array:
    """The part of each row, the latest in the test; -1 for what predicts moments of a later part."""
    first, last = _moments(settings, reader, rows)
    free = np.flatnonzero(own == 0)
    parts = own.copy()
    cuts = _cuts(settings, np.sort(first[free]), own)
    for place, cut in sorted(cuts.items()):
        parts[free[first[free] >= cut]] = place
    for place, cut in cuts.items():
        parts[free[(parts[free] < place) & (last[free] >= cut)]] = -1
    for place, text in ((1, settings.validation_from), (2, settings.test_from)):
        if text and place in cuts and not (parts == place).any():
            raise Mistake(f"No sample is of {PARTS[place]} from {text} on.", param=f"data.split.{PARTS[place]}_from")
    return parts


def _moments(settings: Split, reader: Reader, rows: Array) -> tuple[Array, Array]:
    """The first and the last moment that each row predicts; without a column, those of the source."""
    where = "data.split.column"
    if not settings.column:
        if reader.times is None:
            raise Mistake("Which column tells the time? Set column.", param=where)
        return reader.times[0][rows], reader.times[1][rows]
    values = split_column(settings.column, reader, rows)
    if reader.columns[settings.column].kind == "category":
        read = moments_in(list(reader.classes(settings.column)))
        if read is None:
            words = f"{settings.column} holds no times that are written alike, such as 2024-01-31"
            raise Mistake(f"{words}; choose another column.", param=where)
        values = np.where(values < 0, np.nan, read[values])
    values = values.astype(np.float64)
    if np.isnan(values).any():
        row = reader.where(int(rows[int(np.isnan(values).argmax())]))
        raise Mistake(f"{settings.column} tells no time in {row}; mend it or leave it out.", param=where)
    return values, values


def _cuts(settings: Split, moments: Array, own: Array) -> dict[int, float]:
    """Where each part beside train begins: as told, else so that it gets its share; equal moments stay together."""
    cuts: dict[int, float] = {}
    end = len(moments)
    for place in (2, 1):
        part = PARTS[place]
        told, share = getattr(settings, f"{part}_from"), getattr(settings, part)
        if (own == place).any():
            continue
        if told:
            found = moment(told, float(moments[0]), float(moments[-1])) if len(moments) else None
            if found is None:
                words = f"{part}_from is {told!r}; it must be a day, a moment or a number, such as 2011-01-01."
                raise Mistake(words, param=f"data.split.{part}_from")
            cuts[place] = found
            end = int(np.searchsorted(moments, found))
        elif share:
            end -= max(1, round(len(moments) * share))
            if end < 1:
                words = f"{len(moments)} samples are too few to share out; lower the shares or bring more data."
                raise Mistake(words, param=f"data.split.{part}")
            cuts[place] = float(moments[end])
    if 1 in cuts and 2 in cuts and cuts[1] >= cuts[2]:
        shared = not (settings.validation_from or settings.test_from)
        words = "Too many samples are of one moment; set validation_from and test_from." if shared else ""
        words = words or "Validation must begin before the test."
        raise Mistake(words, param="data.split.validation_from")
    return cuts


# ---------------------------------------------------------------------------------------------------------- given


def given(settings: Split, reader: Reader, rows: Array, own: Array) -> Array:
    """The part of each row, as the source or a column says."""
    if not settings.column:
        if reader.parts is None:
            words = "The data brings no parts of its own; set column to one that names the part of each sample."
            raise Mistake(words, param="data.split.column")
        return own
    values = split_column(settings.column, reader, rows)
    if reader.columns[settings.column].kind != "category":
        words = f"{settings.column} holds numbers; the column must name parts: {', '.join(PARTS)}."
        raise Mistake(words, param="data.split.column")
    names = list(reader.classes(settings.column))
    places = np.array([*(PLACES.get(each.strip().lower(), -2) for each in names), -2])
    parts = places[values]
    if (parts < 0).any():
        row = int((parts < 0).argmax())
        said = repr(names[int(values[row])]) if values[row] >= 0 else "nothing"
        words = f"{settings.column} says {said} in {reader.where(int(rows[row]))}; it must be {', '.join(PARTS)}"
        raise Mistake(f"{words} or a word like them.", param="data.split.column")
    return parts.astype(np.int8)
