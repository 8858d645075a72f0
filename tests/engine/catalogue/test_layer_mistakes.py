"""What layers refuse: each mistake stands at the param or port to change, and names the sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from engine.check import check
from tests.engine.catalogue.case import Case

Mistakes = list[tuple[str, dict[str, Any], dict[str, Any], str, str]]  # op, params, inputs, where, words

CONVOLUTION: Mistakes = [
    ("Conv2d", {"groups": 2}, {}, "groups", "input has 3 channels, which 2 groups do not divide; take 1."),
    ("Conv1d", {"stride": 2}, {}, "padding", 'padding "same" needs stride 1'),
    ("Conv2d", {"kernel_size": [3, 9], "padding": 0}, {"input": "float32 2 3 8 8"}, "kernel_size",
     "kernel_size 9 reaches over 9 positions along axis 3, where input has 8;"),
    ("Conv1d", {"padding": 1, "dilation": 9}, {}, "kernel_size",
     "kernel_size 3 (dilation 9) reaches over 19 positions along axis 2, where input has 18 with its padding;"),
    ("Conv2d", {"padding": [0, 16], "padding_mode": "reflect"}, {}, "padding",
     'padding is 16 along axis 3, which has size 16; with padding_mode "reflect" it can be at most 15.'),
    ("Conv3d", {"kernel_size": [1, 1, 19], "padding_mode": "circular"}, {}, "padding",
     'padding is 9 along axis 4, which has size 8; with padding_mode "circular" it can be at most 8.'),
    ("ConvTranspose2d", {"output_padding": 2}, {}, "output_padding", "must be less than stride or dilation."),
    ("ConvTranspose1d", {"padding": 8}, {}, "padding", "padding 8 at both ends cuts off all 16 positions"),
]  # fmt: skip

POOLING: Mistakes = [
    ("MaxPool2d", {"padding": 2}, {}, "padding", "padding is 2; it must be at most half of kernel_size (2)."),
    ("AvgPool1d", {"kernel_size": 17}, {}, "kernel_size", "over 17 positions along axis 2, where input has 16;"),
    ("LPPool3d", {"kernel_size": [1, 9, 1]}, {}, "kernel_size", "along axis 3, where input has 8;"),
    ("FractionalMaxPool2d", {"output_size": 4}, {}, "output_size", "output_size and output_ratio are both set;"),
    ("FractionalMaxPool2d", {"output_ratio": None}, {}, "output_size", "Neither is set;"),
    ("FractionalMaxPool2d", {"output_ratio": [0.5, 0.5, 0.5]}, {}, "output_ratio", "it must have one, or 2."),
    ("FractionalMaxPool3d", {"output_ratio": 0.1}, {}, "output_ratio", "leaves nothing of axis 2, which has size 8."),
    ("FractionalMaxPool2d", {"output_size": 16, "output_ratio": None}, {}, "output_size",
     "16 windows of 2 do not fit into axis 2 of size 16; it must be at least 17,"),
    ("MaxUnpool2d", {"output_size": [8, 10]}, {}, "output_size",
     "size 10 along axis 3; with this kernel_size, stride and padding it can be 7 to 9."),
    ("MaxUnpool1d", {"padding": 8}, {}, "padding", "The result would have size 0"),
    ("MaxUnpool1d", {}, {"indices": "int64 2 3 7"}, "indices", "L is 8 in input and 7 in indices;"),
]  # fmt: skip

PADDING: Mistakes = [
    ("ReflectionPad1d", {"padding": [0, 8]}, {}, "padding", "padding is 8 along axis 2, which has size 8; a mirror"),
    ("ReflectionPad2d", {"padding": [0, 0, 6, 0]}, {}, "padding", "padding is 6 along axis 2, which has size 6;"),
    ("CircularPad3d", {"padding": [0, 0, 6, 0, 0, 0]}, {}, "padding", "padding is 6 along axis 3, which has size 5;"),
    ("ZeroPad2d", {"padding": [-4, -4, 0, 0]}, {}, "padding", "padding cuts off all 8 positions along axis 3."),
    ("ConstantPad1d", {"value": 0.5}, {"input": "int64 2 3 8"}, "value", "value is 0.5, and input holds whole numbers"),
]  # fmt: skip

ACTIVATION: Mistakes = [
    ("PReLU", {"num_parameters": 4}, {}, "num_parameters", "it must be 1, or 5 for the channels of input."),
    ("RReLU", {"lower": 0.5}, {}, "lower", "lower is 0.5; it must be at most upper"),
    ("Hardtanh", {"min_val": 1.0}, {}, "min_val", "it must be less than max_val (1.0)."),
    ("Threshold", {"value": 0.5}, {"input": "int32 3"}, "value", "input holds whole numbers (int32)."),
    ("GLU", {}, {"input": "float32 2 5"}, "dim", "Axis -1 of input has size 5; to be halved, it must be even."),
    ("Softmin", {"dim": 2}, {}, "dim", "dim is 2, but input has 2 axes."),
]

NORMALIZATION: Mistakes = [
    ("InstanceNorm1d", {}, {"input": "float32 2 3 1"}, "input", "one number in each channel;"),
    ("RMSNorm", {"axes": 3}, {}, "axes", "axes is 3, but input has 3 axes with the batch."),
    ("GroupNorm", {"num_groups": 3}, {}, "num_groups", "does not divide the 16 channels of input; take 2 or 4."),
    ("LocalResponseNorm", {}, {"input": "float32 2 6"}, "input", "it must have at least 3, N C L ..."),
]

RECURRENT: Mistakes = [
    ("LSTM", {"proj_size": 64}, {}, "proj_size", "it must be less than hidden_size (64)."),
    ("LSTM", {}, {"h_0": "float32 1 2 64"}, "c_0", "h_0 and c_0 go together: wire both or none."),
    ("LSTM", {"proj_size": 3}, {"h_0": "float32 1 2 64", "c_0": "float32 1 2 64"}, "h_0", "must be [1, 2, 3]:"),
    ("GRU", {"bidirectional": True}, {"h_0": "float32 1 2 64"}, "h_0", "h_0 is [1, 2, 64]; it must be [2, 2, 64]:"),
    ("GRU", {"batch_first": False}, {"h_0": "float32 1 2 64"}, "h_0", "h_0 is [1, 2, 64]; it must be [1, 7, 64]:"),
    ("RNN", {"dropout": 0.5}, {}, "dropout", "set num_layers to 2 or more."),
    ("LSTMCell", {}, {"c_0": "float32 2 64"}, "h_0", "h_0 and c_0 go together: wire both or none."),
    ("GRUCell", {}, {"h_0": "float32 2 5"}, "h_0", "h_0 is [2, 5]; it must be [2, 64]: batch, hidden_size."),
    ("RNNCell", {}, {"h_0": "float32 3 64"}, "h_0", "N is 2 in input and 3 in h_0; they must be equal."),
]

EMBEDDING: Mistakes = [
    ("Embedding", {"padding_idx": 1000}, {}, "padding_idx", "it must be less than num_embeddings (1000)."),
    ("Embedding", {"sparse": True, "scale_grad_by_freq": True}, {}, "sparse", "do not go together;"),
    ("EmbeddingBag", {}, {"input": "int64 9"}, "offsets", "wire offsets, the place where each bag starts."),
    ("EmbeddingBag", {}, {"input": "int64 2 3 4"}, "input", "input has 3 axes; it must be a bag a row (N L), or"),
    ("EmbeddingBag", {}, {"offsets": "int64 2"}, "offsets", "so offsets say nothing;"),
    ("EmbeddingBag", {}, {"input": "int64 9", "offsets": "int32 2"}, "offsets", "both must be one type."),
    ("EmbeddingBag", {"include_last_offset": True}, {"input": "int64 9", "offsets": "int64 1"}, "offsets", "two or"),
    ("EmbeddingBag", {"mode": "max", "sparse": True}, {}, "sparse", 'mode "max" works without sparse only;'),
    ("EmbeddingBag", {}, {"per_sample_weights": "float32 2 7"}, "per_sample_weights", 'with mode "sum" only'),
    ("EmbeddingBag", {"mode": "sum"}, {"per_sample_weights": "float32 7"}, "per_sample_weights", "for each index."),
]  # fmt: skip

ATTENTION: Mistakes = [
    ("MultiheadAttention", {"num_heads": 3}, {}, "num_heads", "does not divide the 16 features of query; take 2 or 4."),
    ("MultiheadAttention", {}, {"query": "float32 3 7 16"}, "key", "query has a batch of 3 and key of 2 (axis 0);"),
    ("MultiheadAttention", {}, {"value": "float32 2 6 16"}, "value", "S/N is 5 in key and 6 in value;"),
    ("MultiheadAttention", {}, {"attn_mask": "bool 5 7"}, "attn_mask", "is [5, 7]; it must be [7, 5], from step"),
    ("MultiheadAttention", {}, {"attn_mask": "bool 2 7 5"}, "attn_mask", "or [16, 7, 5] with a mask for each sample"),
    ("MultiheadAttention", {}, {"key_padding_mask": "bool 2 7"}, "key_padding_mask", "it must be [2, 5], a number"),
    ("MultiheadAttention", {}, {"key_padding_mask": "bool 2 5", "attn_mask": "float32 7 5"}, "key_padding_mask",
     "attn_mask is float32 and key_padding_mask is bool; both must be one type."),
    ("MultiheadAttention", {"is_causal": True}, {"attn_mask": "bool 7 5"}, "attn_mask", "on and attn_mask is wired;"),
    ("TransformerEncoder", {"nhead": 5}, {}, "nhead", "does not divide the 16 features of src; take 2 or 4."),
    ("TransformerEncoderLayer", {}, {"src_key_padding_mask": "bool 7 2"}, "src_key_padding_mask", "it must be [2, 7],"),
    ("TransformerDecoder", {}, {"memory": "float32 2 7 8"}, "memory", "E is 16 in tgt and 8 in memory;"),
    ("TransformerDecoderLayer", {"batch_first": False}, {}, "memory", "tgt has a batch of 5 and memory of 7 (axis 1);"),
    ("TransformerDecoderLayer", {"memory_is_causal": True}, {"memory_mask": "bool 5 7"}, "memory_mask", "is_causal is"),
    ("Transformer", {}, {"memory_mask": "bool 7 5"}, "memory_mask", "it must be [5, 7], from step to step,"),
    ("Transformer", {"tgt_is_causal": True}, {"tgt_mask": "bool 5 5"}, "tgt_mask", "turn it off, or unwire the mask."),
]  # fmt: skip

OTHERS: Mistakes = [
    ("Bilinear", {}, {"input2": "float32 3 3"}, "input2", "input1 is [2, 5] and input2 is [3, 3];"),
    ("Flatten", {"start_dim": 2, "end_dim": 1}, {}, "start_dim", "which lies behind end_dim (1)."),
    ("Unflatten", {"unflattened_size": [3, -1]}, {}, "unflattened_size", "has size 16, which (3, -1) does not split."),
    ("Unflatten", {"unflattened_size": [4, 5]}, {}, "unflattened_size", "has size 16, which (4, 5) does not split."),
    ("Unflatten", {"unflattened_size": [-1, -1]}, {}, "unflattened_size", "more than one -1;"),
    ("Unflatten", {"unflattened_size": []}, {}, "unflattened_size", "() does not split."),
    ("Unflatten", {"unflattened_size": [0, -1]}, {}, "unflattened_size", "(0, -1) does not split."),
    ("CosineSimilarity", {"dim": 2}, {}, "dim", "dim is 2, but x1 has 2 axes."),
    ("CosineSimilarity", {}, {"x2": "float32 4 1"}, "x2", "both must have one size."),
    ("PairwiseDistance", {}, {"x2": "float32 8"}, "x2", "both must have as many axes."),
    ("PairwiseDistance", {}, {"x2": "float32 3 8"}, "x2", "x1 is [4, 8] and x2 is [3, 8]; sizes must be equal, or 1."),
    ("PixelShuffle", {"upscale_factor": 3}, {}, "upscale_factor", "8 channels, which upscale_factor squared (9)"),
    ("PixelUnshuffle", {"downscale_factor": 3}, {}, "downscale_factor", "Axis 2 of input has size 8,"),
    ("ChannelShuffle", {"groups": 3}, {}, "groups", "which does not divide the 4 channels of input."),
    ("Upsample", {"size": 3}, {}, "size", "size and scale_factor are both set;"),
    ("Upsample", {"scale_factor": None}, {}, "size", "Neither is set;"),
    ("Upsample", {"scale_factor": [2.0, 2.0, 2.0]}, {}, "scale_factor", "it must have one, or 2."),
    ("Upsample", {"scale_factor": 0.2}, {}, "scale_factor", "leaves nothing of axis 2, which has size 4."),
    ("Upsample", {"mode": "linear"}, {}, "mode", '"linear"; an input of 4 axes takes nearest,'),
    ("Upsample", {"mode": "area"}, {"input": "uint8 2 3 4 4"}, "input", '"area" needs floats, and input is uint8;'),
    ("Upsample", {"align_corners": True}, {}, "align_corners", "goes with the modes linear, bilinear,"),
    ("Upsample", {}, {"input": "float32 1 2 3 4 5 6"}, "input", "input has 6 axes; it must have 3 to 5"),
    ("Unfold", {"kernel_size": 9}, {}, "kernel_size", "reaches over 9 positions along axis 2, where input has 8;"),
    ("Fold", {"kernel_size": 5}, {}, "kernel_size", "input has 12 rows, which patches of 5 x 5 do not divide."),
    ("Fold", {"output_size": [8, 7]}, {}, "output_size", "an image of output_size holds 7 x 6"),
    ("Fold", {"output_size": 1}, {}, "kernel_size", "Not a single patch fits"),
    ("AdaptiveLogSoftmax", {"cutoffs": [100, 100]}, {}, "cutoffs", "in rising order, below n_classes (10000)."),
    ("AdaptiveLogSoftmaxWithLoss", {"cutoffs": [10_000]}, {}, "cutoffs", "in rising order, below n_classes (10000)."),
    ("AdaptiveLogSoftmaxWithLoss", {"cutoffs": []}, {}, "cutoffs", "one or more classes"),
    ("AdaptiveLogSoftmax", {"div_value": 9.0}, {}, "div_value", "leaves none of for the last of 2 clusters;"),
]  # fmt: skip

ALL = [*CONVOLUTION, *POOLING, *PADDING, *ACTIVATION, *NORMALIZATION, *RECURRENT, *EMBEDDING, *ATTENTION, *OTHERS]


@pytest.mark.parametrize(("op", "params", "inputs", "where", "words"), ALL)
def test_a_mistake_stands_where_it_can_be_mended(
    op: str, params: Mapping[str, Any], inputs: Mapping[str, Any], where: str, words: str
) -> None:
    spec = Case(op, params=params, inputs=inputs).spec()
    (problem,) = [each for each in check(spec).problems if "gives no tensor" not in each.message]
    assert spec.nodes[str(problem.node)].op == op
    assert problem.param == where
    assert words in problem.message
    assert problem.message.endswith(".")
