"""What a check found, as plain values that cross to the window and into JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from engine.problem import Problem
from engine.spec import SLASH

Dim = int | str  # a size: fixed, or a free one by name or expression, such as "N" or "T//2"


@dataclass(frozen=True, slots=True)
class Tensor:
    """Shape and dtype of what flows out of a port."""

    shape: tuple[Dim, ...]
    dtype: str

    def __str__(self) -> str:
        return f"{' × '.join(map(str, self.shape)) or 'scalar'}"

    def encode(self) -> dict[str, Any]:
        return {"shape": list(self.shape), "dtype": self.dtype}

    @classmethod
    def decode(cls, data: Mapping[str, Any]) -> Tensor:
        return cls(tuple(data["shape"]), data["dtype"])


@dataclass(frozen=True, slots=True)
class NodeReport:
    """A checked node: its outputs by port, how many numbers it learns and in which tensors, and what it costs.

    `buffers` are kept beside the tensors and not learned. `frozen` counts those numbers that training leaves as they
    are: the node is frozen, or no optimizer takes them. `macs` are the multiply-accumulates for one sample, None where
    they are not known; `weight_bytes` is what its weights take in a file, `activation_bytes` what training keeps of it
    for a batch. A node that uses another's weights adds none of its own.
    """

    outputs: Mapping[str, Tensor] = field(default_factory=dict)
    parameters: int = 0
    tensors: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    frozen: int = 0
    macs: int | None = None
    weight_bytes: int = 0
    activation_bytes: int = 0
    buffers: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def encode(self) -> dict[str, Any]:
        return {
            "outputs": {port: tensor.encode() for port, tensor in self.outputs.items()},
            "parameters": self.parameters,
            "tensors": {name: list(shape) for name, shape in self.tensors.items()},
            "frozen": self.frozen,
            "macs": self.macs,
            "weight_bytes": self.weight_bytes,
            "activation_bytes": self.activation_bytes,
            "buffers": {name: list(shape) for name, shape in self.buffers.items()},
        }

    @classmethod
    def decode(cls, data: Mapping[str, Any]) -> NodeReport:
        outputs = {port: Tensor.decode(tensor) for port, tensor in data["outputs"].items()}
        return cls(
            outputs,
            data["parameters"],
            {name: tuple(shape) for name, shape in data.get("tensors", {}).items()},
            frozen=data.get("frozen", 0),
            macs=data.get("macs"),
            weight_bytes=data.get("weight_bytes", 0),
            activation_bytes=data.get("activation_bytes", 0),
            buffers={name: tuple(shape) for name, shape in data.get("buffers", {}).items()},
        )


@dataclass(frozen=True, slots=True)
class Optimised:
    """How many nodes feed or compute something before and after the graph passes, for "training" or "inference"."""

    purpose: str
    before: int
    after: int

    def encode(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def decode(cls, data: Mapping[str, Any]) -> Optimised:
        return cls(**data)


@dataclass(frozen=True, slots=True)
class Report:
    """The whole check. `nodes` holds the nodes that could be checked; those in or behind a mistake are missing.

    Nodes inside blocks stand under their paths, such as "encoder/0/attn", beside the Block nodes that hold them.
    `macs` are the multiply-accumulates of the whole graph for one sample, None where they are not known. `sizes` tells
    what the free sizes count as: "N" the batch whose activations are told, the others in all counts. `optimised` is
    told where the graph has no problem and was looked at for it.
    """

    nodes: Mapping[str, NodeReport] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    macs: int | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    optimised: Optimised | None = None

    @property
    def parameters(self) -> int:
        """How many numbers the whole graph learns, frozen ones among them."""
        return self._sum("parameters")

    @property
    def frozen(self) -> int:
        """How many of them training leaves as they are."""
        return self._sum("frozen")

    @property
    def weight_bytes(self) -> int:
        """Bytes of all weights in a file."""
        return self._sum("weight_bytes")

    @property
    def activation_bytes(self) -> int:
        """Bytes that training keeps for the backward pass of one batch."""
        return self._sum("activation_bytes")

    def _sum(self, name: str) -> int:
        return sum(getattr(node, name) for path, node in self.nodes.items() if SLASH not in path)

    def encode(self) -> dict[str, Any]:
        return {
            "problems": [problem.encode() for problem in self.problems],
            "parameters": self.parameters,
            "frozen": self.frozen,
            "macs": self.macs,
            "weight_bytes": self.weight_bytes,
            "activation_bytes": self.activation_bytes,
            "sizes": dict(self.sizes),
            "nodes": {node_id: node.encode() for node_id, node in self.nodes.items()},
            "optimised": None if self.optimised is None else self.optimised.encode(),
        }

    @classmethod
    def decode(cls, data: Mapping[str, Any]) -> Report:
        nodes = {node_id: NodeReport.decode(node) for node_id, node in data["nodes"].items()}
        optimised = Optimised.decode(data["optimised"]) if data.get("optimised") else None
        problems = tuple(map(Problem.decode, data["problems"]))
        return cls(nodes, problems, data["macs"], data.get("sizes", {}), optimised)
