"""Weighted sums of features, and vectors looked up by index."""

from __future__ import annotations

from typing import Annotated, ClassVar

from engine.declare import Mistake, Op, Port, Recipe, Value, param
from engine.ops.ports import F32, Anything


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
