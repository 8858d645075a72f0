"""Cases of Cast and StopGradient."""

from __future__ import annotations

import torch

from tests.engine.catalogue.case import Case

CASES = [
    Case("Cast", call=lambda input: input.float()),
    Case(
        "Cast",
        call=lambda input: input.long(),
        params={"dtype": "int64"},
        inputs={"input": "float32:-9..9 5"},
        differentiable=False,
    ),
    Case("Cast", call=lambda input: input != 0, params={"dtype": "bool"}, inputs={"input": "int64:0..3 5"}),
    Case(
        "Cast",
        call=lambda input: torch.complex(input, torch.zeros(5)),
        params={"dtype": "complex64"},
        inputs={"input": "float32 5"},
    ),
    Case("Cast", call=lambda input: input.half(), params={"dtype": "float16"}, inputs={"input": "float32 5"}),
    Case("StopGradient", call=lambda input: input, differentiable=False),
]
