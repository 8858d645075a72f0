"""The schedules of a spec, read and judged without torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from engine.declare import Declared, did_you_mean
from engine.ops.optimizer import Optimizer
from engine.ops.schedule import Schedule, SequentialLR
from engine.problem import Fix, Mistake, Problem

LONG = 10**6  # epochs or steps of a run that schedules are tried for
KEYS = ("op", "params", "schedules")


@dataclass(frozen=True, slots=True)
class Planned:
    """A schedule as a spec plans it; a sequence holds the schedules that follow each other in `parts`."""

    schedule: Schedule
    parts: tuple[Schedule, ...] = ()


def read_schedules(
    value: Any, where: str, optimizer: type[Optimizer], lr: float
) -> tuple[tuple[Planned, ...], list[Problem]]:
    """Read what stands at "schedule": null, one schedule, or a list of schedules that are multiplied.

    `optimizer` is what they belong to, and `lr` its learning rate. Returns the schedules, and a Problem for each
    mistake at its path below `where`.
    """
    if value is None:
        return (), []
    values = value if isinstance(value, list | tuple) else [value]
    places = [f"{where}.{place}" for place in range(len(values))] if values is value else [where]
    problems: list[Problem] = []
    planned: list[Planned] = []
    for each, place in zip(values, places, strict=True):
        read, found = _read_one(each, place, lr)
        problems += found
        if read is not None:
            planned.append(read)
            problems += _momentum_problems(read.schedule, place, optimizer)
    if len(values) > 1:
        problems += _chain_problems([each.schedule for each in planned], places) if not problems else []
    if planned and not optimizer.scheduled:
        words = f"{optimizer.__name__} takes its learning rate for the first step alone, so a schedule changes nothing"
        fix = Fix("Remove the schedule", "set_setting", {"path": where, "value": None})
        problems.append(Problem(f"{words}; remove it.", None, where, (fix,)))
    return tuple(planned), problems


def _read_one(value: Any, where: str, lr: float) -> tuple[Planned | None, list[Problem]]:
    schedule, problems = _parsed(value, where, lr)
    if schedule is None:
        return None, problems
    if not isinstance(schedule, SequentialLR):
        if "schedules" in value:
            words = f"{type(schedule).__name__} takes no further schedules; choose SequentialLR, or a list"
            problems.append(Problem(f"{words}.", None, f"{where}.schedules", (_removal(f"{where}.schedules"),)))
        return Planned(schedule), problems
    listed = value.get("schedules")
    if not isinstance(listed, list) or not listed:
        words = 'SequentialLR needs "schedules", a list of the schedules that follow each other.'
        return None, [*problems, Problem(words, None, f"{where}.schedules")]
    parts = []
    for place, each in enumerate(listed):
        part, found = _parsed(each, f"{where}.schedules.{place}", lr)
        problems += found
        if part is not None:
            parts.append(part)
            problems += _part_problems(part, schedule, f"{where}.schedules.{place}")
    problems += _milestone_problems(schedule, len(listed), where)
    return Planned(schedule, tuple(parts)), problems


def _parsed(value: Any, where: str, lr: float) -> tuple[Schedule | None, list[Problem]]:
    if not isinstance(value, dict) or not isinstance(value.get("op"), str):
        return None, [Problem('A schedule must be an object with "op" and "params".', None, where)]
    declared = Schedule.registry.get(value["op"])
    if declared is None:
        words = f"There is no schedule {value['op']!r}{did_you_mean(value['op'], Schedule.registry)}."
        return None, [Problem(words, None, where)]
    problems = [
        Problem(
            f"A schedule has no {key!r}{did_you_mean(key, KEYS)}.",
            None,
            f"{where}.{key}",
            (_removal(f"{where}.{key}"),),
        )
        for key in value
        if key not in KEYS
    ]
    params = value.get("params", {})
    if not isinstance(params, dict):
        return None, [*problems, Problem("This must be an object of settings.", None, f"{where}.params")]
    schedule, wrong = declared.parse(params)
    problems += [located(each, f"{where}.params", declared) for each in wrong]
    if schedule is not None:
        problems += list(_tried(schedule, f"{where}.params", lr))
    return schedule, problems


def located(problem: Problem, where: str, declared: type[Declared]) -> Problem:
    """A problem of a param at its path in the spec, with a fix that takes the param's default."""
    path = f"{where}.{problem.param}"
    return Problem(
        problem.message, None, path, (_removal(path, "Reset" if problem.param in declared.params() else "Remove"),)
    )


def _removal(path: str, word: str = "Remove") -> Fix:
    return Fix(f"{word} {path.rpartition('.')[2]}", "remove_setting", {"path": path})


def _tried(schedule: Schedule, where: str, lr: float) -> Iterator[Problem]:
    """Build it for a long run, to hear whether its params go together."""
    try:
        schedule.build(lr, LONG)
    except Mistake as mistake:
        yield located(mistake.problem(), where, type(schedule))


def _momentum_problems(schedule: Schedule, where: str, optimizer: type[Optimizer]) -> Iterator[Problem]:
    if getattr(schedule, "cycle_momentum", False) and not optimizer.has_momentum():
        path = f"{where}.params.cycle_momentum"
        fix = Fix("Turn cycle_momentum off", "set_setting", {"path": path, "value": False})
        words = f"cycle_momentum is on, and {optimizer.__name__} has no momentum; turn it off."
        yield Problem(words, None, path, (fix,))


def _chain_problems(schedules: list[Schedule], places: list[str]) -> Iterator[Problem]:
    """Yield what keeps several schedules from being multiplied."""
    for schedule, where in zip(schedules, places, strict=True):
        name = type(schedule).__name__
        if not schedule.chains:
            fix = Fix(f"Keep {name} alone", "set_setting", {"path": where.rpartition(".")[0], "value": _json(schedule)})
            fixes = () if isinstance(schedule, SequentialLR) else (fix,)
            words = f"{name} sets the learning rate by itself, so it cannot be multiplied with others"
            yield Problem(f"{words}; keep it alone.", None, where, fixes)
        elif schedule.warmup:
            path = f"{where}.params.warmup"
            fix = Fix("Set warmup to 0", "set_setting", {"path": path, "value": 0})
            words = "Schedules in a list cannot warm up one by one; add a LinearLR to the list, and set warmup to 0."
            yield Problem(words, None, path, (fix,))


def _part_problems(part: Schedule, whole: SequentialLR, where: str) -> Iterator[Problem]:
    name = type(part).__name__
    if not part.follows:
        yield Problem(f"{name} cannot stand in a sequence; choose another schedule.", None, where)
    elif part.interval != whole.interval:
        path = f"{where}.params.interval"
        fix = Fix(f"Set interval to {whole.interval}", "set_setting", {"path": path, "value": whole.interval})
        words = f"interval is {part.interval}, and the sequence counts by {whole.interval}; make them equal."
        yield Problem(words, None, path, (fix,))
    elif part.warmup:
        path = f"{where}.params.warmup"
        fix = Fix("Set warmup to 0", "set_setting", {"path": path, "value": 0})
        yield Problem("Only the whole sequence can warm up; set warmup to 0 here.", None, path, (fix,))


def _milestone_problems(schedule: SequentialLR, parts: int, where: str) -> Iterator[Problem]:
    path, milestones = f"{where}.params.milestones", schedule.milestones
    if len(milestones) != parts - 1:
        words = f"milestones has {len(milestones)} of them for {parts} schedules; it must have {parts - 1}"
        yield Problem(f"{words}, one for each schedule but the first.", None, path)
    elif any(one >= other for one, other in pairwise(milestones)):
        yield Problem("milestones must rise, such as 5, 20.", None, path)


def _json(schedule: Schedule) -> dict[str, Any]:
    values = {name: getattr(schedule, name) for name in schedule.params()}
    params = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
    return {"op": type(schedule).__name__, "params": params}
