"""NumPy's .npy and .npz files: each array is a column."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from engine.columns import Column
from engine.data.sources import MOST_LISTED, Array, Held, class_column, image_column, located, reading, refuse
from engine.ops import source as declared
from engine.problem import Mistake

PART = re.compile(r"(?:(train|validation|valid|val|test)_)?(.+?)(?:_(train|validation|valid|val|test))?")
PLACES = {"train": 0, "validation": 1, "valid": 1, "val": 1, "test": 2}
TARGETS = ("label", "labels", "target", "targets", "y", "class", "classes")


class Arrays(Held):
    """Arrays with the samples along their first axis.

    Whole numbers along one axis are classes, bytes of three or four axes are images. Names that end or begin with
    train, validation or test (x_train, test_labels) are parts of one column.
    """

    def __init__(self, source: declared.Arrays, folder: Path) -> None:
        path = located(source.path, folder, "file or folder of NumPy arrays")
        loaded = {name: usable(name, array, path) for name, array in load(path).items()}
        if not loaded:
            raise refuse(f"{path} holds no arrays.")
        arrays = self._joined(loaded, path)
        lengths = {name: len(array) for name, array in arrays.items()}
        if len(set(lengths.values())) > 1:
            raise refuse(f"{path}: {_different(lengths)}; each must hold one row a sample.")
        if not max(lengths.values()):
            raise refuse(f"{path}: the arrays hold no samples.")
        columns = []
        for name, array in arrays.items():
            column, arrays[name] = _column(name, array)
            columns.append(column)
        self.target = _target(columns)
        super().__init__(columns, arrays)

    def _joined(self, loaded: Mapping[str, Array], path: Path) -> dict[str, Array]:
        """Join the arrays that are parts of one column, where every column has its parts."""
        pieces: dict[str, dict[int, Array]] = defaultdict(dict)
        for name, array in loaded.items():
            stem, place = _part(name)
            if place is None or place in pieces[stem]:
                return dict(loaded)
            pieces[stem][place] = array
        first, *others = pieces.values()
        if 0 not in first or any(set(each) != set(first) for each in others):
            return dict(loaded)
        for place in first:
            lengths = {name: len(array) for name, array in loaded.items() if _part(name)[1] == place}
            if len(set(lengths.values())) > 1:
                raise refuse(f"{path}: {_different(lengths)}; each must hold one row a sample.")
        order = sorted(first)
        self.parts = np.repeat(np.array(order, np.int8), [len(first[place]) for place in order])
        return {stem: _stacked(stem, [parts[place] for place in order], path) for stem, parts in pieces.items()}


def _part(name: str) -> tuple[str, int | None]:
    """Split "x_train" into its column and its part, a place in PARTS or None."""
    found = PART.fullmatch(name)
    assert found is not None
    before, stem, behind = found.groups()
    mark = behind or before
    return (stem, PLACES[mark]) if mark and not (before and behind) else (name, None)


def _stacked(name: str, arrays: list[Array], path: Path) -> Array:
    shapes = {each.shape[1:] for each in arrays}
    if len(shapes) > 1:
        raise refuse(f"{path}: the parts of {name} differ in shape: {' and '.join(map(str, sorted(shapes)))}.")
    return np.concatenate(arrays)


def _different(lengths: Mapping[str, int]) -> str:
    return f"the arrays differ in length ({', '.join(f'{name} {length:,}' for name, length in lengths.items())})"


def load(path: Path) -> dict[str, Array]:
    """Read the arrays of a .npy or .npz file or of a folder by name; never runs code, as pickles would."""
    with reading(path):
        if path.is_dir():
            return {name: array for each in sorted(path.glob("*.npy")) for name, array in load(each).items()}
        with path.open("rb") as stream:
            start = stream.read(6)
            stream.seek(0)
            try:
                loaded = np.load(stream, allow_pickle=False)
                return {path.stem: loaded} if isinstance(loaded, np.ndarray) else dict(loaded)
            except (ValueError, EOFError, zipfile.BadZipFile, zlib.error, KeyError) as error:
                raise _unreadable(path, start, str(error)) from None


def _unreadable(path: Path, start: bytes, error: str) -> Mistake:
    if start != b"\x93NUMPY" and start[:2] != b"PK":
        return refuse(f"{path} is no NumPy file; choose a .npz or .npy file, or a folder of .npy files.")
    words = "holds Python objects, which are never loaded" if "allow_pickle" in error else "is damaged or cut off"
    return refuse(f"{path} {words}; save plain numbers with numpy.save or savez.")


def usable(name: str, array: Array, path: Path) -> Array:
    """Bring an array to a type that columns have; raises Mistake for one that cannot be a column."""
    if array.ndim == 0:
        raise refuse(f"{path}: the array {name} is a single value; the first axis must count the samples.")
    if 0 in array.shape[1:]:
        raise refuse(f"{path}: the array {name} has an empty axis: {array.shape}.")
    match array.dtype.kind:
        case "f":
            return _without_infinities(array.astype(np.float32))
        case "b":
            return array.astype(np.int64) if array.ndim == 1 else array
        case "u" if array.dtype == np.uint8 and array.ndim > 1:
            return array
        case "i" | "u":
            return array.astype(np.int64)
        case "U" if array.ndim == 1:
            return array
    raise refuse(f"{path}: the array {name} is of the type {array.dtype}; numbers, true/false or texts are needed.")


def _without_infinities(array: Array) -> Array:
    array[np.isinf(array)] = np.nan
    return array


def _column(name: str, array: Array) -> tuple[Column, Array]:
    """Describe an array as a column; texts become places of classes, images get their channels first."""
    if array.dtype.kind == "U":
        classes, places = np.unique(array, return_inverse=True)
        return class_column(name, [str(each) for each in classes]), places.astype(np.int64)
    if array.ndim == 1 and array.dtype == np.int64 and array.min() >= 0 and array.max() < MOST_LISTED:
        return class_column(name, [str(each) for each in range(int(array.max()) + 1)]), array
    if array.dtype == np.uint8 and array.ndim in (3, 4):
        array = channels_first(array)
        if array.shape[1] in (1, 3, 4):
            return image_column(name, array.shape[1:]), array
    if array.ndim == 1 and array.dtype == np.float32:
        array = array[:, None]
    if array.dtype == np.float32 and array.ndim == 4 and array.shape[1] in (1, 3):
        return Column(name, "image", array.shape[1:], "float32"), array
    return Column(name, "number", array.shape[1:], str(array.dtype)), array


def channels_first(images: Array) -> Array:
    """Bring images to the axes (count, channels, height, width)."""
    if images.ndim == 3:
        return images[:, None]
    if images.shape[1] not in (1, 3, 4) and images.shape[3] in (1, 3, 4):
        return np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    return images


def _target(columns: list[Column]) -> str:
    """The column that is most likely the one to predict: one with such a name, else the one category."""
    named = [each.name for each in columns if each.name.lower() in TARGETS]
    categories = [each.name for each in columns if each.kind == "category"]
    return named[0] if named else categories[0] if len(categories) == 1 else ""
