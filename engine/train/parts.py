"""The parts of a run that its checkpoints keep: weights, optimizers with their schedules, and random states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from engine import draws
from engine.problem import Mistake
from engine.train.checkpoint import State, misfit
from engine.train.optimizers import Acting, begin_momentum

LBFGS = "LBFGS"


class Weights:
    """The weights and buffers of a graph, by name."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._aside: State | None = None

    def state(self) -> State:
        """All tensors by name; those put aside, while others stand in their place."""
        return dict(self._module.state_dict()) if self._aside is None else self._aside

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Put the tensors aside while others stand in their place; at the end they are back."""
        self._aside = {name: each.clone() for name, each in self._module.state_dict().items()}
        try:
            yield
        finally:
            self._module.load_state_dict(self._aside)
            self._aside = None

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take these tensors; raises Mistake where they are another graph's."""
        words = misfit(self._module, state)
        if words:
            words = f"The checkpoint is of another graph: {words.replace('the file', 'the checkpoint')}"
            raise Mistake(
                f"{words}. To go on with the weights that fit, name the graph: netloom resume RUN --spec FILE."
            )
        self._module.load_state_dict(dict(state))

    def carry(self, state: Mapping[str, Tensor], nodes: Mapping[str, Sequence[str]]) -> tuple[list[str], list[str]]:
        """Take the tensors of the nodes all of whose tensors fit; returns the nodes that took theirs, and the rest."""
        own = self._module.state_dict()
        fitting = {name for name, each in own.items() if name in state and state[name].shape == each.shape}
        kept = [node for node, names in nodes.items() if fitting.issuperset(names)]
        taken = {name: state[name] for node in kept for name in nodes[node]}
        self._module.load_state_dict(own | taken)
        return kept, [node for node in nodes if node not in kept]


class Optimizing:
    """The optimizers of a run: what they gathered for each weight, their schedules, the rates set by hand."""

    def __init__(self, module: nn.Module, acting: Sequence[Acting]) -> None:
        self._names: dict[Tensor, str] = {weight: name for name, weight in module.named_parameters()}
        self._acting = acting

    def state(self) -> State:
        """For each optimizer by name its kind, what it holds for each weight by name, its groups and its rate."""
        return {each.name: self._state_of(each) for each in self._acting}

    def _state_of(self, acting: Acting) -> State:
        optimizer = acting.optimizer
        weights = {self._names[weight]: dict(values) for weight, values in optimizer.state.items()}
        groups = [
            {name: value for name, value in group.items() if name != "params"} for group in optimizer.param_groups
        ]
        return {
            "kind": type(optimizer).__name__,
            "weights": weights,
            "groups": groups,
            "members": [[self._names[weight] for weight in group["params"]] for group in optimizer.param_groups],
            "schedule": None if acting.schedule is None else acting.schedule.state(),
            "by_hand": acting.by_hand(),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Go back to a state; raises Mistake where it is of other optimizers."""
        for acting in self._acting:
            known = state.get(acting.name)
            if known is None or known["members"] != self._state_of(acting)["members"]:
                raise Mistake("The checkpoint is of other optimizers than the spec; train it anew, or name its spec.")
            groups = [
                {**group, **saved, "params": group["params"]}
                for group, saved in zip(acting.optimizer.state_dict()["param_groups"], known["groups"], strict=True)
            ]
            self._take(acting, known["weights"], groups)
            if acting.schedule is not None:
                acting.schedule.load(known["schedule"])
            acting.set_by_hand(known["by_hand"])

    def carry(self, state: Mapping[str, Any], kept: set[str], same: set[str]) -> None:
        """Take what fits of a state of another spec: of optimizers of the same name and kind, for the weights kept.

        Those named in `same` are set up as before and take their schedule and what was set by hand too. An optimizer
        that steps through all weights as one takes its state only where it has the same weights.
        """
        for acting in self._acting:
            known = state.get(acting.name)
            if known is None or known["kind"] != type(acting.optimizer).__name__:
                continue
            if known["kind"] != LBFGS or known["members"] == self._state_of(acting)["members"]:
                taken = {name: values for name, values in known["weights"].items() if name in kept}
                self._take(acting, taken, acting.optimizer.state_dict()["param_groups"])
            if acting.name in same:
                if acting.schedule is not None:
                    acting.schedule.load(known["schedule"])
                acting.set_by_hand(known["by_hand"])

    def _take(self, acting: Acting, weights: Mapping[str, Any], groups: Sequence[Mapping[str, Any]]) -> None:
        optimizer = acting.optimizer
        names = [self._names[weight] for group in optimizer.param_groups for weight in group["params"]]
        held = {place: weights[name] for place, name in enumerate(names) if name in weights}
        optimizer.load_state_dict({"state": held, "param_groups": [dict(group) for group in groups]})
        _arrange_as_weights(optimizer)
        begin_momentum(optimizer)


def _arrange_as_weights(optimizer: torch.optim.Optimizer) -> None:
    """Store each state tensor in the layout of its weights: fused kernels step through both side by side."""
    for parameter, values in optimizer.state.items():
        for key, value in values.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                values[key] = torch.empty_like(parameter).copy_(value)


class Random:
    """Where the random numbers are, on the host and on the device."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def state(self) -> State:
        """The state of each generator."""
        device = {"device": torch.cuda.get_rng_state(self._device)} if self._device.type == "cuda" else {}
        return {**draws.state(), **device}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go back to these states."""
        draws.load(state)
        if "device" in state and self._device.type == "cuda":
            torch.cuda.set_rng_state(state["device"], self._device)
