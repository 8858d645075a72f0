from __future__ import annotations

import copy
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from engine import block_edits, edit, fixes, trust
from engine.block_edits import group, in_block, set_repeat, set_share_weights, use_block
from engine.check import check
from engine.compile import compile
from engine.dissolve import dissolve
from engine.events import Finished, Started
from engine.expand import expand
from engine.export import export
from engine.problem import Mistake, Problem
from engine.sharing import partners, share_refusal, sharers, sharing
from engine.spec import Spec, dumps, loads
from engine.train import loop
from engine.train.checkpoint import load_tensors, load_weights, save_tensors
from engine.train.commands import Command
from engine.train.folder import Run
from engine.train.predict import load_model
from tests.alone import computed_alone
from tests.engine.export.test_export import run_folder
from tests.engine.python_nodes import LAYER
from tests.engine.test_blocks import residual


def siamese(*ops: str, share: bool = True) -> Spec:
    """Two Inputs, each through a chain of the same ops, the second chain with the weights of the first."""
    spec = Spec()
    for _ in range(2):
        spec = edit.add(spec, "Input", params={"shape": ["N", 6]})
    ends = ["input_1", "input_2"]
    for op in ops:
        for place, before in enumerate(ends):
            new = edit.new_id(spec, op)
            spec = edit.add(spec, op, inputs={"input": before})
            ends[place] = new
        if share:
            spec = edit.set_share(spec, ends[1], ends[0])
    for end in ends:
        spec = edit.add(spec, "Output", inputs={"input": end})
    return spec


def language(*, bias: bool = True) -> Spec:
    """Indices -> Embedding -> Tanh -> a Linear with the Embedding's weight."""
    spec = edit.add(Spec(), "Input", params={"shape": ["N", "T"], "dtype": "int64"})
    spec = edit.add(spec, "Embedding", params={"num_embeddings": 11, "embedding_dim": 6}, inputs={"input": "input_1"})
    spec = edit.add(spec, "Tanh", inputs={"input": "embedding_1"})
    spec = edit.add(spec, "Linear", params={"out_features": 11, "bias": bias}, inputs={"input": "tanh_1"})
    spec = edit.add(spec, "Output", inputs={"input": "linear_1"})
    return edit.set_share(spec, "linear_1", "embedding_1")


def weights_of(spec: Spec, seed: int = 1) -> Any:
    """The module for inference, whose attributes hold the weights."""
    return compile(spec, seed=seed, only="inference").module


def test_partners_are_the_nodes_beside_whose_weights_fit() -> None:
    spec = edit.set_share(language(), "linear_1", None)
    spec = edit.add(spec, "Linear", params={"out_features": 5}, inputs={"input": "tanh_1"})
    tensors = {node: each.tensors for node, each in check(spec).nodes.items()}
    assert partners(spec, "linear_1", tensors) == {"embedding_1": ""}
    assert partners(spec, "linear_2", tensors) == {}
    assert partners(spec, "tanh_1", tensors) == {}
    shared = edit.set_share(spec, "linear_1", "embedding_1")
    assert sharers(shared, "embedding_1") == ["linear_1"]
    told = {node: each.tensors for node, each in check(shared).nodes.items()}
    assert partners(shared, "linear_1", told) == {"embedding_1": ""}
    assert "in a circle" in partners(shared, "embedding_1", told)["linear_1"]


def test_partners_of_a_node_that_cannot_be_checked_are_those_of_its_op() -> None:
    spec = edit.set_param(siamese("Linear", share=False), "linear_2", "out_features", 0)
    tensors = {node: each.tensors for node, each in check(spec).nodes.items()}
    assert partners(spec, "linear_2", tensors) == {"linear_1": ""}


def test_partners_of_a_use_are_uses_of_its_block_and_others_are_refused() -> None:
    spec = group(siamese("Linear", share=False), ["linear_1"], "One")
    spec = use_block(group(spec, ["linear_2"], "Other"), "One")
    found = partners(spec, "one_1", {})
    assert found["one_2"] == ""
    assert found["other_1"] == share_refusal(spec.nodes, spec.nodes["one_1"], "other_1")


def problem_of(spec: Spec) -> Problem:
    (problem,) = check(spec).problems
    assert problem.param == "weights.share"
    assert problem.message.endswith(".")
    return problem


# ------------------------------------------------------------------------------------------------- the same module


def test_nodes_that_are_alike_call_the_very_same_module() -> None:
    spec = siamese("Linear", "Tanh")
    spec = edit.set_share(spec, "tanh_2", None)
    module: Any = compile(spec, only="inference", seed=3).module
    assert module.linear_2 is module.linear_1
    torch.manual_seed(3)
    by_hand = nn.Linear(6, 64)
    one, other = torch.randn(4, 6), torch.randn(4, 6)
    answers = module(one, other)
    assert torch.equal(answers["output_1"], by_hand(one).tanh())
    assert torch.equal(answers["output_2"], by_hand(other).tanh())
    (answers["output_1"].sum() + answers["output_2"].sum()).backward()
    (by_hand(one).tanh().sum() + by_hand(other).tanh().sum()).backward()
    torch.testing.assert_close(module.linear_1.weight.grad, by_hand.weight.grad)


def test_buffers_are_shared_too() -> None:
    spec = siamese("BatchNorm1d")
    module: Any = compile(spec, only="inference", seed=3).module
    by_hand: Any = nn.BatchNorm1d(6)
    for one, other in [(torch.randn(4, 6), torch.randn(4, 6) * 3) for _ in range(3)]:
        module(one, other)
        by_hand(one), by_hand(other)
    assert module.batch_norm1d_2 is module.batch_norm1d_1
    assert torch.equal(module.batch_norm1d_1.running_var, by_hand.running_var)


def test_parameters_are_counted_once() -> None:
    spec = siamese("Linear", "BatchNorm1d")
    report = check(spec)
    assert report.problems == ()
    assert report.parameters == 6 * 64 + 64 + 2 * 64
    assert (report.nodes["linear_2"].parameters, report.nodes["linear_2"].tensors) == (0, {})
    assert sum(each.numel() for each in compile(spec, only="inference").module.parameters()) == report.parameters


def test_a_share_with_a_node_that_comes_later_belongs_to_that_node() -> None:
    spec = edit.set_share(edit.set_share(siamese("Linear", share=False), "linear_2", None), "linear_1", "linear_2")
    assert check(spec).nodes["linear_1"].parameters == 0
    module: Any = compile(spec, only="inference").module
    assert [name for name, _each in module.named_parameters()] == ["linear_2.weight", "linear_2.bias"]


def test_shares_of_shares_lead_to_one_module() -> None:
    spec = siamese("Linear")
    spec = edit.add(spec, "Linear", inputs={"input": "input_1"})
    spec = edit.add(edit.set_share(spec, "linear_3", "linear_2"), "Output", inputs={"input": "linear_3"})
    module: Any = compile(spec, only="inference").module
    assert module.linear_3 is module.linear_2 is module.linear_1
    assert check(spec).parameters == 6 * 64 + 64


def test_python_nodes_share_as_well() -> None:
    code = LAYER.replace("16, width", "6, width")
    trust.trust(code)
    spec = Spec()
    for number in (1, 2):
        spec = edit.add(spec, "Input", params={"shape": ["N", 6]})
        spec = edit.add(spec, "Python", params={"code": code, "scale": float(number)}, inputs={"x": f"input_{number}"})
        spec = edit.add(spec, "Output", inputs={"input": f"python_{number}"})
    spec = edit.set_share(spec, "python_2", "python_1")
    assert check(spec).parameters == 6 * 8 + 8
    module: Any = compile(spec, only="inference").module
    given = torch.randn(3, 6)
    answers = module(given, given)
    assert torch.equal(answers["output_2"], answers["output_1"] * 2)
    assert module.python_1.calls == 2


# -------------------------------------------------------------------------------------------------- tied tensors


def test_a_linear_has_the_weight_of_an_embedding() -> None:
    spec = language()
    report = check(spec)
    assert (report.problems, report.parameters) == ((), 11 * 6 + 11)
    assert report.nodes["linear_1"].tensors == {"bias": (11,)}
    module: Any = compile(spec, only="inference", seed=3).module
    assert module.linear_1.weight is module.embedding_1.weight
    assert [name for name, _each in module.named_parameters()] == ["embedding_1.weight", "linear_1.bias"]
    torch.manual_seed(3)
    weight, linear = nn.Embedding(11, 6).weight, nn.Linear(6, 11)
    given = torch.randint(0, 11, (2, 5))
    expected: Any = functional.linear(weight[given].tanh(), weight, linear.bias)
    torch.testing.assert_close(module(given)["output_1"], expected)
    module(given)["output_1"].square().sum().backward()
    expected.square().sum().backward()
    torch.testing.assert_close(module.embedding_1.weight.grad, weight.grad)


def test_first_numbers_are_the_owners() -> None:
    spec = edit.set_default_init(language(bias=False), "Zeros")  # fills no embedding
    assert weights_of(spec).linear_1.weight.abs().sum() > 0
    spec = edit.set_init(language(bias=False), "embedding_1", "weight", {"op": "Constant", "params": {"val": 2.0}})
    assert weights_of(spec).linear_1.weight.unique().tolist() == [2.0]
    spec = edit.set_default_init(siamese("Linear"), "Zeros")
    spec = edit.set_init(spec, "linear_1", "weight", {"op": "Constant", "params": {"val": 2.0}})
    assert weights_of(spec).linear_2.weight.unique().tolist() == [2.0]


def test_ties_survive_copies_and_conversions() -> None:
    for spec, one, other in [
        (language(), "embedding_1", "linear_1"),
        (siamese("Linear"), "linear_1", "linear_2"),
    ]:
        module: Any = compile(spec, only="inference").module
        for changed in (copy.deepcopy(module), module.to(torch.float64)):
            assert changed.get_submodule(one).weight is changed.get_submodule(other).weight


# ------------------------------------------------------------------------------------------------- saved and loaded


@pytest.mark.parametrize("spec", [language(), siamese("Linear", "BatchNorm1d"), residual(3, share=True)])
def test_shared_weights_are_saved_once_and_loaded(tmp_path: Path, spec: Spec) -> None:
    one, other = (compile(spec, only="inference", seed=seed).module for seed in (1, 2))
    path = tmp_path / "w.safetensors"
    save_tensors(path, one.state_dict())
    stored = sum(each.numel() for each in {each.data_ptr(): each for each in load_tensors(path).values()}.values())
    held = {each.data_ptr(): each for each in one.state_dict().values()}
    assert stored == sum(each.numel() for each in held.values())
    assert path.stat().st_size < 4 * stored + 4096
    load_weights(other, path)
    assert all(torch.equal(each, other.state_dict()[name]) for name, each in one.state_dict().items())
    assert len(list(other.parameters())) == len(list(one.parameters()))


def iris() -> Spec:
    """Iris through three Linears of one weight, the last of them tied to the first by its weight alone."""
    spec = edit.set_optimizer(edit.set_source(Spec(), "Iris"), "Adam")
    spec = edit.set_setting(edit.set_setting(spec, "training.epochs", 3), "data.batching.batch_size", 16)
    spec = edit.add(spec, "Input", params={"column": "features", "shape": ["N", 4]})
    spec = edit.add(spec, "Input", params={"column": "label", "shape": ["N"], "dtype": "int64"})
    before = "input_1"
    for number in (1, 2, 3):
        params = {"out_features": 4, "bias": number < 3}
        spec = edit.add(spec, "Linear", params=params, inputs={"input": before})
        spec = edit.add(spec, "Tanh", inputs={"input": f"linear_{number}"})
        before = f"tanh_{number}"
    spec = edit.add(spec, "CrossEntropyLoss", inputs={"input": "tanh_3", "target": "input_2"})
    spec = edit.add(spec, "Output", inputs={"input": "tanh_3"})
    return edit.set_share(edit.set_share(spec, "linear_2", "linear_1"), "linear_3", "linear_2")


def test_training_changes_each_shared_weight_once_a_step_and_keeps_the_ties(tmp_path: Path) -> None:
    events = list(loop.train(iris(), tmp_path, Run(tmp_path / "run")))
    assert isinstance(events[-1], Finished)
    (started,) = [event for event in events if isinstance(event, Started)]
    assert started.parameters == 4 * 4 + 4
    module: Any = load_model(Run(tmp_path / "run")).module
    assert module.linear_1 is module.linear_2
    assert module.linear_3.weight is module.linear_1.weight
    assert not torch.equal(module.linear_1.weight, weights_of(iris(), seed=0).linear_1.weight)


def test_a_run_with_shared_weights_goes_on_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    whole = list(loop.train(iris(), tmp_path, Run(tmp_path / "whole")))[-1]
    run = Run(tmp_path / "run")
    stream = loop.train(iris(), tmp_path, run)
    for event in stream:
        if type(event).__name__ == "Epoch":
            run.tell(Command("stop"))
    last = list(loop.resume(run))[-1]
    assert isinstance(last, Finished)
    assert isinstance(whole, Finished)
    assert last.test == whole.test
    one, other = load_tensors(run.weights), load_tensors(Run(tmp_path / "whole").weights)
    assert all(torch.equal(each, other[name]) for name, each in one.items())


# --------------------------------------------------------------------------------------------------------- export


def shared_inside(repeat: int = 3) -> Spec:
    """A block of two Linears of one weight and a tied one, repeated with one weight for all rounds."""
    spec = edit.add(Spec(), "Input", params={"shape": ["N", 4]})
    before = "input_1"
    for number in (1, 2, 3):
        params = {"out_features": 4, "bias": number < 3}
        spec = edit.add(spec, "Linear", params=params, inputs={"input": before})
        before = f"linear_{number}"
    spec = edit.add(spec, "Output", inputs={"input": before})
    spec = edit.set_share(edit.set_share(spec, "linear_2", "linear_1"), "linear_3", "linear_1")
    spec = group(spec, ["linear_1", "linear_2", "linear_3"], "Part")
    return set_share_weights(set_repeat(spec, "part_1", repeat), "part_1", True)


def two_uses() -> Spec:
    """Two Inputs through the same block, two rounds each, the second use with the weights of the first."""
    spec = residual(2)
    spec = edit.add(spec, "Input", params={"shape": ["N", 4]})
    spec = use_block(spec, "Residual", inputs={"input": "input_2"})
    spec = set_repeat(spec, "residual_2", 2)
    spec = edit.add(spec, "Output", inputs={"input": "residual_2"})
    return edit.set_share(spec, "residual_2", "residual_1")


def mixed() -> Spec:
    """Rounds that share and rounds that do not, a share between uses of which one stands in a block."""
    spec = group(residual(2, share=True), ["residual_1"], "Stage")
    spec = set_repeat(spec, "stage_1", 2)
    spec = use_block(spec, "Stage", inputs={"input": "stage_1"})
    spec = edit.connect(spec, "stage_2", "output_1", "input")
    return edit.set_share(set_repeat(spec, "stage_2", 2), "stage_2", "stage_1")


@pytest.mark.parametrize(
    ("spec", "inputs", "lines"),
    [
        (siamese("Linear", "BatchNorm1d"), {"a": (5, 6), "b": (5, 6)}, ["self.linear_2 = self.linear_1"]),
        (residual(3, share=True), {"a": (5, 4)}, ["self.residual_1 = nn.ModuleList([Residual()] * 3)"]),
        (shared_inside(), {"a": (5, 4)}, ["self.part_1 = nn.ModuleList([Part()] * 3)", "self.linear_2 = self.linear_1",
                                          "self.linear_3.weight = self.linear_1.weight"]),
        (two_uses(), {"a": (5, 4), "b": (5, 4)}, ["self.residual_2 = self.residual_1"]),
        (mixed(), {"a": (5, 4)}, ["self.residual_1 = nn.ModuleList([Residual()] * 2)", "self.stage_2 = self.stage_1"]),
        (iris(), {"a": (5, 4)}, ["self.linear_3.weight = self.linear_2.weight"]),
    ],
)  # fmt: skip
def test_exported_source_shares_readably_and_computes_the_same(
    tmp_path: Path, spec: Spec, inputs: dict[str, tuple[int, int]], lines: list[str]
) -> None:
    assert check(spec).problems == ()
    run = run_folder(spec, tmp_path / "run")
    source, *_ = export(run, "python", tmp_path / "exported.py")
    written = [line.strip() for line in source.read_text().splitlines()]
    assert [line for line in lines if line not in written] == []
    given = {name: torch.randn(shape) for name, shape in inputs.items()}
    alone = computed_alone(source, given, tmp_path)
    expected = compile(spec, only="inference", seed=5).module.eval()(*given.values())
    assert all(torch.equal(alone[name], expected[name]) for name in expected)


def test_exported_source_with_a_tied_embedding(tmp_path: Path) -> None:
    run = run_folder(language(), tmp_path / "run")
    source, *_ = export(run, "python", tmp_path / "exported.py")
    assert "        self.linear_1.weight = self.embedding_1.weight\n" in source.read_text()
    given = torch.randint(0, 11, (2, 5))
    alone = computed_alone(source, {"a": given}, tmp_path)
    assert torch.equal(alone["output_1"], compile(language(), only="inference", seed=5).module(given)["output_1"])


def test_the_owner_is_exported_where_no_output_needs_it(tmp_path: Path) -> None:
    spec = edit.remove(siamese("Linear"), ["output_1"])
    run = run_folder(spec, tmp_path / "run")
    source, *_ = export(run, "python", tmp_path / "exported.py")
    given = torch.randn(2, 6)
    expected = compile(spec, only="inference", seed=5).module(given)["output_2"]
    assert torch.equal(computed_alone(source, {"a": given}, tmp_path)["output_2"], expected)


# --------------------------------------------------------------------------------------------------------- blocks


def test_rounds_share_the_weights_of_the_first() -> None:
    spec = residual(3, share=True)
    report = check(spec)
    assert (report.problems, report.parameters) == ((), 4 * 8 + 8 + 8 * 4 + 4)
    assert report.nodes["residual_1"].parameters == report.parameters
    assert report.nodes["residual_1/1/linear_1"].parameters == 0
    compiled = compile(spec, only="inference", seed=3)
    torch.manual_seed(3)
    first, second = nn.Linear(4, 8), nn.Linear(8, 4)
    given = expected = torch.randn(5, 4)
    for _ in range(3):
        expected = second(first(expected).relu()) + expected
    assert torch.equal(compiled.module(given)["output_1"], expected)


def test_what_nodes_share_inside_a_block_they_share_in_every_round() -> None:
    spec = shared_inside()
    assert check(spec).parameters == 4 * 4 + 4
    apart = set_share_weights(spec, "part_1", False)
    assert check(apart).parameters == 3 * (4 * 4 + 4)
    module: Any = compile(apart, only="inference").module
    rounds: list[Any] = [module.get_submodule(f"part_1.{number}") for number in range(3)]
    assert all(each.linear_3.weight is each.linear_1.weight for each in rounds)
    assert rounds[0].linear_1.weight is not rounds[1].linear_1.weight


def test_two_uses_of_a_block_share_all_their_weights() -> None:
    spec = two_uses()
    assert check(spec).parameters == 2 * (4 * 8 + 8 + 8 * 4 + 4)
    assert check(spec).nodes["residual_2"].parameters == 0
    module, given = compile(spec, only="inference").module, torch.randn(3, 4)
    answers = module(given, given)
    assert torch.equal(answers["output_1"], answers["output_2"])


def test_a_round_that_does_not_fit_the_first_names_both_with_their_sizes() -> None:
    spec = edit.add(Spec(), "Input", params={"shape": ["N", 4]})
    spec = edit.add(spec, "Linear", params={"out_features": 8}, inputs={"input": "input_1"})
    spec = edit.add(spec, "Output", inputs={"input": "linear_1"})
    spec = set_share_weights(set_repeat(group(spec, ["linear_1"], "Wide"), "wide_1", 3), "wide_1", True)
    problem = problem_of(spec)
    assert problem.node == "wide_1/1/linear_1"
    assert "its weight is 8 × 8 and that of wide_1/0/linear_1 is 8 × 4" in problem.message
    mended = fixes.apply(spec, problem.fixes[0])
    assert mended.nodes["wide_1"].share_weights is False
    assert check(mended).problems == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: edit.add(s, "Linear", inputs={"input": "input_1"}), "linear_1 for no block"),
        (lambda s: use_block(group(s, ["residual_1"], "Stage"), "Residual"), "stage_1 stands for Stage"),
    ],
)
def test_uses_of_different_blocks_share_nothing(change: object, words: str) -> None:
    spec = change(residual(2))  # type: ignore[operator]
    one, other = ("residual_1", "linear_1") if "linear_1" in spec.nodes else ("residual_1", "stage_1")
    with pytest.raises(Mistake, match=words):
        edit.set_share(spec, one, other)
    forced = edit.set_weights(spec, one, "share", other)
    problems = [each for each in check(forced).problems if each.param == "weights.share"]
    assert [each.node for each in problems] == [one]
    assert words in problems[0].message
    assert fixes.apply(forced, problems[0].fixes[0]) == spec


def test_uses_with_other_numbers_of_rounds_are_told() -> None:
    spec = set_repeat(two_uses(), "residual_2", 3)
    problems = [each for each in check(spec).problems if each.param == "weights.share"]
    assert problems[0].node == "residual_2/2/linear_1"
    assert fixes.apply(spec, problems[0].fixes[0]).nodes["residual_2"].weights == {}


def test_a_problem_of_a_share_inside_a_block_is_mended_there() -> None:
    spec = in_block(residual(2), "Residual", lambda inner: edit.set_share(inner, "linear_2", "linear_1"))
    problem = problem_of(spec)
    assert problem.node == "residual_1/0/linear_2"
    mended = fixes.apply(spec, problem.fixes[0])
    assert mended.blocks["Residual"].nodes["linear_2"].weights == {}
    assert check(mended).problems == ()


def test_dissolved_rounds_go_on_sharing() -> None:
    spec = dissolve(residual(3, share=True), "residual_1")
    assert spec.nodes["linear_1_2"].weights == {"share": "linear_1"}
    assert check(spec).parameters == 4 * 8 + 8 + 8 * 4 + 4
    assert check(spec).problems == ()
    spec = dissolve(shared_inside(), "part_1")
    assert check(spec).problems == ()
    assert check(spec).parameters == 4 * 4 + 4
    with pytest.raises(Mistake, match="residual_1 and residual_2 share their weights"):
        dissolve(two_uses(), "residual_1")


def test_nodes_that_share_are_not_parted_by_a_block() -> None:
    spec = siamese("Linear")
    for part in (["linear_1"], ["linear_2"]):
        with pytest.raises(Mistake, match="share their weights; select"):
            group(spec, part, "Part")
    assert check(group(spec, ["linear_1", "linear_2"], "Part")).parameters == 6 * 64 + 64


def test_many_rounds_are_written_out_in_no_time() -> None:
    spec = set_repeat(residual(1, share=True), "residual_1", 1000)
    nodes = expand(spec).spec.nodes
    assert nodes["residual_1/999/linear_2"].weights == {"share": "residual_1/0/linear_2"}


# ------------------------------------------------------------------------------------------------- wrong, and edits


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (3, "share is 3; it must be the id"),
        ("linear_9", "There is no node 'linear_9'"),
        ("linear_2", "in a circle: linear_2 → linear_2"),
        ("tanh_2", "linear_2 has weight (64 × 6), bias (64) and tanh_2 has no weights"),
        ("input_2", "input_2 has no weights"),
        ("linear_3", "its weight is 64 × 6 and that of linear_3 is 32 × 6"),
        ("batch_norm1d_1", "its weight is 64 × 6 and that of batch_norm1d_1 is 6"),
    ],
)
def test_a_wrong_share_is_told_with_what_takes_it_away(share: object, words: str) -> None:
    spec = siamese("Linear", "Tanh", share=False)
    spec = edit.add(spec, "Linear", params={"out_features": 32}, inputs={"input": "input_1"})
    spec = edit.add(spec, "BatchNorm1d", inputs={"input": "input_1"})
    wrong = edit.set_weights(spec, "linear_2", "share", share)
    assert loads(dumps(wrong)) == wrong
    problem = problem_of(wrong)
    assert problem.node == "linear_2"
    assert words in problem.message
    assert fixes.apply(wrong, problem.fixes[0]) == spec


def test_a_circle_is_told_once() -> None:
    spec = siamese("Linear", share=False)
    spec = edit.add(spec, "Linear", inputs={"input": "input_1"})
    for node, other in (("linear_1", "linear_2"), ("linear_2", "linear_1"), ("linear_3", "linear_1")):
        spec = edit.set_weights(spec, node, "share", other)
    problem = problem_of(spec)
    assert "linear_1 → linear_2 → linear_1" in problem.message
    assert check(fixes.apply(spec, problem.fixes[0])).problems == ()


def test_a_share_with_a_node_that_has_its_own_problem_is_silent() -> None:
    spec = edit.set_param(siamese("Linear"), "linear_1", "out_features", 0)
    assert [(each.node, each.param) for each in check(spec).problems] == [("linear_1", "out_features")]


def test_sparse_and_dense_gradients_are_not_tied() -> None:
    problem = problem_of(edit.set_param(language(), "embedding_1", "sparse", True))
    assert "gradients of embedding_1 are sparse" in problem.message


def test_setting_a_share_is_an_edit_that_refuses_what_cannot_be() -> None:
    spec = siamese("Linear", share=False)
    assert edit.set_share(edit.set_share(spec, "linear_2", "linear_1"), "linear_2", None) == spec
    assert spec.nodes["linear_2"].weights == {}
    for node, other, words in [
        ("linear_1", "linear_9", "no node 'linear_9'"),
        ("linear_9", "linear_1", "no node 'linear_9'"),
        ("linear_1", "linear_1", "circle: linear_1 → linear_1"),
    ]:
        with pytest.raises(Mistake, match=words):
            edit.set_share(spec, node, other)
    with pytest.raises(Mistake, match="circle: linear_1 → linear_2 → linear_1"):
        edit.set_share(edit.set_share(spec, "linear_2", "linear_1"), "linear_1", "linear_2")


def test_who_shared_with_a_removed_node_has_weights_of_its_own() -> None:
    spec = edit.remove(siamese("Linear"), ["linear_1", "output_1"])
    assert spec.nodes["linear_2"].weights == {}
    assert check(spec).problems == ()


def test_copies_share_among_themselves_and_with_what_is_there() -> None:
    spec = siamese("Linear")
    both = edit.duplicate(spec, ["linear_1", "linear_2"])
    assert both.nodes["linear_4"].weights == {"share": "linear_3"}
    alone = edit.duplicate(spec, ["linear_2"])
    assert alone.nodes["linear_3"].weights == {"share": "linear_1"}
    elsewhere = edit.paste(Spec(), edit.copy(spec, ["linear_2"]), (0, 0))
    assert elsewhere.nodes["linear_1"].weights == {}


def test_edits_of_blocks_know_the_share() -> None:
    assert "set_share" in fixes.EDITS
    assert block_edits.EDITS["set_share_weights"] is set_share_weights


def test_what_is_wrong_inside_a_block_is_told_once_for_all_its_rounds() -> None:
    spec = residual(3)
    for node, other in (("linear_1", "linear_2"), ("linear_2", "linear_1")):
        spec = in_block(spec, "Residual", partial(edit.set_weights, node=node, name="share", value=other))
    problem = problem_of(spec)
    assert problem.node == "residual_1/0/linear_1"
    assert "linear_1 → linear_2 → linear_1" in problem.message
    lost = in_block(residual(3), "Residual", lambda inner: edit.set_weights(inner, "linear_1", "share", "linear_7"))
    assert problem_of(lost).message == (
        "There is no node 'linear_7' whose weights linear_1 could share (did you mean 'linear_2'?)."
    )


def test_a_thousand_shares_are_checked_in_a_moment() -> None:
    spec = set_repeat(shared_inside(), "part_1", 1000)
    flat = expand(spec).spec
    begun = time.process_time()
    found = sharing(flat, {}, {})
    assert found.problems == ()
    assert time.process_time() - begun < 1.0
