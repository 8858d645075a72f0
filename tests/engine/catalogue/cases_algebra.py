"""Cases of linear algebra: sums of products written out by hand."""

from __future__ import annotations

import torch
from torch import Tensor

from tests.engine.catalogue.case import Case


def product(input: Tensor, other: Tensor) -> Tensor:
    return (input[..., :, :, None] * other[..., None, :, :]).sum(-2)


def distances(x1: Tensor, x2: Tensor, p: float) -> Tensor:
    return ((x1[..., :, None, :] - x2[..., None, :, :]).abs() ** p).sum(-1) ** (1 / p)


def determinant(input: Tensor) -> Tensor:
    """The rule of Sarrus for 3 x 3."""
    rows = [input[..., row, :] for row in range(3)]
    return torch.linalg.cross(rows[0], rows[1]).mul(rows[2]).sum(-1)


CASES = [
    Case("MatMul", call=product, tolerance=1e-6),
    Case(
        "MatMul",
        call=lambda input, other: (input * other).sum(),
        inputs={"input": "float32 4", "other": "float32 4"},
        tolerance=1e-6,
    ),
    Case(
        "MatMul",
        call=lambda input, other: (input * other).sum(-1),
        inputs={"other": "float32 4"},
        tolerance=1e-6,
        name="a vector",
    ),
    Case(
        "MatMul",
        call=product,
        inputs={"input": "float32 2 1 3 4", "other": "float32 5 4 2"},
        tolerance=1e-6,
        name="stretched",
    ),
    Case("MatMul", call=product, inputs={"input": "int64:0..9 3 4", "other": "int64:0..9 4 2"}, name="whole"),
    Case("BatchMatMul", call=lambda input, mat2: product(input, other=mat2), tolerance=1e-6),
    Case("Einsum", call=lambda tensors: product(*tensors), tolerance=1e-6),
    Case(
        "Einsum",
        call=lambda tensors: tensors[0].diagonal(dim1=-2, dim2=-1).sum(-1),
        params={"equation": "...ii -> ..."},
        inputs={"tensors": ["float32 2 3 3"]},
        tolerance=1e-6,
    ),
    Case(
        "Einsum",
        call=lambda tensors: torch.outer(tensors[0], tensors[1]) * tensors[2],
        params={"equation": "i,j,ij->ij"},
        inputs={"tensors": ["float32 2", "float32 3", "float32 2 3"]},
        tolerance=1e-6,
    ),
    Case("Outer", call=lambda input, vec2: input[:, None] * vec2),
    Case("Dot", call=lambda input, other: (input * other).sum(-1), tolerance=1e-6),
    Case(
        "Dot",
        call=lambda input, other: (input.conj() * other).sum(0),
        params={"dim": 0},
        inputs={"input": "complex64 3 2", "other": "complex64 3 2"},
        tolerance=1e-6,
    ),
    Case(
        "Cross",
        call=lambda input, other: torch.stack(
            [input[:, a] * other[:, b] - input[:, b] * other[:, a] for a, b in ((1, 2), (2, 0), (0, 1))], 1
        ),
        tolerance=1e-6,
    ),
    Case(
        "Cross",
        call=lambda input, other: torch.linalg.cross(input.T, other.T).T,
        params={"dim": 0},
        inputs={"input": "float32 3 2", "other": "float32 3 2"},
    ),
    Case("Kron", call=lambda input, other: torch.cat([torch.cat([n * other for n in row], 1) for row in input])),
    Case("Cdist", call=lambda x1, x2: distances(x1, x2, 2), tolerance=1e-5),
    Case("Cdist", call=lambda x1, x2: distances(x1, x2, 1), params={"p": 1}, tolerance=1e-5),
    Case(
        "Cdist",
        call=lambda x1, x2: (x1[..., :, None, :] != x2[..., None, :, :]).sum(-1).float(),
        params={"p": 0},
        tolerance=1e-5,
    ),
    Case("Diagonal", call=lambda input: torch.stack([input[:, i, i] for i in range(3)], -1)),
    Case(
        "Diagonal",
        call=lambda input: torch.stack([input[0, :, 1], input[1, :, 2]], -1),
        params={"offset": 1, "dim1": 0, "dim2": 2},
    ),
    Case("DiagEmbed", call=lambda input: input[..., None] * torch.eye(3)),
    Case(
        "DiagEmbed",
        call=lambda input: torch.stack([torch.diag(row, -1) for row in input], 2),
        params={"offset": -1, "dim1": 0, "dim2": 1},
    ),
    Case("Trace", call=lambda input: input[0, 0] + input[1, 1] + input[2, 2], tolerance=1e-6),
    Case(
        "Trace",
        call=lambda input: (input[:, 0, 0] + input[:, 1, 1]).long(),
        inputs={"input": "int32:0..9 2 2 3"},
        name="batch",
    ),
    Case("Tril", call=lambda input: input * (torch.arange(4)[:, None] >= torch.arange(4))),
    Case("Tril", call=lambda input: input * (torch.arange(4)[:, None] > torch.arange(4)), params={"diagonal": -1}),
    Case("Triu", call=lambda input: input * (torch.arange(4)[:, None] <= torch.arange(4))),
    Case("Triu", call=lambda input: input * (torch.arange(4)[:, None] < torch.arange(4)), params={"diagonal": 1}),
    Case("Inverse", call=lambda input: torch.linalg.solve(input, torch.eye(3)), tolerance=1e-4),
    Case("Determinant", call=determinant, tolerance=1e-5),
    Case("Normalize", call=lambda input: input / input.square().sum(1, keepdim=True).sqrt(), tolerance=1e-6),
    Case(
        "Normalize",
        call=lambda input: input / input.abs().sum(0).clamp(min=9.0),
        params={"p": 1, "dim": 0, "eps": 9},
        tolerance=1e-6,
    ),
]
