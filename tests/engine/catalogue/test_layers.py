"""What layers do together and over time, which the cases of single ops do not show."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import nn

from engine import edit
from engine.check import check
from engine.compile import compile
from engine.export.python_file import source
from engine.ops import OPS
from engine.spec import Spec
from tests.engine.catalogue.case import Case


def graph(inputs: Mapping[str, list[int | str]], *nodes: tuple[str, dict[str, Any], dict[str, str]]) -> Spec:
    """Inputs by name and shape, then nodes: op, params, wires; ids are counted as everywhere."""
    spec = Spec()
    names = {}
    for name, shape in inputs.items():
        names[name] = edit.new_id(spec, "Input")
        dtype = "int64" if name == "index" else "float32"
        spec = edit.add(spec, "Input", params={"shape": shape, "dtype": dtype})
    for op, params, wires in nodes:
        spec = edit.add(spec, op, params=params, inputs={port: names.get(wire, wire) for port, wire in wires.items()})
    return spec


# ------------------------------------------------------------------------------------------------------- pooling


def test_a_pool_s_indices_bring_its_numbers_back_to_their_places() -> None:
    spec = graph(
        {"image": ["N", 3, 9, 9]},
        ("MaxPool2d", {"kernel_size": 3, "stride": 2, "return_indices": True}, {"input": "image"}),
        ("MaxUnpool2d", {"kernel_size": 3, "stride": 2}, {"input": "max_pool2d_1", "indices": "max_pool2d_1.indices"}),
        ("Output", {}, {"input": "max_unpool2d_1"}),
    )
    assert check(spec).problems == ()
    image = torch.randn(2, 3, 9, 9)
    (ours,) = compile(spec, only="inference").module(image).values()
    pooled, indices = nn.MaxPool2d(3, 2, return_indices=True)(image)
    assert torch.equal(ours, nn.MaxUnpool2d(3, 2)(pooled, indices))


@pytest.mark.parametrize("op", ["MaxPool1d", "AdaptiveMaxPool2d", "FractionalMaxPool3d"])
def test_indices_come_out_only_where_they_are_asked_for(op: str) -> None:
    spec = Case(op).spec()
    told = [(problem.node, problem.param) for problem in check(spec).problems]
    assert told == [("output_2", "input")]
    assert check(Case(op, params={"return_indices": True}).spec()).problems == ()


def test_an_empty_size_of_an_adaptive_pool_stays_free() -> None:
    spec = graph(
        {"image": ["N", 8, 32, "W"]},
        ("AdaptiveAvgPool2d", {"output_size": [1, None]}, {"input": "image"}),
        ("Output", {}, {"input": "adaptive_avg_pool2d_1"}),
    )
    assert check(spec).nodes["adaptive_avg_pool2d_1"].outputs["output"].shape == ("N", 8, 1, "W")
    op, _problems = OPS["AdaptiveAvgPool2d"].parse({"output_size": [1, None]})
    assert op is not None and op.summary() == "output_size 1x*"


# ------------------------------------------------------------------------------------------------------ attention

CAUSAL: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    ("MultiheadAttention", {"num_heads": 2, "is_causal": True}, {"query": "x", "key": "x", "value": "x"}),
    (
        "MultiheadAttention",
        {"num_heads": 2, "is_causal": True, "add_bias_kv": True},
        {"query": "x", "key": "x", "value": "x"},
    ),
    ("TransformerEncoderLayer", {"is_causal": True}, {"src": "x"}),
    ("TransformerEncoder", {"is_causal": True, "num_layers": 2}, {"src": "x"}),
    ("TransformerEncoder", {"is_causal": True, "num_layers": 2, "norm_first": True, "norm": True}, {"src": "x"}),
    ("TransformerDecoderLayer", {"tgt_is_causal": True, "memory_is_causal": True}, {"tgt": "x", "memory": "x"}),
    (
        "TransformerDecoder",
        {"tgt_is_causal": True, "memory_is_causal": True, "num_layers": 2},
        {"tgt": "x", "memory": "x"},
    ),
    (
        "Transformer",
        {"src_is_causal": True, "tgt_is_causal": True, "memory_is_causal": True, "num_encoder_layers": 1,
         "num_decoder_layers": 2},
        {"src": "x", "tgt": "x"},
    ),
]  # fmt: skip


def quiet(op: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """The params without what is random or large."""
    small = {"dropout": 0.0, "dim_feedforward": 8}
    return {**{name: value for name, value in small.items() if name in OPS[op].params()}, **params}


@pytest.mark.parametrize(("op", "params", "wires"), CAUSAL, ids=lambda each: each if isinstance(each, str) else "")
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_a_causal_layer_does_not_see_what_comes_later(
    op: str, params: dict[str, Any], wires: dict[str, str], batch_first: bool, training: bool
) -> None:
    shape: list[int | str] = ["N", "T", 16] if batch_first else ["T", "N", 16]
    spec = graph({"x": shape}, (op, quiet(op, {**params, "batch_first": batch_first}), wires))
    node = list(spec.nodes)[-1]
    spec = edit.add(spec, "Output", inputs={"input": node})
    told = check(spec)
    assert told.problems == () and told.nodes[node].outputs["output"].shape == tuple(shape)
    module = compile(spec, only="inference", seed=0).module.train(training)
    steps = torch.randn(2, 6, 16)
    later = steps.clone()
    later[:, 4:] = torch.randn(2, 2, 16)
    with torch.set_grad_enabled(training):
        one, other = (
            next(iter(module(each if batch_first else each.transpose(0, 1)).values())) for each in (steps, later)
        )
    if not batch_first:
        one, other = one.transpose(0, 1), other.transpose(0, 1)
    torch.testing.assert_close(one[:, :4], other[:, :4], rtol=0, atol=1e-5)
    assert not torch.allclose(one[:, 4:], other[:, 4:], atol=1e-3)


@pytest.mark.parametrize("op", ["TransformerEncoder", "Transformer"])
def test_padded_steps_come_out_alike_in_training_and_evaluation(op: str) -> None:
    """PyTorch's shortcut for padded batches would set them to zero, and warn."""
    spec = Spec()
    wires = {"src": "input_1", "src_key_padding_mask": "input_2"}
    spec = edit.add(spec, "Input", params={"shape": ["N", "T", 16], "dtype": "float32"})
    spec = edit.add(spec, "Input", params={"shape": ["N", "T"], "dtype": "bool"})
    wires |= {"tgt": "input_1"} if op == "Transformer" else {}
    spec = edit.add(spec, op, params=quiet(op, {}), inputs=wires)
    spec = edit.add(spec, "Output", inputs={"input": list(spec.nodes)[-1]})
    module = compile(spec, only="inference", seed=0).module
    steps, padding = torch.randn(2, 5, 16), torch.tensor([[False] * 5, [False, False, False, True, True]])
    (trained,) = module.train()(steps, padding).values()
    with torch.no_grad():
        (evaluated,) = module.eval()(steps, padding).values()
    torch.testing.assert_close(trained, evaluated, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "params", [{}, {"norm_first": True}, {"bias": False}, {"nhead": 1}, {"batch_first": False}], ids=str
)
def test_a_transformer_of_any_kind_is_built_without_a_warning(params: dict[str, Any]) -> None:
    small = {"num_encoder_layers": 1, "num_decoder_layers": 1, "dim_feedforward": 8}
    inputs = {"src": "float32 3 3 16", "tgt": "float32 3 3 16"}
    with warnings.catch_warnings(action="error"):
        compile(Case("Transformer", params={**small, **params}, inputs=inputs).spec(), only="inference")


def test_the_layers_of_a_stack_start_with_the_same_weights_and_those_of_a_transformer_do_not() -> None:
    stack = compile(Case("TransformerEncoder", params={"num_layers": 2}).spec(), only="inference").module
    whole = compile(Case("Transformer", params={"num_encoder_layers": 2}).spec(), only="inference").module
    name = "transformer_{}1.{}layers.{}.linear1.weight"
    one, other = (stack.get_parameter(name.format("encoder_", "", layer)) for layer in (0, 1))
    assert torch.equal(one, other) and one is not other
    one, other = (whole.get_parameter(name.format("", "encoder.", layer)) for layer in (0, 1))
    assert not torch.equal(one, other)


def test_an_exported_causal_encoder_reads_as_one_writes_it() -> None:
    spec = Case("TransformerEncoder", params={"is_causal": True, "num_layers": 2}).spec()
    text = source(spec, "w.safetensors")
    assert "nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 8, batch_first=True), 2, enable_nested" in text
    assert "self.transformer_encoder_1(input_1, mask=hidden_steps(input_1, input_1), is_causal=True)" in text
    assert "def hidden_steps(" in text and "def hidden_bias(" not in text


# ----------------------------------------------------------------------------------------------- adaptive softmax


def test_an_adaptive_softmax_trains_on_its_loss_of_both_its_outputs() -> None:
    params = {"n_classes": 20, "cutoffs": [4, 8]}
    spec = graph(
        {"x": ["N", 16], "index": ["N"]},
        ("Linear", {"out_features": 16}, {"input": "x"}),
        ("AdaptiveLogSoftmaxWithLoss", params, {"input": "linear_1", "target": "index"}),
    )
    module = compile(spec, seed=0).module
    features, words = torch.randn(32, 16), torch.randint(0, 20, (32,))
    optimizer = torch.optim.Adam(module.parameters(), 0.05)
    losses = []
    for _ in range(60):
        (loss,) = module(features, words).values()
        assert loss.shape == ()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2


def test_nll_loss_on_an_adaptive_log_softmax_is_pytorch_s_adaptive_loss() -> None:
    params = {"n_classes": 20, "cutoffs": [4, 8]}
    spec = graph(
        {"x": ["N", 16], "index": ["N"]},
        ("AdaptiveLogSoftmax", params, {"input": "x"}),
        ("NLLLoss", {}, {"input": "adaptive_log_softmax_1", "target": "index"}),
    )
    module = compile(spec, seed=0).module
    torch.manual_seed(0)
    by_hand = nn.AdaptiveLogSoftmaxWithLoss(16, 20, [4, 8])
    features, words = torch.randn(9, 16), torch.randint(0, 20, (9,))
    ours = module(features, words)["nll_loss_1"]
    torch.testing.assert_close(ours, by_hand(features, words).loss)
