"""Windows that do not fit: kernels larger than what they slide over, and paddings that do not go with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.mistakes import broken as fix
from engine.mistakes.broken import Broken
from engine.ops.windows import each
from engine.problem import Fix


def too_large(broken: Broken) -> Iterator[Fix]:
    """A kernel larger than the image: pad, take a smaller one, or leave a pooling out."""
    flow = broken.flow(broken.first)
    if broken.where != "kernel_size" or "kernel_size" not in broken.op.params() or flow is None:
        return
    kernel, rest = broken.param("kernel_size"), flow.shape[2:]
    params = broken.op.params()
    pools = broken.op.group == "Pooling"
    takes_same = "padding" in params and params["padding"].refuse("same") is None
    if takes_same and broken.param("stride") == 1:
        yield broken.set("padding", "same")
    if pools:
        yield fix.take_out(broken.node.id)
    sizes = each(kernel, len(rest)) if isinstance(kernel, int) else tuple(kernel)
    least = [min(size, room) if isinstance(room, int) else size for size, room in zip(sizes, rest, strict=False)]
    if least and all(size >= 1 for size in least):
        yield broken.set("kernel_size", min(least) if len(set(least)) == 1 else least)
    if "padding" in params and not (takes_same and broken.param("stride") == 1):
        yield broken.set("padding", _halves(kernel))
    if "dilation" in params and broken.param("dilation") != 1:
        yield broken.set("dilation", 1)


def wrong_padding(broken: Broken) -> Iterator[Fix]:
    """A padding that does not go with the stride, or is more than a pooling takes."""
    if broken.where != "padding" or "kernel_size" not in broken.op.params():
        return
    yield broken.set("padding", _halves(broken.param("kernel_size")))
    yield broken.set("padding", 0)


def _halves(kernel: Any) -> Any:
    """Half of each size of a kernel: the padding that keeps the size of what flows through."""
    return kernel // 2 if isinstance(kernel, int) else [size // 2 for size in kernel]


def output_padding(broken: Broken) -> Iterator[Fix]:
    """More added at one end than a stride."""
    if broken.where == "output_padding" and "stride" in broken.op.params():
        stride = broken.param("stride")
        yield broken.set("output_padding", stride - 1 if isinstance(stride, int) else [size - 1 for size in stride])
        yield broken.set("output_padding", 0)


def resizing(broken: Broken) -> Iterator[Fix]:
    """An Upsample or Interpolate whose size, factor or mode does not go with what flows in."""
    flow = broken.flow("input")
    if broken.node.op not in ("Upsample", "Interpolate") or flow is None:
        return
    size, factor = broken.param("size"), broken.param("scale_factor")
    if broken.where == "mode":
        curved = {3: "linear", 4: "bilinear", 5: "trilinear"}.get(len(flow.shape), "nearest")
        yield from (broken.set("mode", mode) for mode in (curved, "nearest"))
    elif size is None and factor is None:
        yield broken.set("scale_factor", 2.0)
    elif size is not None and factor is not None:
        yield broken.set("scale_factor", None)
        yield broken.set("size", None)
    else:
        name = "size" if size is not None else "scale_factor"
        numbers = size if size is not None else factor
        yield broken.set(name, numbers[0] if isinstance(numbers, list | tuple) and numbers else 1)


def alone(broken: Broken) -> Iterator[Fix]:
    """A norm that has one number in each channel: nothing to normalise."""
    if broken.node.op.startswith("InstanceNorm"):
        yield fix.take_out(broken.node.id)
