"""Cases of sums, extremes, statistics, running sums and sorting."""

from __future__ import annotations

import torch
from torch import Tensor

from tests.engine.catalogue.case import Case

TWO = {"dim": [1, -1], "keepdim": True}
ALL = {"dim": None}
ALL_KEPT = {"dim": None, "keepdim": True}
FIRST = {"dim": 0, "keepdim": True}


def unique(input: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    numbers = sorted(set(input.flatten().tolist()))
    places = torch.tensor([numbers.index(each) for each in input.flatten().tolist()]).reshape(input.shape)
    counts = [input.flatten().tolist().count(each) for each in numbers]
    return torch.tensor(numbers, dtype=input.dtype), places, torch.tensor(counts)


def spread(input: Tensor, dims: tuple[int, ...], correction: int) -> Tensor:
    mean = input.mean(dims, keepdim=True)
    count = input.numel() // mean.numel()
    return (input - mean).square().sum(dims) / (count - correction)


def running(input: Tensor, best: str) -> tuple[Tensor, Tensor]:
    """The best so far along the last axis, and the last place where it stood."""
    values, places = input.clone(), torch.zeros_like(input, dtype=torch.int64)
    for place in range(input.shape[-1]):
        part = input[..., : place + 1]
        values[..., place] = getattr(part, best)(-1)
        same = part == values[..., place, None]
        places[..., place] = place - same.flip(-1).to(torch.int8).argmax(-1)
    return values, places


CASES = [
    Case("Sum", call=lambda input: input.sum(-1)),
    Case("Sum", call=lambda input: input.sum((1, 2), keepdim=True), params=TWO),
    Case("Sum", call=lambda input: input.sum(), params=ALL),
    Case("Sum", call=lambda input: input.sum().reshape(1, 1, 1), params=ALL_KEPT),
    Case("Mean", call=lambda input: input.mean(-1)),
    Case("Mean", call=lambda input: input.sum((1, 2), keepdim=True) / 12, params=TWO, tolerance=1e-6),
    Case("Mean", call=lambda input: input.mean(), params=ALL),
    Case("Prod", call=lambda input: input.prod(-1)),
    Case("Prod", call=lambda input: input.prod(), params=ALL),
    Case("Prod", call=lambda input: input[:1] * input[1:], params=FIRST),
    Case("LogSumExp", call=lambda input: input.exp().sum(-1).log(), tolerance=1e-6),
    Case("LogSumExp", call=lambda input: input.exp().sum((1, 2), keepdim=True).log(), params=TWO, tolerance=1e-6),
    Case("LogSumExp", call=lambda input: input.exp().sum().log(), params=ALL, tolerance=1e-6),
    Case("Norm", call=lambda input: input.square().sum(-1).sqrt(), tolerance=1e-6),
    Case("Norm", call=lambda input: input.abs().sum((1, 2), keepdim=True), params={"ord": 1, **TWO}, tolerance=1e-6),
    Case("Norm", call=lambda input: input.abs().amax(-1), params={"ord": None}),
    Case("Norm", call=lambda input: (input**2).sum().sqrt(), params=ALL, tolerance=1e-6),
    Case("CountNonzero", call=lambda input: (input != 0).sum(-1), differentiable=False),
    Case("CountNonzero", call=lambda input: (input != 0).sum(), params=ALL, inputs={"input": "int64 2 3"}),
    Case("Max", call=lambda input: (input.amax(-1), input.argmax(-1))),
    Case("Max", call=lambda input: (input.amax(0, keepdim=True), input.argmax(0, keepdim=True)), params=FIRST),
    Case("Min", call=lambda input: (input.amin(-1), input.argmin(-1))),
    Case("Min", call=lambda input: (input.amin(0, keepdim=True), input.argmin(0, keepdim=True)), params=FIRST),
    Case("Amax", call=lambda input: input.max(-1).values),
    Case("Amax", call=lambda input: input.flatten(1).max(1).values[:, None, None], params=TWO),
    Case("Amax", call=lambda input: input.max(), params=ALL),
    Case("Amin", call=lambda input: input.min(-1).values),
    Case("Amin", call=lambda input: input.min(), params=ALL),
    Case("Argmax", call=lambda input: input.max(-1).indices, differentiable=False),
    Case("Argmax", call=lambda input: input.flatten().max(0).indices, params=ALL, differentiable=False),
    Case("Argmax", call=lambda input: input.max(0, keepdim=True).indices, params=FIRST, differentiable=False),
    Case("Argmin", call=lambda input: input.min(-1).indices, differentiable=False),
    Case("Argmin", call=lambda input: input.min(1).indices, params={"dim": 1}, differentiable=False),
    Case("Std", call=lambda input: spread(input, (2,), 1).sqrt(), tolerance=1e-6),
    Case(
        "Std",
        call=lambda input: spread(input, (0, 1), 0).sqrt(),
        params={"dim": [0, 1], "correction": 0},
        tolerance=1e-6,
    ),
    Case("Var", call=lambda input: spread(input, (2,), 1), tolerance=1e-6),
    Case("Var", call=lambda input: spread(input, (0, 1, 2), 0), params={"dim": None, "correction": 0}, tolerance=1e-6),
    Case("Median", call=lambda input: (input.sort(-1).values[..., 1], input.argsort(-1)[..., 1])),
    Case("Median", call=lambda input: (input.sort(1).values[:, 1], input.argsort(1)[:, 1]), params={"dim": 1}),
    Case("Quantile", call=lambda input: input.sort(-1).values[..., 1:3].mean(-1), tolerance=1e-6),
    Case(
        "Quantile",
        call=lambda input: input.flatten().sort().values[5],
        params={"q": 0.25, "dim": None, "interpolation": "lower"},
    ),
    Case("Quantile", call=lambda input: input.amax(1, keepdim=True), params={"q": 1, "dim": 1, "keepdim": True}),
    # running
    Case("CumSum", call=lambda input: input.cumsum(-1)),
    Case(
        "CumSum",
        call=lambda input: torch.stack([input[:, : end + 1].sum(1) for end in range(3)], 1),
        params={"dim": 1},
        tolerance=1e-6,
    ),
    Case("CumProd", call=lambda input: input.cumprod(-1)),
    Case("CumProd", call=lambda input: torch.cat([input[:1], input[:1] * input[1:]]), params={"dim": 0}),
    Case("CumMax", call=lambda input: running(input, "amax")),
    Case("CumMax", call=lambda input: running(input, "amax"), inputs={"input": "int64:0..3 2 9"}, name="equal numbers"),
    Case("CumMin", call=lambda input: running(input, "amin")),
    Case("LogCumSumExp", call=lambda input: input.exp().cumsum(-1).log(), tolerance=1e-6),
    # order
    Case("Sort", call=lambda input: (input.gather(-1, input.argsort(-1)), input.argsort(-1))),
    Case(
        "Sort",
        call=lambda input: torch.sort(input, stable=True, dim=1, descending=True),
        params={"dim": 1, "descending": True, "stable": True},
        inputs={"input": "int64:0..2 2 7"},
    ),
    Case("Argsort", call=lambda input: input.sort(-1).indices, differentiable=False),
    Case(
        "Argsort",
        call=lambda input: torch.sort(input, stable=True, dim=1, descending=True).indices,
        params={"dim": 1, "descending": True, "stable": True},
        inputs={"input": "int64:0..2 2 7"},
    ),
    Case("TopK", call=lambda input: (input.amax(-1, keepdim=True), input.argmax(-1, keepdim=True))),
    Case(
        "TopK",
        call=lambda input: (input.sort(1).values[:, :2], input.sort(1).indices[:, :2]),
        params={"k": 2, "dim": 1, "largest": False},
    ),
    Case("KthValue", call=lambda input: (input.amin(-1), input.argmin(-1))),
    Case(
        "KthValue",
        call=lambda input: (input.sort(1).values[:, 1:2], input.sort(1).indices[:, 1:2]),
        params={"k": 2, "dim": 1, "keepdim": True},
    ),
    Case("Unique", call=unique),
    Case("Unique", call=unique, inputs={"input": "float32 7"}, differentiable=False, name="floats"),
    Case(
        "Bincount", call=lambda input: torch.tensor([(input == place).sum() for place in range(int(input.max()) + 1)])
    ),
    Case(
        "Bincount",
        call=lambda input, weights: torch.stack([weights[input == place].sum() for place in range(6)]),
        params={"minlength": 6},
        inputs={"weights": "float64 7"},
        differentiable=False,
        tolerance=1e-12,
    ),
]
