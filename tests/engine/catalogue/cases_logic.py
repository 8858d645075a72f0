"""Cases of comparisons, logic and choices by masks."""

from __future__ import annotations

import torch

from tests.engine.catalogue.case import Case

ONE = {"other": None}
FLOATS = {"input": "float32 2 3", **ONE}

CASES = [
    Case("Equal", call=lambda input, other: input == other),
    Case("Equal", call=lambda input: input == 1, params={"value": 1}, inputs=ONE),
    Case("NotEqual", call=lambda input, other: input != other),
    Case("NotEqual", call=lambda input: input != 1, params={"value": 1}, inputs=ONE),
    Case("Less", call=lambda input, other: input < other),
    Case("Less", call=lambda input: input < 0.5, params={"value": 0.5}, inputs=FLOATS, differentiable=False),
    Case("LessEqual", call=lambda input, other: input <= other),
    Case("LessEqual", call=lambda input: input <= 0.5, params={"value": 0.5}, inputs=FLOATS, differentiable=False),
    Case("Greater", call=lambda input, other: input > other),
    Case("Greater", call=lambda input: input > 0, params={"value": 0}, inputs=FLOATS, differentiable=False),
    Case("GreaterEqual", call=lambda input, other: input >= other),
    Case("GreaterEqual", call=lambda input: input >= 1, params={"value": 1}, inputs=ONE),
    Case("IsClose", call=lambda input, other: (input - other).abs() <= 1e-8 + 1e-5 * other.abs(), differentiable=False),
    Case(
        "IsClose",
        call=lambda input, other: (input - other).abs() <= 0.5 + 0.25 * other.abs(),
        params={"rtol": 0.25, "atol": 0.5, "equal_nan": True},
        differentiable=False,
    ),
    Case("LogicalAnd", call=lambda input, other: input & other),
    Case(
        "LogicalAnd",
        call=lambda input, other: (input != 0) & (other != 0),
        inputs={"input": "float32 2 3", "other": "int64 2 3"},
        differentiable=False,
        name="numbers",
    ),
    Case("LogicalOr", call=lambda input, other: input | other),
    Case("LogicalXor", call=lambda input, other: input ^ other),
    Case("LogicalNot", call=lambda input: ~input),
    Case("BitwiseAnd", call=lambda input, other: input & other),
    Case("BitwiseOr", call=lambda input, other: input | other),
    Case("BitwiseXor", call=lambda input, other: input ^ other),
    Case("BitwiseNot", call=lambda input: -input - 1),
    Case("IsNan", call=lambda input: input != input, differentiable=False),
    Case("IsInf", call=lambda input: input.abs() == float("inf"), differentiable=False),
    Case("IsFinite", call=lambda input: input.abs() < float("inf"), differentiable=False),
    Case("Where", call=lambda condition, input, other: condition * input + ~condition * other),
    Case(
        "Where",
        call=lambda condition, input: torch.where(condition, input, 7),
        params={"value": 7},
        inputs={"condition": "bool 2 1", "input": "int64 3", "other": None},
    ),
    Case("MaskedFill", call=lambda input, mask: torch.where(mask, float("-inf"), input)),
    Case(
        "MaskedFill",
        call=lambda input, mask: torch.where(mask, 9, input),
        params={"value": 9},
        inputs={"input": "int64 2 3", "mask": "bool 3"},
    ),
    Case("Any", call=lambda input: input.sum(-1) > 0),
    Case("Any", call=lambda input: input.sum() > 0, params={"dim": None}),
    Case("Any", call=lambda input: input.sum((0, 2), keepdim=True) > 0, params={"dim": [0, 2], "keepdim": True}),
    Case("All", call=lambda input: input.sum(-1) == input.shape[-1]),
    Case(
        "All",
        call=lambda input: (input != 0).sum(1) == 3,
        params={"dim": 1},
        inputs={"input": "float32 2 3 4"},
        differentiable=False,
    ),
]
