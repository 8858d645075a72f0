from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import data
from engine.data.sources import Held, class_column
from engine.data.splits import split as share_out
from engine.ops.settings import Split
from engine.spec import Spec
from tests.engine.data.making import HERE, bound, everything, refusal, source, split, steps, table


class Labels(Held):
    target = "label"

    def __init__(self, labels: np.ndarray[Any, Any]) -> None:
        super().__init__([class_column("label", [str(each) for each in range(labels.max() + 1)])], {"label": labels})


def settings_of(**values: Any) -> Split:
    settings, problems = Split.parse(values)
    assert settings is not None, problems
    return settings


@pytest.mark.parametrize("seed", range(5))
def test_each_part_of_a_stratified_split_has_each_class_in_its_share(seed: int) -> None:
    labels = np.random.default_rng(seed).choice(6, 1200, p=[0.4, 0.3, 0.15, 0.1, 0.03, 0.02])
    parts = share_out(settings_of(validation=0.2, test=0.1, seed=seed), Labels(labels), np.arange(1200), labels)
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


# --------------------------------------------------------------------------------- by group, time, fold, or as told


def rows(folder: Path, count: int = 60, **params: Any) -> Spec:
    """A table of persons with several rows each, a day, a part and a number."""
    names = ("train", "val", "Test")
    lines = [
        f"p{i % 12},2024-{1 + i // 28:02}-{1 + i % 28:02},{names[i % 3]},{i},{'ab'[i % 4 == 0]}" for i in range(count)
    ]
    return table(folder, "person,day,part,x,kind\n" + "\n".join(lines), target="kind", **params)


def numbers(spec: Spec, **settings: Any) -> dict[str, list[int]]:
    """The number x of each row in each part."""
    spec = bound(steps(split(spec, **settings), "x"), "x")
    dataset = data.prepare(spec, HERE)
    counts = {part: len(each["x"]) for part, each in dataset.splits.items()}
    assert data.report(spec, HERE).splits == counts
    return {part: sorted(map(int, each["x"].flatten().tolist())) for part, each in dataset.splits.items()}


@pytest.mark.parametrize("seed", range(3))
def test_the_rows_of_a_group_stay_together(tmp_path: Path, seed: int) -> None:
    parts = numbers(rows(tmp_path), method="grouped", column="person", validation=0.2, test=0.2, seed=seed)
    groups = [{x % 12 for x in found} for found in parts.values()]
    assert [len(each) for each in groups] == [8, 2, 2]
    assert len(set.union(*groups)) == 12


def test_groups_of_numbers_and_missing_ones_stay_together_too(tmp_path: Path) -> None:
    spec = table(tmp_path, "g,x\n" + "".join(f"{'' if i % 4 == 3 else i % 4},{i}\n" for i in range(40)))
    parts = numbers(spec, method="grouped", column="g", validation=0.25, test=0.25)
    assert sorted(len({x % 4 for x in found}) for found in parts.values()) == [1, 1, 2]


def test_the_latest_rows_are_the_test(tmp_path: Path) -> None:
    parts = numbers(rows(tmp_path), method="by time", column="day", validation=0.1, test=0.2)
    assert parts == {"train": [*range(42)], "validation": [*range(42, 48)], "test": [*range(48, 60)]}
    parts = numbers(
        rows(tmp_path), method="by time", column="day", validation_from="2024-02-01", test_from="2024-03-01"
    )
    assert parts == {"train": [*range(28)], "validation": [*range(28, 56)], "test": [*range(56, 60)]}


def test_rows_of_one_moment_stay_together(tmp_path: Path) -> None:
    spec = table(tmp_path, "t,x\n" + "".join(f"{i // 10},{i}\n" for i in range(60)))
    parts = numbers(spec, method="by time", column="t", validation=0.0, test=0.2)
    assert parts == {"train": [*range(40)], "test": [*range(40, 60)]}


@pytest.mark.parametrize("column", ["", "person"])
def test_every_sample_validates_in_one_fold(tmp_path: Path, column: str) -> None:
    spec, seen = rows(tmp_path), []
    for fold in range(1, 5):
        parts = numbers(spec, method="k-fold", column=column, folds=4, fold=fold, test=0.2)
        assert sorted(x for found in parts.values() for x in found) == [*range(60)]
        assert len(parts["validation"]) in (10, 12, 15)
        if column:
            assert not {x % 12 for x in parts["train"]} & {x % 12 for x in parts["validation"]}
        seen += parts["validation"]
    assert sorted([*seen, *parts["test"]]) == [*range(60)]


def test_folds_hold_each_class_in_its_share() -> None:
    labels = np.random.default_rng(0).choice(3, 300, p=[0.7, 0.2, 0.1])
    for fold in (1, 2, 3):
        settings = settings_of(method="k-fold", folds=3, fold=fold, test=0.0)
        parts = share_out(settings, Labels(labels), np.arange(300), labels)
        assert np.abs(np.bincount(labels[parts["validation"]]) - np.bincount(labels) / 3).max() <= 1


def test_a_column_may_name_the_parts(tmp_path: Path) -> None:
    parts = numbers(rows(tmp_path), method="given", column="part")
    assert parts == {part: [*range(place, 60, 3)] for place, part in enumerate(("train", "validation", "test"))}


@pytest.mark.parametrize(
    ("settings", "words", "param"),
    [
        ({"method": "grouped"}, "Which column holds the groups?", "column"),
        ({"method": "grouped", "column": "persn"}, "no column 'persn' (did you mean 'person'?)", "column"),
        ({"method": "grouped", "column": "kind"}, "has 2 different values, too few groups", "column"),
        ({"method": "by time"}, "Which column tells the time?", "column"),
        ({"method": "by time", "column": "person"}, "no times that are written alike", "column"),
        ({"method": "by time", "column": "day", "test_from": "soon"}, "test_from is 'soon'", "test_from"),
        ({"method": "by time", "column": "day", "test_from": "2031"}, "No sample is of test", "test_from"),
        ({"method": "by time", "column": "day", "test_from": "2020-01-01"}, "", ""),
        (
            {"method": "by time", "column": "day", "validation_from": "2024-02-20", "test_from": "2024-02-01"},
            "before",
            "",
        ),
        ({"method": "k-fold", "fold": 6}, "there are 5 folds", "fold"),
        ({"method": "k-fold", "folds": 100}, "too few for 100 folds", "folds"),
        ({"method": "k-fold", "folds": 100, "column": "person"}, "groups by person are too few", "folds"),
        ({"method": "given"}, "brings no parts of its own", "column"),
        ({"method": "given", "column": "person"}, "says 'p0' in row 2", "column"),
        ({"method": "given", "column": "x"}, "the column must name parts", "column"),
    ],
)
def test_a_split_that_cannot_be_is_refused(tmp_path: Path, settings: dict[str, Any], words: str, param: str) -> None:
    spec = split(rows(tmp_path), **settings)
    message, where = refusal(spec)
    assert words in message
    assert (where or "").startswith(f"data.split.{param}")
