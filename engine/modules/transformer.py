"""Masks of the Transformer's layers: true, or minus infinity, where a step must not look."""

from __future__ import annotations

import torch
from torch import Tensor


def hidden_steps(query: Tensor, key: Tensor, axis: int = 1) -> Tensor:
    """Hide from each step of `query` all later steps of `key`: a mask (T, S), true where hidden.

    `axis` is that of the steps: 1 in (N, T, E), 0 in (T, N, E).
    """
    return torch.ones(query.shape[axis], key.shape[axis], dtype=torch.bool, device=query.device).triu(1)


def hidden_bias(query: Tensor, key: Tensor, axis: int = 1) -> Tensor:
    """Do the same as `hidden_steps` by a mask that is added to the scores: minus infinity where hidden, else 0."""
    hidden = hidden_steps(query, key, axis)
    return torch.zeros(hidden.shape, dtype=query.dtype, device=query.device).masked_fill(hidden, float("-inf"))
