"""Cases of functions of each number: signs, powers, logarithms, rounding, angles."""

from __future__ import annotations

import torch

from tests.engine.catalogue.case import Case

COMPLEX = {"input": "complex64 2 3"}

CASES = [
    Case("Negative", call=lambda input: -input),
    Case("Abs", call=lambda input: input.abs()),
    Case("Abs", call=lambda input: (input.real**2 + input.imag**2).sqrt(), inputs=COMPLEX, tolerance=1e-6),
    Case("Sign", call=torch.sign),
    Case("Sign", call=lambda input: input / input.abs(), inputs=COMPLEX, tolerance=1e-6, name="complex"),
    Case("Reciprocal", call=lambda input: 1 / input),
    Case("Sqrt", call=torch.sqrt),
    Case("Sqrt", call=torch.sqrt, inputs={"input": "float32 2 3"}, name="of negative numbers"),
    Case("Rsqrt", call=torch.rsqrt),
    Case("Square", call=lambda input: input * input),
    Case("Exp", call=torch.exp),
    Case("Expm1", call=torch.expm1),
    Case("Log", call=torch.log),
    Case("Log1p", call=torch.log1p),
    Case("Log2", call=torch.log2),
    Case("Log10", call=torch.log10),
    Case("Erf", call=torch.erf),
    Case("Erfc", call=torch.erfc),
    Case("Floor", call=torch.floor),
    Case("Ceil", call=torch.ceil),
    Case("Round", call=torch.round),
    Case("Round", call=lambda input: torch.round(input, decimals=2), params={"decimals": 2}),
    Case(
        "Round",
        call=lambda input: torch.round(input / 10) * 10,
        params={"decimals": -1},
        inputs={"input": "float32:0..99 5"},
    ),
    Case("Trunc", call=torch.trunc),
    Case("Frac", call=lambda input: input - input.trunc()),
    Case("Clamp", call=lambda input: input.clamp(0, 1)),
    Case("Clamp", call=lambda input: input.clamp(min=-0.5), params={"min": -0.5, "max": None}),
    Case("Clamp", call=lambda input: input.clamp(max=0.5), params={"min": None, "max": 0.5}),
    Case("Clamp", call=lambda input: input.clamp(2, 5), params={"min": 2, "max": 5}, inputs={"input": "int64:0..9 7"}),
    Case("NanToNum", call=torch.nan_to_num),
    Case(
        "NanToNum",
        call=lambda input: torch.nan_to_num(input, 1.0, 2.0, -3.0),
        params={"nan": 1, "posinf": 2, "neginf": -3},
    ),
    Case("Sin", call=torch.sin),
    Case("Cos", call=torch.cos),
    Case("Tan", call=torch.tan),
    Case("Asin", call=torch.asin),
    Case("Acos", call=torch.acos),
    Case("Atan", call=torch.atan),
    Case("Sinh", call=torch.sinh),
    Case("Cosh", call=torch.cosh),
    Case("Asinh", call=torch.asinh),
    Case("Acosh", call=torch.acosh),
    Case("Atanh", call=torch.atanh),
]
