from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import data, edit
from engine.data.guess import guess
from engine.data.guessing import Guess
from engine.spec import Spec
from tests.engine.data.making import HERE
from tests.engine.data.picturing import FORMS, box_table, coco, coco_data, images, voc, write_text, xml
from tests.engine.data.test_masks import pictures


def first(path: Path) -> Guess:
    """The likeliest guess, whose source reads without a problem."""
    found = guess(path)[0]
    assert not data.report(edit.set_source(Spec(), found.kind, found.params), HERE).problems
    return found


@pytest.mark.parametrize("kind", FORMS)
def test_a_folder_of_every_form_is_known(tmp_path: Path, kind: str) -> None:
    FORMS[kind](tmp_path)
    assert first(tmp_path).kind == kind


@pytest.mark.parametrize("kind", FORMS)
def test_the_folder_above_is_looked_into(tmp_path: Path, kind: str) -> None:
    FORMS[kind](tmp_path / "set")
    (tmp_path / "README.md").write_text("a set")
    assert first(tmp_path).kind == kind


@pytest.mark.parametrize("kind", ["COCO", "BoxesInTable"])
def test_a_file_is_known(tmp_path: Path, kind: str) -> None:
    path = FORMS[kind](tmp_path)
    assert first(path) == Guess(kind, {"path": str(path)}, first(path).words)


def test_an_archive_of_boxes_is_known(tmp_path: Path) -> None:
    voc(tmp_path / "home" / "set")
    path = Path(shutil.make_archive(str(tmp_path / "set"), "zip", tmp_path / "home"))
    assert (first(path).kind, first(path).params["path"]) == ("PascalVOC", str(path))


def test_parts_are_told(tmp_path: Path) -> None:
    path = coco(tmp_path)
    write_text(path.with_name("instances_val2017.json"), json.dumps(coco_data()))
    write_text(path.with_name("captions_train2017.json"), json.dumps({"images": [], "annotations": []}))
    found = first(tmp_path)
    assert found.params == {"path": str(path), "validation_path": str(path.with_name("instances_val2017.json"))}
    assert found.words == "This looks like images with boxes in COCO's form, with the parts train, validation."


def test_halves_of_images_with_their_json_are_known(tmp_path: Path) -> None:
    for part in ("train", "valid"):
        images(tmp_path / part)
        write_text(tmp_path / part / "_annotations.coco.json", json.dumps(coco_data()))
    found = first(tmp_path)
    assert Path(found.params["validation_path"]).parent.name == "valid"


def test_halves_of_images_with_their_xml_are_known(tmp_path: Path) -> None:
    for part in ("train", "test"):
        images(tmp_path / part)
        for name in "abcd":
            write_text(tmp_path / part / f"{name}.xml", xml([("cat", 1, 1, 2, 2)]))
    assert first(tmp_path).kind == "PascalVOC"
    assert "with the parts train, test" in first(tmp_path).words


def test_a_table_of_boxes_may_be_read_otherwise(tmp_path: Path) -> None:
    kinds = [each.kind for each in guess(box_table(tmp_path))]
    assert kinds[:2] == ["BoxesInTable", "ImagesInTable"]


def test_a_folder_of_masks_is_known(tmp_path: Path) -> None:
    pictures(tmp_path / "a")
    found = first(tmp_path / "a")
    assert (found.kind, found.words) == ("SegmentationMasks", "This looks like 4 images with a mask each.")
    for part in ("train", "test"):
        pictures(tmp_path / "b", images=f"{part}/images", beside=f"{part}/masks")
    assert "with the parts train, test" in first(tmp_path / "b").words


def test_json_that_is_no_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="holds nothing that can be read as data"):
        guess(write_text(tmp_path / "a.json", "{}"))


@pytest.mark.parametrize("place", ["", "BCCD"])
def test_blood_cells_open_from_their_path(data_folder: Callable[[str], Path], place: str) -> None:
    home = data_folder("detection_bccd")
    found = first(home / place)
    assert (found.kind, found.params) == ("PascalVOC", {"path": str(home / "BCCD")})
    assert "with the parts train, validation, test" in found.words
