"""IDX files, MNIST's format: http://yann.lecun.com/exdb/mnist/ describes it."""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from engine.columns import Column
from engine.data.sources import Array, Reader, located, refuse_path
from engine.ops import source as declared
from engine.problem import Mistake

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
LARGEST = 2**36  # bytes


class Idx(Reader):
    """Images and labels of a train and a test part: "image" (scaled to 0..1) and "label"."""

    file_kinds = "an IDX file of images"

    def __init__(self, source: declared.Idx, folder: Path) -> None:
        home = located(source.path, folder, "folder of IDX files")
        if not home.is_dir():
            raise refuse_path(f"{home} is a file; path must name the folder of the four IDX files.")
        images, labels, parts = [], [], []
        for place, part in ((0, "train"), (2, "t10k")):
            image, label = _images(_file(home, part, "images")), read_idx(_file(home, part, "labels"))
            if label.ndim != 1 or len(image) != len(label):
                raise refuse_path(f"{home}: the {part} part has {len(image)} images and {len(label)} labels.")
            images.append(image)
            labels.append(label.astype(np.int64))
            parts.append(np.full(len(label), place, dtype=np.int8))
        if images[0].shape[1:] != images[1].shape[1:]:
            raise refuse_path(f"{home}: the images for training and for the test differ in size.")
        label = np.concatenate(labels)
        if len(label) == 0:
            raise refuse_path(f"{home} holds no images.")
        self.parts, self.target = np.concatenate(parts), "label"
        image = np.concatenate(images)
        classes = tuple(map(str, range(int(label.max()) + 1)))
        columns = (
            Column("image", "image", image.shape[1:], "float32", low=0.0, high=1.0),
            Column("label", "category", (), "int64", classes=classes),
        )
        super().__init__(columns, {"image": image, "label": label})

    @classmethod
    def read_file(cls, _source: declared.Source, path: Path, columns: Mapping[str, Column]) -> dict[str, Array]:
        """Read a file of images."""
        images = _images(path)
        expected = columns["image"].shape
        if images.shape[1:] != expected:
            raise Mistake(f"{path} holds images of {images.shape[1:]}; this model takes {expected}.")
        return {"image": images}


def _file(home: Path, part: str, what: str) -> Path:
    rank = 3 if what == "images" else 1
    names = [f"{part}-{what}{mark}idx{rank}-ubyte{zipped}" for mark in "-." for zipped in ("", ".gz")]
    found = next((home / name for name in names if (home / name).is_file()), None)
    if found is None:
        raise refuse_path(f"{home} lacks {names[0]} (or {names[1]}).")
    return found


def _images(path: Path) -> Array:
    array = read_idx(path)
    if array.ndim not in (3, 4):
        raise refuse_path(f"{path} has {array.ndim} axes; images have 3 (count, height, width).")
    scaled = array.astype(np.float32) / (255 if array.dtype.itemsize == 1 else 1)
    return scaled[:, None] if array.ndim == 3 else scaled


def read_idx(path: Path) -> Array:
    """Read one IDX file, gzipped or not; raises Mistake where it is damaged."""
    try:
        with cast("BinaryIO", gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb") as stream:
            return _array(stream, path)
    except (OSError, EOFError, zlib.error) as error:
        raise refuse_path(f"{path} cannot be read: {error}.") from None


def _array(stream: BinaryIO, path: Path) -> Array:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES:
        raise refuse_path(f"{path} is no IDX file: it does not start with an IDX magic number.")
    header = stream.read(4 * magic[3])
    if len(header) < 4 * magic[3]:
        raise refuse_path(f"{path} is cut off in its header.")
    shape = tuple(map(int, np.frombuffer(header, ">u4")))
    dtype = np.dtype(TYPES[magic[2]])
    size = math.prod(shape) * dtype.itemsize
    if size > LARGEST:
        raise refuse_path(f"{path} says it holds {size >> 30} GiB; is it damaged?")
    data = stream.read(size + 1)
    if len(data) != size:
        words = "cut off" if len(data) < size else "longer than its header says"
        raise refuse_path(f"{path} is {words}: it should hold {shape} numbers.")
    return np.frombuffer(data, dtype).reshape(shape)
