"""Sharing samples out to train, validation and test: at random and seeded, by groups, by time, as folds, as told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from engine.data.sources import PARTS, Array, Reader
from engine.data.told import by_time, given, split_column
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


def method_of(settings: Split, reader: Reader) -> str:
    """How the samples are shared out, "auto" decided."""
    if settings.method == "auto":
        return "random" if reader.times is None or reader.parts is not None else "by time"
    return settings.method


def counted(settings: Split, reader: Reader, rows: Array, labels: Array | None) -> dict[str, int]:
    """How many samples each part has; an empty part has no key."""
    if method_of(settings, reader) == "random":  # known without a draw, which takes a while for millions
        return {part: count for part, count in sizes(settings, reader, rows).items() if count}
    return {part: len(found) for part, found in split(settings, reader, rows, labels).items()}


def split(settings: Split, reader: Reader, rows: Array, labels: Array | None) -> dict[str, Array]:
    """Share rows out: {part: indices, ascending}. `labels` hold a class for each row, None for no classes.

    Parts that the source keeps apart stay so; the rest is shared out. Drawn at random or as folds, every class keeps
    its share in each part, to within a sample or so, and the last sample of a class stays in train. Split by time,
    samples that predict moments of a later part are left out.
    """
    own = np.zeros(len(rows), np.int8) if reader.parts is None else reader.parts[rows]
    random = np.random.default_rng(settings.seed)
    match method_of(settings, reader):
        case "by time":
            parts = by_time(settings, reader, rows, own)
        case "grouped":
            parts = _grouped(settings, reader, rows, own, random)
        case "k-fold":
            parts = _fold(settings, reader, rows, own, labels, random)
        case "given":
            parts = given(settings, reader, rows, own)
        case _:
            parts = _drawn(settings, reader, rows, own, labels, random)
    return _indices(rows, parts)


def _indices(rows: Array, parts: Array) -> dict[str, Array]:
    found = {part: rows[parts == place] for place, part in enumerate(PARTS)}
    if not len(found["train"]):
        raise Mistake(
            "No sample is left for training; take smaller shares or another split.", param="data.split.method"
        )
    return {part: each for part, each in found.items() if len(each)}


def _drawn(
    settings: Split, reader: Reader, rows: Array, own: Array, labels: Array | None, random: np.random.Generator
) -> Array:
    """The part of each row, drawn at random."""
    counts, parts = sizes(settings, reader, rows), own.copy()
    free = random.permutation(np.flatnonzero(own == 0))
    if labels is not None:
        free = free[_interleaved(labels[free], random)]
    start = 0
    for place in _shared_out(own):
        stop = start + counts[PARTS[place]]
        parts[free[start:stop]] = place
        start = stop
    return parts


def _shared_out(own: Array) -> list[int]:
    """The parts beside train that the source does not bring, test first."""
    return [place for place in (2, 1) if not (own == place).any()]


def _grouped(settings: Split, reader: Reader, rows: Array, own: Array, random: np.random.Generator) -> Array:
    """The part of each row, all rows of a group in one."""
    if not settings.column:
        raise Mistake("Which column holds the groups? Set column.", param="data.split.column")
    counts, parts = sizes(settings, reader, rows), own.copy()
    free = np.flatnonzero(own == 0)
    groups = np.unique(split_column(settings.column, reader, rows[free]), return_inverse=True)[1]
    group_sizes = np.bincount(groups)
    waiting = random.permutation(len(group_sizes)).tolist()
    for place in _shared_out(own):
        taken = _filling(waiting, group_sizes, counts[PARTS[place]])
        waiting = [each for each in waiting if each not in taken]
        parts[free[np.isin(groups, list(taken))]] = place
    if not waiting:
        words = f"{settings.column} has {len(group_sizes)} different values, too few groups to share out"
        raise Mistake(f"{words}; choose another column.", param="data.split.column")
    return parts


def _filling(groups: Sequence[int], group_sizes: Array, wanted: int) -> set[int]:
    """Groups of together about as many rows as wanted, at least one group where any are."""
    taken: set[int] = set()
    count = 0
    for group in groups:
        size = int(group_sizes[group])
        if count < wanted and (not taken or count + size <= wanted + size // 2):
            taken.add(group)
            count += size
    return taken


def _fold(
    settings: Split, reader: Reader, rows: Array, own: Array, labels: Array | None, random: np.random.Generator
) -> Array:
    """The part of each row: the test's share, then one fold of the rest for validation."""
    if settings.fold > settings.folds:
        words = f"fold is {settings.fold}, and there are {settings.folds} folds; it must be at most that."
        raise Mistake(words, param="data.split.fold")
    held = replace(settings, validation=0.0)
    if settings.column:
        parts = _grouped(held, reader, rows, own, random)
    else:
        parts = _drawn(held, reader, rows, own, labels, random)
    free = np.flatnonzero(parts == 0)
    if settings.column:
        groups = np.unique(split_column(settings.column, reader, rows[free]), return_inverse=True)[1]
        count, folds = int(groups.max()) + 1, _balanced(groups, settings.folds, random)
    else:
        free = random.permutation(free)
        free = free if labels is None else free[np.argsort(labels[free], kind="stable")]
        count, folds = len(free), np.arange(len(free)) % settings.folds
    if count < settings.folds:
        what = f"groups by {settings.column}" if settings.column else "samples"
        raise Mistake(f"{count} {what} are too few for {settings.folds} folds.", param="data.split.folds")
    parts[free[folds == settings.fold - 1]] = 1
    return parts


def _balanced(groups: Array, folds: int, random: np.random.Generator) -> Array:
    """The fold of each row: groups from the largest on, each into the fold that is smallest by then."""
    group_sizes = np.bincount(groups)
    order = random.permutation(len(group_sizes))
    filled, fold_of = np.zeros(folds, np.int64), np.zeros(len(group_sizes), np.int64)
    for group in order[np.argsort(-group_sizes[order], kind="stable")].tolist():
        fold_of[group] = filled.argmin()
        filled[fold_of[group]] += group_sizes[group]
    return np.asarray(fold_of[groups])


def _interleaved(labels: Array, random: np.random.Generator) -> Array:
    """An order whose every beginning holds each class in its share, and that ends with one sample of each."""
    order = np.argsort(labels, kind="stable")
    _, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    ranks = np.arange(len(labels)) - np.repeat(starts, counts)
    offsets = np.repeat(random.random(len(counts)), counts)
    count = np.repeat(counts, counts)
    keys = np.where(ranks == count - 1, 2.0, (ranks + offsets) / count)
    return order[np.argsort(keys, kind="stable")]


def unseen_classes(reader: Reader, rows: Array, labels: Array, names: Mapping[int, str]) -> tuple[str, ...]:
    """Notes on the classes of which the source's own training part has no sample, and another part has some."""
    if reader.parts is None:
        return ()
    parts = reader.parts[rows]
    known, notes = set(labels[parts == 0].tolist()), tuple[str, ...]()
    for place, part in enumerate(PARTS[1:], 1):
        unseen = [names[each] for each in np.unique(labels[parts == place]).tolist() if each >= 0 and each not in known]
        if unseen:
            more = f" and {len(unseen) - FOLD} more" if len(unseen) > FOLD else ""
            one = len(unseen) == 1
            which = f"The class {unseen[0]} is" if one else f"The classes {', '.join(unseen[:FOLD])}{more} are"
            notes += (f"{which} in {part}, and train has no sample of {'it' if one else 'them'} to learn from.",)
    return notes


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
