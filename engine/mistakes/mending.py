"""The search for fixes: problems in, the same problems with what mends them out; what was found is kept."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from engine.flow import Checked, Flow, declared, flow_of
from engine.mistakes.broken import Broken
from engine.mistakes.recognisers import proposals
from engine.mistakes.trial import Trial
from engine.mistakes.wires import without_end
from engine.ops import OPS
from engine.problem import Fix, Mistake, Problem
from engine.spec import Node, Spec, source_id

NOTHING_COMES_OUT = "Nothing comes out of the graph; add a loss to train it, or an Output to name its prediction."


@dataclass(frozen=True, slots=True)
class _Found:
    """The fixes of a problem: good while the node, what flows into it and the nodes there are stay the same."""

    node: Node
    sources: tuple[Checked | None, ...]
    nodes: frozenset[str]
    proposed: tuple[Fix, ...]
    fixes: tuple[Fix, ...]

    def holds(self, other: _Found) -> bool:
        same = len(self.sources) == len(other.sources) and all(map(_is, self.sources, other.sources))
        return same and (self.node, self.nodes, self.proposed) == (other.node, other.nodes, other.proposed)


def _is(one: object, other: object) -> bool:
    return one is other


class Mending:
    """Finds fixes for the problems of one spec after the other."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], _Found] = {}

    def mended(self, trial: Trial, problems: Iterable[Problem], doubtful: Collection[Problem]) -> tuple[Problem, ...]:
        """The problems, with fixes where they had none; those of a doubt are proposals, of which some stay."""
        found = dict(self._found)
        self._found = {}
        return tuple(self._mended(trial, problem, problem in doubtful, found) for problem in problems)

    def _mended(self, trial: Trial, problem: Problem, is_doubt: bool, before: dict[tuple[str, str], _Found]) -> Problem:
        node = trial.flat.nodes.get(problem.node or "")
        if problem.message == NOTHING_COMES_OUT:
            return replace(problem, fixes=without_end(trial.spec))
        if node is None or (problem.fixes and not is_doubt) or not _is_sound(node):
            return problem
        sources = tuple(trial.checked.get(source) for source in node.sources())
        new = _Found(node, sources, frozenset(trial.flat.nodes), problem.fixes, ())
        key = (node.id, problem.message)
        if key not in before or not before[key].holds(new):
            proposed = problem.fixes if is_doubt else proposals(_broken(trial, node, problem))
            new = replace(new, fixes=trial.worked(node.id, proposed))
        else:
            new = before[key]
        if trial.work_left > 0:  # else the search was cut short
            self._found[key] = new
        return replace(problem, fixes=new.fixes)


def _is_sound(node: Node) -> bool:
    """Whether a node's params can be read: nothing else mends it where they cannot."""
    return node.op in OPS and not declared(node).parse(node.params)[1]


def _broken(trial: Trial, node: Node, problem: Problem) -> Broken:
    return Broken(trial.flat, node, problem, dict(_flows(trial, node)), trial.checked)


def _flows(trial: Trial, node: Node) -> Iterator[tuple[str, Flow | tuple[Flow, ...]]]:
    """What flows into those ports whose sources all work."""
    for port in declared(node).input_ports():
        wire = node.inputs.get(port)
        wires = (wire,) if isinstance(wire, str) else wire or ()
        if not wires or any(source_id(each) not in trial.checked for each in wires):
            continue
        try:
            flows = tuple(flow_of(each, port, trial.checked) for each in wires)
        except Mistake:
            continue
        yield port, flows[0] if isinstance(wire, str) else flows


def comes_out(spec: Spec, ends: Collection[Collection[str]]) -> Iterator[Problem]:
    """Yield a Problem where a graph has nodes but neither a loss, a metric nor an Output among its `ends`."""
    if spec.nodes and not any(ends):
        yield Problem(NOTHING_COMES_OUT)
