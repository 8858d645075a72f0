"""Axes, sizes and types that an op can work with; what it cannot becomes a Mistake that names them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from engine.declare import COMPLEX, FLOAT, Mistake, Value, show_value
from engine.sizes import Tried

LIMITS = {
    "int64": (-(2**63), 2**63 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "int8": (-128, 127),
    "uint8": (0, 255),
}

Dims = int | tuple[int, ...] | None  # one axis, several, or all


def shown(shape: Value | Sequence[int]) -> str:
    """Write a shape as "N × 3"."""
    sizes = shape.shape if isinstance(shape, Value) else shape
    return " × ".join(map(str, sizes)) or "a single number"


def counted(axes: int) -> str:
    """Write a number of axes: "1 axis", "3 axes"."""
    return "1 axis" if axes == 1 else f"{axes} axes"


def is_free(size: int) -> bool:
    """Whether a size varies and is only tried at this number."""
    return isinstance(size, Tried)


def checked_axis(dim: int, input: Value, name: str = "dim") -> int:
    """Return `dim`, or raise Mistake where `input` has no such axis."""
    if input.ndim == 0:
        raise Mistake(f"{input.port} is a single number; it has no axis {dim}.", param=input.port)
    if not -input.ndim <= dim < input.ndim:
        raise Mistake(
            f"{name} is {dim}, but {input.port} has {counted(input.ndim)}; "
            f"it must lie from {-input.ndim} to {input.ndim - 1}.",
            param=name,
        )
    return dim


def checked_axes(dims: Dims, input: Value, name: str = "dim") -> tuple[int, ...]:
    """Return the axes that `dims` names, counted from the first; raises Mistake where one is missing or named twice."""
    if dims is None or dims == ():
        return tuple(range(input.ndim))
    named = (dims,) if isinstance(dims, int) else dims
    axes = tuple(checked_axis(dim, input, name) % input.ndim for dim in named)
    for place, axis in enumerate(axes):
        if axis in axes[:place]:
            raise Mistake(f"{name} is {show_value(dims)}, which names axis {axis} twice.", param=name)
    return axes


def nearest_divisors(count: int, value: int, most: int = 3) -> list[int]:
    """The numbers that divide a count, the nearest to a value first."""
    found = {each for low in range(1, math.isqrt(count) + 1) if count % low == 0 for each in (low, count // low)}
    return sorted(found, key=lambda each: (abs(each - value), each))[:most]


def dividing(count: int, value: int) -> str:
    """Say which numbers to take in place of one that does not divide a count: "take 4 or 8"."""
    return f"take {' or '.join(map(str, sorted(nearest_divisors(count, value, 2))))}"


def joined_shape(one: Value, other: Value) -> tuple[int, ...]:
    """Return the shape in which two tensors are stretched to fit; raises Mistake where they do not."""
    _refuse_column(one, other)
    _refuse_column(other, one)
    return _stretched(one, other, one.shape, other.shape)


def joined_batch(one: Value, other: Value, behind: int = 2) -> tuple[int, ...]:
    """Return the stretched shape of two tensors before their last `behind` axes, which are not looked at."""
    return _stretched(one, other, one.shape[: one.ndim - behind], other.shape[: other.ndim - behind])


def _stretched(one: Value, other: Value, first: Sequence[int], second: Sequence[int]) -> tuple[int, ...]:
    axes = max(len(first), len(second))
    pairs = zip((1,) * (axes - len(first)) + tuple(first), (1,) * (axes - len(second)) + tuple(second), strict=True)
    sizes = []
    for axis, (a, b) in enumerate(pairs):
        if a != b and 1 not in (a, b):
            raise Mistake(
                f"{one.port} is {shown(one)} and {other.port} is {shown(other)}; "
                f"along axis {axis} the sizes must be equal or 1.",
                param=other.port,
            )
        sizes.append(b if a == 1 else a)
    return tuple(sizes)


def _refuse_column(row: Value, column: Value) -> None:
    """Refuse N with N × 1: number by number they would silently become N × N."""
    if row.ndim == 1 and column.ndim == 2 and column[1] == 1 and row[0] == column[0] > 1:
        size = row[0]
        raise Mistake(
            f"{row.port} is {shown(row)} and {column.port} is {shown(column)}, which would give {size} × {size}; "
            f"put a Squeeze before {column.port}, or an Unsqueeze before {row.port} "
            "(dim 1 to fit it, dim 0 to pair each with each).",
            param=column.port,
        )


def checked_same_dtype(*values: Value) -> None:
    """Raise Mistake where the types differ."""
    first = values[0]
    for other in values[1:]:
        if other.dtype != first.dtype:
            raise Mistake(
                f"{first.port} is {first.dtype} and {other.port} is {other.dtype}; "
                "they must be of one type, so put a Cast before one of them.",
                param=other.port,
            )


def number(value: float, input: Value, name: str = "value") -> int | float:
    """Return `value` for arithmetic with `input`: a whole number stays whole among whole numbers.

    Raises Mistake where the type of `input` cannot hold it.
    """
    if input.dtype in (*FLOAT, *COMPLEX) or not value.is_integer():
        return value
    whole = int(value)
    low, high = LIMITS.get(input.dtype, LIMITS["int64"])
    if not low <= whole <= high:
        raise Mistake(
            f"{name} is {whole}, but {input.port} is {input.dtype}, which holds {low} to {high}; put a Cast before it.",
            param=name,
        )
    return whole


def fitting(value: float, input: Value, name: str = "value") -> int | float | bool:
    """Return `value` as a number that can be put among those of `input`; raises Mistake where its type cannot be."""
    if input.dtype == "bool":
        if value not in (0, 1):
            raise Mistake(f"{name} is {show_value(value)}, but {input.port} is bool; it must be 0 or 1.", param=name)
        return bool(value)
    found = number(value, input, name)
    if isinstance(found, float) and input.dtype in LIMITS:
        raise Mistake(
            f"{name} is {show_value(value)}, but {input.port} is {input.dtype}; it must be a whole number.", param=name
        )
    return found
