"""A block's params settled: values put in the place of what nodes inside take from the block."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.blocks import EXPR, PARAM, is_taken, names_taken
from engine.expressions import evaluate
from engine.spec import Node


def settled(node: Node, values: Mapping[str, Any]) -> Node:
    """Put values, or what they are taken from further out, in the place of a block's params in a node."""
    if not any(names_taken(value) & values.keys() for value in (*node.params.values(), node.repeat)):
        return node
    params = {name: _settled_value(value, values) for name, value in node.params.items()}
    return replace(node, params=params, repeat=_settled_value(node.repeat, values))


def _settled_value(value: Any, values: Mapping[str, Any]) -> Any:
    names = names_taken(value)
    if not names & values.keys():
        return value
    key, text = next(iter(value.items()))
    if key == PARAM:
        return values[text]
    tree = _Settle(values).visit(ast.parse(text, mode="eval"))
    written = ast.unparse(tree)
    free = frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
    return {EXPR: written} if free else evaluate(written, {})


class _Settle(ast.NodeTransformer):
    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:  # the name that ast calls
        value = self._values.get(node.id, node)
        if is_taken(value):
            return ast.parse(str(next(iter(value.values()))), mode="eval").body
        return node if value is node else ast.Constant(value)
