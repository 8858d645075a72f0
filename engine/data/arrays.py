"""NumPy's .npy and .npz files: each array is a column."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from engine.columns import Column
from engine.data.sources import Array, Reader, located, refuse_path
from engine.ops import source as declared
from engine.problem import Mistake

MOST_CLASSES = 10_000
DTYPES = {"f2": "float32", "f4": "float32", "f8": "float32", "b1": "int64"}


class Arrays(Reader):
    """Arrays with the samples along their first axis; whole numbers of one axis are classes."""

    file_kinds = "a .npz or .npy file"

    def __init__(self, source: declared.Arrays, folder: Path) -> None:
        path = located(source.path, folder, "file or folder of NumPy arrays")
        arrays = {name: _usable(name, array, path) for name, array in _load(path).items()}
        if not arrays:
            raise refuse_path(f"{path} holds no arrays.")
        lengths = {name: len(array) for name, array in arrays.items()}
        if len(set(lengths.values())) > 1:
            each = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise refuse_path(f"{path}: the arrays differ in length ({each}); each must hold one row a sample.")
        if not max(lengths.values()):
            raise refuse_path(f"{path}: the arrays are empty.")
        columns = [_column(name, array) for name, array in arrays.items()]
        self.target = next((each.name for each in columns if each.kind == "category"), "")
        super().__init__(columns, arrays)

    @classmethod
    def read_file(cls, _source: declared.Source, path: Path, columns: Mapping[str, Column]) -> dict[str, Array]:
        """Read arrays of the same names; a single .npy is the model's one column."""
        loaded = _load(path)
        if path.suffix == ".npy" and len(columns) == 1:
            loaded = dict.fromkeys(columns, next(iter(loaded.values())))
        return {name: _usable(name, array, path) for name, array in loaded.items() if name in columns}


def _load(path: Path) -> dict[str, Array]:
    try:
        if path.is_dir():
            return {each.stem: np.load(each, allow_pickle=False) for each in sorted(path.glob("*.npy"))}
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {path.stem: loaded}
        with loaded:
            return {name: loaded[name] for name in loaded.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        words = "it holds Python objects, which are never loaded" if "allow_pickle" in str(error) else str(error)
        raise refuse_path(f"{path} cannot be read as NumPy arrays: {words.rstrip('.')}.") from None


def _usable(name: str, array: Array, path: Path) -> Array:
    if array.ndim == 0:
        raise Mistake(f"{path}: the array {name} has no axes; the first must count the samples.")
    kind = array.dtype.str[1:]
    if kind in DTYPES:
        return array.astype(DTYPES[kind])
    if array.dtype.kind in "iu":
        return (
            array
            if array.dtype in (np.uint8, np.int8, np.int16, np.int32) and array.ndim > 1
            else array.astype(np.int64)
        )
    raise Mistake(f"{path}: the array {name} is of type {array.dtype}; numbers and booleans are supported.")


def _column(name: str, array: Array) -> Column:
    dtype = str(array.dtype)
    if array.ndim == 1 and dtype == "int64" and array.min() >= 0 and array.max() < MOST_CLASSES:
        return Column(name, "category", (), dtype, classes=tuple(map(str, range(int(array.max()) + 1))))
    kind = "image" if array.ndim == 4 and array.shape[1] in (1, 3) else "number"
    return Column(name, kind, array.shape[1:], dtype)  # type: ignore[arg-type]  # one of the two
