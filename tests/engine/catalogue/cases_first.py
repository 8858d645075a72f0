"""Cases of the first ops; each family's further ones stand in a file of its own."""

from __future__ import annotations

import torch
from torch import nn

from tests.engine.catalogue.case import Case

CASES = [
    Case("Add", call=lambda input, other: input + other),
    Case("Concat", call=lambda tensors: torch.cat(tensors, 1)),
]
