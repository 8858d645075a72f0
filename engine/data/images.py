"""A folder of images, a folder a class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from engine.columns import Column
from engine.data.sources import PARTS, Array, Reader, located, refuse_path
from engine.ops import source as declared
from engine.problem import Mistake

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
NAMES = {"train": 0, "training": 0, "validation": 1, "val": 1, "valid": 1, "test": 2}
WORKERS = 8


class ImageFolder(Reader):
    """Images of one size: "image" (channels, height, width; 0..1) and "label"."""

    file_kinds = "an image, or a folder of images"

    def __init__(self, source: declared.ImageFolder, folder: Path) -> None:
        home = located(source.path, folder, "folder of images")
        if not home.is_dir():
            raise refuse_path(f"{home} is a file; path must name the folder that holds the class folders.")
        halves = {each: NAMES[each.name.lower()] for each in _folders(home) if each.name.lower() in NAMES}
        homes = halves or {home: 0}
        classes = sorted({each.name for part in homes for each in _folders(part)})
        if len(classes) < 2:
            raise refuse_path(
                f"{home} must hold a folder of images for each class, and it has {len(classes) or 'none'}."
            )
        paths, labels, parts = [], [], []
        for part, place in homes.items():
            for label, name in enumerate(classes):
                files = _files(part / name)
                paths += files
                labels += [label] * len(files)
                parts += [place] * len(files)
        if not paths:
            raise refuse_path(f"{home}: the class folders hold no images.")
        self.parts = np.array(parts, dtype=np.int8) if halves else None
        self.target = "label"
        images = decode_images(paths, source)
        columns = (
            Column("image", "image", images.shape[1:], "float32", low=0.0, high=1.0),
            Column("label", "category", (), "int64", classes=tuple(classes)),
        )
        super().__init__(columns, {"image": images, "label": np.array(labels, dtype=np.int64)})
        missing = [PARTS[place] for place in (0,) if halves and place not in halves.values()]
        if missing:
            raise refuse_path(f"{home} has no folder train beside {', '.join(each.name for each in halves)}.")

    @classmethod
    def read_file(cls, source: declared.Source, path: Path, _columns: Mapping[str, Column]) -> dict[str, Array]:
        """Read one image, or all images of a folder."""
        assert isinstance(source, declared.ImageFolder)
        paths = _files(path) if path.is_dir() else [path]
        if not paths:
            raise Mistake(f"{path} holds no images.")
        return {"image": decode_images(paths, source)}


def _folders(home: Path) -> list[Path]:
    return sorted(each for each in home.iterdir() if each.is_dir() and not each.name.startswith("."))


def _files(home: Path) -> list[Path]:
    return sorted(each for each in home.rglob("*") if each.suffix.lower() in SUFFIXES) if home.is_dir() else []


def decode_images(paths: Sequence[Path], source: declared.ImageFolder) -> Array:
    """Decode images in several threads; raises Mistake with the first file that cannot be."""
    channels = 3 if source.colour == "RGB" else 1
    images = np.empty((len(paths), channels, source.height, source.width), dtype=np.float32)

    def decode(place: int) -> None:
        images[place] = _decoded(paths[place], source)

    with ThreadPoolExecutor(WORKERS) as pool:
        for done in [pool.submit(decode, place) for place in range(len(paths))]:
            done.result()
    return images


def _decoded(path: Path, source: declared.ImageFolder) -> Any:
    from PIL import Image  # takes a moment to import

    try:
        with Image.open(path) as image:
            mode = "RGB" if source.colour == "RGB" else "L"
            sized = image.convert(mode).resize((source.width, source.height), Image.Resampling.BILINEAR)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise refuse_path(f"{path} is no image that can be read ({error}); mend or remove it.") from None
    pixels = np.asarray(sized, dtype=np.float32) / 255
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
