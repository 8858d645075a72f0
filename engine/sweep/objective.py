"""What a sweep makes best, and whether its values can work at all: judged with torch before anything starts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine.check import Checker
from engine.compile import lower
from engine.declare import did_you_mean, show_value
from engine.events import Epoch
from engine.ops.sweep import Sweep
from engine.problem import Mistake
from engine.program import LOSS, Program
from engine.sweep.plan import Plan, Varied

TRIES = 8  # combinations in which a value that fails beside the project's own is tried


@dataclass(frozen=True, slots=True)
class Objective:
    """A score of the validation split, or of training where there is no other, and whether more of it is better."""

    metric: str
    higher: bool

    def of(self, epoch: Epoch) -> float | None:
        """The score of an epoch."""
        return (epoch.validation or epoch.train).get(self.metric)

    def best(self, scores: list[float]) -> float:
        """The best of some scores."""
        return max(scores) if self.higher else min(scores)


def objective(plan: Plan) -> Objective:
    """What a plan makes best; raises Mistake where its project or its values cannot be trained."""
    program = lower(plan.applied({}))
    if not program.losses:
        raise Mistake("The project has no loss to train; add one, such as CrossEntropyLoss.")
    found = _chosen(plan.settings, program, str(plan.spec.training.get("best_metric") or ""))
    _refuse_broken(plan)
    return found


def _chosen(settings: Sweep, program: Program, best: str) -> Objective:
    """The metric that the sweep names, or else the one that says in each run which epoch is best."""
    metric = program.score(settings.metric or best)
    directions: dict[str, bool | None] = {LOSS: False, **dict.fromkeys(program.losses, False)}
    directions |= {name: each.higher_is_better for name, each in program.metrics.items() if each.table() is None}
    if metric not in directions:
        near = did_you_mean(metric, directions)
        raise Mistake(f"sweep.metric is {metric!r}, which the project does not measure{near}.", param="sweep.metric")
    if settings.direction != "auto":
        return Objective(metric, settings.direction == "higher")
    higher = directions[metric]
    if higher is None:
        words = f"Whether more or less of {metric} is better is not declared; set sweep.direction."
        raise Mistake(words, param="sweep.direction")
    return Objective(metric, higher)


def _refuse_broken(plan: Plan) -> None:
    """Raise Mistake for a range with whose every value the graph has a problem; single trials may fail with one."""
    checker = Checker()
    for varied in plan.space:
        if not _of_graph(varied):
            continue  # the plan was read, so settings are known to take their values
        words = ""
        for value in varied.range.ends():
            found = _problem_with(plan, varied, value, checker)
            if not found:
                break
            words = words or f"{varied.path} = {show_value(value)}: {found}"
        else:
            raise Mistake(words, param="sweep.space")


def _of_graph(varied: Varied) -> bool:
    return varied.path.startswith(("nodes.", "blocks."))


def _problem_with(plan: Plan, varied: Varied, value: Any, checker: Checker) -> str:
    """What is wrong with every combination tried that holds a value; "" where one of them works."""
    first = ""
    for values in _combinations(plan, varied, value):
        problems = checker.check(plan.applied(values)).problems
        if not problems:
            return ""
        first = first or str(problems[0])
    return first


def _combinations(plan: Plan, varied: Varied, value: Any) -> Iterator[dict[str, Any]]:
    """Yield a value beside those of the project, then beside others of the space."""
    yield {varied.path: value}
    draw = random.Random(plan.settings.seed)
    others = [each for each in plan.space if each is not varied and _of_graph(each)]
    for _ in range(TRIES if others else 0):
        yield {varied.path: value, **{each.path: draw.choice(each.range.grid()) for each in others}}
