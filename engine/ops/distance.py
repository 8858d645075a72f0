"""Likeness and distance of pairs of vectors."""

from __future__ import annotations

from typing import Annotated, ClassVar

from engine.declare import COMPLEX, FLOAT, Mistake, Op, Port, Recipe, Value, param
from engine.ops.ports import Floats

# Differences of uint8 wrap around below zero.
Signed = Annotated[Value, Port((*FLOAT, "int64", "int32", "int16", "int8", *COMPLEX), "...")]


class CosineSimilarity(Op, group="Linear algebra"):
    """Cosine of the angle between pairs of vectors, 1 for the same direction; sizes of 1 are stretched to fit."""

    synonyms = ("cosine", "angle", "likeness", "torch.nn.functional.cosine_similarity")
    key: ClassVar[tuple[str, ...]] = ("dim",)
    example = {"x1": "float32 4 8", "x2": "float32 4 8"}

    dim: int = param(1, "Axis along which the vectors lie; it is removed.", low=-16, high=15)
    eps: float = param(1e-8, "Smallest length that counts, so that nothing is divided by zero.", above=0, advanced=True)

    def build(self, x1: Floats, x2: Floats) -> Recipe:
        if not -x1.ndim <= self.dim < x1.ndim:
            raise Mistake(f"dim is {self.dim}, but x1 has {x1.ndim} axes.", param="dim")
        checked_pairs(x1, x2, self.dim % x1.ndim)
        return Recipe("nn.CosineSimilarity", **self.changed())


class PairwiseDistance(Op, group="Linear algebra"):
    """Distance between pairs of vectors along the last axis; other sizes of 1 are stretched to fit."""

    synonyms = ("euclidean", "norm", "metric learning", "torch.nn.functional.pairwise_distance")
    key: ClassVar[tuple[str, ...]] = ("p",)
    example = {"x1": "float32 4 8", "x2": "float32 4 8"}

    p: float = param(2.0, "Power of the norm: 2 is the straight line, 1 the sum of the differences.", low=0)
    eps: float = param(1e-6, "Added to each difference, so that gradients stay finite.", low=0, advanced=True)
    keepdim: bool = param(False, "Whether the last axis stays, with size 1.", advanced=True)

    def build(self, x1: Signed, x2: Signed) -> Recipe:
        if x1.ndim < 1:
            raise Mistake("x1 is one number; the vectors must lie along an axis.", param="x1")
        checked_pairs(x1, x2, x1.ndim - 1)
        return Recipe("nn.PairwiseDistance", **self.changed())


def checked_pairs(x1: Value, x2: Value, along: int) -> None:
    """Raise Mistake where vectors along an axis differ in length, or do not stand in pairs.

    PyTorch would stretch a tensor of fewer axes, and a vector of one number, without a word.
    """
    words = f"x1 is {list(x1.shape)} and x2 is {list(x2.shape)}"
    if x1.ndim != x2.ndim:
        raise Mistake(f"{words}; both must have as many axes.", param="x2")
    if x1[along] != x2[along]:
        raise Mistake(f"{words}; along axis {along}, where the vectors lie, both must have one size.", param="x2")
    if any(one != other and 1 not in (one, other) for one, other in zip(x1.shape, x2.shape, strict=True)):
        raise Mistake(f"{words}; sizes must be equal, or 1.", param="x2")
