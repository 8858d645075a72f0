"""Modules and functions that PyTorch lacks. They need torch alone: exports copy their source."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def causal_mask(query: Tensor, key: Tensor, axis: int = 1) -> Tensor:
    """Hide from each step of `query` all later steps of `key`: a mask (T, S), true where hidden.

    `axis` is that of the steps: 1 in (N, T, E), 0 in (T, N, E).
    """
    return torch.ones(query.shape[axis], key.shape[axis], dtype=torch.bool, device=query.device).triu(1)


def causal_bias(query: Tensor, key: Tensor, axis: int = 1) -> Tensor:
    """Do the same as `causal_mask` by a mask that is added to the scores: minus infinity where hidden, else 0."""
    hidden = causal_mask(query, key, axis)
    return torch.zeros(hidden.shape, dtype=query.dtype, device=query.device).masked_fill(hidden, float("-inf"))


class AdaptiveLogSoftmax(nn.AdaptiveLogSoftmaxWithLoss):
    """The log probabilities (N, n_classes) of an adaptive softmax on features (N, in_features).

    It has the weights of PyTorch's AdaptiveLogSoftmaxWithLoss (Grave et al. 2016), which gives the target's alone.
    """

    def forward(self, input: Tensor) -> Tensor:  # type: ignore[override]  # without a target
        return self.log_prob(input)
