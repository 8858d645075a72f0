"""Cases of the softmax in clusters."""

from __future__ import annotations

import torch
from torch import nn

from tests.engine.catalogue.case import Case

FEW = {"n_classes": 12, "cutoffs": [3, 6], "div_value": 2.0}
WORDS = {"input": "float32 5 8", "target": "int64:0..11 5"}

CASES = [
    Case("AdaptiveLogSoftmaxWithLoss", make=lambda: nn.AdaptiveLogSoftmaxWithLoss(64, 10_000, [100, 1000])),
    Case(
        "AdaptiveLogSoftmaxWithLoss",
        params={**FEW, "head_bias": True},
        inputs=WORDS,
        make=lambda: nn.AdaptiveLogSoftmaxWithLoss(8, 12, [3, 6], 2.0, head_bias=True),
    ),
    Case(
        "AdaptiveLogSoftmax",
        make=lambda: nn.AdaptiveLogSoftmaxWithLoss(64, 10_000, [100, 1000]),
        call=lambda module, input: module.log_prob(input),
    ),
    Case(
        "AdaptiveLogSoftmax",
        params=FEW,
        inputs={"input": "float32 5 8"},
        make=lambda: nn.AdaptiveLogSoftmaxWithLoss(8, 12, [3, 6], 2.0),
        call=lambda module, input: torch.stack([module(input, torch.full((5,), word)).output for word in range(12)], 1),
        tolerance=1e-5,
        name="loss",
    ),
]
