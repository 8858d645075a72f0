"""Texts in files: a folder a class, a file a class, and two languages side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from engine.columns import Column
from engine.data.archive import archive_in
from engine.data.images import files_in, folders, halves
from engine.data.sources import Array, Held, class_column, located, located_folder, reading, refuse
from engine.data.text import array_of, text_column
from engine.ops import source_text as declared
from engine.problem import Fix, Mistake

CODECS = {"UTF-8": "utf-8-sig", "UTF-16": "utf-16", "Windows-1252": "cp1252"}
ABOUT = ("readme", "license", "licence", "copying", "sha256sums", "about", "_about")  # files that tell of the others
LARGEST = 2**31  # bytes of a text file
SHOWN = 3  # files that a note names


class Texts(Held):
    """Texts that are in memory, and what else is known of each."""

    by_class = True

    def __init__(self, columns: Sequence[Column], arrays: Mapping[str, Array], where: Sequence[str]) -> None:
        super().__init__(columns, arrays)
        self._where = where

    def where(self, index: int) -> str:
        return self._where[index]


class Classified(Texts):
    """Texts with a class each: "text" and "label"."""

    target = "label"

    def __init__(self, home: Path, found: Sequence[tuple[str, int, str, str]], notes: tuple[str, ...]) -> None:
        """Take (class, place in PARTS, text, where it stands) of each sample."""
        names = sorted({name for name, _place, _text, _where in found})
        if len(names) < 2:
            words = f"has one class, {names[0]}; at least two are needed to tell apart" if names else "holds no texts"
            raise refuse(f"{home} {words}.")
        places = np.array([place for _name, place, _text, _where in found], np.int8)
        if places.any():
            self.parts = places
            if not (places == 0).any():
                raise refuse(f"{home} has no train folder with texts in it.")
        numbers = {name: number for number, name in enumerate(names)}
        label = np.array([numbers[name] for name, _place, _text, _where in found], np.int64)
        columns = (text_column("text"), class_column("label", names))
        texts = array_of([text for _name, _place, text, _where in found])
        super().__init__(columns, {"text": texts, "label": label}, [where for *_rest, where in found])
        self.notes = notes


class TextFolder(Classified):
    """A text file a sample."""

    def __init__(self, source: declared.TextFolder, folder: Path) -> None:
        home = located_folder(source.path, folder, "folder that holds a folder of text files for each class")
        found, faulty = [], _Faulty()
        with reading(home):
            for half, place in halves(home):
                for each in folders(half):
                    texts = [(path, faulty.text(path, source.encoding)) for path in files_in(each)]
                    found += [(each.name, place, text, str(path)) for path, text in texts if text]
        if not found and any(each.is_file() for each in home.iterdir()):
            words = f"{home} holds no folders with texts; put the texts of each class into a folder of its name"
            raise refuse(f"{words}, or take the source TextLines for a file a class.")
        super().__init__(home, found, faulty.notes())


class TextLines(Classified):
    """A line a sample, a file a class."""

    def __init__(self, source: declared.TextLines, folder: Path) -> None:
        home = located_folder(source.path, folder, "folder that holds a file of lines for each class")
        found, empty = [], []
        with reading(home):
            parts = list(halves(home))
            names = class_names([path for half, _place in parts for path in text_files(half)])
        for half, place in parts:
            for path in text_files(half):
                lines = [*_lines(read_text(path, source.encoding))]
                found += [(names[path], place, line, f"{path}, line {number}") for number, line in lines]
                if not lines:
                    empty.append(path)
        super().__init__(home, found, _noted(empty, "is empty and left out", "are empty and left out"))


class _Faulty:
    """Files that could not be taken, by what is wrong with them."""

    def __init__(self) -> None:
        self._empty: list[Path] = []
        self._undecoded: list[Path] = []

    def text(self, path: Path, encoding: str) -> str | None:
        """The text of a file; None, kept in mind, where there is none."""
        try:
            text = read_text(path, encoding).strip()
        except Mistake:
            self._undecoded.append(path)
            return None
        if not text:
            self._empty.append(path)
        return text

    def notes(self) -> tuple[str, ...]:
        return (
            *_noted(self._undecoded, "is no text as encoding says", "are no text as encoding says"),
            *_noted(self._empty, "is empty", "are empty"),
        )


def _noted(paths: Sequence[Path], one: str, many: str) -> tuple[str, ...]:
    """A note that files were left out, and which."""
    if not paths:
        return ()
    names = ", ".join(map(str, paths[:SHOWN])) + ", ..." * (len(paths) > SHOWN)
    words = f"{len(paths):,} file{f's {many}' if len(paths) > 1 else f' {one}'}"
    return (f"{words}{'' if 'left out' in one else ' and left out'} ({names}).",)


def text_files(home: Path) -> list[Path]:
    """The files of a folder that may be a class each: those that do not tell of the others."""
    return sorted(
        each
        for each in home.iterdir()
        if each.is_file()
        and not each.name.startswith(".")
        and each.suffix.lower() != ".md"
        and each.stem.lower() not in ABOUT
    )


def class_names(paths: Sequence[Path]) -> dict[Path, str]:
    """The class of each file: its name, or its suffix where all have one name, as in rt-polarity.pos."""
    by_suffix = len({path.stem for path in paths}) == 1 and len({path.suffix for path in paths}) > 1
    return {path: path.suffix[1:] if by_suffix and path.suffix else path.stem for path in paths}


# ----------------------------------------------------------------------------------------------------------- pairs


class ParallelText(Texts):
    """Two texts a sample: "source" and "target"."""

    by_class = False

    def __init__(self, source: declared.ParallelText, folder: Path) -> None:
        path = _text_at(source.path, folder, "file of texts")
        text = read_text(path, source.encoding)
        if source.target:
            other = _text_at(source.target, folder, "file of translations")
            pairs, notes = _side_by_side(path, text, other, read_text(other, source.encoding))
        else:
            pairs, notes = _split_lines(path, text, source.columns)
        pairs = pairs[: source.most]
        if not pairs:
            raise refuse(f"{path} holds no pairs of texts; each line needs two, with a tab between them.")
        columns = (text_column("source", "T_source"), text_column("target", "T_target"))
        first, second = array_of([pair[1] for pair in pairs]), array_of([pair[2] for pair in pairs])
        super().__init__(columns, {"source": first, "target": second}, [f"line {pair[0]}" for pair in pairs])
        self.notes = notes


Pair = tuple[int, str, str]  # the number of the line, and what stands there


def _side_by_side(path: Path, text: str, other: Path, translated: str) -> tuple[list[Pair], tuple[str, ...]]:
    """Pair the lines of two files; a pair of which one is blank is left out."""
    first, second = text.splitlines(), translated.splitlines()
    if len(first) != len(second):
        words = f"{path.name} has {len(first):,} lines, and {other.name} {len(second):,}"
        raise refuse(f"{words}; line by line, one must be the translation of the other.", "target")
    pairs = [(at, one.strip(), two.strip()) for at, (one, two) in enumerate(zip(first, second, strict=True), 1)]
    return _whole(path, pairs)


def _split_lines(path: Path, text: str, columns: tuple[int, int]) -> tuple[list[Pair], tuple[str, ...]]:
    """Take two columns of each line."""
    one, two = (place - 1 for place in columns)
    pairs = []
    for number, line in enumerate(text.splitlines(), 1):
        cells = line.split("\t")
        if line.strip():
            first, second = (cells[place].strip() if place < len(cells) else "" for place in (one, two))
            pairs.append((number, first, second))
    return _whole(path, pairs)


def _whole(path: Path, pairs: Sequence[Pair]) -> tuple[list[Pair], tuple[str, ...]]:
    """The pairs of which both are there, with a note on the others."""
    whole = [pair for pair in pairs if pair[1] and pair[2]]
    lost = len(pairs) - len(whole)
    if not lost:
        return whole, ()
    first = next(number for number, one, two in pairs if not (one and two))
    words = f"{lost:,} line{'s' if lost > 1 else ''} of {path.name} {'lack' if lost > 1 else 'lacks'} one of the two"
    return whole, (f"{words} texts and {'are' if lost > 1 else 'is'} left out, first line {first}.",)


# --------------------------------------------------------------------------------------------------------- reading


def _text_at(path: str, folder: Path, what: str) -> Path:
    """The file that a path names; of an archive, the largest text in it."""
    found = located(path, folder, what)
    if not found.is_dir() or archive_in(folder / Path(path).expanduser()) is None:
        return found
    files = [each for each in sorted(found.rglob("*")) if each.is_file() and each.stem.lower() not in ABOUT]
    if not files:
        raise refuse(f"{path} holds no file.")
    return max(files, key=lambda each: each.stat().st_size)


def read_text(path: Path, encoding: str = "UTF-8") -> str:
    """Read a text file; raises Mistake with the line where it cannot be decoded."""
    with reading(path):
        if path.is_dir():
            raise refuse(f"{path} is a folder; choose a file in it.")
        if path.stat().st_size > LARGEST:
            raise refuse(f"{path} is larger than {LARGEST >> 30} GiB; split it into several.")
        data = path.read_bytes()
    try:
        return data.decode(CODECS[encoding])
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        words = f"{path} is not {encoding} text (line {line}, byte {error.start}); save it as UTF-8, or set encoding."
        utf16 = data[:2] in (b"\xff\xfe", b"\xfe\xff")
        value = "UTF-16" if utf16 else "Windows-1252"
        fix = Fix(f"Read it as {value}", "set_setting", {"path": "data.source.params.encoding", "value": value})
        raise refuse(words, "encoding", (fix,) if encoding == "UTF-8" else ()) from None


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that hold something, with their numbers."""
    for number, line in enumerate(text.split("\n"), 1):
        if stripped := line.strip():
            yield number, stripped
