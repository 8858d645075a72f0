from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import data
from tests.engine.data.making import HERE, everything, refusal, source, split, steps

RANDOM = np.random.default_rng(0)


def saved(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "set.npz", **arrays)
    return folder / "set.npz"


def test_each_array_is_a_column_of_its_own_shape(tmp_path: Path) -> None:
    path = saved(
        tmp_path,
        x=RANDOM.random((12, 5, 2)),
        y=np.arange(12) % 3,
        z=RANDOM.random(12).astype(np.float16),
        ids=np.full((12, 4), 7, np.int32),
        flag=np.arange(12) > 5,
        name=np.array(["b", "a"] * 6),
    )
    columns = data.report(source("Arrays", path), HERE).columns
    assert {name: (each.kind, each.shape, each.dtype) for name, each in columns.items()} == {
        "x": ("number", (5, 2), "float32"),
        "y": ("category", (), "int64"),
        "z": ("number", (1,), "float32"),
        "ids": ("number", (4,), "int64"),
        "flag": ("category", (), "int64"),
        "name": ("category", (), "int64"),
    }
    assert columns["name"].classes == ("a", "b")


@pytest.mark.parametrize("shape", [(6, 8, 9), (6, 1, 8, 9), (6, 8, 9, 1), (6, 8, 9, 3), (6, 3, 8, 9)])
def test_bytes_are_images_with_their_channels_first(tmp_path: Path, shape: tuple[int, ...]) -> None:
    pixels = RANDOM.integers(0, 256, shape, dtype=np.uint8)
    spec = split(source("Arrays", saved(tmp_path, image=pixels)), validation=0.0, test=0.0)
    dataset = data.prepare(spec, HERE)
    channels = 3 if 3 in shape else 1
    assert dataset.columns["image"].kind == "image"
    assert dataset.splits["train"]["image"].shape == (6, channels, 8, 9)
    expected = (
        pixels.reshape(6, 8, 9)[:, None] if channels == 1 else pixels if shape[1] == 3 else pixels.transpose(0, 3, 1, 2)
    )
    assert np.allclose(everything(dataset, "image"), expected / 255)


def test_arrays_named_for_train_and_test_are_parts_of_one_column(tmp_path: Path) -> None:
    path = saved(
        tmp_path, x_train=np.zeros((8, 2)), y_train=np.arange(8) % 2, x_test=np.ones((4, 2)), y_test=np.arange(4) % 2
    )
    dataset = data.prepare(steps(source("Arrays", path), "x"), HERE)
    assert list(dataset.columns) == ["x", "y"]
    assert {part: len(each["x"]) for part, each in dataset.splits.items()} == {"train": 7, "validation": 1, "test": 4}
    assert dataset.splits["test"]["x"].min() == 1


def test_a_folder_of_npy_files_and_a_single_one_are_read(tmp_path: Path) -> None:
    np.save(tmp_path / "inputs.npy", RANDOM.random((10, 3)))
    np.save(tmp_path / "labels.npy", np.arange(10) % 2)
    assert list(data.report(source("Arrays", tmp_path), HERE).columns) == ["inputs", "labels"]
    assert list(data.report(source("Arrays", tmp_path / "inputs.npy"), HERE).columns) == ["inputs"]


def test_a_missing_number_in_an_array_is_refused_unless_it_is_filled(tmp_path: Path) -> None:
    values = RANDOM.random((10, 3))
    values[4, 1], values[6, 2] = np.nan, np.inf
    spec = source("Arrays", saved(tmp_path, x=values))
    message, _ = refusal(spec)
    assert message.startswith("2 of 10 samples lack a value in x (2), first sample 5")
    filled = data.prepare(steps(spec, "x", ("FillMissing", {"value": "zero"})), HERE)
    assert np.isfinite(everything(filled, "x")).all()


def test_negative_whole_numbers_are_no_classes_until_they_are_indexed(tmp_path: Path) -> None:
    spec = source("Arrays", saved(tmp_path, x=np.zeros((6, 2)), y=np.array([-1, 1] * 3)))
    assert data.report(spec, HERE).columns["y"].kind == "number"
    column = data.report(steps(spec, "y", "Index"), HERE).columns["y"]
    assert (column.kind, column.classes, column.shape) == ("category", ("-1", "1"), ())


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({}, "holds no arrays"),
        ({"x": np.zeros((4, 2)), "y": np.zeros(5)}, "differ in length (x 4, y 5)"),
        ({"x": np.zeros((0, 2))}, "hold no samples"),
        ({"x": np.float32(3)}, "x is a single value"),
        ({"x": np.zeros((3, 2), complex)}, "of the type complex128"),
        ({"x": np.zeros((3, 0))}, "an empty axis"),
        ({"x": np.array([None, 1, "a"], object)}, "holds Python objects, which are never loaded"),
        ({"x_train": np.zeros((4, 2)), "x_test": np.zeros((2, 3))}, "parts of x differ in shape"),
        (
            {"x_train": np.zeros((4, 2)), "x_test": np.zeros((2, 2)), "y_train": np.zeros(4), "y_test": np.zeros(3)},
            "x_test 2, y_test 3",
        ),
    ],
)
def test_arrays_that_make_no_columns_are_refused(tmp_path: Path, arrays: dict[str, Any], words: str) -> None:
    message, param = refusal(source("Arrays", saved(tmp_path, **arrays)))
    assert words in message
    assert param == "data.source.params.path"


@pytest.mark.parametrize("content", [b"", b"no arrays", b"\x93NUMPY\x01\x00", b"PK\x03\x04 cut off"])
def test_a_file_that_holds_no_numpy_data_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "set.npz").write_bytes(content)
    message, _ = refusal(source("Arrays", tmp_path / "set.npz"))
    assert "is no NumPy file" in message or "is damaged or cut off" in message


def test_a_cut_off_npy_file_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((100, 10)))
    whole = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(whole[:500])
    assert "damaged or cut off" in refusal(source("Arrays", tmp_path / "x.npy"))[0]
    assert "holds no arrays" in refusal(source("Arrays", idle(tmp_path)))[0]


def idle(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"
