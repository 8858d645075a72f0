"""From a spec to a `torch.fx.GraphModule`: lowered to a program, improved by passes, then built."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from torch import fx, nn

from engine import draws, edit, validate
from engine.blocks import op_of
from engine.check import Checker, feeds_of, inputs_of
from engine.declare import Call, Loss, Metric, Pattern, Recipe, pattern
from engine.expand import expand
from engine.flow import Checked, Flow
from engine.initial import initialise
from engine.passes import AS_DRAWN, PASSES, Pass, Ran, optimise
from engine.passes.facts import CONSTANT
from engine.problem import Mistake
from engine.program import Feed, Program, Ref, Step, path_to, replace_refs
from engine.recipes import arguments, build, constants, find, resolved
from engine.report import Optimised, Report
from engine.shared import put_owners_first, with_shared
from engine.sharing import Sharing
from engine.spec import SLASH, Spec, source_id, source_port
from engine.weights import Shape

Only = Literal["training", "inference"]
NODE = "node"  # in the meta of an fx node: the node of the spec whose result it is


@dataclass(frozen=True)
class Compiled:
    """A graph as a module: `module(*tensors)`, in the order of `feeds`, returns {node id: tensor}.

    For training these are losses (one number) and metrics: (sum, count), or for those that are gathered the tensors
    that their object takes. For inference these are the outputs, and the module is meant to be run in evaluation mode:
    what does nothing then, such as Dropout, is gone. The module holds the weights of the whole graph either way.
    Tensors given to it lie in memory row by row, as new ones do. `ran` tells what each graph pass did; `spec` is the
    spec with its blocks written out.
    """

    module: fx.GraphModule
    program: Program
    feeds: tuple[Feed, ...]
    ran: tuple[Ran, ...]
    report: Report
    spec: Spec

    @property
    def passes(self) -> tuple[str, ...]:
        """A sentence for each graph pass that changed something."""
        return tuple(each.note for each in self.ran if each.note)


def compile(
    spec: Spec,
    *,
    only: Only = "training",
    seed: int | None = None,
    folder: Path | None = None,
    coming: Mapping[str, Shape] | None = None,
    passes: Sequence[Pass] | None = None,
) -> Compiled:
    """Compile a spec; with a seed its weights are drawn anew, and alike each time, as its initializers say.

    Relative paths of files that weights begin from start at `folder`; nodes all of whose tensors are `coming`, which
    gives their shapes by name, need none. `passes` are those of the purpose unless others are given. Raises Mistake
    with the first problem of the spec, or where it has nothing to train or to predict.
    """
    program, report, flat = _lowered(spec)
    live, ran = optimise(only_for(program, only), PASSES[only] if passes is None else passes)
    with nullcontext() if seed is None else draws.apart():
        if seed is not None:
            draws.seed(seed)
        modules = build_modules(program)
        if seed is not None:
            initialise(flat, modules, folder or Path(), coming or {})
    module = assemble(live, with_shared(program, modules))
    put_owners_first(module, program)
    return Compiled(module, live, live.feeds, ran, report, flat)


def assemble(program: Program, modules: Mapping[str, nn.Module]) -> fx.GraphModule:
    """Make one module of a program and the modules of its steps; constants are built here."""
    folded = Program(steps=tuple(step for step in program.steps if step.recipe.target == CONSTANT))
    modules = {**modules, **build_modules(folded)}
    module = fx.GraphModule(_tree_of(modules), _graph(program), class_name="Model")
    for name, each in modules.items():
        _put(module, module_path(name), each)
    return module


def module_path(node: str) -> str:
    """Where the module of a node stands: "encoder/0/attn" -> "encoder.0.attn"."""
    return node.replace(SLASH, ".")


def _tree_of(modules: Mapping[str, nn.Module]) -> nn.Module:
    root = nn.Module()
    for name, each in modules.items():
        _put(root, module_path(name), each)
    return root


def _put(root: nn.Module, path: str, module: nn.Module) -> None:
    """Put a module at a path below another, with plain modules on the way."""
    *around, name = path.split(".")
    for part in around:
        if part not in root._modules:
            root.add_module(part, nn.Module())
        root = root.get_submodule(part)
    if name not in root._modules:
        root.add_module(name, module)


def lower(spec: Spec) -> Program:
    """Turn a spec into its program; raises Mistake with the first problem of the spec."""
    return _lowered(spec)[0]


def explain(spec: Spec, checker: Checker, only: Only | None = None) -> tuple[Optimised, tuple[Ran, ...]]:
    """Tell what the passes do to the spec checked last, which has no problem, without building anything.

    Where `only` is not given, they are those for training, or for inference where the spec has no loss. Raises Mistake
    where there is nothing to train or to predict.
    """
    program = program_of(expand(spec).spec, checker.checked, checker.sharing)
    only = only or ("training" if program.losses else "inference")
    _program, ran = optimise(only_for(program, only), PASSES[only])
    return Optimised(only, ran[0].before, ran[-1].after), ran


def inference(program: Program) -> Program:
    """Return what the outputs need, as it was drawn."""
    return optimise(only_for(program, "inference"), AS_DRAWN)[0]


def only_for(program: Program, only: Only) -> Program:
    """Keep the losses and metrics of a program, or its outputs; raises Mistake where there are none."""
    if only == "training":
        if not program.losses:
            raise Mistake("The graph has no loss, so there is nothing to train; add one, such as CrossEntropyLoss.")
        return replace(program, outputs={})
    if not program.outputs:
        raise Mistake("The graph has no Output, so there is nothing to predict; wire an Output to the prediction.")
    return replace(program, losses={}, metrics={}, gathered={})


# --------------------------------------------------------------------------------------------------------- lower


def _lowered(spec: Spec) -> tuple[Program, Report, Spec]:
    checker = Checker()
    report = _sound(checker, spec)
    spec, checked, shares = expand(spec).spec, checker.checked, checker.sharing
    measured = with_default_metrics(spec, checked)
    if measured is not spec:
        checker.check(measured)
        if measured.nodes.keys() <= checker.checked.keys():
            spec, checked, shares = measured, checker.checked, checker.sharing
    return program_of(spec, checked, shares), report, spec


def _sound(checker: Checker, spec: Spec) -> Report:
    """Check a spec; raises Mistake with its first problem."""
    report = checker.check(spec)
    if report.problems:
        problem = report.problems[0]
        raise Mistake(str(problem), param=problem.param, fixes=problem.fixes)
    return report


def program_of(spec: Spec, checked: Mapping[str, Checked], shares: Sharing) -> Program:
    """Turn a spec whose blocks are written out, and whose check found no problem, into its program."""
    losses, metrics, outputs = validate.terminals(spec)
    steps = [
        replace(_step(spec, node, checked[node]), share=shares.modules.get(node, ""))
        for node in validate.order(spec)
        if checked[node].recipe is not None
    ]
    return Program(
        feeds=tuple(_feeds(spec, checked)),
        steps=tuple(steps),
        tensors={ref: flow for node in spec.nodes for ref, flow in _tensors(node, checked[node])},
        losses={node: spec.nodes[node].factor for node in losses},
        metrics={node: _metric(checked[node]) for node in metrics},
        outputs={node: _ref(spec, str(spec.nodes[node].inputs["input"])) for node in outputs},
        gathered={node: recipe for node in metrics if isinstance(recipe := checked[node].recipe, Recipe)},
        ties=shares.ties,
    )


def _feeds(spec: Spec, checked: Mapping[str, Checked]) -> Iterator[Feed]:
    for node in spec.nodes.values():
        if node.op == "Input":
            yield from feeds_of(node, checked[node.id])


def _tensors(node: str, checked: Checked) -> Iterator[tuple[Ref, Flow]]:
    """What flows out of a node, by the Refs that name it."""
    several = len(type(checked.op).output_ports()) > 1
    for port, flow in checked.outputs.items():
        yield Ref(node, port if several else ""), flow


def _metric(checked: Checked) -> Metric:
    assert isinstance(checked.op, Metric)
    return checked.op


def with_default_metrics(spec: Spec, checked: Mapping[str, Checked]) -> Spec:
    """Where a graph has no metric node, add those its losses name, on the same inputs; `checked` is its check."""
    losses, metrics, _outputs = validate.terminals(spec)
    if metrics:
        return spec
    for loss in losses:
        op, wires = checked[loss].op, spec.nodes[loss].inputs
        assert isinstance(op, Loss)
        inputs = {port: wires[source] for port, source in op.metric_inputs.items() if source in wires}
        for name, params in op.measured(**inputs_of(checked[loss])).items():
            spec = edit.add(spec, name, params=params, inputs=inputs)
    return spec


def _ref(spec: Spec, wire: str) -> Ref:
    node = source_id(wire)
    declared = op_of(spec, spec.nodes[node])
    assert declared is not None
    ports = declared.output_ports()
    return Ref(node, (source_port(wire) or ports[0]) if len(ports) > 1 else "")


def _step(spec: Spec, node_id: str, checked: Checked) -> Step:
    node, op, recipe = spec.nodes[node_id], type(checked.op), checked.call or checked.recipe
    assert recipe is not None
    refs: dict[str, Any] = {
        port: _ref(spec, wire) if isinstance(wire, str) else [_ref(spec, each) for each in wire]
        for port, wire in node.inputs.items()
    }
    if isinstance(recipe, Recipe):
        args, kwargs = arguments(op, refs)
        kwargs.update({name: resolved(value, refs) for name, value in recipe.forward.items()})
    else:
        args = resolved(recipe.args, refs)
        kwargs = {name: resolved(value, refs) for name, value in recipe.kwargs.items()}
    return Step(node_id, recipe, args, kwargs, pattern(checked.op.returns()) or "output", op.random)


# --------------------------------------------------------------------------------------------------------- build


def build_modules(program: Program) -> dict[str, nn.Module]:
    """Build the module of each step that has one of its own, in the program's order."""
    return {
        step.node: build(step.recipe) for step in program.steps if isinstance(step.recipe, Recipe) and not step.share
    }


def _graph(program: Program) -> fx.Graph:
    graph = fx.Graph()
    given = {feed.ref: graph.placeholder(feed.name) for feed in program.feeds}
    results: dict[str, fx.Node] = {}
    patterns: dict[str, Pattern] = {}

    def tensor(ref: Ref) -> fx.Node:
        if ref in given:
            return given[ref]
        result = results[ref.node]
        for place in path_to(patterns[ref.node], ref.port) if ref.port else ():
            result = graph.call_function(operator.getitem, (result, place))
        return result

    for step in program.steps:
        args = _emitted(graph, replace_refs(step.args, tensor))
        kwargs = {name: _emitted(graph, replace_refs(value, tensor)) for name, value in step.kwargs.items()}
        results[step.node] = _emit(graph, step, args, kwargs)
        results[step.node].meta[NODE] = step.node
        patterns[step.node] = step.outputs
    answers = {node: tensor(Ref(node, "" if isinstance(patterns[node], str) else "loss")) for node in program.losses}
    answers |= {node: results[node] for node in program.metrics}
    answers |= {node: tensor(ref) for node, ref in program.outputs.items()}
    graph.output(answers)
    return graph


def _emit(graph: fx.Graph, step: Step, args: tuple[Any, ...], kwargs: dict[str, Any]) -> fx.Node:
    if isinstance(step.recipe, Call):
        return _emit_call(graph, step.recipe.target, args, kwargs)
    return graph.call_module(module_path(step.node), args, kwargs)


def _emit_call(graph: fx.Graph, target: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> fx.Node:
    if target.startswith("."):
        return graph.call_method(target[1:], args, kwargs)
    return graph.call_function(find(target), args, kwargs)


def _emitted(graph: fx.Graph, value: Any) -> Any:
    """Turn an argument into what the graph holds: a Call into a node of its own, a constant into torch's."""
    if isinstance(value, Call):
        kwargs = {name: _emitted(graph, each) for name, each in value.kwargs.items()}
        return _emit_call(graph, value.target, _emitted(graph, value.args), kwargs)
    if isinstance(value, list | tuple):
        return type(value)(_emitted(graph, each) for each in value)
    return constants(value)
