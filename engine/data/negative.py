"""Items that a user has not rated, drawn for each sample from (seed, epoch, sample) alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine.data.keys import Keys, drawn

Array = NDArray[Any]

TRIES = 16  # draws until an item is taken that the user has rated, having rated nearly all


def pairs(users: Array, items: Array, count: int) -> Array:
    """Each rated pair of user and item as a number, ascending; `count` is how many items there are."""
    return np.unique(users * np.int64(count) + items)


def items(users: Array, samples: Array, rated: Array, count: int, draw: tuple[int, int]) -> Array:
    """For each sample an item, from 0 to `count`, that its user has not rated; `draw` are seed and epoch."""
    tries = drawn(Keys(*draw, torch.from_numpy(samples)), 0, TRIES).double().mul(count).long().clamp(max=count - 1)
    asked = tries.numpy()
    wanted = users[:, None] * np.int64(count) + asked
    places = np.searchsorted(rated, wanted).clip(max=len(rated) - 1)
    free = rated[places] != wanted
    found: Array = asked[np.arange(len(users)), free.argmax(axis=1)]
    return found
