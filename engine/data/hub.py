"""A data set of the Hugging Face hub: its splits one after the other, each column as its feature says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from engine.columns import RAGGED, Column
from engine.data import hubfiles, images, tablefile
from engine.data.audiofiles import Sounds
from engine.data.images import PLACES
from engine.data.sources import PARTS, Array, class_column, image_column, refuse
from engine.data.stored import File, StoredFiles
from engine.data.table import Table, known_column
from engine.data.tablefile import TableFile
from engine.declare import did_you_mean
from engine.ops.source_hub import HubDataset

TRANSLATION = "translation"  # the feature of a text in one language, beside others of the same meaning
BY_NAME = {"validation": ("validation", "valid", "val", "dev"), "test": ("test", "testing")}


@dataclass(frozen=True)
class _Held:
    """A column of a set: where its values are, and what its feature says of them."""

    name: str
    values: Any  # a pyarrow ChunkedArray
    feature: Any


class Hub(Table):
    """Each column by its name, images and sounds among them, and "features" with the chosen numbers side by side."""

    by_class = True

    def __init__(self, source: HubDataset, folder: Path) -> None:
        splits, self.notes = hubfiles.splits_of(source, folder)
        self._path = Path(source.name.strip())
        chosen, unlabelled = _labelled(_parts(source, splits), source.target)
        self.notes += tuple(f"{each} has no values of {source.target} and is left out." for each in unlabelled)
        self.key = ", ".join(str(split._fingerprint) for _part, _name, split in chosen)
        self._place(chosen)
        held = list(_columns([each for _part, _name, each in chosen]))
        names = [each.name for each in held]
        self._names = {each.name: each.feature.names for each in held if hasattr(each.feature, "names")}
        self.target = known_column(source.target, names, "target")
        self.drops_missing = source.missing == "drop rows"
        media = {each.name: each for each in held if _medium(each.feature)}
        self._open_files(media, hubfiles.homes_of(source, folder))
        shape = (3 if source.colour == "RGB" else 1, source.height, source.width)
        plain = _table([each for each in held if each.name not in media])
        if plain.num_rows > len(self._kept):
            plain = plain.take(self._kept)
        told = [each.name for each in held if each.feature == TRANSLATION]
        columns = self._filled(TableFile(plain, 1), source.features, (*source.texts, *told))
        self._rows = len(self._kept)
        alone = len(self._sounds) == 1 and not any(each.kind in RAGGED for each in columns.values())
        self.columns = {name: self._medium(name, shape, "T" if alone else f"T_{name}") for name in media} | columns
        if not self.columns:
            raise refuse(f"{self._path} has no column of a kind that is read.", "name")

    def _place(self, chosen: Sequence[tuple[int, str, Any]]) -> None:
        """Note which sample is of which part, and where each split begins."""
        counts = [len(split) for _part, _name, split in chosen]
        if not counts[0]:
            raise refuse(f"{self._path}: its split {chosen[0][1]} has no rows; choose another.", "train")
        starts = np.cumsum([0, *counts[:-1]]).tolist()
        self._files = [(Path(name), 1, start) for (_part, name, _split), start in zip(chosen, starts, strict=True)]
        if len(chosen) > 1:
            self.parts = np.repeat(np.array([part for part, _name, _split in chosen], np.int8), counts)
        self._kept = np.arange(sum(counts))

    def _open_files(self, held: Mapping[str, _Held], within: tuple[Path, ...]) -> None:
        """Take in the columns of images and sounds, whose files are read when needed; rows with a bad sound go."""
        stored = {
            name: StoredFiles(each.values, self._kept, partial(self._named, name), within)
            for name, each in held.items()
        }
        self._sounds = {name: Sounds(stored[name]) for name, each in held.items() if _medium(each.feature) == "audio"}
        self.notes += tuple(note for each in self._sounds.values() for note in each.notes)
        good = np.all([np.ones(len(self._kept), bool), *(each.good for each in self._sounds.values())], axis=0)
        self._kept = self._kept[good]
        if not len(self._kept):
            raise refuse(f"{self._path}: none of the sounds can be read. {self.notes[-1]}", "name")
        self._stored = {name: files.at(self._kept) for name, files in stored.items()}
        if self.parts is not None:
            self.parts = self.parts[self._kept]
        if not np.all(good):
            self._sounds = {name: Sounds(self._stored[name]) for name in self._sounds}

    def _medium(self, name: str, shape: Sequence[int], size: str) -> Column:
        """The column of images of this shape, or of sounds whose length has the name `size`."""
        return self._sounds[name].column(name, size) if name in self._sounds else image_column(name, shape)

    def _named(self, name: str, row: int) -> str:
        return f"{super().where(row)}, {name}"

    def where(self, index: int) -> str:
        return super().where(int(self._kept[index]))

    def _column(self, read: TableFile, name: str) -> Column | None:
        names = self._names.get(name)
        if "binary" in str(read.table.schema.field(name).type):
            self.notes += (f"{name} holds bytes and is left out.",)
            return None
        if names is None:
            return super()._column(read, name)
        values = tablefile.numbers(read.table.column(name))
        self._classes[name] = list(names)
        self._arrays[name] = np.where(np.isnan(values), -1, values).astype(np.int64)
        return class_column(name, names)

    def files(self, name: str) -> Sequence[File]:
        return self._stored.get(name, ())

    def seconds(self, name: str) -> Array:
        return self._sounds[name].seconds()

    def read(self, indices: Array, name: str) -> tuple[Array, dict[int, str]]:
        if name in self._sounds:
            return self._sounds[name].read(indices)
        if name in self._stored:
            return images.decode(self._stored[name].at(indices), self.columns[name].sizes, self.columns[name].fit)
        return super().read(indices, name)

    def missing(self, name: str) -> Array | None:
        if name not in self._stored:
            return super().missing(name)
        lacks = np.asarray(self._stored[name].column.is_null())[self._kept]
        return lacks if lacks.any() else None


# --------------------------------------------------------------------------------------------------------- splits


def _parts(source: HubDataset, splits: Mapping[str, Any]) -> list[tuple[int, str, Any]]:
    """The splits that are read, each with its place in PARTS and its name there."""
    found = {}
    for place, part in enumerate(PARTS):
        told = getattr(source, part)
        if told and told not in splits:
            words = f"{source.name} has no split {told!r}{did_you_mean(told, splits)}; it has {', '.join(splits)}."
            raise refuse(words, part)
        name = told or next((each for each in BY_NAME.get(part, ("train",)) if each in splits), "")
        if not name and part == "train":
            name = next((each for each in splits if PLACES.get(each, 0) == 0), next(iter(splits)))
        if name and name not in found:
            found[name] = place
    return [(place, name, splits[name]) for name, place in found.items()]


def _labelled(parts: Sequence[tuple[int, str, Any]], target: str) -> tuple[list[tuple[int, str, Any]], tuple[str, ...]]:
    """The parts without those, beside train, in which no sample has a value of the target, and the names of these."""
    kept, lost = [], []
    for each in parts:
        place, name, split = each
        if place and target in split.features and _is_empty(split, target):
            lost.append(name)
        else:
            kept.append(each)
    return kept, tuple(lost)


def _is_empty(split: Any, target: str) -> bool:
    """Whether a split has no answers: none at all, or -1 for each, as sets write that keep theirs secret."""
    from pyarrow import compute  # loaded by now

    column = split.data.column(target)
    if column.null_count == len(column):
        return True
    return hasattr(split.features[target], "names") and compute.max(column).as_py() < 0


# --------------------------------------------------------------------------------------------------------- columns


def _columns(splits: Sequence[Any]) -> Iterator[_Held]:
    """The columns that the splits share, below each other; an object of several fields becomes a column for each."""
    import pyarrow as pa  # loaded by now

    tables = [split.with_format("arrow")[:] for split in splits]
    for name, feature in splits[0].features.items():
        if not all(name in table.column_names for table in tables):
            continue
        values = pa.chunked_array([chunk for table in tables for chunk in table.column(name).chunks])
        yield from _fields(name, values, feature)


def _fields(name: str, values: Any, feature: Any) -> Iterator[_Held]:
    from pyarrow import compute  # loaded by now

    fields: Mapping[str, Any]
    if type(feature).__name__ == "Translation":
        fields, called = dict.fromkeys(feature.languages, TRANSLATION), list(feature.languages)
    elif isinstance(feature, dict):
        fields, called = feature, [f"{name}_{each}" for each in feature]
    else:
        yield _Held(name, values, feature)
        return
    for (field, inner), each in zip(fields.items(), called, strict=True):
        yield from _fields(each, compute.struct_field(values, field), inner)


def _medium(feature: Any) -> str:
    """Whether a feature is of images or sounds; "" for what is held as it stands."""
    return {"Image": "image", "Audio": "audio"}.get(type(feature).__name__, "")


def _table(held: Sequence[_Held]) -> Any:
    import pyarrow as pa  # loaded by now

    return pa.table({each.name: each.values for each in held})
