from __future__ import annotations

from pathlib import Path

import numpy as np

from engine import data, edit
from engine.binding import binding_problems
from engine.check import check
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
    assert "y has 4 classes, and input has scores for 3" in messages(classifier(saved([0, 1, 3] * 4)))[0]
    negative = saved([-1, 0, 1] * 4)
    assert "y has the class -1, and classes count from 0" in messages(classifier(negative))[0]
    assert messages(classifier(steps(negative, "y", "Index"))) == []
