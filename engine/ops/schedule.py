"""Schedules: how a learning rate changes over a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from engine.declare import Declared, Mistake, Param, Recipe, param

Interval = Literal["epoch", "step"]

INTERVAL = "Whether lengths count epochs or single steps."
WARMUP = "Epochs or steps, before it begins, in which the learning rate rises in equal steps."
GAMMA = "What the learning rate is multiplied by."
LOWEST = "Lowest learning rate."
TO_THE_END = "; empty: to the end of the run"
CYCLE_MOMENTUM = "Whether momentum falls while the learning rate rises, and the other way round."

# Schedulers of torch.optim that are code, not data, and what stands in for them.
EXCLUDED: Mapping[str, str] = {
    "torch.optim.lr_scheduler.LambdaLR": "takes a Python function; a project file holds data, no code",
    "torch.optim.lr_scheduler.MultiplicativeLR": "takes a Python function; a project file holds data, no code",
    "torch.optim.lr_scheduler.ChainedScheduler": "a list of schedules is chained",
}
# Params of torch's schedulers that no schedule here has, and why.
LEFT_OUT: Mapping[str, str] = {
    "optimizer": "a schedule stands in its optimizer",
    "last_epoch": "a resumed run goes on where it stopped",
    "epochs": "total_steps is filled in from the run",
    "steps_per_epoch": "total_steps is filled in from the run",
    "scale_fn": "a Python function",
    "scale_mode": "belongs to scale_fn",
    "schedulers": "they are listed beside the params, as schedules",
}


class Schedule(Declared, family="schedule"):
    """A schedule of torch.optim.lr_scheduler, named as its class there.

    `chains` says whether it multiplies the learning rate it finds, so that it can stand in a list with others;
    `follows` whether it can stand in a sequence.
    """

    chains: ClassVar[bool] = True
    follows: ClassVar[bool] = True

    interval: Interval = param("epoch", INTERVAL)
    warmup: int = param(0, WARMUP, low=0, high=10**9)

    @classmethod
    def params(cls) -> Mapping[str, Param]:
        """The params by name: its own, then those that all schedules have."""
        found = super().params()
        own = {name: each for name, each in found.items() if name not in _SHARED}
        return {**own, **{name: found[name] for name in _SHARED}}

    def build(self, lr: float, length: int) -> Recipe:
        """The recipe of the torch scheduler; the optimizer comes first when it is built.

        `lr` is the optimizer's learning rate, `length` how many epochs or steps are left for this schedule.
        Raises Mistake where params do not go together.
        """
        return Recipe(f"optim.lr_scheduler.{type(self).__name__}", **self._arguments(lr, length))

    def _arguments(self, lr: float, length: int) -> dict[str, Any]:  # for those that need it
        """What the scheduler is built with; a length that is empty reaches to the end."""
        values = {name: getattr(self, name) for name in self.params() if name not in _SHARED}
        return {name: length if value is None else value for name, value in values.items()}


_SHARED = ("interval", "warmup")


class ConstantLR(Schedule, group="Schedules"):
    """Multiplies the learning rate by a factor for a while."""

    factor: float = param(1 / 3, "What the learning rate is multiplied by at first.", above=0, high=1)
    total_iters: int | None = param(5, f"How long{TO_THE_END}.", low=1, high=10**9)


class LinearLR(Schedule, group="Schedules"):
    """Moves the learning rate in a straight line from one share of it to another."""

    synonyms = ("warm-up", "ramp", "decay")

    start_factor: float = param(1 / 3, "Share of the learning rate it begins with.", above=0, high=1)
    end_factor: float = param(1.0, "Share of the learning rate it ends with.", low=0, high=1)
    total_iters: int | None = param(5, f"How long{TO_THE_END}.", low=1, high=10**9)


class StepLR(Schedule, group="Schedules"):
    """Multiplies the learning rate by gamma every so often."""

    synonyms = ("decay", "staircase")

    step_size: int = param(10, "How long until it is multiplied again.", low=1, high=10**9)
    gamma: float = param(0.1, GAMMA, above=0)


class MultiStepLR(Schedule, group="Schedules"):
    """Multiplies the learning rate by gamma at each milestone."""

    synonyms = ("decay", "milestones")

    milestones: tuple[int, ...] = param((10, 20), "After how many epochs or steps it is multiplied.", low=1, high=10**9)
    gamma: float = param(0.1, GAMMA, above=0)


class ExponentialLR(Schedule, group="Schedules"):
    """Multiplies the learning rate by gamma each time."""

    synonyms = ("decay",)

    gamma: float = param(0.95, GAMMA, above=0)


class PolynomialLR(Schedule, group="Schedules"):
    """Takes the learning rate down to zero along a power of the time that is left."""

    synonyms = ("decay", "linear")

    total_iters: int | None = param(None, f"How long{TO_THE_END}.", low=1, high=10**9)
    power: float = param(1.0, "The power: 1 is a straight line.", low=0)


class CosineAnnealingLR(Schedule, group="Schedules"):
    """Takes the learning rate down along half a cosine wave."""

    synonyms = ("cosine", "decay", "sgdr")

    T_max: int | None = param(
        None, f"How long it goes down, before it would rise again{TO_THE_END}.", low=1, high=10**9
    )
    eta_min: float = param(0.0, LOWEST, low=0)


class CosineAnnealingWarmRestarts(Schedule, group="Schedules"):
    """Takes the learning rate down along half a cosine wave, again and again from the top."""

    synonyms = ("cosine", "sgdr", "restart", "cyclic")
    chains = False

    T_0: int = param(10, "Length of the first wave.", low=1, high=10**9)
    T_mult: int = param(1, "How many times longer each next wave is.", low=1, high=1000)
    eta_min: float = param(0.0, LOWEST, low=0)


class CyclicLR(Schedule, group="Schedules"):
    """Moves the learning rate up and down between two bounds."""

    synonyms = ("triangular", "cycle")
    chains = False
    follows = False

    base_lr: float | None = param(None, "Lower bound; empty: a tenth of the optimizer's learning rate.", low=0)
    max_lr: float | None = param(None, "Upper bound; empty: the optimizer's learning rate.", low=0)
    step_size_up: int = param(2000, "How long it rises.", low=1, high=10**9)
    step_size_down: int | None = param(None, "How long it falls; empty: as long as it rises.", low=1, high=10**9)
    mode: Literal["triangular", "triangular2", "exp_range"] = param(
        "triangular", "Whether the height of a cycle stays, halves each cycle, or shrinks by gamma."
    )
    gamma: float = param(1.0, "What the height is multiplied by each time, in the mode exp_range.", above=0)
    cycle_momentum: bool = param(True, CYCLE_MOMENTUM, advanced=True)
    base_momentum: float = param(0.8, "Momentum at the upper bound.", low=0, below=1, advanced=True)
    max_momentum: float = param(0.9, "Momentum at the lower bound.", low=0, below=1, advanced=True)
    interval: Interval = param("step", INTERVAL)

    def _arguments(self, lr: float, length: int) -> dict[str, Any]:
        down = self.step_size_up if self.step_size_down is None else self.step_size_down
        base = lr / 10 if self.base_lr is None else self.base_lr
        highest = lr if self.max_lr is None else self.max_lr
        if base > highest:
            raise Mistake(f"base_lr is {base:g}, above max_lr, which is {highest:g}; exchange them.", param="base_lr")
        return {**super()._arguments(lr, length), "base_lr": base, "max_lr": highest, "step_size_down": down}


class OneCycleLR(Schedule, group="Schedules"):
    """Takes the learning rate up and then down to almost nothing, once over the run."""

    synonyms = ("super convergence", "one cycle", "1cycle", "warm-up")
    chains = False
    follows = False

    max_lr: float | None = param(None, "Highest learning rate; empty: the optimizer's.", low=0)
    total_steps: int | None = param(None, f"How long; the rate stays where it ended{TO_THE_END}.", low=1, high=10**9)
    pct_start: float = param(0.3, "Share of the time in which it rises.", low=0, high=1)
    anneal_strategy: Literal["cos", "linear"] = param("cos", "Shape of the way up and down.")
    div_factor: float = param(25.0, "How many times lower than the highest rate it begins.", above=0)
    final_div_factor: float = param(1e4, "How many times lower than at the beginning it ends.", above=0)
    three_phase: bool = param(
        False, "Whether it falls as fast as it rose, then further in a third phase.", advanced=True
    )
    cycle_momentum: bool = param(True, CYCLE_MOMENTUM, advanced=True)
    base_momentum: float = param(0.85, "Momentum at the highest rate.", low=0, below=1, advanced=True)
    max_momentum: float = param(0.95, "Momentum at the beginning.", low=0, below=1, advanced=True)
    interval: Interval = param("step", INTERVAL)

    def _arguments(self, lr: float, length: int) -> dict[str, Any]:
        total = length if self.total_steps is None else self.total_steps
        if abs(float(self.pct_start * total) - 1) < 1e-9:  # PyTorch would divide by zero
            words = f"pct_start is {self.pct_start:g} of {total}, a single one, and there is no way up in it"
            raise Mistake(f"{words}; choose another share.", param="pct_start")
        highest = lr if self.max_lr is None else self.max_lr
        return {**super()._arguments(lr, length), "total_steps": total, "max_lr": highest}


class ReduceLROnPlateau(Schedule, group="Schedules"):
    """Multiplies the learning rate by a factor when the validation split has stopped getting better."""

    synonyms = ("plateau", "patience", "adaptive")
    follows = False

    watch: Literal["loss", "metric"] = param(
        "loss", "What must get better: the loss, or the first metric. Without a validation split, that of training."
    )
    factor: float = param(0.1, "What the learning rate is multiplied by.", above=0, below=1)
    patience: int = param(10, "Epochs without a better one that are waited for.", low=0, high=10**9)
    threshold: float = param(1e-4, "How much better counts.", low=0, advanced=True)
    threshold_mode: Literal["rel", "abs"] = param(
        "rel", "Whether the threshold is a share of the best value, or a difference.", advanced=True
    )
    cooldown: int = param(0, "Epochs after a change in which nothing is counted.", low=0, high=10**9, advanced=True)
    min_lr: float = param(0.0, LOWEST, low=0)
    eps: float = param(1e-8, "Smallest change that is made.", low=0, advanced=True)
    interval: Literal["epoch"] = param("epoch", "It counts epochs: the validation split is measured after each.")

    def _arguments(self, lr: float, length: int) -> dict[str, Any]:
        return {name: value for name, value in super()._arguments(lr, length).items() if name != "watch"}


class SequentialLR(Schedule, group="Schedules"):
    """Schedules one after the other: each takes over at its milestone."""

    synonyms = ("sequence", "phases", "then")
    follows = False
    chains = False

    milestones: tuple[int, ...] = param((), "When each but the first begins, in epochs or steps.", low=1, high=10**9)
