"""Columns of boxes: the corners and the class of each, as many as an image has, filled up in batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.columns import Column
from engine.data.ragged import Array, Flat, Ragged, flat
from engine.declare import did_you_mean
from engine.ops.steps import Step
from engine.problem import Mistake

PORTS = "boxes, labels, mask"
WIDTH = 5  # numbers of a box: x1 y1 x2 y2, and the place of its class
NONE = np.zeros((0, WIDTH), np.float32)


class Boxes(Ragged):
    """Boxes of images as tensors; each port of an Input gives a part of them."""

    sorts = False  # a batch of images costs the same however many boxes they have

    def port(self, name: str) -> Boxes:
        """The corners in pixels, the classes, or which boxes are real and not filled up."""
        values = self._values
        match name:
            case "labels":
                return self._with(values[:, 4].long())
            case "mask":
                return self._with(torch.arange(len(values), device=values.device) < len(values) - 1)
        return self._with(values[:, :4].contiguous())

    def _with(self, values: Tensor) -> Boxes:
        return self._like(values, self._starts, self._counts)


def boxes_column(name: str, classes: Sequence[str], follows: str = "image") -> Column:
    """A column of boxes on the images of another column."""
    return Column(name, "boxes", ("K", 4), "float32", classes=tuple(classes), ports=PORTS, follows=follows)


def described(column: Column, samples: Array) -> Column:
    """A column of boxes with its facts: the boxes of each class, and the fewest, the middle and the most an image."""
    counts = np.bincount(_laid(samples).values[:, 4].astype(np.int64), minlength=len(column.classes))
    lengths = np.array([len(each) for each in samples])
    found = (float(lengths.min()), float(np.median(lengths)), float(lengths.max()))
    return replace(column, counts=tuple(counts.tolist()), lengths=found)


def held(values: Array, offsets: Array) -> Array:
    """Boxes of all images, one after the other, as an array of those of each image."""
    samples = np.empty(len(offsets) - 1, object)
    for place in range(len(samples)):
        samples[place] = values[offsets[place] : offsets[place + 1]]
    return samples


def prepared(
    raw: Column, _steps: Sequence[Step], column: Column, samples: Mapping[str, Array]
) -> tuple[dict[str, Boxes], dict[str, Any], Column, tuple[str, ...]]:
    """Turn boxes into tensors: {split: boxes of each image} in, {split: tensor} out, with the state for prediction."""
    state = {"kind": "boxes", "shape": list(raw.shape), "dtype": raw.dtype, "parts": [], "steps": []}
    tensors = {part: tensor(each.tolist()) for part, each in samples.items()}
    return tensors, {**state, "classes": list(raw.classes)}, column, ()


def tensor(samples: Sequence[Array]) -> Boxes:
    """The boxes of each image as one tensor."""
    laid = _laid(samples)
    return Boxes.of(laid)


def _laid(samples: Any) -> Flat:
    return flat([np.asarray(each, np.float32) for each in samples], NONE)


def shown(value: Array, classes: Sequence[str], size: Sequence[int]) -> dict[str, Any]:
    """One image's boxes as JSON, in pixels of an image of `size` (height, width)."""
    return {
        "boxes": [[round(each, 2) for each in row[:4]] for row in value.tolist()],
        "labels": [classes[int(each)] for each in value[:, 4]],
        "height": size[0],
        "width": size[1],
    }


def given(value: Any, name: str, classes: Sequence[str]) -> Array:
    """Boxes that are to be predicted for, as `shown` writes them; raises Mistake where they are none."""
    plain = value if isinstance(value, Mapping) else {"boxes": value}
    try:
        corners = np.array(plain.get("boxes") or [], np.float32).reshape(-1, 4)
    except (TypeError, ValueError):
        raise Mistake(f"{name} must be a list of boxes, each x1, y1, x2, y2 in pixels.") from None
    labels = plain.get("labels") or [classes[0]] * len(corners)
    if not isinstance(labels, list) or len(labels) != len(corners):
        raise Mistake(f"{name} has {len(corners)} boxes; labels must name the class of each.")
    strange = next((each for each in labels if each not in classes), None)
    if strange is not None:
        known = f"{did_you_mean(str(strange), classes)}; the training data has {', '.join(classes[:12])}"
        raise Mistake(f"{name} has the class {strange!r}{known}.")
    places = np.array([classes.index(each) for each in labels], np.float32)
    return np.column_stack([corners, places]).astype(np.float32)
