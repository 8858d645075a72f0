"""Comparisons, logic on true and false, and choices made by them; sizes of 1 are stretched to fit."""

from __future__ import annotations

from typing import Annotated, ClassVar

from engine.declare import BOOL, INTEGER, NUMBER, Call, Mistake, Op, Port, Value, param
from engine.ops.axes import checked_same_dtype, fitting, joined_shape, number
from engine.ops.ports import Anything

Ordered = Annotated[Value, Port((*NUMBER, "bool"), "...")]
Bits = Annotated[Value, Port((*INTEGER, *BOOL), "...")]
Truth = Annotated[Value, Port(BOOL, "...")]


class _Comparison(Op, abstract=True):
    """An op that compares `input` with `other`, or with one number; true or false comes out."""

    key: ClassVar[tuple[str, ...]] = ("value",)
    example = {"input": "int64:0..2 2 3", "other": "int64:0..2 2 3"}

    value: float | None = param(None, "Number that input is compared with, where nothing is wired to other.")

    def _call(self, function: str, input: Value, other: Value | None) -> Call:
        if other is not None:
            if self.value is not None:
                words = f"value is {self.value:g}, but a tensor is wired to other; empty value or remove the wire."
                raise Mistake(words, param="value")
            joined_shape(input, other)
            return Call(function, input, other)
        if self.value is None:
            raise Mistake("Nothing is wired to other; wire a tensor to it, or set value to a number.", param="other")
        return Call(function, input, int(self.value) if self.value.is_integer() else self.value)


class Equal(_Comparison, group="Logic"):
    """Tells where two tensors, or a tensor and one number, are equal."""

    synonyms = ("compare", "equals", "same", "eq", "==", "torch.eq")

    def build(self, input: Anything, other: Anything | None = None) -> Call:
        return self._call("torch.eq", input, other)


class NotEqual(_Comparison, group="Logic"):
    """Tells where two tensors, or a tensor and one number, differ."""

    synonyms = ("compare", "differs", "unequal", "ne", "!=", "torch.ne")

    def build(self, input: Anything, other: Anything | None = None) -> Call:
        return self._call("torch.ne", input, other)


class Less(_Comparison, group="Logic"):
    """Tells where the first is less than the second, or than one number."""

    synonyms = ("compare", "smaller", "below", "lt", "<", "torch.lt")

    def build(self, input: Ordered, other: Ordered | None = None) -> Call:
        return self._call("torch.lt", input, other)


class LessEqual(_Comparison, group="Logic"):
    """Tells where the first is at most the second, or one number."""

    synonyms = ("compare", "at most", "le", "<=", "torch.le")

    def build(self, input: Ordered, other: Ordered | None = None) -> Call:
        return self._call("torch.le", input, other)


class Greater(_Comparison, group="Logic"):
    """Tells where the first is greater than the second, or than one number."""

    synonyms = ("compare", "larger", "above", "threshold", "gt", ">", "torch.gt")

    def build(self, input: Ordered, other: Ordered | None = None) -> Call:
        return self._call("torch.gt", input, other)


class GreaterEqual(_Comparison, group="Logic"):
    """Tells where the first is at least the second, or one number."""

    synonyms = ("compare", "at least", "ge", ">=", "torch.ge")

    def build(self, input: Ordered, other: Ordered | None = None) -> Call:
        return self._call("torch.ge", input, other)


class IsClose(Op, group="Logic"):
    """Tells where two tensors are nearly equal: no further apart than atol + rtol * |other|."""

    synonyms = ("nearly equal", "approximately", "torch.isclose")
    example = {"input": "float32 2 3", "other": "float32 2 3"}

    rtol: float = param(1e-5, "Allowed distance, as a share of other.", low=0)
    atol: float = param(1e-8, "Allowed distance, as it is.", low=0)
    equal_nan: bool = param(False, "Whether two that are not a number count as equal.", advanced=True)

    def build(self, input: Anything, other: Anything) -> Call:
        checked_same_dtype(input, other)
        joined_shape(input, other)
        return Call("torch.isclose", input, other, **self.changed())


# ---------------------------------------------------------------------------------------------- true and false


class _OfTwo(Op, abstract=True):
    """An op on two tensors that counts every number but 0 as true."""

    example = {"input": "bool 2 3", "other": "bool 2 3"}

    def _call(self, function: str, input: Value, other: Value) -> Call:
        joined_shape(input, other)
        return Call(function, input, other)


class LogicalAnd(_OfTwo, group="Logic"):
    """Tells where both are true."""

    synonyms = ("and", "both", "combine masks", "&", "torch.logical_and")

    def build(self, input: Anything, other: Anything) -> Call:
        return self._call("torch.logical_and", input, other)


class LogicalOr(_OfTwo, group="Logic"):
    """Tells where at least one is true."""

    synonyms = ("or", "either", "combine masks", "|", "torch.logical_or")

    def build(self, input: Anything, other: Anything) -> Call:
        return self._call("torch.logical_or", input, other)


class LogicalXor(_OfTwo, group="Logic"):
    """Tells where just one of the two is true."""

    synonyms = ("xor", "exclusive or", "torch.logical_xor")

    def build(self, input: Anything, other: Anything) -> Call:
        return self._call("torch.logical_xor", input, other)


class LogicalNot(Op, group="Logic"):
    """Turns true into false, and false into true."""

    synonyms = ("not", "invert mask", "negate", "torch.logical_not")
    example = {"input": "bool 2 3"}

    def build(self, input: Anything) -> Call:
        return Call("torch.logical_not", input)


class BitwiseAnd(_OfTwo, group="Logic"):
    """Sets the bits that are set in both whole numbers."""

    synonyms = ("bits", "torch.bitwise_and")
    example = {"input": "int64:0..9 2 3", "other": "int64:0..9 2 3"}

    def build(self, input: Bits, other: Bits) -> Call:
        return self._call("torch.bitwise_and", input, other)


class BitwiseOr(_OfTwo, group="Logic"):
    """Sets the bits that are set in at least one of two whole numbers."""

    synonyms = ("bits", "torch.bitwise_or")
    example = {"input": "int64:0..9 2 3", "other": "int64:0..9 2 3"}

    def build(self, input: Bits, other: Bits) -> Call:
        return self._call("torch.bitwise_or", input, other)


class BitwiseXor(_OfTwo, group="Logic"):
    """Sets the bits that are set in just one of two whole numbers."""

    synonyms = ("bits", "torch.bitwise_xor")
    example = {"input": "int64:0..9 2 3", "other": "int64:0..9 2 3"}

    def build(self, input: Bits, other: Bits) -> Call:
        return self._call("torch.bitwise_xor", input, other)


class BitwiseNot(Op, group="Logic"):
    """Turns every bit of a whole number."""

    synonyms = ("bits", "invert", "torch.bitwise_not")
    example = {"input": "int64:0..9 2 3"}

    def build(self, input: Bits) -> Call:
        return Call("torch.bitwise_not", input)


# ------------------------------------------------------------------------------------------------ special numbers


class IsNan(Op, group="Logic"):
    """Tells where there is no number (NaN)."""

    synonyms = ("not a number", "missing", "torch.isnan")
    example = {"input": "float32 2 3"}

    def build(self, input: Anything) -> Call:
        return Call("torch.isnan", input)


class IsInf(Op, group="Logic"):
    """Tells where there is infinity, of either sign."""

    synonyms = ("infinite", "overflow", "torch.isinf")
    example = {"input": "float32 2 3"}

    def build(self, input: Anything) -> Call:
        return Call("torch.isinf", input)


class IsFinite(Op, group="Logic"):
    """Tells where there is a number, neither infinite nor NaN."""

    synonyms = ("valid", "torch.isfinite")
    example = {"input": "float32 2 3"}

    def build(self, input: Anything) -> Call:
        return Call("torch.isfinite", input)


# -------------------------------------------------------------------------------------------------------- choices


class Where(Op, group="Logic"):
    """Takes each number from input where the condition is true, and from other, or one number, where it is false."""

    synonyms = ("if else", "choose", "switch", "mix by mask", "torch.where")
    key: ClassVar[tuple[str, ...]] = ("value",)
    example = {"condition": "bool 2 3", "input": "float32 2 3", "other": "float32 2 3"}

    value: float | None = param(None, "Number where the condition is false, where nothing is wired to other.")

    def build(self, condition: Truth, input: Anything, other: Anything | None = None) -> Call:
        joined_shape(condition, input)
        if other is None:
            if self.value is None:
                words = "Nothing is wired to other; wire a tensor to it, or set value to a number."
                raise Mistake(words, param="other")
            return Call("torch.where", condition, input, number(self.value, input))
        if self.value is not None:
            words = f"value is {self.value:g}, but a tensor is wired to other; empty value or remove the wire."
            raise Mistake(words, param="value")
        joined_shape(condition, other)
        joined_shape(input, other)
        return Call("torch.where", condition, input, other)


class MaskedFill(Op, group="Logic"):
    """Puts one number wherever the mask is true."""

    synonyms = ("mask", "apply mask", "fill", "minus infinity", "torch.masked_fill")
    key: ClassVar[tuple[str, ...]] = ("value",)
    example = {"input": "float32 2 3", "mask": "bool 2 3"}

    value: float | None = param(None, "Number that is put in; empty for minus infinity, which a softmax turns into 0.")

    def build(self, input: Anything, mask: Truth) -> Call:
        joined_shape(input, mask)
        if self.value is not None:
            return Call("torch.masked_fill", input, mask, fitting(self.value, input))
        if input.dtype in (*INTEGER, *BOOL):
            words = f"value is empty, for minus infinity, which {input.dtype} does not have; set value to a number."
            raise Mistake(words, param="value")
        return Call("torch.masked_fill", input, mask, float("-inf"))
