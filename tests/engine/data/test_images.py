from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine import data
from engine.columns import Fit
from engine.data import images
from engine.data.images import decode_one
from engine.problem import Mistake
from tests.engine.data.making import HERE, everything, image_folder, refusal, source, split, write_image


def test_the_folders_are_the_classes(tmp_path: Path) -> None:
    spec = source("ImageFolder", image_folder(tmp_path, {"cat": 6, "dog": 4}), height=5, width=7)
    dataset = data.prepare(split(spec, validation=0.0, test=0.0), HERE)
    assert dataset.columns["label"].classes == ("cat", "dog")
    assert dataset.splits["train"]["label"].tolist() == [0] * 6 + [1] * 4
    pictures = dataset.splits["train"]["image"]
    assert pictures.shape == (10, 3, 5, 7)
    assert pictures[0, :, 0, 0].tolist() == [1, 0, 0]
    assert pictures[9, :, 0, 0].tolist() == [0, 0, 1]


def test_train_validation_and_test_folders_are_kept_apart(tmp_path: Path) -> None:
    home = image_folder(tmp_path, {"train/cat": 3, "train/dog": 3, "val/cat": 2, "test/cat": 1, "test/dog": 1})
    report = data.report(source("ImageFolder", home), HERE)
    assert report.splits == {"train": 6, "validation": 2, "test": 2}
    assert "The validation and test samples are the source's own." in report.notes


def test_grey_images_have_one_channel(tmp_path: Path) -> None:
    home = image_folder(tmp_path, {"cat": 2, "dog": 3})
    dataset = data.prepare(source("ImageFolder", home, colour="grey", height=4, width=4), HERE)
    assert everything(dataset, "image").shape == (5, 1, 4, 4)


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("L", 128, 128),
        ("I;16", 65535, 255),
        ("1", 1, 255),
        ("RGBA", (255, 0, 0, 255), 255),
        ("P", 0, 0),
        ("CMYK", (0, 0, 0, 0), 255),
    ],
)
def test_images_of_every_mode_are_decoded(tmp_path: Path, mode: str, colour: object, expected: int) -> None:
    path = write_image(tmp_path / ("a.tif" if mode == "CMYK" else "a.png"), colour, mode)
    assert decode_one(path, (3, 10, 12), "stretch")[0, 0, 0] == expected


def test_an_image_is_turned_upright_as_its_camera_says(tmp_path: Path) -> None:
    pixels = np.zeros((2, 4, 3), np.uint8)
    pixels[:, :2] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    upright = decode_one(tmp_path / "a.png", (1, 4, 2), "stretch")[0]
    assert (upright[:2] == 255).all()
    assert (upright[2:] == 0).all()


def test_an_image_that_does_not_decode_is_left_out_and_named(tmp_path: Path) -> None:
    home = image_folder(tmp_path, {"cat": 3, "dog": 5})
    (home / "dog" / "1.png").write_bytes(b"no image")
    dataset = data.prepare(source("ImageFolder", home), HERE)
    assert sum(len(each["image"]) for each in dataset.splits.values()) == 7
    assert sum(len(each["label"]) for each in dataset.splits.values()) == 7
    left_out = next(note for note in dataset.notes if "left out" in note)
    assert "1 image is left out" in left_out
    assert f"{Path('dog', '1.png')} is no image of a known format" in left_out
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(home / "dog" / "1.png")
    whole = (home / "dog" / "1.png").read_bytes()
    (home / "dog" / "1.png").write_bytes(whole[: len(whole) // 2])
    notes = data.prepare(source("ImageFolder", home), HERE).notes
    assert any("cannot be decoded" in note for note in notes)


def test_a_folder_of_which_no_image_decodes_is_refused(tmp_path: Path) -> None:
    home = image_folder(tmp_path, {"cat": 2, "dog": 2})
    for path in home.glob("*/*.png"):
        path.write_bytes(b"no image")
    with pytest.raises(Mistake, match="None of the files can be read") as caught:
        data.prepare(source("ImageFolder", home), HERE)
    assert caught.value.param == "data.source.params.path"


def test_files_that_are_no_images_are_left_out_and_told(tmp_path: Path) -> None:
    home = image_folder(tmp_path, {"cat": 3, "dog": 3})
    (home / "cat" / "notes.txt").write_text("soft")
    (home / "cat" / ".DS_Store").write_text("")
    report = data.report(source("ImageFolder", home), HERE)
    assert report.columns["label"].counts == (3, 3)
    assert report.notes[0] == "1 file is no image and left out (notes.txt)."


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({}, "holds no folders with images"),
        ({"cat": 3}, "has one class, cat"),
        ({".": 2}, "holds images, but no folder of images for each class"),
        ({"test/cat": 2, "test/dog": 2}, "has no train folder with images"),
        ({"train/cat": 2, "train/dog": 2, "test/bird": 1}, "the class bird is in test, and train has no image of it"),
    ],
)
def test_a_folder_that_makes_no_classes_is_refused(tmp_path: Path, counts: dict[str, int], words: str) -> None:
    message, _ = refusal(source("ImageFolder", image_folder(tmp_path, counts)))
    assert words in message


def test_a_report_decodes_only_the_images_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = image_folder(tmp_path, {"cat": 20, "dog": 20})
    seen: list[Path] = []
    plain = images.decode_one

    def counted(path: Path, shape: tuple[int, ...], fit: Fit) -> object:
        seen.append(path)
        return plain(path, shape, fit)

    monkeypatch.setattr(images, "decode_one", counted)
    report = data.report(source("ImageFolder", home), HERE, samples=8)
    assert len(seen) == len(report.samples) == 8
    assert {sample["label"] for sample in report.samples} == {"cat", "dog"}


def test_a_folder_of_photographs_is_read(data_folder: Callable[[str], Path]) -> None:
    spec = source("ImageFolder", data_folder("image_clothing_folder"), height=32, width=24)
    dataset = data.prepare(spec, HERE)
    assert {part: tuple(each["image"].shape) for part, each in dataset.splits.items()} == {
        "train": (200, 3, 32, 24),
        "validation": (50, 3, 32, 24),
        "test": (50, 3, 32, 24),
    }
    assert dataset.columns["label"].classes == ("dress", "hat", "pants", "shoes", "t-shirt")
    assert dataset.columns["label"].counts == (60,) * 5
