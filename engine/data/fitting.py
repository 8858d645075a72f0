"""How an image of another size is brought to the size that all have, and boxes and masks with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.columns import Fit

Array = NDArray[Any]
Pair = tuple[int, int]  # width and height


@dataclass(frozen=True)
class Frame:
    """Where an image of another size comes to lie: its new size, and the place of its top left corner."""

    scaled: Pair
    place: Pair


def frame(given: Pair, size: Pair, fit: Fit) -> Frame:
    """How an image of the size `given` is fitted into `size`."""
    if fit == "stretch":
        return Frame(size, (0, 0))
    factors = [wanted / there for wanted, there in zip(size, given, strict=True)]
    factor = min(factors) if fit == "pad" else max(factors)
    width, height = (max(1, round(there * factor)) for there in given)
    return Frame((width, height), ((size[0] - width) // 2, (size[1] - height) // 2))


def fitted(image: Any, size: Pair, fit: Fit, resample: Any, fill: int = 0) -> Any:
    """Bring a Pillow image to `size`; what it does not cover is `fill`."""
    from PIL import Image  # takes a moment to import

    if image.size == size:
        return image
    found = frame(image.size, size, fit)
    scaled = image if image.size == found.scaled else image.resize(found.scaled, resample)
    if found.scaled == size:
        return scaled
    ground = Image.new(image.mode, size, fill if image.mode == "L" else (fill,) * len(image.getbands()))
    ground.paste(scaled, found.place)
    return ground


def moved(corners: Array, given: Array, size: Pair, fit: Fit) -> Array:
    """Boxes (count, 4: x1 y1 x2 y2) as they lie once their images, of the sizes (count, 2), are fitted into `size`."""
    sizes, rows = np.unique(given, axis=0, return_inverse=True)
    frames = [frame((int(width), int(height)), size, fit) for width, height in sizes]
    scales = np.array([each.scaled for each in frames], float).reshape(-1, 2) / sizes
    starts = np.array([each.place for each in frames], float).reshape(-1, 2)
    scales, starts = (np.tile(each[rows.reshape(-1)], 2) for each in (scales, starts))
    return np.asarray(corners * scales + starts)
