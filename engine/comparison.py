"""Runs beside each other: what differs in graph, data and settings, and which did best."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.declare import Declared
from engine.ops import OPS
from engine.ops.initializer import Initializer
from engine.ops.optimizer import Optimizer
from engine.ops.schedule import Schedule
from engine.ops.settings import Batching, Split, Training, Turn
from engine.optimizers import free_name, listed
from engine.problem import Mistake
from engine.runs import MACHINE, VERSIONS, Summary, finite
from engine.spec import Node, Spec, jsonable

ABSENT = "–"  # stands where a run has no such node or value
LONGEST = 60  # characters of a value that is told
SCORES, TEST, RUN, TRAINING, DATA, GRAPH = "Best epoch", "Test", "Run", "Training", "Data", "Graph"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a comparison: a value for each run, and the places of the best where one is better than others."""

    group: str
    name: str
    values: tuple[str, ...]
    best: tuple[int, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether not all runs have the same value."""
        return len(set(self.values)) > 1

    def encode(self) -> dict[str, Any]:
        """Turn it into a JSON object."""
        return {"group": self.group, "name": self.name, "values": list(self.values), "best": list(self.best)}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Runs by name, and the rows of their table."""

    runs: tuple[str, ...]
    rows: tuple[Row, ...]

    def shown(self, *, equal: bool) -> list[Row]:
        """The rows that differ, and the others where `equal` ones are wanted too; scores are always shown."""
        return [row for row in self.rows if equal or row.differs or row.group in (SCORES, TEST)]

    def encode(self) -> dict[str, Any]:
        """Turn it into a JSON object."""
        return {"runs": list(self.runs), "rows": [row.encode() for row in self.rows]}


def compare(summaries: Sequence[Summary]) -> Comparison:
    """Set runs beside each other; raises Mistake where there are fewer than two, or one cannot be read."""
    if len(summaries) < 2:
        raise Mistake("Choose two runs or more to compare them.")
    specs = [summary.run.spec() for summary in summaries]
    rows = [*_scores(summaries), *_circumstances(summaries), *difference(specs)]
    return Comparison(tuple(summary.name for summary in summaries), tuple(rows))


def difference(specs: Sequence[Spec]) -> list[Row]:
    """Set specs beside each other, a row for each setting, node and param; what stands at its default counts as said.

    A node that some lack is one row; of one that all have, each param and wire is a row. The canvas plays no part.
    """
    training = [_flat(_training(spec), "training") for spec in specs]
    data = [_flat(_data(spec), "data") for spec in specs]
    graph = [dict(_nodes(spec.nodes, "nodes")) for spec in specs]
    for spec, found in zip(specs, graph, strict=True):
        for name, block in spec.blocks.items():
            found |= _flat({"params": block.params}, f"blocks.{name}")
            found |= dict(_nodes(block.nodes, f"blocks.{name}"))
    return [
        *_rows(TRAINING, [_texts(each) for each in training]),
        *_rows(DATA, [_texts(each) for each in data]),
        *_node_rows(graph),
    ]


def changed(one: Spec, other: Spec) -> frozenset[str]:
    """In which of TRAINING, DATA and GRAPH two specs differ; empty where they train alike."""
    return frozenset(row.group for row in difference([one, other]) if row.differs)


def optimizers(spec: Spec) -> Mapping[str, Any]:
    """The optimizers of a spec by their names, defaults written out."""
    found = _by_name(listed(spec))
    return found if isinstance(found, Mapping) else {}


# ---------------------------------------------------------------------------------------------- scores, machines


def _scores(summaries: Sequence[Summary]) -> Iterator[Row]:
    for group, pick in ((SCORES, _best_scores), (TEST, _test_scores)):
        found = [pick(summary) for summary in summaries]
        for name in dict.fromkeys(name for scores in found for name in scores):
            values = [finite(scores.get(name)) for scores in found]
            higher = any(summary.metrics.get(name, False) for summary in summaries)
            texts = tuple(ABSENT if value is None else f"{value:.6g}" for value in values)
            yield Row(group, name, texts, _best(values, higher_is_better=higher))


def _best_scores(summary: Summary) -> Mapping[str, float]:
    return summary.scores


def _test_scores(summary: Summary) -> Mapping[str, float]:
    return summary.test


def _best(values: Sequence[float | None], *, higher_is_better: bool) -> tuple[int, ...]:
    """The places of the best values; none where all are alike, or there is nothing to compare with."""
    known = [value for value in values if value is not None]
    if len(set(known)) < 2:
        return ()
    top = max(known) if higher_is_better else min(known)
    return tuple(place for place, value in enumerate(values) if value == top)


def _circumstances(summaries: Sequence[Summary]) -> Iterator[Row]:
    """How each run went, and where."""
    facts: dict[str, Callable[[Summary], str]] = {
        "state": lambda run: run.state,
        "epochs done": lambda run: str(run.epoch),
        "parameters": lambda run: f"{run.parameters:,}" if run.parameters else ABSENT,
        "seconds": lambda run: f"{run.seconds:.1f}",
        "tags": lambda run: ", ".join(run.about.tags) or ABSENT,
        "notes": lambda run: run.about.notes or ABSENT,
    }
    for name, tell in facts.items():
        yield Row(RUN, name, tuple(tell(summary) for summary in summaries))
    environments = [_environment(summary) for summary in summaries]
    for key, name in {**MACHINE, **VERSIONS}.items():
        yield Row(RUN, name, tuple(str(each.get(key, ABSENT)) for each in environments))


def _environment(summary: Summary) -> Mapping[str, Any]:
    try:
        return summary.run.environment()
    except Mistake:  # damaged, and no reason to compare nothing
        return {}


# ---------------------------------------------------------------------------------------------------- settings


def _training(spec: Spec) -> dict[str, Any]:
    """The training section with its defaults written out, optimizers by their names and, where several, in their order.

    It is the order of their turns.
    """
    init, found = _whole(spec.training.get("init"), Initializer), _by_name(listed(spec))
    order = ", ".join(found) if isinstance(found, Mapping) and len(found) > 1 else None
    return {**Training.defaults(), **spec.training, "init": init, "optimizers": found, "optimizers order": order}


def _by_name(entries: Any) -> Any:
    if not isinstance(entries, list) or not all(isinstance(each, Mapping) for each in entries):
        return entries
    found: dict[str, Any] = {}
    for whole in map(_optimizer, entries):
        found[free_name(str(whole["name"]), set(found))] = {**whole, "name": None}
    return found


def _optimizer(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    whole = {**Turn.defaults(), **_whole(entry, Optimizer)}
    return {**whole, "schedule": _whole(entry.get("schedule"), Schedule)}


def _whole(value: Any, family: type[Declared]) -> Any:
    """What is declared in a family, its params' defaults written out."""
    declared = family.registry.get(str(value.get("op"))) if isinstance(value, Mapping) else None
    params = value.get("params", {}) if declared is not None else None
    return {**value, "params": {**declared.defaults(), **params}} if declared and isinstance(params, Mapping) else value


def _data(spec: Spec) -> dict[str, Any]:
    """The data section with its defaults written out."""
    sections = {"split": Split.defaults(), "batching": Batching.defaults()}
    given = {name: spec.data.get(name) for name in sections}
    return {
        **spec.data,
        **{name: {**sections[name], **(each if isinstance(each, Mapping) else {})} for name, each in given.items()},
    }


def _flat(value: Any, path: str) -> dict[str, Any]:
    """The leaves of nested objects by their path; empty ones and null say nothing."""
    if not isinstance(value, Mapping):
        return {} if value in (None, [], ()) else {path: jsonable(value)}
    return {name: leaf for key, each in value.items() for name, leaf in _flat(each, f"{path}.{key}").items()}


def _texts(leaves: Mapping[str, Any]) -> dict[str, str]:
    return {path: words(value) for path, value in leaves.items()}


def words(value: Any) -> str:
    """A value as it is told: text as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def short(text: str) -> str:
    """A text in one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def _rows(group: str, found: Sequence[Mapping[str, str]]) -> Iterator[Row]:
    for path in dict.fromkeys(path for each in found for path in each):
        yield Row(group, path, tuple(each.get(path, ABSENT) for each in found))


# ------------------------------------------------------------------------------------------------------- nodes


def _nodes(nodes: Mapping[str, Node], path: str) -> Iterator[tuple[str, Node]]:
    for node in nodes.values():
        yield f"{path}.{node.id}", node


def _node_rows(found: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    for path in dict.fromkeys(path for each in found for path in each):
        values = [each.get(path) for each in found]
        nodes = [value for value in values if isinstance(value, Node)]
        if len(nodes) == len(values) and len({node.op for node in nodes}) == 1:
            yield from _rows(GRAPH, [_texts(_flat(_leaves(node), path)) for node in nodes])
        else:
            yield Row(GRAPH, path, tuple(_node_words(value) for value in values))


def _leaves(node: Node) -> dict[str, Any]:
    """What can be changed of a node."""
    factor = {} if node.factor == 1.0 else {"factor": node.factor}
    declared = None if node.block else OPS.get(node.op)
    params = {**(declared.defaults() if declared is not None else {}), **node.params}
    use = {"block": node.block, "repeat": node.repeat, "share_weights": node.share_weights} if node.block else {}
    return {
        "op": node.op, **use, "params": params, "inputs": {**node.inputs}, "weights": node.weights,
        "decode": node.decode, **factor,
    }  # fmt: skip


def _node_words(value: Any) -> str:
    """A node in short, or the value that a block's param has."""
    if value is None:
        return ABSENT
    if not isinstance(value, Node):
        return words(value)
    name = value.block or value.op
    return f"{name}({', '.join(f'{param}={short(words(each))}' for param, each in value.params.items())})"


# ------------------------------------------------------------------------------------------------------ as text


def as_csv(comparison: Comparison, rows: Iterable[Row]) -> str:
    """The table as CSV: group, name, a column for each run."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(("group", "name", *comparison.runs))
    writer.writerows((row.group, row.name, *row.values) for row in rows)
    return stream.getvalue()


def as_markdown(comparison: Comparison, rows: Iterable[Row]) -> str:
    """The table as Markdown, the best values bold."""
    lines = [("", *map(_cell, comparison.runs)), ("---",) * (len(comparison.runs) + 1)]
    for row in rows:
        values = [
            f"**{_cell(value)}**" if place in row.best else _cell(value) for place, value in enumerate(row.values)
        ]
        lines.append((_cell(row.name if row.group in (TRAINING, DATA, GRAPH) else f"{row.group}: {row.name}"), *values))
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return short(text).replace("|", "\\|")
