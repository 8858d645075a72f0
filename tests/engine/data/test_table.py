from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

from engine import data, fixes
from engine.problem import Fix
from tests.engine.data.making import HERE, bound, everything, refusal, source, split, steps, table

FLOWERS = "length,width,colour,kind\n" + "".join(f"{i},{i / 2},{'rg'[i % 2]}ed,{'xyz'[i % 3]}\n" for i in range(30))


def test_numbers_are_joined_and_texts_become_classes(tmp_path: Path) -> None:
    dataset = data.prepare(split(table(tmp_path, FLOWERS, target="kind"), validation=0.0, test=0.0), HERE)
    assert list(dataset.columns) == ["features", "kind", "length", "width", "colour"]
    assert dataset.columns["features"].parts == ("length", "width")
    assert dataset.columns["length"].shape == (1,)
    assert dataset.columns["colour"].classes == ("ged", "red")
    assert dataset.splits["train"]["kind"].tolist() == [0, 1, 2] * 10
    assert np.allclose(everything(dataset, "features")[:, 0], everything(dataset, "length")[:, 0])


def test_chosen_features_are_joined_in_their_order(tmp_path: Path) -> None:
    spec = steps(table(tmp_path, FLOWERS, features=["width", "length"]), "features")
    dataset = data.prepare(split(spec, validation=0.0, test=0.0), HERE, ["features"])
    assert dataset.splits["train"]["features"][4].tolist() == [2.0, 4.0]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    report = data.report(table(tmp_path, FLOWERS.replace(",", delimiter)), HERE)
    assert list(report.columns) == ["features", "length", "width", "colour", "kind"]


def test_decimal_commas_are_read_where_semicolons_split(tmp_path: Path) -> None:
    report = data.report(table(tmp_path, "a;b\n1,5;2\n2,25;3\n0,5;4\n"), HERE)
    assert report.columns["a"].high == 2.25


def test_a_wrong_delimiter_is_refused_with_a_fix_that_finds_it(tmp_path: Path) -> None:
    spec = table(tmp_path, FLOWERS.replace(",", ";"), delimiter="\t")
    message, param = refusal(spec)
    assert param == "data.source.params.delimiter"
    assert "split at semicolons" in message
    (fix,) = data.report(spec, HERE).problems[0].fixes
    assert not data.report(fixes.apply(spec, fix), HERE).problems


def test_a_table_without_a_header_gets_numbered_columns(tmp_path: Path) -> None:
    spec = table(tmp_path, "5,a\n7,b\n9,a\n")
    report = data.report(spec, HERE)
    assert list(report.columns) == ["features", "column_1", "column_2"]
    assert report.splits["train"] + report.splits["validation"] + report.splits["test"] == 3
    assert list(data.report(table(tmp_path, "5,a\n7,b\n9,a\n1,a\n", header="yes"), HERE).columns) == [
        "features",
        "5",
        "a",
    ]


def test_a_gzipped_csv_reads_like_a_plain_one(tmp_path: Path) -> None:
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(FLOWERS.encode()))
    zipped = data.prepare(source("Table", tmp_path / "t.csv.gz"), HERE)
    assert zipped.splits["train"]["features"].equal(
        data.prepare(table(tmp_path, FLOWERS), HERE).splits["train"]["features"]
    )


def test_a_relative_path_starts_at_the_folder(tmp_path: Path) -> None:
    table(tmp_path, FLOWERS)
    assert data.prepare(source("Table", "table.csv"), tmp_path).splits["train"]


def test_parquet_columns_of_many_types_are_read(tmp_path: Path) -> None:
    content = pa.table(
        {
            "whole": pa.array([1, 2, None, 4] * 3, pa.int32()),
            "real": pa.array([0.5, 1.5, 2.5, float("inf")] * 3, pa.float32()),
            "flag": pa.array([True, False, True, None] * 3),
            "day": pa.array([0, 365, 730, None] * 3, pa.int32()).cast(pa.date32()),
            "name": pa.array(["b", "a", None, "a"] * 3).dictionary_encode(),
            "list": pa.array([[1], [2], [3], [4]] * 3),
            "words": pa.array([["a"], ["b", "c"], [], None] * 3),
            "object": pa.array([{"a": 1}] * 12),
        }
    )
    pq.write_table(content, tmp_path / "t.parquet")
    report = data.report(source("Table", tmp_path / "t.parquet", target="name"), HERE)
    facts = {name: (column.kind, column.missing, column.high) for name, column in report.columns.items()}
    assert facts == {
        "features": ("number", 6, 4.0),
        "name": ("category", 3, 1.0),
        "whole": ("number", 3, 4.0),
        "real": ("number", 3, 2.5),
        "flag": ("number", 3, 1.0),
        "day": ("date", 3, 730.0),
        "list": ("number", 0, 4.0),
    }
    assert report.columns["features"].parts == ("whole", "real", "flag", "list")
    assert "words holds lists of string and no numbers, and is left out." in report.notes
    assert any("object is of the type struct" in note for note in report.notes)


@pytest.mark.parametrize(
    ("values", "kind", "classes"),
    [
        ("0 1 1 0", "category", ("0", "1")),
        ("3 5 4 5", "category", ("3", "4", "5")),
        ("true false true true", "category", ("false", "true")),
        ("0.5 1.5 2 1", "number", ()),
        ("-1 1 1 0", "number", ()),
        (" ".join(map(str, range(40))), "number", ()),
    ],
)
def test_a_target_of_few_whole_numbers_becomes_classes(
    tmp_path: Path, values: str, kind: str, classes: tuple[str, ...]
) -> None:
    text = "x,y\n" + "".join(f"{place},{value}\n" for place, value in enumerate(values.split() * 3))
    column = data.report(table(tmp_path, text, target="y"), HERE).columns["y"]
    assert (column.kind, column.classes) == (kind, classes)


def test_blanks_around_values_and_question_marks_do_not_count(tmp_path: Path) -> None:
    report = data.report(table(tmp_path, "age, job\n 39, State-gov\n ?, Private\n12 , ?\n40, Private\n"), HERE)
    assert report.columns["age"].missing == 1
    assert report.columns["job"].classes == ("Private", "State-gov")
    assert report.columns["job"].missing == 1


def test_missing_values_are_refused_or_their_rows_left_out(tmp_path: Path) -> None:
    spec = table(tmp_path, "a,b\n1,2\n,3\n4,inf\n5,\n" + "6,7\n" * 10)
    message, param = refusal(spec, columns=["features"])
    assert message.startswith("3 of 14 samples lack a value in b (2), a (1), first row 3")
    assert param == "data.source.params.missing"
    drop, fill = data.report(spec, HERE).problems[0].fixes
    dropped = data.report(fixes.apply(spec, drop), HERE)
    assert sum(dropped.splits.values()) == 11
    assert any("left out" in note for note in dropped.notes)
    filled = data.report(fixes.apply(spec, fill), HERE)
    assert not filled.problems
    assert sum(filled.splits.values()) == 14


def test_rows_are_judged_by_the_columns_the_graph_is_bound_to(tmp_path: Path) -> None:
    spec = table(tmp_path, "a,b,c\n" + "1,2,\n" * 10 + "3,,4\n" * 10, missing="drop rows")
    assert sum(data.report(bound(spec, "a"), HERE).splits.values()) == 20
    assert sum(data.report(bound(spec, "a", "b"), HERE).splits.values()) == 10
    only = data.prepare(bound(spec, "a", "b"), HERE, ["a"])
    assert sum(len(each["a"]) for each in only.splits.values()) == 10


def test_a_stray_text_among_numbers_is_named_by_its_row(tmp_path: Path) -> None:
    text = "size,price\n" + "".join(f"{i},{i * 10}\n" for i in range(50)) + "50,n.a.\n"
    spec = table(tmp_path, text)
    message, param = refusal(spec)
    assert message.startswith("table.csv: price must hold numbers, and row 52 has 'n.a.'")
    assert param == "data.source.params.features"
    (fix,) = data.report(spec, HERE).problems[0].fixes
    assert data.report(fixes.apply(spec, fix), HERE).columns["features"].parts == ("size",)
    message, param = refusal(table(tmp_path, text, target="price"))
    assert "row 52 has 'n.a.'" in message
    assert param == "data.source.params.target"


def test_a_text_column_among_the_chosen_features_is_refused(tmp_path: Path) -> None:
    message, _ = refusal(table(tmp_path, FLOWERS, features=["length", "colour"]))
    assert "colour must hold numbers, and row 2 has 'red'" in message


@pytest.mark.parametrize(
    ("text", "params", "words", "param"),
    [
        ("", {}, "is empty", "path"),
        ("  \n\n", {}, "is empty", "path"),
        ("a,b\n", {}, "names columns and has no rows", "path"),
        ("a,b,a\n1,2,3\n", {}, "has the column 'a' more than once", "path"),
        ("a,b\n1,2\n3\n4,5\n", {}, "row 3 has 1 values, and the first row has 2", "path"),
        ("a,b\n1,\xe9\n".encode("latin-1"), {}, "is not UTF-8 text (line 2", "path"),
        ("a,b\n1,2\n".encode("utf-16"), {}, "UTF-16", "path"),
        (b"\x00\x01\x02\x03", {}, "is no text file", "path"),
        (b"PK\x03\x04 and so on", {}, "Excel", "path"),
        (b"PAR1 and then nothing", {}, "cannot be read as a Parquet file", "path"),
        (b"\x1f\x8b\x08 cut off", {}, "is cut off or damaged", "path"),
        (FLOWERS, {"target": "kin"}, "no column 'kin' (did you mean 'kind'?)", "target"),
        (FLOWERS, {"features": ["lenght"]}, "(did you mean 'length'?)", "features"),
        (FLOWERS, {"features": ["length", "width"], "target": "width"}, "which is the target", "features"),
        ("a,b\n1,\n2,\n", {"target": "b"}, "The target b is empty", "target"),
        ("a,b\n" + "".join(f"{i},name{i}\n" for i in range(1001)), {"target": "b"}, "1,001 different texts", "target"),
    ],
)
def test_a_faulty_table_is_refused_with_a_sentence(
    tmp_path: Path, text: str | bytes, params: dict[str, Any], words: str, param: str
) -> None:
    message, where = refusal(table(tmp_path, text, **params))
    assert words in message
    assert where == f"data.source.params.{param}"


def test_text_that_is_not_utf8_far_down_is_refused(tmp_path: Path) -> None:
    message, _ = refusal(table(tmp_path, b"a,b\n" + b"1,x\n" * 50_000 + b"2,\xff\n"))
    assert "row 50002, column b, has text that is not UTF-8" in message


def test_a_missing_file_is_refused_and_its_neighbour_suggested(tmp_path: Path) -> None:
    table(tmp_path, FLOWERS)
    message, param = refusal(source("Table", "tabel.csv"), tmp_path)
    assert "does not exist (did you mean 'table.csv'?)" in message
    assert param == "data.source.params.path"
    assert "No CSV, Parquet, JSON lines or Arrow file is chosen" in refusal(source("Table"))[0]
    assert "is a folder" in refusal(source("Table", tmp_path))[0]


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = table(tmp_path, FLOWERS)

    def refused(path: Path, *_arguments: Any, **_keywords: Any) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refused)
    assert "its permissions forbid it" in refusal(spec)[0]


def test_a_file_that_changed_is_read_anew(tmp_path: Path) -> None:
    spec = table(tmp_path, "a,b\n1,2\n3,4\n5,6\n")
    assert data.report(spec, HERE).columns["a"].high == 5
    assert data.report(table(tmp_path, "a,b\n1,2\n3,4\n500,6\n"), HERE).columns["a"].high == 500


def test_a_category_with_very_many_classes_is_counted_but_not_listed(tmp_path: Path) -> None:
    spec = table(tmp_path, "x,user\n" + "".join(f"{i},u{i % 1500:04}\n" for i in range(3000)))
    dataset = data.prepare(split(spec, validation=0.0, test=0.0), HERE, ["user"])
    assert dataset.columns["user"].classes == ()
    assert dataset.columns["user"].high == 1499
    assert dataset.splits["train"]["user"][:3].tolist() == [0, 1, 2]
    assert data.read_rows(dataset.state, [{"user": "u0007"}], ["user"])["user"].tolist() == [7]


# ------------------------------------------------------------------------------------------------------- real data


def test_penguins_are_read_with_their_missing_values(data_folder: Callable[[str], Path]) -> None:
    spec = source("Table", data_folder("tabular_penguins") / "penguins.csv", target="species")
    report = data.report(spec, HERE)
    assert report.columns["species"].counts == (152, 68, 124)
    assert report.columns["sex"].missing == 11
    assert "2 of 344 samples lack a value" in report.problems[0].message
    assert isinstance(report.problems[0].fixes[0], Fix)
    dropped = data.prepare(fixes.apply(spec, report.problems[0].fixes[0]), HERE, ["features", "species"])
    assert sum(len(each["species"]) for each in dropped.splits.values()) == 342


def test_the_census_is_read_without_a_header(data_folder: Callable[[str], Path]) -> None:
    spec = source("Table", data_folder("tabular_adult") / "adult-train.csv.gz", target="column_15")
    report = data.report(spec, HERE)
    assert not report.problems
    assert report.columns["column_15"].classes == ("<=50K", ">50K")
    assert report.columns["column_15"].counts == (24720, 7841)
    assert report.columns["column_2"].missing == 1836
    assert len(report.columns["features"].parts) == 6


def test_california_housing_is_a_regression_with_a_few_holes(data_folder: Callable[[str], Path]) -> None:
    spec = source("Table", data_folder("tabular_california_housing") / "housing.csv", target="median_house_value")
    report = data.report(spec, HERE)
    assert report.columns["median_house_value"].kind == "number"
    assert report.columns["ocean_proximity"].kind == "category"
    assert "207 of 20,640 samples lack a value in total_bedrooms (207)" in report.problems[0].message
    filled = data.prepare(fixes.apply(spec, report.problems[0].fixes[1]), HERE, ["features", "median_house_value"])
    assert filled.splits["train"]["features"].shape == (16512, 8)


def test_a_missing_category_is_filled_by_the_fix_and_a_missing_target_is_not(tmp_path: Path) -> None:
    spec = bound(table(tmp_path, "a,kind,y\n" + "1,x,0\n2,,1\n" * 10, target="y"), "kind", "y")
    spec = steps(spec, "a", "Index")
    _drop, fill = data.report(spec, HERE).problems[0].fixes
    assert not data.report(fixes.apply(spec, fill), HERE).problems
    spec = bound(table(tmp_path, "a,y\n" + "1,0\n2,\n" * 10, target="y"), "a", "y")
    (drop,) = data.report(spec, HERE).problems[0].fixes
    assert drop.text == "Leave these rows out"


# ------------------------------------------------------------------------------------------ other kinds of tables


@pytest.mark.parametrize("name", ["t.jsonl", "t.ndjson", "t.jsonl.gz"])
def test_json_lines_read_like_a_csv(tmp_path: Path, name: str) -> None:
    rows = [f'{{"length": {i}, "kind": "{"xyz"[i % 3]}", "more": {{"a": 1}}}}' for i in range(30)]
    text = "\n".join(rows).encode()
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    report = data.report(source("Table", tmp_path / name, target="kind"), HERE)
    assert report.columns["kind"].classes == ("x", "y", "z")
    assert report.columns["length"].high == 29
    assert any(note.startswith("more is of the type struct") for note in report.notes)


def test_a_feather_file_is_read(tmp_path: Path) -> None:
    feather.write_feather(pa.table({"a": [1.5, 2.5, 3.5]}), str(tmp_path / "t.feather"))
    assert data.report(source("Table", tmp_path / "t.feather"), HERE).columns["a"].high == 3.5


def test_an_arrow_stream_is_read(tmp_path: Path) -> None:
    content = pa.table({"a": [1.5, 2.5, 3.5]})
    with pa.OSFile(str(tmp_path / "t.arrow"), "wb") as file, pa.ipc.new_stream(file, content.schema) as stream:
        stream.write_table(content)
    assert data.report(source("Table", tmp_path / "t.arrow"), HERE).columns["a"].low == 1.5


def test_a_tsv_is_split_at_tabs_whatever_else_its_texts_hold(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("x\tname\n" + "".join(f"{i}\ta, b; c|{i % 2}\n" for i in range(9)))
    assert list(data.report(source("Table", tmp_path / "t.tsv"), HERE).columns) == ["features", "x", "name"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("t.jsonl", b'{"a": 1}\n{"a": 2\n', "row 2 is no JSON"),
        ("t.jsonl", b'{"a": 1}\n[2]\n', "row 2 is no object"),
        ("t.jsonl", b'{"a": 1}\n\n{"a": "x"}\n', "a is a number in row 1 and text in row 3"),
        ("t.jsonl", b'{"a": "' + b"x" * 70_000 + b'"}\n{"a": "\xff"}\n', "UTF-8"),
        ("t.jsonl", b"", "is empty"),
        ("t.feather", b"", "is empty"),
        ("t.feather", b"FEA1 and more", "is of Feather's first version"),
        ("t.arrow", b"ARROW1 and more", "cannot be read as an Arrow file"),
        ("t.arrow", b"something else", "cannot be read as an Arrow file"),
        ("t.tsv", b"a\tb\n1\t2\n1\t2\t3\n", "row 3 has 3 values, and the first row has 2"),
        ("t.tsv", b"a\ta\n1\t2\n", "the column 'a' more than once"),
        ("t.tsv", b"a\tb\n", "has no rows"),
    ],
)
def test_a_faulty_table_is_refused_with_file_and_row(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    message, _ = refusal(source("Table", path))
    assert str(path) in message
    assert words in message


def test_a_second_file_is_the_test_part(tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text("kind,length,width,colour\nx.,1,2,red\ny.,3,4,ged\n")
    spec = table(tmp_path, FLOWERS, target="kind", test_path=str(tmp_path / "test.csv"))
    dataset = data.prepare(steps(spec, "features"), HERE, ["features", "kind"])
    assert dataset.splits["test"]["features"].tolist() == [[1, 2], [3, 4]]
    assert dataset.splits["test"]["kind"].tolist() == [0, 1]
    assert any("end with a full stop in test.csv" in note for note in dataset.notes)


def test_what_is_wrong_in_a_second_file_is_named_there(tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text("length,width,colour,kind\n1,,red,x\n")
    spec = table(tmp_path, FLOWERS, target="kind", test_path=str(tmp_path / "test.csv"))
    assert "row 2 of test.csv" in refusal(spec, columns=["features"])[0]
    (tmp_path / "test.csv").write_text("length,widht,colour,kind\n1,2,red,x\n")
    assert "no column 'width' (did you mean 'widht'?), which table.csv has" in refusal(spec)[0]


def test_a_target_of_one_class_is_refused(tmp_path: Path) -> None:
    message, param = refusal(table(tmp_path, "x,kind\n" + "1,a\n" * 10, target="kind"))
    assert message.startswith("The target kind has one class, a; at least two are needed")
    assert param == "data.source.params.target"


def test_infinite_values_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    report = data.report(table(tmp_path, "x,y\n" + "1,2\ninf,3\n-inf,4\n2,inf\n" * 3), HERE)
    assert "x has 6 infinite values, first row 3; they count as missing." in report.notes
    assert "y has 3 infinite values, first row 5; they count as missing." in report.notes
    assert report.columns["x"].missing == 6


def test_a_class_that_training_lacks_is_told(tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text("x,kind\n1,a\n2,c\n3,d\n")
    spec = table(tmp_path, "x,kind\n" + "1,a\n2,b\n" * 9, target="kind", test_path=str(tmp_path / "test.csv"))
    note = "The classes c, d are in test, and train has no sample of them to learn from."
    assert note in data.report(spec, HERE).notes
    assert note in data.prepare(bound(spec, "features", "kind"), HERE).notes


def test_a_gzipped_table_that_is_cut_off_is_refused_and_not_read_in_part(tmp_path: Path) -> None:
    whole = gzip.compress(("x,kind\n" + "".join(f"{i * 7919 % 10007},{'ab'[i % 2]}\n" for i in range(50_000))).encode())
    for share in (0.01, 0.5, 0.99):
        path = tmp_path / f"{share}.csv.gz"
        path.write_bytes(whole[: int(len(whole) * share)])
        assert f"{path} is cut off or damaged" in refusal(source("Table", path))[0]
