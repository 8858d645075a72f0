"""Losses: what training makes small."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from engine.declare import INT64, Loss, Mistake, Port, Recipe, Value, param
from engine.ops.ports import F32

Reduction = Literal["mean", "sum"]
Same = Annotated[Value, Port(F32, "...")]

REDUCTION = "How the losses of a batch become one number."


class _Pairwise(Loss, abstract=True):
    """A loss that compares two tensors of one shape, number by number."""

    example = {"input": "float32 4 3", "target": "float32 4 3"}
    metrics = {"MeanAbsoluteError": {}, "RMSE": {}}

    reduction: Reduction = param("mean", REDUCTION, advanced=True)

    def build(self, input: Same, target: Same) -> Recipe:
        checked_same_shape(input, target)
        return Recipe(f"nn.{type(self).__name__}", **self.changed())


def checked_same_shape(input: Value, target: Value) -> None:
    """Raise Mistake where two tensors differ in shape: PyTorch would stretch one of them without a word."""
    if input.shape != target.shape:
        raise Mistake(
            f"input is {_sizes(input)} and target is {_sizes(target)}; both must have one shape.", param="target"
        )


def _sizes(value: Value) -> str:
    return " × ".join(map(str, value.shape)) or "one number"


class MSELoss(_Pairwise, group="Losses"):
    """Mean squared difference: for regression."""

    synonyms = ("l2", "mean squared error", "regression")


class L1Loss(_Pairwise, group="Losses"):
    """Mean absolute difference: regression that forgives outliers."""

    synonyms = ("mae", "mean absolute error", "regression")


class HuberLoss(_Pairwise, group="Losses"):
    """Squared for small differences, absolute for large ones."""

    synonyms = ("smooth l1", "regression", "robust")
    key: ClassVar[tuple[str, ...]] = ("delta",)

    delta: float = param(1.0, "Difference at which it turns from squared to absolute.", above=0)


class BCEWithLogitsLoss(_Pairwise, group="Losses"):
    """Binary cross entropy on raw scores (no sigmoid before it): yes-or-no targets."""

    synonyms = ("binary", "sigmoid", "multi label", "logistic")
    metrics = {"Accuracy": {"threshold": 0.0}}


class CrossEntropyLoss(Loss, group="Losses"):
    """Cross entropy on raw scores (no softmax before it): one class of many."""

    synonyms = ("classification", "softmax", "categorical", "logits")
    example = {"input": "float32 4 10", "target": "int64 4"}
    metrics = {"Accuracy": {}}

    label_smoothing: float = param(0.0, "Share of the target spread over all classes.", low=0, high=1)
    ignore_index: int = param(-100, "Target that does not count.", advanced=True)
    reduction: Reduction = param("mean", REDUCTION, advanced=True)

    def build(
        self, input: Annotated[Value, Port(F32, "N C ...")], target: Annotated[Value, Port(INT64, "N ...")]
    ) -> Recipe:
        checked_class_target(input, target)
        return Recipe("nn.CrossEntropyLoss", **self.changed())


class NLLLoss(Loss, group="Losses"):
    """Negative log likelihood on log probabilities (a LogSoftmax before it): one class of many."""

    synonyms = ("classification", "log likelihood")
    example = {"input": "float32 4 10", "target": "int64 4"}
    metrics = {"Accuracy": {}}

    ignore_index: int = param(-100, "Target that does not count.", advanced=True)
    reduction: Reduction = param("mean", REDUCTION, advanced=True)

    def build(
        self, input: Annotated[Value, Port(F32, "N C ...")], target: Annotated[Value, Port(INT64, "N ...")]
    ) -> Recipe:
        checked_class_target(input, target)
        return Recipe("nn.NLLLoss", **self.changed())


def checked_class_target(input: Value, target: Value) -> None:
    """Raise Mistake where a class target lacks input's shape without the class axis."""
    expected = (*input.shape[:1], *input.shape[2:])
    if target.shape != expected:
        raise Mistake(
            f"target is {_sizes(target)}; for an input of {_sizes(input)} (axis 1 holds the classes) "
            f"it must be {' × '.join(map(str, expected))}: one class index for each sample.",
            param="target",
        )
