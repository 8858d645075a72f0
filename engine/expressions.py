"""Params computed from a block's params: whole-number arithmetic such as "4 * width", read without running code."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from engine.declare import did_you_mean
from engine.problem import Mistake

LONGEST = 200  # characters of an expression
LARGEST = 2**63

_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
FORMS = "+, -, *, /, // and % of numbers and the block's params"


def evaluate(text: str, values: Mapping[str, Any]) -> int | float:
    """Compute an expression over params by name; raises Mistake with what is wrong with it."""
    try:
        tree = ast.parse(text[:LONGEST].strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise Mistake(f"{text[:LONGEST]!r} is no expression; write {FORMS}, such as 4 * width.") from None
    if len(text) > LONGEST:
        raise Mistake(f"The expression is longer than {LONGEST} characters.")
    try:
        result: int | float = _value(tree, values)
    except ZeroDivisionError:
        raise Mistake(f"{text!r} divides by zero.") from None
    return result


def _value(node: ast.expr, values: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.Name(id=name):
            return _named(name, values)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, values)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _BINARY:
            result = _BINARY[type(sign)](_value(left, values), _value(right, values))
            if abs(result) >= LARGEST:
                raise Mistake(f"{ast.unparse(node)!r} is too large.")
            return result
    raise Mistake(f"{ast.unparse(node)!r} cannot stand in an expression; write {FORMS}.")


def _named(name: str, values: Mapping[str, Any]) -> Any:
    if name not in values:
        raise Mistake(f"The block has no param {name!r}{did_you_mean(name, values)}.")
    value = values[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Mistake(f"The param {name} is {value!r}, and an expression computes with numbers.")
    return value


def names_in_expression(text: str) -> frozenset[str]:
    """The params that an expression names; none where it cannot be read."""
    try:
        tree = ast.parse(text[:LONGEST].strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    return frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
