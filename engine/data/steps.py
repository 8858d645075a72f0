"""Column steps at work: what each learns from the training split, how it changes values, and the way back."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.columns import RAGGED, Column
from engine.data import augment, numbers, pixels, planned, sequences
from engine.data.keys import Keys
from engine.data.learned import Blocks, learned
from engine.data.numbers import Unfit
from engine.data.planned import Found
from engine.declare import did_you_mean
from engine.ops.steps import FillMissing, GaussianNoise, Index, Step
from engine.problem import Fix, Mistake
from engine.spec import Spec

Array = NDArray[Any]
Fitted = dict[str, Any]  # {"op": name, "params": {...}, "state": {...}}: JSON, kept with the model

STANDARDIZE: tuple[Mapping[str, Any], ...] = ({"op": "Standardize", "params": {}},)
INDEX: tuple[Mapping[str, Any], ...] = ({"op": "Index", "params": {}},)
BLOCK = 8192  # samples that are measured at once, so that measuring needs little memory
BLOCK_BYTES = 2**26  # of them at most
MOST_CLASSES = 100_000
WHITE = 255.0  # the brightest pixel as it is stored, where a source says nothing else
IMAGE_AXES = 4  # of a batch: samples, channels, height, width
CHANNELS = (1, 3, 4)  # that whole numbers of 8 bits have where they are pixels


class Sliced(Protocol):
    """Samples that can be read a stretch at a time, such as an array."""

    def __len__(self) -> int: ...

    def __getitem__(self, places: slice, /) -> Any: ...


# ------------------------------------------------------------------------------------------------------- planning


def steps_of(spec: Spec, column: Column) -> tuple[Step, ...]:
    """The steps of a column: as the spec says, else its default; raises Mistake where one does not apply."""
    section = sections(spec).get(column.name)
    listed = section.get("steps", ()) if isinstance(section, Mapping) else column.default
    where = f"data.columns.{column.name}.steps"
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        raise Mistake(f"The steps of {column.name} must be a list.", param=where)
    steps = tuple(_step(each, f"{where}.{place}") for place, each in enumerate(listed))
    kind = column.kind
    for place, step in enumerate(steps):
        name = type(step).__name__
        if kind not in step.kinds:
            kinds = " and ".join(step.kinds)
            words = f"{name} works on {kinds} columns, and {column.name} is {_a(kind)} {kind} column here"
            others = [*listed[:place], *listed[place + 1 :]]
            fix = Fix(f"Remove {name}", "set_setting", {"path": where, "value": others})
            raise Mistake(f"{words}; remove it.", param=f"{where}.{place}", fixes=(fix,))
        if isinstance(step, Index) and (place or column.shape not in ((), (1,))):
            words = "come before other steps" if place else f"have one number a sample, not {column.shape}"
            raise Mistake(f"Index on {column.name} must {words}.", param=f"{where}.{place}")
        kind = step.makes(kind)
    return steps


def _a(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def sections(spec: Spec) -> Mapping[str, Any]:
    """What a spec says of columns, by their names."""
    found = spec.data.get("columns", {})
    return found if isinstance(found, Mapping) else {}


def _step(data: Any, where: str) -> Step:
    name = data.get("op") if isinstance(data, Mapping) else None
    kind = Step.registry.get(str(name))
    if kind is None:
        raise Mistake(f"There is no column step {name!r}{did_you_mean(str(name), Step.registry)}.", param=where)
    params = data.get("params", {})
    step, problems = kind.parse(params if isinstance(params, Mapping) else {})
    if step is None:
        raise Mistake(problems[0].message, param=f"{where}.params.{problems[0].param}")
    return step  # type: ignore[no-any-return]


def fills(steps: Sequence[Step]) -> bool:
    """Whether the steps put something in the place of missing values."""
    return any(isinstance(step, FillMissing) for step in steps)


def indexes(steps: Sequence[Step]) -> bool:
    """Whether the steps make classes of numbers."""
    return any(isinstance(step, Index) for step in steps)


def after(column: Column, steps: Sequence[Step], found: Found | None = None) -> Column:
    """The column as it leaves its steps; what Tokenize makes of it, and Index without the numbers, is not known here.

    Raises Mistake at the step that cannot take what comes before it.
    """
    return sequences.after(column, steps) if column.kind in RAGGED else planned.after(column, steps, found)


def distinct(values: Array, name: str) -> tuple[Array, Array]:
    """The different numbers of a column, ascending, and how often each stands; NaN does not count."""
    found, counts = np.unique(values[~np.isnan(values)] if values.dtype.kind == "f" else values, return_counts=True)
    if len(found) > MOST_CLASSES:
        words = f"{name} has {len(found):,} different numbers, too many to be classes; remove Index."
        raise Mistake(words, param=f"data.columns.{name}.steps")
    return found, counts


# --------------------------------------------------------------------------------------------- fitting and applying


def fit(
    steps: Sequence[Step], column: Column, training: Sliced, ordered: Array | None = None, *, white: float = WHITE
) -> list[Fitted]:
    """Learn what the steps of a column need from its training samples, one step after the other; random ones rest.

    `ordered` are the different numbers that Index makes classes of, `white` is the brightest pixel as it is stored.
    """
    found = None if ordered is None else (ordered, np.zeros(len(ordered), np.int64))
    fitted: list[Fitted] = []
    for place, step in enumerate(steps):
        before = after(column, steps[:place], found)
        state = learned(step, before, _blocks(fitted.copy(), training, column, before, white), ordered)
        if step.random:
            state["stream"] = _stream(column, step, place)
        if column.kind == "image" and place == 0:
            state["white"] = white
        fitted.append({**step.written(), "state": state})
    return fitted


def _stream(column: Column, step: Step, place: int) -> int:
    """What tells the draws of a step from those of others: its place, so that images that belong together move alike.

    Noise differs from column to column.
    """
    return place + (zlib.crc32(column.name.encode()) if isinstance(step, GaussianNoise) else 0)


def _blocks(chain: Sequence[Fitted], training: Sliced, column: Column, reached: Column, white: float) -> Blocks:
    """The training samples as they leave the steps before one, which have made `reached` of the column."""
    largest = max(math.prod(each.sizes) for each in (column, reached)) * np.dtype(np.float32).itemsize
    count = max(1, min(BLOCK, BLOCK_BYTES // max(1, largest)))

    def read() -> Iterator[Array]:
        for start in range(0, len(training), count):
            block = training[start : start + count]
            if column.kind == "image" and block.dtype == np.uint8:
                block = pixels.unit(tensor(block), white).numpy()
            if chain:
                with _from(start):
                    block = apply(chain, tensor(block)).numpy()
            yield block

    return read


@contextmanager
def _from(start: int) -> Iterator[None]:
    """Let the place of an unfit sample count from the first of all, not of its block."""
    try:
        yield
    except Unfit as unfit:
        raise Unfit(unfit.message, unfit.place + start) from None


def tensor(values: Array) -> Tensor:
    """An array as a tensor, without a copy where that can be."""
    return torch.from_numpy(np.require(values, values.dtype.newbyteorder("="), ("C", "W")))


def apply(fitted: Sequence[Mapping[str, Any]], values: Tensor, keys: Keys | None = None) -> Tensor:
    """Run fitted steps on values of one column, samples along the first axis, on any device.

    Random steps draw from the keys; without keys they rest, and those that change the size take the middle. Stored
    pixels (uint8) become numbers from 0 to 1 first. Raises Unfit at a sample that a step cannot take.
    """
    if keys is not None:
        keys = keys.to(values.device)
    if values.dtype == torch.uint8 and values.ndim == IMAGE_AXES and values.shape[1] in CHANNELS:
        values = pixels.unit(values, fitted[0]["state"].get("white", WHITE) if fitted else WHITE)
    for run in augment.runs(fitted):
        if run[0]["op"] in augment.MOVING:
            values = augment.moved(values, run, keys)
        else:
            values = _applied(run[0], values, keys)
    return values


def _applied(step: Mapping[str, Any], values: Tensor, keys: Keys | None) -> Tensor:
    name, params = step["op"], step["params"]
    if not values.is_floating_point() and name not in numbers.AS_THEY_ARE:
        values = values.to(torch.float64)
    if name in numbers.CHANGES:
        return numbers.CHANGES[name](values, params, step["state"])
    if name in pixels.RANDOM:
        return values if keys is None else pixels.RANDOM[name](values, params, keys, step["state"]["stream"])
    if name == "Greyscale":
        return pixels.grey(values)
    raise Mistake(f"This version knows no column step {name!r}; predict with the version that trained.")


def undo(fitted: Sequence[Mapping[str, Any]], values: Array) -> Array:
    """Bring values of a number column back to what they were before its steps, or after the last one of no return."""
    for step in reversed(fitted):
        if step["op"] in numbers.ONE_WAY:
            break
        values = numbers.undone(step, values)
    return values
