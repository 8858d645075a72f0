"""What a project's "sweep" section says, read and judged without torch: settings, and a range for each path.

"sweep": {"sampler": "TPE", "trials": 20, ...,
          "space": [{"path": "training.optimizers.0.params.lr", "op": "Numbers", "params": {"low": ..., ...}}, ...]}
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine import validate
from engine.block_edits import inside
from engine.declare import did_you_mean, show_value
from engine.ops.sweep import Choices, Numbers, Range, Sweep, WholeNumbers
from engine.problem import Fix, Mistake, Problem
from engine.schedules import located
from engine.spec import Spec, jsonable
from engine.values import by_place, parted, value_at, with_value

SPACE = "space"  # what stands in the sweep section beside the settings of `Sweep`
PATH = f"sweep.{SPACE}"
DOTS = ".."


@dataclass(frozen=True, slots=True)
class Varied:
    """One setting that a sweep varies.

    Of a param whose op is varied too, `op` is the path of that, and `lacking` are the ops that do not have the param.
    """

    path: str
    range: Range
    op: str = ""
    lacking: tuple[Any, ...] = ()

    def is_idle(self, values: Mapping[str, Any]) -> bool:
        """Whether the op among these values does not have it."""
        return self.op in values and values[self.op] in self.lacking


@dataclass(frozen=True, slots=True)
class Plan:
    """A sweep that can begin: what is trained, what is varied, and how."""

    spec: Spec
    settings: Sweep
    space: tuple[Varied, ...]

    def combinations(self) -> Iterator[dict[str, Any]]:
        """Yield what a grid tries, the path that is listed last changing first.

        Of combinations that differ in idle values alone, only the first is one.
        """
        grids = [each.range.grid() for each in self.space]
        for places in itertools.product(*(range(len(grid)) for grid in grids)):
            values = {each.path: grid[place] for each, grid, place in zip(self.space, grids, places, strict=True)}
            if not any(place and each.is_idle(values) for each, place in zip(self.space, places, strict=True)):
                yield values

    def count(self) -> int:
        """How many combinations a grid tries."""
        return math.prod(self._count_with(each) for each in self.space if not each.op)

    def _count_with(self, varied: Varied) -> int:
        """How many there are of a range, together with those of the params that its ops have."""
        params = [each for each in self.space if each.op == varied.path]
        return sum(
            math.prod(len(each.range.grid()) for each in params if value not in each.lacking)
            for value in varied.range.grid()
        )

    def acting(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values without those of params that the ops among them do not have."""
        return {each.path: values[each.path] for each in self.space if each.path in values and not each.is_idle(values)}

    def trials(self) -> int:
        """How many trials there are to be."""
        wanted = self.settings.trials
        return min(wanted, self.count()) if self.settings.sampler == "grid" else wanted

    def applied(self, values: Mapping[str, Any]) -> Spec:
        """The spec of a trial; it holds no sweep of its own."""
        return replace(applied(self.spec, self.acting(values)), sweep={})


def applied(spec: Spec, values: Mapping[str, Any]) -> Spec:
    """Set values by their paths, ops before the params that they have."""
    for path in sorted(values, key=lambda each: not is_op(each)):
        spec = with_value(spec, path, values[path])
    return spec


def is_op(path: str) -> bool:
    """Whether a path leads to the name of an op."""
    return path.endswith(".op")


def listed_space(spec: Spec) -> list[Any]:
    """What stands at "space", which may hold anything; nothing where it is no list."""
    found = spec.sweep.get(SPACE)
    return list(found) if isinstance(found, list | tuple) else []


def sweep_settings(spec: Spec) -> dict[str, Any]:
    """The part of the sweep section that the settings of `Sweep` are read from."""
    return {name: value for name, value in spec.sweep.items() if name != SPACE}


def read_plan(spec: Spec) -> tuple[Plan | None, list[Problem]]:
    """Read the sweep of a spec; None where there are problems, each at its path in the spec."""
    settings, wrong = Sweep.parse(sweep_settings(spec))
    problems = [located(each, "sweep", Sweep) for each in wrong]
    space: list[Varied] = []
    listed = spec.sweep.get(SPACE, [])
    if not isinstance(listed, list | tuple):
        problems.append(Problem(f"{SPACE} must be a list of ranges.", None, PATH))
    for place, value in enumerate(listed_space(spec)):
        varied, found = _read(spec, value, place)
        problems += found
        if varied is not None:
            space.append(varied)
    problems += _repeated(spec, space)
    if not listed and not problems:
        problems.append(Problem("A sweep needs a setting to vary; choose one, and a range for it.", None, PATH))
    if problems or settings is None:
        return None, problems
    ops = {by_place(spec, each.path): each for each in space if is_op(each.path)}
    return Plan(spec, settings, tuple(_beside_op(spec, each, ops) for each in space)), []


def planned(spec: Spec) -> Plan:
    """Read the sweep of a spec; raises Mistake with its first problem."""
    plan, problems = read_plan(spec)
    if plan is None:
        raise Mistake(problems[0].message, param=problems[0].param, fixes=problems[0].fixes)
    return plan


def _read(spec: Spec, value: Any, place: int) -> tuple[Varied | None, list[Problem]]:
    where = f"{PATH}.{place}"
    removal = Fix("Remove it", "remove_setting", {"path": where})
    if not isinstance(value, dict) or not all(isinstance(value.get(key), str) for key in ("path", "op")):
        return None, [Problem('A range must be an object with "path", "op" and "params".', None, where, (removal,))]
    declared, path = Range.registry.get(value["op"]), value["path"]
    if declared is None:
        words = f"{path}: there is no range {value['op']!r}{did_you_mean(value['op'], Range.registry)}."
        return None, [Problem(words, None, where, (removal,))]
    params = value.get("params", {})
    parsed, wrong = declared.parse(params if isinstance(params, dict) else {})
    if parsed is None:
        told = [replace(each, message=f"{path}: {each.message}") for each in wrong]
        return None, [located(each, f"{where}.params", declared) for each in told]
    try:
        parsed.refuse_params()
        value_at(spec, path)
    except Mistake as mistake:
        words = mistake.message if path in mistake.message else f"{path}: {mistake.message}"
        return None, [Problem(words, None, f"{where}.params.{mistake.param}" if mistake.param else where, (removal,))]
    varied = Varied(path, parsed)
    return varied, [Problem(each, None, where, (removal,)) for each in _refusals(spec, varied)]


def _beside_op(spec: Spec, varied: Varied, ops: Mapping[str, Varied]) -> Varied:
    """A range that knows of its op, where that is varied as well."""
    owner, params, _name = by_place(spec, varied.path).rpartition(".params.")
    op = ops.get(f"{owner}.op") if params else None
    if op is None:
        return varied
    lacking = tuple(each for each in op.range.grid() if not _is_there(with_value(spec, op.path, each), varied.path))
    return replace(varied, op=op.path, lacking=lacking)


def _is_there(spec: Spec, path: str) -> bool:
    try:
        value_at(spec, path)
    except Mistake:
        return False
    return True


def _refusals(spec: Spec, varied: Varied) -> Iterator[str]:
    """Say which value of a range a setting does not take, whatever the others are."""
    refuse = refusing(spec, varied.path)
    for value in varied.range.ends():
        if words := refuse(value):
            yield f"{varied.path} = {show_value(value)}: {words}"
            return


def refusing(spec: Spec, path: str) -> Callable[[Any], str]:
    """A function that says why the setting at a path does not take a value; "" where it does."""
    block, _rest = parted(path)
    known = {_place_of(each) for each in validate.problems(inside(spec, block))}

    def refuse(value: Any) -> str:
        try:
            found = validate.problems(inside(with_value(spec, path, value), block))
        except Mistake as mistake:
            return mistake.message.removeprefix(f"{path}: ")
        return next((each.message for each in found if _place_of(each) not in known), "")

    return refuse


def _place_of(problem: Problem) -> tuple[str | None, str | None]:
    return problem.node, problem.param


def _repeated(spec: Spec, space: Sequence[Varied]) -> Iterator[Problem]:
    known: set[str] = set()
    for place, each in enumerate(space):
        path = by_place(spec, each.path)
        if path in known:
            fix = Fix("Remove it", "remove_setting", {"path": f"{PATH}.{place}"})
            yield Problem(f"{each.path} is varied twice; remove one of its ranges.", None, f"{PATH}.{place}", (fix,))
        known.add(path)


# ---------------------------------------------------------------------------------------------------- as it is written


UNSAID = ("nodes", "params", "training", "optimizers", "data", "batching", "blocks", "columns", "steps")


def short(path: str) -> str:
    """A path as a heading: what it ends in, with the node or the section before it."""
    if path.startswith("training.optimizers.") and path.count(".") == 3 and is_op(path):
        return "optimizer"
    return ".".join(each for each in path.split(".") if each not in UNSAID and not each.isdigit())


def shown(value: Any) -> str:
    """A value as a table shows it."""
    if value is None:
        return "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value) if isinstance(value, str) else show_value(value)


MARKS = "log, int, step=N and points=N"


def parse_space(spec: Spec, text: str) -> dict[str, Any]:
    """Read PATH=LOW..HIGH[:log][:int][:step=N][:points=N] or PATH=A,B,C as an entry of the space; raises Mistake."""
    path, equals, words = text.partition("=")
    if not equals or not words:
        raise Mistake(f"--space {text}: write PATH=LOW..HIGH or PATH=A,B,C, such as data.batching.batch_size=16,32,64.")
    try:
        return entry(path, read_range(words, value_at(spec, path)))
    except Mistake as mistake:
        raise Mistake(f"--space {text}: {mistake.message}") from None


def entry(path: str, range: Range) -> dict[str, Any]:
    """A range as it stands in the spec."""
    params = {name: jsonable(getattr(range, name)) for name in type(range).params()}
    return {"path": path, "op": type(range).__name__, "params": params}


def read_range(words: str, present: Any) -> Range:
    """Read "0.001..0.1:log" or "16,32,64"; what is whole where the `present` value is, stays whole. Raises Mistake."""
    is_span = DOTS in words and "," not in words  # a list may hold paths, such as ../data
    ends, *marks = words.split(":") if is_span else [words]
    if not is_span or DOTS not in ends:
        values = _values(words)
        return _made(Choices, {"values": values})
    low, high = (_number(each) for each in ends.split(DOTS, 1))
    given: dict[str, Any] = {"low": low, "high": high}
    whole = all(isinstance(each, int) for each in (low, high)) and isinstance(present, int)
    for mark in marks:
        name, equals, number = mark.partition("=")
        if mark == "int":
            whole = True
        elif mark == "log":
            given["log"] = True
        elif equals and name in ("step", "points"):
            given[name] = _number(number)
            whole = whole or name == "step"
        else:
            raise Mistake(f"{mark!r} is no mark of a range; there are {MARKS}.")
    return _made(WholeNumbers if whole else Numbers, given)


def _made(declared: type[Range], params: Mapping[str, Any]) -> Range:
    made, problems = declared.parse(params)
    if made is None:
        raise Mistake(problems[0].message, param=problems[0].param)
    range: Range = made
    range.refuse_params()
    return range


def _number(text: str) -> int | float:
    for read in (int, float):
        try:
            return read(text.strip())
        except ValueError:
            continue
    raise Mistake(f"{text.strip()!r} is no number.")


def _values(text: str) -> list[Any]:
    """Read values with commas between them; what is no JSON is text."""
    try:
        found: list[Any] = json.loads(f"[{text}]")
    except ValueError:
        return [_value(each.strip()) for each in text.split(",")]
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
