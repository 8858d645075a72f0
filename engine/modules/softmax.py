"""Softmax over very many classes."""

from __future__ import annotations

from torch import Tensor, nn


class AdaptiveLogSoftmax(nn.AdaptiveLogSoftmaxWithLoss):
    """The log probabilities (N, n_classes) of an adaptive softmax on features (N, in_features).

    It has the weights of PyTorch's AdaptiveLogSoftmaxWithLoss (Grave et al. 2016), which gives the target's alone.
    """

    def forward(self, input: Tensor) -> Tensor:  # type: ignore[override]  # without a target
        return self.log_prob(input)
