"""Shared weights in exported source: a module that stands at several places, parameters that are the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from engine.declare import Recipe
from engine.export.scopes import Scope, Use
from engine.program import Program, Step
from engine.spec import SLASH


class Shares:
    """The shares of a program whose modules `built` are written; `holds_weights` tells of a step whether it has any."""

    def __init__(self, whole: Program, built: Mapping[str, Step], holds_weights: Callable[[Step], bool]) -> None:
        self._built, self._holds_weights = built, holds_weights
        self._modules = {step.node: step.share for step in whole.steps if step.node in built and step.share in built}
        self._ties = {node: tie for node, tie in whole.ties.items() if node in built and tie[0] in built}

    def beside(self, node: str) -> str | None:
        """The node in the same scope whose module another has; a twin in a later round has it as its twin does."""
        owner = self._modules.get(node)
        if owner is None or _scope(owner) == _scope(node):
            return owner
        return self._as_twin(node, owner, self.beside(owner))

    def _tied_beside(self, node: str) -> tuple[str, tuple[str, ...]] | None:
        """The node in the same scope whose tensors of these names another has, or has by its twin."""
        if node in self._ties:
            return self._ties[node] if _scope(self._ties[node][0]) == _scope(node) else None
        twin = self._modules.get(node, node)
        tie = self._tied_beside(twin) if _scope(twin) != _scope(node) else None
        owner = self._as_twin(node, twin, tie[0]) if tie else None
        return (owner, tie[1]) if tie and owner else None

    def _as_twin(self, node: str, twin: str, beside: str | None) -> str | None:
        return _scope(node) + beside.removeprefix(_scope(twin)) if beside and _last(node) == _last(twin) else None

    def rounds_are_one(self, use: Use) -> bool:
        """Whether all rounds of a use have the weights of its first."""
        return all(self._is_twin(each, each.path, use.rounds[0].path) for each in use.rounds[1:])

    def twin_of(self, use: Use, scope: Scope) -> Use | None:
        """The use before it in the same scope that has the same weights, all of them."""
        uses = [part for part in scope.parts if isinstance(part, Use)]
        alike = (other for other in uses[: uses.index(use)] if len(other.rounds) == len(use.rounds))
        return next((other for other in alike if self._are_twins(use, other)), None)

    def _are_twins(self, use: Use, other: Use) -> bool:
        return all(self._is_twin(each, use.path, other.path) for each in use.rounds)

    def _is_twin(self, scope: Scope, path: str, twin: str) -> bool:
        """Whether all that a scope below a path learns is that of the nodes below another."""
        steps = [step for step in scope.steps() if isinstance(step.recipe, Recipe)]
        alike = [self._root(step.node) == self._root(twin + step.node[len(path) :]) for step in steps]
        rest = (step for step, same in zip(steps, alike, strict=True) if not same)
        return any(alike) and not any(step.node in self._modules or self._holds_weights(step) for step in rest)

    def _root(self, node: str) -> str:
        while node in self._modules:
            node = self._modules[node]
        return node

    def inside(self, scope: Scope) -> Iterator[str]:
        """Write what nodes of a scope share with others in it."""
        nodes = [node for node in self._built if _scope(node) == (scope.path + SLASH if scope.path else "")]
        for node in sorted(nodes, key=self._depth):
            if owner := self.beside(node):
                yield f"{_attribute(scope, node)} = {_attribute(scope, owner)}"
        for node in nodes:
            if tie := self._tied_beside(node):
                yield from _tied(scope, node, *tie)

    def _depth(self, node: str) -> int:
        owner = self.beside(node)
        return self._depth(owner) + 1 if owner else 0

    def across(self, scope: Scope, covered: Callable[[str], bool]) -> Iterator[str]:
        """Write what is shared between the uses in a scope; nodes that are `covered` have been written as one."""
        apart = [node for node in self._built if not covered(node)]
        for node in apart:
            owner = self._modules.get(node)
            if owner and _scope(owner) != _scope(node) and _meeting(node, owner) == scope.path:
                yield f"{_attribute(scope, node)} = {_attribute(scope, owner)}"
        for node in apart:
            owner, names = self._ties.get(node, (None, ()))
            if owner and _scope(owner) != _scope(node) and _meeting(node, owner) == scope.path:
                yield from _tied(scope, node, owner, names)


def _tied(scope: Scope, node: str, owner: str, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        yield f"{_attribute(scope, node)}.{name} = {_attribute(scope, owner)}.{name}"


def _scope(node: str) -> str:
    """The prefix of a node's path: "encoder/0/" of "encoder/0/attn"."""
    return node[: len(node) - len(_last(node))]


def _last(node: str) -> str:
    return node.rpartition(SLASH)[2]


def _meeting(node: str, owner: str) -> str:
    """The path of the innermost scope that holds both."""
    mine, theirs = node.split(SLASH), owner.split(SLASH)
    place = next(place for place, pair in enumerate(zip(mine, theirs, strict=False)) if pair[0] != pair[1])
    return SLASH.join(mine[: place - place % 2])


def _attribute(scope: Scope, node: str) -> str:
    """Where a module stands: "encoder/0/attn" is self.encoder[0].attn."""
    parts = scope.local(node).split(SLASH)
    return "self" + "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in parts)
