"""Convolutions in one, two and three dimensions, and their transposes."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

from engine.declare import Mistake, Op, Recipe, Value, param, show_short
from engine.kinds import Size1, Size2, Size3
from engine.ops.axes import dividing
from engine.ops.ports import Image2d, Sequence1d, Volume3d
from engine.ops.windows import checked_windows, each

PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]


class _Windowed(Op, abstract=True):
    """Shared by all convolutions: channels, and the line on the node's card."""

    key: ClassVar[tuple[str, ...]] = ("out_channels", "kernel_size", "stride")

    out_channels: int = param(32, "Number of filters: the channels that come out.", low=1, high=2**20)

    def summary(self) -> str:
        kernel, stride = self.kernel_size, self.stride  # type: ignore[attr-defined]  # each subclass declares them
        axes = self.params()["kernel_size"].kind.axes  # type: ignore[attr-defined]  # a Size
        text = show_short((kernel,) * axes if isinstance(kernel, int) else kernel)
        step = "" if stride in (1, (1,) * axes) else f", s{show_short(stride)}"
        return f"{self.out_channels}, {text}{step}"

    def _checked_groups(self, channels: int, groups: int) -> None:
        for name, count in (("input", channels), ("out_channels", self.out_channels)):
            if count % groups:
                what = f"input has {count} channels" if name == "input" else f"out_channels is {count}"
                common = math.gcd(channels, self.out_channels)
                raise Mistake(
                    f"{what}, which {groups} groups do not divide; {dividing(common, groups)}.", param="groups"
                )


class _Conv(_Windowed, abstract=True):
    def _recipe(self, target: str, input: Value) -> Recipe:
        settings: dict[str, Any] = self.changed()
        groups, padding, stride = settings.get("groups", 1), self.padding, self.stride  # type: ignore[attr-defined]
        self._checked_groups(input[1], groups)
        if padding == "same" and stride not in (1, (1,) * (input.ndim - 2)):
            raise Mistake(
                f'padding "same" needs stride 1, and stride is {stride}; set padding to a number.', param="padding"
            )
        kernel, dilation = self.kernel_size, self.dilation  # type: ignore[attr-defined]
        if padding != "same":
            checked_windows(input, kernel, padding=0 if padding == "valid" else padding, dilation=dilation)
        self._checked_edges(input)
        rest = {name: settings[name] for name in settings if name not in ("out_channels", "kernel_size", "padding")}
        if padding not in (0, "valid"):
            rest["padding"] = padding
        return Recipe(target, input[1], self.out_channels, kernel, **rest)

    def _checked_edges(self, input: Value) -> None:
        """Raise Mistake where an axis is too short to mirror it or to go round it as far as the padding reaches."""
        mode = self.padding_mode  # type: ignore[attr-defined]
        most = {"reflect": -1, "circular": 0}.get(mode)
        if most is None:
            return
        for axis, edge in enumerate(self._edges(input.ndim - 2), 2):
            if edge > input[axis] + most:
                raise Mistake(
                    f"padding is {edge} along axis {axis}, which has size {input[axis]}; "
                    f'with padding_mode "{mode}" it can be at most {input[axis] + most}.',
                    param="padding",
                )

    def _edges(self, axes: int) -> tuple[int, ...]:
        """The larger of the paddings at both ends of each axis."""
        padding = self.padding  # type: ignore[attr-defined]
        if padding == "valid":
            return (0,) * axes
        if padding != "same":
            return each(padding, axes)
        taps, apart = each(self.kernel_size, axes), each(self.dilation, axes)  # type: ignore[attr-defined]
        return tuple((step * (size - 1) + 1) // 2 for size, step in zip(taps, apart, strict=True))


class Conv1d(_Conv, group="Convolution"):
    """Slides learned filters along a sequence to find local patterns."""

    synonyms = ("convolution", "temporal")
    example = {"input": "float32 2 3 16"}

    kernel_size: Size1 = param(3, "Length of each filter.", low=1)
    stride: Size1 = param(1, "Steps between one position and the next.", low=1)
    padding: Size1 | Literal["same", "valid"] = param("same", "Numbers added at both ends.", low=0)
    dilation: Size1 = param(1, "Distance between a filter's taps.", low=1, advanced=True)
    groups: int = param(1, "Blocks of channels that are filtered apart from each other.", low=1, advanced=True)
    bias: bool = param(True, "Whether a learned number is added to each channel.", advanced=True)
    padding_mode: PaddingMode = param("zeros", "What is added at the ends.", advanced=True)

    def build(self, input: Sequence1d) -> Recipe:
        return self._recipe("nn.Conv1d", input)


class Conv2d(_Conv, group="Convolution"):
    """Slides learned filters over an image to find local patterns."""

    synonyms = ("conv", "convolution", "filter", "cnn")
    example = {"input": "float32 2 3 16 16"}

    kernel_size: Size2 = param(3, "Height and width of each filter, in pixels.", low=1)
    stride: Size2 = param(1, "Pixels between one position and the next.", low=1)
    padding: Size2 | Literal["same", "valid"] = param("same", "Pixels added around the image.", low=0)
    dilation: Size2 = param(1, "Distance between a filter's taps, in pixels.", low=1, advanced=True)
    groups: int = param(1, "Blocks of channels that are filtered apart from each other.", low=1, advanced=True)
    bias: bool = param(True, "Whether a learned number is added to each channel.", advanced=True)
    padding_mode: PaddingMode = param("zeros", "What is added around the image.", advanced=True)

    def build(self, input: Image2d) -> Recipe:
        return self._recipe("nn.Conv2d", input)


class Conv3d(_Conv, group="Convolution"):
    """Slides learned filters through a volume, or a video, to find local patterns."""

    synonyms = ("convolution", "volume", "video")
    example = {"input": "float32 2 3 8 8 8"}

    kernel_size: Size3 = param(3, "Depth, height and width of each filter.", low=1)
    stride: Size3 = param(1, "Steps between one position and the next.", low=1)
    padding: Size3 | Literal["same", "valid"] = param("same", "Voxels added around the volume.", low=0)
    dilation: Size3 = param(1, "Distance between a filter's taps.", low=1, advanced=True)
    groups: int = param(1, "Blocks of channels that are filtered apart from each other.", low=1, advanced=True)
    bias: bool = param(True, "Whether a learned number is added to each channel.", advanced=True)
    padding_mode: PaddingMode = param("zeros", "What is added around the volume.", advanced=True)

    def build(self, input: Volume3d) -> Recipe:
        return self._recipe("nn.Conv3d", input)


class _ConvTranspose(_Windowed, abstract=True):
    def _recipe(self, target: str, input: Value) -> Recipe:
        settings = self.changed()
        self._checked_groups(input[1], settings.get("groups", 1))
        stride, added = self.stride, self.output_padding  # type: ignore[attr-defined]
        limits = (each(size, input.ndim - 2) for size in (added, stride, self.dilation))  # type: ignore[attr-defined]
        if any(end >= max(step, apart) for end, step, apart in zip(*limits, strict=True)):
            raise Mistake(
                f"output_padding is {added}; it must be less than stride or dilation.", param="output_padding"
            )
        self._checked_result(input)
        kernel = self.kernel_size  # type: ignore[attr-defined]
        rest = {name: settings[name] for name in settings if name not in ("out_channels", "kernel_size", "stride")}
        return Recipe(target, input[1], self.out_channels, kernel, stride=stride, **rest)

    def _checked_result(self, input: Value) -> None:
        """Raise Mistake where padding cuts off all there is."""
        names = ("kernel_size", "stride", "padding", "output_padding", "dilation")
        settings = (each(getattr(self, name), input.ndim - 2) for name in names)
        for axis, (taps, step, cut, added, apart) in enumerate(zip(*settings, strict=True), 2):
            room = (input[axis] - 1) * step + apart * (taps - 1) + added + 1
            if room <= 2 * cut:
                raise Mistake(
                    f"padding {cut} at both ends cuts off all {room} positions along axis {axis}.", param="padding"
                )


class ConvTranspose1d(_ConvTranspose, group="Convolution"):
    """Spreads each position of a sequence through learned filters, to make it longer."""

    synonyms = ("deconvolution", "upsample")
    example = {"input": "float32 2 3 8"}

    kernel_size: Size1 = param(2, "Length of each filter.", low=1)
    stride: Size1 = param(2, "How many times longer the result is, roughly.", low=1)
    padding: Size1 = param(0, "Numbers cut off at both ends.", low=0)
    output_padding: Size1 = param(0, "Numbers added at one end of the result.", low=0, advanced=True)
    groups: int = param(1, "Blocks of channels that are filtered apart from each other.", low=1, advanced=True)
    bias: bool = param(True, "Whether a learned number is added to each channel.", advanced=True)
    dilation: Size1 = param(1, "Distance between a filter's taps.", low=1, advanced=True)

    def build(self, input: Sequence1d) -> Recipe:
        return self._recipe("nn.ConvTranspose1d", input)


class ConvTranspose2d(_ConvTranspose, group="Convolution"):
    """Spreads each pixel through learned filters, to make an image larger."""

    synonyms = ("deconvolution", "upsample", "decoder")
    example = {"input": "float32 2 3 8 8"}

    kernel_size: Size2 = param(2, "Height and width of each filter, in pixels.", low=1)
    stride: Size2 = param(2, "How many times larger the result is, roughly.", low=1)
    padding: Size2 = param(0, "Pixels cut off around the result.", low=0)
    output_padding: Size2 = param(0, "Pixels added at one side of the result.", low=0, advanced=True)
    groups: int = param(1, "Blocks of channels that are filtered apart from each other.", low=1, advanced=True)
    bias: bool = param(True, "Whether a learned number is added to each channel.", advanced=True)
    dilation: Size2 = param(1, "Distance between a filter's taps, in pixels.", low=1, advanced=True)

    def build(self, input: Image2d) -> Recipe:
        return self._recipe("nn.ConvTranspose2d", input)


class ConvTranspose3d(_ConvTranspose, group="Convolution"):
    """Spreads each voxel through learned filters, to make a volume larger."""

    synonyms = ("deconvolution", "upsample")
    example = {"input": "float32 2 3 4 4 4"}

    kernel_size: Size3 = param(2, "Depth, height and width of each filter.", low=1)
    stride: Size3 = param(2, "How many times larger the result is, roughly.", low=1)
    padding: Size3 = param(0, "Voxels cut off around the result.", low=0)
    output_padding: Size3 = param(0, "Voxels added at one side of the result.", low=0, advanced=True)
    groups: int = param(1, "Blocks of channels that are filtered apart from each other.", low=1, advanced=True)
    bias: bool = param(True, "Whether a learned number is added to each channel.", advanced=True)
    dilation: Size3 = param(1, "Distance between a filter's taps.", low=1, advanced=True)

    def build(self, input: Volume3d) -> Recipe:
        return self._recipe("nn.ConvTranspose3d", input)
