from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import data
from engine.data.moments import moment, moments_in, together
from engine.spec import Spec
from tests.engine.data.making import HERE, bound, everything, refusal, source, split, steps

DAYS = "day,a,b,wind\n" + "".join(f"2024-01-{i + 1:02},{i},{10 * i},{'NS'[i % 2]}\n" for i in range(20))


def series(folder: Path, text: str = DAYS, **params: Any) -> Spec:
    path = folder / "series.csv"
    path.write_text(text)
    return source("TimeSeries", path, **{"time": ["day"], "length": 3, **params})


def whole(spec: Spec, **settings: Any) -> data.Dataset:
    spec = steps(steps(spec, "past"), "time")
    return data.prepare(split(spec, **{"validation": 0.0, "test": 0.0, **settings}), HERE)


def test_windows_hold_the_rows_before_what_they_predict(tmp_path: Path) -> None:
    dataset = whole(series(tmp_path, columns=["a", "b"], targets=["b"]))
    assert dataset.columns["past"].shape == (3, 2)
    assert len(dataset.splits["train"]["past"]) == 17
    assert dataset.splits["train"]["past"][4].tolist() == [[4, 40], [5, 50], [6, 60]]
    assert dataset.splits["train"]["future"][4].tolist() == [70]


def test_texts_of_few_classes_become_columns_of_0_and_1(tmp_path: Path) -> None:
    past = everything(whole(series(tmp_path)), "past")
    assert past.shape[1:] == (3, 4)
    assert past[0, :, 2:].tolist() == [[1, 0], [0, 1], [1, 0]]


@pytest.mark.parametrize(
    ("horizon", "targets", "shape"),
    [(1, ["a"], (1,)), (4, ["a"], (4,)), (1, ["a", "b"], (2,)), (4, ["a", "b"], (4, 2))],
)
def test_the_future_has_an_axis_for_rows_and_one_for_targets_where_there_are_several(
    tmp_path: Path, horizon: int, targets: list[str], shape: tuple[int, ...]
) -> None:
    dataset = whole(series(tmp_path, horizon=horizon, targets=targets))
    assert dataset.columns["future"].shape == shape
    assert dataset.splits["train"]["future"][0].flatten()[0] == 3


def test_the_stride_leaves_windows_out(tmp_path: Path) -> None:
    assert everything(whole(series(tmp_path, stride=5)), "past")[:, 0, 0].tolist() == [0, 5, 10, 15]


def test_rows_are_put_in_the_order_of_time(tmp_path: Path) -> None:
    head, *rows = DAYS.splitlines()
    shuffled = "\n".join([head, *np.random.default_rng(0).permutation(rows).tolist()])
    sorted_past, past = (
        everything(whole(series(tmp_path)), "past"),
        everything(whole(series(tmp_path, shuffled)), "past"),
    )
    assert np.array_equal(sorted_past, past)


@pytest.mark.parametrize("horizon", [1, 4])
def test_no_training_window_knows_what_later_parts_predict(tmp_path: Path, horizon: int) -> None:
    spec = series(tmp_path, horizon=horizon, columns=["a"], targets=["a"])
    dataset = whole(spec, validation=0.25, test=0.25)
    seen = [each.numpy().reshape(len(each), -1) for each in (part["future"] for part in dataset.splits.values())]
    assert list(dataset.splits) == ["train", "validation", "test"]
    assert seen[0].max() < seen[1].min() <= seen[1].max() < seen[2].min()
    assert dataset.splits["train"]["past"].max() < seen[1].min()
    assert any("left out" in note for note in dataset.notes) == (horizon > 1)
    assert data.report(split(spec, validation=0.25, test=0.25), HERE).splits == {
        part: len(each["past"]) for part, each in dataset.splits.items()
    }


def test_the_test_may_begin_at_a_day(tmp_path: Path) -> None:
    dataset = whole(series(tmp_path), test_from="2024-01-15")
    assert everything(dataset, "future").shape == (17, 1)
    assert dataset.splits["test"]["future"][:, 0].tolist() == [10 * i for i in range(14, 20)]


def test_missing_values_are_refused_left_out_or_filled(tmp_path: Path) -> None:
    text = DAYS.replace("2024-01-10,9,90,S", "2024-01-10,NA,90,S")
    message, param = refusal(bound(series(tmp_path, text, columns=["a"], targets=["a"]), "past", "future"))
    assert param == "data.source.params.missing"
    assert "first the window from row" in message
    assert (
        len(everything(whole(series(tmp_path, text, columns=["a"], targets=["a"], missing="drop rows")), "past")) == 13
    )
    for how, value in (("last value", 8), ("zero", 0)):
        future = everything(whole(series(tmp_path, text, columns=["a"], targets=["a"], missing=how)), "future")
        assert future[6] == value


@pytest.mark.parametrize(
    ("text", "params", "words"),
    [
        (DAYS, {"length": 20}, "20 rows, fewer than a window and its horizon take (20 + 1)"),
        (DAYS, {"time": ["dey"]}, "no column 'dey' (did you mean 'day'?)"),
        (DAYS, {"time": ["wind"]}, "wind holds no times that are written alike"),
        (DAYS, {"time": ["a", "b"]}, "year among them"),
        (DAYS, {"targets": ["wind"]}, "wind must hold numbers, and row 2 has 'N'"),
        (DAYS.replace("2024-01-03", ""), {}, "row 4 has no time"),
        (DAYS.replace("03,2,", "03,?2,"), {}, "a must hold numbers, and row 4 has '?2'"),
        ("day,x\n" + "".join(f"2024-01-{i + 1:02},{'NS'[i % 2]}\n" for i in range(9)), {}, "no column of numbers to"),
    ],
)
def test_a_faulty_series_is_refused_in_a_sentence(
    tmp_path: Path, text: str, params: dict[str, Any], words: str
) -> None:
    assert words in refusal(series(tmp_path, text, **params))[0]


@pytest.mark.parametrize(
    "text",
    ["2024-03-05", "2024/03/05", "05.03.2024", "5 Mar 2024", "20240305", "2024-03-05 00:00", "2024-03-05T00:00:00"],
)
def test_a_day_is_read_however_it_is_written(text: str) -> None:
    assert moments_in([text]) == [19787.0]
    assert moment("2024-03") == 19783.0


def test_moments_are_put_together_from_their_parts() -> None:
    parts = {"year": [2024.0, 2023.0], "month": [3.0, 12.0], "day": [5.0, 31.0], "hour": [6.0, 0.0]}
    days = together({name: np.array(values) for name, values in parts.items()})
    assert days.tolist() == [19787.25, 19722.0]


def test_real_series_split_as_their_readme_says(data_folder: Callable[[str], Path]) -> None:
    home = data_folder("timeseries_forecast")
    air = source("TimeSeries", home / "airline-passengers.csv", time=["Month"], length=12)
    cold = source("TimeSeries", home / "daily-min-temperatures.csv", time=["Date"], length=14)
    smog = source("TimeSeries", home / "pollution.csv.gz", time=["year", "month", "day", "hour"], targets=["pm2.5"])
    smog = split(steps(smog, "past", ("FillMissing", {"value": "zero"})), test_from="2011-01-01", validation=0.0)
    for spec, first, count in ((air, "1957-01", 48), (cold, "1990-01-01", 365)):
        dataset = whole(spec, test_from=first)
        assert len(dataset.splits["test"]["future"]) == count
    last = everything(whole(cold, test_from="1990-01-01"), "past")[-365:, -1, 0]
    errors = last - whole(cold, test_from="1990-01-01").splits["test"]["future"][:, 0].numpy()
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(2.58, abs=0.005)  # persistence, as the README has it
    assert data.report(steps(smog, "future", ("FillMissing", {"value": "zero"})), HERE).splits["test"] == 43824 - 8760
