"""All that is declared, as facts and as text: families, params, ports, examples. Plain; nothing is computed."""

from __future__ import annotations

import importlib
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from engine import edit, ops
from engine.declare import (
    ANY,
    BOOL,
    COMPLEX,
    FLOAT,
    INTEGER,
    NUMBER,
    Call,
    Declared,
    Metric,
    Op,
    Recipe,
    Torch,
    Value,
    did_you_mean,
    example_values,
    show_value,
)
from engine.ops.initializer import Initializer
from engine.problem import Mistake
from engine.report import Tensor
from engine.spec import Spec

WIDTH = 100  # of running text, in letters

Outputs = Mapping[str, Tensor]  # what comes out of an op's example, by port

# Families in the order in which they are listed; ops come first, by their own groups.
FAMILIES: Mapping[str, str] = {
    "op": "Ops",
    "decoder": "Decoders",
    "optimizer": "Optimizers",
    "schedule": "Schedules",
    "initializer": "Initializers",
    "source": "Data sources",
    "step": "Column steps",
    "settings": "Settings",
    "range": "Ranges of a sweep",
}
# Sets of dtypes that have a name.
DTYPES = {
    ANY: "any",
    NUMBER: "any number",
    FLOAT: "any float",
    INTEGER: "any whole number",
    (*FLOAT, *COMPLEX): "any float or complex",
    (*NUMBER, *COMPLEX): "any number or complex",
    (*NUMBER, *BOOL): "any number or bool",
    (*INTEGER, *BOOL): "any whole number or bool",
}


def families() -> dict[str, type[Declared]]:
    """The families that are declared, by name, in the order of `FAMILIES`."""
    found = {each.family: each for each in Declared.__subclasses__() if "family" in vars(each)}
    order = [*FAMILIES, *found]
    return dict(sorted(found.items(), key=lambda pair: order.index(pair[0])))


def everything() -> list[type[Declared]]:
    """All that is declared, family by family, each by its groups: those of ops in their own order."""
    listed: list[type[Declared]] = []
    for family in families().values():
        members = list(family.registry.values())
        groups = ops.GROUPS if family is Op else dict.fromkeys(each.group for each in members)
        places = {group: place for place, group in enumerate(groups)}
        listed += sorted(members, key=lambda each: places.get(each.group, len(places)))  # used at once
    return listed


def heading(declared: type[Declared]) -> str:
    """The heading under which something is listed: an op's group, else its family, with the group where it has one."""
    family = FAMILIES.get(declared.family, declared.family.capitalize())
    if declared.family == "op":
        return declared.group
    return family if declared.group in ("", family) else f"{family}: {declared.group}"


def find(name: str) -> list[type[Declared]]:
    """Find what has a name; several families may have one of it. Raises Mistake where nothing has."""
    listed = everything()
    for matches in (
        lambda each: each.__name__ == name,
        lambda each: each.__name__.lower() == name.lower(),
        lambda each: name in (torch_name(each), *each.synonyms),
    ):
        found = [each for each in listed if matches(each)]
        if found:
            return found
    names = [each.__name__ for each in listed]
    raise Mistake(f"There is no op {name!r}{did_you_mean(name, names)}; `netloom ops` lists all.")


def torch_name(declared: type[Declared]) -> str:
    """The PyTorch class or function that something stands for, "" where there is none."""
    if issubclass(declared, Op):
        return declared.source_of()
    if issubclass(declared, Initializer):
        return f"torch.{declared.target}" if declared.target.startswith("nn.") else ""
    homes = {"optimizer": "torch.optim", "schedule": "torch.optim.lr_scheduler"}
    return f"{homes[declared.family]}.{declared.__name__}" if declared.family in homes else ""


# -------------------------------------------------------------------------------------------------------- examples


def example_spec(op: type[Op]) -> tuple[Spec, str] | None:
    """A graph of the op on its example's inputs, and the op's node; None where it has no example."""
    if not op.example:
        return None
    spec, wires = Spec(), dict[str, Any]()
    for port, text in op.example.items():
        names = []
        for each in [text] if isinstance(text, str) else text:
            dtype, *sizes = each.split()
            params = {"shape": [int(size) for size in sizes], "dtype": dtype.partition(":")[0]}
            names.append(edit.new_id(spec, "Input"))
            spec = edit.add(spec, "Input", params=params)
        wires[port] = names[0] if isinstance(text, str) else names
    node = edit.new_id(spec, op.__name__)
    return edit.add(spec, op.__name__, inputs=wires), node


def example(op: type[Op], outputs: Outputs | None = None) -> str:
    """The op's example as a line, "" where it has none.

    Such as `nn.Linear(16, 64)(float32 2 x 16) -> float32 2 x 64`; the part behind the arrow needs the check, so it is
    there only where `outputs` are given.
    """
    if not op.example or issubclass(op, Metric):  # a metric's function is no one's but ours
        return ""
    values = example_values(op)
    recipe = op().build(**values)
    line = _called(recipe)
    if isinstance(recipe, Recipe):
        several = len(values) > 1
        given = [f"{port}: {_written(value)}" if several else _written(value) for port, value in values.items()]
        given += [f"{name}={_written(value)}" for name, value in recipe.forward.items()]
        line += f"({', '.join(given)})"
    return f"{line} -> {_results(outputs)}" if outputs else line


def _results(outputs: Outputs) -> str:
    if len(outputs) == 1:
        return _tensor(*outputs.values())
    return ", ".join(f"{port}: {_tensor(tensor)}" for port, tensor in outputs.items())


def _tensor(tensor: Tensor) -> str:
    return f"{tensor.dtype} {' x '.join(map(str, tensor.shape))}".strip()


def _called(recipe: Recipe | Call) -> str:
    args, target = list(recipe.args), recipe.target.removeprefix("modules.")
    if target.startswith("."):
        target = f"({_written(args.pop(0))}){target}"
    parts = [*map(_written, args), *(f"{name}={_written(value)}" for name, value in recipe.kwargs.items())]
    return f"{target}({', '.join(parts)})"


def _written(value: Any) -> str:
    """Write an argument as Python does, and a tensor as its dtype and shape."""
    match value:
        case Value():
            return _tensor(Tensor(value.shape, value.dtype))
        case Recipe() | Call():
            return _called(value)
        case Torch():
            return value.name
        case list():
            return f"[{', '.join(map(_written, value))}]"
        case tuple():
            return f"({', '.join(map(_written, value))}{',' * (len(value) == 1)})"
        case str() if not {'"', "\\"} & set(value):
            return f'"{value}"'
    return repr(value)


# ----------------------------------------------------------------------------------------------------------- facts


def facts(declared: type[Declared]) -> dict[str, Any]:
    """What is declared, as JSON."""
    inputs, outputs, line = [], [], ""
    if issubclass(declared, Op):
        inputs = [
            {
                "name": each.name,
                "dtypes": list(each.port.dtypes),
                "axes": each.port.axes,
                "optional": each.optional,
                "list": each.list,
            }
            for each in declared.input_ports().values()
        ]
        outputs, line = list(declared.output_ports()), example(declared)
    return {
        "op": declared.__name__,
        "family": declared.family,
        "group": declared.group,
        "doc": declared.doc(),
        "details": declared.details(),
        **_measured(declared),
        "torch": torch_name(declared),
        "synonyms": list(declared.synonyms),
        "params": [
            {
                "name": each.name,
                "type": each.kind.name,
                "default": each.default,
                "doc": each.doc,
                "bounds": each.bounds.words(),
                "advanced": each.advanced,
                "group": each.group,
            }
            for each in declared.params().values()
        ],
        "inputs": inputs,
        "outputs": outputs,
        "example": line,
    }


def _measured(declared: type[Declared]) -> dict[str, Any]:
    """What there is to know of a metric's numbers."""
    if not issubclass(declared, Metric):
        return {}
    return {"higher_is_better": declared.higher_is_better, "range": list(declared.range), "percent": declared.percent}


def dtypes(accepted: tuple[str, ...]) -> str:
    """The dtypes of a port in words: "float32", "any number", "int64 or int32"."""
    named = next((words for known, words in DTYPES.items() if set(known) == set(accepted)), None)
    return named or " or ".join(accepted)


def describe(declared: type[Declared], outputs: Outputs | None = None) -> str:
    """What is declared, as text; `outputs` are what comes out of an op's example."""
    source = torch_name(declared)
    lines = [f"{declared.__name__} ({heading(declared)}{', ' + source if source else ''})", declared.doc()]
    for paragraph in declared.details().splitlines():
        lines += ["", *textwrap.wrap(paragraph, WIDTH)] if paragraph else []
    if declared.params():
        lines += ["", "Params:"]
    for each in declared.params().values():
        bounds = f"; {each.bounds.words()}" if each.bounds.words() else ""
        lines.append(f"  {each.name} = {show_value(each.default)}  ({each.kind.name}{bounds})")
        lines.append(f"      {each.doc}")
    if issubclass(declared, Op):
        lines += [*_port_lines(declared), *_example_lines(declared, outputs)]
    return "\n".join(lines)


def _port_lines(op: type[Op]) -> Iterator[str]:
    if op.input_ports():
        yield from ("", "Inputs:")
    for port in op.input_ports().values():
        marks = "".join((" (a list)" * port.list, " (optional)" * port.optional))
        yield f"  {port.name}{marks}: {axes(port.port.axes)}, {dtypes(port.port.dtypes)}"
    if op.output_ports():
        yield from ("", f"Outputs: {', '.join(op.output_ports())}")


def axes(text: str) -> str:
    """The axes of a port in words: "N C H W", or "any shape"."""
    return "any shape" if text == "..." else text


def _example_lines(op: type[Op], outputs: Outputs | None) -> Iterator[str]:
    line = example(op, outputs)
    if line:
        yield from ("", "Example:", f"  {line}")


def excluded() -> dict[str, str]:
    """What PyTorch has and this catalogue has not, by name, and why."""
    found: dict[str, str] = {}
    for path in sorted(Path(ops.__file__).parent.glob("*.py")):
        module = ops if path.stem == "__init__" else importlib.import_module(f"engine.ops.{path.stem}")
        table = getattr(module, "EXCLUDED", {})
        found |= {name if "." in name else f"torch.nn.{name}": _sentence(why) for name, why in table.items()}
    return dict(sorted(found.items()))


def _sentence(text: str) -> str:
    """Begin with a capital and end with a full stop."""
    return f"{text[:1].upper()}{text[1:]}".rstrip(".") + "."
