"""Cases of normalisation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tests.engine.catalogue.case import Case


def response(input: Tensor, size: int, alpha: float, beta: float, k: float) -> Tensor:
    """LocalResponseNorm by AlexNet's formula, a channel at a time."""
    channels = input.shape[1]
    result = torch.empty_like(input)
    for channel in range(channels):
        first, last = max(0, channel - size // 2), min(channels, channel + (size - 1) // 2 + 1)
        total = (input[:, first:last] ** 2).sum(1)
        result[:, channel] = input[:, channel] / (k + alpha * total / size) ** beta
    return result


CASES = [
    Case("BatchNorm1d", make=lambda: nn.BatchNorm1d(3)),
    Case("BatchNorm1d", params={"momentum": None}, inputs={"input": "float32 4 3 5"},
         make=lambda: nn.BatchNorm1d(3, momentum=None)),
    Case("BatchNorm2d", make=lambda: nn.BatchNorm2d(3)),
    Case("BatchNorm2d", params={"eps": 0.01, "momentum": 0.5, "bias": False},
         make=lambda: nn.BatchNorm2d(3, eps=0.01, momentum=0.5, bias=False)),
    Case("BatchNorm2d", params={"affine": False, "track_running_stats": False},
         call=lambda input: (input - input.mean((0, 2, 3), keepdim=True))
         / (input.var((0, 2, 3), correction=0, keepdim=True) + 1e-5).sqrt(), tolerance=1e-5, name="formula"),
    Case("BatchNorm3d", make=lambda: nn.BatchNorm3d(3)),
    Case("BatchNorm3d", params={"affine": False}, make=lambda: nn.BatchNorm3d(3, affine=False)),
    Case("SyncBatchNorm", make=lambda: nn.SyncBatchNorm(3)),
    Case("SyncBatchNorm", params={"momentum": 0.2}, inputs={"input": "float32 4 3 2 2 2"},
         make=lambda: nn.BatchNorm3d(3, momentum=0.2), name="one device"),
    Case("InstanceNorm1d", make=lambda: nn.InstanceNorm1d(3)),
    Case("InstanceNorm1d", params={"affine": True, "track_running_stats": True},
         make=lambda: nn.InstanceNorm1d(3, affine=True, track_running_stats=True)),
    Case("InstanceNorm2d", make=lambda: nn.InstanceNorm2d(3)),
    Case("InstanceNorm2d", params={"affine": True, "bias": False},
         make=lambda: nn.InstanceNorm2d(3, affine=True, bias=False)),
    Case("InstanceNorm3d", make=lambda: nn.InstanceNorm3d(3)),
    Case("InstanceNorm3d", params={"eps": 0.1}, call=lambda input: (input - input.mean((2, 3, 4), keepdim=True))
         / (input.var((2, 3, 4), correction=0, keepdim=True) + 0.1).sqrt(), tolerance=1e-5, name="formula"),
    Case("LayerNorm", make=lambda: nn.LayerNorm(8)),
    Case("LayerNorm", params={"axes": 2, "bias": False}, make=lambda: nn.LayerNorm((5, 8), bias=False)),
    Case("LayerNorm", params={"elementwise_affine": False, "eps": 0.1},
         make=lambda: nn.LayerNorm(8, eps=0.1, elementwise_affine=False)),
    Case("RMSNorm", make=lambda: nn.RMSNorm(8)),
    Case("RMSNorm", params={"axes": 2, "eps": 0.1}, make=lambda: nn.RMSNorm((5, 8), eps=0.1)),
    Case("RMSNorm", params={"elementwise_affine": False, "eps": 0.5},
         call=lambda input: input / (input.square().mean(-1, keepdim=True) + 0.5).sqrt(),
         tolerance=1e-6, name="formula"),
    Case("GroupNorm", make=lambda: nn.GroupNorm(8, 16)),
    Case("GroupNorm", params={"num_groups": 2, "bias": False}, inputs={"input": "float32 2 6"},
         make=lambda: nn.GroupNorm(2, 6, bias=False)),
    Case("GroupNorm", params={"num_groups": 4, "affine": False}, make=lambda: nn.GroupNorm(4, 16, affine=False)),
    Case("LocalResponseNorm", make=lambda: nn.LocalResponseNorm(5)),
    Case("LocalResponseNorm", params={"size": 4, "alpha": 0.5, "beta": 0.6, "k": 2.0},
         call=lambda input: response(input, 4, 0.5, 0.6, 2.0), tolerance=1e-6, name="formula"),
]  # fmt: skip
