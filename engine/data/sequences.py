"""Columns whose samples differ in size on their way to tensors: texts, sounds and lists, prepared and read anew."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.columns import Column
from engine.data import audio, boxes, lists, store, text
from engine.data.ragged import Array, Flat, Ragged, bounds, flat
from engine.ops.steps import Step
from engine.problem import Mistake

State = Mapping[str, Any]
Fetched = Callable[[Array], Array]  # samples by their rows
AT_ONCE = 2**14  # texts that are in memory


def after(column: Column, steps: Sequence[Step]) -> Column:
    """The column as it leaves its steps; raises Mistake where they do not make a tensor of it."""
    if column.kind in ("sequence", "boxes"):
        return replace(column, steps=tuple(type(step).__name__ for step in steps))
    return text.after(column, steps) if column.kind == "text" else audio.after(column, steps)


def texts(
    raw: Column, steps: Sequence[Step], column: Column, samples: Mapping[str, Array]
) -> tuple[dict[str, Ragged], dict[str, Any], Column, tuple[str, ...]]:
    """Fit a column's steps on the training texts and apply them to all: {split: texts} in, {split: tensor} out.

    Also returns the state for prediction, the column with what was learned, and notes.
    """
    fitted = text.fit(steps, raw.name, samples["train"].tolist())
    found, cut = {}, 0
    for part, each in samples.items():
        ids, count = text.apply(fitted, each.tolist())
        found[part], cut = _tokens(fitted, ids), cut + count
    notes = _notes(raw.name, cut, sum(map(len, samples.values())))
    return found, state_of(raw, column, fitted), text.known(column, fitted), notes


def stored_texts(
    key: str, raw: Column, steps: Sequence[Step], column: Column, fetched: Fetched, indices: Mapping[str, Array]
) -> tuple[dict[str, Ragged], dict[str, Any], Column, tuple[str, ...]]:
    """The same for texts that are fetched some at a time, by their rows; the tokens go into a file.

    `key` names what the texts come from.
    """
    fitted = text.fit(steps, raw.name, Some(fetched, indices["train"]))
    rows = np.sort(np.concatenate(list(indices.values())))
    counts: list[int] = []
    cut: list[int] = []

    def blocks() -> Iterator[Array]:
        for start in range(0, len(rows), AT_ONCE):
            ids, shortened = text.apply(fitted, fetched(rows[start : start + AT_ONCE]).tolist())
            counts.extend(ids.lengths.tolist())
            cut.append(shortened)
            yield ids.values
        yield np.full(1, text.PAD, np.int64)  # which fills batches up

    named = store.key_of(key, raw.name, fitted, rows, _digest(Some(fetched, rows)))
    values, (lengths, shortened) = store.stored(named, blocks, len(rows) * raw.bytes, lambda: (counts, sum(cut)))
    whole = _tokens(fitted, Flat(values, bounds(np.array(lengths, np.int64))))
    found = {part: whole.picked(torch.from_numpy(np.searchsorted(rows, each))) for part, each in indices.items()}
    notes = _notes(raw.name, shortened, len(rows))
    return found, state_of(raw, column, fitted), text.known(column, fitted), notes


def _digest(texts: Iterable[str]) -> str:
    """A name for the content of texts."""
    digest = hashlib.sha256()
    for each in texts:
        plain = each.encode()
        digest.update(len(plain).to_bytes(8, "little") + plain)
    return digest.hexdigest()


class Some:
    """Samples that are fetched some at a time, each time that they are gone through."""

    def __init__(self, fetched: Fetched, rows: Array) -> None:
        self._fetched, self._rows = fetched, rows

    def __iter__(self) -> Iterator[Any]:
        for start in range(0, len(self._rows), AT_ONCE):
            yield from self._fetched(self._rows[start : start + AT_ONCE]).tolist()


def _notes(name: str, cut: int, count: int) -> tuple[str, ...]:
    if not cut:
        return ()
    return (f"{name}: {cut:,} of {count:,} texts {'are' if cut > 1 else 'is'} longer than the limit and cut.",)


def state_of(raw: Column, column: Column, fitted: list[dict[str, Any]]) -> dict[str, Any]:
    state = {"kind": raw.kind, "shape": list(column.shape), "dtype": column.dtype, "classes": [], "parts": []}
    return {**state, "steps": fitted} | ({"rate": raw.rate} if raw.kind == "audio" else {})


def _tokens(fitted: Sequence[Mapping[str, Any]], ids: Flat) -> Ragged:
    return Ragged.of(ids, fill=text.PAD, width=text.width(fitted))


def sounds(
    raw: Column, steps: Sequence[Step], column: Column, loaded: Flat, places: Mapping[str, Array]
) -> tuple[dict[str, Ragged], dict[str, Any], Column]:
    """The same for sounds that were loaded, their steps applied; `places` say where those of each split stand."""
    fitted = audio.fit(steps)
    whole = audio.tensors(fitted, column.shape, loaded)
    found = {part: whole.picked(torch.from_numpy(each)) for part, each in places.items()}
    return found, state_of(raw, column, fitted), column


def numbers(
    raw: Column, column: Column, samples: Mapping[str, Array]
) -> tuple[dict[str, Ragged], dict[str, Any], Column, tuple[str, ...]]:
    """The same for lists of numbers, which no step changes."""
    found = {part: Ragged.of(lists.laid_out(each)) for part, each in samples.items()}
    return found, state_of(raw, column, []), column, ()


def learned(column: Column, steps: Sequence[Step], training: Array) -> Column:
    """The column with what its steps learn from the training samples: how many tokens there are."""
    return text.known(column, text.fit(steps, column.name, training.tolist()))


def incoming(kept: State, values: Sequence[Any], where: Any) -> Ragged:
    """Turn raw texts, paths of sounds, or boxes into tensors as the model was trained on."""
    if kept["kind"] == "boxes":
        return boxes.tensor(values)
    if kept["kind"] == "text":
        return _tokens(kept["steps"], text.apply(kept["steps"], values)[0])
    if kept["kind"] == "sequence":
        return Ragged.of(flat(values, np.empty(0, np.float32)))
    found, faults = audio.load(kept["steps"], values, rate=kept["rate"], channels=_channels(kept))
    if faults:
        place, words = faults[0]
        raise Mistake(f"{where(place)}: {words}")
    return audio.tensors(kept["steps"], kept["shape"], found)


def _channels(kept: State) -> int | None:
    """How many channels a sound must have, None where a step makes one of them."""
    if any(step["op"] == "Mono" for step in kept["steps"]):
        return None
    frames = any(step["op"] in {each.__name__ for each in audio.FRAMES} for step in kept["steps"])
    return 1 if frames or len(kept["shape"]) == 1 else int(kept["shape"][0])


def path_of(value: Any, name: str) -> Path:
    """The path of a sound that is to be predicted for."""
    if not isinstance(value, str) or not value:
        raise Mistake(f"{name} is {str(value)[:60]!r}; it must be the path of a sound.")
    return Path(value).expanduser()


def described(column: Column, values: Array) -> Column:
    """A column of texts, lists or boxes with its facts."""
    if column.kind == "sequence":
        return lists.described(column, values)
    if column.kind == "boxes":
        return boxes.described(column, values)
    return replace(column, lengths=text.lengths(values))
