"""Steps that change the pixels of images where they are: (N, C, H, W) in, the same out, colours from 0 to 1."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  # as it is called everywhere

from engine.data.keys import Keys, drawn, drawn_normal

Params = Mapping[str, Any]
Change = Callable[[Tensor, Params, Keys, int], Tensor]

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow has it
BLUR_REACH = 3  # deviations of the blur after which its weights count as 0


def unit(values: Tensor, white: float) -> Tensor:
    """Stored pixels brought to 0..1."""
    return values.to(torch.float32) / white


def grey(images: Tensor) -> Tensor:
    """One channel, as bright as the colours look; of other than three channels their mean."""
    if images.shape[1] != 3:
        return images.mean(1, keepdim=True)
    red, green, blue = (images[:, place : place + 1] for place in range(3))
    return red * LUMA[0] + green * LUMA[1] + blue * LUMA[2]


def noise(values: Tensor, params: Params, keys: Keys, stream: int) -> Tensor:
    """Add noise of a normal distribution, to values of any shape."""
    numbers = drawn_normal(keys, stream, values[0].numel()).view_as(values)
    return values + numbers.to(values.dtype) * float(params["std"])


def random_grey(images: Tensor, params: Params, keys: Keys, stream: int) -> Tensor:
    """Take the colour from a share of the images."""
    chosen = _of_samples(drawn(keys, stream, 1)[:, 0] < params["p"])
    return torch.where(chosen, grey(images), images)


def jitter(images: Tensor, params: Params, keys: Keys, stream: int) -> Tensor:
    """Change brightness, contrast and saturation, which are one linear map of the colours, and then the hue."""
    draws = drawn(keys, stream, 4) * 2 - 1
    brightness, contrast, saturation = (
        _of_samples(1 + draws[:, place] * params[name]).to(images.dtype)
        for place, name in enumerate(("brightness", "contrast", "saturation"))
    )
    if images.shape[1] != 3:
        saturation = torch.ones_like(saturation)
    light = grey(images)
    middle = light.mean(3, keepdim=True).mean(2, keepdim=True)  # axis by axis, so that other samples change no bit
    own, shared = brightness * contrast * saturation, brightness * contrast * (1 - saturation)
    changed = (images * own + light * shared + brightness * (1 - contrast) * middle).clamp(0, 1)
    if params["hue"] == 0 or images.shape[1] != 3:
        return changed
    return turned_hue(changed, _of_samples(draws[:, 3] * params["hue"]).to(images.dtype))


def turned_hue(images: Tensor, turn: Tensor) -> Tensor:
    """Turn the hue of images by shares of the colour circle; lightness and saturation, as HSV has them, stay."""
    red, green, blue = (images[:, place : place + 1] for place in range(3))
    most = images.amax(1, keepdim=True)
    chroma = most - images.amin(1, keepdim=True)
    divisor = torch.where(chroma > 0, chroma, 1.0)
    sixth = torch.where(
        most == red,
        (green - blue) / divisor,
        torch.where(most == green, (blue - red) / divisor + 2, (red - green) / divisor + 4),
    )
    away = (sixth + turn * 6) + images.new_tensor([5.0, 3.0, 1.0]).view(1, 3, 1, 1)
    away -= (away / 6).floor_().mul_(6)
    return most - torch.minimum(away, 4 - away).clamp_(0, 1).mul_(chroma)


def erased(images: Tensor, params: Params, keys: Keys, stream: int) -> Tensor:
    """Cover a rectangle of a share of the images."""
    draws = drawn(keys, stream, 5)
    height, width = images.shape[2:]
    area = (params["area"][0] + draws[:, 1] * (params["area"][1] - params["area"][0])) * height * width
    low, high = (math.log(each) for each in params["ratio"])
    ratio = (low + draws[:, 2] * (high - low)).exp()
    tall = (area * ratio).sqrt().round().clamp(1, height)
    wide = (area / ratio).sqrt().round().clamp(1, width)
    top, left = (draws[:, 3] * (height - tall + 1)).floor(), (draws[:, 4] * (width - wide + 1)).floor()
    rows, columns = (torch.arange(size, device=images.device) for size in (height, width))
    covered = (
        _of_samples(draws[:, 0] < params["p"])
        & _between(rows, top, tall)[:, None, :, None]
        & _between(columns, left, wide)[:, None, None, :]
    )
    return torch.where(covered, params["value"], images)


def _between(places: Tensor, start: Tensor, length: Tensor) -> Tensor:
    """Which places lie within the stretch of each sample: (N, places)."""
    return (places >= start[:, None]) & (places < (start + length)[:, None])


def blurred(images: Tensor, params: Params, keys: Keys, stream: int) -> Tensor:
    """Blur a share of the images, each by a width of its own; beyond an edge its pixels go on."""
    draws = drawn(keys, stream, 2)
    low, high = params["sigma"]
    sigma = low + draws[:, 1] * (high - low)
    reach = math.ceil(BLUR_REACH * high)
    away = torch.arange(-reach, reach + 1, device=images.device, dtype=torch.float32)
    weights = torch.exp(-((away / sigma[:, None]) ** 2) / 2)
    alone = (away == 0).to(torch.float32)
    weights = torch.where(draws[:, :1] < params["p"], weights / weights.sum(1, keepdim=True), alone).to(images.dtype)
    count, channels = images.shape[:2]
    kernels = weights.repeat_interleave(channels, 0)
    rows = F.pad(images, (reach, reach, reach, reach), mode="replicate").view(
        1, count * channels, *_padded(images, reach)
    )
    rows = F.conv2d(rows, kernels[:, None, None, :], groups=count * channels)
    return F.conv2d(rows, kernels[:, None, :, None], groups=count * channels).view_as(images)


def _padded(images: Tensor, reach: int) -> tuple[int, int]:
    return images.shape[2] + 2 * reach, images.shape[3] + 2 * reach


def _of_samples(values: Tensor) -> Tensor:
    """One value a sample, ready to meet its pixels."""
    return values[:, None, None, None]


RANDOM: Mapping[str, Change] = {
    "GaussianNoise": noise,
    "RandomGreyscale": random_grey,
    "ColourJitter": jitter,
    "RandomErasing": erased,
    "GaussianBlur": blurred,
}
