"""Sharing samples out to train, validation and test: seeded, and each class for itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engine.data.sources import PARTS, Array, Reader
from engine.ops.settings import Split
from engine.problem import Mistake
from engine.spec import Spec

FOLD = 5  # as many names of small classes are told


def split_of(spec: Spec) -> Split:
    """Read the settings of the split; raises Mistake where they are wrong."""
    section = spec.data.get("split", {})
    settings, problems = Split.parse(section if isinstance(section, Mapping) else {})
    if settings is None:
        raise Mistake(problems[0].message, param=f"data.split.{problems[0].param}")
    if settings.validation + settings.test >= 1:
        words = "validation and test together take all samples; leave some for training."
        raise Mistake(words, param="data.split.validation")
    return settings


def sizes(settings: Split, reader: Reader, rows: Array) -> dict[str, int]:
    """How many samples each part gets; a part the source keeps apart is as large as it is."""
    own = np.zeros(1, np.int64) if reader.parts is None else np.bincount(reader.parts[rows], minlength=3)
    free = len(rows) if reader.parts is None else int(own[0])
    counts = {"train": 0}
    for place, part in enumerate(PARTS[1:], 1):
        share = getattr(settings, part)
        brought = reader.parts is not None and bool((reader.parts == place).any())
        counts[part] = int(own[place]) if brought else max(1, round(free * share)) if share else 0
        counts["train"] -= 0 if brought else counts[part]
    counts["train"] += free
    if counts["train"] < 1:
        words = f"{free} samples are too few to share out to {_listed([part for part in PARTS if counts[part]])}"
        raise Mistake(f"{words}; lower the shares or bring more data.", param="data.split.validation")
    return counts


def split(settings: Split, reader: Reader, rows: Array, labels: Array | None) -> dict[str, Array]:
    """Share rows out: {part: indices, ascending}. `labels` hold a class for each row, None for no classes.

    Every class keeps its share in each part, to within a sample or so; the last sample of a class stays in train.
    """
    counts = sizes(settings, reader, rows)
    random = np.random.default_rng(settings.seed)
    own = np.zeros(len(rows), np.int8) if reader.parts is None else reader.parts[rows]
    parts = own.copy()
    free = random.permutation(np.flatnonzero(own == 0))
    if labels is not None:
        free = free[_interleaved(labels[free], random)]
    start = 0
    for place in (2, 1):
        if not (own == place).any():
            stop = start + counts[PARTS[place]]
            parts[free[start:stop]] = place
            start = stop
    return {part: found for place, part in enumerate(PARTS) if len(found := rows[parts == place])}


def _interleaved(labels: Array, random: np.random.Generator) -> Array:
    """An order whose every beginning holds each class in its share, and that ends with one sample of each."""
    order = np.argsort(labels, kind="stable")
    _, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    ranks = np.arange(len(labels)) - np.repeat(starts, counts)
    offsets = np.repeat(random.random(len(counts)), counts)
    count = np.repeat(counts, counts)
    keys = np.where(ranks == count - 1, 2.0, (ranks + offsets) / count)
    return order[np.argsort(keys, kind="stable")]


def small_classes(reader: Reader, counts: Sequence[int], names: Sequence[str], used: int) -> tuple[str, ...]:
    """A note on the classes with fewer samples than there are splits, none where there are none."""
    small = [name for name, count in zip(names, counts, strict=True) if 0 < count < used]
    if not small or reader.parts is not None:
        return ()
    more = f" and {len(small) - FOLD} more" if len(small) > FOLD else ""
    which = f"The class {small[0]} has" if len(small) == 1 else f"The classes {', '.join(small[:FOLD])}{more} have"
    return (f"{which} fewer samples than there are splits ({used}); train comes first.",)


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)
