"""Columns whose samples are read when a batch needs them, in worker processes or in this one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from engine.data.keys import Keys
from engine.data.numbers import Unfit
from engine.data.ragged import Flat, InMemory, Ragged
from engine.problem import Mistake

Array = NDArray[Any]
Tail = Callable[[Tensor, Keys | None], Tensor]  # what is still to be done to a batch of a column
Taken = tuple[Any, Mapping[int, str]]  # an Array or a Flat of samples, and the places of those that failed with words


@dataclass(frozen=True, eq=False)
class Live:
    """A column that is not kept: `take` reads samples by their rows in the source.

    Samples that differ in size are filled up with `fill` along `axis`, to `width` where that is given.
    """

    rows: Array
    take: Callable[[Array, Keys | None], Taken]
    row_bytes: int  # of a sample as it is read
    fill: float = 0.0
    axis: int = 0
    width: int | None = None
    is_length: bool = False  # whether it stands for how long the samples are
    order_by: Tensor | None = None  # by what samples of like length come together

    def __len__(self) -> int:
        return len(self.rows)

    def to(self, _device: torch.device) -> Live:
        """The same column: its batches are moved, each by itself."""
        return self

    def port(self, name: str) -> Live:
        """What an Input's port of this name gives: the samples, or how long they are."""
        return replace(self, is_length=True) if name == "length" else self


Values = InMemory | Live  # what a column is for a graph


@dataclass(frozen=True)
class Ask:
    """One batch to be read: places in a split, and, in training, the seed and the epoch of its random choices."""

    split: str
    places: Tensor
    drawn: tuple[int, int] | None = None
    draws: Tensor | None = None  # how often each sample was drawn before in the epoch


@dataclass(frozen=True)
class Read:
    """One batch as it was read: the values of each live column.

    `places` are those of the samples that could be read; `faults` say what was wrong with the others. `unfit` tells of
    a sample that a step cannot take: the column, its place in the split, and why; `mistake` of another fault of the
    user's, and the setting. `draws` tell how often each sample was drawn before in the epoch.
    """

    places: Tensor
    values: Mapping[str, Tensor]
    faults: Sequence[str] = ()
    seconds: float = 0.0
    unfit: tuple[str, int, str] | None = None
    mistake: tuple[str, str | None] | None = None
    draws: Tensor | None = None

    def pin_memory(self) -> Read:
        """The same in memory that a GPU can copy from while it computes."""
        return replace(self, values={name: each.pin_memory() for name, each in self.values.items()})


class _Columns(Dataset[Read]):
    """Live columns of every split, read a batch at a time."""

    def __init__(self, splits: Mapping[str, Mapping[str, Live]], tails: Mapping[str, Tail]) -> None:
        self._splits, self._tails = splits, tails

    def __getitem__(self, ask: Ask) -> Read:
        begun = time.perf_counter()
        columns = self._splits[ask.split]
        rows = next(iter(columns.values())).rows[ask.places.numpy()]
        keys = Keys(*ask.drawn, torch.from_numpy(rows), ask.draws) if ask.drawn is not None else None
        try:
            found = {take: take(rows, keys) for take in {column.take: None for column in columns.values()}}
        except Mistake as mistake:
            return Read(ask.places, {}, mistake=(mistake.message, mistake.param))
        faults = {place: words for _values, failed in found.values() for place, words in failed.items()}
        taken = {name: found[column.take][0] for name, column in columns.items()}
        good = np.delete(np.arange(len(ask.places)), sorted(faults))
        values = {}
        for name, each in taken.items():
            column = columns[name]
            if isinstance(each, Flat):
                values[name] = _lengths(each, good) if column.is_length else _padded(column, each, good)
            else:
                values[name] = torch.from_numpy(each[good] if faults else each)
        words = [faults[place] for place in sorted(faults)]
        if keys is not None and faults:
            keys = keys.at(torch.from_numpy(good))
        places = ask.places[torch.from_numpy(good)]
        for name, tail in self._tails.items() if len(good) else ():
            try:
                values[name] = tail(values[name], keys)
            except Unfit as unfit:  # told where the sample's own name is known
                return Read(places, {}, unfit=(name, int(places[unfit.place]), unfit.message))
            except Mistake as mistake:  # which would lose what it says on its way between processes
                return Read(places, {}, mistake=(mistake.message, mistake.param))
        return Read(places, values, words, time.perf_counter() - begun, draws=None if keys is None else keys.draws)


def _padded(column: Live, held: Flat, good: Array) -> Tensor:
    """The samples at some places, filled up to the longest of them."""
    ragged = Ragged.of(held, fill=column.fill, axis=column.axis, width=column.width)
    places = torch.from_numpy(good)
    return ragged.batch(places, ragged.widths(places, max(1, len(good)))[0] if len(good) else 1)


def _lengths(held: Flat, good: Array) -> Tensor:
    return torch.from_numpy(held.lengths[good])


class _Asked(Sampler[Ask]):
    """The batches that are asked for next."""

    def __init__(self) -> None:
        self.asks: Sequence[Ask] = ()

    def __iter__(self) -> Iterator[Ask]:
        return iter(self.asks)

    def __len__(self) -> int:
        return len(self.asks)


class Reading:
    """Reads batches of live columns, some ahead of their use where there are workers."""

    def __init__(
        self,
        splits: Mapping[str, Mapping[str, Live]],
        tails: Mapping[str, Tail],
        *,
        workers: int,
        prefetch: int,
        pinned: bool,
    ) -> None:
        """`tails` are what is done to a batch of a column where it is read."""
        self._asked = _Asked()
        self._loader: DataLoader[Read] | None = DataLoader(
            _Columns(splits, tails),
            batch_size=None,
            sampler=self._asked,
            num_workers=workers,
            prefetch_factor=prefetch if workers else None,
            persistent_workers=bool(workers),
            pin_memory=pinned,
            collate_fn=_as_it_is,  # type: ignore[arg-type]  # with no batch_size it gets one sample
            worker_init_fn=_begin_worker,
            generator=torch.Generator(),  # else it would draw from torch's own, which dropout draws from
        )
        self._workers = workers
        self._going: Iterator[Read] | None = None

    def batches(self, asks: Sequence[Ask]) -> Iterator[Read]:
        """Yield what is asked for, in order. One such iteration runs at a time: a new one ends the one before."""
        self._end()
        self._asked.asks = asks
        self._going = self._read()
        return self._going

    def _read(self) -> Iterator[Read]:
        assert self._loader is not None
        try:
            yield from self._loader
        except (RuntimeError, ConnectionError, EOFError) as error:
            ended = "DataLoader worker (pid" in str(error) if isinstance(error, RuntimeError) else self._workers
            if not ended or "Caught" in str(error):
                raise
            words = "A process that reads samples was ended by the system, most likely for want of memory"
            raise Mistake(f"{words}; lower workers, prefetch or batch_size.", param="data.batching.workers") from None

    def close(self) -> None:
        """Let the workers go."""
        self._end()
        self._loader = None

    def _end(self) -> None:
        if self._going is not None:
            self._going.close()  # type: ignore[attr-defined]  # it is a generator
        self._going = None


def _as_it_is(read: Read) -> Read:
    return read


def _begin_worker(_number: int) -> None:
    torch.set_num_threads(1)
