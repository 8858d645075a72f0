"""Ops that change an image's resolution, or take it apart into patches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from engine.declare import ANY, BOOL, COMPLEX, FLOAT, Mistake, Op, Port, Recipe, Value, param
from engine.kinds import Size2
from engine.ops.ports import AnyImage2d
from engine.ops.windows import checked_windows, each

Patches = (*FLOAT, *COMPLEX, *BOOL)


class PixelShuffle(Op, group="Vision"):
    """Moves channels into height and width: a larger image from fewer channels."""

    synonyms = ("sub-pixel", "super resolution", "depth to space", "upsample")
    key: ClassVar[tuple[str, ...]] = ("upscale_factor",)
    example = {"input": "float32 2 8 4 4"}

    upscale_factor: int = param(2, "How many times higher and wider the image becomes.", low=1)

    def build(self, input: AnyImage2d) -> Recipe:
        if input[1] % self.upscale_factor**2:
            raise Mistake(
                f"input has {input[1]} channels, which upscale_factor squared ({self.upscale_factor**2}) "
                "does not divide.",
                param="upscale_factor",
            )
        return Recipe("nn.PixelShuffle", self.upscale_factor)


class PixelUnshuffle(Op, group="Vision"):
    """Moves height and width into channels: a smaller image of more channels, nothing lost."""

    synonyms = ("sub-pixel", "space to depth", "downsample")
    key: ClassVar[tuple[str, ...]] = ("downscale_factor",)
    example = {"input": "float32 2 3 8 8"}

    downscale_factor: int = param(2, "How many times lower and narrower the image becomes.", low=1)

    def build(self, input: AnyImage2d) -> Recipe:
        for axis in (2, 3):
            if input[axis] % self.downscale_factor:
                raise Mistake(
                    f"Axis {axis} of input has size {input[axis]}, which downscale_factor ({self.downscale_factor}) "
                    "does not divide.",
                    param="downscale_factor",
                )
        return Recipe("nn.PixelUnshuffle", self.downscale_factor)


class ChannelShuffle(Op, group="Vision"):
    """Mixes the channels of several groups, so that grouped convolutions exchange what they found."""

    synonyms = ("shufflenet", "groups")
    key: ClassVar[tuple[str, ...]] = ("groups",)
    example = {"input": "float32 2 4 8 8"}

    groups: int = param(2, "Number of groups; it must divide the channels.", low=1)

    def build(self, input: Annotated[Value, Port(ANY, "N C L ...")]) -> Recipe:
        if input[1] % self.groups:
            raise Mistake(
                f"groups is {self.groups}, which does not divide the {input[1]} channels of input.", param="groups"
            )
        return Recipe("nn.ChannelShuffle", self.groups)


MODES = {
    3: ("nearest", "nearest-exact", "linear", "area"),
    4: ("nearest", "nearest-exact", "bilinear", "bicubic", "area"),
    5: ("nearest", "nearest-exact", "trilinear", "area"),
}
ALIGNED = ("linear", "bilinear", "bicubic", "trilinear")
BYTES = ("nearest", "nearest-exact", "bilinear", "bicubic")


class Upsample(Op, group="Vision"):
    """Makes a sequence, an image or a volume larger or smaller by filling in between its numbers."""

    synonyms = ("resize", "interpolate", "scale", "UpsamplingBilinear2d", "UpsamplingNearest2d",
                "torch.nn.functional.interpolate")  # fmt: skip
    key: ClassVar[tuple[str, ...]] = ("scale_factor", "size", "mode")
    example = {"input": "float32 2 3 4 4"}

    size: int | tuple[int, ...] | None = param(
        None, "Size of the result, for all axes behind N C or for each; empty where scale_factor says it.", low=1
    )
    scale_factor: float | tuple[float, ...] | None = param(
        2.0, "How many times larger, for all axes behind N C or for each; empty where size says it.", above=0
    )
    mode: Literal["nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear", "area"] = param(
        "nearest", "How numbers are filled in: copied, along lines or curves, or averaged."
    )
    align_corners: bool = param(
        False, "Whether the outermost numbers stay at the corners, with modes along lines or curves.", advanced=True
    )
    recompute_scale_factor: bool = param(
        False, "Whether the scale is worked out again from the rounded size.", advanced=True
    )

    def build(self, input: Annotated[Value, Port((*FLOAT, "uint8"), "N C L ...")]) -> Recipe:
        self._checked_mode(input)
        if (self.size is None) == (self.scale_factor is None):
            words = "size and scale_factor are both set" if self.size is not None else "Neither is set"
            raise Mistake(f"{words}; say the result by one of the two, and leave the other empty.", param="size")
        name = "scale_factor" if self.size is None else "size"
        given: Any = getattr(self, name)
        axes = input.ndim - 2
        if isinstance(given, tuple) and len(given) != axes:
            raise Mistake(f"{name} has {len(given)} numbers; it must have one, or {axes}.", param=name)
        for axis, size in enumerate(self._sizes(input), 2):
            if size < 1:
                raise Mistake(f"scale_factor leaves nothing of axis {axis}, which has size {input[axis]}.", param=name)
        more = {key: value for key, value in self.changed().items() if key not in ("size", "scale_factor")}
        return Recipe("nn.Upsample", **{name: given}, **more)

    def _sizes(self, input: Value) -> tuple[int, ...]:
        """The sizes that come out, behind N C."""
        axes = input.ndim - 2
        if self.size is not None:
            return each(self.size, axes)
        factor = self.scale_factor or 0.0
        factors = factor if isinstance(factor, tuple) else (factor,) * axes
        return tuple(int(size * by) for size, by in zip(input.shape[2:], factors, strict=True))

    def trace(self, input: Value) -> Mapping[str, tuple[tuple[int, ...], str]]:
        """State the shape: the meta device takes a third of a second for curves."""
        return {"output": ((*input.shape[:2], *self._sizes(input)), input.dtype)}

    def _checked_mode(self, input: Value) -> None:
        if input.ndim not in MODES:
            raise Mistake(
                f"input has {input.ndim} axes; it must have 3 to 5, N C and one to three more.", param="input"
            )
        if self.mode not in MODES[input.ndim]:
            raise Mistake(
                f'mode is "{self.mode}"; an input of {input.ndim} axes takes {", ".join(MODES[input.ndim])}.',
                param="mode",
            )
        if input.dtype == "uint8" and self.mode not in BYTES:
            raise Mistake(f'mode "{self.mode}" needs floats, and input is uint8; put a Cast before it.', param="input")
        if self.align_corners and self.mode not in ALIGNED:
            raise Mistake(f"align_corners goes with the modes {', '.join(ALIGNED)}.", param="align_corners")
        if self.recompute_scale_factor and self.scale_factor is None:
            raise Mistake("recompute_scale_factor goes with scale_factor; turn it off.", param="recompute_scale_factor")


class Unfold(Op, group="Vision"):
    """Cuts an image into patches that may overlap: each becomes a column of numbers."""

    synonyms = ("im2col", "patches", "sliding window", "torch.nn.functional.unfold")
    key: ClassVar[tuple[str, ...]] = ("kernel_size", "stride")
    example = {"input": "float32 2 3 8 8"}

    kernel_size: Size2 = param(2, "Height and width of each patch, in pixels.", low=1)
    dilation: Size2 = param(1, "Distance between the pixels of a patch.", low=1, advanced=True)
    padding: Size2 = param(0, "Pixels of zeros added around the image.", low=0)
    stride: Size2 = param(1, "Pixels between one patch and the next.", low=1)

    def build(self, input: Annotated[Value, Port(Patches, "N C H W")]) -> Recipe:
        checked_windows(input, self.kernel_size, padding=self.padding, dilation=self.dilation)
        settings = {name: value for name, value in self.changed().items() if name != "kernel_size"}
        return Recipe("nn.Unfold", self.kernel_size, **settings)


class Fold(Op, group="Vision"):
    """Puts patches together to an image and sums where they overlap: the way back from Unfold."""

    synonyms = ("col2im", "patches", "overlap add", "torch.nn.functional.fold")
    key: ClassVar[tuple[str, ...]] = ("output_size", "kernel_size", "stride")
    example = {"input": "float32 2 12 49"}

    output_size: Size2 = param(8, "Height and width of the image, in pixels.", low=1)
    kernel_size: Size2 = param(2, "Height and width of each patch, in pixels.", low=1)
    dilation: Size2 = param(1, "Distance between the pixels of a patch.", low=1, advanced=True)
    padding: Size2 = param(0, "Pixels cut off around the image.", low=0)
    stride: Size2 = param(1, "Pixels between one patch and the next.", low=1)

    def build(self, input: Annotated[Value, Port(Patches, "N C L")]) -> Recipe:
        height, width = each(self.kernel_size, 2)
        if input[1] % (height * width):
            raise Mistake(
                f"input has {input[1]} rows, which patches of {height} x {width} do not divide.", param="kernel_size"
            )
        down, across = self._patches()
        if down < 1 or across < 1:
            raise Mistake("Not a single patch fits into output_size; make kernel_size smaller.", param="kernel_size")
        if down * across != input[2]:
            raise Mistake(
                f"input has {input[2]} patches, and an image of output_size holds {down} x {across}, which is "
                f"{down * across}; set output_size, stride and padding as at the Unfold.",
                param="output_size",
            )
        settings = {name: value for name, value in self.changed().items() if name not in ("output_size", "kernel_size")}
        return Recipe("nn.Fold", self.output_size, self.kernel_size, **settings)

    def _patches(self) -> tuple[int, ...]:
        """How many patches fit down and across."""
        names = ("output_size", "kernel_size", "dilation", "padding", "stride")
        sizes = zip(*(each(getattr(self, name), 2) for name in names), strict=True)
        return tuple((room + 2 * edge - apart * (taps - 1) - 1) // step + 1 for room, taps, apart, edge, step in sizes)
