from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler

from engine import data
from engine.columns import default_steps
from engine.ops.steps import Step
from tests.engine.data.making import HERE, everything, refusal, source, split, steps, table


def raw(part: str, kind: str = "Wine") -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return data.prepare(steps(source(kind), "features"), HERE).splits[part]["features"].numpy()  # type: ignore[no-any-return]


def test_standardize_is_fitted_on_the_training_split_alone() -> None:
    oracle = StandardScaler().fit(raw("train"))
    dataset = data.prepare(source("Wine"), HERE)
    for part in ("train", "validation", "test"):
        assert np.allclose(dataset.splits[part]["features"], oracle.transform(raw(part)), atol=1e-4)


def test_a_constant_column_stays_finite_when_standardized(tmp_path: Path) -> None:
    spec = table(tmp_path, "a,b\n" + "".join(f"5,{i}\n" for i in range(20)))
    found = everything(data.prepare(spec, HERE, ["features"]), "features")
    assert (found[:, 0] == 0).all()
    assert np.isfinite(found).all()


def test_images_are_standardized_by_channel(tmp_path: Path) -> None:
    images = (
        np.random.default_rng(0).integers(0, 256, (40, 3, 5, 4), dtype=np.uint8) // np.array([1, 2, 4])[:, None, None]
    )
    np.savez(tmp_path / "set.npz", picture=images.astype(np.uint8))
    spec = split(steps(source("Arrays", tmp_path / "set.npz"), "picture", "Standardize"), validation=0.0, test=0.0)
    found = everything(data.prepare(spec, HERE), "picture")
    assert np.allclose(found.mean((0, 2, 3)), 0, atol=1e-5)
    assert np.allclose(found.std((0, 2, 3)), 1, atol=1e-5)


def test_scale_multiplies_and_adds() -> None:
    plain = data.prepare(steps(source("Wine"), "features"), HERE).splits["train"]["features"]
    spec = steps(source("Wine"), "features", ("Scale", {"factor": 0.5, "offset": 3.0}))
    assert torch.allclose(data.prepare(spec, HERE).splits["train"]["features"], plain * 0.5 + 3)


@pytest.mark.parametrize(("value", "strategy"), [("mean", "mean"), ("most common", "most_frequent")])
def test_missing_numbers_are_filled_from_the_training_split(tmp_path: Path, value: str, strategy: str) -> None:
    random = np.random.default_rng(0)
    rows = random.integers(0, 5, (200, 2)).astype(float)
    rows[random.random(rows.shape) < 0.2] = np.nan
    text = "a,b\n" + "".join(",".join("" if each != each else f"{each:g}" for each in row) + "\n" for row in rows)
    spec = steps(split(table(tmp_path, text), test=0.0), "features", ("FillMissing", {"value": value}))
    dataset = data.prepare(spec, HERE, ["features"])
    fitted = dataset.state["columns"]["features"]["steps"][0]["state"]["value"]
    kept = everything(dataset, "features")
    assert len(kept) == 200
    assert not np.isnan(kept).any()
    zero = data.prepare(steps(spec, "features", ("FillMissing", {"value": "zero"})), HERE, ["features"])
    train = dataset.splits["train"]["features"].numpy()
    holes = zero.splits["train"]["features"].numpy() != train
    train[holes] = np.nan
    oracle = SimpleImputer(strategy=strategy).fit(train)
    assert np.allclose(fitted, oracle.statistics_, atol=0.2 if strategy == "mean" else 0)


def test_a_missing_category_becomes_the_most_common_one(tmp_path: Path) -> None:
    spec = table(tmp_path, "x,kind\n1,a\n2,\n3,b\n4,b\n5,b\n6,NA\n")
    spec = split(steps(spec, "kind", "FillMissing"), validation=0.0, test=0.0)
    assert data.prepare(spec, HERE, ["kind"]).splits["train"]["kind"].tolist() == [0, 1, 1, 1, 1, 1]


def test_index_makes_classes_of_numbers(tmp_path: Path) -> None:
    spec = table(tmp_path, "user,rating\n" + "".join(f"{user},{user / 10}\n" for user in (700, 3, 41, 3, 700, 41)))
    spec = split(steps(spec, "user", "Index"), validation=0.0, test=0.0)
    dataset = data.prepare(spec, HERE, ["user", "rating"])
    column = dataset.columns["user"]
    assert (column.kind, column.shape, column.dtype, column.classes) == ("category", (), "int64", ("3", "41", "700"))
    assert column.counts == (2, 2, 2)
    assert dataset.splits["train"]["user"].tolist() == [2, 0, 1, 0, 2, 1]
    assert data.read_rows(dataset.state, [{"user": 41}], ["user"])["user"].tolist() == [1]


def test_a_chain_of_steps_works_in_its_order_and_travels_as_json() -> None:
    spec = steps(source("Wine"), "features", "Standardize", ("Scale", {"factor": 2.0, "offset": 1.0}))
    dataset = data.prepare(spec, HERE)
    train = dataset.splits["train"]["features"]
    assert torch.allclose(train.mean(0), torch.ones(13), atol=1e-4)
    assert torch.allclose(train.std(0, correction=0), torch.full((13,), 2.0), atol=1e-4)
    state = json.loads(json.dumps(dataset.state))
    row = {"features": raw("train")[5].tolist()}
    assert torch.allclose(data.read_rows(state, [row], ["features"])["features"][0], train[5], atol=1e-4)
    back = data.restore(state, "features", train)
    assert np.allclose(back, raw("train"), rtol=1e-3, atol=1e-2)


def test_the_unit_of_a_standardized_target_is_its_deviation() -> None:
    spec = steps(source("Diabetes"), "target", "Standardize")
    dataset = data.prepare(spec, HERE)
    plain = data.prepare(steps(spec, "target"), HERE)
    assert data.unit(dataset.state, "target") == pytest.approx(float(plain.splits["train"]["target"].std(correction=0)))
    assert data.unit(plain.state, "target") == data.unit(dataset.state, "nothing") == 1.0
    restored = data.restore(dataset.state, "target", dataset.splits["test"]["target"])
    assert torch.allclose(restored, plain.splits["test"]["target"], rtol=1e-4)


def test_steps_that_do_not_apply_are_refused_at_their_place() -> None:
    message, param = refusal(steps(source("Iris"), "label", "Standardize"))
    assert param == "data.columns.label.steps.0"
    assert "label is a category" in message
    message, param = refusal(steps(source("Iris"), "features", "Standardise"))
    assert "did you mean 'Standardize'" in message
    _, param = refusal(steps(source("Iris"), "features", ("Scale", {"factor": "x"})))
    assert param == "data.columns.features.steps.0.params.factor"
    message, _ = refusal(steps(source("Iris"), "features", "Index"))
    assert "one number a sample" in message


def test_default_steps_are_what_a_column_without_steps_gets(tmp_path: Path) -> None:
    spec = table(tmp_path, "a,b,kind\n" + "".join(f"{i},{i * i},{i % 2}\n" for i in range(30)), target="kind")
    report = data.report(spec, HERE)
    columns = default_steps(report)
    assert columns["features"] == {"steps": [{"op": "Standardize", "params": {}}]}
    assert columns["kind"] == {"steps": [{"op": "Index", "params": {}}]}
    assert all(step["op"] in Step.registry for each in columns.values() for step in each["steps"])
    recorded = data.prepare(split(spec, seed=1), HERE)
    for name in columns:
        spec = steps(spec, name, *(step["op"] for step in columns[name]["steps"]))
    again = data.prepare(split(spec, seed=1), HERE)
    assert all(recorded.splits["train"][name].equal(again.splits["train"][name]) for name in report.columns)
