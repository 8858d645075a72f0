"""Too many axes, too few, or axes in another order than a layer takes them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from itertools import permutations

from engine.flow import Flow
from engine.mistakes import broken as fix
from engine.mistakes.broken import Broken, inserts
from engine.ops import OPS
from engine.problem import Fix
from engine.sizes import Free

FAMILIES = re.compile(r"(\w+?)([123])d")
CHANNELS = (1, 3, 4)  # of grey, coloured and transparent images
LEAST_SIDE = 4  # of an image that lies in one row


def another_dimension(broken: Broken) -> Iterator[Fix]:
    """BatchNorm1d on images, Dropout2d on vectors: the layer of the same family for as many axes."""
    found = FAMILIES.fullmatch(broken.node.op)
    flow = broken.flow(broken.first)
    if found is None or flow is None:
        return
    stem, axes = found[1], len(flow.shape)
    for op in (f"{stem}{max(axes - 2, 1)}d", stem if axes < 3 else ""):
        if op in OPS and op != broken.node.op:
            yield fix.become(broken.node.id, op)


def too_many_axes(broken: Broken) -> Iterator[Fix]:
    """An image where vectors or sequences are taken, or an axis of one number too many."""
    for port, flow, wanted in _ranks(broken):
        axes = len(flow.shape)
        if wanted == 2 < axes:
            yield broken.insert("Flatten", port)
        for dim in [dim for dim in range(axes - 1, 0, -1) if flow.shape[dim] == 1 and wanted == axes - 1]:
            yield broken.insert("Squeeze", port, dim=dim)
        if wanted == 3 and axes == 4:  # the pixels of an image, or the features of each step, become a sequence
            channels_last = ("Transpose", {"dim0": 1, "dim1": 2})
            yield inserts(broken.node.id, port, ("Flatten", {"start_dim": 2}), channels_last)
            yield broken.insert("Flatten", port, start_dim=2)


def too_few_axes(broken: Broken) -> Iterator[Fix]:
    """An image without channels, a sequence without features; where a length varies, it is a sequence first of all."""
    for port, flow, wanted in _ranks(broken):
        axes = len(flow.shape)
        if axes == 2 or any(isinstance(size, Free) for size in flow.shape[1:]):
            yield from another_dimension(broken)
        if 0 < axes == wanted - 1:
            yield broken.insert("Unsqueeze", port, dim=1)
            yield broken.insert("Unsqueeze", port, dim=axes)


def image_in_a_row(broken: Broken) -> Iterator[Fix]:
    """The pixels of an image as one row of numbers."""
    for port, flow, wanted in _ranks(broken):
        for size in _image(flow, wanted) if len(flow.shape) == 2 and wanted > 3 else ():
            yield broken.insert("Unflatten", port, dim=1, unflattened_size=size)


def _ranks(broken: Broken) -> Iterator[tuple[str, Flow, int]]:
    """The ports that take another number of axes than come in, with that number."""
    for port, declared in broken.op.input_ports().items():
        flow, axes = broken.flow(port), declared.port.axes.split()
        if flow is None or broken.where not in ("", port):
            continue
        if "..." not in axes and len(axes) != len(flow.shape):
            yield port, flow, len(axes)
        elif "..." in axes and len(flow.shape) < len(axes) - 1:
            yield port, flow, len(axes) - 1


def _image(flow: Flow, wanted: int) -> Iterator[tuple[int, ...]]:
    """The square images, or cubes, that as many numbers make."""
    count = flow.shape[1]
    if not isinstance(count, int):
        return
    for channels in CHANNELS:
        side = round((count / channels) ** (1 / (wanted - 2)))
        if channels * side ** (wanted - 2) == count and side >= LEAST_SIDE:
            yield (channels, *(side,) * (wanted - 2))


def varying_axis(broken: Broken) -> Iterator[Fix]:
    """A layer sized by an axis that varies: bring a fixed one there, or pool the sizes that vary away before it."""
    flow = broken.flow(broken.first)
    if flow is None or "varies" not in broken.problem.message:
        return
    axes = len(flow.shape)
    for dims in list(permutations(range(1, axes)))[1:6] if axes in (3, 4) else ():
        if axes == 3:
            yield broken.insert("Transpose", broken.first, dim0=1, dim1=2)
        else:
            yield broken.insert("Permute", broken.first, dims=(0, *dims))
    yield from _with_batch(broken)
    yield from _pooled(broken)


def _with_batch(broken: Broken) -> Iterator[Fix]:
    """A Flatten that merged the batch with the rest."""
    for node in broken.upstream():
        if node.op == "Flatten" and node.params.get("start_dim") == 0:
            yield fix.set_param(node.id, "start_dim", 1)


def _pooled(broken: Broken) -> Iterator[Fix]:
    for node in broken.upstream():
        flow = broken.checked[node.id].flows.get("input") if node.id in broken.checked else None
        if node.op in ("Flatten", "Reshape") and isinstance(flow, Flow) and 3 <= len(flow.shape) <= 5:
            if any(isinstance(size, Free) for size in flow.shape[2:]):
                yield fix.insert(f"AdaptiveAvgPool{len(flow.shape) - 2}d", node.id, "input", output_size=1)
            return


# ------------------------------------------------------------------------------------------- params that name axes


def missing_axis(broken: Broken) -> Iterator[Fix]:
    """A param that names an axis there is none of: the last one, or the one after the batch."""
    name, flow = broken.where, broken.flow(broken.first)
    if name not in broken.op.params():
        return
    if flow is None:
        flows = broken.flows.get(broken.first)
        flow = flows[0] if isinstance(flows, tuple) and flows else None
    value = broken.param(name)
    if flow is None or not isinstance(value, int) or isinstance(value, bool):
        return
    axes = len(flow.shape)
    if name not in ("axes", "index") and -axes <= value < axes:
        return
    if name.startswith(("dim", "start_dim", "end_dim", "source", "destination")):
        yield from (broken.set(name, axis) for axis in _different((-1 if value > 0 else 0, axes - 1, 1), axes))
    elif name == "axes":
        yield broken.set(name, max(axes - 1, 1))
    elif name == "index":
        yield broken.set(name, -1 if value >= 0 else 0)


def _different(named: Sequence[int], axes: int) -> list[int]:
    """One name for each axis that is named, the first."""
    return list({axis % axes: axis for axis in reversed(named)}.values())[::-1] if axes else []


def order_of_axes(broken: Broken) -> Iterator[Fix]:
    """A Permute that does not name each axis once: the order it means, as far as there are such axes."""
    flow = broken.flow("input")
    if broken.node.op != "Permute" or flow is None:
        return
    axes, dims = len(flow.shape), broken.param("dims")
    named = [dim for dim in dict.fromkeys(dims) if isinstance(dim, int) and 0 <= dim < axes]
    missing = [axis for axis in range(axes) if axis not in named]
    yield broken.set("dims", (*named, *missing))
    yield broken.set("dims", (0, *range(axes - 1, 0, -1)) if axes < 4 else (0, 2, 3, 1))


def squeezed(broken: Broken) -> Iterator[Fix]:
    """A Squeeze of an axis that has more than one number."""
    flow = broken.flow("input")
    if broken.node.op != "Squeeze" or flow is None:
        return
    for axis in [axis for axis, size in enumerate(flow.shape) if size == 1]:
        yield broken.set("dim", axis)
    yield fix.take_out(broken.node.id)


# ------------------------------------------------------------------------------------------------------- reshaping


def another_shape(broken: Broken) -> Iterator[Fix]:
    """A Reshape or Unflatten whose sizes do not hold the numbers: leave one of them open, or flatten."""
    name = {"Reshape": "shape", "Unflatten": "unflattened_size"}.get(broken.node.op)
    flow = broken.flow("input")
    if name is None or flow is None:
        return
    sizes = [size for size in broken.param(name) if isinstance(size, int)]
    keeps_batch = broken.node.op == "Reshape" and isinstance(flow.shape[0], Free)
    for place in range(1 if keeps_batch else len(sizes)):
        rest = [1 if size == -1 else size for size in sizes]
        yield broken.set(name, (*rest[:place], -1, *rest[place + 1 :]))
    if broken.node.op == "Reshape":
        fixed = flow.shape[1:]
        if all(isinstance(size, int) for size in fixed):
            yield broken.set(name, (-1, math.prod(size for size in fixed if isinstance(size, int))))
        yield fix.become(broken.node.id, "Flatten")
    else:
        yield fix.take_out(broken.node.id)
