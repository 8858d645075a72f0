"""Columns made ready for a graph: their steps fitted and applied, kept in memory, in a file, or read batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.columns import RAGGED, Column
from engine.data import audio, boxes, planned, sequences, steps, store
from engine.data.following import Mover, box_mover, mask_mover, moving
from engine.data.keep import FITS_WELL, Kept, Place, free_memory, read_all
from engine.data.keys import Keys
from engine.data.live import Live, Tail, Taken
from engine.data.numbers import Unfit
from engine.data.pixels import unit
from engine.data.ragged import Flat, Picked
from engine.data.sources import Array, Reader, left_out, source_of, stamps, unreadable
from engine.data.stored import File
from engine.ops.steps import Step
from engine.problem import Mistake
from engine.spec import Spec

MOST_MEASURED = 2**26  # bytes of training samples that steps are measured on, where not all are in memory
BLOCK_NUMBERS = 2**22  # that steps are applied to at once


@dataclass(frozen=True)
class Plan:
    """A column with its steps: as the source holds it, as the graph gets it, and the numbers that Index orders."""

    raw: Column
    steps: tuple[Step, ...]
    column: Column
    classes: Sequence[str] = ()
    numbers: Array | None = None
    image: Column | None = None  # that a mask or boxes follow, as the source holds it
    moves: tuple[Step, ...] = ()  # the steps of that image


@dataclass(frozen=True)
class Made:
    """A column made ready: its values in each split, the state for prediction, what it is in the end, and notes.

    `tail` is what is still to be done to each batch, on the device it is used on, and `mover` what moves boxes as
    their images move; None for nothing.
    """

    values: Mapping[str, Any]
    state: dict[str, Any]
    column: Column
    notes: tuple[str, ...] = ()
    tail: Tail | None = None
    mover: Mover | None = None


def source_key(spec: Spec, folder: Path, reader: Reader) -> str:
    """A name for what a source holds: its settings and the state of its files."""
    source = source_of(spec)
    params = {name: getattr(source, name) for name in source.params()}
    facts = [
        (str(path), *_facts(path)) for name in reader.columns for path in reader.files(name) if isinstance(path, Path)
    ]
    return store.key_of(type(source).__name__, params, str(folder.resolve()), stamps(source, folder), reader.key, facts)


def _facts(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:  # told when it is read
        return (0, 0)
    return found.st_size, found.st_mtime_ns


class Maker:
    """Makes the columns of one source ready, all kept in one place.

    `key` names what the source holds, for files that are kept on the disk.
    """

    def __init__(self, reader: Reader, place: Place, key: str) -> None:
        self._reader, self._place, self._key = reader, place, key
        self._kept: dict[str, Kept] = {}
        self._sounds: dict[str, tuple[Array, Flat]] = {}

    def read(self, plans: Collection[Plan], rows: Array) -> tuple[Array, tuple[str, ...]]:
        """Read what is to be kept of files; returns the rows that could be read, and a note on the others.

        Where nothing is kept, files are read with the batches, and none is looked at here.
        """
        faults: dict[int, str] = {}
        for each in plans:
            name = each.raw.name
            if self._place == "none" or self._reader.held(name) is not None or not self._reader.files(name):
                continue
            if each.raw.kind == "audio":
                faults |= self._read_sounds(each, rows)
                continue
            self._kept[name], failed = read_all(self._reader, name, rows, self._place, self._key)
            faults |= failed
        if faults and len(faults) == len(rows):
            raise unreadable(faults)
        good = rows[~np.isin(rows, list(faults))] if faults else rows
        what = next((each.raw.kind for each in plans if each.raw.name in self._kept), "sound")
        return good, left_out([faults[row] for row in sorted(faults)], what)

    def _read_sounds(self, plan: Plan, rows: Array) -> dict[int, str]:
        """Decode sounds and apply their steps; returns the rows that failed, with words."""
        files = self._reader.files(plan.raw.name)
        fitted = audio.fit(plan.steps)
        if any(step.random for step in plan.steps):
            count = audio.kept_steps(fitted, plan.raw)
            if count is None:
                return {}
            fitted = fitted[:count]  # the others change with each epoch
        if self._place == "disk":
            key = store.key_of(self._key, plan.raw.name, fitted, rows)
            sounds, failed = audio.stored(key, fitted, [files[row] for row in rows], len(rows) * plan.column.bytes)
        else:
            sounds, failed = audio.load(fitted, [files[row] for row in rows])
        self._sounds[plan.raw.name] = (rows, sounds)
        return {int(rows[place]): words for place, words in failed}

    def made(self, plan: Plan, indices: Mapping[str, Array]) -> Made:
        """A column made ready for these rows of each split."""
        if plan.raw.kind == "audio":
            return self._audio(plan, indices)
        if plan.raw.kind == "boxes":
            samples = {part: self._fetched(plan.raw.name, rows) for part, rows in indices.items()}
            made = Made(*boxes.prepared(plan.raw, plan.steps, plan.column, samples))
            return replace(made, mover=box_mover(plan.moves, _size(plan)) if moving(plan.moves) else None)
        if plan.raw.kind == "sequence":
            samples = {part: self._fetched(plan.raw.name, rows) for part, rows in indices.items()}
            return Made(*sequences.numbers(plan.raw, plan.column, samples))
        if plan.raw.kind in RAGGED and self._place == "disk":
            fetched = partial(self._fetched, plan.raw.name)
            return Made(*sequences.stored_texts(self._key, plan.raw, plan.steps, plan.column, fetched, indices))
        if plan.raw.kind in RAGGED:
            samples = {part: self._fetched(plan.raw.name, rows) for part, rows in indices.items()}
            return Made(*sequences.texts(plan.raw, plan.steps, plan.column, samples))
        return self._dense(plan, indices)

    def _fetched(self, name: str, rows: Array) -> Array:
        kept = self._kept.get(name)
        return self._reader.fetch(rows, [name])[name] if kept is None else kept.values[kept.places(rows)]

    # ------------------------------------------------------------------------------------------------------- sounds

    def _audio(self, plan: Plan, indices: Mapping[str, Array]) -> Made:
        fitted = audio.fit(plan.steps)
        take = partial(_sounds, fitted, self._reader.files(plan.raw.name), rate=plan.raw.rate)
        if plan.raw.name in self._sounds:
            rows, sounds = self._sounds[plan.raw.name]
            if any(step.random for step in plan.steps):
                head = audio.kept_steps(fitted, plan.raw) or 0
                rate = audio.rate_after(plan.raw.rate, fitted[:head])
                take = partial(_varied, fitted[head:], rate, rows, sounds)
                return self._live_sounds(plan, indices, take)
            places = {part: np.searchsorted(rows, each) for part, each in indices.items()}
            return Made(*sequences.sounds(plan.raw, plan.steps, plan.column, sounds, places))
        return self._live_sounds(plan, indices, take)

    def _live_sounds(self, plan: Plan, indices: Mapping[str, Array], take: Callable[..., Taken]) -> Made:
        """Sounds of which batches are made when they are needed."""
        fitted, shape = audio.fit(plan.steps), plan.column.shape
        width = shape[-1] if isinstance(shape[-1], int) else None
        live = {
            part: Live(rows, take, 0, fill=audio.silence(fitted), axis=len(shape) - 1, width=width)
            for part, rows in indices.items()
        }
        return Made(live, sequences.state_of(plan.raw, plan.column, fitted), plan.column)

    # -------------------------------------------------------------------------------------------------------- dense

    def _dense(self, plan: Plan, indices: Mapping[str, Array]) -> Made:
        """A column whose samples are of one size."""
        training, rows = self._for_fitting(plan, indices["train"])
        with self._named(plan.raw.name, rows):
            fitted = steps.fit(plan.steps, plan.raw, training, plan.numbers, white=self._reader.white)
        state = {
            "kind": plan.raw.kind,
            "shape": list(plan.raw.shape),
            "dtype": plan.column.dtype,
            "classes": list(plan.classes or planned.known(plan.column, fitted).classes),
            "parts": list(plan.raw.parts),
            "steps": fitted,
        }
        if plan.raw.kind == "image":
            state["fit"] = plan.raw.fit
        notes = self._measured_note(plan, len(rows), len(indices["train"]))
        whole: Tail = partial(_finished, fitted, plan.column, self._reader.white)
        if moving(plan.moves):
            whole = partial(_moved, mask_mover(plan.moves, _size(plan)), whole)
        values, tail = self._placed(plan, indices, whole)
        if self._reader.redrawn(indices["train"][:1], plan.raw.name, (0, 0)) is not None:
            tail = partial(_redrawn, self._reader, plan.raw.name, whole)
        return Made(values, state, planned.known(plan.column, fitted), notes, tail)

    def _placed(self, plan: Plan, indices: Mapping[str, Array], whole: Tail) -> tuple[dict[str, Any], Tail | None]:
        """The values of each split where they are kept, and what is left to do to a batch of them."""
        name, kept = plan.raw.name, self._kept.get(plan.raw.name)
        random = any(step.random for step in (*plan.steps, *plan.moves))
        if self._place == "none" and self._reader.held(name) is None and not plan.raw.parts:
            take = partial(_taken, self._reader, name)
            return {part: Live(rows, take, _row_bytes(plan)) for part, rows in indices.items()}, whole
        if kept is not None and (random or self._place == "disk" or not self._fits(plan, len(kept.rows))):
            base = torch.from_numpy(kept.values)
            return {part: Picked(base, torch.from_numpy(kept.places(rows))) for part, rows in indices.items()}, whole
        if random:
            return {part: torch.from_numpy(self._fetched(name, rows)) for part, rows in indices.items()}, whole
        if self._place == "disk":
            return self._written(plan, indices, whole), None
        return {part: self._applied(plan, rows, whole) for part, rows in indices.items()}, None

    def _fits(self, plan: Plan, rows: int) -> bool:
        """Whether bytes may become numbers, four times as large, in memory."""
        return rows * plan.column.bytes <= FITS_WELL * free_memory()

    def _blocks(self, plan: Plan, rows: Array, whole: Tail) -> Iterator[Tensor]:
        """Prepared values of these rows, some at a time."""
        step = max(1, BLOCK_NUMBERS // max(1, int(np.prod(plan.raw.sizes))))
        for start in range(0, len(rows), step):
            some = rows[start : start + step]
            with self._named(plan.raw.name, some):
                yield whole(steps.tensor(self._fetched(plan.raw.name, some)), None)

    def _applied(self, plan: Plan, rows: Array, whole: Tail) -> Tensor:
        """Prepared values in memory."""
        found = None
        start = 0
        for block in self._blocks(plan, rows, whole):
            if found is None:
                if len(block) == len(rows):
                    return block
                found = torch.empty((len(rows), *block.shape[1:]), dtype=block.dtype)
            found[start : start + len(block)] = block
            start += len(block)
        assert found is not None
        return found

    def _written(self, plan: Plan, indices: Mapping[str, Array], whole: Tail) -> dict[str, Picked]:
        """Prepared values in a file, one for all splits."""
        rows = np.sort(np.concatenate(list(indices.values())))
        key = store.key_of(self._key, plan.raw.name, [repr(step) for step in plan.steps], indices["train"], rows)
        blocks = lambda: (block.numpy() for block in self._blocks(plan, rows, whole))
        values, _facts = store.stored(key, blocks, len(rows) * plan.column.bytes)
        base = torch.from_numpy(values)
        return {part: Picked(base, torch.from_numpy(np.searchsorted(rows, each))) for part, each in indices.items()}

    def _for_fitting(self, plan: Plan, rows: Array) -> tuple[Array, Array]:
        """Training samples that steps are measured on, and their rows: all of them, or some from all over."""
        name = plan.raw.name
        if not any(step.learns for step in plan.steps):
            rows = rows[:1]
        elif self._place != "memory":
            most = max(1, MOST_MEASURED // max(1, 4 * int(np.prod(plan.raw.sizes))))
            rows = rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]
        if self._kept.get(name) is None and self._reader.files(name):
            values, faults = self._reader.read(rows, name)
            return np.delete(values, sorted(faults), axis=0), np.delete(rows, sorted(faults))
        return self._fetched(name, rows), rows

    @contextmanager
    def _named(self, name: str, rows: Array) -> Iterator[None]:
        """Say of a sample that a step cannot take where its user finds it."""
        try:
            yield
        except Unfit as unfit:
            where = self._reader.where(int(rows[unfit.place]))
            raise Mistake(f"{where}: {unfit.message}", param=f"data.columns.{name}.steps") from None

    def _measured_note(self, plan: Plan, measured: int, training: int) -> tuple[str, ...]:
        if measured == training or not any(step.learns for step in plan.steps):
            return ()
        return (f"{plan.raw.name}: its steps are measured on {measured:,} of {training:,} training samples.",)


def _size(plan: Plan) -> tuple[int, int]:
    """Height and width of the image that a column follows, as its source holds it."""
    assert plan.image is not None
    return plan.image.sizes[1], plan.image.sizes[2]


def _row_bytes(plan: Plan) -> int:
    """Bytes of a sample as it is read."""
    return int(np.prod(plan.raw.sizes)) * (1 if plan.raw.kind in ("image", "mask") else 4)


def _finished(
    fitted: Sequence[steps.Fitted], column: Column, white: float, values: Tensor, keys: Keys | None
) -> Tensor:
    """A batch of a column after its steps."""
    if column.kind == "image" and not fitted and values.dtype == torch.uint8:
        values = unit(values, white)
    return steps.apply(fitted, values, keys).to(getattr(torch, column.dtype)).contiguous()


def _moved(mover: Tail, whole: Tail, values: Tensor, keys: Keys | None) -> Tensor:
    return whole(mover(values, keys), keys)


def _redrawn(reader: Reader, name: str, whole: Tail, values: Tensor, keys: Keys | None) -> Tensor:
    """A batch of a column of which each epoch draws other samples; at rest, those that were made ready."""
    if keys is None:
        return values
    drawn = reader.redrawn(keys.samples.numpy(), name, (keys.seed, keys.epoch))
    return whole(torch.from_numpy(drawn), None).to(values.device)


def _taken(reader: Reader, name: str, rows: Array, _keys: Keys | None) -> Taken:
    return reader.read(rows, name)


def _sounds(
    fitted: Sequence[steps.Fitted], files: Sequence[File | audio.Sound], rows: Array, keys: Keys | None, *, rate: int
) -> Taken:
    sounds, faults = audio.load(fitted, [files[row] for row in rows], rate=rate, keys=keys)
    return sounds, dict(faults)


def _varied(
    fitted: Sequence[steps.Fitted], rate: int, kept: Array, sounds: Flat, rows: Array, keys: Keys | None
) -> Taken:
    return audio.finished(fitted, rate, sounds, np.searchsorted(kept, rows), keys), {}
