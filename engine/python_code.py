"""The code of Python nodes, read without running it: its ports and its params.

The code is either a function or a layer with weights:

    def forward(x, mask=None, *, scale: float = 1.0):
        return x * scale

    class Model(nn.Module):
        def __init__(self, width: int = 64):
            super().__init__()
            self.linear = nn.Linear(16, width)

        def forward(self, x):
            return self.linear(x)

The parameters of `forward` are input ports: optional where they have a default, a list of tensors where they are
annotated `list`. The parameters of `__init__`, and what stands behind `*` in `forward`, are params of the node; each
needs a default, whose type (or the annotation) says what it takes. Functions, classes and imports may stand beside.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.declare import ANY, Input, Param, Port
from engine.kinds import UNBOUNDED, Bool, Either, Float, Int, Kind, ListOf, Nothing, Text
from engine.problem import Mistake

FUNCTION, CLASS = "forward", "Model"
OWN_PARAMS = ("code", "output_names")
MOST_LETTERS = 200_000

TEMPLATE = """\
# torch, nn, F (torch.nn.functional) and math are at hand.
# A layer with weights is a class Model(nn.Module).
def forward(x):
    return x
"""


@dataclass(frozen=True, slots=True)
class Signature:
    """What a code declares: its input ports, the params of its layer, and those of its `forward`.

    `kind` is FUNCTION or CLASS.
    """

    kind: str
    ports: Mapping[str, Input]
    init: Mapping[str, Param] = field(default_factory=dict)
    forward: Mapping[str, Param] = field(default_factory=dict)

    @property
    def params(self) -> dict[str, Param]:
        """All params that the code adds to its node."""
        return {**self.init, **self.forward}


def hash_of(code: str) -> str:
    """The SHA-256 of a code's text, in hexadecimal."""
    return hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()


def file_name(code: str) -> str:
    """The name under which tracebacks tell of a code."""
    return f"<Python node {hash_of(code)[:16]}>"


@functools.lru_cache(maxsize=256)
def read_code(code: str) -> Signature:
    """Read what a code declares, without running any of it; raises Mistake, with the line, where it is no node's."""
    tree = _parsed(code)
    _refuse_statements(tree)
    functions = {each.name: each for each in tree.body if isinstance(each, ast.FunctionDef)}
    classes = {each.name: each for each in tree.body if isinstance(each, ast.ClassDef)}
    if CLASS in classes and FUNCTION in functions:
        raise _mistake(f"The code has both a class {CLASS} and a function {FUNCTION}; keep one of them.")
    if FUNCTION in functions:
        signature = _of_function(functions[FUNCTION])
    elif CLASS in classes:
        signature = _of_class(classes[CLASS], classes)
    else:
        words = f"The code has neither a function {FUNCTION} nor a class {CLASS}"
        raise _mistake(f"{words}; write def {FUNCTION}(x): or class {CLASS}(nn.Module): in it.")
    _refuse_names(signature)
    return signature


def read_names(text: str) -> tuple[str, ...]:
    """Read names such as "mean, log_var"; raises Mistake where they cannot name outputs."""
    names = tuple(part.strip() for part in text.split(","))
    if not all(name.isidentifier() for name in names):
        raise Mistake(f'output_names is "{text}"; it must be names with commas between them.', param="output_names")
    if len(set(names)) < len(names):
        raise Mistake(f'output_names is "{text}"; each name must stand in it once.', param="output_names")
    return names


def _mistake(words: str) -> Mistake:
    return Mistake(words, param="code")


def _parsed(code: str) -> ast.Module:
    if len(code) > MOST_LETTERS:
        raise _mistake(f"The code has more than {MOST_LETTERS:,} letters; put it into a package and import that.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(code, file_name(code))
            compile(tree, file_name(code), "exec", dont_inherit=True)
    except SyntaxError as error:
        where = f"Line {error.lineno} of the code" if error.lineno else "The code"
        raise _mistake(f"{where} does not compile: {error.msg}.") from None
    except (RecursionError, MemoryError):
        raise _mistake("The code is nested too deeply to be read.") from None
    except ValueError as error:
        raise _mistake(f"The code does not compile: {error}.") from None
    return tree


def _refuse_statements(tree: ast.Module) -> None:
    """Refuse what works only in a file of its own: exports put the code into a function."""
    for node in ast.walk(tree):
        words = ""
        if isinstance(node, ast.Global):
            words = "uses global; keep such values in the layer (self.x = ...)"
        elif isinstance(node, ast.ImportFrom) and node.module == "__future__":
            words = "imports from __future__; leave it out"
        elif isinstance(node, ast.ImportFrom) and any(each.name == "*" for each in node.names):
            words = "imports *; name what it needs"
        if words:
            raise _mistake(f"Line {getattr(node, 'lineno', 1)} of the code {words}.")


def _refuse_names(signature: Signature) -> None:
    known: set[str] = set(OWN_PARAMS)
    for name in (*signature.ports, *signature.init, *signature.forward):
        if name in known:
            words = "is the name of a setting of its own" if name in OWN_PARAMS else "stands for two things"
            raise _mistake(f"In the code, {name} {words}; choose another name.")
        known.add(name)


# ----------------------------------------------------------------------------------------------------- signatures


def _of_function(function: ast.FunctionDef) -> Signature:
    return Signature(FUNCTION, _ports(function, skip=0), forward=_keyword_params(function))


def _of_class(found: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> Signature:
    forward = _method(found, "forward", classes)
    if forward is None:
        raise _mistake(f"Line {found.lineno} of the code: {CLASS} has no method forward; write def forward(self, x):.")
    init = _method(found, "__init__", classes)
    return Signature(CLASS, _ports(forward, skip=1), _init_params(init) if init else {}, _keyword_params(forward))


def _method(
    found: ast.ClassDef, name: str, classes: Mapping[str, ast.ClassDef], seen: tuple[str, ...] = ()
) -> ast.FunctionDef | None:
    """The method of a class, or of a base of it that stands in the code too."""
    own = next((each for each in found.body if isinstance(each, ast.FunctionDef) and each.name == name), None)
    if own is not None or found.name in seen:
        return own
    bases = [classes[base.id] for base in found.bases if isinstance(base, ast.Name) and base.id in classes]
    inherited = (_method(base, name, classes, (*seen, found.name)) for base in bases)
    return next((each for each in inherited if each is not None), None)


def _ports(function: ast.FunctionDef, skip: int) -> dict[str, Input]:
    arguments = function.args
    where = f"Line {function.lineno} of the code: {function.name}"
    if arguments.vararg or arguments.kwarg or arguments.posonlyargs:
        words = "each input needs a name of its own (a list of tensors is written tensors: list)"
        raise _mistake(f"{where} takes *args, **kwargs or /; {words}.")
    taken = arguments.args[skip:]
    if skip and not arguments.args:
        raise _mistake(f"{where} must take self first.")
    optional = len(arguments.args) - len(arguments.defaults)
    return {
        each.arg: Input(each.arg, Port(ANY, "..."), optional=place >= optional, list=_is_list(each.annotation))
        for place, each in enumerate(taken, skip)
    }


def _is_list(annotation: ast.expr | None) -> bool:
    base = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return isinstance(base, ast.Name) and base.id in ("list", "List")


def _keyword_params(function: ast.FunctionDef) -> dict[str, Param]:
    arguments = function.args
    return dict(_params(function, arguments.kwonlyargs, arguments.kw_defaults))


def _init_params(init: ast.FunctionDef) -> dict[str, Param]:
    arguments = init.args
    if arguments.vararg or arguments.kwarg or arguments.posonlyargs:
        raise _mistake(
            f"Line {init.lineno} of the code: __init__ takes *args, **kwargs or /; name each of its parameters."
        )
    own = arguments.args[1:]
    defaults = [None] * (len(own) - len(arguments.defaults)) + list(arguments.defaults)
    found = dict(_params(init, own, defaults))
    return {**found, **_keyword_params(init)}


def _params(
    function: ast.FunctionDef, arguments: Sequence[ast.arg], defaults: Sequence[ast.expr | None]
) -> Iterator[tuple[str, Param]]:
    for each, default in zip(arguments, defaults, strict=True):
        where = f"Line {each.lineno} of the code: {each.arg} of {function.name}"
        if default is None:
            raise _mistake(f"{where} needs a default, such as {each.arg}: int = 64; it is a param of the node.")
        try:
            value = ast.literal_eval(default)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            raise _mistake(f"{where} has a default that is computed; write a number, a text, True or False.") from None
        kind = _kind(each.annotation, value)
        if kind is None:
            raise _mistake(f"{where} must be a number, a text, True, False or a list of numbers.")
        words = kind.refuse(value)
        if words:
            raise _mistake(f"{where} has the default {value!r}, and by its annotation it {words}.")
        yield each.arg, Param(each.arg, kind, kind.parse(value), f"The param {each.arg} of the code.", UNBOUNDED)


_NAMED: dict[str, Kind] = {"bool": Bool(), "int": Int(), "float": Float(), "str": Text()}


def _kind(annotation: ast.expr | None, value: Any) -> Kind | None:
    """What a param takes, by its annotation, or by its default where that says more."""
    if isinstance(annotation, ast.Name) and annotation.id in _NAMED:
        return _NAMED[annotation.id]
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        sides = [_kind(side, None) for side in (annotation.left, annotation.right)]
        return Either(tuple(each for each in sides if each is not None)) if None not in sides else None
    if isinstance(annotation, ast.Constant) and annotation.value is None:
        return Nothing()
    return _kind_of_value(value)


def _kind_of_value(value: Any) -> Kind | None:
    if isinstance(value, list | tuple):
        whole = bool(value) and all(isinstance(each, int) and not isinstance(each, bool) for each in value)
        numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in value)
        return ListOf(Int() if whole else Float()) if numbers else None
    return _NAMED.get(type(value).__name__)


def fault_words(error: Exception) -> str | None:
    """What the code of a Python node has raised, in a sentence; None where no such code was at work."""
    if "torch" not in sys.modules:  # without it no node has run
        return None
    from engine.python_node import fault_of  # it needs torch

    fault = fault_of(error)
    if fault is None:
        return None
    return f"{fault.node}: {fault.message}" if fault.node else fault.message
