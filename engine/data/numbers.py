"""Steps that change numbers, categories and dates: what each makes of a batch of values, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.problem import Mistake

Params = Mapping[str, Any]
State = Mapping[str, Any]
Change = Callable[[Tensor, Params, State], Tensor]
Array = NDArray[Any]

MONTHS = 12
DAYS_OF_MONTH = 31
DAYS_OF_WEEK = 7
HOURS = 24
DAYS_OF_YEAR = 365.25
MONDAY = 3  # days from the Monday before to the first of January 1970, a Thursday


class Unfit(Mistake):  # a user's mistake found in one sample
    """A value that a step cannot take; `place` tells where in the batch its sample stands."""

    def __init__(self, message: str, place: int) -> None:
        super().__init__(message)
        self.place = place


def _like(numbers: Any, values: Tensor) -> Tensor:
    return torch.as_tensor(numbers, dtype=values.dtype, device=values.device)


def _first(wrong: Tensor) -> int:
    """The first sample with something wrong in it."""
    return (
        int(wrong.flatten(1).any(1).to(torch.int8).argmax()) if wrong.ndim > 1 else int(wrong.to(torch.int8).argmax())
    )


# --------------------------------------------------------------------------------------------------------- numbers


def _standardized(values: Tensor, _params: Params, state: State) -> Tensor:
    return (values - _like(state["mean"], values)) / _like(state["deviation"], values)


def _in_range(values: Tensor, params: Params, state: State) -> Tensor:
    low, high = float(params["low"]), float(params["high"])
    return (values - _like(state["least"], values)) / _like(state["range"], values) * (high - low) + low


def _scaled(values: Tensor, params: Params, _state: State) -> Tensor:
    return values * _like(params["factor"], values) + _like(params["offset"], values)


def _logarithm(values: Tensor, params: Params, state: State) -> Tensor:
    moved = values + float(params["offset"])
    none = moved <= 0
    if none.any():
        place = _first(none)
        value = values[place][none[place]].flatten()[0].item()
        words = f"{state['column']} is {value:g}, and Log takes no logarithm of {value + params['offset']:g}"
        raise Unfit(f"{words}; raise its offset, or put Clip before it.", place)
    return moved.log()


def _clipped(values: Tensor, params: Params, _state: State) -> Tensor:
    if params["low"] is None and params["high"] is None:
        return values
    return values.clamp(params["low"], params["high"])


def _bucket(values: Tensor, params: Params, state: State) -> Tensor:
    """The place of each number's bucket; NaN stays, or is -1 among categories."""
    parts = values.unsqueeze(-1) if values.ndim == 1 else values
    borders: Sequence[Sequence[float]] = state["edges"]
    found = torch.stack(
        [
            torch.bucketize(
                parts[..., part].contiguous(), _like(borders[min(part, len(borders) - 1)], values), right=True
            )
            for part in range(parts.shape[-1])
        ],
        -1,
    ).view_as(values)
    if params["gives"] == "categories":
        return torch.where(values.isnan(), -1, found).flatten()
    return torch.where(values.isnan(), values, found.to(values.dtype))


def _difference(values: Tensor, _params: Params, _state: State) -> Tensor:
    return values.diff(dim=1)


def _filled(values: Tensor, _params: Params, state: State) -> Tensor:
    if isinstance(state["value"], int):  # a category: places of classes, -1 where one is missing
        return torch.where(values < 0, state["value"], values)
    return torch.where(values.isnan(), _like(state["value"], values), values) if values.is_floating_point() else values


# ------------------------------------------------------------------------------------------- categories and dates


def _indexed(values: Tensor, _params: Params, state: State) -> Tensor:
    """The place of each number among the known ones; -1 where it is missing or unknown."""
    flat = values.reshape(len(values)).to(torch.float64)
    numbers = torch.as_tensor(state["numbers"], dtype=torch.float64, device=values.device)
    places = torch.searchsorted(numbers, flat).clamp(max=len(numbers) - 1)
    return torch.where(numbers[places] == flat, places, -1)


def _one_hot(values: Tensor, _params: Params, state: State) -> Tensor:
    flat, count = values.reshape(len(values)), int(state["classes"])
    none = (flat < 0) | (flat >= count)
    if none.any():
        words = "has no class" if flat[_first(none)] < 0 else f"has a class beyond the {count} of the training data"
        raise Unfit(f"{state['column']} {words}, so it has no place in OneHot's vector.", _first(none))
    return torch.nn.functional.one_hot(flat.to(torch.int64), count).to(torch.float32)


def _date_parts(values: Tensor, params: Params, _state: State) -> Tensor:
    """Parts of days since 1970 in the Gregorian calendar (N, parts); NaN where there is no date."""
    days = values.reshape(len(values)).to(torch.float64)
    lacks = days.isnan()
    days = torch.where(lacks, 0.0, days)
    whole = days.floor().to(torch.int64)
    year, month, day, of_year = _calendar(whole)
    parts = {
        "year": (year, 0, None),
        "month": (month, 1, MONTHS),
        "day": (day, 1, DAYS_OF_MONTH),
        "weekday": ((whole + MONDAY) % DAYS_OF_WEEK, 0, DAYS_OF_WEEK),
        "hour": ((days - whole) * HOURS, 0, HOURS),
        "day_of_year": (of_year, 1, DAYS_OF_YEAR),
    }
    columns: list[Tensor] = []
    for name, (numbers, first, period) in parts.items():
        if params[name]:
            numbers = numbers.to(torch.float64)
            if params["cyclic"] and period is not None:
                angle = (numbers - first) * (2 * torch.pi / period)
                columns += [angle.sin(), angle.cos()]
            else:
                columns.append(numbers)
    return torch.where(lacks[:, None], torch.nan, torch.stack(columns, 1)).to(torch.float32)


def date_width(params: Params) -> int:
    """How many numbers DateParts gives of a date."""
    rounds = sum(bool(params[name]) for name in ("month", "day", "weekday", "hour", "day_of_year"))
    return int(params["year"]) + rounds * (2 if params["cyclic"] else 1)


def _calendar(days: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Year, month, day of the month and day of the year of whole days since 1970; by Hinnant's civil_from_days."""
    since = days + 719_468  # days since the first of March of the year 0
    era = since.div(146_097, rounding_mode="floor")  # of 400 years
    of_era = since - era * 146_097
    year_of_era = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)  # from the first of March
    place = (5 * of_year + 2) // 153
    day = of_year - (153 * place + 2) // 5 + 1
    month = torch.where(place < 10, place + 3, place - 9)
    year = year_of_era + era * 400 + (month <= 2).to(torch.int64)
    leap = ((year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))).to(torch.int64)
    return year, month, day, torch.where(month > 2, of_year + 60 + leap, of_year - 305)


CHANGES: Mapping[str, Change] = {
    "Standardize": _standardized,
    "MinMax": _in_range,
    "Scale": _scaled,
    "Log": _logarithm,
    "Clip": _clipped,
    "Bucketise": _bucket,
    "Difference": _difference,
    "FillMissing": _filled,
    "Index": _indexed,
    "OneHot": _one_hot,
    "DateParts": _date_parts,
}
AS_THEY_ARE = frozenset({"FillMissing", "Index", "OneHot", "DateParts"})  # take values of other dtypes than float


# -------------------------------------------------------------------------------------------------------- and back

ONE_WAY = frozenset({"Bucketise", "Difference", "OneHot", "DateParts", "Index"})  # that have no way back
STRAIGHT = frozenset({"Standardize", "MinMax", "Scale"})  # after which a difference is a multiple of what it was


def undone(step: Mapping[str, Any], values: Array) -> Array:
    """Values as they were before a step; those that it only moved to a limit or filled in stay."""
    params, state, kind = step["params"], step["state"], values.dtype.type
    found = values
    match step["op"]:
        case "Standardize":
            found = values * np.asarray(state["deviation"], kind) + np.asarray(state["mean"], kind)
        case "MinMax" if params["high"] != params["low"]:
            share = (values - kind(params["low"])) / kind(params["high"] - params["low"])
            found = share * np.asarray(state["range"], kind) + np.asarray(state["least"], kind)
        case "Scale" if params["factor"]:
            found = (values - kind(params["offset"])) / kind(params["factor"])
        case "Log":
            found = np.exp(values) - kind(params["offset"])
    return found
