"""Complex numbers: made of two tensors, taken apart, and measured."""

from __future__ import annotations

from typing import Annotated

from engine.declare import COMPLEX, Call, Op, Port, Value
from engine.ops.axes import checked_same_dtype, joined_shape
from engine.ops.ports import Anything

ComplexNumbers = Annotated[Value, Port(COMPLEX, "...")]
Parts = Annotated[Value, Port(("float32", "float64"), "...")]


class _OfComplex(Op, abstract=True):
    """An op of complex numbers, one by one."""

    example = {"input": "complex64 2 3"}


class Real(_OfComplex, group="Math"):
    """Keeps the real part of each complex number."""

    synonyms = ("real part", "complex", "torch.real")

    def build(self, input: ComplexNumbers) -> Call:
        return Call("torch.real", input)


class Imag(_OfComplex, group="Math"):
    """Keeps the imaginary part of each complex number."""

    synonyms = ("imaginary part", "complex", "torch.imag")

    def build(self, input: ComplexNumbers) -> Call:
        return Call("torch.imag", input)


class Angle(_OfComplex, group="Math"):
    """Gives the angle of each complex number, in radians."""

    synonyms = ("phase", "argument", "complex", "torch.angle")

    def build(self, input: Anything) -> Call:
        return Call("torch.angle", input)


class Conj(_OfComplex, group="Math"):
    """Turns the sign of each imaginary part."""

    synonyms = ("conjugate", "complex", "torch.conj", "torch.conj_physical")

    def build(self, input: ComplexNumbers) -> Call:
        return Call("torch.conj_physical", input)  # torch.conj gives a view that files and NumPy refuse


class Complex(Op, group="Math"):
    """Makes complex numbers of their real and imaginary parts."""

    synonyms = ("make complex", "torch.complex")
    example = {"real": "float32 2 3", "imag": "float32 2 3"}

    def build(self, real: Parts, imag: Parts) -> Call:
        checked_same_dtype(real, imag)
        joined_shape(real, imag)
        return Call("torch.complex", real, imag)


class Polar(Op, group="Math"):
    """Makes complex numbers of their magnitudes and angles."""

    synonyms = ("make complex", "magnitude and phase", "torch.polar")
    example = {"abs": "float32:0..2 2 3", "angle": "float32 2 3"}

    def build(self, abs: Parts, angle: Parts) -> Call:
        checked_same_dtype(abs, angle)
        joined_shape(abs, angle)
        return Call("torch.polar", abs, angle)


class ViewAsReal(_OfComplex, group="Math"):
    """Gives each complex number as two real ones, along a new last axis."""

    synonyms = ("complex to real", "channels of complex", "torch.view_as_real")

    def build(self, input: ComplexNumbers) -> Call:
        return Call("torch.view_as_real", input)


class ViewAsComplex(Op, group="Math"):
    """Reads the pairs along the last axis as complex numbers."""

    synonyms = ("real to complex", "torch.view_as_complex")
    example = {"input": "float32 2 3 2"}

    def build(self, input: Annotated[Value, Port(("float32", "float64"), "... 2")]) -> Call:
        return Call("torch.view_as_complex", Call(".contiguous", input))
