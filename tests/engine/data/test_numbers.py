from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.preprocessing import KBinsDiscretizer, MinMaxScaler, OneHotEncoder

from engine import data
from engine.columns import Column
from engine.data import steps
from engine.ops.steps import Step
from engine.problem import Mistake
from tests.engine.data.making import HERE, everything, refusal, source, split, step, table
from tests.engine.data.making import steps as with_steps

VALUES = np.random.default_rng(0).normal(2, 5, (300, 3)).astype(np.float32)
COLUMN = Column("x", "number", (3,), "float32")
ONE = replace(COLUMN, shape=(1,))


def fitted(*chain: Step, column: Column = COLUMN, values: np.ndarray[Any, Any] = VALUES) -> list[steps.Fitted]:
    return steps.fit(chain, column, values)


def applied(*chain: Step, column: Column = COLUMN, values: np.ndarray[Any, Any] = VALUES) -> np.ndarray[Any, Any]:
    return steps.apply(fitted(*chain, column=column, values=values), steps.tensor(values)).numpy()


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-1.0, 3.0)])
def test_min_max_is_scikit_learns(low: float, high: float) -> None:
    values = np.concatenate([VALUES, np.full((300, 1), 4, np.float32)], 1)
    values[5, 1] = np.nan
    oracle = MinMaxScaler((low, high)).fit_transform(values)
    assert np.allclose(applied(step("MinMax", low=low, high=high), values=values), oracle, atol=1e-5, equal_nan=True)


@pytest.mark.parametrize(("by", "strategy"), [("quantiles", "quantile"), ("equal widths", "uniform")])
def test_buckets_are_scikit_learns(by: Any, strategy: str) -> None:
    more = {"quantile_method": "linear"} if strategy == "quantile" else {}
    oracle = KBinsDiscretizer(7, encode="ordinal", strategy=strategy, **more).fit(VALUES)
    found = applied(step("Bucketise", by=by, count=7, gives="numbers"))
    assert np.array_equal(found, oracle.transform(VALUES))
    chain = fitted(step("Bucketise", by=by, count=7), column=ONE, values=VALUES[:, :1])
    beyond = torch.tensor([[-1e9], [1e9], [math.nan]])
    assert steps.apply(chain, beyond).tolist() == [0, 6, -1]
    assert steps.apply(chain, torch.from_numpy(VALUES[:, :1])).tolist() == oracle.transform(VALUES)[:, 0].tolist()


def test_given_edges_make_classes_with_names() -> None:
    chain = (step("Bucketise", by="edges", edges=(0.0, 2.5)),)
    column = steps.after(ONE, chain)
    assert (column.kind, column.shape, column.dtype) == ("category", (), "int64")
    assert (column.classes, column.high) == (("< 0", "0 to 2.5", "≥ 2.5"), 2)
    values = np.array([[-1], [0], [2.4], [2.5], [9]], np.float32)
    assert applied(*chain, column=ONE, values=values).tolist() == [0, 1, 1, 2, 2]


def test_learned_buckets_are_classes_of_the_data_set_and_of_its_state(tmp_path: Path) -> None:
    spec = split(table(tmp_path, "a\n" + "".join(f"{i}\n" for i in range(100))), validation=0.0, test=0.0)
    dataset = data.prepare(with_steps(spec, "a", ("Bucketise", {"count": 4})), HERE, ["a"])
    names = ("< 24.75", "24.75 to 49.5", "49.5 to 74.25", "≥ 74.25")
    assert dataset.columns["a"].classes == names
    assert dataset.state["columns"]["a"]["classes"] == list(names)
    assert np.bincount(everything(dataset, "a")).tolist() == [25] * 4
    assert data.read_rows(dataset.state, [{"a": 50}, {"a": -3}], ["a"])["a"].tolist() == [2, 0]
    with pytest.raises(Mistake, match="Sample 1: a has no value"):
        data.read_rows(dataset.state, [{"a": None}], ["a"])


def test_a_difference_is_numpys_along_the_window() -> None:
    windows = VALUES.reshape(20, 5, 9)
    column = replace(COLUMN, shape=(5, 9))
    assert np.array_equal(applied(step("Difference"), column=column, values=windows), np.diff(windows, axis=1))
    assert steps.after(column, [step("Difference")]).shape == (4, 9)


def test_clip_brings_to_its_limits() -> None:
    assert np.array_equal(applied(step("Clip", low=-1.0, high=None)), np.maximum(VALUES, -1))
    assert np.array_equal(applied(step("Clip", low=-1.0, high=4.0)), VALUES.clip(-1, 4))
    assert np.array_equal(applied(step("Clip", low=None, high=None)), VALUES)


def test_a_logarithm_is_taken_of_what_has_one_and_the_row_is_named_of_what_has_none(tmp_path: Path) -> None:
    assert np.allclose(applied(step("Log", offset=1.0), values=np.abs(VALUES)), np.log1p(np.abs(VALUES)), atol=1e-6)
    spec = table(tmp_path, "a\n" + "".join(f"{i}\n" for i in (5, 2, 7, 0, 3, 4, 8)))
    spec = split(with_steps(spec, "a", "Log"), validation=0.0, test=0.0)
    with pytest.raises(Mistake) as caught:
        data.prepare(spec, HERE, ["a"])
    assert caught.value.message == (
        "row 5: a is 0, and Log takes no logarithm of 0; raise its offset, or put Clip before it."
    )
    fine = data.prepare(with_steps(spec, "a", ("Log", {"offset": 1.0}), "Standardize"), HERE, ["a"])
    with pytest.raises(Mistake, match=r"Sample 2: a is -3, and Log takes no logarithm of -2"):
        data.read_rows(fine.state, [{"a": 3}, {"a": -3}], ["a"])
    back = data.restore(fine.state, "a", fine.splits["train"]["a"])
    assert sorted(back.flatten().round().tolist()) == [0, 2, 3, 4, 5, 7, 8]
    assert data.unit(fine.state, "a") == 1.0


def test_one_hot_is_scikit_learns_and_refuses_a_class_it_does_not_know(tmp_path: Path) -> None:
    spec = split(table(tmp_path, "x,kind\n1,b\n2,a\n3,c\n4,b\n"), validation=0.0, test=0.0)
    dataset = data.prepare(with_steps(spec, "kind", "OneHot"), HERE, ["kind"])
    oracle = OneHotEncoder(sparse_output=False).fit_transform([["b"], ["a"], ["c"], ["b"]])
    assert dataset.splits["train"]["kind"].tolist() == oracle.tolist()
    column = dataset.columns["kind"]
    assert (column.kind, column.shape, column.dtype) == ("number", (3,), "float32")
    with pytest.raises(Mistake, match=r"kind is 'd'.*which the training data does not have"):
        data.read_rows(dataset.state, [{"kind": "d"}], ["kind"])
    with pytest.raises(Mistake, match="Sample 1: kind has no class"):
        data.read_rows(dataset.state, [{"kind": None}], ["kind"])


def test_numbers_that_are_codes_become_vectors(tmp_path: Path) -> None:
    spec = split(table(tmp_path, "x,code\n1,8\n2,4\n3,6\n4,8\n"), validation=0.0, test=0.0)
    dataset = data.prepare(with_steps(spec, "code", "Index", "OneHot"), HERE, ["code"])
    assert dataset.splits["train"]["code"].argmax(1).tolist() == [2, 0, 1, 2]
    with pytest.raises(Mistake, match="code has no class"):
        data.read_rows(dataset.state, [{"code": 5}], ["code"])


def test_parts_of_dates_are_those_of_pythons_calendar() -> None:
    first = datetime(1899, 12, 25, 7, 30, tzinfo=UTC)
    days = [first + timedelta(days=97.25 * place) for place in range(900)]
    days += [
        datetime(year, month, day, tzinfo=UTC)
        for year in (1900, 2000, 2023, 2024)
        for month, day in ((2, 28), (3, 1), (12, 31))
    ]
    values = np.array([each.timestamp() / 86_400 for each in days])
    column = Column("day", "date", (), "float64")
    parts = step("DateParts", day=True, hour=True, day_of_year=True, cyclic=False)
    oracle = [
        (each.year, each.month, each.day, each.weekday(), each.hour + each.minute / 60, each.timetuple().tm_yday)
        for each in days
    ]
    found = applied(parts, column=column, values=values)
    assert steps.after(column, [parts]).shape == (6,)
    assert found.dtype == np.float32
    assert np.allclose(found, oracle, atol=1e-4)


def test_rounds_of_dates_meet_at_their_ends() -> None:
    column = Column("day", "date", (1,), "float64")
    parts = step("DateParts", year=False, weekday=False, hour=True)
    values = np.array(
        [
            [datetime(2023, 12, 31, 23, 59, tzinfo=UTC).timestamp() / 86_400],
            [datetime(2024, 1, 1, tzinfo=UTC).timestamp() / 86_400],
            [math.nan],
        ]
    )
    found = applied(parts, column=column, values=values)
    assert steps.after(column, [parts]).shape == found.shape[1:] == (4,)
    assert np.allclose(found[0, 2:], found[1, 2:], atol=0.01)
    assert np.allclose(found[:2, 0] ** 2 + found[:2, 1] ** 2, 1)
    assert np.isnan(found[2]).all()


def test_negative_whole_numbers_are_not_taken_for_missing_ones(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", x=np.array([[-5, 3], [-7, 2], [4, 1], [3, 3]]))
    spec = split(with_steps(source("Arrays", tmp_path / "set.npz"), "x", "FillMissing"), validation=0.0, test=0.0)
    assert everything(data.prepare(spec, HERE), "x").tolist() == [[-5, 3], [-7, 2], [4, 1], [3, 3]]


def test_missing_numbers_become_a_given_constant(tmp_path: Path) -> None:
    spec = split(table(tmp_path, "a,b\n1,2\n,3\n4,\n"), validation=0.0, test=0.0)
    spec = with_steps(spec, "features", ("FillMissing", {"value": "constant", "constant": -9.0}))
    assert everything(data.prepare(spec, HERE, ["features"]), "features").tolist() == [[1, 2], [-9, 3], [4, -9]]


def test_values_come_back_from_steps_up_to_the_last_of_no_return() -> None:
    chain = fitted(step("Clip", low=-50.0), step("MinMax", low=-1.0, high=1.0), step("Standardize"))
    there = steps.apply(chain, torch.from_numpy(VALUES)).numpy()
    assert np.allclose(steps.undo(chain, there), VALUES, atol=1e-4)
    kept = fitted(step("MinMax"), step("Bucketise", gives="numbers"), step("Standardize"))
    there = steps.apply(kept, torch.from_numpy(VALUES)).numpy()
    assert set(steps.undo(kept, there).round(3).flatten().tolist()) == set(range(10))


@pytest.mark.parametrize(
    ("step", "shape", "words"),
    [
        ("Difference", (3,), "takes windows of time"),
        (("Bucketise", {}), (3,), "and there are 3 numbers; let it give numbers."),
        (("Bucketise", {"by": "edges"}), (1,), "needs at least one edge."),
        (("Bucketise", {"by": "edges", "edges": [2, 1]}), (1,), "has edges that do not ascend."),
        (("Clip", {"low": 3.0, "high": 2.0}), (3,), "has the low 3, which is above its high (2)."),
    ],
)
def test_steps_that_a_column_cannot_take_are_refused(tmp_path: Path, step: Any, shape: tuple[int], words: str) -> None:
    np.savez(tmp_path / "set.npz", x=np.zeros((12, *shape), np.float32))
    message, param = refusal(with_steps(source("Arrays", tmp_path / "set.npz"), "x", step))
    assert words in message
    assert str(param).startswith("data.columns.x.steps.0")


def test_a_missing_date_is_filled_before_its_parts_are_taken() -> None:
    column = Column("day", "date", (), "float64")
    values = np.array([19_000.25, math.nan, 19_001.75])
    chain = (step("FillMissing"), step("DateParts", cyclic=False))
    assert steps.after(column, chain[:1]).dtype == "float64"
    assert applied(*chain, column=column, values=values)[1].tolist() == [2022, 1, 6]
