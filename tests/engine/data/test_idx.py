from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine import data
from engine.data.idx import read_idx
from tests.engine.data.making import HERE, everything, idx_folder, refusal, source, split, write_idx


@pytest.mark.parametrize("zipped", ["", ".gz"])
def test_idx_files_give_images_from_0_to_1_and_labels(tmp_path: Path, zipped: str) -> None:
    home = idx_folder(tmp_path, zipped=zipped)
    dataset = data.prepare(split(source("Idx", home), validation=0.0), HERE)
    assert {part: tuple(each["image"].shape) for part, each in dataset.splits.items()} == {
        "train": (20, 1, 4, 3),
        "test": (10, 1, 4, 3),
    }
    stored = read_idx(home / f"train-images-idx3-ubyte{zipped}")
    assert np.allclose(dataset.splits["train"]["image"][:, 0], stored / 255)
    assert dataset.splits["test"]["label"].tolist() == [0, 1, 2, 3, 4] * 2


def test_the_test_part_of_idx_files_is_never_trained_on(tmp_path: Path) -> None:
    home = idx_folder(tmp_path)
    dataset = data.prepare(split(source("Idx", home), validation=0.25, test=0.5), HERE)
    assert {part: len(each["label"]) for part, each in dataset.splits.items()} == {
        "train": 15,
        "validation": 5,
        "test": 10,
    }
    assert "The test samples are the source's own." in dataset.notes


def test_a_missing_idx_file_is_named(tmp_path: Path) -> None:
    home = idx_folder(tmp_path)
    (home / "t10k-labels-idx1-ubyte.gz").unlink()
    message, param = refusal(source("Idx", home))
    assert "lacks the file t10k-labels-idx1-ubyte" in message
    assert param == "data.source.params.path"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is no IDX file"),
        (b"<html>not found</html>", "is no IDX file"),
        (b"\0\0\x08\x03\0\0", "cut off in its header"),
        (b"\0\0\x0d\x01\0\0\0\x01abcd", "0x0d; only unsigned bytes"),
        (b"\0\0\x08\x01" + b"\xff" * 12, "holds more|is cut off|damaged"),
        (b"\0\0\x08\x03" + b"\xff" * 12, "GiB; it is damaged"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\x03abc", "does not unpack"),
    ],
)
def test_a_damaged_idx_file_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    home = idx_folder(tmp_path, zipped="")
    (home / "train-images-idx3-ubyte").write_bytes(content)
    message, _ = refusal(source("Idx", home))
    assert any(each in message for each in words.split("|"))
    assert "train-images-idx3-ubyte" in message


def test_idx_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    home = idx_folder(tmp_path)
    write_idx(home / "train-labels-idx1-ubyte.gz", np.arange(19) % 5)
    assert "20 images, and train-labels-idx1-ubyte.gz 19 labels" in refusal(source("Idx", home))[0]
    write_idx(home / "train-labels-idx1-ubyte.gz", np.zeros((20, 1)))
    assert "labels have one" in refusal(source("Idx", home))[0]
    idx_folder(home)
    write_idx(home / "t10k-images-idx3-ubyte.gz", np.zeros((10, 4, 4)))
    assert "differ in size" in refusal(source("Idx", home))[0]
    write_idx(home / "t10k-images-idx3-ubyte.gz", np.zeros((10, 4, 3)), shape=(10, 4, 4))
    assert "is cut off: it holds 120 of the 160 bytes" in refusal(source("Idx", home))[0]


def test_the_path_of_idx_files_must_be_a_folder(tmp_path: Path) -> None:
    home = idx_folder(tmp_path)
    assert "is a file; path must name the folder" in refusal(source("Idx", home / "t10k-labels-idx1-ubyte.gz"))[0]
    assert "does not exist" in refusal(source("Idx", home / "gone"))[0]


def test_mnist_is_read_whole(data_folder: Callable[[str], Path]) -> None:
    dataset = data.prepare(source("Idx", data_folder("image_mnist")), HERE)
    assert {part: len(each["label"]) for part, each in dataset.splits.items()} == {
        "train": 54000,
        "validation": 6000,
        "test": 10000,
    }
    assert dataset.columns["image"].shape == (1, 28, 28)
    assert np.bincount(everything(dataset, "label")).tolist() == [
        6903,
        7877,
        6990,
        7141,
        6824,
        6313,
        6876,
        7293,
        6825,
        6958,
    ]
    assert float(dataset.splits["train"]["image"].max()) == 1.0
