"""What metrics compute for one batch: a tensor (sum, count), added up on the device and read now and then."""

from __future__ import annotations

import torch
from torch import Tensor


def correct_class(input: Tensor, target: Tensor, ignore_index: int) -> Tensor:
    """Count right classes: scores N C ..., class indices N ...; (right, counted)."""
    right = (input.argmax(1) == target).sum()
    return torch.stack((right, (target != ignore_index).sum()))


def correct_answer(input: Tensor, target: Tensor, threshold: float) -> Tensor:
    """Count right yes-or-no answers: scores and targets of one shape; (right, counted)."""
    right = ((input >= threshold) == (target >= 0.5)).sum()
    return torch.stack((right, torch.full_like(right, target.numel())))


def absolute_error(input: Tensor, target: Tensor) -> Tensor:
    """Add up |input - target|; (sum, counted)."""
    error = (input - target).abs().sum()
    return torch.stack((error, torch.full_like(error, target.numel())))


def squared_error(input: Tensor, target: Tensor) -> Tensor:
    """Add up (input - target)**2; (sum, counted)."""
    error = (input - target).square().sum()
    return torch.stack((error, torch.full_like(error, target.numel())))
