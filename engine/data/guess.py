"""What lies at a path: the source that reads it, with params, and what else it may be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.data import idx, images, seriesfile, tablefile
from engine.data.archive import archive_in, entered, is_archive, unpacked, visible
from engine.data.guess_hub import hub_guesses
from engine.data.guess_text import pairs_of_lines, texts_and_sounds
from engine.data.guess_vision import boxes_and_masks, boxes_in_table, coco_file
from engine.data.guessing import TARGETS, Guess, Named, offer
from engine.data.hubfiles import hub_name
from engine.data.imagetable import image_column_of
from engine.data.moments import PARTS as TIME_PARTS
from engine.data.moments import moments
from engine.data.ratings import role_of
from engine.data.sources import reading, refuse
from engine.data.tablefile import TableFile
from engine.problem import Mistake

MOST_GUESSES = 12
LOOKED_AT = 2000  # rows of a table
LARGEST_AS_IS = 96  # pixels; larger images are resized to the default
TARGET_WORDS = ("target", "label", "class", "price", "value", "income", "churn", "outcome")
FEW_CLASSES = 20
EVEN = 0.5  # share of the steps between moments that are alike, from which rows follow each other in time
IGNORED = (".md", ".txt", ".names", ".license", ".pdf", ".html")
NPY = (".npy", ".npz")


def guess(path: Path) -> list[Guess]:
    """What lies at a path, the likeliest first; raises Mistake where it is nothing that a source reads.

    The path may be a file, a folder, an archive, or a place in an archive; params hold it as it was given. It may also
    name a set of the Hugging Face hub, "hub:owner/name".
    """
    if name := hub_name(str(path)):
        return list(hub_guesses(name))
    with reading(path):
        archive = archive_in(path)
        if not path.exists() and archive is None:
            raise refuse(f"{path} does not exist.")
        found = {(each.kind, str(each.params)): each for each in reversed(list(_at(path)))}
    if found:
        return list(reversed(found.values()))[:MOST_GUESSES]
    raise refuse(f"{path} holds nothing that can be read as data: {_what(entered(path))}.")


def _what(place: Path) -> str:
    if place.is_file():
        return f"a file ending in {place.suffix or 'nothing'}"
    inside = [each.name for each in visible(place)]
    return f"{', '.join(inside[:5])}{', ...' * (len(inside) > 5)}" if inside else "it is empty"


def _at(path: Path) -> Iterator[Guess]:
    """The guesses for a path; what is in an archive is looked at there, and named through the archive."""
    archive, place = archive_in(path), entered(path)
    home = place if archive is None else unpacked(archive)

    def named(inner: Path) -> str:
        if archive is None or inner == place:
            return str(path if inner == place else inner)
        return str(archive / inner.relative_to(home)) if inner.is_relative_to(home) else str(path)

    yield from _in_folder(place, named) if place.is_dir() else _of_file(place, named)


def _in_folder(home: Path, named: Named) -> Iterator[Guess]:
    yield from _shallow(home, named)
    inside = visible(home)
    for each in inside:
        if is_archive(each) and named(each) == str(each):  # one in an archive is chosen by its own path
            yield from _at(each)
    if not any(path.is_file() and _is_data(path) for path in inside):
        for each in inside:
            if each.is_dir() and each.name.lower() not in images.PLACES:
                yield from _shallow(each, named)


def _shallow(home: Path, named: Named) -> Iterator[Guess]:
    for look in LOOKS:
        yield from look(home, named)


def _is_data(path: Path) -> bool:
    return tablefile.ending(path) in (*tablefile.ENDINGS, *seriesfile.ENDINGS, *NPY) or "ubyte" in path.name


# -------------------------------------------------------------------------------------------------------- folders


def _idx_folder(home: Path, named: Named) -> Iterator[Guess]:
    if all(any(home.glob(f"{part}-{what}*ubyte*")) for part in idx.PARTS for what in ("images", "labels")):
        yield offer("Idx", {"path": named(home)}, "IDX files, images and labels as MNIST has them")


def _image_folder(home: Path, named: Named) -> Iterator[Guess]:
    folders = [each for each in visible(home) if each.is_dir()]
    halves = [each for each in folders if each.name.lower() in images.PLACES]
    classes: dict[str, Path] = {}
    for half in halves or [home]:
        for each in visible(half):
            if each.is_dir() and (first := _first_image(each)) is not None:
                classes.setdefault(each.name, first)
    if len(classes) < 2:
        return
    parts = f", with the parts {', '.join(each.name for each in halves)}" if halves else ""
    words = f"an image folder with {len(classes)} classes{parts}"
    yield offer("ImageFolder", {"path": named(home), **_size(list(classes.values()))}, words)


def _first_image(folder: Path) -> Path | None:
    return next((each for each in visible(folder) if each.suffix.lower() in images.SUFFIXES), None)


def _size(paths: Sequence[Path]) -> dict[str, Any]:
    """Params of the images' size and colour, where all of these are small and alike."""
    from PIL import Image  # takes a moment to import

    sizes, modes = set(), set()
    for path in paths:
        try:
            with Image.open(path) as image:
                sizes.add(image.size)
                modes.add(image.mode)
        except OSError:  # told when it is read
            continue
    params: dict[str, Any] = {"colour": "grey"} if modes and modes <= {"L", "1"} else {}
    if len(sizes) == 1 and max(*(size := sizes.pop())) <= LARGEST_AS_IS:
        params |= {"height": size[1], "width": size[0]}
    return params


def _series_folder(home: Path, named: Named) -> Iterator[Guess]:
    files = [each for each in visible(home) if each.suffix.lower() in seriesfile.ENDINGS]
    if not files:
        return
    try:
        found = seriesfile.files_of(home)
    except Mistake:  # several sets
        for each in files:
            if re.search(r"(?i)_test$", each.stem) is None:
                yield from _series(each, named)
        return
    parts = "train and test" if len(found) > 1 else "one part"
    words = f"the series of {re.sub('(?i)_train$', '', found[0][0].stem)}, {parts}"
    yield offer("SeriesFile", {"path": named(home)}, words)


def _array_folder(home: Path, named: Named) -> Iterator[Guess]:
    files = [each for each in visible(home) if each.suffix.lower() == ".npy"]
    if files:
        yield offer("Arrays", {"path": named(home)}, f"NumPy arrays, {len(files)} columns")
    for each in visible(home):
        if each.suffix.lower() == ".npz":
            yield from _arrays(each, named)


def _tables(home: Path, named: Named) -> Iterator[Guess]:
    """Tables in a folder: ratings with tables beside, two that are parts of one, or each for itself."""
    paths = [each for each in visible(home) if each.is_file() and tablefile.ending(each) in tablefile.ENDINGS]
    pairs = _pairs(paths)
    taken = {path for pair in pairs for path in pair}
    found = [each for train, test in pairs for each in _table(train, named, test)]
    for path in paths:
        if path not in taken:
            found += _table(path, named)
    yield from sorted(found, key=lambda each: each.kind not in ("Ratings", "BoxesInTable", "ImagesInTable"))


def _pairs(paths: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Files whose names differ in "train" and "test" alone."""
    names = {each.name.lower(): each for each in paths}
    pairs = []
    for each in paths:
        other = re.sub("training|train", "test", each.name.lower(), count=1)
        if other != each.name.lower() and other in names:
            pairs.append((each, names[other]))
    return pairs


LOOKS = (boxes_and_masks, _idx_folder, _image_folder, _series_folder, _array_folder, _tables, texts_and_sounds)


# ---------------------------------------------------------------------------------------------------------- files


def _of_file(path: Path, named: Named) -> Iterator[Guess]:
    kind = tablefile.ending(path)
    if kind in seriesfile.ENDINGS:
        yield from _series(path, named)
    elif kind in NPY:
        yield from _arrays(path, named)
    elif "ubyte" in path.name:
        yield from _idx_folder(path.parent, named)
    elif kind == ".json":
        yield from coco_file(path, named)
    elif kind in images.SUFFIXES:
        yield from _image_folder(path.parent.parent, named)
    else:
        yield from pairs_of_lines(path, named)
        yield from _table(path, named)


def _series(path: Path, named: Named) -> Iterator[Guess]:
    series = seriesfile.read_series(path)
    width = len(series.dimensions[0])
    kind = f"{len(series.classes or set(series.answers))} classes" if not series.numeric else "a number each"
    words = f"{len(series.answers):,} series of {width} dimension{'s' * (width > 1)} with {kind}"
    yield offer("SeriesFile", {"path": named(path)}, words)


def _arrays(path: Path, named: Named) -> Iterator[Guess]:
    yield offer("Arrays", {"path": named(path)}, f"NumPy arrays ({path.name})")


def _table(path: Path, named: Named, test: Path | None = None) -> Iterator[Guess]:
    """Guesses for one table, and the table of its test part."""
    read = tablefile.read_table(path)
    beside = {"path": named(path)}
    if test is not None:
        target = _target(read)
        tail = {"test_path": named(test), **_missing(read)}
        words = f"a table of {_counts(read)}, with its test part in {test.name}{_predicting(target)}"
        yield offer("Table", {**beside, "target": target, **tail}, words)
        return
    yield from _ratings(read, path, named)
    yield from boxes_in_table(read, path, named)
    if column := image_column_of(read):
        target = _target(TableFile(read.table.drop_columns([column]), read.first_row))
        words = f"{read.table.num_rows:,} images, named in the column {column}{_predicting(target)}"
        yield offer("ImagesInTable", {**beside, "image": column, "target": target, **_missing(read)}, words)
    yield from _time_series(read, beside)
    target = _target(read)
    words = f"a table of {_counts(read)}{_predicting(target)}"
    yield offer("Table", {**beside, "target": target, **_missing(read)}, words)


def _counts(read: TableFile) -> str:
    return f"{read.table.num_rows:,} rows and {len(read.names)} columns"


def _predicting(target: str) -> str:
    return f"; {target} may be what to predict" if target else ""


def _missing(read: TableFile) -> dict[str, Any]:
    """Leave rows out that lack a value, where some do."""
    columns = [read.table.column(name) for name in read.names]
    lacks = any((tablefile.texts(each) if tablefile.is_text(each.type) else each).null_count for each in columns)
    return {"missing": "drop rows"} if lacks else {}


def _target(read: TableFile) -> str:
    """The column that is likeliest to be predicted, "" where none stands out."""
    for name in read.names:
        if name.lower().strip() in TARGETS and _differs(read, name):
            return name
    for name in reversed(read.names):
        if any(word in re.split(r"[^a-z]+", name.lower()) for word in TARGET_WORDS) and _differs(read, name):
            return name
    if _has_few(read, read.names[-1]):
        return read.names[-1]
    classes = [name for name in read.names if _has_few(read, name)]
    return classes[0] if len(classes) == 1 and len(read.names) == 2 else ""


def _differs(read: TableFile, name: str) -> bool:
    """Whether a column holds numbers, or more than one text."""
    column = read.table.column(name)
    return not tablefile.is_text(column.type) or len(column.unique().drop_null()) > 1


def _has_few(read: TableFile, name: str) -> bool:
    """Whether a column holds a few different texts."""
    column = read.table.column(name)
    return tablefile.is_text(column.type) and 2 <= len(column.unique().drop_null()) <= FEW_CLASSES


def _ratings(read: TableFile, path: Path, named: Named) -> Iterator[Guess]:
    user, item, rating = (role_of(role, read.names) for role in ("user", "item", "rating"))
    if not (user and item and rating):
        return
    params, beside = {"path": named(path)}, []
    for other in visible(path.parent):
        if other == path or tablefile.ending(other) not in tablefile.ENDINGS:
            continue
        try:
            names = tablefile.read_table(other).names
        except Mistake:  # told where it is chosen
            continue
        for role, key, rest in (("users", user, item), ("items", item, user)):
            if key in names and rest not in names and role not in params and len(names) > 1:
                params[role] = named(other)
                beside.append(f"{role} in {other.name}")
    more = f", and facts about {' and '.join(beside)}" if beside else ""
    words = f"{read.table.num_rows:,} ratings of {item} by {user}{more}"
    yield offer("Ratings", params, words)


# ----------------------------------------------------------------------------------------------------- time series


def _time_series(read: TableFile, beside: Mapping[str, Any]) -> Iterator[Guess]:
    time = _time_columns(read)
    counters = [name for name in read.names if name not in time and _counts_up(read.table.column(name))]
    numbers = [
        name
        for name in read.names
        if name not in (*time, *counters) and tablefile.is_numeric(read.table.column(name).type)
    ]
    if not time or not numbers:
        return
    params: dict[str, Any] = {**beside, "time": time}
    if counters:
        params["columns"] = [name for name in read.names if name not in (*time, *counters)]
    if len(numbers) > 1:
        params["targets"] = [numbers[0]]
    if any(read.table.column(name).null_count for name in numbers):
        params["missing"] = "last value"
    words = f"a time series of {read.table.num_rows:,} rows over {', '.join(time)}"
    yield offer("TimeSeries", params, f"{words}; {numbers[0]} may be what to predict")


def _time_columns(read: TableFile) -> list[str]:
    """The columns that tell the moment of each row, where rows follow each other evenly; none where they do not."""
    named = [name for name in read.names if name.lower() in TIME_PARTS]
    if {"year", "month", "day"} <= {name.lower() for name in named}:
        return named
    for name in read.names:
        column = read.table.column(name)
        if tablefile.is_numeric(column.type):
            continue
        found = moments(column.slice(0, LOOKED_AT))
        if found is not None and len(found) > 2 and not np.isnan(found).any() and _even(found):
            return [name]
    return []


def _even(found: Any) -> bool:
    """Whether each moment comes after the one before it (or before, in all), most of them in alike steps."""
    steps = np.diff(found)
    if not ((steps > 0).all() or (steps < 0).all()):
        return False
    usual = float(np.median(abs(steps)))
    return bool((abs(abs(steps) - usual) <= 0.15 * usual).mean() >= EVEN)  # months differ in length


def _counts_up(column: Any) -> bool:
    """Whether a column numbers the rows."""
    if not str(column.type).startswith("int"):
        return False
    values = tablefile.numbers(column.slice(0, LOOKED_AT))
    return len(values) > 1 and bool((np.diff(values) == 1).all())
