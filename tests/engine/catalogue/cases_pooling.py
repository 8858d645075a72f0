"""Cases of pooling with windows, pooling to a chosen size, and the way back."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tests.engine.catalogue.case import Case

POSITIVE = {
    1: {"input": "float32:0..1 2 3 9"},
    2: {"input": "float32:0..1 2 3 9 7"},
    3: {"input": "float32:0..1 2 3 5 7 9"},
}


def power_mean(pool: Any, power: float, kernel: Any, count: int) -> Any:
    """LPPool by its formula: the root of the windows' sums of powers."""
    return lambda input: (pool(kernel)(input**power) * count) ** (1 / power)


def fractional(kernel: int, size: int) -> Any:
    """FractionalMaxPool2d by its paper: windows that start where a random step says, the last at the end."""

    def starts(sample: float, length: int) -> list[int]:
        alpha = (length - kernel) / (size - 1)
        first = int(sample * alpha)
        return [*(int((place + sample) * alpha) - first for place in range(size - 1)), length - kernel]

    def pool(input: Tensor) -> Tensor:
        batch, channels, height, width = input.shape
        samples = torch.rand(batch, channels, 2)
        result = torch.empty(batch, channels, size, size)
        for sample in range(batch):
            for channel in range(channels):
                across, down = (float(each) for each in samples[sample, channel])
                for row, top in enumerate(starts(down, height)):
                    for column, left in enumerate(starts(across, width)):
                        window = input[sample, channel, top : top + kernel, left : left + kernel]
                        result[sample, channel, row, column] = window.max()
        return result

    return pool


CASES = [
    Case("MaxPool1d", make=lambda: nn.MaxPool1d(2)),
    Case(
        "MaxPool1d",
        params={"kernel_size": 3, "stride": 2, "padding": 1, "dilation": 2, "ceil_mode": True},
        make=lambda: nn.MaxPool1d(3, 2, 1, 2, ceil_mode=True),
    ),
    Case("MaxPool1d", params={"return_indices": True}, make=lambda: nn.MaxPool1d(2, return_indices=True)),
    Case("MaxPool2d", make=lambda: nn.MaxPool2d(2)),
    Case(
        "MaxPool2d",
        params={"kernel_size": [3, 2], "stride": [2, 1], "padding": [1, 0]},
        make=lambda: nn.MaxPool2d((3, 2), (2, 1), (1, 0)),
    ),
    Case(
        "MaxPool2d",
        params={"kernel_size": 3, "stride": 2, "return_indices": True, "ceil_mode": True},
        make=lambda: nn.MaxPool2d(3, 2, return_indices=True, ceil_mode=True),
    ),
    Case("MaxPool3d", make=lambda: nn.MaxPool3d(2)),
    Case(
        "MaxPool3d",
        params={"kernel_size": 2, "stride": 1, "dilation": [1, 2, 3], "return_indices": True},
        make=lambda: nn.MaxPool3d(2, 1, dilation=(1, 2, 3), return_indices=True),
    ),
    Case("AvgPool1d", make=lambda: nn.AvgPool1d(2)),
    Case(
        "AvgPool1d",
        params={"kernel_size": 4, "stride": 3, "padding": 2, "ceil_mode": True, "count_include_pad": False},
        make=lambda: nn.AvgPool1d(4, 3, 2, ceil_mode=True, count_include_pad=False),
    ),
    Case("AvgPool2d", make=lambda: nn.AvgPool2d(2)),
    Case(
        "AvgPool2d",
        params={"kernel_size": [2, 4], "stride": 2, "padding": [0, 1], "divisor_override": 3},
        make=lambda: nn.AvgPool2d((2, 4), 2, (0, 1), divisor_override=3),
    ),
    Case("AvgPool3d", make=lambda: nn.AvgPool3d(2)),
    Case(
        "AvgPool3d",
        params={"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": False},
        make=lambda: nn.AvgPool3d(3, 2, 1, ceil_mode=True, count_include_pad=False),
    ),
    Case("LPPool1d", make=lambda: nn.LPPool1d(2, 2)),
    Case(
        "LPPool1d",
        params={"norm_type": 3.0, "kernel_size": 3},
        inputs=POSITIVE[1],
        call=power_mean(nn.AvgPool1d, 3.0, 3, 3),
        tolerance=1e-5,
        name="formula",
    ),
    Case("LPPool1d", params={"stride": 3, "ceil_mode": True}, make=lambda: nn.LPPool1d(2, 2, 3, ceil_mode=True)),
    Case("LPPool2d", make=lambda: nn.LPPool2d(2, 2)),
    Case(
        "LPPool2d",
        params={"norm_type": 1.5, "kernel_size": [3, 2]},
        inputs=POSITIVE[2],
        call=power_mean(nn.AvgPool2d, 1.5, (3, 2), 6),
        tolerance=1e-5,
        name="formula",
    ),
    Case("LPPool3d", make=lambda: nn.LPPool3d(2, 2)),
    Case("LPPool3d", params={"norm_type": 1.0, "stride": 1}, make=lambda: nn.LPPool3d(1, 2, 1)),
    Case("AdaptiveAvgPool1d", make=lambda: nn.AdaptiveAvgPool1d(1)),
    Case("AdaptiveAvgPool1d", params={"output_size": 5}, make=lambda: nn.AdaptiveAvgPool1d(5)),
    Case("AdaptiveAvgPool2d", make=lambda: nn.AdaptiveAvgPool2d(1)),
    Case("AdaptiveAvgPool2d", params={"output_size": [3, 5]}, make=lambda: nn.AdaptiveAvgPool2d((3, 5))),
    Case("AdaptiveAvgPool2d", params={"output_size": [1, None]}, make=lambda: nn.AdaptiveAvgPool2d((1, None))),
    Case("AdaptiveAvgPool3d", make=lambda: nn.AdaptiveAvgPool3d(1)),
    Case("AdaptiveAvgPool3d", params={"output_size": [None, 3, 3]}, make=lambda: nn.AdaptiveAvgPool3d((None, 3, 3))),
    Case("AdaptiveMaxPool1d", make=lambda: nn.AdaptiveMaxPool1d(1)),
    Case(
        "AdaptiveMaxPool1d",
        params={"output_size": 5, "return_indices": True},
        make=lambda: nn.AdaptiveMaxPool1d(5, return_indices=True),
    ),
    Case("AdaptiveMaxPool2d", make=lambda: nn.AdaptiveMaxPool2d(1)),
    Case(
        "AdaptiveMaxPool2d",
        params={"output_size": [None, 3], "return_indices": True},
        make=lambda: nn.AdaptiveMaxPool2d((None, 3), return_indices=True),
    ),
    Case("AdaptiveMaxPool3d", make=lambda: nn.AdaptiveMaxPool3d(1)),
    Case(
        "AdaptiveMaxPool3d",
        params={"output_size": 3, "return_indices": True},
        make=lambda: nn.AdaptiveMaxPool3d(3, return_indices=True),
    ),
    Case("FractionalMaxPool2d", make=lambda: nn.FractionalMaxPool2d(2, output_ratio=0.5)),
    Case(
        "FractionalMaxPool2d",
        params={"kernel_size": 3, "output_size": 6, "output_ratio": None},
        call=fractional(3, 6),
        name="formula",
    ),
    Case(
        "FractionalMaxPool2d",
        params={"kernel_size": [3, 2], "output_ratio": [0.4, 0.7], "return_indices": True},
        make=lambda: nn.FractionalMaxPool2d((3, 2), output_ratio=(0.4, 0.7), return_indices=True),
    ),
    Case("FractionalMaxPool3d", make=lambda: nn.FractionalMaxPool3d(2, output_ratio=0.5)),
    Case(
        "FractionalMaxPool3d",
        params={"output_size": [3, 4, 5], "output_ratio": None, "return_indices": True},
        make=lambda: nn.FractionalMaxPool3d(2, output_size=(3, 4, 5), return_indices=True),
    ),
    Case("MaxUnpool1d", make=lambda: nn.MaxUnpool1d(2)),
    Case(
        "MaxUnpool1d",
        params={"kernel_size": 3, "stride": 2, "padding": 1, "output_size": 16},
        make=lambda: nn.MaxUnpool1d(3, 2, 1),
        call=lambda module, input, indices: module(input, indices, output_size=[16]),
    ),
    Case("MaxUnpool2d", make=lambda: nn.MaxUnpool2d(2)),
    Case(
        "MaxUnpool2d",
        params={"output_size": [9, 8]},
        make=lambda: nn.MaxUnpool2d(2),
        call=lambda module, input, indices: module(input, indices, output_size=(9, 8)),
    ),
    Case("MaxUnpool3d", make=lambda: nn.MaxUnpool3d(2)),
    Case(
        "MaxUnpool3d",
        params={"kernel_size": 3, "stride": [2, 2, 3]},
        make=lambda: nn.MaxUnpool3d(3, (2, 2, 3)),
    ),
]
