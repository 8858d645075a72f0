"""Metrics that gather over batches and that torchmetrics lacks, or computes otherwise than wished. Heavy to import.

Each is a torchmetrics Metric: `update` takes what the metric's `given` hands on of a batch, `compute` gives a number,
or one for each class.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.functional import classification, spearman_corrcoef
from torchmetrics.text import BLEUScore
from torchmetrics.utilities.data import dim_zero_cat

Kind = Literal["binary", "multiclass", "multilabel"]

# ------------------------------------------------------------------------------------------------------ regression


class _Moments(Metric):
    """Sums of predictions and targets N D, in double precision, from which means and variances follow."""

    full_state_update = False
    names = ("count", "target", "target2", "guess", "guess2", "product", "error", "error2")

    def __init__(self) -> None:
        super().__init__()
        for name in self.names:
            self.add_state(name, torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, input: Tensor, target: Tensor) -> None:
        guess, true = input.double(), target.double()
        error = true - guess
        terms = (torch.ones_like(true), true, true**2, guess, guess**2, guess * true, error, error**2)
        for name, term in zip(self.names, terms, strict=True):
            setattr(self, name, getattr(self, name) + term.sum(0))

    def spread(self, squares: Tensor, one: Tensor, other: Tensor) -> Tensor:
        """The sum of products less their means, 0 where only rounding is left of it."""
        spread = squares - one * other / self.count
        return torch.where(spread.abs() > 1e-13 * squares.abs(), spread, 0)


def _share_left(error: Tensor, whole: Tensor) -> Tensor:
    """1 - error / whole for each output, then their mean; an output that never varies counts 1 or 0."""
    return torch.where(whole > 0, 1 - error / whole, (error == 0).double()).mean()


class R2(_Moments):
    """Coefficient of determination, as scikit-learn's r2_score; NaN for fewer than two samples."""

    def compute(self) -> Tensor:
        if (self.count < 2).any():
            return torch.tensor(math.nan)
        return _share_left(self.error2, self.spread(self.target2, self.target, self.target))


class ExplainedVariance(_Moments):
    """As scikit-learn's explained_variance_score."""

    def compute(self) -> Tensor:
        error = self.spread(self.error2, self.error, self.error)
        return _share_left(error, self.spread(self.target2, self.target, self.target))


class Pearson(_Moments):
    """Pearson's correlation; NaN for what never varies."""

    def compute(self) -> Tensor:
        shared = self.spread(self.product, self.guess, self.target)
        spreads = self.spread(self.guess2, self.guess, self.guess) * self.spread(self.target2, self.target, self.target)
        return (shared / spreads.sqrt()).clamp(-1, 1).mean()


class _Whole(Metric):
    """Keeps all predictions and targets, for what cannot be computed from sums."""

    full_state_update = False

    def __init__(self) -> None:
        super().__init__()
        self.add_state("inputs", [], dist_reduce_fx="cat")
        self.add_state("targets", [], dist_reduce_fx="cat")

    def update(self, input: Tensor, target: Tensor) -> None:
        self.inputs.append(input)
        self.targets.append(target)


class Spearman(_Whole):
    """Spearman's rank correlation; NaN for what never varies."""

    def compute(self) -> Tensor:
        pairs = zip(*(dim_zero_cat(each).double().unbind(1) for each in (self.inputs, self.targets)), strict=True)
        return torch.stack([self._of_one(input, target) for input, target in pairs]).mean()

    def _of_one(self, input: Tensor, target: Tensor) -> Tensor:
        if len(input) < 2 or (input == input[0]).all() or (target == target[0]).all():
            return torch.tensor(math.nan, dtype=torch.float64, device=input.device)
        return spearman_corrcoef(input, target)


# ---------------------------------------------------------------------------------------------------------- scores


class _OfScores(_Whole):
    """Keeps scores N C (raw, or probabilities) and class indices N, or scores and answers N L of one shape."""

    def __init__(self, kind: Kind, count: int = 1, *, ignore_index: int = -100, **settings: Any) -> None:
        super().__init__()
        self.kind, self.count, self.ignore_index, self.settings = kind, count, ignore_index, settings

    def update(self, input: Tensor, target: Tensor) -> None:
        if self.kind == "multiclass":
            super().update(input.movedim(1, -1).reshape(-1, self.count), target.reshape(-1))
            return
        columns = (-1, self.count) if self.kind == "multilabel" else (-1,)
        input, target = (
            each.movedim(1, -1) if each.ndim > 1 else each for each in (input, (target + 0.5).floor().long())
        )
        super().update(input.reshape(columns), target.reshape(columns))

    def whole(self) -> tuple[Tensor, Tensor]:
        """All scores and targets, what is ignored left out."""
        inputs, targets = dim_zero_cat(self.inputs), dim_zero_cat(self.targets)
        if self.kind == "multilabel":  # one label of a sample may be ignored and another not: torchmetrics sees to it
            return inputs.double(), targets
        counted = targets != self.ignore_index
        return inputs[counted].double(), targets[counted]

    def counts(self) -> dict[str, int]:
        """The keyword that says how many classes or labels there are."""
        return {"multiclass": {"num_classes": self.count}, "multilabel": {"num_labels": self.count}}.get(self.kind, {})


def probabilities(scores: Tensor) -> Tensor:
    """Scores N C as probabilities: as they are, where each row is one of probabilities already, else by a softmax."""
    sums = scores.sum(1)
    given = bool((scores >= 0).all()) and bool(((sums - 1).abs() < 1e-2).all())
    return scores / sums[:, None] if given else scores.softmax(1)


def ranks(scores: Tensor) -> Tensor:
    """Scores as numbers between 0 and 1 in the same order, however large they are."""
    places = scores.unique(return_inverse=True)[1]
    return (places.double() + 0.5) / (places.max() + 1)


class _Curve(_OfScores):
    """Measured on the order of the scores: for each class those of its samples against all others'."""

    curve: str

    def compute(self) -> Tensor:
        inputs, targets = self.whole()
        settings = dict(self.settings)
        if self.kind == "binary":
            settings.pop("average", None)
        if not len(targets) or (self.kind == "binary" and (targets == targets[0]).all()):
            return torch.tensor(math.nan)
        ordered = probabilities(inputs) if self.kind == "multiclass" else ranks(inputs)
        more = {"ignore_index": self.ignore_index} if self.kind == "multilabel" else {}
        function = getattr(classification, f"{self.kind}_{self.curve}")
        return function(ordered, targets, **self.counts(), **settings, **more, validate_args=False)  # type: ignore[no-any-return]


class AUROC(_Curve):
    """Area under the receiver operating characteristic; NaN where there is only one class."""

    curve = "auroc"


class AveragePrecision(_Curve):
    """Average precision; NaN where there is only one class."""

    curve = "average_precision"


class CalibrationError(_OfScores):
    """Expected calibration error of the highest probability (of classes), or of the stated one (yes or no)."""

    def compute(self) -> Tensor:
        inputs, targets = self.whole()
        if not len(targets):
            return torch.tensor(math.nan)
        if self.kind == "multiclass":
            inputs = probabilities(inputs)
        elif bool((inputs < 0).any()) or bool((inputs > 1).any()):
            inputs = inputs.sigmoid()
        function = getattr(classification, f"{self.kind}_calibration_error")
        return function(inputs, targets, **self.counts(), **self.settings, validate_args=False)  # type: ignore[no-any-return]


# ---------------------------------------------------------------------------------------------------------- tokens


class Tokens:
    """How outputs and targets become sequences of tokens: (tokens N L packed to the left, lengths N)."""

    def __init__(self, decode: str, pad_index: int | None, end_index: int | None, blank: int) -> None:
        self.ctc, self.pad, self.end, self.blank = decode == "ctc", pad_index, end_index, blank

    def answers(self, input: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
        """Greedy answers of tokens N T, or of scores N C T (N T C where they are decoded as CTC)."""
        tokens = input.argmax(2 if self.ctc else 1) if input.is_floating_point() else input
        kept = self._kept(tokens, lengths)
        if self.ctc:
            kept &= tokens != self.blank
            kept[:, 1:] &= tokens[:, 1:] != tokens[:, :-1]
        return packed(tokens, kept)

    def references(self, target: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
        """Targets N S."""
        kept = self._kept(target, lengths)
        if self.ctc and lengths is None:
            kept &= (target == self.blank).cumsum(1) == 0
        return packed(target, kept)

    def _kept(self, tokens: Tensor, lengths: Tensor | None) -> Tensor:
        kept = torch.ones_like(tokens, dtype=torch.bool)
        if lengths is not None:
            kept &= torch.arange(tokens.shape[1], device=tokens.device) < lengths[:, None]
        if self.end is not None:
            kept &= (tokens == self.end).cumsum(1) == 0
        if self.pad is not None:
            kept &= tokens != self.pad
        return kept


def packed(tokens: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
    """Bring the tokens N L that are kept to the left; returns them and their number in each row."""
    order = (~kept).long().argsort(dim=1, stable=True)
    return tokens.gather(1, order), kept.sum(1)


def lists(tokens: Tensor, lengths: Tensor) -> list[list[int]]:
    """Packed tokens as lists."""
    return [row[:length] for row, length in zip(tokens.tolist(), lengths.tolist(), strict=True)]


def edit_distance(one: Tensor, one_lengths: Tensor, other: Tensor, other_lengths: Tensor) -> Tensor:
    """Least changes, additions and omissions that make one sequence of the other: tokens N A and N B, lengths N -> N.

    Levenshtein's table, a row a step: what adding tokens costs along a row is a running minimum.
    """
    places = torch.arange(other.shape[1] + 1, device=other.device)
    row = places.expand(len(one), -1)
    found = row.gather(1, other_lengths[:, None])[:, 0]
    for step in range(one.shape[1]):
        changed = row[:, :-1] + (one[:, step : step + 1] != other)
        best = torch.minimum(row[:, 1:] + 1, changed)
        best = torch.cat((torch.full_like(best[:, :1], step + 1), best), dim=1)
        row = (best - places).cummin(1).values + places
        found = torch.where(one_lengths == step + 1, row.gather(1, other_lengths[:, None])[:, 0], found)
    return found


class TokenErrorRate(Metric):
    """Edit distance of all answers, as a share of the targets' tokens."""

    full_state_update = False

    def __init__(
        self, decode: str = "argmax", pad_index: int | None = None, end_index: int | None = None, blank: int = 0
    ) -> None:
        super().__init__()
        self.tokens = Tokens(decode, pad_index, end_index, blank)
        self.add_state("errors", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("total", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(
        self, input: Tensor, target: Tensor, input_lengths: Tensor | None, target_lengths: Tensor | None
    ) -> None:
        answers = self.tokens.answers(input, input_lengths)
        references = self.tokens.references(target, target_lengths)
        self.add(*answers, *references)

    def add(self, answers: Tensor, lengths: Tensor, references: Tensor, reference_lengths: Tensor) -> None:
        """Add up the errors of packed tokens."""
        self.errors = self.errors + edit_distance(answers, lengths, references, reference_lengths).sum()
        self.total = self.total + reference_lengths.sum()

    def compute(self) -> Tensor:
        return self.errors / self.total


class WordErrorRate(TokenErrorRate):
    """Edit distance in words, where tokens are characters and one of them stands between words."""

    def __init__(self, space_index: int, **settings: Any) -> None:
        super().__init__(**settings)
        self.space = space_index

    def add(self, answers: Tensor, lengths: Tensor, references: Tensor, reference_lengths: Tensor) -> None:
        numbers: dict[tuple[int, ...], int] = {}
        found = [
            [[numbers.setdefault(word, len(numbers)) for word in self._words(row)] for row in lists(tokens, count)]
            for tokens, count in ((answers, lengths), (references, reference_lengths))
        ]
        super().add(*(each for rows in found for each in padded(rows, answers.device)))

    def _words(self, tokens: list[int]) -> list[tuple[int, ...]]:
        words: list[list[int]] = [[]]
        for token in tokens:
            if token == self.space:
                words.append([])
            else:
                words[-1].append(token)
        return [tuple(word) for word in words if word]


def padded(rows: list[list[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Lists of numbers as a tensor N L, filled up with -1, and their lengths N."""
    longest = max(map(len, rows), default=0)
    tokens = torch.tensor([[*row, *[-1] * (longest - len(row))] for row in rows], dtype=torch.int64, device=device)
    return tokens.reshape(len(rows), longest), torch.tensor([len(row) for row in rows], device=device)


class BLEU(BLEUScore):  # type: ignore[misc]  # torchmetrics is not typed
    """BLEU of tokens, each target the only reference of its answer."""

    def __init__(
        self,
        n_gram: int = 4,
        *,
        smooth: bool = False,
        decode: str = "argmax",
        pad_index: int | None = None,
        end_index: int | None = None,
        blank: int = 0,
    ) -> None:
        super().__init__(n_gram=n_gram, smooth=smooth)
        self.tokens = Tokens(decode, pad_index, end_index, blank)

    def update(
        self, input: Tensor, target: Tensor, input_lengths: Tensor | None, target_lengths: Tensor | None
    ) -> None:
        answers, references = (
            [" ".join(map(str, row)) for row in lists(*sequences)]
            for sequences in (
                self.tokens.answers(input, input_lengths),
                self.tokens.references(target, target_lengths),
            )
        )
        super().update(answers, [[each] for each in references])


# ----------------------------------------------------------------------------------------------------------- boxes


class MeanAveragePrecision(Metric):
    """COCO's mean average precision over classes, 101 recalls and the overlaps asked for; NaN without true boxes.

    Boxes are kept as rows x y width height score class, and how many of them each image has.
    """

    full_state_update = False

    def __init__(self, overlap: str = "0.5:0.95", format: str = "xyxy") -> None:
        super().__init__()
        self.overlap, self.format = overlap, format
        for name in ("found", "found_counts", "true", "true_counts"):
            self.add_state(name, [], dist_reduce_fx="cat")

    def update(
        self,
        boxes: Tensor,
        scores: Tensor,
        labels: Tensor,
        target_boxes: Tensor,
        target_labels: Tensor,
        target_mask: Tensor | None,
        mask: Tensor | None,
        count: Tensor | None,
    ) -> None:
        counted = torch.ones_like(labels, dtype=torch.bool) if mask is None else mask
        if count is not None:
            counted = counted & (torch.arange(labels.shape[1], device=labels.device) < count[:, None])
        real = torch.ones_like(target_labels, dtype=torch.bool) if target_mask is None else target_mask
        self._keep("found", boxes, scores, labels, counted)
        self._keep("true", target_boxes, torch.ones_like(target_boxes[..., 0]), target_labels, real)

    def _keep(self, name: str, boxes: Tensor, scores: Tensor, labels: Tensor, kept: Tensor) -> None:
        columns = [sized(boxes.double(), self.format), scores.double().unsqueeze(2), labels.double().unsqueeze(2)]
        getattr(self, name).append(torch.cat(columns, dim=2)[kept])
        getattr(self, f"{name}_counts").append(kept.sum(1))

    def compute(self) -> Tensor:
        found, true = self._rows("found"), self._rows("true")
        if not true:
            return torch.tensor(math.nan)
        if not found:
            return torch.tensor(0.0)
        precision = self._precision(found, true)
        known = precision[precision > -1]
        return torch.tensor(float(known.mean()) if known.size else math.nan)

    def _rows(self, name: str) -> list[dict[str, Any]]:
        """Boxes as COCO lists them."""
        counts = dim_zero_cat(getattr(self, f"{name}_counts"))
        images = torch.arange(len(counts), device=counts.device).repeat_interleave(counts)
        rows = zip(images.tolist(), dim_zero_cat(getattr(self, name)).tolist(), strict=True)
        return [
            {
                "id": number,
                "image_id": image + 1,
                "category_id": int(row[5]),
                "bbox": row[:4],
                "area": row[2] * row[3],
                "score": row[4],
                "iscrowd": 0,
            }
            for number, (image, row) in enumerate(rows, 1)
        ]

    def _precision(self, found: list[dict[str, Any]], true: list[dict[str, Any]]) -> Any:
        """Precision at each overlap, recall and class, for boxes of all sizes and at most 100 an image."""
        from faster_coco_eval import COCO, COCOeval_faster  # heavy, and of use for detection alone

        images = [{"id": number + 1} for number in range(sum(map(len, self.true_counts)))]
        classes = [
            {"id": number, "name": str(number)} for number in sorted({each["category_id"] for each in [*true, *found]})
        ]
        truth = COCO({"images": images, "annotations": true, "categories": classes})
        evaluation = COCOeval_faster(truth, truth.loadRes(found), iouType="bbox", print_function=lambda *_words: None)
        if self.overlap != "0.5:0.95":
            evaluation.params.iouThrs = evaluation.params.iouThrs[:1] * 0 + float(self.overlap)
        evaluation.evaluate()
        evaluation.accumulate()
        return evaluation.eval["precision"][..., 0, -1]


def sized(boxes: Tensor, format: str) -> Tensor:
    """Boxes ... 4 as corner and sizes, from two corners, corner and sizes, or centre and sizes.

    A size below 0 counts as 0: COCO would leave such a box out instead of counting it as wrong.
    """
    first, second = boxes[..., :2], boxes[..., 2:]
    size = second - first if format == "xyxy" else second
    return torch.cat((first - size / 2 if format == "cxcywh" else first, size.clamp_min(0)), dim=-1)
