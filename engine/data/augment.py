"""Random choices of steps, drawn from (seed, epoch, sample) alone."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Keys:
    """What the random choices for a batch are drawn from: the run's seed, the epoch, and the number of each sample."""

    seed: int
    epoch: int
    samples: Tensor
