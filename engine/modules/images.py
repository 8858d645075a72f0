"""Images: normalised, cropped, without colour, and sampled at places of a grid."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class NormalizeImage(nn.Module):
    """Takes a mean away from each channel of N C H W and divides by a standard deviation."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).reshape(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).reshape(-1, 1, 1), persistent=False)

    def forward(self, input: Tensor) -> Tensor:
        return (input - self.mean) / self.std


def grayscale(input: Tensor, channels: int = 1) -> Tensor:
    """Weigh red, green and blue of N 3 H W by how bright they look (ITU-R BT.601): N channels H W."""
    red, green, blue = input.unbind(-3)
    brightness = (0.299 * red + 0.587 * green + 0.114 * blue).unsqueeze(-3)
    return brightness.expand(*input.shape[:-3], channels, *input.shape[-2:])


def center_crop(input: Tensor, height: int, width: int) -> Tensor:
    """Cut height x width out of the middle of ... H W."""
    top, left = (input.shape[-2] - height) // 2, (input.shape[-1] - width) // 2
    return input[..., top : top + height, left : left + width]


def affine_grid(theta: Tensor, height: int, width: int, align_corners: bool = False) -> Tensor:
    """Give the places N height width 2 that matrices N 2 3 send each pixel to."""
    return nn.functional.affine_grid(theta, [theta.shape[0], 1, height, width], align_corners=align_corners)
