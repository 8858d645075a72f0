from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from engine import data, edit
from engine.data import negative
from engine.spec import Spec
from tests.engine.data.making import HERE, source, split
from tests.engine.data.test_loader import epoch, loader, same


def ratings(folder: Path, **params: object) -> Spec:
    """Ten users, each of whom has rated 8 of 40 items that carry a genre."""
    random = np.random.default_rng(0)
    rows = [(user, item, 4) for user in range(10) for item in random.choice(40, 8, replace=False)]
    lines = "\n".join(",".join(map(str, row)) for row in rows)
    # items that nobody rated are known from nowhere, so each is rated by one more user
    (folder / "ratings.csv").write_text("user,item,rating\n" + lines + "".join(f"\n99,{item},1" for item in range(40)))
    genres = "".join(f"{item},{'even' if item % 2 == 0 else 'odd'}\n" for item in range(40))
    (folder / "items.csv").write_text("item,genre\n" + genres)
    spec = source("Ratings", folder / "ratings.csv", items=str(folder / "items.csv"), **params)
    return edit.set_setting(split(spec, validation=0.0, test=0.2), "data.batching", {"batch_size": 16})


def rated(folder: Path) -> set[tuple[int, int]]:
    lines = (folder / "ratings.csv").read_text().split("\n")[1:]
    numbers = sorted({int(line.split(",")[0]) for line in lines})
    return {(numbers.index(int(line.split(",")[0])), int(line.split(",")[1])) for line in lines}


def test_what_was_not_rated_is_drawn_beside_each_rating_anew_in_each_epoch(tmp_path: Path) -> None:
    spec, known = ratings(tmp_path, negatives=3), rated(tmp_path)
    assert data.report(spec, HERE).splits == {"train": 384, "test": 96}
    names = [name for name in data.prepare(spec, HERE).columns if name != "time"]

    def drawn(number: int) -> dict[str, torch.Tensor]:
        batches = epoch(spec, number)
        return {name: torch.cat([batch[place] for batch in batches]) for place, name in enumerate(names)}

    first, second = drawn(0), drawn(1)
    for each in (first, second):
        target = each["rating"].flatten().tolist()
        assert target.count(1.0) == 96
        assert target.count(0.0) == 288
        asked = list(zip(each["user"].tolist(), each["item"].tolist(), target, strict=True))
        free = [(user, item) for user, item, answer in asked if answer == 0 and user != 10]
        assert all((user, item) in known for user, item, answer in asked if answer == 1)
        assert not known & set(free)
    assert sorted(first["item"].tolist()) != sorted(second["item"].tolist())
    assert same(epoch(spec, 1), epoch(spec, 1))


def test_facts_about_an_item_are_those_of_the_item_that_was_drawn(tmp_path: Path) -> None:
    spec = ratings(tmp_path, negatives=2)
    names = list(data.prepare(spec, HERE).columns)
    for batch in epoch(spec):
        named = dict(zip(names, batch, strict=True))
        assert torch.equal(named["item"] % 2, named["item_genre"].flatten().long())


def test_what_is_measured_on_stays_the_same_every_epoch(tmp_path: Path) -> None:
    spec = ratings(tmp_path, negatives=2)
    first, again = (data.prepare(spec, HERE).splits["test"] for _ in range(2))
    assert torch.equal(first["item"], again["item"])
    assert set(first["rating"].flatten().tolist()) == {0.0, 1.0}


def test_ratings_stay_as_they_are_without_negatives(tmp_path: Path) -> None:
    assert set(data.prepare(ratings(tmp_path), HERE).splits["train"]["rating"].flatten().tolist()) <= {1.0, 4.0}


def test_drawn_items_are_spread_evenly() -> None:
    users = np.zeros(40_000, np.int64)
    found = negative.items(users, np.arange(40_000), np.array([0, 5]), 10, (1, 2))
    counts = np.bincount(found, minlength=10)
    assert counts[0] == counts[5] == 0
    assert counts[counts > 0].min() > 4700
    assert counts.max() < 5300


@pytest.mark.parametrize("cache", ["memory", "disk", "none"])
def test_facts_are_prepared_alike_wherever_samples_are_kept(tmp_path: Path, cache: str) -> None:
    spec = ratings(tmp_path, negatives=2)
    plain = spec.data["batching"]
    spec = edit.set_setting(spec, "data.batching", {**plain, "cache": cache, "workers": 0})
    made = loader(spec)
    names = list(data.prepare(spec, HERE).columns)
    shown = [dict(zip(names, batch, strict=True)) for batch in made.measuring("test")]
    assert all(set(batch["rating"].flatten().tolist()) <= {0.0, 1.0} for batch in shown)
    assert all(torch.equal(batch["item"] % 2, batch["item_genre"].flatten().long()) for batch in shown)
    made.close()
