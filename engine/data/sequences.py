"""Columns whose samples differ in size on their way to tensors: texts and sounds, prepared and read anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.columns import Column
from engine.data import text
from engine.data.ragged import Array, Flat, Ragged
from engine.ops.source import Step

State = Mapping[str, Any]
Where = Callable[[int], str]


def after(column: Column, steps: Sequence[Step]) -> Column:
    """The column as it leaves its steps; raises Mistake where they do not make a tensor of it."""
    return text.after(column, steps)


def prepared(
    raw: Column, steps: Sequence[Step], column: Column, samples: Mapping[str, Array]
) -> tuple[dict[str, Ragged], dict[str, Any], Column, tuple[str, ...]]:
    """Fit a column's steps on the training samples and apply them to all: {split: samples} in, {split: tensor} out.

    Also returns the state for prediction, the column with what was learned, and notes.
    """
    fitted = text.fit(steps, raw.name, samples["train"].tolist())
    found, cut = {}, 0
    for part, texts in samples.items():
        ids, count = text.apply(fitted, texts.tolist())
        found[part], cut = tensors(fitted, ids), cut + count
    state = {
        "kind": raw.kind,
        "shape": list(column.shape),
        "dtype": column.dtype,
        "classes": [],
        "parts": [],
        "steps": fitted,
    }
    return found, state, text.known(column, fitted), _notes(raw.name, cut, sum(map(len, samples.values())))


def _notes(name: str, cut: int, count: int) -> tuple[str, ...]:
    if not cut:
        return ()
    return (f"{name}: {cut:,} of {count:,} texts {'are' if cut > 1 else 'is'} longer than the limit and cut.",)


def tensors(fitted: Sequence[Mapping[str, Any]], ids: Flat) -> Ragged:
    """Texts as tokens, ready to be gathered in batches."""
    return Ragged.of(ids, fill=text.PAD, width=text.width(fitted))


def learned(column: Column, steps: Sequence[Step], training: Array) -> Column:
    """The column with what its steps learn from the training samples: how many tokens there are."""
    return text.known(column, text.fit(steps, column.name, training.tolist()))


def incoming(kept: State, values: Sequence[Any]) -> Ragged:
    """Turn raw texts into tensors as the model was trained on."""
    ids, _cut = text.apply(kept["steps"], values)
    return tensors(kept["steps"], ids)


def described(column: Column, values: Array) -> Column:
    """The column with its facts."""
    return replace(column, lengths=text.lengths(values))
