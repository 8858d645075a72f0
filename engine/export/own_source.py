"""The source of our own modules and functions, cut out for exports that must stand alone."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import NamedTuple

from engine import modules


class Definition(NamedTuple):
    """A class, function or constant of `engine.modules`: its syntax and its lines."""

    tree: ast.stmt
    lines: list[str]


def _definitions() -> Iterator[tuple[str, Definition]]:
    for found in sorted(pkgutil.iter_modules(modules.__path__), key=lambda each: each.name):
        source = inspect.getsource(importlib.import_module(f"{modules.__name__}.{found.name}"))
        for node in ast.parse(source).body:
            if name := _name(node):
                yield name, Definition(node, _lines(node, source))


def _name(node: ast.stmt) -> str:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
    return ""


def _lines(node: ast.stmt, source: str) -> list[str]:
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(each.lineno for each in decorators)])
    return source.splitlines()[first - 1 : node.end_lineno]


DEFINITIONS: dict[str, Definition] = dict(_definitions())


def copied_source(text: str) -> list[str]:
    """Give the lines of every definition of `engine.modules` that Python source names, and of what those need.

    What a definition needs stands before it.
    """
    lines: list[str] = []
    done: set[str] = set()

    def copy(tree: ast.AST) -> None:
        for name in dict.fromkeys(node.id for node in ast.walk(tree) if isinstance(node, ast.Name)):
            if name in DEFINITIONS and name not in done:
                done.add(name)
                copy(DEFINITIONS[name].tree)
                lines.extend([*DEFINITIONS[name].lines, "", ""])

    copy(ast.parse(text))
    return lines
