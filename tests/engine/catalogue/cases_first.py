"""Cases of the first ops; each family's further ones stand in a file of its own."""

from __future__ import annotations

import torch
from torch import nn

from tests.engine.catalogue.case import Case

CASES = [
    Case("Conv2d", make=lambda: nn.Conv2d(3, 32, 3, padding="same")),
    Case("Linear", make=lambda: nn.Linear(16, 64)),
    Case("Add", call=lambda input, other: input + other),
    Case("Concat", call=lambda tensors: torch.cat(tensors, 1)),
    Case("LSTM", make=lambda: nn.LSTM(5, 64, batch_first=True)),
]
