"""Ops that pick numbers, or put them, where whole numbers or masks say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from engine.declare import BOOL, INDEX, INT64, NUMBER, Call, Mistake, Op, Port, Recipe, Value, param, show_value
from engine.ops.axes import checked_axis, checked_same_dtype, counted, fitting, joined_shape, shown
from engine.ops.ports import Anything

Places = Annotated[Value, Port(INDEX, "...")]
Ordered = Annotated[Value, Port(NUMBER, "...")]
Traced = Mapping[str, tuple[tuple[int | str, ...], str]]

AXIS = "Axis along which index counts positions."


def _checked_places(input: Value, index: Value, axis: int) -> None:
    """Check that index is within input along every axis but one."""
    if index.ndim != input.ndim:
        words = f"{input.port} has {counted(input.ndim)} and {index.port} has {counted(index.ndim)}"
        raise Mistake(f"{words}; both need as many.", param="index")
    for other, (whole, part) in enumerate(zip(input.shape, index.shape, strict=True)):
        if other != axis and part > whole:
            raise Mistake(
                f"{input.port} is {shown(input)} and {index.port} is {shown(index)}; "
                f"along axis {other}, {index.port} must not be longer.",
                param="index",
            )


class Gather(Op, group="Indexing"):
    """Picks numbers along an axis, at positions of their own for each place of index."""

    synonyms = ("pick", "select by index", "torch.gather")
    key: ClassVar[tuple[str, ...]] = ("dim",)
    example = {"input": "float32 2 3", "index": "int64:0..2 2 4"}

    dim: int = param(1, AXIS, low=-16, high=15)

    def build(self, input: Anything, index: Places) -> Call:
        _checked_places(input, index, checked_axis(self.dim, input) % input.ndim)
        return Call("torch.gather", input, self.dim, index)


class TakeAlongDim(Op, group="Indexing"):
    """Picks numbers along an axis as Argsort, Argmax or TopK tell; sizes of 1 are stretched to fit."""

    synonyms = ("take", "gather", "reorder", "torch.take_along_dim")
    key: ClassVar[tuple[str, ...]] = ("dim",)
    example = {"input": "float32 2 3", "indices": "int64:0..2 2 4"}

    dim: int = param(1, "Axis along which indices counts positions.", low=-16, high=15)

    def build(self, input: Anything, indices: Annotated[Value, Port(INT64, "...")]) -> Call:
        axis = checked_axis(self.dim, input) % input.ndim
        if indices.ndim != input.ndim:
            words = f"input has {counted(input.ndim)} and indices has {counted(indices.ndim)}"
            raise Mistake(f"{words}; both need as many.", param="indices")
        for other, (one, two) in enumerate(zip(input.shape, indices.shape, strict=True)):
            if other != axis and one != two and 1 not in (one, two):
                words = f"input is {shown(input)} and indices is {shown(indices)}; along axis {other}"
                raise Mistake(f"{words} the sizes must be equal or 1.", param="indices")
        return Call("torch.take_along_dim", input, indices, self.dim)


class IndexSelect(Op, group="Indexing"):
    """Picks whole positions along an axis, in the order of index."""

    synonyms = ("pick rows", "reorder", "torch.index_select")
    key: ClassVar[tuple[str, ...]] = ("dim",)
    example = {"input": "float32 2 3 4", "index": "int64:0..2 5"}

    dim: int = param(1, AXIS, low=-16, high=15)

    def build(self, input: Anything, index: Annotated[Value, Port(INDEX, "L")]) -> Call:
        checked_axis(self.dim, input)
        return Call("torch.index_select", input, self.dim, index)


class _Scatter(Op, abstract=True):
    """An op that puts the numbers of src into input, at positions along an axis."""

    key: ClassVar[tuple[str, ...]] = ("dim",)
    example = {"input": "float32 2 5", "index": "int64:0..4 2 3", "src": "float32 2 3"}

    dim: int = param(1, AXIS, low=-16, high=15)

    def _check(self, input: Value, index: Value, src: Value | None) -> None:
        axis = checked_axis(self.dim, input) % input.ndim
        _checked_places(input, index, axis)
        if src is None:
            return
        checked_same_dtype(input, src)
        if src.ndim != index.ndim or any(part > whole for part, whole in zip(index.shape, src.shape, strict=True)):
            raise Mistake(
                f"index is {shown(index)} and src is {shown(src)}; src must have as many axes, none of them shorter.",
                param="src",
            )


class Scatter(_Scatter, group="Indexing"):
    """Puts numbers into a copy of input, at positions along an axis; of several for one place, any may win."""

    synonyms = ("put", "write at index", "torch.scatter")
    key: ClassVar[tuple[str, ...]] = ("dim", "value")

    value: float | None = param(None, "Number that is put in, where nothing is wired to src.")

    def build(self, input: Anything, index: Places, src: Anything | None = None) -> Call:
        self._check(input, index, src)
        if src is None:
            if self.value is None:
                words = "Nothing is wired to src; wire a tensor to it, or set value to a number."
                raise Mistake(words, param="src")
            return Call("torch.scatter", input, self.dim, index, fitting(self.value, input))
        if self.value is not None:
            words = f"value is {self.value:g}, but a tensor is wired to src; empty value or remove the wire."
            raise Mistake(words, param="value")
        return Call("torch.scatter", input, self.dim, index, src)


class ScatterAdd(_Scatter, group="Indexing"):
    """Adds numbers to a copy of input, at positions along an axis; all for one place count."""

    synonyms = ("accumulate", "index add", "message passing", "torch.scatter_add")

    def build(self, input: Anything, index: Places, src: Anything) -> Call:
        self._check(input, index, src)
        return Call("torch.scatter_add", input, self.dim, index, src)


class ScatterReduce(_Scatter, group="Indexing"):
    """Combines numbers with those of a copy of input, at positions along an axis."""

    synonyms = ("scatter mean", "scatter max", "segment", "group by", "message passing", "torch.scatter_reduce")
    key: ClassVar[tuple[str, ...]] = ("reduce", "dim")

    reduce: Literal["sum", "prod", "mean", "amax", "amin"] = param("mean", "How numbers for one place are combined.")
    include_self: bool = param(True, "Whether the number of input counts too.")

    def build(self, input: Ordered, index: Annotated[Value, Port(INT64, "...")], src: Ordered) -> Call:
        self._check(input, index, src)
        more = {} if self.include_self else {"include_self": False}
        return Call("torch.scatter_reduce", input, self.dim, index, src, self.reduce, **more)


class OneHot(Op, group="Indexing"):
    """Turns each whole number into a row of zeros with a 1 at its place."""

    synonyms = ("one hot", "dummy variables", "indicator", "torch.nn.functional.one_hot")
    key: ClassVar[tuple[str, ...]] = ("num_classes",)
    example = {"input": "int64:0..4 2 3"}

    num_classes: int = param(10, "Number of classes, the length of each row; each number must be below it.", low=1)

    def build(self, input: Annotated[Value, Port(INT64, "...")]) -> Call:
        return Call("nn.functional.one_hot", input, self.num_classes)


# ---------------------------------------------------------------------------------------------------- by a mask


class MaskedSelect(Op, group="Indexing"):
    """Lists the numbers where the mask is true."""

    synonyms = ("boolean mask", "filter", "torch.masked_select")
    example = {"input": "float32 2 3", "mask": "bool 2 3"}

    def build(self, input: Anything, mask: Annotated[Value, Port(BOOL, "...")]) -> Call:
        joined_shape(input, mask)
        return Call("torch.masked_select", input, mask)

    def trace(self, input: Value, mask: Value) -> Traced:
        return {"output": (("K",), input.dtype)}


class Nonzero(Op, group="Indexing"):
    """Lists the places of all numbers that are not 0, a row of coordinates each."""

    synonyms = ("where", "indices of true", "coordinates", "torch.nonzero")
    example = {"input": "bool 2 3"}

    def build(self, input: Anything) -> Call:
        return Call("torch.nonzero", input)

    def trace(self, input: Value) -> Traced:
        return {"output": (("K", input.ndim), "int64")}


# ------------------------------------------------------------------------------------------------------- by order


class Bucketize(Op, group="Indexing"):
    """Tells between which two boundaries each number lies."""

    synonyms = ("bin", "digitise", "discretise", "quantise", "histogram", "torch.bucketize")
    example = {"input": "float32 2 3"}

    boundaries: tuple[float, ...] = param((-1.0, 0.0, 1.0), "The boundaries, from the least to the greatest.")
    right: bool = param(False, "Whether a number equal to a boundary counts as above it.", advanced=True)

    def build(self, input: Ordered) -> Recipe:
        if not self.boundaries:
            raise Mistake("boundaries is empty; give at least one.", param="boundaries")
        if any(one >= two for one, two in zip(self.boundaries, self.boundaries[1:], strict=False)):
            raise Mistake(
                f"boundaries is {show_value(self.boundaries)}; each must be greater than the one before.",
                param="boundaries",
            )
        return Recipe("modules.Bucketize", self.boundaries, **({"right": True} if self.right else {}))


class SearchSorted(Op, group="Indexing"):
    """Tells at which place of a sorted sequence each number would have to be put in."""

    synonyms = ("binary search", "bin", "inverse sampling", "torch.searchsorted")
    example = {"sorted_sequence": "float32 2 4", "input": "float32 2 3"}

    right: bool = param(False, "Whether a number goes behind those it equals.", advanced=True)

    def build(self, sorted_sequence: Ordered, input: Ordered) -> Call:
        if sorted_sequence.ndim == 0:
            raise Mistake("sorted_sequence is a single number; it needs an axis.", param="sorted_sequence")
        if sorted_sequence.ndim > 1 and sorted_sequence.shape[:-1] != input.shape[: max(input.ndim - 1, 0)]:
            raise Mistake(
                f"sorted_sequence is {shown(sorted_sequence)} and input is {shown(input)}; "
                "all axes but the last must be as long.",
                param="input",
            )
        checked_same_dtype(sorted_sequence, input)
        more: dict[str, Any] = {"right": True} if self.right else {}
        return Call("torch.searchsorted", sorted_sequence, input, **more)
