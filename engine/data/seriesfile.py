"""Series with a class each, in the .ts and .arff files of the UCR and UEA archives."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from engine.columns import Column
from engine.data.sources import Array, Held, class_column, located, reading, refuse
from engine.declare import did_you_mean
from engine.ops import source as declared
from engine.problem import Mistake

ENDINGS = (".ts", ".arff")
MISSING = ("?", "nan", "NaN", "")


@dataclass
class Series:
    """What a file holds: for each series its dimensions, its answer, and its line."""

    dimensions: list[list[Array]] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    classes: tuple[str, ...] = ()
    numeric: bool = False  # whether the answers are numbers


class SeriesFile(Held):
    """Columns "series" (dimensions, length), "label" (or "target", a number), and "length" where the lengths differ.

    Shorter series are filled up with zeros.
    """

    def __init__(self, source: declared.SeriesFile, folder: Path) -> None:
        path = located(source.path, folder, "file or folder of series")
        with reading(path):
            files = files_of(path)
        read = [(each, read_series(each)) for each, _place in files]
        if len(files) > 1:
            counts = [len(each.answers) for _path, each in read]
            self.parts = np.repeat(np.array([place for _path, place in files], np.int8), counts)
            beside = ", ".join(each.name for each, _place in files[1:])
            self.notes = () if path.is_dir() else (f"{beside} beside it is the test part.",)
        self._places = [(each, line) for each, series in read for line in series.lines]
        values, lengths = self._stacked(read)
        columns, arrays = [Column("series", "number", values.shape[1:], "float32")], {"series": values}
        answer, answers = _answers(read)
        columns.append(answer)
        arrays[answer.name] = answers
        self.target = answer.name
        if len(set(lengths.tolist())) > 1:
            columns.append(Column("length", "number", (), "int64"))
            arrays["length"] = lengths
            self.notes += (f"The series have {lengths.min()} to {lengths.max()} values; shorter ones end with zeros.",)
        super().__init__(columns, arrays)

    def _stacked(self, read: Sequence[tuple[Path, Series]]) -> tuple[Array, Array]:
        every = [(path, line, each) for path, series in read for line, each in _lined(series)]
        width = len(every[0][2])
        for path, line, each in every:
            if len(each) != width:
                raise refuse(f"{path}: row {line} has {len(each)} dimensions, and the first series has {width}.")
        lengths = np.array([max(map(len, each)) for _path, _line, each in every])
        values = np.zeros((len(every), width, int(lengths.max())), np.float32)
        for place, (_path, _line, each) in enumerate(every):
            for dimension, numbers in enumerate(each):
                values[place, dimension, : len(numbers)] = numbers
        return values, lengths

    def where(self, index: int) -> str:
        path, line = self._places[index]
        return f"row {line} of {path.name}"


def padded(series: Series, path: Path, shape: Sequence[int]) -> tuple[Array, Array]:
    """New series as those trained on: (count, dimensions, length), shorter ones ending with zeros, and the lengths."""
    width, longest = shape
    lengths = np.array([max(map(len, each)) for each in series.dimensions], np.int64)
    values = np.zeros((len(lengths), width, longest), np.float32)
    for place, (line, each) in enumerate(_lined(series)):
        if len(each) != width or lengths[place] > longest:
            words = f"{path}: row {line} has {len(each)} × {lengths[place]} values"
            raise refuse(f"{words}; the model was trained on {width} × {longest}.")
        for dimension, numbers in enumerate(each):
            values[place, dimension, : len(numbers)] = numbers
    return values, lengths


def _lined(series: Series) -> Iterator[tuple[int, list[Array]]]:
    return zip(series.lines, series.dimensions, strict=True)


def files_of(path: Path) -> list[tuple[Path, int]]:
    """The files of a set and the places of their parts: the one named and its other half, or those in a folder."""
    if path.is_dir():
        inside = sorted(each for each in path.iterdir() if each.suffix.lower() in ENDINGS)
        first = [each for each in inside if _half(each) == "train"] or [each for each in inside if not _half(each)]
        if len({each.stem for each in first}) > 1:
            names = ", ".join(each.name for each in first[:6])
            raise refuse(f"{path} holds several sets ({names}); choose one of the files.")
        if not first:
            below = [each.name for each in sorted(path.iterdir()) if each.is_dir()]
            more = f"; choose a folder in it, such as {below[0]}" if below else "; choose another folder"
            raise refuse(f"{path} holds no .ts or .arff files{more}.")
        path = first[0]
    if _half(path) == "train":
        test = path.with_name(re.sub(r"(?i)train(?=\.\w+$)", lambda found: _like(found.group()), path.name))
        if test.is_file():
            return [(path, 0), (test, 2)]
    return [(path, 0)]


def _half(path: Path) -> str:
    found = re.search(r"(?i)_(train|test)$", path.stem)
    return found.group(1).lower() if found else ""


def _like(word: str) -> str:
    return "TEST" if word.isupper() else "test" if word.islower() else "Test"


def _answers(read: Sequence[tuple[Path, Series]]) -> tuple[Column, Array]:
    texts = [text for _path, series in read for text in series.answers]
    if read[0][1].numeric:
        return Column("target", "number", (1,), "float32"), np.array(texts, np.float64)[:, None]
    listed = read[0][1].classes or tuple(sorted(set(texts)))
    for path, series in read:
        for line, text in zip(series.lines, series.answers, strict=True):
            if text not in listed:
                known = ", ".join(listed[:8])
                raise refuse(f"{path}: row {line} has the class {text!r}{did_you_mean(text, listed)}, not of {known}.")
    places = {text: place for place, text in enumerate(listed)}
    return class_column("label", listed), np.array([places[text] for text in texts], np.int64)


# ---------------------------------------------------------------------------------------------------------- files


def read_series(path: Path) -> Series:
    """Read one file; raises Mistake that names the row at fault."""
    if path.suffix.lower() not in ENDINGS:
        raise refuse(f"{path} is no file of series; choose a .ts or .arff file.")
    with reading(path):
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            raise refuse(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8.") from None
    series = _read_ts(path, lines) if path.suffix.lower() == ".ts" else _read_arff(path, lines)
    if not series.answers:
        words = (
            "holds no series below @data" if any(line.lower().startswith("@data") for line in lines) else "lacks @data"
        )
        raise refuse(f"{path} {words}; fetch it again.")
    return series


def _read_ts(path: Path, lines: Sequence[str]) -> Series:
    series, labelled, below = Series(), False, False
    for row, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if not below:
            word, *rest = text.split()
            if not word.startswith("@"):
                raise refuse(f"{path}: row {row} must begin with @; no @data came before it.")
            below = word.lower() == "@data"
            flag = bool(rest) and rest[0].lower() == "true"
            if word.lower() in ("@classlabel", "@targetlabel"):
                labelled, series.numeric = flag, word.lower() == "@targetlabel"
                series.classes = tuple(rest[1:]) if word.lower() == "@classlabel" else ()
            elif word.lower() == "@timestamps" and flag:
                raise refuse(f"{path} has a time for each value, which cannot be read; save it without times.")
            continue
        if not labelled:
            raise refuse(f"{path} has no class for its series (@classLabel true), so there is nothing to learn.")
        *dimensions, answer = text.split(":")
        if not dimensions:
            raise refuse(f"{path}: row {row} has no class behind a colon.")
        _add(series, [_values(each.split(","), path, row) for each in dimensions], answer, path, row)
    return series


def _read_arff(path: Path, lines: Sequence[str]) -> Series:
    series, below, attributes = Series(), False, list[str]()
    for row, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("%"):
            continue
        if not below:
            below = text.lower().startswith("@data")
            if text.lower().startswith("@attribute"):
                attributes.append(text)
            if below:
                series.classes, series.numeric = _answer_of(attributes[-1] if attributes else "")
            continue
        cells = next(csv.reader([text], quotechar="'" if text.startswith("'") else '"', skipinitialspace=True))
        *values, answer = cells
        several = len(values) == 1 and "\\n" in values[0]  # dimensions in one quoted cell
        dimensions = [each.split(",") for each in values[0].split("\\n")] if several else [values]
        _add(series, [_values(each, path, row) for each in dimensions], answer, path, row)
    return series


def _answer_of(attribute: str) -> tuple[tuple[str, ...], bool]:
    """The classes that the last attribute lists, and whether it is a number."""
    listed = re.search(r"\{(.*)\}", attribute)
    if listed:
        return tuple(each.strip().strip("'\"") for each in listed.group(1).split(",")), False
    return (), bool(re.search(r"(?i)\b(numeric|real|integer)\b", attribute))


def _add(series: Series, dimensions: list[Array], answer: str, path: Path, row: int) -> None:
    answer = answer.strip().strip("'\"")
    if not answer or answer == "?":
        raise refuse(f"{path}: row {row} has no class; mend it or take it out.")
    if series.numeric:
        _values([answer], path, row)
    if not max(map(len, dimensions)):
        raise refuse(f"{path}: row {row} holds no values.")
    series.dimensions.append(dimensions)
    series.answers.append(answer)
    series.lines.append(row)


def _values(texts: Sequence[str], path: Path, row: int) -> Array:
    try:
        return np.array([np.nan if each.strip() in MISSING else float(each) for each in texts], np.float32)
    except ValueError:
        raise _no_number(texts, path, row) from None


def _no_number(texts: Sequence[str], path: Path, row: int) -> Mistake:
    for text in texts:
        try:
            float(text)
        except ValueError:
            if text.strip() not in MISSING:
                return refuse(f"{path}: row {row} has {text.strip()[:40]!r}, which is no number; mend it.")
    return refuse(f"{path}: row {row} holds no numbers.")
