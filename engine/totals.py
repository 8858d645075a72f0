"""The counts of a whole graph: shared weights once, kept tensors once, blocks by what they hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from engine.count import BATCH
from engine.declare import Metric
from engine.expand import Expanded
from engine.flow import Checked, Flow
from engine.ops.settings import Batching
from engine.report import NodeReport, Tensor
from engine.sizes import Free
from engine.spec import SLASH, Node, Spec, Wire, source_id, source_port
from engine.validate import terminals, upstream
from engine.weights import Held

BYTES = {
    "bool": 1, "int8": 1, "uint8": 1, "int16": 2, "float16": 2, "bfloat16": 2, "int32": 4, "float32": 4, "int64": 8,
    "float64": 8, "complex64": 8, "complex128": 16,
}  # fmt: skip

Trained = Mapping[str, Sequence[str]]  # node -> those of its tensors that training changes
Sizes = Mapping[str, int]  # every free name -> what it counts as


def batch_size(spec: Spec) -> int:
    """Samples in a training batch, by the project's settings."""
    given = spec.data.get("batching", {})
    size = given.get("batch_size") if isinstance(given, Mapping) else None
    default: int = Batching.defaults()["batch_size"]
    return size if isinstance(size, int) and size >= 1 else default


def node_reports(
    spec: Spec, checked: Mapping[str, Checked], held: Mapping[str, Held], trained: Trained, sizes: Sizes
) -> dict[str, NodeReport]:
    """Tell of each node of a flat graph that works what comes out of it and what it costs.

    `held` are the weights that are its own, those that it shares left out.
    """
    memory = activation_bytes(spec, checked, trained, sizes)
    return {
        node.id: _node_report(checked[node.id], held[node.id], trained.get(node.id, ()), memory[node.id])
        for node in spec.nodes.values()
        if node.id in checked
    }


def _node_report(checked: Checked, own: Held, trained: Sequence[str], activation: int) -> NodeReport:
    outputs = {port: flow.tensor() for port, flow in checked.outputs.items()}
    parameters = own.count()
    elsewhere = (checked.weights.count() - parameters) * BYTES["float32"]
    return NodeReport(
        outputs,
        parameters,
        own.tensors,
        frozen=parameters - own.count(trained),
        macs=checked.cost.macs,
        weight_bytes=checked.weight_bytes - elsewhere if own.tensors or own.buffers else 0,
        activation_bytes=activation,
        buffers=own.buffers,
    )


# ------------------------------------------------------------------------------------------------- kept by training


def activation_bytes(spec: Spec, checked: Mapping[str, Checked], trained: Trained, sizes: Sizes) -> dict[str, int]:
    """Tell of each node how many bytes training keeps of it for the backward pass of one batch.

    A tensor that several nodes read counts once, where it was made; one that shows the numbers of another counts
    nothing. Nothing is kept where no gradient flows: before the first weights, and where no loss (in a graph without
    one: no Output) is reached.
    """
    learning = _learning(spec, checked, trained)
    homes: dict[Wire, Wire] = {}
    kept: set[Wire] = set()
    inside = dict.fromkeys(checked, 0)
    for node_id, each in checked.items():
        wires = _wires(spec.nodes[node_id], checked)
        seen = dict(each.cost.views)
        for port in each.outputs:
            own = f"{node_id}.{port}"
            homes[own] = homes[wires[seen[port]]] if port in seen else own
        if node_id in learning:
            kept.update(homes[wires[port]] for port in each.cost.reads)
            kept.update(f"{node_id}.{port}" for port in each.cost.gives if port in each.outputs)
            inside[node_id] = each.cost.inside * (sizes[BATCH] if each.cost.batched else 1)
    for wire in kept:
        source = source_id(wire)
        inside[source] += _flow_bytes(checked[source].outputs[source_port(wire)], sizes)
    return inside


def _learning(spec: Spec, checked: Mapping[str, Checked], trained: Trained) -> set[str]:
    """The nodes through which a gradient flows: behind or at weights that are trained, and before what is learned."""
    losses, _metrics, outputs = terminals(spec)
    live = upstream(spec, losses or outputs)
    behind: set[str] = set()
    for node_id in checked:
        if trained.get(node_id) or any(source in behind for source in spec.nodes[node_id].sources()):
            behind.add(node_id)
    return {node_id for node_id in behind & live if not isinstance(checked[node_id].op, Metric)}


def _wires(node: Node, checked: Mapping[str, Checked]) -> dict[str, Wire]:
    """The wire into each port, a list's as "tensors[1]"; each with the name of its source's output."""
    found = {}
    for port, place, wire in node.wires():
        output = source_port(wire) or type(checked[source_id(wire)].op).output_ports()[0]
        found[port if place is None else f"{port}[{place}]"] = f"{source_id(wire)}.{output}"
    return found


def _flow_bytes(flow: Flow, sizes: Sizes) -> int:
    return BYTES[flow.dtype] * math.prod(_at(size, sizes) for size in flow.shape)


def _at(size: int | Free, sizes: Sizes) -> int:
    if isinstance(size, int):
        return size
    return max(0, size.at({name: (sizes[name],) for name in size.names})[0])


# ----------------------------------------------------------------------------------------------------------- wholes


def total_macs(spec: Spec, nodes: Mapping[str, NodeReport]) -> int | None:
    """Multiply-accumulates of a whole graph for one sample; None where a node could not be checked or counted."""
    counts = [nodes[node].macs if node in nodes else None for node in spec.nodes]
    return None if None in counts else sum(count for count in counts if count is not None)


def with_blocks(expanded: Expanded, nodes: Mapping[str, NodeReport]) -> dict[str, NodeReport]:
    """Add a report of each Block node: what comes out of it, and the sums of what is inside."""
    held: dict[str, list[NodeReport]] = {}
    for path, node in nodes.items():
        *around, _id = path.split(SLASH)
        for place in range(1, len(around), 2):
            held.setdefault(SLASH.join(around[:place]), []).append(node)
    found = dict(nodes)
    for path, wire in expanded.feeds.items():
        if tensor := _tensor_at(wire, nodes):
            found[path] = NodeReport({"output": tensor}, macs=0)
    for use, wires in expanded.outputs.items():
        outputs = {port: _tensor_at(wire, nodes) for port, wire in wires.items()}
        found[use] = replace(
            _total(held.get(use, [])), outputs={port: tensor for port, tensor in outputs.items() if tensor}
        )
    return found


def _total(nodes: list[NodeReport]) -> NodeReport:
    """The sums of some nodes' counts; multiply-accumulates are None where one node's are."""
    macs = [node.macs for node in nodes]
    return NodeReport(
        {},
        sum(node.parameters for node in nodes),
        frozen=sum(node.frozen for node in nodes),
        macs=None if None in macs else sum(count for count in macs if count is not None),
        weight_bytes=sum(node.weight_bytes for node in nodes),
        activation_bytes=sum(node.activation_bytes for node in nodes),
    )


def _tensor_at(wire: Wire, nodes: Mapping[str, NodeReport]) -> Tensor | None:
    report = nodes.get(source_id(wire))
    return report.outputs.get(source_port(wire) or next(iter(report.outputs), "")) if report else None
