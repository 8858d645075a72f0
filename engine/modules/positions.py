"""Positions told to networks that do not know of order: waves, learned vectors, rotations, distances."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def sinusoids(places: Tensor, width: int, base: float) -> Tensor:
    """Give sines and cosines in turn, at wavelengths from 2 pi to 2 pi * base (Vaswani et al., 2017): ... E."""
    steps = torch.arange(0, width, 2, device=places.device, dtype=torch.float32)
    angles = places.to(torch.float32)[..., None] * torch.exp(steps * (-math.log(base) / width))
    return torch.stack((angles.sin(), angles.cos()), -1).flatten(-2)[..., :width]


def add_sinusoids(input: Tensor, base: float = 10000.0) -> Tensor:
    """Add each position's sines and cosines to N T E."""
    places = torch.arange(input.shape[1], device=input.device)
    return input + sinusoids(places, input.shape[2], base).to(input.dtype)


def sinusoidal_embedding(input: Tensor, embedding_dim: int, base: float = 10000.0) -> Tensor:
    """Turn each number, such as a time step, into its sines and cosines: ... E."""
    return sinusoids(input, embedding_dim, base)


class LearnedPositions(nn.Module):
    """Adds a learned vector for each position to N T E; T is at most max_length."""

    def __init__(self, max_length: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(max_length, width))
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, input: Tensor) -> Tensor:
        length, most = input.shape[1], self.weight.shape[0]
        if length > most:
            raise ValueError(f"a sequence has {length} positions, but max_length is {most}; raise it and train again")
        return input + self.weight[:length]


def rotate_by_position(input: Tensor, base: float = 10000.0, interleaved: bool = False) -> Tensor:
    """Rotate pairs of features of ... T E by angles that grow with the position (Su et al., 2021).

    Pairs are neighbours where interleaved, else the feature at the same place of each half.
    """
    length, width = input.shape[-2:]
    steps = torch.arange(0, width, 2, device=input.device, dtype=torch.float32)
    speeds = torch.exp(steps * (-math.log(base) / width))
    angles = torch.arange(length, device=input.device, dtype=torch.float32)[:, None] * speeds
    cos, sin = angles.cos().to(input.dtype), angles.sin().to(input.dtype)
    if interleaved:
        first, second = input[..., 0::2], input[..., 1::2]
        return torch.stack((first * cos - second * sin, second * cos + first * sin), -1).flatten(-2)
    first, second = input.chunk(2, -1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), -1)


def alibi_slopes(num_heads: int) -> list[float]:
    """Give each head's slope: a geometric series, filled up from the next power of two (Press et al., 2022)."""
    whole = 2 ** math.floor(math.log2(num_heads))
    slopes = [2 ** (-8 * place / whole) for place in range(1, whole + 1)]
    return slopes + [2 ** (-4 * place / whole) for place in range(1, 2 * (num_heads - whole), 2)]


def alibi_bias(input: Tensor, num_heads: int, dim: int = 1) -> Tensor:
    """Give what attention scores lose with distance, for the length of an axis of input: heads x T x T."""
    places = torch.arange(input.shape[dim], device=input.device, dtype=torch.float32)
    slopes = torch.tensor(alibi_slopes(num_heads), device=input.device)
    return -(places[:, None] - places).abs() * slopes[:, None, None]
