from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import data
from engine.problem import Mistake
from engine.spec import Spec
from tests.engine.data.making import HERE, everything, refusal, source, split

RATINGS = "userId,movieId,rating,timestamp\n" + "".join(
    f"{user},{movie},{(user + movie) % 5 + 0.5},{1000 * user + movie}\n"
    for user in range(1, 7)
    for movie in (10, 9, 200)
)
MOVIES = (
    "movieId,title,genres,year\n9,A,Comedy|Drama,1990\n10,B,Drama,\n200,C,(no genres listed),2010\n7,D,War|Drama,1980\n"
)
USERS = "userId,sex\n" + "".join(f"{user},{'fm'[user % 2]}\n" for user in range(1, 6))


def ratings(folder: Path, text: str = RATINGS, **params: Any) -> Spec:
    for name, content in (("ratings", text), ("movies", MOVIES), ("users", USERS)):
        (folder / f"{name}.csv").write_text(content)
    return source("Ratings", folder / "ratings.csv", **params)


def whole(spec: Spec) -> data.Dataset:
    return data.prepare(split(spec, validation=0.0, test=0.0), HERE)


def test_users_and_items_become_classes_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    dataset = whole(ratings(tmp_path))
    assert list(dataset.columns) == ["user", "item", "rating", "time"]
    assert dataset.columns["item"].classes == ("9", "10", "200")
    assert dataset.splits["train"]["item"][:3].tolist() == [1, 0, 2]
    assert dataset.splits["train"]["rating"][0].tolist() == [1.5]


def test_facts_about_items_stand_beside_each_rating(tmp_path: Path) -> None:
    spec = ratings(tmp_path, items=str(tmp_path / "movies.csv"))
    dataset = data.prepare(split(spec, validation=0.0, test=0.0), HERE, ["item_genres"])
    assert dataset.columns["item_genres"].parts == ("Comedy", "Drama", "War")
    assert dataset.splits["train"]["item_genres"][:3].tolist() == [[0, 1, 0], [1, 1, 0], [0, 0, 0]]
    report = data.report(spec, HERE)
    assert report.columns["item_year"].missing == 6
    assert (report.columns["item_year"].low, report.columns["item_year"].high) == (1990, 2010)
    assert any("title has 4 different texts and is left out" in note for note in report.notes)


def test_a_user_without_facts_lacks_them_and_is_told(tmp_path: Path) -> None:
    spec = ratings(tmp_path, users=str(tmp_path / "users.csv"))
    report = data.report(spec, HERE)
    assert report.columns["user_sex"].classes == ("f", "m")
    assert report.columns["user_sex"].missing == 3
    assert report.columns["user_sex"].counts == (6, 9)
    assert "users.csv lacks 1 of the 6 users that ratings name." in report.notes


def test_users_split_as_groups_and_ratings_by_time(tmp_path: Path) -> None:
    grouped = data.prepare(split(ratings(tmp_path), method="grouped", column="user", validation=0.2, test=0.2), HERE)
    users = [set(each["user"].tolist()) for each in grouped.splits.values()]
    assert len(users) == 3
    assert not users[0] & users[1]
    assert not users[0] & users[2]
    by_time = data.prepare(split(ratings(tmp_path), method="by time", column="time", validation=0.2, test=0.2), HERE)
    latest = [each["time"].max().item() for each in by_time.splits.values()]
    assert latest == sorted(latest)


@pytest.mark.parametrize(
    ("text", "params", "words"),
    [
        ("a,b,c\n1,2,3\n", {}, "which column holds the users? It has a, b, c; set user"),
        (RATINGS, {"user": "userid"}, "no column 'userid' (did you mean 'userId'?)"),
        (RATINGS.replace("1,9,", "1,9,x"), {}, "rating must hold numbers, and row 3 has 'x"),
        (RATINGS, {"items": "HOME/users.csv"}, "users.csv has no column movieId"),
        (RATINGS, {"items": "HOME/gone.csv"}, "gone.csv does not exist"),
        (RATINGS, {"items": "HOME/twice.csv"}, "row 4 is a second one for item 9"),
    ],
)
def test_faulty_ratings_are_refused_in_a_sentence(
    tmp_path: Path, text: str, params: dict[str, str], words: str
) -> None:
    (tmp_path / "twice.csv").write_text("movieId,kind\n9,a\n10,b\n9,a\n")
    placed = {name: value.replace("HOME", str(tmp_path)) for name, value in params.items()}
    assert words in refusal(ratings(tmp_path, text, **placed))[0]


def test_movielens_opens_with_its_genres(data_folder: Callable[[str], Path]) -> None:
    home = data_folder("recsys_ml_latest_small")
    spec = source("Ratings", home / "ratings.csv", items=str(home / "movies.csv"))
    dataset = data.prepare(split(spec, validation=0.0, test=0.2), HERE, ["user", "item", "rating", "item_genres"])
    assert {part: len(each["user"]) for part, each in dataset.splits.items()} == {"train": 80003, "test": 20001}
    assert everything(dataset, "user").max() + 1 == 671
    assert len(dataset.columns["item_genres"].parts) == 19
    errors = dataset.splits["test"]["rating"] - dataset.splits["train"]["rating"].mean()
    assert errors.square().mean().sqrt().item() == pytest.approx(1.06, abs=0.01)  # the README's global mean
    assert np.isfinite(everything(dataset, "item_genres")).all()


def test_facts_of_new_ratings_come_from_the_tables_beside(tmp_path: Path) -> None:
    spec = ratings(tmp_path, items="movies.csv", users="users.csv", missing="drop rows")
    names = ["user", "item", "item_genres", "user_sex"]
    state = data.prepare(split(spec, validation=0.0, test=0.0), tmp_path, names).state
    (tmp_path / "new.csv").write_text("movieId,userId\n9,1\n10,2\n")
    found = data.read_file(spec, state, tmp_path / "new.csv", names, tmp_path)
    assert found["item_genres"].tolist() == [[1, 1, 0], [0, 1, 0]]
    assert found["user_sex"].tolist() == [1, 0]
    (tmp_path / "new.csv").write_text("movieId,userId,item_genres,user_sex\n9,1,War,f\n")
    found = data.read_file(spec, state, tmp_path / "new.csv", names, tmp_path)
    assert found["item_genres"].tolist() == [[0, 0, 1]]
    assert found["user_sex"].tolist() == [0]
    (tmp_path / "new.csv").write_text("movieId,userId\n9,6\n")
    with pytest.raises(Mistake, match=r"user_sex has no value"):
        data.read_file(spec, state, tmp_path / "new.csv", names, tmp_path)
