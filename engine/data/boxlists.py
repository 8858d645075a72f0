"""Lists of the boxes of many images: COCO's JSON, and tables with a box a row."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.data import tablefile
from engine.data.boxfiles import Annotated, Box, Corners, Found, classes_in, counted, numbers_of
from engine.data.images import folders
from engine.data.imagetable import image_column_of
from engine.data.sources import Array, reading, refuse
from engine.data.table import known_column
from engine.data.tablefile import TableFile
from engine.ops.source_vision import BoxesInTable

Part = tuple[Path, int]  # a file, and the place in PARTS of its images
LOOKED_AT = 5  # images by which the folder of all is found

# ------------------------------------------------------------------------------------------------------------- COCO


def coco(files: Sequence[Part], folder: Path | None) -> Found:
    """Read JSON files of images, boxes and classes; images are looked for in `folder`, or near each file."""
    found = Found(has_parts=len(files) > 1)
    for path, place in files:
        with reading(path):
            _read_coco(path, place, folder, found)
    found.refuse_too_many(files[0][0], "folder")
    return found


def _read_coco(path: Path, place: int, folder: Path | None, found: Found) -> None:
    images, annotations, categories = _lists(path)
    names = _categories(path, categories)
    found.classes += [name for name in names.values() if name not in found.classes]
    boxes: dict[Any, list[Box]] = {}
    crowds = 0
    for number, each in enumerate(annotations, 1):
        crowds += bool(each.get("iscrowd"))
        if each.get("iscrowd"):
            continue
        box, label = each.get("bbox"), names.get(_key(each.get("category_id")))
        corners = numbers_of(list(map(str, box))) if isinstance(box, list) and len(box) == 4 else None
        place_in = f"annotation {each.get('id', number)}"
        if corners is None or label is None:
            found.leave("box", f"{place_in} of {path}")
            continue
        x, y, width, height = corners
        boxes.setdefault(_key(each.get("image_id")), []).append(Box(label, (x, y, x + width, y + height), place_in))
    if crowds:
        found.further.append(f"{counted(crowds, 'box of a crowd is', 'boxes of crowds are')} left out.")
    home = image_home(path, folder, [str(each.get("file_name")) for each in images[:LOOKED_AT]])
    for each in images:
        image = home / str(each.get("file_name"))
        if not image.is_file():
            found.leave("image", f"{image}, of {path.name}")
            continue
        size = _size(each.get("width"), each.get("height"))
        found.images.append(Annotated(image, boxes.get(_key(each.get("id")), []), str(path), size, place))


def _lists(path: Path) -> tuple[list[Mapping[str, Any]], ...]:
    """The images, annotations and categories of a file; raises Mistake where it has none."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise refuse(f"{path} is no JSON: {error}.") from None
    lists = []
    for name in ("images", "annotations", "categories"):
        held = data.get(name) if isinstance(data, dict) else None
        if not isinstance(held, list) or not all(isinstance(each, dict) for each in held):
            raise refuse(f"{path} has no list {name!r}; COCO's form has images, annotations and categories.")
        lists.append(held)
    return tuple(lists)


def _key(value: Any) -> Any:
    """A number or a text by which entries are found; other values are found by none."""
    return value if isinstance(value, int | str) else None


def _categories(path: Path, categories: Sequence[Mapping[str, Any]]) -> dict[Any, str]:
    """The names of the classes by their numbers, in the numbers' order."""
    named = {each["id"]: str(each.get("name", each["id"])) for each in categories if isinstance(each.get("id"), int)}
    if len(set(named.values())) < len(named):
        raise refuse(f"{path} has categories of the same name; rename one of them.")
    return dict(sorted(named.items()))


def _size(width: Any, height: Any) -> tuple[int, int] | None:
    known = all(isinstance(each, int | float) and 1 <= each < 2**31 for each in (width, height))
    return (int(width), int(height)) if known else None


def image_home(path: Path, folder: Path | None, names: Sequence[str]) -> Path:
    """The folder in which images of these names are: the given one, or one in it, or near a file."""
    starts = [folder] if folder is not None else [path.parent, path.parent.parent]
    for start in starts:
        for home in _around(start):
            if any((home / name).is_file() for name in names):
                return home
    return starts[0]


def _around(start: Path) -> Iterator[Path]:
    yield start
    for each in folders(start):
        yield each
        yield from folders(each)


# ------------------------------------------------------------------------------------------------------------ tables

LABELS = ("class", "label", "classname", "labelname", "category", "name", "object", "classid", "species", "type")
CORNERS, CORNER, CENTRE = "corners", "corner and size", "centre and size"
FORMS: tuple[tuple[tuple[str, str, str, str], str], ...] = (
    (("xmin", "ymin", "xmax", "ymax"), CORNERS),
    (("x1", "y1", "x2", "y2"), CORNERS),
    (("left", "top", "right", "bottom"), CORNERS),
    (("xcenter", "ycenter", "width", "height"), CENTRE),
    (("xcentre", "ycentre", "width", "height"), CENTRE),
    (("cx", "cy", "w", "h"), CENTRE),
    (("x", "y", "width", "height"), CORNER),
    (("x", "y", "w", "h"), CORNER),
    (("bboxx", "bboxy", "bboxwidth", "bboxheight"), CORNER),
    (("left", "top", "width", "height"), CORNER),
)


def plain_name(name: str) -> str:
    """A column's name without what names are written differently in: "X_min" is xmin."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


def box_columns(names: Sequence[str]) -> tuple[tuple[str, ...], str] | None:
    """The four columns of a table that are named as those of boxes are, and what they are."""
    plain = {plain_name(name): name for name in reversed(names)}
    for wanted, form in FORMS:
        if all(name in plain for name in wanted):
            return tuple(plain[name] for name in wanted), form
    return None


def label_column(names: Sequence[str]) -> str:
    """The column that is named as one of classes is, "" where none is."""
    return next((name for wanted in LABELS for name in names if plain_name(name) == wanted), "")


def tables(source: BoxesInTable, files: Sequence[Part], folder: Path | None) -> Found:
    """Read tables with a box a row; paths of images start at `folder`, or at each table's own."""
    found = Found(has_parts=len(files) > 1)
    for path, place in files:
        read = tablefile.read_table(path)
        _read_rows(source, path, place, read, folder or path.parent, found)
    found.refuse_too_many(files[0][0], "folder")
    found.classes = classes_in(found.images)
    return found


def _read_rows(source: BoxesInTable, path: Path, part: int, read: TableFile, home: Path, found: Found) -> None:
    image = known_column(source.image, read.names, "image") or image_column_of(read)
    if not image:
        raise refuse(f"{path} has no column of paths of images; set image to the one that names them.", "image")
    names, form = _box_columns(source, path, read)
    values = _corners(np.stack([_numbers(read, name, path) for name in names], axis=1), form)
    known = np.asarray(~np.isnan(values).any(axis=1))
    shares = bool(known.any()) and float(abs(values[known]).max()) <= 1
    labels, note = _labels(source, read, {image, *names})
    if note and note not in found.further:
        found.further.append(note)
    grouped: dict[str, list[Box]] = {}
    for row, name in enumerate(tablefile.texts(read.table.column(image)).to_pylist()):
        place = f"row {row + read.first_row}"
        if name is None:
            found.leave("image", f"{place} of {path}, which names none")
            continue
        held = grouped.setdefault(name, [])
        if known[row] and labels[row] is not None:
            held.append(Box(str(labels[row]), _corners_at(values, row), place))
        elif not np.isnan(values[row]).all():
            found.leave("box", f"{place} of {path}")
    for name, held in grouped.items():
        file = home / name
        if file.is_file():
            found.images.append(Annotated(file, held, str(path), None, part, shares))
        else:
            found.leave("image", f"{file}, of {path.name}")


def _corners_at(values: Array, row: int) -> Corners:
    one, two, three, four = values[row].tolist()
    return one, two, three, four


def _corners(values: Array, form: str) -> Array:
    """Bring boxes (count, 4) of a form to corners."""
    first, second = values[:, :2], values[:, 2:]
    if form == CORNER:
        return np.concatenate([first, first + second], axis=1)
    if form == CENTRE:
        return np.concatenate([first - second / 2, first + second / 2], axis=1)
    return values


def _box_columns(source: BoxesInTable, path: Path, read: TableFile) -> tuple[tuple[str, ...], str]:
    if source.box:
        if len(source.box) != 4:
            raise refuse(f"box names {len(source.box)} columns; a box has four numbers.", "box")
        return tuple(known_column(name, read.names, "box") for name in source.box), source.form
    found = box_columns(read.names)
    if found is None:
        words = f"{path} has no four columns that are named as those of boxes, such as xmin, ymin, xmax, ymax"
        raise refuse(f"{words}; set box to them.", "box")
    return found


def _numbers(read: TableFile, name: str, path: Path) -> Array:
    column = read.table.column(name)
    if tablefile.is_numeric(column.type) or str(column.type) == "null":
        return tablefile.numbers(column)
    texts = tablefile.texts(column)
    wrong = tablefile.first_text(texts)
    if wrong is not None:
        words = f"{path.name}, row {wrong[0] + read.first_row}: {name} is {wrong[1]!r}; it must be a number."
        raise refuse(words, "box")
    return np.array([np.nan if each is None else float(each) for each in texts.to_pylist()])


def _labels(source: BoxesInTable, read: TableFile, taken: set[str]) -> tuple[list[str | None], str]:
    """The class of each row, and a note where no column tells it."""
    name = known_column(source.label, read.names, "label")
    name = name or label_column([each for each in read.names if each not in taken])
    if name in taken:
        raise refuse(f"{name} is no column of classes, for it holds images or boxes.", "label")
    if name:
        return tablefile.texts(read.table.column(name)).to_pylist(), ""
    return ["object"] * read.table.num_rows, "No column is named as one of classes; all boxes are of one, object."
