"""Cases of boxes: loops over every box and pair of boxes."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from tests.engine.catalogue.case import Case


def corners(box: Tensor) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = box.tolist()
    return x1, y1, x2, y2


def share(one: Tensor, other: Tensor, generalised: bool = False) -> float:
    """The overlap of two boxes; a box turned inside out overlaps nothing."""
    a, b = corners(one), corners(other)
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    overlap = max(width, 0) * max(height, 0)
    union = sum(max(box[2] - box[0], 0) * max(box[3] - box[1], 0) for box in (a, b)) - overlap
    iou = overlap / union if union else 0.0
    if not generalised:
        return iou
    hull = max(max(a[2], b[2]) - min(a[0], b[0]), 0) * max(max(a[3], b[3]) - min(a[1], b[1]), 0)
    return iou - (hull - union) / hull if hull else iou


def pairs(boxes1: Tensor, boxes2: Tensor, generalised: bool = False) -> Tensor:
    return torch.tensor(
        [[[share(a, b, generalised) for b in two] for a in one] for one, two in zip(boxes1, boxes2, strict=True)]
    )


def suppressed(
    boxes: Tensor,
    scores: Tensor,
    iou: float = 0.5,
    least: float = 0.05,
    most: int = 100,
    apart: bool = True,
    looked_at: int = 1000,
) -> tuple[Tensor, ...]:
    """Non-maximum suppression, one candidate after the other."""
    scores = scores if scores.ndim == 3 else scores[..., None]
    images = []
    for image, rows in zip(boxes, scores, strict=True):
        ranked = sorted(((float(s), -b, -c) for b, row in enumerate(rows) for c, s in enumerate(row)), reverse=True)
        kept: list[tuple[int, int]] = []
        for b, c in [(-b, -c) for s, b, c in ranked[:looked_at] if s > least]:
            if all(share(image[b], image[one]) <= iou for one, label in kept if label == c or not apart):
                kept.append((b, c))
        kept = kept[:most]
        rest = most - len(kept)
        images.append(
            (
                torch.stack([*(image[b] for b, _ in kept), *[torch.zeros(4)] * rest]),
                torch.stack([*(rows[b, c] for b, c in kept), *[torch.tensor(0.0)] * rest]),
                torch.tensor([*(c for _, c in kept), *[0] * rest]),
                torch.tensor([True] * len(kept) + [False] * rest),
            )
        )
    return tuple(torch.stack(part) for part in zip(*images, strict=True))


def decoded(input: Tensor, stride: float, form: str, logs: bool) -> Tensor:
    """Each cell's box by its formula."""
    result = []
    for image in input:
        rows = []
        for i in range(input.shape[2]):
            for j in range(input.shape[3]):
                a, b, c, d = image[:, i, j].tolist()
                x, y = (j + 0.5) * stride, (i + 0.5) * stride
                grow = math.exp if logs else float
                if form == "ltrb":
                    a, b, c, d = (grow(each) * stride for each in (a, b, c, d))
                    rows.append([x - a, y - b, x + c, y + d])
                else:
                    x, y, w, h = (j + a) * stride, (i + b) * stride, grow(c) * stride, grow(d) * stride
                    rows.append([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
        result.append(rows)
    return torch.tensor(result)


CASES = [
    Case("BoxConvert", call=lambda boxes: torch.cat((boxes[..., :2], boxes[..., :2] + boxes[..., 2:]), -1)),
    Case("BoxConvert", call=lambda boxes: boxes, params={"in_fmt": "xyxy"}),
    Case(
        "BoxConvert",
        call=lambda boxes: torch.stack(
            [
                boxes[..., 0] - boxes[..., 2] / 2,
                boxes[..., 1] - boxes[..., 3] / 2,
                boxes[..., 0] + boxes[..., 2] / 2,
                boxes[..., 1] + boxes[..., 3] / 2,
            ],
            -1,
        ),
        params={"in_fmt": "cxcywh"},
        tolerance=1e-6,
    ),
    Case(
        "BoxConvert",
        call=lambda boxes: torch.stack(
            [
                (boxes[..., 0] + boxes[..., 2]) / 2,
                (boxes[..., 1] + boxes[..., 3]) / 2,
                boxes[..., 2] - boxes[..., 0],
                boxes[..., 3] - boxes[..., 1],
            ],
            -1,
        ),
        params={"in_fmt": "xyxy", "out_fmt": "cxcywh"},
        tolerance=1e-6,
    ),
    Case(
        "BoxConvert",
        call=lambda boxes: torch.cat((boxes[..., :2] - boxes[..., 2:] / 2, boxes[..., 2:]), -1),
        params={"in_fmt": "cxcywh", "out_fmt": "xywh"},
        tolerance=1e-6,
    ),
    Case(
        "BoxArea",
        call=lambda boxes: torch.tensor(
            [[(x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in map(corners, image)] for image in boxes]
        ),
        tolerance=1e-6,
    ),
    Case("BoxIoU", call=pairs, tolerance=1e-5),
    Case("GeneralizedBoxIoU", call=lambda boxes1, boxes2: pairs(boxes1, boxes2, True), tolerance=1e-5),
    Case("NMS", call=suppressed),
    Case(
        "NMS",
        call=lambda boxes, scores: suppressed(boxes, scores, 0.1, 0.3, 4, False, 30),
        params={
            "iou_threshold": 0.1,
            "score_threshold": 0.3,
            "max_detections": 4,
            "class_agnostic": True,
            "max_candidates": 30,
        },
    ),
    Case("NMS", call=suppressed, inputs={"scores": "float32:0..1 2 12"}, name="one class"),
    Case("ClipBoxes", call=lambda boxes: boxes.clamp(0, 224)),
    Case(
        "ClipBoxes",
        call=lambda boxes: torch.minimum(boxes.clamp(min=0), torch.tensor([20.0, 90, 20, 90])),
        params={"height": 90, "width": 20},
    ),
    Case(
        "GridPoints",
        call=lambda input: torch.tensor([[j * 8 + 4.0, i * 8 + 4.0] for i in range(3) for j in range(4)]),
        differentiable=False,
    ),
    Case(
        "GridPoints",
        call=lambda input: (
            torch.tensor([[1.25], [3.75]]) * torch.tensor([[1.0, 1]]) * torch.tensor([[0, 1]])
            + torch.tensor([[1.25, 0]])
        ),
        params={"stride": 2.5},
        inputs={"input": "float32 1 1 2 1"},
        differentiable=False,
    ),
    Case("DecodeBoxes", call=lambda input: decoded(input, 8, "ltrb", False), tolerance=1e-5),
    Case(
        "DecodeBoxes",
        call=lambda input: decoded(input, 4, "ltrb", True),
        params={"stride": 4, "exponential": True},
        tolerance=1e-5,
    ),
    Case(
        "DecodeBoxes", call=lambda input: decoded(input, 8, "cxcywh", False), params={"form": "cxcywh"}, tolerance=1e-5
    ),
    Case(
        "DecodeBoxes",
        call=lambda input: decoded(input, 16, "cxcywh", True),
        params={"form": "cxcywh", "stride": 16, "exponential": True},
        tolerance=1e-5,
    ),
]
