from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import data
from engine.data.sources import Held, class_column
from engine.data.splits import split as share_out
from engine.ops.settings import Split
from tests.engine.data.making import HERE, everything, refusal, source, split, table


class Labels(Held):
    target = "label"

    def __init__(self, labels: np.ndarray[Any, Any]) -> None:
        super().__init__([class_column("label", [str(each) for each in range(labels.max() + 1)])], {"label": labels})


@pytest.mark.parametrize("seed", range(5))
def test_each_part_of_a_stratified_split_has_each_class_in_its_share(seed: int) -> None:
    labels = np.random.default_rng(seed).choice(6, 1200, p=[0.4, 0.3, 0.15, 0.1, 0.03, 0.02])
    parts = share_out(
        Split(validation=0.2, test=0.1, stratify=True, seed=seed), Labels(labels), np.arange(1200), labels
    )
    assert {part: len(rows) for part, rows in parts.items()} == {"train": 840, "validation": 240, "test": 120}
    assert sorted(np.concatenate(list(parts.values()))) == list(range(1200))
    for part, share in (("train", 0.7), ("validation", 0.2), ("test", 0.1)):
        counts = np.bincount(labels[parts[part]], minlength=6)
        assert np.abs(counts - share * np.bincount(labels)).max() <= 2


def test_a_split_is_the_same_for_a_seed_and_another_for_another() -> None:
    first, again = (data.prepare(source("Iris"), HERE) for _ in range(2))
    other = data.prepare(split(source("Iris"), seed=1), HERE)
    assert first.splits["test"]["features"].equal(again.splits["test"]["features"])
    assert not first.splits["test"]["features"].equal(other.splits["test"]["features"])


def test_a_share_of_zero_makes_no_such_split() -> None:
    dataset = data.prepare(split(source("Iris"), validation=0.0, test=0.2), HERE)
    assert {part: len(each["label"]) for part, each in dataset.splits.items()} == {"train": 120, "test": 30}


def test_a_share_gets_at_least_one_sample() -> None:
    report = data.report(split(source("RandomNumbers", samples=5), validation=0.01, test=0.01), HERE)
    assert report.splits == {"train": 3, "validation": 1, "test": 1}


def test_shares_that_leave_nothing_for_training_are_refused() -> None:
    message, param = refusal(split(source("Iris"), validation=0.5, test=0.5))
    assert param == "data.split.validation"
    assert "leave some for training" in message
    message, param = refusal(source("RandomNumbers", samples=2))
    assert "2 samples are too few" in message


def test_every_class_has_a_sample_to_train_on_and_small_ones_are_told(tmp_path: Path) -> None:
    rows = ["big"] * 40 + ["pair"] * 2 + ["single"]
    spec = table(tmp_path, "x,kind\n" + "".join(f"{i},{name}\n" for i, name in enumerate(rows)), target="kind")
    for seed in range(10):
        dataset = data.prepare(split(spec, validation=0.3, test=0.3, seed=seed), HERE)
        assert set(dataset.splits["train"]["kind"].tolist()) == {0, 1, 2}
    assert any("pair, single have fewer samples than there are splits (3)" in note for note in dataset.notes)
    assert any("pair, single" in note for note in data.report(spec, HERE).notes)


def test_without_stratifying_the_draw_is_plain() -> None:
    dataset = data.prepare(split(source("Iris"), stratify=False, seed=3), HERE)
    assert sorted(everything(dataset, "label")) == [0] * 50 + [1] * 50 + [2] * 50
