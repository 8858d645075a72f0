"""Batches of tensors that are in memory: gathered in blocks, handed out as views, no Python a sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

BLOCK_BYTES = 64 * 2**20
MOST_BATCHES = 512  # of a block


def epoch_order(seed: int, epoch: int, samples: int) -> Tensor:
    """The order of an epoch's samples, drawn from (seed, epoch) alone."""
    generator = torch.Generator().manual_seed((seed * 1_000_003 + epoch) % 2**63)
    return torch.randperm(samples, generator=generator)


def batch_count(samples: int, batch_size: int, *, drop_last: bool = False) -> int:
    """How many batches the samples make."""
    return samples // batch_size if drop_last else -(-samples // batch_size)


def batches(
    tensors: Mapping[str, Tensor],
    batch_size: int,
    *,
    order: Tensor | None = None,
    drop_last: bool = False,
    start: int = 0,
) -> Iterator[list[Tensor]]:
    """Yield the batches from number `start` on, each a list of tensors in the mapping's order.

    With an `order`, many batches are gathered at once and handed out as slices of the block.
    """
    names = list(tensors)
    samples = len(tensors[names[0]])
    count = batch_count(samples, batch_size, drop_last=drop_last)
    row = sum(each[:1].nbytes for each in tensors.values())
    block = max(1, min(BLOCK_BYTES // max(1, row * batch_size), MOST_BATCHES))
    for first in range(start, count, block):
        low, high = first * batch_size, min((first + block) * batch_size, samples)
        if order is None:
            gathered = [tensors[name][low:high] for name in names]
        else:
            rows = order[low:high]
            gathered = [tensors[name].index_select(0, rows.to(tensors[name].device)) for name in names]
        pieces = [each.split(batch_size) for each in gathered]
        yield from map(list, list(zip(*pieces, strict=True))[: count - first])
