"""Metrics, measured and shown but never trained on: what they share, the share of right answers, and errors of numbers.

Their functions stand in `engine.metrics`, what gathers over batches in torchmetrics and `engine.measures`.
"""

from __future__ import annotations

from typing import Annotated, Any

from engine.declare import FLOAT, INT64, Call, Metric, Mistake, Port, Recipe, Value, param
from engine.ops.loss import IGNORE_INDEX, checked_class_target, checked_same_shape, sizes

Prediction = Annotated[Value, Port(FLOAT, "N ...")]
Target = Annotated[Value, Port((*INT64, *FLOAT), "N ...")]
Number = Annotated[Value, Port(FLOAT, "...")]
Outputs = Annotated[Value, Port(FLOAT, "N ...")]

THRESHOLD = "For yes-or-no answers: the score from which an answer counts as yes (0 for raw scores)."


def has_classes(input: Value, target: Value) -> bool:
    """Whether target holds class indices for input's scores, rather than a yes or no for each of them.

    Raises Mistake where it holds neither.
    """
    if target.dtype in INT64 and target.shape != input.shape:
        checked_class_target(input, target)
        if input[1] == 1:
            raise Mistake(
                f"input is {sizes(input)}: one score, so there is no class to choose; for yes-or-no answers put a "
                "Squeeze before it, so that it has target's shape.",
                param="input",
            )
        return True
    if target.shape != input.shape:
        checked_same_shape(input, target)
    return False


class Accuracy(Metric, group="Metrics"):
    """Share of right answers."""

    synonyms = ("correct", "hits")
    higher_is_better = True
    range = (0.0, 1.0)
    percent = True
    classes = ("input", "target")
    example = {"input": "float32 4 10", "target": "int64:0..9 4"}

    threshold: float = param(0.5, THRESHOLD)
    ignore_index: int = param(-100, IGNORE_INDEX, advanced=True)

    def build(self, input: Prediction, target: Target) -> Call:
        if has_classes(input, target):
            return Call("metrics.correct_class", input, target, self.ignore_index)
        return Call("metrics.correct_answer", input, target, self.threshold)


class TopKAccuracy(Metric, group="Metrics"):
    """Share of samples whose right class is among the k highest scores."""

    title = "Top-k accuracy"
    synonyms = ("top 5", "top5", "correct")
    key = ("k",)
    higher_is_better = True
    range = (0.0, 1.0)
    percent = True
    classes = ("input", "target")
    example = {"input": "float32 4 10", "target": "int64:0..9 4"}

    k: int = param(5, "How many of the highest scores count.", low=1)
    ignore_index: int = param(-100, IGNORE_INDEX, advanced=True)

    def build(
        self, input: Annotated[Value, Port(FLOAT, "N C ...")], target: Annotated[Value, Port(INT64, "N ...")]
    ) -> Call:
        checked_class_target(input, target)
        if self.k > input[1]:
            raise Mistake(f"k is {self.k}, but input has {input[1]} classes.", param="k")
        return Call("metrics.correct_among", input, target, self.k, self.ignore_index)


# ------------------------------------------------------------------------------------------------ errors of numbers


class _Error(Metric, abstract=True):
    """A mean over all numbers."""

    higher_is_better = False
    range = (0.0, None)
    example = {"input": "float32 4 3", "target": "float32 4 3"}


class MeanAbsoluteError(_Error, group="Metrics"):
    """Mean size of the error, in the target's unit."""

    title = "MAE"
    synonyms = ("mae", "l1", "regression")

    def build(self, input: Number, target: Number) -> Call:
        checked_same_shape(input, target)
        return Call("metrics.absolute_error", input, target)


class RMSE(_Error, group="Metrics"):
    """Root of the mean squared error, in the target's unit: large errors count more."""

    synonyms = ("root mean squared error", "l2", "regression")
    finish = "root"

    def build(self, input: Number, target: Number) -> Call:
        checked_same_shape(input, target)
        return Call("metrics.squared_error", input, target)


class MAPE(_Error, group="Metrics"):
    """Mean size of the error as a share of the target; targets near 0 make it very large."""

    synonyms = ("mean absolute percentage error", "relative error", "regression")
    percent = True

    def build(self, input: Number, target: Number) -> Call:
        checked_same_shape(input, target)
        return Call("metrics.relative_error", input, target)


class _OfOutputs(Metric, abstract=True):
    """Measured over all samples.

    Each place of the last axis is measured by itself; the mean of those is given.
    """

    higher_is_better = True
    example = {"input": "float32 4 3", "target": "float32 4 3"}

    def build(self, input: Outputs, target: Outputs) -> Recipe:
        checked_same_shape(input, target)
        return Recipe(f"measures.{type(self).__name__}")

    def given(self, **inputs: Any) -> Call:
        return Call("metrics.given_outputs", inputs["input"], inputs["target"])


class R2(_OfOutputs, group="Metrics"):
    """Share of the target's variance that is predicted: 1 is perfect, 0 no better than the mean."""

    title = "R²"
    synonyms = ("r squared", "coefficient of determination", "regression")
    range = (None, 1.0)


class ExplainedVariance(_OfOutputs, group="Metrics"):
    """Share of the target's variance that is predicted, a constant offset forgiven."""

    title = "Explained variance"
    synonyms = ("regression",)
    range = (None, 1.0)


class Pearson(_OfOutputs, group="Metrics"):
    """Correlation of prediction and target: how well a straight line fits them."""

    title = "Pearson correlation"
    synonyms = ("correlation", "regression")
    range = (-1.0, 1.0)


class Spearman(_OfOutputs, group="Metrics"):
    """Correlation of the ranks of prediction and target: how well their orders agree."""

    title = "Spearman correlation"
    synonyms = ("rank correlation", "regression", "order")
    range = (-1.0, 1.0)
