"""Counts that do not divide: heads, groups of channels, and what else shares numbers out evenly."""

from __future__ import annotations

import math
from collections.abc import Iterator

from engine.flow import Flow
from engine.mistakes.broken import Broken
from engine.ops.axes import nearest_divisors
from engine.problem import Fix

SHARED_OUT = ("num_heads", "nhead", "groups", "num_groups", "upscale_factor", "downscale_factor")


def uneven(broken: Broken) -> Iterator[Fix]:
    """Heads or groups that do not divide the features: the nearest numbers that do, or more output channels."""
    name = broken.where
    if name not in SHARED_OUT or name not in broken.op.params():
        return
    value, flow = broken.param(name), broken.flow(broken.first)
    count = _shared(broken, flow) if flow is not None else None
    if not isinstance(value, int) or count is None:
        return
    if name == "groups" and "out_channels" in broken.op.params() and count % value == 0:
        yield from _channels(broken, value)
    count = math.gcd(count, _outputs(broken)) or count
    yield from (broken.set(name, each) for each in nearest_divisors(count, value))


def _shared(broken: Broken, flow: Flow) -> int | None:
    """How many features or channels are shared out."""
    axis = -1 if broken.where in ("num_heads", "nhead") else 1
    size = flow.shape[axis] if len(flow.shape) > 1 else None
    return size if isinstance(size, int) else None


def _outputs(broken: Broken) -> int:
    """How many channels come out of a convolution, which groups divide too; 0 for other ops."""
    outputs = broken.param("out_channels") if "out_channels" in broken.op.params() else 0
    return outputs if isinstance(outputs, int) else 0


def _channels(broken: Broken, groups: int) -> Iterator[Fix]:
    """The nearest numbers of output channels that the groups divide."""
    outputs = _outputs(broken)
    for count in (outputs // groups * groups, -(-outputs // groups) * groups):
        if count > 0:
            yield broken.set("out_channels", count)


def odd(broken: Broken) -> Iterator[Fix]:
    """A GLU over an axis that cannot be halved: another axis."""
    flow = broken.flow("input")
    if broken.node.op == "GLU" and flow is not None:
        yield from (broken.set("dim", axis) for axis, size in enumerate(flow.shape) if axis and str(size).isdigit())
