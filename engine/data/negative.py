"""Items that a user has not rated, drawn for each sample from (seed, epoch, sample) alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

TRIES = 16  # draws until an item is taken that the user has rated, having rated nearly all


def pairs(users: Array, items: Array, count: int) -> Array:
    """Each rated pair of user and item as a number, ascending; `count` is how many items there are."""
    return np.unique(users * np.int64(count) + items)


def items(users: Array, samples: Array, rated: Array, count: int, draw: tuple[int, int]) -> Array:
    """For each sample an item, from 0 to `count`, that its user has not rated."""
    found = np.empty(len(users), np.int64)
    open_ = np.arange(len(users))
    for trial in range(TRIES):
        found[open_] = mixed(samples[open_], *draw, trial) % np.uint64(count)
        wanted = users[open_] * np.int64(count) + found[open_]
        places = np.searchsorted(rated, wanted).clip(max=len(rated) - 1)
        open_ = open_[rated[places] == wanted]
        if not open_.size:
            break
    return found


def mixed(samples: Array, *facts: int) -> NDArray[np.uint64]:
    """Numbers that look random, from samples and facts: splitmix64 (Steele, Lea and Flood, 2014)."""
    state = samples.astype(np.uint64)
    for fact in facts:
        state = _scrambled(state + np.uint64(fact % 2**64))
    return state


def _scrambled(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    state = state + np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
