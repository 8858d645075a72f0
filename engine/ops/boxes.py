"""Boxes on images: their forms, overlaps, and the best of many. Corners are x1 y1 x2 y2, in pixels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from engine.declare import FLOAT, Call, Mistake, Op, Port, Value, param
from engine.ops.axes import checked_same_dtype, joined_batch

Boxes = Annotated[Value, Port(FLOAT, "... 4")]
Traced = Mapping[str, tuple[tuple[int | str, ...], str]]
Format = Literal["xyxy", "xywh", "cxcywh"]

FORMAT = "xyxy: two corners; xywh: a corner and the size; cxcywh: the centre and the size"


class BoxConvert(Op, group="Boxes"):
    """Writes boxes in another form: corners, corner and size, or centre and size."""

    synonyms = ("xyxy", "xywh", "cxcywh", "bounding box", "format", "torchvision.ops.box_convert")
    key: ClassVar[tuple[str, ...]] = ("in_fmt", "out_fmt")
    example = {"boxes": "float32 2 5 4"}

    in_fmt: Format = param("xywh", f"Form that comes in. {FORMAT}.")
    out_fmt: Format = param("xyxy", "Form that comes out.")

    def build(self, boxes: Boxes) -> Call:
        return Call("modules.convert_boxes", boxes, self.in_fmt, self.out_fmt)

    def summary(self) -> str:
        return f"{self.in_fmt} → {self.out_fmt}"


class BoxArea(Op, group="Boxes"):
    """Measures the area of boxes given by their corners."""

    synonyms = ("size", "bounding box", "torchvision.ops.box_area")
    example = {"boxes": "float32 2 5 4"}

    def build(self, boxes: Boxes) -> Call:
        return Call("modules.box_area", boxes)


class _Pairs(Op, abstract=True):
    """An op on each pair of a box of the first list and one of the second."""

    example = {"boxes1": "float32:0..9 2 5 4", "boxes2": "float32:0..9 2 3 4"}

    def _call(self, function: str, boxes1: Value, boxes2: Value) -> Call:
        checked_same_dtype(boxes1, boxes2)
        joined_batch(boxes1, boxes2)
        return Call(function, boxes1, boxes2)


class BoxIoU(_Pairs, group="Boxes"):
    """Measures how far each box of one list overlaps each of another, as a share of what both cover."""

    synonyms = ("iou", "intersection over union", "jaccard", "overlap", "torchvision.ops.box_iou")

    def build(
        self,
        boxes1: Annotated[Value, Port(FLOAT, "... P 4")],
        boxes2: Annotated[Value, Port(FLOAT, "... R 4")],
    ) -> Call:
        return self._call("modules.box_iou", boxes1, boxes2)


class GeneralizedBoxIoU(_Pairs, group="Boxes"):
    """Measures overlap as BoxIoU does, below zero for boxes that lie apart, the farther the lower."""

    synonyms = ("giou", "iou", "overlap", "torchvision.ops.generalized_box_iou")

    def build(
        self,
        boxes1: Annotated[Value, Port(FLOAT, "... P 4")],
        boxes2: Annotated[Value, Port(FLOAT, "... R 4")],
    ) -> Call:
        return self._call("modules.generalized_box_iou", boxes1, boxes2)


class ClipBoxes(Op, group="Boxes"):
    """Keeps the corners of boxes within the image."""

    synonyms = ("clamp", "bounding box", "torchvision.ops.clip_boxes_to_image")
    key: ClassVar[tuple[str, ...]] = ("height", "width")
    example = {"boxes": "float32:-9..300 2 5 4"}

    height: int = param(224, "Height of the image, in pixels.", low=1)
    width: int = param(224, "Width of the image, in pixels.", low=1)

    def build(self, boxes: Boxes) -> Call:
        return Call("modules.clip_boxes", boxes, self.height, self.width)

    def summary(self) -> str:
        return f"{self.height}x{self.width}"


class GridPoints(Op, group="Boxes"):
    """Lists the middle (x, y) of each cell of a feature map, in pixels of the image, row by row."""

    synonyms = ("anchors", "anchor points", "cell centres", "prior")
    key: ClassVar[tuple[str, ...]] = ("stride",)
    example = {"input": "float32 2 8 3 4"}

    stride: float = param(8.0, "Pixels of the image that one cell of the map is wide.", above=0)

    def build(self, input: Annotated[Value, Port(FLOAT, "N C H W")]) -> Call:
        return Call("modules.grid_points", input, self.stride)


class DecodeBoxes(Op, group="Boxes"):
    """Turns the four numbers that a detector gives for each cell of its map into boxes in pixels."""

    synonyms = ("anchor-free", "fcos", "yolo", "detection head", "distances to edges", "bounding box")
    key: ClassVar[tuple[str, ...]] = ("form", "stride")
    example = {"input": "float32:0..2 2 4 3 5"}

    stride: float = param(8.0, "Pixels of the image that one cell of the map is wide.", above=0)
    form: Literal["ltrb", "cxcywh"] = param(
        "ltrb", "Distances to the left, top, right and bottom edge from the cell's middle; or the centre and the size."
    )
    exponential: bool = param(False, "Whether distances and sizes are given as logarithms, so that none is negative.")

    def build(self, input: Annotated[Value, Port(FLOAT, "N 4 H W")]) -> Call:
        return Call("modules.decode_boxes", input, self.stride, self.form, self.exponential)


class NMS(Op, group="Boxes"):
    """Chooses the best boxes of each image, drops those that overlap better ones, and fills up with zeros."""

    synonyms = ("non-maximum suppression", "detections", "post-processing", "torchvision.ops.batched_nms")
    outputs: ClassVar[str] = "boxes, scores, labels, mask"
    key: ClassVar[tuple[str, ...]] = ("iou_threshold", "max_detections")
    example = {"boxes": "float32:0..9 2 12 4", "scores": "float32:0..1 2 12 3"}

    iou_threshold: float = param(0.5, "Overlap above which the worse of two boxes is dropped.", low=0, high=1)
    score_threshold: float = param(0.05, "Score that a box must exceed.")
    max_detections: int = param(
        100, "Boxes that come out for each image; mask tells which of them are real.", low=1, high=2**14
    )
    max_candidates: int = param(1000, "Best boxes of each image that are looked at.", low=1, high=2**14, advanced=True)
    class_agnostic: bool = param(False, "Whether boxes of different classes can drop each other.", advanced=True)

    def build(
        self,
        boxes: Annotated[Value, Port(FLOAT, "N B 4")],
        scores: Annotated[Value, Port(FLOAT, "N B ...")],
    ) -> Call:
        if scores.ndim > 3:
            words = f"scores has {scores.ndim} axes; it must be N B, or N B C with a score for each class."
            raise Mistake(words, param="scores")
        if self.max_candidates < self.max_detections:
            words = f"max_candidates is {self.max_candidates}; it must be at least max_detections"
            raise Mistake(f"{words} ({self.max_detections}).", param="max_candidates")
        settings = {name: getattr(self, name) for name in self.params()}
        return Call("modules.non_maximum_suppression", boxes, scores, **settings)

    def trace(self, boxes: Value, scores: Value) -> Traced:
        found = (boxes[0], self.max_detections)
        return {
            "boxes": ((*found, 4), boxes.dtype),
            "scores": (found, scores.dtype),
            "labels": (found, "int64"),
            "mask": (found, "bool"),
        }
