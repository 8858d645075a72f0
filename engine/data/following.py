"""Masks and boxes that move as the steps of their images move these."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from torch import Tensor

from engine.data import augment
from engine.data.keys import Keys
from engine.ops.steps import Step

Size = tuple[int, int]  # height and width
Parts = Mapping[str, Tensor]  # what the ports of an Input of boxes give: boxes, labels, mask, or some of them
Mover = Callable[[Parts, Keys | None], dict[str, Tensor]]

FILL = 255  # the class of pixels that come into an image from outside: it does not count


def moving(steps: Sequence[Step]) -> bool:
    """Whether the steps of an image move its pixels."""
    return any(type(step).__name__ in augment.MOVING for step in steps)


def as_drawn(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """The steps of an image with what they draw from, as fitting them leaves it."""
    return [{**step.written(), "state": {"stream": place}} for place, step in enumerate(steps)]


def mask_mover(steps: Sequence[Step], size: Size) -> Callable[[Tensor, Keys | None], Tensor]:
    """What moves masks (N, H, W) as the steps move images of this size."""
    return partial(_moved_masks, as_drawn(steps), size)


def _moved_masks(steps: Sequence[Mapping[str, Any]], size: Size, masks: Tensor, keys: Keys | None) -> Tensor:
    return augment.motion(steps, size, keys, len(masks)).masks(masks, FILL)


def box_mover(steps: Sequence[Step], size: Size) -> Mover:
    """What moves boxes (N, K, 4), labels (N, K) and mask (N, K) as the steps move images of this size."""
    return partial(_moved_boxes, as_drawn(steps), size)


def _moved_boxes(steps: Sequence[Mapping[str, Any]], size: Size, parts: Parts, keys: Keys | None) -> dict[str, Tensor]:
    if "boxes" not in parts:  # without corners nothing can be said of where they go
        return dict(parts)
    boxes = parts["boxes"]
    mask = parts.get("mask", boxes.any(-1))
    labels = parts.get("labels", mask.long())
    found = augment.motion(steps, size, keys, len(boxes)).boxes(boxes, labels, mask)
    return {name: each for name, each in zip(("boxes", "labels", "mask"), found, strict=True) if name in parts}
