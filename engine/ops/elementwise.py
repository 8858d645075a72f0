"""Functions of each number for itself: signs, powers, logarithms, rounding."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from engine.declare import COMPLEX, FLOAT, NUMBER, Call, Mistake, Op, Port, Value, param
from engine.ops.axes import number
from engine.ops.ports import Anything, Floats, Numbers

Real = Annotated[Value, Port((*NUMBER, "bool"), "...")]
Signed = Annotated[Value, Port((*FLOAT, "int64", "int32", "int16", "int8", *COMPLEX), "...")]
NumbersOrComplex = Annotated[Value, Port((*NUMBER, *COMPLEX), "...")]

ABOVE_ZERO = "float32:0.1..4 2 3"


class _EachNumber(Op, abstract=True):
    """An op of one tensor that changes each number for itself."""

    example = {"input": "float32 2 3"}


class Negative(_EachNumber, group="Math"):
    """Turns each number's sign."""

    synonyms = ("negate", "change sign", "opposite", "gradient reversal", "torch.neg")

    def build(self, input: Signed) -> Call:
        return Call("torch.neg", input)


class Abs(_EachNumber, group="Math"):
    """Gives each number's magnitude, without its sign."""

    synonyms = ("absolute value", "magnitude", "modulus", "torch.abs")

    def build(self, input: NumbersOrComplex) -> Call:
        return Call("torch.abs", input)


class Sign(_EachNumber, group="Math"):
    """Gives -1, 0 or 1 by each number's sign; of a complex number, the number at magnitude 1."""

    synonyms = ("signum", "torch.sign", "torch.sgn")

    def build(self, input: Anything) -> Call:
        return Call("torch.sgn" if input.dtype in COMPLEX else "torch.sign", input)


class Reciprocal(_EachNumber, group="Math"):
    """Divides 1 by each number."""

    synonyms = ("inverse", "one over", "torch.reciprocal")
    example = {"input": ABOVE_ZERO}

    def build(self, input: Anything) -> Call:
        return Call("torch.reciprocal", input)


class Sqrt(_EachNumber, group="Math"):
    """Takes the square root of each number."""

    synonyms = ("square root", "torch.sqrt")
    example = {"input": ABOVE_ZERO}

    def build(self, input: Anything) -> Call:
        return Call("torch.sqrt", input)


class Rsqrt(_EachNumber, group="Math"):
    """Divides 1 by the square root of each number."""

    synonyms = ("inverse square root", "torch.rsqrt")
    example = {"input": ABOVE_ZERO}

    def build(self, input: Anything) -> Call:
        return Call("torch.rsqrt", input)


class Square(_EachNumber, group="Math"):
    """Multiplies each number by itself."""

    synonyms = ("power of two", "torch.square")

    def build(self, input: Anything) -> Call:
        return Call("torch.square", input)


# ------------------------------------------------------------------------------------ exponentials and logarithms


class Exp(_EachNumber, group="Math"):
    """Raises e to the power of each number."""

    synonyms = ("exponential", "torch.exp")

    def build(self, input: Anything) -> Call:
        return Call("torch.exp", input)


class Expm1(_EachNumber, group="Math"):
    """Raises e to the power of each number and takes 1 away; exact near zero."""

    synonyms = ("exponential", "torch.expm1")

    def build(self, input: Anything) -> Call:
        return Call("torch.expm1", input)


class Log(_EachNumber, group="Math"):
    """Takes the natural logarithm of each number."""

    synonyms = ("ln", "logarithm", "torch.log")
    example = {"input": ABOVE_ZERO}

    def build(self, input: Anything) -> Call:
        return Call("torch.log", input)


class Log1p(_EachNumber, group="Math"):
    """Takes the natural logarithm of 1 plus each number; exact near zero."""

    synonyms = ("logarithm", "torch.log1p")
    example = {"input": ABOVE_ZERO}

    def build(self, input: Anything) -> Call:
        return Call("torch.log1p", input)


class Log2(_EachNumber, group="Math"):
    """Takes the logarithm to base 2 of each number."""

    synonyms = ("logarithm", "bits", "torch.log2")
    example = {"input": ABOVE_ZERO}

    def build(self, input: Anything) -> Call:
        return Call("torch.log2", input)


class Log10(_EachNumber, group="Math"):
    """Takes the logarithm to base 10 of each number."""

    synonyms = ("logarithm", "decades", "torch.log10")
    example = {"input": ABOVE_ZERO}

    def build(self, input: Anything) -> Call:
        return Call("torch.log10", input)


class Erf(_EachNumber, group="Math"):
    """Applies the error function, the integral of the bell curve from -1 to 1."""

    synonyms = ("error function", "gauss", "torch.erf")

    def build(self, input: Real) -> Call:
        return Call("torch.erf", input)


class Erfc(_EachNumber, group="Math"):
    """Takes the error function away from 1; exact for large numbers."""

    synonyms = ("complementary error function", "torch.erfc")

    def build(self, input: Real) -> Call:
        return Call("torch.erfc", input)


# ------------------------------------------------------------------------------------------- rounding and limits


class Floor(_EachNumber, group="Math"):
    """Rounds each number down."""

    synonyms = ("round down", "torch.floor")

    def build(self, input: Numbers) -> Call:
        return Call("torch.floor", input)


class Ceil(_EachNumber, group="Math"):
    """Rounds each number up."""

    synonyms = ("round up", "ceiling", "torch.ceil")

    def build(self, input: Numbers) -> Call:
        return Call("torch.ceil", input)


class Round(_EachNumber, group="Math"):
    """Rounds each number to the nearest; halves go to the even neighbour."""

    synonyms = ("nearest", "quantise", "torch.round")
    key: ClassVar[tuple[str, ...]] = ("decimals",)

    decimals: int = param(
        0, "Digits kept behind the point; below zero, tens and hundreds are rounded.", low=-18, high=18
    )

    def build(self, input: Numbers) -> Call:
        if self.decimals == 0:
            return Call("torch.round", input)
        if input.dtype not in FLOAT:
            raise Mistake(f"input is {input.dtype}; whole numbers can only be rounded to 0 decimals.", param="decimals")
        return Call("torch.round", input, decimals=self.decimals)


class Trunc(_EachNumber, group="Math"):
    """Cuts off what stands behind the point."""

    synonyms = ("truncate", "fix", "round to zero", "torch.trunc")

    def build(self, input: Numbers) -> Call:
        return Call("torch.trunc", input)


class Frac(_EachNumber, group="Math"):
    """Keeps what stands behind the point."""

    synonyms = ("fraction", "fractional part", "torch.frac")

    def build(self, input: Floats) -> Call:
        return Call("torch.frac", input)


class Clamp(_EachNumber, group="Math"):
    """Keeps each number between two limits."""

    synonyms = ("clip", "limit", "bound", "torch.clamp")
    key: ClassVar[tuple[str, ...]] = ("min", "max")

    min: float | None = param(0.0, "Smallest number that comes out; empty for no limit.")
    max: float | None = param(1.0, "Largest number that comes out; empty for no limit.")

    def build(self, input: Real) -> Call:
        limits: dict[str, Any] = {
            name: number(limit, input, name)
            for name, limit in (("min", self.min), ("max", self.max))
            if limit is not None
        }
        if not limits:
            raise Mistake("min and max are both empty; set one of them.", param="min")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise Mistake(f"min is {self.min:g}; it must not be greater than max ({self.max:g}).", param="min")
        return Call("torch.clamp", input, **limits)


class NanToNum(_EachNumber, group="Math"):
    """Puts numbers in the place of what is not a number or infinite."""

    synonyms = ("replace nan", "missing", "torch.nan_to_num")
    key: ClassVar[tuple[str, ...]] = ("nan",)

    nan: float = param(0.0, "Number in the place of what is not a number.")
    posinf: float | None = param(None, "Number in the place of infinity; empty for the type's largest.")
    neginf: float | None = param(None, "Number in the place of minus infinity; empty for the type's smallest.")

    def build(self, input: Anything) -> Call:
        return Call("torch.nan_to_num", input, **self.changed())
