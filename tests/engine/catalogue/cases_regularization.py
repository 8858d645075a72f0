"""Cases of dropout: the seed makes both draw alike."""

from __future__ import annotations

from torch import nn

from tests.engine.catalogue.case import Case

CASES = [
    Case("Dropout", make=lambda: nn.Dropout(0.5)),
    Case("Dropout", params={"p": 0.1}, make=lambda: nn.Dropout(0.1)),
    Case("Dropout", params={"p": 1.0}, call=lambda input: input * 0, name="all"),
    Case("Dropout1d", make=lambda: nn.Dropout1d(0.5)),
    Case("Dropout2d", make=lambda: nn.Dropout2d(0.5)),
    Case("Dropout3d", make=lambda: nn.Dropout3d(0.5)),
    Case("Dropout3d", params={"p": 0.0}, call=lambda input: input, name="none"),
    Case("AlphaDropout", make=lambda: nn.AlphaDropout(0.5)),
    Case("AlphaDropout", params={"p": 0.2}, make=lambda: nn.AlphaDropout(0.2)),
    Case("FeatureAlphaDropout", make=lambda: nn.FeatureAlphaDropout(0.5)),
    Case("FeatureAlphaDropout", params={"p": 0.3}, inputs={"input": "float32 2 3 4 4"},
         make=lambda: nn.FeatureAlphaDropout(0.3)),
]  # fmt: skip
