"""Days and moments as numbers: days since 1970, read from the ways in which tables write them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from engine.data import tablefile
from engine.data.sources import Array
from engine.problem import Mistake

FORMATS = (
    *("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H", "%Y-%m-%d", "%Y-%m"),
    *("%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d", "%Y/%m", "%Y%m%d"),
    *("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y"),
    *("%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y"),
    *("%d-%m-%Y", "%b %Y", "%b %d %Y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b-%Y"),
)
DAY_S = 86_400
PARTS = ("year", "month", "day", "hour", "minute", "second")


def moments_in(texts: Sequence[str | None]) -> Array | None:
    """Read texts that are all written in one way as days since 1970, NaN for none; None where they are no moments."""
    known = [each for each in texts if each is not None]
    for form in FORMATS:
        if known and _days(known[0], form) is not None and not math.isnan(_days(known[-1], form) or math.nan):
            read = {each: _days(each, form) for each in set(known)}
            if None not in read.values():
                return np.array([math.nan if each is None else read[each] for each in texts], np.float64)
    return None


def _days(text: str, form: str) -> float | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp() / DAY_S
    except ValueError:
        return None


def moments(column: Any) -> Array | None:
    """A column of a table as moments in order: days since 1970, or its own numbers; None where it is neither."""
    if tablefile.is_numeric(column.type) or tablefile.is_time(column.type):
        return tablefile.numbers(column)
    if not tablefile.is_text(column.type) or str(column.type) == "bool":
        return None
    return moments_in(tablefile.texts(column).to_pylist())


def together(columns: Mapping[str, Array]) -> Array:
    """Put columns of year, month, day, hour, minute and second together to days since 1970."""
    named = {name.lower(): values for name, values in columns.items()}
    year, month = named["year"], named.get("month", np.ones(1))
    lacks = np.isnan(year) | np.isnan(month)
    months = np.where(lacks, 0, (year - 1970) * 12 + month - 1).astype(np.int64)
    days = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64).astype(np.float64)
    days[lacks] = np.nan
    for part, parts_a_day, first in (("day", 1, 1), ("hour", 24, 0), ("minute", 1440, 0), ("second", DAY_S, 0)):
        if part in named:
            days = days + (named[part] - first) / parts_a_day
    return days


def sample(value: Any, name: str) -> Array:
    """One date that is to be predicted for, as text or as days since 1970; raises Mistake where it is neither."""
    if value is None or isinstance(value, int | float):
        return np.full(1, math.nan if value is None else float(value))
    if isinstance(value, date):  # as Parquet has them
        whole = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day, tzinfo=UTC)
        return np.full(1, whole.replace(tzinfo=whole.tzinfo or UTC).timestamp() / DAY_S)
    found = moment(str(value))
    if found is None:
        raise Mistake(f"{name} is {str(value)[:60]!r}; it must be a day or a moment, such as 2024-01-31.")
    return np.full(1, found)


def moment(text: str, lowest: float = -math.inf, highest: float = math.inf) -> float | None:
    """One moment that a user has typed: a number as it is, a day or time as days since 1970; None for neither.

    A year stands for its first day where, as a number, it does not lie among moments from `lowest` to `highest`.
    """
    text = text.strip()
    year = len(text) == 4 and text.isdecimal() and not lowest <= float(text) <= highest
    if tablefile.is_number(text) and not year:
        return float(text)
    found = moments_in([f"{text}-01" if year else text])
    return None if found is None else float(found[0])
