"""Metrics of object detection."""

from __future__ import annotations

from typing import Annotated, Literal

from engine.declare import BOOL, FLOAT, INDEX, INT64, Metric, Port, Recipe, Value, param
from engine.ops.loss_boxes import BOX_FORMAT, BoxFormat


class MeanAveragePrecision(Metric, group="Metrics"):
    """How well boxes and classes are found, averaged over recall, classes and how much boxes must overlap: COCO's mAP.

    Of each image come K boxes with scores and labels, those that count said by mask (N K) or, the best first, by count
    (N); and its M true boxes with labels, those that are real said by target_mask (N M). Boxes are in pixels.
    """

    title = "Mean average precision"
    synonyms = ("map", "coco", "detection", "object detection", "bounding boxes")
    key = ("overlap",)
    higher_is_better = True
    range = (0.0, 1.0)
    percent = True
    example = {
        "boxes": "float32:0..32 2 4 4",
        "scores": "float32:0..1 2 4",
        "labels": "int64:0..2 2 4",
        "target_boxes": "float32:0..32 2 3 4",
        "target_labels": "int64:0..2 2 3",
    }

    overlap: Literal["0.5:0.95", "0.5", "0.75"] = param(
        "0.5:0.95", "How much a box must overlap (IoU) to count as found: COCO's mean of ten values, or one."
    )
    format: BoxFormat = param("xyxy", BOX_FORMAT)

    def build(
        self,
        boxes: Annotated[Value, Port(FLOAT, "N K 4")],
        scores: Annotated[Value, Port(FLOAT, "N K")],
        labels: Annotated[Value, Port(INT64, "N K")],
        target_boxes: Annotated[Value, Port(FLOAT, "N M 4")],
        target_labels: Annotated[Value, Port(INT64, "N M")],
        target_mask: Annotated[Value, Port(BOOL, "N M")] | None = None,
        mask: Annotated[Value, Port(BOOL, "N K")] | None = None,
        count: Annotated[Value, Port(INDEX, "N")] | None = None,
    ) -> Recipe:
        return Recipe("measures.MeanAveragePrecision", **self.changed())
