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

MOST_MEASURED = 5_000  # training samples that steps are measured on where none is kept
State = Mapping[str, Any]  # what prediction needs to treat new samples alike
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

    `key` names what the source holds, for files that are kept on the disk. With a `state`, what the steps have learned
    is taken from it, as a run goes on with what it began with.
    """

    def __init__(self, reader: Reader, place: Place, key: Callable[[], str], state: State | None = None) -> None:
        self._reader, self._place = reader, place
        self._known = state or {}
        self._key = key() if place == "disk" else ""
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
            made = Made(*sequences.sounds(plan.raw, plan.steps, plan.column, sounds, places))
            for part, values in made.values.items():
                values.order_by = self._durations(plan, indices[part])
            return made
        return self._live_sounds(plan, indices, take)

    def _durations(self, plan: Plan, rows: Array) -> Tensor | None:
        """By what sounds of like length come together: the same wherever they are kept; None where all are of one."""
        if isinstance(plan.column.shape[-1], int):
            return None
        return torch.from_numpy((self._reader.seconds(plan.raw.name)[rows] * 1000).round().astype(np.int64))

    def _live_sounds(self, plan: Plan, indices: Mapping[str, Array], take: Callable[..., Taken]) -> Made:
        """Sounds of which batches are made when they are needed."""
        fitted, shape = audio.fit(plan.steps), plan.column.shape
        width = shape[-1] if isinstance(shape[-1], int) else None
        live = {
            part: Live(
                rows,
                take,
                0,
                fill=audio.silence(fitted),
                axis=len(shape) - 1,
                width=width,
                order_by=self._durations(plan, rows),
            )
            for part, rows in indices.items()
        }
        return Made(live, sequences.state_of(plan.raw, plan.column, fitted), plan.column)

    # -------------------------------------------------------------------------------------------------------- dense

    def _dense(self, plan: Plan, indices: Mapping[str, Array]) -> Made:
        """A column whose samples are of one size."""
        fitted, notes = self._fitted(plan, indices["train"])
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
        whole: Tail = partial(_finished, fitted, plan.column, self._reader.white)
        if moving(plan.moves):
            whole = partial(_moved, mask_mover(plan.moves, _size(plan)), whole)
        values, tail = self._placed(plan, indices, whole)
        if self._reader.redrawn(indices["train"][:1], plan.raw.name, (0, 0)) is not None:
            tail = partial(_redrawn, self._reader, plan.raw.name, whole, tail)
        return Made(values, state, planned.known(plan.column, fitted), notes, tail)

    def _placed(self, plan: Plan, indices: Mapping[str, Array], whole: Tail) -> tuple[dict[str, Any], Tail | None]:
        """The values of each split where they are kept, and what is left to do to a batch of them."""
        name, kept = plan.raw.name, self._kept.get(plan.raw.name)
        random = any(step.random for step in (*plan.steps, *plan.moves))
        held = self._reader.held(name) is not None or (plan.raw.parts and self._fits(plan, len(self._reader)))
        if self._place == "none" and not held:
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

    def _fitted(self, plan: Plan, rows: Array) -> tuple[list[steps.Fitted], tuple[str, ...]]:
        """The steps with what they learn from these rows, and a note where they learn from some of them alone."""
        name, kept = plan.raw.name, self._known.get("columns", {}).get(plan.raw.name)
        if kept is not None and len(kept["steps"]) == len(plan.steps):
            return list(kept["steps"]), ()
        notes: tuple[str, ...] = ()
        if not any(step.learns for step in plan.steps):
            rows = rows[:1]
        elif self._kept.get(name) is None and self._reader.files(name):  # none is kept, and reading takes long
            count = len(rows)
            if count > MOST_MEASURED:
                rows = rows[np.linspace(0, count - 1, MOST_MEASURED).astype(np.int64)]
                notes = (f"{name}: its steps are measured on {len(rows):,} of {count:,} training samples.",)
        with self._named(name, rows):
            fitted = steps.fit(plan.steps, plan.raw, _Samples(self, name, rows), plan.numbers, white=self._reader.white)
        return fitted, notes

    def some(self, name: str, rows: Array) -> Array:
        """Samples of a column as the source holds them, without those that cannot be read."""
        if self._kept.get(name) is not None or not self._reader.files(name):
            return self._fetched(name, rows)
        values, faults = self._reader.read(rows, name)
        if faults and len(faults) == len(rows):
            raise unreadable(faults)
        return np.delete(values, sorted(faults), axis=0)

    @contextmanager
    def _named(self, name: str, rows: Array) -> Iterator[None]:
        """Say of a sample that a step cannot take where its user finds it."""
        try:
            yield
        except Unfit as unfit:
            where = self._reader.where(int(rows[unfit.place]))
            raise Mistake(f"{where}: {unfit.message}", param=f"data.columns.{name}.steps") from None


class _Samples:
    """Samples of a column at some rows, read a stretch at a time."""

    def __init__(self, maker: Maker, name: str, rows: Array) -> None:
        self._maker, self._name, self._rows = maker, name, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, places: slice) -> Array:
        return self._maker.some(self._name, self._rows[places])


def _size(plan: Plan) -> tuple[int, int]:
    """Height and width of the image that a column follows, as its source holds it."""
    assert plan.image is not None
    return plan.image.sizes[1], plan.image.sizes[2]


def most_bytes(plan: Plan) -> int:
    """Bytes of a sample as it is read or as it is in the end, whichever are more."""
    return plan.column.bytes if plan.raw.kind in RAGGED else max(_row_bytes(plan), plan.column.bytes)


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


def _redrawn(reader: Reader, name: str, whole: Tail, left: Tail | None, values: Tensor, keys: Keys | None) -> Tensor:
    """A batch of a column of which each epoch draws other samples; at rest, the ones that are kept."""
    if keys is None:
        return values if left is None else left(values, None)
    drawn = reader.redrawn(keys.samples.cpu().numpy(), name, (keys.seed, keys.epoch))
    return whole(torch.from_numpy(drawn).to(values.device), keys)


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
