from __future__ import annotations

from dataclasses import replace

import pytest

from engine import edit, fixes, validate
from engine.problem import Problem
from engine.spec import Node, Spec
from tests.builders import chain, image_classifier


def test_order_puts_every_node_behind_its_sources() -> None:
    spec = image_classifier()
    places = {node: place for place, node in enumerate(validate.order(spec))}
    assert len(places) == len(spec.nodes)
    assert all(places[source] < places[node.id] for node in spec.nodes.values() for source in node.sources())


def test_a_chain_of_ten_thousand_nodes_is_ordered_without_recursion() -> None:
    nodes = [Node("n0", "Input")] + [Node(f"n{i}", "ReLU", {}, {"input": f"n{i - 1}"}) for i in range(1, 10_000)]
    spec = Spec().with_nodes(nodes)
    assert len(validate.order(spec)) == 10_000
    assert validate.would_cycle(spec, "n9999", "n1")
    assert not validate.would_cycle(spec, "n1", "n9999")


def test_a_residual_chain_of_a_hundred_steps_is_searched_at_once() -> None:
    nodes = [Node("n0", "Input")]
    for i in range(1, 201):
        nodes.append(Node(f"n{i}", "Add", {}, {"input": f"n{i - 1}", "other": f"n{max(i - 2, 0)}"}))
    assert validate.would_cycle(Spec().with_nodes(nodes), "n200", "n1")


def test_each_circle_is_told_once_with_its_path_and_a_way_out() -> None:
    spec = chain("ReLU", "Tanh", "Sigmoid", "GELU")
    nodes = dict(spec.nodes)
    nodes["relu_1"] = replace(nodes["relu_1"], inputs={"input": "tanh_1"})
    spec = spec.with_nodes(nodes.values())
    (problem,) = validate.cycle_problems(spec)
    assert "relu_1 → tanh_1 → relu_1" in problem.message
    assert list(validate.cycle_problems(fixes.apply(spec, problem.fixes[0]))) == []


def problem_of(spec: Spec) -> Problem:
    (problem,) = validate.problems(spec)
    return problem


def test_an_unknown_op_is_told_with_the_nearest_name() -> None:
    spec = image_classifier()
    nodes = [replace(node, op="Con2d") if node.id == "conv2d_1" else node for node in spec.nodes.values()]
    problem = problem_of(spec.with_nodes(nodes))
    assert problem.node == "conv2d_1"
    assert "did you mean 'Conv2d'" in problem.message


def test_an_unknown_param_is_told_and_can_be_removed() -> None:
    spec = edit.set_param(image_classifier(), "conv2d_1", "filters", 3)
    problem = problem_of(spec)
    assert (problem.node, problem.param) == ("conv2d_1", "filters")
    assert validate.problems(fixes.apply(spec, problem.fixes[0])) == []


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({}, "Nothing is wired to input"),
        ({"input": "gone"}, "'gone', which does not exist"),
        ({"input": "input_1.second"}, "Input has the outputs output"),
        ({"input": ("input_1",)}, "takes one wire"),
        ({"input": "input_1", "inptu": "input_1"}, "did you mean 'input'"),
        ({"input": "output_1"}, "the op Output and has no output"),
    ],
)
def test_wrong_wires_are_told(inputs: dict[str, str | tuple[str, ...]], words: str) -> None:
    spec = chain("ReLU", "Output")
    spec = edit.add(spec, "Tanh")
    nodes = [replace(node, inputs=inputs) if node.id == "tanh_1" else node for node in spec.nodes.values()]
    assert words in problem_of(spec.with_nodes(nodes)).message


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("training.epochs", 0, "at least 1"),
        ("training.device", "tpu", "auto, cpu or cuda"),
        ("training.epoch", 3, "did you mean 'epochs'"),
        ("training.optimizers", [{"op": "Adamm", "params": {}}], "did you mean 'Adam'"),
        ("training.optimizers", [{"op": "Adam", "params": {"lr": -1}}], "at least 0"),
        ("training.optimizers", "Adam", "must be a list"),
        ("data.source", {"kind": "Tabel", "params": {}}, "did you mean 'Table'"),
        ("data.source", "Table", '"kind"'),
        ("data.split", {"validation": 0.6, "test": 0.5}, "leave some for training"),
        ("data.batching", {"batch_size": 0}, "at least 1"),
        ("data.columns", {"x": {"steps": [{"op": "Scael", "params": {}}]}}, "did you mean 'Scale'"),
        ("data.columns", 3, "must be an object"),
    ],
)
def test_wrong_settings_are_told_at_their_path(path: str, value: object, words: str) -> None:
    problem = problem_of(edit.set_setting(image_classifier(), path, value))
    assert words in problem.message
    assert problem.node is None and problem.param is not None and problem.param.startswith(path)
