"""Cases of ops on axes: the tensor's own methods, or pieces put together by hand."""

from __future__ import annotations

import torch

from tests.engine.catalogue.case import Case

WHOLE = {"input": "int64:0..99 2 3 4"}

CASES = [
    Case("Reshape", call=lambda input: input.reshape(-1, 1)),
    Case("Reshape", call=lambda input: input.reshape(2, 4, 3), params={"shape": [2, 4, 3]}, inputs=WHOLE),
    Case("Reshape", call=lambda input: input.flatten()[:, None, None], params={"shape": [24, 1, -1]}),
    Case("Permute", call=lambda input: input.permute(0, 2, 1)),
    Case("Permute", call=lambda input: input.permute(2, 0, 1), params={"dims": [-1, 0, 1]}),
    Case("Transpose", call=lambda input: input.permute(0, 2, 1)),
    Case("Transpose", call=lambda input: input.permute(1, 0, 2), params={"dim0": 0, "dim1": 1}),
    Case("MoveDim", call=lambda input: input.permute(0, 2, 1)),
    Case("MoveDim", call=lambda input: input.permute(2, 0, 1), params={"source": -1, "destination": 0}),
    Case("Squeeze", call=lambda input: input[:, 0]),
    Case("Squeeze", call=lambda input: input[..., 0], params={"dim": -1}, inputs={"input": "int32 2 3 1"}),
    Case("Unsqueeze", call=lambda input: input[:, None]),
    Case("Unsqueeze", call=lambda input: input[..., None], params={"dim": -1}),
    Case("Unsqueeze", call=lambda input: input[None], params={"dim": 0}),
    Case("Flip", call=lambda input: input[..., [3, 2, 1, 0]]),
    Case("Flip", call=lambda input: input[:, [2, 1, 0]][..., [3, 2, 1, 0]], params={"dims": [1, 2]}),
    Case("Flip", call=lambda input: input.flatten().flip(0).reshape(2, 3, 4), params={"dims": None}),
    Case("Roll", call=lambda input: torch.cat((input[..., -1:], input[..., :-1]), -1)),
    Case("Roll", call=lambda input: torch.cat((input[:, 2:], input[:, :2]), 1), params={"shifts": -2, "dims": 1}),
    Case("Expand", call=lambda input: torch.cat([input] * 3, 1)),
    Case("Expand", call=lambda input: input.expand(5, 2, 1, 4), params={"sizes": [5, -1, -1, -1]}),
    Case("ExpandAs", call=lambda input, other: input + 0 * other),
    Case(
        "ExpandAs", call=lambda input, other: torch.stack([input, input]), inputs={"input": "float32 3 4"}, name="rank"
    ),
    Case("Repeat", call=lambda input: torch.cat((input, input), 1)),
    Case("Repeat", call=lambda input: torch.stack([input, input, input]), params={"repeats": [3, 1, 1]}),
    Case("RepeatInterleave", call=lambda input: input[:, [0, 0, 1, 1, 2, 2]]),
    Case("RepeatInterleave", call=lambda input: input[[0, 0, 0, 1, 1, 1]], params={"repeats": 3, "dim": 0}),
    Case("Concat", call=torch.hstack),
    Case(
        "Concat",
        call=torch.vstack,
        params={"dim": -2},
        inputs={"tensors": ["float32 1 3", "float32 4 3", "float32 2 3"]},
    ),
    Case("Stack", call=lambda tensors: torch.cat([each[:, None] for each in tensors], 1)),
    Case(
        "Stack",
        call=lambda tensors: torch.cat([each[..., None] for each in tensors], -1),
        params={"dim": -1},
        inputs={"tensors": ["int64 2 3", "int64 2 3", "int64 2 3"]},
    ),
    Case(
        "Stack",
        call=lambda tensors: torch.cat([each[None] for each in tensors]),
        params={"dim": 0},
        inputs={"tensors": ["float32", "float32"]},
        name="single numbers",
    ),
]
