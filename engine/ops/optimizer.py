"""Optimizers: how gradients change the weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from engine.declare import Declared, Mistake, Recipe, param

LR = "Learning rate: the size of each step."
DECAY = "How strongly weights are pulled towards zero."
EPS = "Added to a divisor so that nothing is divided by zero."
BETAS = "How much of the running means of the gradient and of its square stays each step."
AMSGRAD = "Whether the largest past square is used."
MOMENTUM = "How much of the last step is kept in the next."
DECOUPLED = "Whether weight decay bypasses the gradients, as in AdamW."

Betas = tuple[float, float]

# Params of torch.optim that no optimizer here has, and why. A test compares the rest with PyTorch's signatures.
LEFT_OUT: Mapping[str, str] = {
    "params": "they are chosen by nodes",
    "maximize": "a loss is made large by giving its node a factor below 0",
    "foreach": "the fastest way is chosen by device",
    "fused": "the fastest way is chosen by device",
    "capturable": "steps are not recorded as CUDA graphs",
    "differentiable": "nothing is differentiated through an optimizer's step",
}


class Optimizer(Declared, family="optimizer"):
    """An optimizer of torch.optim, named as its class there.

    `sparse` says whether it takes sparse gradients, `axes` how many axes a weight must have, `grouped` whether
    weights may differ in learning rate and decay, `repeats` whether it runs the network several times a step,
    `scheduled` whether it looks at its learning rate after the first step.
    """

    sparse: ClassVar[Literal["never", "also", "only"]] = "never"
    axes: ClassVar[int | None] = None
    grouped: ClassVar[bool] = True
    repeats: ClassVar[bool] = False
    scheduled: ClassVar[bool] = True

    if TYPE_CHECKING:  # every optimizer declares it, with a default of its own
        lr: float

    def build(self) -> Recipe:
        """The recipe of the torch optimizer; the parameters come first when it is built.

        Raises Mistake where params do not go together.
        """
        return Recipe(f"optim.{type(self).__name__}", **self._arguments())

    def _arguments(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.params()}

    @classmethod
    def has_momentum(cls) -> bool:
        """Whether it keeps a momentum, which some schedules turn down while the learning rate rises."""
        return "momentum" in cls.params() or "betas" in cls.params()

    @classmethod
    def has_decay(cls) -> bool:
        """Whether it knows weight decay."""
        return "weight_decay" in cls.params()


class SGD(Optimizer, group="Optimizers"):
    """Steps straight down the gradient, with momentum if wished."""

    synonyms = ("gradient descent", "stochastic", "nesterov")
    key: ClassVar[tuple[str, ...]] = ("lr", "momentum")
    sparse = "also"

    lr: float = param(0.01, LR, low=0)
    momentum: float = param(0.0, MOMENTUM, low=0)
    nesterov: bool = param(False, "Whether the gradient is taken ahead of the momentum's step.")
    weight_decay: float = param(0.0, DECAY, low=0)
    dampening: float = param(0.0, "Share of the gradient kept out of the momentum.", advanced=True)

    def build(self) -> Recipe:
        if self.nesterov and (self.momentum <= 0 or self.dampening != 0):
            raise Mistake("nesterov needs a momentum above 0 and no dampening.", param="nesterov")
        return super().build()


class Adam(Optimizer, group="Optimizers"):
    """Adapts the step of each weight to the size of its gradients."""

    synonyms = ("adaptive moments",)

    lr: float = param(0.001, LR, low=0)
    betas: Betas = param((0.9, 0.999), BETAS, low=0, below=1, advanced=True)
    eps: float = param(1e-8, EPS, low=0, advanced=True)
    weight_decay: float = param(0.0, DECAY, low=0)
    amsgrad: bool = param(False, AMSGRAD, advanced=True)


class AdamW(Optimizer, group="Optimizers"):
    """Adam with weight decay that does not pass through the gradients."""

    synonyms = ("decoupled weight decay",)

    lr: float = param(0.001, LR, low=0)
    betas: Betas = param((0.9, 0.999), BETAS, low=0, below=1, advanced=True)
    eps: float = param(1e-8, EPS, low=0, advanced=True)
    weight_decay: float = param(0.01, DECAY, low=0)
    amsgrad: bool = param(False, AMSGRAD, advanced=True)


class RMSprop(Optimizer, group="Optimizers"):
    """Divides each step by a running mean of the gradients' size."""

    lr: float = param(0.01, LR, low=0)
    alpha: float = param(0.99, "How much of the running mean stays each step.", low=0)
    eps: float = param(1e-8, EPS, low=0, advanced=True)
    weight_decay: float = param(0.0, DECAY, low=0)
    momentum: float = param(0.0, MOMENTUM, low=0)
    centered: bool = param(False, "Whether the gradients' mean is taken out of their size.", advanced=True)


class Adagrad(Optimizer, group="Optimizers"):
    """Divides each step by the sum of all past squared gradients, so rare features keep large steps."""

    synonyms = ("adaptive gradient", "sparse")
    sparse = "also"

    lr: float = param(0.01, LR, low=0)
    lr_decay: float = param(0.0, "How fast the learning rate falls with the steps taken.", low=0)
    weight_decay: float = param(0.0, DECAY, low=0)
    initial_accumulator_value: float = param(0.0, "What the sum of squares begins with.", low=0, advanced=True)
    eps: float = param(1e-10, EPS, low=0, advanced=True)


class Adadelta(Optimizer, group="Optimizers"):
    """Sizes each step by the ratio of past steps to past gradients, so it needs hardly any tuning."""

    lr: float = param(1.0, "What each step is multiplied by.", low=0)
    rho: float = param(0.9, "How much of the running means stays each step.", low=0, high=1)
    eps: float = param(1e-6, EPS, low=0, advanced=True)
    weight_decay: float = param(0.0, DECAY, low=0)


class Adamax(Optimizer, group="Optimizers"):
    """Adam that divides by the largest recent gradient instead of its mean square."""

    synonyms = ("infinity norm",)

    lr: float = param(0.002, LR, low=0)
    betas: Betas = param((0.9, 0.999), BETAS, low=0, below=1, advanced=True)
    eps: float = param(1e-8, EPS, low=0, advanced=True)
    weight_decay: float = param(0.0, DECAY, low=0)


class NAdam(Optimizer, group="Optimizers"):
    """Adam with Nesterov's look ahead in its momentum."""

    synonyms = ("nesterov",)

    lr: float = param(0.002, LR, low=0)
    betas: Betas = param((0.9, 0.999), BETAS, low=0, below=1, advanced=True)
    eps: float = param(1e-8, EPS, low=0, advanced=True)
    weight_decay: float = param(0.0, DECAY, low=0)
    momentum_decay: float = param(0.004, "How fast the momentum settles at its final strength.", low=0, advanced=True)
    decoupled_weight_decay: bool = param(False, DECOUPLED, advanced=True)


class RAdam(Optimizer, group="Optimizers"):
    """Adam that holds its first steps back until it knows how much gradients vary, as a warm-up would."""

    synonyms = ("rectified", "warm-up")

    lr: float = param(0.001, LR, low=0)
    betas: Betas = param((0.9, 0.999), BETAS, low=0, below=1, advanced=True)
    eps: float = param(1e-8, EPS, low=0, advanced=True)
    weight_decay: float = param(0.0, DECAY, low=0)
    decoupled_weight_decay: bool = param(False, DECOUPLED, advanced=True)


class LBFGS(Optimizer, group="Optimizers"):
    """Follows the loss's curvature, running the network many times a step: for small networks and whole batches."""

    synonyms = ("quasi newton", "second order", "bfgs")
    sparse = "also"
    grouped = False
    repeats = True

    lr: float = param(1.0, LR, low=0)
    max_iter: int = param(20, "Most iterations in one step.", low=1, high=10**6)
    max_eval: int | None = param(
        None, "Most runs of the network in one step; empty: a quarter more than max_iter.", low=1, high=10**6
    )
    tolerance_grad: float = param(1e-7, "Largest gradient at which a step is done.", low=0, advanced=True)
    tolerance_change: float = param(1e-9, "Change of loss or weights at which a step is done.", low=0, advanced=True)
    history_size: int = param(100, "Past steps that the curvature is estimated from.", low=1, high=10**5)
    line_search_fn: Literal["strong_wolfe"] | None = param(
        None, "How far to go along a direction is searched for; empty: lr says it."
    )


class Rprop(Optimizer, group="Optimizers"):
    """Looks only at the sign of each gradient: for whole batches."""

    synonyms = ("resilient",)
    scheduled = False

    lr: float = param(0.01, "Size of the first step; each weight finds its own from there.", low=0)
    etas: tuple[float, float] = param(
        (0.5, 1.2),
        "What a weight's step is multiplied by when its gradient's sign changes, and when it stays.",
        above=0,
    )
    step_sizes: tuple[float, float] = param((1e-6, 50.0), "Smallest and largest step.", low=0, advanced=True)

    def build(self) -> Recipe:
        lower, upper = self.etas
        if not lower < 1 < upper:
            raise Mistake("etas must be one number below 1 and one above 1, such as 0.5, 1.2.", param="etas")
        if self.step_sizes[0] > self.step_sizes[1]:
            raise Mistake("step_sizes must be the smallest step, then the largest.", param="step_sizes")
        return super().build()


class ASGD(Optimizer, group="Optimizers"):
    """Gradient descent that also keeps the mean of the weights it passes."""

    synonyms = ("averaged", "polyak")

    lr: float = param(0.01, LR, low=0)
    lambd: float = param(1e-4, "How strongly weights and learning rate decay.", low=0)
    alpha: float = param(0.75, "Power by which the learning rate falls.", low=0)
    t0: float = param(1e6, "Step at which averaging begins.", low=0, advanced=True)
    weight_decay: float = param(0.0, DECAY, low=0)


class SparseAdam(Optimizer, group="Optimizers"):
    """Adam that touches only the rows a batch looked up: for an Embedding with sparse gradients."""

    synonyms = ("lazy", "embedding")
    sparse = "only"

    lr: float = param(0.001, LR, above=0)
    betas: Betas = param((0.9, 0.999), BETAS, low=0, below=1, advanced=True)
    eps: float = param(1e-8, EPS, above=0, advanced=True)


class Adafactor(Optimizer, group="Optimizers"):
    """Adapts steps like Adam while remembering only a row and a column for each matrix: saves memory."""

    synonyms = ("memory", "transformer")

    lr: float = param(0.01, LR, low=0)
    beta2_decay: float = param(-0.8, "Power of the step count by which the past fades.", high=0)
    eps1: float | None = param(
        None, "Added to squared gradients; empty: the precision of the number type.", low=0, advanced=True
    )
    eps2: float = param(1e-3, "Least size of the weights that steps are scaled by.", low=0, advanced=True)
    d: float = param(1.0, "Size above which a step is shortened.", low=1)
    weight_decay: float = param(0.0, DECAY, low=0)

    def _arguments(self) -> dict[str, Any]:
        values = super()._arguments()
        return {"eps": (values.pop("eps1"), values.pop("eps2")), **values}


class Muon(Optimizer, group="Optimizers"):
    """Turns each step of a matrix into an orthogonal one: for the hidden layers' matrices alone."""

    synonyms = ("orthogonal", "newton schulz", "momentum")
    axes = 2

    lr: float = param(0.001, LR, low=0)
    weight_decay: float = param(0.1, DECAY, low=0)
    momentum: float = param(0.95, MOMENTUM, low=0)
    nesterov: bool = param(True, "Whether the gradient is taken ahead of the momentum's step.")
    ns_coefficients: tuple[float, float, float] = param(
        (3.4445, -4.775, 2.0315), "Coefficients of the iteration that makes steps orthogonal.", advanced=True
    )
    eps: float = param(1e-7, EPS, above=0, advanced=True)
    ns_steps: int = param(5, "Rounds of that iteration.", low=1, high=99, advanced=True)
    adjust_lr_fn: Literal["original", "match_rms_adamw"] = param(
        "original", "How the learning rate follows a matrix's shape; match_rms_adamw takes rates tuned for AdamW."
    )
