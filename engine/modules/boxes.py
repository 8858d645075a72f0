"""Boxes on images: their forms, areas and overlaps, and the best of many. Corners are x1 y1 x2 y2, in pixels."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def convert_boxes(boxes: Tensor, in_fmt: str, out_fmt: str) -> Tensor:
    """Turn boxes ... 4 from one form into another: "xyxy", "xywh" (corner and size) or "cxcywh" (centre and size)."""
    first, second = boxes[..., :2], boxes[..., 2:]
    if in_fmt == "xywh":
        second = first + second
    elif in_fmt == "cxcywh":
        first, second = first - second / 2, first + second / 2
    if out_fmt == "xywh":
        second = second - first
    elif out_fmt == "cxcywh":
        first, second = (first + second) / 2, second - first
    return torch.cat((first, second), -1)


def precise(boxes: Tensor) -> Tensor:
    """Give float32 for half precision, in which the area of a large box overflows."""
    return boxes.float() if boxes.dtype in (torch.float16, torch.bfloat16) else boxes


def box_area(boxes: Tensor) -> Tensor:
    """Give the area of boxes ... 4: ... ."""
    boxes = precise(boxes)
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def overlap_and_union(boxes1: Tensor, boxes2: Tensor) -> tuple[Tensor, Tensor]:
    """Give the area that each of ... P 4 shares with each of ... R 4, and that both cover: ... P R.

    A box whose second corner lies before its first has no area.
    """
    one, two = precise(boxes1)[..., :, None, :], precise(boxes2)[..., None, :, :]
    low = torch.maximum(one[..., :2], two[..., :2])
    high = torch.minimum(one[..., 2:], two[..., 2:])
    overlap = (high - low).clamp(min=0).prod(-1)
    areas = [(each[..., 2:] - each[..., :2]).clamp(min=0).prod(-1) for each in (one, two)]
    return overlap, areas[0] + areas[1] - overlap


def box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Give the overlap of each of ... P 4 with each of ... R 4 as a share of the union: ... P R."""
    overlap, union = overlap_and_union(boxes1, boxes2)
    return overlap / union.clamp(min=torch.finfo(union.dtype).tiny)


def generalized_box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Give the overlap less the share of the hull that neither covers (Rezatofighi et al., 2019): ... P R."""
    overlap, union = overlap_and_union(boxes1, boxes2)
    one, two = precise(boxes1)[..., :, None, :], precise(boxes2)[..., None, :, :]
    low = torch.minimum(one[..., :2], two[..., :2])
    high = torch.maximum(one[..., 2:], two[..., 2:])
    hull = (high - low).clamp(min=0).prod(-1)
    least = torch.finfo(union.dtype).tiny
    return overlap / union.clamp(min=least) - (hull - union) / hull.clamp(min=least)


def clip_boxes(boxes: Tensor, height: float, width: float) -> Tensor:
    """Keep the corners of boxes ... 4 within an image."""
    x1, y1, x2, y2 = boxes.unbind(-1)
    return torch.stack((x1.clamp(0, width), y1.clamp(0, height), x2.clamp(0, width), y2.clamp(0, height)), -1)


def grid_points(input: Tensor, stride: float) -> Tensor:
    """Give the middle x y of each cell of N C H W, in pixels of an image `stride` times as large: H*W 2."""
    height, width = input.shape[-2:]
    ys = (torch.arange(height, device=input.device, dtype=torch.float32) + 0.5) * stride
    xs = (torch.arange(width, device=input.device, dtype=torch.float32) + 0.5) * stride
    y, x = torch.meshgrid(ys, xs, indexing="ij")
    return torch.stack((x, y), -1).reshape(-1, 2)


def decode_boxes(input: Tensor, stride: float, form: str, exponential: bool) -> Tensor:
    """Turn a map N 4 H W, in cells of `stride` pixels, into boxes N H*W 4 in pixels.

    The four numbers of a cell are distances from its middle to the left, top, right and bottom edge ("ltrb"; Tian et
    al., 2019), or the centre as seen from the cell's own corner, and width and height ("cxcywh"; Ge et al., 2021).
    Where `exponential`, distances and sizes (not centres) are given as logarithms.
    """
    numbers = input.flatten(2).transpose(1, 2)
    points = grid_points(input, stride).to(input.dtype)
    first, second = numbers[..., :2], numbers[..., 2:]
    if exponential:
        second = second.exp()
    if form == "cxcywh":
        centre, half = points + (first - 0.5) * stride, second * stride / 2
        return torch.cat((centre - half, centre + half), -1)
    if exponential:
        first = first.exp()
    return torch.cat((points - first * stride, points + second * stride), -1)


def best_first(overlaps: Tensor, candidates: Tensor) -> Tensor:
    """Keep each candidate that overlaps none kept before it: overlaps N K K, candidates N K, the best first; N K.

    Each round is right for one more link of the longest chain of overlaps, so it ends, at the answer of the loop
    over candidates.
    """
    before = overlaps & torch.ones(overlaps.shape[-2:], dtype=torch.bool, device=overlaps.device).triu(1)
    kept = candidates
    while True:
        fresh = candidates & ~(before & kept[:, :, None]).any(1)
        if torch.equal(fresh, kept):
            return kept
        kept = fresh


def non_maximum_suppression(
    boxes: Tensor,
    scores: Tensor,
    iou_threshold: float,
    score_threshold: float,
    max_detections: int,
    max_candidates: int,
    class_agnostic: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Choose the best of boxes N B 4 (corners) with scores N B, or N B C by class, and drop those that overlap them.

    Only the `max_candidates` best of each image are looked at. Gives boxes N D 4, scores N D, labels N D and a mask
    N D, the best first; where an image has fewer than D = max_detections, its rest is zeros, and false in the mask.
    """
    by_class = scores if scores.ndim == 3 else scores[..., None]
    classes = by_class.shape[2]
    best, places = by_class.flatten(1).topk(min(max_candidates, by_class[0].numel()), 1)
    labels = places % classes
    chosen = boxes.gather(1, (places // classes)[..., None].expand(-1, -1, 4))
    overlaps = box_iou(chosen, chosen) > iou_threshold
    if not class_agnostic:
        overlaps = overlaps & (labels[:, :, None] == labels[:, None, :])
    kept = best_first(overlaps, best > score_threshold)
    order = kept.to(torch.int8).argsort(dim=1, descending=True, stable=True)[:, :max_detections]
    mask = kept.gather(1, order)
    missing = (0, max_detections - order.shape[1])
    found = chosen.gather(1, order[..., None].expand(-1, -1, 4)).masked_fill(~mask[..., None], 0)
    return (
        nn.functional.pad(found, (0, 0, *missing)),
        nn.functional.pad(best.gather(1, order).masked_fill(~mask, 0), missing),
        nn.functional.pad(labels.gather(1, order).masked_fill(~mask, 0), missing),
        nn.functional.pad(mask, missing),
    )
