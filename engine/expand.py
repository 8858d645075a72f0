"""Blocks written out: a spec as one flat graph, each node inside a block under an id such as "encoder/0/attn"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from engine.blocks import MOST_ROUNDS, REPEAT, circles, port_name, taken
from engine.declare import did_you_mean
from engine.problem import Fix, Mistake, Problem
from engine.sharing import SHARE, WHERE, share_refusal
from engine.spec import BLOCK, SLASH, Block, Node, Spec, Wire, source_id, source_port
from engine.validate import cycle_problems, node_problems, order, without_init

MOST_NODES = 50_000
INIT = "init"


@dataclass(frozen=True, slots=True)
class Expanded:
    """A spec without Block nodes, what comes out of each Block node, and what is wrong with blocks and their uses.

    `outputs` maps the path of each Block node to its ports' wires in the flat spec, `feeds` the path of each Input
    inside a block to the wire that comes in there.
    """

    spec: Spec
    outputs: Mapping[str, Mapping[str, Wire]] = field(default_factory=dict)
    feeds: Mapping[str, Wire] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


def expand(spec: Spec) -> Expanded:
    """Write all blocks out. What cannot be written out is left out, with a Problem at its place."""
    if not any(node.op == BLOCK for node in spec.nodes.values()):
        return Expanded(spec, problems=tuple(cycle_problems(spec)))
    work = _Expansion(spec.blocks)
    try:
        work.scope(_Scope(spec.nodes))
    except Mistake as mistake:
        return Expanded(spec.with_nodes([]), problems=(mistake.problem(),))
    return Expanded(spec.with_nodes(work.nodes.values()), work.outputs, work.feeds, tuple(work.problems))


@dataclass(frozen=True, slots=True)
class _Scope:
    """Nodes that are written out under a prefix: the graph's own, or a block's in one round of one use."""

    nodes: Mapping[str, Node]
    prefix: str = ""
    values: Mapping[str, Any] | None = None  # of the block's params
    wired: Mapping[str, Wire] = field(default_factory=dict)  # input port -> the wire that comes in
    weights: Mapping[str, Any] = field(default_factory=dict)  # what the use says of this round
    path: tuple[str, ...] = ()  # the blocks that hold it


class _Expansion:
    def __init__(self, blocks: Mapping[str, Block]) -> None:
        self._blocks = blocks
        self.nodes: dict[str, Node] = {}
        self.outputs: dict[str, Mapping[str, Wire]] = {}
        self.feeds: dict[str, Wire] = {}
        self.problems: list[Problem] = []

    def scope(self, scope: _Scope) -> dict[str, Wire]:
        """Write the nodes of a scope out; returns the wires of its Outputs by port, where it is a block's."""
        whole = Spec(nodes=scope.nodes, blocks=self._blocks)
        for problem in cycle_problems(whole):
            self.problems.append(_placed(problem, str(problem.node), scope.prefix))
        results: dict[str, Wire] = {}
        silent: set[str] = set()  # nodes whose sources could not be written out
        for node_id in order(whole):
            node = scope.nodes[node_id]
            if scope.path and node.op == "Input":
                if port_name(node) in scope.wired:
                    self.feeds[scope.prefix + node_id] = scope.wired[port_name(node)]
                continue
            inputs = self._inputs(scope, node, silent)
            if inputs is None:
                silent.add(node_id)
            elif scope.path and node.op == "Output":
                results.update({port_name(node): str(wire) for wire in inputs.values()})
            elif not self._node(whole, scope, node, inputs):
                silent.add(node_id)
        return results

    def _node(self, whole: Spec, scope: _Scope, node: Node, inputs: Mapping[str, Any]) -> bool:
        try:
            params = {name: _taken(name, value, scope.values) for name, value in node.params.items()}
            node = replace(node, params=params, repeat=_taken("repeat", node.repeat, scope.values))
        except Mistake as mistake:
            self._tell(scope, node, mistake.message, mistake.param)
            return False
        if node.op == BLOCK:
            return self._use(whole, scope, node, inputs)
        if len(self.nodes) >= MOST_NODES:
            raise Mistake(f"The blocks make more than {MOST_NODES:,} nodes; repeat them less often.")
        self.nodes[scope.prefix + node.id] = replace(
            node, id=scope.prefix + node.id, inputs=inputs, weights=_shared(scope, inherited(scope.weights, node))
        )
        return True

    def _inputs(self, scope: _Scope, node: Node, silent: set[str]) -> dict[str, Any] | None:
        """The node's wires in the flat graph; None where one of them comes from what was left out."""
        inputs: dict[str, Any] = {}
        for port, wire in node.inputs.items():
            wires = [self._wire(scope, each, silent) for each in ((wire,) if isinstance(wire, str) else wire)]
            if None in wires:
                return None
            inputs[port] = wires[0] if isinstance(wire, str) else tuple(wires)
        return inputs

    def _wire(self, scope: _Scope, wire: Wire, silent: set[str]) -> Wire | None:
        source, port = source_id(wire), source_port(wire)
        node = scope.nodes.get(source)
        if node is None:
            return scope.prefix + wire  # the check says that it does not exist
        if source in silent:
            return None
        if scope.path and node.op == "Input":
            return scope.wired.get(port_name(node))
        if node.op == BLOCK:
            outputs = self.outputs.get(scope.prefix + source, {})
            return outputs.get(port or next(iter(outputs), ""))
        return scope.prefix + wire

    # ------------------------------------------------------------------------------------------------------ uses

    def _use(self, whole: Spec, scope: _Scope, node: Node, inputs: Mapping[str, Any]) -> bool:
        problems = [
            *self._use_problems(whole, scope, node),
            *node_problems(whole, replace(node, inputs=whole.nodes[node.id].inputs)),
        ]
        if problems:
            self.problems += [_placed(each, node.id, scope.prefix) for each in problems]
            return False
        block = self._blocks[node.block]
        values = {name: node.params.get(name, each.get("default")) for name, each in block.params.items()}
        weights = inherited(scope.weights, node)
        self.problems += [_placed(each, node.id, scope.prefix) for each in _begin_problems(self._blocks, node)]
        wired: Mapping[str, Wire] = {port: str(wire) for port, wire in inputs.items()}
        results: dict[str, Wire] = {}
        use = f"{scope.prefix}{node.id}{SLASH}"
        begun = len(self.nodes)
        for number in range(node.repeat):
            round_begun = len(self.nodes)
            prefix = f"{use}{number}{SLASH}"
            path = (*scope.path, node.block)
            results = self.scope(_Scope(block.nodes, prefix, values, wired, within(weights, str(number)), path))
            if number and node.share_weights:
                self._share(round_begun, prefix, f"{use}0{SLASH}")
            wired = _fed_back(wired, results)
        if isinstance(other := node.weights.get(SHARE), str):
            self._share(begun, use, f"{scope.prefix}{other}{SLASH}")
        self.outputs[scope.prefix + node.id] = results
        return True

    def _use_problems(self, whole: Spec, scope: _Scope, node: Node) -> Iterator[Problem]:
        if node.block not in self._blocks:
            words = f"There is no block {node.block!r}{did_you_mean(node.block, self._blocks)}."
            yield Problem(words, node.id, "block")
            return
        circle = next(circles(self._blocks, node.block, scope.path), None)
        if circle is not None:
            words = f"The block {circle[0]} holds itself: {' → '.join(circle)}; take one of these uses out."
            yield Problem(words, node.id, "block")
        if refusal := REPEAT.refuse(node.repeat):
            yield Problem(refusal, node.id, "repeat")
        share = node.weights.get(SHARE)
        if share is not None and (refusal := share_refusal(whole.nodes, node, share)):
            fix = Fix("Remove the sharing", "set_share", {"node": node.id, "other": None})
            yield Problem(refusal, node.id, WHERE, (fix,))

    def _share(self, begun: int, prefix: str, twins: str) -> None:
        """Let the nodes that were written out since use the weights of their twins, under another prefix.

        What they share among themselves they share by way of their twins, which do the same.
        """
        for node_id in list(islice(self.nodes, begun, None)):
            node = self.nodes[node_id]
            twin = twins + node_id.removeprefix(prefix)
            weights = {name: value for name, value in node.weights.items() if name != INIT}  # it begins as its twin
            self.nodes[node_id] = replace(node, weights={**weights, SHARE: twin})

    def _tell(self, scope: _Scope, node: Node, words: str, param: str | None) -> None:
        self.problems.append(Problem(words, scope.prefix + node.id, param))


def _placed(problem: Problem, node: str, prefix: str) -> Problem:
    """A problem of a node, and what mends it, as it reads from outside of the blocks around it."""
    fixes = tuple(
        replace(fix, arguments={**fix.arguments, "node": prefix + node}) if fix.arguments.get("node") == node else fix
        for fix in problem.fixes
    )
    return replace(problem, node=prefix + node, fixes=fixes)


def _taken(name: str, value: Any, values: Mapping[str, Any] | None) -> Any:
    try:
        return taken(value, values)
    except Mistake as mistake:
        raise Mistake(mistake.message, param=name) from None


def within(weights: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What weights settings say of what stands inside under a name: of a round of a use, or of a node in it.

    All of them hold inside too; a share does not, and an initializer only for the tensor that its path leads to.
    """
    found = {each: value for each, value in weights.items() if each not in (SHARE, INIT)}
    paths = {path: path.partition(".") for path in _inits(weights)}
    inits = {rest: weights[INIT][path] for path, (first, _dot, rest) in paths.items() if first == name}
    return {**found, INIT: inits} if inits else found


def inherited(around: Mapping[str, Any], node: Node) -> dict[str, Any]:
    """A node's weights settings over those around it, which have the last word on what its tensors begin with."""
    given = within(around, node.id)
    weights = {**given, **node.weights}
    return {**weights, INIT: {**_inits(node.weights), **given[INIT]}} if INIT in given else weights


def _inits(weights: Mapping[str, Any]) -> Mapping[str, Any]:
    inits = weights.get(INIT)
    return inits if isinstance(inits, Mapping) else {}


def _shared(scope: _Scope, weights: dict[str, Any]) -> Mapping[str, Any]:
    """Weights settings whose share, which names a node of the same scope, names it by its path."""
    share = weights.get(SHARE)
    return {**weights, SHARE: scope.prefix + share} if isinstance(share, str) else weights


def _begin_problems(blocks: Mapping[str, Block], use: Node) -> Iterator[Problem]:
    """Yield a problem where a use says how tensors begin that its rounds do not hold.

    What is said of rounds that it does not have now waits for them: fewer may be tried, and the others come back.
    """
    inits = _inits(use.weights)
    lost = [path for path in inits if not _leads_inside(blocks, use, path)]
    if lost:
        rest = {path: value for path, value in inits.items() if path not in lost}
        named = f"{lost[0]!r}" if len(lost) == 1 else f"{lost[0]!r} and {len(lost) - 1} more"
        words = f"{use.id} gives first numbers to {named}, which it does not hold; a path is a round, from 0 on, a node"
        words = f"{words} of {use.block} and its tensor, such as 0.linear_1.weight."
        fix = Fix("Remove what does not fit", "set_weights", {"node": use.id, "name": INIT, "value": rest or None})
        yield Problem(words, use.id, f"weights.init.{lost[0]}", (fix,))


def _leads_inside(blocks: Mapping[str, Block], use: Node, path: str) -> bool:
    """Whether a path leads to a node in a round that a use has or may come to have."""
    number, _, rest = path.partition(".")
    node_id, _, rest = rest.partition(".")
    node = blocks[use.block].nodes.get(node_id)
    if node is None or not rest or not number.isdecimal() or int(number) >= MOST_ROUNDS:
        return False
    return node.block not in blocks or _leads_inside(blocks, node, rest)


def _fed_back(wired: Mapping[str, Wire], results: Mapping[str, Wire]) -> dict[str, Wire]:
    """What comes into the next round: outputs into the inputs of the same name, else the first into the first."""
    fed = {port: results.get(port, wire) for port, wire in wired.items()}
    if wired and results and not wired.keys() & results.keys():
        fed[next(iter(wired))] = next(iter(results.values()))
    return fed


def home(spec: Spec, path: str) -> tuple[str, str]:
    """Where the node of a path such as "encoder/0/attn" is defined: (block name, id); ("", id) in the graph itself."""
    block, nodes = "", spec.nodes
    use, *rest = path.split(SLASH)
    while len(rest) >= 2 and use in nodes and nodes[use].block in spec.blocks:
        block = nodes[use].block
        nodes = spec.blocks[block].nodes
        use, rest = rest[1], rest[2:]
    return block, use


def once(spec: Spec, problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Leave out what is told already: a mistake inside a block shows at its first use alone."""
    told: dict[Any, Problem] = {}
    for problem in problems:
        where = home(spec, problem.node) if problem.node else None
        told.setdefault((where, problem.param, problem.message), problem)
    return tuple(told.values())


def at_setting(spec: Spec, problem: Problem) -> Problem:
    """A problem of how a tensor begins at the use around it that says so, where one does, with the fix for it there."""
    where, _, tensor = (problem.param or "").partition(f"weights.{INIT}.")
    *around, node = (problem.node or "").split(SLASH)
    if where or not tensor or not around:
        return problem
    nodes = spec.nodes
    for place in range(0, len(around), 2):
        use = nodes.get(around[place])
        if use is None or use.block not in spec.blocks:
            return problem
        path = ".".join([*around[place + 1 :], node, tensor])
        if path in _inits(use.weights):
            here = SLASH.join(around[: place + 1])
            fixes = (without_init(here, path),)
            return replace(problem, node=here, param=f"weights.{INIT}.{path}", fixes=fixes)
        nodes = spec.blocks[use.block].nodes
    return problem
