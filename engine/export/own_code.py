"""The code of Python nodes in exported source: each in a function, so that its names are its own."""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from engine.declare import Recipe
from engine.ops.python import TARGET
from engine.program import Step
from engine.python_code import CLASS, FUNCTION, read_code
from engine.spec import SLASH

INDENT = "    "
FSTRING_START, FSTRING_END = (getattr(tokenize, name, None) for name in ("FSTRING_START", "FSTRING_END"))  # from 3.12


class OwnCode:
    """The codes of the Python nodes that are written, the same text once."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}  # code -> the function that holds it

    def making(self, step: Step) -> str | None:
        """Write how the module of a Python node is made; None for all other steps."""
        if not isinstance(step.recipe, Recipe) or step.recipe.target != TARGET:
            return None
        code, params = step.recipe.args[:2]
        name = self._names.setdefault(code, self._free(f"{step.node.replace(SLASH, '_')}_code"))
        if read_code(code).kind == FUNCTION:
            return f"{name}()"
        return f"{name}()({', '.join(f'{param}={value!r}' for param, value in params)})"

    def _free(self, name: str) -> str:
        """A name that no other code has: a/b and a_b would share one."""
        taken, found, number = set(self._names.values()), name, 2
        while found in taken:
            found, number = f"{name}_{number}", number + 1
        return found

    def lines(self) -> Iterator[str]:
        """Write a function for each code; it returns what the code declares."""
        for code, name in self._names.items():
            kind = read_code(code).kind
            yield f"def {name}():"
            yield f'{INDENT}"""Return the {CLASS if kind == CLASS else "function"} of {name.partition("_code")[0]}."""'
            yield from indented(code)
            yield f"{INDENT}return {kind}"
            yield ""
            yield ""

    def names_used(self) -> set[str]:
        """The names that the codes use."""
        return {node.id for code in self._names for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}

    def packages(self) -> list[str]:
        """The packages that the codes import, beside PyTorch and what Python brings."""
        names: set[str] = set()
        for code in self._names:
            for node in ast.walk(ast.parse(code)):
                if isinstance(node, ast.Import):
                    names.update(each.name.partition(".")[0] for each in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module:
                    names.add(node.module.partition(".")[0])
        return sorted(names - sys.stdlib_module_names - {"torch"})


def indented(code: str) -> Iterator[str]:
    """Indent the lines of a code; those that begin inside a text of several lines stay, for they are part of it."""
    code = code.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    inside = _inside_texts(code)
    for number, line in enumerate(code.split("\n"), 1):
        yield line if number in inside else (INDENT + line if line.strip() else "")


def _inside_texts(code: str) -> set[int]:
    """The numbers of the lines that begin inside a text."""
    found: set[int] = set()
    begun: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.STRING:
            found.update(range(token.start[0] + 1, token.end[0] + 1))
        elif token.type == FSTRING_START:
            begun.append(token.start[0])
        elif token.type == FSTRING_END:
            found.update(range(begun.pop() + 1, token.end[0] + 1))
    return found


def packages_of(steps: Iterable[Step]) -> list[str]:
    """The modules of installed packages that recipes name, such as "waves.layers" of "waves.layers:Wavelet"."""
    found = (target.partition(":")[0] for step in steps for target in _targets(step.recipe) if ":" in target)
    return sorted(set(found))


def _targets(value: Any) -> Iterator[str]:
    if hasattr(value, "target"):
        yield value.target
        for each in (*value.args, *value.kwargs.values()):
            yield from _targets(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _targets(each)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _targets(each)
