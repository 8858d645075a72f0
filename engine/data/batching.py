"""Batches of tensors that are in memory: gathered in blocks, handed out as views, no Python a sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from engine.data.live import Live, Values
from engine.data.ragged import InMemory, Picked, Ragged

BLOCK_BYTES = 8 * 2**20  # gathered at once: large enough to be few, small enough to be still in the cache when used
MOST_BATCHES = 512  # of a block


def lengths_of(columns: Mapping[str, Values]) -> Tensor | None:
    """How long each sample is, on the CPU, that of several columns added up; None where that hardly matters."""
    found = [counts for each in columns.values() if (counts := _sorting(each)) is not None]
    return torch.stack(found).sum(0) if found else None


def _sorting(column: Values) -> Tensor | None:
    """By what samples of a column of like length come together; None for no matter."""
    if isinstance(column, Live):
        return None if column.is_length else column.order_by
    if not isinstance(column, Ragged) or not column.sorts:
        return None
    return column.counts if column.order_by is None else column.order_by


def batch_count(samples: int, batch_size: int, *, drop_last: bool = False) -> int:
    """How many batches the samples make."""
    return samples // batch_size if drop_last else -(-samples // batch_size)


def batches(
    columns: Mapping[str, InMemory],
    batch_size: int,
    *,
    order: Tensor | None = None,
    drop_last: bool = False,
    start: int = 0,
) -> Iterator[list[Tensor]]:
    """Yield the batches from number `start` on, each a list of tensors in the mapping's order.

    With an `order` (indices of samples), many batches are gathered at once and handed out as slices of the block.
    Samples that differ in size are filled up to the longest of their batch.
    """
    values = list(columns.values())
    samples = len(values[0]) if order is None else len(order)
    count = batch_count(samples, batch_size, drop_last=drop_last)
    placed = None if order is None else order.to(values[0].device)
    row = sum(map(_row_bytes, values))
    block = min(max(1, BLOCK_BYTES // max(1, row * batch_size)), MOST_BATCHES)
    for first in range(start, count, block):
        low, high = first * batch_size, min(min(first + block, count) * batch_size, samples)
        pieces = [
            _filled(each, torch.arange(low, high) if order is None else order[low:high], batch_size)
            if isinstance(each, Ragged)
            else torch.split(each[low:high] if placed is None else each.index_select(0, placed[low:high]), batch_size)
            for each in values
        ]
        yield from map(list, zip(*pieces, strict=True))


def _row_bytes(values: InMemory) -> int:
    if isinstance(values, Ragged):
        return values.mean_bytes
    return values.row_bytes if isinstance(values, Picked) else values[:1].nbytes


def bytes_of(values: Values) -> int:
    """Bytes that a column takes in memory; none for one that is read live."""
    return 0 if isinstance(values, Live) else _row_bytes(values) * len(values)


def _filled(column: Ragged, indices: Tensor, batch_size: int) -> Iterator[Tensor]:
    """Gather samples that differ in size batch by batch; `indices` are on the CPU, where the widths are known."""
    widths = column.widths(indices, batch_size)
    for part, width in zip(torch.split(indices.to(column.device), batch_size), widths, strict=True):
        yield column.batch(part, width)
