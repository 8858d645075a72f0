"""Functions applied to each number, and those that turn scores into probabilities."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from engine.declare import COMPLEX, FLOAT, NUMBER, Mistake, Op, Port, Recipe, Value, param
from engine.ops.ports import F32, Anything, FloatImage2d, Floats, Numbers


class _Pointwise(Op, abstract=True):
    """An activation whose module is named as the op and takes the params that differ from their defaults."""

    example = {"input": "float32 2 5"}

    def build(self, input: Floats) -> Recipe:
        return self._recipe()

    def _recipe(self) -> Recipe:
        return Recipe(f"nn.{type(self).__name__}", **self.changed())


class ReLU(_Pointwise, group="Activation"):
    """Cuts negative numbers to zero."""

    synonyms = ("rectifier", "nonlinearity", "torch.relu")

    def build(self, input: Numbers) -> Recipe:
        return self._recipe()


class ReLU6(_Pointwise, group="Activation"):
    """Cuts numbers to the range from 0 to 6, as networks for small devices do."""

    synonyms = ("rectifier", "clip", "mobilenet")

    def build(self, input: Numbers) -> Recipe:
        return self._recipe()


class LeakyReLU(_Pointwise, group="Activation"):
    """Shrinks negative numbers instead of cutting them off."""

    synonyms = ("rectifier",)
    key: ClassVar[tuple[str, ...]] = ("negative_slope",)

    negative_slope: float = param(0.01, "Factor of negative numbers.", low=0)


class PReLU(_Pointwise, group="Activation"):
    """Multiplies negative numbers by a learned factor."""

    synonyms = ("parametric", "leaky", "rectifier", "learned slope")
    key: ClassVar[tuple[str, ...]] = ("num_parameters",)

    num_parameters: int = param(1, "Learned factors: 1 for all, or as many as there are channels (axis 1).", low=1)
    init: float = param(0.25, "Factor at the start.", advanced=True)

    def build(self, input: Annotated[Value, Port(F32, "N ...")]) -> Recipe:
        channels = input[1] if input.ndim > 1 else 1
        if self.num_parameters not in (1, channels):
            raise Mistake(
                f"num_parameters is {self.num_parameters}; it must be 1, or {channels} for the channels of input.",
                param="num_parameters",
            )
        return self._recipe()


class RReLU(_Pointwise, group="Activation"):
    """Multiplies negative numbers by a factor drawn at random while training, by the middle of the range later."""

    synonyms = ("randomized", "leaky", "rectifier")
    random: ClassVar[bool] = True

    lower: float = param(0.125, "Smallest factor of negative numbers.", low=0)
    upper: float = param(1 / 3, "Largest factor of negative numbers.", low=0)

    def build(self, input: Annotated[Value, Port(("float32", "float64", "bfloat16"), "...")]) -> Recipe:
        if self.lower > self.upper:
            raise Mistake(f"lower is {self.lower}; it must be at most upper ({self.upper}).", param="lower")
        return self._recipe()


class ELU(_Pointwise, group="Activation"):
    """Bends negative numbers smoothly towards -alpha."""

    alpha: float = param(1.0, "How far below zero it goes.", above=0)


class CELU(_Pointwise, group="Activation"):
    """An ELU without a kink at zero, whatever alpha is."""

    alpha: float = param(1.0, "How far below zero it goes.", above=0)


class SELU(_Pointwise, group="Activation"):
    """A scaled ELU that keeps mean and variance steady from layer to layer."""

    synonyms = ("self-normalizing",)


class GELU(_Pointwise, group="Activation"):
    """Weighs each number by the normal distribution: the Transformer's activation."""

    approximate: Literal["none", "tanh"] = param("none", "Exact, or the faster tanh formula.", advanced=True)


class SiLU(_Pointwise, group="Activation"):
    """Multiplies each number by its own sigmoid."""

    synonyms = ("swish",)

    def build(self, input: Annotated[Value, Port((*FLOAT, *COMPLEX), "...")]) -> Recipe:
        return self._recipe()


class Mish(_Pointwise, group="Activation"):
    """Multiplies each number by the tanh of its softplus."""


class Hardswish(_Pointwise, group="Activation"):
    """A cheap, piecewise form of SiLU, made for small devices."""

    synonyms = ("mobilenet",)


class Sigmoid(_Pointwise, group="Activation"):
    """Squeezes each number between 0 and 1."""

    synonyms = ("logistic", "torch.sigmoid")

    def build(self, input: Anything) -> Recipe:
        return self._recipe()


class Hardsigmoid(_Pointwise, group="Activation"):
    """A cheap, piecewise form of Sigmoid, made for small devices."""

    synonyms = ("logistic",)


class LogSigmoid(_Pointwise, group="Activation"):
    """The logarithm of Sigmoid, exact also where Sigmoid is nearly 0."""

    synonyms = ("logistic", "log probability")


class Tanh(_Pointwise, group="Activation"):
    """Squeezes each number between -1 and 1."""

    synonyms = ("hyperbolic tangent", "torch.tanh")

    def build(self, input: Anything) -> Recipe:
        return self._recipe()


class Hardtanh(_Pointwise, group="Activation"):
    """Cuts numbers to a range."""

    synonyms = ("clip", "clamp")
    key: ClassVar[tuple[str, ...]] = ("min_val", "max_val")

    min_val: float = param(-1.0, "Smallest number that comes out.")
    max_val: float = param(1.0, "Largest number that comes out.")

    def build(self, input: Annotated[Value, Port((*FLOAT, "int64", "int32", "int16", "int8"), "...")]) -> Recipe:
        if self.min_val >= self.max_val:
            raise Mistake(f"min_val is {self.min_val}; it must be less than max_val ({self.max_val}).", param="min_val")
        return self._recipe()


class Softsign(_Pointwise, group="Activation"):
    """Squeezes each number between -1 and 1, more slowly than Tanh."""

    def build(self, input: Annotated[Value, Port((*NUMBER, *COMPLEX), "...")]) -> Recipe:
        return self._recipe()


class Tanhshrink(_Pointwise, group="Activation"):
    """Takes its Tanh away from each number, which leaves little of small ones."""

    def build(self, input: Annotated[Value, Port((*NUMBER, *COMPLEX), "...")]) -> Recipe:
        return self._recipe()


class Hardshrink(_Pointwise, group="Activation"):
    """Sets numbers near zero to zero."""

    synonyms = ("sparse", "hard threshold")
    key: ClassVar[tuple[str, ...]] = ("lambd",)

    lambd: float = param(0.5, "Numbers from -lambd to lambd become zero.", low=0)


class Softshrink(_Pointwise, group="Activation"):
    """Sets numbers near zero to zero, and draws all others as far towards zero."""

    synonyms = ("sparse", "soft threshold")
    key: ClassVar[tuple[str, ...]] = ("lambd",)

    lambd: float = param(0.5, "Numbers from -lambd to lambd become zero.", low=0)


class Threshold(_Pointwise, group="Activation"):
    """Puts a value in the place of all numbers up to a threshold."""

    key: ClassVar[tuple[str, ...]] = ("threshold", "value")

    threshold: float = param(0.0, "Numbers above it stay as they are.")
    value: float = param(0.0, "What all others become.")

    def build(self, input: Numbers) -> Recipe:
        if input.dtype not in FLOAT and self.value != int(self.value):
            raise Mistake(f"value is {self.value}, and input holds whole numbers ({input.dtype}).", param="value")
        return Recipe("nn.Threshold", self.threshold, self.value)


class Softplus(_Pointwise, group="Activation"):
    """A smooth ReLU, always positive."""

    beta: float = param(1.0, "Sharpness of the bend.", above=0)
    threshold: float = param(20.0, "Numbers whose product with beta is above it stay as they are.", advanced=True)


class GLU(_Pointwise, group="Activation"):
    """Multiplies one half of an axis by the sigmoid of the other: a learned gate."""

    synonyms = ("gated linear unit", "gate")
    key: ClassVar[tuple[str, ...]] = ("dim",)
    example = {"input": "float32 2 6"}

    dim: int = param(-1, "Axis that is halved; negative counts from the last.", low=-16, high=15)

    def build(self, input: Floats) -> Recipe:
        size = input[checked_dim(self.dim, input)]
        if size % 2:
            raise Mistake(f"Axis {self.dim} of input has size {size}; to be halved, it must be even.", param="dim")
        return self._recipe()


def checked_dim(dim: int, input: Value) -> int:
    """Return `dim`, or raise Mistake where `input` has no such axis."""
    if not -input.ndim <= dim < input.ndim:
        raise Mistake(f"dim is {dim}, but input has {input.ndim} axes.", param="dim")
    return dim


class _AlongAxis(Op, abstract=True):
    key: ClassVar[tuple[str, ...]] = ("dim",)
    example = {"input": "float32 2 5"}

    dim: int = param(-1, "Axis whose numbers become probabilities; negative counts from the last.", low=-16, high=15)

    def build(self, input: Floats) -> Recipe:
        return Recipe(f"nn.{type(self).__name__}", dim=checked_dim(self.dim, input))


class Softmax(_AlongAxis, group="Activation"):
    """Turns scores into probabilities that sum to 1."""

    synonyms = ("probabilities", "classifier", "torch.softmax")


class LogSoftmax(_AlongAxis, group="Activation"):
    """Turns scores into the logarithms of probabilities, as NLLLoss takes them."""

    synonyms = ("log probabilities", "torch.log_softmax")


class Softmin(_AlongAxis, group="Activation"):
    """Turns scores into probabilities that sum to 1, the smallest score the most probable."""

    synonyms = ("probabilities", "distances")


class Softmax2d(Op, group="Activation"):
    """Turns the channels of each pixel into probabilities that sum to 1."""

    synonyms = ("probabilities", "segmentation", "pixels")
    example = {"input": "float32 2 3 4 4"}

    def build(self, input: FloatImage2d) -> Recipe:
        return Recipe("nn.Softmax2d")
