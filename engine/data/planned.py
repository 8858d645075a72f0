"""What a column is after each of its steps, and which steps do not go together."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
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
Refuse = Callable[..., Mistake]

RANGES = ("scale", "ratio", "area", "sigma")  # params that are a least and a greatest number
SCALING = (Standardize, MinMax, Scale)  # after which pixels are no longer from 0 to 1


def after(column: Column, steps: Sequence[Step], found: Found | None = None) -> Column:
    """The column as it leaves its steps; raises Mistake at the step that cannot take what comes before it."""
    for place, step in enumerate(steps):
        _refuse_scaled(column, steps, place)
        column = _after_one(column, step, f"data.columns.{column.name}.steps.{place}", found)
    return replace(column, steps=tuple(type(step).__name__ for step in steps))


def _refuse_scaled(column: Column, steps: Sequence[Step], place: int) -> None:
    """Raise Mistake where a step takes pixels from 0 to 1 and another has scaled them."""
    step = steps[place]
    before = next((at for at, each in enumerate(steps[:place]) if isinstance(each, SCALING)), None)
    if not step.unit_pixels or before is None:
        return
    name, scaling = type(step).__name__, type(steps[before]).__name__
    where = f"data.columns.{column.name}.steps"
    moved = [*steps[:before], step, *steps[before:place], *steps[place + 1 :]]
    fix = Fix(
        f"Put {name} before {scaling}", "set_setting", {"path": where, "value": [each.written() for each in moved]}
    )
    words = f"{name} on {column.name} takes pixels from 0 to 1, and {scaling} changes them; put it before {scaling}."
    raise Mistake(words, param=f"{where}.{place}", fixes=(fix,))


def _after_one(column: Column, step: Step, where: str, found: Found | None) -> Column:
    def refuse(words: str, param: str = "") -> Mistake:
        return Mistake(
            f"{type(step).__name__} on {column.name} {words}", param=where + (f".params.{param}" if param else "")
        )

    _refuse_ranges(step, refuse)
    if column.kind == "image":
        return replace(column, shape=_image_shape(column.sizes, step, refuse), dtype="float32")
    match step:
        case Index():
            return indexed(column, found)
        case Bucketise():
            return _bucketised(column, step, refuse)
        case OneHot():
            return _vectors(column, refuse)
        case DateParts():
            return _parts_of_dates(column, step, refuse)
        case Difference():
            return replace(column, shape=_shorter(column, refuse), dtype="float32", low=None, high=None, mean=None)
        case Clip() if step.low is not None and step.high is not None and step.low > step.high:
            raise refuse(f"has the low {step.low:g}, which is above its high ({step.high:g}).", "low")
    return column if column.kind in ("category", "date") else replace(column, dtype="float32")


def _refuse_ranges(step: Step, refuse: Refuse) -> None:
    """Raise Mistake where the least of a range is greater than its greatest."""
    for name in RANGES:
        value = getattr(step, name, None)
        if isinstance(value, tuple) and value[0] > value[1]:
            raise refuse(f"has the {name} {show_value(value)}; the least comes first.", name)


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


def _bucketised(column: Column, step: Bucketise, refuse: Refuse) -> Column:
    edges = list(step.edges)
    if step.by == "edges" and (not edges or np.any(np.diff(edges) <= 0)):
        raise refuse("needs at least one edge." if not edges else "has edges that do not ascend.", "edges")
    if step.gives == "numbers":
        return replace(column, dtype="float32", low=None, high=None, mean=None)
    if column.shape not in ((), (1,)):
        words = f"makes one class of one number a sample, and there are {numbers_of(column.shape)}"
        raise refuse(f"{words}; let it give numbers.", "gives")
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


def _vectors(column: Column, refuse: Refuse) -> Column:
    if column.high is None:
        raise refuse("needs to know how many classes there are, which its source does not tell.")
    return replace(column, kind="number", shape=(int(column.high) + 1,), dtype="float32", low=0.0, high=1.0)


def _parts_of_dates(column: Column, step: DateParts, refuse: Refuse) -> Column:
    width = numbers.date_width(step.written()["params"])
    if not width:
        raise refuse("gives nothing; choose at least one part.", "year")
    if column.shape not in ((), (1,)):
        raise refuse(f"takes one date a sample, and there are {' × '.join(map(str, column.shape))}; remove it.")
    return replace(column, kind="number", shape=(width,), dtype="float32", low=None, high=None, mean=None)


def _shorter(column: Column, refuse: Refuse) -> tuple[int | str, ...]:
    if len(column.shape) < 2:
        raise refuse("takes windows of time, and a sample has no moments that follow each other; remove it.")
    first, *others = column.sizes
    if first < 2:
        raise refuse("takes windows of at least two moments, and they have one; remove it.")
    return (first - 1, *others)


# ---------------------------------------------------------------------------------------------------------- images


def _image_shape(shape: tuple[int, ...], step: Step, refuse: Refuse) -> tuple[int, ...]:
    """The shape (channels, height, width) of an image after a step."""
    channels, *size = shape
    match step:
        case Resize() | RandomResizedCrop():
            return (channels, *pair(step.size))
        case CenterCrop():
            return (channels, *_cut(pair(step.size), size, (0, 0), refuse))
        case Crop():
            return (channels, *_cut(pair(step.size), size, (-step.top, -step.left), refuse))
        case RandomCrop():
            height, width = pair(step.padding)
            return (channels, *_cut(pair(step.size), size, (2 * height, 2 * width), refuse))
        case PadImage():
            return (channels, *_padded(step, size, refuse))
        case Greyscale():
            if channels != 3:
                have = "one channel" if channels == 1 else f"{channels} channels"
                raise refuse(f"takes three channels, and the images have {have}; remove it.")
            return (1, *size)
        case Standardize(measured="ImageNet") if channels != 3:
            words = f"takes three channels for ImageNet's mean and deviation, and the images have {channels}"
            raise refuse(f"{words}; let it measure the training split.", "measured")
    return shape


def _cut(wanted: tuple[int, int], size: Sequence[int], more: tuple[int, int], refuse: Refuse) -> tuple[int, int]:
    """The size of a part that must fit into an image, which has more room, or less, than its own size."""
    if any(part > each + room for part, each, room in zip(wanted, size, more, strict=True)):
        room = " × ".join(str(max(0, each + extra)) for each, extra in zip(size, more, strict=True))
        words = f"cuts out {wanted[0]} × {wanted[1]} pixels, and there are {room}"
        raise refuse(f"{words}; lower its size, or put Resize before it.", "size")
    return wanted


def _padded(step: PadImage, size: Sequence[int], refuse: Refuse) -> tuple[int, int]:
    if step.size is None:
        down, right = pair(step.pixels)
        return size[0] + 2 * down, size[1] + 2 * right
    wanted = pair(step.size)
    if wanted[0] < size[0] or wanted[1] < size[1]:
        words = f"fills up to {wanted[0]} × {wanted[1]} pixels, and the images have {size[0]} × {size[1]}"
        raise refuse(f"{words}; raise its size, or put CenterCrop before it.", "size")
    return wanted
