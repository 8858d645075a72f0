from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn import datasets

from engine import data, edit
from engine.problem import Mistake
from tests.engine.data.making import HERE, everything, source, split, steps

ORACLES = {
    "Iris": datasets.load_iris,
    "Wine": datasets.load_wine,
    "BreastCancer": datasets.load_breast_cancer,
}


@pytest.mark.parametrize("kind", ORACLES)
def test_a_bundled_set_is_what_scikit_learn_loads(kind: str) -> None:
    oracle = ORACLES[kind]()
    spec = split(steps(source(kind), "features"), validation=0.0, test=0.0)
    dataset = data.prepare(spec, HERE)
    assert np.allclose(everything(dataset, "features"), oracle.data)
    assert (everything(dataset, "label") == oracle.target).all()
    assert dataset.columns["features"].parts == tuple(map(str, oracle.feature_names))
    assert dataset.columns["label"].classes == tuple(map(str, oracle.target_names))


def test_diabetes_is_a_regression_on_raw_measures() -> None:
    oracle = datasets.load_diabetes(scaled=False)
    dataset = data.prepare(split(steps(source("Diabetes"), "features"), validation=0.0, test=0.0), HERE)
    assert np.allclose(everything(dataset, "features"), oracle.data)
    assert (everything(dataset, "target")[:, 0] == oracle.target).all()
    assert dataset.columns["target"].shape == (1,)


def test_digits_are_images_of_pixels_from_0_to_1() -> None:
    oracle = datasets.load_digits()
    dataset = data.prepare(split(source("Digits"), validation=0.0, test=0.0), HERE)
    images = everything(dataset, "image")
    assert images.shape == (1797, 1, 8, 8)
    assert np.allclose(images[:, 0], oracle.images / 16)
    assert (everything(dataset, "label") == oracle.target).all()


def test_random_numbers_are_the_same_for_a_seed_and_others_for_another() -> None:
    spec = split(source("RandomNumbers", samples=5000, features=3, targets=2), validation=0.0, test=0.0)
    first, again = (data.prepare(spec, HERE).splits["train"] for _ in range(2))
    other = data.prepare(
        split(source("RandomNumbers", samples=5000, features=3, targets=2, seed=1), validation=0.0, test=0.0), HERE
    )
    assert torch.equal(first["features"], again["features"])
    assert not torch.equal(first["features"], other.splits["train"]["features"])
    assert first["features"].shape == (5000, 3)
    assert abs(float(first["features"].mean())) < 0.05
    assert 0 <= float(first["target"].min()) <= float(first["target"].max()) <= 1


def test_a_huge_random_set_is_reported_without_being_drawn_and_refused_for_memory() -> None:
    spec = source("RandomNumbers", samples=10**7, features=10**6)
    report = data.report(spec, HERE, samples=2)
    assert report.splits == {"train": 8_000_000, "validation": 1_000_000, "test": 1_000_000}
    assert report.samples[0]["features"] == "1000000 numbers"
    with pytest.raises(Mistake, match=r"GiB as tensors.* set cache to disk"):
        data.prepare(edit.set_setting(spec, "data.batching.cache", "memory"), HERE)


def test_importing_the_data_package_imports_no_heavy_library() -> None:
    words = "import sys, engine.data; print([m for m in ('pyarrow', 'PIL', 'sklearn', 'scipy') if m in sys.modules])"
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, cwd=root, check=True)
    assert done.stdout.strip() == "[]"
