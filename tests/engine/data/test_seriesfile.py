from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine import data
from tests.engine.data.making import HERE, everything, refusal, source, split

HEAD = "# a comment\n@problemName toy\n@univariate true\n@classLabel true up down\n@data\n"
ROWS = "1,2,3:up\n3,2,1:down\n2,3,4:up\n4,3,2:down\n1,3,5:up\n5,3,1:down\n"


def ts(folder: Path, text: str, name: str = "toy.ts") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_series_of_one_dimension_are_read_with_their_classes(tmp_path: Path) -> None:
    dataset = data.prepare(split(source("SeriesFile", ts(tmp_path, HEAD + ROWS)), validation=0.0, test=0.0), HERE)
    assert dataset.columns["series"].shape == (1, 3)
    assert dataset.splits["train"]["series"][2].tolist() == [[2, 3, 4]]
    assert dataset.columns["label"].classes == ("up", "down")
    assert dataset.splits["train"]["label"].tolist() == [0, 1] * 3


def test_several_dimensions_stand_as_channels(tmp_path: Path) -> None:
    rows = "1,2:3,4:up\n5,6:7,8:down\n"
    dataset = data.prepare(split(source("SeriesFile", ts(tmp_path, HEAD + rows)), validation=0.0, test=0.0), HERE)
    assert dataset.splits["train"]["series"].tolist() == [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]


def test_unequal_series_end_with_zeros_and_have_a_length(tmp_path: Path) -> None:
    spec = source("SeriesFile", ts(tmp_path, HEAD + "1,2,3:up\n4:down\n5,6:up\n"))
    dataset = data.prepare(split(spec, validation=0.0, test=0.0), HERE)
    assert dataset.splits["train"]["series"].tolist() == [[[1, 2, 3]], [[4, 0, 0]], [[5, 6, 0]]]
    assert dataset.splits["train"]["length"].tolist() == [3, 1, 2]
    assert any("1 to 3 values" in note for note in dataset.notes)


@pytest.mark.parametrize("named", ["folder", "file"])
def test_train_and_test_files_are_parts(tmp_path: Path, named: str) -> None:
    path = ts(tmp_path, HEAD + ROWS * 5, "toy_TRAIN.ts")
    ts(tmp_path, HEAD + ROWS, "toy_TEST.ts")
    report = data.report(source("SeriesFile", tmp_path if named == "folder" else path), HERE)
    assert report.splits == {"train": 27, "validation": 3, "test": 6}


def test_arff_is_read_with_one_dimension_and_with_several(tmp_path: Path) -> None:
    head = "% comment\n@relation toy\n@attribute a numeric\n@attribute b numeric\n@attribute kind {x,'y'}\n@data\n"
    spec = source("SeriesFile", ts(tmp_path, head + "1,2,x\n3,?,'y'\n5,6,x\n", "toy.arff"))
    report = data.report(spec, HERE)
    assert report.columns["label"].classes == ("x", "y")
    assert report.columns["series"].missing == 1
    head = "@relation toy\n@attribute r relational\n@attribute a numeric\n@end r\n@attribute kind {x,y}\n@data\n"
    spec = source("SeriesFile", ts(tmp_path, head + "'1,2\\n3,4',x\n'5,6\\n7,8',y\n", "more.arff"))
    dataset = data.prepare(split(spec, validation=0.0, test=0.0), HERE)
    assert dataset.splits["train"]["series"].tolist() == [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]


def test_numbers_may_be_predicted(tmp_path: Path) -> None:
    spec = source("SeriesFile", ts(tmp_path, "@targetlabel true\n@data\n1,2:0.5\n3,4:1.5\n2,2:3\n"))
    assert data.report(spec, HERE).columns["target"].high == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "lacks @data"),
        (HEAD, "holds no series below @data"),
        (HEAD + "1,x,3:up\n", "row 6 has 'x', which is no number"),
        (HEAD + "1,2:up\n1,2:3,4:up\n", "row 7 has 2 dimensions, and the first series has 1"),
        (HEAD + "1,2:upp\n", "row 6 has the class 'upp' (did you mean 'up'?)"),
        (HEAD + "1,2:\n", "row 6 has no class"),
        (HEAD + "up\n", "row 6 has no class behind a colon"),
        ("1,2:up\n", "row 1 must begin with @"),
        ("@timestamps true\n@data\n", "a time for each value"),
        ("@classLabel false\n@data\n1,2\n", "no class for its series"),
    ],
)
def test_a_faulty_file_is_refused_with_its_row(tmp_path: Path, text: str, words: str) -> None:
    path = ts(tmp_path, text)
    message, _ = refusal(source("SeriesFile", path))
    assert str(path) in message
    assert words in message


def test_an_arff_whose_numbers_are_none_is_refused(tmp_path: Path) -> None:
    path = ts(tmp_path, "@attribute a numeric\n@attribute y numeric\n@data\n1,2\n1,x\n", "a.arff")
    assert "row 5 has 'x', which is no number" in refusal(source("SeriesFile", path))[0]


def test_a_folder_of_several_sets_or_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    assert "such as below" in refusal(source("SeriesFile", tmp_path))[0]
    for name in ("a_TRAIN.ts", "b_TRAIN.ts"):
        ts(tmp_path, HEAD + ROWS, name)
    assert "several sets (a_TRAIN.ts, b_TRAIN.ts)" in refusal(source("SeriesFile", tmp_path))[0]


@pytest.mark.parametrize(
    ("name", "sizes", "shape", "classes"),
    [
        ("GunPoint", (50, 150), (1, 150), 2),
        ("ItalyPowerDemand", (67, 1029), (1, 24), 2),
        ("BasicMotions", (40, 40), (6, 100), 4),
    ],
)
def test_the_ucr_sets_have_the_sizes_of_their_readme(
    data_folder: Callable[[str], Path], name: str, sizes: tuple[int, int], shape: tuple[int, int], classes: int
) -> None:
    spec = split(source("SeriesFile", data_folder("timeseries_ucr") / name), method="given")
    dataset = data.prepare(spec, HERE)
    assert tuple(len(each["label"]) for each in dataset.splits.values()) == sizes
    assert dataset.columns["series"].shape == shape
    assert len(dataset.columns["label"].classes) == classes
    assert not np.isnan(everything(dataset, "series")).any()
