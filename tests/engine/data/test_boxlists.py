from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine import data
from engine.data.boxlists import box_columns
from tests.engine.data.making import HERE, refusal, source
from tests.engine.data.picturing import box_table, coco, coco_data, images, write_text


def test_files_of_validation_and_test_are_kept_apart(tmp_path: Path) -> None:
    path = coco(tmp_path)
    other = write_text(path.with_name("instances_val.json"), path.read_text())
    report = data.report(source("COCO", path, validation_path=str(other), test_path=str(other)), HERE)
    assert report.splits == {"train": 4, "validation": 4, "test": 4}
    assert report.columns["boxes"].classes == ("cat", "dog")


def test_crowds_and_faulty_annotations_are_left_out_with_notes(tmp_path: Path) -> None:
    path, whole = coco(tmp_path), coco_data()
    kept: list[dict[str, Any]] = whole["annotations"] * 10
    whole["annotations"] = [*kept, {**kept[0], "iscrowd": 1}, {**kept[0], "category_id": 99, "id": 50}]
    path.write_text(json.dumps(whole))
    report = data.report(source("COCO", path), HERE)
    assert f"Left out: 1 box lacks numbers or a known class, first annotation 50 of {path}." in report.notes
    assert "1 box of a crowd is left out." in report.notes
    assert sum(report.columns["boxes"].counts) == 40


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is no JSON"),
        ("[" * 10_000, "is no JSON"),
        ("[]", "has no list 'images'"),
        ('{"images": [], "annotations": [1]}', "has no list 'annotations'"),
        ('{"images": [], "annotations": [], "categories": []}', "at least one is needed"),
        (json.dumps({**coco_data(), "categories": [{"id": 7, "name": "a"}, {"id": 8, "name": "a"}]}), "same name"),
        (json.dumps({**coco_data(), "annotations": [{"bbox": "x", "image_id": []}]}), "lacks numbers"),
    ],
)
def test_json_of_another_form_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = coco(tmp_path)
    path.write_text(text)
    message, _param = refusal(source("COCO", path))
    assert words in message
    assert str(path) in message


def test_images_that_are_nowhere_point_to_their_folder(tmp_path: Path) -> None:
    path = coco(tmp_path)
    (tmp_path / "train").rename(tmp_path / "gone")
    message, param = refusal(source("COCO", path, folder=str(tmp_path / "annotations")))
    assert "of 4, 4 images that are named are not there" in message
    assert param == "data.source.params.folder"
    assert not data.report(source("COCO", path, folder=str(tmp_path / "gone")), HERE).problems


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax"], "corners"),
        (["ImageID", "X_Min", "Y_Min", "X_Max", "Y_Max"], "corners"),
        (["image", "x", "y", "width", "height"], "corner and size"),
        (["image", "x_center", "y_center", "width", "height"], "centre and size"),
        (["image", "a", "b"], None),
    ],
)
def test_columns_of_boxes_are_known_by_their_names(names: list[str], found: str | None) -> None:
    columns = box_columns(names)
    assert (columns[1] if columns else None) == found


@pytest.mark.parametrize(
    ("form", "row"),
    [("corners", "10,4,30,12"), ("corner and size", "10,4,20,8"), ("centre and size", "20,8,20,8")],
)
def test_chosen_columns_are_read_in_their_form(tmp_path: Path, form: str, row: str) -> None:
    images(tmp_path)
    path = write_text(tmp_path / "t.csv", f"file,a,b,c,d\na.png,{row}\n")
    spec = source("BoxesInTable", path, box=["a", "b", "c", "d"], form=form, height=20, width=40)
    report = data.report(spec, HERE)
    assert report.samples[0]["boxes"]["boxes"] == [[10, 4, 30, 12]]
    assert report.columns["boxes"].classes == ("object",)
    assert "all boxes are of one, object" in report.notes[0]


def test_numbers_from_0_to_1_are_shares_of_the_image(tmp_path: Path) -> None:
    images(tmp_path)
    path = write_text(tmp_path / "t.csv", "file,xmin,ymin,xmax,ymax,label\na.png,0.25,0.5,0.5,1,cat\n")
    report = data.report(source("BoxesInTable", path, height=20, width=40), HERE)
    assert report.samples[0]["boxes"]["boxes"] == [[10, 10, 20, 20]]


@pytest.mark.parametrize(
    ("change", "params", "words"),
    [
        (("XMin", "left_edge"), {}, "no four columns that are named as those of boxes"),
        (("4,2,14", "4,two,14"), {}, "row 2: YMin is 'two'; it must be a number"),
        (("pictures", "photos"), {}, "not there"),
        (("", ""), {"box": ["XMin"]}, "box names 1 columns"),
        (("", ""), {"label": "clas"}, "no column 'clas' (did you mean 'class'?)"),
        (("", ""), {"label": "XMin"}, "no column of classes"),
        (("file,", "name,"), {"image": "file"}, "no column 'file'"),
    ],
)
def test_a_faulty_table_is_refused(tmp_path: Path, change: tuple[str, str], params: dict[str, Any], words: str) -> None:
    path = box_table(tmp_path)
    path.write_text(path.read_text().replace(*change) if change[0] else path.read_text())
    assert words in refusal(source("BoxesInTable", path, **params))[0]
