"""Metrics that are gathered over batches, and the tables that some of them give."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from engine.declare import Metric, Recipe
from engine.events import Table
from engine.recipes import build

Batch = tuple[Tensor | None, ...]  # what an object's `update` takes of one batch
WAITING = "waiting."  # in the names of a state; behind it the batch, the column, and how many columns there are


class Gathered:
    """An object of torchmetrics at work: it gets batches joined, now and then, and is asked at the end."""

    def __init__(self, recipe: Recipe, state: Mapping[str, Tensor]) -> None:
        self._object = build(recipe)
        self._batches: list[Batch] = _waiting(state)
        self._used = False
        gathered = {name: each for name, each in state.items() if not name.startswith(WAITING)}
        if gathered:
            self._restore(gathered)

    @property
    def kept(self) -> int:
        """How many numbers wait to be handed on."""
        return sum(map(_numbers, self._batches))

    def add(self, batch: Batch) -> int:
        """Take in a batch; returns how many numbers are kept of it."""
        self._batches.append(batch)
        return _numbers(batch)

    def flush(self) -> None:
        """Hand on what was added. Nothing is read from the device, unless the object does."""
        batches, self._batches = self._batches, []
        for batch in joined(batches):
            self._object.to(next(each.device for each in batch if each is not None))
            with torch.no_grad():
                self._object.update(*batch)
            self._used = True

    def value(self) -> Tensor | None:
        """What was measured, or None where there was nothing to measure."""
        self.flush()
        if not self._used:
            return None
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # of classes without samples: their values say it
            return self._object.compute().detach().cpu()  # type: ignore[no-any-return]

    # States are tensors, or lists of tensors that are one when joined.

    def state(self) -> dict[str, Tensor]:
        """All that was gathered, by name, and what waits to be handed on; empty where there is nothing."""
        waiting = {
            f"{WAITING}{place}.{column}.{len(batch)}": each
            for place, batch in enumerate(joined(self._batches))
            for column, each in enumerate(batch)
            if each is not None
        }
        states = self._object.metric_state.items() if self._used else ()
        found = {name: torch.cat(each) if isinstance(each, list) else each for name, each in states if len_of(each)}
        return found | waiting

    def _restore(self, state: Mapping[str, Tensor]) -> None:
        for name, kept in self._object.metric_state.items():
            if name in state:
                setattr(self._object, name, [state[name]] if isinstance(kept, list) else state[name])
        self._object._update_count = 1  # else it says that it was never updated
        self._used = True


def _numbers(batch: Batch) -> int:
    return sum(each.numel() for each in batch if each is not None)


def _waiting(state: Mapping[str, Tensor]) -> list[Batch]:
    """The batches of a state that were not handed on."""
    found: dict[int, list[Tensor | None]] = {}
    for name, tensor in state.items():
        if name.startswith(WAITING):
            place, column, columns = map(int, name.removeprefix(WAITING).split("."))
            found.setdefault(place, [None] * columns)[column] = tensor
    return [tuple(batch) for _place, batch in sorted(found.items())]


def len_of(state: Any) -> int:
    """How many tensors a state holds."""
    return len(state) if isinstance(state, list) else 1


def joined(batches: Sequence[Batch]) -> Iterator[Batch]:
    """Join batches, as far as their samples are of one shape, on the device of the last of them."""
    start = 0
    for place in range(1, len(batches) + 1):
        if place == len(batches) or _shapes(batches[place]) != _shapes(batches[start]):
            columns = zip(*batches[start:place], strict=True)
            yield tuple(None if column[0] is None else _one(column) for column in columns)
            start = place


def _one(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors as one; those that waited in a checkpoint are on the host, whatever the device of the others."""
    return torch.cat([each.to(tensors[-1].device) for each in tensors])


def _shapes(batch: Batch) -> list[torch.Size | None]:
    return [None if each is None else each.shape[1:] for each in batch]


def table(metric: Metric, value: Tensor, classes: Sequence[str]) -> Table:
    """A result of several numbers as a table; `classes` are the target's, empty where they have no names."""
    rows, columns = metric.table() or ("class", type(metric).title)
    names = tuple(classes) if len(classes) == len(value) else tuple(map(str, range(len(value))))
    if value.ndim == 1:
        return Table(rows, "", names, (columns,), tuple((number,) for number in value.tolist()))
    if (
        value.ndim == 3
    ):  # of several labels: for each how often no was answered for no, yes for no, no for yes, yes for yes
        outcomes = ("right no", "false alarm", "miss", "right yes")
        return Table("label", "", names, outcomes, tuple(map(tuple, value.flatten(1).tolist())))
    if len(value) == 2 and not classes:
        names = ("no", "yes")
    return Table(rows, columns, names, names, tuple(map(tuple, value.tolist())))
