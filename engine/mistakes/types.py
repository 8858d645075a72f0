"""Numbers of the wrong type: whole ones where fractions are meant, fractions for indices, two precisions."""

from __future__ import annotations

from collections.abc import Iterator

from engine.flow import Flow
from engine.mistakes.broken import Broken, inserts
from engine.problem import Fix


def wrong_type(broken: Broken) -> Iterator[Fix]:
    """A port that does not take the type: cast to that of the node's other inputs, or to the first it takes."""
    port = broken.where
    found = broken.flows.get(port)
    if found is None or port not in broken.op.input_ports():
        return
    accepted = broken.op.input_ports()[port].port.dtypes
    others = [flow.dtype for name, flow in broken.flows.items() if name != port and isinstance(flow, Flow)]
    wanted = list(dict.fromkeys(dtype for dtype in (*others, accepted[0]) if dtype in accepted))
    if isinstance(found, Flow):
        for dtype in wanted if found.dtype not in accepted else ():
            yield broken.insert("Cast", port, dtype=dtype)
        return
    for place, flow in enumerate(found):
        if flow.dtype not in accepted:
            yield from (broken.insert("Cast", port, place, dtype=dtype) for dtype in wanted)


def two_types(broken: Broken) -> Iterator[Fix]:
    """Two inputs of different types: bring one to the type of the other."""
    for port, flow, _other, like in broken.pairs():
        if flow.dtype != like.dtype and like.dtype in broken.op.input_ports()[port].port.dtypes:
            yield broken.insert("Cast", port, dtype=like.dtype)
    for port, flows in broken.flows.items():
        listed = flows if isinstance(flows, tuple) else ()
        for place, flow in enumerate(listed):
            if flow.dtype != listed[0].dtype:
                yield inserts(broken.node.id, port, ("Cast", {"dtype": listed[0].dtype}), place=place)
