"""Pooling to a result of a chosen size, whatever the input's."""

from __future__ import annotations

from typing import Any, ClassVar

from engine.declare import Mistake, Op, Recipe, Value, param
from engine.kinds import Size1, Size2, Size2OrGaps, Size3, Size3OrGaps
from engine.ops.pooling import INDICES, PIXELS, VOXELS, WithIndices
from engine.ops.ports import FloatImage2d, FloatSequence1d, FloatVolume3d
from engine.ops.windows import each

LENGTH = "Length of the result."
SIZE_2D = "Height and width of the result, in pixels; an empty one stays as it is."
SIZE_3D = "Depth, height and width of the result; an empty one stays as it is."


class _AdaptivePool(Op, abstract=True):
    key: ClassVar[tuple[str, ...]] = ("output_size",)

    def _recipe(self) -> Recipe:
        settings = self.changed()
        settings.pop("output_size", None)
        return Recipe(f"nn.{type(self).__name__}", self.output_size, **settings)  # type: ignore[attr-defined]  # each has it


class _AdaptiveAvgPool(_AdaptivePool, abstract=True):
    synonyms = ("global average pool", "gap", "mean")


class AdaptiveAvgPool1d(_AdaptiveAvgPool, group="Pooling"):
    """Averages a sequence down to a chosen length, whatever its own."""

    example = {"input": "float32 2 3 16"}

    output_size: Size1 = param(1, LENGTH, low=1)

    def build(self, input: FloatSequence1d) -> Recipe:
        return self._recipe()


class AdaptiveAvgPool2d(_AdaptiveAvgPool, group="Pooling"):
    """Averages an image down to a chosen size, whatever its own."""

    example = {"input": "float32 2 3 16 16"}

    output_size: Size2OrGaps = param(1, SIZE_2D, low=1)

    def build(self, input: FloatImage2d) -> Recipe:
        return self._recipe()


class AdaptiveAvgPool3d(_AdaptiveAvgPool, group="Pooling"):
    """Averages a volume down to a chosen size, whatever its own."""

    example = {"input": "float32 2 3 8 8 8"}

    output_size: Size3OrGaps = param(1, SIZE_3D, low=1)

    def build(self, input: FloatVolume3d) -> Recipe:
        return self._recipe()


class _AdaptiveMaxPool(_AdaptivePool, WithIndices, abstract=True):
    synonyms = ("global max pool",)


class AdaptiveMaxPool1d(_AdaptiveMaxPool, group="Pooling"):
    """Keeps the largest numbers of a sequence's windows, for a result of a chosen length."""

    example = {"input": "float32 2 3 16"}

    output_size: Size1 = param(1, LENGTH, low=1)
    return_indices: bool = param(False, INDICES, advanced=True)

    def build(self, input: FloatSequence1d) -> Recipe:
        return self._recipe()


class AdaptiveMaxPool2d(_AdaptiveMaxPool, group="Pooling"):
    """Keeps the largest numbers of an image's windows, for a result of a chosen size."""

    example = {"input": "float32 2 3 16 16"}

    output_size: Size2OrGaps = param(1, SIZE_2D, low=1)
    return_indices: bool = param(False, INDICES, advanced=True)

    def build(self, input: FloatImage2d) -> Recipe:
        return self._recipe()


class AdaptiveMaxPool3d(_AdaptiveMaxPool, group="Pooling"):
    """Keeps the largest numbers of a volume's windows, for a result of a chosen size."""

    example = {"input": "float32 2 3 8 8 8"}

    output_size: Size3OrGaps = param(1, SIZE_3D, low=1)
    return_indices: bool = param(False, INDICES, advanced=True)

    def build(self, input: FloatVolume3d) -> Recipe:
        return self._recipe()


RATIO = "Size of the result, as a share of the input's, for all axes or for each; empty where output_size says it."


class _FractionalMaxPool(WithIndices, abstract=True):
    synonyms = ("stochastic pool", "random windows", "downsample")
    key: ClassVar[tuple[str, ...]] = ("kernel_size", "output_size", "output_ratio")
    random: ClassVar[bool] = True

    def _recipe(self, input: Value) -> Recipe:
        settings: dict[str, Any] = {name: getattr(self, name) for name in self.params()}
        kernel, size, ratio = settings["kernel_size"], settings["output_size"], settings["output_ratio"]
        if (size is None) == (ratio is None):
            words = "output_size and output_ratio are both set" if size is not None else "Neither is set"
            raise Mistake(f"{words}; say the size of the result by one of the two, and leave the other empty.",
                          param="output_size")  # fmt: skip
        axes = input.ndim - 2
        if isinstance(ratio, tuple) and len(ratio) != axes:
            raise Mistake(f"output_ratio has {len(ratio)} numbers; it must have one, or {axes}.", param="output_ratio")
        self._check(input, each(kernel, axes), self._sizes(input, size, ratio))
        result = {"output_size": size} if ratio is None else {"output_ratio": ratio}
        more = {"return_indices": True} if settings["return_indices"] else {}
        return Recipe(f"nn.{type(self).__name__}", kernel, **result, **more)

    def _sizes(self, input: Value, size: Any, ratio: Any) -> tuple[int, ...]:
        axes = input.ndim - 2
        if ratio is None:
            return each(size, axes)
        shares = ratio if isinstance(ratio, tuple) else (ratio,) * axes
        return tuple(int(input[axis] * share) for axis, share in enumerate(shares, 2))

    def _check(self, input: Value, kernel: tuple[int, ...], sizes: tuple[int, ...]) -> None:
        for axis, (taps, size) in enumerate(zip(kernel, sizes, strict=True), 2):
            param = "output_size" if self.output_ratio is None else "output_ratio"  # type: ignore[attr-defined]
            if size < 1:
                raise Mistake(f"output_ratio leaves nothing of axis {axis}, which has size {input[axis]}.", param=param)
            if size + taps - 1 > input[axis]:
                raise Mistake(
                    f"{size} windows of {taps} do not fit into axis {axis} of size {input[axis]}; "
                    f"it must be at least {size + taps - 1}, or the result or kernel_size smaller.",
                    param=param,
                )


class FractionalMaxPool2d(_FractionalMaxPool, group="Pooling"):
    """Keeps the largest numbers of windows that are placed at random, for an image of any smaller size."""

    example = {"input": "float32 2 3 16 16"}

    kernel_size: Size2 = param(2, PIXELS, low=1)
    output_size: Size2 | None = param(None, "Height and width of the result; empty where output_ratio says it.", low=1)
    output_ratio: float | tuple[float, ...] | None = param(0.5, RATIO, above=0, below=1)
    return_indices: bool = param(False, INDICES, advanced=True)

    def build(self, input: FloatImage2d) -> Recipe:
        return self._recipe(input)


class FractionalMaxPool3d(_FractionalMaxPool, group="Pooling"):
    """Keeps the largest numbers of windows that are placed at random, for a volume of any smaller size."""

    example = {"input": "float32 2 3 8 8 8"}

    kernel_size: Size3 = param(2, VOXELS, low=1)
    output_size: Size3 | None = param(
        None, "Depth, height and width of the result; empty where output_ratio says it.", low=1
    )
    output_ratio: float | tuple[float, ...] | None = param(0.5, RATIO, above=0, below=1)
    return_indices: bool = param(False, INDICES, advanced=True)

    def build(self, input: FloatVolume3d) -> Recipe:
        return self._recipe(input)
