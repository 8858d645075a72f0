"""What operations do beyond one call: free sizes, training and predicting, other devices' types, and many boxes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine import edit
from engine.check import check
from engine.compile import compile
from engine.modules import (
    Fixed,
    LearnedPositions,
    MelSpectrogram,
    Reparameterize,
    ScaledDotProductAttention,
    box_iou,
    convert_boxes,
    generalized_box_iou,
    non_maximum_suppression,
    rotate_by_position,
    sliced,
)
from engine.report import Report
from engine.spec import Spec
from tests.builders import chain
from tests.engine.catalogue.cases_boxes import share, suppressed


def shape(report: Report, node: str, port: str = "output") -> str:
    return str(report.nodes[node].outputs[port])


# ----------------------------------------------------------------------------------------------------- free sizes


@pytest.mark.parametrize(
    ("op", "params", "expected"),
    [
        ("Sum", {"dim": [0, 2]}, "T"),
        ("Reshape", {"shape": [-1, 4, 2]}, "N*T × 4 × 2"),
        ("Transpose", {}, "N × 8 × T"),
        ("Slice", {"start": 1}, "N × T-1 × 8"),
        ("Slice", {"step": 3}, "N × (T+2)//3 × 8"),
        ("Slice", {"stop": 5}, "N × 5 × 8"),
        ("Repeat", {"repeats": [1, 2, 1]}, "N × 2*T × 8"),
        ("RepeatInterleave", {"repeats": 3}, "N × 3*T × 8"),
        ("Pad", {"pad": [0, 0, 2, 1]}, "N × T+3 × 8"),
        ("Positions", {}, "T"),
        ("CausalMask", {}, "T × T"),
        ("AlibiBias", {"num_heads": 4}, "4 × T × T"),
        ("RandomNormal", {"shape": [3]}, "N × 3"),
        ("Parameter", {"shape": [2, 8]}, "N × 2 × 8"),
        ("SinusoidalPositions", {}, "N × T × 8"),
        ("LearnedPositions", {"max_length": 16}, "N × T × 8"),
        ("TopK", {"k": 3, "dim": 1}, "N × 3 × 8"),
        ("FFT", {"dim": 1}, "N × T × 8"),
        ("RFFT", {"dim": 1}, "N × (T+2)//2 × 8"),
    ],
)
def test_free_sizes_keep_their_names(op: str, params: dict[str, Any], expected: str) -> None:
    spec = chain(op, shape=("N", "T", 8))
    node = list(spec.nodes)[-1]
    for name, value in params.items():
        spec = edit.set_param(spec, node, name, value)
    first = next(iter(edit.OPS[op].output_ports()))
    assert shape(check(spec), node, first) == expected


@pytest.mark.parametrize(
    ("op", "params", "expected"),
    [
        ("STFT", {"hop_length": 160}, "N × 201 × (L+160)//160"),
        ("STFT", {"n_fft": 256, "hop_length": 64, "center": False}, "N × 129 × (L-192)//64"),
        ("MelSpectrogram", {"n_fft": 1024, "hop_length": 256, "n_mels": 80}, "N × 80 × (L+256)//256"),
        ("MFCC", {"n_mfcc": 13}, "N × 13 × (L+100)//100"),
        ("PreEmphasis", {}, "N × L"),
    ],
)
def test_a_spectrum_of_a_free_length_tells_its_frames(op: str, params: dict[str, Any], expected: str) -> None:
    spec = chain(op, shape=("N", "L"))
    node = list(spec.nodes)[-1]
    for name, value in params.items():
        spec = edit.set_param(spec, node, name, value)
    told = shape(check(spec), node)
    assert told == expected
    spec = edit.add(spec, "Output", inputs={"input": node})
    for length in (1024, 1300, 1301):
        (result,) = compile(spec, only="inference").module(torch.randn(2, length)).values()
        sizes = [eval(size, {"N": 2, "L": length}) for size in told.split(" × ")]
        assert list(result.shape) == sizes


def test_a_chunk_of_a_free_axis_gives_as_many_pieces_whatever_its_length() -> None:
    spec = chain("Chunk", shape=("N", 4))
    spec = edit.set_param(edit.set_param(spec, "chunk_1", "dim", 0), "chunk_1", "chunks", 3)
    for place in (1, 2, 3):
        spec = edit.add(spec, "Output", inputs={"input": f"chunk_1.output_{place}"})
    assert check(spec).problems == ()
    for batch in (3, 4, 7):
        sizes = [len(each) for each in compile(spec, only="inference").module(torch.randn(batch, 4)).values()]
        assert sum(sizes) == batch and max(sizes) - min(sizes) <= 1
        told = [shape(check(spec), "chunk_1", f"output_{place}").split(" × ")[0] for place in (1, 2, 3)]
        assert [eval(each, {"N": batch}) for each in told] == sizes


def test_sizes_that_depend_on_the_numbers_fit_where_they_are_one() -> None:
    spec = chain("Unique", shape=("N",))
    spec = edit.add(spec, "Multiply", inputs={"input": "unique_1", "other": "unique_1.counts"})
    report = check(edit.add(spec, "Output", inputs={"input": "multiply_1"}))
    assert report.problems == ()
    assert shape(report, "multiply_1") == shape(report, "unique_1", "values") == shape(report, "unique_1", "counts")
    assert shape(report, "unique_1", "inverse") == "N"


def test_sizes_of_two_masks_do_not_fit() -> None:
    spec = chain("MaskedSelect", shape=("N",))
    spec = edit.add(spec, "IsFinite", inputs={"input": "input_1"})
    spec = edit.connect(spec, "is_finite_1", "masked_select_1", "mask")
    spec = edit.add(spec, "MaskedSelect", inputs={"input": "input_1", "mask": "is_finite_1"})
    spec = edit.add(spec, "Add", inputs={"input": "masked_select_1", "other": "masked_select_2"})
    (problem,) = [each for each in check(spec).problems if each.node]
    assert (problem.node, problem.param) == ("add_1", "other")


# ------------------------------------------------------------------------------------------ training and predicting


def test_attention_weights_are_dropped_only_while_training() -> None:
    module = ScaledDotProductAttention(dropout_p=0.5)
    query, key, value = torch.randn(3, 2, 4, 5, 8).unbind(0)
    whole = nn.functional.scaled_dot_product_attention(query, key, value)
    assert not torch.allclose(module(query, key, value), whole)
    assert torch.equal(module.eval()(query, key, value), whole)


def test_a_variational_sample_is_the_mean_when_predicting() -> None:
    mean, log_variance = torch.randn(4, 3), torch.randn(4, 3)
    module = Reparameterize()
    assert not torch.equal(module(mean, log_variance), mean)
    assert torch.equal(module.eval()(mean, log_variance), mean)
    assert not torch.equal(Reparameterize(sample_in_eval=True).eval()(mean, log_variance), mean)


def test_noise_is_drawn_anew_each_time_and_has_the_mean_and_spread_asked_for() -> None:
    spec = edit.set_param(
        edit.set_param(chain("RandomNormal"), "random_normal_1", "mean", 3), "random_normal_1", "std", 2
    )
    spec = edit.set_param(spec, "random_normal_1", "shape", [1000])
    module = compile(edit.add(spec, "Output", inputs={"input": "random_normal_1"}), only="inference").module.eval()
    one, two = (module(torch.zeros(20, 16))["output_1"] for _ in range(2))
    assert not torch.equal(one, two)
    assert one.mean().item() == pytest.approx(3, abs=0.1)
    assert one.std().item() == pytest.approx(2, abs=0.1)


def test_a_fixed_tensor_moves_with_its_module_and_is_no_weight() -> None:
    module = Fixed(torch.ones(2))
    assert module.state_dict() == {} and not list(module.parameters())
    assert module.to("meta")().device.type == "meta"


def test_a_learned_tensor_is_trained() -> None:
    spec = edit.add(chain(), "Parameter", params={"shape": [16], "std": 0}, inputs={"like": "input_1"})
    spec = edit.add(spec, "MSELoss", inputs={"input": "parameter_1", "target": "input_1"})
    compiled = compile(spec, seed=0)
    assert compiled.report.parameters == 16
    optimizer = torch.optim.SGD(compiled.module.parameters(), lr=2)
    target = torch.arange(16.0).expand(4, 16)
    for _ in range(200):
        optimizer.zero_grad()
        compiled.module(target)["mse_loss_1"].backward()
        optimizer.step()
    (learned,) = compiled.module.parameters()
    assert torch.allclose(learned, torch.arange(16.0), atol=1e-3)


def test_stopped_gradients_reach_nothing_before() -> None:
    spec = chain("Linear", "StopGradient", "Linear")
    compiled = compile(edit.add(spec, "Output", inputs={"input": "linear_2"}), only="inference")
    compiled.module(torch.randn(2, 16))["output_1"].sum().backward()
    grads = {name: each.grad for name, each in compiled.module.named_parameters()}
    assert grads["linear_1.weight"] is None and grads["linear_2.weight"] is not None


@pytest.mark.parametrize("op", ["FloorDivide", "Remainder", "Round", "Sort", "TopK", "Median", "CumMax", "Quantile"])
def test_training_goes_on_through_ops_that_round_or_order(op: str) -> None:
    spec = chain("Linear", op)
    node = list(spec.nodes)[-1]
    if "value" in spec.nodes[node].params:
        spec = edit.set_param(spec, node, "value", 2)
    spec = edit.add(spec, "Output", inputs={"input": node})
    compiled = compile(spec, only="inference")
    compiled.module(torch.randn(2, 16))["output_1"].sum().backward()
    assert all(each.grad is not None for each in compiled.module.parameters())


# ----------------------------------------------------------------------------------------- what is found at run time


def test_a_sequence_longer_than_the_learned_positions_is_refused_by_both_lengths() -> None:
    with pytest.raises(ValueError, match="a sequence has 9 positions, but max_length is 8;"):
        LearnedPositions(8, 4)(torch.zeros(1, 9, 4))


def test_a_slice_that_reaches_past_a_free_axis_is_refused_by_its_length() -> None:
    with pytest.raises(IndexError, match="0:5 are asked for along axis 1, which has only 3"):
        sliced(torch.zeros(2, 3), 1, 0, 5, 1)


# -------------------------------------------------------------------------------------------------------- positions


@pytest.mark.parametrize("interleaved", [False, True])
def test_products_of_rotated_vectors_depend_on_their_distance_alone(interleaved: bool) -> None:
    query, key = torch.randn(2, 1, 8, dtype=torch.float64)
    scores = (
        rotate_by_position(query.expand(12, 8), 100, interleaved)
        @ rotate_by_position(key.expand(12, 8), 100, interleaved).T
    )
    for distance in range(-11, 12):
        along = scores.diagonal(distance)
        assert torch.allclose(along, along[0].expand_as(along), atol=1e-5)
    assert scores[0, 0].item() == pytest.approx((query @ key.T).item(), abs=1e-6)


# ----------------------------------------------------------------------------------------------------------- signal


def test_a_signal_comes_back_from_its_spectrum() -> None:
    spec = edit.add(chain("STFT", shape=("N", "L")), "ISTFT", inputs={"input": "stft_1"})
    module = compile(edit.add(spec, "Output", inputs={"input": "istft_1"}), only="inference").module
    signal = torch.randn(2, 1600)
    assert torch.allclose(module(signal)["output_1"], signal, atol=1e-5)


def test_a_tone_lights_up_its_own_mel_band() -> None:
    seconds = torch.arange(16000) / 16000
    module = MelSpectrogram(n_mels=40, n_fft=512)
    bands = [
        int(module(torch.sin(2 * torch.pi * hertz * seconds)).mean(-1).argmax()) for hertz in (300, 1000, 3000, 7000)
    ]
    mel = [2595 * torch.log10(torch.tensor(1 + hertz / 700)).item() for hertz in (300, 1000, 3000, 7000, 8000)]
    assert bands == [round(each / mel[-1] * 41) - 1 for each in mel[:-1]]


# ------------------------------------------------------------------------------------------------------------ boxes


def many_boxes(seed: int, images: int = 2, boxes: int = 40, classes: int = 3) -> tuple[Tensor, Tensor]:
    """Boxes of 5 to 40 pixels on an image of 100, so that many overlap."""
    source = torch.Generator().manual_seed(seed)
    numbers = torch.rand(images, boxes, 4, generator=source)
    centres_and_sizes = torch.cat((numbers[..., :2] * 100, numbers[..., 2:] * 35 + 5), -1)
    return convert_boxes(centres_and_sizes, "cxcywh", "xyxy"), torch.rand(images, boxes, classes, generator=source)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("generalised", [False, True])
def test_overlaps_of_many_boxes_are_those_of_each_pair(seed: int, generalised: bool) -> None:
    boxes, _ = many_boxes(seed)
    overlaps = (generalized_box_iou if generalised else box_iou)(boxes[0], boxes[1])
    expected = torch.tensor([[share(one, other, generalised) for other in boxes[1]] for one in boxes[0]])
    assert (expected > 0).sum() > 50
    assert torch.allclose(overlaps, expected, atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("iou", "least", "most", "apart", "looked_at"),
    [(0.5, 0.05, 100, True, 1000), (0.1, 0.05, 50, False, 1000), (0.3, 0.5, 10, True, 1000), (0.0, 0.2, 30, True, 60)],
)
def test_suppression_keeps_what_a_loop_over_candidates_keeps(
    seed: int, iou: float, least: float, most: int, apart: bool, looked_at: int
) -> None:
    boxes, scores = many_boxes(seed)
    found = non_maximum_suppression(boxes, scores, iou, least, most, looked_at, not apart)
    expected = suppressed(boxes, scores, iou, least, most, apart, looked_at)
    assert 0 < int(expected[3].sum()) < 2 * 120
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)


def test_suppression_goes_down_a_long_chain_of_overlaps() -> None:
    left = torch.arange(200.0)[:, None] * 4
    boxes = torch.cat((left, left * 0, left + 10, left * 0 + 10), 1)[None]
    scores = torch.linspace(1, 0.5, 200)[None]
    kept = non_maximum_suppression(boxes, scores, 0.4, 0.0, 200, 200, False)[3]
    assert int(kept.sum()) == 100  # each overlaps its neighbours alone, so every second stays


def test_suppression_of_nothing_gives_nothing() -> None:
    boxes, scores = many_boxes(0)
    found = non_maximum_suppression(boxes, scores * 0, 0.5, 0.05, 7, 1000, False)
    assert not any(bool(each.any()) for each in found)
    assert [tuple(each.shape) for each in found] == [(2, 7, 4), (2, 7), (2, 7), (2, 7)]


def test_large_boxes_in_half_precision_have_an_area() -> None:
    boxes = torch.tensor([[0.0, 0, 400, 400], [0, 0, 400, 200]]).half()
    assert box_iou(boxes, boxes)[0].tolist() == [1.0, 0.5]


# ------------------------------------------------------------------------------------------------- one number wired


def test_a_number_in_place_of_a_tensor_keeps_whole_numbers_whole() -> None:
    spec = edit.set_param(chain("Add", dtype="int64"), "add_1", "value", 1)
    assert check(spec).nodes["add_1"].outputs["output"].dtype == "int64"
    spec = edit.set_param(spec, "add_1", "value", 0.5)
    assert check(spec).nodes["add_1"].outputs["output"].dtype == "float32"


def test_masks_combine_and_guide_attention() -> None:
    """Causal and padding masks together, against a loop over what each position may see."""
    spec = edit.add(Spec(), "Input", params={"shape": ["N", 2, "T", 4]})
    spec = edit.add(spec, "Input", params={"shape": ["N", "T"], "dtype": "int64"})
    spec = edit.add(spec, "CausalMask", params={"dim": 2, "form": "allowed"}, inputs={"input": "input_1"})
    spec = edit.add(spec, "TokenMask", params={"form": "allowed"}, inputs={"tokens": "input_2"})
    spec = edit.add(spec, "Unsqueeze", params={"dim": 1}, inputs={"input": "token_mask_1"})
    spec = edit.add(spec, "Unsqueeze", params={"dim": 1}, inputs={"input": "unsqueeze_1"})
    spec = edit.add(spec, "LogicalAnd", inputs={"input": "unsqueeze_2", "other": "causal_mask_1"})
    inputs = {**dict.fromkeys(("query", "key", "value"), "input_1"), "attn_mask": "logical_and_1"}
    spec = edit.add(spec, "ScaledDotProductAttention", inputs=inputs)
    spec = edit.add(spec, "Output", inputs={"input": "scaled_dot_product_attention_1"})
    assert check(spec).problems == ()
    values, tokens = torch.randn(2, 2, 5, 4), torch.tensor([[3, 1, 2, 0, 0], [1, 1, 1, 1, 1]])
    (result,) = compile(spec, only="inference").module(values, tokens).values()
    for n in range(2):
        for t in range(5):
            seen = [s for s in range(t + 1) if tokens[n, s] != 0]
            weights = torch.softmax(values[n, :, t, None] @ values[n][:, seen].transpose(1, 2) / 2, -1)
            assert torch.allclose(result[n, :, t], (weights @ values[n][:, seen])[:, 0], atol=1e-5)
