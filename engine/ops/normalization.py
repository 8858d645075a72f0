"""Layers that bring activations to zero mean and unit variance, or to unit size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from engine.declare import Mistake, Op, Port, Recipe, Value, param
from engine.ops.axes import dividing
from engine.ops.ports import F32, Image2d, Sequence1d, Volume3d

EPS = "Added to the variance so that nothing is divided by zero."
AFFINE = "Whether a scale and a shift are learned for each channel."
SHIFT = "Whether the shift is learned too."
RUNNING = "Whether a running mean and variance are kept, to be used when not training."

Traced = Mapping[str, tuple[tuple[int, ...], str]]
Channels = Annotated[Value, Port(F32, "N C ...")]


class _BatchNorm(Op, abstract=True):
    synonyms: ClassVar[tuple[str, ...]] = ("bn", "normalise", "normalize")

    eps: float = param(1e-5, EPS, above=0, advanced=True)
    momentum: float | None = param(
        0.1, "Share of a new batch in the running mean and variance; empty for the plain average of all.", low=0, high=1
    )
    affine: bool = param(True, AFFINE, advanced=True)
    track_running_stats: bool = param(True, RUNNING, advanced=True)
    bias: bool = param(True, SHIFT, advanced=True)

    def _recipe(self, input: Value) -> Recipe:
        return Recipe(f"nn.{type(self).__name__}", input[1], **self.changed())

    def trace(self, input: Value) -> Traced | None:
        """State the shape where the plain average is kept: it reads a number, which the meta device does not have."""
        return {"output": (input.shape, input.dtype)} if self.momentum is None else None


class BatchNorm1d(_BatchNorm, group="Normalization"):
    """Normalises each feature over the batch."""

    example = {"input": "float32 4 3"}

    def build(self, input: Channels) -> Recipe:
        if input.ndim > 3:
            raise Mistake(f"input has {input.ndim} axes; BatchNorm1d takes N C or N C L. Use BatchNorm2d for images.")
        return self._recipe(input)


class BatchNorm2d(_BatchNorm, group="Normalization"):
    """Normalises each channel of images over the batch."""

    example = {"input": "float32 4 3 8 8"}

    def build(self, input: Image2d) -> Recipe:
        return self._recipe(input)


class BatchNorm3d(_BatchNorm, group="Normalization"):
    """Normalises each channel of volumes over the batch."""

    example = {"input": "float32 4 3 4 4 4"}

    def build(self, input: Volume3d) -> Recipe:
        return self._recipe(input)


class SyncBatchNorm(_BatchNorm, group="Normalization"):
    """Normalises each channel over the batches of all GPUs that train together; on one device, over its batch."""

    synonyms = ("bn", "normalise", "normalize", "distributed", "multi gpu")
    example = {"input": "float32 4 3 8"}

    def build(self, input: Channels) -> Recipe:
        return self._recipe(input)


class _InstanceNorm(Op, abstract=True):
    synonyms = ("in", "normalise", "normalize", "style")

    eps: float = param(1e-5, EPS, above=0, advanced=True)
    momentum: float = param(0.1, "Share of a new batch in the running mean and variance.", low=0, high=1, advanced=True)
    affine: bool = param(False, AFFINE)
    track_running_stats: bool = param(False, RUNNING, advanced=True)
    bias: bool = param(True, SHIFT, advanced=True)

    def _recipe(self, input: Value) -> Recipe:
        if all(size == 1 for size in input.shape[2:]):
            raise Mistake("input has one number in each channel; there is nothing to normalise it with.", param="input")
        return Recipe(f"nn.{type(self).__name__}", input[1], **self.changed())


class InstanceNorm1d(_InstanceNorm, group="Normalization"):
    """Normalises each channel of each sequence by itself."""

    example = {"input": "float32 2 3 8"}

    def build(self, input: Sequence1d) -> Recipe:
        return self._recipe(input)


class InstanceNorm2d(_InstanceNorm, group="Normalization"):
    """Normalises each channel of each image by itself: for style, where contrast does not matter."""

    example = {"input": "float32 2 3 8 8"}

    def build(self, input: Image2d) -> Recipe:
        return self._recipe(input)


class InstanceNorm3d(_InstanceNorm, group="Normalization"):
    """Normalises each channel of each volume by itself."""

    example = {"input": "float32 2 3 4 4 4"}

    def build(self, input: Volume3d) -> Recipe:
        return self._recipe(input)


class _LastAxes(Op, abstract=True):
    """A norm over the last axes; PyTorch's normalized_shape is their sizes."""

    key: ClassVar[tuple[str, ...]] = ("axes",)
    example = {"input": "float32 2 5 8"}

    axes: int = param(1, "How many axes, counted from the last, are normalised together.", low=1, high=8)

    def _recipe(self, input: Value) -> Recipe:
        if self.axes >= input.ndim:
            raise Mistake(f"axes is {self.axes}, but input has {input.ndim} axes with the batch.", param="axes")
        settings: dict[str, Any] = {name: value for name, value in self.changed().items() if name != "axes"}
        shape = input[-1] if self.axes == 1 else tuple(input.shape[-self.axes :])
        return Recipe(f"nn.{type(self).__name__}", shape, **settings)


class LayerNorm(_LastAxes, group="Normalization"):
    """Normalises the last axes of each sample."""

    synonyms = ("ln", "normalise", "normalize")

    eps: float = param(1e-5, EPS, above=0, advanced=True)
    elementwise_affine: bool = param(True, "Whether a scale and a shift are learned for each number.", advanced=True)
    bias: bool = param(True, SHIFT, advanced=True)

    def build(self, input: Annotated[Value, Port(F32, "N ...")]) -> Recipe:
        return self._recipe(input)


class RMSNorm(_LastAxes, group="Normalization"):
    """Divides the last axes of each sample by their root mean square: a lighter LayerNorm."""

    synonyms = ("root mean square", "normalise", "normalize", "llama")

    eps: float | None = param(
        None, "Added to the mean square so that nothing is divided by zero; empty for the smallest step of the dtype.",
        above=0, advanced=True,
    )  # fmt: skip
    elementwise_affine: bool = param(True, "Whether a scale is learned for each number.", advanced=True)

    def build(self, input: Annotated[Value, Port(F32, "N ...")]) -> Recipe:
        return self._recipe(input)


class GroupNorm(Op, group="Normalization"):
    """Normalises groups of channels of each sample."""

    synonyms = ("gn", "normalise", "normalize")
    key: ClassVar[tuple[str, ...]] = ("num_groups",)
    example = {"input": "float32 2 16 8 8"}

    num_groups: int = param(8, "Number of groups; it must divide the channels.", low=1)
    eps: float = param(1e-5, EPS, above=0, advanced=True)
    affine: bool = param(True, AFFINE, advanced=True)
    bias: bool = param(True, SHIFT, advanced=True)

    def build(self, input: Channels) -> Recipe:
        if input[1] % self.num_groups:
            raise Mistake(
                f"num_groups is {self.num_groups}, which does not divide the {input[1]} channels of input; "
                f"{dividing(input[1], self.num_groups)}.",
                param="num_groups",
            )
        settings = {name: value for name, value in self.changed().items() if name != "num_groups"}
        return Recipe("nn.GroupNorm", self.num_groups, input[1], **settings)


class LocalResponseNorm(Op, group="Normalization"):
    """Divides each number by the size of its neighbours in the channels around it, as AlexNet did."""

    synonyms = ("lrn", "alexnet", "normalise", "normalize", "across channels")
    key: ClassVar[tuple[str, ...]] = ("size",)
    example = {"input": "float32 2 6 4 4"}

    size: int = param(5, "Number of channels in the neighbourhood.", low=1)
    alpha: float = param(1e-4, "How strongly neighbours count.", advanced=True)
    beta: float = param(0.75, "Power of the divisor.", advanced=True)
    k: float = param(1.0, "Added to the neighbours' mean square.", above=0, advanced=True)

    # Its average has no half precision on the CPU, and would round whole numbers.
    def build(self, input: Annotated[Value, Port(("float32", "float64"), "N C L ...")]) -> Recipe:
        settings = {name: value for name, value in self.changed().items() if name != "size"}
        return Recipe("nn.LocalResponseNorm", self.size, **settings)
