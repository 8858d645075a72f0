"""What folders and files of images with boxes or masks look like: guesses beside those for tables and images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from engine.data.archive import visible
from engine.data.boxfiles import label_file, listed
from engine.data.boxlists import box_columns, label_column
from engine.data.guessing import Guess, Named, offer
from engine.data.images import SUFFIXES, files_in, folders, halves
from engine.data.imagetable import image_column_of
from engine.data.masks import found_pairs, roots
from engine.data.sources import PARTS
from engine.data.tablefile import TableFile
from engine.data.told import PLACES
from engine.problem import Mistake

START_BYTES = 2**16  # of a JSON file, at its start and at its end, where COCO's lists are named
LISTS = (b'"images"', b'"annotations"', b'"categories"')
YOLO_SIGNS = ("labels", "*/labels", "classes.txt", "*.yaml", "*.yml")
LOOKED_AT = 20  # images, to find out whether they have lines of boxes


def boxes_and_masks(home: Path, named: Named) -> Iterator[Guess]:
    """Guesses for a folder of images with boxes or masks."""
    yield from _voc(home, named)
    yield from _coco(home, named)
    yield from _yolo(home, named)
    yield from _masks(home, named)


def coco_file(path: Path, named: Named) -> Iterator[Guess]:
    """A guess for a JSON file of boxes."""
    if _is_coco(path):
        yield offer("COCO", {"path": named(path)}, f"images with boxes in COCO's form, listed in {path.name}")


def boxes_in_table(read: TableFile, path: Path, named: Named) -> Iterator[Guess]:
    """A guess for a table that has a box a row."""
    image, boxes = image_column_of(read), box_columns(read.names)
    if not image or boxes is None:
        return
    label = label_column([name for name in read.names if name not in (image, *boxes[0])])
    told = f", their classes in {label}" if label else ""
    words = f"{read.table.num_rows:,} boxes on the images that {image} names, in {', '.join(boxes[0])}{told}"
    yield offer("BoxesInTable", {"path": named(path)}, words)


def _voc(home: Path, named: Named) -> Iterator[Guess]:
    around = [*halves(home)] if not (home / "Annotations").is_dir() else [(home, 0)]
    marked = [(half, place) for half, place in around if _has_xml(half)]
    if not marked:
        return
    lists = listed(home, "Main")
    places = sorted(set(lists.values())) if lists else sorted({place for half, place in marked if half != home})
    yield offer("PascalVOC", {"path": named(home)}, f"images with boxes in Pascal VOC's form{_parts(places)}")


def _parts(places: Sequence[int]) -> str:
    return f", with the parts {', '.join(PARTS[place] for place in places)}" if len(places) > 1 else ""


def _has_xml(half: Path) -> bool:
    """Whether a folder holds XML files, and images beside them."""
    inner = [half, half / "Annotations", half / "annotations"]
    marked = any(each.suffix.lower() == ".xml" for folder in inner if folder.is_dir() for each in visible(folder))
    around = [half, *folders(half)]
    return marked and any(each.suffix.lower() in SUFFIXES for folder in around for each in visible(folder))


def _coco(home: Path, named: Named) -> Iterator[Guess]:
    """One file, or those of train, validation and test, in the folder or in those below it."""
    files = [path for folder in (home, *folders(home)) for path in sorted(folder.glob("*.json")) if _is_coco(path)]
    parts: dict[int, Path] = {}
    for path in files:
        parts.setdefault(_part_of(path, home), path)
    if 0 not in parts:
        return
    params: dict[str, Any] = {"path": named(parts[0])}
    params |= {f"{PARTS[place]}_path": named(path) for place, path in sorted(parts.items()) if place}
    yield offer("COCO", params, f"images with boxes in COCO's form{_parts(sorted(parts))}")


def _part_of(path: Path, home: Path) -> int:
    """The part that a file's folder or its name tells, such as instances_val2017."""
    inner = path.relative_to(home)
    words = [*inner.parts[:-1], *path.stem.replace("-", "_").replace(".", "_").split("_")]
    found = (PLACES.get(word.lower().rstrip("0123456789")) for word in words)
    return next((place for place in found if place is not None), 0)


def _is_coco(path: Path) -> bool:
    """Whether a file names COCO's three lists near its start or its end, for it may be large."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    with path.open("rb") as stream:
        start = stream.read(START_BYTES)
        stream.seek(max(0, path.stat().st_size - START_BYTES))
        text = start + stream.read()
    return sum(name in text for name in LISTS) >= 2 and (b'"bbox"' in text or b'"categories"' in text)


def _yolo(home: Path, named: Named) -> Iterator[Guess]:
    if not any(any(home.glob(sign)) for sign in YOLO_SIGNS):
        return
    images = (path for path in files_in(home) if path.suffix.lower() in SUFFIXES)
    looked_at = [path for path, _place in zip(images, range(LOOKED_AT), strict=False)]
    if any(label_file(path).is_file() for path in looked_at):
        yield offer("YOLO", {"path": named(home)}, "images with boxes in YOLO's form")


def _masks(home: Path, named: Named) -> Iterator[Guess]:
    if not any(roots(home)):
        return
    try:
        pairs, _lonely = found_pairs(home)
    except Mistake:  # told where it is chosen
        return
    if pairs:
        places = sorted({place for _image, _mask, place in pairs})
        words = f"{len(pairs):,} images with a mask each{_parts(places)}"
        yield offer("SegmentationMasks", {"path": named(home)}, words)
