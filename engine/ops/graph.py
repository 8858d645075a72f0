"""Where data enters a graph and predictions leave it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, get_args

from engine.declare import COMPLEX, Call, Mistake, Op, Recipe, Torch, param
from engine.kinds import Column, NamedShape
from engine.ops.ports import Anything

Dtype = Literal[
    "float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool", "complex64",
    "complex128",
]  # fmt: skip

Ports = Literal["output", "ids, length", "samples, length", "frames, length", "values, length", "boxes, labels, mask"]


class Input(Op, group="Inputs and outputs"):
    """Brings a column of the data into the graph, a feature or a target."""

    synonyms = ("placeholder", "data", "feature", "target", "source")
    key: ClassVar[tuple[str, ...]] = ("column",)

    column: Column | None = param(None, "Data column this input takes its values from; empty while unbound.")
    shape: NamedShape = param(("N", 1), 'Sizes of the tensor; a name such as "N" stands for a free size.')
    dtype: Dtype = param("float32", "Type of the numbers.")
    ports: Ports = param(
        "output",
        "What it gives: a tensor; samples filled up to one length and how long each is; or the boxes of each image, "
        "their classes, and which of them are real.",
        advanced=True,
    )
    name: str | None = param(None, "Name of the port that it is in a block; empty for its id.", advanced=True)

    @classmethod
    def declared_by(cls, params: Mapping[str, Any], inputs: Mapping[str, Any]) -> type[Op]:  # noqa: ARG003
        """The declaration with the ports that its column's kind has."""
        ports = params.get("ports")
        return _with_ports(ports) if ports in get_args(Ports)[1:] else cls

    def build(self) -> Recipe | Call:
        raise AssertionError("an Input is fed by the data, it builds nothing")


@functools.cache
def _with_ports(ports: str) -> type[Input]:
    """The declaration of an Input with a port for the samples and others for what is told of them."""
    space = {"__doc__": Input.__doc__, "__module__": __name__, "outputs": ports}
    return type("Input", (Input,), space, abstract=True)


class Output(Op, group="Inputs and outputs"):
    """Names a tensor as one of the model's predictions."""

    synonyms = ("prediction", "result", "sink")
    outputs: ClassVar[str] = ""

    name: str | None = param(None, "Name of the answer, or of the port that it is in a block; empty for its id.")

    def build(self, input: Anything) -> Recipe | Call:
        raise AssertionError("an Output hands on what it gets, it builds nothing")


class Cast(Op, group="Inputs and outputs"):
    """Turns a tensor's numbers into another type."""

    synonyms = ("to", "type", "float", "long", "convert")
    key: ClassVar[tuple[str, ...]] = ("dtype",)
    example = {"input": "int64 2 3"}

    dtype: Dtype = param("float32", "Type of the result.")

    def build(self, input: Anything) -> Call:
        if input.dtype in COMPLEX and self.dtype not in COMPLEX:
            raise Mistake(
                f"input is {input.dtype}, and a Cast to {self.dtype} would drop the imaginary part; "
                "put Real, Abs or Angle before it.",
                param="input",
            )
        return Call(".to", input, Torch(f"torch.{self.dtype}"))


class StopGradient(Op, group="Inputs and outputs"):
    """Hands a tensor on, but lets no gradient back through."""

    synonyms = ("detach", "freeze", "no grad", "target network", "torch.Tensor.detach")
    example = {"input": "float32 2 3"}

    def build(self, input: Anything) -> Call:
        return Call(".detach", input)
