from __future__ import annotations

import pytest

from engine.amounts import counted, duration, memory, short_count


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.0k"),
        (99_949, "99.9k"),
        (421_000, "421k"),
        (1_300_000, "1.3M"),
        (7 * 10**9, "7.0G"),
    ],
)
def test_counts_are_short(number: int, text: str) -> None:
    assert short_count(number) == text


@pytest.mark.parametrize(
    ("number", "text"), [(None, "?"), (0, "0"), (999_999, "999,999"), (1_234_567, "1.23 M"), (4_089_000_000, "4.09 G")]
)
def test_counts_are_written_in_full_below_a_million(number: int | None, text: str) -> None:
    assert counted(number) == text


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 bytes"), (1023, "1023 bytes"), (1 << 10, "1 KiB"), (1_234_567, "1.18 MiB")]
)
def test_bytes_are_written_with_three_digits(size: int, text: str) -> None:
    assert memory(size) == text


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0.0 s"), (2.14, "2.1 s"), (59.96, "1:00"), (65, "1:05"), (7384, "2:03:04")]
)
def test_times_are_written_as_they_are_read(seconds: float, words: str) -> None:
    assert duration(seconds) == words
