"""Cases of padding; the sizes differ from end to end, so that a mix-up of the ends shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tests.engine.catalogue.case import Case


def padded(mode: Any, padding: list[int]) -> Callable[[Tensor], Tensor]:
    """Padding by NumPy, which counts its axes from the first."""
    ends = [(before, after) for before, after in zip(padding[::2], padding[1::2], strict=True)][::-1]

    def call(input: Tensor) -> Tensor:
        return torch.from_numpy(np.pad(input.numpy(), [(0, 0), (0, 0), *ends], mode=mode))

    return call


TWO, FOUR, SIX = [1, 3], [0, 1, 2, 3], [1, 2, 0, 3, 1, 1]

CASES = [
    Case("ReflectionPad1d", make=lambda: nn.ReflectionPad1d(1)),
    Case("ReflectionPad1d", params={"padding": TWO}, make=lambda: nn.ReflectionPad1d((1, 3))),
    Case("ReflectionPad2d", make=lambda: nn.ReflectionPad2d(1)),
    Case("ReflectionPad2d", params={"padding": FOUR}, make=lambda: nn.ReflectionPad2d((0, 1, 2, 3))),
    Case("ReflectionPad3d", make=lambda: nn.ReflectionPad3d(1)),
    Case("ReflectionPad3d", params={"padding": SIX}, make=lambda: nn.ReflectionPad3d((1, 2, 0, 3, 1, 1))),
    Case("ReplicationPad1d", make=lambda: nn.ReplicationPad1d(1)),
    Case("ReplicationPad1d", params={"padding": [9, 0]}, make=lambda: nn.ReplicationPad1d((9, 0))),
    Case("ReplicationPad2d", make=lambda: nn.ReplicationPad2d(1)),
    Case("ReplicationPad2d", params={"padding": FOUR}, make=lambda: nn.ReplicationPad2d((0, 1, 2, 3))),
    Case("ReplicationPad3d", make=lambda: nn.ReplicationPad3d(1)),
    Case("ReplicationPad3d", params={"padding": SIX}, make=lambda: nn.ReplicationPad3d((1, 2, 0, 3, 1, 1))),
    Case("CircularPad1d", make=lambda: nn.CircularPad1d(1)),
    Case("CircularPad1d", params={"padding": [8, 0]}, make=lambda: nn.CircularPad1d((8, 0))),
    Case("CircularPad2d", make=lambda: nn.CircularPad2d(1)),
    Case("CircularPad2d", params={"padding": FOUR}, make=lambda: nn.CircularPad2d((0, 1, 2, 3))),
    Case("CircularPad3d", make=lambda: nn.CircularPad3d(1)),
    Case("CircularPad3d", params={"padding": SIX}, make=lambda: nn.CircularPad3d((1, 2, 0, 3, 1, 1))),
    Case("ZeroPad1d", make=lambda: nn.ZeroPad1d(1)),
    Case("ZeroPad1d", params={"padding": [-2, 3]}, make=lambda: nn.ZeroPad1d((-2, 3))),
    Case("ZeroPad2d", make=lambda: nn.ZeroPad2d(1)),
    Case("ZeroPad2d", params={"padding": FOUR}, make=lambda: nn.ZeroPad2d((0, 1, 2, 3))),
    Case("ZeroPad3d", make=lambda: nn.ZeroPad3d(1)),
    Case("ZeroPad3d", params={"padding": SIX}, make=lambda: nn.ZeroPad3d((1, 2, 0, 3, 1, 1))),
    Case("ConstantPad1d", make=lambda: nn.ConstantPad1d(1, 0.0)),
    Case("ConstantPad1d", params={"padding": TWO, "value": 2.5}, make=lambda: nn.ConstantPad1d((1, 3), 2.5)),
    Case("ConstantPad2d", make=lambda: nn.ConstantPad2d(1, 0.0)),
    Case("ConstantPad2d", params={"padding": [0, -1, 2, 0], "value": -1.0},
         make=lambda: nn.ConstantPad2d((0, -1, 2, 0), -1.0)),
    Case("ConstantPad3d", make=lambda: nn.ConstantPad3d(1, 0.0)),
    Case("ConstantPad3d", params={"padding": SIX, "value": 0.5},
         make=lambda: nn.ConstantPad3d((1, 2, 0, 3, 1, 1), 0.5)),
    Case("ReflectionPad3d", params={"padding": SIX}, call=padded("reflect", SIX), name="numpy"),
    Case("ReplicationPad2d", params={"padding": FOUR}, call=padded("edge", FOUR), name="numpy"),
    Case("CircularPad3d", params={"padding": SIX}, call=padded("wrap", SIX), name="numpy"),
    Case("ZeroPad3d", params={"padding": SIX}, call=padded("constant", SIX), name="numpy"),
]  # fmt: skip
