from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from engine import data, edit
from engine.binding import binding_problems
from engine.check import check
from engine.compile import compile as compile_graph
from engine.data.detection import upright_size
from engine.data.sources import open_source
from engine.events import Finished
from engine.export import export
from engine.problem import Mistake
from engine.spec import Spec
from engine.train.folder import Run
from engine.train.loop import train
from engine.train.meter import Meter
from engine.train.predict import evaluate, predict
from engine.train.session import feed_tensors
from tests.engine.data.detector import detector
from tests.engine.data.making import HERE, refusal, source, split
from tests.engine.data.picturing import CLASSES, FORMS, SCENE, SIZE, Scene, voc, write_text, xml


def boxes_of(spec: Spec) -> dict[str, list[tuple[str, list[float]]]]:
    """The boxes of each image by the name of its file, corners rounded."""
    reader = open_source(spec, HERE)
    samples = reader.fetch(np.arange(len(reader)), ["boxes"])["boxes"]
    return {
        Path(reader.where(place)).stem: [
            (CLASSES[int(row[4])], [round(x, 3) for x in row[:4].tolist()]) for row in each
        ]
        for place, each in enumerate(samples)
    }


@pytest.mark.parametrize("kind", FORMS)
def test_every_form_tells_the_same_boxes(tmp_path: Path, kind: str) -> None:
    found = boxes_of(source(kind, FORMS[kind](tmp_path), height=SIZE[1], width=SIZE[0]))
    assert found == {name: [(label, list(box)) for label, *box in boxes] for name, boxes in SCENE.items()}


@pytest.mark.parametrize("kind", FORMS)
def test_boxes_are_described_and_shown(tmp_path: Path, kind: str) -> None:
    report = data.report(source(kind, FORMS[kind](tmp_path), height=10, width=10), HERE)
    assert not report.problems
    column = report.columns["boxes"]
    assert (column.classes, column.counts, column.lengths) == (("cat", "dog"), (2, 2), (0.0, 1.0, 2.0))
    assert (column.ports, column.follows) == ("boxes, labels, mask", "image")
    assert column.extent() == "2 classes, 0 to 2 boxes an image"
    assert report.columns["image"].shape == (3, 10, 10)
    shown = {"boxes": [[1, 1, 3.5, 6], [5, 2, 9, 8]], "labels": ["cat", "dog"], "height": 10, "width": 10}
    assert report.samples[0]["boxes"] == shown


@pytest.mark.parametrize(
    ("fit", "corners"),
    [("stretch", [[2, 2, 7, 12], [10, 4, 18, 16]]), ("pad", [[2, 6, 7, 11], [10, 7, 18, 13]])],
)
def test_boxes_follow_their_image(tmp_path: Path, fit: str, corners: list[list[float]]) -> None:
    found = boxes_of(source("PascalVOC", voc(tmp_path), height=20, width=20, fit=fit))
    assert [box for _label, box in found["a"]] == corners


def test_boxes_beside_the_middle_are_left_out(tmp_path: Path) -> None:
    scene = {**SCENE, "e": [("cat", 0, 0, 8, 8), ("dog", 5, 5, 15, 15)]}
    spec = source("PascalVOC", voc(tmp_path, scene), height=20, width=20, fit="crop")
    assert boxes_of(spec)["e"] == [("dog", [0, 5, 5, 15])]
    assert "1 box lies beside the middle and is left out." in data.report(spec, HERE).notes


def many(**last: Any) -> Scene:
    """A scene of so many boxes that one at fault is left out."""
    return {**{f"image{number}": [("cat", 4, 2, 14, 12)] for number in range(20)}, **last}


def test_a_box_beyond_its_image_is_cut_and_one_of_no_size_is_left_out(tmp_path: Path) -> None:
    scene = many(z=[("dog", 30, 10, 60, 50), ("dog", 5, 5, 5, 9), ("dog", 50, 5, 60, 9), ("cat", 1, 1, 2, 2)])
    spec = source("PascalVOC", voc(tmp_path, scene), height=20, width=40)
    assert boxes_of(spec)["z"] == [("dog", [30, 10, 40, 20]), ("cat", [1, 1, 2, 2])]
    path = tmp_path / "Annotations" / "z.xml"
    notes = data.report(spec, HERE).notes
    assert notes[0] == f"Left out: 2 boxes have no size in their images, first box 2 of {path}."
    assert notes[1] == f"1 box reaches beyond the image and is cut off there, first box 1 of {path}."


def test_one_annotation_or_image_at_fault_among_many_is_left_out_and_told(tmp_path: Path) -> None:
    home = voc(tmp_path, many())
    write_text(home / "Annotations" / "image3.xml", "<annotation>")
    (home / "JPEGImages" / "image4.png").unlink()
    report = data.report(source("PascalVOC", home), HERE)
    assert sum(report.splits.values()) == 18
    assert any("annotation cannot be read, first" in note and "image3.xml is no XML" in note for note in report.notes)
    assert any("1 image that is named is not there, first image4.png" in note for note in report.notes)


def test_many_faults_are_a_mistake(tmp_path: Path) -> None:
    home = voc(tmp_path)
    write_text(home / "Annotations" / "a.xml", "<annotation>")
    message, param = refusal(source("PascalVOC", home))
    assert "of 4, 1 annotation cannot be read" in message
    assert param == "data.source.params.path"


def test_a_set_without_boxes_is_refused(tmp_path: Path) -> None:
    assert "at least one is needed" in refusal(source("PascalVOC", voc(tmp_path, {"a": [], "b": []})))[0]


def test_the_size_is_that_of_the_upright_image(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (4, 2)).save(tmp_path / "a.png", exif=exif)
    assert upright_size(tmp_path / "a.png") == (2, 4)
    (tmp_path / "b.png").write_bytes(b"none")
    assert upright_size(tmp_path / "b.png") is None


def test_a_size_that_no_annotation_tells_is_read_from_the_image(tmp_path: Path) -> None:
    home = voc(tmp_path)
    write_text(home / "Annotations" / "a.xml", xml(SCENE["a"], size=(0, 0)))
    assert boxes_of(source("PascalVOC", home, height=10, width=20))["a"][0] == ("cat", [2, 1, 7, 6])


# ------------------------------------------------------------------------------------------------------- the graph


def shapes(**params: Any) -> Spec:
    spec = source("ShapesWithBoxes", **{"samples": 48, "size": 32, "most": 3, **params})
    spec = detector(split(spec, validation=0.25, test=0.25), width=4)
    for name, value in (("max_candidates", 50), ("max_detections", 20)):
        spec = edit.set_param(spec, "nms_1", name, value)
    return edit.set_setting(edit.set_setting(spec, "training.epochs", 1), "data.batching.batch_size", 8)


def test_an_input_of_boxes_has_ports_for_their_classes_and_for_which_are_real() -> None:
    report = check(shapes())
    assert not report.problems
    outputs = report.nodes["input_2"].outputs
    assert {port: str(each) for port, each in outputs.items()} == {
        "boxes": "N × K × 4",
        "labels": "N × K",
        "mask": "N × K",
    }
    assert [each.dtype for each in outputs.values()] == ["float32", "int64", "bool"]


def test_a_detector_trains_is_measured_and_answers_a_raw_image(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    last = list(train(shapes(), HERE, run))[-1]
    assert isinstance(last, Finished)
    assert 0 <= last.test["mean_average_precision"] <= 1
    assert evaluate(run).scores["mean_average_precision"] == last.test["mean_average_precision"]
    Image.new("RGB", (50, 40), (200, 30, 30)).save(tmp_path / "new.png")
    (answer,) = predict(run, tmp_path / "new.png")
    assert np.array(answer["boxes"]).shape == (20, 4)
    assert len(answer["labels"]) == len(answer["scores"]) == len(answer["mask"]) == 20


def test_what_batches_are_filled_up_with_counts_neither_in_a_loss_nor_in_a_metric() -> None:
    spec = edit.set_setting(source("ShapesWithBoxes", samples=40), "data.batching.batch_size", 8)
    spec = edit.bind(edit.add(spec, "Input"), "input_1", data.columns_of(spec, HERE)["boxes"])
    true = {port: f"input_1.{port}" for port in ("boxes", "labels", "mask")}
    spec = edit.add(spec, "Cast", inputs={"input": "input_1.mask"})
    same = {"input": "input_1.boxes", "target": "input_1.boxes", "mask": "input_1.mask"}
    spec = edit.add(spec, "GIoULoss", inputs=same)
    targets = {f"target_{port}": wire for port, wire in true.items()}
    spec = edit.add(spec, "MeanAveragePrecision", inputs={**true, "scores": "cast_1", **targets})
    compiled = compile_graph(spec)
    held = feed_tensors(compiled.feeds, data.prepare(spec, HERE).splits["train"], torch.device("cpu"))
    meter = Meter(compiled.program)
    for batch in data.batches(held, 8):
        meter.add(compiled.module(*batch), len(batch[0]))
    meter.read()
    assert meter.measured({}).scores == pytest.approx({"loss": 0.0, "mean_average_precision": 1.0}, abs=1e-6)


def test_an_exported_detector_takes_boxes_as_three_tensors(tmp_path: Path) -> None:
    spec = shapes()
    spec = edit.add(spec, "Output", params={"name": "given"}, inputs={"input": "input_2.labels"})
    (path, *_rest) = export(spec, "python", tmp_path / "net.py")
    text = path.read_text()
    assert "input_2__labels" in text
    compile(text, str(path), "exec")


def test_an_image_is_brought_to_the_form_it_was_trained_in(tmp_path: Path) -> None:
    spec = source("PascalVOC", voc(tmp_path), height=20, width=20, fit="pad")
    dataset = data.prepare(spec, HERE, ["image"])
    (tensor,) = data.read_rows(dataset.state, [{"image": str(tmp_path / "JPEGImages" / "a.png")}], ["image"]).values()
    assert (tensor[0, :, :5] == 0).all()
    assert (tensor[0, :, 5:15] > 0).all()


def test_fewer_classes_than_the_boxes_have_are_a_problem() -> None:
    spec = shapes()
    scores = str(spec.nodes["fcos_loss_1"].inputs["scores"][0])
    narrow = edit.set_param(spec, scores, "out_channels", 2)
    found = binding_problems(narrow, check(narrow), data.columns_of(narrow, HERE))
    assert "boxes has 4 classes, and scores has 2" in found[0].message


def test_the_shape_of_the_data_is_taken_with_its_ports() -> None:
    spec = edit.set_param(shapes(), "input_2", "shape", ["N", 4])
    found = binding_problems(spec, check(spec), data.columns_of(spec, HERE))
    fix = found[0].fixes[0]
    assert fix.arguments["ports"] == "boxes, labels, mask"
    mended = edit.take_shape(edit.set_param(spec, "input_2", "ports", "output"), **fix.arguments)
    assert mended.nodes["input_2"].params["shape"] == ["N", "K", 4]
    assert mended.nodes["input_2"].params["ports"] == "boxes, labels, mask"


def test_boxes_alone_can_be_bound_without_ports() -> None:
    spec = source("ShapesWithBoxes", samples=20)
    spec = edit.add(spec, "Input", params={"column": "boxes", "shape": ["N", "K", 4]})
    spec = edit.add(spec, "BoxArea", inputs={"boxes": "input_1"})
    assert [str(each) for each in check(spec).nodes["box_area_1"].outputs.values()] == ["N × K"]


def test_rows_may_hold_boxes(tmp_path: Path) -> None:
    state = data.prepare(source("PascalVOC", voc(tmp_path)), HERE, ["boxes"]).state
    rows: list[dict[str, Any]] = [{"boxes": {"boxes": [[1, 2, 3, 4]], "labels": ["dog"]}}, {"boxes": []}]
    found = data.read_rows(state, rows, ["boxes"])["boxes"]
    assert found.counts.tolist() == [1, 0]
    with pytest.raises(Mistake, match="Sample 1: boxes must be a list of boxes"):
        data.read_rows(state, [{"boxes": 3}], ["boxes"])


def test_blood_cells_open_with_their_split_and_without_boxes_of_no_size(data_folder: Callable[[str], Path]) -> None:
    home = data_folder("detection_bccd") / "BCCD"
    report = data.report(source("PascalVOC", home, height=48, width=64), HERE, samples=4)
    assert report.splits == {"train": 205, "validation": 87, "test": 72}
    column = report.columns["boxes"]
    assert dict(zip(column.classes, column.counts, strict=True)) == {"Platelets": 361, "RBC": 4153, "WBC": 372}
    assert any("2 boxes have no size in their images, first box 13 of" in note for note in report.notes)
    dataset = data.prepare(source("PascalVOC", home, height=48, width=64), HERE, ["boxes"])
    held = dataset.splits["train"]["boxes"].port("boxes")
    batch = held.batch(torch.arange(205), 30)
    assert float(batch.amax()) <= 64
    assert float(batch[..., 3].amax()) <= 48
