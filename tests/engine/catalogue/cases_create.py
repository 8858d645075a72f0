"""Cases of tensors that are made: constants, learned numbers, noise drawn by hand from the same seed."""

from __future__ import annotations

import torch
from torch import nn

from tests.engine.catalogue.case import Case

ALONE = {"like": None}


class Drawn(nn.Module):
    """Numbers drawn by hand."""

    def __init__(self, *sizes: int, mean: float = 0.0, std: float = 0.02) -> None:
        super().__init__()
        self.numbers = nn.Parameter(torch.empty(sizes).normal_(mean, std))


CASES = [
    Case("Constant", call=lambda like: torch.zeros(2, 1), differentiable=False),
    Case(
        "Constant",
        call=lambda: torch.tensor([[3, 3]]),
        params={"value": 3, "shape": [1, 2], "dtype": "int64"},
        inputs=ALONE,
    ),
    Case("Constant", call=lambda: torch.tensor(True), params={"value": 1, "shape": [], "dtype": "bool"}, inputs=ALONE),
    Case("Range", call=lambda like: torch.stack([torch.arange(10)] * 2), differentiable=False),
    Case(
        "Range",
        call=lambda: torch.tensor([5.0, 3.0]),
        params={"start": 5, "end": 1, "step": -2, "dtype": "float32"},
        inputs=ALONE,
    ),
    Case("Linspace", call=lambda like: (torch.arange(11) / 10).expand(2, 11), tolerance=1e-6, differentiable=False),
    Case(
        "Linspace",
        call=lambda: torch.tensor([-1.0, 0.5, 2.0]),
        params={"start": -1, "end": 2, "steps": 3},
        inputs=ALONE,
    ),
    Case("Eye", call=lambda like: torch.diag(torch.ones(3)).expand(2, 3, 3), differentiable=False),
    Case("Eye", call=lambda: torch.tensor([[1.0, 0, 0], [0, 1, 0]]), params={"n": 2, "m": 3}, inputs=ALONE),
    Case("Parameter", make=lambda: Drawn(1), call=lambda module, like: module.numbers.expand(2, 1)),
    Case(
        "Parameter",
        make=lambda: Drawn(3, 4, mean=1, std=0.5),
        call=lambda module: module.numbers,
        params={"shape": [3, 4], "mean": 1, "std": 0.5},
        inputs=ALONE,
    ),
    Case("ZerosLike", call=lambda input: input * 0, differentiable=False, inputs={"input": "int64 2 3"}),
    Case("ZerosLike", call=lambda input: torch.zeros(2, 3), differentiable=False, name="floats"),
    Case("OnesLike", call=lambda input: torch.ones(2, 3), differentiable=False),
    Case("FullLike", call=lambda input: torch.ones(2, 3), differentiable=False),
    Case(
        "FullLike",
        call=lambda input: torch.tensor([4, 4, 4], dtype=torch.uint8),
        params={"value": 4},
        inputs={"input": "uint8 3"},
    ),
    Case("Positions", call=lambda input: torch.tensor([0, 1, 2, 3, 4]), differentiable=False),
    Case("Positions", call=lambda input: torch.tensor([0, 1, 2, 3]), params={"dim": -1}, differentiable=False),
    Case("Size", call=lambda input: torch.tensor(5), differentiable=False),
    Case("Size", call=lambda input: torch.tensor(2), params={"dim": 0}, differentiable=False),
    Case("RandomNormal", call=torch.randn_like, differentiable=False),
    Case(
        "RandomNormal",
        call=lambda input: 1 + 2 * torch.randn(2, 3, 4),
        params={"mean": 1, "std": 2, "shape": [3, 4]},
        inputs={"input": "int64 2"},
    ),
    Case("RandomUniform", call=torch.rand_like, differentiable=False),
    Case(
        "RandomUniform",
        call=lambda input: torch.rand(2) * 5 - 2,
        params={"low": -2, "high": 3, "shape": []},
        differentiable=False,
        tolerance=1e-6,
    ),
    Case("RandomBernoulli", call=lambda input: torch.bernoulli(torch.full_like(input, 0.5)), differentiable=False),
    Case("RandomBernoulli", call=lambda input: torch.ones(2, 4), params={"p": 1, "shape": [4]}, differentiable=False),
    Case("RandomInteger", call=lambda input: torch.randint(0, 10, (2, 5)), differentiable=False),
    Case(
        "RandomInteger",
        call=lambda input: torch.randint(-3, 1000, (2,)),
        params={"low": -3, "high": 1000, "shape": []},
        differentiable=False,
    ),
    Case(
        "Reparameterize",
        call=lambda mean, log_variance: mean + torch.randn(2, 4) * log_variance.exp().sqrt(),
        tolerance=1e-6,
    ),
]
