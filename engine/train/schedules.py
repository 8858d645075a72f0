"""Schedules at work: torch's own schedulers, on an optimizer without weights whose learning rate others follow.

So one schedule serves weights with different learning rates, and a curve can be drawn without a network.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.optim.lr_scheduler import LinearLR, LRScheduler, OneCycleLR, ReduceLROnPlateau, SequentialLR

from engine.declare import Recipe
from engine.ops.optimizer import SGD, Optimizer
from engine.ops.schedule import ReduceLROnPlateau as Plateau
from engine.problem import Mistake
from engine.recipes import build
from engine.schedules import Planned, read_schedules

State = dict[str, Any]
MOST_STEPS = 200_000  # of a run whose learning rate is drawn beforehand
MOST_POINTS = 600
CONSTANT = ("params",)  # what an optimizer's group holds beside numbers


class Scheduled:
    """The learning rate of an optimizer on its way through a run, and its momentum where that moves too.

    `steps` counts the optimizer's own steps in the whole run, `higher_is_better` speaks of the first metric.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        planned: Sequence[Planned],
        *,
        steps: int,
        epochs: int,
        higher_is_better: bool = False,
    ) -> None:
        self._shadow = _shadow(optimizer)
        self._moves_momentum = any(getattr(each.schedule, "cycle_momentum", False) for each in planned)
        self._parts = [
            _Part(
                self._shadow,
                each,
                optimizer.lr,
                steps if each.schedule.interval == "step" else epochs,
                higher_is_better,
            )
            for each in planned
        ]
        self._by_step = [part for part in self._parts if part.interval == "step"]
        self._by_epoch = [part for part in self._parts if part.interval == "epoch"]
        self._shadow.step()  # it changes nothing; torch warns where a schedule moves on before its optimizer did

    @property
    def rate(self) -> float:
        """The learning rate as it is now."""
        return float(self._group["lr"])

    @property
    def counts_steps(self) -> bool:
        """Whether it moves on after each step."""
        return bool(self._by_step)

    @property
    def _group(self) -> dict[str, Any]:
        return self._shadow.param_groups[0]

    def after_step(self) -> None:
        """Move on by a step."""
        for part in self._by_step:
            part.move_on()

    def after_epoch(self, loss: float, metric: float | None) -> None:
        """Move on by an epoch that ended with this loss and this first metric."""
        for part in self._by_epoch:
            part.move_on(loss, metric)

    def advance(self, steps: int, epochs: int) -> None:
        """Move on to where a run of so many steps and epochs is; what watches results begins anew."""
        for part in self._by_step:
            part.advance(steps)
        for part in self._by_epoch:
            part.advance(epochs)

    def apply(self, groups: Sequence[dict[str, Any]], factors: Sequence[float]) -> None:
        """Give the groups of an optimizer the learning rate, times a factor each, and the momentum."""
        group = self._group
        for each, factor in zip(groups, factors, strict=True):
            each["lr"] = group["lr"] * factor
            if self._moves_momentum and "betas" in each:
                each["betas"] = (group["betas"][0], *each["betas"][1:])
            elif self._moves_momentum:
                each["momentum"] = group["momentum"]

    def state(self) -> State:
        """Where it stands, as JSON."""
        group = {name: value for name, value in self._group.items() if name not in CONSTANT}
        return {"group": group, "parts": [part.state() for part in self._parts]}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go back to where `state` was written."""
        self._group.update(state["group"])
        if "betas" in self._group:
            self._group["betas"] = tuple(self._group["betas"])
        for part, each in zip(self._parts, state["parts"], strict=True):
            part.load(each)


def _shadow(optimizer: Optimizer) -> torch.optim.Optimizer:
    """An optimizer without weights, with the learning rate and the kind of momentum that another one has."""
    weights = [torch.zeros(1)]
    if "betas" in optimizer.params():
        return torch.optim.Adam(weights, lr=optimizer.lr, betas=optimizer.betas)  # type: ignore[attr-defined]
    return torch.optim.SGD(weights, lr=optimizer.lr, momentum=getattr(optimizer, "momentum", 0.0))


class _Part:
    """One schedule of a list, with its warm-up and, in a sequence, the schedules that follow each other."""

    def __init__(
        self, shadow: torch.optim.Optimizer, planned: Planned, lr: float, length: int, higher_is_better: bool
    ) -> None:
        schedule, warmup = planned.schedule, planned.schedule.warmup
        self.interval = schedule.interval
        self._count = 0
        self._last: float = length  # epochs that are added to a run go on at the rate at which its schedule ended
        self._plateau: ReduceLROnPlateau | None = None
        self._scheduler: LRScheduler | None = None
        self._warmup = warmup
        self._watches_metric = False
        if isinstance(schedule, Plateau):
            self._last = math.inf
            self._watches_metric = schedule.watch == "metric"
            mode = "max" if self._watches_metric and higher_is_better else "min"
            self._plateau = _built(schedule.build(lr, length), shadow, mode=mode)
            self._scheduler = _rising(shadow, warmup) if warmup else None
            return
        milestones = _milestones(planned)
        lengths = _lengths(milestones, max(length - warmup, 1))
        parts = [
            _built(part.build(lr, each), shadow)
            for part, each in zip(planned.parts or (schedule,), lengths, strict=True)
        ]
        if isinstance(parts[0], OneCycleLR):
            self._last = warmup + parts[0].total_steps - 1  # torch refuses to go past it
        if warmup:
            parts, milestones = [_rising(shadow, warmup), *parts], [warmup, *(warmup + each for each in milestones)]
        self._scheduler = parts[0] if len(parts) == 1 else SequentialLR(shadow, parts, milestones)

    def move_on(self, loss: float = math.inf, metric: float | None = None) -> None:
        """Move on by one epoch or step."""
        if self._count >= self._last:
            return
        self._count += 1
        if self._plateau is not None and self._count > self._warmup:
            watched = metric if self._watches_metric else loss
            if watched is not None:  # of a metric that does not apply there is nothing to judge
                self._plateau.step(watched)
        elif self._scheduler is not None:
            self._scheduler.step()

    def advance(self, count: int) -> None:
        """Move on by so many epochs or steps, unless it watches their results."""
        for _ in range(0 if self._plateau is not None else count):
            self.move_on()

    def state(self) -> State:
        both = {"scheduler": self._scheduler, "plateau": self._plateau}
        found = {name: _plain(each.state_dict()) for name, each in both.items() if each is not None}
        return {"count": self._count, **found}

    def load(self, state: Mapping[str, Any]) -> None:
        self._count = state["count"]
        for name, each in (("scheduler", self._scheduler), ("plateau", self._plateau)):
            if each is not None:
                each.load_state_dict(_merged(each.state_dict(), state[name]))


def _built(recipe: Recipe, shadow: torch.optim.Optimizer, **more: Any) -> Any:
    return build(Recipe(recipe.target, shadow, **recipe.kwargs), **more)


def _rising(shadow: torch.optim.Optimizer, warmup: int) -> LinearLR:
    """A warm-up in equal steps, from one of them to the whole learning rate."""
    return LinearLR(shadow, start_factor=1 / (warmup + 1), total_iters=warmup)


def _milestones(planned: Planned) -> list[int]:
    return list(getattr(planned.schedule, "milestones", ())) if planned.parts else []


def _lengths(milestones: Sequence[int], whole: int) -> list[int]:
    """How long each schedule of a sequence has, the last to the end of the run."""
    ends = [*milestones, max(whole, *milestones, 0) if milestones else whole]
    return [max(end - begin, 1) for begin, end in zip([0, *milestones], ends, strict=True)]


def _plain(state: Mapping[str, Any]) -> State:
    """What of a scheduler's state changes in a run: numbers and lists of them, in sequences those of each part."""
    found: State = {}
    for name, value in state.items():
        if name == "_schedulers":
            found[name] = [_plain(each) for each in value]
        elif isinstance(value, list):
            if all(isinstance(each, int | float) for each in value):
                found[name] = value
        elif isinstance(value, int | float | str) and not (isinstance(value, float) and not math.isfinite(value)):
            found[name] = value
    return found


def _merged(fresh: Mapping[str, Any], saved: Mapping[str, Any]) -> State:
    """A fresh scheduler's state, with what was saved."""
    parts = {}
    if "_schedulers" in saved:
        pairs = zip(fresh["_schedulers"], saved["_schedulers"], strict=True)
        parts = {"_schedulers": [_merged(one, other) for one, other in pairs]}
    return {**fresh, **saved, **parts}


def curve(schedule: Any, lr: float, steps_per_epoch: int, epochs: int) -> list[float]:
    """The learning rate at each step of a run: steps_per_epoch * epochs numbers, for a preview.

    `schedule` is what stands in the spec: null, one schedule, or a list. ReduceLROnPlateau, which watches results, is
    drawn as if they always became better. Raises Mistake where the schedule is wrong.
    """
    planned, problems = read_schedules(schedule, "schedule", SGD, lr)
    if problems:
        raise Mistake(str(problems[0]), param=problems[0].param)
    sgd, _wrong = SGD.parse({"lr": lr, "momentum": 0.9})
    assert sgd is not None
    scheduled = Scheduled(sgd, planned, steps=steps_per_epoch * epochs, epochs=epochs)
    rates = []
    for epoch in range(epochs):
        for _step in range(steps_per_epoch):
            rates.append(scheduled.rate)
            scheduled.after_step()
        scheduled.after_epoch(-float(epoch), None)
    return rates


def preview(schedule: Any, lr: float, steps_per_epoch: int, epochs: int) -> list[tuple[float, float]]:
    """Points (epochs, learning rate) of the curve over a run, at most MOST_POINTS and the last, for a small picture.

    Raises Mistake where the schedule is wrong or the run too long to be walked through.
    """
    planned, _problems = read_schedules(schedule, "schedule", SGD, lr)
    steps = steps_per_epoch if any(each.schedule.interval == "step" for each in planned) else 1
    if steps * epochs > MOST_STEPS:
        raise Mistake(f"The run has {steps * epochs:,} steps, too many to draw its learning rate beforehand.")
    rates = curve(schedule, lr, steps, epochs)
    last = len(rates) - 1
    stride = max(math.ceil(len(rates) / MOST_POINTS), 1)
    return [(place / steps, rates[place]) for place in [*range(0, last, stride), last]]
