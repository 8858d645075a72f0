from __future__ import annotations

from typing import Any

import pytest

from engine import edit, validate
from engine.spec import Spec
from engine.training import smoothed
from tests.engine.train.making import iris, with_settings


def messages(spec: Spec) -> dict[str, str]:
    """What is wrong with the settings of training, by setting."""
    found = validate.problems(spec)
    return {each.param.removeprefix("training."): each.message for each in found if each.param and not each.node}


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("max_steps", 0, "at least 1"),
        ("max_minutes", 0.0, "greater than 0"),
        ("accumulate", 0, "at least 1"),
        ("clip_norm", 0.0, "greater than 0"),
        ("precision", "float8", "must be float32, tf32, bf16 or fp16"),
        ("patience", 0, "at least 1"),
        ("min_delta", -0.1, "at least 0"),
        ("ema_decay", 1.0, "less than 1"),
        ("class_weights", "rare", "must be none or balanced"),
        ("label_smoothing", 1.5, "at most 1"),
    ],
)
def test_settings_of_training_have_bounds(setting: str, value: Any, words: str) -> None:
    assert messages(with_settings(iris(), **{setting: value})).keys() == {setting}
    assert words in messages(with_settings(iris(), **{setting: value}))[setting]


def test_the_settings_of_an_older_project_are_those_it_was_made_with() -> None:
    assert messages(iris()) == {}
    assert "accumulate" not in iris().training


@pytest.mark.parametrize("setting", ["best_metric", "stop_metric"])
def test_a_score_that_no_node_gives_is_told_where_metrics_are_drawn(setting: str) -> None:
    spec = edit.add(iris(), "Accuracy", inputs={"input": "linear_2", "target": "input_2"})
    assert messages(with_settings(spec, **{setting: "accuracy"})) == {}
    assert messages(with_settings(spec, **{setting: "loss"})) == {}
    assert "did you mean 'accuracy'?" in messages(with_settings(spec, **{setting: "acuracy"}))[setting]
    assert messages(with_settings(iris(), **{setting: "accuracy"})) == {}  # a loss's own metric


def test_labels_are_smoothed_in_losses_that_know_it_and_have_none_set() -> None:
    spec = edit.add(iris(), "CrossEntropyLoss", inputs={"input": "linear_2", "target": "input_2"})
    spec = edit.set_param(spec, "cross_entropy_loss_2", "label_smoothing", 0.3)
    nodes = smoothed(spec, 0.1).nodes
    assert nodes["cross_entropy_loss_1"].params["label_smoothing"] == 0.1
    assert nodes["cross_entropy_loss_2"].params["label_smoothing"] == 0.3
    assert nodes["linear_1"] == spec.nodes["linear_1"]
    assert smoothed(spec, 0.0) is spec


def test_label_smoothing_that_no_loss_knows_is_told() -> None:
    spec = edit.add(edit.remove(iris(), ["cross_entropy_loss_1"]), "MSELoss", inputs={"input": "linear_2"})
    told = messages(with_settings(spec, label_smoothing=0.1))
    assert "no loss of the graph knows it" in told["label_smoothing"]
    assert "label_smoothing" not in messages(with_settings(iris(), label_smoothing=0.1))
