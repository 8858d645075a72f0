"""Cases of attention as a function and of masks: softmax by its formula, masks number by number."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from tests.engine.catalogue.case import Case

INFINITY = float("inf")


def attended(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | float = 0.0, scale: float | None = None
) -> Tensor:
    """Attention by its formula; `attn_mask` is added to the scores."""
    scores = query @ key.transpose(-2, -1) * (scale or 1 / math.sqrt(query.shape[-1]))
    return torch.softmax(scores + attn_mask, -1) @ value


def blocked(size: int, window: int | None = None) -> Tensor:
    return torch.tensor([[j > i or (window is not None and i - j >= window) for j in range(size)] for i in range(size)])


def added(mask: Tensor) -> Tensor:
    return torch.where(mask, -INFINITY, 0.0)


def dropped(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attention with half its weights dropped, drawn from the same seed."""
    shares = torch.softmax(query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1]), -1)
    return torch.dropout(shares, 0.5, True) @ value


SAME: Any = {"key": "float32 2 4 7 8", "value": "float32 2 4 7 6"}

CASES = [
    Case("ScaledDotProductAttention", call=attended, tolerance=1e-5),
    Case(
        "ScaledDotProductAttention",
        call=lambda query, key, value: attended(query, key, value, added(blocked(7)), 0.5),
        params={"is_causal": True, "scale": 0.5},
        inputs=SAME,
        tolerance=1e-5,
    ),
    Case(
        "ScaledDotProductAttention",
        call=lambda query, key, value, attn_mask: attended(query, key, value, added(~attn_mask)),
        inputs={"attn_mask": "bool 2 1 7 5"},
        tolerance=1e-5,
        name="mask",
    ),
    Case(
        "ScaledDotProductAttention",
        call=attended,
        inputs={"attn_mask": "float32 7 5"},
        tolerance=1e-5,
        name="bias",
    ),
    Case(
        "ScaledDotProductAttention",
        call=lambda query, key, value: attended(query, key[:, [0, 0, 1, 1]], value[:, [0, 0, 1, 1]]),
        params={"enable_gqa": True},
        inputs={"key": "float32 2 2 5 8", "value": "float32 2 2 5 8"},
        tolerance=1e-5,
    ),
    Case("ScaledDotProductAttention", call=dropped, params={"dropout_p": 0.5}, tolerance=1e-5),
    Case("CausalMask", call=lambda input: blocked(5), differentiable=False),
    Case("CausalMask", call=lambda input: ~blocked(5), params={"form": "allowed"}, differentiable=False),
    Case("CausalMask", call=lambda input: added(blocked(8)), params={"form": "added", "dim": -1}, differentiable=False),
    Case("CausalMask", call=lambda input: blocked(5, 2), params={"window": 2}, differentiable=False),
    Case(
        "PaddingMask",
        call=lambda lengths, input: torch.tensor([[t >= n for t in range(5)] for n in lengths]),
        differentiable=False,
    ),
    Case(
        "PaddingMask",
        call=lambda lengths, input: torch.tensor([[t < n for t in range(8)] for n in lengths]),
        params={"dim": 2, "form": "allowed"},
        differentiable=False,
    ),
    Case("TokenMask", call=lambda tokens: tokens == 0),
    Case(
        "TokenMask",
        call=lambda tokens: torch.where(tokens == 3, -INFINITY, 0.0),
        params={"padding_idx": 3, "form": "added"},
    ),
]
