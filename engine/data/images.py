"""A folder of images, a folder a class; decoded when they are fetched."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import get_worker_info

from engine.columns import Fit
from engine.data.archivecache import as_given
from engine.data.fitting import fitted
from engine.data.sources import PARTS, Array, Reader, class_column, image_column, located_folder, reading, refuse
from engine.data.stored import File, opened
from engine.ops import source as declared
from engine.problem import Mistake

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
PLACES = {"train": 0, "training": 0, "validation": 1, "val": 1, "valid": 1, "test": 2, "testing": 2}
WHITE = 255.0  # the brightest pixel of a decoded image
THREADS = min(8, os.cpu_count() or 1)


class ImageFolder(Reader):
    """Images of one size: "image" (channels, height, width; pixels from 0 to 1) and "label"."""

    target = "label"
    by_class = True

    def __init__(self, source: declared.ImageFolder, folder: Path) -> None:
        home = located_folder(source.path, folder, "folder that holds a folder of images for each class")
        with reading(home):
            parts = dict(halves(home))
            found = _found(parts)
        classes = sorted({name for name, _place, _path in found.images})
        _refuse_classes(home, classes, parts, found)
        self.notes = found.notes()
        self._paths = [path for _name, _place, path in found.images]
        numbers = {name: number for number, name in enumerate(classes)}
        self._labels = np.array([numbers[name] for name, _place, _path in found.images], np.int64)
        if home not in parts:
            self.parts = np.array([place for _name, place, _path in found.images], np.int8)
        channels = 3 if source.colour == "RGB" else 1
        self.columns = {
            "image": image_column("image", (channels, source.height, source.width), source.fit),
            "label": class_column("label", classes),
        }

    def __len__(self) -> int:
        return len(self._paths)

    def held(self, name: str) -> Array | None:
        return self._labels if name == "label" else None

    def files(self, name: str) -> Sequence[Path]:
        return self._paths if name == "image" else ()

    def read(self, indices: Array, name: str) -> tuple[Array, dict[int, str]]:
        if name == "image":
            image = self.columns["image"]
            return decode([self._paths[index] for index in indices], image.sizes, image.fit)
        return self._labels[indices], {}

    def where(self, index: int) -> str:
        return as_given(str(self._paths[index]))


class _Found:
    """Images by class and part, and what else lay among them."""

    def __init__(self) -> None:
        self.images: list[tuple[str, int, Path]] = []
        self.others: list[Path] = []

    def notes(self) -> tuple[str, ...]:
        if not self.others:
            return ()
        names = ", ".join(each.name for each in self.others[:3]) + ", ..." * (len(self.others) > 3)
        count = len(self.others)
        return (f"{count} file{'s are' if count > 1 else ' is'} no image and left out ({names}).",)


def _found(homes: dict[Path, int]) -> _Found:
    found = _Found()
    for home, place in homes.items():
        for folder in folders(home):
            for path in files_in(folder):
                if path.suffix.lower() in SUFFIXES:
                    found.images.append((folder.name, place, path))
                else:
                    found.others.append(path)
    return found


def halves(home: Path) -> Iterator[tuple[Path, int]]:
    """Yield the folders of train, validation and test with their places, or the folder itself where it has none."""
    found = [(each, PLACES[each.name.lower()]) for each in folders(home) if each.name.lower() in PLACES]
    yield from found or [(home, 0)]


def folders(home: Path) -> list[Path]:
    """The folders in a folder, hidden ones left out."""
    return sorted(each for each in home.iterdir() if each.is_dir() and not each.name.startswith("."))


def files_in(folder: Path) -> list[Path]:
    """All files in a folder and the folders below it, hidden ones left out, in the order of their names."""
    return sorted(
        Path(home, name) for home, _folders, names in os.walk(folder) for name in names if not name.startswith(".")
    )


def _refuse_classes(home: Path, classes: Sequence[str], parts: dict[Path, int], found: _Found) -> None:
    if not classes:
        loose = any(each.suffix.lower() in SUFFIXES for each in home.iterdir())
        words = "holds images, but no folder of images for each class" if loose else "holds no folders with images"
        raise refuse(f"{home} {words}; put the images of each class into a folder of the class's name.")
    if len(classes) == 1:
        raise refuse(f"{home} has one class, {classes[0]}; at least two are needed to tell apart.")
    trained = {name for name, place, _path in found.images if place == 0}
    if not trained:
        raise refuse(f"{home} has no train folder with images beside {', '.join(each.name for each in parts)}.")
    rest = Counter(name for name, place, _path in found.images if name not in trained)
    if rest:
        part = next(PARTS[place] for name, place, _path in found.images if name in rest)
        raise refuse(f"{home}: the class {next(iter(rest))} is in {part}, and train has no image of it.")


# --------------------------------------------------------------------------------------------------------- decoding


def decode(paths: Sequence[File], shape: Sequence[int], fit: Fit) -> tuple[Array, dict[int, str]]:
    """Decode images in several threads to bytes of (count, *shape); also the places of those that failed, with words.

    `shape` is (channels, height, width). In a worker process, one beside others, there is one thread.
    """
    images = np.zeros((len(paths), *shape), np.uint8)
    faults: dict[int, str] = {}

    def work(place: int) -> None:
        try:
            images[place] = decode_one(paths[place], shape, fit)
        except Mistake as mistake:
            faults[place] = mistake.message

    if get_worker_info() is not None or len(paths) == 1:
        for place in range(len(paths)):
            work(place)
        return images, faults
    pool = ThreadPoolExecutor(THREADS)
    try:
        for _ in pool.map(work, range(len(paths))):
            pass
    finally:
        pool.shutdown(cancel_futures=True)
    return images, faults


def decode_one(file: File | bytes, shape: Sequence[int], fit: Fit) -> Array:
    """Decode one image file, or the bytes of one, to bytes of `shape`; raises Mistake with what is wrong with it."""
    from PIL import Image, ImageOps, UnidentifiedImageError  # takes a moment to import

    name = "the image" if isinstance(file, bytes) else str(file)
    channels, height, width = shape
    try:
        with Image.open(opened(file)) as image:
            image.draft("RGB" if channels == 3 else "L", (width, height))
            upright = ImageOps.exif_transpose(image)
            return _pixels(upright, "RGB" if channels == 3 else "L", (width, height), fit)
    except UnidentifiedImageError:
        raise refuse(f"{name} is no image of a known format; mend or remove it.") from None
    except FileNotFoundError:
        raise refuse(f"{name} does not exist.") from None
    except PermissionError:
        raise refuse(f"{name} may not be read: its permissions forbid it.") from None
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        raise refuse(f"{name} cannot be decoded ({str(error).rstrip('.')}); mend or remove it.") from None


def _pixels(image: Any, mode: str, size: tuple[int, int], fit: Fit) -> Array:
    from PIL import Image  # loaded by now

    if image.mode.startswith("I"):  # 16 bits a pixel, which convert would cut off at 255
        image = Image.fromarray((np.asarray(image).clip(0, 65535) // 257).astype(np.uint8))
    sized = fitted(image.convert(mode), size, fit, Image.Resampling.BILINEAR)
    pixels = np.asarray(sized, np.uint8)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def from_png(text: str, shape: Sequence[int], fit: Fit) -> Array:
    """Decode base64 text of an image file; raises Mistake where it is none."""
    import base64

    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise Mistake("The png is no base64 text.") from None
    return decode_one(data, shape, fit)
