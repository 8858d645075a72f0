"""Random numbers drawn from (seed, epoch, sample) and nothing else, whatever the batch, the order or the device.

Each is a hash of what it is drawn for: splitmix64 (Steele, Lea and Flood, 2014) of a counter, on whole tensors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

GOLDEN = 0x9E3779B97F4A7C15
FIRST, SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
BITS = 2**64 - 1
DRAW_BITS = 40  # beyond the numbers that samples have
FRACTION_BITS = 24  # of a float32


@dataclass(frozen=True, eq=False)
class Keys:
    """What the random choices of a batch are drawn from; `samples` are the places of its samples in the data, int64."""

    seed: int
    epoch: int
    samples: Tensor
    draws: Tensor | None = None  # how often each sample was drawn before in the epoch, where it may be again

    def __len__(self) -> int:
        return len(self.samples)

    def at(self, places: Tensor) -> Keys:
        """The keys of some of the samples."""
        return replace(self, samples=self.samples[places], draws=None if self.draws is None else self.draws[places])

    def to(self, device: torch.device) -> Keys:
        """The same keys on a device."""
        return replace(
            self, samples=self.samples.to(device), draws=None if self.draws is None else self.draws.to(device)
        )

    @property
    def numbers(self) -> Tensor:
        """A number for each sample and each time that it is drawn."""
        samples = self.samples.to(torch.int64)
        return samples if self.draws is None else samples + (self.draws << DRAW_BITS)


def drawn(keys: Keys, stream: int, count: int) -> Tensor:
    """Numbers uniform in [0, 1) for each sample: (samples, count), float32.

    `stream` tells draws of one purpose from those of another.
    """
    bits = _bits(keys, stream, count)
    return _shifted(bits, 64 - FRACTION_BITS).to(torch.float32) * 2.0**-FRACTION_BITS


def drawn_normal(keys: Keys, stream: int, count: int) -> Tensor:
    """Numbers of a normal distribution for each sample: (samples, count), float32; by Box and Muller's transform."""
    half = -(-count // 2)
    bits = _bits(keys, stream, half)
    mask = 2**FRACTION_BITS - 1
    first = (_shifted(bits, 64 - FRACTION_BITS).to(torch.float32) + 0.5) * 2.0**-FRACTION_BITS  # never 0
    second = (bits & mask).to(torch.float32) * (2 * math.pi * 2.0**-FRACTION_BITS)
    radius = first.log().mul_(-2).sqrt_()
    return torch.cat([radius * second.cos(), radius * second.sin()], 1)[:, :count]


def generator(keys: Keys, place: int, stream: int) -> np.random.Generator:
    """NumPy's generator for one sample of a batch and one purpose, for what is drawn sample by sample."""
    return np.random.default_rng([keys.seed % 2**64, keys.epoch, int(keys.numbers[place]), stream])


def _bits(keys: Keys, stream: int, count: int) -> Tensor:
    """64 random bits for each sample and each of `count` draws."""
    start = _mixed_int(keys.seed * GOLDEN + _mixed_int(keys.epoch + 1) + _mixed_int((stream << 32) + GOLDEN))
    each = _mixed(keys.numbers * _signed(GOLDEN) + _signed(start))
    counter = torch.arange(1, count + 1, device=each.device) * _signed(GOLDEN)
    return _mixed(each[:, None] + counter)


def _mixed(bits: Tensor) -> Tensor:
    """The finishing hash of splitmix64; int64 overflows as it should."""
    bits = (bits ^ _shifted(bits, 30)) * _signed(FIRST)
    bits = (bits ^ _shifted(bits, 27)) * _signed(SECOND)
    return bits ^ _shifted(bits, 31)


def _shifted(bits: Tensor, by: int) -> Tensor:
    """Shift right, zeros coming in: torch's own shift repeats the sign."""
    found: Tensor = (bits >> by) & (2 ** (64 - by) - 1)
    return found


def _mixed_int(bits: int) -> int:
    bits &= BITS
    bits = ((bits ^ (bits >> 30)) * FIRST) & BITS
    bits = ((bits ^ (bits >> 27)) * SECOND) & BITS
    return bits ^ (bits >> 31)


def _signed(bits: int) -> int:
    """The same 64 bits as a signed number, as int64 holds them."""
    bits &= BITS
    return bits - 2**64 if bits >= 2**63 else bits
