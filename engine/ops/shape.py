"""Ops that rearrange a tensor's axes and leave its numbers as they are."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

from engine.declare import ANY, Call, Mistake, Op, Port, Recipe, Value, param
from engine.kinds import FixedShape
from engine.ops.ports import Anything


def checked_axis(dim: int, input: Value, name: str = "dim") -> int:
    """Return `dim`, or raise Mistake where `input` has no such axis."""
    if not -input.ndim <= dim < input.ndim:
        raise Mistake(f"{name} is {dim}, but input has {input.ndim} axes.", param=name)
    return dim


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
        return Call("torch.reshape", input, self.shape)


class Permute(Op, group="Shape"):
    """Puts the axes into another order."""

    synonyms = ("transpose", "channels last", "torch.permute")
    key: ClassVar[tuple[str, ...]] = ("dims",)
    example = {"input": "float32 2 3 4"}

    dims: FixedShape = param((0, 2, 1), "The old axes in their new order.")

    def build(self, input: Anything) -> Call:
        if sorted(axis % max(input.ndim, 1) for axis in self.dims) != list(range(input.ndim)):
            raise Mistake(f"dims must name each of the {input.ndim} axes of input once.", param="dims")
        return Call("torch.permute", input, self.dims)


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
            raise Mistake(f"dim is {self.dim}, but input has {input.ndim} axes.", param="dim")
        return Call("torch.unsqueeze", input, self.dim)


class Select(Op, group="Shape"):
    """Picks one position along an axis, such as a sequence's last step."""

    synonyms = ("index", "last step", "slice", "torch.select")
    key: ClassVar[tuple[str, ...]] = ("dim", "index")
    example = {"input": "float32 2 5 4"}

    dim: int = param(1, "Axis to pick along; it is removed.", low=-16, high=15)
    index: int = param(-1, "Position to pick; negative counts from the last.")

    def build(self, input: Anything) -> Call:
        size = input[checked_axis(self.dim, input)]
        if not -size <= self.index < size:
            raise Mistake(f"index is {self.index}, but axis {self.dim} has {size} positions.", param="index")
        return Call("torch.select", input, self.dim, self.index)


class Concat(Op, group="Shape"):
    """Joins tensors along an axis, in the order they are wired."""

    synonyms = ("cat", "concatenate", "join", "skip", "merge", "torch.cat")
    key: ClassVar[tuple[str, ...]] = ("dim",)
    example = {"tensors": ["float32 2 3", "float32 2 5"]}

    dim: int = param(1, "Axis to join along; all other sizes must be equal.", low=-16, high=15)

    def build(self, tensors: Annotated[list[Value], Port(ANY, "...")]) -> Call:
        first = tensors[0]
        axis = checked_axis(self.dim, first) % max(first.ndim, 1)
        for place, tensor in enumerate(tensors[1:], 2):
            if tensor.ndim != first.ndim:
                raise Mistake(
                    f"Tensor 1 has {first.ndim} axes and tensor {place} has {tensor.ndim}; all must have as many.",
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
