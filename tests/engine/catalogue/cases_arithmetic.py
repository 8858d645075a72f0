"""Cases of arithmetic: PyTorch's operators and functions called by hand."""

from __future__ import annotations

import torch

from tests.engine.catalogue.case import Case

ONE = {"other": None}
INTS = {"input": "int64:-5..9 2 3", "other": "int64:1..4 2 3"}
STRETCHED = {"input": "float32 2 1 3", "other": "float32 4 1"}

CASES = [
    Case("Add", call=lambda input, other: input + other),
    Case("Add", call=lambda input, other: input + other, inputs=STRETCHED, name="stretched"),
    Case("Add", call=lambda input: input + 2.5, params={"value": 2.5}, inputs=ONE),
    Case("Add", call=lambda input: input + 2, params={"value": 2}, inputs={"input": "int64 2 3", **ONE}, name="whole"),
    Case("Add", call=lambda input: input + 0.5, params={"value": 0.5}, inputs={"input": "uint8:0..255 3", **ONE}),
    Case("Subtract", call=lambda input, other: input - other),
    Case("Subtract", call=lambda input: input - 0.5, params={"value": 0.5}, inputs=ONE),
    Case("Multiply", call=lambda input, other: input * other),
    Case("Multiply", call=lambda input: input * -3, params={"value": -3}, inputs=ONE),
    Case("Divide", call=lambda input, other: input / other),
    Case("Divide", call=lambda input: input / 255, params={"value": 255}, inputs={"input": "uint8:0..255 3", **ONE}),
    Case(
        "Divide",
        call=lambda input, other: torch.div(input, other, rounding_mode="trunc"),
        params={"rounding_mode": "trunc"},
        inputs=INTS,
    ),
    Case(
        "Divide", call=lambda input: torch.floor(input / 2), params={"value": 2, "rounding_mode": "floor"}, inputs=ONE
    ),
    Case("FloorDivide", call=lambda input, other: input // other),
    Case("FloorDivide", call=lambda input, other: input // other, inputs=INTS, name="whole"),
    Case("FloorDivide", call=lambda input: input // 2, params={"value": 2}, inputs={**INTS, **ONE}),
    Case("Remainder", call=lambda input, other: input % other),
    Case("Remainder", call=lambda input: input % 3, params={"value": 3}, inputs={**INTS, **ONE}),
    Case("Power", call=lambda input, other: input**other, inputs={"input": "float32:0.1..4 2 3"}),
    Case("Power", call=lambda input: input**3, params={"value": 3}, inputs=ONE),
    Case("Power", call=lambda input: 1.0 / input, params={"value": -1}, inputs={"input": "int64:1..9 2 3", **ONE}),
    Case("Power", call=lambda input: input**2, params={"value": 2}, inputs={"input": "int64:1..9 2 3", **ONE}),
    Case("Minimum", call=lambda input, other: torch.where(input < other, input, other)),
    Case("Minimum", call=lambda input: torch.where(input < 0.25, input, 0.25), params={"value": 0.25}, inputs=ONE),
    Case("Maximum", call=lambda input, other: torch.where(input > other, input, other)),
    Case("Maximum", call=torch.relu, params={"value": 0}, inputs=ONE),
    Case("Affine", call=lambda input: input * 1.0 + 0.0),
    Case("Affine", call=lambda input: 2 * input - 0.5, params={"scale": 2, "shift": -0.5}),
    Case(
        "Affine",
        call=lambda input: input / 127.5 - 1,
        params={"scale": 1 / 127.5, "shift": -1},
        inputs={"input": "uint8:0..255 2 3"},
        tolerance=1e-6,
    ),
    Case("Affine", call=lambda input: 3 * input + 1, params={"scale": 3, "shift": 1}, inputs={"input": "int32:0..9 4"}),
    Case("Atan2", call=lambda input, other: torch.angle(torch.complex(other, input)), tolerance=1e-6),
    Case("Lerp", call=lambda input, end: (input + end) / 2, tolerance=1e-6),
    Case("Lerp", call=lambda input, end: 0.9 * input + 0.1 * end, params={"value": 0.1}, tolerance=1e-6),
    Case(
        "Lerp",
        call=lambda input, end, weight: input + weight * (end - input),
        inputs={"weight": "float32:0..1 2 1"},
        tolerance=1e-6,
        name="weight",
    ),
    Case("Addcmul", call=lambda input, tensor1, tensor2: input + tensor1 * tensor2, tolerance=1e-6),
    Case(
        "Addcmul",
        call=lambda input, tensor1, tensor2: input - 0.5 * tensor1 * tensor2,
        params={"value": -0.5},
        inputs={"tensor1": "float32 3", "tensor2": "float32 2 1"},
        tolerance=1e-6,
    ),
    Case(
        "Addcmul",
        call=lambda input, tensor1, tensor2: input + 2 * tensor1 * tensor2,
        params={"value": 2},
        inputs=dict.fromkeys(("input", "tensor1", "tensor2"), "int64:0..9 3"),
    ),
]
