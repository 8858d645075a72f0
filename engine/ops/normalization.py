"""Layers that bring activations to zero mean and unit variance."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from engine.declare import Mistake, Op, Port, Recipe, Value, param
from engine.ops.ports import F32, Image2d, Volume3d

EPS = "Added to the variance so that nothing is divided by zero."


class _BatchNorm(Op, abstract=True):
    synonyms = ("bn", "normalise", "normalize")

    eps: float = param(1e-5, EPS, above=0, advanced=True)
    momentum: float = param(0.1, "Share of a new batch in the running mean and variance.", low=0, high=1)
    affine: bool = param(True, "Whether a scale and a shift are learned for each channel.", advanced=True)
    track_running_stats: bool = param(True, "Whether a running mean and variance are kept.", advanced=True)

    def _recipe(self, target: str, input: Value) -> Recipe:
        return Recipe(target, input[1], **self.changed())


class BatchNorm1d(_BatchNorm, group="Normalization"):
    """Normalises each feature over the batch."""

    example = {"input": "float32 4 3"}

    def build(self, input: Annotated[Value, Port(F32, "N C ...")]) -> Recipe:
        if input.ndim > 3:
            raise Mistake(f"input has {input.ndim} axes; BatchNorm1d takes N C or N C L. Use BatchNorm2d for images.")
        return self._recipe("nn.BatchNorm1d", input)


class BatchNorm2d(_BatchNorm, group="Normalization"):
    """Normalises each channel of images over the batch."""

    example = {"input": "float32 4 3 8 8"}

    def build(self, input: Image2d) -> Recipe:
        return self._recipe("nn.BatchNorm2d", input)


class BatchNorm3d(_BatchNorm, group="Normalization"):
    """Normalises each channel of volumes over the batch."""

    example = {"input": "float32 4 3 4 4 4"}

    def build(self, input: Volume3d) -> Recipe:
        return self._recipe("nn.BatchNorm3d", input)


class LayerNorm(Op, group="Normalization"):
    """Normalises the last axes of each sample."""

    synonyms = ("ln", "normalise", "normalize")
    key: ClassVar[tuple[str, ...]] = ("axes",)
    example = {"input": "float32 2 5 8"}

    axes: int = param(1, "How many axes, counted from the last, are normalised together.", low=1, high=8)
    eps: float = param(1e-5, EPS, above=0, advanced=True)
    elementwise_affine: bool = param(True, "Whether a scale and a shift are learned for each number.", advanced=True)
    bias: bool = param(True, "Whether the shift is learned too.", advanced=True)

    def build(self, input: Annotated[Value, Port(F32, "N ...")]) -> Recipe:
        if self.axes >= input.ndim:
            raise Mistake(f"axes is {self.axes}, but input has {input.ndim} axes with the batch.", param="axes")
        settings: dict[str, Any] = {name: value for name, value in self.changed().items() if name != "axes"}
        return Recipe("nn.LayerNorm", tuple(input.shape[-self.axes :]), **settings)


class GroupNorm(Op, group="Normalization"):
    """Normalises groups of channels of each sample."""

    synonyms = ("gn", "normalise", "normalize")
    key: ClassVar[tuple[str, ...]] = ("num_groups",)
    example = {"input": "float32 2 16 8 8"}

    num_groups: int = param(8, "Number of groups; it must divide the channels.", low=1)
    eps: float = param(1e-5, EPS, above=0, advanced=True)
    affine: bool = param(True, "Whether a scale and a shift are learned for each channel.", advanced=True)

    def build(self, input: Annotated[Value, Port(F32, "N C ...")]) -> Recipe:
        if input[1] % self.num_groups:
            raise Mistake(
                f"num_groups is {self.num_groups}, which does not divide the {input[1]} channels of input.",
                param="num_groups",
            )
        settings = {name: value for name, value in self.changed().items() if name != "num_groups"}
        return Recipe("nn.GroupNorm", self.num_groups, input[1], **settings)
