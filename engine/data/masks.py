"""Images with masks, which say the class of every pixel."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import get_worker_info

from engine.columns import Column
from engine.data.archivecache import as_given
from engine.data.boxfiles import counted, listed
from engine.data.fitting import fitted
from engine.data.images import SUFFIXES, THREADS, decode, files_in, folders
from engine.data.sources import Array, Reader, image_column, located_file, located_folder, reading, refuse
from engine.data.told import PLACES
from engine.ops import source_vision as declared
from engine.problem import Mistake

IGNORED = 255  # the class of pixels that do not count
LOOKED_AT = 1000  # masks, to find out which classes there are
IMAGES = ("images", "image", "imgs", "img", "jpegimages", "photos")
MASKS = ("masks", "mask", "segmentationclass", "annotations", "annotation", "labels", "annots", "segmentations", "gt")
BESIDE = re.compile(r"(?i)_?(labels?|masks?|annot(ations)?|gt)$")  # train_labels beside train
ENDINGS = re.compile(r"(?i)[_-](masks?|labels?|seg|segmentation|gt|l)$")  # of a mask's name, beside that of its image
TABLES = ("classes.txt", "class_dict.csv", "label_colors.txt", "labelmap.txt", "codes.txt")
UNCOUNTED = ("void", "ignore", "ignored", "unlabeled", "unlabelled")  # names of what is no class
YES_OR_NO = ("background", "foreground")
Pair = tuple[Path, Path, int]  # an image, its mask, and the place of its part


@dataclass(frozen=True)
class Classes:
    """What the pixels of masks mean: names, and their colours where masks have such; None is for what is no class."""

    names: tuple[str, ...] = ()
    colours: tuple[tuple[int, str | None], ...] = ()  # red * 65536 + green * 256 + blue, and the name
    yes_or_no: bool = False

    def table(self) -> tuple[Array, Array]:
        """The known colours in ascending order, and the class of each."""
        places = [IGNORED if name is None else self.names.index(name) for _colour, name in self.colours]
        colours = np.array([colour for colour, _name in self.colours], np.int64)
        order = np.argsort(colours)
        return colours[order], np.array(places, np.uint8)[order]


class SegmentationMasks(Reader):
    """Images of one size, "image", and the class of each of their pixels, "mask"."""

    target = "mask"
    by_class = True

    def __init__(self, source: declared.SegmentationMasks, folder: Path) -> None:
        home = located_folder(source.path, folder, "folder of images and masks")
        masks = located_folder(source.masks, folder, "folder of masks") if source.masks else None
        with reading(home):
            pairs, lonely = found_pairs(home, masks)
            classes = _classes(source, home, folder)
        if not pairs:
            words = f"{home} holds no images with masks of the same names"
            raise refuse(f"{words}; choose the folder that holds both, or set masks to the folder of the masks.")
        self._images, self._masks, parts = map(list, zip(*pairs, strict=True))
        if len(set(parts)) > 1:
            self.parts = np.array(parts, np.int8)
        self._classes, counts, ignores = _looked_at(self._masks, classes)
        self._fit = source.fit
        shape = (3 if source.colour == "RGB" else 1, source.height, source.width)
        self.columns = {
            "image": image_column("image", shape, source.fit),
            "mask": replace(
                mask_column("mask", shape[1:], self._classes.names),
                counts=counts,
                ignored=IGNORED if ignores or source.fit == "pad" else None,
            ),
        }
        self.notes = _notes(lonely, ignores)

    def __len__(self) -> int:
        return len(self._images)

    def held(self, name: str) -> Array | None:
        return None

    def files(self, name: str) -> Sequence[Path]:
        return self._images if name == "image" else self._masks

    def read(self, indices: Array, name: str) -> tuple[Array, dict[int, str]]:
        if name == "image":
            image = self.columns["image"]
            return decode([self._images[index] for index in indices], image.sizes, image.fit)
        return self._decoded([self._masks[index] for index in indices])

    def _decoded(self, paths: Sequence[Path]) -> tuple[Array, dict[int, str]]:
        from PIL import Image  # takes a moment to import

        height, width = self.columns["mask"].sizes
        found = np.zeros((len(paths), height, width), np.uint8)
        faults: dict[int, str] = {}

        def work(place: int) -> None:
            try:
                mask = Image.fromarray(class_numbers(paths[place], self._classes))
                found[place] = fitted(mask, (width, height), self._fit, Image.Resampling.NEAREST, IGNORED)
            except Mistake as mistake:
                faults[place] = mistake.message

        with ThreadPoolExecutor(1 if get_worker_info() is not None else THREADS) as pool:
            list(pool.map(work, range(len(paths))))
        return found, faults

    def where(self, index: int) -> str:
        return as_given(str(self._images[index]))


def mask_column(name: str, shape: Sequence[int], classes: Sequence[str], follows: str = "image") -> Column:
    """A column of masks (height, width) on the images of another column."""
    high = float(len(classes) - 1)
    return Column(name, "mask", tuple(shape), "int64", low=0.0, high=high, classes=tuple(classes), follows=follows)


def _notes(lonely: Sequence[Path], ignores: bool) -> tuple[str, ...]:
    words = counted(len(lonely), "image has no mask and is", "images have no mask and are")
    left = (f"{words} left out, first {lonely[0]}.",) if lonely else ()
    return (*left, *((f"Pixels of the masks that are {IGNORED} do not count.",) if ignores else ()))


# -------------------------------------------------------------------------------------------------------- the files


def found_pairs(home: Path, masks: Path | None = None) -> tuple[list[Pair], list[Path]]:
    """The images of a folder with their masks, and the images that have none."""
    pairs: list[Pair] = []
    lonely: list[Path] = []
    parts = listed(home, "Segmentation")
    for images, answers, place in roots(home) if masks is None else [(home, masks, 0)]:
        by_place, by_name = _by_stem(answers)
        for path in files_in(images):
            if path.suffix.lower() not in SUFFIXES or path.is_relative_to(answers):
                continue
            if parts and path.stem not in parts:
                continue
            inner = path.relative_to(images)
            mask = by_place.get(inner.parent / path.stem) or by_name.get(path.stem)
            if mask is None:
                lonely.append(path)
                continue
            part = next((PLACES[each.lower()] for each in inner.parts[:-1] if each.lower() in PLACES), place)
            pairs.append((path, mask, parts.get(path.stem, part)))
    return pairs, lonely


def _by_stem(folder: Path) -> tuple[dict[Path, Path], dict[str, Path]]:
    """The masks of a folder by their places in it and by their names, without what tells that they are masks."""
    masks = [path for path in files_in(folder) if path.suffix.lower() in SUFFIXES]
    places, names = {}, {}
    for whole in (False, True):  # the whole name counts more than one that was cut
        for path in masks:
            stem = path.stem if whole else ENDINGS.sub("", path.stem)
            places[path.relative_to(folder).parent / stem] = path
            names[stem] = path
    return places, names


def roots(home: Path) -> Iterator[tuple[Path, Path, int]]:
    """Yield folders of images, of their masks, and the place of their part."""
    inside = {each.name.lower(): each for each in folders(home)}
    images, masks = (next((inside[name] for name in names if name in inside), None) for names in (IMAGES, MASKS))
    if images is not None and masks is not None:
        yield images, masks, 0
        return
    for name, each in inside.items():
        if name in PLACES:
            for deeper, answers, _place in roots(each):
                yield deeper, answers, PLACES[name]
        beside = BESIDE.sub("", name)
        if beside in PLACES and beside in inside and beside != name:
            yield inside[beside], each, PLACES[beside]


# ------------------------------------------------------------------------------------------------------ the classes


def _classes(source: declared.SegmentationMasks, home: Path, folder: Path) -> Classes:
    if source.classes:
        return read_classes(located_file(source.classes, folder, "file of class names"))
    found = next((home / name for name in TABLES if (home / name).is_file()), None)
    return Classes() if found is None else read_classes(found)


def read_classes(path: Path) -> Classes:
    """Read names of classes, one a line, each with its colour or none of them."""
    with reading(path):
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    names: list[str] = []
    colours: list[tuple[int, str]] = []
    for line in lines:
        found = re.search(r"(?<!\d)(\d{1,3})[,;\s]+(\d{1,3})[,;\s]+(\d{1,3})(?!\d)", line)
        if found and all(int(each) <= 255 for each in found.groups()):
            red, green, blue = map(int, found.groups())
            name = (line[: found.start()] + line[found.end() :]).strip(" ,:;\t\r\"'")
            colours.append((red * 65536 + green * 256 + blue, name))
        elif line.strip() and not line.startswith("#"):
            names.append(line.strip(" ,\t\r"))
    if colours:  # a line without a colour heads the table then
        names = [name for _colour, name in colours if name.lower() not in UNCOUNTED]
    names = list(dict.fromkeys(names))
    if len(names) < 2 or "" in names or len(names) > IGNORED:
        words = f"{path} names {len(names)} classes; it must name from 2 to {IGNORED}, one a line"
        raise refuse(f"{words}, such as road,128,0,64.", "classes")
    return Classes(tuple(names), tuple((colour, name if name in names else None) for colour, name in colours))


def _looked_at(paths: Sequence[Path], classes: Classes) -> tuple[Classes, tuple[int, ...], bool]:
    """Look at masks to learn which classes there are, how many images have each, and whether some pixels are none."""
    places = np.unique(np.linspace(0, len(paths) - 1, min(LOOKED_AT, len(paths))).astype(int))

    def work(place: int) -> Array:
        return np.bincount(class_numbers(paths[place], classes).ravel(), minlength=256) > 0

    with ThreadPoolExecutor(THREADS) as pool:
        there = np.stack([*pool.map(work, places.tolist())])
    seen = np.flatnonzero(there.any(axis=0)).tolist()
    yes_or_no = not classes.colours and seen in ([IGNORED], [0, IGNORED]) and len(classes.names) in (0, 2)
    if yes_or_no:
        there[:, 1] |= there[:, IGNORED]
        there[:, IGNORED] = False
        classes = Classes(classes.names or YES_OR_NO, (), yes_or_no)
    highest = max((each for each in seen if each != IGNORED), default=0)
    if not classes.names:
        classes = Classes(tuple(map(str, range(highest + 1))))
    count = len(classes.names)
    if not yes_or_no and highest >= count:
        first = paths[places[int(there[:, highest].argmax())]]
        words = f"{first} has the class {highest}, and {count} are named, from 0 on"
        raise refuse(f"{words}; name all in the file of classes.", "classes")
    if count < 2:
        raise refuse(f"The masks have one class alone, {classes.names[0]}; at least two are needed to tell apart.")
    counts = tuple(there[:, :count].sum(axis=0).tolist()) if len(places) == len(paths) else ()
    return classes, counts, bool(there[:, IGNORED].any())


def class_numbers(path: Path, classes: Classes) -> Array:
    """Read a mask: the class of each pixel (height, width), 255 for what does not count.

    Raises Mistake that names the file where it is none.
    """
    from PIL import Image, UnidentifiedImageError  # takes a moment to import

    if path.suffix.lower() in (".jpg", ".jpeg"):
        raise refuse(f"{path} is a JPEG, which keeps classes inexactly; save masks as PNG.", "masks")
    try:
        with Image.open(path) as image:
            found = _numbers(image, path, classes)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise refuse(f"{path} cannot be read as a mask ({str(error).rstrip('.')}); mend or remove it.") from None
    if classes.yes_or_no:
        return np.asarray((found > 0).astype(np.uint8))
    strange = found[(found >= len(classes.names)) & (found != IGNORED)] if classes.names else found[:0]
    if strange.size:
        words = f"{path} has the class {int(strange.max())}, and there are {len(classes.names)}, from 0 on"
        raise refuse(f"{words}; name all in the file of classes.", "classes")
    return found


def _numbers(image: Any, path: Path, classes: Classes) -> Array:
    if image.mode in ("RGB", "RGBA", "P") and classes.colours:
        return _of_colours(np.asarray(image.convert("RGB"), np.int64), path, classes)
    if image.mode in ("RGB", "RGBA", "LA"):
        pixels = np.asarray(image)
        grey = pixels[..., 0]
        if image.mode != "LA" and not (pixels[..., :3] == grey[..., None]).all():
            words = f"{path} has colours, and no file says what they mean"
            raise refuse(f"{words}; set classes to a file with a line for each: name,red,green,blue.", "classes")
        return np.ascontiguousarray(grey)
    pixels = np.asarray(image)
    if pixels.dtype == bool:
        return np.where(pixels, IGNORED, 0).astype(np.uint8)  # as white on black in grey
    if pixels.ndim != 2 or pixels.dtype.kind == "f" or (pixels.size and int(pixels.max()) > IGNORED):
        raise refuse(f"{path} has numbers beyond {IGNORED}; masks have a class from 0 to {IGNORED} in each pixel.")
    return pixels.astype(np.uint8)


def _of_colours(pixels: Array, path: Path, classes: Classes) -> Array:
    codes = pixels[..., 0] * 65536 + pixels[..., 1] * 256 + pixels[..., 2]
    colours, numbers = classes.table()
    places = np.searchsorted(colours, codes).clip(max=len(colours) - 1)
    strange = colours[places] != codes
    if strange.any():
        red, green, blue = pixels[strange][0].tolist()
        words = f"{path} has the colour {red},{green},{blue}, which the file of classes does not name"
        raise refuse(f"{words}; add a line for it.", "classes")
    return np.asarray(numbers[places])


# ------------------------------------------------------------------------------------------------------------ shown


def coloured(mask: Array) -> Any:
    """A mask (height, width) as a Pillow image in the colours that Pascal VOC gave to classes."""
    from PIL import Image  # takes a moment to import

    image = Image.fromarray(mask.astype(np.uint8))
    image.putpalette(_palette())
    return image


def _palette() -> list[int]:
    """Red, green and blue of each class: the bits of its number spread over the three."""
    colours = []
    for number in range(256):
        bits = [(number >> place) & 1 for place in range(8)]
        channels = ([bits[channel], bits[channel + 3], bits[channel + 6] if channel < 2 else 0] for channel in range(3))
        colours += [high << 7 | middle << 6 | low << 5 for high, middle, low in channels]
    return [*colours[:-3], 224, 224, 192]
