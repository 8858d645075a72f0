"""Losses, what training makes small: what they share, and those for numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from engine.declare import FLOAT, INT64, Call, Loss, Mistake, Port, Recipe, Torch, Value, param

Reduction = Literal["mean", "sum"]
Number = Annotated[Value, Port(FLOAT, "...")]
Scores = Annotated[Value, Port(FLOAT, "N C ...")]
Classes = Annotated[Value, Port(INT64, "N ...")]
ClassesOrNumbers = Annotated[Value, Port((*INT64, *FLOAT), "N ...")]

REDUCTION = "How the losses of a batch become one number."
IGNORE_INDEX = "Class index that does not count, wherever the target holds it."
CLASS_WEIGHTS = "How much each class counts, a number for each; empty for all alike."


class Reduced(Loss, abstract=True):
    """A loss with PyTorch's `reduction`."""

    reduction: Reduction = param("mean", REDUCTION, advanced=True)


class _Pairwise(Reduced, abstract=True):
    """A loss that compares two tensors of one shape, number by number."""

    example = {"input": "float32 4 3", "target": "float32 4 3"}
    metrics = {"MeanAbsoluteError": {}, "RMSE": {}}

    def build(self, input: Number, target: Number) -> Recipe:
        checked_same_shape(input, target)
        return Recipe(f"nn.{type(self).__name__}", **self.changed())


def checked_same_shape(input: Value, target: Value) -> None:
    """Raise Mistake where two tensors differ in shape (PyTorch would stretch one without a word) or in dtype."""
    if input.shape != target.shape:
        raise Mistake(
            f"{input.port} is {sizes(input)} and {target.port} is {sizes(target)}; both must have one shape.",
            param=target.port,
        )
    checked_one_dtype(input, target)


def checked_one_dtype(*values: Value | None) -> None:
    """Raise Mistake where tensors differ in dtype."""
    first, *others = [value for value in values if value is not None]
    for other in others:
        if other.dtype != first.dtype:
            raise Mistake(
                f"{first.port} is {first.dtype} and {other.port} is {other.dtype}; put a Cast before one of them.",
                param=other.port,
            )


def sizes(value: Value | Sequence[int]) -> str:
    """A shape as a sentence holds it: "4 × 10"."""
    return " × ".join(map(str, value.shape if isinstance(value, Value) else value)) or "one number"


def checked_class_target(input: Value, target: Value) -> None:
    """Raise Mistake where a class target lacks input's shape without the class axis."""
    expected = (*input.shape[:1], *input.shape[2:])
    if target.shape == expected:
        return
    words = (
        f"{target.port} is {sizes(target)}; for an {input.port} of {sizes(input)} (axis 1 holds the classes) "
        f"it must be {sizes(expected)}: one class index for each sample"
    )
    if target.shape == input.shape[:-1]:
        words += "; if the last axis holds the classes, put a Permute before it that brings them to axis 1"
    elif target.ndim == 1:
        words += f"; for one answer for each sample, bring {input.port} to two axes, by a Flatten, a Select or a Mean"
    raise Mistake(f"{words}.", param=target.port)


def checked_length(name: str, numbers: Sequence[float], count: int, what: str) -> None:
    """Raise Mistake where a param's list is neither empty nor of `count` numbers, one for each `what` of input."""
    if numbers and len(numbers) != count:
        given = "1 number" if len(numbers) == 1 else f"{len(numbers)} numbers"
        raise Mistake(
            f"{name} has {given}, one for each {what}, but input has {count}; give {count} or none.", param=name
        )


def constants(like: Value, **lists: Sequence[Any]) -> dict[str, Any]:
    """The keywords of a recipe for params that are lists of numbers: tensors of like's dtype, none for empty lists."""
    dtype = {} if like.dtype == "float32" else {"dtype": Torch(f"torch.{like.dtype}")}
    return {name: Call("torch.tensor", _floats(numbers), **dtype) for name, numbers in lists.items() if numbers}


def _floats(numbers: Any) -> Any:
    return [_floats(each) for each in numbers] if isinstance(numbers, list | tuple) else float(numbers)


# ------------------------------------------------------------------------------------------------------ regression


class MSELoss(_Pairwise, group="Losses"):
    """Mean squared difference: for regression."""

    synonyms = ("l2", "mean squared error", "regression")


class L1Loss(_Pairwise, group="Losses"):
    """Mean absolute difference: regression that forgives outliers."""

    synonyms = ("mae", "mean absolute error", "regression")


class SmoothL1Loss(_Pairwise, group="Losses"):
    """Squared over beta for small differences, absolute for large ones: common for boxes."""

    synonyms = ("huber", "regression", "robust")
    key: ClassVar[tuple[str, ...]] = ("beta",)

    beta: float = param(1.0, "Difference at which it turns from squared to absolute.", low=0)


class HuberLoss(_Pairwise, group="Losses"):
    """Squared for small differences, absolute for large ones."""

    synonyms = ("smooth l1", "regression", "robust")
    key: ClassVar[tuple[str, ...]] = ("delta",)

    delta: float = param(1.0, "Difference at which it turns from squared to absolute.", above=0)


class PoissonNLLLoss(_Pairwise, group="Losses"):
    """Negative log likelihood of counts: for targets such as visits a day."""

    synonyms = ("counts", "regression", "log likelihood")
    example = {"input": "float32 4 3", "target": "float32:0..5 4 3"}
    metrics = {}

    log_input: bool = param(True, "Whether input is the logarithm of the expected count, which may be negative.")
    full: bool = param(False, "Whether the term that only the target decides is added.", advanced=True)
    eps: float = param(
        1e-8, "Added to input before its logarithm, where log_input is off.", above=0, high=1, advanced=True
    )


class GaussianNLLLoss(Reduced, group="Losses"):
    """Negative log likelihood of a normal distribution whose mean and variance the network predicts."""

    synonyms = ("uncertainty", "heteroscedastic", "regression", "log likelihood")
    example = {"input": "float32 4 3", "target": "float32 4 3", "var": "float32:0.5..2 4 3"}
    metrics = {"MeanAbsoluteError": {}, "RMSE": {}}

    full: bool = param(False, "Whether the constant term is added.", advanced=True)
    eps: float = param(1e-6, "Least variance: smaller ones count as this.", above=0, advanced=True)

    def build(self, input: Number, target: Number, var: Number) -> Recipe:
        """`var` is the variance, above 0 (a Softplus before it), of input's shape or with 1 as its last size."""
        checked_same_shape(input, target)
        checked_one_dtype(input, var)
        if var.shape not in (input.shape, input.shape[:-1], (*input.shape[:-1], 1)):
            raise Mistake(
                f"var is {sizes(var)} and input is {sizes(input)}; var must be {sizes(input)}, one variance for each "
                f"number, or {sizes((*input.shape[:-1], 1))}.",
                param="var",
            )
        return Recipe("nn.GaussianNLLLoss", **self.changed())

    def trace(self, *_args: Any, **inputs: Any) -> dict[str, tuple[tuple[int | str, ...], str]]:
        return one_number(inputs["input"])


def one_number(like: Value) -> dict[str, tuple[tuple[int | str, ...], str]]:
    """What a loss gives, where the meta device cannot tell: one number of input's dtype."""
    return {"output": ((), like.dtype)}


class KLDivLoss(Loss, group="Losses"):
    """Kullback-Leibler divergence of log probabilities (a LogSoftmax before it) from a target distribution."""

    synonyms = ("kullback leibler", "distillation", "distribution")
    example = {"input": "float32:-3..-1 4 3", "target": "float32:0..1 4 3"}

    log_target: bool = param(False, "Whether target holds log probabilities too.")
    reduction: Literal["batchmean", "sum"] = param(
        "batchmean",
        'How the divergences of a batch become one number; "batchmean" divides by the samples.',
        advanced=True,
    )

    def build(self, input: Number, target: Number) -> Recipe:
        checked_same_shape(input, target)
        return Recipe("nn.KLDivLoss", **{"reduction": self.reduction, **self.changed()})


class GaussianKLLoss(Reduced, group="Losses"):
    """Divergence of normal distributions from the standard one: what keeps a VAE's latent space in shape."""

    title = "Gaussian KL"
    synonyms = ("vae", "variational autoencoder", "kl divergence", "latent", "beta-vae")
    example = {"mean": "float32 4 3", "log_var": "float32 4 3"}

    def build(
        self, mean: Annotated[Value, Port(FLOAT, "N ...")], log_var: Annotated[Value, Port(FLOAT, "N ...")]
    ) -> Recipe:
        """`log_var` is the logarithm of the variance. Summed over a sample; "mean" is over the samples."""
        checked_same_shape(mean, log_var)
        return Recipe("modules.GaussianKLLoss", **self.changed())
