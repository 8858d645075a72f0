from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine import data, edit
from engine.data import distribution
from engine.data.distribution import MOST_CLASSES, distributions
from engine.data.guess import guess
from engine.spec import Spec
from tests.engine.data.making import HERE, bound, source, split, steps, table
from tests.engine.data.test_browse import images, sounds


def rows(count: int = 100) -> str:
    return "a,b,kind\n" + "".join(f"{i / 4},{i % 5},{'xxy'[i % 3]}\n" for i in range(count))


def test_bins_count_every_sample_of_each_part(tmp_path: Path) -> None:
    spec = split(table(tmp_path, rows(), target="kind"), validation=0.2, test=0.1)
    found = distributions(spec, HERE)
    assert found["counts"] == data.report(spec, HERE).splits
    for name in ("a", "b", "kind"):
        assert {part: sum(each) for part, each in found["columns"][name]["parts"].items()} == found["counts"]
    assert "features" not in found["columns"]
    json.dumps(found, allow_nan=False)


def test_bins_are_those_of_numpy(tmp_path: Path) -> None:
    spec = split(table(tmp_path, rows()), validation=0.0, test=0.0)
    found = distributions(spec, HERE)["columns"]["a"]
    counts, edges = np.histogram(np.arange(100) / 4, 24)
    assert found["parts"] == {"train": counts.tolist()}
    np.testing.assert_allclose(found["edges"], edges)


def test_few_whole_numbers_have_a_bin_each(tmp_path: Path) -> None:
    found = distributions(split(table(tmp_path, rows()), validation=0.0, test=0.0), HERE)["columns"]["b"]
    assert found["edges"] == [-0.5, 0.5, 1.5, 2.5, 3.5, 4.5]
    assert found["parts"]["train"] == [20] * 5


def test_many_whole_numbers_share_bins_that_hold_equally_many(tmp_path: Path) -> None:
    spec = split(table(tmp_path, "n\n" + "".join(f"{i}\n" for i in range(17, 91))), validation=0.0, test=0.0)
    found = distributions(spec, HERE)["columns"]["n"]
    assert found["edges"][:2] == [16.5, 20.5]
    assert found["parts"]["train"] == [4] * 18 + [2]


def test_classes_are_counted_by_name_and_numbers_that_became_classes_too(tmp_path: Path) -> None:
    spec = split(steps(table(tmp_path, rows(99)), "b", "Index"), validation=0.0, test=0.0)
    found = distributions(spec, HERE)["columns"]
    assert found["kind"]["names"] == ["x", "y"]
    assert found["kind"]["parts"]["train"] == [66, 33]
    assert found["b"]["names"] == ["0", "1", "2", "3", "4"]
    assert found["b"]["parts"]["train"] == [20, 20, 20, 20, 19]


def test_rare_classes_are_counted_together(tmp_path: Path) -> None:
    names = [f"c{i:03}" for i in range(60) for _ in range(1 + (i < 5) * 9)]
    spec = split(table(tmp_path, "k,n\n" + "".join(f"{name},1\n" for name in names)), validation=0.0, test=0.0)
    found = distributions(spec, HERE)["columns"]["k"]
    assert len(found["names"]) == MOST_CLASSES
    assert found["names"][:5] == ["c000", "c001", "c002", "c003", "c004"]
    assert found["names"][-1] == "21 others"
    assert sum(found["parts"]["train"]) == len(names)


def test_texts_and_sounds_are_told_by_their_lengths(tmp_path: Path) -> None:
    texts = "text,y\n" + "".join(f"{'ab' * (i % 7 + 5)},{i}\n" for i in range(40))
    found = distributions(table(tmp_path, texts, texts=["text"]), HERE)["columns"]["text"]
    assert found["unit"] == "characters"
    assert (found["edges"][0], found["edges"][-1]) == (9.5, 22.5)
    (tmp_path / "sounds").mkdir()
    seconds = distributions(sounds(tmp_path / "sounds"), HERE)["columns"]["audio"]
    assert seconds["unit"] == "seconds"
    np.testing.assert_allclose([seconds["edges"][0], seconds["edges"][-1]], [0.25, 0.375])


def test_images_have_nothing_to_count_but_their_labels(tmp_path: Path) -> None:
    assert list(distributions(images(tmp_path), HERE)["columns"]) == ["label"]


def test_values_are_counted_where_they_cannot_be_shared_out(tmp_path: Path) -> None:
    spec = bound(table(tmp_path, "a,b\n" + "1,2\n" * 20 + ",3\n"), "a")
    found = distributions(spec, HERE)
    assert found["counts"] == {"all": 21}
    assert sum(found["columns"]["a"]["parts"]["all"]) == 20


def test_a_column_whose_steps_are_wrong_is_counted_as_the_source_holds_it(tmp_path: Path) -> None:
    spec = steps(table(tmp_path, rows(), target="kind"), "b", "Tokenize")
    assert sum(distributions(spec, HERE)["columns"]["b"]["parts"]["train"]) == 80


def test_a_column_that_is_not_in_memory_is_read_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = source("RandomNumbers")
    assert "read" not in distributions(spec, HERE)["columns"]["target"]
    monkeypatch.setattr(distribution, "MOST_READ", 15)
    found = distributions(spec, HERE)["columns"]["target"]
    assert found["read"] == 15
    assert {part: sum(each) for part, each in found["parts"].items()} == {"train": 15, "validation": 10, "test": 10}


def test_boxes_are_counted_by_image_and_by_class(data_folder: Callable[[str], Path]) -> None:
    first = guess(data_folder("detection_bccd"))[0]
    spec = edit.set_source(Spec(), first.kind, first.params)
    found = distributions(spec, HERE)
    boxes = found["columns"]["boxes"]
    assert boxes["unit"] == "boxes"
    assert {part: sum(each) for part, each in boxes["parts"].items()} == found["counts"]
    prepared = data.prepare(spec, HERE, ["boxes"]).splits
    assert boxes["classes"]["names"] == ["Platelets", "RBC", "WBC"]
    for part, columns in prepared.items():
        assert sum(boxes["classes"]["parts"][part]) == int(columns["boxes"].counts.sum())
