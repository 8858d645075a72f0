from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from PIL import Image

from engine.columns import Fit
from engine.data.fitting import fitted, frame, moved

SIZES = [((40, 20), (20, 20)), ((20, 40), (30, 20)), ((33, 17), (64, 48)), ((16, 16), (8, 8)), ((10, 30), (10, 30))]


@pytest.mark.parametrize("fit", get_args(Fit))
@pytest.mark.parametrize(("given", "size"), SIZES)
def test_boxes_lie_around_what_they_lay_around_before(fit: Fit, given: tuple[int, int], size: tuple[int, int]) -> None:
    pixels = np.zeros((given[1], given[0]), np.uint8)
    left, top, right, bottom = given[0] // 3, given[1] // 3, given[0] // 3 * 2, given[1] // 3 * 2
    pixels[top:bottom, left:right] = 200
    image = np.asarray(fitted(Image.fromarray(pixels), size, fit, Image.Resampling.NEAREST))
    box = moved(np.array([[left, top, right, bottom]], float), np.array([given]), size, fit)[0]
    assert image.shape == size[::-1]
    across, down = np.flatnonzero(image.any(axis=0)), np.flatnonzero(image.any(axis=1))
    around = [across[0], down[0], across[-1] + 1, down[-1] + 1]
    assert np.abs(box.clip(0, np.tile(size, 2)) - around).max() <= 1


def test_padding_keeps_the_form_and_fills_the_edges_evenly() -> None:
    assert frame((40, 20), (20, 20), "pad").place == (0, 5)
    image = np.asarray(
        fitted(Image.new("L", (40, 20), 9), (20, 20), "pad", Image.Resampling.NEAREST, fill=255),
    )
    assert (image[:5] == 255).all()
    assert (image[5:15] == 9).all()
    assert (image[15:] == 255).all()


def test_cropping_takes_the_middle() -> None:
    pixels = np.repeat(np.arange(40, dtype=np.uint8)[None], 20, axis=0)
    image = np.asarray(fitted(Image.fromarray(pixels), (20, 20), "crop", Image.Resampling.NEAREST))
    assert image[0].tolist() == list(range(10, 30))


def test_no_boxes_stay_none() -> None:
    assert moved(np.zeros((0, 4)), np.zeros((0, 2), int), (8, 8), "pad").shape == (0, 4)
