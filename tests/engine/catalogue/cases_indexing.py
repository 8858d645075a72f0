"""Cases of picking and putting by index or mask: loops over every number."""

from __future__ import annotations

import torch
from torch import Tensor

from tests.engine.catalogue.case import Case


def picked(input: Tensor, index: Tensor) -> Tensor:
    return torch.stack([torch.stack([row[i] for i in places]) for row, places in zip(input, index, strict=True)])


def put(input: Tensor, index: Tensor, src: Tensor, combine: str = "last") -> Tensor:
    """Put along axis 1, one number after the other."""
    rows = []
    for row, places, numbers in zip(input, index, src, strict=True):
        cells = [[each] for each in row]
        for place, one in zip(places, numbers, strict=False):
            cells[place].append(one)
        rows.append(torch.stack([combined(cell, combine) for cell in cells]))
    return torch.stack(rows)


def combined(cell: list[Tensor], combine: str) -> Tensor:
    if combine == "last":
        return cell[-1]
    if combine.startswith("others"):
        return combined(cell[1:] or cell, combine.removeprefix("others "))
    return getattr(torch.stack(cell), combine)(0)


CASES = [
    Case("Gather", call=picked),
    Case(
        "Gather",
        call=lambda input, index: picked(input.T, index.T).T,
        params={"dim": 0},
        inputs={"index": "int64:0..1 4 3"},
    ),
    Case("Gather", call=picked, inputs={"index": "int32:0..2 2 4"}, name="int32"),
    Case("TakeAlongDim", call=lambda input, indices: picked(input, index=indices)),
    Case(
        "TakeAlongDim",
        call=lambda input, indices: picked(input, indices.expand(2, 4)),
        inputs={"indices": "int64:0..2 1 4"},
        name="stretched",
    ),
    Case("IndexSelect", call=lambda input, index: torch.stack([input[:, i] for i in index], 1)),
    Case(
        "IndexSelect",
        call=lambda input, index: input[..., index.long()],
        params={"dim": -1},
        inputs={"index": "int32:0..3 3"},
    ),
    Case("Scatter", call=put, inputs={"index": "int64:1..3 2 1", "src": "float32 2 1"}),
    Case(
        "Scatter",
        call=lambda input, index: put(input, index, torch.full((2, 3), 7.0)),
        params={"value": 7},
        inputs={"src": None},
    ),
    Case("ScatterAdd", call=lambda input, index, src: put(input, index, src, "sum"), tolerance=1e-6),
    Case(
        "ScatterAdd",
        call=lambda input, index, src: put(input.T, index.T, src.T, "sum").T,
        params={"dim": 0},
        inputs={"input": "float32 4 2", "index": "int64:0..3 5 2", "src": "float32 5 2"},
        tolerance=1e-6,
    ),
    Case("ScatterReduce", call=lambda input, index, src: put(input, index, src, "mean"), tolerance=1e-6),
    *[
        Case(
            "ScatterReduce",
            call=lambda input, index, src, reduce=reduce: put(input, index, src, reduce),
            params={"reduce": reduce},
            tolerance=1e-6,
        )
        for reduce in ("sum", "prod", "amax", "amin")
    ],
    Case(
        "ScatterReduce",
        call=lambda input, index, src: put(input, index, src, "others mean"),
        params={"include_self": False},
        tolerance=1e-6,
    ),
    Case("OneHot", call=lambda input: (input[..., None] == torch.arange(10)).long()),
    Case("OneHot", call=lambda input: torch.eye(5, dtype=torch.int64)[input], params={"num_classes": 5}),
    Case("MaskedSelect", call=lambda input, mask: input[mask]),
    Case(
        "MaskedSelect", call=lambda input, mask: input[mask.expand(2, 3)], inputs={"mask": "bool 3"}, name="stretched"
    ),
    Case("Nonzero", call=lambda input: torch.tensor([[i, j] for i in range(2) for j in range(3) if input[i, j]])),
    Case(
        "Nonzero",
        call=lambda input: torch.tensor([[i] for i in range(5) if input[i]]),
        inputs={"input": "float32 5"},
        differentiable=False,
    ),
    Case("Bucketize", call=lambda input: (input[..., None] > torch.tensor([-1.0, 0, 1])).sum(-1), differentiable=False),
    Case(
        "Bucketize",
        call=lambda input: (input[..., None] >= torch.tensor([2, 3])).sum(-1),
        params={"boundaries": [2, 3], "right": True},
        inputs={"input": "int64:0..5 9"},
    ),
    Case(
        "SearchSorted",
        call=lambda sorted_sequence, input: (input[:, :, None] > sorted_sequence[:, None]).sum(-1),
        inputs={"sorted_sequence": "float32:0..0 2 4"},
        differentiable=False,
    ),
    Case(
        "SearchSorted",
        call=lambda sorted_sequence, input: (input[..., None] >= sorted_sequence).sum(-1),
        params={"right": True},
        inputs={"sorted_sequence": "int64:3..3 4", "input": "int64:1..5 2 3"},
    ),
]
