"""Every metric, in batches, against scikit-learn, torchmetrics or a plain formula on the whole data."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchmetrics
from scipy import stats  # type: ignore[import-untyped]
from sklearn import metrics as sk
from torch import Tensor
from torchmetrics import functional as tm

from engine import edit
from engine.check import check
from engine.compile import compile
from engine.declare import Metric
from engine.ops import OPS
from engine.spec import Spec
from engine.train import meter as meters
from engine.train.meter import Measured, Meter

ROOT = Path(__file__).parents[2]
NUMBER = torch.Generator().manual_seed(8)
COUNT = 90

Given = dict[str, Tensor]


def randn(*sizes: int) -> Tensor:
    return torch.randn(sizes, generator=NUMBER)


def ints(high: int, *sizes: int, low: int = 0) -> Tensor:
    return torch.randint(low, high, sizes, generator=NUMBER)


@dataclass(frozen=True)
class Measure:
    """A metric at some params, its data, and what it must come to on all of it."""

    op: str
    given: Given
    expected: Callable[..., Any]
    params: dict[str, Any] = field(default_factory=dict)
    name: str = ""

    def __str__(self) -> str:
        return "-".join(each for each in (self.op, self.name, *map(str, self.params.values())) if each)

    def spec(self) -> Spec:
        """The metric on Inputs, and a loss that is there because a graph must have one."""
        spec, wires = Spec(), {}
        for port, tensor in self.given.items():
            wires[port] = edit.new_id(spec, "Input")
            dtype = str(tensor.dtype).removeprefix("torch.")
            spec = edit.add(spec, "Input", params={"shape": ["N", *tensor.shape[1:]], "dtype": dtype})
        spec = edit.add(spec, "Input", params={"shape": ["N", 1]})
        last = list(spec.nodes)[-1]
        spec = edit.add(spec, "MSELoss", inputs={"input": last, "target": last})
        return edit.add(spec, self.op, params=self.params, inputs=wires)


def metric_id(spec: Spec) -> str:
    return list(spec.nodes)[-1]


def batches(given: Given, size: int) -> list[list[Tensor]]:
    count = len(next(iter(given.values())))
    columns = [*given.values(), torch.zeros(count, 1)]
    return [[column[start : start + size] for column in columns] for start in range(0, count, size)]


def metered(measure: Measure, size: int, *, resumed: bool = False) -> Any:
    """Measure in batches, reading now and then; in the middle another meter may go on from the first."""
    spec = measure.spec()
    compiled = compile(spec)
    meter = Meter(compiled.program)
    parts = batches(measure.given, size)
    for place, batch in enumerate(parts, 1):
        meter.add(compiled.module(*batch), len(batch[0]))
        if place % 3 == 0:
            meter.read()
        if resumed and place == len(parts) // 2:
            meter.read()
            meter = Meter(compiled.program, meter.totals, meter.states())
    meter.read()
    return found(meter.measured({}), metric_id(spec))


def found(measured: Measured, name: str) -> Any:
    """The value of a metric: a number, or its table's numbers."""
    if name in measured.scores:
        return measured.scores[name]
    return np.array(measured.tables[name].values)


# ------------------------------------------------------------------------------------------------------------ data

SCORES, CLASSES = randn(COUNT, 4), ints(4, COUNT)
SCORES[torch.arange(COUNT), CLASSES] += 0.8  # better than guessing
SOME = torch.where(torch.arange(COUNT) % 7 == 0, -100, CLASSES)
ODD = torch.where(torch.arange(COUNT) % 5 == 0, 3, CLASSES)
YES_SCORES, YES = randn(COUNT), ints(2, COUNT)
YES_SCORES += YES * 0.9
LABEL_SCORES, LABELS = randn(COUNT, 3), ints(2, COUNT, 3)
LABEL_SCORES += LABELS * 0.7
MAPS, REGIONS = randn(COUNT, 3, 4, 5), ints(3, COUNT, 4, 5)
MAPS += torch.nn.functional.one_hot(REGIONS, 3).movedim(-1, 1) * 0.9
MASK_SCORES, MASKS = randn(COUNT, 1, 4, 5), ints(2, COUNT, 1, 4, 5)
GUESS, TRUE = randn(COUNT, 2), randn(COUNT, 2)
GUESS += TRUE
OFFSET = TRUE * 0.01 + 1e4  # large means, small spread: where sums in single precision fail

CLASSED = {"input": SCORES, "target": CLASSES}
IGNORING = {"input": SCORES, "target": SOME}
BINARY = {"input": YES_SCORES, "target": YES.float()}
BINARY_INTS = {"input": YES_SCORES[:, None], "target": YES[:, None]}
MULTILABEL = {"input": LABEL_SCORES, "target": LABELS.float()}
SEGMENTED = {"input": MAPS, "target": REGIONS}
MASKED = {"input": MASK_SCORES, "target": MASKS.float()}
NUMBERS = {"input": GUESS, "target": TRUE}
RAW = {"threshold": 0.0}

# ------------------------------------------------------------------------------------------------------- references


def of_classes(function: Callable[..., Any], **settings: Any) -> Callable[..., Any]:
    """A function of scikit-learn on true and answered classes, what is ignored left out."""

    def work(input: Tensor, target: Tensor, ignored: int = -100) -> Any:
        answers, true = input.argmax(1).flatten(), target.flatten()
        kept = true != ignored
        return function(true[kept], answers[kept], **settings)

    return work


def of_answers(function: Callable[..., Any], **settings: Any) -> Callable[..., Any]:
    return lambda input, target: function(
        target.reshape(len(target), -1).squeeze(1), (input.reshape(len(input), -1).squeeze(1) >= 0).int(), **settings
    )


def specificity(true: Tensor, answers: Tensor, average: str = "macro") -> float:
    labels = range(4) if true.ndim == 1 and int(true.max()) > 1 else [1]
    shares = []
    for label in labels:
        others = true != label
        shares.append(float((answers[others] != label).float().mean()))
    return float(np.mean(shares))


def softmaxed(input: Tensor) -> np.ndarray[Any, Any]:
    return input.double().softmax(1).numpy()


def auroc(input: Tensor, target: Tensor, average: str | None = "macro") -> Any:
    kept = target >= 0
    return sk.roc_auc_score(target[kept], softmaxed(input[kept]), multi_class="ovr", average=average)


def average_precisions(input: Tensor, target: Tensor) -> list[float]:
    truth = torch.nn.functional.one_hot(target).numpy()
    return [float(sk.average_precision_score(truth[:, label], softmaxed(input)[:, label])) for label in range(4)]


def calibration(probabilities: Tensor, right: Tensor, bins: int) -> float:
    total, width = 0.0, 1 / bins
    for place in range(bins):
        inside = (probabilities > place * width) & (probabilities <= (place + 1) * width)
        if inside.any():
            total += float(inside.float().mean()) * abs(
                float(probabilities[inside].mean()) - float(right[inside].float().mean())
            )
    return total


def calibration_of_classes(input: Tensor, target: Tensor, bins: int = 15) -> float:
    stated, answers = input.double().softmax(1).max(1)
    return calibration(stated, answers == target, bins)


def dice(input: Tensor, target: Tensor, *, first: int = 0, ignored: int = -100) -> float:
    answers = input.argmax(1)
    samples = []
    for guess, truth in zip(answers, target, strict=True):
        kept, parts = truth != ignored, []
        for label in range(first, input.shape[1]):
            one, other = (guess == label) & kept, (truth == label) & kept
            if one.any() or other.any():
                parts.append(2 * int((one & other).sum()) / int(one.sum() + other.sum()))
        if parts:
            samples.append(float(np.mean(parts)))
    return float(np.mean(samples))


def dice_of_masks(input: Tensor, target: Tensor) -> float:
    pairs = zip(input >= 0, target >= 0.5, strict=True)
    return float(np.mean([2 * int((one & two).sum()) / int(one.sum() + two.sum()) for one, two in pairs]))


def confusion_of_labels(input: Tensor, target: Tensor) -> Any:
    return sk.multilabel_confusion_matrix(target, (input >= 0).int()).reshape(3, 4)


def per_output(function: Callable[..., float]) -> Callable[..., float]:
    return lambda input, target: float(
        np.mean([function(input[:, place], target[:, place]) for place in range(input.shape[1])])
    )


BY_CLASS = [
    Measure("Accuracy", CLASSED, of_classes(sk.accuracy_score)),
    Measure("Accuracy", IGNORING, of_classes(sk.accuracy_score), name="ignoring"),
    Measure(
        "Accuracy",
        CLASSED,
        lambda input, target: of_classes(sk.accuracy_score)(input, target, ignored=3),
        {"ignore_index": 3},
        name="a class ignored",
    ),
    Measure("Accuracy", BINARY, of_answers(sk.accuracy_score), RAW),
    Measure("Accuracy", BINARY_INTS, of_answers(sk.accuracy_score), RAW, name="whole numbers"),
    Measure(
        "TopKAccuracy",
        CLASSED,
        lambda input, target: sk.top_k_accuracy_score(target, input, k=2, labels=range(4)),
        {"k": 2},
    ),
    *(
        Measure(op, CLASSED, of_classes(function, average=average, **more), {"average": average, **params})
        for op, function, params, more in (
            ("Precision", sk.precision_score, {}, {"zero_division": 0}),
            ("Recall", sk.recall_score, {}, {}),
            ("F1", sk.f1_score, {}, {}),
            ("FBeta", sk.fbeta_score, {"beta": 0.5}, {"beta": 0.5}),
            ("IoU", sk.jaccard_score, {}, {}),
        )
        for average in ("macro", "micro", "weighted")
    ),
    *(
        Measure(op, BINARY, of_answers(function), RAW, name="binary")
        for op, function in (
            ("Precision", sk.precision_score),
            ("Recall", sk.recall_score),
            ("F1", sk.f1_score),
            ("IoU", sk.jaccard_score),
            ("Specificity", specificity),
            ("CohenKappa", sk.cohen_kappa_score),
            ("MatthewsCorrelation", sk.matthews_corrcoef),
            ("ConfusionMatrix", sk.confusion_matrix),
        )
    ),
    Measure("F1", BINARY_INTS, of_answers(sk.f1_score), RAW, name="whole numbers"),
    *(
        Measure(op, MULTILABEL, of_answers(function, average=average), {"average": average, **RAW}, name="labels")
        for op, function in (("Precision", sk.precision_score), ("F1", sk.f1_score), ("IoU", sk.jaccard_score))
        for average in ("macro", "micro", "weighted")
    ),
    Measure(
        "F1",
        CLASSED,
        lambda input, target: of_classes(sk.f1_score, average=None)(input, target)[:, None],
        {"average": "none"},
    ),
    Measure("F1", IGNORING, of_classes(sk.f1_score, average="macro"), name="ignoring"),
    Measure("Specificity", CLASSED, of_classes(specificity)),
    Measure("IoU", SEGMENTED, of_classes(sk.jaccard_score, average="macro"), name="regions"),
    Measure(
        "IoU", MASKED, lambda input, target: sk.jaccard_score(target.flatten(), input.flatten() >= 0), RAW, "masks"
    ),
    Measure(
        "IoU",
        {"input": MAPS, "target": torch.where(REGIONS == 1, 255, REGIONS)},
        lambda input, target: of_classes(sk.jaccard_score, average="macro")(input, target, ignored=255),
        {"ignore_index": 255},
        name="edges ignored",
    ),
    Measure(
        "F1",
        CLASSED,
        lambda input, target: of_classes(sk.f1_score, average="macro")(input, target, ignored=3),
        {"ignore_index": 3},
    ),
    Measure("CohenKappa", CLASSED, of_classes(sk.cohen_kappa_score)),
    Measure("CohenKappa", CLASSED, of_classes(sk.cohen_kappa_score, weights="quadratic"), {"weights": "quadratic"}),
    Measure("MatthewsCorrelation", CLASSED, of_classes(sk.matthews_corrcoef)),
    Measure("ConfusionMatrix", CLASSED, of_classes(sk.confusion_matrix)),
    Measure("ConfusionMatrix", IGNORING, of_classes(sk.confusion_matrix), name="ignoring"),
    Measure("ConfusionMatrix", CLASSED, of_classes(sk.confusion_matrix, normalize="true"), {"normalize": "true"}),
    Measure("ConfusionMatrix", MULTILABEL, confusion_of_labels, RAW, name="labels"),
    Measure("DiceScore", SEGMENTED, dice),
    Measure(
        "DiceScore",
        SEGMENTED,
        lambda input, target: dice(input, target, first=1, ignored=2),
        {"background": False, "ignore_index": 2},
    ),
    Measure("DiceScore", MASKED, dice_of_masks, RAW, name="masks"),
]

BY_SCORE = [
    Measure("AUROC", CLASSED, auroc),
    Measure("AUROC", IGNORING, auroc, name="ignoring"),
    Measure("AUROC", CLASSED, lambda **given: auroc(**given, average="weighted"), {"average": "weighted"}),
    Measure(
        "AUROC", {"input": SCORES.softmax(1), "target": CLASSES}, lambda **_given: auroc(SCORES, CLASSES), name="p"
    ),
    Measure("AUROC", CLASSED, lambda **given: auroc(**given, average=None)[:, None], {"average": "none"}),
    Measure("AUROC", BINARY, lambda input, target: sk.roc_auc_score(target, input), name="binary"),
    Measure(
        "AUROC",
        {"input": YES_SCORES * 300, "target": YES.float()},
        lambda input, target: sk.roc_auc_score(target, input),
        name="large scores",
    ),
    Measure("AUROC", MULTILABEL, lambda input, target: sk.roc_auc_score(target, input, average="macro"), name="labels"),
    Measure("AveragePrecision", CLASSED, lambda **given: np.mean(average_precisions(**given))),
    Measure(
        "AveragePrecision",
        CLASSED,
        lambda **given: np.array(average_precisions(**given))[:, None],
        {"average": "none"},
    ),
    Measure("AveragePrecision", BINARY, lambda input, target: sk.average_precision_score(target, input), name="binary"),
    Measure(
        "AveragePrecision", MULTILABEL, lambda input, target: sk.average_precision_score(target, input), name="labels"
    ),
    Measure("CalibrationError", CLASSED, calibration_of_classes),
    Measure("CalibrationError", CLASSED, lambda **given: calibration_of_classes(**given, bins=4), {"n_bins": 4}),
    Measure(
        "CalibrationError",
        BINARY,
        lambda input, target: calibration(input.double().sigmoid(), target == 1, 15),
        name="binary",
    ),
]

OF_NUMBERS = [
    Measure("MeanAbsoluteError", NUMBERS, lambda input, target: sk.mean_absolute_error(target, input)),
    Measure("RMSE", NUMBERS, lambda input, target: math.sqrt(sk.mean_squared_error(target, input))),
    Measure("MAPE", NUMBERS, lambda input, target: sk.mean_absolute_percentage_error(target, input)),
    Measure("R2", NUMBERS, lambda input, target: sk.r2_score(target, input)),
    Measure(
        "R2",
        {"input": OFFSET + randn(COUNT, 2) * 0.005, "target": OFFSET},
        lambda input, target: sk.r2_score(target.double(), input.double()),
        name="large means",
    ),
    Measure(
        "R2",
        {"input": GUESS * 1e-4, "target": TRUE * 1e-4},
        lambda input, target: sk.r2_score(target, input),
        name="small",
    ),
    Measure(
        "R2", {"input": GUESS[:, 0], "target": TRUE[:, 0]}, lambda input, target: sk.r2_score(target, input), name="one"
    ),
    Measure(
        "R2",
        {"input": GUESS.reshape(-1, 3, 2), "target": TRUE.reshape(-1, 3, 2)},
        lambda input, target: sk.r2_score(target.reshape(-1, 2), input.reshape(-1, 2)),
        name="sequences",
    ),
    Measure("ExplainedVariance", NUMBERS, lambda input, target: sk.explained_variance_score(target, input)),
    Measure("Pearson", NUMBERS, per_output(lambda one, other: stats.pearsonr(one, other).statistic)),
    Measure("Spearman", NUMBERS, per_output(lambda one, other: stats.spearmanr(one, other).statistic)),
    Measure(
        "Spearman",
        {"input": (GUESS * 2).round(), "target": TRUE.round()},
        per_output(lambda one, other: stats.spearmanr(one, other).statistic),
        name="ties",
    ),
]

# --------------------------------------------------------------------------------------------------------- rankings

ITEMS, RELEVANT, GRADED = randn(COUNT, 12), (randn(COUNT, 12) > 1).long(), ints(4, COUNT, 12).float()
RIGHT = ints(12, COUNT)
RANKED = {"input": ITEMS, "target": RELEVANT}


def retrieval(name: str, **settings: Any) -> Callable[..., float]:
    """What torchmetrics computes of the rows, those without a right item left out; it wants scores above 0."""

    def work(input: Tensor, target: Tensor) -> float:
        if target.ndim == 1:
            target = torch.nn.functional.one_hot(target, input.shape[1])
        rows = torch.arange(len(input))[:, None].expand_as(input)
        metric = getattr(torchmetrics.retrieval, name)(empty_target_action="skip", **settings)
        return float(metric(input.exp().flatten(), target.flatten().long(), indexes=rows.flatten()))

    return work


RANKINGS = [
    Measure("NDCG", RANKED, retrieval("RetrievalNormalizedDCG", top_k=10)),
    Measure("NDCG", {"input": ITEMS, "target": GRADED}, retrieval("RetrievalNormalizedDCG"), {"k": None}, "graded"),
    Measure(
        "NDCG", {"input": ITEMS, "target": RIGHT}, retrieval("RetrievalNormalizedDCG", top_k=3), {"k": 3}, "places"
    ),
    Measure(
        "NDCG",
        {"input": ITEMS.round(), "target": GRADED},
        lambda input, target: sk.ndcg_score(target, input),
        {"k": None},
        "ties",
    ),
    Measure("HitRate", RANKED, retrieval("RetrievalHitRate", top_k=2), {"k": 2}),
    Measure("HitRate", {"input": ITEMS, "target": RIGHT}, retrieval("RetrievalHitRate", top_k=5), {"k": 5}, "places"),
    Measure("MRR", RANKED, retrieval("RetrievalMRR"), {"k": None}),
    Measure("MRR", {"input": ITEMS, "target": RIGHT}, retrieval("RetrievalMRR", top_k=4), {"k": 4}, "places"),
]

# ------------------------------------------------------------------------------------------------------------ tokens

TOKENS, REFERENCES = ints(6, COUNT, 9, low=1), ints(6, COUNT, 9, low=1)
REFERENCES = torch.where(randn(COUNT, 9) > -0.5, TOKENS, REFERENCES)  # most tokens are right
TOKEN_SCORES = torch.nn.functional.one_hot(TOKENS, 6).float() + randn(COUNT, 9, 6) * 0.3
ANSWER_LENGTHS, TARGET_LENGTHS = ints(10, COUNT, low=1), ints(10, COUNT, low=1)
SPOKEN = {"input": TOKENS, "target": REFERENCES}


def texts(
    tokens: Tensor, *, end: int | None = None, pad: int | None = None, lengths: Tensor | None = None
) -> list[str]:
    rows = []
    for place, row in enumerate(tokens.tolist()):
        row = row[: int(lengths[place])] if lengths is not None else row
        row = row[: row.index(end)] if end in row else row
        rows.append(" ".join(str(token) for token in row if token != pad))
    return rows


def collapsed(tokens: Tensor, blank: int) -> list[str]:
    """Repeats merged, then blanks dropped."""
    rows = []
    for row in tokens.tolist():
        kept = [token for place, token in enumerate(row) if place == 0 or token != row[place - 1]]
        rows.append(" ".join(str(token) for token in kept if token != blank))
    return rows


def upto(tokens: Tensor, blank: int) -> list[str]:
    rows = [row[: row.index(blank)] if blank in row else row for row in tokens.tolist()]
    return [" ".join(map(str, row)) for row in rows]


def word_errors(input: Tensor, target: Tensor) -> float:
    """Tokens are letters, and 5 stands between words."""
    answers, references = (
        [" ".join("".join(row.split()).replace("5", " ").split()) for row in texts(each)] for each in (input, target)
    )
    return float(tm.text.word_error_rate(answers, references))


OF_TOKENS = [
    Measure(
        "Perplexity",
        {"input": randn(COUNT, 6, 5), "target": torch.where(randn(COUNT, 5) > 0.5, -100, ints(6, COUNT, 5))},
        lambda input, target: tm.text.perplexity(input.movedim(1, 2), target, ignore_index=-100),
    ),
    Measure(
        "CharacterErrorRate",
        SPOKEN,
        lambda input, target: tm.text.word_error_rate(texts(input), texts(target)),
    ),
    Measure(
        "CharacterErrorRate",
        {"input": TOKEN_SCORES.transpose(1, 2), "target": REFERENCES},
        lambda input, target: tm.text.word_error_rate(texts(input.argmax(1)), texts(target)),
        name="scores",
    ),
    Measure(
        "CharacterErrorRate",
        SPOKEN,
        lambda input, target: tm.text.word_error_rate(texts(input, end=5, pad=2), texts(target, end=5, pad=2)),
        {"end_index": 5, "pad_index": 2},
    ),
    Measure(
        "CharacterErrorRate",
        {**SPOKEN, "input_lengths": ANSWER_LENGTHS, "target_lengths": TARGET_LENGTHS},
        lambda input, target, input_lengths, target_lengths: tm.text.word_error_rate(
            texts(input, lengths=input_lengths), texts(target, lengths=target_lengths)
        ),
        name="lengths",
    ),
    Measure(
        "CharacterErrorRate",
        {"input": TOKEN_SCORES, "target": REFERENCES},
        lambda input, target: tm.text.word_error_rate(collapsed(input.argmax(2), 3), upto(target, 3)),
        {"decode": "ctc", "blank": 3},
    ),
    Measure(
        "WordErrorRate",
        SPOKEN,
        lambda input, target: tm.text.word_error_rate(texts(input), texts(target)),
        name="words",
    ),
    Measure("WordErrorRate", SPOKEN, word_errors, {"space_index": 5}),
    Measure("BLEU", SPOKEN, lambda input, target: bleu(texts(input), texts(target))),
    Measure(
        "BLEU",
        {"input": TOKEN_SCORES.transpose(1, 2), "target": REFERENCES},
        lambda input, target: bleu(texts(input.argmax(1), end=5), texts(target, end=5), n_gram=2, smooth=True),
        {"n_gram": 2, "smooth": True, "end_index": 5},
    ),
]


def bleu(answers: list[str], references: list[str], **settings: Any) -> float:
    return float(tm.text.bleu_score(answers, [[each] for each in references], **settings))


# ------------------------------------------------------------------------------------------------------------- boxes


def boxed(images: int, count: int) -> Tensor:
    first = torch.rand(images, count, 2, generator=NUMBER) * 60
    return torch.cat((first, first + torch.rand(images, count, 2, generator=NUMBER) * 40 + 2), dim=2)


TRUE_BOXES, TRUE_LABELS = boxed(COUNT, 3), ints(3, COUNT, 3)
FOUND_BOXES = torch.cat((TRUE_BOXES + randn(COUNT, 3, 4) * 3, boxed(COUNT, 2)), dim=1)
FOUND_LABELS = torch.cat((TRUE_LABELS, ints(3, COUNT, 2)), dim=1)
BOX_SCORES = torch.rand(COUNT, 5, generator=NUMBER)
DETECTED = {
    "boxes": FOUND_BOXES,
    "scores": BOX_SCORES,
    "labels": FOUND_LABELS,
    "target_boxes": TRUE_BOXES,
    "target_labels": TRUE_LABELS,
}


def iou(one: list[float], other: list[float]) -> float:
    width = max(min(one[2], other[2]) - max(one[0], other[0]), 0)
    height = max(min(one[3], other[3]) - max(one[1], other[1]), 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / (sum(areas) - width * height)


def average_precision(
    boxes: Tensor,
    scores: Tensor,
    labels: Tensor,
    target_boxes: Tensor,
    target_labels: Tensor,
    target_mask: Tensor | None = None,
    mask: Tensor | None = None,
    count: Tensor | None = None,
    *,
    overlaps: Any = (0.5,),
) -> float:
    """COCO's mean average precision, box by box: 101 recalls, the best boxes first, each true box found once."""
    values = []
    for overlap in overlaps:
        for label in sorted(
            set((target_labels if target_mask is None else target_labels[target_mask]).flatten().tolist())
        ):
            found, total = [], 0
            for image in range(len(boxes)):
                real = [
                    target_boxes[image, place].tolist()
                    for place in range(target_boxes.shape[1])
                    if target_labels[image, place] == label and (target_mask is None or target_mask[image, place])
                ]
                total += len(real)
                counted = [
                    place
                    for place in range(boxes.shape[1])
                    if labels[image, place] == label
                    and (mask is None or mask[image, place])
                    and (count is None or place < count[image])
                ]
                free = set(range(len(real)))
                for place in sorted(counted, key=lambda each: -float(scores[image, each])):
                    pairs = [(iou(boxes[image, place].tolist(), real[each]), each) for each in free]
                    best = max(pairs, default=(0.0, -1))
                    if best[0] >= overlap:
                        free.discard(best[1])
                    found.append((float(scores[image, place]), best[0] >= overlap))
            found.sort(key=lambda each: -each[0])
            hits = np.cumsum([hit for _score, hit in found]) if found else np.array([])
            recall, precision = hits / total, hits / np.arange(1, len(hits) + 1)
            precision = np.maximum.accumulate(precision[::-1])[::-1]
            places = np.searchsorted(recall, np.linspace(0, 1, 101), side="left")
            values += [precision[place] if place < len(precision) else 0.0 for place in places]
    return float(np.mean(values))


def with_sizes(boxes: Tensor, form: str) -> Tensor:
    first, second = boxes[..., :2], boxes[..., 2:]
    return torch.cat((first if form == "xywh" else (first + second) / 2, second - first), dim=-1)


OF_BOXES = [
    Measure("MeanAveragePrecision", DETECTED, average_precision, {"overlap": "0.5"}),
    Measure(
        "MeanAveragePrecision",
        DETECTED,
        lambda **given: average_precision(**given, overlaps=np.linspace(0.5, 0.95, 10)),
    ),
    Measure(
        "MeanAveragePrecision",
        {
            **DETECTED,
            "target_mask": ints(2, COUNT, 3).bool(),
            "mask": ints(4, COUNT, 5) > 0,
            "count": ints(6, COUNT),
        },
        average_precision,
        {"overlap": "0.5"},
        "masks",
    ),
    *(
        Measure(
            "MeanAveragePrecision",
            {**DETECTED, "boxes": with_sizes(FOUND_BOXES, form), "target_boxes": with_sizes(TRUE_BOXES, form)},
            lambda **_given: average_precision(**DETECTED, overlaps=(0.75,)),
            {"overlap": "0.75", "format": form},
        )
        for form in ("xywh", "cxcywh")
    ),
]

MEASURES = [*BY_CLASS, *BY_SCORE, *OF_NUMBERS, *RANKINGS, *OF_TOKENS, *OF_BOXES]

# ------------------------------------------------------------------------------------------------------------- tests


def test_every_metric_is_measured_here() -> None:
    names = {name for name, op in OPS.items() if issubclass(op, Metric)}
    assert names - {each.op for each in MEASURES} == set()


@pytest.mark.parametrize("measure", MEASURES, ids=str)
def test_a_metric_in_batches_is_that_of_the_whole(measure: Measure) -> None:
    expected = measure.expected(**measure.given)
    expected = np.asarray(expected.tolist() if isinstance(expected, Tensor) else expected, dtype=float)
    assert np.isfinite(expected).all() and np.ptp(np.append(expected, 0.0)) > 0
    for size in (COUNT, 7, 1):
        np.testing.assert_allclose(metered(measure, size), expected, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("measure", MEASURES, ids=str)
def test_a_metric_goes_on_where_another_meter_stopped(measure: Measure) -> None:
    np.testing.assert_allclose(metered(measure, 8, resumed=True), metered(measure, 8), rtol=1e-6, atol=1e-9)


def test_what_is_kept_is_handed_on_before_it_grows_large(monkeypatch: pytest.MonkeyPatch) -> None:
    measure = Measure("ConfusionMatrix", CLASSED, of_classes(sk.confusion_matrix))
    compiled = compile(measure.spec())
    monkeypatch.setattr(meters, "MOST_KEPT", 30)
    meter = Meter(compiled.program)
    for batch in batches(CLASSED, 10):
        meter.add(compiled.module(*batch), 10)
        assert len(meter._gathered["confusion_matrix"]._batches) < 2
    assert np.array_equal(
        found(meter.measured({}), "confusion_matrix"), of_classes(sk.confusion_matrix)(SCORES, CLASSES)
    )


@pytest.mark.parametrize("measure", MEASURES, ids=str)
def test_a_metric_is_within_the_range_it_tells(measure: Measure) -> None:
    op: Any = OPS[measure.op]
    low, high = op.range
    value = np.asarray(metered(measure, COUNT))
    assert low is None or (value >= low).all()
    assert high is None or (value <= high).all()
    assert op.higher_is_better is None or isinstance(op.higher_is_better, bool)
    assert not op.percent or low == 0


@pytest.mark.parametrize("measure", MEASURES, ids=str)
def test_a_metric_is_not_heavy_to_check(measure: Measure) -> None:
    report = check(measure.spec())
    assert report.problems == ()
    assert report.parameters == 0


def test_torchmetrics_is_imported_where_a_metric_needs_it_alone() -> None:
    code = """
import sys, engine.metrics, engine.train.loop
from engine import edit
from engine.check import check
from engine.spec import Spec
from engine.compile import compile
spec = edit.add(Spec(), "Input", params={"shape": ["N", 3]})
spec = edit.add(spec, "Input", params={"shape": ["N"], "dtype": "int64"})
for op in ("CrossEntropyLoss", "F1", "AUROC", "ConfusionMatrix", "Accuracy"):
    spec = edit.add(spec, op, inputs={"input": "input_1", "target": "input_2"})
assert not check(spec).problems
compile(spec)
assert "torchmetrics" not in sys.modules and "faster_coco_eval" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


# --------------------------------------------------------------------------------------------- what has no number


def test_an_auroc_of_one_class_is_no_number() -> None:
    one = Measure("AUROC", {"input": YES_SCORES, "target": torch.ones(COUNT)}, lambda **_given: math.nan)
    assert math.isnan(metered(one, 10))


def test_an_r2_of_one_sample_is_no_number() -> None:
    one = Measure("R2", {"input": GUESS[:1], "target": TRUE[:1]}, lambda **_given: math.nan)
    assert math.isnan(metered(one, 10))


def test_a_perplexity_beyond_all_numbers_is_infinite() -> None:
    sure = Measure("Perplexity", {"input": SCORES * 1e6, "target": CLASSES}, lambda **_given: math.inf)
    assert metered(sure, 10) == math.inf


@pytest.mark.parametrize("op", ["NDCG", "HitRate", "MRR"])
def test_a_network_that_scores_all_items_alike_gets_no_good_rank(op: str) -> None:
    target = torch.zeros(5, 21)
    target[:, 0] = 1
    alike = Measure(op, {"input": torch.ones(5, 21), "target": target}, lambda **_given: 0.0)
    assert metered(alike, 5) < 0.25


def test_a_perfect_detector_and_a_silent_one() -> None:
    perfect = {**DETECTED, "boxes": TRUE_BOXES, "scores": BOX_SCORES[:, :3], "labels": TRUE_LABELS}
    assert metered(Measure("MeanAveragePrecision", perfect, average_precision), 9) == pytest.approx(1.0)
    silent = {**DETECTED, "mask": torch.zeros(COUNT, 5).bool()}
    assert metered(Measure("MeanAveragePrecision", silent, average_precision), 9) == 0.0
    nothing = {**DETECTED, "target_mask": torch.zeros(COUNT, 3).bool()}
    assert math.isnan(metered(Measure("MeanAveragePrecision", nothing, average_precision), 9))


def test_batches_of_different_lengths_are_gathered_too() -> None:
    spec = Measure("CharacterErrorRate", SPOKEN, lambda **_given: 0.0).spec()
    spec = edit.set_param(spec, "input_1", "shape", ["N", "T"])
    spec = edit.set_param(spec, "input_2", "shape", ["N", "S"])
    compiled = compile(spec)
    meter = Meter(compiled.program)
    answers: list[str] = []
    references: list[str] = []
    for length in (3, 3, 5, 2):
        input, target = TOKENS[:10, :length], REFERENCES[:10, : length + 1]
        meter.add(compiled.module(input, target, torch.zeros(10, 1)), 10)
        answers, references = answers + texts(input), references + texts(target)
    meter.read()
    expected = float(tm.text.word_error_rate(answers, references))
    assert meter.measured({}).scores[metric_id(spec)] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("measure", "words"),
    [
        (Measure("F1", {"input": SCORES[:, :1], "target": CLASSES}, abs), "one score, so there is no class to choose"),
        (Measure("F1", {"input": SCORES, "target": CLASSES[:, None]}, abs), "one class index for each sample"),
        (Measure("AUROC", {"input": SCORES, "target": LABELS.float()}, abs), "both must have one shape"),
        (Measure("CohenKappa", MULTILABEL, abs), "measures one answer a sample"),
        (Measure("TopKAccuracy", CLASSED, abs, {"k": 9}), "k is 9, but input has 4 classes."),
        (Measure("NDCG", {"input": ITEMS, "target": GRADED[:, :3]}, abs), "the place of the right item."),
        (Measure("BLEU", {"input": SCORES, "target": REFERENCES}, abs), "scores of 3 axes, N C T"),
        (Measure("R2", {"input": GUESS, "target": TRUE[:, :1]}, abs), "both must have one shape"),
    ],
    ids=str,
)
def test_a_metric_says_what_does_not_fit(measure: Measure, words: str) -> None:
    problem = check(measure.spec()).problems[0]
    assert words in problem.message
    assert problem.param in OPS[measure.op].input_ports() or problem.param in OPS[measure.op].params()
