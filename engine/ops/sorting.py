"""Order along an axis: sorting, the largest few, and what is there at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from engine.declare import INTEGER, NUMBER, Call, Mistake, Op, Port, Value, param
from engine.ops.axes import checked_axis
from engine.ops.ports import Numbers

Ordered = Annotated[Value, Port((*NUMBER, "bool"), "...")]


class Sort(Op, group="Reduction"):
    """Puts the numbers along an axis in order, and tells where each stood."""

    synonyms = ("order", "rank", "torch.sort")
    outputs: ClassVar[str] = "values, indices"
    key: ClassVar[tuple[str, ...]] = ("dim",)
    example = {"input": "float32 2 3 4"}

    dim: int = param(-1, "Axis to sort along; negative counts from the last.", low=-16, high=15)
    descending: bool = param(False, "Whether the largest comes first.")
    stable: bool = param(False, "Whether equal numbers keep their order.", advanced=True)

    def build(self, input: Ordered) -> Call:
        checked_axis(self.dim, input)
        return Call("torch.sort", input, **{"dim": self.dim, **self.changed()})


class Argsort(Op, group="Reduction"):
    """Tells which places along an axis would put the numbers in order."""

    synonyms = ("order", "rank", "sort indices", "torch.argsort")
    key: ClassVar[tuple[str, ...]] = ("dim",)
    example = {"input": "float32 2 3 4"}

    dim: int = param(-1, "Axis to sort along; negative counts from the last.", low=-16, high=15)
    descending: bool = param(False, "Whether the largest comes first.")
    stable: bool = param(False, "Whether equal numbers keep their order.", advanced=True)

    def build(self, input: Ordered) -> Call:
        checked_axis(self.dim, input)
        return Call("torch.argsort", input, **{"dim": self.dim, **self.changed()})


def _enough(k: int, dim: int, input: Value) -> None:
    size = input[checked_axis(dim, input)]
    if k > size:
        raise Mistake(f"k is {k}, but axis {dim} of {input.port} has only {size} numbers.", param="k")


class TopK(Op, group="Reduction"):
    """Finds the largest few numbers along an axis, and where they stand."""

    synonyms = ("best", "largest k", "beam", "torch.topk")
    outputs: ClassVar[str] = "values, indices"
    key: ClassVar[tuple[str, ...]] = ("k", "dim")
    example = {"input": "float32 2 3 8"}

    k: int = param(1, "How many numbers.", low=1)
    dim: int = param(-1, "Axis to look along; negative counts from the last.", low=-16, high=15)
    largest: bool = param(True, "Whether the largest are found, or the smallest.")
    sorted: bool = param(True, "Whether they come in order.", advanced=True)

    def build(self, input: Numbers) -> Call:
        _enough(self.k, self.dim, input)
        settings = {name: value for name, value in self.changed().items() if name not in ("k", "dim")}
        return Call("torch.topk", input, self.k, dim=self.dim, **settings)


class KthValue(Op, group="Reduction"):
    """Finds the k-th smallest number along an axis, and where it stands."""

    synonyms = ("order statistic", "torch.kthvalue")
    outputs: ClassVar[str] = "values, indices"
    key: ClassVar[tuple[str, ...]] = ("k", "dim")
    example = {"input": "float32 2 3 8"}

    k: int = param(1, "Which number, counted from 1, the smallest.", low=1)
    dim: int = param(-1, "Axis to look along; negative counts from the last.", low=-16, high=15)
    keepdim: bool = param(False, "Whether the axis stays, with size 1.", advanced=True)

    def build(self, input: Numbers) -> Call:
        _enough(self.k, self.dim, input)
        return Call("torch.kthvalue", input, self.k, dim=self.dim, **({"keepdim": True} if self.keepdim else {}))


class Unique(Op, group="Reduction"):
    """Lists the different numbers of a tensor, where each number stands in that list, and how often it occurs."""

    synonyms = ("distinct", "deduplicate", "torch.unique")
    outputs: ClassVar[str] = "values, inverse, counts"
    example = {"input": "int64:0..3 2 5"}

    def build(self, input: Ordered) -> Call:
        detached = Call(".detach", input)  # torch.unique knows no gradient and stops where one is asked for
        return Call("torch.unique", detached, return_inverse=True, return_counts=True)

    def trace(self, input: Value) -> Mapping[str, tuple[tuple[int | str, ...], str]]:
        return {
            "values": (("K",), input.dtype),
            "inverse": (input.shape, "int64"),
            "counts": (("K",), "int64"),
        }


class Bincount(Op, group="Reduction"):
    """Counts how often each whole number from 0 up occurs; weights count in place of ones."""

    synonyms = ("histogram", "count classes", "frequency", "torch.bincount")
    key: ClassVar[tuple[str, ...]] = ("minlength",)
    example = {"input": "int64:0..3 7"}

    minlength: int = param(0, "Least number of counts that come out; larger numbers in input add to it.", low=0)

    def build(
        self,
        input: Annotated[Value, Port(INTEGER, "L")],
        weights: Annotated[Value, Port(("float32", "float64"), "L")] | None = None,
    ) -> Call:
        settings: dict[str, Any] = {} if weights is None else {"weights": Call(".detach", weights)}
        return Call("torch.bincount", input, **settings, **self.changed())

    def trace(self, input: Value, weights: Value | None = None) -> Mapping[str, tuple[tuple[int | str, ...], str]]:
        return {"output": (("K",), "int64" if weights is None else weights.dtype)}
