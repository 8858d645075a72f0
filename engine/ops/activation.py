"""Functions applied to each number, and those that turn scores into probabilities."""

from __future__ import annotations

from typing import ClassVar, Literal

from engine.declare import Mistake, Op, Recipe, param
from engine.ops.ports import Floats


class _Pointwise(Op, abstract=True):
    """An activation whose module is named as the op and takes the params that differ from their defaults."""

    example = {"input": "float32 2 5"}

    def build(self, input: Floats) -> Recipe:
        return Recipe(f"nn.{type(self).__name__}", **self.changed())


class ReLU(_Pointwise, group="Activation"):
    """Cuts negative numbers to zero."""

    synonyms = ("rectifier", "nonlinearity")


class LeakyReLU(_Pointwise, group="Activation"):
    """Shrinks negative numbers instead of cutting them off."""

    synonyms = ("rectifier",)
    key: ClassVar[tuple[str, ...]] = ("negative_slope",)

    negative_slope: float = param(0.01, "Factor of negative numbers.", low=0)


class ELU(_Pointwise, group="Activation"):
    """Bends negative numbers smoothly towards -alpha."""

    alpha: float = param(1.0, "How far below zero it goes.", above=0)


class SELU(_Pointwise, group="Activation"):
    """A scaled ELU that keeps mean and variance steady from layer to layer."""


class GELU(_Pointwise, group="Activation"):
    """Weighs each number by the normal distribution: the Transformer's activation."""

    approximate: Literal["none", "tanh"] = param("none", "Exact, or the faster tanh formula.", advanced=True)


class SiLU(_Pointwise, group="Activation"):
    """Multiplies each number by its own sigmoid."""

    synonyms = ("swish",)


class Mish(_Pointwise, group="Activation"):
    """Multiplies each number by the tanh of its softplus."""


class Hardswish(_Pointwise, group="Activation"):
    """A cheap, piecewise form of SiLU, made for small devices."""


class Sigmoid(_Pointwise, group="Activation"):
    """Squeezes each number between 0 and 1."""

    synonyms = ("logistic",)


class Tanh(_Pointwise, group="Activation"):
    """Squeezes each number between -1 and 1."""

    synonyms = ("hyperbolic tangent",)


class Softplus(_Pointwise, group="Activation"):
    """A smooth ReLU, always positive."""

    beta: float = param(1.0, "Sharpness of the bend.", above=0)


class _AlongAxis(Op, abstract=True):
    key: ClassVar[tuple[str, ...]] = ("dim",)
    example = {"input": "float32 2 5"}

    dim: int = param(-1, "Axis whose numbers become probabilities; negative counts from the last.", low=-16, high=15)

    def build(self, input: Floats) -> Recipe:
        if not -input.ndim <= self.dim < input.ndim:
            raise Mistake(f"dim is {self.dim}, but input has {input.ndim} axes.", param="dim")
        return Recipe(f"nn.{type(self).__name__}", dim=self.dim)


class Softmax(_AlongAxis, group="Activation"):
    """Turns scores into probabilities that sum to 1."""

    synonyms = ("probabilities", "classifier")


class LogSoftmax(_AlongAxis, group="Activation"):
    """Turns scores into the logarithms of probabilities, as NLLLoss takes them."""

    synonyms = ("log probabilities",)
