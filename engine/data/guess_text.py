"""What folders of texts and of sounds look like: guesses beside those for tables and images."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from engine.data.archive import visible
from engine.data.audio import SUFFIXES as SOUNDS
from engine.data.guessing import Guess, Named, offer
from engine.data.images import PLACES, folders, halves
from engine.data.seriesfile import ENDINGS as SERIES
from engine.data.tablefile import ENDINGS, ending
from engine.data.textfiles import class_names, text_files

TEXTS = (".txt", ".text")
MOST_CLASSES = 20  # files of lines that may be a class each
FEWEST_LINES = 10  # of a file of lines
LOOKED_AT = 50  # lines of a file
MOSTLY = 0.9  # share of lines with a tab, from which they hold two texts


def texts_and_sounds(home: Path, named: Named) -> Iterator[Guess]:
    """Guesses for a folder that holds texts or sounds."""
    yield from _sounds(home, named)
    yield from _text_folder(home, named)
    yield from _pairs(home, named)
    yield from _lines(home, named)


def pairs_of_lines(path: Path, named: Named) -> Iterator[Guess]:
    """A guess for a file whose lines hold two texts, with a tab between."""
    lines = _first_lines(path) if path.suffix.lower() in TEXTS else []
    if lines and sum("\t" in line for line in lines) >= MOSTLY * len(lines):
        yield offer("ParallelText", {"path": named(path)}, "pairs of texts, two a line")


def _sounds(home: Path, named: Named) -> Iterator[Guess]:
    if _has(home, SOUNDS):
        yield offer("AudioFolder", {"path": named(home)}, "a folder of sounds")
        return
    holding = [each for each in folders(home) if _has(each, SOUNDS)]
    if len(holding) == 1 and holding[0].name.lower() not in PLACES:
        yield offer("AudioFolder", {"path": named(holding[0])}, f"a folder of sounds, {holding[0].name}")
    elif holding:
        yield offer("AudioFolder", {"path": named(home)}, f"sounds in {len(holding)} folders, a class each")


def _text_folder(home: Path, named: Named) -> Iterator[Guess]:
    classes = {each.name for half, _place in halves(home) for each in folders(half) if _has(each, TEXTS)}
    if len(classes) >= 2:
        yield offer("TextFolder", {"path": named(home)}, f"a folder of texts with {len(classes)} classes")


def _pairs(home: Path, named: Named) -> Iterator[Guess]:
    """One file of pairs, or two files in two languages, such as train.en and train.fr."""
    files = text_files(home)
    if len(files) == 1:
        for found in pairs_of_lines(files[0], named):
            yield Guess(found.kind, {"path": named(home) if len(visible(home)) <= 2 else named(files[0])}, found.words)
    if len(files) == 2 and _are_languages(*files):
        one, other = files
        yield offer(
            "ParallelText", {"path": named(one), "target": named(other)}, "texts in two languages, line by line"
        )


def _are_languages(one: Path, other: Path) -> bool:
    return one.stem == other.stem and len(one.suffix) == len(other.suffix) == len(".en")


def _lines(home: Path, named: Named) -> Iterator[Guess]:
    """Files of lines, a class each."""
    files = text_files(home)
    if not 2 <= len(files) <= MOST_CLASSES or _are_languages(*files[:2]):
        return
    if any(ending(each) in (*ENDINGS, *SERIES) or len(_first_lines(each)) < FEWEST_LINES for each in files):
        return
    names = sorted(class_names(files).values())
    yield offer("TextLines", {"path": named(home)}, f"lines of text, a file each for {', '.join(names)}")


def _has(folder: Path, suffixes: tuple[str, ...] | frozenset[str]) -> bool:
    return any(each.suffix.lower() in suffixes for each in visible(folder) if each.is_file())


def _first_lines(path: Path) -> list[str]:
    """The first lines of a file that hold something; none where it is no text."""
    for encoding in ("utf-8", "cp1252"):
        with suppress(UnicodeDecodeError), path.open(encoding=encoding) as file:
            return [line for line in islice(file, LOOKED_AT) if line.strip()]
    return []
