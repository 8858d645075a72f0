from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.sizes import Free, Names, Size, Tried, at, fit, trial

NAMES: Names = {"N": trial(0), "T": trial(1)}


def fitted(size: Callable[[int, int], int]) -> Size | None:
    def sizes(names: Names) -> list[int]:
        return [size(n, t) for n, t in zip(names["N"], names["T"], strict=True)]

    return fit(sizes(NAMES), NAMES, sizes)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (lambda n, t: 7, "7"),
        (lambda n, t: n, "N"),
        (lambda n, t: t + 3, "T+3"),
        (lambda n, t: 4 * n, "4*N"),
        (lambda n, t: n * t, "N*T"),
        (lambda n, t: 6 * n * t, "6*N*T"),
        (lambda n, t: t // 2, "T//2"),
        (lambda n, t: (t - 5) // 3 + 1, "(T-2)//3"),
        (lambda n, t: (n + 63) // 64, "(N+63)//64"),
        (lambda n, t: 2 * t - 1, "2*T-1"),
    ],
)
def test_a_size_is_found_as_an_expression_of_the_free_names(size: Callable[[int, int], int], text: str) -> None:
    assert str(fitted(size)) == text


def test_a_size_of_no_simple_form_is_not_guessed() -> None:
    assert fitted(lambda n, t: n * n) is None
    assert fitted(lambda n, t: n + t * t) is None


def test_trial_sizes_of_different_names_differ_and_share_no_small_factor() -> None:
    tried = [size for place in range(8) for size in trial(place)]
    assert len(set(tried)) == len(tried)
    assert all(size % prime for size in tried[3:] for prime in (5, 7, 11, 13))


def test_a_tried_size_counts_as_a_number_and_reads_as_its_name() -> None:
    (size,) = at((Free(("N",)),), NAMES, 0)
    assert isinstance(size, Tried)
    assert size + 1 == trial(0)[0] + 1
    assert f"{size} {[size]!r} {size:>3}" == "N [N]   N"
