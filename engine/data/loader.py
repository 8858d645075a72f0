"""Batches on their way to the model: from tensors in memory, from files mapped into it, and from samples read live."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.data.batching import batch_count, batches, lengths_of
from engine.data.following import Mover
from engine.data.keys import Keys
from engine.data.live import Ask, Live, Read, Reading, Tail
from engine.data.numbers import Unfit
from engine.data.orders import epoch_order
from engine.data.ragged import Ragged
from engine.data.sources import left_out, unreadable
from engine.data.stages import Stages
from engine.ops.settings import Batching
from engine.problem import Mistake

if TYPE_CHECKING:  # it knows of tails and movers, which are made here
    from engine.data.prepare import Dataset

T = TypeVar("T")
MOST_WORKERS = 8  # unless more are asked for


@dataclass(frozen=True, eq=False)
class Flow:
    """What batches of one run come from.

    `splits` hold a column's values for each feed: a Tensor, a Ragged or a Live. `tails` are what is still done to a
    batch, by feed. `rows` tell for each split the number that each sample has in the source, from which its random
    choices are drawn. `weights` say how often each training sample is drawn, None for each once.
    """

    splits: Mapping[str, Mapping[str, Any]]
    rows: Mapping[str, NDArray[Any]]
    tails: Mapping[str, Tail] = field(default_factory=dict)
    weights: Tensor | None = None
    cache: str = "memory"  # where samples are kept: memory, disk or none
    where: Callable[[int], str] = "sample {}".format  # names a sample by its number in the source
    movers: Sequence[tuple[Mapping[str, str], Mover]] = ()  # the feed of each port of boxes, and what moves them


def whole_flow(dataset: Dataset) -> Flow:
    """A flow of all columns of a dataset as they are, boxes cut into their ports."""
    feeds = {name: [(name, "")] for name in dataset.columns}
    for name, column in dataset.columns.items():
        if column.kind == "boxes":
            feeds[name] = [(f"{name}.{port}", port) for port in column.ports.split(", ")]
    splits = {
        split: {
            feed: columns[name].port(port) if port else columns[name] for name in feeds for feed, port in feeds[name]
        }
        for split, columns in dataset.splits.items()
    }
    movers = [({port: feed for feed, port in feeds[name]}, mover) for name, mover in dataset.movers.items()]
    return Flow(splits, dataset.rows, dataset.tails, dataset.weights, dataset.cache, dataset.where, movers)


class Loader:
    """Gives batches of a flow on a device, each a list of tensors in the order of the feeds.

    Batches are the same for the same seed and epoch, however many workers read them. Samples that cannot be read are
    left out of them; `news` tells of those.
    """

    def __init__(self, flow: Flow, batching: Batching, device: torch.device, seed: int) -> None:
        self._flow, self._batching, self._device, self._seed = flow, batching, device, seed
        live = {
            split: {name: each for name, each in columns.items() if isinstance(each, Live)}
            for split, columns in flow.splits.items()
        }
        self._live = live if any(live.values()) else {}
        self._early: dict[
            str, Tail
        ] = {}  # done where samples are read, which is as good where there is no other device
        if device.type == "cpu":
            names = {name for columns in live.values() for name in columns}
            self._early = {name: tail for name, tail in flow.tails.items() if name in names}
        self._reading: Reading | None = None
        self.place = 0  # behind the batch that was given last; one without a sample that can be read is passed over
        self.workers = _workers(batching.workers, device) if self._live else 0
        self.stages = Stages(self.workers, spare=max(0, _cores() - self.workers) if self._live else 0)
        self._faults: dict[str, bool] = {}  # what was wrong with a sample, and whether it was told

    # ------------------------------------------------------------------------------------------------ what is asked

    def samples(self, split: str) -> int:
        """How many samples a split has."""
        return len(next(iter(self._flow.splits[split].values()))) if split in self._flow.splits else 0

    def steps(self, split: str = "train") -> int:
        """Batches of an epoch, or of another split when it is measured."""
        drop_last = self._batching.drop_last and split == "train"
        return batch_count(self.samples(split), self._batching.batch_size, drop_last=drop_last)

    def training(self, epoch: int, start: int = 0) -> Iterator[list[Tensor]]:
        """The batches of an epoch from number `start` on, in the epoch's own order."""
        return self._batches("train", self._order(epoch), epoch, start)

    def measuring(self, split: str) -> Iterator[list[Tensor]]:
        """The batches of a whole split, random steps at rest."""
        return self._batches(split, self._sorted(split), None, 0)

    def advice(self) -> str:
        """What would shorten the wait for data, "" where there is nothing to say."""
        return self.stages.advice(self._flow.cache)

    def news(self) -> tuple[str, ...]:
        """A note on the samples that could not be read, those that were told of before left out."""
        fresh = [words for words, told in self._faults.items() if not told]
        self._faults |= dict.fromkeys(fresh, True)
        return left_out(fresh, "sample")

    def close(self) -> None:
        """Let the workers go."""
        if self._reading is not None:
            self._reading.close()
        self._reading = None

    # --------------------------------------------------------------------------------------------------- the order

    def _order(self, epoch: int) -> Tensor | None:
        """The order of an epoch's samples, None for that of the data."""
        batching, weights = self._batching, self._flow.weights
        if not batching.shuffle and weights is None:
            return None
        lengths = lengths_of(self._flow.splits["train"]) if batching.by_length else None
        return epoch_order(
            self._seed,
            epoch,
            self.samples("train"),
            weights=weights,
            buffer=batching.shuffle_buffer,
            lengths=lengths,
            batch_size=batching.batch_size,
        )

    def _sorted(self, split: str) -> Tensor | None:
        """The order in which least is filled up, None where all samples are of one size.

        How far samples are filled up changes what a mean over time says, so it is to be alike in training and here.
        """
        lengths = lengths_of(self._flow.splits[split]) if self._batching.by_length else None
        return None if lengths is None else lengths.argsort(stable=True)

    # -------------------------------------------------------------------------------------------------- the batches

    def _batches(self, split: str, order: Tensor | None, epoch: int | None, start: int) -> Iterator[list[Tensor]]:
        drop_last = self._batching.drop_last and epoch is not None
        made = (self._read if self._live.get(split) else self._held)(split, order, epoch, start, drop_last)
        self.place = start
        while True:
            begun = time.perf_counter()
            batch = next(made, None)
            if batch is None:
                return
            self.place += 1
            self.stages.took(len(batch[0]), time.perf_counter() - begun)
            yield batch

    def _held(
        self, split: str, order: Tensor | None, epoch: int | None, start: int, drop_last: bool
    ) -> Iterator[list[Tensor]]:
        """Batches of columns that are all in memory, or mapped into it."""
        columns, size = self._flow.splits[split], self._batching.batch_size
        made = batches(columns, size, order=order, drop_last=drop_last, start=start)
        if not (self._flow.tails or self._flow.movers) and self._flow.cache == "memory" and self._is_resident(columns):
            yield from made  # which is quickest, and there is nothing to tell of it
            return
        place, draws = start, self._draws(order)
        while (batch := self._timed("batch", lambda: next(made, None))) is not None:
            low = place * size
            high = low + len(batch[0])
            again = None if draws is None else draws[low:high]
            yield self._finished(split, list(columns), batch, _places(order, low, high), epoch, again)
            place += 1

    def _is_resident(self, columns: Mapping[str, Any]) -> bool:
        return all(each.device.type == self._device.type for each in columns.values())

    def _read(
        self, split: str, order: Tensor | None, epoch: int | None, start: int, drop_last: bool
    ) -> Iterator[list[Tensor]]:
        """Batches of which some columns are read live; samples that cannot be read are left out of them."""
        columns, size = self._flow.splits[split], self._batching.batch_size
        samples = self.samples(split) if order is None else len(order)
        count = batch_count(samples, size, drop_last=drop_last)
        drawn = (self._seed, epoch) if epoch is not None else None
        draws = self._draws(order)
        asks = [
            Ask(
                split,
                _places(order, place * size, min(place * size + size, samples)),
                drawn,
                None if draws is None else draws[place * size : place * size + size],
            )
            for place in range(start, count)
        ]
        empty = True
        for read in self._reader().batches(asks):
            self.stages.add("read", read.seconds)
            for words in read.faults:
                self._faults.setdefault(words, False)
            if read.mistake is not None:
                raise Mistake(read.mistake[0], param=read.mistake[1])
            if read.unfit is not None:
                raise self._unfit(split, *read.unfit)
            if not len(read.places):
                self.place += 1
            else:
                empty = False
                batch = self._timed("batch", lambda read=read: _joined(columns, read))  # type: ignore[misc]
                yield self._finished(split, list(columns), batch, read.places, epoch, read.draws)
        if empty and asks and start == 0:  # of the end of an epoch nothing may be left that can be read
            raise unreadable(dict(enumerate(self._faults)))

    def _reader(self) -> Reading:
        if self._reading is None:
            pinned = self._device.type == "cuda"
            prefetch = self._batching.prefetch
            self._reading = Reading(self._live, self._early, workers=self.workers, prefetch=prefetch, pinned=pinned)
        return self._reading

    def _finished(
        self,
        split: str,
        names: list[str],
        batch: list[Tensor],
        places: Tensor,
        epoch: int | None,
        draws: Tensor | None,
    ) -> list[Tensor]:
        """A batch on the device, after what is still to be done to its columns there."""
        batch = self._timed("copy", lambda: [_on_device(each, self._device) for each in batch])
        tails = {name: tail for name, tail in self._flow.tails.items() if name not in self._early}
        if not tails and not self._flow.movers:
            return batch
        keys = None
        if epoch is not None:
            keys = Keys(self._seed, epoch, torch.from_numpy(self._flow.rows[split][places.numpy()]), draws)
        try:
            return self._timed("steps", lambda: self._changed(dict(zip(names, batch, strict=True)), tails, keys))
        except Unfit as unfit:
            raise self._unfit(split, "", int(places[unfit.place]), unfit.message) from None

    def _draws(self, order: Tensor | None) -> Tensor | None:
        """How often each sample of an order stands before in it, where samples are drawn by weights."""
        if self._flow.weights is None or order is None:
            return None
        ranked, places = order.sort(stable=True)
        first = torch.searchsorted(ranked, ranked)
        draws = torch.empty_like(order)
        draws[places] = torch.arange(len(order)) - first
        return draws

    def _unfit(self, split: str, name: str, place: int, words: str) -> Mistake:
        """The Mistake for a sample of a split that a step of its column cannot take."""
        where = self._flow.where(int(self._flow.rows[split][place]))
        return Mistake(f"{where}: {words}", param=f"data.columns.{name}.steps" if name else "data.columns")

    def _changed(self, batch: dict[str, Tensor], tails: Mapping[str, Tail], keys: Keys | None) -> list[Tensor]:
        """The columns of a batch after what is to be done to them, boxes after what moves their images."""
        for name, tail in tails.items():
            batch[name] = tail(batch[name], keys)
        for ports, mover in self._flow.movers:
            moved = mover({port: batch[name] for port, name in ports.items()}, keys)
            batch |= {ports[port]: each for port, each in moved.items()}
        return list(batch.values())

    def _timed(self, stage: str, work: Callable[[], T]) -> T:
        begun = time.perf_counter()
        done = work()
        self.stages.add(stage, time.perf_counter() - begun)
        return done


def _on_device(values: Tensor, device: torch.device) -> Tensor:
    """A tensor on a device; a GPU copies from pinned memory while it computes."""
    if device.type == "cuda" and values.device.type == "cpu":
        values = values if values.is_pinned() else values.pin_memory()
    return values.to(device, non_blocking=True)


def _places(order: Tensor | None, low: int, high: int) -> Tensor:
    return torch.arange(low, high) if order is None else order[low:high]


def _joined(columns: Mapping[str, Any], read: Read) -> list[Tensor]:
    """The columns of a batch that was read: those that are kept beside those that are not."""
    found = []
    for name, column in columns.items():
        if isinstance(column, Live):
            found.append(read.values[name])
        elif isinstance(column, Ragged):
            places = read.places.to(column.device)
            found.append(column.batch(places, column.widths(read.places, max(1, len(places)))[0]))
        else:
            found.append(column.index_select(0, read.places.to(column.device)))
    return found


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _workers(asked: int | None, device: torch.device) -> int:
    """How many processes read: as many as asked for; else one a core, or for half of them where those train too."""
    if asked is not None:
        return asked
    return min(MOST_WORKERS, _cores() if device.type != "cpu" else max(1, _cores() // 2))
