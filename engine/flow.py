"""What flows through a graph while it is checked: shapes with free sizes, dtypes, and the nodes they come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from engine.blocks import op_of
from engine.count import NOTHING, Cost
from engine.declare import INDEX, Call, Input, Op, Recipe
from engine.problem import Mistake
from engine.report import Tensor
from engine.sizes import Size
from engine.spec import Node, Spec, Wire, source_id, source_port
from engine.weights import Held


@dataclass(frozen=True, slots=True)
class Flow:
    """What flows through a wire: its shape with free sizes as expressions, and its dtype."""

    shape: tuple[Size, ...]
    dtype: str

    def tensor(self) -> Tensor:
        """The same as a report tells it."""
        return Tensor(tuple(size if isinstance(size, int) else str(size) for size in self.shape), self.dtype)


Flows = Mapping[str, Flow | tuple[Flow, ...]]  # input port -> what flows in


@dataclass(frozen=True, slots=True)
class Checked:
    """A node that works: what it is built from, what flows out, the weights it holds, what flows in, what it costs."""

    op: Op
    recipe: Recipe | Call | None
    outputs: Mapping[str, Flow]
    weights: Held = field(default_factory=Held)
    flows: Flows = field(default_factory=dict)
    call: Call | None = None  # of a metric whose recipe gathers: what makes a batch ready for it
    unknown: bool = False  # whether a size depends on the numbers, and so is this node's own
    weight_bytes: int = 0
    cost: Cost = NOTHING


def declared(node: Node) -> type[Op]:
    """The declaration of a node of a spec without blocks that is known to have one."""
    op = op_of(Spec(), node)
    assert op is not None
    return op


def flows_into(node: Node, checked: Mapping[str, Checked]) -> Flows:
    """What flows into each wired port; raises Mistake where an output gives no tensor as its node is set."""
    flows: dict[str, Flow | tuple[Flow, ...]] = {}
    for port in declared(node).input_ports():
        wire = node.inputs.get(port)
        if wire:
            flows[port] = (
                flow_of(wire, port, checked)
                if isinstance(wire, str)
                else tuple(flow_of(each, port, checked) for each in wire)
            )
    return flows


def flow_of(wire: Wire, port: str, checked: Mapping[str, Checked]) -> Flow:
    """What flows through a wire from a node that works; raises Mistake, at `port`, where nothing does."""
    source = checked[source_id(wire)]
    name = source_port(wire) or next(iter(type(source.op).output_ports()), "")
    if name not in source.outputs:
        raise Mistake(f"{wire} gives no tensor while {source_id(wire)} is set as it is.", param=port)
    return source.outputs[name]


def lacks_embedding(port: Input, flow: Flow) -> bool:
    """Whether indices flow where their vectors are meant: whole numbers, with one axis too few."""
    axes = port.port.axes.split()
    fits = "..." not in axes and len(axes) == len(flow.shape) + 1
    return fits and len(flow.shape) > 1 and flow.dtype in INDEX and flow.dtype not in port.port.dtypes


def all_flows(flows: Flows) -> Iterator[Flow]:
    """Yield every flow, those of list ports one by one."""
    for flow in flows.values():
        if isinstance(flow, Flow):
            yield flow
        else:
            yield from flow
