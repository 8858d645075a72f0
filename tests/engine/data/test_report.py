from __future__ import annotations

import base64
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from engine import data, edit
from engine.columns import DataReport
from engine.ops.source import Source
from engine.spec import Spec
from tests.engine.data.making import HERE, source, split, steps, table


@pytest.mark.parametrize("kind", ["Digits", "Iris", "Diabetes", "RandomNumbers"])
def test_a_report_travels_as_json(kind: str) -> None:
    report = data.report(source(kind), HERE)
    again = DataReport.decode(json.loads(json.dumps(report.encode(), allow_nan=False)))
    assert again == report
    assert len(report.samples) == 48
    assert report.source == kind


def test_an_image_is_shown_as_a_picture() -> None:
    sample = data.report(source("Digits"), HERE).samples[0]
    picture = Image.open(BytesIO(base64.b64decode(sample["image"]["png"])))
    assert picture.size == (8, 8)
    assert picture.getextrema() == (0, 239)
    assert sample["label"] == "0"


def test_values_are_shown_as_they_are_before_the_steps(tmp_path: Path) -> None:
    report = data.report(table(tmp_path, "a,b,kind\n1.5,,x\n2,7,\n3,9,x\n"), HERE)
    assert report.samples[:2] == (
        {"features": [1.5, None], "a": 1.5, "b": None, "kind": "x"},
        {"features": [2.0, 7.0], "a": 2.0, "b": 7.0, "kind": None},
    )
    assert (report.columns["a"].low, report.columns["a"].high) == (1.5, 3.0)
    assert report.columns["a"].mean == pytest.approx(6.5 / 3)


def test_what_is_faulty_does_not_hide_the_rest(tmp_path: Path) -> None:
    spec = split(steps(table(tmp_path, "a,b\n1,2\n3,4\n"), "a", "Index", "Nonsense"), validation=2.0)
    report = data.report(spec, HERE)
    assert {problem.param for problem in report.problems} == {"data.columns.a.steps.1", "data.split.validation"}
    assert list(report.columns) == ["features", "a", "b"]
    assert len(report.samples) == 2


def test_a_spec_without_a_source_is_told_to_choose_one() -> None:
    (problem,) = data.report(Spec(), HERE).problems
    assert problem.param == "data.source"
    assert "choose one" in problem.message


def test_every_wrong_param_of_the_source_is_told() -> None:
    report = data.report(source("RandomNumbers", samples=0, features="many"), HERE)
    assert {each.param for each in report.problems} == {"data.source.params.samples", "data.source.params.features"}


@pytest.mark.parametrize("kind", sorted(Source.registry))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300) | st.text(alphabet='a1,;\n"\t.-?é', max_size=200).map(str.encode))
def test_no_file_makes_a_report_raise(tmp_path: Path, kind: str, content: bytes) -> None:
    path = tmp_path / "thing.csv"
    path.write_bytes(content)
    spec = source(kind, path if "path" in Source.registry[kind].defaults() else None)
    json.dumps(data.report(spec, HERE, samples=2).encode(), allow_nan=False)


@settings(max_examples=100, deadline=None)
@given(
    section=st.recursive(
        st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["Iris", "features", "Standardize", "op", ""]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["steps", "op", "params", "features", "label", "kind"]), inner, max_size=3
            )
        ),
        max_leaves=8,
    ),
    key=st.sampled_from(["columns", "split", "source"]),
)
def test_no_settings_make_a_report_raise(section: Any, key: str) -> None:
    spec = edit.set_setting(source("Iris"), f"data.{key}", section)
    data.report(spec, HERE, samples=1)


def test_a_report_is_quick_when_only_the_split_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = table(tmp_path, "a,b\n1,2\n3,4\n5,6\n7,8\n")
    data.report(spec, HERE)
    monkeypatch.setattr("engine.data.tablefile.read_table", lambda *_: pytest.fail("the file was read again"))
    assert data.report(split(spec, validation=0.25, test=0.25), HERE).splits == {"train": 2, "validation": 1, "test": 1}


def test_long_rows_are_shown_by_their_size(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", x=np.zeros((5, 30, 10)), y=np.zeros((5, 3), np.int32))
    sample = data.report(source("Arrays", tmp_path / "set.npz"), HERE).samples[0]
    assert sample == {"x": "30 × 10 numbers", "y": [0, 0, 0]}
