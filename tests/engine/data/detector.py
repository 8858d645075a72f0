"""A small detector and a small network for masks, for the tests of data that they are trained on."""

from __future__ import annotations

from engine import data, edit
from engine.spec import Spec
from tests.engine.data.making import HERE


def _columns(spec: Spec, *names: str) -> Spec:
    columns = data.report(spec, HERE).columns
    for name in names:
        new = edit.new_id(spec, "Input")
        spec = edit.bind(edit.add(spec, "Input"), new, columns[name])
    return spec


def _convolved(spec: Spec, source: str, width: int, stride: int) -> tuple[Spec, str]:
    """Convolution -> batch normalisation -> ReLU; returns the spec and the last node."""
    params = {"out_channels": width, "stride": stride, "padding": 1}
    for op, settings in (("Conv2d", params), ("BatchNorm2d", {}), ("ReLU", {})):
        new = edit.new_id(spec, op)
        spec = edit.add(spec, op, params=settings, inputs={"input": source})
        source = new
    return spec, source


def detector(spec: Spec, *, width: int = 16, halvings: int = 3, overlap: str = "0.5") -> Spec:
    """Convolutions -> FCOSLoss on one map; its boxes after NMS are measured and are the outputs."""
    spec = _columns(spec, "image", "boxes")
    classes = len(data.report(spec, HERE).columns["boxes"].classes)
    stride, last = 2**halvings, "input_1"
    for place in range(halvings):
        spec, last = _convolved(spec, last, width * 2**place, 2)
        spec, last = _convolved(spec, last, width * 2**place, 1)
    spec = edit.add(spec, "Conv2d", params={"out_channels": classes, "kernel_size": 1}, inputs={"input": last})
    scores = list(spec.nodes)[-1]
    spec = edit.set_init(spec, scores, "bias", {"op": "Constant", "params": {"val": -4.0}})
    spec = edit.add(spec, "Conv2d", params={"out_channels": 4, "kernel_size": 1}, inputs={"input": last})
    spec = edit.add(spec, "Softplus", inputs={"input": list(spec.nodes)[-1]})
    true = {"boxes": "input_2.boxes", "labels": "input_2.labels", "mask": "input_2.mask"}
    wires = {"scores": (scores,), "distances": ("softplus_1",), **true}
    spec = edit.add(spec, "FCOSLoss", params={"strides": [stride]}, inputs=wires)
    spec = edit.add(spec, "DecodeBoxes", params={"stride": stride}, inputs={"input": "softplus_1"})
    spec = edit.add(spec, "Sigmoid", inputs={"input": scores})
    spec = edit.add(spec, "Flatten", params={"start_dim": 2}, inputs={"input": "sigmoid_1"})
    spec = edit.add(spec, "Permute", params={"dims": [0, 2, 1]}, inputs={"input": "flatten_1"})
    spec = edit.add(spec, "NMS", inputs={"boxes": "decode_boxes_1", "scores": "permute_1"})
    found = {port: f"nms_1.{port}" for port in ("boxes", "scores", "labels", "mask")}
    targets = {f"target_{port}": wire for port, wire in true.items()}
    spec = edit.add(spec, "MeanAveragePrecision", params={"overlap": overlap}, inputs={**found, **targets})
    for port, wire in found.items():
        spec = edit.add(spec, "Output", params={"name": port}, inputs={"input": wire})
    return edit.set_setting(spec, "training.optimizers", [{"name": "main", "op": "Adam", "params": {"lr": 0.003}}])


def segmenter(spec: Spec, *, width: int = 16) -> Spec:
    """Two levels of a U-Net -> CrossEntropyLoss and Dice, pixel by pixel."""
    spec = _columns(spec, "image", "mask")
    column = data.report(spec, HERE).columns["mask"]
    spec, upper = _convolved(spec, "input_1", width, 1)
    spec = edit.add(spec, "MaxPool2d", inputs={"input": upper})
    spec, last = _convolved(spec, "max_pool2d_1", 2 * width, 1)
    spec = edit.add(
        spec, "ConvTranspose2d", params={"out_channels": width, "kernel_size": 2, "stride": 2}, inputs={"input": last}
    )
    spec = edit.add(spec, "Concat", inputs={"tensors": (upper, "conv_transpose2d_1")})
    spec, last = _convolved(spec, "concat_1", width, 1)
    params = {"out_channels": len(column.classes), "kernel_size": 1}
    spec = edit.add(spec, "Conv2d", params=params, inputs={"input": last})
    scores = list(spec.nodes)[-1]
    ignored = {} if column.ignored is None else {"ignore_index": column.ignored}
    for op in ("CrossEntropyLoss", "Accuracy"):
        spec = edit.add(spec, op, params=ignored, inputs={"input": scores, "target": "input_2"})
    spec = edit.add(spec, "Output", params={"name": "mask"}, inputs={"input": scores})
    spec = edit.set_decode(spec, "output_1", {"op": "Argmax", "params": {}})
    return edit.set_setting(spec, "training.optimizers", [{"name": "main", "op": "Adam", "params": {"lr": 0.01}}])
