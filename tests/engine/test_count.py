"""Costs against PyTorch itself: its own counter of operations, and what its autograd saves in a real run."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from engine import block_edits, edit, edit_settings
from engine.check import Checker, check
from engine.compile import Compiled, compile
from engine.count import ASSUMED_SIZE, Cost, cost
from engine.declare import Op, Value
from engine.expand import expand
from engine.ops import OPS
from engine.problem import Mistake
from engine.report import NodeReport, Report
from engine.spec import Spec
from tests import architectures
from tests.builders import chain, image_classifier
from tests.engine.test_blocks import residual


def given(compiled: Compiled, sizes: Mapping[str, int]) -> list[Tensor]:
    """Numbers for every feed of a compiled graph; whole numbers are 0 and 1."""
    tensors = []
    for feed in compiled.feeds:
        shape = [sizes[size] if isinstance(size, str) else size for size in feed.shape]
        dtype = getattr(torch, feed.dtype)
        tensors.append(torch.randn(shape).to(dtype) if dtype.is_floating_point else torch.randint(0, 2, shape))
    return tensors


@contextmanager
def plain_kernels() -> Iterator[None]:
    """Let recurrent layers compute step by step, as torch's counter and autograd see them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "TF32 acceleration on top of oneDNN")
        with torch.backends.mkldnn.flags(enabled=False):
            yield


def counted_by_torch(spec: Spec, **sizes: int) -> int:
    """The multiply-accumulates of a real run of a spec's Outputs, by torch's own counter."""
    compiled = compile(spec, only="inference", seed=1)
    counter = FlopCounterMode(display=False)
    with plain_kernels(), sdpa_kernel(SDPBackend.MATH), counter:
        compiled.module(*given(compiled, sizes))
    return counter.get_total_flops() // 2


def kept_by_torch(spec: Spec, **sizes: int) -> int:
    """The bytes that autograd saves in a real training step, each memory once, without the weights."""
    compiled = compile(spec, seed=1)
    module = compiled.module.train()
    kept: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with plain_kernels(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        results = module(*given(compiled, sizes))
    assert results  # they hold the graph while it is looked at
    weights = {each.untyped_storage().data_ptr() for each in (*module.parameters(), *module.buffers())}
    found = {each.untyped_storage().data_ptr(): each.untyped_storage().nbytes() for each in kept}
    return sum(size for memory, size in found.items() if memory not in weights)


def trained(spec: Spec) -> Spec:
    """The spec with a loss on what comes out of its last node."""
    last = list(spec.nodes)[-1]
    port = OPS[spec.nodes[last].op].output_ports()[0]
    spec = edit.add(spec, "Mean", inputs={"input": f"{last}.{port}"})
    report = check(spec)
    shape = next(iter(report.nodes[list(spec.nodes)[-1]].outputs.values())).shape
    spec = edit.add(spec, "Input", params={"shape": list(shape)})
    feed, mean = list(spec.nodes)[-1], list(spec.nodes)[-2]
    return edit.add(spec, "MSELoss", inputs={"input": mean, "target": feed})


def test_a_classifier_counts_what_its_layers_multiply_for_one_image() -> None:
    report = check(image_classifier())
    assert report.nodes["conv2d_1"].macs == 4 * 9 * 64
    assert report.nodes["relu_1"].macs == 0
    assert report.macs == 4 * 9 * 64 + 256 * 10
    assert report.weight_bytes == 4 * report.parameters
    assert report.sizes == {"N": 32}


@pytest.mark.parametrize(
    ("op", "params"),
    [
        ("LSTM", {}),
        ("LSTM", {"num_layers": 3, "bidirectional": True}),
        ("LSTM", {"num_layers": 2, "proj_size": 16}),
        ("GRU", {"num_layers": 2, "bias": False}),
        ("RNN", {"bidirectional": True, "num_layers": 2}),
    ],
)
def test_recurrent_layers_state_what_a_loop_over_the_steps_costs(op: str, params: dict[str, Any]) -> None:
    if not params.keys() <= OPS[op].params().keys():
        pytest.skip(f"{op} has no {', '.join(params.keys() - OPS[op].params().keys())} in this catalogue")
    spec = edit.add(Spec(), "Input", params={"shape": ["N", "T", 20]})
    spec = edit.add(spec, op, params={"hidden_size": 256, **params}, inputs={"input": "input_1"})
    node = list(spec.nodes)[-1]
    report = check(edit.add(spec, "Output", inputs={"input": node}), sizes={"T": 9, "N": 4})
    assert report.macs == counted_by_torch(edit.add(spec, "Output", inputs={"input": node}), N=1, T=9)
    learned = trained(spec)
    assert check(learned, sizes={"T": 60, "N": 4}).activation_bytes == pytest.approx(
        kept_by_torch(learned, N=4, T=60), rel=0.03
    )


@pytest.mark.parametrize("need_weights", [False, True])
def test_attention_counts_its_projections_scores_and_sums(need_weights: bool) -> None:
    spec = chain(shape=("N", "T", 16))
    spec = edit.add(spec, "Input", params={"shape": ["N", "S", 24]})
    inputs = {"query": "input_1", "key": "input_2", "value": "input_2"}
    params = {"num_heads": 4, "need_weights": need_weights}
    spec = edit.add(spec, "MultiheadAttention", params=params, inputs=inputs)
    spec = edit.add(spec, "Output", inputs={"input": "multihead_attention_1"})
    by_hand = 5 * 16 * 16 * 2 + 2 * 7 * 24 * 16 + 2 * 5 * 7 * 16
    assert check(spec, sizes={"T": 5, "S": 7}).macs == by_hand
    assert counted_by_torch(spec, N=1, T=5, S=7) == by_hand


def test_free_sizes_count_as_the_caller_says_or_as_assumed() -> None:
    spec = edit.add(chain("Linear", shape=("N", "T", 16)), "Output", inputs={"input": "linear_1"})
    checker = Checker()
    assert checker.check(spec).macs == ASSUMED_SIZE * 16 * 64
    report = checker.check(spec, sizes={"T": 10, "N": 4})
    assert (report.macs, report.sizes) == (10 * 16 * 64, {"N": 4, "T": 10})
    assert report.activation_bytes == 4 * 4 * 10 * 16
    assert checker.check(spec).macs == ASSUMED_SIZE * 16 * 64
    wider = edit.set_setting(spec, "data.batching.batch_size", 100)
    assert checker.check(wider).activation_bytes == 4 * 100 * ASSUMED_SIZE * 16


def test_a_batch_that_is_fixed_counts_as_it_stands() -> None:
    fixed, free = (trained(chain("Linear", "LayerNorm", "Dropout", shape=(size, 16))) for size in (8, "N"))
    told, expected = check(fixed), check(free, sizes={"N": 8})
    assert told.macs == 8 * 16 * 64
    assert expected.macs == 16 * 64
    assert told.activation_bytes == expected.activation_bytes > 0


def test_a_size_at_which_a_graph_does_not_work_leaves_its_count_open() -> None:
    spec = edit.add(chain("Conv1d", shape=("N", 4, "T")), "Output", inputs={"input": "conv1d_1"})
    spec = edit.set_param(edit.set_param(spec, "conv1d_1", "kernel_size", 9), "conv1d_1", "padding", 0)
    report = check(spec, sizes={"T": 5})
    assert report.problems == ()
    assert report.macs is None and report.nodes["conv1d_1"].macs is None
    assert check(spec, sizes={"T": 9}).macs == 4 * 9 * 32


def test_normalisation_over_the_batch_counts_nothing_though_it_refuses_one_sample() -> None:
    report = check(edit.add(chain("Linear", "BatchNorm1d"), "Output", inputs={"input": "batch_norm1d_1"}))
    assert report.macs == 16 * 64
    assert report.weight_bytes == 4 * (16 * 64 + 64 + 4 * 64) + 8


def test_what_neither_runs_nor_states_its_cost_is_left_open_where_it_has_weights() -> None:
    def measure(_values: Mapping[str, Any], _samples: int) -> Cost:
        raise Mistake("meta cannot do that")

    def values(samples: int) -> dict[str, Any]:
        return {"input": Value("input", (samples, 3), "float32")}

    op = OPS["Linear"]()
    unknown = Cost(None, 0, frozenset({"input"}), frozenset({"output"}))
    assert cost(op, values, measure, multiplies=True) == unknown
    assert cost(op, values, measure, multiplies=False).macs == 0


def test_a_report_of_an_older_version_still_reads() -> None:
    old = {"problems": [], "parameters": 3, "macs": None, "nodes": {"a": {"outputs": {}, "parameters": 3}}}
    assert Report.decode(old) == Report({"a": NodeReport({}, 3)})


def test_an_edit_counts_again_only_what_it_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []

    def seen(op: Op, *rest: Any, **more: Any) -> Cost:
        ran.append(type(op).__name__)
        return cost(op, *rest, **more)

    monkeypatch.setattr("engine.check.cost", seen)
    checker, spec = Checker(), residual(6)
    checker.check(spec)
    assert ran.count("Linear") == 2  # the six rounds are alike
    ran.clear()
    checker.check(edit.set_setting(spec, "data.batching.batch_size", 7))
    checker.check(block_edits.set_repeat(spec, "residual_1", 9))
    assert ran == []


# ------------------------------------------------------------------------------------------------ blocks and weights


def test_a_block_sums_what_is_inside() -> None:
    report = check(residual(3))
    inside = [report.nodes[f"residual_1/{round}/{node}"] for round in range(3) for node in ("linear_1", "linear_2")]
    assert report.nodes["residual_1"].macs == report.macs == 3 * 2 * 4 * 8
    assert report.nodes["residual_1"].weight_bytes == sum(node.weight_bytes for node in inside) == report.weight_bytes
    assert (
        report.nodes["residual_1"].activation_bytes
        == report.activation_bytes - report.nodes["input_1"].activation_bytes
    )


def own_nodes(spec: Spec) -> dict[str, NodeReport]:
    """The reports of the nodes that are no blocks."""
    nodes = check(spec).nodes
    return {path: nodes[path] for path in expand(spec).spec.nodes}


def test_shared_weights_count_once_and_multiply_each_time() -> None:
    shared, own = own_nodes(residual(3, share=True)).values(), own_nodes(residual(3)).values()
    assert sum(node.parameters for node in shared) * 3 == sum(node.parameters for node in own)
    assert sum(node.weight_bytes for node in shared) * 3 == sum(node.weight_bytes for node in own)
    assert [node.macs for node in shared] == [node.macs for node in own]


def test_frozen_weights_are_told_apart_and_nothing_is_kept_before_the_first_trained_ones() -> None:
    spec = image_classifier()
    before, after = check(spec).nodes, check(edit_settings.set_weights(spec, "conv2d_1", "frozen", True)).nodes
    assert before["conv2d_1"].frozen == 0
    assert after["conv2d_1"].frozen == after["conv2d_1"].parameters == 40
    assert after["linear_1"].frozen == 0
    assert before["relu_1"].activation_bytes == after["relu_1"].activation_bytes == 32 * 256 * 4
    assert before["input_1"].activation_bytes == 32 * 64 * 4
    assert after["input_1"].activation_bytes == 0


# ---------------------------------------------------------------------------------------------------------- memory


def test_what_training_keeps_is_what_autograd_saves() -> None:
    for spec in (
        image_classifier(),
        architectures.resnet18(10, 96),
        architectures.resnet50(10, 96),
        architectures.vgg16(10, 96),
        architectures.unet(3, 96),
    ):
        told = check(spec, sizes={"N": 4}).activation_bytes
        assert told == pytest.approx(kept_by_torch(spec, N=4), rel=0.02), spec.name


def test_attention_is_taken_to_run_fused_and_keeps_no_scores() -> None:
    spec = trained(edit.remove(architectures.vit_encoder(64, 4, 2, 200), ["output_1"]))
    told = check(spec, sizes={"N": 4}).activation_bytes
    assert told == pytest.approx(kept_by_torch(spec, N=4), rel=0.1)
    scores = 4 * 4 * 200 * 200 * 4 * 2
    assert told < scores + kept_by_torch(spec, N=4) / 2


def test_a_view_keeps_nothing_of_its_own_and_a_tensor_read_twice_counts_once() -> None:
    report = check(image_classifier())
    assert report.nodes["flatten_1"].activation_bytes == 0
    twice = edit.add(image_classifier(), "Linear", params={"out_features": 3}, inputs={"input": "flatten_1"})
    twice = edit.add(twice, "MSELoss", inputs={"input": "linear_2", "target": "linear_2"})
    assert check(twice).nodes["relu_1"].activation_bytes == report.nodes["relu_1"].activation_bytes


def test_nothing_is_kept_of_what_no_loss_needs() -> None:
    spec = edit.add(image_classifier(), "Linear", params={"out_features": 3}, inputs={"input": "input_1"})
    spec = edit.add(spec, "GELU", inputs={"input": "linear_2"})
    assert check(spec).nodes["linear_2"].activation_bytes == 0
    assert check(edit.add(Spec(), "Input")).activation_bytes == 0
