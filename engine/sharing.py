"""Weights that several nodes share, judged without torch: the same module where nodes are alike, else tied tensors.

A node whose setting `share` names another is built as that one is: with the same recipe it calls the very same module,
buffers too; with another, its tensors of the same name and shape are those of the other (an Embedding's weight is a
Linear's). Nodes of one op that have no weights share nothing and may say so. In blocks written out, each later round
shares with the first, and a use with another use, node by node.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.declare import Call, Recipe, did_you_mean
from engine.edit_settings import set_weights
from engine.problem import Fix, Mistake, Problem
from engine.spec import BLOCK, SLASH, Node, Spec
from engine.weights import Held

SHARE, WHERE = "share", "weights.share"
Recipes = Mapping[str, Recipe | Call | None]


@dataclass(frozen=True, slots=True)
class Sharing:
    """Which nodes share: `modules` maps a node to the one whose module it calls.

    `ties` maps a node to another and the names of the tensors of that one which it uses.
    """

    modules: Mapping[str, str] = field(default_factory=dict)
    ties: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()

    def own(self, node: str, held: Held) -> Held:
        """The weights that are a node's own, those that it shares left out."""
        if node in self.modules:
            return Held()
        if node not in self.ties:
            return held
        shared = frozenset(self.ties[node][1])
        tensors = {name: shape for name, shape in held.tensors.items() if name not in shared}
        return replace(held, tensors=tensors, matrices=held.matrices - shared, sparse=held.sparse - shared)


def sharing(spec: Spec, recipes: Recipes, held: Mapping[str, Held]) -> Sharing:
    """Find out what the nodes of a spec without blocks share; those that could not be checked are passed over."""
    owners = {node.id: node.weights[SHARE] for node in spec.nodes.values() if SHARE in node.weights}
    if not owners:
        return Sharing()
    modules: dict[str, str] = {}
    ties: dict[str, tuple[str, tuple[str, ...]]] = {}
    problems = list(_structure_problems(spec, owners))
    broken = {problem.node for problem in problems} | _in_circles(owners)
    for node, owner in owners.items():
        if node in broken or node not in held or owner not in held:
            continue
        alike = _alike(recipes.get(node), recipes.get(owner))
        if alike and (held[node].tensors or held[node].buffers):
            modules[node] = owner
            continue
        names = tuple(name for name in held[node].tensors if name in held[owner].tensors)
        words = _refusal(node, owner, held, names)
        if not words:
            ties[node] = (owner, names)
        elif names or (_is_chosen(node, owner) and spec.nodes[node].op != spec.nodes[owner].op):
            problems.append(Problem(words, node, WHERE, (_fix(node, owner),)))
    return Sharing(modules, ties, tuple(_once(problems)))


def _once(problems: Iterable[Problem]) -> Iterator[Problem]:
    """Tell what is wrong with a use, or the rounds of one, at the first node where it shows."""
    told: set[tuple[str, str]] = set()
    for problem in problems:
        key = (problem.fixes[0].edit, problem.fixes[0].arguments["node"])
        if key not in told:
            told.add(key)
            yield problem


def _alike(one: Recipe | Call | None, other: Recipe | Call | None) -> bool:
    """Whether two nodes build the same module."""
    return (
        isinstance(one, Recipe)
        and isinstance(other, Recipe)
        and (one.target, one.args, one.kwargs) == (other.target, other.args, other.kwargs)
    )


def _refusal(node: str, owner: str, held: Mapping[str, Held], names: tuple[str, ...]) -> str | None:
    """Say why two nodes that are not alike cannot share the tensors of these names; None where they can."""
    mine, theirs = held[node].tensors, held[owner].tensors
    one, other = (_last(node), _last(owner)) if _is_chosen(node, owner) else (node, owner)
    if not names:
        told = f"{one} has {_listed(held[node])} and {other} has {_listed(held[owner])}"
        return f"{one} can share nothing with {other}: {told}; share with a node that has weights of the same names."
    wrong = next((name for name in names if mine[name] != theirs[name]), None)
    if wrong is not None:
        told = f"its {wrong} is {_sizes(mine[wrong])} and that of {other} is {_sizes(theirs[wrong])}"
        return f"{one} cannot share the weights of {other}: {told}; make them alike, or remove the sharing."
    if bool(held[node].sparse) != bool(held[owner].sparse):
        sparse, dense = (one, other) if held[node].sparse else (other, one)
        return f"The gradients of {sparse} are sparse and those of {dense} are not; turn sparse of {sparse} off."
    return None


def _last(node: str) -> str:
    return node.rpartition(SLASH)[2]


def _listed(held: Held) -> str:
    return ", ".join(f"{name} ({_sizes(shape)})" for name, shape in held.tensors.items()) or "no weights"


def _sizes(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "one number"


# ------------------------------------------------------------------------------------------------------ structure


def _structure_problems(spec: Spec, owners: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield shares of nothing, of a node itself and in a circle."""
    told: set[str] = set()
    scopes, uses = _scopes(spec), _uses(spec)
    for node, owner in owners.items():
        words: str | None = None
        if isinstance(owner, str) and not _is_chosen(node, owner):  # by a use, whose own problems are told at itself
            use = SLASH.join(owner.split(SLASH)[: _parting(node, owner) + 1])
            if owner not in spec.nodes and use in uses:
                words = f"It shares the weights of {owner}, and there is no such node; remove the sharing."
        elif isinstance(owner, str) and owner in uses:
            words = f"{_last(node)} cannot share the weights of {_last(owner)}, which is a block; it is none itself."
        elif node not in told:
            beside = scopes[node.rpartition(SLASH)[0]]
            here = beside[_last(node)]
            words = share_refusal(beside, here, here.weights[SHARE])
            told.update(_circle(owners, node))
        if words:
            yield Problem(words, node, WHERE, (_fix(node, owner),))


def _scopes(spec: Spec) -> dict[str, dict[str, Node]]:
    """The nodes by the path of their scope, with ids and shares as they read inside."""
    scopes: dict[str, dict[str, Node]] = {}
    for path, node in spec.nodes.items():
        scope, _, name = path.rpartition(SLASH)
        share = node.weights.get(SHARE)
        if scope and isinstance(share, str):
            local = _last(share) if _is_chosen(path, share) else None
            node = with_shares(node, {share: local})
        scopes.setdefault(scope, {})[name] = replace(node, id=name) if scope else node
    return scopes


def _uses(spec: Spec) -> set[str]:
    """The paths of the uses of blocks that stand written out."""
    found: set[str] = set()
    for path in spec.nodes:
        parts = path.split(SLASH)
        found.update(SLASH.join(parts[:place]) for place in range(1, len(parts), 2))
    return found


def _circle(owners: Mapping[str, Any], node: str) -> list[str]:
    """The circle of shares that a node is part of, empty where there is none."""
    path = [node]
    while isinstance(owner := owners.get(path[-1]), str):
        if owner == node:
            return path
        if owner in path:
            return []
        path.append(owner)
    return []


def _in_circles(owners: Mapping[str, Any]) -> set[str]:
    """The nodes whose shares lead into a circle."""
    found: set[str] = set()
    clear: set[str] = set()
    for node in owners:
        path: list[str] = []
        here: Any = node
        while isinstance(here, str) and here in owners and not (here in path or here in found or here in clear):
            path.append(here)
            here = owners[here]
        (found if here in path or here in found else clear).update(path)
    return found


def _is_chosen(node: str, owner: str) -> bool:
    """Whether a share was chosen at the node itself, which names a node beside it, and not by a use around it."""
    return node.rpartition(SLASH)[0] == owner.rpartition(SLASH)[0]


def _parting(node: str, owner: str) -> int:
    """The place of the first part in which two paths differ: even for a use, odd for a round."""
    pairs = zip(node.split(SLASH), owner.split(SLASH), strict=False)
    return next((place for place, (one, other) in enumerate(pairs) if one != other), 0)


def _fix(node: str, owner: Any) -> Fix:
    """The fix that takes a share away where it was set."""
    place = _parting(node, owner) if isinstance(owner, str) and not _is_chosen(node, owner) else None
    parts = node.split(SLASH)
    if place is not None and place % 2:
        use = SLASH.join(parts[:place])
        return Fix("Let each round have weights of its own", "set_share_weights", {"node": use, "share": False})
    where = node if place is None else SLASH.join(parts[: place + 1])
    return Fix("Remove the sharing", "set_share", {"node": where, "other": None})


# ---------------------------------------------------------------------------------------------------------- edits


def set_share(spec: Spec, node: str, other: str | None) -> Spec:
    """Let a node use the weights of another node beside it; None lets it have its own.

    Raises Mistake where the other does not exist or is not of its kind, or where the shares would run in a circle.
    """
    if other is not None and node in spec.nodes and (words := share_refusal(spec.nodes, spec.nodes[node], other)):
        raise Mistake(words, param=WHERE)
    return set_weights(spec, node, SHARE, other)


def share_refusal(nodes: Mapping[str, Node], node: Node, other: Any) -> str | None:
    """Say why a node, or a use of a block, cannot share the weights of another beside it; None where it may."""
    if not isinstance(other, str):
        return f"share is {other!r}; it must be the id of the node whose weights this one uses."
    if other not in nodes:
        return f"There is no node {other!r} whose weights {node.id} could share{did_you_mean(other, nodes)}."
    circle = _circle({**{each.id: each.weights.get(SHARE) for each in nodes.values()}, node.id: other}, node.id)
    if circle:
        return f"The weights are shared in a circle: {' → '.join([*circle, node.id])}; remove one of these shares."
    owner = nodes[other]
    if (node.op, node.block) == (owner.op, owner.block) or BLOCK not in (node.op, owner.op):
        return None
    kinds = " and ".join(
        f"{each.id} stands for {each.block}" if each.op == BLOCK else f"{each.id} for no block"
        for each in (node, owner)
    )
    return f"{node.id} cannot share the weights of {owner.id}: {kinds}; both must stand for the same block."


Tensors = Mapping[str, Mapping[str, tuple[int, ...]]]  # node -> its weights' shapes, those it shares left out


def partners(spec: Spec, node: str, tensors: Tensors) -> dict[str, str]:
    """The nodes beside one whose weights it could share, each with "" or the sentence that refuses it.

    Uses of blocks go with uses of blocks. Another node must have weights that fit: of the same names in the same
    shapes, or of the same op where its shapes are not known.
    """
    here = spec.nodes[node]
    found = {}
    for other in spec.nodes.values():
        if other.id != node and _fits(spec, here, other, tensors):
            found[other.id] = share_refusal(spec.nodes, here, other.id) or ""
    return found


def sharers(spec: Spec, node: str) -> list[str]:
    """The nodes beside one that use its weights."""
    return [other.id for other in spec.nodes.values() if other.weights.get(SHARE) == node]


def _fits(spec: Spec, node: Node, other: Node, tensors: Tensors) -> bool:
    """Whether two nodes have weights that can be the same, as far as that is known."""
    if BLOCK in (node.op, other.op):
        return node.op == other.op
    mine, theirs = (_tensors_of(spec, each.id, tensors) for each in (node, other))
    if not mine or not theirs:
        return bool(mine or theirs) and node.op == other.op
    names = mine.keys() & theirs.keys()
    return bool(names) and all(mine[name] == theirs[name] for name in names)


def _tensors_of(spec: Spec, node: str, tensors: Tensors) -> Mapping[str, tuple[int, ...]]:
    """A node's weights with those that it shares."""
    found = dict(tensors.get(node, {}))
    seen = {node}
    while isinstance(owner := spec.nodes[node].weights.get(SHARE), str) and owner in spec.nodes and owner not in seen:
        found = {**tensors.get(owner, {}), **found}
        seen.add(owner)
        node = owner
    return found


def with_shares(node: Node, names: Mapping[str, str | None]) -> Node:
    """Let a node share with the new name of the node it shares with, or with none, as the table says."""
    share = node.weights.get(SHARE)
    if not isinstance(share, str) or share not in names:
        return node
    rest = {name: value for name, value in node.weights.items() if name != SHARE}
    new = names[share]
    return replace(node, weights=rest if new is None else {**rest, SHARE: new})
