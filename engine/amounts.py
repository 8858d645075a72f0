"""Counts and sizes in words: what is written of parameters, multiply-accumulates and bytes."""

from __future__ import annotations

LONGEST = 1e15  # from which on a whole number is written as others are


def counted(number: int | None) -> str:
    """Write a count, from a million on with three digits, such as "1.23 M"; "?" where it is not known."""
    if number is None:
        return "?"
    for unit, size in (("T", 10**12), ("G", 10**9), ("M", 10**6)):
        if number >= size:
            return f"{_three(number / size)} {unit}"
    return f"{number:,}"


def short_count(number: int) -> str:
    """A count in four letters or so: 812, 9.2k, 421k, 1.3M."""
    for size, letter in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            value = number / size
            return f"{value:.1f}{letter}" if value < 99.95 else f"{value:.0f}{letter}"
    return str(number)


def plain_number(value: float) -> str:
    """Write a value of the data: whole ones in full, such as "1,490,400", others with five digits."""
    whole = float(value).is_integer() and abs(value) < LONGEST
    return f"{value:,.0f}" if whole else f"{value:.5g}"


def memory(size: int) -> str:
    """Write a number of bytes: 1,234,567 as "1.18 MiB"."""
    for unit, bits in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if size >= 1 << bits:
            return f"{_three(size / (1 << bits))} {unit}"
    return f"{size} bytes"


def _three(value: float) -> str:
    return f"{value:.3g}" if value < 999.5 else f"{value:,.0f}"


def duration(seconds: float) -> str:
    """Write a time: "2.1 s" below a minute, then "1:05" and "2:03:04"."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
