"""Shared weights at work: the same module at several nodes, or the same parameters in several modules."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from engine.program import Program
from engine.spec import SLASH


def with_shared(program: Program, modules: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
    """Give the module of every step, those of others among them; parameters that are tied become the same ones."""
    owners = {step.node: step.share for step in program.steps if step.share}
    found = dict(modules)
    for node in owners:
        root = node
        while root in owners:
            root = owners[root]
        found[node] = modules[root]
    tied: set[str] = set()
    for node in program.ties:
        _tie(program, found, node, tied)
    return found


def _tie(program: Program, modules: Mapping[str, nn.Module], node: str, tied: set[str]) -> None:
    """Tie a node's parameters to another's, once those are what they are to be themselves."""
    if node in tied or node not in program.ties:
        return
    tied.add(node)
    owner, names = program.ties[node]
    _tie(program, modules, owner, tied)
    for name in names:
        path, _, last = name.rpartition(".")
        modules[node].get_submodule(path).register_parameter(last, modules[owner].get_parameter(name))


def put_owners_first(module: nn.Module, program: Program) -> None:
    """Order a graph's modules so that each shared parameter is named after the node that owns it.

    `named_parameters` names a parameter where it meets it first.
    """
    shares = {step.node: step.share for step in program.steps if step.share}
    shares |= {node: owner for node, (owner, _names) in program.ties.items()}
    for node in sorted(shares, key=lambda each: _depth(shares, each)):
        mine, theirs = node.split(SLASH), shares[node].split(SLASH)
        place = next(place for place, pair in enumerate(zip(mine, theirs, strict=False)) if pair[0] != pair[1])
        around = module.get_submodule(".".join(mine[:place]))
        around._modules[mine[place]] = around._modules.pop(mine[place])


def _depth(shares: Mapping[str, str], node: str) -> int:
    """How many shares lie between a node and the one that shares with none."""
    depth = 0
    while node in shares:
        node, depth = shares[node], depth + 1
    return depth
