"""The weights that nodes hold, judged without torch: can they begin as the spec says, can its optimizers train them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.declare import Call, Value, did_you_mean
from engine.edit_settings import initializer as written_initializer
from engine.ops.initializer import FromFile, Initializer
from engine.ops.optimizer import Optimizer
from engine.optimizers import PATH, Entry, free_name, listed, read_optimizers, without
from engine.problem import Fix, Mistake, Problem
from engine.spec import Node, Spec, jsonable
from engine.validate import read_initializer, terminals, upstream, without_init

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """The weights of a node: their shapes by name, and which are matrices and which get sparse gradients.

    `matrices` are what the project's default initializer fills: weights of two axes or more that are no embedding and
    no normalisation. `buffers` are the shapes of what is kept beside the weights and not trained, such as running
    means.
    """

    tensors: Mapping[str, Shape] = field(default_factory=dict)
    matrices: frozenset[str] = frozenset()
    sparse: frozenset[str] = frozenset()
    buffers: Mapping[str, Shape] = field(default_factory=dict)

    def count(self, names: Sequence[str] | None = None) -> int:
        """How many numbers the tensors of these names hold, or all."""
        return sum(math.prod(self.tensors[name]) for name in (self.tensors if names is None else names))


# --------------------------------------------------------------------------------------------------- first numbers


@dataclass(frozen=True, slots=True)
class Beginning:
    """The initializer of one tensor: the node's own, or the project's default; buffers have none but their own."""

    tensor: str
    shape: Shape
    initializer: Initializer
    own: bool
    is_buffer: bool

    def call(self, node: str) -> Call | None:
        """The call that fills the tensor; raises Mistake where it cannot be filled so."""
        words = f"{self.tensor} of {node}"
        if self.is_buffer and not isinstance(self.initializer, FromFile):
            raise Mistake(f"{words} is a buffer, which the node fills itself; only FromFile can give it first numbers.")
        return self.initializer.build(Value(words, self.shape, "float32"))


def beginnings(spec: Spec, node: Node, held: Held) -> Iterator[Beginning]:
    """Yield the initializers of a node's tensors, then of its buffers; settings that are wrong are passed over."""
    init = node.weights.get("init", {})
    own = init if isinstance(init, Mapping) else {}
    default = spec.training.get("init")
    for tensor, shape in {**held.tensors, **held.buffers}.items():
        value = own.get(tensor, default if tensor in held.matrices else None)
        if value is None:
            continue
        try:
            yield Beginning(tensor, shape, read_initializer(value), tensor in own, tensor in held.buffers)
        except Mistake:
            continue


def init_problems(spec: Spec, held: Mapping[str, Held]) -> Iterator[Problem]:
    """Yield where an initializer does not fit its tensor, or is chosen for one that the node does not have."""
    for node_id, weights in held.items():
        node = spec.nodes[node_id]
        if not weights.tensors and not node.weights:
            continue
        init, tensors = node.weights.get("init"), {**weights.tensors, **weights.buffers}
        for tensor in init if isinstance(init, Mapping) else ():
            if tensor not in tensors:
                known = f"it has {', '.join(tensors)}" if tensors else "it has no weights"
                words = f"{node_id} has no tensor {tensor!r}{did_you_mean(tensor, tensors)}; {known}."
                yield Problem(words, node_id, f"weights.init.{tensor}", (without_init(node_id, tensor),))
        for beginning in beginnings(spec, node, weights):
            try:
                beginning.call(node_id)
            except Mistake as mistake:
                yield init_problem(node_id, beginning, mistake)


def init_problem(node: str, beginning: Beginning, mistake: Mistake) -> Problem:
    """The problem of an initializer that does not fit, with the fix that takes it away."""
    tensor = beginning.tensor
    where = f"weights.init.{tensor}"
    if beginning.own:
        return Problem(mistake.message, node, where, (without_init(node, tensor),))
    arguments = {"node": node, "tensor": tensor, "init": written_initializer("Default")}
    words = f"{mistake.message} It is the project's default initializer; choose another one for {tensor}."
    return Problem(words, node, where, (Fix("Leave it as PyTorch draws it", "set_init", arguments),))


# ------------------------------------------------------------------------------------------------------ optimizers


def is_frozen(node: Node) -> bool:
    """Whether a node's weights stay as they are."""
    return node.weights.get("frozen") is True


def trained(spec: Spec, held: Mapping[str, Held]) -> dict[str, list[str]]:
    """List the tensors that training changes, by node."""
    entries, problems = read_optimizers(spec, terminals(spec)[0])
    return {
        node: [tensor for tensor in weights.tensors if problems or any(entry.takes(node, tensor) for entry in entries)]
        for node, weights in held.items()
        if weights.tensors and not is_frozen(spec.nodes[node])
    }


def optimizer_problems(spec: Spec, held: Mapping[str, Held]) -> Iterator[Problem]:
    """Yield where an optimizer cannot take the weights it is given.

    `held` are the weights of the nodes that could be checked.
    """
    entries, _problems = read_optimizers(spec, terminals(spec)[0])
    for entry in entries:
        yield from _named_problems(spec, entry, held)
        yield from _reach_problems(spec, entry, held)
        picky = entry.optimizer.axes is not None or entry.optimizer.sparse == "only"
        for node_id, weights in held.items():
            node = spec.nodes[node_id]
            judged = weights.tensors if picky else weights.sparse or (weights.tensors and node.weights)
            if judged and (mine := _taken(spec, entry, node_id, held)):
                yield from _axes_problems(spec, entry, node_id, mine, held)
                yield from _sparse_problems(spec, entry, node_id, mine, held)
                yield from _group_problems(entry, node)


def _taken(spec: Spec, entry: Entry, node: str, held: Mapping[str, Held]) -> list[str]:
    if is_frozen(spec.nodes[node]):
        return []
    return [tensor for tensor in held[node].tensors if entry.takes(node, tensor)]


def _named_problems(spec: Spec, entry: Entry, held: Mapping[str, Held]) -> Iterator[Problem]:
    """Yield nodes and tensors that an optimizer names and that it cannot change."""
    for each in entry.turn.nodes if entry.turn.nodes != "*" else ():
        node, _, tensor = each.partition(".")
        if node not in spec.nodes:
            continue  # a block: what is inside is judged by itself
        removal = without(entry, "nodes", each)
        if is_frozen(spec.nodes[node]):
            words = f"{node} is frozen, so {entry.turn.name}, which names it, cannot train it."
            thaw = Fix(f"Train {node}", "set_weights", {"node": node, "name": "frozen", "value": None})
            yield Problem(words, node, "weights.frozen", (thaw, removal))
        elif tensor and node in held and tensor not in held[node].tensors:
            known = held[node].tensors
            words = f"{entry.turn.name} names {each}, and {node} has no tensor {tensor!r}{did_you_mean(tensor, known)}."
            yield Problem(words, None, f"{entry.path}.nodes", (removal,))


def _reach_problems(spec: Spec, entry: Entry, held: Mapping[str, Held]) -> Iterator[Problem]:
    """Yield a problem where what an optimizer names has no weights, or none that reach its losses."""
    if entry.turn.nodes == "*":
        return
    nodes = list(dict.fromkeys(each.partition(".")[0] for each in entry.turn.nodes))
    if any(node not in held or is_frozen(spec.nodes[node]) for node in nodes):
        return
    name, path = entry.turn.name, f"{entry.path}.nodes"
    if not any(_taken(spec, entry, node, held) for node in nodes):
        yield Problem(f"The nodes of {name} have no weights to train; name others.", None, path)
        return
    losses = [loss for loss in terminals(spec)[0] if entry.minimises(loss)]
    if losses and not upstream(spec, losses) & {node for node in nodes if held[node].tensors}:
        words = f"None of the nodes of {name} feeds its losses, {', '.join(losses)}, so it learns nothing"
        yield Problem(f"{words}; name other nodes or losses.", None, path)


def _axes_problems(
    spec: Spec, entry: Entry, node: str, mine: Sequence[str], held: Mapping[str, Held]
) -> Iterator[Problem]:
    wanted = entry.optimizer.axes
    wrong = [tensor for tensor in mine if wanted is not None and len(held[node].tensors[tensor]) != wanted]
    if not wrong:
        return

    def fits(node: str, tensor: str) -> bool:
        return len(held[node].tensors[tensor]) == wanted

    count = len(held[node].tensors[wrong[0]])
    words = f"{entry.op} takes only weights with {wanted} axes, and {wrong[0]} of {node} has {count}"
    yield Problem(
        f"{words}; give {wrong[0]} to another optimizer.", node, None, _split(spec, entry, held, fits, "AdamW")
    )


def _sparse_problems(
    spec: Spec, entry: Entry, node: str, mine: Sequence[str], held: Mapping[str, Held]
) -> Iterator[Problem]:
    takes, sparse = entry.optimizer.sparse, held[node].sparse

    def is_sparse(node: str, tensor: str) -> bool:
        return tensor in held[node].sparse

    if takes == "only":
        dense = [tensor for tensor in mine if tensor not in sparse]
        if dense:
            words = f"{entry.op} takes only sparse gradients, and those of {dense[0]} of {node} are dense"
            fixes = _split(spec, entry, held, is_sparse, "Adam")
            yield Problem(f"{words}; give {dense[0]} to another optimizer.", node, None, fixes)
        return
    if sparse.isdisjoint(mine):
        return
    dense_fix = Fix(f"Turn sparse of {node} off", "set_param", {"node": node, "name": "sparse", "value": False})
    if takes == "never":
        words = (
            f"{entry.op} takes no sparse gradients, and {node} has them: turn sparse off, or give it to a SparseAdam."
        )
        fixes = _split(spec, entry, held, lambda node, tensor: not is_sparse(node, tensor), "SparseAdam")
        yield Problem(words, node, "sparse", (dense_fix, *fixes))
    elif decay_of(entry.optimizer, spec.nodes[node]):
        words = f"{entry.op} cannot decay weights with sparse gradients; set decay of {node} to 0, or turn sparse off."
        zero = Fix(f"Set decay of {node} to 0", "set_weights", {"node": node, "name": "decay", "value": 0.0})
        yield Problem(words, node, "sparse", (zero, dense_fix))


def decay_of(optimizer: Optimizer, node: Node) -> float:
    """The weight decay of a node's weights."""
    own = node.weights.get("decay")
    return float(own) if isinstance(own, int | float) else float(getattr(optimizer, "weight_decay", 0.0))


def _group_problems(entry: Entry, node: Node) -> Iterator[Problem]:
    """Yield the settings of a node that an optimizer has no use for."""
    refused = {}
    if not entry.optimizer.grouped and node.weights.get("lr_factor") is not None:
        refused["lr_factor"] = f"{entry.op} takes all weights at one learning rate"
    if not entry.optimizer.has_decay() and node.weights.get("decay") is not None:
        refused["decay"] = f"{entry.op} has no weight decay"
    for name, words in refused.items():
        fix = Fix(f"Remove {name}", "set_weights", {"node": node.id, "name": name, "value": None})
        yield Problem(f"{words}, so {node.id} cannot have {name}; remove it.", node.id, f"weights.{name}", (fix,))


def _split(spec: Spec, entry: Entry, held: Mapping[str, Held], fits: Any, op: str) -> tuple[Fix, ...]:
    """Propose to keep the tensors that fit, and to give the others to an optimizer that acts together with this one."""
    kept: list[str] = []
    rest: list[str] = []
    for node in held:
        mine = _taken(spec, entry, node, held)
        fitting = [tensor for tensor in mine if fits(node, tensor)]
        for names, chosen in ((kept, fitting), (rest, [each for each in mine if each not in fitting])):
            if chosen:
                names += [node] if chosen == list(held[node].tensors) else [f"{node}.{each}" for each in chosen]
    if not kept:
        return (Fix(f"Use {op} instead", "set_optimizer", {"op": op, "place": entry.place}),)
    optimizers = [dict(each) for each in listed(spec)]
    name = free_name(op.lower(), {str(each.get("name", "main")) for each in optimizers})
    params = jsonable(Optimizer.registry[op].defaults())
    other = {"name": name, "op": op, "params": params, "nodes": rest, "together": True}
    shared = {key: optimizers[entry.place].get(key) for key in ("losses", "schedule", "every")}
    other |= {key: value for key, value in shared.items() if value is not None}
    optimizers[entry.place]["nodes"] = kept
    optimizers.insert(entry.place + 1, other)
    return (Fix(f"Give the others an {op}", "set_setting", {"path": PATH, "value": optimizers}),)
