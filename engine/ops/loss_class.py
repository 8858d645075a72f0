"""Losses for classes: one of many, and yes or no."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from engine.declare import FLOAT, INT64, Mistake, Port, Recipe, Value, param
from engine.ops.loss import (
    CLASS_WEIGHTS,
    IGNORE_INDEX,
    Classes,
    ClassesOrNumbers,
    Number,
    Reduced,
    Scores,
    checked_class_target,
    checked_length,
    checked_same_shape,
    constants,
    sizes,
)

LABEL_WEIGHTS = "How much answers count: one number for all, or one for each label of axis 1; empty for 1."
ACCURACY: Mapping[str, Mapping[str, Any]] = {"Accuracy": {}}
ACCURACY_OF_SCORES: Mapping[str, Mapping[str, Any]] = {"Accuracy": {"threshold": 0.0}}


def checked_classes_or_numbers(input: Value, target: Value) -> None:
    """Raise Mistake where target is neither class indices for input nor numbers of its shape."""
    if target.dtype in INT64:
        checked_class_target(input, target)
        return
    if input.shape != target.shape and target.shape in ((*input.shape[:1], *input.shape[2:]), (*input.shape[:1], 1)):
        words = f"target is {sizes(target)} {target.dtype} and input is {sizes(input)}; class indices must be int64"
        raise Mistake(f"{words} (put a Cast before it), and probabilities {sizes(input)}.", param=target.port)
    checked_same_shape(input, target)


# ---------------------------------------------------------------------------------------------------- one of many


class CrossEntropyLoss(Reduced, group="Losses"):
    """Cross entropy on raw scores (no softmax before it): one class of many.

    target holds class indices, or for each class its probability.
    """

    synonyms = ("classification", "softmax", "categorical", "logits")
    example = {"input": "float32 4 10", "target": "int64:0..9 4"}
    metrics = ACCURACY
    classes = ("input", "target")

    label_smoothing: float = param(0.0, "Share of the target spread over all classes.", low=0, high=1)
    weight: tuple[float, ...] = param((), CLASS_WEIGHTS, low=0, advanced=True)
    ignore_index: int = param(-100, IGNORE_INDEX, advanced=True)

    def build(self, input: Scores, target: ClassesOrNumbers) -> Recipe:
        checked_classes_or_numbers(input, target)
        checked_length("weight", self.weight, input[1], "class")
        if target.dtype not in INT64 and self.ignore_index >= 0:
            raise Mistake(
                f"ignore_index is {self.ignore_index}, but target holds probabilities, which have no class to ignore; "
                "set it to -100.",
                param="ignore_index",
            )
        return Recipe("nn.CrossEntropyLoss", **{**self.changed(), **constants(input, weight=self.weight)})

    def measured(self, **inputs: Any) -> Mapping[str, Mapping[str, Any]]:
        """The share of right answers; none where the target has no one right answer."""
        return self.metrics if inputs["target"].dtype in INT64 else {}


class NLLLoss(Reduced, group="Losses"):
    """Negative log likelihood on log probabilities (a LogSoftmax before it): one class of many."""

    synonyms = ("classification", "log likelihood")
    example = {"input": "float32 4 10", "target": "int64:0..9 4"}
    metrics = ACCURACY
    classes = ("input", "target")

    weight: tuple[float, ...] = param((), CLASS_WEIGHTS, low=0, advanced=True)
    ignore_index: int = param(-100, IGNORE_INDEX, advanced=True)

    def build(self, input: Scores, target: Classes) -> Recipe:
        checked_class_target(input, target)
        checked_length("weight", self.weight, input[1], "class")
        return Recipe("nn.NLLLoss", **{**self.changed(), **constants(input, weight=self.weight)})


class MultiMarginLoss(Reduced, group="Losses"):
    """Asks the right class's score to exceed all others by a margin: a support vector machine of many classes."""

    synonyms = ("hinge", "svm", "classification")
    example = {"input": "float32 4 10", "target": "int64:0..9 4"}
    metrics = ACCURACY
    classes = ("input", "target")

    p: Literal[1, 2] = param(1, "Power of what falls short of the margin.")
    margin: float = param(1.0, "By how much the right score must exceed the others.")
    weight: tuple[float, ...] = param((), CLASS_WEIGHTS, low=0, advanced=True)

    def build(
        self,
        input: Annotated[Value, Port(("float32", "float64"), "N C")],
        target: Annotated[Value, Port(INT64, "N")],
    ) -> Recipe:
        checked_length("weight", self.weight, input[1], "class")
        return Recipe("nn.MultiMarginLoss", **{**self.changed(), **constants(input, weight=self.weight)})


# ------------------------------------------------------------------------------------------------------ yes or no


class BCELoss(Reduced, group="Losses"):
    """Binary cross entropy on probabilities (a Sigmoid before it): yes-or-no targets.

    BCEWithLogitsLoss does both in one and is steadier.
    """

    synonyms = ("binary cross entropy", "sigmoid", "multi label")
    example = {"input": "float32:0..1 4 3", "target": "float32:0..1 4 3"}
    metrics = ACCURACY

    weight: tuple[float, ...] = param((), LABEL_WEIGHTS, low=0, advanced=True)

    def build(self, input: Number, target: Number) -> Recipe:
        checked_same_shape(input, target)
        weight = _for_labels("weight", self.weight, input)
        return Recipe("nn.BCELoss", **{**self.changed(), **constants(input, weight=weight)})


def _for_labels(name: str, numbers: tuple[float, ...], input: Value) -> tuple[Any, ...]:
    """One number for all, or one for each label of axis 1, nested so that torch spreads them along that axis."""
    if len(numbers) > 1:
        checked_length(name, numbers, input[1] if input.ndim > 1 else 1, "label along axis 1")
    nested: tuple[Any, ...] = numbers
    for _axis in range(input.ndim - 2 if len(numbers) > 1 else 0):
        nested = tuple([each] for each in nested)
    return nested


class BCEWithLogitsLoss(Reduced, group="Losses"):
    """Binary cross entropy on raw scores (no sigmoid before it): yes-or-no targets."""

    synonyms = ("binary cross entropy", "sigmoid", "multi label", "logistic")
    example = {"input": "float32 4 3", "target": "float32:0..1 4 3"}
    metrics = ACCURACY_OF_SCORES

    pos_weight: tuple[float, ...] = param(
        (),
        "How much a yes counts against a no: one number, or one for each label of axis 1; empty for 1.",
        low=0,
        advanced=True,
    )
    weight: tuple[float, ...] = param((), LABEL_WEIGHTS, low=0, advanced=True)

    def build(self, input: Number, target: Number) -> Recipe:
        checked_same_shape(input, target)
        weight = _for_labels("weight", self.weight, input)
        pos_weight = _for_labels("pos_weight", self.pos_weight, input)
        lists = constants(input, weight=weight, pos_weight=pos_weight)
        return Recipe("nn.BCEWithLogitsLoss", **{**self.changed(), **lists})


class SoftMarginLoss(Reduced, group="Losses"):
    """Logistic loss on raw scores for targets of 1 (yes) and -1 (no)."""

    synonyms = ("logistic", "binary", "svm")
    example = {"input": "float32 4 3", "target": "float32:-1..1 4 3"}
    metrics = ACCURACY_OF_SCORES

    def build(self, input: Number, target: Number) -> Recipe:
        checked_same_shape(input, target)
        return Recipe("nn.SoftMarginLoss", **self.changed())


class MultiLabelSoftMarginLoss(Reduced, group="Losses"):
    """Binary cross entropy on raw scores, averaged over the labels that a sample may have at once."""

    synonyms = ("multi label", "binary cross entropy", "sigmoid")
    example = {"input": "float32 4 3", "target": "float32:0..1 4 3"}
    metrics = ACCURACY_OF_SCORES

    weight: tuple[float, ...] = param((), CLASS_WEIGHTS, low=0, advanced=True)

    def build(
        self, input: Annotated[Value, Port(FLOAT, "N C")], target: Annotated[Value, Port(FLOAT, "N C")]
    ) -> Recipe:
        checked_same_shape(input, target)
        checked_length("weight", self.weight, input[1], "label")
        return Recipe("nn.MultiLabelSoftMarginLoss", **{**self.changed(), **constants(input, weight=self.weight)})


class MultiLabelMarginLoss(Reduced, group="Losses"):
    """Asks the scores of a sample's labels to exceed all others by 1.

    target lists the labels of a sample by index, filled up with -1.
    """

    synonyms = ("multi label", "hinge", "svm")
    example = {"input": "float32 4 5", "target": "int64:-1..4 4 5"}

    def build(
        self,
        input: Annotated[Value, Port(("float32", "float64"), "N C")],
        target: Annotated[Value, Port(INT64, "N C")],
    ) -> Recipe:
        return Recipe("nn.MultiLabelMarginLoss", **self.changed())


# ------------------------------------------------------------------------------------------- rare classes, overlap


class FocalLoss(Reduced, group="Losses"):
    """Cross entropy on raw scores that leaves easy answers aside: for rare classes.

    target holds class indices (one of many), or has input's shape (yes or no for each number).
    """

    synonyms = ("imbalanced", "retinanet", "rare classes", "sigmoid", "softmax")
    key: ClassVar[tuple[str, ...]] = ("gamma",)
    example = {"input": "float32 4 10", "target": "int64:0..9 4"}
    metrics = ACCURACY_OF_SCORES
    classes = ("input", "target")

    gamma: float = param(2.0, "How strongly easy answers are left aside; 0 for not at all.", low=0)
    alpha: float | None = param(
        None, "Weight of a yes, a no having 1 - alpha; empty for both alike. For yes-or-no targets.", low=0, high=1
    )
    weight: tuple[float, ...] = param((), f"{CLASS_WEIGHTS[:-1]}. For class indices.", low=0, advanced=True)
    ignore_index: int = param(-100, IGNORE_INDEX, advanced=True)

    def build(self, input: Scores, target: ClassesOrNumbers) -> Recipe:
        checked_classes_or_numbers(input, target)
        settings = self.changed()
        if target.dtype not in INT64:
            self._refuse("weight", "target holds yes or no for each number; use alpha")
            settings.pop("ignore_index", None)
            return Recipe("modules.SigmoidFocalLoss", **settings)
        self._refuse("alpha", "target holds class indices; use weight")
        checked_length("weight", self.weight, input[1], "class")
        return Recipe("modules.SoftmaxFocalLoss", **{**settings, **constants(input, weight=self.weight)})

    def _refuse(self, name: str, why: str) -> None:
        if name in self.changed():
            raise Mistake(f"{name} is set, but {why} and reset {name}.", param=name)


class _Overlap(Reduced, abstract=True):
    """A loss on how well regions overlap."""

    example = {"input": "float32 2 3 4 4", "target": "int64:0..2 2 4 4"}
    metrics = ACCURACY_OF_SCORES
    classes = ("input", "target")

    smooth: float = param(1.0, "Added above and below the fraction, so that empty regions count as found.", above=0)
    batch: bool = param(
        False, "Whether overlaps are measured over the whole batch instead of in each sample.", advanced=True
    )
    background: bool = param(True, "Whether class 0 counts too.", advanced=True)
    ignore_index: int = param(-100, IGNORE_INDEX, advanced=True)

    def build(self, input: Annotated[Value, Port(FLOAT, "N C L ...")], target: ClassesOrNumbers) -> Recipe:
        checked_classes_or_numbers(input, target)
        if not self.background and input[1] < 2:
            raise Mistake(f"background is off, but input is {sizes(input)}: it has no other class.", param="background")
        return Recipe(f"modules.{type(self).__name__}", **self.changed())


class DiceLoss(_Overlap, group="Losses"):
    """One less the Dice overlap of regions, on raw scores: for segmentation.

    target holds a class index for each place (softmax over axis 1), or has input's shape (sigmoid).
    """

    synonyms = ("segmentation", "overlap", "f1", "sorensen")


class TverskyLoss(_Overlap, group="Losses"):
    """A Dice loss that weighs false alarms and misses apart, on raw scores: for segmentation of small regions.

    target holds a class index for each place (softmax over axis 1), or has input's shape (sigmoid).
    """

    synonyms = ("segmentation", "overlap", "imbalanced", "jaccard", "iou loss")
    key: ClassVar[tuple[str, ...]] = ("alpha", "beta")

    alpha: float = param(0.3, "Weight of false alarms; 1 for both makes it the Jaccard (IoU) loss.", low=0)
    beta: float = param(0.7, "Weight of misses.", low=0)
