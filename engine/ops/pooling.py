"""Pooling: each window of a sequence, an image or a volume becomes one number."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from engine.declare import FLOAT, INTEGER, NUMBER, Op, Port, Recipe, Value, param, show_short
from engine.kinds import Size1, Size2, Size3
from engine.ops.ports import FloatSequence1d
from engine.ops.windows import checked_half, checked_windows, each

STEP = "Distance between one window and the next; empty for kernel_size."
EDGE = "Positions added around the edge; at most half of kernel_size."
CEIL = "Whether a window that only partly fits counts too."
INDICES = "Whether the place of each largest number comes out too, as MaxUnpool takes it."
COUNT = "Whether added positions count in the average."
DIVISOR = "What the sum of a window is divided by; empty for its number of positions."
NORM = "Power: 1 sums a window up, large ones near its maximum; of odd and broken ones, negative sums have no root."

LENGTH = "Length of each window."
PIXELS = "Height and width of each window, in pixels."
VOXELS = "Depth, height and width of each window."

# The average of whole numbers is a whole number, which PyTorch has for int64 alone; volumes it averages in full
# precision.
AVERAGED = (*FLOAT, "int64")
AVERAGED_3D = ("float32", "float64", "int64")


class _Pool(Op, abstract=True):
    """Shared by all with windows of a chosen size."""

    key: ClassVar[tuple[str, ...]] = ("kernel_size",)

    def summary(self) -> str:
        axes = self.params()["kernel_size"].kind.axes  # type: ignore[attr-defined]  # a Size
        text = show_short(each(self.kernel_size, axes))  # type: ignore[attr-defined]  # each subclass declares it
        stride = self.stride  # type: ignore[attr-defined]
        return text if stride is None else f"{text}, s{show_short(stride)}"

    def _recipe(self, input: Value) -> Recipe:
        settings: dict[str, Any] = {name: getattr(self, name) for name in self.params()}
        kernel, padding = settings["kernel_size"], settings.get("padding", 0)
        checked_half(padding, kernel, input.ndim - 2)
        checked_windows(
            input,
            kernel,
            stride=settings["stride"] or kernel,
            padding=padding,
            dilation=settings.get("dilation", 1),
            ceil_mode=settings["ceil_mode"],
        )
        first = {"norm_type": settings["norm_type"]} if "norm_type" in settings else {}
        more = {name: value for name, value in self.changed().items() if name not in ("kernel_size", *first)}
        return Recipe(f"nn.{type(self).__name__}", *first.values(), kernel, **more)


class WithIndices(Op, abstract=True):
    """Gives the places of the largest numbers beside them, where asked to."""

    outputs: ClassVar[str] = "output, indices"

    def returns(self) -> str:
        return self.outputs if self.return_indices else "output"  # type: ignore[attr-defined]  # each declares it


class _MaxPool(_Pool, WithIndices, abstract=True):
    synonyms = ("downsample", "subsample")


class MaxPool1d(_MaxPool, group="Pooling"):
    """Keeps the largest number of each window of a sequence."""

    example = {"input": "float32 2 3 16"}

    kernel_size: Size1 = param(2, LENGTH, low=1)
    stride: Size1 | None = param(None, STEP, low=1)
    padding: Size1 = param(0, EDGE, low=0)
    dilation: Size1 = param(1, "Distance between the positions of a window.", low=1, advanced=True)
    return_indices: bool = param(False, INDICES, advanced=True)
    ceil_mode: bool = param(False, CEIL, advanced=True)

    def build(self, input: FloatSequence1d) -> Recipe:
        return self._recipe(input)


class MaxPool2d(_MaxPool, group="Pooling"):
    """Keeps the largest number of each window of an image."""

    synonyms = ("pool", "downsample", "subsample")
    example = {"input": "float32 2 3 16 16"}

    kernel_size: Size2 = param(2, PIXELS, low=1)
    stride: Size2 | None = param(None, STEP, low=1)
    padding: Size2 = param(0, EDGE, low=0)
    dilation: Size2 = param(1, "Distance between the pixels of a window.", low=1, advanced=True)
    return_indices: bool = param(False, INDICES, advanced=True)
    ceil_mode: bool = param(False, CEIL, advanced=True)

    def build(self, input: Annotated[Value, Port(NUMBER, "N C H W")]) -> Recipe:
        return self._recipe(input)


class MaxPool3d(_MaxPool, group="Pooling"):
    """Keeps the largest number of each window of a volume."""

    example = {"input": "float32 2 3 8 8 8"}

    kernel_size: Size3 = param(2, VOXELS, low=1)
    stride: Size3 | None = param(None, STEP, low=1)
    padding: Size3 = param(0, EDGE, low=0)
    dilation: Size3 = param(1, "Distance between the voxels of a window.", low=1, advanced=True)
    return_indices: bool = param(False, INDICES, advanced=True)
    ceil_mode: bool = param(False, CEIL, advanced=True)

    def build(self, input: Annotated[Value, Port(NUMBER, "N C D H W")]) -> Recipe:
        return self._recipe(input)


class _AvgPool(_Pool, abstract=True):
    synonyms = ("mean pool", "downsample")


class AvgPool1d(_AvgPool, group="Pooling"):
    """Averages each window of a sequence."""

    example = {"input": "float32 2 3 16"}

    kernel_size: Size1 = param(2, LENGTH, low=1)
    stride: Size1 | None = param(None, STEP, low=1)
    padding: Size1 = param(0, EDGE, low=0)
    ceil_mode: bool = param(False, CEIL, advanced=True)
    count_include_pad: bool = param(True, COUNT, advanced=True)

    def build(self, input: Annotated[Value, Port(AVERAGED, "N C L")]) -> Recipe:
        return self._recipe(input)


class AvgPool2d(_AvgPool, group="Pooling"):
    """Averages each window of an image."""

    example = {"input": "float32 2 3 16 16"}

    kernel_size: Size2 = param(2, PIXELS, low=1)
    stride: Size2 | None = param(None, STEP, low=1)
    padding: Size2 = param(0, EDGE, low=0)
    ceil_mode: bool = param(False, CEIL, advanced=True)
    count_include_pad: bool = param(True, COUNT, advanced=True)
    divisor_override: int | None = param(None, DIVISOR, low=1, advanced=True)

    def build(self, input: Annotated[Value, Port(AVERAGED, "N C H W")]) -> Recipe:
        return self._recipe(input)


class AvgPool3d(_AvgPool, group="Pooling"):
    """Averages each window of a volume."""

    example = {"input": "float32 2 3 8 8 8"}

    kernel_size: Size3 = param(2, VOXELS, low=1)
    stride: Size3 | None = param(None, STEP, low=1)
    padding: Size3 = param(0, EDGE, low=0)
    ceil_mode: bool = param(False, CEIL, advanced=True)
    count_include_pad: bool = param(True, COUNT, advanced=True)
    divisor_override: int | None = param(None, DIVISOR, low=1, advanced=True)

    def build(self, input: Annotated[Value, Port(AVERAGED_3D, "N C D H W")]) -> Recipe:
        return self._recipe(input)


class _LPPool(_Pool, abstract=True):
    synonyms = ("power average", "norm pool", "downsample")


class LPPool1d(_LPPool, group="Pooling"):
    """Takes the power mean of each window of a sequence, between sum and maximum."""

    example = {"input": "float32:0..1 2 3 16"}

    norm_type: float = param(2.0, NORM, above=0)
    kernel_size: Size1 = param(2, LENGTH, low=1)
    stride: Size1 | None = param(None, STEP, low=1)
    ceil_mode: bool = param(False, CEIL, advanced=True)

    def build(self, input: Annotated[Value, Port(NUMBER, "N C L")]) -> Recipe:
        return self._recipe(input)


class LPPool2d(_LPPool, group="Pooling"):
    """Takes the power mean of each window of an image, between sum and maximum."""

    example = {"input": "float32:0..1 2 3 16 16"}

    norm_type: float = param(2.0, NORM, above=0)
    kernel_size: Size2 = param(2, PIXELS, low=1)
    stride: Size2 | None = param(None, STEP, low=1)
    ceil_mode: bool = param(False, CEIL, advanced=True)

    def build(self, input: Annotated[Value, Port(NUMBER, "N C H W")]) -> Recipe:
        return self._recipe(input)


class LPPool3d(_LPPool, group="Pooling"):
    """Takes the power mean of each window of a volume, between sum and maximum."""

    example = {"input": "float32:0..1 2 3 8 8 8"}

    norm_type: float = param(2.0, NORM, above=0)
    kernel_size: Size3 = param(2, VOXELS, low=1)
    stride: Size3 | None = param(None, STEP, low=1)
    ceil_mode: bool = param(False, CEIL, advanced=True)

    def build(self, input: Annotated[Value, Port(("float32", "float64", *INTEGER), "N C D H W")]) -> Recipe:
        return self._recipe(input)
