"""Layers that drop activations at random while training, against overfitting."""

from __future__ import annotations

from typing import ClassVar

from engine.declare import Op, Recipe, param
from engine.ops.ports import Floats, Image2d


class Dropout(Op, group="Regularization"):
    """Sets numbers to zero at random while training."""

    key: ClassVar[tuple[str, ...]] = ("p",)
    random: ClassVar[bool] = True
    example = {"input": "float32 2 8"}

    p: float = param(0.5, "Share of the numbers that is dropped.", low=0, high=1)

    def build(self, input: Floats) -> Recipe:
        return Recipe("nn.Dropout", self.p)


class Dropout2d(Op, group="Regularization"):
    """Sets whole channels of images to zero at random while training."""

    synonyms = ("spatial dropout",)
    key: ClassVar[tuple[str, ...]] = ("p",)
    random: ClassVar[bool] = True
    example = {"input": "float32 2 3 8 8"}

    p: float = param(0.5, "Share of the channels that is dropped.", low=0, high=1)

    def build(self, input: Image2d) -> Recipe:
        return Recipe("nn.Dropout2d", self.p)
