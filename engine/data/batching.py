"""Batches of tensors that are in memory: gathered in blocks, handed out as views, no Python a sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

BLOCK_BYTES = 8 * 2**20  # gathered at once: large enough to be few, small enough to be still in the cache when used
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

    With an `order` (indices of samples), many batches are gathered at once and handed out as slices of the block.
    """
    values = list(tensors.values())
    samples = len(values[0]) if order is None else len(order)
    count = batch_count(samples, batch_size, drop_last=drop_last)
    order = None if order is None else order.to(values[0].device)
    row = sum(each[:1].nbytes for each in values)
    block = min(max(1, BLOCK_BYTES // max(1, row * batch_size)), MOST_BATCHES)
    for first in range(start, count, block):
        low, high = first * batch_size, min(min(first + block, count) * batch_size, samples)
        if order is None:
            gathered = [each[low:high] for each in values]
        else:
            gathered = [each.index_select(0, order[low:high]) for each in values]
        yield from map(list, zip(*(torch.split(each, batch_size) for each in gathered), strict=True))
