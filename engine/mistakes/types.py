"""Numbers of the wrong type: whole ones where fractions are meant, fractions for indices, two precisions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.declare import COMPLEX
from engine.flow import Flow, lacks_embedding
from engine.mistakes.broken import Broken, in_turn, inserts, name
from engine.problem import Fix


def wrong_type(broken: Broken) -> Iterator[Fix]:
    """A port that does not take the type: cast to that of the node's other inputs, or to the first it takes."""
    port = broken.where
    found = broken.flows.get(port)
    if found is None or port not in broken.op.input_ports():
        return
    accepted = broken.op.input_ports()[port].port.dtypes
    others = [flow.dtype for other, flow in broken.flows.items() if other != port and isinstance(flow, Flow)]
    wanted = list(dict.fromkeys(dtype for dtype in (*others, accepted[0]) if dtype in accepted))
    if "mask" in port:
        wanted = [accepted[0]]
    if isinstance(found, Flow):
        for dtype in wanted if found.dtype not in accepted else ():
            yield inserts(broken.node.id, port, *_cast(found.dtype, dtype))
        return
    wrong = [place for place, flow in enumerate(found) if flow.dtype not in accepted]
    for dtype in wanted if wrong else ():
        casts = [inserts(broken.node.id, port, *_cast(found[place].dtype, dtype), place=place) for place in wrong]
        yield (
            casts[0] if len(casts) == 1 else in_turn(f"Insert {len(casts)} Casts before {name(broken.node.id)}", casts)
        )


def _cast(old: str, new: str) -> list[tuple[str, Mapping[str, Any]]]:
    """What makes one type another: a complex number first loses its imaginary part."""
    real: list[tuple[str, Mapping[str, Any]]] = [("Real", {})] if old in COMPLEX and new not in COMPLEX else []
    if real and new == {"complex64": "float32", "complex128": "float64"}[old]:
        return real
    return [*real, ("Cast", {"dtype": new})]


def no_embedding(broken: Broken) -> Iterator[Fix]:
    """Indices of words where their vectors are taken."""
    for port, declared in broken.op.input_ports().items():
        flow = broken.flow(port)
        if flow is not None and lacks_embedding(declared, flow):
            yield broken.insert("Embedding", port)


def two_types(broken: Broken) -> Iterator[Fix]:
    """Two inputs of different types: bring one to the type of the other."""
    for port, flow, _other, like in broken.pairs():
        if "mask" not in port and flow.dtype != like.dtype and like.dtype in broken.op.input_ports()[port].port.dtypes:
            yield broken.insert("Cast", port, dtype=like.dtype)
    for port, flows in broken.flows.items():
        listed = flows if isinstance(flows, tuple) else ()
        for place, flow in enumerate(listed):
            if flow.dtype != listed[0].dtype:
                yield inserts(broken.node.id, port, ("Cast", {"dtype": listed[0].dtype}), place=place)
