"""Metrics: measured and shown, never trained on. Their functions stand in `engine.metrics`."""

from __future__ import annotations

from typing import Annotated, ClassVar

from engine.declare import FLOAT, INT64, Call, Metric, Port, Value, param
from engine.ops.loss import checked_class_target, checked_same_shape

Prediction = Annotated[Value, Port(FLOAT, "...")]
Number = Annotated[Value, Port(FLOAT, "...")]


class Accuracy(Metric, group="Metrics"):
    """Share of right answers."""

    synonyms = ("correct", "hits")
    higher_is_better: ClassVar[bool] = True
    percent: ClassVar[bool] = True
    example = {"input": "float32 4 10", "target": "int64 4"}

    threshold: float = param(
        0.5, "For yes-or-no answers: the score from which an answer counts as yes (0 for raw scores)."
    )
    ignore_index: int = param(-100, "Target that does not count.", advanced=True)

    def build(self, input: Prediction, target: Annotated[Value, Port((*INT64, *FLOAT), "...")]) -> Call:
        if target.dtype == "int64":
            checked_class_target(input, target)
            return Call("metrics.correct_class", input, target, self.ignore_index)
        checked_same_shape(input, target)
        return Call("metrics.correct_answer", input, target, self.threshold)


class MeanAbsoluteError(Metric, group="Metrics"):
    """Mean size of the error, in the target's unit."""

    title = "MAE"
    synonyms = ("mae", "l1", "regression")
    higher_is_better: ClassVar[bool] = False
    example = {"input": "float32 4 3", "target": "float32 4 3"}

    def build(self, input: Number, target: Number) -> Call:
        checked_same_shape(input, target)
        return Call("metrics.absolute_error", input, target)


class RMSE(Metric, group="Metrics"):
    """Root of the mean squared error, in the target's unit: large errors count more."""

    synonyms = ("root mean squared error", "l2", "regression")
    higher_is_better: ClassVar[bool] = False
    finish: ClassVar[str] = "root"
    example = {"input": "float32 4 3", "target": "float32 4 3"}

    def build(self, input: Number, target: Number) -> Call:
        checked_same_shape(input, target)
        return Call("metrics.squared_error", input, target)
