"""Optimizers at work: built as the spec says, each on its own weights, and the steps they take."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from engine.compile import module_path
from engine.optimizers import Entry, turns
from engine.problem import Mistake
from engine.recipes import find
from engine.spec import Node, Spec
from engine.train.guard import Guard
from engine.train.schedules import Scheduled
from engine.validate import upstream
from engine.weights import decay_of, is_frozen

# On which kinds of device torch has one kernel for a whole step of an optimizer.
FUSED: Mapping[str, tuple[str, ...]] = {
    "SGD": ("cpu", "cuda"),
    "Adam": ("cpu", "cuda"),
    "AdamW": ("cpu", "cuda"),
    "Adagrad": ("cpu", "cuda") if torch.torch_version.TorchVersion("2.13") <= torch.__version__ else ("cpu",),
}

Answers = Mapping[str, Tensor]
Forward = Callable[..., Answers]
Step = Callable[[list[Tensor], int], Answers]  # a batch and the step's number in the run -> losses and metrics


@dataclass
class Acting:
    """One optimizer of a run."""

    name: str
    optimizer: torch.optim.Optimizer
    lr: float
    factors: Sequence[float] = (1.0,)  # of the learning rate, one for each of the optimizer's groups
    schedule: Scheduled | None = None
    scale: float = 1.0  # of what the schedule says, set by hand
    held: float | None = None  # a learning rate set by hand where no schedule has a say

    @property
    def rate(self) -> float:
        """The learning rate as it is now, without the nodes' own factors."""
        if self.held is not None:
            return self.held
        return self.lr if self.schedule is None else self.schedule.rate * self.scale

    def set_rate(self, rate: float) -> None:
        """Set the learning rate by hand: a schedule goes on, scaled so that it is at this rate now.

        One that is at 0 cannot be scaled; from then on the rate stays as it was set.
        """
        scheduled = 0.0 if self.schedule is None else self.schedule.rate
        self.scale, self.held = (rate / scheduled, None) if scheduled else (1.0, rate)
        self.follow()

    def by_hand(self) -> dict[str, float | None]:
        """What was set by hand, for `set_by_hand` to go back to."""
        return {"scale": self.scale, "held": self.held}

    def set_by_hand(self, state: Mapping[str, Any]) -> None:
        """Go back to what was set by hand."""
        self.scale, self.held = state["scale"], state["held"]
        self.follow()

    def follow(self) -> None:
        """Take the learning rate that the schedule says, and what was set by hand."""
        if self.schedule is not None:
            self.schedule.apply(self.optimizer.param_groups, self.factors)
        if self.scale != 1.0 or self.held is not None:
            for group, factor in zip(self.optimizer.param_groups, self.factors, strict=True):
                group["lr"] = self.rate * factor

    def forget_untaken(self) -> None:
        """Leave out what it began to hold for a first step that it did not come to take."""
        for weight, held in list(self.optimizer.state.items()):
            if isinstance(held.get("step"), Tensor) and not held["step"]:
                del self.optimizer.state[weight]

    def after_step(self) -> None:
        """Move on by a step of its own."""
        assert self.schedule is not None
        self.schedule.after_step()
        self.follow()

    def after_epoch(self, loss: float, metric: float | None) -> None:
        """Move on by an epoch that ended with this loss and this first metric."""
        if self.schedule is not None:
            self.schedule.after_epoch(loss, metric)
            self.follow()


@dataclass
class Acts:
    """A turn in a step: the optimizers that act on one run of the network, for the same losses (with their factors)."""

    acting: Sequence[Acting]
    losses: Sequence[tuple[str, float]]
    every: int
    repeats: bool
    weights: Sequence[nn.Parameter] = field(default_factory=list)


# ------------------------------------------------------------------------------------------------------- building


def build_turns(
    spec: Spec,
    entries: Sequence[Entry],
    module: nn.Module,
    losses: Mapping[str, float],
    *,
    steps: int,
    epochs: int,
    higher_is_better: bool,
) -> list[Acts]:
    """Build the optimizers of a run, and leave without gradient what none of them changes.

    `losses` are those of the graph with their factors, `steps` and `epochs` those of the whole run.
    """
    named = list(_weights(spec, module))
    found = []
    for group in turns(entries):
        every = group[0].turn.every
        acting = []
        mine: dict[nn.Parameter, None] = {}
        for entry in group:
            taken = [(node, weight) for node, tensor, weight in named if _is_taken(spec.nodes[node], tensor, entry)]
            if not taken:
                words = "is frozen or belongs to another" if named else "has no weights"
                raise Mistake(f"{entry.turn.name} has nothing to train: the graph {words}; add a layer such as Linear.")
            built, factors = _build(entry, [(spec.nodes[node], weight) for node, weight in taken])
            schedule = None
            if entry.schedules:
                own = math.ceil(steps / every)
                schedule = Scheduled(
                    entry.optimizer, entry.schedules, steps=own, epochs=epochs, higher_is_better=higher_is_better
                )
            acting.append(Acting(entry.turn.name, built, entry.optimizer.lr, factors, schedule))
            acting[-1].follow()
            mine.update((weight, None) for _node, weight in taken)
        minimised = [(name, factor) for name, factor in losses.items() if group[0].minimises(name)]
        feeding = upstream(spec, [name for name, _factor in minimised])
        if not any(weight in mine and node in feeding for node, _tensor, weight in named):
            words = f"No weights that {group[0].turn.name} trains feed its losses, so it would learn nothing"
            raise Mistake(f"{words}; wire them to {minimised[0][0]}.", param=group[0].path)
        found.append(Acts(acting, minimised, every, group[0].optimizer.repeats, list(mine)))
    changed = {weight for turn in found for weight in turn.weights}
    for _node, _tensor, weight in named:
        weight.requires_grad_(weight in changed)
    return found


def _weights(spec: Spec, module: nn.Module) -> Iterator[tuple[str, str, nn.Parameter]]:
    """Yield (node, tensor, weight) for every weight of a graph whose blocks are written out."""
    paths = {module_path(node): node for node in spec.nodes}
    for name, weight in module.named_parameters():
        parts = name.split(".")
        count = next(count for count in range(1, len(parts)) if ".".join(parts[:count]) in paths)
        yield paths[".".join(parts[:count])], ".".join(parts[count:]), weight


def _is_taken(node: Node, tensor: str, entry: Entry) -> bool:
    return not is_frozen(node) and entry.takes(node.id, tensor)


def _build(
    entry: Entry, weights: Sequence[tuple[Node, nn.Parameter]]
) -> tuple[torch.optim.Optimizer, tuple[float, ...]]:
    """Build an optimizer with a group for all weights of one learning rate and one decay.

    Returns it, and what each group's learning rate is multiplied by.
    """
    optimizer, recipe = entry.optimizer, entry.optimizer.build()
    plain = (1.0, getattr(optimizer, "weight_decay", 0.0))
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for node, weight in weights:
        groups.setdefault((float(node.weights.get("lr_factor", 1.0)), decay_of(optimizer, node)), []).append(weight)
    listed: list[dict[str, Any]] = []
    for (factor, decay), members in groups.items():
        own: dict[str, Any] = {"params": members}
        if factor != plain[0]:
            own["lr"] = optimizer.lr * factor
        if decay != plain[1]:
            own["weight_decay"] = decay
        listed.append(own)
    devices = FUSED.get(entry.op, ())
    sparse = any(node.params.get("sparse") is True for node, _weight in weights)
    kinds = {each.device.type for _node, each in weights}
    # what comes of a momentum at rest is not the first one where that is dampened, and a GPU may rest in a first step
    damped = bool(recipe.kwargs.get("dampening")) and kinds != {"cpu"}
    is_fused = not sparse and not damped and kinds.issubset(devices)
    if sparse:
        _trust_sparse_tensors()
    built = find(recipe.target)(listed, *recipe.args, **recipe.kwargs, **({"fused": True} if is_fused else {}))
    begin_momentum(built)
    return built, tuple(factor for factor, _decay in groups)


def begin_momentum(optimizer: torch.optim.Optimizer) -> None:
    """Let the momentum of a fused SGD begin at rest.

    A first step that a flag keeps it from taking would leave its momentum as memory that was never written.
    """
    if not isinstance(optimizer, torch.optim.SGD) or not optimizer.defaults["fused"]:
        return
    for group in optimizer.param_groups:
        for weight in group["params"] if group["momentum"] and not group["dampening"] else ():
            if optimizer.state[weight].get("momentum_buffer") is None:
                optimizer.state[weight]["momentum_buffer"] = torch.zeros_like(weight)


def _trust_sparse_tensors() -> None:
    """Tell torch that the sparse tensors an optimizer makes need no checks; it warns where it is told nothing."""
    torch.sparse.check_sparse_tensor_invariants.disable()  # type: ignore[no-untyped-call]


# ----------------------------------------------------------------------------------------------------------- steps


def stepper(forward: Forward, turns: Sequence[Acts], guard: Guard | None = None) -> Step:
    """Return the function that takes one step of training on a batch; it answers with losses and metrics.

    A guard sees loss and gradients before each optimizer does. With several turns each acts on a run of the network
    with the weights that the one before has changed. A loss is told as its own optimizer saw it, metrics as the first
    run of the network gave them.
    """
    if len(turns) == 1:
        return _turn(forward, turns[0], guard, alone=True)
    acts = [
        (each.every, _turn(forward, each, guard, alone=False), [name for name, _factor in each.losses])
        for each in turns
    ]

    def step(batch: list[Tensor], number: int) -> Answers:
        told: dict[str, Tensor] = {}
        owned: set[str] = set()
        for every, act, names in acts:
            if number % every:
                continue
            answers = act(batch, number)
            fresh = [name for name in names if name not in owned]
            told = {**answers, **told, **{name: answers[name] for name in fresh}}
            owned.update(fresh)
        return told

    return step


def _turn(forward: Forward, turn: Acts, guard: Guard | None, *, alone: bool) -> Step:
    if turn.repeats:
        return repeating(forward, turn, guard)
    weights, losses = turn.weights, turn.losses
    optimizers = [each.optimizer for each in turn.acting]
    counted = [each for each in turn.acting if each.schedule is not None and each.schedule.counts_steps]
    inputs = None if alone else list(weights)

    def step(batch: list[Tensor], _number: int) -> Answers:
        for weight in weights:  # what zero_grad does, without its profiling
            weight.grad = None
        answers = forward(*batch)
        loss = total(answers, losses)
        torch.autograd.backward(loss, inputs=inputs)
        if guard is not None:
            guard.check(loss, weights)
        for optimizer in optimizers:
            optimizer.step()
        for each in counted:
            each.after_step()
        return answers

    return step


def repeating(
    forward: Forward, turn: Acts, guard: Guard | None, settle: Callable[[torch.optim.Optimizer], None] | None = None
) -> Step:
    """The step of an optimizer that runs the network several times; the first run is what is told.

    `settle` is what is done to the gradients of each run before they are used.
    """
    (acting,) = turn.acting
    weights, inputs = turn.weights, list(turn.weights)

    def step(batch: list[Tensor], _number: int) -> Answers:
        runs: list[Answers] = []

        def closure() -> Tensor:
            for weight in weights:
                weight.grad = None
            answers = forward(*batch)
            runs.append({name: answer.detach() for name, answer in answers.items()} if not runs else {})
            loss = total(answers, turn.losses)
            torch.autograd.backward(loss, inputs=inputs)
            if settle is not None:
                settle(acting.optimizer)
            if guard is not None:
                guard.check(loss, weights)
            return loss

        acting.optimizer.step(closure)  # type: ignore[arg-type]  # torch's own stub wants a float
        if acting.schedule is not None and acting.schedule.counts_steps:
            acting.after_step()
        return runs[0]

    return step


def total(answers: Answers, losses: Sequence[tuple[str, float]]) -> Tensor:
    """The sum of losses, each times its factor."""
    name, factor = losses[0]
    loss = answers[name] if factor == 1.0 else answers[name] * factor
    for name, factor in losses[1:]:
        loss = loss + answers[name] * factor
    return loss
