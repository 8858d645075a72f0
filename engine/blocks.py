"""Blocks as declarations: a block's ports and params, in the same form as an op's; and params taken from a block."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

from engine import kinds
from engine.declare import ANY, Call, Input, Op, Param, Port, Recipe, did_you_mean
from engine.expressions import evaluate, names_in_expression
from engine.kinds import UNBOUNDED, Kind
from engine.ops import OPS
from engine.problem import Mistake, Problem
from engine.spec import BLOCK, Block, Node, Spec

GROUP = "Blocks"
PARAM, EXPR = "param", "expr"
MOST_ROUNDS = 1000
REPEAT = Param(
    "repeat",
    kinds.Int(kinds.Bounds(1, MOST_ROUNDS)),
    1,
    "Times the block stands in a row.",
    kinds.Bounds(1, MOST_ROUNDS),
)

_KINDS: dict[str, Kind] = {
    "int": kinds.Int(),
    "float": kinds.Float(),
    "bool": kinds.Bool(),
    "str": kinds.Text(),
    "shape": kinds.Shape(),
}


class BlockOp(Op, abstract=True):
    """Base of the declarations made from blocks; each block of a spec has a class of its own."""

    block_inputs: ClassVar[Mapping[str, Input]] = {}
    block_outputs: ClassVar[tuple[str, ...]] = ()
    block_params: ClassVar[Mapping[str, Param]] = {}

    @classmethod
    def input_ports(cls) -> Mapping[str, Input]:
        """A port for each Input inside."""
        return cls.block_inputs

    @classmethod
    def output_ports(cls) -> tuple[str, ...]:
        """A port for each Output inside."""
        return cls.block_outputs

    @classmethod
    def params(cls) -> Mapping[str, Param]:
        """The params that the block exposes."""
        return cls.block_params

    @classmethod
    def source_of(cls) -> str:
        """No PyTorch class stands behind a block."""
        return ""

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> tuple[Self | None, list[Problem]]:
        """Judge the values; there is nothing to build."""
        problems = list(cls._unknown(values))
        for name, each in cls.params().items():
            if name in values and (refusal := each.refuse(values[name])):
                problems.append(Problem(refusal, param=name))
        return None, problems

    def build(self) -> Recipe | Call:
        raise AssertionError("a block is built from the nodes inside it")


class _Key:
    """A block by identity: specs are never changed in place."""

    __slots__ = ("blocks", "name")

    def __init__(self, blocks: Mapping[str, Block], name: str) -> None:
        self.blocks, self.name = blocks, name

    def __hash__(self) -> int:
        return hash((id(self.blocks), self.name))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.blocks is self.blocks and other.name == self.name


def op_of(spec: Spec, node: Node) -> type[Op] | None:
    """The declaration of a node: of its op, or of the block it stands for; None where there is none."""
    if node.op != BLOCK:
        op = OPS.get(node.op)
        return op.declared_by(node.params, node.inputs) if op is not None else None
    return _declared(_Key(spec.blocks, node.block)) if node.block in spec.blocks else None


def block_op(spec: Spec, name: str) -> type[Op]:
    """The declaration of a block of a spec."""
    return _declared(_Key(spec.blocks, name))


@functools.lru_cache(maxsize=512)
def _declared(key: _Key) -> type[BlockOp]:
    block = key.blocks[key.name]
    inputs = [port_name(node) for node in block.nodes.values() if node.op == "Input"]
    outputs = [port_name(node) for node in block.nodes.values() if node.op == "Output"]
    doc = block.extra.get("doc")
    space = {
        "__doc__": doc if isinstance(doc, str) and doc.strip() else f"A block of {len(block.nodes)} nodes.",
        "title": key.name,
        "block_inputs": {name: Input(name, Port(ANY, "...")) for name in inputs},
        "block_outputs": tuple(dict.fromkeys(outputs)),
        "block_params": {name: _param(key, name, each) for name, each in block.params.items()},
        "key": tuple(list(block.params)[:3]),
    }
    return type(key.name, (BlockOp,), space, abstract=True, group=GROUP)


def _param(key: _Key, name: str, declared: Mapping[str, Any]) -> Param:
    inner = _exposed(key, name)
    doc = declared.get("doc")
    kind = inner.kind if inner is not None else _KINDS.get(str(declared.get("type")), kinds.Float())
    words = (
        doc if isinstance(doc, str) and doc else inner.doc if inner is not None else f"The param {name} of the block."
    )
    return Param(name, kind, declared.get("default"), words, inner.bounds if inner is not None else UNBOUNDED)


def _exposed(key: _Key, name: str) -> Param | None:
    """The param inside that takes the block's param as it is: its kind and bounds are the block's."""
    for node in key.blocks[key.name].nodes.values():
        for param, value in node.params.items():
            if value == {PARAM: name} and (node.op != BLOCK or node.block != key.name):
                op = op_of(Spec(blocks=key.blocks), node) if _is_shallow(key.blocks, node) else None
                if op is not None and param in op.params():
                    return op.params()[param]
    return None


def _is_shallow(blocks: Mapping[str, Block], node: Node) -> bool:
    """Whether a node's declaration can be made: a block that holds itself has none."""
    return node.op != BLOCK or not holds_itself(blocks, node.block)


def holds_itself(blocks: Mapping[str, Block], name: str) -> bool:
    """Whether a block holds a block that holds itself, by way of others too."""
    return any(True for _ in circles(blocks, name, ()))


def circles(blocks: Mapping[str, Block], name: str, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield each way from a block back to itself, such as ("A", "B", "A")."""
    if name in path:
        yield (*path[path.index(name) :], name)
        return
    inside = dict.fromkeys(node.block for node in getattr(blocks.get(name), "nodes", {}).values() if node.op == BLOCK)
    for each in inside:
        yield from circles(blocks, each, (*path, name))


def holds(blocks: Mapping[str, Block], name: str, block: str) -> bool:
    """Whether a block is another, or holds it, by way of others too."""
    if name == block:
        return True
    inside = {node.block for node in getattr(blocks.get(name), "nodes", {}).values() if node.op == BLOCK}
    return any(holds(blocks, each, block) for each in inside - {name})


def port_name(node: Node) -> str:
    """The port that an Input or an Output is to the outside of its block."""
    name = node.params.get("name")
    return name if isinstance(name, str) and name else node.id


# ------------------------------------------------------------------------------------------------- params inside


def is_taken(value: Any) -> bool:
    """Whether a param's value is taken from the block: {"param": name} or {"expr": text}."""
    return isinstance(value, Mapping) and len(value) == 1 and next(iter(value)) in (PARAM, EXPR)


def names_taken(value: Any) -> frozenset[str]:
    """The params of the block that a param's value needs."""
    if not is_taken(value):
        return frozenset()
    key, text = next(iter(value.items()))
    return frozenset({str(text)}) if key == PARAM else names_in_expression(str(text))


def taken(value: Any, values: Mapping[str, Any] | None) -> Any:
    """Give a param's value, worked out where it is taken from the block; `values` is None outside of blocks.

    Raises Mistake where the block has no such param or the expression cannot be computed.
    """
    if not is_taken(value):
        return value
    if values is None:
        raise Mistake("Only a node inside a block can take its value from a param of the block; type a value.")
    key, text = next(iter(value.items()))
    if key == EXPR:
        return evaluate(str(text), values)
    if not isinstance(text, str) or text not in values:
        raise Mistake(f"The block has no param {text!r}{did_you_mean(str(text), values)}.")
    return values[text]
