"""Weighted sums of features, and vectors looked up by index."""

from __future__ import annotations

from typing import Annotated, ClassVar

from engine.declare import INDEX, Mistake, Op, Port, Recipe, Value, param
from engine.ops.ports import F32


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
