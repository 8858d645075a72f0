from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine import data, fixes
from engine.columns import day_text
from engine.data.moments import sample
from engine.problem import Mistake
from engine.spec import Spec
from tests.engine.data.making import HERE, bound, refusal, source, split, steps, table

FIRST = dt.date(2024, 1, 1)
DAYS = [FIRST + dt.timedelta(days=row) for row in range(30)]
DAY_0 = 19_723  # days from 1970 to the first of 2024


def dated(folder: Path, form: str = "%Y-%m-%d", **params: object) -> Spec:
    """A spec of a CSV whose column "day" is written in a form."""
    rows = "".join(f"{day.strftime(form)},{row},{'ab'[row % 2]}\n" for row, day in enumerate(DAYS))
    return table(folder, f"day,x,kind\n{rows}", target="kind", **params)


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d.%m.%Y", "%Y-%m-%d %H:%M", "%d/%m/%Y", "%b %d %Y", "%Y/%m/%d"])
def test_dates_are_days_since_1970_however_a_table_writes_them(tmp_path: Path, form: str) -> None:
    spec = dated(tmp_path, form)
    report = data.report(spec, HERE)
    column = report.columns["day"]
    assert (column.kind, column.shape, column.dtype, column.default) == ("date", (1,), "float64", ())
    assert (column.low, column.high) == (DAY_0, DAY_0 + 29)
    assert column.extent() == "2024-01-01 to 2024-01-30"
    assert report.samples[3]["day"] == "2024-01-04"
    assert report.columns["features"].parts == ("x",)


def test_dates_and_moments_of_parquet_are_read(tmp_path: Path) -> None:
    moments = [dt.datetime(2024, 1, 1, 12, row % 60, tzinfo=dt.UTC) for row in range(30)]
    pq.write_table(pa.table({"day": DAYS, "moment": moments, "x": range(30)}), tmp_path / "t.parquet")
    report = data.report(source("Table", tmp_path / "t.parquet"), HERE)
    assert [report.columns[name].kind for name in ("day", "moment")] == ["date", "date"]
    assert report.samples[1]["moment"] == "2024-01-01 12:01:00"
    assert not report.problems


def test_a_bound_column_of_dates_needs_a_step_that_makes_numbers_of_it(tmp_path: Path) -> None:
    spec = dated(tmp_path)
    assert not data.report(spec, HERE).problems
    message, param = refusal(bound(spec, "day"))
    assert "day holds dates, and a network takes numbers; give it the step DateParts" in message
    assert param == "data.columns.day.steps"
    (problem,) = data.report(bound(spec, "day"), HERE).problems
    mended = fixes.apply(bound(spec, "day"), problem.fixes[0])
    assert mended.data["columns"]["day"]["steps"] == [{"op": "DateParts", "params": {}}]


def test_a_missing_date_is_missing(tmp_path: Path) -> None:
    spec = table(tmp_path, "day,x\n" + "2024-01-31,1\n,2\n2024-02-01,3\n" * 4)
    report = data.report(spec, HERE)
    assert report.columns["day"].missing == 4
    assert report.samples[1]["day"] is None


def test_a_target_of_dates_stays_what_it_was(tmp_path: Path) -> None:
    report = data.report(table(tmp_path, "m,x\n" + "2024-01,1\n2024-02,2\n" * 6, target="m"), HERE)
    assert report.columns["m"].classes == ("2024-01", "2024-02")


def test_a_split_by_time_takes_a_column_of_dates(tmp_path: Path) -> None:
    for form in ("%Y-%m-%d", "%d.%m.%Y"):
        spec = split(dated(tmp_path, form), method="by time", column="day", validation=0.1, test_from="2024-01-25")
        dataset = data.prepare(bound(spec, "features"), HERE)
        raw = data.report(spec, HERE)
        assert raw.splits == {"train": 21, "validation": 3, "test": 6}
        assert len(dataset.splits["test"]["features"]) == 6


def test_new_dates_are_read_from_text_days_and_tables(tmp_path: Path) -> None:
    state = data.prepare(dated(tmp_path), HERE, ["day"]).state
    state = json.loads(json.dumps(state))
    rows = data.read_rows(state, [{"day": "2024-01-31"}, {"day": 19_753}, {"day": "31.01.2024"}], ["day"])["day"]
    assert rows.tolist() == [[19_753]] * 3
    assert data.read_file(dated(tmp_path), state, tmp_path / "table.csv", ["day"])["day"][:2].tolist() == (
        [[DAY_0], [DAY_0 + 1]]
    )
    with pytest.raises(Mistake, match=r"day is 'soon'; it must be a day or a moment, such as 2024-01-31"):
        data.read_rows(state, [{"day": "soon"}], ["day"])


def test_dates_that_are_read_from_a_file_as_such_count_alike() -> None:
    moments = (dt.date(2024, 1, 31), dt.datetime(2024, 1, 31, 12, tzinfo=dt.UTC), "2024-01-31 12:00:00", 19_753.5, None)
    assert [float(sample(each, "day")[0]) for each in moments[:-1]] == [19_753, 19_753.5, 19_753.5, 19_753.5]
    assert np.isnan(sample(moments[-1], "day")).all()


def test_missing_dates_may_be_filled_in(tmp_path: Path) -> None:
    spec = steps(table(tmp_path, "day,x\n" + "2024-01-31,1\n,2\n2024-02-01,3\n" * 4), "x")
    with pytest.raises(Mistake, match=r"lack a value in day \(4\), first row 3; leave them out or fill") as caught:
        data.prepare(spec, HERE, ["day"])
    assert [fix.text for fix in caught.value.fixes] == ["Leave these rows out", "Fill in what is missing"]


@pytest.mark.parametrize("seed", range(10))
def test_days_are_written_as_the_calendar_has_them(seed: int) -> None:
    seconds = np.random.default_rng(seed).integers(-(10**10), 10**10)
    there = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=int(seconds))
    assert day_text(float(seconds / 86_400)) == there.strftime("%Y-%m-%d %H:%M:%S")
    assert day_text(1e12) == "1e+12 days"
