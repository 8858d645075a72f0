"""Steps that move the pixels of images, fixed and random ones, and how boxes and masks move with them.

A movement is a matrix from the pixel coordinates of what comes in to those of what comes out. A coordinate counts from
the image's corner: the first pixel is from 0 to 1, its middle at 0.5.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  # as it is called everywhere

from engine.data.keys import Keys, drawn

Fitted = Mapping[str, Any]
Size = tuple[int, int]  # height and width
Way = Literal["whole pixels", "resize", "interpolate"]
Move = tuple[Tensor, Size]  # the matrix of each sample (N or 1, 2, 3), and the size that comes out
Moves = Callable[[Mapping[str, Any], Size, Tensor | None], Move]

LEAST_SHARE = 0.1  # of its area that a box must keep within the image
LEAST_PIXELS = 1.0  # that a box must keep of its width and of its height


@dataclass(frozen=True, eq=False)
class Stage:
    """One movement of a batch: a matrix for each sample, or one for all, and how pixels are found."""

    matrix: Tensor  # (N or 1, 2, 3)
    before: Size
    after: Size
    way: Way
    outside: str = "zeros"  # or "reflection" or "border", the nearest pixel
    value: float = 0.0  # of what is filled up, on whole pixels
    nearest: bool = False  # whether a resized pixel is the nearest one


def pair(value: Any) -> tuple[int, int]:
    """A size along two axes, as a param gives it: one number for both, or two."""
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


# --------------------------------------------------------------------------------------------------------- matrices


def _matrix(*numbers: Tensor | float) -> Tensor:
    """Matrices of six numbers, row by row; numbers of samples stand beside numbers for all."""
    like = next((each for each in numbers if isinstance(each, Tensor)), torch.zeros(1))
    parts = [torch.as_tensor(each, dtype=torch.float32, device=like.device) for each in numbers]
    count = max(each.numel() for each in parts)
    return torch.stack([each.expand(count) for each in parts], -1).view(-1, 2, 3)


def _after_one_another(first: Tensor, then: Tensor) -> Tensor:
    """The matrix that moves as `first` does and as `then` does after it."""
    linear = then[:, :, :2]
    turned = linear[:, :, :1] * first[:, :1] + linear[:, :, 1:] * first[:, 1:]
    return torch.cat([turned[:, :, :2], turned[:, :, 2:] + then[:, :, 2:]], 2)


def _inverse(matrix: Tensor) -> Tensor:
    a, b, c, d, e, f = matrix.flatten(1).unbind(1)
    whole = a * e - b * d
    return _matrix(e / whole, -b / whole, (b * f - c * e) / whole, -d / whole, a / whole, (c * d - a * f) / whole)


def _about_middle(linear: tuple[Tensor, Tensor, Tensor, Tensor], size: Size, shift: tuple[Any, Any]) -> Tensor:
    """A movement that leaves the middle of the image where it is, and a shift after it."""
    a, b, d, e = linear
    y, x = size[0] / 2, size[1] / 2
    return _matrix(a, b, x - a * x - b * y + shift[1], d, e, y - d * x - e * y + shift[0])


def _shift(down: Tensor | float, right: Tensor | float) -> Tensor:
    return _matrix(1.0, 0.0, right, 0.0, 1.0, down)


def _spread(draws: Tensor, ends: Sequence[float]) -> Tensor:
    """Draws from 0 to 1 brought between two ends."""
    return ends[0] + draws * (ends[1] - ends[0])


def _to_either_side(draws: Tensor, most: float) -> Tensor:
    return (draws * 2 - 1) * most


# ----------------------------------------------------------------------------------------------------- fixed moves


def _resize(params: Mapping[str, Any], size: Size, _draws: Tensor | None) -> Move:
    height, width = pair(params["size"])
    return _matrix(width / size[1], 0.0, 0.0, 0.0, height / size[0], 0.0), (height, width)


def _middle(params: Mapping[str, Any], size: Size, _draws: Tensor | None) -> Move:
    """The middle of an image cut out, or the image put into the middle of a larger one."""
    height, width = pair(params["size"])
    return _shift(float((height - size[0]) // 2), float((width - size[1]) // 2)), (height, width)


def _crop(params: Mapping[str, Any], _size: Size, _draws: Tensor | None) -> Move:
    return _shift(-float(params["top"]), -float(params["left"])), pair(params["size"])


def _pad(params: Mapping[str, Any], size: Size, _draws: Tensor | None) -> Move:
    if params["size"] is not None:
        return _middle(params, size, None)
    down, right = pair(params["pixels"])
    return _shift(float(down), float(right)), (size[0] + 2 * down, size[1] + 2 * right)


# ---------------------------------------------------------------------------------------------------- random moves


def _flip(params: Mapping[str, Any], size: Size, draws: Tensor | None) -> Move:
    assert draws is not None
    turns = draws < params["p"]
    across = turns[:, 0] if params["direction"] != "vertical" else torch.zeros_like(turns[:, 0])
    down = turns[:, 1] if params["direction"] != "horizontal" else torch.zeros_like(turns[:, 1])
    return _matrix(1.0 - 2.0 * across, 0.0, across * size[1], 0.0, 1.0 - 2.0 * down, down * size[0]), size


def _random_crop(params: Mapping[str, Any], size: Size, draws: Tensor | None) -> Move:
    if draws is None:
        return _middle(params, size, None)
    wanted, padding = pair(params["size"]), pair(params["padding"])
    room = [each + 2 * more - part for each, more, part in zip(size, padding, wanted, strict=True)]
    top, left = ((draws[:, axis] * (room[axis] + 1)).floor().clamp(max=room[axis]) for axis in (0, 1))
    return _shift(padding[0] - top, padding[1] - left), wanted


def _resized_crop(params: Mapping[str, Any], size: Size, draws: Tensor | None) -> Move:
    """A part of a drawn area and ratio; without draws the largest part of the middle that has the result's ratio."""
    wanted = pair(params["size"])
    if draws is None:
        high = torch.tensor([min(size[0], size[1] * wanted[0] / wanted[1])])
        wide = high * wanted[1] / wanted[0]
        draws = torch.full((1, 4), 0.5)
    else:
        area = _spread(draws[:, 0], params["scale"]) * size[0] * size[1]
        ratio = _spread(draws[:, 1], [math.log(each) for each in params["ratio"]]).exp()
        wide = (area * ratio).sqrt().clamp(1, size[1])
        high = (area / ratio).sqrt().clamp(1, size[0])
    top, left = draws[:, 2] * (size[0] - high), draws[:, 3] * (size[1] - wide)
    down, across = wanted[0] / high, wanted[1] / wide
    return _matrix(across, 0.0, -left * across, 0.0, down, -top * down), wanted


def _rotation(params: Mapping[str, Any], size: Size, draws: Tensor | None) -> Move:
    assert draws is not None
    angle = torch.deg2rad(_to_either_side(draws[:, 0], params["degrees"]))
    cos, sin = angle.cos(), angle.sin()
    return _about_middle((cos, sin, -sin, cos), size, (0.0, 0.0)), size


def _affine(params: Mapping[str, Any], size: Size, draws: Tensor | None) -> Move:
    assert draws is not None
    angle = torch.deg2rad(_to_either_side(draws[:, 0], params["degrees"]))
    slant = torch.deg2rad(_to_either_side(draws[:, 1], params["shear"])).tan()
    factor = _spread(draws[:, 2], params["scale"])
    cos, sin = angle.cos() * factor, angle.sin() * factor
    shift = [_to_either_side(draws[:, 3 + axis], params["translate"]) * size[axis] for axis in (0, 1)]
    return _about_middle((cos, cos * slant + sin, -sin, cos - sin * slant), size, (shift[0], shift[1])), size


FIXED: Mapping[str, tuple[Moves, Way]] = {
    "Resize": (_resize, "resize"),
    "CenterCrop": (_middle, "whole pixels"),
    "Crop": (_crop, "whole pixels"),
    "PadImage": (_pad, "whole pixels"),
}
RANDOM: Mapping[str, tuple[Moves, Way, int]] = {  # with how many numbers each draws
    "RandomFlip": (_flip, "whole pixels", 2),
    "RandomCrop": (_random_crop, "whole pixels", 2),
    "RandomResizedCrop": (_resized_crop, "interpolate", 4),
    "RandomRotation": (_rotation, "interpolate", 1),
    "RandomAffine": (_affine, "interpolate", 5),
}
MOVING = frozenset({*FIXED, *RANDOM})
RESTING = frozenset({"RandomFlip", "RandomRotation", "RandomAffine"})  # that do nothing without keys


# ---------------------------------------------------------------------------------------------------------- stages


def runs(fitted: Sequence[Fitted]) -> Iterator[list[Fitted]]:
    """Yield the steps one by one, but random movements that follow each other together: pixels are found once.

    A fixed movement stays alone, so that what comes before the first random step may be kept.
    """
    run: list[Fitted] = []
    for step in fitted:
        if run and not (step["op"] in RANDOM and run[-1]["op"] in RANDOM and _agree(run, step)):
            yield run
            run = []
        run = [*run, step]
    if run:
        yield run


def _outside(step: Fitted) -> str | None:
    """What a movement sees beyond the image, None where it does not look there."""
    if step["op"] == "RandomCrop":
        return "zeros" if any(pair(step["params"]["padding"])) else None
    if step["op"] == "PadImage":
        return "zeros"
    outside: str | None = step["params"].get("outside")
    return outside


def _agree(run: Sequence[Fitted], step: Fitted) -> bool:
    return len({outside for each in (*run, step) if (outside := _outside(each)) is not None}) < 2


def stage(run: Sequence[Fitted], size: Size, keys: Keys | None) -> Stage | None:
    """What a run of movements does to images of a size; None where all of it rests."""
    run = [each for each in run if keys is not None or each["op"] not in RESTING]
    if not run:
        return None
    matrix, after, ways = torch.eye(3)[None, :2], size, set[Way]()
    for step in run:
        moves, way, draws = _drawn(step, keys)
        one, after = moves(step["params"], after, draws)
        matrix = _after_one_another(matrix.to(one.device), one)
        ways.add(way)
    params = run[0]["params"]
    return Stage(
        matrix,
        size,
        after,
        next((each for each in ("resize", "interpolate") if each in ways), "whole pixels"),
        next((outside for each in run if (outside := _outside(each)) is not None), "border"),
        params["value"] if run[0]["op"] == "PadImage" else 0.0,
        params.get("mode") == "nearest",
    )


def _drawn(step: Fitted, keys: Keys | None) -> tuple[Moves, Way, Tensor | None]:
    if step["op"] in FIXED:
        return *FIXED[step["op"]], None
    moves, way, count = RANDOM[step["op"]]
    return moves, way, None if keys is None else drawn(keys, step["state"]["stream"], count)


def moved(values: Tensor, run: Sequence[Fitted], keys: Keys | None) -> Tensor:
    """Images (N, C, H, W) after a run of movements."""
    move = stage(run, (values.shape[2], values.shape[3]), keys)
    if move is None:
        return values
    if move.way == "resize":
        if move.nearest:
            return F.interpolate(values, move.after, mode="nearest-exact")
        return F.interpolate(values, move.after, mode="bilinear", antialias=True)
    if move.way == "interpolate":
        return F.grid_sample(
            values, _grid(move, values).expand(len(values), -1, -1, -1), "bilinear", move.outside, align_corners=False
        )
    alike = keys is None or run[0]["op"] in FIXED
    return _filled(values, move) if alike else _nearest(values, move, move.value)


def _filled(values: Tensor, move: Stage) -> Tensor:
    """Move all images alike by whole pixels: cut where the new size is within the old one, filled up elsewhere."""
    left, top = (int(each) for each in move.matrix[0, :, 2].tolist())
    right, bottom = move.after[1] - move.before[1] - left, move.after[0] - move.before[0] - top
    return F.pad(values, (left, right, top, bottom), value=move.value)


def _sources(move: Stage, device: torch.device) -> tuple[Tensor, Tensor]:
    """Where the middle of each pixel comes from: x and y, each (N, H or 1, W)."""
    back = _inverse(move.matrix.to(device))[:, :, :, None, None]
    height, width = move.after
    ys = torch.arange(height, device=device, dtype=torch.float32)[:, None] + 0.5
    xs = torch.arange(width, device=device, dtype=torch.float32) + 0.5
    if move.way != "interpolate":  # rows and columns on their own
        return back[:, 0, 0] * xs + back[:, 0, 2], back[:, 1, 1] * ys + back[:, 1, 2]
    x, y = (back[:, row, 0] * xs + back[:, row, 1] * ys + back[:, row, 2] for row in (0, 1))
    return x, y


def _grid(move: Stage, values: Tensor) -> Tensor:
    """The same as `grid_sample` takes it: from -1 to 1, (N, H, W, 2)."""
    x, y = _sources(move, values.device)
    height, width = move.before
    return torch.stack([x * (2 / width) - 1, y * (2 / height) - 1], -1).to(values.dtype)


def _nearest(values: Tensor, move: Stage, fill: float) -> Tensor:
    """Values (N, C, H, W) of any dtype, each taken from the nearest pixel."""
    x, y = _sources(move, values.device)
    (height, width), (count, channels) = move.before, values.shape[:2]
    if move.outside == "reflection":
        x, y = (size - (each.remainder(2 * size) - size).abs() for each, size in ((x, width), (y, height)))
    column, row = x.floor().to(torch.int64), y.floor().to(torch.int64)
    places = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
    pixels = values.flatten(2)
    if move.outside == "zeros":
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        places = torch.where(inside, places, height * width)
        pixels = F.pad(pixels, (0, 1), value=fill)  # the last one fills up
    places = places.flatten(1)[:, None].expand(count, channels, -1)
    return pixels.gather(2, places).view(count, channels, *move.after)


# ---------------------------------------------------------------------------------------------------------- motion


@dataclass(frozen=True, eq=False)
class Motion:
    """How each image of a batch moved, from the pixels of its source to those of the tensor; boxes and masks follow."""

    stages: tuple[Stage, ...]
    count: int  # of the samples
    before: Size
    after: Size

    @property
    def matrix(self) -> Tensor:
        """The whole movement of each sample: (N, 2, 3), from source to final pixel coordinates, (x, y)."""
        whole = torch.eye(3)[None, :2]
        for each in self.stages:
            whole = _after_one_another(whole.to(each.matrix.device), each.matrix)
        return whole.expand(self.count, 2, 3)

    def boxes(self, boxes: Tensor, labels: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Boxes (N, K, 4), corners x y x y in pixels, with labels (N, K) and mask (N, K), as they lie afterwards.

        A turned box becomes the one that encloses it. One that leaves the image, or keeps too little of its area
        there, is masked out: zeros, label 0.
        """
        kept = torch.ones_like(boxes[..., 0])
        for each in self.stages:
            boxes = _enclosing(boxes, each.matrix.to(boxes))
            whole = _area(boxes)
            limits = boxes.new_tensor([each.after[1], each.after[0]] * 2)
            boxes = boxes.clamp(min=0).minimum(limits)
            kept = kept * _area(boxes) / whole.clamp(min=torch.finfo(boxes.dtype).tiny)
        sides = boxes[..., 2:] - boxes[..., :2]
        mask = mask & (kept >= LEAST_SHARE) & (sides >= LEAST_PIXELS).all(-1)
        return torch.where(mask[..., None], boxes, 0.0), torch.where(mask, labels, 0), mask

    def masks(self, masks: Tensor, fill: int = 255) -> Tensor:
        """Masks (N, H, W) of classes afterwards, each pixel the nearest one, `fill` where there was none."""
        found = masks[:, None]
        for each in self.stages:
            found = _nearest(found, each, fill)
        return found[:, 0]


def motion(fitted: Sequence[Fitted], size: Size, keys: Keys | None, count: int) -> Motion:
    """How the steps of an image column move images of a size (height, width), drawn from the same keys as `apply`."""
    stages = list[Stage]()
    before = size
    for run in runs(fitted):
        move = stage(run, size, keys) if run[0]["op"] in MOVING else None
        if move is not None:
            stages.append(move)
            size = move.after
    return Motion(tuple(stages), count, before, size)


def _enclosing(boxes: Tensor, matrix: Tensor) -> Tensor:
    """The boxes that enclose boxes after a movement."""
    x, y = boxes[..., [0, 2, 0, 2]], boxes[..., [1, 1, 3, 3]]
    part = matrix[:, None, :, :, None]  # (N, 1, 2, 3, 1)
    moved_x, moved_y = (part[:, :, row, 0] * x + part[:, :, row, 1] * y + part[:, :, row, 2] for row in (0, 1))
    return torch.stack([moved_x.amin(-1), moved_y.amin(-1), moved_x.amax(-1), moved_y.amax(-1)], -1)


def _area(boxes: Tensor) -> Tensor:
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])
