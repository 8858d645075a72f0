"""Cases of parts taken and ends added: indexing by hand."""

from __future__ import annotations

import torch

from tests.engine.catalogue.case import Case

CASES = [
    Case("Select", call=lambda input: input[:, -1]),
    Case("Select", call=lambda input: input[..., 2], params={"dim": -1, "index": 2}),
    Case("Narrow", call=lambda input: input[:, :1]),
    Case("Narrow", call=lambda input: input[..., 1:4], params={"dim": -1, "start": -3, "length": 3}),
    Case("Slice", call=lambda input: input),
    Case("Slice", call=lambda input: input[:, 1:-1:2], params={"start": 1, "stop": -1, "step": 2}),
    Case("Slice", call=lambda input: input[..., -3:4], params={"dim": 2, "start": -3, "stop": 4}),
    Case("Slice", call=lambda input: input[:1], params={"dim": 0, "stop": 1}),
    Case("Chunk", call=lambda input: (input[:, :3], input[:, 3:])),
    Case("Chunk", call=lambda input: (input[:, :2], input[:, 2:4], input[:, 4:]), params={"chunks": 3}),
    Case("Chunk", call=lambda input: (input[:1], input[1:]), params={"dim": 0}),
    Case("Split", call=lambda input: (input[:, :1], input[:, 1:])),
    Case("Split", call=lambda input: (input[:, :2], input[:, 2:3], input[:, 3:]), params={"split_sizes": [2, 1, 3]}),
    Case("Split", call=lambda input: [input], params={"split_sizes": [6]}),
    Case(
        "Split",
        call=lambda input: [each[:, None] for each in input.T],
        params={"split_sizes": [1] * 8},
        inputs={"input": "float32 2 8"},
        name="8 pieces",
    ),
    Case("Pad", call=lambda input: torch.cat((torch.zeros(2, 3, 1), input, torch.zeros(2, 3, 1)), -1)),
    Case(
        "Pad",
        call=lambda input: torch.cat((input, torch.full((2, 2, 4), 7.0)), 1),
        params={"pad": [0, 0, 0, 2], "value": 7},
    ),
    Case(
        "Pad",
        call=lambda input: torch.cat((input, torch.full((2, 1), 7)), 1),
        params={"pad": [0, 1], "value": 7},
        inputs={"input": "int64 2 3"},
    ),
    Case("Pad", call=lambda input: input[..., [2, 1, 0, 1, 2, 3, 2]], params={"pad": [2, 1], "mode": "reflect"}),
    Case("Pad", call=lambda input: input[..., [0, 0, 0, 1, 2, 3, 3]], params={"pad": [2, 1], "mode": "replicate"}),
    Case("Pad", call=lambda input: input[..., [2, 3, 0, 1, 2, 3, 0]], params={"pad": [2, 1], "mode": "circular"}),
    Case(
        "Pad",
        call=lambda input: input[..., [1, 0, 1, 2, 1], :][..., [1, 0, 1, 2, 3, 2]],
        params={"pad": [1, 1, 1, 1], "mode": "reflect"},
        name="two axes",
    ),
]
