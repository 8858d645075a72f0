from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from engine import data
from engine.data.lists import arrays_in
from engine.problem import Mistake
from engine.spec import Spec
from tests.engine.data.making import HERE, bound, refusal, source


def listed(folder: Path, values: list[Any], kind: Any = None, **params: Any) -> Spec:
    """A spec of a Parquet file with a column of lists and one of classes."""
    kinds = ["ab"[row % 2] for row in range(len(values))]
    pq.write_table(pa.table({"track": pa.array(values, kind), "kind": kinds}), folder / "t.parquet")
    return source("Table", folder / "t.parquet", target="kind", **params)


RAGGED = [[float(row)] * (row % 4 + 1) for row in range(20)]


def test_lists_that_differ_in_length_become_a_sequence(tmp_path: Path) -> None:
    spec = listed(tmp_path, RAGGED)
    column = data.report(spec, HERE).columns["track"]
    assert (column.kind, column.shape, column.dtype, column.ports) == ("sequence", ("T",), "float32", "values, length")
    assert (column.low, column.high, column.lengths) == (0, 19, (1, 2.5, 4))
    dataset = data.prepare(bound(spec, "track", "kind"), HERE)
    found = {}
    for split in dataset.splits.values():
        ragged = split["track"]
        batch = ragged.batch(torch.arange(len(ragged)), 4)
        for row, length in zip(batch, ragged.lengths, strict=True):
            found[float(row[0])] = row[:length].tolist()
            assert not row[length:].any()
    assert [found[float(row)] for row in range(20)] == RAGGED


def test_lists_of_json_lines_are_read_too(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text("\n".join(json.dumps({"track": each}) for each in RAGGED))
    assert data.report(source("Table", tmp_path / "t.jsonl"), HERE).columns["track"].kind == "sequence"


@pytest.mark.parametrize(
    ("values", "kind", "shape"),
    [
        ([[1.0, 2.0, 3.0]] * 10, None, (3,)),
        ([[1, 2, 3]] * 10, pa.list_(pa.int16(), 3), (3,)),
        ([[[1, 2], [3, 4], [5, 6]]] * 10, None, (3, 2)),
        ([[7]] * 10, None, (1,)),
    ],
)
def test_lists_of_one_length_are_numbers_of_a_shape(tmp_path: Path, values: list[Any], kind: Any, shape: Any) -> None:
    spec = listed(tmp_path, values, kind)
    column = data.report(spec, HERE).columns["track"]
    assert (column.kind, column.shape) == ("number", shape)
    dataset = data.prepare(bound(spec, "track"), HERE)
    assert dataset.splits["train"]["track"].shape[1:] == shape


def test_missing_and_empty_lists_and_lists_with_gaps_lack_a_value(tmp_path: Path) -> None:
    spec = listed(tmp_path, [*RAGGED, None, [], [1.0, None], [1.0, float("inf")]])
    assert data.report(spec, HERE).columns["track"].missing == 4
    assert "4 of 24 samples lack a value in track (4), first row 21" in refusal(bound(spec, "track"))[0]
    dropping = listed(tmp_path, [*RAGGED, None], missing="drop rows")
    assert sum(data.report(bound(dropping, "track"), HERE).splits.values()) == 20
    fixed = listed(tmp_path, [[1.0, 2.0], None, [3.0, None]] * 5)
    assert data.report(fixed, HERE).columns["track"].missing == 10


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([["a", "b"], ["c"]] * 5, "track holds lists of string and no numbers, and is left out."),
        ([[], []] * 5, "track holds lists that are empty"),
        ([[[1.0], [2.0, 3.0]], [[4.0]]] * 5, "lists of lists that differ in length; left out."),
    ],
)
def test_lists_of_no_use_are_left_out_with_a_note(tmp_path: Path, values: list[Any], words: str) -> None:
    report = data.report(listed(tmp_path, values), HERE)
    assert "track" not in report.columns
    assert any(words in note for note in report.notes)


def test_lists_are_no_features(tmp_path: Path) -> None:
    assert "track is a sequence column" in refusal(listed(tmp_path, RAGGED, features=["track"]))[0]
    assert "track is a number column" in refusal(listed(tmp_path, [[1.0, 2.0]] * 9, features=["track"]))[0]


def test_new_lists_are_read_from_rows_and_from_a_table(tmp_path: Path) -> None:
    spec = bound(listed(tmp_path, RAGGED), "track")
    state = json.loads(json.dumps(data.prepare(spec, HERE).state))
    rows = data.read_rows(state, [{"track": [1, 2, 3]}, {"track": [4.5]}], ["track"])["track"]
    assert rows.batch(torch.arange(2), 3).tolist() == [[1, 2, 3], [4.5, 0, 0]]
    assert data.read_file(spec, state, tmp_path / "t.parquet", ["track"])["track"].counts.tolist() == (
        [len(each) for each in RAGGED]
    )
    for wrong in ("1 2", [], [1, None], [[1]], None):
        with pytest.raises(Mistake, match=r"Sample 1: track is .*; it must be a list of numbers"):
            data.read_rows(state, [{"track": wrong}], ["track"])


@pytest.mark.parametrize("seed", range(20))
def test_lists_read_as_python_reads_them(seed: int) -> None:
    random = np.random.default_rng(seed)
    lists: list[Any] = [
        None if random.random() < 0.1 else random.integers(0, 9, random.integers(0, 4)).tolist() for _ in range(12)
    ]
    whole = pa.chunked_array([pa.array(lists[:5], pa.list_(pa.int32())), pa.array(lists[5:], pa.list_(pa.int32()))])
    found = arrays_in(whole)
    known = [each for each in lists if each]
    if found is None:
        assert not known
        return
    assert [None if each is None else each.tolist() for each in found] == [each or None for each in lists]
