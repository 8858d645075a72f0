"""Weighted sums, products of matrices, and arithmetic on tensors."""

from __future__ import annotations

from typing import Annotated, ClassVar

from engine.declare import NUMBER, Call, Mistake, Op, Port, Recipe, Value, param
from engine.ops.ports import F32, Anything, Floats


class Linear(Op, group="Linear"):
    """Weighs and sums all features: the fully connected layer."""

    synonyms = ("dense", "fully connected", "fc", "affine", "perceptron")
    key: ClassVar[tuple[str, ...]] = ("out_features",)
    example = {"input": "float32 2 16"}

    out_features: int = param(64, "Number of features that come out.", low=1, high=2**24)
    bias: bool = param(True, "Whether a learned number is added to each feature.", advanced=True)

    def build(self, input: Annotated[Value, Port(F32, "... F")]) -> Recipe:
        return Recipe("nn.Linear", input[-1], self.out_features, **({} if self.bias else {"bias": False}))


class Bilinear(Op, group="Linear"):
    """Weighs and sums all products of a feature of one input with a feature of the other."""

    synonyms = ("pairs", "interaction", "products")
    key: ClassVar[tuple[str, ...]] = ("out_features",)
    example = {"input1": "float32 2 5", "input2": "float32 2 3"}

    out_features: int = param(64, "Number of features that come out.", low=1, high=2**24)
    bias: bool = param(True, "Whether a learned number is added to each feature.", advanced=True)

    def build(
        self,
        input1: Annotated[Value, Port(F32, "... F")],
        input2: Annotated[Value, Port(F32, "... G")],
    ) -> Recipe:
        if input1.shape[:-1] != input2.shape[:-1]:
            raise Mistake(
                f"input1 is {list(input1.shape)} and input2 is {list(input2.shape)}; "
                "all sizes but the last must be equal.",
                param="input2",
            )
        bias = {} if self.bias else {"bias": False}
        return Recipe("nn.Bilinear", input1[-1], input2[-1], self.out_features, **bias)


class Identity(Op, group="Linear"):
    """Hands on what it gets: a place to switch a layer in, or to read a tensor off."""

    synonyms = ("nothing", "pass through", "placeholder", "no-op")
    example = {"input": "float32 2 5"}

    def build(self, input: Anything) -> Recipe:
        return Recipe("nn.Identity")


class Add(Op, group="Math"):
    """Adds two tensors number by number; sizes of 1 are stretched to fit."""

    synonyms = ("plus", "sum", "residual", "skip", "torch.add")
    example = {"input": "float32 2 3", "other": "float32 2 3"}

    def build(self, input: Anything, other: Anything) -> Call:
        return Call("torch.add", input, other)


class Multiply(Op, group="Math"):
    """Multiplies two tensors number by number; sizes of 1 are stretched to fit."""

    synonyms = ("times", "product", "gate", "scale", "torch.mul")
    example = {"input": "float32 2 3", "other": "float32 2 3"}

    def build(self, input: Anything, other: Anything) -> Call:
        return Call("torch.mul", input, other)


class Subtract(Op, group="Math"):
    """Subtracts the second tensor from the first, number by number; sizes of 1 are stretched to fit."""

    synonyms = ("minus", "difference", "torch.sub")
    example = {"input": "float32 2 3", "other": "float32 2 3"}

    def build(self, input: Annotated[Value, Port(NUMBER)], other: Annotated[Value, Port(NUMBER)]) -> Call:
        return Call("torch.sub", input, other)


class MatMul(Op, group="Math"):
    """Multiplies two matrices, or two batches of matrices."""

    synonyms = ("matrix product", "dot", "bmm", "torch.matmul")
    example = {"input": "float32 2 3 4", "other": "float32 2 4 5"}

    def build(self, input: Annotated[Value, Port(NUMBER)], other: Annotated[Value, Port(NUMBER)]) -> Call:
        if input.dtype != other.dtype:
            raise Mistake(f"input is {input.dtype} and other is {other.dtype}; MatMul needs both of one type.")
        return Call("torch.matmul", input, other)


class Mean(Op, group="Math"):
    """Averages over one axis or several."""

    synonyms = ("average", "reduce", "global average", "torch.mean")
    key: ClassVar[tuple[str, ...]] = ("dim",)
    example = {"input": "float32 2 3 4"}

    dim: int = param(-1, "Axis to average over; negative counts from the last.", low=-16, high=15)
    keepdim: bool = param(False, "Whether the axis stays, with size 1.", advanced=True)

    def build(self, input: Floats) -> Call:
        if not -input.ndim <= self.dim < input.ndim:
            raise Mistake(f"dim is {self.dim}, but input has {input.ndim} axes.", param="dim")
        return Call("torch.mean", input, dim=self.dim, **({"keepdim": True} if self.keepdim else {}))
