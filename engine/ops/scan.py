"""Running sums and extremes: each number along an axis becomes one of all up to it."""

from __future__ import annotations

from typing import Annotated, ClassVar

from engine.declare import COMPLEX, FLOAT, NUMBER, Call, Op, Port, Value, param
from engine.ops.axes import checked_axis
from engine.ops.ports import Anything

FloatsOrComplex = Annotated[Value, Port((*FLOAT, *COMPLEX), "...")]
Ordered = Annotated[Value, Port((*NUMBER, "bool"), "...")]


class _Running(Op, abstract=True):
    key: ClassVar[tuple[str, ...]] = ("dim",)
    example = {"input": "float32 2 3 4"}

    dim: int = param(-1, "Axis to run along; negative counts from the last.", low=-16, high=15)

    def _call(self, function: str, input: Value) -> Call:
        checked_axis(self.dim, input)
        return Call(function, input, dim=self.dim)


class CumSum(_Running, group="Reduction"):
    """Adds up the numbers along an axis, step by step."""

    synonyms = ("running total", "cumulative sum", "prefix sum", "torch.cumsum")

    def build(self, input: Anything) -> Call:
        return self._call("torch.cumsum", input)


class CumProd(_Running, group="Reduction"):
    """Multiplies the numbers along an axis, step by step."""

    synonyms = ("running product", "cumulative product", "torch.cumprod")

    def build(self, input: Anything) -> Call:
        return self._call("torch.cumprod", input)


class CumMax(_Running, group="Reduction"):
    """Finds the largest number so far along an axis, and where it stands."""

    synonyms = ("running maximum", "cumulative max", "torch.cummax")
    outputs: ClassVar[str] = "values, indices"

    def build(self, input: Ordered) -> Call:
        return self._call("torch.cummax", input)


class CumMin(_Running, group="Reduction"):
    """Finds the smallest number so far along an axis, and where it stands."""

    synonyms = ("running minimum", "cumulative min", "torch.cummin")
    outputs: ClassVar[str] = "values, indices"

    def build(self, input: Ordered) -> Call:
        return self._call("torch.cummin", input)


class LogCumSumExp(_Running, group="Reduction"):
    """Takes the logarithm of the sum of exponentials so far along an axis."""

    synonyms = ("running logsumexp", "torch.logcumsumexp")

    def build(self, input: FloatsOrComplex) -> Call:
        return self._call("torch.logcumsumexp", input)
