"""Free sizes: expressions such as "N", "2*T+1" and "(T+1)//2", found by trying an op at several sizes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Self

# Sizes at which the first free name is tried, one a run: without small common factors, large enough that windows
# and strides fit. The next name's are about _SPACING larger.
_FIRST = (251, 338, 4417)
_SPACING = 5000
_LARGEST_STRIDE = 512

Names = Mapping[str, tuple[int, ...]]  # free name -> its size in each run
Probe = Callable[[Names], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Free:
    """The size (factor * product of the names + offset) // divisor."""

    names: tuple[str, ...]
    factor: int = 1
    offset: int = 0
    divisor: int = 1

    def __str__(self) -> str:
        text = "*".join([str(self.factor)] * (self.factor != 1) + list(self.names))
        if self.offset:
            text += f"{self.offset:+d}"
        if self.divisor == 1:
            return text
        return f"({text})//{self.divisor}" if self.offset else f"{text}//{self.divisor}"

    def at(self, names: Names) -> tuple[int, ...]:
        """The size in each run."""
        runs = zip(*(names[name] for name in self.names), strict=True)
        return tuple((self.factor * math.prod(run) + self.offset) // self.divisor for run in runs)


Size = int | Free


class Tried(int):
    """A free size while it is tried at a number: counts as the number, reads as the expression."""

    text: str

    def __new__(cls, number: int, text: str) -> Self:
        tried = super().__new__(cls, number)
        tried.text = text
        return tried

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def __format__(self, form: str) -> str:
        return format(self.text, form)


def trial(place: int) -> tuple[int, ...]:
    """The sizes at which the free name number `place` is tried."""
    return tuple(_coprime(size + _SPACING * place) for size in _FIRST) if place else _FIRST


def _coprime(size: int) -> int:
    """The next size with the remainders by 2 and 3 of the size it stands in for, and no other small factor."""
    while any(size % prime == 0 for prime in (5, 7, 11, 13)):
        size += 6
    return size


def at(shape: Sequence[Size], names: Names, run: int) -> tuple[int, ...]:
    """The concrete shape in one run; free sizes still read as their expressions."""
    return tuple(size if isinstance(size, int) else Tried(size.at(names)[run], str(size)) for size in shape)


def fit(sizes: Sequence[int], names: Names, probe: Probe) -> Size | None:
    """Find the expression that gives `sizes`, one a run, or None where there is none of a simple form.

    `probe` runs the op again at other sizes of the names, where the runs at hand leave a choice.
    """
    if len(set(sizes)) == 1:
        return sizes[0]
    for product in _products(names):
        values = Free(product).at(names)
        free = _linear(product, values, sizes)
        if free is not None:
            return free
    return next((free for name in names if (free := _strided(name, names, sizes, probe))), None)


def _products(names: Names) -> Iterator[tuple[str, ...]]:
    for count in range(1, min(len(names), 3) + 1):
        yield from combinations(names, count)


def _linear(product: tuple[str, ...], values: Sequence[int], sizes: Sequence[int]) -> Free | None:
    factor, rest = divmod(sizes[-1] - sizes[0], values[-1] - values[0])
    offset = sizes[0] - factor * values[0]
    if rest or factor < 1 or abs(offset) >= factor * values[0]:
        return None
    free = Free(product, factor, offset)
    exact = all(factor * value + offset == size for value, size in zip(values, sizes, strict=True))
    return free if exact else None


def _strided(name: str, names: Names, sizes: Sequence[int], probe: Probe) -> Free | None:
    values = names[name]
    for divisor in _divisors(values, sizes):
        offsets = _offsets(divisor, values, sizes)
        if offsets:
            near = {other: (tried[0],) * 2 * divisor for other, tried in names.items()}
            near[name] = tuple(range(values[0], values[0] + 2 * divisor))
            offsets = _offsets(divisor, near[name], probe(near), offsets)
        if offsets:
            return Free((name,), 1, min(offsets, key=abs), divisor)
    return None


def _divisors(values: Sequence[int], sizes: Sequence[int]) -> range:
    """Every divisor that the slope allows, rounding being off by one at most."""
    run, rise = values[-1] - values[0], sizes[-1] - sizes[0]
    if rise < 2:
        return range(0)
    return range(max(2, run // (rise + 1)), min(run // (rise - 1) + 1, _LARGEST_STRIDE) + 1)


def _offsets(divisor: int, values: Sequence[int], sizes: Sequence[int], among: range | None = None) -> range:
    """Every offset with which the divided values give the sizes."""
    lows = [divisor * size - value for value, size in zip(values, sizes, strict=True)]
    low, high = max(lows), min(lows) + divisor - 1
    if among is not None:
        low, high = max(low, among.start), min(high, among.stop - 1)
    return range(low, high + 1)
