"""Weighted sums, products of matrices, and arithmetic on tensors."""

from __future__ import annotations

from typing import Annotated, ClassVar

from engine.declare import INDEX, NUMBER, Call, Mistake, Op, Port, Recipe, Value, param
from engine.ops.ports import F32, Anything, Floats


class Linear(Op, group="Linear"):
    """Weighs and sums all features: the fully connected layer."""

    synonyms = ("dense", "fully connected", "fc", "affine", "perceptron")
    key: ClassVar[tuple[str, ...]] = ("out_features",)
    example = {"input": "float32 2 16"}

    out_features: int = param(64, "Number of features that come out.", low=1, high=2**24)
    bias: bool = param(True, "Whether a learned number is added to each feature.", advanced=True)

    def build(self, input: Annotated[Value, Port(F32, "... F")]) -> Recipe:
        return Recipe("nn.Linear", input[-1], self.out_features, **({} if self.bias else {"bias": False}))


class Embedding(Op, group="Linear"):
    """Looks up a learned vector for each index."""

    synonyms = ("lookup", "word vectors", "category")
    key: ClassVar[tuple[str, ...]] = ("num_embeddings", "embedding_dim")
    example = {"input": "int64 2 7"}

    num_embeddings: int = param(1000, "Number of different indices: each must be below it.", low=1, high=2**31)
    embedding_dim: int = param(64, "Length of each vector.", low=1, high=2**20)
    padding_idx: int | None = param(None, "Index whose vector stays zero; empty for none.", low=0, advanced=True)

    def build(self, input: Annotated[Value, Port(INDEX, "...")]) -> Recipe:
        if self.padding_idx is not None and self.padding_idx >= self.num_embeddings:
            raise Mistake(
                f"padding_idx is {self.padding_idx}; it must be less than num_embeddings ({self.num_embeddings}).",
                param="padding_idx",
            )
        extra = {} if self.padding_idx is None else {"padding_idx": self.padding_idx}
        return Recipe("nn.Embedding", self.num_embeddings, self.embedding_dim, **extra)


class Add(Op, group="Math"):
    """Adds two tensors number by number; sizes of 1 are stretched to fit."""

    synonyms = ("plus", "sum", "residual", "skip", "torch.add")
    example = {"input": "float32 2 3", "other": "float32 2 3"}

    def build(self, input: Anything, other: Anything) -> Call:
        return Call("torch.add", input, other)


class Multiply(Op, group="Math"):
    """Multiplies two tensors number by number; sizes of 1 are stretched to fit."""

    synonyms = ("times", "product", "gate", "scale", "torch.mul")
    example = {"input": "float32 2 3", "other": "float32 2 3"}

    def build(self, input: Anything, other: Anything) -> Call:
        return Call("torch.mul", input, other)


class Subtract(Op, group="Math"):
    """Subtracts the second tensor from the first, number by number; sizes of 1 are stretched to fit."""

    synonyms = ("minus", "difference", "torch.sub")
    example = {"input": "float32 2 3", "other": "float32 2 3"}

    def build(self, input: Annotated[Value, Port(NUMBER)], other: Annotated[Value, Port(NUMBER)]) -> Call:
        return Call("torch.sub", input, other)


class MatMul(Op, group="Math"):
    """Multiplies two matrices, or two batches of matrices."""

    synonyms = ("matrix product", "dot", "bmm", "torch.matmul")
    example = {"input": "float32 2 3 4", "other": "float32 2 4 5"}

    def build(self, input: Annotated[Value, Port(NUMBER)], other: Annotated[Value, Port(NUMBER)]) -> Call:
        if input.dtype != other.dtype:
            raise Mistake(f"input is {input.dtype} and other is {other.dtype}; MatMul needs both of one type.")
        return Call("torch.matmul", input, other)


class Mean(Op, group="Math"):
    """Averages over one axis or several."""

    synonyms = ("average", "reduce", "global average", "torch.mean")
    key: ClassVar[tuple[str, ...]] = ("dim",)
    example = {"input": "float32 2 3 4"}

    dim: int = param(-1, "Axis to average over; negative counts from the last.", low=-16, high=15)
    keepdim: bool = param(False, "Whether the axis stays, with size 1.", advanced=True)

    def build(self, input: Floats) -> Call:
        if not -input.ndim <= self.dim < input.ndim:
            raise Mistake(f"dim is {self.dim}, but input has {input.ndim} axes.", param="dim")
        return Call("torch.mean", input, dim=self.dim, **({"keepdim": True} if self.keepdim else {}))
