"""Fixes on trial: a fix is offered only where the node works with it, and none leaves more broken than another."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from engine.expand import expand
from engine.fixes import apply
from engine.flow import Checked, Flows, flows_into
from engine.mistakes.broken import told_apart
from engine.mistakes.doubts import doubts
from engine.problem import Fix, Mistake, Problem
from engine.spec import Node, Spec
from engine.validate import order

MOST_OFFERED = 3
MOST_TRIED = 12  # fixes of one problem
MOST_RUNS = 40  # nodes that are run for one fix on trial
WORK_A_CHECK = 60_000  # nodes that are looked at for all fixes; what is left over then has none
SLOW = ("Python",)  # ops that run in a process of their own; what stands behind them is not looked at
WORK_A_RUN = 50  # nodes that are looked at in the time in which one is run


@dataclass
class Trial:
    """Tries fixes of a spec that was checked: `spec` as it was drawn, `flat` without blocks.

    `one` checks a node with what flows in and raises Mistake; `refused` tells what keeps a node from being tried.
    """

    spec: Spec
    flat: Spec
    checked: Mapping[str, Checked]
    one: Callable[[Node, Flows], Checked]
    refused: Callable[[Spec, Node], list[Problem]]
    stop: Callable[[], None] = lambda: None  # raises where a newer edit has come
    work_left: int = WORK_A_CHECK

    def worked(self, node: str, proposed: Iterable[Fix]) -> tuple[Fix, ...]:
        """Those fixes with which the node works, and with which the fewest others do not."""
        judged: list[tuple[int, Fix]] = []
        for fix in _different(proposed):
            left = self._left(fix, node)
            if left is not None:
                judged.append((left, fix))
        fewest = min((left for left, _fix in judged), default=0)
        return told_apart([fix for left, fix in judged if left == fewest][:MOST_OFFERED])

    def _left(self, fix: Fix, node: str) -> int | None:
        """How many nodes are wrong behind a fix; None where it does not mend the node."""
        self.stop()
        if self.work_left <= 0:
            return None
        try:
            expanded = expand(apply(self.spec, fix))
        except Mistake:
            return None
        walk = _Walk(self, expanded.spec)
        walk.run(MOST_RUNS)
        self.work_left -= len(expanded.spec.nodes) + WORK_A_RUN * walk.runs
        doubtful = {problem.node for problem in doubts(expanded.spec, walk.checked)}
        if expanded.problems or not (node not in expanded.spec.nodes or self._mended(walk, node, doubtful)):
            return None
        return len(walk.broken) + len(doubtful)

    def _mended(self, walk: _Walk, node: str, doubtful: Collection[str | None]) -> bool:
        """Whether a node works, or is short of fewer wires than before."""
        if node in walk.checked:
            return node not in doubtful
        before = {problem.message for problem in self.refused(self.flat, self.flat.nodes[node])}
        return bool(walk.broken.get(node)) and walk.broken[node] < before


def _different(proposed: Iterable[Fix]) -> Iterator[Fix]:
    told: list[Fix] = []
    for fix in proposed:
        if fix not in told:
            told.append(fix)
            yield fix
        if len(told) >= MOST_TRIED:
            return


@dataclass
class _Walk:
    """A spec on trial: what was checked before is taken over, what changed is run."""

    trial: Trial
    flat: Spec
    runs: int = 0
    checked: dict[str, Checked] = field(default_factory=dict)
    broken: dict[str, frozenset[str]] = field(default_factory=dict)  # node -> what is said of it, as far as known

    def run(self, most: int) -> None:
        for node_id in order(self.flat):
            node = self.flat.nodes[node_id]
            if any(source not in self.checked for source in node.sources()):
                if not any(source in self.flat.nodes for source in node.sources()):
                    self.broken[node_id] = frozenset()
                continue
            if self._is_as_before(node):
                self._take_over(node_id)
            elif self.runs < most and node.op not in SLOW:
                self._try(node)

    def _is_as_before(self, node: Node) -> bool:
        known, before = self.trial.checked, self.trial.flat.nodes.get(node.id)
        if before is not node and before != node:
            return False
        return all(self.checked[source] is known.get(source) for source in node.sources())

    def _take_over(self, node_id: str) -> None:
        if node_id in self.trial.checked:
            self.checked[node_id] = self.trial.checked[node_id]
        else:
            self.broken[node_id] = frozenset()

    def _try(self, node: Node) -> None:
        self.runs += 1
        if refused := self.trial.refused(self.flat, node):
            self.broken[node.id] = frozenset(problem.message for problem in refused)
            return
        try:
            self.checked[node.id] = self.trial.one(node, flows_into(node, self.checked))
        except Mistake as mistake:
            self.broken[node.id] = frozenset((mistake.message,))
