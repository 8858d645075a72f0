"""Arithmetic on two tensors, number by number, or on a tensor and one number; sizes of 1 are stretched to fit."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from engine.declare import COMPLEX, FLOAT, NUMBER, Call, Mistake, Op, Port, Value, param
from engine.ops.axes import checked_same_dtype, joined_shape, number
from engine.ops.ports import Anything, Numbers

NumbersOrComplex = Annotated[Value, Port((*NUMBER, *COMPLEX), "...")]
Ordered = Annotated[Value, Port((*NUMBER, "bool"), "...")]
FloatsOrComplex = Annotated[Value, Port((*FLOAT, *COMPLEX), "...")]

NOT_INTEGER = (*FLOAT, *COMPLEX)


class _WithNumber(Op, abstract=True):
    """An op on `input` and `other`, in whose place a number may stand."""

    key: ClassVar[tuple[str, ...]] = ("value",)
    example = {"input": "float32 2 3", "other": "float32 2 3"}

    value: float | None = param(None, "Number in the place of other, where nothing is wired to it.")

    def _second(self, input: Value, other: Value | None) -> Value | float:
        """Return what the function gets beside `input`."""
        if other is None:
            if self.value is None:
                raise Mistake(
                    "Nothing is wired to other; wire a tensor to it, or set value to a number.", param="other"
                )
            return number(self.value, input)
        if self.value is not None:
            raise Mistake(
                f"value is {self.value:g}, but a tensor is wired to other; empty value or remove the wire.",
                param="value",
            )
        joined_shape(input, other)
        return other

    def _call(self, function: str, input: Value, other: Value | None, **settings: Any) -> Call:
        return Call(function, input, self._second(input, other), **settings)


class Add(_WithNumber, group="Math"):
    """Adds two tensors number by number, or one number to a tensor."""

    synonyms = ("plus", "sum", "residual", "skip", "add constant", "torch.add")

    def build(self, input: Anything, other: Anything | None = None) -> Call:
        return self._call("torch.add", input, other)


class Subtract(_WithNumber, group="Math"):
    """Subtracts the second tensor, or one number, from the first."""

    synonyms = ("minus", "difference", "torch.sub")

    def build(self, input: NumbersOrComplex, other: NumbersOrComplex | None = None) -> Call:
        return self._call("torch.sub", input, other)


class Multiply(_WithNumber, group="Math"):
    """Multiplies two tensors number by number, or a tensor by one number."""

    synonyms = ("times", "product", "gate", "scale", "torch.mul")

    def build(self, input: Anything, other: Anything | None = None) -> Call:
        return self._call("torch.mul", input, other)


class _Division(_WithNumber, abstract=True):
    """An op that divides by what stands second."""

    def _second(self, input: Value, other: Value | None) -> Value | float:
        if other is None and self.value == 0:
            raise Mistake("value is 0, and nothing can be divided by 0; set another number.", param="value")
        return super()._second(input, other)


class Divide(_Division, group="Math"):
    """Divides the first tensor by the second, or by one number."""

    synonyms = ("quotient", "ratio", "over", "torch.div")

    rounding_mode: Literal["trunc", "floor"] | None = param(
        None, "Round the result towards zero (trunc) or down (floor); empty for not at all.", advanced=True
    )

    def build(self, input: Anything, other: Anything | None = None) -> Call:
        if self.rounding_mode is None:
            return self._call("torch.div", input, other)
        for each in (input, other):
            if each is not None and each.dtype in (*COMPLEX, "bool"):
                raise Mistake(f"{each.port} is {each.dtype}, which cannot be rounded; empty it.", param="rounding_mode")
        return self._call("torch.div", input, other, rounding_mode=self.rounding_mode)


class FloorDivide(_Division, group="Math"):
    """Divides and rounds down to a whole number."""

    synonyms = ("integer division", "torch.floor_divide")

    def build(self, input: Numbers, other: Numbers | None = None) -> Call:
        return self._call("torch.div", input, other, rounding_mode="floor")  # torch.floor_divide knows no gradient


class Remainder(_Division, group="Math"):
    """Gives what is left over by a division; its sign is that of the divisor."""

    synonyms = ("modulo", "mod", "modulus", "torch.remainder")

    def build(self, input: Numbers, other: Numbers | None = None) -> Call:
        return self._call("torch.remainder", input, other)


class Power(_WithNumber, group="Math"):
    """Raises each number to the power of the second tensor, or of one number."""

    synonyms = ("pow", "exponent", "torch.pow")

    def build(self, input: NumbersOrComplex, other: NumbersOrComplex | None = None) -> Call:
        second = self._second(input, other)
        if isinstance(second, int) and second < 0:  # torch refuses whole numbers with a negative whole exponent
            second = float(second)
        return Call("torch.pow", input, second)


class Minimum(_WithNumber, group="Math"):
    """Keeps the smaller of two numbers, place by place."""

    synonyms = ("smaller", "element-wise min", "torch.minimum")

    def build(self, input: Ordered, other: Ordered | None = None) -> Call:
        second = self._second(input, other)
        if isinstance(second, Value):
            return Call("torch.minimum", input, second)
        return Call("torch.clamp", input, max=second)


class Maximum(_WithNumber, group="Math"):
    """Keeps the larger of two numbers, place by place."""

    synonyms = ("larger", "element-wise max", "torch.maximum")

    def build(self, input: Ordered, other: Ordered | None = None) -> Call:
        second = self._second(input, other)
        if isinstance(second, Value):
            return Call("torch.maximum", input, second)
        return Call("torch.clamp", input, min=second)


class Affine(Op, group="Math"):
    """Multiplies by one number and adds another: scale * input + shift."""

    synonyms = ("scale and shift", "scale", "shift", "linear function", "constant", "rescale")
    key: ClassVar[tuple[str, ...]] = ("scale", "shift")
    example = {"input": "float32 2 3"}

    scale: float = param(1.0, "Factor of every number.")
    shift: float = param(0.0, "Number added to the product.")

    def build(self, input: Anything) -> Call:
        product = Call("torch.mul", input, number(self.scale, input, "scale"))
        whole = self.scale.is_integer()  # else the product has a fraction, whatever the type of input
        return Call("torch.add", product, number(self.shift, input, "shift") if whole else self.shift)


class Atan2(Op, group="Math"):
    """Gives the angle of the point (other, input), from -π to π."""

    synonyms = ("angle", "arctan2", "phase", "torch.atan2")
    example = {"input": "float32 2 3", "other": "float32 2 3"}

    def build(self, input: Ordered, other: Ordered) -> Call:
        joined_shape(input, other)
        return Call("torch.atan2", input, other)


class Lerp(Op, group="Math"):
    """Goes a share of the way from one tensor to another: input + weight * (end - input)."""

    synonyms = ("interpolate", "blend", "mix", "moving average", "torch.lerp")
    key: ClassVar[tuple[str, ...]] = ("value",)
    example = {"input": "float32 2 3", "end": "float32 2 3"}

    value: float = param(0.5, "Share of the way, where nothing is wired to weight: 0 for input, 1 for end.")

    def build(self, input: FloatsOrComplex, end: FloatsOrComplex, weight: FloatsOrComplex | None = None) -> Call:
        joined_shape(input, end)
        checked_same_dtype(input, end)
        if weight is None:
            return Call("torch.lerp", input, end, self.value)
        checked_same_dtype(input, weight)
        joined_shape(input, weight)
        joined_shape(end, weight)
        return Call("torch.lerp", input, end, weight)


class Addcmul(Op, group="Math"):
    """Adds the product of two tensors to a third: input + value * tensor1 * tensor2."""

    synonyms = ("multiply and add", "fused", "torch.addcmul")
    key: ClassVar[tuple[str, ...]] = ("value",)
    example = {"input": "float32 2 3", "tensor1": "float32 2 3", "tensor2": "float32 2 3"}

    value: float = param(1.0, "Factor of the product.")

    def build(self, input: NumbersOrComplex, tensor1: NumbersOrComplex, tensor2: NumbersOrComplex) -> Call:
        for one, other in ((tensor1, tensor2), (input, tensor1), (input, tensor2)):
            joined_shape(one, other)
        if self.value == 1:
            return Call("torch.addcmul", input, tensor1, tensor2)
        whole = all(each.dtype not in NOT_INTEGER for each in (input, tensor1, tensor2))
        if whole and not self.value.is_integer():
            raise Mistake(
                f"value is {self.value:g}, but all inputs are whole numbers; it must be whole too.", param="value"
            )
        return Call("torch.addcmul", input, tensor1, tensor2, value=int(self.value) if whole else self.value)
