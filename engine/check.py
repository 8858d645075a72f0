"""The check: shapes, dtypes and parameter counts of every node, and every mistake, without computing a number.

Each op is built and run on torch's meta device at a few sizes of the free dimensions; the sizes that come out are
fitted with expressions of their names. Results are kept, so an edit re-runs only what it changed.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from engine.count import ASSUMED_SIZE, BATCH, Cost, cost, measured, with_gradients
from engine.declare import Call, Input, Metric, Op, Recipe, Value, pattern
from engine.expand import at_setting, expand, once
from engine.flow import Checked, Flow, Flows, all_flows, declared, flows_into, lacks_embedding
from engine.initial import file_problems, held
from engine.meta import Meta
from engine.mistakes.doubts import doubts
from engine.mistakes.mending import Mending, comes_out
from engine.mistakes.trial import Trial
from engine.ops.python import Python
from engine.plugins import package_of
from engine.problem import Mistake, Problem
from engine.program import BESIDE, Feed
from engine.python_trial import PythonTrial, trust_problem
from engine.recipes import arguments, build, call, constants, find, is_plain, resolved
from engine.report import Report
from engine.sharing import Sharing, sharing
from engine.sizes import Free, Names, Size, at, fit, trial
from engine.spec import Node, Spec
from engine.totals import batch_size, node_reports, total_macs, with_blocks
from engine.validate import node_problems, order, settings_problems, terminals, weights_problems
from engine.weights import Held, init_problems, optimizer_problems, trained

KEPT_RESULTS = 20_000
RUNS = 3
UNKNOWN_SIZES = (7, 11, 13)  # what a size that depends on the numbers is tried at behind the op that gives it,
UNKNOWN_STEPS = (31, 41, 59)  # and how much more the next such size, so that the two are not taken for one


Traced = Mapping[str, tuple[tuple[int | str, ...], str]]  # output port -> (shape, dtype); a size may depend on numbers


@dataclass(frozen=True, slots=True)
class _Memo:
    """A node as it was last checked: valid while the node and what flows into it are the same."""

    node: Node
    sources: tuple[Checked, ...]
    result: Checked | Problem


class Stopped(Exception):  # not an error: a newer edit has come
    """The check was stopped from outside."""


class Checker:
    """Checks specs one after the other and keeps what it found for the next."""

    def __init__(self) -> None:
        self.checked: Mapping[str, Checked] = {}
        self.sharing = Sharing()
        self._memos: dict[str, _Memo] = {}
        self._mending = Mending()
        self._kept: dict[Any, Checked | Mistake] = {}
        self._parsed: dict[str, tuple[Node, Op | None]] = {}
        self._names: dict[str, tuple[int, ...]] = {}
        self._sizes: Mapping[str, int] = {}

    def check(
        self,
        spec: Spec,
        stop: Callable[[], bool] | None = None,
        folder: Path | None = None,
        sizes: Mapping[str, int] | None = None,
    ) -> Report:
        """Check a whole spec; raises Stopped where `stop` says so. A node behind a broken one is not reported.

        Files that weights begin from are looked at where the `folder` is known in which relative paths start. `sizes`
        says what free sizes count as where costs are told: "N" the batch (else the project's batch size), others such
        as "T" (else ASSUMED_SIZE).
        """
        self._count_at({name: size for name, size in (sizes or {}).items() if name != BATCH})
        if len(self._kept) > KEPT_RESULTS:
            self._kept.clear()
        expanded = expand(spec)
        flat = expanded.spec
        halt = _halting(stop)
        checked, found = self._all(flat, halt)
        self.checked = checked
        self._memos = {node_id: memo for node_id, memo in self._memos.items() if node_id in flat.nodes}
        problems: list[Problem] = []
        for node in flat.nodes.values():
            problems += found.get(node.id, ())
            problems += weights_problems(node) if node.weights else ()
        doubtful = list(doubts(flat, checked))
        problems += doubtful
        held = {node: checked[node].weights for node in flat.nodes if node in checked}
        self.sharing = sharing(flat, {node: each.recipe for node, each in checked.items()}, held)
        held = {node: self.sharing.own(node, each) for node, each in held.items()}
        problems += [*self.sharing.problems, *expanded.problems]
        problems += [*comes_out(spec, terminals(spec)), *settings_problems(spec)]
        problems += init_problems(flat, held)
        problems += optimizer_problems(flat, held) if terminals(flat)[0] else ()  # nothing trains without a loss
        problems += file_problems(flat, held, folder) if folder is not None else ()
        batch = {BATCH: (sizes or {}).get(BATCH, batch_size(spec))}
        counted = {name: self._sizes.get(name, ASSUMED_SIZE) for name in self._names} | batch
        nodes = with_blocks(expanded, node_reports(flat, checked, held, trained(flat, held), counted))
        used = [name for name in (*batch, *_free_names(spec)) if name in counted]  # those of a broken Input are not
        trial = Trial(spec, flat, checked, self.one, _broken, halt)
        placed = [at_setting(spec, problem) for problem in problems]
        mended = self._mending.mended(trial, once(spec, placed), doubtful)
        return Report(nodes, mended, total_macs(spec, nodes), {name: counted[name] for name in used})

    def _all(self, flat: Spec, halt: Callable[[], None]) -> tuple[dict[str, Checked], dict[str, list[Problem]]]:
        """Check each node in turn: returns those that work, and what is wrong with those that do not."""
        checked: dict[str, Checked] = {}
        found = {node.id: broken for node in flat.nodes.values() if (broken := _broken(flat, node))}
        for node_id in order(flat):
            halt()
            node = flat.nodes[node_id]
            sources = tuple(checked[source] for source in node.sources() if source in checked)
            if node_id in found or len(sources) < sum(1 for _ in node.sources()):
                continue
            result = self._node(node, sources, checked)
            if isinstance(result, Problem):
                found[node_id] = [result]
            else:
                checked[node_id] = result
        return checked, found

    def _count_at(self, sizes: Mapping[str, int]) -> None:
        """Tell costs at these free sizes from now on."""
        if sizes != self._sizes:
            self._sizes = sizes
            self._kept.clear()
            self._memos.clear()

    def _node(self, node: Node, sources: tuple[Checked, ...], checked: Mapping[str, Checked]) -> Checked | Problem:
        memo = self._memos.get(node.id)
        if memo is not None and memo.node == node and _same(memo.sources, sources):
            return memo.result
        try:
            result: Checked | Problem = self.one(node, flows_into(node, checked))
        except Mistake as mistake:
            result = mistake.problem(node.id)
        self._memos[node.id] = _Memo(node, sources, result)
        return result

    def one(self, node: Node, flows: Flows) -> Checked:
        """Check one node with what flows into it; raises Mistake where they do not go together."""
        op, problems = declared(node).parse(node.params)
        if op is None:
            raise Mistake(problems[0].message, param=problems[0].param)
        if node.op == "Input":
            return Checked(op, None, self._input(op))
        key = (op, tuple(flows.items()))
        kept = self._kept.get(key) or self._kept.get((node.id, key))
        if kept is None:
            try:
                kept = self._tried(op, flows)
            except Mistake as mistake:
                kept = mistake
            self._kept[(node.id, key) if isinstance(kept, Checked) and kept.unknown else key] = kept
        if isinstance(kept, Mistake):
            raise Mistake(kept.message, param=kept.param, fixes=kept.fixes)
        return kept

    def _input(self, op: Any) -> dict[str, Flow]:
        """What comes out of an Input: its tensor, and behind it what else its ports tell of the samples."""
        flow = Flow(tuple(size if isinstance(size, int) else self._free(size) for size in op.shape), op.dtype)
        first, *others = type(op).output_ports()
        return {first: flow} | {port: Flow(flow.shape[: BESIDE[port][0]], BESIDE[port][1]) for port in others}

    def _free(self, name: str) -> Free:
        if name not in self._names:
            self._names[name] = trial(len(self._names))
        return Free((name,))

    def _tried(self, op: Op, flows: Flows) -> Checked:
        names = self._names_of(flows)
        runs = RUNS if names else 1
        _refuse_flows(op, flows)
        if type(op).__name__ == "Output":
            return Checked(op, None, {}, flows=flows)
        try:
            return self._run(op, flows, names, runs)
        except Mistake as mistake:  # where nothing else is to blame, it is what comes in first
            raise Mistake(
                mistake.message, param=mistake.param or next(iter(flows), None), fixes=mistake.fixes
            ) from None
        except Exception as error:  # an installed package's op may raise anything; ours raise what they mean to
            package = package_of(type(op))
            if not package:
                raise
            words = f"{type(op).__name__} of the package {package} failed: {type(error).__name__}: {error}"
            raise Mistake(f"{words.rstrip('.')}.", param=next(iter(flows), None)) from error

    def _run(self, op: Op, flows: Flows, names: Names, runs: int) -> Checked:
        recipes = [op.build(**_values(flows, names, run)) for run in range(runs)]
        recipe = recipes[0]
        if any(other != recipe for other in recipes[1:]):
            raise Mistake(_varying(type(op).__name__, recipe, recipes[1]))
        if isinstance(op, Metric):  # gives nothing to flow on, and what gathers it is heavy to import
            call = op.given(**_values(flows, names, 0)) if isinstance(recipe, Recipe) else None
            return Checked(op, recipe, {}, Held(), flows, call)
        trial, names = _begun(op, recipe, flows, names, runs)
        results = [trial.run(names, run) for run in range(runs)]
        unknown: dict[str, Free] = {}
        outputs = {port: self._fitted(port, results, names, trial, unknown) for port in results[0]}
        costs = trial.cost(lambda samples: self._counted(flows, samples))
        return Checked(op, recipe, outputs, trial.weights, flows, None, bool(unknown), trial.weight_bytes, costs)

    def _counted(self, flows: Flows, samples: int) -> Names:
        """The sizes at which costs are told: `samples` in the batch, the other free sizes as they are set."""
        sizes = {name: self._sizes.get(name, ASSUMED_SIZE) for name in self._names_of(flows)}
        return {name: (size,) for name, size in {**sizes, BATCH: samples}.items()}

    def _names_of(self, flows: Flows) -> Names:
        found: dict[str, tuple[int, ...]] = {}
        for flow in all_flows(flows):
            for size in flow.shape:
                if isinstance(size, Free):
                    found.update((name, self._names[name]) for name in size.names)
        return found

    def _fitted(
        self,
        port: str,
        results: Sequence[Traced],
        names: Names,
        trial: _Trial | PythonTrial,
        unknown: dict[str, Free],
    ) -> Flow:
        """Fit the shape of one output; sizes that depend on the numbers and have one text are one size."""
        shapes = [result[port][0] for result in results]
        if len({len(shape) for shape in shapes}) > 1:
            raise Mistake("The number of axes that come out depends on a free size.")
        sizes: list[Size] = []
        for axis, runs in enumerate(zip(*shapes, strict=True)):
            if isinstance(runs[0], str):
                if runs[0] not in unknown:
                    unknown[runs[0]] = self._unknown()
                sizes.append(unknown[runs[0]])
                continue

            def probe(near: Names, axis: int = axis) -> list[int]:
                count = len(next(iter(near.values())))
                return [int(trial.run(near, run)[port][0][axis]) for run in range(count)]

            size = fit(runs, names, probe)
            sizes.append(self._unnamed(runs) if size is None else size)
        return Flow(tuple(sizes), results[0][port][1])

    def _unknown(self) -> Free:
        """Give a size that depends on the numbers a name of its own."""
        place = len(self._names)
        pairs = zip(UNKNOWN_SIZES, UNKNOWN_STEPS, strict=True)
        return self._unnamed(tuple(size + place * step for size, step in pairs))

    def _unnamed(self, runs: tuple[int, ...]) -> Free:
        """Give a size that no simple expression describes a name of its own."""
        name = next(name for place in range(1, 10**6) if (name := f"K{place}") not in self._names)
        self._names[name] = runs
        return Free((name,))


def check(spec: Spec, folder: Path | None = None, sizes: Mapping[str, int] | None = None) -> Report:
    """Check a spec once; `folder` and `sizes` as in Checker.check."""
    return Checker().check(spec, folder=folder, sizes=sizes)


def _halting(stop: Callable[[], bool] | None) -> Callable[[], None]:
    """What raises Stopped where `stop` says so."""

    def halt() -> None:
        if stop is not None and stop():
            raise Stopped

    return halt


def _broken(spec: Spec, node: Node) -> list[Problem]:
    """What keeps a node from being tried."""
    found = list(node_problems(spec, node))
    untrusted = trust_problem(node) if all(problem.param != "code" for problem in found) else None
    return [*found, *([untrusted] if untrusted else [])]


def _same(old: tuple[Checked, ...], new: tuple[Checked, ...]) -> bool:
    return len(old) == len(new) and all(one is other for one, other in zip(old, new, strict=True))


# ---------------------------------------------------------------------------------------------------- what flows


def _free_names(spec: Spec) -> list[str]:
    """The free sizes that the graph's Inputs name, the batch left out."""
    shapes = [node.params.get("shape") for node in spec.nodes.values() if node.op == "Input"]
    names = [size for shape in shapes if isinstance(shape, list | tuple) for size in shape if isinstance(size, str)]
    return [name for name in dict.fromkeys(names) if name != BATCH]


def _values(flows: Flows, names: Names, run: int) -> dict[str, Any]:
    return {
        port: Value(port, at(flow.shape, names, run), flow.dtype)
        if isinstance(flow, Flow)
        else [Value(f"{port}[{place}]", at(each.shape, names, run), each.dtype) for place, each in enumerate(flow)]
        for port, flow in flows.items()
    }


def inputs_of(checked: Checked) -> dict[str, Any]:
    """What flows into a checked node, its free sizes all at one trial size."""
    names = {name: (2,) for flow in all_flows(checked.flows) for size in flow.shape if isinstance(size, Free)
             for name in size.names}  # fmt: skip
    return _values(checked.flows, names, 0)


def _refuse_flows(op: Op, flows: Flows) -> None:
    """Raise Mistake where what flows in has not the dtype or the axes that a port declares."""
    ports = type(op).input_ports()
    bound: dict[str, tuple[Size, str]] = {}
    for name, flow in flows.items():
        for each in (flow,) if isinstance(flow, Flow) else flow:
            _refuse_dtype(op, ports[name], each)
            _refuse_axes(ports[name], each, bound)


def _refuse_dtype(op: Op, port: Input, flow: Flow) -> None:
    accepted = port.port.dtypes
    if flow.dtype not in accepted:
        choice = accepted[0] if len(accepted) == 1 else f"one of {', '.join(accepted)}"
        words = f"{port.name} is {flow.dtype}, and {type(op).__name__} takes {choice}"
        if lacks_embedding(port, flow):
            axes = _count(len(port.port.axes.split()))
            words = f"{words} of {axes}; put an Embedding before indices, or a Cast before numbers"
            raise Mistake(f"{words}.", param=port.name)
        raise Mistake(f"{words}; put a Cast before it.", param=port.name)


def _refuse_axes(port: Input, flow: Flow, bound: dict[str, tuple[Size, str]]) -> None:
    axes = port.port.axes.split()
    if "..." not in axes:
        if len(axes) != len(flow.shape):
            words = f"{port.name} is {flow.tensor()}: {_count(len(flow.shape))}; it must have {_count(len(axes))}"
            raise Mistake(f"{words}, {' '.join(axes)}.", param=port.name)
        pairs = list(zip(axes, flow.shape, strict=True))
    else:
        gap = axes.index("...")
        behind = len(axes) - gap - 1
        if len(flow.shape) < gap + behind:
            words = f"{port.name} is {flow.tensor()}: {_count(len(flow.shape))}; it must have at least"
            raise Mistake(f"{words} {gap + behind}, {' '.join(axes)}.", param=port.name)
        pairs = list(zip(axes[:gap], flow.shape, strict=False))
        pairs += list(zip(axes[gap + 1 :], flow.shape[len(flow.shape) - behind :], strict=True))
    for axis, size in pairs:
        if axis.isdigit() and size != int(axis):
            raise Mistake(f"{port.name} is {flow.tensor()}; its axis of size {size} must be {axis}.", param=port.name)
        if axis.isdigit():
            continue
        first, where = bound.setdefault(axis, (size, port.name))
        if first != size:
            words = f"{axis} is {first} in {where} and {size} in {port.name}; they must be equal."
            raise Mistake(words, param=port.name)


def _count(axes: int) -> str:
    return "1 axis" if axes == 1 else f"{axes} axes"


def _varying(op: str, one: Recipe | Call, other: Recipe | Call) -> str:
    """Say which free size a recipe was built from."""
    pairs = zip([*one.args, *one.kwargs.values()], [*other.args, *other.kwargs.values()], strict=False)
    size = next((str(a) for a, b in pairs if a != b), "a free size")
    return (
        f"{op} is built for one size, but here it depends on {size}, which varies; give the Input a fixed size there."
    )


# --------------------------------------------------------------------------------------------------------- trials


def _begun(op: Op, recipe: Recipe | Call, flows: Flows, names: Names, runs: int) -> tuple[_Trial | PythonTrial, Names]:
    """Make a trial of an op; returns it with the sizes to try."""
    if isinstance(op, Python):
        assert isinstance(recipe, Recipe)
        trial = PythonTrial(op, recipe, lambda near, run: _values(flows, near, run))
        return trial, trial.begin(names, runs)
    return _Trial(op, recipe, flows), names


class _Trial:
    """One op at work on the meta device."""

    def __init__(self, op: Op, recipe: Recipe | Call, flows: Flows) -> None:
        self._op, self._recipe, self._flows = op, recipe, flows
        self._module: nn.Module | None = None
        self.weight_bytes = 0
        if isinstance(recipe, Recipe):
            self._module = _said(type(op).__name__, lambda: _meta_module(recipe))
            self.weight_bytes = sum(each.nbytes for each in self._module.state_dict().values())
        self.weights = held(op, self._module)

    def run(self, names: Names, run: int) -> Traced:
        """Run the op at the sizes of one run; returns {port: (shape, dtype)}."""
        values = _values(self._flows, names, run)
        stated = self._op.trace(**values)
        if stated is not None:
            return stated
        tensors = {port: _meta(value) for port, value in values.items()}
        with torch.no_grad(), Meta():
            outputs = self._tensors(tensors)
        return {port: (tuple(each.shape), str(each.dtype).removeprefix("torch.")) for port, each in outputs.items()}

    def cost(self, names: Callable[[int], Names]) -> Cost:
        """Tell what the op costs; `names` gives the free sizes at a number of samples."""
        multiplies = self._module is not None and any(each.ndim > 1 for each in self._module.parameters())
        return cost(
            self._op, lambda samples: _values(self._flows, names(samples), 0), self._measured, multiplies=multiplies
        )

    def _measured(self, values: Mapping[str, Any], samples: int) -> Cost:
        tensors = {port: with_gradients(value) for port, value in values.items()}
        return measured(self._module, tensors, self._tensors, samples)

    def _tensors(self, tensors: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        """What comes out, by port."""
        result = _said(type(self._op).__name__, lambda: self._call(tensors))
        return dict(_ports(pattern(self._op.returns()), result))

    def _call(self, tensors: Mapping[str, Any]) -> Any:
        if self._module is None:
            assert isinstance(self._recipe, Call)
            return call(self._recipe, tensors)
        assert isinstance(self._recipe, Recipe)
        args, kwargs = arguments(type(self._op), tensors)
        more = {name: constants(resolved(value, tensors)) for name, value in self._recipe.forward.items()}
        return self._module(*args, **kwargs, **more)


def _said(op: str, work: Callable[[], Any]) -> Any:
    """Do torch's work; what torch refuses becomes a Mistake."""
    try:
        return work()
    except (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError, AssertionError) as error:
        words = str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__
        raise Mistake(f"{op} cannot take these inputs: {words}.") from None


def _meta(value: Value | list[Value]) -> Any:
    if isinstance(value, list):
        return [_meta(each) for each in value]
    return torch.empty(tuple(map(int, value.shape)), dtype=getattr(torch, value.dtype), device="meta")


def _meta_module(recipe: Recipe) -> nn.Module:
    module: nn.Module
    with Meta():
        if _takes_device(find(recipe.target)) and is_plain(recipe):
            module = build(recipe, device="meta")
        else:
            with torch.device("meta"):  # slower, for it looks at every call
                module = build(recipe)
    return module


@functools.cache
def _takes_device(kind: type[nn.Module]) -> bool:
    return "device" in inspect.signature(kind).parameters


def _ports(tree: Any, result: Any) -> Iterator[tuple[str, torch.Tensor]]:
    """Pair the names of an output pattern with the tensors of a result; names without a tensor are left out."""
    if isinstance(tree, str):
        if isinstance(result, torch.Tensor):
            yield tree, result
        return
    for part, each in zip(tree, result, strict=False):
        yield from _ports(part, each)


def feeds_of(node: Node, checked: Checked) -> Iterator[Feed]:
    """Yield the feeds of an Input node: one, or one a port."""
    op: Any = checked.op
    first, *others = type(op).output_ports()
    yield Feed(node.id, op.column, op.shape, op.dtype, first if others else "")
    for port in others:
        axes, dtype = BESIDE[port]
        yield Feed(node.id, op.column, op.shape[:axes], dtype, port, is_beside=True)
