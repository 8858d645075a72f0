"""Cases of positions: each number by its formula."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from tests.engine.catalogue.case import Case


def wave(place: float, feature: int, width: int, base: float = 10000.0) -> float:
    angle = place / base ** (2 * (feature // 2) / width)
    return math.cos(angle) if feature % 2 else math.sin(angle)


def waves(places: list[float], width: int, base: float = 10000.0) -> Tensor:
    return torch.tensor([[wave(place, feature, width, base) for feature in range(width)] for place in places])


def rotated(input: Tensor, pairs: list[tuple[int, int]], base: float = 10000.0) -> Tensor:
    """Turn each pair of features as complex numbers."""
    result = input.clone()
    places = torch.arange(input.shape[-2], dtype=torch.float64)
    for number, (one, other) in enumerate(pairs):
        turn = torch.polar(torch.ones_like(places), places / base ** (number / len(pairs)))
        pair = torch.complex(input[..., one].double(), input[..., other].double()) * turn
        result[..., one], result[..., other] = pair.real.float(), pair.imag.float()
    return result


def far(heads: list[float], size: int) -> Tensor:
    return torch.tensor([[[-slope * abs(i - j) for j in range(size)] for i in range(size)] for slope in heads])


class Table(nn.Module):
    """A table of positions, drawn by hand."""

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.empty(rows, columns).normal_(0, 0.02))

    def forward(self, input: Tensor) -> Tensor:
        return torch.stack([input[:, place] + self.table[place] for place in range(input.shape[1])], 1)


CASES = [
    Case("SinusoidalPositions", call=lambda input: input + waves([0, 1, 2, 3, 4], 8), tolerance=1e-6),
    Case(
        "SinusoidalPositions",
        call=lambda input: input + waves([0, 1, 2], 5, 50),
        params={"base": 50},
        inputs={"input": "float32 2 3 5"},
        tolerance=1e-6,
    ),
    Case("LearnedPositions", make=lambda: Table(512, 8)),
    Case("LearnedPositions", make=lambda: Table(5, 8), params={"max_length": 5}),
    Case("RotaryPositions", call=lambda input: rotated(input, [(0, 4), (1, 5), (2, 6), (3, 7)]), tolerance=1e-6),
    Case(
        "RotaryPositions",
        call=lambda input: rotated(input, [(0, 1), (2, 3), (4, 5)], 100),
        params={"interleaved": True, "base": 100},
        inputs={"input": "float32 2 9 6"},
        tolerance=1e-5,
    ),
    Case("AlibiBias", call=lambda input: far([2**-head for head in range(1, 9)], 5), differentiable=False),
    Case(
        "AlibiBias",
        call=lambda input: far([1 / 16, 1 / 256, 1 / 4], 8),
        params={"num_heads": 3, "dim": 2},
        differentiable=False,
    ),
    Case("SinusoidalEmbedding", call=lambda input: waves(input.tolist(), 64), tolerance=1e-5),
    Case(
        "SinusoidalEmbedding",
        call=lambda input: waves(input.tolist(), 7, 20),
        params={"embedding_dim": 7, "base": 20},
        inputs={"input": "float32:0..1 3"},
        tolerance=1e-6,
    ),
]
