"""Tensors that do not go together: sums and products of unlike shapes, joins of unlike images, matrices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from engine.flow import Flow
from engine.heads import widened
from engine.mistakes.broken import Broken, in_turn, inserts
from engine.problem import Fix
from engine.sizes import Free, Size

Step = tuple[str, dict[str, Any]]
Shape = tuple[Size, ...]


def unlike_shapes(broken: Broken) -> Iterator[Fix]:
    """Two inputs whose shapes do not stretch to one: bring one to the sizes of the other."""
    if broken.where not in ("other", "input", "end", "memory", "key", "value", "tensor1", "tensor2", *_PAIRS):
        return
    for port, flow, _other, like in broken.pairs():
        for steps in brought(flow, like):
            yield inserts(broken.node.id, port, *steps)
    for port, flow, _other, like in broken.pairs():
        yield from rewidened(broken, port, flow, like)


def rewidened(broken: Broken, port: str, flow: Flow, like: Flow) -> Iterator[Fix]:
    """Make the layer before a port as wide as another input is, where their widths alone differ."""
    unlike = [pair for pair in zip(flow.shape, like.shape, strict=False) if pair[0] != pair[1]]
    width = unlike[0][1] if len(unlike) == 1 and len(flow.shape) == len(like.shape) else None
    if isinstance(width, int):
        yield from widened(broken.spec, broken.node, port, width)


_PAIRS = ("x1", "x2", "input1", "input2", "mat2", "query")


def brought(flow: Flow, like: Flow) -> Iterator[Sequence[Step]]:
    """Ways to bring one shape to another: a projection, a resize, an axis of 1 added or dropped, two axes swapped."""
    one, two = flow.shape, like.shape
    if len(one) == len(two):
        yield from _projected(one, two)
        for axis in range(1, len(one) - 1):
            swapped = (*one[:axis], one[axis + 1], one[axis], *one[axis + 2 :])
            if swapped == two:
                yield [("Transpose", {"dim0": axis, "dim1": axis + 1})]
    elif len(one) == len(two) - 1 and one == two[:-1]:
        yield [("Unsqueeze", {"dim": len(one)})]
    elif one == (*two, 1):
        yield [("Squeeze", {"dim": len(two)})]
    elif 1 < len(one) < len(two) and one == two[: len(one)]:
        yield [("Unsqueeze", {"dim": axis}) for axis in range(len(one), len(two))]


def _projected(one: Shape, two: Shape) -> Iterator[Sequence[Step]]:
    """A learned projection to another width, after a resize where the sizes behind differ too."""
    unlike = [axis for axis, (a, b) in enumerate(zip(one, two, strict=True)) if a != b]
    if not unlike or 0 in unlike or any(isinstance(two[axis], Free) for axis in unlike):
        return
    if unlike == [len(one) - 1] and len(one) in (2, 3):
        yield [("Linear", {"out_features": two[-1]})]
    if 3 <= len(one) <= 5:
        channels = {"out_channels": two[1], "kernel_size": 1}
        op = f"Conv{len(one) - 2}d"
        stride = _stride(one[2:], two[2:])
        if unlike == [1]:
            yield [(op, channels)]
        elif stride is not None and 1 in unlike:
            yield [(op, {**channels, "stride": stride, "padding": 0})]
        resize = resized(one[2:], two[2:])
        if resize and not isinstance(one[1], Free):
            yield [resize, *([(op, channels)] if 1 in unlike else [])]


def _stride(one: Shape, two: Shape) -> int | None:
    """The whole number of steps by which all sizes shrink."""
    pairs = zip(one, two, strict=True)
    strides = {-(-a // b) if isinstance(a, int) and isinstance(b, int) and b else 0 for a, b in pairs}
    found = strides.pop() if len(strides) == 1 else 0
    return found if found > 1 else None


def resized(one: Shape, two: Shape) -> Step | None:
    """The resize that brings the sizes behind the channels to others."""
    if one == two or not all(isinstance(size, int) for size in two):
        return None
    size = two[0] if len(set(two)) == 1 else list(two)
    return ("Upsample", {"size": size, "scale_factor": None})


# --------------------------------------------------------------------------------------------------------- joining


def unlike_parts(broken: Broken) -> Iterator[Fix]:
    """A Concat or Stack of tensors with unlike sizes or numbers of axes."""
    port, flows = next(((port, flows) for port, flows in broken.flows.items() if isinstance(flows, tuple)), ("", ()))
    if broken.node.op not in ("Concat", "Stack") or len(flows) < 2:
        return
    ranks = {len(flow.shape) for flow in flows}
    if len(ranks) > 1:
        yield from _one_rank(broken, port, flows)
        return
    unlike = [axis for axis in range(ranks.pop()) if len({flow.shape[axis] for flow in flows}) > 1]
    if broken.node.op == "Concat" and len(unlike) == 1 and unlike != [0]:
        yield broken.set("dim", unlike[0])
    smaller, larger = sorted((0, _first_unlike(flows)), key=lambda place: _area(flows[place]))
    for like, text in ((larger, "larger"), (smaller, "smaller")):
        steps = [fix for place in range(len(flows)) for fix in _brought_to(broken, port, flows, place, like)]
        if steps:
            words = steps[0].text if len(steps) == 1 else f"Bring all to the {text} size"
            yield in_turn(words, steps) if len(steps) > 1 else steps[0]


def _first_unlike(flows: Sequence[Flow]) -> int:
    return next((place for place, flow in enumerate(flows) if flow.shape[2:] != flows[0].shape[2:]), 0)


def _area(flow: Flow) -> int:
    sizes = [size for size in flow.shape[2:] if isinstance(size, int)]
    return sum(sizes)


def _brought_to(broken: Broken, port: str, flows: Sequence[Flow], place: int, like: int) -> Iterator[Fix]:
    one, two = flows[place].shape, flows[like].shape
    step = resized(one[2:], two[2:]) if 3 <= len(one) <= 5 else None
    if step is not None:
        yield inserts(broken.node.id, port, step, place=place)


def _one_rank(broken: Broken, port: str, flows: Sequence[Flow]) -> Iterator[Fix]:
    """Flatten what has more axes, or add axes of 1 to what has fewer."""
    fewest = min(len(flow.shape) for flow in flows)
    if fewest == 2:
        flats = [
            inserts(broken.node.id, port, ("Flatten", {}), place=place)
            for place, flow in enumerate(flows)
            if len(flow.shape) > 2
        ]
        yield flats[0] if len(flats) == 1 else in_turn(f"Insert Flatten before {len(flats)} of them", flats)
    most = max(len(flow.shape) for flow in flows)
    short = [place for place, flow in enumerate(flows) if len(flow.shape) == most - 1]
    for dim in (1, most - 1):
        steps = [inserts(broken.node.id, port, ("Unsqueeze", {"dim": dim}), place=place) for place in short]
        if steps:
            yield steps[0] if len(steps) == 1 else in_turn(f"Insert Unsqueeze before {len(steps)} of them", steps)


# -------------------------------------------------------------------------------------------------------- matrices


def unlike_matrices(broken: Broken) -> Iterator[Fix]:
    """A product of matrices whose inner sizes differ: turn one of them around."""
    second = {"MatMul": "other", "BatchMatMul": "mat2"}.get(broken.node.op)
    if second is None:
        return
    turned = {"dim0": -2, "dim1": -1}
    for port in (second, "input"):
        flow = broken.flow(port)
        if flow is not None and len(flow.shape) > 1:
            yield broken.insert("Transpose", port, **turned)
    first, other = broken.flow("input"), broken.flow(second)
    if first is not None and other is not None and len(other.shape) > 1 and isinstance(other.shape[-2], int):
        yield broken.insert("Linear", "input", out_features=other.shape[-2])


def unlike_widths(broken: Broken) -> Iterator[Fix]:
    """Queries and keys, or a decoder and its memory, of unlike width: project one to the width of the other."""
    for port, flow, _other, like in broken.pairs():
        width = like.shape[-1] if len(flow.shape) == len(like.shape) >= 3 else None
        if isinstance(width, int) and width != flow.shape[-1]:
            yield broken.insert("Linear", port, out_features=width)
            yield from rewidened(broken, port, flow, like)
