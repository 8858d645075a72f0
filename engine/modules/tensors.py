"""Tensors that are made, cut and drawn."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Fixed(nn.Module):
    """Gives a tensor that is not trained; with `like`, once for each sample of its batch: N x sizes."""

    value: Tensor

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.register_buffer("value", value, persistent=False)

    def forward(self, like: Tensor | None = None) -> Tensor:
        return self.value if like is None else self.value.expand(like.shape[0], *self.value.shape)


class LearnedTensor(nn.Module):
    """Gives a learned tensor; with `like`, once for each sample of its batch: N x sizes."""

    def __init__(self, shape: tuple[int, ...], mean: float = 0.0, std: float = 0.02) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.empty(shape))
        nn.init.normal_(self.value, mean, std)

    def forward(self, like: Tensor | None = None) -> Tensor:
        return self.value if like is None else self.value.expand(like.shape[0], *self.value.shape)


class Reparameterize(nn.Module):
    """Draws from the normal distributions of given means and log variances (Kingma and Welling, 2014).

    While predicting, the mean comes out unless `sample_in_eval`.
    """

    def __init__(self, sample_in_eval: bool = False) -> None:
        super().__init__()
        self.sample_in_eval = sample_in_eval

    def forward(self, mean: Tensor, log_variance: Tensor) -> Tensor:
        if not (self.training or self.sample_in_eval):
            return mean
        return mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)


class Bucketize(nn.Module):
    """Gives the number of boundaries that each number lies above, as int64."""

    boundaries: Tensor

    def __init__(self, boundaries: tuple[float, ...], right: bool = False) -> None:
        super().__init__()
        self.register_buffer("boundaries", torch.tensor(boundaries), persistent=False)
        self.right = right

    def forward(self, input: Tensor) -> Tensor:
        return torch.bucketize(input, self.boundaries, right=self.right)


def sliced(input: Tensor, dim: int, start: int, stop: int | None, step: int) -> Tensor:
    """Give the positions start:stop:step along an axis, which must reach as far."""
    size = input.shape[dim]
    if max(abs(start), abs(stop or 0)) > size:
        raise IndexError(f"the positions {start}:{stop} are asked for along axis {dim}, which has only {size}")
    before = (slice(None),) * (dim % input.ndim)
    return input[(*before, slice(start, stop, step))]


def positions(input: Tensor, dim: int) -> Tensor:
    """Count the positions along an axis: 0 to T-1, as int64."""
    return torch.arange(input.shape[dim], device=input.device)


def size_of(input: Tensor, dim: int) -> Tensor:
    """Give the size of an axis as one int64 number."""
    return torch.full((), input.shape[dim], dtype=torch.int64, device=input.device)


def noise_shape(input: Tensor, shape: tuple[int, ...] | None) -> tuple[int, ...]:
    """Give the batch of input and the sizes behind it, or all its sizes where there are none."""
    return tuple(input.shape) if shape is None else (input.shape[0], *shape)


def noise_dtype(input: Tensor) -> torch.dtype:
    """Give the type of input, or float32 where it holds no real numbers."""
    return input.dtype if input.is_floating_point() else torch.float32


def random_normal(input: Tensor, mean: float = 0.0, std: float = 1.0, shape: tuple[int, ...] | None = None) -> Tensor:
    """Draw from a normal distribution for the batch of input."""
    noise = torch.randn(noise_shape(input, shape), dtype=noise_dtype(input), device=input.device)
    return noise * std + mean


def random_uniform(input: Tensor, low: float = 0.0, high: float = 1.0, shape: tuple[int, ...] | None = None) -> Tensor:
    """Draw numbers from low up to high for the batch of input."""
    noise = torch.rand(noise_shape(input, shape), dtype=noise_dtype(input), device=input.device)
    return noise * (high - low) + low


def random_bernoulli(input: Tensor, p: float = 0.5, shape: tuple[int, ...] | None = None) -> Tensor:
    """Draw ones with the probability p, else zeros, for the batch of input."""
    odds = torch.full(noise_shape(input, shape), p, dtype=noise_dtype(input), device=input.device)
    return torch.bernoulli(odds)


def random_integer(input: Tensor, low: int, high: int, shape: tuple[int, ...] | None = None) -> Tensor:
    """Draw whole numbers from low to high - 1 for the batch of input, as int64."""
    return torch.randint(low, high, noise_shape(input, shape), device=input.device)
