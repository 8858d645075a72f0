"""The source of our own modules and functions, cut out for exports that must stand alone."""

from __future__ import annotations

import ast
import inspect

from engine import modules

_SOURCE = inspect.getsource(modules)
_TREE = ast.parse(_SOURCE)


def _name(node: ast.stmt) -> str:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
    return ""


DEFINITIONS: dict[str, ast.stmt] = {name: node for node in _TREE.body if (name := _name(node))}


def copied_source(text: str) -> list[str]:
    """Give the lines of every definition of `engine.modules` that Python source names, and of what those need."""
    needed: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(text)]
    while waiting:
        used = {node.id for node in ast.walk(waiting.pop()) if isinstance(node, ast.Name)}
        fresh = used & DEFINITIONS.keys() - needed
        needed |= fresh
        waiting += [DEFINITIONS[name] for name in fresh]
    lines: list[str] = []
    for name, node in DEFINITIONS.items():
        if name in needed:
            lines += [*_lines(node), "", ""]
    return lines


def _lines(node: ast.stmt) -> list[str]:
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(each.lineno for each in decorators)])
    return _SOURCE.splitlines()[first - 1 : node.end_lineno]
