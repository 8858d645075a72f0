"""Python nodes at work: trusted code becomes a module, and what it raises a sentence with the line."""

from __future__ import annotations

import functools
import linecache
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional
from torch.nn.parameter import UninitializedTensorMixin  # type: ignore[attr-defined]  # its stub lacks it

from engine.problem import Mistake
from engine.python_code import CLASS, FUNCTION, file_name, read_code
from engine.spec import Spec
from engine.trust import is_trusted

UNTRUSTED = "This node runs Python code that you have not trusted yet; read it, then trust it."
FILE = file_name("").partition(" ")[0]  # how the names of all codes begin
MOST_LETTERS = 400  # of what an exception says


def _print(*values: Any, **more: Any) -> None:
    """Print what code tells beside our answers, which may be JSON."""
    print(*values, **{"file": sys.stderr, **more})


AT_HAND = {"torch": torch, "nn": nn, "F": functional, "math": math, "Tensor": Tensor, "print": _print}


class Function(nn.Module):
    """A function as a module, without weights."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self.function(*args, **kwargs)


def node(code: str, params: Sequence[tuple[str, Any]], names: Sequence[str]) -> nn.Module:
    """Run a code and give the module that it declares, as `made` does, where the user has trusted it.

    Each call of the module is looked at: Mistake, where something else comes out than tensors of these names. Raises
    Mistake where the code is not trusted: nothing of it runs then. What the code itself raises goes through.
    """
    refuse_untrusted(code)
    module = made(code, params)
    module.register_forward_hook(functools.partial(_looked_at, names))
    return module


def refuse_untrusted(code: str) -> None:
    """Raise Mistake where the user has not trusted a code."""
    if not is_trusted(code):
        raise Mistake(UNTRUSTED, param="code")


def made(code: str, params: Sequence[tuple[str, Any]]) -> nn.Module:
    """Run a code, trusted or not, and give the module that it declares, `params` handed to its `__init__`."""
    signature = read_code(code)
    space = _run(code)
    module = Function(space[FUNCTION]) if signature.kind == FUNCTION else space[CLASS](**dict(params))
    if not isinstance(module, nn.Module):
        raise Mistake(f"{CLASS} is no nn.Module; write class {CLASS}(nn.Module):.", param="code")
    _refuse_lazy(module)
    return module


def _looked_at(names: Sequence[str], _module: nn.Module, _inputs: Any, result: Any) -> None:
    returned(result, names)


def _run(code: str) -> dict[str, Any]:
    name = file_name(code)
    linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)  # for tracebacks
    space: dict[str, Any] = {"__name__": "netloom_node", **AT_HAND}
    exec(compile(code, name, "exec", dont_inherit=True), space)  # noqa: S102  # the user has trusted it
    return space


def _refuse_lazy(module: nn.Module) -> None:
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        if isinstance(tensor, UninitializedTensorMixin):
            words = f"{name} of {CLASS} has no size until data comes; give the layer its size, by a param of __init__."
            raise Mistake(words, param="code")


def returned(result: Any, names: Sequence[str]) -> list[Tensor]:
    """The tensors that `forward` has returned, one for each name; raises Mistake where it returned something else."""
    if len(names) == 1:
        if isinstance(result, Tensor):
            return [result]
        raise Mistake(
            f"forward returns {_what(result)}; output_names has one name, so it must be a tensor.", param="code"
        )
    listed = ", ".join(names)
    if not isinstance(result, tuple | list):
        words = f"forward returns {_what(result)}; output_names has {len(names)} names, {listed}, so it must be"
        raise Mistake(f"{words} a tuple of tensors.", param="code")
    if len(result) != len(names):
        raise Mistake(
            f"forward returns {len(result)} values and output_names has {len(names)} names: {listed}.", param="code"
        )
    for name, each in zip(names, result, strict=True):
        if not isinstance(each, Tensor):
            raise Mistake(f"forward returns {_what(each)} for {name}; it must be a tensor.", param="code")
    return list(result)


def _what(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    return "a tensor" if isinstance(value, Tensor) else f"a value of the type {type(value).__name__}"


# --------------------------------------------------------------------------------------------------------- faults


@dataclass(frozen=True, slots=True)
class Fault:
    """What a code has raised: in which file and line, in words, and at which node, where the graph was at work."""

    file: str
    line: int
    words: str
    node: str | None = None

    @property
    def message(self) -> str:
        """All of it as a sentence."""
        return f"Line {self.line} of the code raises {self.words}."


def fault_of(error: BaseException) -> Fault | None:
    """Find out where in which code an exception comes from; None where no code of a node was at work."""
    frames = list(_frames(error.__traceback__))
    inside = [(frame, line) for frame, line in frames if frame.f_code.co_filename.startswith(FILE)]
    if not inside:
        return None
    frame, line = inside[-1]
    return Fault(frame.f_code.co_filename, line, words_of(error), node_at_work(error))


def words_of(error: BaseException) -> str:
    """An exception in a line: its type and the first line of what it says."""
    try:
        said = str(error).strip().split("\n")[0].rstrip(".")
    except Exception:  # the code's own exception may fail at anything
        said = ""
    said = said if len(said) <= MOST_LETTERS else said[:MOST_LETTERS] + "…"
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _frames(traceback: TracebackType | None) -> Iterator[tuple[FrameType, int]]:
    while traceback is not None:
        yield traceback.tb_frame, traceback.tb_lineno
        traceback = traceback.tb_next


def node_at_work(error: BaseException) -> str | None:
    """The node whose module was called when an exception was raised: the first module below the graph's own."""
    graph: fx.GraphModule | None = None
    for frame, _line in _frames(error.__traceback__):
        at_work = frame.f_locals.get("self")
        if isinstance(at_work, fx.GraphModule):
            graph = at_work
        elif graph is not None and isinstance(at_work, nn.Module):
            names = (name for name, module in graph.named_modules() if module is at_work)
            return next((name.replace(".", "/") for name in names), None)
    return None


def node_of(spec: Spec, fault: Fault) -> str | None:
    """The node that a fault belongs to; of several with the same code the first, where more is not known."""
    if fault.node is not None:
        return fault.node
    codes = ((node.id, node.params.get("code")) for node in spec.nodes.values() if node.op == "Python")
    return next((each for each, code in codes if isinstance(code, str) and file_name(code) == fault.file), None)
