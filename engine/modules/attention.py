"""Attention without weights of its own, and the masks that guide it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ScaledDotProductAttention(nn.Module):
    """Attention of queries ... T E to keys ... S E and values ... S V; weights are dropped only while training."""

    def __init__(
        self, dropout_p: float = 0.0, is_causal: bool = False, scale: float | None = None, enable_gqa: bool = False
    ) -> None:
        super().__init__()
        self.dropout_p, self.is_causal, self.scale, self.enable_gqa = dropout_p, is_causal, scale, enable_gqa

    def forward(self, query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None) -> Tensor:
        return nn.functional.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask,
            dropout_p=self.dropout_p if self.training else 0.0,
            is_causal=self.is_causal,
            scale=self.scale,
            enable_gqa=self.enable_gqa,
        )


def mask_in_form(allowed: Tensor, form: str) -> Tensor:
    """Write a mask: true where attention is "allowed", true where it is "blocked", or 0 and -inf to be "added"."""
    if form == "allowed":
        return allowed
    if form == "blocked":
        return ~allowed
    return torch.zeros(allowed.shape, device=allowed.device).masked_fill(~allowed, float("-inf"))


def causal_mask(input: Tensor, dim: int, form: str, window: int | None = None) -> Tensor:
    """Let each position look at itself and those before it, at most `window` of them: T x T."""
    places = torch.arange(input.shape[dim], device=input.device)
    distance = places[:, None] - places
    allowed = distance >= 0
    return mask_in_form(allowed if window is None else allowed & (distance < window), form)


def padding_mask(lengths: Tensor, input: Tensor, dim: int, form: str) -> Tensor:
    """Let attention look at the first `lengths` positions of each sequence along an axis of input: N x T."""
    places = torch.arange(input.shape[dim], device=input.device)
    return mask_in_form(places < lengths[:, None], form)


def token_mask(tokens: Tensor, padding_idx: int, form: str) -> Tensor:
    """Let attention look at all tokens but padding: the shape of tokens."""
    return mask_in_form(tokens != padding_idx, form)
