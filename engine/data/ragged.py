"""Columns whose samples differ in size: values one after the other, and where each sample begins.

This is Arrow's list layout: `values` and `offsets` are two plain arrays, so that a column can be written, mapped into
memory and moved to a device as they are, and a batch is gathered by index operations, without Python a sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.data import store

Array = NDArray[Any]

LONG = 200  # values of a sample on average, from which a batch copies samples on the CPU


@dataclass(frozen=True, eq=False)
class Flat:
    """Samples as arrays: `values` of all of them along the first axis, sample i from offsets[i] to offsets[i + 1]."""

    values: Array
    offsets: Array

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, place: int) -> Array:
        return self.values[self.offsets[place] : self.offsets[place + 1]]

    @property
    def lengths(self) -> Array:
        """How long each sample is."""
        return np.diff(self.offsets)

    def cut(self, length: int) -> Flat:
        """Keep no more than the first `length` values of each sample."""
        return self.taken(self.offsets[:-1], np.minimum(self.lengths, length))

    def taken(self, starts: Array, lengths: Array) -> Flat:
        """Keep of each sample `lengths` values from `starts` on."""
        offsets = bounds(lengths)
        places = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
        return Flat(self.values[places], offsets)


def bounds(lengths: Array) -> Array:
    """Where samples of these lengths begin and end when they stand one after the other."""
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])


def flat(samples: Sequence[Array], empty: Array) -> Flat:
    """Lay samples one after the other; `empty` is one of length 0, for where there are none."""
    offsets = bounds(np.array([len(each) for each in samples], np.int64))
    return Flat(np.concatenate(samples) if samples else empty, offsets)


class Ragged:
    """A column of samples that differ in size, as tensors ready to be gathered.

    `values` hold the samples along their first axis; `axis` is where that axis stands in a sample of a batch, which is
    filled up with `fill` to its longest sample, or to `width` where that is given.
    """

    sorts = True  # whether filling up costs so much that samples of like length are brought together

    def __init__(
        self,
        values: Tensor,
        starts: Tensor,
        counts: Tensor,
        *,
        fill: float = 0.0,
        axis: int = 0,
        width: int | None = None,
    ) -> None:
        """`values` end with one that fills up; `starts` and `counts` say on the CPU where each sample stands."""
        self.fill, self.axis, self.width = fill, axis, width
        self.order_by: Tensor | None = None  # by what samples of like length come together, where not by `counts`
        self._values = values
        self._counts = counts  # on the CPU, so that no batch waits for the device
        self._starts = starts.to(values.device)
        self.lengths = counts.to(values.device)

    @classmethod
    def of(cls, held: Flat, *, fill: float = 0.0, axis: int = 0, width: int | None = None) -> Self:
        """The same samples as tensors on the CPU; values that end with one of `fill` stay where they are."""
        values, offsets = torch.from_numpy(held.values), torch.from_numpy(held.offsets)
        filled = values
        if len(values) == int(offsets[-1]):
            filled = torch.cat([values, values.new_full((1, *values.shape[1:]), fill)])
        return cls(filled, offsets[:-1], offsets.diff(), fill=fill, axis=axis, width=width)

    def picked(self, places: Tensor) -> Self:
        """The samples at these places; the values stay where they are."""
        return self._like(self._values, self._starts[places.to(self.device)], self._counts[places])

    def __len__(self) -> int:
        return len(self._counts)

    @property
    def device(self) -> torch.device:
        """Where the values are."""
        return self._values.device

    @property
    def counts(self) -> Tensor:
        """How long each sample is, on the CPU."""
        return self._counts

    @property
    def offsets(self) -> Tensor:
        """Where each sample begins and the last one ends, on the CPU."""
        return torch.cat([self._counts.new_zeros(1), self._counts.cumsum(0)])

    @property
    def mean_bytes(self) -> int:
        """Bytes of a sample on average."""
        return int(self._counts.sum()) * self._values[:1].nbytes // max(1, len(self))

    def to(self, device: torch.device) -> Self:
        """The same column on a device, without values of other samples."""
        if device.type == self.device.type:
            return self
        starts = self._counts.cumsum(0) - self._counts
        places = (self._starts.cpu() - starts).repeat_interleave(self._counts) + torch.arange(int(self._counts.sum()))
        values = torch.cat([self._values[places.to(self.device)], self._values[-1:]]).to(device)
        moved = self._like(values, starts, self._counts)
        moved.order_by = self.order_by
        return moved

    def port(self, name: str) -> InMemory:
        """What an Input's port of this name gives: the samples, or how long they are."""
        return self.lengths if name == "length" else self

    def _like(self, values: Tensor, starts: Tensor, counts: Tensor) -> Self:
        return type(self)(values, starts, counts, fill=self.fill, axis=self.axis, width=self.width)

    def widths(self, order: Tensor, batch_size: int) -> list[int]:
        """How long each batch becomes whose samples stand in this order."""
        counts = self._counts.index_select(0, order)
        missing = -len(counts) % batch_size
        longest = torch.cat([counts, counts.new_zeros(missing)]).view(-1, batch_size).amax(1)
        return [self.width if self.width is not None else max(1, each) for each in longest.tolist()]

    def batch(self, indices: Tensor, width: int) -> Tensor:
        """Gather samples by their indices, filled up to `width`."""
        found = self._copied(indices, width) if self._is_long else self._gathered(indices, width)
        return found.movedim(1, 1 + self.axis) if self.axis else found

    @property
    def _is_long(self) -> bool:
        """Whether copying a sample at a time is quicker than an index for each of its values."""
        return self.device.type == "cpu" and int(self._counts.sum()) > LONG * len(self)

    def _copied(self, indices: Tensor, width: int) -> Tensor:
        values = self._values.numpy()
        found = np.full((len(indices), width, *values.shape[1:]), self.fill, values.dtype)
        starts, counts = (each.index_select(0, indices).tolist() for each in (self._starts, self._counts))
        for row, start, count in zip(found, starts, counts, strict=True):
            part = values[start : start + min(count, width)]
            row[: len(part)] = part
        return torch.from_numpy(found)

    def _gathered(self, indices: Tensor, width: int) -> Tensor:
        steps = torch.arange(width, device=self.device)
        starts, lengths = (each.index_select(0, indices)[:, None] for each in (self._starts, self.lengths))
        places = torch.where(steps < lengths, starts + steps, len(self._values) - 1)
        return self._values.index_select(0, places.view(-1)).view(*places.shape, *self._values.shape[1:])


class Picked:
    """Some rows of a tensor that several columns share, such as one that is mapped into memory."""

    def __init__(self, base: Tensor, rows: Tensor) -> None:
        self._base, self._rows = base, rows.to(base.device)  # the base may be a file that is mapped into memory

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def device(self) -> torch.device:
        """Where the values are."""
        return self._base.device

    @property
    def row_bytes(self) -> int:
        """Bytes of a sample."""
        return self._base[:1].nbytes

    def to(self, device: torch.device) -> Picked | Tensor:
        """The same column on a device, without other rows."""
        return self if device.type == self.device.type else self._base[self._rows].to(device)

    def index_select(self, _dim: int, places: Tensor) -> Tensor:
        """The samples at these places, as of a tensor along its first axis."""
        return self._gathered(self._rows.index_select(0, places))

    def __getitem__(self, places: slice) -> Tensor:
        return self._gathered(self._rows[places])

    def _gathered(self, rows: Tensor) -> Tensor:
        found = self._base.index_select(0, rows)
        store.release()
        return found


InMemory = Tensor | Ragged | Picked  # a column whose samples are there, in memory or mapped into it
