"""What operations refuse: each mistake stands at the param or port to change, and names the sizes."""

from __future__ import annotations

from typing import Any

import pytest

from engine import edit
from engine.check import check
from engine.spec import Spec
from tests.engine.catalogue.case import Case

Mistakes = list[tuple[str, dict[str, Any], dict[str, Any], str, str]]  # op, params, inputs, where, words

ONE: dict[str, Any] = {"other": None}

ARITHMETIC: Mistakes = [
    ("Add", {}, {"other": "float32 2 4"}, "other",
     "input is 2 × 3 and other is 2 × 4; along axis 1 the sizes must be equal or 1."),
    ("Multiply", {}, {"input": "float32 5 2 3", "other": "float32 4 1 3"}, "other", "along axis 0 the sizes must be"),
    ("Subtract", {}, {"input": "float32 4", "other": "float32 4 1"}, "other", "which would give 4 × 4; put a Squeeze"),
    ("Less", {}, {"input": "float32 4 1", "other": "float32 4"}, "input", "which would give 4 × 4; put a Squeeze"),
    ("Add", {}, ONE, "other", "Nothing is wired to other; wire a tensor to it, or set value to a number."),
    ("Add", {"value": 2}, {}, "value", "value is 2, but a tensor is wired to other; empty value or remove the wire."),
    ("Equal", {}, ONE, "other", "Nothing is wired to other;"),
    ("Equal", {"value": 2}, {}, "value", "a tensor is wired to other;"),
    ("Add", {"value": 300}, {"input": "uint8 3", **ONE},
     "value", "value is 300, but input is uint8, which holds 0 to 255;"),
    ("Multiply", {"value": -1}, {"input": "uint8 3", **ONE}, "value", "which holds 0 to 255;"),
    ("Divide", {"value": 0}, ONE, "value", "value is 0, and nothing can be divided by 0;"),
    ("Remainder", {"value": 0}, {"input": "int64 3", **ONE}, "value", "nothing can be divided by 0;"),
    ("Divide", {"rounding_mode": "floor"}, {"input": "complex64 3", "other": "complex64 3"}, "rounding_mode",
     "input is complex64, which cannot be rounded;"),
    ("Lerp", {}, {"end": "float64 2 3"}, "end", "input is float32 and end is float64; they must be of one type,"),
    ("Addcmul", {"value": 0.5}, dict.fromkeys(("input", "tensor1", "tensor2"), "int64 3"), "value",
     "value is 0.5, but all inputs are whole numbers;"),
    ("Clamp", {"min": None, "max": None}, {}, "min", "min and max are both empty;"),
    ("Clamp", {"min": 2}, {}, "min", "min is 2; it must not be greater than max (1)."),
    ("Round", {"decimals": 1}, {"input": "int64 3"}, "decimals", "whole numbers can only be rounded to 0 decimals."),
    ("Cast", {}, {"input": "complex64 3"}, "input", "would drop the imaginary part; put Real, Abs or Angle before it."),
    ("Complex", {}, {"imag": "float64 2 3"}, "imag", "they must be of one type,"),
    ("Where", {}, {"other": None}, "other", "Nothing is wired to other;"),
    ("Where", {}, {"condition": "bool 2 4"}, "input", "condition is 2 × 4 and input is 2 × 3; along axis 1"),
    ("MaskedFill", {}, {"input": "int64 2 3"},
     "value", "value is empty, for minus infinity, which int64 does not have;"),
    ("MaskedFill", {"value": 0.5}, {"input": "int64 2 3"}, "value", "it must be a whole number."),
    ("MaskedFill", {"value": 2}, {"input": "bool 2 3"}, "value", "it must be 0 or 1."),
    ("IsClose", {}, {"other": "float64 2 3"}, "other", "they must be of one type,"),
]  # fmt: skip

REDUCTION: Mistakes = [
    ("Sum", {"dim": 3}, {}, "dim", "dim is 3, but input has 3 axes; it must lie from -3 to 2."),
    ("Mean", {"dim": [1, -2]}, {}, "dim", "dim is (1, -2), which names axis 1 twice."),
    ("Max", {"dim": -4}, {}, "dim", "dim is -4, but input has 3 axes;"),
    ("Max", {}, {"input": "float32"}, "input", "input is a single number; it has no axis -1."),
    ("Argmax", {"dim": None, "keepdim": True}, {}, "keepdim", "keepdim is true, but dim is empty;"),
    ("Std", {}, {"input": "float32 2 1"}, "dim", "dim covers too few numbers (1) for a correction of 1;"),
    ("Var", {"dim": [0, 1], "correction": 6}, {"input": "float32 2 3"}, "dim", "dim covers too few numbers (6)"),
    ("TopK", {"k": 9}, {}, "k", "k is 9, but axis -1 of input has only 8 numbers."),
    ("KthValue", {"k": 4, "dim": 1}, {}, "k", "k is 4, but axis 1 of input has only 3 numbers."),
    ("CumSum", {"dim": 5}, {}, "dim", "dim is 5, but input has 3 axes;"),
]  # fmt: skip

ALGEBRA: Mistakes = [
    ("MatMul", {}, {"other": "float32 2 5 4"}, "other",
     "the last axis of input (4) must be as long as the second axis from the end of other (5)."),
    ("MatMul", {}, {"other": "float32 5"}, "other", "must be as long as the only axis of other (5)."),
    ("MatMul", {}, {"other": "float32 3 4 5"}, "other", "along axis 0 the sizes must be equal or 1."),
    ("MatMul", {}, {"other": "float64 2 4 5"}, "other", "they must be of one type,"),
    ("BatchMatMul", {}, {"mat2": "float32 3 4 5"}, "mat2", "B is 2 in input and 3 in mat2; they must be equal."),
    ("Einsum", {"equation": "bij->bij"}, {}, "equation", 'equation is "bij->bij", for 1 tensor, but 2 wired;'),
    ("Einsum", {"equation": "bi,bjk->bk"}, {}, "equation", 'Tensor 1 is 2 × 3 × 4, with 3 axes, but "bi" names 2;'),
    ("Einsum", {"equation": "bij,bik->bjk"}, {},
     "tensors", "i is 3 in tensor 1 and 4 in tensor 2; they must be equal."),
    ("Einsum", {"equation": "bij,bjk->bxk"}, {}, "equation", '"x" behind the arrow but not before it;'),
    ("Einsum", {"equation": "bij,bjk->bii"}, {}, "equation", '"i" twice behind the arrow;'),
    ("Einsum", {"equation": "b1j,bjk->bk"}, {}, "equation", 'equation has "1" in "b1j"; only letters,'),
    ("Einsum", {"equation": "bij,bjk->...k"}, {}, "equation", "equation has ... behind the arrow but not before it;"),
    ("Einsum", {"equation": "...ij,...jk"}, {"tensors": ["float32 2 3 4", "float32 5 4 5"]}, "tensors",
     "Among the axes of ..., one is 2 in tensor 1 and 5 in tensor 2;"),
    ("Dot", {}, {"other": "float32 2 4"}, "other", "along axis -1 both must be as long."),
    ("Cross", {}, {"input": "float32 2 4", "other": "float32 2 4"},
     "dim", "a cross product needs vectors of 3 numbers."),
    ("Cdist", {}, {"x2": "float32 2 5 3"}, "x2", "M is 4 in x1 and 3 in x2;"),
    ("Inverse", {}, {"input": "float32 2 3 4"}, "input", "its last two axes must be as long, for square matrices."),
    ("Diagonal", {"offset": 4}, {}, "offset", "the matrices are 3 × 4; it must lie between -3 and 4."),
    ("Diagonal", {"dim1": 2}, {}, "dim2", "dim1 is 2 and dim2 is -1, the same axis;"),
    ("DiagEmbed", {"dim1": 3}, {}, "dim1", "the result has 3 axes, so it must lie from -3 to 2."),
]  # fmt: skip

SHAPE: Mistakes = [
    ("Reshape", {"shape": [5, -1]}, {}, "shape", "the numbers of input, 2 × 3 × 4, cannot be arranged so."),
    ("Reshape", {"shape": [-1, -1]}, {}, "shape", "more than one -1;"),
    ("Permute", {"dims": [0, 1]}, {}, "dims", "dims is (0, 1), but input has 3 axes; name each of them once,"),
    ("Squeeze", {"dim": 0}, {}, "dim", "Axis 0 has size 2; only an axis of size 1 can be removed."),
    ("Unsqueeze", {"dim": 4}, {}, "dim", "it must lie from -3 to 2."),
    ("Expand", {"sizes": [-1, -1]}, {}, "sizes", "give one for each of them,"),
    ("Expand", {"sizes": [-1, 2, 3, 4]}, {}, "sizes", "a new axis needs a size, not -1."),
    ("Expand", {"sizes": [3, 1, 4]}, {}, "sizes", "Axis 0 of input is 2; only a size of 1 can be stretched to 3."),
    ("ExpandAs", {}, {"other": "float32 2 3 5"}, "other", "each axis of input must be 1 or as long as"),
    ("Repeat", {"repeats": [2]}, {}, "repeats", "give a number of copies for each,"),
    ("Concat", {}, {"tensors": ["float32 2 3", "float32 3 3"]},
     "tensors", "Along axis 0, tensor 1 has size 2 and tensor 2 has 3"),
    ("Stack", {}, {"tensors": ["float32 2 3", "float32 2 4"]}, "tensors", "Tensor 1 is 2 × 3 and tensor 2 is 2 × 4;"),
    ("Select", {"index": 5}, {}, "index", "index is 5, but axis 1 has 5 positions."),
    ("Narrow", {"start": 3, "length": 3}, {}, "length", "only 2 of the 5 positions of axis 1 are left from start on."),
    ("Slice", {"start": 3, "stop": 2}, {}, "start", "which leaves none of the 5 positions of axis 1."),
    ("Slice", {"stop": 6}, {}, "stop", "stop is 6, but axis 1 has 5 positions."),
    ("Chunk", {"chunks": 4}, {},
     "chunks", "chunks is 4, which does not divide the 6 positions of axis -1; set a divisor,"),
    ("Split", {"split_sizes": [2, 3]}, {}, "split_sizes", "together the sizes must be 6, as axis -1 is long."),
    ("Split", {"split_sizes": [6, -1]}, {}, "split_sizes", "together the sizes must be fewer than 6,"),
    ("Split", {"split_sizes": [1, -1, -1]}, {}, "split_sizes", "only one size may be -1."),
    ("Split", {"split_sizes": [1] * 9}, {}, "split_sizes", "it must name 1 to 8 pieces."),
    ("Pad", {"pad": [1]}, {}, "pad", "two numbers for each axis that grows."),
    ("Pad", {"pad": [4, 0], "mode": "reflect"}, {}, "pad", "in mode reflect, at most 3 can be added to an axis of 4."),
    ("Pad", {"pad": [1, 1], "mode": "replicate"}, {"input": "float32 2 3 4 4"}, "pad", "input must have 2 or 3 axes"),
    ("Pad", {"value": 0.5}, {"input": "int64 2 3"}, "value", "it must be a whole number."),
]  # fmt: skip

INDEXING: Mistakes = [
    ("Gather", {}, {"index": "int64 3 4"},
     "index", "input is 2 × 3 and index is 3 × 4; along axis 0, index must not be longer."),
    ("Gather", {}, {"index": "int64 2"}, "index", "input has 2 axes and index has 1 axis; both need as many."),
    ("TakeAlongDim", {}, {"indices": "int64 3 4"}, "indices", "along axis 0 the sizes must be equal or 1."),
    ("Scatter", {}, {"src": None}, "src", "Nothing is wired to src;"),
    ("ScatterAdd", {}, {"src": "float32 2 2"}, "src", "src must have as many axes, none of them shorter."),
    ("ScatterAdd", {}, {"src": "float64 2 3"}, "src", "they must be of one type,"),
    ("Bucketize", {"boundaries": [1, 1]}, {}, "boundaries", "each must be greater than the one before."),
    ("Bucketize", {"boundaries": []}, {}, "boundaries", "boundaries is empty;"),
    ("SearchSorted", {}, {"input": "float32 3 3"}, "input", "all axes but the last must be as long."),
    ("Constant", {"value": 0.5, "dtype": "int64"}, {}, "value", "it must be a whole number."),
    ("Constant", {"shape": [0]}, {}, "shape", "shape has the size 0; each must be at least 1."),
    ("Range", {"step": 0}, {}, "step", "step is 0;"),
    ("Range", {"end": 0}, {}, "end", "there are 0 numbers;"),
    ("RandomUniform", {"low": 1}, {}, "low", "low is 1; it must be less than high (1)."),
    ("RandomInteger", {"high": 0}, {}, "low", "it must be less than high (0)."),
    ("Reparameterize", {}, {"mean": "float32 2 1"}, "log_variance", "both need the same shape."),
]  # fmt: skip

REST: Mistakes = [
    ("ScaledDotProductAttention", {}, {"key": "float32 2 4 5 6"}, "key", "E is 8 in query and 6 in key;"),
    ("ScaledDotProductAttention", {"is_causal": True}, {"attn_mask": "bool 7 5"},
     "is_causal", "put both into the mask,"),
    ("ScaledDotProductAttention", {}, {"attn_mask": "float64 7 5"}, "attn_mask", "it must be bool or float32,"),
    ("ScaledDotProductAttention", {}, {"attn_mask": "bool 2 7 5"}, "attn_mask", "(put an Unsqueeze before it)."),
    ("ScaledDotProductAttention", {"enable_gqa": True}, {"key": "float32 2 3 5 8", "value": "float32 2 3 5 8"}, "key",
     "query has 4 heads and key has 3;"),
    ("LearnedPositions", {"max_length": 4}, {}, "max_length", "max_length is 4, but input has 5 positions;"),
    ("RotaryPositions", {}, {"input": "float32 2 5 7"}, "input", "input has 7 features; their number must be even,"),
    ("Interpolate", {"mode": "linear"}, {}, "mode", "set mode to bilinear or nearest."),
    ("Interpolate", {"size": [4]}, {}, "size", "input has 2 axes behind the channels;"),
    ("Interpolate", {"scale_factor": None}, {}, "scale_factor", "size and scale_factor are both empty;"),
    ("Interpolate", {"scale_factor": 0.1}, {}, "scale_factor", "which leaves nothing of an axis of 8."),
    ("Interpolate", {"mode": "area", "align_corners": True}, {}, "align_corners", "mode area cannot align corners;"),
    ("GridSample", {}, {"grid": "float32 2 4 5 3"},
     "grid", "it must have 4 axes, the last of size 2, with x before y."),
    ("Crop", {"left": 5}, {}, "left", "but only 8 pixels are;"),
    ("CenterCrop", {"size": [4, 9]}, {}, "size", "size is 4 × 9, but input is only 8 × 8;"),
    ("NormalizeImage", {"mean": [0.1, 0.2]}, {}, "mean", "input has 3 channels; give one number,"),
    ("NormalizeImage", {"std": [0]}, {}, "std", "each number must be greater than 0."),
    ("NMS", {}, {"scores": "float32 2 12 3 1"}, "scores", "it must be N B, or N B C"),
    ("NMS", {"max_candidates": 50}, {}, "max_candidates", "it must be at least max_detections (100)."),
    ("BoxIoU", {}, {"boxes2": "float32 3 3 4"}, "boxes2", "along axis 0 the sizes must be equal or 1."),
    ("STFT", {"n_fft": 801}, {}, "n_fft", "input must have more than 400 samples, but it has 400;"),
    ("STFT", {"n_fft": 512, "center": False}, {}, "n_fft", "not enough for one frame;"),
    ("STFT", {"win_length": 500}, {}, "win_length", "it must be at most n_fft (400)."),
    ("ISTFT", {"n_fft": 256}, {}, "n_fft", "input has 201 frequencies, but an n_fft of 256 has 129;"),
    ("ISTFT", {"hop_length": 300}, {}, "hop_length", "it must be at most half the window (400),"),
    ("ISTFT", {"length": 900}, {}, "length", "5 frames hold at most 600 samples."),
    ("MelSpectrogram", {"n_mels": 128}, {}, "n_mels", "of the bands would hold no frequency of an n_fft of 400;"),
    ("MelSpectrogram", {"f_max": 9000}, {}, "f_max", "it must be at most half of sample_rate (8000)."),
    ("MelSpectrogram", {"f_min": 8000}, {}, "f_min", "it must be less than f_max (8000)."),
    ("MFCC", {"n_mfcc": 65}, {}, "n_mfcc", "it must be at most n_mels (64)."),
    ("Decibels", {}, {"input": "float32 5"}, "top_db", "but input has fewer; empty it."),
    ("IRFFT", {}, {"input": "complex64 2 1"}, "dim", "it needs at least 2."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("op", "params", "inputs", "where", "words"), [*ARITHMETIC, *REDUCTION, *ALGEBRA, *SHAPE, *INDEXING, *REST]
)
def test_an_operation_refuses(op: str, params: dict[str, Any], inputs: dict[str, Any], where: str, words: str) -> None:
    found = [each for each in check(Case(op, params=params, inputs=inputs).spec()).problems if each.node]
    found = [each for each in found if "gives no tensor" not in each.message]
    assert [(each.param, words in each.message) for each in found] == [(where, True)], found
    assert found[0].message.endswith(".")


def free(op: str, params: dict[str, Any], **inputs: list[int | str]) -> Spec:
    """An op whose inputs have free sizes."""
    spec, wires = Spec(), {}
    for port, shape in inputs.items():
        name = edit.new_id(spec, "Input")
        spec = edit.add(spec, "Input", params={"shape": shape})
        wires[port] = name
    return edit.add(spec, op, params=params, inputs=wires)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (free("Add", {}, input=["N", 3], other=["N", 4]), "input is N × 3 and other is N × 4; along axis 1"),
        (free("Multiply", {}, input=["N", "T"], other=["N", "S"]), "input is N × T and other is N × S; along axis 1"),
        (free("Subtract", {}, input=["N"], other=["N", 1]), "which would give N × N;"),
        (free("Split", {}, input=["N", "T"]), "axis -1 has the size T, which varies,"),
        (free("Diagonal", {}, input=["N", "T", 4]), "the length of a diagonal of T × 4 is not known beforehand,"),
        (free("Reshape", {"shape": [-1, 8]}, input=["N", 4]), "the numbers of input, N × 4, cannot be arranged so."),
    ],
)
def test_a_mistake_names_free_sizes(spec: Spec, words: str) -> None:
    (problem,) = [each for each in check(spec).problems if each.node]
    assert words in problem.message
