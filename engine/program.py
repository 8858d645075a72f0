"""The program of a graph: its steps in order, as plain values that passes rewrite and back ends read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from engine.declare import Call, Metric, Pattern, Recipe

LOSS = "loss"  # the sum of all losses, as a score

# Ports of an Input that tell more of its samples: how many of the first axes theirs share with these, and their dtype.
BESIDE: Mapping[str, tuple[int, str]] = {"length": (1, "int64"), "labels": (2, "int64"), "mask": (2, "bool")}


@dataclass(frozen=True, slots=True)
class Ref:
    """The tensor that comes out of a step: of its output `port`, "" where it has just one."""

    node: str
    port: str = ""


class Shaped(Protocol):
    """What is known of a tensor: its sizes, free ones as expressions, and its dtype."""

    @property
    def shape(self) -> tuple[Any, ...]: ...

    @property
    def dtype(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Feed:
    """An input of the program: an Input node with its column, shape and dtype.

    Of an Input with several ports each is a feed of its own: the samples, and what `BESIDE` tells of them.
    """

    node: str
    column: str | None
    shape: tuple[int | str, ...]
    dtype: str
    port: str = ""
    is_beside: bool = False

    @property
    def ref(self) -> Ref:
        """What steps call it."""
        return Ref(self.node, self.port)

    @property
    def name(self) -> str:
        """The variable that it is in source: the node's id, with the port behind it for what stands beside."""
        return f"{self.node}__{self.port}" if self.is_beside else self.node


@dataclass(frozen=True, slots=True)
class Step:
    """One node at work: a module (Recipe) or a function (Call), and what it is called with.

    `args` and `kwargs` hold Refs, lists and tuples of Refs, Calls on Refs, Torch constants and plain values. A Call's
    target is a function ("torch.cat", "metrics.x", "modules.x") or a method of its first argument (".to"). `share`
    names the step whose module this one calls, having none of its own; nothing may be folded into such a module.
    """

    node: str
    recipe: Recipe | Call
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    outputs: Pattern = "output"
    random: bool = False
    share: str = ""

    def refs(self) -> Iterator[Ref]:
        """Yield every Ref among the arguments."""
        yield from refs_in([*self.args, *self.kwargs.values()])


def refs_in(value: Any) -> Iterator[Ref]:
    """Yield every Ref in a nest of lists, tuples and Calls."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, Call):
        yield from refs_in([*value.args, *value.kwargs.values()])
    elif isinstance(value, list | tuple):
        for each in value:
            yield from refs_in(each)


def replace_refs(value: Any, change: Callable[[Ref], Any]) -> Any:
    """Return a nest of lists, tuples and Calls with each Ref changed."""
    if isinstance(value, Ref):
        return change(value)
    if isinstance(value, Call):
        kwargs = {name: replace_refs(each, change) for name, each in value.kwargs.items()}
        return Call(value.target, *replace_refs(value.args, change), **kwargs)
    if isinstance(value, list | tuple):
        return type(value)(replace_refs(each, change) for each in value)
    return value


@dataclass(frozen=True, slots=True)
class Program:
    """A whole graph, ready to be compiled or written as source.

    `losses` maps loss nodes to their factors, `metrics` metric nodes to their declarations, `outputs` Output nodes
    to the tensors they name. `gathered` holds the recipe of the object that gathers a metric over batches, for the
    metrics whose step gives no sums but what that object takes. `ties` maps a node to another and the names of the
    tensors of that one's module which its own module uses as well.
    """

    feeds: tuple[Feed, ...] = ()
    steps: tuple[Step, ...] = ()
    tensors: Mapping[Ref, Shaped] = field(default_factory=dict)  # what the check knows of what feeds and steps give
    losses: Mapping[str, float] = field(default_factory=dict)
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    outputs: Mapping[str, Ref] = field(default_factory=dict)
    gathered: Mapping[str, Recipe] = field(default_factory=dict)
    ties: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)

    def leading_metric(self) -> str | None:
        """The first metric that is a number of which more, or less, is better: it says which epoch was best."""
        return next(
            (name for name, each in self.metrics.items() if each.higher_is_better is not None and each.table() is None),
            None,
        )

    def score(self, name: str) -> str:
        """What epochs call the score that a setting names; by default it is the first metric, or the loss."""
        name = name or self.leading_metric() or LOSS
        return LOSS if name in self.losses and len(self.losses) == 1 else name  # an only loss is the sum of all


def path_to(tree: Pattern, port: str) -> tuple[int, ...]:
    """The places that lead to a port in an output pattern: h_n in "output, (h_n, c_n)" is (1, 0)."""
    return next(path for name, path in _paths(tree) if name == port)


def _paths(tree: Pattern, before: tuple[int, ...] = ()) -> Iterator[tuple[str, tuple[int, ...]]]:
    if isinstance(tree, str):
        yield tree, before
        return
    for place, part in enumerate(tree):
        yield from _paths(part, (*before, place))
