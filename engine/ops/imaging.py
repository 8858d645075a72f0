"""Functions on images: resized, cropped, normalised, without colour, and sampled at places of a grid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from engine.declare import FLOAT, Call, Mistake, Op, Port, Recipe, Value, param, show_short, show_value
from engine.kinds import Size2
from engine.ops.axes import checked_same_dtype, counted, is_free, shown
from engine.ops.ports import F32

Images = Annotated[Value, Port(FLOAT, "N C H W")]
Traced = Mapping[str, tuple[tuple[int | str, ...], str]]
Anywhere = Annotated[Value, Port(FLOAT, "... H W")]

CORNERS = "Whether the corner pixels' middles, not their outer edges, stay where they are."
RANKS = {"linear": (3,), "bilinear": (4,), "bicubic": (4,), "trilinear": (5,)}
ALIGNED = ("linear", "bilinear", "bicubic", "trilinear")
AXES = ("N C L", "N C H W", "N C D H W")


def _pair(size: int | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size


class Interpolate(Op, group="Vision"):
    """Resizes images, sequences or volumes to a size, or by a factor."""

    synonyms = ("resize", "scale", "upsample", "downsample", "zoom", "torch.nn.functional.interpolate")
    key: ClassVar[tuple[str, ...]] = ("size", "scale_factor", "mode")
    example = {"input": "float32 2 3 8 8"}

    size: int | tuple[int, ...] | None = param(
        None, "Size of the result: one number for all axes, or one for each.", low=1, high=2**20
    )
    scale_factor: float | None = param(2.0, "Factor of the size, where size is empty.", above=0, high=2**10)
    mode: Literal["nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear", "area"] = param(
        "bilinear", "How numbers between pixels are found; linear is for sequences, trilinear for volumes."
    )
    align_corners: bool = param(False, CORNERS, advanced=True)
    antialias: bool = param(False, "Whether images are smoothed before they shrink.", advanced=True)

    def build(self, input: Annotated[Value, Port(FLOAT, "N C L ...")]) -> Call:
        if input.ndim > 5:
            raise Mistake(f"input has {counted(input.ndim)}; it must be {', '.join(AXES)}.", param="input")
        settings: dict[str, Any] = {**self._size(input), "mode": self.mode}
        self._check_mode(input)
        if self.align_corners:
            settings["align_corners"] = True
        if self.antialias:
            settings["antialias"] = True
        return Call("nn.functional.interpolate", input, **settings)

    def trace(self, input: Value) -> Traced:
        """State the shape: the meta device takes seconds for curves."""
        if self.size is None:
            sizes = tuple(int(size * (self.scale_factor or 1)) for size in input.shape[2:])
        else:
            sizes = (self.size,) * (input.ndim - 2) if isinstance(self.size, int) else self.size
        return {"output": ((*input.shape[:2], *sizes), input.dtype)}

    def _size(self, input: Value) -> dict[str, Any]:
        axes = input.ndim - 2
        if self.size is None:
            if self.scale_factor is None:
                raise Mistake("size and scale_factor are both empty; set one of them.", param="scale_factor")
            small = [size for size in input.shape[2:] if not is_free(size) and int(size * self.scale_factor) < 1]
            if small:
                words = f"scale_factor is {self.scale_factor:g}, which leaves nothing of an axis of {small[0]}"
                raise Mistake(f"{words}.", param="scale_factor")
            return {"scale_factor": self.scale_factor}
        if isinstance(self.size, tuple) and len(self.size) != axes:
            words = f"size is {show_value(self.size)}, but input has {counted(axes)} behind the channels"
            raise Mistake(f"{words}; give one size for each.", param="size")
        return {"size": self.size}

    def _check_mode(self, input: Value) -> None:
        ranks = RANKS.get(self.mode, (3, 4, 5))
        if input.ndim not in ranks:
            fit = next((mode for mode, axes in RANKS.items() if input.ndim in axes), "nearest")
            words = f"mode is {self.mode}, but input is {shown(input)}, {AXES[input.ndim - 3]}"
            raise Mistake(f"{words}; set mode to {fit} or nearest.", param="mode")
        if self.align_corners and self.mode not in ALIGNED:
            raise Mistake(f"mode {self.mode} cannot align corners; set align_corners to false.", param="align_corners")
        if self.antialias and (self.mode not in ("bilinear", "bicubic") or input.dtype in ("float16", "bfloat16")):
            words = f"mode {self.mode} on {input.dtype} cannot smooth; set antialias to false"
            raise Mistake(f"{words}, or take bilinear or bicubic on float32.", param="antialias")

    def summary(self) -> str:
        size = f"×{self.scale_factor:g}" if self.size is None and self.scale_factor else show_short(self.size)
        return f"{size}, {self.mode}"


class GridSample(Op, group="Vision"):
    """Takes the numbers of images or volumes at places of a grid, from -1 to 1 along each axis."""

    synonyms = ("warp", "spatial transformer", "sampling", "optical flow", "torch.nn.functional.grid_sample")
    key: ClassVar[tuple[str, ...]] = ("mode", "padding_mode")
    example = {"input": "float32 2 3 8 8", "grid": "float32:-1..1 2 4 5 2"}

    mode: Literal["bilinear", "nearest", "bicubic"] = param("bilinear", "How numbers between pixels are found.")
    padding_mode: Literal["zeros", "border", "reflection"] = param("zeros", "What lies outside the image.")
    align_corners: bool = param(False, CORNERS)

    def build(
        self,
        input: Annotated[Value, Port(FLOAT, "N C ...")],
        grid: Annotated[Value, Port(FLOAT, "N ...")],
    ) -> Call:
        if input.ndim not in (4, 5):
            raise Mistake(f"input is {shown(input)}; it must be N C H W or N C D H W.", param="input")
        axes = input.ndim - 2
        if grid.ndim != input.ndim or grid[-1] != axes:
            words = f"grid is {shown(grid)}; for input of {shown(input)} it must have {counted(input.ndim)}, the last"
            raise Mistake(f"{words} of size {axes}, with x before y.", param="grid")
        checked_same_dtype(input, grid)
        if self.mode == "bicubic" and axes == 3:
            raise Mistake("mode bicubic is for images, but input holds volumes; set bilinear.", param="mode")
        changed = {name: value for name, value in self.changed().items() if name != "align_corners"}
        return Call("nn.functional.grid_sample", input, grid, **changed, align_corners=self.align_corners)

    def trace(self, input: Value, grid: Value) -> Traced:
        """State the shape: the meta device takes long for curves."""
        return {"output": ((*input.shape[:2], *grid.shape[1:-1]), input.dtype)}


class AffineGrid(Op, group="Vision"):
    """Makes a grid for GridSample that rotates, moves, scales and shears, as a 2 × 3 matrix of each sample says."""

    synonyms = ("spatial transformer", "rotate", "translate", "shear", "torch.nn.functional.affine_grid")
    key: ClassVar[tuple[str, ...]] = ("size",)
    example = {"theta": "float32 2 2 3"}

    size: Size2 = param(8, "Height and width of the grid, in pixels.", low=1, high=2**14)
    align_corners: bool = param(False, CORNERS)

    def build(self, theta: Annotated[Value, Port(FLOAT, "N 2 3")]) -> Call:
        more = {"align_corners": True} if self.align_corners else {}
        return Call("modules.affine_grid", theta, *_pair(self.size), **more)


class Crop(Op, group="Vision"):
    """Cuts a rectangle out of images."""

    synonyms = ("cut", "region")
    key: ClassVar[tuple[str, ...]] = ("size",)
    example = {"input": "float32 2 3 8 8"}

    top: int = param(0, "Rows left out above it.", low=0)
    left: int = param(0, "Columns left out on its left.", low=0)
    size: Size2 = param(4, "Its height and width, in pixels.", low=1)

    def build(self, input: Anywhere) -> Call:
        height, width = _pair(self.size)
        for name, start, length, size in (("top", self.top, height, input[-2]), ("left", self.left, width, input[-1])):
            if start + length > size:
                words = f"{name} is {start} and size is {length} there, but only {size} pixels are"
                raise Mistake(f"{words}; lower one of them.", param=name if start else "size")
        rows = Call("torch.narrow", input, -2, self.top, height)
        return Call("torch.narrow", rows, -1, self.left, width)


class CenterCrop(Op, group="Vision"):
    """Cuts the middle out of images."""

    synonyms = ("crop", "centre", "cut", "torchvision.transforms.CenterCrop")
    key: ClassVar[tuple[str, ...]] = ("size",)
    example = {"input": "float32 2 3 8 8"}

    size: Size2 = param(4, "Height and width of the middle, in pixels.", low=1)

    def build(self, input: Anywhere) -> Call:
        height, width = _pair(self.size)
        if height > input[-2] or width > input[-1]:
            words = f"size is {height} × {width}, but input is only {input[-2]} × {input[-1]}"
            raise Mistake(f"{words}; lower it, or put a Pad before.", param="size")
        return Call("modules.center_crop", input, height, width)


class NormalizeImage(Op, group="Vision"):
    """Takes a mean away from each channel and divides by its spread, as a trained network expects."""

    synonyms = ("standardise", "imagenet", "mean and std", "torchvision.transforms.Normalize")
    example = {"input": "float32:0..1 2 3 4 4"}

    mean: tuple[float, ...] = param((0.485, 0.456, 0.406), "Mean of each channel, or one for all; ImageNet's at first.")
    std: tuple[float, ...] = param(
        (0.229, 0.224, 0.225), "Spread of each channel, or one for all; ImageNet's at first."
    )

    def build(self, input: Annotated[Value, Port(F32, "N C H W")]) -> Recipe:
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, input[1]):
                words = f"{name} is {show_value(values)}, but input has {input[1]} channels"
                raise Mistake(f"{words}; give one number, or one for each channel.", param=name)
        if any(value <= 0 for value in self.std):
            raise Mistake(f"std is {show_value(self.std)}; each number must be greater than 0.", param="std")
        return Recipe("modules.NormalizeImage", self.mean, self.std)


class Grayscale(Op, group="Vision"):
    """Turns colour images into grey ones, as bright as they look."""

    synonyms = ("greyscale", "black and white", "luminance", "torchvision.transforms.Grayscale")
    key: ClassVar[tuple[str, ...]] = ("num_output_channels",)
    example = {"input": "float32:0..1 2 3 4 4"}

    num_output_channels: Literal[1, 3] = param(1, "Channels that come out, all alike.")

    def build(self, input: Annotated[Value, Port(FLOAT, "N 3 H W")]) -> Call:
        return Call("modules.grayscale", input, self.num_output_channels)
