from __future__ import annotations

from typing import Any

import pytest

from engine import edit, fixes
from engine.check import check
from engine.ops.settings import Weights
from engine.problem import Problem
from engine.report import NodeReport
from engine.spec import Spec, dumps, loads
from tests.builders import image_classifier


def optimizers(*entries: dict[str, Any], spec: Spec | None = None) -> Spec:
    return edit.set_setting(spec or image_classifier(), "training.optimizers", list(entries))


def only(spec: Spec) -> Problem:
    (problem,) = check(spec).problems
    assert problem.message.endswith(".")
    return problem


def mended(spec: Spec) -> list[Spec]:
    """The spec after each fix of its first problem."""
    return [fixes.apply(spec, fix) for fix in check(spec).problems[0].fixes]


# -------------------------------------------------------------------------------------------------- nodes' settings


@pytest.mark.parametrize(
    ("weights", "param", "words"),
    [
        ({"frozen": 1}, "weights.frozen", "must be true or false"),
        ({"mode": "teacher"}, "weights.mode", "train or eval"),
        ({"lr_factor": 0}, "weights.lr_factor", "greater than 0"),
        ({"decay": -0.1}, "weights.decay", "at least 0"),
        ({"frozn": True}, "weights.frozn", "did you mean 'frozen'"),
        ({"share": "linear_7"}, "weights.share", "There is no node 'linear_7'"),
        ({"from": {"file": "a"}}, "weights.from", "not supported by this version"),
        ({"init": 3}, "weights.init", "object of tensors"),
        ({"init": {"weight": 3}}, "weights.init.weight", '"op" and "params"'),
    ],
)
def test_wrong_weights_settings_are_told_and_can_be_removed(weights: dict[str, Any], param: str, words: str) -> None:
    spec = image_classifier()
    for name, value in weights.items():
        spec = edit.set_weights(spec, "linear_1", name, value)
    problem = only(spec)
    assert (problem.node, problem.param) == ("linear_1", param)
    assert words in problem.message
    (after,) = mended(spec)
    assert check(after).problems == ()
    assert after.nodes["linear_1"].weights == {}


def test_a_wrong_weights_setting_hides_no_shape() -> None:
    report = check(edit.set_weights(image_classifier(), "conv2d_1", "frozen", "yes"))
    assert set(report.nodes) == set(image_classifier().nodes)


def test_a_setting_at_its_default_is_not_kept() -> None:
    spec = edit.set_weights(image_classifier(), "linear_1", "frozen", True)
    assert spec.nodes["linear_1"].weights == {"frozen": True}
    assert edit.set_weights(spec, "linear_1", "frozen", False).nodes["linear_1"].weights == {}
    for name, default in Weights.defaults().items():
        assert edit.set_weights(image_classifier(), "linear_1", name, default) == image_classifier()
    assert loads(dumps(spec)) == spec


def test_the_report_tells_tensors_and_what_is_frozen() -> None:
    spec = edit.set_weights(image_classifier(), "conv2d_1", "frozen", True)
    report = check(spec)
    conv, linear = report.nodes["conv2d_1"], report.nodes["linear_1"]
    assert conv.tensors == {"weight": (4, 1, 3, 3), "bias": (4,)}
    assert (conv.parameters, conv.frozen) == (40, 40)
    assert (linear.parameters, linear.frozen) == (2570, 0)
    assert (report.parameters, report.frozen) == (2610, 40)
    assert NodeReport.decode(conv.encode()) == conv
    old = {"outputs": {}, "parameters": 3}
    assert NodeReport.decode(old) == NodeReport({}, 3)


def test_weights_that_no_optimizer_takes_count_as_frozen() -> None:
    spec = optimizers({"op": "SGD", "nodes": ["linear_1.weight"]})
    report = check(spec)
    assert report.problems == ()
    assert (report.nodes["linear_1"].frozen, report.nodes["conv2d_1"].frozen) == (10, 40)


# ----------------------------------------------------------------------------------------- what an optimizer can take


def test_muon_tells_each_node_that_has_more_than_matrices_and_gives_the_rest_away() -> None:
    spec = optimizers({"name": "main", "op": "Muon", "params": {"lr": 0.02}})
    problems = check(spec).problems
    assert [problem.node for problem in problems] == ["conv2d_1", "linear_1"]
    assert "weight of conv2d_1 has 4" in problems[0].message
    assert "bias of linear_1 has 1" in problems[1].message
    (after,) = mended(spec)
    assert check(after).problems == ()
    muon, rest = after.training["optimizers"]
    assert muon["nodes"] == ["linear_1.weight"] and muon["params"] == {"lr": 0.02}
    assert (rest["op"], rest["nodes"], rest["together"]) == ("AdamW", ["conv2d_1", "linear_1.bias"], True)


def test_muon_without_any_matrix_is_replaced() -> None:
    spec = optimizers({"name": "main", "op": "Muon", "params": {}, "nodes": ["conv2d_1"]})
    (after,) = mended(spec)
    assert after.training["optimizers"][0]["op"] == "AdamW"
    assert check(after).problems == ()


@pytest.mark.parametrize("name", ["lr_factor", "decay"])
def test_lbfgs_takes_all_weights_alike(name: str) -> None:
    spec = edit.set_weights(optimizers({"op": "LBFGS"}), "linear_1", name, 0.5)
    problem = only(spec)
    assert (problem.node, problem.param) == ("linear_1", f"weights.{name}")
    (after,) = mended(spec)
    assert check(after).problems == ()


def test_decay_needs_an_optimizer_that_decays() -> None:
    assert only(edit.set_weights(optimizers({"op": "Rprop"}), "linear_1", "decay", 0.5)).param == "weights.decay"
    assert check(edit.set_weights(optimizers({"op": "Rprop"}), "linear_1", "lr_factor", 0.5)).problems == ()


def test_sparse_adam_refuses_dense_gradients() -> None:
    spec = optimizers({"op": "SparseAdam"})
    problems = check(spec).problems
    assert [problem.node for problem in problems] == ["conv2d_1", "linear_1"]
    assert "those of weight of conv2d_1 are dense" in problems[0].message
    (after,) = mended(spec)
    assert after.training["optimizers"][0]["op"] == "Adam"
    assert check(after).problems == ()


def sparse_spec(op: str, **params: Any) -> Spec:
    spec = edit.add(Spec(), "Input", params={"shape": ["N"], "dtype": "int64"})
    spec = edit.add(spec, "Embedding", params={"num_embeddings": 3, "sparse": True}, inputs={"input": "input_1"})
    spec = edit.add(spec, "Linear", params={"out_features": 3}, inputs={"input": "embedding_1"})
    spec = edit.add(spec, "CrossEntropyLoss", inputs={"input": "linear_1", "target": "input_1"})
    return optimizers({"name": "main", "op": op, "params": params}, spec=spec)


def test_an_optimizer_without_sparse_gradients_gives_the_embedding_away_or_turns_them_off() -> None:
    spec = sparse_spec("Adam")
    problem = only(spec)
    assert (problem.node, problem.param) == ("embedding_1", "sparse")
    dense, split = mended(spec)
    assert dense.nodes["embedding_1"].params["sparse"] is False
    assert [entry["op"] for entry in split.training["optimizers"]] == ["Adam", "SparseAdam"]
    assert check(dense).problems == check(split).problems == ()


def test_sparse_adam_keeps_the_embedding_and_gives_the_rest_away() -> None:
    spec = sparse_spec("SparseAdam")
    assert only(spec).node == "linear_1"
    (after,) = mended(spec)
    assert [entry["nodes"] for entry in after.training["optimizers"]] == [["embedding_1"], ["linear_1"]]
    assert check(after).problems == ()


@pytest.mark.parametrize("op", ["SGD", "Adagrad"])
def test_sparse_gradients_and_decay_do_not_go_together(op: str) -> None:
    assert check(sparse_spec(op)).problems == ()
    spec = sparse_spec(op, weight_decay=0.1)
    assert only(spec).param == "sparse"
    assert all(check(after).problems == () for after in mended(spec))


# --------------------------------------------------------------------------------------------- what it is given


def test_a_frozen_node_that_an_optimizer_names_is_told_with_two_ways_out() -> None:
    spec = optimizers({"name": "main", "op": "SGD", "nodes": ["conv2d_1", "linear_1"]})
    spec = edit.set_weights(spec, "conv2d_1", "frozen", True)
    problem = only(spec)
    assert (problem.node, problem.param) == ("conv2d_1", "weights.frozen")
    thawed, left_out = mended(spec)
    assert thawed.nodes["conv2d_1"].weights == {}
    assert left_out.training["optimizers"][0]["nodes"] == ["linear_1"]
    assert check(thawed).problems == check(left_out).problems == ()


def test_a_frozen_node_under_an_optimizer_of_all_nodes_is_fine() -> None:
    assert (
        check(
            edit.set_weights(optimizers({"op": "Muon", "nodes": ["linear_1.weight"]}), "conv2d_1", "frozen", True)
        ).problems
        == ()
    )
    assert check(edit.set_weights(optimizers({"op": "SGD"}), "conv2d_1", "frozen", True)).problems == ()


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        (["linear_1.weigth"], "did you mean 'weight'"),
        (["relu_1", "flatten_1"], "no weights to train"),
    ],
)
def test_nodes_that_hold_nothing_to_train_are_told(nodes: list[str], words: str) -> None:
    problems = check(optimizers({"name": "main", "op": "SGD", "nodes": nodes})).problems
    assert all(problem.param == "training.optimizers.0.nodes" for problem in problems)
    assert any(words in problem.message for problem in problems)


def test_an_optimizer_whose_nodes_do_not_feed_its_losses_is_told() -> None:
    spec = edit.add(image_classifier(), "Linear", params={"out_features": 10}, inputs={"input": "flatten_1"})
    spec = edit.add(spec, "MSELoss", inputs={"input": "linear_2", "target": "linear_2"})
    one = {"name": "one", "op": "SGD", "nodes": ["linear_1", "conv2d_1"], "losses": ["cross_entropy_loss_1"]}
    other = {"name": "other", "op": "SGD", "nodes": ["linear_2"], "losses": ["mse_loss_1"]}
    assert check(optimizers(one, other, spec=spec)).problems == ()
    swapped = {**other, "nodes": ["linear_1"]}
    problem = only(optimizers(one, swapped, spec=spec))
    assert problem.param == "training.optimizers.1.nodes"
    assert "mse_loss_1" in problem.message
