"""The common mistakes of people who design networks: each is told with its sizes, and each fix offered works."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from engine import block_edits, edit, fixes
from engine.check import Checker, check
from engine.examples import examples
from engine.mistakes.trial import MOST_OFFERED
from engine.ops import OPS
from engine.problem import Fix, Mistake, Problem
from engine.spec import Node, Spec, dumps, load
from tests import architectures

Wires = Any  # a wire into the first input, {port: wire}, or a list of wires for a list port
Layers = dict[str, tuple[str, Wires, dict[str, Any]]]  # node -> op, wires, params


def net(inputs: dict[str, str], layers: Layers, output: str | None = None) -> Spec:
    """Inputs such as {"image": "float32 N 3 8 8"}, layers, and an Output at one of them (the last is the default)."""
    spec = Spec()
    for name, text in inputs.items():
        dtype, *sizes = text.split()
        shape = [int(size) if size.isdigit() else size for size in sizes]
        spec = with_node(spec, name, "Input", {}, {"shape": shape, "dtype": dtype})
    for name, (op, wires, params) in layers.items():
        first = next(iter(OPS[op].input_ports()))
        spec = with_node(spec, name, op, wires if isinstance(wires, dict) else {first: wires}, params)
    end = output if output is not None else next(reversed(layers))
    return with_node(spec, "out", "Output", {"input": end}, {}) if end and OPS[spec.nodes[end].op].outputs else spec


def with_node(spec: Spec, name: str, op: str, wires: dict[str, Any], params: dict[str, Any]) -> Spec:
    inputs = {port: tuple(wire) if isinstance(wire, list) else wire for port, wire in wires.items()}
    node = Node(name, op, edit.jsonable({**OPS[op].defaults(), **params}), inputs)
    return spec.with_nodes([*spec.nodes.values(), node])


def with_wires(spec: Spec, node: Node) -> Spec:
    return spec.with_nodes(node if each.id == node.id else each for each in spec.nodes.values())


def classifier(layers: Layers, loss: str = "CrossEntropyLoss", label: str = "int64 N", **inputs: str) -> Spec:
    """Layers from inputs, the last of them named "scores", into a loss."""
    ends: Layers = {"loss": (loss, {"input": "scores", "target": "label"}, {})}
    return net({**inputs, "label": label}, {**layers, **ends}, "")


@dataclass(frozen=True)
class Mistaken:
    """A spec with one mistake: where it stands, words of its message, and the labels of fixes that must be offered."""

    spec: Spec
    node: str
    param: str
    words: str
    labels: tuple[str, ...]


TABLE: dict[str, Mistaken] = {
    # ------------------------------------------------------------------------------------------------------ types
    "whole numbers into a Linear": Mistaken(
        net({"x": "int64 N 8"}, {"fc": ("Linear", "x", {})}),
        "fc", "input", "input is int64, and Linear takes float32; put a Cast before it.", ("Insert Cast before fc",)),
    "bytes into a convolution": Mistaken(
        net({"x": "uint8 N 3 8 8"}, {"conv": ("Conv2d", "x", {})}),
        "conv", "input", "input is uint8, and Conv2d takes float32", ("Insert Cast before conv",)),
    "double precision into a Linear": Mistaken(
        net({"x": "float64 N 8"}, {"fc": ("Linear", "x", {})}),
        "fc", "input", "input is float64, and Linear takes float32", ("Insert Cast before fc",)),
    "fractions into an Embedding": Mistaken(
        net({"x": "float32 N T"}, {"embed": ("Embedding", "x", {})}),
        "embed", "input", "input is float32, and Embedding takes one of int64, int32", ("Insert Cast before embed",)),
    "two precisions in a product": Mistaken(
        net({"a": "float32 N 3 4", "b": "float64 N 4 5"}, {"mul": ("MatMul", {"input": "a", "other": "b"}, {})}),
        "mul", "other", "input is float32 and other is float64",
        ("Insert Cast before other of mul", "Insert Cast before input of mul")),
    "truth into arithmetic": Mistaken(
        net({"x": "float32 N 4"}, {"big": ("Greater", "x", {"value": 0.5}), "mean": ("Mean", "big", {})}),
        "mean", "input", "input is bool", ("Insert Cast before mean",)),
    # ------------------------------------------------------------------------------------------------------- axes
    "no Flatten before the head": Mistaken(
        classifier({"conv": ("Conv2d", "x", {}), "scores": ("Linear", "conv", {"out_features": 10})},
                   x="float32 N 3 8 8"),
        "loss", "target", "target is N; for an input of N × 32 × 8 × 10", ("Insert Flatten before scores",)),
    "an image into a BatchNorm1d": Mistaken(
        net({"x": "float32 N 3 8 8"}, {"norm": ("BatchNorm1d", "x", {})}),
        "norm", "input", "input has 4 axes; BatchNorm1d takes N C or N C L", ("Make norm a BatchNorm2d",)),
    "vectors into a BatchNorm2d": Mistaken(
        net({"x": "float32 N 8"}, {"norm": ("BatchNorm2d", "x", {})}),
        "norm", "input", "input is N × 8", ("Make norm a BatchNorm1d",)),
    "vectors into a Dropout2d": Mistaken(
        net({"x": "float32 N 8"}, {"drop": ("Dropout2d", "x", {})}),
        "drop", "input", "it must have 4 axes, N C H W", ("Make drop a Dropout",)),
    "a sequence into a Conv2d": Mistaken(
        net({"x": "float32 N 8 T"}, {"conv": ("Conv2d", "x", {})}),
        "conv", "input", "input is N × 8 × T", ("Make conv a Conv1d",)),
    "a sequence into a MaxPool2d": Mistaken(
        net({"x": "float32 N 8 T"}, {"pool": ("MaxPool2d", "x", {})}),
        "pool", "input", "3 axes", ("Make pool a MaxPool1d",)),
    "images without channels": Mistaken(
        net({"x": "float32 N 8 8"}, {"conv": ("Conv2d", "x", {})}),
        "conv", "input", "input is N × 8 × 8", ("Insert Unsqueeze before conv",)),
    "images in one row": Mistaken(
        net({"x": "float32 N 784"}, {"conv": ("Conv2d", "x", {})}),
        "conv", "input", "input is N × 784",
        ("Insert Unflatten (dim 1, unflattened_size 1x28x28) before input of conv",)),
    "an image into an LSTM": Mistaken(
        net({"x": "float32 N 16 8 8"}, {"lstm": ("LSTM", "x", {})}),
        "lstm", "input", "input is N × 16 × 8 × 8", ("Insert Flatten and Transpose before lstm",)),
    "vectors into an LSTM": Mistaken(
        net({"x": "float32 N 16"}, {"lstm": ("LSTM", "x", {})}),
        "lstm", "input", "input is N × 16", ("Insert Unsqueeze (dim 1) before input of lstm",)),
    "features last into a Conv1d": Mistaken(
        net({"x": "float32 N T 16"}, {"conv": ("Conv1d", "x", {})}),
        "conv", "input", "depends on T, which varies", ("Insert Transpose before conv",)),
    "images of any size into a Linear": Mistaken(
        net({"x": "float32 N 3 H W"}, {"conv": ("Conv2d", "x", {}), "flat": ("Flatten", "conv", {}),
                                       "fc": ("Linear", "flat", {})}),
        "fc", "input", "varies", ("Insert AdaptiveAvgPool2d before flat",)),
    "a Flatten of the batch": Mistaken(
        net({"x": "float32 N 3 8"}, {"flat": ("Flatten", "x", {"start_dim": 0}), "fc": ("Linear", "flat", {})}),
        "fc", "input", "depends on 24*N, which varies", ("Set start_dim of flat to 1",)),
    "an image into an attention": Mistaken(
        net({"x": "float32 N 16 8 8"},
            {"attn": ("MultiheadAttention", {"query": "x", "key": "x", "value": "x"}, {})}),
        "attn", "query", "query is N × 16 × 8 × 8", ("Insert Flatten and Transpose before attn",)),
    "words without an Embedding": Mistaken(
        net({"x": "int64 N T"}, {"enc": ("TransformerEncoder", "x", {})}),
        "enc", "src", "src is int64, and TransformerEncoder takes float32 of 3 axes; put an Embedding before indices",
        ("Insert Embedding before enc",)),
    "channels last": Mistaken(
        net({"x": "float32 N 32 32 3"}, {"conv": ("Conv2d", "x", {})}),
        "conv", "input", "input is N × 32 × 32 × 3, which reads as N H W C", ("Insert Permute before conv",)),
    "an axis that is not there": Mistaken(
        net({"x": "float32 N 8"}, {"soft": ("Softmax", "x", {"dim": 2})}),
        "soft", "dim", "dim is 2, but input has 2 axes", ("Set dim of soft to -1",)),
    "a Transpose of axes that are not there": Mistaken(
        net({"x": "float32 N 8 4"}, {"turn": ("Transpose", "x", {"dim0": 1, "dim1": 3})}),
        "turn", "dim1", "dim1 is 3, but input has 3 axes", ("Set dim1 of turn to -1",)),
    "a Permute of too few axes": Mistaken(
        net({"x": "float32 N 3 8 8"}, {"turn": ("Permute", "x", {"dims": [0, 2, 1]})}),
        "turn", "dims", "dims is (0, 2, 1), but input has 4 axes", ("Set dims of turn to (0, 2, 1, 3)",)),
    "a Squeeze of an axis with many numbers": Mistaken(
        net({"x": "float32 N 8 1"}, {"drop": ("Squeeze", "x", {})}),
        "drop", "dim", "Axis 1 has size 8", ("Set dim of drop to 2",)),
    "a Reshape with the batch fixed": Mistaken(
        net({"x": "float32 N 3 4"}, {"shape": ("Reshape", "x", {"shape": [32, 12]})}),
        "shape", "shape", "shape is (32, 12), but the numbers of input, N × 3 × 4",
        ("Set shape of shape to (-1, 12)",)),
    "a Reshape to too few numbers": Mistaken(
        net({"x": "float32 N 16 5 5"}, {"shape": ("Reshape", "x", {"shape": [-1, 120]})}),
        "shape", "shape", "N × 16 × 5 × 5, cannot be arranged so",
        ("Set shape of shape to (-1, 400)", "Make shape a Flatten")),
    "an Unflatten that does not split": Mistaken(
        net({"x": "float32 N 12"}, {"split": ("Unflatten", "x", {"unflattened_size": [4, 4]})}),
        "split", "unflattened_size", "has size 12, which (4, 4) does not split",
        ("Set unflattened_size of split to (-1, 4)",)),
    "a norm over too many axes": Mistaken(
        net({"x": "float32 N 8"}, {"norm": ("LayerNorm", "x", {"axes": 2})}),
        "norm", "axes", "axes is 2, but input has 2 axes", ("Set axes of norm to 1",)),
    # --------------------------------------------------------------------------------------------------- dividing
    "heads that do not divide": Mistaken(
        net({"x": "float32 N T 64"},
            {"attn": ("MultiheadAttention", {"query": "x", "key": "x", "value": "x"}, {"num_heads": 6})}),
        "attn", "num_heads", "num_heads is 6, which does not divide the 64 features of query",
        ("Set num_heads of attn to 4", "Set num_heads of attn to 8")),
    "heads of an encoder that do not divide": Mistaken(
        net({"x": "float32 N T 20"}, {"enc": ("TransformerEncoderLayer", "x", {})}),
        "enc", "nhead", "nhead is 8, which does not divide the 20 features", ("Set nhead of enc to 10",)),
    "groups that do not divide the input": Mistaken(
        net({"x": "float32 N 6 8 8"}, {"conv": ("Conv2d", "x", {"groups": 4, "out_channels": 12})}),
        "conv", "groups", "input has 6 channels, which 4 groups do not divide", ("Set groups of conv to 3",)),
    "groups that do not divide the output": Mistaken(
        net({"x": "float32 N 24 8 8"}, {"conv": ("Conv2d", "x", {"groups": 24, "out_channels": 32})}),
        "conv", "groups", "out_channels is 32, which 24 groups do not divide",
        ("Set out_channels of conv to 24", "Set out_channels of conv to 48")),
    "norm groups that do not divide": Mistaken(
        net({"x": "float32 N 12 8 8"}, {"norm": ("GroupNorm", "x", {"num_groups": 8})}),
        "norm", "num_groups", "num_groups is 8, which does not divide the 12 channels",
        ("Set num_groups of norm to 6",)),
    # ---------------------------------------------------------------------------------------------------- windows
    "a kernel larger than the image": Mistaken(
        net({"x": "float32 N 3 4 4"}, {"conv": ("Conv2d", "x", {"kernel_size": 7, "padding": 0})}),
        "conv", "kernel_size", "kernel_size 7 reaches over 7 positions along axis 2, where input has 4",
        ("Set padding of conv to same", "Set kernel_size of conv to 4")),
    "pooling of a single pixel": Mistaken(
        net({"x": "float32 N 3 1 1"}, {"pool": ("MaxPool2d", "x", {})}),
        "pool", "kernel_size", "where input has 1", ("Remove pool",)),
    "same padding with a stride": Mistaken(
        net({"x": "float32 N 3 8 8"}, {"conv": ("Conv2d", "x", {"stride": 2})}),
        "conv", "padding", 'padding "same" needs stride 1, and stride is 2', ("Set padding of conv to 1",)),
    "more padding than a pooling takes": Mistaken(
        net({"x": "float32 N 3 8 8"}, {"pool": ("MaxPool2d", "x", {"padding": 2})}),
        "pool", "padding", "padding is 2; it must be at most half of kernel_size (2)", ("Set padding of pool to 1",)),
    "more output padding than a stride": Mistaken(
        net({"x": "float32 N 3 8 8"}, {"up": ("ConvTranspose2d", "x", {"output_padding": 2})}),
        "up", "output_padding", "output_padding is 2", ("Set output_padding of up to 1",)),
    "an Upsample without a size": Mistaken(
        net({"x": "float32 N 3 8 8"}, {"up": ("Upsample", "x", {"scale_factor": None})}),
        "up", "size", "Neither is set", ("Set scale_factor of up to 2.0",)),
    "an Upsample with two sizes": Mistaken(
        net({"x": "float32 N 3 8 8"}, {"up": ("Upsample", "x", {"size": 16})}),
        "up", "size", "size and scale_factor are both set", ("Empty scale_factor of up", "Empty size of up")),
    "the mode of another number of axes": Mistaken(
        net({"x": "float32 N 3 8 8"}, {"up": ("Upsample", "x", {"mode": "linear"})}),
        "up", "mode", 'mode is "linear"; an input of 4 axes takes', ("Set mode of up to bilinear",)),
    # ---------------------------------------------------------------------------------------------------- joining
    "a skip of other channels": Mistaken(
        net({"x": "float32 N 64 8 8"},
            {"conv": ("Conv2d", "x", {"out_channels": 128}), "add": ("Add", {"input": "conv", "other": "x"}, {})}),
        "add", "other", "input is N × 128 × 8 × 8 and other is N × 64 × 8 × 8", ("Insert Conv2d before other of add",)),
    "a skip of other channels and another size": Mistaken(
        net({"x": "float32 N 64 8 8"},
            {"conv": ("Conv2d", "x", {"out_channels": 128, "stride": 2, "padding": 1}),
             "add": ("Add", {"input": "conv", "other": "x"}, {})}),
        "add", "other", "input is N × 128 × 4 × 4 and other is N × 64 × 8 × 8", ("Insert Conv2d before add",)),
    "a sum of other widths": Mistaken(
        net({"x": "float32 N T 64"},
            {"fc": ("Linear", "x", {"out_features": 32}), "add": ("Add", {"input": "fc", "other": "x"}, {})}),
        "add", "other", "input is N × T × 32 and other is N × T × 64", ("Insert Linear before other of add",)),
    "a sum of other image sizes": Mistaken(
        net({"a": "float32 N 8 16 16", "b": "float32 N 8 8 8"}, {"add": ("Add", {"input": "a", "other": "b"}, {})}),
        "add", "other", "input is N × 8 × 16 × 16 and other is N × 8 × 8 × 8",
        ("Insert Upsample before other of add",)),
    "a gate without its axes": Mistaken(
        net({"x": "float32 N 8 5 5", "gate": "float32 N 8"},
            {"mul": ("Multiply", {"input": "x", "other": "gate"}, {})}),
        "mul", "other", "input is N × 8 × 5 × 5 and other is N × 8", ("Insert Unsqueeze and Unsqueeze before mul",)),
    "a row and a column": Mistaken(
        net({"a": "float32 N", "b": "float32 N 1"}, {"sub": ("Subtract", {"input": "a", "other": "b"}, {})}),
        "sub", "other", "input is N and other is N × 1, which would give N × N", ("Insert Squeeze before sub",)),
    "a Concat of other image sizes": Mistaken(
        net({"a": "float32 N 8 16 16", "b": "float32 N 4 8 8"}, {"join": ("Concat", ["a", "b"], {})}),
        "join", "tensors", "Along axis 2, tensor 1 has size 16 and tensor 2 has 8",
        ("Insert Upsample before tensors 2 of join",)),
    "a Concat along the wrong axis": Mistaken(
        net({"a": "float32 N 8 16", "b": "float32 N 8 4"}, {"join": ("Concat", ["a", "b"], {})}),
        "join", "tensors", "Along axis 2, tensor 1 has size 16 and tensor 2 has 4", ("Set dim of join to 2",)),
    "a Concat of an image and a vector": Mistaken(
        net({"a": "float32 N 8 4 4", "b": "float32 N 8"}, {"join": ("Concat", ["a", "b"], {})}),
        "join", "tensors", "Tensor 1 has 4 axes and tensor 2 has 2 axes", ("Insert Flatten before join",)),
    "matrices that do not meet": Mistaken(
        net({"a": "float32 N 5 8", "b": "float32 N 7 8"}, {"mul": ("MatMul", {"input": "a", "other": "b"}, {})}),
        "mul", "other", "the last axis of input (8) must be as long as the second axis from the end of other (7)",
        ("Insert Transpose before mul",)),
    "a memory of another width": Mistaken(
        net({"x": "float32 N T 16", "m": "float32 N S 24"},
            {"dec": ("TransformerDecoderLayer", {"tgt": "x", "memory": "m"}, {})}),
        "dec", "memory", "E is 16 in tgt and 24 in memory", ("Insert Linear before memory of dec",)),
    # -------------------------------------------------------------------------------------------------- sequences
    "a state of another width": Mistaken(
        net({"x": "float32 N T 8"},
            {"enc": ("LSTM", "x", {"hidden_size": 64}),
             "dec": ("LSTM", {"input": "x", "h_0": "enc.h_n", "c_0": "enc.c_n"}, {"hidden_size": 32})}),
        "dec", "h_0", "h_0 is [1, N, 64]; it must be [1, N, 32]", ("Set hidden_size of dec to 64",)),
    "a state from both ends": Mistaken(
        net({"x": "float32 N T 8"},
            {"enc": ("GRU", "x", {"bidirectional": True}), "dec": ("GRU", {"input": "x", "h_0": "enc.h_n"}, {})}),
        "dec", "h_0", "h_0 is [2, N, 64]; it must be [1, N, 64]", ("Turn bidirectional of dec on",)),
    "one state of two": Mistaken(
        net({"x": "float32 N T 8"}, {"enc": ("LSTM", "x", {}), "dec": ("LSTM", {"input": "x", "h_0": "enc.h_n"}, {})}),
        "dec", "c_0", "h_0 and c_0 go together", ("Wire enc.c_n to c_0 of dec",)),
    "dropout in one layer": Mistaken(
        net({"x": "float32 N T 8"}, {"lstm": ("LSTM", "x", {"dropout": 0.5})}),
        "lstm", "dropout", "set num_layers to 2 or more",
        ("Set dropout of lstm to 0.0", "Set num_layers of lstm to 2")),
    "a padding mask for an attention mask": Mistaken(
        net({"x": "float32 N T 16", "pad": "bool N T"},
            {"attn": ("MultiheadAttention", {"query": "x", "key": "x", "value": "x", "attn_mask": "pad"}, {})}),
        "attn", "attn_mask", "attn_mask is [N, T]; it must be [T, T]", ("Wire it to key_padding_mask instead",)),
    "a mask of whole numbers": Mistaken(
        net({"x": "float32 N T 16", "pad": "int64 N T"},
            {"attn": ("MultiheadAttention", {"query": "x", "key": "x", "value": "x", "key_padding_mask": "pad"}, {})}),
        "attn", "key_padding_mask", "key_padding_mask is int64", ("Insert Cast before attn",)),
    "a mask beside is_causal": Mistaken(
        net({"x": "float32 N 7 16", "mask": "bool 7 7"},
            {"attn": ("MultiheadAttention", {"query": "x", "key": "x", "value": "x", "attn_mask": "mask"},
                      {"is_causal": True})}),
        "attn", "attn_mask", "is_causal is on and attn_mask is wired", ("Turn is_causal of attn off",)),
    # ----------------------------------------------------------------------------------------- losses and targets
    "a score for every step": Mistaken(
        classifier({"lstm": ("LSTM", "x", {}), "scores": ("Linear", "lstm", {"out_features": 5})}, x="float32 N T 8"),
        "loss", "target", "target is N; for an input of N × T × 5", ("Insert Select before scores",)),
    "classes along the last axis": Mistaken(
        classifier({"scores": ("Linear", "x", {"out_features": 5})}, label="int64 N T", x="float32 N T 8"),
        "loss", "target", "target is N × T; for an input of N × T × 5", ("Insert Permute before loss",)),
    "class indices with an axis of 1": Mistaken(
        classifier({"scores": ("Linear", "x", {})}, label="int64 N 1", x="float32 N 8"),
        "loss", "target", "target is N × 1; for an input of N × 64", ("Insert Squeeze before loss",)),
    "class indices as fractions": Mistaken(
        classifier({"scores": ("Linear", "x", {})}, label="float32 N", x="float32 N 8"),
        "loss", "target", "target is N float32 and input is N × 64; class indices must be int64",
        ("Insert Cast before loss",)),
    "class indices as fractions with an axis of 1": Mistaken(
        classifier({"scores": ("Linear", "x", {})}, label="float32 N 1", x="float32 N 8"),
        "loss", "target", "target is N × 1 float32 and input is N × 64", ("Insert Squeeze and Cast before loss",)),
    "a state of each layer": Mistaken(
        classifier({"lstm": ("LSTM", "x", {}), "scores": ("Linear", "lstm.h_n", {"out_features": 5})},
                   x="float32 N T 8"),
        "loss", "target", "N is 1 in input and N in target; they must be equal", ("Insert Select before scores",)),
    "classes for a loss on numbers": Mistaken(
        classifier({"scores": ("Linear", "x", {"out_features": 5})}, "MSELoss", x="float32 N 8"),
        "loss", "target", "target is int64, and MSELoss takes", ("Make loss a CrossEntropyLoss",)),
    "numbers for a loss on classes": Mistaken(
        classifier({"scores": ("Linear", "x", {"out_features": 1})}, label="float32 N", x="float32 N 8"),
        "loss", "target", "target is N float32 and input is N × 1", ("Make loss an MSELoss, and squeeze its input",)),
    "class indices as bytes": Mistaken(
        classifier({"scores": ("Linear", "x", {})}, label="uint8 N", x="float32 N 8"),
        "loss", "target", "target is uint8, and CrossEntropyLoss takes", ("Insert Cast before loss",)),
    "one-hot classes": Mistaken(
        classifier({"scores": ("Linear", "x", {})}, label="int64 N 64", x="float32 N 8"),
        "loss", "target", "target is N × 64; for an input of N × 64", ("Insert Argmax before loss",)),
    "masks of another size": Mistaken(
        classifier({"scores": ("Conv2d", "x", {"out_channels": 2, "stride": 2, "padding": 1})}, label="int64 N 8 8",
                   x="float32 N 3 8 8"),
        "loss", "target", "target is N × 8 × 8; for an input of N × 2 × 4 × 4", ("Insert Upsample behind scores",)),
    "a column for a row of numbers": Mistaken(
        classifier({"scores": ("Linear", "x", {"out_features": 1})}, "MSELoss", "float32 N", x="float32 N 8"),
        "loss", "target", "input is N × 1 and target is N", ("Insert Squeeze behind scores",)),
    "many outputs for one number": Mistaken(
        classifier({"scores": ("Linear", "x", {})}, "MSELoss", "float32 N 1", x="float32 N 8"),
        "loss", "target", "input is N × 64 and target is N × 1", ("Set out_features of scores to 1",)),
    "yes or no as whole numbers": Mistaken(
        classifier({"scores": ("Linear", "x", {})}, "BCEWithLogitsLoss", "int64 N 64", x="float32 N 8"),
        "loss", "target", "target is int64, and BCEWithLogitsLoss takes", ("Insert Cast before loss",)),
    "a softmax before a cross entropy": Mistaken(
        classifier({"fc": ("Linear", "x", {}), "scores": ("Softmax", "fc", {})}, x="float32 N 8"),
        "loss", "input", "input comes from scores, a Softmax, but CrossEntropyLoss takes raw scores",
        ("Remove scores",)),
    "a softmax further up": Mistaken(
        classifier({"fc": ("Linear", "x", {}), "soft": ("Softmax", "fc", {}), "scores": ("Dropout", "soft", {})},
                   x="float32 N 8"),
        "loss", "input", "input comes from soft, a Softmax", ("Remove soft",)),
    "a sigmoid before raw scores": Mistaken(
        classifier({"fc": ("Linear", "x", {}), "scores": ("Sigmoid", "fc", {})}, "BCEWithLogitsLoss",
                   "float32 N 64", x="float32 N 8"),
        "loss", "input", "input comes from scores, a Sigmoid, but BCEWithLogitsLoss takes raw scores",
        ("Remove scores",)),
    "raw scores for probabilities": Mistaken(
        classifier({"scores": ("Linear", "x", {})}, "BCELoss", "float32 N 64", x="float32 N 8"),
        "loss", "input", "input comes from scores, a Linear, whose numbers may lie below 0 or above 1",
        ("Make loss a BCEWithLogitsLoss", "Insert Sigmoid before loss")),
    "raw scores for log probabilities": Mistaken(
        classifier({"scores": ("Linear", "x", {})}, "NLLLoss", x="float32 N 8"),
        "loss", "input", "input comes from scores, a Linear, but NLLLoss takes log probabilities",
        ("Insert LogSoftmax before loss", "Make loss a CrossEntropyLoss")),
    "probabilities without a logarithm": Mistaken(
        classifier({"fc": ("Linear", "x", {}), "scores": ("Softmax", "fc", {})}, "NLLLoss", x="float32 N 8"),
        "loss", "input", "put a LogSoftmax in its place", ("Make scores a LogSoftmax",)),
    "one class": Mistaken(
        classifier({"scores": ("Linear", "x", {"out_features": 1})}, x="float32 N 8"),
        "loss", "input", "input is N × 1: 1 class along axis 1", ("Set out_features of scores to 2",)),
    "a softmax over one number": Mistaken(
        net({"x": "float32 N 8"}, {"fc": ("Linear", "x", {"out_features": 1}), "soft": ("Softmax", "fc", {})}),
        "soft", "dim", "N × 1, has one number", ("Make soft a Sigmoid",)),
    "a softmax over the batch": Mistaken(
        net({"x": "float32 N 8"}, {"fc": ("Linear", "x", {}), "soft": ("Softmax", "fc", {"dim": 0})}),
        "soft", "dim", "dim is 0, the batch of input, N × 64", ("Set dim of soft to 1",)),
    # ------------------------------------------------------------------------------------------------------ wires
    "a loss without a target": Mistaken(
        net({"x": "float32 N 8", "label": "int64 N"},
            {"scores": ("Linear", "x", {}), "loss": ("CrossEntropyLoss", "scores", {})}, ""),
        "loss", "target", "Nothing is wired to target", ("Wire label to target of loss",)),
    "an input that nothing feeds": Mistaken(
        net({"x": "float32 N 8"}, {"fc": ("Linear", "x", {}), "act": ("ReLU", {}, {})}),
        "act", "input", "Nothing is wired to input", ("Wire fc to input of act",)),
    "a number beside a wire": Mistaken(
        net({"a": "float32 N 8", "b": "float32 N 8"}, {"add": ("Add", {"input": "a", "other": "b"}, {"value": 2.0})}),
        "add", "value", "value is 2, but a tensor is wired to other", ("Empty value of add",)),
    "a norm of single numbers": Mistaken(
        net({"x": "float32 N 8 1 1"}, {"norm": ("InstanceNorm2d", "x", {})}),
        "norm", "input", "input has one number in each channel", ("Remove norm",)),
}  # fmt: skip


def labels(problem: Problem) -> list[str]:
    return [fix.text for fix in problem.fixes]


@pytest.mark.parametrize("name", TABLE)
def test_a_mistake_is_told_and_each_fix_takes_it_away(name: str) -> None:
    mistake = TABLE[name]
    before = dumps(mistake.spec)
    (problem,) = check(mistake.spec).problems
    assert (problem.node, problem.param) == (mistake.node, mistake.param), problem
    assert mistake.words in problem.message
    assert set(mistake.labels) <= set(labels(problem)), labels(problem)
    assert 1 <= len(problem.fixes) <= MOST_OFFERED
    for fix in problem.fixes:
        assert check(fixes.apply(mistake.spec, fix)).problems == (), fix
    assert dumps(mistake.spec) == before


def in_a_block(spec: Spec, repeat: int = 1) -> Spec:
    """The layers of a spec as a block; Inputs, losses and the Output stay outside."""
    inside = [node.id for node in spec.nodes.values() if node.op not in ("Input", "Output")]
    grouped = block_edits.group(spec, inside, "Part")
    return block_edits.set_repeat(grouped, "part_1", repeat)


INSIDE = [name for name, mistake in TABLE.items() if "loss" not in mistake.spec.nodes]


@pytest.mark.parametrize("name", INSIDE)
def test_a_mistake_inside_a_block_is_mended_there(name: str) -> None:
    mistake = TABLE[name]
    spec = in_a_block(mistake.spec)
    (problem,) = check(spec).problems
    assert (problem.node, problem.param) == (f"part_1/0/{mistake.node}", mistake.param)
    assert set(mistake.labels) & set(labels(problem)), labels(problem)
    for fix in problem.fixes:
        mended = fixes.apply(spec, fix)
        assert check(mended).problems == (), fix
        assert mended.nodes == spec.nodes
        assert mended.blocks != spec.blocks


def test_a_fix_in_a_block_mends_all_its_rounds() -> None:
    layers: Layers = {
        "fc": ("Linear", "x", {"out_features": 24}),
        "attn": ("MultiheadAttention", dict.fromkeys(("query", "key", "value"), "fc"), {"num_heads": 7}),
    }
    spec = in_a_block(net({"x": "float32 N T 24"}, layers), repeat=3)
    (problem,) = check(spec).problems
    assert problem.node == "part_1/0/attn"
    assert [check(fixes.apply(spec, fix)).problems for fix in problem.fixes] == [()] * 3


def test_a_fix_that_would_break_other_rounds_is_not_offered() -> None:
    spec = in_a_block(net({"x": "float32 N 8 16"}, {"wide": ("Conv2d", "x", {})}), repeat=2)
    (problem,) = check(spec).problems
    assert [check(fixes.apply(spec, fix)).problems for fix in problem.fixes] == [()] * len(problem.fixes)
    assert "Make wide a Conv1d" in labels(problem)


def test_a_param_that_a_block_takes_is_set_at_its_use() -> None:
    attention: Layers = {"attn": ("MultiheadAttention", dict.fromkeys(("query", "key", "value"), "x"), {})}
    spec = in_a_block(net({"x": "float32 N T 24"}, attention))
    spec = block_edits.expose(spec, "Part", "attn", "num_heads", "heads")
    broken = edit.set_param(spec, "part_1", "heads", 7)
    (problem,) = check(broken).problems
    mended = fixes.apply(broken, problem.fixes[0])
    assert mended.blocks == spec.blocks
    assert mended.nodes["part_1"].params == {"heads": 6}
    assert check(mended).problems == ()


def test_a_circle_inside_a_block_is_opened_there() -> None:
    layers: Layers = {"fc": ("Linear", "x", {"out_features": 8}), "add": ("Add", {"input": "fc", "other": "x"}, {})}
    spec = in_a_block(net({"x": "float32 N 8"}, layers))
    add = spec.blocks["Part"].nodes["add"]
    circle = replace(add, inputs={**add.inputs, "other": "add"})
    spec = block_edits.in_block(spec, "Part", lambda inner: with_wires(inner, circle))
    (problem,) = check(spec).problems
    assert (problem.node, labels(problem)) == ("part_1/0/add", ["Remove the wire"])
    assert "circle" not in str(check(fixes.apply(spec, problem.fixes[0])).problems)


def test_a_free_size_of_an_input_that_is_broken_counts_as_nothing() -> None:
    spec = net({"x": "float32 N T", "y": "float32 N 8"}, {"fc": ("Linear", "y", {})})
    report = check(edit.set_param(spec, "x", "dtype", "float"))
    assert [problem.param for problem in report.problems] == ["dtype"]
    assert "T" not in report.sizes


def test_a_loss_outside_is_mended_inside_the_block_that_holds_the_softmax() -> None:
    layers: Layers = {"fc": ("Linear", "x", {}), "scores": ("Softmax", "fc", {})}
    spec = block_edits.group(classifier(layers, x="float32 N 8"), ["fc", "scores"], "Part")
    (problem,) = check(spec).problems
    assert "input comes from part_1/0/scores, a Softmax" in problem.message
    (fix,) = problem.fixes
    assert check(fixes.apply(spec, fix)).problems == ()


def test_a_softmax_that_an_output_needs_stays() -> None:
    spec = classifier({"fc": ("Linear", "x", {}), "scores": ("Softmax", "fc", {})}, x="float32 N 8")
    spec = with_node(spec, "out", "Output", {"input": "scores"}, {})
    (problem,) = check(spec).problems
    assert labels(problem) == ["Wire fc to input of loss", "Remove scores"]
    mended = fixes.apply(spec, problem.fixes[0])
    assert check(mended).problems == ()
    assert mended.nodes["out"] == spec.nodes["out"]


def test_a_fix_mends_the_metric_beside_the_loss() -> None:
    spec = classifier({"fc": ("Linear", "x", {"out_features": 1}), "scores": ("ReLU", "fc", {})}, "MSELoss",
                      "float32 N", x="float32 N 8")  # fmt: skip
    spec = with_node(spec, "error", "MeanAbsoluteError", {"input": "scores", "target": "label"}, {})
    loss, metric = check(spec).problems
    assert labels(loss) == labels(metric) == ["Insert Squeeze behind scores"]
    assert check(fixes.apply(spec, loss.fixes[0])).problems == ()


def test_of_two_wires_that_are_missing_each_can_be_made() -> None:
    spec = net({"x": "float32 N 8", "label": "int64 N"}, {"scores": ("Linear", "x", {}),
               "loss": ("CrossEntropyLoss", {}, {})}, "")  # fmt: skip
    scores, target = check(spec).problems
    assert labels(scores) == ["Wire scores to input of loss"]
    assert labels(target)[0] == "Wire label to target of loss"
    assert check(fixes.apply(fixes.apply(spec, scores.fixes[0]), target.fixes[0])).problems == ()


def test_a_node_with_params_that_cannot_be_read_is_not_searched() -> None:
    spec = net({"x": "int64 N 8"}, {"turn": ("Permute", {}, {"dims": "all"})})
    assert [labels(problem) for problem in check(spec).problems] == [["Reset dims"], []]


def test_a_graph_from_which_nothing_comes_out_gets_an_output() -> None:
    spec = edit.remove(net({"x": "float32 N 8"}, {"fc": ("Linear", "x", {})}), ["out"])
    (problem,) = check(spec).problems
    assert "Nothing comes out of the graph" in problem.message
    assert labels(problem) == ["Add an Output behind fc"]
    assert check(fixes.apply(spec, problem.fixes[0])).problems == ()


@pytest.mark.parametrize("name", ["a gate without its axes", "a skip of other channels", "heads that do not divide"])
def test_fixes_survive_json(name: str) -> None:
    (problem,) = check(TABLE[name].spec).problems
    again = Problem.decode(json.loads(json.dumps(problem.encode())))
    assert again == problem
    assert [fixes.apply(TABLE[name].spec, fix) for fix in again.fixes] == [
        fixes.apply(TABLE[name].spec, fix) for fix in problem.fixes
    ]


def test_steps_that_are_none_are_refused() -> None:
    for steps in ("insert", [1], [{"edit": "exec"}]):
        with pytest.raises(Mistake, match="This version cannot do"):
            fixes.apply(Spec(), Fix("?", "in_turn", {"steps": steps}))


def test_fixes_follow_the_graph_from_check_to_check() -> None:
    checker = Checker()
    spec = TABLE["heads that do not divide"].spec
    first = checker.check(spec).problems
    assert checker.check(edit.move(spec, {"attn": (80, 80)})).problems == first
    (seven,) = checker.check(edit.set_param(spec, "attn", "num_heads", 15)).problems
    assert labels(seven)[0] == "Set num_heads of attn to 16"
    assert checker.check(spec).problems == first


@pytest.mark.parametrize("path", [each.path for each in examples()], ids=lambda path: path.stem)
def test_no_example_is_doubted(path: Path) -> None:
    assert check(load(path)).problems == ()


@pytest.mark.parametrize("build", architectures.ALL, ids=lambda build: build.__name__)
def test_no_known_architecture_is_doubted(build: Callable[..., Spec]) -> None:
    assert [problem for problem in check(build()).problems if "supported by this version" not in problem.message] == []


RIGHT: dict[str, Spec] = {
    "a logarithm of a softmax": classifier(
        {"fc": ("Linear", "x", {}), "soft": ("Softmax", "fc", {}), "scores": ("Log", "soft", {})}, "NLLLoss",
        x="float32 N 8"),
    "a sigmoid before a loss on probabilities": classifier(
        {"fc": ("Linear", "x", {}), "scores": ("Sigmoid", "fc", {})}, "BCELoss", "float32 N 64", x="float32 N 8"),
    "a softmax inside an attention": classifier(
        {"q": ("MatMul", {"input": "x", "other": "y"}, {}), "soft": ("Softmax", "q", {}),
         "mixed": ("MatMul", {"input": "soft", "other": "x"}, {}), "flat": ("Flatten", "mixed", {}),
         "scores": ("Linear", "flat", {})}, x="float32 N 5 8", y="float32 N 8 5"),
    "a softmax over the samples of a contrast": net(
        {"a": "float32 N 8", "b": "float32 8 N"},
        {"like": ("MatMul", {"input": "a", "other": "b"}, {}), "soft": ("Softmax", "like", {"dim": 0}),
         "sum": ("Mean", "soft", {})}),
    "a square of few channels": net({"x": "float32 N 3 3 3"}, {"conv": ("Conv2d", "x", {})}),
    "a spectrogram with few frames": net({"x": "float32 N 64 4 3"}, {"conv": ("Conv2d", "x", {})}),
    "a softmax over one of many keys": net(
        {"x": "float32 N 4 1 1"},
        {"soft": ("Softmax", "x", {}), "mul": ("Multiply", {"input": "soft", "other": "x"}, {})}),
    "a sequence of few features and many channels": net({"x": "float32 N 32 8 3"}, {"conv": ("Conv2d", "x", {})}),
    "soft targets": classifier({"scores": ("Linear", "x", {})}, label="float32 N 64", x="float32 N 8"),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_right_is_not_doubted(name: str) -> None:
    assert check(RIGHT[name]).problems == ()
