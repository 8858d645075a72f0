"""Small graphs that many tests start from."""

from __future__ import annotations

from engine import edit
from engine.spec import Spec


def image_classifier() -> Spec:
    """Image 1x8x8 -> Conv2d -> ReLU -> Flatten -> Linear -> CrossEntropyLoss, Accuracy and Output."""
    spec = edit.add(Spec(), "Input", params={"column": "image", "shape": ["N", 1, 8, 8]})
    spec = edit.add(spec, "Input", params={"column": "label", "shape": ["N"], "dtype": "int64"})
    spec = edit.add(spec, "Conv2d", params={"out_channels": 4}, inputs={"input": "input_1"})
    spec = edit.add(spec, "ReLU", inputs={"input": "conv2d_1"})
    spec = edit.add(spec, "Flatten", inputs={"input": "relu_1"})
    spec = edit.add(spec, "Linear", params={"out_features": 10}, inputs={"input": "flatten_1"})
    spec = edit.add(spec, "CrossEntropyLoss", inputs={"input": "linear_1", "target": "input_2"})
    spec = edit.add(spec, "Accuracy", inputs={"input": "linear_1", "target": "input_2"})
    return edit.add(spec, "Output", inputs={"input": "linear_1"})


def chain(*ops: str, shape: tuple[int | str, ...] = ("N", 16), dtype: str = "float32") -> Spec:
    """An Input of the shape, then ops with default params, each fed by the one before."""
    spec = edit.add(Spec(), "Input", params={"shape": shape, "dtype": dtype})
    for op in ops:
        before = list(spec.nodes)[-1]
        port = next(iter(edit.OPS[op].input_ports()))
        spec = edit.add(spec, op)
        spec = edit.connect(spec, before, list(spec.nodes)[-1], port)
    return spec
