"""Specs and small files that the data tests start from."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine import data, edit
from engine.ops.steps import Step
from engine.problem import Mistake
from engine.spec import Spec

HERE = Path()


def source(kind: str, path: Path | str | None = None, **params: Any) -> Spec:
    """A spec without a graph, whose data has this source."""
    spec = edit.set_source(Spec(), kind)
    if path is not None:
        params["path"] = str(path)
    for name, value in params.items():
        spec = edit.set_setting(spec, f"data.source.params.{name}", value)
    return spec


def table(folder: Path, text: str | bytes, **params: Any) -> Spec:
    """A spec whose source is a CSV of this text."""
    path = folder / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return source("Table", path, **params)


def steps(spec: Spec, column: str, *listed: Any) -> Spec:
    """The spec with other steps of a column: names, or (name, params)."""
    plain = [
        {"op": each, "params": {}} if isinstance(each, str) else {"op": each[0], "params": each[1]} for each in listed
    ]
    return edit.set_setting(spec, "data.columns", {**spec.data.get("columns", {}), column: {"steps": plain}})


def step(op: str, **params: Any) -> Step:
    """A column step by its name."""
    made: Step = Step.registry[op](**params)
    return made


def split(spec: Spec, **settings: Any) -> Spec:
    """The spec with other settings of the split."""
    return edit.set_setting(spec, "data.split", settings)


def bound(spec: Spec, *columns: str) -> Spec:
    """The spec with an Input for each column."""
    for name in columns:
        spec = edit.add(spec, "Input", params={"column": name})
    return spec


def refusal(spec: Spec, folder: Path = HERE, columns: Sequence[str] | None = None) -> tuple[str, str | None]:
    """What prepare and report both say against a spec: (message, param)."""
    with pytest.raises(Mistake) as caught:
        data.prepare(spec, folder, columns)
    said = data.report(spec, folder).problems
    assert caught.value.message in [each.message for each in said]
    assert caught.value.message.endswith(".")
    return caught.value.message, caught.value.param


def everything(dataset: data.Dataset, column: str) -> np.ndarray[Any, Any]:
    """A column's values of all splits together."""
    return np.concatenate([tensors[column].numpy() for tensors in dataset.splits.values()])


def write_idx(path: Path, array: np.ndarray[Any, Any], *, dtype: int = 8, shape: Sequence[int] | None = None) -> None:
    """Write an IDX file, gzipped where its name says so; `shape` may lie."""
    shape = array.shape if shape is None else shape
    whole = struct.pack(f">BBBB{len(shape)}I", 0, 0, dtype, len(shape), *shape) + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(whole) if path.suffix == ".gz" else whole)


def idx_folder(folder: Path, *, train: int = 20, test: int = 10, zipped: str = ".gz") -> Path:
    """The four files of an IDX set with images of 4 x 3 pixels and 5 classes."""
    random = np.random.default_rng(0)
    for part, count in (("train", train), ("t10k", test)):
        write_idx(folder / f"{part}-images-idx3-ubyte{zipped}", random.integers(0, 256, (count, 4, 3)))
        write_idx(folder / f"{part}-labels-idx1-ubyte{zipped}", np.arange(count) % 5)
    return folder


def write_image(path: Path, colour: Any, mode: str = "RGB", size: tuple[int, int] = (12, 10)) -> Path:
    """Write an image of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)
    return path


def image_folder(folder: Path, counts: Mapping[str, int]) -> Path:
    """A folder of images; counts by class folder, such as {"train/cat": 3}; cats are red, other things blue."""
    for name, count in counts.items():
        for number in range(count):
            write_image(folder / name / f"{number}.png", (255, 0, 0) if name.endswith("cat") else (0, 0, 255))
    return folder
