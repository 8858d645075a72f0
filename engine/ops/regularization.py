"""Layers that drop activations at random while training, against overfitting."""

from __future__ import annotations

from typing import Annotated, ClassVar

from engine.declare import FLOAT, Op, Port, Recipe, Value, param
from engine.ops.ports import FloatImage2d, Floats, FloatSequence1d, FloatVolume3d


class _Dropout(Op, abstract=True):
    key: ClassVar[tuple[str, ...]] = ("p",)
    random: ClassVar[bool] = True

    p: float = param(0.5, "Share of the numbers that is dropped.", low=0, high=1)

    def _recipe(self) -> Recipe:
        return Recipe(f"nn.{type(self).__name__}", self.p)


class _ChannelDropout(_Dropout, abstract=True):
    p: float = param(0.5, "Share of the channels that is dropped.", low=0, high=1)


class Dropout(_Dropout, group="Regularization"):
    """Sets numbers to zero at random while training."""

    example = {"input": "float32 2 8"}

    def build(self, input: Floats) -> Recipe:
        return self._recipe()


class Dropout1d(_ChannelDropout, group="Regularization"):
    """Sets whole channels of sequences to zero at random while training."""

    synonyms = ("spatial dropout",)
    example = {"input": "float32 2 3 8"}

    def build(self, input: FloatSequence1d) -> Recipe:
        return self._recipe()


class Dropout2d(_ChannelDropout, group="Regularization"):
    """Sets whole channels of images to zero at random while training."""

    synonyms = ("spatial dropout",)
    example = {"input": "float32 2 3 8 8"}

    def build(self, input: FloatImage2d) -> Recipe:
        return self._recipe()


class Dropout3d(_ChannelDropout, group="Regularization"):
    """Sets whole channels of volumes to zero at random while training."""

    synonyms = ("spatial dropout",)
    example = {"input": "float32 2 3 4 4 4"}

    def build(self, input: FloatVolume3d) -> Recipe:
        return self._recipe()


class AlphaDropout(_Dropout, group="Regularization"):
    """Drops numbers at random while training and keeps mean and variance steady: the dropout that goes with SELU."""

    synonyms = ("selu", "self-normalizing")
    example = {"input": "float32 2 8"}

    def build(self, input: Floats) -> Recipe:
        return self._recipe()


class FeatureAlphaDropout(_ChannelDropout, group="Regularization"):
    """Drops whole channels at random while training and keeps mean and variance steady, as goes with SELU."""

    synonyms = ("selu", "self-normalizing", "spatial dropout")
    example = {"input": "float32 2 3 8"}

    def build(self, input: Annotated[Value, Port(FLOAT, "N C ...")]) -> Recipe:
        return self._recipe()
