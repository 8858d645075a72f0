"""Do the data and the graph go together: columns, shapes, dtypes, and numbers of classes."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from engine.columns import Column
from engine.declare import INDEX, Compared, did_you_mean
from engine.expand import expand
from engine.heads import widened
from engine.ops import OPS
from engine.problem import Fix, Problem
from engine.program import BESIDE
from engine.report import Report
from engine.spec import Node, Spec, Wire, source_id, source_port
from engine.validate import terminals, upstream

PLAIN = "output"  # the port of an Input that gives one tensor
MOST_COLUMNS = 3  # that are offered for one Input

# What has a vector for each index: the port the indices come through, and the param that counts the vectors.
TABLES = {
    "Embedding": ("input", "num_embeddings"),
    "EmbeddingBag": ("input", "num_embeddings"),
    "AdaptiveLogSoftmaxWithLoss": ("target", "n_classes"),
}


def binding_problems(spec: Spec, report: Report, columns: Mapping[str, Column]) -> list[Problem]:
    """List where the graph's Inputs and the data's columns do not fit.

    `report` is the check of the same spec; Inputs that nothing is wired to are passed over.
    """
    if not columns:
        return []
    spec = expand(spec).spec
    used = upstream(spec, [node for kind in terminals(spec) for node in kind])
    found = []
    for node in spec.nodes.values():
        if node.op == "Input" and node.id in used:
            found += list(_input_problems(node, columns))
    if not found:
        found += _class_problems(spec, report, columns)
        found += _index_problems(spec, columns)
    return found


def _input_problems(node: Node, columns: Mapping[str, Column]) -> Iterator[Problem]:
    name = node.params.get("column")
    if name is None:
        words = "No data column is bound to this Input; choose one."
        yield Problem(words, node.id, "column", _bindings(node, columns))
        return
    column = columns.get(name)
    if column is None:
        known = ", ".join(list(columns)[:8])
        words = f"The data has no column {name!r}{did_you_mean(str(name), columns)}; it has {known}."
        yield Problem(words, node.id, "column", _bindings(node, columns, str(name)))
        return
    if not _fits(node, column):
        data = f"{' × '.join(map(str, ('N', *column.shape)))} {column.dtype}"
        graph = f"{' × '.join(map(str, node.params.get('shape', ())))} {node.params.get('dtype')}"
        arguments = {"node": node.id, "shape": ["N", *column.shape], "dtype": column.dtype, "ports": column.ports}
        fix = Fix("Take the data's shape", "take_shape", arguments)
        yield Problem(f"The column {name} is {data}, and this Input says {graph}.", node.id, "shape", (fix,))


def _bindings(node: Node, columns: Mapping[str, Column], meant: str = "") -> tuple[Fix, ...]:
    """Fixes that bind an Input to columns of its shape and dtype, those first whose names are near to what is meant."""
    fitting = [name for name, column in columns.items() if _fits(node, column)]
    near = difflib.get_close_matches(meant, fitting, n=MOST_COLUMNS)
    return tuple(
        Fix(f"Bind to {name}", "set_param", {"node": node.id, "name": "column", "value": name})
        for name in dict.fromkeys([*near, *fitting])
    )[:MOST_COLUMNS]


def _fits(node: Node, column: Column) -> bool:
    shape, ports = node.params.get("shape", ()), node.params.get("ports", PLAIN)
    if ports not in (PLAIN, column.ports):
        return False
    if len(shape) != len(column.shape) + 1 or node.params.get("dtype") != column.dtype:
        return False
    pairs = zip(shape[1:], column.shape, strict=True)
    return all(isinstance(size, str) or size == actual for size, actual in pairs)


def _class_problems(spec: Spec, report: Report, columns: Mapping[str, Column]) -> Iterator[Problem]:
    """Yield a Problem for each loss whose classes are fewer than the data's."""
    told: set[Any] = set()  # a metric on the same scores has the same problem
    for node in _losses_first(spec):
        ports = class_ports(node)
        if ports is None:
            continue
        column = column_at(spec, node, ports[1], columns)
        size = class_count(report, node, ports[0])
        if column is None or column.dtype not in INDEX or column.high is None or size is None:
            continue
        pair = (node.inputs[ports[0]], node.inputs[ports[1]])
        ignored = node.params.get("ignore_index", -100)
        if pair in told or column.high == ignored:  # how far the other classes go is not known
            continue
        if column.low is not None and column.low < 0 and column.low != ignored:
            told.add(pair)
            words = f"{column.name} has the class {column.low:g}, and classes count from 0"
            words += "; give the column an Index step in the data panel."
            yield Problem(words, node.id, ports[1], (_indexed(spec, column),))
            continue
        if column.ignored is not None and column.ignored != ignored:
            told.add(pair)
            yield _uncounted(column, node, ports[1])
            continue
        count = len(column.classes) or int(column.high) + 1
        if count > size:
            told.add(pair)
            words = f"{column.name} has {count} classes, and {ports[0]} has {size}"
            fixes = tuple(widened(spec, node, ports[0], count))
            yield Problem(f"{words}; give the layer before it {count} outputs.", node.id, ports[0], fixes)


def _uncounted(column: Column, node: Node, port: str) -> Problem:
    """The Problem of a loss that would take pixels for a class that are not to count."""
    words = f"{column.name} marks pixels that do not count with {column.ignored}"
    if "ignore_index" not in OPS[node.op].params():
        return Problem(f"{words}, and {node.op} counts all; take another loss or metric.", node.id, port)
    arguments = {"node": node.id, "name": "ignore_index", "value": column.ignored}
    fix = Fix(f"Set ignore_index to {column.ignored}", "set_param", arguments)
    return Problem(f"{words}; set ignore_index to it.", node.id, "ignore_index", (fix,))


def _indexed(spec: Spec, column: Column) -> Fix:
    """The fix that gives a column an Index step behind those it has."""
    held = spec.data.get("columns")
    columns = held if isinstance(held, Mapping) else {}
    section = columns.get(column.name, {})
    steps = [*section.get("steps", []), {"op": "Index", "params": {}}]
    value = {**columns, column.name: {**section, "steps": steps}}
    return Fix(f"Give {column.name} an Index step", "set_setting", {"path": "data.columns", "value": value})


def class_ports(node: Node) -> tuple[str, str] | None:
    """The ports of scores and of class indices of a loss or metric that has such."""
    op = OPS.get(node.op)
    return op.classes if op is not None and issubclass(op, Compared) else None


def target_classes(spec: Spec, columns: Mapping[str, Column]) -> dict[str, tuple[str, ...]]:
    """For each metric, the names of the classes its target has, where its column names them."""
    _losses, metrics, _outputs = terminals(spec)
    pairs = {node: class_ports(spec.nodes[node]) for node in metrics}
    found = {node: column_at(spec, spec.nodes[node], ports[1], columns) for node, ports in pairs.items() if ports}
    return {node: column.classes for node, column in found.items() if column is not None and column.classes}


def _losses_first(spec: Spec) -> list[Node]:
    losses, metrics, _outputs = terminals(spec)
    return [spec.nodes[node] for node in (*losses, *metrics)]


def class_count(report: Report, node: Node, port: str) -> int | None:
    """How many classes a port has scores for, None where that is free or not known, or targets are a yes or no each."""
    op = OPS[node.op]
    assert issubclass(op, Compared)
    assert op.classes is not None
    shape, target = (_shape_at(report, _first(node.inputs.get(each))) for each in (port, op.classes[1]))
    if len(shape) <= op.class_axis or len(shape) == len(target):
        return None
    size = shape[op.class_axis]
    return size if isinstance(size, int) else None


def _first(wire: Wire | tuple[Wire, ...] | None) -> str | None:
    return wire[0] if isinstance(wire, tuple) else wire


def _index_problems(spec: Spec, columns: Mapping[str, Column]) -> Iterator[Problem]:
    """Yield a Problem for each table that has fewer vectors than its column has indices."""
    for node in spec.nodes.values():
        port, name = TABLES.get(node.op, ("", ""))
        column = column_at(spec, node, port, columns)
        if column is None or column.high is None:
            continue
        count, vectors = int(column.high) + 1, node.params.get(name, 0)
        if count > vectors:
            fix = Fix(f"Set {name} to {count}", "set_param", {"node": node.id, "name": name, "value": count})
            words = f"{column.name} has indices up to {count - 1}, so {name} must be at least {count}."
            yield Problem(words, node.id, name, (fix,))


def column_at(spec: Spec, node: Node, port: str, columns: Mapping[str, Column]) -> Column | None:
    """The column whose values reach a port straight from an Input; of boxes these are their classes alone."""
    wire = node.inputs.get(port)
    source = spec.nodes.get(source_id(wire)) if isinstance(wire, str) else None
    column = columns.get(source.params.get("column", "")) if source is not None and source.op == "Input" else None
    beside = source_port(wire) if isinstance(wire, str) else ""
    if column is not None and beside == "labels":
        return replace(column, dtype=BESIDE[beside][1], low=0.0, high=float(len(column.classes) - 1))
    return None if beside in BESIDE else column


def _shape_at(report: Report, wire: str | None) -> tuple[int | str, ...]:
    if wire is None or source_id(wire) not in report.nodes:
        return ()
    outputs = report.nodes[source_id(wire)].outputs
    name = wire.partition(".")[2] or next(iter(outputs), "")
    return outputs[name].shape if name in outputs else ()
