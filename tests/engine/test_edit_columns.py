from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine import data, edit
from engine.columns import Column
from engine.edit_columns import kinds_for, listed_steps, new_step, reset_steps, set_kind, set_steps, steps_for
from engine.problem import Mistake
from engine.spec import Spec
from tests.engine.data.making import HERE, steps, table

ROWS = "age,town,y\n" + "".join(f"{i % 5},town{i % 3},{i}\n" for i in range(40))


def column_of(spec: Spec, name: str) -> Column:
    return data.report(spec, HERE).columns[name]


def test_steps_are_the_columns_own_until_the_spec_names_others() -> None:
    column = Column("a.b", "number", (1,), "float32", default=({"op": "Standardize", "params": {}},))
    assert listed_steps(Spec(), column) == [{"op": "Standardize", "params": {}}]
    spec = set_steps(Spec(), "a.b", [])
    assert listed_steps(spec, column) == []
    assert spec.data["columns"] == {"a.b": {"steps": []}}  # a dot in a name is no step of a path
    assert reset_steps(spec, "a.b") == Spec()


def test_a_new_step_has_all_its_params() -> None:
    assert new_step("Scale", {"factor": 2.0}) == {"op": "Scale", "params": {"factor": 2.0, "offset": 0.0}}
    with pytest.raises(Mistake, match="no column step 'Scales'"):
        new_step("Scales")


def test_only_steps_that_fit_are_offered() -> None:
    offered = {each.__name__ for each in steps_for(Column("t", "text", ("T",), "int64"))}
    assert {"Tokenize", "Truncate", "Pad"} <= offered
    assert not offered & {"Standardize", "Resample"}


def test_a_number_becomes_classes_and_is_a_number_again(tmp_path: Path) -> None:
    spec = table(tmp_path, ROWS)
    age = column_of(spec, "age")
    assert kinds_for(spec, age) == ("number", "category")
    spec = set_kind(spec, age, "category")
    classes = column_of(spec, "age")
    assert (classes.kind, classes.classes) == ("category", ("0", "1", "2", "3", "4"))
    assert kinds_for(spec, classes) == ("category", "number")
    again = column_of(set_kind(spec, classes, "number"), "age")
    assert (again.kind, again.shape) == ("number", (1,))


def test_numbers_in_ranges_are_numbers_again(tmp_path: Path) -> None:
    spec = steps(table(tmp_path, ROWS), "age", "FillMissing", ("Bucketise", {"edges": [1.5, 3.5]}))
    age = column_of(spec, "age")
    assert (age.kind, kinds_for(spec, age)) == ("category", ("category", "number"))
    spec = set_kind(spec, age, "number")
    assert [each["op"] for each in spec.data["columns"]["age"]["steps"]] == ["FillMissing"]
    assert column_of(spec, "age").kind == "number"


def test_steps_that_do_not_work_on_the_new_kind_fall_away(tmp_path: Path) -> None:
    spec = steps(table(tmp_path, ROWS), "age", "Standardize", "FillMissing")
    spec = set_kind(spec, column_of(spec, "age"), "category")
    assert [each["op"] for each in spec.data["columns"]["age"]["steps"]] == ["Index", "FillMissing"]
    assert data.report(spec, HERE).problems == ()


def test_classes_of_a_table_can_be_read_as_texts_and_back(tmp_path: Path) -> None:
    spec = table(tmp_path, ROWS, target="y")
    town = column_of(spec, "town")
    assert kinds_for(spec, town) == ("category", "text")
    spec = set_kind(spec, town, "text")
    text = column_of(spec, "town")
    assert (text.kind, text.steps) == ("text", ("Tokenize", "Truncate"))
    assert kinds_for(spec, text) == ("text", "category")
    assert column_of(set_kind(spec, text, "category"), "town").kind == "category"


def test_numbers_that_a_step_makes_of_dates_stay_numbers(tmp_path: Path) -> None:
    only_year = {"month": False, "weekday": False, "cyclic": False}
    rows = "day,y\n" + "".join(f"20{i:02}-01-01,{i}\n" for i in range(10, 40))
    spec = steps(table(tmp_path, rows, target="y"), "day", ("DateParts", only_year))
    day = column_of(spec, "day")
    assert (day.kind, kinds_for(spec, day)) == ("number", ("number",))


def test_a_target_and_a_joined_column_stay_what_they_are(tmp_path: Path) -> None:
    spec = table(tmp_path, ROWS, target="town")
    assert kinds_for(spec, column_of(spec, "town")) == ("category",)
    features = column_of(spec, "features")
    assert kinds_for(spec, features) == ("number",)
    with pytest.raises(Mistake, match="features cannot be read as text"):
        set_kind(spec, features, "text")
    assert set_kind(spec, features, "number") == spec


def test_a_source_without_that_param_offers_no_texts() -> None:
    spec = edit.set_source(Spec(), "Iris")
    species = next(each for each in data.report(spec, HERE).columns.values() if each.kind == "category")
    assert kinds_for(spec, replace(species, name="species")) == ("category",)
