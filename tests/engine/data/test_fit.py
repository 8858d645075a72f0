from __future__ import annotations

from pathlib import Path

import numpy as np

from engine import data, edit, fixes
from engine.binding import binding_problems
from engine.check import check
from engine.ops import OPS
from engine.spec import Spec
from tests.engine.data.making import HERE, source, steps


def classifier(spec: Spec) -> Spec:
    """Inputs x and y of the data -> Linear with 3 scores -> CrossEntropyLoss."""
    columns = data.report(spec, HERE).columns
    for name in ("x", "y"):
        spec = edit.add(spec, "Input")
        spec = edit.bind(spec, list(spec.nodes)[-1], columns[name])
    spec = edit.add(spec, "Linear", params={"out_features": 3}, inputs={"input": "input_1"})
    return edit.add(spec, "CrossEntropyLoss", inputs={"input": "linear_1", "target": "input_2"})


def messages(spec: Spec) -> list[str]:
    report = check(spec)
    assert not report.problems
    return [each.message for each in binding_problems(spec, report, data.columns_of(spec, HERE))]


def test_labels_out_of_range_are_found_before_training(tmp_path: Path) -> None:
    def saved(labels: list[int]) -> Spec:
        np.savez(tmp_path / "set.npz", x=np.zeros((len(labels), 4)), y=labels)
        return source("Arrays", tmp_path / "set.npz")

    assert messages(classifier(saved([0, 1, 2] * 4))) == []
    assert "y has 4 classes, and input has 3" in messages(classifier(saved([0, 1, 3] * 4)))[0]
    negative = saved([-1, 0, 1] * 4)
    assert "y has the class -1, and classes count from 0" in messages(classifier(negative))[0]
    assert messages(classifier(steps(negative, "y", "Index"))) == []


def compared(folder: Path, op: str, scores: list[int], ports: tuple[str, str], **more: object) -> Spec:
    """Scores and a target of four classes, straight from the data into a loss or metric."""
    spec = source("Arrays", folder / "set.npz")
    for name, shape, dtype in (("x", scores, "float32"), ("y", more.pop("target", []), "int64")):
        spec = edit.add(spec, "Input", params={"column": name, "shape": ["N", *shape], "dtype": dtype})  # type: ignore[misc]
    listed = OPS[op].input_ports()[ports[0]].list
    wires: dict[str, str | list[str]] = {ports[0]: ["input_1"] if listed else "input_1", ports[1]: "input_2"}
    for name in OPS[op].input_ports():
        if listed and name in ("distances", "boxes"):
            spec = edit.add(
                spec, "Input", params={"column": name, "shape": ["N", 4, 4, 4] if name == "distances" else ["N", 2, 4]}
            )
            wires[name] = [list(spec.nodes)[-1]] if name == "distances" else list(spec.nodes)[-1]
    return edit.add(spec, op, params=more, inputs=wires)


def test_classes_are_counted_for_every_loss_and_metric_that_has_them(tmp_path: Path) -> None:
    def saved(shape: list[int], labels: list[int]) -> None:
        zeros = np.zeros((12, *shape), dtype=np.float32)
        labelled = np.resize([0, 1, 2, 3], (12, *labels)).astype(np.int64)
        boxes = {"distances": np.zeros((12, 4, 4, 4), np.float32), "boxes": np.zeros((12, 2, 4), np.float32)}
        np.savez(tmp_path / "set.npz", x=zeros, y=labelled, **boxes)  # type: ignore[arg-type]  # its stub means allow_pickle

    for op in ("CrossEntropyLoss", "NLLLoss", "FocalLoss", "MultiMarginLoss", "F1", "AUROC", "TopKAccuracy"):
        saved([3], [])
        params = {"k": 2} if op == "TopKAccuracy" else {}
        (message,) = messages(compared(tmp_path, op, [3], ("input", "target"), **params))
        assert message.startswith("y has 4 classes, and input has 3")
        saved([4], [])
        assert messages(compared(tmp_path, op, [4], ("input", "target"), **params)) == []
    saved([3, 5], [5])
    assert "y has 4 classes" in messages(compared(tmp_path, "DiceLoss", [3, 5], ("input", "target"), target=[5]))[0]
    assert messages(compared(tmp_path, "DiceLoss", [3, 5], ("input", "target"), target=[5], ignore_index=3)) == []
    saved([9, 3], [2])
    (message,) = messages(compared(tmp_path, "CTCLoss", [9, 3], ("log_probs", "targets"), target=[2]))
    assert message.startswith("y has 4 classes, and log_probs has 3")
    saved([3, 4, 4], [2])
    (message,) = messages(compared(tmp_path, "FCOSLoss", [3, 4, 4], ("scores", "labels"), target=[2]))
    assert message.startswith("y has 4 classes, and scores has 3")


def test_a_yes_or_no_for_each_score_is_no_class(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", x=np.zeros((12, 1), np.float32), y=np.resize([0, 1], (12, 1)).astype(np.int64))
    assert messages(compared(tmp_path, "F1", [1], ("input", "target"), target=[1])) == []


def test_a_metric_does_not_repeat_what_its_loss_is_told(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", x=np.zeros((12, 4)), y=np.resize([0, 1, 2, 3], 12))
    spec = classifier(source("Arrays", tmp_path / "set.npz"))
    spec = edit.add(spec, "Accuracy", inputs={"input": "linear_1", "target": "input_2"})
    assert len(messages(spec)) == 1


def test_what_the_data_asks_for_comes_with_a_fix_that_does_it(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", x=np.zeros((12, 4)), y=[-1, 0, 1] * 4)
    spec = classifier(source("Arrays", tmp_path / "set.npz"))
    report = check(spec)
    (negative,) = binding_problems(spec, report, data.columns_of(spec, HERE))
    assert [fix.text for fix in negative.fixes] == ["Give y an Index step"]
    assert messages(fixes.apply(spec, negative.fixes[0])) == []
    column = next(node.id for node in spec.nodes.values() if node.params.get("column") == "x")
    unbound = edit.set_param(spec, column, "column", "X")
    (lost, *_rest) = binding_problems(unbound, report, data.columns_of(spec, HERE))
    assert [fix.text for fix in lost.fixes] == ["Bind to x"]
    assert fixes.apply(unbound, lost.fixes[0]) == spec


def test_a_head_behind_other_layers_is_made_as_wide_as_the_data_has_classes(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", x=np.zeros((12, 4)), y=[0, 1, 4] * 4)
    spec = edit.insert(classifier(source("Arrays", tmp_path / "set.npz")), "Dropout", "cross_entropy_loss_1", "input")
    (problem,) = binding_problems(spec, check(spec), data.columns_of(spec, HERE))
    assert [fix.text for fix in problem.fixes] == ["Set out_features of linear_1 to 5"]
    assert messages(fixes.apply(spec, problem.fixes[0])) == []
