from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from pyarrow import feather, parquet

from engine import data, edit
from engine.data import bigtable
from engine.problem import Mistake
from engine.spec import Spec
from tests.engine.data.making import HERE, source

ROWS = 3000


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every table for a large one."""
    monkeypatch.setattr(bigtable, "LARGE", 0)
    monkeypatch.setattr(bigtable, "BLOCK", 2**12)
    monkeypatch.setattr(bigtable, "ROWS", 100)


def columns() -> dict[str, list[Any]]:
    random = np.random.default_rng(0)
    late = [*range(ROWS - 2), 0.5, 2.5]  # whole numbers in all the first blocks
    words = [f"note {number} is a line of a few words" for number in range(ROWS)]
    kinds = [("red", "blue", None)[number % 3] if number else "red" for number in range(ROWS)]
    return {"x": random.normal(size=ROWS).tolist(), "late": late, "words": words, "kind": kinds}


def written(folder: Path, ending: str) -> Spec:
    path = folder / f"table.{ending}"
    match ending:
        case "csv":
            rows = zip(*columns().values(), strict=True)
            lines = [",".join("" if each is None else str(each) for each in row) for row in rows]
            path.write_text("\n".join([",".join(columns()), *lines]))
        case "jsonl":
            objects = [dict(zip(columns(), row, strict=True)) for row in zip(*columns().values(), strict=True)]
            path.write_text("\n".join(map(json.dumps, objects)))
        case "parquet":
            parquet.write_table(pa.table(columns()), path)
        case _:
            feather.write_feather(pa.table(columns()), str(path), compression="uncompressed")
    return source("Table", path, missing="drop rows")


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet", "feather"])
def test_a_large_table_is_what_it_is_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    spec = written(tmp_path, ending)
    large = data.prepare(edit.set_setting(spec, "data.batching.cache", "memory"), HERE)
    monkeypatch.setattr(bigtable, "LARGE", 2**40)
    (tmp_path / "again").mkdir()
    small = data.prepare(edit.set_setting(written(tmp_path / "again", ending), "data.batching.cache", "memory"), HERE)
    assert large.columns == small.columns
    for part, tensors in small.splits.items():
        for name, values in tensors.items():
            if name == "words":
                assert large.splits[part][name].counts.equal(values.counts)
            else:
                assert large.splits[part][name].equal(values), name


def test_prepared_columns_of_a_large_table_are_mapped_from_a_file(tmp_path: Path) -> None:
    spec = written(tmp_path, "csv")
    mapped = data.prepare(edit.set_setting(spec, "data.batching.cache", "disk"), HERE, ["features"])
    held = data.prepare(edit.set_setting(spec, "data.batching.cache", "memory"), HERE, ["features"])
    picked = mapped.splits["test"]["features"]
    assert isinstance(picked, data.Picked)
    assert picked[0 : len(picked)].equal(held.splits["test"]["features"])


def test_a_large_csv_with_a_row_too_short_names_the_row(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("a,b\n" + "1,2\n" * 5000 + "3\n")
    with pytest.raises(Mistake, match="row 5002 has 1 values"):
        data.prepare(source("Table", path), HERE)


def test_a_table_that_changes_is_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    for value in (1, 22):
        path.write_text("a\n" + f"{value}\n" * 500)
        assert data.report(source("Table", path), HERE).columns["a"].high == value


def test_tokens_of_many_texts_are_mapped_from_a_file(tmp_path: Path) -> None:
    spec = written(tmp_path, "csv")
    mapped = data.prepare(edit.set_setting(spec, "data.batching.cache", "disk"), HERE, ["words"])
    held = data.prepare(edit.set_setting(spec, "data.batching.cache", "memory"), HERE, ["words"])
    assert mapped.columns == held.columns
    assert mapped.state["columns"] == held.state["columns"]
    ours, theirs = (list(data.batches({"words": each.splits["test"]["words"]}, 50)) for each in (mapped, held))
    assert all(torch.equal(one[0], two[0]) for one, two in zip(ours, theirs, strict=True))
