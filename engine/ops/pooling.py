"""Pooling: each window of a sequence, an image or a volume becomes one number."""

from __future__ import annotations

from typing import Any, ClassVar

from engine.declare import Mistake, Op, Recipe, param, show_short
from engine.kinds import Size1, Size2, Size3
from engine.ops.ports import Image2d, Sequence1d, Volume3d

STEP = "Distance between one window and the next; empty for kernel_size."
EDGE = "Positions added around the edge; at most half of kernel_size."
CEIL = "Whether a window that only partly fits counts too."


class _Pool(Op, abstract=True):
    key: ClassVar[tuple[str, ...]] = ("kernel_size",)

    def _recipe(self, target: str, axes: int) -> Recipe:
        kernel, padding = self.kernel_size, self.padding  # type: ignore[attr-defined]  # each subclass declares them
        if any(edge * 2 > size for edge, size in zip(_each(padding, axes), _each(kernel, axes), strict=True)):
            raise Mistake(
                f"padding is {show_short(padding)}; it must be at most half of kernel_size ({show_short(kernel)}).",
                param="padding",
            )
        settings = {name: value for name, value in self.changed().items() if name != "kernel_size"}
        return Recipe(target, kernel, **settings)

    def summary(self) -> str:
        axes = self.params()["kernel_size"].kind.axes  # type: ignore[attr-defined]  # a Size
        text = show_short(_each(self.kernel_size, axes))  # type: ignore[attr-defined]
        stride = self.stride  # type: ignore[attr-defined]
        return text if stride is None else f"{text}, s{show_short(stride)}"


def _each(size: int | tuple[int, ...], axes: int) -> tuple[int, ...]:
    return (size,) * axes if isinstance(size, int) else size


class MaxPool1d(_Pool, group="Pooling"):
    """Keeps the largest number of each window of a sequence."""

    synonyms = ("downsample", "subsample")
    example = {"input": "float32 2 3 16"}

    kernel_size: Size1 = param(2, "Length of each window.", low=1)
    stride: Size1 | None = param(None, STEP, low=1)
    padding: Size1 = param(0, EDGE, low=0)
    dilation: Size1 = param(1, "Distance between the positions of a window.", low=1, advanced=True)
    ceil_mode: bool = param(False, CEIL, advanced=True)

    def build(self, input: Sequence1d) -> Recipe:
        return self._recipe("nn.MaxPool1d", 1)


class MaxPool2d(_Pool, group="Pooling"):
    """Keeps the largest number of each window of an image."""

    synonyms = ("downsample", "subsample")
    example = {"input": "float32 2 3 16 16"}

    kernel_size: Size2 = param(2, "Height and width of each window, in pixels.", low=1)
    stride: Size2 | None = param(None, STEP, low=1)
    padding: Size2 = param(0, EDGE, low=0)
    dilation: Size2 = param(1, "Distance between the pixels of a window.", low=1, advanced=True)
    ceil_mode: bool = param(False, CEIL, advanced=True)

    def build(self, input: Image2d) -> Recipe:
        return self._recipe("nn.MaxPool2d", 2)


class MaxPool3d(_Pool, group="Pooling"):
    """Keeps the largest number of each window of a volume."""

    synonyms = ("downsample", "subsample")
    example = {"input": "float32 2 3 8 8 8"}

    kernel_size: Size3 = param(2, "Depth, height and width of each window.", low=1)
    stride: Size3 | None = param(None, STEP, low=1)
    padding: Size3 = param(0, EDGE, low=0)
    dilation: Size3 = param(1, "Distance between the voxels of a window.", low=1, advanced=True)
    ceil_mode: bool = param(False, CEIL, advanced=True)

    def build(self, input: Volume3d) -> Recipe:
        return self._recipe("nn.MaxPool3d", 3)


COUNT = "Whether added positions count in the average."


class AvgPool1d(_Pool, group="Pooling"):
    """Averages each window of a sequence."""

    synonyms = ("mean pool", "downsample")
    example = {"input": "float32 2 3 16"}

    kernel_size: Size1 = param(2, "Length of each window.", low=1)
    stride: Size1 | None = param(None, STEP, low=1)
    padding: Size1 = param(0, EDGE, low=0)
    ceil_mode: bool = param(False, CEIL, advanced=True)
    count_include_pad: bool = param(True, COUNT, advanced=True)

    def build(self, input: Sequence1d) -> Recipe:
        return self._recipe("nn.AvgPool1d", 1)


class AvgPool2d(_Pool, group="Pooling"):
    """Averages each window of an image."""

    synonyms = ("mean pool", "downsample")
    example = {"input": "float32 2 3 16 16"}

    kernel_size: Size2 = param(2, "Height and width of each window, in pixels.", low=1)
    stride: Size2 | None = param(None, STEP, low=1)
    padding: Size2 = param(0, EDGE, low=0)
    ceil_mode: bool = param(False, CEIL, advanced=True)
    count_include_pad: bool = param(True, COUNT, advanced=True)

    def build(self, input: Image2d) -> Recipe:
        return self._recipe("nn.AvgPool2d", 2)


class AvgPool3d(_Pool, group="Pooling"):
    """Averages each window of a volume."""

    synonyms = ("mean pool", "downsample")
    example = {"input": "float32 2 3 8 8 8"}

    kernel_size: Size3 = param(2, "Depth, height and width of each window.", low=1)
    stride: Size3 | None = param(None, STEP, low=1)
    padding: Size3 = param(0, EDGE, low=0)
    ceil_mode: bool = param(False, CEIL, advanced=True)
    count_include_pad: bool = param(True, COUNT, advanced=True)

    def build(self, input: Volume3d) -> Recipe:
        return self._recipe("nn.AvgPool3d", 3)


class _AdaptivePool(Op, abstract=True):
    key: ClassVar[tuple[str, ...]] = ("output_size",)

    def _sizes(self) -> Any:
        return self.output_size  # type: ignore[attr-defined]  # each subclass declares it


class AdaptiveAvgPool1d(_AdaptivePool, group="Pooling"):
    """Averages a sequence down to a chosen length, whatever its own."""

    synonyms = ("global average pool", "gap")
    example = {"input": "float32 2 3 16"}

    output_size: Size1 = param(1, "Length of the result.", low=1)

    def build(self, input: Sequence1d) -> Recipe:
        return Recipe("nn.AdaptiveAvgPool1d", self._sizes())


class AdaptiveAvgPool2d(_AdaptivePool, group="Pooling"):
    """Averages an image down to a chosen size, whatever its own."""

    synonyms = ("global average pool", "gap")
    example = {"input": "float32 2 3 16 16"}

    output_size: Size2 = param(1, "Height and width of the result, in pixels.", low=1)

    def build(self, input: Image2d) -> Recipe:
        return Recipe("nn.AdaptiveAvgPool2d", self._sizes())


class AdaptiveMaxPool2d(_AdaptivePool, group="Pooling"):
    """Keeps the largest numbers of an image's windows, for a result of a chosen size."""

    synonyms = ("global max pool",)
    example = {"input": "float32 2 3 16 16"}

    output_size: Size2 = param(1, "Height and width of the result, in pixels.", low=1)

    def build(self, input: Image2d) -> Recipe:
        return Recipe("nn.AdaptiveMaxPool2d", self._sizes())
