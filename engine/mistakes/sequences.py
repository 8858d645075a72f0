"""Recurrent layers and attention: states of another width, masks that do not fit, one of two states missing."""

from __future__ import annotations

from collections.abc import Iterator

from engine.mistakes import broken as fix
from engine.mistakes.broken import Broken
from engine.problem import Fix
from engine.spec import source_id, source_port

STATES = ("h_0", "c_0")


def unlike_state(broken: Broken) -> Iterator[Fix]:
    """A state that is not as wide or deep as the layer: give the layer the state's sizes, or leave the state out."""
    if broken.where not in STATES or "hidden_size" not in broken.op.params():
        return
    state = broken.flow(broken.where)
    if state is not None:
        yield from _fitted(broken, state.shape)
        yield fix.in_turn(
            f"Unwire the states of {fix.name(broken.node.id)}",
            [fix.disconnect(broken.node.id, port) for port in STATES if port in broken.flows],
        )


def _fitted(broken: Broken, shape: tuple[object, ...]) -> Iterator[Fix]:
    width, depth = shape[-1], shape[0] if len(shape) == 3 else 1
    wider = [broken.set("hidden_size", width)] if width != broken.param("hidden_size") else []
    yield from (each for each in wider if isinstance(width, int))
    if isinstance(depth, int) and depth > 1 and isinstance(width, int):
        deeper = [broken.set("num_layers", depth)]
        both_ends = [broken.set("bidirectional", depth % 2 == 0), broken.set("num_layers", max(depth // 2, 1))]
        for fixes in ([*wider, *both_ends], [*wider, *deeper]):
            changing = [each for each in fixes if _changes(broken, each)]
            if changing:
                yield changing[0] if len(changing) == 1 else fix.in_turn(_joined(changing), changing)


def _changes(broken: Broken, setting: Fix) -> bool:
    return bool(broken.param(setting.arguments["name"]) != setting.arguments["value"])


def _joined(settings: list[Fix]) -> str:
    """Several settings in one label: "Set hidden_size to 64 and num_layers to 2"."""
    each = [f"{one.arguments['name']} to {fix.written(one.arguments['value'])}" for one in settings]
    return f"Set {' and '.join(each)}"


def lone_state(broken: Broken) -> Iterator[Fix]:
    """One of h_0 and c_0: wire the other from the same place, or leave both out."""
    other = {"h_0": "c_0", "c_0": "h_0"}.get(broken.where)
    wire = broken.node.inputs.get(other) if other is not None and "wire both" in broken.problem.message else None
    if not isinstance(wire, str) or other is None:
        return
    twin = {"h_n": "c_n", "c_n": "h_n", "h_1": "c_1", "c_1": "h_1"}.get(source_port(wire))
    if twin is not None:
        yield fix.connect(f"{source_id(wire)}.{twin}", broken.node.id, broken.where)
    yield fix.disconnect(broken.node.id, other)


def one_layer(broken: Broken) -> Iterator[Fix]:
    """Dropout between layers where there is one layer."""
    if broken.where == "dropout" and "num_layers" in broken.op.params():
        yield broken.set("dropout", 0.0)
        yield broken.set("num_layers", 2)


# ------------------------------------------------------------------------------------------------------------ masks


def misfit_mask(broken: Broken) -> Iterator[Fix]:
    """A mask turned around, of another type, or at the wrong one of an attention's two ports."""
    port, flow = broken.where, broken.flow(broken.where)
    if "mask" not in port or flow is None:
        return
    if len(flow.shape) == 2:
        yield broken.insert("Transpose", port, dim0=0, dim1=1)
        yield from _moved(broken, port)
    causal = [name for name in broken.op.params() if name.endswith("is_causal") and broken.param(name)]
    yield from (broken.set(name, False) for name in causal)
    yield from (fix.disconnect(broken.node.id, port) for _name in causal)


def _moved(broken: Broken, port: str) -> Iterator[Fix]:
    """The same wire at another mask port that is free."""
    for other in broken.op.input_ports():
        if "mask" in other and other not in broken.node.inputs:
            arguments = {"node": broken.node.id, "port": port, "to": other}
            yield Fix(f"Wire it to {other} instead", "move_wire", arguments)


def causal_and_masked(broken: Broken) -> Iterator[Fix]:
    """is_causal beside a mask, where the problem stands at the param."""
    if broken.where.endswith("is_causal") and broken.where in broken.op.params():
        yield broken.set(broken.where, False)


def batch_last(broken: Broken) -> Iterator[Fix]:
    """Axes T N E where N T E is meant, or the other way round."""
    at_port = broken.where in broken.op.input_ports() and "batch" in broken.problem.message
    if at_port and "batch_first" in broken.op.params():
        yield broken.set("batch_first", not broken.param("batch_first"))
