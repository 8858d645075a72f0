"""The optimizers of a spec, read and judged without torch: which weights each changes, for which losses, and when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from engine.declare import did_you_mean
from engine.ops.optimizer import Optimizer
from engine.ops.settings import Turn
from engine.problem import Fix, Mistake, Problem
from engine.schedules import Planned, located, read_schedules
from engine.spec import Spec

PATH = "training.optimizers"
DEFAULT: Mapping[str, Any] = {"name": "main", "op": "Adam", "params": {}, "nodes": "*", "losses": "*"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One optimizer of a spec."""

    place: int
    optimizer: Optimizer
    turn: Turn
    schedules: tuple[Planned, ...] = ()

    @property
    def op(self) -> str:
        """The optimizer's kind, such as "Adam"."""
        return type(self.optimizer).__name__

    @property
    def path(self) -> str:
        """Where it stands in the spec."""
        return f"{PATH}.{self.place}"

    def takes(self, node: str, tensor: str) -> bool:
        """Whether it changes a node's tensor, such as "weight"; a block that it names stands for all inside."""
        names = self.turn.nodes
        return names == "*" or f"{node}.{tensor}" in names or any(each in names for each in around(node))

    def minimises(self, loss: str) -> bool:
        """Whether it makes a loss small."""
        return self.turn.losses == "*" or loss in self.turn.losses


def around(node: str) -> Iterator[str]:
    """Yield a node's id, and those of the Block nodes that hold it: "a/0/b" gives "a/0/b" and "a"."""
    yield node
    while "/" in node:
        node = node.rsplit("/", 2)[0]
        yield node


def listed(spec: Spec) -> Any:
    """What stands at "optimizers", which may be anything; Adam at its defaults where nothing does."""
    found = spec.training.get("optimizers")
    return [dict(DEFAULT)] if found is None or found == [] else found


def read_optimizers(spec: Spec, losses: Sequence[str]) -> tuple[list[Entry], list[Problem]]:
    """Read the optimizers of a spec whose losses have these ids.

    Returns the optimizers (none where there are problems), and a Problem for each mistake at its path in the spec.
    """
    values = listed(spec)
    if not isinstance(values, list | tuple):
        return [], [Problem("optimizers must be a list.", None, PATH)]
    entries: list[Entry] = []
    problems: list[Problem] = []
    for place, value in enumerate(values):
        entry, found = _read(value, place)
        problems += found
        if entry is not None:
            entries.append(entry)
            problems += _selection_problems(spec, entry, losses)
    problems += _name_problems(entries)
    if not problems:
        problems += _turn_problems(entries)
        problems += _loss_problems(entries, losses)
    return ([] if problems else entries), problems


def _read(value: Any, place: int) -> tuple[Entry | None, list[Problem]]:
    where = f"{PATH}.{place}"
    if not isinstance(value, dict) or not isinstance(value.get("op"), str):
        return None, [Problem('An optimizer must be an object with "op" and "params".', None, where)]
    declared = Optimizer.registry.get(value["op"])
    if declared is None:
        words = f"There is no optimizer {value['op']!r}{did_you_mean(value['op'], Optimizer.registry)}."
        return None, [Problem(words, None, where)]
    rest = {name: each for name, each in value.items() if name not in ("op", "params", "schedule")}
    turn, wrong = Turn.parse(rest)
    problems = [located(each, where, Turn) for each in wrong]
    optimizer, wrong = _optimizer(declared, value.get("params", {}), f"{where}.params")
    lr = declared.defaults()["lr"] if optimizer is None else optimizer.lr
    schedules, amiss = read_schedules(value.get("schedule"), f"{where}.schedule", declared, lr)
    problems += [*wrong, *amiss]
    if optimizer is None or turn is None:
        return None, problems
    return Entry(place, optimizer, turn, schedules), problems


def _optimizer(declared: type[Optimizer], params: Any, where: str) -> tuple[Optimizer | None, list[Problem]]:
    if not isinstance(params, dict):
        return None, [Problem("This must be an object of settings.", None, where)]
    optimizer, wrong = declared.parse(params)
    if optimizer is None:
        return None, [located(each, where, declared) for each in wrong]
    try:
        optimizer.build()
    except Mistake as mistake:
        return None, [located(mistake.problem(), where, declared)]
    return optimizer, []


def _selection_problems(spec: Spec, entry: Entry, losses: Sequence[str]) -> Iterator[Problem]:
    """Yield what is wrong with the nodes and the losses that an optimizer names."""
    name, nodes, chosen = entry.turn.name, entry.turn.nodes, entry.turn.losses
    if not nodes:
        yield _everything(f"{name} trains no node; name some, or all.", f"{entry.path}.nodes", "Train all nodes")
    if not chosen:
        yield _everything(f"{name} makes no loss small; name some, or all.", f"{entry.path}.losses", "Take all losses")
    for each in nodes if nodes != "*" else ():
        node = each.partition(".")[0]
        if node not in spec.nodes:
            words = f"{name} names the node {node!r}, which does not exist{did_you_mean(node, spec.nodes)}."
            yield Problem(words, None, f"{entry.path}.nodes", (without(entry, "nodes", each),))
    for each in chosen if chosen != "*" else ():
        if each not in losses:
            words = "which is no loss" if each in spec.nodes else f"which does not exist{did_you_mean(each, losses)}"
            fixes = (without(entry, "losses", each),)
            yield Problem(f"{name} names the loss {each!r}, {words}.", None, f"{entry.path}.losses", fixes)


def _everything(words: str, path: str, text: str) -> Problem:
    return Problem(words, None, path, (Fix(text, "set_setting", {"path": path, "value": "*"}),))


def without(entry: Entry, what: Literal["nodes", "losses"], gone: str) -> Fix:
    """The fix that takes a name out of what an optimizer names; where it is the only one, all take its place."""
    path = f"{entry.path}.{what}"
    rest = [each for each in getattr(entry.turn, what) if each != gone]
    if not rest:
        return Fix(f"Let {entry.turn.name} take all {what}", "set_setting", {"path": path, "value": "*"})
    return Fix(f"Remove {gone} from {entry.turn.name}", "set_setting", {"path": path, "value": rest})


def _name_problems(entries: Sequence[Entry]) -> Iterator[Problem]:
    seen: set[str] = set()
    for entry in entries:
        name = entry.turn.name
        if not name.strip():
            yield Problem("name is empty; give the optimizer one.", None, f"{entry.path}.name")
        elif name in seen:
            taken = {each.turn.name for each in entries}
            free = free_name(name, taken)
            fix = Fix(f"Rename it to {free}", "set_setting", {"path": f"{entry.path}.name", "value": free})
            words = f"Two optimizers have the name {name!r}; rename one of them."
            yield Problem(words, None, f"{entry.path}.name", (fix,))
        seen.add(name)


def free_name(name: str, taken: set[str]) -> str:
    """The name, numbered where it is taken."""
    return name if name not in taken else next(f"{name}_{i}" for i in range(2, 10**6) if f"{name}_{i}" not in taken)


def _turn_problems(entries: Sequence[Entry]) -> Iterator[Problem]:
    """Yield what is wrong with when the optimizers act."""
    if all(entry.turn.every > 1 for entry in entries):
        path = f"{entries[0].path}.every"
        fix = Fix(f"Let {entries[0].turn.name} act in every step", "set_setting", {"path": path, "value": 1})
        words = "In some steps no optimizer acts, and nothing is learned from their samples; set every of one to 1."
        yield Problem(words, None, path, (fix,))
    for entry in entries:
        if entry.turn.together and (why := _apart(entry, entries)):
            path = f"{entry.path}.together"
            fix = Fix("Run the network anew for it", "set_setting", {"path": path, "value": False})
            yield Problem(f"{why}; turn together off.", None, path, (fix,))


def _apart(entry: Entry, entries: Sequence[Entry]) -> str | None:
    """Say why an optimizer cannot act together with the one before it."""
    name = entry.turn.name
    if entry.place == 0:
        return f"{name} is the first optimizer, so there is none before it to act with"
    before = entries[entry.place - 1]
    for each in (entry, before):
        if each.optimizer.repeats:
            return f"{each.op} runs the network several times a step, so {name} and {before.turn.name} cannot share one"
    same = entry.turn.every == before.turn.every and entry.turn.losses == before.turn.losses
    return None if same else f"{name} and {before.turn.name} differ in losses or every, so they cannot share a step"


def _loss_problems(entries: Sequence[Entry], losses: Sequence[str]) -> Iterator[Problem]:
    for loss in losses:
        if any(entry.minimises(loss) for entry in entries):
            continue
        fixes = tuple(
            Fix(
                f"Add {loss} to {entry.turn.name}",
                "set_setting",
                {"path": f"{entry.path}.losses", "value": [*entry.turn.losses, loss]},
            )
            for entry in entries[:3]
        )
        yield Problem(f"No optimizer makes {loss} small; add it to the losses of one.", None, PATH, fixes)


def turns(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Group the optimizers that act on one run of the network."""
    groups: list[list[Entry]] = []
    for entry in entries:
        if entry.turn.together and groups:
            groups[-1].append(entry)
        else:
            groups.append([entry])
    return groups
