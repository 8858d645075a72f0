"""Optimizers: how gradients change the weights."""

from __future__ import annotations

from typing import ClassVar

from engine.declare import Declared, Mistake, Recipe, param

LR = "Learning rate: the size of each step."
DECAY = "How strongly weights are pulled towards zero."
EPS = "Added to a divisor so that nothing is divided by zero."
BETAS = "How much of the running means of the gradient and of its square stays each step."


class Optimizer(Declared, family="optimizer"):
    """An optimizer of torch.optim, named as its class there."""

    def build(self) -> Recipe:
        """The recipe of the torch optimizer; the parameters come first when it is built."""
        return Recipe(f"optim.{type(self).__name__}", **{name: getattr(self, name) for name in self.params()})


class SGD(Optimizer, group="Optimizers"):
    """Steps straight down the gradient, with momentum if wished."""

    key: ClassVar[tuple[str, ...]] = ("lr", "momentum")

    lr: float = param(0.01, LR, low=0)
    momentum: float = param(0.0, "How much of the last step is kept in the next.", low=0)
    nesterov: bool = param(False, "Whether the gradient is taken ahead of the momentum's step.")
    weight_decay: float = param(0.0, DECAY, low=0)
    dampening: float = param(0.0, "Share of the gradient kept out of the momentum.", advanced=True)

    def build(self) -> Recipe:
        if self.nesterov and (self.momentum <= 0 or self.dampening != 0):
            raise Mistake("nesterov needs a momentum above 0 and no dampening.", param="nesterov")
        return super().build()


class Adam(Optimizer, group="Optimizers"):
    """Adapts the step of each weight to the size of its gradients."""

    lr: float = param(0.001, LR, low=0)
    betas: tuple[float, float] = param((0.9, 0.999), BETAS, low=0, below=1, advanced=True)
    eps: float = param(1e-8, EPS, low=0, advanced=True)
    weight_decay: float = param(0.0, DECAY, low=0)
    amsgrad: bool = param(False, "Whether the largest past square is used.", advanced=True)


class AdamW(Optimizer, group="Optimizers"):
    """Adam with weight decay that does not pass through the gradients."""

    lr: float = param(0.001, LR, low=0)
    betas: tuple[float, float] = param((0.9, 0.999), BETAS, low=0, below=1, advanced=True)
    eps: float = param(1e-8, EPS, low=0, advanced=True)
    weight_decay: float = param(0.01, DECAY, low=0)
    amsgrad: bool = param(False, "Whether the largest past square is used.", advanced=True)


class RMSprop(Optimizer, group="Optimizers"):
    """Divides each step by a running mean of the gradients' size."""

    lr: float = param(0.01, LR, low=0)
    alpha: float = param(0.99, "How much of the running mean stays each step.", low=0)
    eps: float = param(1e-8, EPS, low=0, advanced=True)
    weight_decay: float = param(0.0, DECAY, low=0)
    momentum: float = param(0.0, "How much of the last step is kept in the next.", low=0)
    centered: bool = param(False, "Whether the gradients' mean is taken out of their size.", advanced=True)
