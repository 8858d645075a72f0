"""Sounds in files: a folder a class, classes told by file names, and sounds named in a table."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.columns import Column
from engine.data import audio
from engine.data.archivecache import as_given
from engine.data.images import PLACES, files_in
from engine.data.sources import (
    Array,
    Reader,
    class_column,
    folder_of_named,
    left_out,
    located_folder,
    reading,
    refuse,
)
from engine.data.stored import File
from engine.data.table import Table
from engine.declare import did_you_mean
from engine.ops import source_audio as declared
from engine.problem import Mistake


class Sounds:
    """The sound files of a source that can be opened, what their heads say, and notes on the others."""

    def __init__(self, paths: Sequence[File]) -> None:
        def work(path: File) -> tuple[int, int, int] | str:
            try:
                return audio.facts(path)
            except Mistake as mistake:
                return mistake.message

        with ThreadPoolExecutor(audio.THREADS) as pool:
            heads = list(pool.map(work, paths))
        self.good = np.array([not isinstance(head, str) for head in heads], bool)
        self.paths = [path for path, good in zip(paths, self.good, strict=True) if good]
        known = [head for head in heads if not isinstance(head, str)]
        self._frames, self._rates, self._channels = map(list, zip(*known, strict=True)) if known else ([], [], [])
        self.notes = (*left_out([head for head in heads if isinstance(head, str)], "sound"), *self._rate_notes())

    def _rate_notes(self) -> tuple[str, ...]:
        other = [place for place, rate in enumerate(self._rates) if rate != self.rate]
        if not other:
            return ()
        count, first = len(other), other[0]
        words = f"{count:,} of {len(self._rates):,} sounds {'have' if count > 1 else 'has'} another sampling rate"
        where = f"{as_given(str(self.paths[first]))} ({self._rates[first]:,} Hz)"
        return (f"{words} than {self.rate:,} Hz, first {where}; Resample brings them to one.",)

    @property
    def rate(self) -> int:
        """The most common sampling rate."""
        return Counter(self._rates).most_common(1)[0][0] if self._rates else 16_000

    def seconds(self) -> Array:
        """How long each sound is."""
        return np.divide(self._frames, self._rates)

    def column(self, name: str, size: str = "T") -> Column:
        """The column of these sounds; `size` names their length."""
        channels = self._channels[0] if len(set(self._channels)) == 1 else audio.MIXED
        rate = self.rate if len(set(self._rates)) == 1 else 0
        seconds = self.seconds()
        lengths = (float(seconds.min()), float(np.median(seconds)), float(seconds.max()))
        return replace(audio.audio_column(name, channels, rate, self.rate, size), lengths=lengths)

    def read(self, indices: Array) -> tuple[Array, dict[int, str]]:
        """Decode sounds; also the places of those that cannot be, with words."""
        found, faults = np.empty(len(indices), object), {}
        for place, index in enumerate(indices.tolist()):
            try:
                found[place] = audio.decode(self.paths[index])
            except Mistake as mistake:
                faults[place] = mistake.message
        return found, faults


class AudioFolder(Reader):
    """Sounds of a folder: "audio" and "label"."""

    target = "label"
    by_class = True

    def __init__(self, source: declared.AudioFolder, folder: Path) -> None:
        home = located_folder(source.path, folder, "folder of sounds")
        with reading(home):
            found = [path for path in files_in(home) if path.suffix.lower() in audio.SUFFIXES]
        if not found:
            raise refuse(f"{home} holds no sounds; choose the folder of the {', '.join(sorted(audio.SUFFIXES))} files.")
        self._sounds = Sounds(found)
        paths = [path for path, good in zip(found, self._sounds.good, strict=True) if good]
        if not paths:
            raise refuse(f"{home}: none of the sounds can be read. {self._sounds.notes[0]}")
        names = _classes(home, paths, source.classes)
        classes = sorted(set(names))
        if len(classes) < 2:
            raise refuse(f"{home} has one class, {classes[0]}; at least two are needed to tell apart.", "classes")
        self.parts = _parts(home, paths, source.test)
        numbers = {name: number for number, name in enumerate(classes)}
        self._labels = np.array([numbers[name] for name in names], np.int64)
        self.columns = {"audio": self._sounds.column("audio"), "label": class_column("label", classes)}
        self.notes = self._sounds.notes

    def __len__(self) -> int:
        return len(self._labels)

    def held(self, name: str) -> Array | None:
        return self._labels if name == "label" else None

    def files(self, name: str) -> Sequence[File]:
        return self._sounds.paths if name == "audio" else ()

    def seconds(self, name: str) -> Array:
        return self._sounds.seconds()

    def read(self, indices: Array, name: str) -> tuple[Array, dict[int, str]]:
        return self._sounds.read(indices) if name == "audio" else (self._labels[indices], {})

    def where(self, index: int) -> str:
        return as_given(str(self._sounds.paths[index]))


def _classes(home: Path, paths: Sequence[Path], told: str) -> list[str]:
    """The class of each sound: the folder it is in, train and test folders left out, or the start of its name."""
    folders = [[part for part in path.relative_to(home).parts[:-1] if part.lower() not in PLACES] for path in paths]
    if told == "auto":
        told = "folders" if len({each[0] if each else "" for each in folders}) > 1 else "file names"
    if told == "folders":
        loose = next((path for path, each in zip(paths, folders, strict=True) if not each), None)
        if loose is not None:
            raise refuse(f"{loose} is in no folder of a class; put it into one, or take the file names.", "classes")
        return [each[0] for each in folders]
    return [re.split(r"[_\-]", path.stem)[0] for path in paths]


def _parts(home: Path, paths: Sequence[Path], pattern: str) -> Array | None:
    """The place in PARTS of each sound, None where the source brings no split of its own."""
    if pattern:
        test = [fnmatch.fnmatchcase(path.name, pattern) for path in paths]
        if not any(test):
            raise refuse(f"test is {pattern!r}, and the name of no sound fits it, as {paths[0].name}.", "test")
        return np.where(test, 2, 0).astype(np.int8)
    found = [PLACES.get(path.relative_to(home).parts[0].lower(), -1) for path in paths]
    return np.array(found, np.int8) if min(found) >= 0 and 0 in found and max(found) > 0 else None


class AudioTable(Table):
    """A table, of which one column names sounds."""

    def __init__(self, source: declared.AudioTable, folder: Path) -> None:
        super().__init__(source, folder)
        name = source.sounds
        if not name:
            raise refuse("No column of sounds is chosen; set sounds.", "sounds")
        if name not in self.columns or self.columns[name].kind not in ("category", "text"):
            words = f"The table has no column {name!r} of paths{did_you_mean(name, self.columns)}; set sounds."
            raise refuse(words, "sounds")
        home = folder_of_named(source.folder, folder, self._path, "folder of sounds")
        values, classes = self._arrays.pop(name), self._classes.pop(name, None)
        texts = [classes[each] if each >= 0 else None for each in values] if classes is not None else list(values)
        self._name, self._folder = name, home
        self._sounds = Sounds([home / (text or "") for text in texts])
        if not self._sounds.paths:
            raise refuse(f"{self._path.name}: none of the sounds can be read. {self._sounds.notes[0]}", "sounds")
        self._kept = np.flatnonzero(self._sounds.good)
        self._arrays = {each: array[self._kept] for each, array in self._arrays.items()}
        self._rows = len(self._kept)
        self.columns = {**self.columns, name: self._sounds.column(name, self._free_size(name))}
        self.notes = (*self.notes, *self._sounds.notes)

    def files(self, name: str) -> Sequence[File]:
        return self._sounds.paths if name == self._name else ()

    def seconds(self, name: str) -> Array:
        return self._sounds.seconds()

    def read(self, indices: Array, name: str) -> tuple[Array, dict[int, str]]:
        return self._sounds.read(indices) if name == self._name else super().read(indices, name)

    def where(self, index: int) -> str:
        return super().where(int(self._kept[index]))
