"""Images with boxes, in whichever form they come: checked, cut to their images, and brought to one size with these."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from engine.data import boxes, boxfiles, boxlists
from engine.data.archivecache import as_given
from engine.data.boxfiles import Annotated, Found, counted
from engine.data.fitting import moved
from engine.data.images import THREADS, decode
from engine.data.sources import PARTS, Array, Reader, image_column, located_file, located_folder, refuse
from engine.ops import source_vision as declared

TOLERATED = 1.0  # pixels that a box may reach beyond its image without a note: what rounding does
TURNED = 5  # orientations of a camera from this on lie on their side


class Detection(Reader):
    """Images of one size, "image", and "boxes" on them in its pixels."""

    target = "boxes"
    by_class = True

    def __init__(self, source: declared._Boxed, folder: Path) -> None:
        found, home = _found(source, folder)
        found.images = _with_sizes(found)
        size = (source.width, source.height)
        values, rows = _values(found)
        values, whole = _clipped(values, _sizes(found.images)[rows], found, rows)
        rows = rows[whole]
        found.refuse_too_many(home)
        if not len(rows):
            raise refuse(f"{home} holds no boxes that can be used; at least one is needed.")
        values[:, :4] = moved(values[:, :4], _sizes(found.images)[rows], size, source.fit)
        if source.fit == "crop":
            values, rows = _cropped(values, rows, size, found)
        offsets = np.searchsorted(rows, np.arange(len(found.images) + 1))
        self._boxes = boxes.held(values.astype(np.float32), offsets)
        self._paths = [each.path for each in found.images]
        if found.has_parts:
            self.parts = np.array([each.part for each in found.images], np.int8)
            if not (self.parts == 0).any():
                raise refuse(f"{home} has images of {PARTS[found.images[0].part]}, and none to train on.")
        channels = 3 if source.colour == "RGB" else 1
        self.columns = {
            "image": image_column("image", (channels, source.height, source.width), source.fit),
            "boxes": boxes.boxes_column("boxes", found.classes),
        }
        self.notes = found.notes()

    def __len__(self) -> int:
        return len(self._paths)

    def held(self, name: str) -> Array | None:
        return self._boxes if name == "boxes" else None

    def files(self, name: str) -> Sequence[Path]:
        return self._paths if name == "image" else ()

    def read(self, indices: Array, name: str) -> tuple[Array, dict[int, str]]:
        if name == "boxes":
            return self._boxes[indices], {}
        image = self.columns["image"]
        return decode([self._paths[index] for index in indices], image.sizes, image.fit)

    def where(self, index: int) -> str:
        return as_given(str(self._paths[index]))


def _found(source: declared._Boxed, folder: Path) -> tuple[Found, Path]:
    """Read the boxes of a source, with the place that problems name."""
    match source:
        case declared.PascalVOC():
            home = located_folder(source.path, folder, "folder of images and their XML files")
            return boxfiles.pascal_voc(home), home
        case declared.YOLO():
            home = located_folder(source.path, folder, "folder of images and labels")
            return boxfiles.yolo(home), home
        case declared.COCO():
            files = _files(source, folder, "JSON file of boxes")
            return boxlists.coco(files, _folder(source, folder)), files[0][0]
        case declared.BoxesInTable():
            files = _files(source, folder, "table of boxes")
            return boxlists.tables(source, files, _folder(source, folder)), files[0][0]
    raise TypeError(f"no boxes in {source!r}")


def _files(source: Any, folder: Path, what: str) -> list[boxlists.Part]:
    named = (source.path, source.validation_path, source.test_path)
    paths = [(located_file(path, folder, what), place) for place, path in enumerate(named) if path or not place]
    for path, _place in paths:
        if path.is_dir():
            raise refuse(f"{path} is a folder; choose the {what} in it.")
    return paths


def _folder(source: Any, folder: Path) -> Path | None:
    return located_folder(source.folder, folder, "folder where the images' paths start") if source.folder else None


def _with_sizes(found: Found) -> list[Annotated]:
    """The images with their sizes, looked up in their files where the annotations tell none."""
    unknown = [each for each in found.images if each.size is None]
    with ThreadPoolExecutor(THREADS) as pool:
        paths = [each.path for each in unknown]
        sizes = dict(zip(paths, pool.map(upright_size, paths), strict=True))
    kept = []
    for each in found.images:
        size = each.size or sizes[each.path]
        if size is None:
            found.leave("picture", str(each.path))
        else:
            kept.append(replace(each, size=size))
    return kept


def upright_size(path: Path) -> tuple[int, int] | None:
    """The width and height of an image as it is shown, None where its file cannot be read."""
    from PIL import Image  # takes a moment to import

    try:
        with Image.open(path) as image:
            width, height = image.size
            turned = image.getexif().get(0x0112, 1) >= TURNED
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return (height, width) if turned else (width, height)


def _sizes(images: Sequence[Annotated]) -> Array:
    return np.array([each.size for each in images], np.int64).reshape(-1, 2)


def _values(found: Found) -> tuple[Array, Array]:
    """All boxes (count, 5) with their classes, and the image that each is on."""
    numbers = {name: number for number, name in enumerate(found.classes)}
    rows = np.repeat(np.arange(len(found.images)), [len(each.boxes) for each in found.images])
    listed = [(*box.corners, numbers[box.label]) for each in found.images for box in each.boxes]
    values = np.array(listed, np.float64).reshape(-1, boxes.WIDTH)
    shares = np.array([each.shares for each in found.images], bool)[rows]
    values[shares, :4] *= np.tile(_sizes(found.images)[rows[shares]], 2)
    return values, rows


def _clipped(values: Array, sizes: Array, found: Found, rows: Array) -> tuple[Array, Array]:
    """Cut boxes to their images, and leave out those of no size; also returns which are kept."""
    cut = np.clip(values[:, :4], 0, np.tile(sizes, 2))
    beyond = (abs(cut - values[:, :4]) > TOLERATED).any(axis=1)
    whole = (cut[:, 2] > cut[:, 0]) & (cut[:, 3] > cut[:, 1])
    starts = np.searchsorted(rows, rows)
    for place in np.flatnonzero(~whole).tolist():
        found.leave("size", _where(found, rows, starts, place))
    if (beyond & whole).any():
        places = np.flatnonzero(beyond & whole)
        words = counted(len(places), "box reaches beyond the image and is", "boxes reach beyond the image and are")
        first = _where(found, rows, starts, int(places[0]))
        found.further.append(f"{words} cut off there, first {first}.")
    return np.concatenate([cut, values[:, 4:]], axis=1)[whole], whole


def _where(found: Found, rows: Array, starts: Array, place: int) -> str:
    image = found.images[rows[place]]
    return f"{image.boxes[place - starts[place]].place} of {image.origin}"


def _cropped(values: Array, rows: Array, size: tuple[int, int], found: Found) -> tuple[Array, Array]:
    """Cut boxes to the middle that is left of their images; those that lie beside it are left out, with a note."""
    values[:, :4] = values[:, :4].clip(0, np.tile(size, 2))
    left = (values[:, 2] > values[:, 0]) & (values[:, 3] > values[:, 1])
    if not left.all():
        words = counted(int((~left).sum()), "box lies beside the middle and is", "boxes lie beside the middle and are")
        found.further.append(f"{words} left out.")
    return values[left], rows[left]
