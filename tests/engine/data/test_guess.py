from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather

from engine import data, edit
from engine.data import batches
from engine.data.guess import guess
from engine.data.guessing import Guess
from engine.ops.source import Source
from engine.problem import Mistake
from engine.spec import Spec
from tests.engine.data.making import HERE, idx_folder, image_folder, split, write_image

FLOWERS = "length,width,species\n" + "".join(f"{i},{i / 2},{'xyz'[i % 3]}\n" for i in range(30))
DAYS = "no,day,a\n" + "".join(f"{i},2024-01-{i + 1:02},{i * i}\n" for i in range(20))
SERIES = "@classLabel true up down\n@data\n" + "1,2,3:up\n3,2,1:down\n" * 5


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def first(path: Path) -> Guess:
    """The likeliest guess, whose source reads without a problem."""
    found = guess(path)[0]
    report = data.report(edit.set_source(Spec(), found.kind, found.params), HERE)
    assert not report.problems
    return found


def test_a_table_is_guessed_with_its_target(tmp_path: Path) -> None:
    found = first(written(tmp_path / "flowers.csv", FLOWERS))
    assert (found.kind, found.params["target"]) == ("Table", "species")
    assert found.words == "This looks like a table of 30 rows and 3 columns; species may be what to predict."


@pytest.mark.parametrize("name", ["a.tsv", "a.jsonl", "a.ndjson", "a.feather", "a.parquet", "a.csv.gz", "a.dat"])
def test_every_kind_of_table_is_known(tmp_path: Path, name: str) -> None:
    from pyarrow import parquet

    path, content = tmp_path / name, pa.table({"x": [1.0, 2.0, 3.0], "label": ["a", "b", "a"]})
    if name == "a.feather":
        feather.write_feather(content, str(path))
    elif name == "a.parquet":
        parquet.write_table(content, path)
    elif "json" in name or "nd" in name:
        path.write_text("".join(f'{{"x": {i}, "label": "{"aba"[i]}"}}\n' for i in range(3)))
    else:
        path.write_text("x\tlabel\n1\ta\n2\tb\n3\ta\n")
    found = first(path)
    assert (found.kind, found.params["target"]) == ("Table", "label")


def test_files_of_train_and_test_are_one_table(tmp_path: Path) -> None:
    written(tmp_path / "set-train.csv", FLOWERS)
    written(tmp_path / "set-test.csv", FLOWERS)
    found = first(tmp_path)
    assert found.kind == "Table"
    assert found.params["test_path"] == str(tmp_path / "set-test.csv")


def test_an_image_folder_is_guessed_with_the_size_of_small_images(tmp_path: Path) -> None:
    found = first(image_folder(tmp_path, {"train/cat": 2, "train/dog": 2, "test/cat": 1}))
    assert (found.kind, found.params["height"], found.params["width"]) == ("ImageFolder", 10, 12)
    assert found.words == "This looks like an image folder with 2 classes, with the parts test, train."
    assert guess(tmp_path / "train" / "cat" / "0.png")[0].kind == "ImageFolder"


def test_images_named_in_a_table_come_before_the_table(tmp_path: Path) -> None:
    for i in range(4):
        write_image(tmp_path / "p" / f"{i}.png", (0, 0, 0))
    path = written(tmp_path / "a.csv", "file,label\n" + "".join(f"p/{i}.png,{'ab'[i % 2]}\n" for i in range(4)))
    found = first(path)
    assert (found.kind, found.params["image"], found.params["target"]) == ("ImagesInTable", "file", "label")
    assert [each.kind for each in guess(path)] == ["ImagesInTable", "Table"]


def test_ratings_are_found_with_the_tables_beside_them(tmp_path: Path) -> None:
    written(tmp_path / "scores.csv", "user_id,item_id,rating\n1,5,3\n2,5,4\n1,6,2\n2,6,2\n")
    written(tmp_path / "things.csv", "item_id,size\n5,1\n6,2\n")
    written(tmp_path / "people.tsv", "user_id\tage\n1\t30\n2\t40\n")
    found = first(tmp_path)
    assert found.kind == "Ratings"
    assert Path(found.params["items"]).name == "things.csv"
    assert Path(found.params["users"]).name == "people.tsv"


def test_a_time_series_is_told_by_its_even_times(tmp_path: Path) -> None:
    found = guess(written(tmp_path / "days.csv", DAYS))
    assert [each.kind for each in found] == ["TimeSeries", "Table"]
    assert found[0].params["time"] == ["day"]
    assert found[0].params["columns"] == ["a"]
    uneven = "day,a\n" + "".join(f"20{20 + i % 5}-0{i % 9 + 1}-11,{i}\n" for i in range(20))
    assert guess(written(tmp_path / "b.csv", uneven))[0].kind == "Table"


def test_series_arrays_and_idx_files_are_known(tmp_path: Path) -> None:
    assert first(written(tmp_path / "s" / "toy_TRAIN.ts", SERIES)).kind == "SeriesFile"
    written(tmp_path / "s" / "toy_TEST.ts", SERIES)
    assert "the series of toy, train and test" in first(tmp_path / "s").words
    np.savez(tmp_path / "a.npz", x=np.zeros((4, 3)), y=np.arange(4))
    assert first(tmp_path / "a.npz").kind == "Arrays"
    (tmp_path / "idx").mkdir()
    assert first(idx_folder(tmp_path / "idx")).kind == "Idx"


@pytest.mark.parametrize("ending", ["zip", "gztar"])
def test_an_archive_is_looked_into_and_named_in_the_path(tmp_path: Path, ending: str) -> None:
    written(tmp_path / "home" / "inner" / "a.csv", FLOWERS)
    written(tmp_path / "home" / "inner" / "b.csv", FLOWERS)
    path = Path(shutil.make_archive(str(tmp_path / "set"), ending, tmp_path / "home"))
    assert first(path).params["path"] == str(path / "inner" / "a.csv")
    assert first(path / "inner").params["path"] == str(path / "inner" / "a.csv")
    assert {each.params["path"] for each in guess(path)} == {str(path / "inner" / name) for name in ("a.csv", "b.csv")}


def test_what_is_no_data_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path, words in (
        (tmp_path / "gone", "does not exist"),
        (tmp_path / "empty", "it is empty"),
        (written(tmp_path / "x.csv", ""), "is empty"),
        (written(tmp_path / "y.csv", "a,b\n"), "has no rows"),
        (written(tmp_path / "z.zip", "PK"), "cut off or damaged"),
    ):
        with pytest.raises(Mistake, match=words) as caught:
            guess(path)
        assert str(path) in caught.value.message


REAL: list[tuple[str, str, dict[str, Any], dict[str, int]]] = [
    ("tabular_adult", "Table", {"method": "given"}, {"train": 30162, "test": 15060}),
    ("tabular_california_housing", "Table", {"validation": 0.0, "test": 0.2}, {"train": 16346, "test": 4087}),
    ("tabular_penguins", "Table", {"method": "k-fold", "test": 0.0}, {"train": 266, "validation": 67}),
    ("recsys_ml_latest_small", "Ratings", {"validation": 0.0, "test": 0.2}, {"train": 80003, "test": 20001}),
    ("timeseries_forecast/airline-passengers.csv", "TimeSeries", {"test_from": "1957-01"}, {"test": 48}),
    ("timeseries_forecast/daily-min-temperatures.csv", "TimeSeries", {"test_from": "1990-01-01"}, {"test": 365}),
    ("timeseries_forecast/pollution.csv.gz", "TimeSeries", {"test_from": "2011-01-01"}, {"test": 35064}),
    ("timeseries_ucr/GunPoint", "SeriesFile", {"method": "given"}, {"train": 50, "test": 150}),
    ("timeseries_ucr/ItalyPowerDemand", "SeriesFile", {"method": "given"}, {"train": 67, "test": 1029}),
    ("timeseries_ucr/BasicMotions", "SeriesFile", {"method": "given"}, {"train": 40, "test": 40}),
    ("image_clothing_folder", "ImageFolder", {"method": "given"}, {"train": 200, "validation": 50, "test": 50}),
    ("image_cifar10_subset", "ImageFolder", {"method": "given"}, {"train": 5000, "test": 1000}),
    ("image_mnist", "Idx", {"method": "given"}, {"train": 60000, "test": 10000}),
]


@pytest.mark.parametrize(("place", "kind", "settings", "counts"), REAL, ids=[each[0] for each in REAL])
def test_a_real_set_opens_from_its_path_previews_splits_as_its_readme_says_and_batches(
    data_folder: Callable[[str], Path], place: str, kind: str, settings: dict[str, Any], counts: dict[str, int]
) -> None:
    name, _, inside = place.partition("/")
    found = first(data_folder(name) / inside)
    assert found.kind == kind
    assert set(found.params) <= set(Source.registry[kind].params())
    spec = split(edit.set_source(Spec(), found.kind, found.params), **settings)
    report = data.report(spec, HERE)
    assert report.samples
    dataset = data.prepare(spec, HERE)
    assert {part: len(next(iter(dataset.splits[part].values()))) for part in counts} == counts
    batch = next(batches(dataset.splits["test" if "test" in counts else "train"], 16))
    assert [tuple(each.shape[1:]) for each in batch] == [column.shape for column in dataset.columns.values()]


def test_texts_and_sounds_are_guessed(tmp_path: Path) -> None:
    lines = "\n".join(f"text number {number}" for number in range(30))
    for name in ("rt.pos", "rt.neg", "README.md"):
        (tmp_path / "lines").mkdir(exist_ok=True)
        (tmp_path / "lines" / name).write_text(lines)
    assert guess(tmp_path / "lines")[0] == Guess(
        "TextLines", {"path": str(tmp_path / "lines")}, "This looks like lines of text, a file each for neg, pos."
    )
    for name in ("train.en", "train.fr"):
        (tmp_path / "two").mkdir(exist_ok=True)
        (tmp_path / "two" / name).write_text(lines)
    pair = guess(tmp_path / "two")[0]
    assert (pair.kind, pair.params["target"]) == ("ParallelText", str(tmp_path / "two" / "train.fr"))
    for name in ("good", "bad"):
        (tmp_path / "folders" / name).mkdir(parents=True)
        (tmp_path / "folders" / name / "1.txt").write_text("a text")
    assert guess(tmp_path / "folders")[0].kind == "TextFolder"
    (tmp_path / "sound" / "recordings").mkdir(parents=True)
    (tmp_path / "sound" / "recordings" / "0_a.wav").write_bytes(b"RIFF")
    found = guess(tmp_path / "sound")
    assert [(each.kind, each.params["path"]) for each in found] == [
        ("AudioFolder", str(tmp_path / "sound" / "recordings"))
    ]


def test_a_zip_of_pairs_is_guessed(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "pairs.zip", "w") as archive:
        archive.writestr("fra.txt", "Go.\tVa !\n" * 60)
        archive.writestr("_about.txt", "where it is from")
    assert guess(tmp_path / "pairs.zip")[0].kind == "ParallelText"
