"""How much classes count in a loss, by how often each is among the training samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from engine.binding import class_count, class_ports, column_at
from engine.columns import Column
from engine.data import Live, Ragged, Values
from engine.ops import OPS
from engine.problem import Mistake
from engine.report import Report
from engine.spec import Node, Spec
from engine.validate import terminals

BLOCK = 2**16  # samples that are counted at once
Weighed = Mapping[str, tuple[str, Tensor]]  # loss -> the name of its weights, and these


def class_weights(
    spec: Spec, report: Report, columns: Mapping[str, Column], training: Mapping[str, Values]
) -> tuple[Weighed, tuple[str, ...]]:
    """Weights that balance classes in each loss that takes such and has none set, and a note for each that has none.

    `training` holds the columns of the training split, `report` is the check of the spec.
    """
    found, notes = {}, []
    for loss in terminals(spec)[0]:
        try:
            found[loss] = _weighed(spec, report, spec.nodes[loss], columns, training)
        except Mistake as mistake:
            notes.append(f"class_weights changes nothing at {loss}: {mistake.message}")
    return found, tuple(notes)


def give(module: nn.Module, name: str, weights: Tensor) -> None:
    """Give a loss its weights. They are no part of the model's state, for they follow from the data."""
    module.register_buffer(name, weights, persistent=False)


def _weighed(
    spec: Spec, report: Report, node: Node, columns: Mapping[str, Column], training: Mapping[str, Values]
) -> tuple[str, Tensor]:
    params, ports = OPS[node.op].params(), class_ports(node)
    labels = "pos_weight" in params
    name = "pos_weight" if labels else "weight"
    if not labels and (ports is None or "weight" not in params):
        raise Mistake(f"{node.op} takes no weights for classes.")
    if node.params.get(name):
        raise Mistake(f"its {name} is set already.")
    column = column_at(spec, node, "target", columns)
    values = training.get(column.name) if column is not None else None
    if values is None:
        raise Mistake("its target comes from other nodes, not straight from a column.")
    if isinstance(values, Live):
        raise Mistake("its target is read anew for each batch; keep the column in memory.")
    if labels:
        return name, positive(_blocks(values))
    assert ports is not None
    count = class_count(report, node, ports[0])
    if count is None:
        raise Mistake("its target holds no classes.")
    return name, balanced(_counts(_blocks(values), count, int(node.params.get("ignore_index", -1))))


def _blocks(values: Any) -> Iterator[Tensor]:
    """Yield the values of a column in blocks on the CPU, without what fills samples up."""
    for start in range(0, len(values), BLOCK):
        stop = min(start + BLOCK, len(values))
        if isinstance(values, Ragged):
            counts = values.counts[start:stop]
            width = max(1, int(counts.max()))
            block = values.batch(torch.arange(start, stop), width).cpu()
            yield block[torch.arange(width) < counts[:, None]]
        else:
            yield values[start:stop].cpu()


def _counts(blocks: Iterator[Tensor], count: int, ignored: int) -> Tensor:
    total = torch.zeros(count, dtype=torch.int64)
    for block in blocks:
        classes = block.flatten()
        total += torch.bincount(classes[(classes != ignored) & (classes >= 0)], minlength=count)[:count]
    return total


def balanced(counts: Tensor) -> Tensor:
    """A weight for each class, in inverse proportion to how often it is; 1 for one that there is none of.

    As scikit-learn has it: samples / (classes * samples of the class), so that they average 1 over the samples.
    """
    present = counts > 0
    weights = counts.sum() / (present.sum() * counts.double())
    return torch.where(present, weights, 1.0).float()


def positive(blocks: Iterator[Tensor]) -> Tensor:
    """How much a yes counts for each label of axis 1: the noes for each yes; 1 where there are no noes or no yeses."""
    yes, samples = torch.zeros(1, dtype=torch.float64), 0
    shape: tuple[int, ...] = (1,)
    for block in blocks:
        labels = block.double().movedim(1, -1).flatten(0, -2) if block.ndim > 1 else block.double()[:, None]
        shape = (labels.shape[1], *[1] * (block.ndim - 2))
        yes, samples = yes + labels.sum(0), samples + len(labels)
    weights = torch.where((yes > 0) & (yes < samples), (samples - yes) / yes, 1.0)
    return weights.float().view(shape)
