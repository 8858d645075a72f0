from __future__ import annotations

from pathlib import Path

import pytest

from engine import data
from engine.data.boxfiles import label_file, line_of, plain_yaml, read_xml
from engine.problem import Mistake
from tests.engine.data.making import HERE, image_folder, refusal, source
from tests.engine.data.picturing import SCENE, SIZE, images, voc, write_text, xml, yolo


def test_image_sets_tell_the_part_of_each_image(tmp_path: Path) -> None:
    home = voc(tmp_path)
    for name, stems in (("train", "a\nb"), ("val", "c"), ("test", "d"), ("trainval", "a\nb\nc")):
        write_text(home / "ImageSets" / "Main" / f"{name}.txt", stems)
    report = data.report(source("PascalVOC", home), HERE)
    assert report.splits == {"train": 2, "validation": 1, "test": 1}


def test_images_in_no_list_are_left_out_and_counted(tmp_path: Path) -> None:
    home = voc(tmp_path)
    write_text(home / "ImageSets" / "Main" / "trainval.txt", "a\nc 1\nd")
    report = data.report(source("PascalVOC", home), HERE)
    assert sum(report.splits.values()) == 3
    assert "1 image is in no list of ImageSets and left out." in report.notes


def test_folders_of_train_and_test_hold_images_beside_their_xml(tmp_path: Path) -> None:
    for part in ("train", "test"):
        images(tmp_path / part)
        for name, boxes in SCENE.items():
            write_text(tmp_path / part / f"{name}.xml", xml(boxes))
    report = data.report(source("PascalVOC", tmp_path), HERE)
    assert (sum(report.splits.values()), report.splits["test"]) == (8, 4)


def test_masks_of_the_same_name_are_not_taken_for_images(tmp_path: Path) -> None:
    home = voc(tmp_path)
    images(home / "SegmentationClass")
    (home / "JPEGImages" / "a.png").unlink()
    with pytest.raises(Mistake, match=r"a\.png, of "):
        data.prepare(source("PascalVOC", home), HERE)


@pytest.mark.parametrize("declaration", ['<!DOCTYPE a [<!ENTITY b "c">]>', '<! ENTITY b "c">', "<!doctype a>"])
def test_xml_that_declares_entities_is_not_read(tmp_path: Path, declaration: str) -> None:
    for encoding in ("utf-8", "utf-16"):
        path = tmp_path / "a.xml"
        path.write_bytes((declaration + xml([])).encode(encoding))
        with pytest.raises(Mistake, match="declares a document type"):
            read_xml(path)


def test_xml_is_read_with_the_numbers_of_boxes_at_fault(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.xml", xml([("cat", 1, 2, 3, 4), ("", 1, 2, 3, 4), ("dog", "x", 2, 3, "nan")]))
    name, size, boxes, faults = read_xml(path)
    assert (name, size, faults) == ("x.png", SIZE, [2, 3])
    assert [tuple(each) for each in boxes] == [("cat", (1, 2, 3, 4), "box 1")]
    assert read_xml(write_text(path, xml([], size=(0, 0))))[1] is None
    with pytest.raises(Mistake, match="is no XML"):
        read_xml(write_text(path, "<annotation>"))


def test_a_line_is_a_box_or_an_outline() -> None:
    assert line_of("1 0.5 0.5 0.5 1", ["cat", "dog"]) == ("dog", (0.25, 0, 0.75, 1))
    assert line_of("1 0.5 0.5 0.5 1 0.9", ["cat", "dog"]) == ("dog", (0.25, 0, 0.75, 1))
    assert line_of("0 .1 .2 .3 .9 .2 .4", []) == ("0", (0.1, 0.2, 0.3, 0.9))
    for line in ("2 .5 .5 .5 1", "-1 .5 .5 .5 1", "0.5 .5 .5 .5 1", "0 .5 .5", "0 .5 nan .5 1", "cat .5 .5 .5 1", "0"):
        assert line_of(line, ["cat", "dog"]) is None


def test_labels_lie_in_a_folder_of_their_own_or_beside() -> None:
    assert label_file(Path("/images/set/images/train/a.b.png")) == Path("/images/set/labels/train/a.b.txt")
    assert label_file(Path("/set/train/a.png")) == Path("/set/train/a.txt")


@pytest.mark.parametrize(
    "text",
    [
        "names: [cat, dog]",
        "nc: 2\nnames: ['cat',\n        \"dog\"] # both",
        "names:\n  0: cat\n  1: 'dog'\n\nnc: 2\n",
        "path: x\nnames:\n- cat\n- dog\nroboflow:\n  workspace: y\n",
        "names: {0: cat, 1: dog}",
    ],
)
def test_class_names_are_read_from_all_forms_of_data_yaml(text: str) -> None:
    assert plain_yaml(text)["names"] == ["cat", "dog"]


def test_yaml_tells_the_folders_of_parts(tmp_path: Path) -> None:
    home = yolo(tmp_path)
    images(home / "images" / "other")
    write_text(home / "labels" / "other" / "a.txt", "0 .5 .5 .5 .5\n")
    write_text(home / "data.yaml", "train: images\nval: ../images/other\nnames: [cat, dog]\n")
    assert data.report(source("YOLO", home), HERE).splits["validation"] == 4


def test_folders_tell_the_parts_of_a_yolo_set(tmp_path: Path) -> None:
    for part in ("train", "valid"):
        yolo(tmp_path / part)
    write_text(tmp_path / "classes.txt", "cat\ndog\n")
    report = data.report(source("YOLO", tmp_path), HERE)
    assert report.splits["validation"] == 4
    assert report.columns["boxes"].classes == ("cat", "dog")


def test_classes_without_names_are_numbers(tmp_path: Path) -> None:
    home = yolo(tmp_path)
    (home / "data.yaml").unlink()
    assert data.report(source("YOLO", home), HERE).columns["boxes"].classes == ("0", "1")


@pytest.mark.parametrize("kind", ["PascalVOC", "YOLO"])
def test_a_folder_without_boxes_is_refused(tmp_path: Path, kind: str) -> None:
    message, param = refusal(source(kind, image_folder(tmp_path, {"cat": 2})))
    assert "choose the folder above both" in message
    assert param == "data.source.params.path"


def test_a_class_named_twice_is_refused(tmp_path: Path) -> None:
    home = yolo(tmp_path)
    write_text(home / "data.yaml", "names: [cat, cat]")
    assert "the class 'cat' more than once" in refusal(source("YOLO", home))[0]
