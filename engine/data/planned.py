"""What a column is after each of its steps, and which steps do not go together."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.columns import Column
from engine.data import numbers
from engine.data.augment import pair
from engine.data.sources import MOST_LISTED
from engine.declare import show_value
from engine.ops.steps import (
    Bucketise,
    CenterCrop,
    Clip,
    Crop,
    DateParts,
    Difference,
    Greyscale,
    Index,
    MinMax,
    OneHot,
    PadImage,
    RandomCrop,
    RandomResizedCrop,
    Resize,
    Scale,
    Standardize,
    Step,
)
from engine.problem import Fix, Mistake

Found = tuple[NDArray[Any], NDArray[Any]]  # the different numbers of a column that Index orders, and how often each is

RANGES = ("scale", "ratio", "area", "sigma")  # params that are a least and a greatest number
SCALING = (Standardize, MinMax, Scale)  # after which pixels are no longer from 0 to 1


@dataclass(frozen=True)
class _At:
    """A step among those of a column, for what is said against it."""

    column: str
    steps: Sequence[Step]
    place: int

    @property
    def step(self) -> Step:
        return self.steps[self.place]

    @property
    def name(self) -> str:
        return type(self.step).__name__

    @property
    def where(self) -> str:
        return f"data.columns.{self.column}.steps"

    def refuse(self, words: str, param: str = "", fixes: tuple[Fix, ...] = ()) -> Mistake:
        """A Mistake at the step, or at a param of it."""
        at = f"{self.where}.{self.place}" + (f".params.{param}" if param else "")
        return Mistake(f"{self.name} on {self.column} {words}", param=at, fixes=fixes)

    def unfit(self, words: str) -> Mistake:
        """A Mistake that is mended by removing the step."""
        others = [*self.steps[: self.place], *self.steps[self.place + 1 :]]
        return self.refuse(f"{words}; remove it.", fixes=(self.instead(f"Remove {self.name}", others),))

    def instead(self, text: str, steps: Sequence[Step]) -> Fix:
        """A fix that gives the column other steps."""
        return Fix(text, "set_setting", {"path": self.where, "value": [each.written() for each in steps]})


def after(column: Column, steps: Sequence[Step], found: Found | None = None) -> Column:
    """The column as it leaves its steps; raises Mistake at the step that cannot take what comes before it."""
    for place in range(len(steps)):
        at = _At(column.name, steps, place)
        _refuse_scaled(at)
        _refuse_ranges(at)
        column = _after_one(column, at, found)
    return replace(column, steps=tuple(type(step).__name__ for step in steps))


def _refuse_scaled(at: _At) -> None:
    """Raise Mistake where a step takes pixels from 0 to 1 and another has scaled them."""
    before = next((place for place, each in enumerate(at.steps[: at.place]) if isinstance(each, SCALING)), None)
    if not at.step.unit_pixels or before is None:
        return
    scaling = type(at.steps[before]).__name__
    moved = [*at.steps[:before], at.step, *at.steps[before : at.place], *at.steps[at.place + 1 :]]
    words = f"takes pixels from 0 to 1, and {scaling} changes them; put it before {scaling}."
    raise at.refuse(words, fixes=(at.instead(f"Put {at.name} before {scaling}", moved),))


def _refuse_ranges(at: _At) -> None:
    """Raise Mistake where the least of a range is greater than its greatest."""
    for name in RANGES:
        value = getattr(at.step, name, None)
        if isinstance(value, tuple) and value[0] > value[1]:
            raise at.refuse(f"has the {name} {show_value(value)}; the least comes first.", name)
    match at.step:
        case Clip(low=low, high=high) if low is not None and high is not None and low > high:
            raise at.refuse(f"has the low {low:g}, which is above its high ({high:g}).", "low")


def _after_one(column: Column, at: _At, found: Found | None) -> Column:
    if column.kind == "image":
        return replace(column, shape=_image_shape(column.sizes, at), dtype="float32")
    match at.step:
        case Index():
            return indexed(column, found)
        case Bucketise() as step:
            return _bucketised(column, step, at)
        case OneHot():
            return _vectors(column, at)
        case DateParts() as step:
            return _parts_of_dates(column, step, at)
        case Difference():
            return replace(column, shape=_shorter(column, at), dtype="float32", low=None, high=None, mean=None)
    return column if column.kind in ("category", "date") else replace(column, dtype="float32")


# --------------------------------------------------------------------------------------------------------- numbers


def indexed(column: Column, found: Found | None) -> Column:
    """The category that Index makes of a column of numbers; its classes are known where the numbers are."""
    column = replace(column, kind="category", shape=(), dtype="int64", mean=None)
    if found is None:
        return column
    names, counts = class_names(found[0]), tuple(found[1].tolist())
    listed = len(names) <= MOST_LISTED
    high = float(len(names) - 1)
    return replace(column, low=0.0, high=high, classes=tuple(names) if listed else (), counts=counts if listed else ())


def class_names(found: NDArray[Any]) -> list[str]:
    """Write numbers as names of classes: "3", "2.5"."""
    return [str(int(each)) if float(each).is_integer() else repr(each) for each in found.tolist()]


def _bucketised(column: Column, step: Bucketise, at: _At) -> Column:
    edges = list(step.edges)
    if step.by == "edges" and (not edges or np.any(np.diff(edges) <= 0)):
        raise at.refuse("needs at least one edge." if not edges else "has edges that do not ascend.", "edges")
    if step.gives == "numbers":
        return replace(column, dtype="float32", low=None, high=None, mean=None)
    if column.shape not in ((), (1,)):
        words = f"makes one class of one number a sample, and there are {numbers_of(column.shape)}"
        raise at.refuse(f"{words}; let it give numbers.", "gives")
    count = len(edges) + 1 if step.by == "edges" else step.count
    names = bucket_names(edges) if step.by == "edges" else ()
    high = float(count - 1)
    return replace(column, kind="category", shape=(), dtype="int64", low=0.0, high=high, mean=None, classes=names)


def bucket_names(edges: Sequence[float]) -> tuple[str, ...]:
    """Name buckets by their borders: "< 2", "2 to 5", "≥ 5"."""
    inner = (f"{low:g} to {high:g}" for low, high in itertools.pairwise(edges))
    return (f"< {edges[0]:g}", *inner, f"≥ {edges[-1]:g}") if edges else ()


def numbers_of(shape: Sequence[int | str]) -> str:
    """A shape in words: "2 × 3 numbers"."""
    return f"{' × '.join(map(str, shape))} numbers" if shape else "one number"


def known(column: Column, fitted: Sequence[Mapping[str, Any]]) -> Column:
    """The column with what its steps learned: the names of buckets."""
    last = next((step for step in reversed(fitted) if step["op"] == "Bucketise"), None)
    if last is None or column.kind != "category" or column.classes:
        return column
    return replace(column, classes=bucket_names(last["state"]["edges"][0]))


def _vectors(column: Column, at: _At) -> Column:
    if column.high is None:
        raise at.refuse("needs to know how many classes there are, which its source does not tell.")
    return replace(column, kind="number", shape=(int(column.high) + 1,), dtype="float32", low=0.0, high=1.0)


def _parts_of_dates(column: Column, step: DateParts, at: _At) -> Column:
    width = numbers.date_width(step.written()["params"])
    if not width:
        raise at.refuse("gives nothing; choose at least one part.", "year")
    if column.shape not in ((), (1,)):
        raise at.unfit(f"takes one date a sample, and there are {' × '.join(map(str, column.shape))}")
    return replace(column, kind="number", shape=(width,), dtype="float32", low=None, high=None, mean=None)


def _shorter(column: Column, at: _At) -> tuple[int | str, ...]:
    if len(column.shape) < 2:
        raise at.unfit("takes windows of time, and a sample has no moments that follow each other")
    first, *others = column.sizes
    if first < 2:
        raise at.unfit("takes windows of at least two moments, and they have one")
    return (first - 1, *others)


# ---------------------------------------------------------------------------------------------------------- images


def _image_shape(shape: tuple[int, ...], at: _At) -> tuple[int, ...]:
    """The shape (channels, height, width) of an image after a step."""
    channels, *size = shape
    match at.step:
        case Resize() as step:
            return (channels, *pair(step.size))
        case RandomResizedCrop() as step:
            return (channels, *pair(step.size))
        case CenterCrop() as step:
            return (channels, *_cut(pair(step.size), size, (0, 0), at))
        case Crop() as step:
            return (channels, *_cut(pair(step.size), size, (-step.top, -step.left), at))
        case RandomCrop() as step:
            height, width = pair(step.padding)
            return (channels, *_cut(pair(step.size), size, (2 * height, 2 * width), at))
        case PadImage() as step:
            return (channels, *_padded(step, size, at))
        case Greyscale():
            if channels != 3:
                have = "one channel" if channels == 1 else f"{channels} channels"
                raise at.unfit(f"takes three channels, and the images have {have}")
            return (1, *size)
        case Standardize(measured="ImageNet") if channels != 3:
            words = f"takes three channels for ImageNet's mean and deviation, and the images have {channels}"
            raise at.refuse(f"{words}; let it measure the training split.", "measured")
    return shape


def _cut(wanted: tuple[int, int], size: Sequence[int], more: tuple[int, int], at: _At) -> tuple[int, int]:
    """The size of a part that must fit into an image, which has more room, or less, than its own size."""
    if any(part > each + room for part, each, room in zip(wanted, size, more, strict=True)):
        room = " × ".join(str(max(0, each + extra)) for each, extra in zip(size, more, strict=True))
        words = f"cuts out {wanted[0]} × {wanted[1]} pixels, and there are {room}"
        raise at.refuse(f"{words}; lower its size, or put Resize before it.", "size")
    return wanted


def _padded(step: PadImage, size: Sequence[int], at: _At) -> tuple[int, int]:
    if step.size is None:
        down, right = pair(step.pixels)
        return size[0] + 2 * down, size[1] + 2 * right
    wanted = pair(step.size)
    if wanted[0] < size[0] or wanted[1] < size[1]:
        words = f"fills up to {wanted[0]} × {wanted[1]} pixels, and the images have {size[0]} × {size[1]}"
        raise at.refuse(f"{words}; raise its size, or put CenterCrop before it.", "size")
    return wanted
