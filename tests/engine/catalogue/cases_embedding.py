"""Cases of the lookups."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tests.engine.catalogue.case import Case

WORDS = {"input": "int64:0..9 2 7"}
STARTS = {"input": "int64:0..9 7", "offsets": "int64:0..0 3"}  # two empty bags, and one of all seven


def weighted(module: Any, input: Tensor, per_sample_weights: Tensor) -> Tensor:
    """A weighted bag by its formula: the sum of each vector times its weight."""
    return torch.einsum("nl,nld->nd", per_sample_weights, module.weight[input])


CASES = [
    Case("Embedding", make=lambda: nn.Embedding(1000, 64)),
    Case(
        "Embedding",
        params={"num_embeddings": 10, "embedding_dim": 3, "padding_idx": 4},
        inputs=WORDS,
        make=lambda: nn.Embedding(10, 3, padding_idx=4),
    ),
    Case(
        "Embedding",
        params={"num_embeddings": 10, "embedding_dim": 3, "max_norm": 0.5, "norm_type": 1.0},
        inputs=WORDS,
        make=lambda: nn.Embedding(10, 3, max_norm=0.5, norm_type=1.0),
    ),
    Case(
        "Embedding",
        params={"num_embeddings": 10, "sparse": True},
        inputs={"input": "int64:0..9 5"},
        make=lambda: nn.Embedding(10, 64, sparse=True),
    ),
    Case(
        "Embedding",
        params={"num_embeddings": 10, "scale_grad_by_freq": True},
        inputs={"input": "int64:0..9 5"},
        make=lambda: nn.Embedding(10, 64, scale_grad_by_freq=True),
    ),
    Case("EmbeddingBag", make=lambda: nn.EmbeddingBag(1000, 64)),
    Case(
        "EmbeddingBag",
        params={"num_embeddings": 10, "embedding_dim": 3, "mode": "max", "padding_idx": 4},
        inputs=WORDS,
        make=lambda: nn.EmbeddingBag(10, 3, mode="max", padding_idx=4),
    ),
    Case(
        "EmbeddingBag",
        params={"num_embeddings": 10, "embedding_dim": 3, "max_norm": 1.0, "sparse": True},
        inputs=STARTS,
        make=lambda: nn.EmbeddingBag(10, 3, max_norm=1.0, sparse=True),
        name="offsets",
    ),
    Case(
        "EmbeddingBag",
        params={"num_embeddings": 10, "embedding_dim": 3, "include_last_offset": True, "mode": "sum"},
        inputs={**STARTS, "offsets": "int32:0..0 4", "input": "int32:0..9 7"},
        make=lambda: nn.EmbeddingBag(10, 3, mode="sum", include_last_offset=True),
        name="last",
    ),
    Case(
        "EmbeddingBag",
        params={"num_embeddings": 10, "embedding_dim": 3, "mode": "sum"},
        inputs={**WORDS, "per_sample_weights": "float32 2 7"},
        make=lambda: nn.EmbeddingBag(10, 3, mode="sum"),
        call=weighted,
        tolerance=1e-6,
        name="formula",
    ),
    Case(
        "EmbeddingBag",
        params={"num_embeddings": 10, "embedding_dim": 3, "mode": "sum"},
        inputs={**STARTS, "per_sample_weights": "float32 7"},
        make=lambda: nn.EmbeddingBag(10, 3, mode="sum"),
        name="weights",
    ),
]
