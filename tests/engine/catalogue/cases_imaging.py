"""Cases of functions on images: torch.nn.functional, or pixels put together by hand."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.engine.catalogue.case import Case

resize = nn.functional.interpolate


def sampled(input: Tensor, grid: Tensor) -> Tensor:
    """Bilinear sampling of N C H W at N h w 2, zeros outside, pixel by pixel."""
    batch, channels, height, width = input.shape
    result = torch.zeros(batch, channels, *grid.shape[1:3])
    for n in range(batch):
        for i in range(grid.shape[1]):
            for j in range(grid.shape[2]):
                x, y = (
                    ((place + 1) * size - 1) / 2
                    for place, size in zip(grid[n, i, j].tolist(), (width, height), strict=True)
                )
                for row in (int(y // 1), int(y // 1) + 1):
                    for column in (int(x // 1), int(x // 1) + 1):
                        if 0 <= row < height and 0 <= column < width:
                            share = (1 - abs(y - row)) * (1 - abs(x - column))
                            result[n, :, i, j] += share * input[n, :, row, column]
    return result


def places(theta: Tensor, height: int, width: int) -> Tensor:
    """Where matrices send each pixel's middle."""
    ys = (2 * torch.arange(height) + 1) / height - 1
    xs = (2 * torch.arange(width) + 1) / width - 1
    middles = torch.stack([torch.stack([torch.stack((x, y, torch.tensor(1.0))) for x in xs]) for y in ys])
    return torch.einsum("nij,hwj->nhwi", theta, middles)


MEAN, STD = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
WEIGHTS = torch.tensor([0.299, 0.587, 0.114])

CASES = [
    Case("Interpolate", call=lambda input: resize(input, scale_factor=2, mode="bilinear")),
    Case(
        "Interpolate",
        call=lambda input: input.repeat_interleave(3, 2).repeat_interleave(3, 3),
        params={"scale_factor": 3, "mode": "nearest"},
    ),
    Case(
        "Interpolate",
        call=lambda input: input.reshape(2, 3, 4, 2, 2, 4).mean((3, 5)),
        params={"size": [4, 2], "mode": "area"},
        tolerance=1e-6,
    ),
    Case(
        "Interpolate",
        call=lambda input: resize(input, size=5, mode="bicubic", align_corners=True, antialias=False),
        params={"size": 5, "mode": "bicubic", "align_corners": True},
    ),
    Case(
        "Interpolate",
        call=lambda input: resize(input, size=3, mode="bilinear", antialias=True),
        params={"size": 3, "antialias": True},
    ),
    Case(
        "Interpolate",
        call=lambda input: resize(input, scale_factor=0.5, mode="linear"),
        params={"scale_factor": 0.5, "mode": "linear"},
        inputs={"input": "float32 2 3 9"},
    ),
    Case(
        "Interpolate",
        call=lambda input: resize(input, size=(2, 5, 3), mode="trilinear"),
        params={"size": [2, 5, 3], "mode": "trilinear"},
        inputs={"input": "float32 1 2 4 4 4"},
    ),
    Case("GridSample", call=sampled, tolerance=1e-5),
    Case(
        "GridSample",
        call=lambda input, grid: nn.functional.grid_sample(
            input, grid, mode="nearest", padding_mode="border", align_corners=True
        ),
        params={"mode": "nearest", "padding_mode": "border", "align_corners": True},
    ),
    Case(
        "GridSample",
        call=lambda input, grid: nn.functional.grid_sample(input, grid, align_corners=False),
        inputs={"input": "float32 1 2 3 3 3", "grid": "float32:-1..1 1 2 2 2 3"},
        name="volumes",
    ),
    Case("AffineGrid", call=lambda theta: places(theta, 8, 8), tolerance=1e-5),
    Case(
        "AffineGrid",
        call=lambda theta: nn.functional.affine_grid(theta, [2, 1, 3, 5], align_corners=True),
        params={"size": [3, 5], "align_corners": True},
    ),
    Case("Crop", call=lambda input: input[..., :4, :4]),
    Case("Crop", call=lambda input: input[..., 2:5, 1:8], params={"top": 2, "left": 1, "size": [3, 7]}),
    Case("CenterCrop", call=lambda input: input[..., 2:6, 2:6]),
    Case("CenterCrop", call=lambda input: input[..., 2:5, 0:8], params={"size": [3, 8]}),
    Case("NormalizeImage", call=lambda input: (input - MEAN[:, None, None]) / STD[:, None, None]),
    Case(
        "NormalizeImage",
        call=lambda input: (input - 0.5) / 0.25,
        params={"mean": [0.5], "std": [0.25]},
        inputs={"input": "float32:0..1 2 1 4 4"},
    ),
    Case("Grayscale", call=lambda input: torch.einsum("nchw,c->nhw", input, WEIGHTS)[:, None], tolerance=1e-6),
    Case(
        "Grayscale",
        call=lambda input: torch.stack([torch.einsum("nchw,c->nhw", input, WEIGHTS)] * 3, 1),
        params={"num_output_channels": 3},
        tolerance=1e-6,
    ),
]
