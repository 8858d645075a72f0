"""Cases of the layers of no larger family: dense ones, those that change the form, and distances."""

from __future__ import annotations

import torch
from torch import nn

from tests.engine.catalogue.case import Case

PAIRS = {"x1": "float32 2 3 5", "x2": "float32 2 1 5"}

CASES = [
    Case("Linear", make=lambda: nn.Linear(16, 64)),
    Case("Linear", params={"out_features": 3, "bias": False}, inputs={"input": "float32 2 5 4 6"},
         make=lambda: nn.Linear(6, 3, bias=False)),
    Case("Bilinear", make=lambda: nn.Bilinear(5, 3, 64)),
    Case("Bilinear", params={"out_features": 4}, inputs={"input1": "float32 2 7 5", "input2": "float32 2 7 3"},
         make=lambda: nn.Bilinear(5, 3, 4),
         call=lambda module, input1, input2: torch.einsum("nti,oij,ntj->nto", input1, module.weight, input2)
         + module.bias, tolerance=1e-5, name="formula"),
    Case("Bilinear", params={"out_features": 4, "bias": False}, make=lambda: nn.Bilinear(5, 3, 4, bias=False)),
    Case("Identity", make=nn.Identity),
    Case("Identity", inputs={"input": "complex64"}, call=lambda input: input, name="one number"),
    Case("Flatten", make=nn.Flatten),
    Case("Flatten", params={"start_dim": 0, "end_dim": 2}, make=lambda: nn.Flatten(0, 2)),
    Case("Flatten", params={"start_dim": -2}, make=lambda: nn.Flatten(-2)),
    Case("Unflatten", make=lambda: nn.Unflatten(1, (1, -1))),
    Case("Unflatten", params={"dim": -1, "unflattened_size": [2, -1, 4]}, make=lambda: nn.Unflatten(-1, (2, -1, 4))),
    Case("CosineSimilarity", make=nn.CosineSimilarity),
    Case("CosineSimilarity", params={"dim": -1}, inputs=PAIRS,
         call=lambda x1, x2: (x1 * x2).sum(-1) / (x1.norm(dim=-1) * x2.norm(dim=-1)),
         tolerance=1e-6, name="formula"),
    Case("CosineSimilarity", params={"dim": 0, "eps": 4.0}, make=lambda: nn.CosineSimilarity(0, 4.0)),
    Case("PairwiseDistance", make=nn.PairwiseDistance),
    Case("PairwiseDistance", params={"p": 1.0, "eps": 0.0}, inputs=PAIRS,
         call=lambda x1, x2: (x1 - x2).abs().sum(-1), tolerance=1e-6, name="formula"),
    Case("PairwiseDistance", params={"p": 3.0, "eps": 0.1, "keepdim": True},
         make=lambda: nn.PairwiseDistance(3, 0.1, keepdim=True)),
]  # fmt: skip
