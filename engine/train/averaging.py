"""A moving average of the weights, which is often better than the weights that it follows."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

import torch
from torch import Tensor, nn


class Average:
    """An exponential moving average of the weights that training changes: decay * average + (1 - decay) * weights."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        named = [(name, each) for name, each in module.named_parameters() if each.requires_grad]
        self._names = [name for name, _weight in named]
        self._weights: list[Tensor] = [weight for _name, weight in named]
        self._averages = [weight.detach().clone() for weight in self._weights]
        self._decay = decay

    @torch.no_grad()
    def update(self) -> None:
        """Follow the weights by a step."""
        torch._foreach_lerp_(self._averages, self._weights, 1.0 - self._decay)

    def restart(self) -> None:
        """Begin anew at the weights as they are."""
        self._copy(self._averages, self._weights)

    def take_place(self) -> None:
        """Put the average in the place of the weights."""
        self._copy(self._weights, self._averages)

    @staticmethod
    @torch.no_grad()
    def _copy(targets: list[Any], sources: list[Any]) -> None:
        if targets:  # torch refuses empty lists
            torch._foreach_copy_(targets, sources)

    def instead(self, module: nn.Module) -> dict[str, Tensor]:
        """The state of the module, the average of each weight in its place, under all names of a shared one."""
        averages = dict(zip(map(id, self._weights), self._averages, strict=True))
        return {name: averages.get(id(each), each) for name, each in module.state_dict(keep_vars=True).items()}

    def state(self) -> dict[str, Any]:
        """The average, by the weights' names."""
        return dict(zip(self._names, self._averages, strict=True))

    def carry(self, state: Mapping[str, Tensor], kept: Container[str]) -> None:
        """Begin anew at the weights as they are, but for those kept whose average a state tells."""
        self.restart()
        taken = [place for place, name in enumerate(self._names) if name in kept and name in state]
        self._copy([self._averages[place] for place in taken], [state[self._names[place]] for place in taken])

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go back to where `state` was written."""
        self._copy(self._averages, [state[name] for name in self._names])
