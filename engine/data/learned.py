"""What steps learn from the training split, read in blocks of samples so that measuring needs little memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.columns import Column
from engine.ops.steps import Bucketise, FillMissing, Index, Log, MinMax, OneHot, Standardize, Step

Array = NDArray[Any]
Blocks = Callable[[], Iterator[Array]]  # yields the training samples as the step gets them, anew at each call

IMAGENET = {"mean": (0.485, 0.456, 0.406), "deviation": (0.229, 0.224, 0.225)}  # of red, green and blue


def learned(step: Step, column: Column, blocks: Blocks, numbers: Array | None) -> dict[str, Any]:
    """What a step keeps of the training samples of a column, as JSON; `numbers` are those that Index orders."""
    match step:
        case Standardize(measured="ImageNet"):
            return {name: np.reshape(each, (-1, 1, 1)).tolist() for name, each in IMAGENET.items()}
        case Standardize():
            mean, deviation = _moments(blocks, column)
            return {"mean": mean.tolist(), "deviation": np.where(deviation > 0, deviation, 1.0).tolist()}
        case MinMax():
            least, greatest = _extremes(blocks, column)
            return {"least": least.tolist(), "range": np.where(greatest > least, greatest - least, 1.0).tolist()}
        case Bucketise():
            return {"edges": _edges(step, blocks)}
        case Index():
            assert numbers is not None
            return {"numbers": numbers.tolist()}
        case FillMissing():
            return {"value": _filling(step, column, blocks)}
        case Log():
            return {"column": column.name}
        case OneHot():
            assert column.high is not None
            return {"column": column.name, "classes": int(column.high) + 1}
    return {}


def _axes(column: Column, block: Array) -> tuple[int, ...]:
    """The axes that are measured together: all but the channels of an image, or the last axis of numbers."""
    kept = 1 if column.kind == "image" else max(1, block.ndim - 1)
    return tuple(axis for axis in range(block.ndim) if axis != kept)


def _moments(blocks: Blocks, column: Column) -> tuple[Array, Array]:
    """Mean and standard deviation, NaN left out, in double precision."""
    known: Any = 0
    total: Any = 0
    square: Any = 0
    for block in blocks():
        axes = _axes(column, block)
        known = known + np.sum(~np.isnan(block), axis=axes, keepdims=True)
        total = total + np.nansum(block, axis=axes, keepdims=True, dtype=np.float64)
    count = np.maximum(known, 1)
    mean = total / count
    for block in blocks():
        square = square + np.nansum((block - mean) ** 2, axis=_axes(column, block), keepdims=True, dtype=np.float64)
    return np.asarray(mean)[0], np.sqrt(square / count)[0]


def _extremes(blocks: Blocks, column: Column) -> tuple[Array, Array]:
    """The least and the greatest number, NaN left out; 0 where there is none."""
    least: Any = np.inf
    greatest: Any = -np.inf
    for block in blocks():
        axes = _axes(column, block)
        least = np.minimum(least, np.fmin.reduce(block, axis=axes, keepdims=True, initial=np.inf))
        greatest = np.maximum(greatest, np.fmax.reduce(block, axis=axes, keepdims=True, initial=-np.inf))
    lacks = ~np.isfinite(least)
    return np.where(lacks, 0.0, least)[0].astype(np.float64), np.where(lacks, 0.0, greatest)[0].astype(np.float64)


def _parts(blocks: Blocks) -> Iterator[Array]:
    """Yield the known numbers of each part of the samples, along their last axis."""
    whole = np.concatenate(list(blocks()))
    for part in whole.reshape(-1, whole.shape[-1] if whole.ndim > 1 else 1).T:
        yield part[~np.isnan(part)]


def _edges(step: Bucketise, blocks: Blocks) -> list[list[float]]:
    """The borders between the buckets, for each part or for all."""
    if step.by == "edges":
        return [list(step.edges)]
    return [_borders(step, part) for part in _parts(blocks)]


def _borders(step: Bucketise, part: Array) -> list[float]:
    if not part.size:
        return []
    if step.by == "quantiles":
        found = np.quantile(part.astype(np.float64), np.linspace(0, 1, step.count + 1))
    else:
        found = np.linspace(float(part.min()), float(part.max()), step.count + 1)
    return [float(each) for each in found[1:-1]]


def _filling(step: FillMissing, column: Column, blocks: Blocks) -> Any:
    if column.kind == "category":  # places of classes, -1 where one is missing
        known = np.concatenate([block[block >= 0] for block in blocks()])
        return int(np.bincount(known).argmax()) if known.size else 0
    match step.value:
        case "mean":
            return _moments(blocks, column)[0].tolist()
        case "most common":
            return [_most_common(part) for part in _parts(blocks)]
        case "constant":
            return step.constant
    return 0.0


def _most_common(numbers: Array) -> float:
    different, counts = np.unique(numbers, return_counts=True)
    return float(different[counts.argmax()]) if different.size else 0.0
