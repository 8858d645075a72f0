"""How things are declared: ops, optimizers, data sources and settings, each a small frozen dataclass.

A declaration states params, ports and what it builds; palette, forms, validation, modules, exported source, docs
and tests are derived from it. Nothing here imports torch: a `Recipe` names the module it means.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import inspect
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Self, dataclass_transform

from engine.kinds import UNBOUNDED, Bounds, Float, Kind, Nothing, kind_of
from engine.problem import Mistake, Problem

# ---------------------------------------------------------------------------------------------------- dtypes

FLOAT = ("float32", "float64", "float16", "bfloat16")
INTEGER = ("int64", "int32", "int16", "int8", "uint8")
INDEX = ("int64", "int32")
INT64 = ("int64",)
BOOL = ("bool",)
COMPLEX = ("complex64", "complex128")
NUMBER = FLOAT + INTEGER
ANY = NUMBER + BOOL + COMPLEX

# ---------------------------------------------------------------------------------------------------- params


@dataclass(frozen=True, slots=True)
class Param:
    """One param of a declaration."""

    name: str
    kind: Kind
    default: Any
    doc: str
    bounds: Bounds
    advanced: bool = False
    group: str = ""

    @property
    def optional(self) -> bool:
        """Whether the param may be empty."""
        return self.kind.refuse(None) is None

    def refuse(self, value: Any) -> str | None:
        """Return the sentence that refuses `value`, or None where it is accepted."""
        words = self.kind.refuse(value)
        return None if words is None else f"{self.name} is {show_value(value)}; it {words}."


def param(
    default: Any,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    below: float | None = None,
    advanced: bool = False,
    group: str = "",
) -> Any:
    """Declare a param: its default, one sentence on its meaning, and its bounds.

    `low` and `high` are allowed themselves, `above` and `below` are not. Forms fold `advanced` params away, and list
    those that follow each other in one `group` under it as a heading.
    """
    metadata = {"doc": doc, "bounds": Bounds(low, high, above, below), "advanced": advanced, "group": group}
    return field(default=default, metadata=metadata)


def show_value(value: Any) -> str:
    """Write a param's value the way a user reads it: `3`, `(3, 3)`, `"same"`, `empty`."""
    if value is None:
        return "empty"
    if isinstance(value, list | tuple):
        return f"({', '.join(map(show_value, value))})"
    if isinstance(value, bool):
        return str(value).lower()
    text = f'"{value}"' if isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


# ------------------------------------------------------------------------------------------------ declarations


@dataclass_transform(field_specifiers=(param,), frozen_default=True, kw_only_default=True)
class Declared:
    """Base of all that is declared: a docstring, params, and a place in its family's registry.

    A subclass made with `family=...` opens a family; subclasses of that register themselves in its `registry`
    by class name. `group` is the heading under which a palette or a form lists it, `synonyms` are further
    words that find it, `title` is its name in words where the class name does not read well, `subject` how a
    sentence about it begins, where that is not its name.
    """

    family: ClassVar[str] = ""
    registry: ClassVar[dict[str, type[Any]]] = {}
    group: ClassVar[str] = ""
    synonyms: ClassVar[tuple[str, ...]] = ()
    title: ClassVar[str] = ""
    subject: ClassVar[str] = ""

    def __init_subclass__(cls, *, family: str | None = None, group: str | None = None, abstract: bool = False) -> None:
        super().__init_subclass__()
        if group is not None:
            cls.group = group
        if family is not None:
            cls.family, cls.registry = family, {}
        elif not abstract:
            cls.title = cls.__dict__.get("title", cls.__name__)
            cls.registry[cls.__name__] = cls

    def __new__(cls, *_args: Any, **_params: Any) -> Self:
        _finish(cls)
        return super().__new__(cls)

    @classmethod
    def doc(cls) -> str:
        """The docstring's first paragraph."""
        return " ".join(inspect.cleandoc(cls.__doc__ or "").split("\n\n")[0].replace("`", "").split())

    @classmethod
    def details(cls) -> str:
        """What there is to know beyond `doc`: the docstring's further paragraphs, and those of abstract bases."""
        docs = [cls.__doc__, *(base.__doc__ for base in cls.__mro__[1:] if base.__name__.startswith("_"))]
        paragraphs = [each for text in docs for each in inspect.cleandoc(text or "").split("\n\n")[1:]]
        return "\n\n".join(" ".join(each.replace("`", "").split()) for each in paragraphs)

    @classmethod
    def params(cls) -> Mapping[str, Param]:
        """The params by name, in the order they are declared."""
        return _params(cls)  # type: ignore[arg-type]  # a class is hashable; mypy asks its instances

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Every param's default, as JSON values."""
        return {name: each.default for name, each in cls.params().items()}

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> tuple[Self | None, list[Problem]]:
        """Read params from JSON values; a param left out takes its default.

        Returns the instance (None where there are problems) and a Problem for each wrong or unknown param.
        """
        problems = list(cls._unknown(values))
        accepted = {}
        for name, each in cls.params().items():
            if name not in values:
                continue
            refusal = each.refuse(values[name])
            if refusal:
                problems.append(Problem(refusal, param=name))
            else:
                accepted[name] = each.kind.parse(values[name])
        return (None if problems else cls(**accepted)), problems

    @classmethod
    def _unknown(cls, values: Mapping[str, Any]) -> Iterator[Problem]:
        known = cls.params()
        for name in values:
            if name not in known:
                yield Problem(
                    f"{cls.subject or cls.__name__} has no param {name!r}{did_you_mean(name, known)}.", param=name
                )

    def changed(self) -> dict[str, Any]:
        """The params that differ from their defaults."""
        return {
            name: getattr(self, name)
            for name, each in self.params().items()
            if getattr(self, name) != each.kind.parse(each.default)
        }


def _finish(cls: type[Declared]) -> None:
    """Make a class a dataclass, and its bases before it: hundreds are declared, and few are used in one run."""
    for base in reversed(cls.__mro__):
        if base is not Declared and issubclass(base, Declared) and "__dataclass_params__" not in base.__dict__:
            dataclass(frozen=True, kw_only=True)(base)


@functools.cache
def _params(cls: type[Declared]) -> Mapping[str, Param]:
    _finish(cls)
    hints = typing.get_type_hints(cls, include_extras=True)
    return {
        each.name: Param(
            each.name,
            kind_of(hints[each.name], each.metadata["bounds"]),
            each.default,
            each.metadata["doc"],
            each.metadata["bounds"],
            each.metadata["advanced"],
            each.metadata["group"],
        )
        for each in dataclasses.fields(cls)  # type: ignore[arg-type]  # made a dataclass by __init_subclass__
        if "doc" in each.metadata
    }


def did_you_mean(word: str, known: typing.Iterable[str]) -> str:
    """Return '; did you mean "x"?'-like words for a misspelt name, or "" where nothing is near."""
    by_fold = {each.lower(): each for each in known}
    near = difflib.get_close_matches(word.lower(), by_fold, n=1, cutoff=0.6)
    return f" (did you mean {by_fold[near[0]]!r}?)" if near else ""


# ------------------------------------------------------------------------------------------------------- ports


@dataclass(frozen=True, slots=True)
class Port:
    """What an input port accepts: dtypes, and axes such as "N C H W".

    A letter names an axis (the same name in two ports of a node means equal sizes), a number fixes its size,
    "..." stands for any number of axes.
    """

    dtypes: tuple[str, ...] = ANY
    axes: str = "..."


@dataclass(frozen=True, slots=True)
class Input:
    """An input port of an op."""

    name: str
    port: Port
    optional: bool = False
    list: bool = False


class Value:
    """What an input port receives while the graph is checked.

    Its shape is concrete, the free sizes standing at a trial size; `value[1]` is the size of axis 1, `value[-1]`
    of the last.
    """

    __slots__ = ("dtype", "port", "shape")

    def __init__(self, port: str, shape: Sequence[int], dtype: str) -> None:
        self.port = port
        self.shape = tuple(shape)
        self.dtype = dtype

    def __getitem__(self, axis: int) -> int:
        return self.shape[axis]

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __eq__(self, other: object) -> bool:
        """Two values are equal as arguments of a recipe where they come through the same port."""
        return isinstance(other, Value) and other.port == self.port

    def __hash__(self) -> int:
        return hash(self.port)

    def __repr__(self) -> str:
        return f"Value({self.port}: {list(self.shape)} {self.dtype})"


@dataclass(frozen=True, slots=True)
class Torch:
    """A constant of torch among a recipe's arguments, such as Torch("torch.int64")."""

    name: str


@dataclass(frozen=True, init=False)
class Recipe:
    """A module to build: `target` such as "nn.Conv2d" (or "modules.X" of engine.modules) and its arguments.

    What an installed package has is named "package.module:Name", in a Call as well.

    Recipes and Calls among the arguments are built first: a layer that a stack repeats, a tensor of class weights.
    `forward` holds further keywords that the module is called with beside its inputs; a Call among them may take
    Values and is made anew each time, such as a mask of the input's length.
    """

    target: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    forward: dict[str, Any] = field(default_factory=dict)

    def __init__(self, target: str, *args: Any, **kwargs: Any) -> None:
        object.__setattr__(self, "target", target)
        object.__setattr__(self, "args", args)
        object.__setattr__(self, "kwargs", kwargs)
        object.__setattr__(self, "forward", {})

    def called_with(self, **forward: Any) -> Recipe:
        """Return this recipe with keywords for the module's forward."""
        recipe = Recipe(self.target, *self.args, **self.kwargs)
        object.__setattr__(recipe, "forward", forward)
        return recipe


@dataclass(frozen=True, init=False)
class Call:
    """A function to call: `target` such as "torch.cat" and its arguments, Values among them for the inputs.

    A Call without Values may stand among a Recipe's arguments, such as Call("torch.tensor", weights).
    """

    target: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def __init__(self, target: str, *args: Any, **kwargs: Any) -> None:
        object.__setattr__(self, "target", target)
        object.__setattr__(self, "args", args)
        object.__setattr__(self, "kwargs", kwargs)


# --------------------------------------------------------------------------------------------------------- ops


PLAIN = frozenset({"column", "dtype", "out_features"})  # params whose values say by themselves what they are


class Op(Declared, family="op"):
    """A node of the graph.

    A subclass defines `build`, whose annotated parameters are its input ports, and which returns a Recipe or a
    Call. `outputs` and `inputs` are patterns such as "output, (h_n, c_n)" that name the ports and say how tuples
    are packed; behind a "*" in `inputs`, ports are passed by keyword. `example` gives inputs for tests and docs:
    "float32 2 3" is a dtype and sizes, "int64:1..5 4" says that whole numbers lie from 1 to 5 (0 and 1 where it says
    nothing). `key` names the params a node's card shows, `random` says that it draws random numbers.
    """

    outputs: ClassVar[str] = "output"
    inputs: ClassVar[str] = ""
    example: ClassVar[Mapping[str, Any]] = {}
    key: ClassVar[tuple[str, ...]] = ()
    random: ClassVar[bool] = False

    build: ClassVar[Callable[..., Recipe | Call]]

    @classmethod
    def declared_by(cls, params: Mapping[str, Any], inputs: Mapping[str, Any]) -> type[Op]:  # noqa: ARG003
        """The declaration of a node with these params and wires: this one, unless its ports depend on them."""
        return cls

    @classmethod
    def input_ports(cls) -> Mapping[str, Input]:
        """The input ports by name, in order."""
        return _input_ports(cls)  # type: ignore[arg-type]  # a class is hashable; mypy asks its instances

    @classmethod
    def output_ports(cls) -> tuple[str, ...]:
        """The output ports' names, in order."""
        return names_in(pattern(cls.outputs))

    @classmethod
    def source_of(cls) -> str:
        """The PyTorch class or function this op stands for, "" where it has none or is put together of several."""
        return _source_of(cls)  # type: ignore[arg-type]  # a class is hashable; mypy asks its instances

    def returns(self) -> str:
        """The pattern of what comes out at these params: `outputs`, or the part of it that is a tensor then."""
        return self.outputs

    def trace(self, *_args: Any, **inputs: Any) -> Mapping[str, tuple[tuple[int | str, ...], str]] | None:
        """Return {output port: (shape, dtype)}, or None to have the check run the module on the meta device.

        `inputs` holds a Value (or a list of them) for each connected port. A size that depends on the numbers is
        given as a text, such as "K", and gets a name of its own.
        """
        return None

    def cost(self, *_args: Any, **_inputs: Any) -> tuple[int, int] | None:
        """Return (multiply-accumulates, bytes kept for the backward pass), or None to have the check measure both.

        They are measured by a run on the meta device; an op states them where that is slow or impossible. For the rest
        see `trace`.
        """
        return None

    def summary(self) -> str:
        """The key params in one short line for the node's card, such as "64, 3x3, s2"."""
        shown = {name: show_short(getattr(self, name)) for name in self.key}
        return ", ".join(text if name in PLAIN else f"{name} {text}" for name, text in shown.items() if text)


class Compared(Op, abstract=True):
    """An op that compares what the network says with a target.

    `classes` names its ports of scores and of class indices, where it has such, and `class_axis` the axis of the
    scores that holds the classes.
    """

    classes: ClassVar[tuple[str, str] | None] = None
    class_axis: ClassVar[int] = 1


class Loss(Compared, abstract=True):
    """An op whose output is a number that training makes small; of several outputs, it is the one named `loss`.

    `metrics` are the ops (with params) that are measured on the same inputs where a graph has no metric node;
    `metric_inputs` says which port of the loss goes to which of theirs.
    """

    metrics: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    metric_inputs: ClassVar[Mapping[str, str]] = {"input": "input", "target": "target"}

    def measured(self, **_inputs: Any) -> Mapping[str, Mapping[str, Any]]:
        """The metrics (with params) for these inputs: `metrics`, unless params or inputs call for others."""
        return self.metrics


FACTOR = Param("factor", Float(), 1.0, "What this loss is multiplied by in the training loss.", UNBOUNDED)


class Metric(Compared, abstract=True):
    """An op that is measured and shown but not trained on.

    What `build` returns says how. A Call gives, for a batch, a tensor (sum, count) that is added up while the network
    trains; `finish` says what becomes of the totals: "mean" (sum / count), "root" or "exp" (the square root, or the
    exponential, of the mean). A Recipe builds an object of torchmetrics, or one like it of engine.measures, that
    gathers what `given` hands it of each batch and is asked at the end of an epoch.

    `range` holds the least and the largest value there can be (None where there is no bound), `percent` says whether
    it reads best as a percentage, `higher_is_better` is None where it is neither.
    """

    outputs: ClassVar[str] = ""
    higher_is_better: ClassVar[bool | None] = None
    finish: ClassVar[Literal["mean", "root", "exp"]] = "mean"
    range: ClassVar[tuple[float | None, float | None]] = (None, None)
    percent: ClassVar[bool] = False

    def given(self, **inputs: Any) -> Call:
        """What is kept of a batch for a Recipe's object, in the order that its `update` takes it."""
        return Call("metrics.given", *(inputs.get(port) for port in self.input_ports()))

    def table(self) -> tuple[str, str] | None:
        """What a table's rows and columns are, where the result is no single number."""
        return None


def show_short(value: Any) -> str:
    """Write a value for a node's card: sizes as "3x3" ("1x*" where one is empty), nothing for an empty one."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return "x".join("*" if each is None else str(each) for each in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


@functools.cache
def _input_ports(cls: type[Op]) -> Mapping[str, Input]:
    hints = typing.get_type_hints(cls.build, include_extras=True)
    ports = {}
    for name, parameter in list(inspect.signature(cls.build).parameters.items())[1:]:
        is_list, port = _port_in(hints[name])
        ports[name] = Input(name, port, optional=parameter.default is None, list=is_list)
    return ports


def _port_in(hint: Any) -> tuple[bool, Port]:
    if typing.get_origin(hint) is typing.Annotated:
        base, *marks = typing.get_args(hint)
        return typing.get_origin(base) is list, next(mark for mark in marks if isinstance(mark, Port))
    return next(_port_in(part) for part in typing.get_args(hint) if part is not type(None))


@functools.cache
def _source_of(cls: type[Op]) -> str:
    if not cls.example:
        return ""
    recipe = cls().build(**example_values(cls))
    target = recipe.target
    if target.startswith("."):
        return f"torch.Tensor{target}"
    if ":" in target:
        return target.replace(":", ".")
    composed = any(isinstance(each, Call) and not each.target.startswith(".") for each in recipe.args)
    if target.startswith(("metrics.", "measures.", "modules.")) or (isinstance(recipe, Call) and composed):
        return ""
    return target if target.startswith(("torch.", "torchmetrics.")) else f"torch.{target}"


def example_values(cls: type[Op]) -> dict[str, Value | list[Value]]:
    """The op's example inputs as Values; an example is written "float32 2 3 8 8": dtype, then sizes."""

    def value(port: str, text: str) -> Value:
        kind, *sizes = text.split()
        return Value(port, tuple(map(int, sizes)), kind.partition(":")[0])

    return {
        port: value(port, text)
        if isinstance(text, str)
        else [value(f"{port}[{i}]", each) for i, each in enumerate(text)]
        for port, text in cls.example.items()
    }


Pattern = str | tuple[Any, ...]


@functools.cache
def pattern(text: str) -> Pattern:
    """Parse a port pattern: "output" -> "output"; "output, (h_n, c_n)" -> ("output", ("h_n", "c_n"))."""
    if not text:
        return ()
    return _tree(text)


def _tree(text: str) -> Pattern:
    parts, depth, start = [], 0, 0
    for place, letter in enumerate(text + ","):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append(text[start:place].strip())
            start = place + 1
    trees = tuple(_tree(part[1:-1]) if part.startswith("(") else part for part in parts if part)
    return trees[0] if len(trees) == 1 and not text.rstrip().endswith(",") else trees


def names_in(tree: Pattern) -> tuple[str, ...]:
    """List the names of a parsed pattern, left to right."""
    if isinstance(tree, str):
        return (tree,)
    return tuple(name for part in tree for name in names_in(part))


__all__ = [
    "ANY",
    "BOOL",
    "COMPLEX",
    "FLOAT",
    "INDEX",
    "INT64",
    "INTEGER",
    "NUMBER",
    "Call",
    "Compared",
    "Declared",
    "Input",
    "Loss",
    "Metric",
    "Mistake",
    "Nothing",
    "Op",
    "Param",
    "Pattern",
    "Port",
    "Recipe",
    "Torch",
    "Value",
    "did_you_mean",
    "example_values",
    "names_in",
    "param",
    "pattern",
    "show_short",
    "show_value",
]  # fmt: skip
