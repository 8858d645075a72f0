"""Metrics for classes: one of many, yes or no, and several labels at once, told apart by the shapes."""

from __future__ import annotations

from typing import Any, Literal

from engine.declare import Call, Metric, Mistake, Recipe, Value, param
from engine.ops.loss import IGNORE_INDEX
from engine.ops.metric import THRESHOLD, Prediction, Target, has_classes

Average = Literal["macro", "micro", "weighted", "none"]
AVERAGE = (
    'How the classes become one number: "macro" counts each class alike, "weighted" by its samples, "micro" counts '
    'each sample alike, "none" gives a table of all classes.'
)


def family(input: Value, target: Value) -> tuple[str, dict[str, Any]]:
    """What torchmetrics calls the case that the shapes tell, and the number of classes or labels it asks for."""
    if has_classes(input, target):
        return "Multiclass", {"num_classes": int(input[1])}
    if input.ndim < 2 or input[1] == 1:
        return "Binary", {}
    return "Multilabel", {"num_labels": int(input[1])}


class _OfAnswers(Metric, abstract=True):
    """Measured on answers: the class with the highest score, or what scores at least the threshold.

    A target of class indices lacks input's axis 1, which holds the classes. A target of input's shape holds a yes or no
    for each number: one a sample, or along axis 1 one for each of several labels.
    """

    range = (0.0, 1.0)
    classes = ("input", "target")
    example = {"input": "float32 4 10", "target": "int64:0..9 4"}

    threshold: float = param(0.5, THRESHOLD)
    ignore_index: int = param(-100, IGNORE_INDEX, advanced=True)

    def given(self, **inputs: Any) -> Call:
        input, target = inputs["input"], inputs["target"]
        if has_classes(input, target):
            return Call("metrics.given_classes", input, target)
        return Call("metrics.given_answers", input, target, self.threshold)

    def _recipe(self, name: str, input: Value, target: Value, **more: Any) -> Recipe:
        kind, counts = family(input, target)
        if kind == "Binary":
            more.pop("average", None)
        return Recipe(
            f"torchmetrics.classification.{kind}{name}",
            **counts,
            **more,
            ignore_index=self.ignore_index,
            validate_args=False,
        )


class _Averaged(_OfAnswers, abstract=True):
    """Measured for each class, then averaged.

    Classes that neither occur nor are answered do not count.
    """

    higher_is_better = True
    percent = True

    average: Average = param("macro", AVERAGE)

    def table(self) -> tuple[str, str] | None:
        return ("class", type(self).title) if self.average == "none" else None


class Precision(_Averaged, group="Metrics"):
    """Of the answers that name a class, the share that is right."""

    synonyms = ("positive predictive value", "false alarms")

    def build(self, input: Prediction, target: Target) -> Recipe:
        return self._recipe("Precision", input, target, average=self.average)


class Recall(_Averaged, group="Metrics"):
    """Of the samples of a class, the share that is found."""

    synonyms = ("sensitivity", "true positive rate", "hit rate", "misses")

    def build(self, input: Prediction, target: Target) -> Recipe:
        return self._recipe("Recall", input, target, average=self.average)


class F1(_Averaged, group="Metrics"):
    """Harmonic mean of precision and recall."""

    synonyms = ("f-score", "f1 score", "dice", "imbalanced")

    def build(self, input: Prediction, target: Target) -> Recipe:
        return self._recipe("F1Score", input, target, average=self.average)


class FBeta(_Averaged, group="Metrics"):
    """Mean of precision and recall that counts recall beta times as much."""

    title = "F-beta"
    synonyms = ("f-score", "f2", "imbalanced")
    key = ("beta",)

    beta: float = param(2.0, "How many times as much recall counts as precision.", above=0)

    def build(self, input: Prediction, target: Target) -> Recipe:
        return self._recipe("FBetaScore", input, target, beta=self.beta, average=self.average)


class Specificity(_Averaged, group="Metrics"):
    """Of the samples that are not of a class, the share that is not taken for it."""

    synonyms = ("true negative rate", "selectivity")

    def build(self, input: Prediction, target: Target) -> Recipe:
        return self._recipe("Specificity", input, target, average=self.average)


class IoU(_Averaged, group="Metrics"):
    """Overlap of the found and the true region of each class, by their union, over all samples: for segmentation."""

    synonyms = ("jaccard", "intersection over union", "miou", "segmentation", "overlap")

    def build(self, input: Prediction, target: Target) -> Recipe:
        return self._recipe("JaccardIndex", input, target, average=self.average)


class ConfusionMatrix(_OfAnswers, group="Metrics"):
    """A table of how often each class is answered for each class.

    With several labels at once, a row for each label: right no, false alarm, miss, right yes.
    """

    title = "Confusion matrix"
    synonyms = ("table", "errors", "mix-ups")
    range = (0.0, None)

    normalize: Literal["none", "true", "pred", "all"] = param(
        "none", 'Counts as they are, or as shares of each true class ("true"), of each answer ("pred") or of all.'
    )

    def build(self, input: Prediction, target: Target) -> Recipe:
        return self._recipe("ConfusionMatrix", input, target, normalize=self.normalize)

    def table(self) -> tuple[str, str] | None:
        return ("true", "answered")


class CohenKappa(_OfAnswers, group="Metrics"):
    """Agreement beyond chance: 1 is perfect, 0 no better than guessing by the classes' shares."""

    title = "Cohen's kappa"
    synonyms = ("agreement", "quadratic weighted kappa", "ordinal")
    higher_is_better = True
    range = (-1.0, 1.0)

    weights: Literal["none", "linear", "quadratic"] = param(
        "none", "Whether classes that lie further apart count as worse mistakes, for classes in an order."
    )

    def build(self, input: Prediction, target: Target) -> Recipe:
        _refuse_labels(self, input, target)
        return self._recipe("CohenKappa", input, target, weights=self.weights)


class MatthewsCorrelation(_OfAnswers, group="Metrics"):
    """Correlation of answers and targets: a fair measure where classes are of different size."""

    title = "Matthews correlation"
    synonyms = ("mcc", "phi", "imbalanced")
    higher_is_better = True
    range = (-1.0, 1.0)

    def build(self, input: Prediction, target: Target) -> Recipe:
        return self._recipe("MatthewsCorrCoef", input, target)


def _refuse_labels(op: Metric, input: Value, target: Value) -> None:
    if family(input, target)[0] == "Multilabel":
        raise Mistake(
            f"{type(op).__name__} measures one answer a sample, and input has {input[1]} labels a sample; "
            "select one label before it.",
            param="input",
        )


# ------------------------------------------------------------------------------------------------------- by scores


class _OfScores(Metric, abstract=True):
    """Measured on scores, of all samples at once.

    A target of class indices lacks input's axis 1, which holds the classes; raw scores become probabilities by a
    softmax. A target of input's shape holds a yes or no for each number: one a sample, or along axis 1 one for each of
    several labels.
    """

    range = (0.0, 1.0)
    classes = ("input", "target")
    example = {"input": "float32 4 10", "target": "int64:0..9 4"}

    ignore_index: int = param(-100, IGNORE_INDEX, advanced=True)

    def _recipe(self, input: Value, target: Value, **more: Any) -> Recipe:
        kind, counts = family(input, target)
        if self.ignore_index != -100:
            more["ignore_index"] = self.ignore_index
        return Recipe(f"measures.{type(self).__name__}", kind.lower(), *counts.values(), **more)


class _Curve(_OfScores, abstract=True):
    higher_is_better = True
    percent = True

    average: Literal["macro", "weighted", "none"] = param(
        "macro",
        'How the classes become one number: "macro" counts each alike, "weighted" by its samples, "none" is a table.',
    )

    def build(self, input: Prediction, target: Target) -> Recipe:
        return self._recipe(input, target, average=self.average)

    def table(self) -> tuple[str, str] | None:
        return ("class", type(self).title) if self.average == "none" else None


class AUROC(_Curve, group="Metrics"):
    """How surely a sample of a class scores above one of another: the area under the ROC curve; 0.5 is guessing."""

    synonyms = ("roc", "auc", "area under the curve", "ranking")


class AveragePrecision(_Curve, group="Metrics"):
    """Area under the curve of precision against recall: for rare classes."""

    title = "Average precision"
    synonyms = ("pr auc", "auprc", "precision recall curve", "imbalanced")


class CalibrationError(_OfScores, group="Metrics"):
    """How far the probabilities that a network states are from the shares it is right with."""

    title = "Calibration error"
    synonyms = ("ece", "expected calibration error", "confidence", "reliability")
    higher_is_better = False
    percent = True

    n_bins: int = param(15, "How many intervals of probability are compared.", low=1, high=1000)
    norm: Literal["l1", "l2", "max"] = param(
        "l1", "The mean gap, the root of the mean squared gap, or the largest.", advanced=True
    )

    def build(self, input: Prediction, target: Target) -> Recipe:
        _refuse_labels(self, input, target)
        return self._recipe(input, target, n_bins=self.n_bins, norm=self.norm)


class DiceScore(Metric, group="Metrics"):
    """Overlap of the found and the true region, in each sample, averaged: for segmentation.

    In a sample it is the mean over the classes that are found or there; a target of class indices lacks input's axis 1,
    a target of input's shape holds a yes or no for each number.
    """

    title = "Dice score"
    synonyms = ("segmentation", "overlap", "f1", "sorensen")
    higher_is_better = True
    range = (0.0, 1.0)
    percent = True
    classes = ("input", "target")
    example = {"input": "float32 2 3 4 4", "target": "int64:0..2 2 4 4"}

    threshold: float = param(0.5, THRESHOLD)
    background: bool = param(True, "Whether class 0 counts too.", advanced=True)
    ignore_index: int = param(-100, IGNORE_INDEX, advanced=True)

    def build(self, input: Prediction, target: Target) -> Call:
        if has_classes(input, target):
            return Call("metrics.dice_of_classes", input, target, self.background, self.ignore_index)
        return Call("metrics.dice_of_answers", input, target, self.threshold)
