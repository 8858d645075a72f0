"""Ops that rearrange a tensor's axes and leave its numbers as they are."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

from engine.declare import ANY, Call, Mistake, Op, Port, Recipe, Value, param, show_value
from engine.kinds import FixedShape
from engine.ops.axes import Dims, checked_axes, checked_axis, counted, shown
from engine.ops.ports import Anything


class Flatten(Op, group="Shape"):
    """Merges axes into one, by default all but the batch."""

    synonyms = ("reshape", "vector")
    example = {"input": "float32 2 3 4 4"}

    start_dim: int = param(1, "First axis to merge.", low=-16, high=15)
    end_dim: int = param(-1, "Last axis to merge; negative counts from the last.", low=-16, high=15)

    def build(self, input: Anything) -> Recipe:
        first = checked_axis(self.start_dim, input, "start_dim") % max(input.ndim, 1)
        last = checked_axis(self.end_dim, input, "end_dim") % max(input.ndim, 1)
        if first > last:
            raise Mistake(
                f"start_dim is {self.start_dim}, which lies behind end_dim ({self.end_dim}).", param="start_dim"
            )
        return Recipe("nn.Flatten", **self.changed())


class Unflatten(Op, group="Shape"):
    """Splits one axis into several."""

    synonyms = ("reshape", "split axis")
    key: ClassVar[tuple[str, ...]] = ("dim", "unflattened_size")
    example = {"input": "float32 2 16"}

    dim: int = param(1, "Axis to split.", low=-16, high=15)
    unflattened_size: FixedShape = param((1, -1), "Sizes it is split into; one may be -1, which is worked out.")

    def build(self, input: Anything) -> Recipe:
        size = input[checked_axis(self.dim, input)]
        self._checked_sizes(size)
        return Recipe("nn.Unflatten", self.dim, self.unflattened_size)

    def _checked_sizes(self, size: int) -> None:
        sizes = self.unflattened_size
        product = math.prod(each for each in sizes if each != -1)
        if sizes.count(-1) > 1:
            words = "unflattened_size has more than one -1; only one size can be worked out."
            raise Mistake(words, param="unflattened_size")
        fits = product > 0 and size % product == 0 if -1 in sizes else product == size
        if not sizes or not fits:
            words = f"Axis {self.dim} of input has size {size}, which ({', '.join(map(str, sizes))}) does not split."
            raise Mistake(words, param="unflattened_size")


class Reshape(Op, group="Shape"):
    """Gives a tensor another shape with the same numbers in the same order."""

    synonyms = ("view", "torch.reshape")
    key: ClassVar[tuple[str, ...]] = ("shape",)
    example = {"input": "float32 2 3 4"}

    shape: FixedShape = param((-1, 1), "All sizes, the batch first; one may be -1, which is worked out.")

    def build(self, input: Anything) -> Call:
        if self.shape.count(-1) > 1:
            raise Mistake("shape has more than one -1; only one size can be worked out.", param="shape")
        count, wanted = math.prod(input.shape), math.prod(size for size in self.shape if size != -1)
        fits = wanted > 0 and count % wanted == 0 if -1 in self.shape else count == wanted
        if not fits:
            raise Mistake(
                f"shape is {show_value(self.shape)}, but the numbers of input, {shown(input)}, cannot be arranged so.",
                param="shape",
            )
        return Call("torch.reshape", input, self.shape)


class Permute(Op, group="Shape"):
    """Puts the axes into another order."""

    synonyms = ("reorder", "channels last", "channels first", "torch.permute")
    key: ClassVar[tuple[str, ...]] = ("dims",)
    example = {"input": "float32 2 3 4"}

    dims: FixedShape = param((0, 2, 1), "The old axes in their new order.")

    def build(self, input: Anything) -> Call:
        inside = all(-input.ndim <= axis < input.ndim for axis in self.dims)
        if not inside or sorted(axis % input.ndim for axis in self.dims) != list(range(input.ndim)):
            words = f"dims is {show_value(self.dims)}, but input has {counted(input.ndim)}"
            raise Mistake(f"{words}; name each of them once, counted from 0.", param="dims")
        return Call("torch.permute", input, self.dims)


class Transpose(Op, group="Shape"):
    """Swaps two axes."""

    synonyms = ("swap axes", "swapaxes", "swap", "torch.transpose")
    key: ClassVar[tuple[str, ...]] = ("dim0", "dim1")
    example = {"input": "float32 2 3 4"}

    dim0: int = param(-2, "One axis; negative counts from the last.", low=-16, high=15)
    dim1: int = param(-1, "The axis it changes places with.", low=-16, high=15)

    def build(self, input: Anything) -> Call:
        checked_axis(self.dim0, input, "dim0")
        checked_axis(self.dim1, input, "dim1")
        return Call("torch.transpose", input, self.dim0, self.dim1)

    def summary(self) -> str:
        return f"{self.dim0} ↔ {self.dim1}"


class MoveDim(Op, group="Shape"):
    """Moves one axis to another place; the others keep their order."""

    synonyms = ("move axis", "channels last", "channels first", "torch.movedim")
    key: ClassVar[tuple[str, ...]] = ("source", "destination")
    example = {"input": "float32 2 3 4"}

    source: int = param(1, "Axis that moves.", low=-16, high=15)
    destination: int = param(-1, "Its place afterwards.", low=-16, high=15)

    def build(self, input: Anything) -> Call:
        checked_axis(self.source, input, "source")
        checked_axis(self.destination, input, "destination")
        return Call("torch.movedim", input, self.source, self.destination)

    def summary(self) -> str:
        return f"{self.source} → {self.destination}"


class Squeeze(Op, group="Shape"):
    """Removes an axis of size 1."""

    synonyms = ("drop axis", "torch.squeeze")
    key: ClassVar[tuple[str, ...]] = ("dim",)
    example = {"input": "float32 2 1 4"}

    dim: int = param(1, "Axis to remove; its size must be 1.", low=-16, high=15)

    def build(self, input: Anything) -> Call:
        size = input[checked_axis(self.dim, input)]
        if size != 1:
            raise Mistake(f"Axis {self.dim} has size {size}; only an axis of size 1 can be removed.", param="dim")
        return Call("torch.squeeze", input, self.dim)


class Unsqueeze(Op, group="Shape"):
    """Adds an axis of size 1."""

    synonyms = ("add axis", "expand dims", "torch.unsqueeze")
    key: ClassVar[tuple[str, ...]] = ("dim",)
    example = {"input": "float32 2 4"}

    dim: int = param(1, "Where the new axis stands.", low=-16, high=15)

    def build(self, input: Anything) -> Call:
        if not -input.ndim - 1 <= self.dim <= input.ndim:
            raise Mistake(
                f"dim is {self.dim}, but input has {counted(input.ndim)}; it must lie from {-input.ndim - 1} "
                f"to {input.ndim}.",
                param="dim",
            )
        return Call("torch.unsqueeze", input, self.dim)


class Flip(Op, group="Shape"):
    """Turns the order along axes around, such as left and right of an image."""

    synonyms = ("reverse", "mirror", "horizontal flip", "torch.flip")
    key: ClassVar[tuple[str, ...]] = ("dims",)
    example = {"input": "float32 2 3 4"}

    dims: Dims = param(-1, "Axis or axes to turn around; empty for all.", low=-16, high=15)

    def build(self, input: Anything) -> Call:
        axes = checked_axes(self.dims, input, "dims")
        named = (self.dims,) if isinstance(self.dims, int) else self.dims or axes
        return Call("torch.flip", input, named)


class Roll(Op, group="Shape"):
    """Shifts numbers along an axis; what falls off one end comes in at the other."""

    synonyms = ("shift", "rotate", "circular shift", "torch.roll")
    key: ClassVar[tuple[str, ...]] = ("shifts", "dims")
    example = {"input": "float32 2 3 4"}

    shifts: int = param(1, "Places to shift by; negative shifts back.")
    dims: int = param(-1, "Axis to shift along.", low=-16, high=15)

    def build(self, input: Anything) -> Call:
        checked_axis(self.dims, input, "dims")
        return Call("torch.roll", input, self.shifts, self.dims)


# ------------------------------------------------------------------------------------------------------ repeating


class Expand(Op, group="Shape"):
    """Stretches axes of size 1 to a larger size, without copying numbers."""

    synonyms = ("broadcast", "broadcast to", "stretch", "torch.Tensor.expand", "torch.broadcast_to")
    key: ClassVar[tuple[str, ...]] = ("sizes",)
    example = {"input": "float32 2 1 4"}

    sizes: FixedShape = param((-1, 3, -1), "New sizes; -1 keeps one as it is, sizes before the first axis are new.")

    def build(self, input: Anything) -> Call:
        new = len(self.sizes) - input.ndim
        if new < 0:
            words = f"sizes is {show_value(self.sizes)}, but input has {counted(input.ndim)}"
            raise Mistake(f"{words}; give one for each of them, -1 to keep it.", param="sizes")
        if any(size < 0 for size in self.sizes[:new]):
            raise Mistake(f"sizes is {show_value(self.sizes)}; a new axis needs a size, not -1.", param="sizes")
        for axis, (old, size) in enumerate(zip(input.shape, self.sizes[new:], strict=True)):
            if size not in (-1, old) and old != 1:
                raise Mistake(
                    f"Axis {axis} of input is {old}; only a size of 1 can be stretched to {size}.", param="sizes"
                )
        return Call(".expand", input, *self.sizes)


class ExpandAs(Op, group="Shape"):
    """Stretches axes of size 1 to the sizes of another tensor, without copying numbers."""

    synonyms = ("broadcast", "broadcast as", "match shape", "torch.Tensor.expand_as")
    example = {"input": "float32 2 1 4", "other": "float32 2 3 4"}

    def build(self, input: Anything, other: Anything) -> Call:
        pairs = zip(reversed(input.shape), reversed(other.shape), strict=False)
        if input.ndim > other.ndim or any(one not in (1, two) for one, two in pairs):
            raise Mistake(
                f"input is {shown(input)} and other is {shown(other)}; each axis of input must be 1 or as long as "
                "that of other, counted from the last.",
                param="other",
            )
        return Call(".expand_as", input, other)


class Repeat(Op, group="Shape"):
    """Puts copies of the whole tensor side by side along each axis."""

    synonyms = ("tile", "copies", "torch.tile", "torch.Tensor.repeat")
    key: ClassVar[tuple[str, ...]] = ("repeats",)
    example = {"input": "float32 2 3"}

    repeats: FixedShape = param((1, 2), "Copies along each axis; further ones before the first make new axes.")

    def build(self, input: Anything) -> Call:
        if len(self.repeats) < input.ndim:
            words = f"repeats is {show_value(self.repeats)}, but input has {counted(input.ndim)}"
            raise Mistake(f"{words}; give a number of copies for each, 1 to leave it.", param="repeats")
        if any(count < 1 for count in self.repeats):
            raise Mistake(f"repeats is {show_value(self.repeats)}; each number must be at least 1.", param="repeats")
        return Call(".repeat", input, *self.repeats)


class RepeatInterleave(Op, group="Shape"):
    """Repeats each position along an axis, next to itself."""

    synonyms = ("repeat each", "upsample", "group query heads", "torch.repeat_interleave")
    key: ClassVar[tuple[str, ...]] = ("repeats", "dim")
    example = {"input": "float32 2 3"}

    repeats: int = param(2, "How often each position comes.", low=1)
    dim: int = param(1, "Axis along which positions lie.", low=-16, high=15)

    def build(self, input: Anything) -> Call:
        checked_axis(self.dim, input)
        return Call("torch.repeat_interleave", input, self.repeats, dim=self.dim)


# -------------------------------------------------------------------------------------------------------- joining


class Concat(Op, group="Shape"):
    """Joins tensors along an axis, in the order they are wired."""

    synonyms = ("cat", "concatenate", "join", "skip", "merge", "torch.cat")
    key: ClassVar[tuple[str, ...]] = ("dim",)
    example = {"tensors": ["float32 2 3", "float32 2 5"]}

    dim: int = param(1, "Axis to join along; all other sizes must be equal.", low=-16, high=15)

    def build(self, tensors: Annotated[list[Value], Port(ANY, "...")]) -> Call:
        first = tensors[0]
        if first.ndim == 0:
            raise Mistake("Tensor 1 is a single number; use Stack to join single numbers.", param="tensors")
        axis = checked_axis(self.dim, first) % first.ndim
        for place, tensor in enumerate(tensors[1:], 2):
            if tensor.ndim != first.ndim:
                raise Mistake(
                    f"Tensor 1 has {counted(first.ndim)} and tensor {place} has {counted(tensor.ndim)}; "
                    "all must have as many.",
                    param="tensors",
                )
            for other, (one, two) in enumerate(zip(first.shape, tensor.shape, strict=True)):
                if other != axis and one != two:
                    raise Mistake(
                        f"Along axis {other}, tensor 1 has size {one} and tensor {place} has {two}; "
                        f"only axis {self.dim} may differ.",
                        param="tensors",
                    )
        return Call("torch.cat", tensors, dim=self.dim)


class Stack(Op, group="Shape"):
    """Joins tensors of one shape along a new axis, in the order they are wired."""

    synonyms = ("join", "new axis", "torch.stack")
    key: ClassVar[tuple[str, ...]] = ("dim",)
    example = {"tensors": ["float32 2 3", "float32 2 3"]}

    dim: int = param(1, "Where the new axis stands.", low=-16, high=15)

    def build(self, tensors: Annotated[list[Value], Port(ANY, "...")]) -> Call:
        first = tensors[0]
        for place, tensor in enumerate(tensors[1:], 2):
            if tensor.shape != first.shape:
                raise Mistake(
                    f"Tensor 1 is {shown(first)} and tensor {place} is {shown(tensor)}; all must have the same shape.",
                    param="tensors",
                )
        if not -first.ndim - 1 <= self.dim <= first.ndim:
            words = f"dim is {self.dim}; the result has {counted(first.ndim + 1)}, so it must lie from"
            raise Mistake(f"{words} {-first.ndim - 1} to {first.ndim}.", param="dim")
        return Call("torch.stack", tensors, dim=self.dim)
