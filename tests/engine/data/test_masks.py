from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine import data, edit
from engine.binding import binding_problems
from engine.check import check
from engine.data.masks import class_numbers, coloured, read_classes
from engine.data.sources import open_source
from engine.events import Epoch, Finished
from engine.spec import Spec
from engine.train.folder import Run
from engine.train.loop import train
from engine.train.predict import predict
from tests.engine.data.detector import segmenter
from tests.engine.data.making import HERE, everything, refusal, source, split, write_image
from tests.engine.data.picturing import write_text

MASK = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 2, 255], [2, 2, 2, 255]], np.uint8)
COLOURS = np.array([[128, 0, 0], [0, 128, 0], [0, 0, 128]], np.uint8)


def pictures(home: Path, masks: Any = MASK, *, count: int = 4, images: str = "images", beside: str = "masks") -> Path:
    for number in range(count):
        write_image(home / images / f"{number}.png", (9, 9, 9), size=(4, 4))
        (home / beside).mkdir(parents=True, exist_ok=True)
        Image.fromarray(masks).save(home / beside / f"{number}.png")
    return home


def masked(home: Path, size: int = 4, **params: Any) -> Spec:
    return source("SegmentationMasks", home, **{"height": size, "width": size, **params})


def test_pixels_are_classes_and_255_does_not_count(tmp_path: Path) -> None:
    spec = masked(pictures(tmp_path))
    report = data.report(spec, HERE)
    column = report.columns["mask"]
    assert (column.kind, column.shape, column.dtype, column.follows) == ("mask", (4, 4), "int64", "image")
    assert (column.classes, column.counts, column.ignored) == (("0", "1", "2"), (4, 4, 4), 255)
    assert "Pixels of the masks that are 255 do not count." in report.notes
    dataset = data.prepare(spec, HERE)
    assert (everything(dataset, "mask") == MASK).all()
    assert dataset.state["columns"]["mask"]["classes"] == ["0", "1", "2"]


def test_a_palette_holds_numbers_of_classes(tmp_path: Path) -> None:
    home = pictures(tmp_path)
    coloured(MASK).save(home / "masks" / "0.png")
    assert (everything(data.prepare(masked(home), HERE), "mask") == MASK).all()


@pytest.mark.parametrize("mode", ["L", "1", "RGB"])
def test_white_on_black_is_yes_or_no(tmp_path: Path, mode: str) -> None:
    home = pictures(tmp_path)
    for path in (home / "masks").iterdir():
        Image.fromarray(np.where(MASK == 1, 255, 0).astype(np.uint8)).convert(mode).save(path)
    spec = masked(home)
    column = data.report(spec, HERE).columns["mask"]
    assert column.classes == ("background", "foreground")
    assert (column.counts, column.ignored) == ((4, 4), None)
    assert (everything(data.prepare(spec, HERE), "mask") == (MASK == 1)).all()


def test_colours_are_classes_as_a_file_says(tmp_path: Path) -> None:
    home = pictures(tmp_path, COLOURS[np.where(MASK == 255, 0, MASK)])
    write_text(home / "class_dict.csv", "name,r,g,b\nred,128,0,0\ngreen,0,128,0\nVoid,0,0,128\n")
    spec = masked(home)
    column = data.report(spec, HERE).columns["mask"]
    assert (column.classes, column.ignored) == (("red", "green"), 255)
    expected = np.where(MASK == 2, 255, np.where(MASK == 255, 0, MASK))
    assert (everything(data.prepare(spec, HERE), "mask") == expected).all()


@pytest.mark.parametrize(
    "text", ["cat,1,2,3\ndog,4,5,6\n", "1 2 3\tcat\n4 5 6\tdog\n", "# label:color_rgb\ncat:1,2,3::\ndog:4,5,6::\n"]
)
def test_classes_are_read_with_their_colours(tmp_path: Path, text: str) -> None:
    found = read_classes(write_text(tmp_path / "c.txt", text))
    assert found.names == ("cat", "dog")
    assert found.colours == ((1 * 65536 + 2 * 256 + 3, "cat"), (4 * 65536 + 5 * 256 + 6, "dog"))


def test_names_come_one_a_line(tmp_path: Path) -> None:
    home = pictures(tmp_path)
    write_text(home / "classes.txt", "ground\nroad\ntree\nsky\n")
    column = data.report(masked(home), HERE).columns["mask"]
    assert (column.classes, column.counts) == (("ground", "road", "tree", "sky"), (4, 4, 4, 0))


@pytest.mark.parametrize("fit", ["stretch", "pad", "crop"])
def test_a_mask_follows_its_image(tmp_path: Path, fit: str) -> None:
    random = np.random.default_rng(0)
    wide = random.integers(0, 3, (8, 16)).astype(np.uint8)
    for number in range(3):
        write_image(tmp_path / "images" / f"{number}.png", 0, "L", size=(16, 8))
        Image.fromarray(wide).resize((160, 80), Image.Resampling.NEAREST).save(tmp_path / "images" / f"{number}.png")
        (tmp_path / "masks").mkdir(exist_ok=True)
        Image.fromarray(wide).save(tmp_path / "masks" / f"{number}.png")
    spec = masked(tmp_path, 8, fit=fit, colour="grey")
    mask = everything(data.prepare(spec, HERE, ["mask"]), "mask")[0]
    if fit == "crop":
        assert (mask == wide[:, 4:12]).all()
    if fit == "pad":
        assert (mask[:2] == 255).all()
        assert (mask[2:6] < 3).all()
        assert data.report(spec, HERE).columns["mask"].ignored == 255
    assert mask.dtype == np.int64
    assert set(np.unique(mask)) <= {0, 1, 2, 255}


@pytest.mark.parametrize(
    ("images", "beside", "part"),
    [
        ("train/images", "train/masks", ""),
        ("images/train", "annotations/train", ""),
        ("train", "train_labels", ""),
        ("JPEGImages", "SegmentationClass", "val"),
    ],
)
def test_layouts_of_folders_are_known(tmp_path: Path, images: str, beside: str, part: str) -> None:
    pictures(tmp_path, images=images, beside=beside)
    if part:
        write_text(tmp_path / "ImageSets" / "Segmentation" / "train.txt", "0\n1\n2\n")
        write_text(tmp_path / "ImageSets" / "Segmentation" / "val.txt", "3\n")
        assert data.report(masked(tmp_path), HERE).splits["validation"] == 1
        return
    pictures(tmp_path, images=images.replace("train", "test"), beside=beside.replace("train", "test"))
    report = data.report(masked(tmp_path), HERE)
    assert not report.problems
    assert (sum(report.splits.values()), report.splits["test"]) == (8, 4)


def test_names_of_masks_may_end_so_and_lonely_images_are_told(tmp_path: Path) -> None:
    home = pictures(tmp_path)
    (home / "masks" / "0.png").rename(home / "masks" / "0_mask.png")
    (home / "masks" / "1.png").unlink()
    report = data.report(masked(home), HERE)
    assert sum(report.splits.values()) == 3
    first = home / "images" / "1.png"
    assert f"1 image has no mask and is left out, first {first}." in report.notes


def test_masks_may_lie_anywhere(tmp_path: Path) -> None:
    pictures(tmp_path, images="photos/of/streets", beside="truth")
    spec = masked(tmp_path / "photos" / "of", masks=str(tmp_path / "truth"))
    assert sum(data.report(spec, HERE).splits.values()) == 4


@pytest.mark.parametrize(
    ("masks", "classes", "words"),
    [
        (COLOURS[np.where(MASK == 255, 0, MASK)], "", "0.png has colours, and no file says what they mean"),
        (COLOURS[np.where(MASK == 255, 0, MASK)], "a,128,0,0\nb,0,128,0", "has the colour 0,0,128, which the file"),
        (MASK, "a\nb", "0.png has the class 2, and there are 2, from 0 on"),
        (MASK, "a", "names 1 classes"),
        (MASK * 0, "", "The masks have one class alone, 0"),
        (MASK.astype(np.uint16) + 300, "", "has numbers beyond 255"),
    ],
)
def test_masks_that_tell_no_classes_are_refused(tmp_path: Path, masks: Any, classes: str, words: str) -> None:
    home = pictures(tmp_path, masks)
    if classes:
        write_text(home / "classes.txt", classes)
    assert words in refusal(masked(home))[0]


def test_masks_saved_as_jpeg_are_refused(tmp_path: Path) -> None:
    home = pictures(tmp_path)
    (home / "masks" / "0.png").rename(home / "masks" / "0.jpg")
    assert "is a JPEG, which keeps classes inexactly" in refusal(masked(home))[0]


def test_a_folder_without_masks_is_refused(tmp_path: Path) -> None:
    write_image(tmp_path / "images" / "a.png", 0)
    assert "no images with masks of the same names" in refusal(masked(tmp_path))[0]


def test_a_mask_is_shown_in_the_colours_of_its_classes(tmp_path: Path) -> None:
    shown = coloured(MASK).convert("RGB")
    assert [shown.getpixel(place) for place in ((0, 0), (2, 0), (0, 2), (3, 3))] == [
        (0, 0, 0),
        (128, 0, 0),
        (0, 128, 0),
        (224, 224, 192),
    ]
    sample = data.report(masked(pictures(tmp_path)), HERE).samples[0]
    assert set(sample["mask"]) == {"png"}


def test_a_mask_that_no_longer_fits_is_named_when_it_is_read(tmp_path: Path) -> None:
    home = pictures(tmp_path)
    spec = masked(home)
    classes = open_source(spec, HERE)._classes  # type: ignore[attr-defined]
    Image.fromarray(MASK + 7).save(home / "masks" / "2.png")
    with pytest.raises(Exception, match=r"2\.png has the class 9"):
        class_numbers(home / "masks" / "2.png", classes)


# ------------------------------------------------------------------------------------------------------- the graph


def test_a_network_for_masks_learns_and_answers_a_class_for_each_pixel(tmp_path: Path) -> None:
    spec = segmenter(split(source("ShapesWithBoxes", samples=60, size=24), validation=0.0, test=0.2), width=8)
    spec = edit.set_setting(edit.set_setting(spec, "training.epochs", 3), "data.batching.batch_size", 8)
    run = Run(tmp_path / "run")
    events = list(train(spec, HERE, run))
    losses = [each.train["loss"] for each in events if isinstance(each, Epoch)]
    assert losses[-1] < losses[0]
    assert isinstance(events[-1], Finished)
    assert events[-1].test["accuracy"] > 0.7
    write_image(tmp_path / "new.png", (200, 30, 30), size=(30, 30))
    (answer,) = predict(run, tmp_path / "new.png")
    assert np.array(answer["mask"]).shape == (24, 24)
    assert set(np.unique(answer["mask"])) <= set(range(5))


def test_a_loss_that_counts_what_is_not_to_count_is_a_problem_with_a_fix(tmp_path: Path) -> None:
    right = segmenter(masked(pictures(tmp_path)), width=4)
    columns = data.columns_of(right, HERE)
    assert not binding_problems(right, check(right), columns)
    wrong = edit.set_param(right, "cross_entropy_loss_1", "ignore_index", -100)
    (problem,) = binding_problems(wrong, check(wrong), columns)
    assert problem.message == "mask marks pixels that do not count with 255; set ignore_index to it."
    mended = edit.set_param(wrong, **problem.fixes[0].arguments)
    assert mended.nodes["cross_entropy_loss_1"].params["ignore_index"] == 255
