"""A node of the user's own: Python code, typed in the inspector."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

from engine.declare import ANY, Input, Op, Param, Port, Recipe, param, show_short
from engine.kinds import PythonCode
from engine.problem import Mistake, Problem
from engine.python_code import OWN_PARAMS, TEMPLATE, Signature, read_code, read_names

TARGET = "python.node"


class Python(Op, group="Code"):
    """Runs Python code of your own: a function of tensors, or a layer with weights.

    Write `def forward(x, y):`, or a `class Model(nn.Module)`. Input ports are the parameters of `forward` (optional
    where they have a default, `list` for a list of tensors); what stands behind `*` in it, and the parameters of
    `__init__`, are params of the node. The code runs only once you have trusted it.
    """

    synonyms = ("code", "function", "custom", "lambda", "script", "own layer", "module", "expression")
    random: ClassVar[bool] = True  # what the code draws or remembers cannot be known, so it is never merged
    example = {"x": "float32 2 3"}

    code: PythonCode = param(TEMPLATE, "The source: a function forward, or a class Model(nn.Module).")
    output_names: str = param("output", 'Names of what forward returns, such as "output" or "mean, log_var".')

    values: tuple[tuple[str, Any], ...] = ()

    signature: ClassVar[Signature | None] = read_code(TEMPLATE)
    wired: ClassVar[tuple[tuple[str, bool], ...]] = ()  # the ports in use, where the code declares none

    @classmethod
    def declared_by(cls, params: Mapping[str, Any], inputs: Mapping[str, Any]) -> type[Op]:
        """The declaration of a node with this code; while the code cannot be read, the ports in use stay."""
        code, names = params.get("code", TEMPLATE), params.get("output_names", "output")
        if not isinstance(code, str) or not isinstance(names, str):
            return Python
        try:
            return _declared(code, names)
        except Mistake:
            return _unread(names, tuple((port, isinstance(wire, tuple)) for port, wire in inputs.items()))

    @classmethod
    def input_ports(cls) -> Mapping[str, Input]:
        """The parameters of `forward`."""
        if cls.signature is None:
            return {name: Input(name, Port(ANY, "..."), optional=True, list=many) for name, many in cls.wired}
        return cls.signature.ports

    @classmethod
    def params(cls) -> Mapping[str, Param]:
        """The code, the names of what it returns, and the params that it declares."""
        return {**super().params(), **(cls.signature.params if cls.signature else {})}

    @classmethod
    def source_of(cls) -> str:
        """No PyTorch class stands behind it."""
        return ""

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> tuple[Self | None, list[Problem]]:
        """Read params; the instance holds those that the code declares as `values`."""
        problems = list(cls._unknown(values)) if cls.signature else []
        accepted: dict[str, Any] = {}
        for name, each in cls.params().items():
            value = values.get(name, each.default)
            if refusal := each.refuse(value):
                problems.append(Problem(refusal, param=name))
            else:
                accepted[name] = each.kind.parse(value)
        problems += _code_problems(accepted)
        if problems:
            return None, problems
        own = {name: accepted.pop(name) for name in OWN_PARAMS}
        return cls(**own, values=tuple(accepted.items())), []

    def build(self, **_inputs: Any) -> Recipe:
        """The layer, or the function as one, with the params that the code declares."""
        assert self.signature is not None
        values = dict(self.values)
        init = tuple((name, _listed(values[name])) for name in self.signature.init)
        recipe = Recipe(TARGET, self.code, init, self.output_ports())
        return recipe.called_with(**{name: _listed(values[name]) for name in self.signature.forward})

    def summary(self) -> str:
        """The params that the code declares."""
        return ", ".join(f"{name} {text}" for name, value in self.values if (text := show_short(value)))


def _listed(value: Any) -> Any:
    """Lists where a declaration holds tuples: what code declares as `list` is one."""
    return [_listed(each) for each in value] if isinstance(value, list | tuple) else value


def _code_problems(params: Mapping[str, Any]) -> Iterator[Problem]:
    for name, read in (("code", read_code), ("output_names", read_names)):
        try:
            if name in params:
                read(params[name])
        except Mistake as mistake:
            yield Problem(mistake.message, param=name)


@functools.lru_cache(maxsize=512)
def _declared(code: str, names: str) -> type[Python]:
    """The declaration that a code makes, the same class for the same text."""
    return _made(read_code(code), _outputs(names))


@functools.lru_cache(maxsize=512)
def _unread(names: str, wired: tuple[tuple[str, bool], ...]) -> type[Python]:
    return _made(None, _outputs(names), wired)


def _made(signature: Signature | None, outputs: str, wired: tuple[tuple[str, bool], ...] = ()) -> type[Python]:
    space = {"__doc__": Python.__doc__, "__module__": __name__, "signature": signature, "wired": wired}
    return type("Python", (Python,), {**space, "outputs": outputs, "example": {}}, abstract=True)


def _outputs(names: str) -> str:
    """The pattern of the outputs; a name that cannot be one is told of by `parse`."""
    try:
        return ", ".join(read_names(names))
    except Mistake:
        return "output"
