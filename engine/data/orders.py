"""The order in which an epoch takes its samples: each once, or drawn by weights; from (seed, epoch) alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

STRETCH = 50  # batches whose samples are sorted together: long enough to save filling, short enough to stay mixed


def epoch_order(
    seed: int,
    epoch: int,
    samples: int,
    *,
    weights: Tensor | None = None,
    buffer: int = 0,
    lengths: Tensor | None = None,
    batch_size: int = 1,
) -> Tensor:
    """The places of an epoch's samples in their order.

    With `weights` (samples) as many are drawn, again and again, each as often as its weight says; else each comes
    once. With a `buffer` no sample stands further than so many places from its own. With `lengths` (samples) those of
    like length come together in batches.
    """
    generator = _generator(seed, epoch)
    if weights is not None:
        order = _drawn(weights, generator)
    elif buffer:
        order = (
            torch.arange(samples) + torch.rand(samples, generator=generator, dtype=torch.float64) * buffer
        ).argsort()
    else:
        order = torch.randperm(samples, generator=generator)
    return order if lengths is None else by_length(order, lengths, batch_size, generator)


def _generator(seed: int, epoch: int) -> torch.Generator:
    return torch.Generator().manual_seed((seed * 1_000_003 + epoch) % 2**63)


def _drawn(weights: Tensor, generator: torch.Generator) -> Tensor:
    """As many places as there are weights, each drawn as often as its weight says."""
    bounds = weights.double().cumsum(0)
    points = torch.rand(len(weights), generator=generator, dtype=torch.float64) * bounds[-1]
    places: Tensor = torch.searchsorted(bounds, points, right=True)
    return places.clamp(max=len(weights) - 1)


def balanced(labels: Tensor) -> Tensor:
    """Weights with which all classes are drawn equally often; `labels` are class numbers (samples)."""
    _classes, places, counts = torch.unique(labels, return_inverse=True, return_counts=True)
    weights: Tensor = counts.double()[places].reciprocal()
    return weights


def drawing_weights(values: NDArray[Any]) -> Tensor:
    """Weights from a column of numbers: what is below 0 or missing is never drawn."""
    weights: Tensor = torch.from_numpy(np.nan_to_num(values.reshape(len(values)), nan=0.0).clip(min=0.0))
    return weights


def by_length(order: Tensor, lengths: Tensor, batch_size: int, generator: torch.Generator) -> Tensor:
    """Bring samples of like length together: an order is sorted by length within stretches of some batches.

    The batches, not their samples, are then shuffled anew; what is left for a last, smaller one stays at the end.
    """
    whole = len(order) // batch_size * batch_size
    stretch = torch.arange(len(order)) // (STRETCH * batch_size)
    counts = lengths.index_select(0, order)
    key = stretch * (int(counts.max()) + 1 if len(counts) else 1) + counts
    key[whole:] = torch.iinfo(torch.int64).max
    order = order[key.argsort(stable=True)]
    places = torch.randperm(whole // batch_size, generator=generator)
    return torch.cat([order[:whole].view(-1, batch_size)[places].flatten(), order[whole:]])
