"""IDX files, MNIST's format: http://yann.lecun.com/exdb/mnist/ describes it."""

from __future__ import annotations

import gzip
import math
import re
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from engine.data.sources import Array, Held, class_column, image_column, located_folder, reading, refuse
from engine.ops import source as declared

BYTES = 0x08  # the magic number's third byte for unsigned bytes
PARTS = {"train": 0, "t10k": 2}
LARGEST = 2**36  # bytes; a header that says more is damaged


class Idx(Held):
    """Images and labels of a train and a test part: "image" (pixels from 0 to 1) and "label"."""

    target = "label"

    def __init__(self, source: declared.Idx, folder: Path) -> None:
        home = located_folder(source.path, folder, "folder of the four IDX files")
        images, labels = [], []
        for part in PARTS:
            image_path, label_path = _file(home, part, "images"), _file(home, part, "labels")
            images.append(as_images(read_idx(image_path), image_path))
            labels.append(_labels(label_path))
            if len(images[-1]) != len(labels[-1]):
                words = f"{image_path.name} has {len(images[-1]):,} images, and {label_path.name} {len(labels[-1]):,}"
                raise refuse(f"{home}: {words} labels; the two do not belong together.")
        if images[0].shape[1:] != images[1].shape[1:]:
            raise refuse(f"{home}: the images for training and those for the test differ in size.")
        if not len(labels[0]):
            raise refuse(f"{home}: the files hold no images for training.")
        self.parts = np.repeat(np.array(list(PARTS.values()), np.int8), [len(each) for each in labels])
        image, label = np.concatenate(images), np.concatenate(labels)
        classes = [str(each) for each in range(int(label.max()) + 1)]
        columns = (image_column("image", image.shape[1:]), class_column("label", classes))
        super().__init__(columns, {"image": image, "label": label})


def _file(home: Path, part: str, what: str) -> Path:
    pattern = re.compile(rf"{part}-{what}[.-]idx\d-ubyte(\.gz)?")
    with reading(home):
        found = next((each for each in sorted(home.iterdir()) if pattern.fullmatch(each.name)), None)
    if found is None:
        rank = 3 if what == "images" else 1
        raise refuse(f"{home} lacks the file {part}-{what}-idx{rank}-ubyte (or .gz); put it there.")
    return found


def as_images(array: Array, path: Path) -> Array:
    """Check an array for images and give it the axes (count, channels, height, width)."""
    if array.ndim == 3:
        return array[:, None]
    if array.ndim == 4 and array.shape[-1] in (1, 3):
        return np.ascontiguousarray(array.transpose(0, 3, 1, 2))
    raise refuse(f"{path} has {array.ndim} axes; images have 3: count, height and width.")


def _labels(path: Path) -> Array:
    array = read_idx(path)
    if array.ndim != 1:
        raise refuse(f"{path} has {array.ndim} axes; labels have one.")
    return array.astype(np.int64)


def read_idx(path: Path) -> Array:
    """Read one IDX file of unsigned bytes, gzipped or not; raises Mistake where it is damaged."""
    with reading(path), path.open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        try:
            return _array(cast("BinaryIO", gzip.open(raw)) if zipped else raw, path)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise refuse(f"{path} is cut off or damaged: it does not unpack; fetch it again.") from None


def _array(stream: BinaryIO, path: Path) -> Array:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or not 1 <= magic[3] <= 4:
        raise refuse(f"{path} is no IDX file: it does not start with the magic number of one.")
    if magic[2] != BYTES:
        raise refuse(f"{path} holds numbers of the type {magic[2]:#04x}; only unsigned bytes (0x08) can be read.")
    header = stream.read(4 * magic[3])
    if len(header) < 4 * magic[3]:
        raise refuse(f"{path} is cut off in its header; fetch it again.")
    shape = tuple(map(int, np.frombuffer(header, ">u4")))
    size = math.prod(shape)
    if size > LARGEST:
        raise refuse(f"{path} says it holds {size >> 30:,} GiB; it is damaged.")
    data = stream.read(size + 1)
    if len(data) != size:
        words = f"is cut off: it holds {len(data):,}" if len(data) < size else "holds more than the"
        count = " × ".join(f"{each:,}" for each in shape)
        raise refuse(f"{path} {words} of the {size:,} bytes its header says ({count}); fetch it again.")
    return np.frombuffer(data, np.uint8).reshape(shape)
