"""Sums, means, extremes and the like: many numbers along an axis, or several, become one."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from engine.declare import COMPLEX, FLOAT, NUMBER, Call, Mistake, Op, Port, Value, param
from engine.ops.axes import Dims, checked_axes, checked_axis, is_free
from engine.ops.ports import Anything, Numbers

FloatsOrComplex = Annotated[Value, Port((*FLOAT, *COMPLEX), "...")]
Ordered = Annotated[Value, Port((*NUMBER, "bool"), "...")]
Halves = Annotated[Value, Port(("float32", "float64"), "...")]

Settings = dict[str, object]


class _OverAxes(Op, abstract=True):
    """A reduction over one axis, several, or all."""

    key: ClassVar[tuple[str, ...]] = ("dim",)
    example = {"input": "float32 2 3 4"}

    dim: Dims = param(-1, "Axis or axes to reduce; negative counts from the last, empty means all.", low=-16, high=15)
    keepdim: bool = param(False, "Whether the reduced axes stay, with size 1.", advanced=True)

    def _settings(self, input: Value) -> Settings:
        """Return dim and keepdim as PyTorch takes them; raises Mistake where an axis is missing."""
        axes = checked_axes(self.dim, input)
        keep: Settings = {"keepdim": True} if self.keepdim else {}
        if self.dim is None or self.dim == ():
            return {"dim": axes, **keep} if self.keepdim and axes else {}
        return {"dim": self.dim, **keep}


class _OverAxis(Op, abstract=True):
    """A reduction over one axis that also tells where along it the number stood."""

    outputs: ClassVar[str] = "values, indices"
    key: ClassVar[tuple[str, ...]] = ("dim",)
    example = {"input": "float32 2 3 4"}

    dim: int = param(-1, "Axis to reduce; negative counts from the last.", low=-16, high=15)
    keepdim: bool = param(False, "Whether the axis stays, with size 1.", advanced=True)

    def _settings(self, input: Value) -> Settings:
        checked_axis(self.dim, input)
        return {"dim": self.dim, **({"keepdim": True} if self.keepdim else {})}


# ------------------------------------------------------------------------------------------------ sums and means


class Sum(_OverAxes, group="Reduction"):
    """Adds up numbers along axes."""

    synonyms = ("total", "reduce", "add up", "torch.sum")

    def build(self, input: Anything) -> Call:
        return Call("torch.sum", input, **self._settings(input))


class Mean(_OverAxes, group="Reduction"):
    """Averages numbers along axes."""

    synonyms = ("average", "reduce", "global average", "torch.mean")

    def build(self, input: FloatsOrComplex) -> Call:
        return Call("torch.mean", input, **self._settings(input))


class Prod(Op, group="Reduction"):
    """Multiplies the numbers along an axis, or all of them."""

    synonyms = ("product", "torch.prod")
    key: ClassVar[tuple[str, ...]] = ("dim",)
    example = {"input": "float32 2 3 4"}

    dim: int | None = param(-1, "Axis to reduce; empty for all.", low=-16, high=15)
    keepdim: bool = param(False, "Whether the axis stays, with size 1; needs a dim.", advanced=True)

    def build(self, input: Anything) -> Call:
        return Call("torch.prod", input, **_one_or_all(self.dim, input, keep=self.keepdim))


class LogSumExp(_OverAxes, group="Reduction"):
    """Takes the logarithm of the sum of exponentials along axes: a smooth maximum."""

    synonyms = ("smooth max", "log partition", "torch.logsumexp")

    def build(self, input: Anything) -> Call:
        settings = self._settings(input)
        return Call("torch.logsumexp", input, **{"dim": checked_axes(None, input), **settings})


class Norm(_OverAxes, group="Reduction"):
    """Measures the length of vectors along axes."""

    synonyms = ("length", "magnitude", "euclidean", "l1", "l2", "frobenius", "torch.linalg.vector_norm", "torch.norm")
    key: ClassVar[tuple[str, ...]] = ("ord", "dim")

    ord: float | None = param(
        2.0, "Power: 2 for the usual length, 1 for the sum, empty for the largest magnitude.", low=0
    )

    def build(self, input: FloatsOrComplex) -> Call:
        power = float("inf") if self.ord is None else self.ord
        settings = {"ord": power, **self._settings(input)}
        if power == 2:
            del settings["ord"]
        return Call("torch.linalg.vector_norm", input, **settings)


class CountNonzero(Op, group="Reduction"):
    """Counts the numbers along axes that are not 0."""

    synonyms = ("count", "number of true", "torch.count_nonzero")
    key: ClassVar[tuple[str, ...]] = ("dim",)
    example = {"input": "float32 2 3 4"}

    dim: Dims = param(-1, "Axis or axes to count along; empty for all.", low=-16, high=15)

    def build(self, input: Anything) -> Call:
        checked_axes(self.dim, input)
        if self.dim is None or self.dim == ():
            return Call("torch.count_nonzero", input)
        return Call("torch.count_nonzero", input, dim=self.dim)


# ------------------------------------------------------------------------------------------------------- extremes


class Max(_OverAxis, group="Reduction"):
    """Finds the largest number along an axis, and where it stands."""

    synonyms = ("maximum", "largest", "max pool", "torch.max")

    def build(self, input: Ordered) -> Call:
        return Call("torch.max", input, **self._settings(input))


class Min(_OverAxis, group="Reduction"):
    """Finds the smallest number along an axis, and where it stands."""

    synonyms = ("minimum", "smallest", "torch.min")

    def build(self, input: Ordered) -> Call:
        return Call("torch.min", input, **self._settings(input))


class Amax(_OverAxes, group="Reduction"):
    """Finds the largest number along several axes at once; equal ones share the gradient."""

    synonyms = ("maximum", "largest", "global max", "torch.amax")

    def build(self, input: Ordered) -> Call:
        return Call("torch.amax", input, **self._settings(input))


class Amin(_OverAxes, group="Reduction"):
    """Finds the smallest number along several axes at once; equal ones share the gradient."""

    synonyms = ("minimum", "smallest", "torch.amin")

    def build(self, input: Ordered) -> Call:
        return Call("torch.amin", input, **self._settings(input))


class _Place(Op, abstract=True):
    """An op that tells where along an axis, or among all numbers, one stands."""

    key: ClassVar[tuple[str, ...]] = ("dim",)
    example = {"input": "float32 2 3 4"}

    dim: int | None = param(-1, "Axis to look along; empty for a place among all numbers.", low=-16, high=15)
    keepdim: bool = param(False, "Whether the axis stays, with size 1; needs a dim.", advanced=True)


class Argmax(_Place, group="Reduction"):
    """Tells where the largest number stands along an axis, such as the most likely class."""

    synonyms = ("arg max", "predicted class", "index of largest", "torch.argmax")

    def build(self, input: Numbers) -> Call:
        return Call("torch.argmax", input, **_one_or_all(self.dim, input, keep=self.keepdim))


class Argmin(_Place, group="Reduction"):
    """Tells where the smallest number stands along an axis."""

    synonyms = ("arg min", "nearest", "index of smallest", "torch.argmin")

    def build(self, input: Numbers) -> Call:
        return Call("torch.argmin", input, **_one_or_all(self.dim, input, keep=self.keepdim))


def _one_or_all(dim: int | None, input: Value, *, keep: bool) -> Settings:
    if dim is None:
        if keep:
            raise Mistake("keepdim is true, but dim is empty; name an axis or set keepdim to false.", param="keepdim")
        return {}
    checked_axis(dim, input)
    return {"dim": dim, **({"keepdim": True} if keep else {})}


# ----------------------------------------------------------------------------------------------------- statistics


class _Spread(_OverAxes, abstract=True):
    """A measure of how far numbers lie from their mean."""

    correction: int = param(1, "Taken from the count: 1 for a sample, 0 for all there is.", low=0, advanced=True)

    def _settings(self, input: Value) -> Settings:
        sizes = [input[axis] for axis in checked_axes(self.dim, input)]
        count = 1
        for size in sizes:
            count *= size
        if count <= self.correction and not any(map(is_free, sizes)):
            raise Mistake(
                f"dim covers too few numbers ({count}) for a correction of {self.correction}; "
                "reduce other axes, or lower correction.",
                param="dim",
            )
        settings = super()._settings(input)
        return settings if self.correction == 1 else {**settings, "correction": self.correction}


class Std(_Spread, group="Reduction"):
    """Measures the standard deviation along axes."""

    synonyms = ("standard deviation", "spread", "torch.std")

    def build(self, input: FloatsOrComplex) -> Call:
        return Call("torch.std", input, **self._settings(input))


class Var(_Spread, group="Reduction"):
    """Measures the variance along axes."""

    synonyms = ("variance", "spread", "torch.var")

    def build(self, input: FloatsOrComplex) -> Call:
        return Call("torch.var", input, **self._settings(input))


class Median(_OverAxis, group="Reduction"):
    """Finds the middle number along an axis, the lower of two, and where it stands."""

    synonyms = ("middle", "torch.median")

    def build(self, input: Numbers) -> Call:
        return Call("torch.median", input, **self._settings(input))


class Quantile(Op, group="Reduction"):
    """Finds the number that a share of the numbers along an axis lies below."""

    synonyms = ("percentile", "quartile", "torch.quantile")
    key: ClassVar[tuple[str, ...]] = ("q", "dim")
    example = {"input": "float32 2 3 4"}

    q: float = param(0.5, "Share of numbers that lie below.", low=0, high=1)
    dim: int | None = param(-1, "Axis to look along; empty for all numbers.", low=-16, high=15)
    keepdim: bool = param(False, "Whether the axis stays, with size 1; needs a dim.", advanced=True)
    interpolation: Literal["linear", "lower", "higher", "midpoint", "nearest"] = param(
        "linear", "What is taken between two numbers.", advanced=True
    )

    def build(self, input: Halves) -> Call:
        more = {} if self.interpolation == "linear" else {"interpolation": self.interpolation}
        return Call("torch.quantile", input, self.q, **_one_or_all(self.dim, input, keep=self.keepdim), **more)


# ---------------------------------------------------------------------------------------------------------- logic


class Any(_OverAxes, group="Logic"):
    """Tells whether at least one number along axes is true."""

    synonyms = ("at least one", "exists", "torch.any")
    example = {"input": "bool 2 3 4"}

    def build(self, input: Anything) -> Call:
        return Call("torch.any", input, **self._settings(input))


class All(_OverAxes, group="Logic"):
    """Tells whether every number along axes is true."""

    synonyms = ("every", "for all", "torch.all")
    example = {"input": "bool 2 3 4"}

    def build(self, input: Anything) -> Call:
        return Call("torch.all", input, **self._settings(input))
