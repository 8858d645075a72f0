"""What tests of the engine share."""

from __future__ import annotations

from typing import Annotated

import pytest

from engine.declare import INDEX, Op, Port, Recipe, Value, param
from engine.ops import OPS

Indices = Annotated[Value, Port(INDEX, "...")]


@pytest.fixture
def sparse_embedding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give Embedding the param `sparse`, where it has none."""
    if "sparse" in OPS["Embedding"].params():
        return
    monkeypatch.setitem(OPS, "Embedding", OPS["Embedding"])  # back in its place afterwards

    class Embedding(Op, group="Linear"):
        """Looks up a learned vector for each index."""

        num_embeddings: int = param(3, "Number of vectors.")
        embedding_dim: int = param(4, "Length of each.")
        sparse: bool = param(False, "Whether gradients are sparse.")

        def build(self, input: Indices) -> Recipe:
            return Recipe("nn.Embedding", self.num_embeddings, self.embedding_dim, sparse=self.sparse)
