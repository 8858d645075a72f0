"""Losses for boxes: how well they cover each other, and object detection without anchors."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from engine.declare import BOOL, FLOAT, INT64, Mistake, Port, Recipe, Value, param
from engine.ops.loss import Reduced, checked_same_shape, one_number, sizes

BoxFormat = Literal["xyxy", "xywh", "cxcywh"]
BOX_FORMAT = "What the four numbers are: two corners, a corner and the sizes, or the centre and the sizes."

Boxes = Annotated[Value, Port(FLOAT, "... 4")]


class GIoULoss(Reduced, group="Losses"):
    """One less the generalised overlap of boxes: it also tells boxes apart that do not touch.

    mask, of the boxes' shape without its last axis, says which boxes count; "mean" is over those.
    """

    title = "GIoU"
    synonyms = ("bounding boxes", "iou loss", "detection", "intersection over union")
    example = {"input": "float32:0..9 2 3 4", "target": "float32:0..9 2 3 4"}

    format: BoxFormat = param("xyxy", BOX_FORMAT)

    def build(self, input: Boxes, target: Boxes, mask: Annotated[Value, Port(BOOL, "...")] | None = None) -> Recipe:
        checked_same_shape(input, target)
        if mask is not None and mask.shape != input.shape[:-1]:
            raise Mistake(
                f"mask is {sizes(mask)} and input is {sizes(input)}; mask must be {sizes(input.shape[:-1])}, "
                "one answer for each box.",
                param="mask",
            )
        return Recipe("modules.GIoULoss", **self.changed())


class FCOSLoss(Reduced, group="Losses"):
    """Object detection without anchors: every cell of a feature map tells the class and the edges of the box around it.

    For each level of a feature pyramid come scores (N C H W, raw: a sigmoid makes them probabilities) and distances
    (N 4 H W: from the cell's centre to the left, top, right and bottom edge, in strides of the level, positive: a ReLU
    or Softplus before it); centerness (N 1 H W, raw) may come too. boxes (N M 4) holds the corners x1 y1 x2 y2 in
    pixels, labels (N M) the classes from 0, mask (N M) which of the M rows are real. The cell in row i and column j of
    a level has its centre at x = (j + 0.5) stride, y = (i + 0.5) stride.
    """

    title = "FCOS"
    synonyms = ("detection", "object detection", "anchor-free", "bounding boxes", "centre", "center")
    example = {
        "scores": ["float32 2 3 4 4"],
        "distances": ["float32:0..2 2 4 4 4"],
        "boxes": "float32:0..32 2 3 4",
        "labels": "int64:0..2 2 3",
    }
    classes = ("scores", "labels")

    strides: tuple[int, ...] = param((8,), "Pixels from one cell to the next, for each level in their order.", low=1)
    radius: float = param(
        1.5, "How many strides from a box's centre cells answer for it; 0 for the whole box.", low=0, advanced=True
    )
    alpha: float = param(0.25, "Weight of a yes, a no having 1 - alpha.", low=0, high=1, advanced=True)
    gamma: float = param(2.0, "How strongly easy answers are left aside.", low=0, advanced=True)

    def build(
        self,
        scores: Annotated[list[Value], Port(("float32",), "N C ...")],
        distances: Annotated[list[Value], Port(("float32",), "N 4 ...")],
        boxes: Annotated[Value, Port(("float32",), "N M 4")],
        labels: Annotated[Value, Port(INT64, "N M")],
        mask: Annotated[Value, Port(BOOL, "N M")] | None = None,
        centerness: Annotated[list[Value], Port(("float32",), "N 1 ...")] | None = None,
    ) -> Recipe:
        if len(self.strides) != len(scores):
            raise Mistake(
                f"scores has {len(scores)} levels and strides has {len(self.strides)}; give strides a number for each "
                "level.",
                param="strides",
            )
        for port, levels in (("scores", scores), ("distances", distances), ("centerness", centerness)):
            if levels is not None:
                _checked_levels(scores, port, levels)
        return Recipe("modules.FCOSLoss", **{"strides": self.strides, **self.changed()})

    def trace(self, *_args: Any, **inputs: Any) -> dict[str, tuple[tuple[int | str, ...], str]]:
        return one_number(inputs["boxes"])


def _checked_levels(scores: list[Value], port: str, levels: list[Value]) -> None:
    if len(levels) != len(scores):
        raise Mistake(f"{port} has {len(levels)} levels and scores has {len(scores)}; wire as many.", param=port)
    for place, (one, other) in enumerate(zip(scores, levels, strict=True), 1):
        if other.ndim != 4:
            raise Mistake(f"Level {place} of {port} is {sizes(other)}; it must have 4 axes, N C H W.", param=port)
        if one.shape[2:] != other.shape[2:]:
            raise Mistake(
                f"Level {place} is {sizes(one.shape[2:])} cells in scores and {sizes(other.shape[2:])} in {port}; "
                "wire both in the same order, from feature maps of one size.",
                param=port,
            )
