"""Padding: numbers added around the ends of sequences, images and volumes."""

from __future__ import annotations

from typing import Annotated, ClassVar

from engine.declare import COMPLEX, FLOAT, NUMBER, Mistake, Op, Port, Recipe, Value, param
from engine.kinds import Size2, Size4, Size6
from engine.ops.ports import AnyImage2d, AnySequence1d, AnyVolume3d
from engine.ops.windows import each

ENDS = "Numbers added at both ends, or (left, right)."
EDGES = "Pixels added at every edge, or (left, right, top, bottom)."
FACES = "Voxels added at every face, or (left, right, top, bottom, front, back)."
CROPS = " Negative ones cut off."

# Reflection and replication cannot copy bool.
COPIED = (*NUMBER, *COMPLEX)
CopiedSequence1d = Annotated[Value, Port(COPIED, "N C L")]
CopiedImage2d = Annotated[Value, Port(COPIED, "N C H W")]
CopiedVolume3d = Annotated[Value, Port(COPIED, "N C D H W")]


class _Pad(Op, abstract=True):
    """Shared by all: `padding` counts from the last axis backwards, two numbers an axis."""

    key: ClassVar[tuple[str, ...]] = ("padding",)

    def summary(self) -> str:
        padding = self.padding  # type: ignore[attr-defined]  # each subclass declares it, by its number of axes
        return f"padding {padding if isinstance(padding, int) else ', '.join(map(str, padding))}"

    def _recipe(self, input: Value, *more: float) -> Recipe:
        padding = self.padding  # type: ignore[attr-defined]
        edges = each(padding, 2 * (input.ndim - 2))
        for place, axis in enumerate(range(input.ndim - 1, 1, -1)):
            before, after = edges[2 * place : 2 * place + 2]
            self._check(input[axis], axis, max(before, after))
            if input[axis] + before + after < 1:
                raise Mistake(f"padding cuts off all {input[axis]} positions along axis {axis}.", param="padding")
        return Recipe(f"nn.{type(self).__name__}", padding, *more)

    def _check(self, size: int, axis: int, edge: int) -> None:
        """Raise Mistake where an axis is too short to fill an edge from."""


class _ReflectionPad(_Pad, abstract=True):
    synonyms = ("mirror", "reflect", "torch.nn.functional.pad")

    def _check(self, size: int, axis: int, edge: int) -> None:
        if edge >= size:
            raise Mistake(
                f"padding is {edge} along axis {axis}, which has size {size}; a mirror needs less than the size.",
                param="padding",
            )


class _ReplicationPad(_Pad, abstract=True):
    synonyms = ("replicate", "edge", "torch.nn.functional.pad")


class _CircularPad(_Pad, abstract=True):
    synonyms = ("wrap", "periodic", "circular", "torch.nn.functional.pad")

    def _check(self, size: int, axis: int, edge: int) -> None:
        if edge > size:
            raise Mistake(
                f"padding is {edge} along axis {axis}, which has size {size}; it can go round only once.",
                param="padding",
            )


class _ZeroPad(_Pad, abstract=True):
    synonyms = ("zeros", "crop", "torch.nn.functional.pad")


class _ConstantPad(_Pad, abstract=True):
    synonyms = ("fill", "crop", "torch.nn.functional.pad")

    def _constant(self, input: Value, value: float) -> Recipe:
        if input.dtype not in (*FLOAT, *COMPLEX) and value != int(value):
            raise Mistake(f"value is {value}, and input holds whole numbers ({input.dtype}).", param="value")
        return self._recipe(input, value)


class ReflectionPad1d(_ReflectionPad, group="Padding"):
    """Continues a sequence beyond its ends as in a mirror."""

    example = {"input": "float32 2 3 8"}

    padding: Size2 = param(1, ENDS, low=0)

    def build(self, input: CopiedSequence1d) -> Recipe:
        return self._recipe(input)


class ReflectionPad2d(_ReflectionPad, group="Padding"):
    """Continues an image beyond its ends as in a mirror."""

    example = {"input": "float32 2 3 6 8"}

    padding: Size4 = param(1, EDGES, low=0)

    def build(self, input: CopiedImage2d) -> Recipe:
        return self._recipe(input)


class ReflectionPad3d(_ReflectionPad, group="Padding"):
    """Continues a volume beyond its ends as in a mirror."""

    example = {"input": "float32 2 3 4 5 6"}

    padding: Size6 = param(1, FACES, low=0)

    def build(self, input: CopiedVolume3d) -> Recipe:
        return self._recipe(input)


class ReplicationPad1d(_ReplicationPad, group="Padding"):
    """Continues a sequence beyond its ends with its outermost numbers."""

    example = {"input": "float32 2 3 8"}

    padding: Size2 = param(1, ENDS, low=0)

    def build(self, input: CopiedSequence1d) -> Recipe:
        return self._recipe(input)


class ReplicationPad2d(_ReplicationPad, group="Padding"):
    """Continues an image beyond its ends with its outermost numbers."""

    example = {"input": "float32 2 3 6 8"}

    padding: Size4 = param(1, EDGES, low=0)

    def build(self, input: CopiedImage2d) -> Recipe:
        return self._recipe(input)


class ReplicationPad3d(_ReplicationPad, group="Padding"):
    """Continues a volume beyond its ends with its outermost numbers."""

    example = {"input": "float32 2 3 4 5 6"}

    padding: Size6 = param(1, FACES, low=0)

    def build(self, input: CopiedVolume3d) -> Recipe:
        return self._recipe(input)


class CircularPad1d(_CircularPad, group="Padding"):
    """Continues a sequence beyond its ends with numbers from the other end."""

    example = {"input": "float32 2 3 8"}

    padding: Size2 = param(1, ENDS, low=0)

    def build(self, input: AnySequence1d) -> Recipe:
        return self._recipe(input)


class CircularPad2d(_CircularPad, group="Padding"):
    """Continues an image beyond its ends with numbers from the other end."""

    example = {"input": "float32 2 3 6 8"}

    padding: Size4 = param(1, EDGES, low=0)

    def build(self, input: AnyImage2d) -> Recipe:
        return self._recipe(input)


class CircularPad3d(_CircularPad, group="Padding"):
    """Continues a volume beyond its ends with numbers from the other end."""

    example = {"input": "float32 2 3 4 5 6"}

    padding: Size6 = param(1, FACES, low=0)

    def build(self, input: AnyVolume3d) -> Recipe:
        return self._recipe(input)


class ZeroPad1d(_ZeroPad, group="Padding"):
    """Puts zeros around a sequence."""

    example = {"input": "float32 2 3 8"}

    padding: Size2 = param(1, ENDS + CROPS)

    def build(self, input: AnySequence1d) -> Recipe:
        return self._recipe(input)


class ZeroPad2d(_ZeroPad, group="Padding"):
    """Puts zeros around an image."""

    example = {"input": "float32 2 3 6 8"}

    padding: Size4 = param(1, EDGES + CROPS)

    def build(self, input: AnyImage2d) -> Recipe:
        return self._recipe(input)


class ZeroPad3d(_ZeroPad, group="Padding"):
    """Puts zeros around a volume."""

    example = {"input": "float32 2 3 4 5 6"}

    padding: Size6 = param(1, FACES + CROPS)

    def build(self, input: AnyVolume3d) -> Recipe:
        return self._recipe(input)


class ConstantPad1d(_ConstantPad, group="Padding"):
    """Puts a number of your choice around a sequence."""

    example = {"input": "float32 2 3 8"}

    padding: Size2 = param(1, ENDS + CROPS)
    value: float = param(0.0, "The number that is added.")

    def build(self, input: AnySequence1d) -> Recipe:
        return self._constant(input, self.value)


class ConstantPad2d(_ConstantPad, group="Padding"):
    """Puts a number of your choice around an image."""

    example = {"input": "float32 2 3 6 8"}

    padding: Size4 = param(1, EDGES + CROPS)
    value: float = param(0.0, "The number that is added.")

    def build(self, input: AnyImage2d) -> Recipe:
        return self._constant(input, self.value)


class ConstantPad3d(_ConstantPad, group="Padding"):
    """Puts a number of your choice around a volume."""

    example = {"input": "float32 2 3 4 5 6"}

    padding: Size6 = param(1, FACES + CROPS)
    value: float = param(0.0, "The number that is added.")

    def build(self, input: AnyVolume3d) -> Recipe:
        return self._constant(input, self.value)
