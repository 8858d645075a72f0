from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from engine import edit
from engine.block_edits import group, in_block
from engine.comparison import (
    ABSENT,
    TRAINING,
    Comparison,
    Row,
    as_csv,
    as_markdown,
    changed,
    compare,
    difference,
    short,
)
from engine.problem import Mistake
from engine.runs import Summary, summaries
from engine.spec import Spec
from tests.app.story import STARTED, WHOLE, epoch, told_run
from tests.builders import image_classifier


def changes(*specs: Spec) -> dict[str, tuple[str, ...]]:
    return {row.name: row.values for row in difference(specs) if row.differs}


def compared(folder: Path) -> list[Summary]:
    return sorted(summaries(folder), key=lambda each: each.name)


def row(found: Comparison, group: str, name: str) -> Row:
    return next(each for each in found.rows if (each.group, each.name) == (group, name))


def test_equal_specs_have_no_difference_wherever_their_nodes_stand() -> None:
    spec = image_classifier()
    assert changes(spec, edit.set_title(edit.tidy(spec), "linear_1", "Scores")) == {}


def test_a_param_that_was_changed_is_a_row() -> None:
    spec = image_classifier()
    assert changes(spec, edit.set_param(spec, "linear_1", "out_features", 20)) == {
        "nodes.linear_1.params.out_features": ("10", "20")
    }


def test_a_node_that_was_added_is_one_row_and_its_wires_are_others() -> None:
    spec = image_classifier()
    wider = edit.insert_behind(spec, "Dropout", "relu_1")
    found = changes(spec, wider)
    assert found.pop("nodes.flatten_1.inputs.input") == ("relu_1", "dropout_1")
    ((name, (before, after)),) = found.items()
    assert (name, before) == ("nodes.dropout_1", ABSENT)
    assert after.startswith("Dropout(p=0.5")


def test_a_node_of_another_op_is_one_row() -> None:
    spec = image_classifier()
    before, after = changes(spec, edit.replace_op(spec, "relu_1", "GELU"))["nodes.relu_1"]
    assert before.startswith("ReLU(")
    assert after.startswith("GELU(")


def test_a_setting_at_its_default_is_equal_to_one_that_is_not_written_down() -> None:
    spec = image_classifier()
    assert changes(spec, edit.set_setting(spec, "training.seed", 0)) == {}
    assert changes(spec, edit.set_setting(spec, "data.batching.batch_size", 32)) == {}
    assert changes(spec, edit.set_setting(spec, "training.seed", 1)) == {"training.seed": ("0", "1")}


def test_params_that_are_not_written_down_stand_at_their_defaults() -> None:
    spec = image_classifier()
    bare = {"name": "main", "op": "Adam", "params": {}}
    written = edit.set_setting(edit.set_optimizer(spec, "Adam"), "training.optimizers.0.params.lr", 0.001)
    assert changes(spec, edit.set_setting(spec, "training.optimizers", [bare]), written) == {}
    faster = edit.set_setting(written, "training.optimizers.0.params.lr", 0.01)
    assert changes(spec, faster) == {"training.optimizers.main.params.lr": ("0.001", "0.01")}
    stepped = edit.set_schedule(spec, 0, {"op": "StepLR", "params": {"step_size": 10}})
    assert changes(stepped, edit.set_schedule(spec, 0, {"op": "StepLR", "params": {}})) == {}
    node = replace(spec.nodes["conv2d_1"], params={"out_channels": 8})
    short = replace(spec, nodes={**spec.nodes, "conv2d_1": node})
    assert changes(short, edit.set_param(short, "conv2d_1", "stride", 1)) == {}


def test_optimizers_are_told_by_their_names() -> None:
    spec = edit.set_optimizer(image_classifier(), "Adam")
    faster = edit.set_setting(spec, "training.optimizers.main.params.lr", 0.5)
    assert changes(spec, faster) == {"training.optimizers.main.params.lr": ("0.001", "0.5")}


def test_the_order_of_optimizers_is_the_order_of_their_turns() -> None:
    spec = edit.add_optimizer(edit.set_optimizer(image_classifier(), "Adam"), "SGD")
    assert changes(spec, edit.move_optimizer(spec, 0, 1)) == {
        "training.optimizers order": ("main, sgd", "sgd, main"),
    }
    assert changed(spec, edit.move_optimizer(spec, 0, 1)) == {TRAINING}


def test_two_optimizers_of_one_name_are_two() -> None:
    spec = edit.add_optimizer(edit.set_optimizer(image_classifier(), "Adam"), "Adam")
    spec = edit.set_setting(spec, "training.optimizers.1.name", "main")
    faster = edit.set_setting(spec, "training.optimizers.0.params.lr", 0.5)
    assert changes(spec, faster) == {"training.optimizers.main.params.lr": ("0.001", "0.5")}


def test_three_specs_stand_beside_each_other() -> None:
    spec = image_classifier()
    seeds = [edit.set_setting(spec, "training.seed", seed) for seed in (1, 2, 1)]
    assert changes(*seeds) == {"training.seed": ("1", "2", "1")}


def test_what_stands_inside_a_block_is_compared() -> None:
    spec = group(image_classifier(), ["conv2d_1", "relu_1"], "Stage")
    other = in_block(spec, "Stage", lambda inner: edit.set_param(inner, "conv2d_1", "out_channels", 7))
    assert changes(spec, other) == {"blocks.Stage.conv2d_1.params.out_channels": ("4", "7")}


def test_long_values_that_differ_only_at_their_ends_differ() -> None:
    spec = edit.set_param(image_classifier(), "input_1", "column", "x" * 200)
    other = edit.set_param(spec, "input_1", "column", "x" * 199 + "y")
    (values,) = changes(spec, other).values()
    assert short(values[0]) == short(values[1])


# ------------------------------------------------------------------------------------------------------------ runs


def test_the_best_values_are_marked_in_the_direction_of_their_metric(tmp_path: Path) -> None:
    told_run(tmp_path / "a", STARTED, epoch(1))
    told_run(tmp_path / "b", *WHOLE)
    told_run(tmp_path / "c", STARTED)
    found = compare(compared(tmp_path))
    assert found.runs == ("a", "b", "c")
    assert row(found, "Best epoch", "accuracy").best == (1,)  # 0.45 and 0.75: higher is better
    assert row(found, "Best epoch", "loss").best == (1,)  # 0.9 and 0.3: lower is better
    assert row(found, "Best epoch", "loss").values[2] == ABSENT
    assert row(found, "Test", "accuracy").best == ()  # no other has one
    assert row(found, "Run", "state").values == ("crashed", "finished", "crashed")


def test_runs_that_are_alike_have_no_best(tmp_path: Path) -> None:
    for name in ("a", "b"):
        told_run(tmp_path / name, *WHOLE)
    assert {each.best for each in compare(compared(tmp_path)).rows} == {()}


def test_equal_rows_are_hidden_but_for_scores(tmp_path: Path) -> None:
    for name in ("a", "b"):
        told_run(tmp_path / name, *WHOLE)
    found = compare(compared(tmp_path))
    assert {each.group for each in found.shown(equal=False)} == {"Best epoch", "Test"}
    assert found.shown(equal=True) == list(found.rows)


def test_one_run_alone_is_not_compared(tmp_path: Path) -> None:
    told_run(tmp_path / "a", *WHOLE)
    with pytest.raises(Mistake, match="two runs or more"):
        compare(compared(tmp_path))


def test_the_table_can_be_taken_along_as_csv_and_as_markdown() -> None:
    found = Comparison(("a", "b|c"), (Row("Test", "loss", ("0.5", "0.25"), (1,)), Row("Data", "data.x", ("p,q", "r"))))
    assert list(csv.reader(io.StringIO(as_csv(found, found.rows)))) == [
        ["group", "name", "a", "b|c"],
        ["Test", "loss", "0.5", "0.25"],
        ["Data", "data.x", "p,q", "r"],
    ]
    assert as_markdown(found, found.rows).splitlines() == [
        "|  | a | b\\|c |",
        "| --- | --- | --- |",
        "| Test: loss | 0.5 | **0.25** |",
        "| data.x | p,q | r |",
    ]
