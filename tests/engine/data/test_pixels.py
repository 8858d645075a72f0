from __future__ import annotations

import colorsys

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from engine.columns import Column
from engine.data import pixels, steps
from engine.data.keys import Keys
from engine.ops.steps import Step
from tests.engine.data.making import step

IMAGES = torch.rand(40, 3, 12, 10, generator=torch.Generator().manual_seed(0))
KEYS = Keys(0, 0, torch.arange(40))


def changed(*chain: Step, images: torch.Tensor = IMAGES, keys: Keys | None = KEYS) -> torch.Tensor:
    column = Column("image", "image", tuple(images.shape[1:]), "float32")
    return steps.apply(steps.fit(chain, column, images.numpy()), images, keys)


def test_a_turned_hue_is_what_colorsys_makes_of_it() -> None:
    grey_too = torch.cat([IMAGES[:2], torch.full((1, 3, 12, 10), 0.4)])
    turn = torch.tensor([0.3, -0.45, 0.2]).view(3, 1, 1, 1)
    found = pixels.turned_hue(grey_too, turn).permute(0, 2, 3, 1)
    for image, by, expected in zip(found, turn.flatten().tolist(), grey_too.permute(0, 2, 3, 1), strict=True):
        for one, before in zip(image.reshape(-1, 3).tolist(), expected.reshape(-1, 3).tolist(), strict=True):
            hue, saturation, value = colorsys.rgb_to_hsv(*before)
            assert one == pytest.approx(colorsys.hsv_to_rgb((hue + by) % 1, saturation, value), abs=1e-5)


def test_greyscale_is_as_bright_as_pillow_makes_it() -> None:
    stored = (IMAGES[0] * 255).round().to(torch.uint8)
    oracle = np.asarray(Image.fromarray(stored.permute(1, 2, 0).numpy()).convert("L"))
    found = changed(step("Greyscale"), images=stored[None])
    assert found.shape == (1, 1, 12, 10)
    assert np.abs(found[0, 0].numpy() * 255 - oracle).max() <= 0.51


def test_colour_jitter_changes_brightness_then_contrast_then_saturation() -> None:
    found = changed(step("ColourJitter", brightness=0.3, contrast=0.0, saturation=0.0), images=IMAGES / 2)
    factors = (found / (IMAGES / 2)).flatten(1)
    assert torch.allclose(factors, factors[:, :1], atol=1e-4)
    assert 0.7 <= factors.min() < 0.8 and 1.2 < factors.max() <= 1.3
    calm = 0.4 + IMAGES / 5
    contrast = changed(step("ColourJitter", brightness=0.0, contrast=0.5, saturation=0.0), images=calm)
    assert torch.allclose(pixels.grey(contrast).mean((1, 2, 3)), pixels.grey(calm).mean((1, 2, 3)), atol=1e-5)
    assert (contrast.std((1, 2, 3)) / calm.std((1, 2, 3))).std() > 0.1
    saturation = changed(step("ColourJitter", brightness=0.0, contrast=0.0, saturation=0.5), images=calm)
    assert torch.allclose(pixels.grey(saturation), pixels.grey(calm), atol=1e-5)
    assert not torch.allclose(saturation, calm, atol=0.01)


def test_one_channel_has_brightness_and_contrast_only() -> None:
    one = IMAGES[:, :1]
    found = changed(step("ColourJitter", brightness=0.0, contrast=0.0, saturation=1.0, hue=0.5), images=one)
    assert torch.allclose(found, one, atol=1e-6)


def test_a_share_of_the_images_loses_its_colour() -> None:
    found = changed(step("RandomGreyscale", p=0.5))
    grey = (found.amax(1) - found.amin(1)).flatten(1).amax(1) == 0
    assert 8 < grey.sum() < 32
    assert found[~grey].equal(IMAGES[~grey])


def test_erasing_covers_one_rectangle_within_its_bounds() -> None:
    images = 0.1 + torch.rand(200, 1, 40, 40) * 0.9
    keys = Keys(0, 0, torch.arange(200))
    found = changed(
        step("RandomErasing", p=0.5, area=(0.1, 0.2), ratio=(0.5, 2.0), value=0.0), images=images, keys=keys
    )
    gone = found == 0
    count = gone.sum((1, 2, 3))
    assert 70 < (count > 0).sum() < 130
    assert found[~gone].equal(images[~gone])
    for each in gone[count > 0, 0]:
        rows, columns = each.any(1).sum(), each.any(0).sum()
        assert each.sum() == rows * columns
        assert 0.08 < rows * columns / 1600 < 0.23
        assert 0.4 < rows / columns < 2.5


def test_noise_has_its_deviation_and_no_pattern() -> None:
    found = changed(step("GaussianNoise", std=0.3)) - IMAGES
    assert float(found.std()) == pytest.approx(0.3, rel=0.05)
    assert abs(float(found.mean())) < 0.01
    assert not found[0].equal(found[1])


def test_noise_of_two_columns_differs_though_images_that_belong_together_move_alike() -> None:
    values = np.zeros((5, 3), np.float32)
    found = []
    for name in ("one", "other"):
        fitted = steps.fit([step("GaussianNoise", std=1.0)], Column(name, "number", (3,), "float32"), values)
        found.append(steps.apply(fitted, torch.from_numpy(values), Keys(0, 0, torch.arange(5))))
    assert not found[0].equal(found[1])


def test_a_blur_is_a_convolution_with_a_bell_of_its_own_width() -> None:
    found = changed(step("GaussianBlur", p=1.0, sigma=(1.2, 1.2)))
    away = torch.arange(-4, 5, dtype=torch.float32)
    bell = torch.exp(-((away / 1.2) ** 2) / 2)
    kernel = torch.outer(bell, bell) / bell.sum() ** 2
    padded = functional.pad(IMAGES, (4, 4, 4, 4), mode="replicate").flatten(0, 1)[:, None]
    oracle = functional.conv2d(padded, kernel[None, None]).view_as(IMAGES)
    assert torch.allclose(found, oracle, atol=1e-5)
    half = changed(step("GaussianBlur", p=0.5))
    same = (half - IMAGES).abs().amax((1, 2, 3)) < 1e-6
    assert 8 < same.sum() < 32


@pytest.mark.parametrize("name", ["ColourJitter", "RandomGreyscale", "RandomErasing", "GaussianNoise", "GaussianBlur"])
def test_random_changes_depend_on_the_key_alone_and_rest_without_one(name: str) -> None:
    one = step(name, **({"hue": 0.2} if name == "ColourJitter" else {}))
    whole = changed(one)
    order = torch.randperm(40)
    again = torch.cat([changed(one, images=IMAGES[part], keys=Keys(0, 0, part)) for part in torch.split(order, 7)])
    assert again.equal(whole[order])
    assert not torch.allclose(changed(one, keys=Keys(0, 1, KEYS.samples)), whole, atol=1e-3)
    assert changed(one, keys=None).equal(IMAGES)
