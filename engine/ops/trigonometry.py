"""Angles and their functions, also the hyperbolic ones; angles are in radians."""

from __future__ import annotations

from engine.declare import Call, Op
from engine.ops.ports import Anything

FROM_MINUS_ONE_TO_ONE = "float32:-0.9..0.9 2 3"


class _Angle(Op, abstract=True):
    """An op of one tensor, number by number."""

    example = {"input": "float32 2 3"}


class Sin(_Angle, group="Math"):
    """Takes the sine of each angle."""

    synonyms = ("sine", "torch.sin")

    def build(self, input: Anything) -> Call:
        return Call("torch.sin", input)


class Cos(_Angle, group="Math"):
    """Takes the cosine of each angle."""

    synonyms = ("cosine", "torch.cos")

    def build(self, input: Anything) -> Call:
        return Call("torch.cos", input)


class Tan(_Angle, group="Math"):
    """Takes the tangent of each angle."""

    synonyms = ("tangent", "torch.tan")

    def build(self, input: Anything) -> Call:
        return Call("torch.tan", input)


class Asin(_Angle, group="Math"):
    """Gives the angle of each sine."""

    synonyms = ("arcsin", "inverse sine", "torch.asin")
    example = {"input": FROM_MINUS_ONE_TO_ONE}

    def build(self, input: Anything) -> Call:
        return Call("torch.asin", input)


class Acos(_Angle, group="Math"):
    """Gives the angle of each cosine."""

    synonyms = ("arccos", "inverse cosine", "torch.acos")
    example = {"input": FROM_MINUS_ONE_TO_ONE}

    def build(self, input: Anything) -> Call:
        return Call("torch.acos", input)


class Atan(_Angle, group="Math"):
    """Gives the angle of each tangent."""

    synonyms = ("arctan", "inverse tangent", "torch.atan")

    def build(self, input: Anything) -> Call:
        return Call("torch.atan", input)


class Sinh(_Angle, group="Math"):
    """Takes the hyperbolic sine of each number."""

    synonyms = ("hyperbolic sine", "torch.sinh")

    def build(self, input: Anything) -> Call:
        return Call("torch.sinh", input)


class Cosh(_Angle, group="Math"):
    """Takes the hyperbolic cosine of each number."""

    synonyms = ("hyperbolic cosine", "torch.cosh")

    def build(self, input: Anything) -> Call:
        return Call("torch.cosh", input)


class Asinh(_Angle, group="Math"):
    """Inverts the hyperbolic sine: a logarithm that takes numbers of both signs."""

    synonyms = ("arcsinh", "inverse hyperbolic sine", "symmetric log", "torch.asinh")

    def build(self, input: Anything) -> Call:
        return Call("torch.asinh", input)


class Acosh(_Angle, group="Math"):
    """Inverts the hyperbolic cosine, for numbers from 1 up."""

    synonyms = ("arccosh", "inverse hyperbolic cosine", "torch.acosh")
    example = {"input": "float32:1.1..4 2 3"}

    def build(self, input: Anything) -> Call:
        return Call("torch.acosh", input)


class Atanh(_Angle, group="Math"):
    """Inverts the hyperbolic tangent, for numbers between -1 and 1."""

    synonyms = ("arctanh", "inverse hyperbolic tangent", "fisher", "torch.atanh")
    example = {"input": FROM_MINUS_ONE_TO_ONE}

    def build(self, input: Anything) -> Call:
        return Call("torch.atanh", input)
