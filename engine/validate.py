"""The structure of a spec, judged without torch: does what it names exist, is it wired, does it run in a circle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.blocks import op_of
from engine.declare import Declared, Loss, Metric, Op, did_you_mean
from engine.ops import OPS
from engine.ops.initializer import FromFile, Initializer
from engine.ops.settings import Batching, Split, Training, Weights
from engine.ops.source import Source
from engine.ops.steps import Step
from engine.optimizers import read_optimizers
from engine.problem import Fix, Mistake, Problem
from engine.schedules import located
from engine.spec import BLOCK, Node, Spec, source_id, source_port
from engine.training import training_problems

DECODERS = ("Argmax",)


def order(spec: Spec) -> list[str]:
    """List the nodes so that each stands after its sources, in creation order where free.

    Nodes in a cycle, or behind one, are left out.
    """
    waiting = {node.id: sum(source in spec.nodes for source in node.sources()) for node in spec.nodes.values()}
    targets = targets_of(spec)
    ready = [node_id for node_id, count in waiting.items() if count == 0]
    place = 0
    while place < len(ready):
        for target in targets[ready[place]]:
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(target)
        place += 1
    return ready


def targets_of(spec: Spec) -> dict[str, list[str]]:
    """For each node, the nodes wired to its outputs, once a wire."""
    targets: dict[str, list[str]] = {node_id: [] for node_id in spec.nodes}
    for node in spec.nodes.values():
        for source in node.sources():
            if source in targets:
                targets[source].append(node.id)
    return targets


def upstream(spec: Spec, ids: list[str]) -> set[str]:
    """Return `ids` and every node they depend on."""
    found, waiting = set(ids), list(ids)
    while waiting:
        for source in spec.nodes[waiting.pop()].sources():
            if source in spec.nodes and source not in found:
                found.add(source)
                waiting.append(source)
    return found


def would_cycle(spec: Spec, source: str, node: str) -> bool:
    """Whether a wire from node `source` into node `node` would close a circle."""
    return source == node or (source in spec.nodes and node in upstream(spec, [source]))


def problems(spec: Spec) -> list[Problem]:
    """List every mistake in the structure and the settings of a spec."""
    found = [problem for node in spec.nodes.values() for problem in node_problems(spec, node)]
    found += [problem for node in spec.nodes.values() if node.weights for problem in weights_problems(node)]
    return [*found, *cycle_problems(spec), *settings_problems(spec)]


# ---------------------------------------------------------------------------------------------------------- nodes


def node_problems(spec: Spec, node: Node) -> Iterator[Problem]:
    """Yield the mistakes in one node: its op, params, wires and settings."""
    op = op_of(spec, node)
    if op is None:
        if node.op != BLOCK:
            yield Problem(f"There is no op {node.op!r}{did_you_mean(node.op, OPS)}.", node.id)
        return
    for problem in op.parse(node.params)[1]:
        yield Problem(problem.message, node.id, problem.param, _param_fixes(op, node, problem))
    yield from _wire_problems(spec, node, op)
    yield from _missing_inputs(node, op)
    if issubclass(op, Loss) and node.factor == 0:
        yield Problem("factor is 0, so this loss trains nothing; set another factor or remove the node.", node.id)
    if node.decode is not None and node.decode.get("op") not in DECODERS:
        known = ", ".join(DECODERS)
        yield Problem(f"decode is {node.decode.get('op')!r}; it must be one of {known}, or empty.", node.id, "decode")


def _param_fixes(op: type[Declared], node: Node, problem: Problem) -> tuple[Fix, ...]:
    if problem.param is None:
        return ()
    text = f"Reset {problem.param}" if problem.param in op.params() else f"Remove {problem.param}"
    return (Fix(text, "reset_param", {"node": node.id, "name": problem.param}),)


def _wire_problems(spec: Spec, node: Node, op: type[Op]) -> Iterator[Problem]:
    ports = op.input_ports()
    for port, place, wire in node.wires():
        arguments = {"node": node.id, "port": port, "place": place}
        fixes = (Fix("Remove the wire", "disconnect", arguments),)
        if port not in ports:
            if place:
                continue  # of a list of wires, which all are taken away at once
            words = f"{op.__name__} has no input {port!r}{did_you_mean(port, ports)}."
            fix = Fix(
                "Remove the wire" if place is None else "Remove the wires", "disconnect", arguments | {"place": None}
            )
            yield Problem(words, node.id, port, (fix,))
        elif (place is not None) != ports[port].list:
            words = "takes a list of wires" if ports[port].list else "takes one wire, not a list"
            yield Problem(f"The input {port} {words}.", node.id, port, fixes)
        elif refusal := _refuse_source(spec, wire):
            yield Problem(refusal, node.id, port, fixes)


def _refuse_source(spec: Spec, wire: str) -> str | None:
    source = spec.nodes.get(source_id(wire))
    if source is None:
        return f"It is wired to {source_id(wire)!r}, which does not exist."
    op = op_of(spec, source)
    if op is None:
        return None  # that node has its own problem
    outputs, name = op.output_ports(), source_port(wire)
    if not outputs:
        return f"It is wired to {source.id}, which is of the op {op.__name__} and has no output."
    if "." in wire and name not in outputs:
        return f"It is wired to {wire}, but {op.__name__} has the outputs {', '.join(outputs)}."
    return None


def _missing_inputs(node: Node, op: type[Op]) -> Iterator[Problem]:
    for port in op.input_ports().values():
        if not port.optional and not node.inputs.get(port.name):
            yield Problem(f"Nothing is wired to {port.name}; wire an output to it.", node.id, port.name)


def cycle_problems(spec: Spec) -> Iterator[Problem]:
    """Yield one Problem for each circle of wires; what only stands behind a circle is not to blame."""
    rest = set(spec.nodes) - set(order(spec))
    while rest:
        circle = _circle(spec, rest)
        path = " → ".join([*circle, circle[0]])
        first, last = circle[0], circle[-1]
        port, place, _wire = next(wire for wire in spec.nodes[first].wires() if source_id(wire[2]) == last)
        fix = Fix("Remove the wire", "disconnect", {"node": first, "port": port, "place": place})
        yield Problem(f"The wires run in a circle: {path}; remove one of them.", first, port, (fix,))
        rest = _fed(spec, rest - set(circle))


def _fed(spec: Spec, among: set[str]) -> set[str]:
    """Take away the nodes that no circle among these feeds."""
    waiting = {node_id: sum(source in among for source in spec.nodes[node_id].sources()) for node_id in among}
    free = [node_id for node_id, count in waiting.items() if count == 0]
    targets = targets_of(spec)
    for node_id in free:
        for target in targets[node_id]:
            if target in waiting:
                waiting[target] -= 1
                if waiting[target] == 0:
                    free.append(target)
    return among - set(free)


def _circle(spec: Spec, among: set[str]) -> list[str]:
    """Walk against the wires, among nodes that are all fed from among them, until a node comes again."""
    path = [min(among)]
    while True:
        source = next(each for each in spec.nodes[path[-1]].sources() if each in among)
        if source in path:
            return path[path.index(source) :][::-1]
        path.append(source)


# -------------------------------------------------------------------------------------------------------- weights

UNSUPPORTED = ("from",)  # weights taken from a file with a prefix
BESIDE_WEIGHTS = (
    "init",
    "share",
    *UNSUPPORTED,
)  # what stands in a node's weights section beside the settings of `Weights`


def weights_problems(node: Node) -> Iterator[Problem]:
    """Yield the mistakes in a node's weights settings; which tensors it has, only the check knows."""
    rest = {name: value for name, value in node.weights.items() if name not in BESIDE_WEIGHTS}
    for problem in Weights.parse(rest)[1]:
        fix = Fix(f"Remove {problem.param}", "set_weights", {"node": node.id, "name": problem.param, "value": None})
        yield Problem(problem.message, node.id, f"weights.{problem.param}", (fix,))
    for name in UNSUPPORTED:
        if name in node.weights:
            fix = Fix(f"Remove {name}", "set_weights", {"node": node.id, "name": name, "value": None})
            words = f"The weights setting {name} is not supported by this version; remove it."
            yield Problem(words, node.id, f"weights.{name}", (fix,))
    init = node.weights.get("init", {})
    if not isinstance(init, dict):
        fix = Fix("Remove init", "set_weights", {"node": node.id, "name": "init", "value": None})
        yield Problem("init must be an object of tensors and initializers.", node.id, "weights.init", (fix,))
        return
    for tensor, value in init.items():
        try:
            read_initializer(value)
        except Mistake as mistake:
            yield Problem(mistake.message, node.id, f"weights.init.{tensor}", (without_init(node.id, tensor),))


def without_init(node: str, tensor: str) -> Fix:
    """The fix that takes the initializer of a tensor away."""
    arguments = {"node": node, "tensor": tensor, "init": None}
    return Fix(f"Remove the initializer of {tensor}", "set_init", arguments)


def read_initializer(value: Any) -> Initializer:
    """Read {"op": ..., "params": {...}}; raises Mistake, with the param named, where it is none."""
    if not isinstance(value, dict) or not isinstance(value.get("op"), str):
        raise Mistake('An initializer must be an object with "op" and "params".')
    declared = Initializer.registry.get(value["op"])
    if declared is None:
        raise Mistake(f"There is no initializer {value['op']!r}{did_you_mean(value['op'], Initializer.registry)}.")
    params = value.get("params", {})
    if not isinstance(params, dict):
        raise Mistake('"params" of an initializer must be an object.')
    parsed, problems = declared.parse(params)
    if parsed is None:
        raise Mistake(problems[0].message, param=problems[0].param)
    initializer: Initializer = parsed
    initializer.refuse_params()
    return initializer


def _default_init_problems(value: Any) -> Iterator[Problem]:
    """Yield what is wrong with the project's default initializer."""
    where = "training.init"
    fix = Fix("Remove the default initializer", "remove_setting", {"path": where})
    try:
        initializer = read_initializer(value)
    except Mistake as mistake:
        if mistake.param:
            yield located(mistake.problem(), f"{where}.params", Initializer.registry[value["op"]])
        else:
            yield Problem(mistake.message, None, where, (fix,))
        return
    if isinstance(initializer, FromFile):
        words = "FromFile fills one tensor, so it is no default for all; choose it at a node."
        yield Problem(words, None, where, (fix,))


# ------------------------------------------------------------------------------------------------------- settings


def settings_problems(spec: Spec) -> Iterator[Problem]:
    """Yield the mistakes in the data and training settings, each at its path in the spec."""
    data, training = spec.data, spec.training
    source = data.get("source")
    if source is not None:
        yield from _declared(source, Source.registry, "kind", "data source", "data.source")
    yield from _settings(data.get("split", {}), Split, "data.split")
    split = data.get("split", {})
    shares = [split.get(name, 0.1) for name in ("validation", "test")] if isinstance(split, dict) else []
    if all(isinstance(share, int | float) for share in shares) and sum(shares) >= 1:
        words = "validation and test together take all samples; leave some for training."
        yield Problem(words, None, "data.split.validation")
    yield from _settings(data.get("batching", {}), Batching, "data.batching")
    columns = data.get("columns", {})
    if not isinstance(columns, dict):
        yield Problem("columns must be an object of columns.", None, "data.columns")
        columns = {}
    for name, column in columns.items():
        yield from _column(column, f"data.columns.{name}")
    losses, metrics, _outputs = terminals(spec)
    entries, amiss = read_optimizers(spec, losses)
    yield from amiss
    if training.get("init") is not None:
        yield from _default_init_problems(training["init"])
    yield from _settings(run_settings(spec), Training, "training")
    if (read := Training.parse(run_settings(spec))[0]) is not None:
        yield from training_problems(spec, read, entries, losses, metrics)


BESIDE_TRAINING = ("optimizers", "init")  # what stands in the training section beside the settings of `Training`


def run_settings(spec: Spec) -> dict[str, Any]:
    """The part of the training section that the settings of `Training` are read from."""
    return {name: value for name, value in spec.training.items() if name not in BESIDE_TRAINING}


def _column(column: Any, where: str) -> Iterator[Problem]:
    steps = column.get("steps", []) if isinstance(column, dict) else None
    if not isinstance(steps, list):
        yield Problem('A column must be an object with a list of "steps".', None, where)
        return
    for place, each in enumerate(steps):
        yield from _declared(each, Step.registry, "op", "column step", f"{where}.steps.{place}")


def _declared(value: Any, registry: Mapping[str, type[Declared]], key: str, what: str, where: str) -> Iterator[Problem]:
    if not isinstance(value, dict) or not isinstance(value.get(key), str):
        yield Problem(f'A {what} must be an object with "{key}" and "params".', None, where)
        return
    declared = registry.get(value[key])
    if declared is None:
        yield Problem(f"There is no {what} {value[key]!r}{did_you_mean(value[key], registry)}.", None, where)
        return
    yield from _settings(value.get("params", {}), declared, f"{where}.params")


def _settings(values: Any, declared: type[Declared], where: str) -> Iterator[Problem]:
    if not isinstance(values, dict):
        yield Problem("This must be an object of settings.", None, where)
        return
    for problem in declared.parse(values)[1]:
        yield located(problem, where, declared)


def terminals(spec: Spec) -> tuple[list[str], list[str], list[str]]:
    """List the ids of the losses, the metrics and the Output nodes, in creation order."""
    losses, metrics, outputs = [], [], []
    for node in spec.nodes.values():
        op = OPS.get(node.op)
        if op is not None and issubclass(op, Loss):
            losses.append(node.id)
        elif op is not None and issubclass(op, Metric):
            metrics.append(node.id)
        elif node.op == "Output":
            outputs.append(node.id)
    return losses, metrics, outputs
