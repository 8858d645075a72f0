"""Losses: PyTorch's against themselves, our own against plain formulas written number by number."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from tests.engine.catalogue.case import Case

CLOSE = 1e-5  # our own modules add up in another order than the formulas here

# ------------------------------------------------------------------------------------------------- plain formulas


def kl(mean: Tensor, log_var: Tensor, *, samples: bool = True) -> Tensor:
    normal = torch.distributions.Normal(mean, (log_var / 2).exp())
    each = torch.distributions.kl_divergence(normal, torch.distributions.Normal(0.0, 1.0))
    return each.sum() / (len(mean) if samples else 1)


def focal_of_answers(input: Tensor, target: Tensor, gamma: float = 2.0, alpha: float | None = None) -> Tensor:
    losses = []
    for score, answer in zip(input.flatten().tolist(), target.flatten().tolist(), strict=True):
        yes = 1 / (1 + math.exp(-score))
        right = yes * answer + (1 - yes) * (1 - answer)
        weight = 1.0 if alpha is None else alpha * answer + (1 - alpha) * (1 - answer)
        entropy = -(answer * math.log(yes) + (1 - answer) * math.log(1 - yes))
        losses.append(weight * (1 - right) ** gamma * entropy)
    return torch.tensor(sum(losses) / len(losses))


def focal_of_classes(
    input: Tensor, target: Tensor, gamma: float = 2.0, weight: list[float] | None = None, ignored: int = -100
) -> Tensor:
    losses = []
    for scores, place in zip(input.movedim(1, -1).reshape(-1, input.shape[1]), target.flatten().tolist(), strict=True):
        if place != ignored:
            right = scores.double().softmax(0)[place].item()
            losses.append((weight[place] if weight else 1.0) * (1 - right) ** gamma * -math.log(right))
    return torch.tensor(sum(losses) / len(losses))


def overlap(
    input: Tensor,
    target: Tensor,
    alpha: float = 0.5,
    beta: float = 0.5,
    smooth: float = 0.5,
    *,
    first: int = 0,
    ignored: int = -100,
    batch: bool = False,
) -> Tensor:
    """1 - Tversky's index of each sample and class, place by place."""
    answers = target.is_floating_point()
    found = input.sigmoid() if answers else input.softmax(1)
    groups = [range(len(input))] if batch else [[sample] for sample in range(len(input))]
    losses = []
    for group in groups:
        for label in range(first, input.shape[1]):
            hits = alarms = misses = 0.0
            for sample in group:
                guesses = found[sample, label].flatten().tolist()
                truths = (target[sample, label] if answers else target[sample]).flatten().tolist()
                for guess, truth in zip(guesses, truths, strict=True):
                    if not answers and truth == ignored:
                        continue
                    true = truth if answers else float(truth == label)
                    hits, alarms, misses = (
                        hits + guess * true,
                        alarms + guess * (1 - true),
                        misses + (1 - guess) * true,
                    )
            losses.append(1 - (hits + smooth) / (hits + alpha * alarms + beta * misses + smooth))
    return torch.tensor(sum(losses) / len(losses))


def contrastive(input1: Tensor, input2: Tensor, target: Tensor, margin: float = 1.0) -> Tensor:
    distance = (input1 - input2 + 1e-6).square().sum(1).sqrt()
    return (target * distance**2 + (1 - target) * torch.relu(margin - distance) ** 2).mean()


def info_nce(query: Tensor, positive: Tensor, temperature: float = 0.1, *, both: bool = True) -> Tensor:
    total, count = 0.0, len(query)
    for one, other in ((query, positive), (positive, query))[: 2 if both else 1]:
        for place in range(count):
            cosines = [float(one[place] @ each / (one[place].norm() * each.norm())) / temperature for each in other]
            total += math.log(sum(math.exp(each) for each in cosines)) - cosines[place]
    return torch.tensor(total / count / (2 if both else 1))


def bpr(positive: Tensor, negative: Tensor) -> Tensor:
    gaps = (positive[..., None] if negative.ndim > positive.ndim else positive) - negative
    return (1 + (-gaps).exp()).log().mean()


def ctc(log_probs: Tensor, targets: Tensor, input_lengths: list[int], target_lengths: list[int]) -> Tensor:
    return nn.functional.ctc_loss(
        log_probs.transpose(0, 1),
        targets,
        torch.tensor(input_lengths),
        torch.tensor(target_lengths),
        zero_infinity=True,
    )


def giou(one: list[float], other: list[float]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0) * max(height, 0)
    areas = [max(x2 - x1, 0) * max(y2 - y1, 0) for x1, y1, x2, y2 in (one, other)]
    union = sum(areas) - shared
    around = max(max(one[2], other[2]) - min(one[0], other[0]), 0) * max(
        max(one[3], other[3]) - min(one[1], other[1]), 0
    )
    return (shared / union if union else 0.0) - ((around - union) / around if around else 0.0)


def corners(box: list[float], form: str) -> list[float]:
    x, y, width, height = box
    if form == "xywh":
        return [x, y, x + width, y + height]
    return [x - width / 2, y - height / 2, x + width / 2, y + height / 2] if form == "cxcywh" else box


def giou_loss(input: Tensor, target: Tensor, mask: Tensor | None = None, form: str = "xyxy") -> Tensor:
    counted = [True] * (input.numel() // 4) if mask is None else mask.flatten().tolist()
    pairs = zip(input.reshape(-1, 4).tolist(), target.reshape(-1, 4).tolist(), counted, strict=True)
    losses = [1 - giou(corners(one, form), corners(other, form)) for one, other, counts in pairs if counts]
    return torch.tensor(sum(losses) / len(losses))


def fcos(
    scores: list[Tensor],
    distances: list[Tensor],
    boxes: Tensor,
    labels: Tensor,
    mask: Tensor | None = None,
    centerness: list[Tensor] | None = None,
    *,
    strides: tuple[int, ...] = (8,),
    radius: float = 1.5,
) -> Tensor:
    """The loss cell by cell."""
    total, answering = 0.0, 0
    for sample in range(len(boxes)):
        least = 0.0
        for level, stride in enumerate(strides):
            most = math.inf if level == len(strides) - 1 else 8 * stride
            _, classes, height, width = scores[level].shape
            for row in range(height):
                for column in range(width):
                    x, y = (column + 0.5) * stride, (row + 0.5) * stride
                    chosen, area = None, math.inf
                    for place, (x1, y1, x2, y2) in enumerate(boxes[sample].tolist()):
                        edges = (x - x1, y - y1, x2 - x, y2 - y)
                        near = max(abs(x - (x1 + x2) / 2), abs(y - (y1 + y2) / 2)) < radius * stride or radius == 0
                        real = mask is None or bool(mask[sample, place])
                        if (
                            real
                            and near
                            and min(edges) > 0
                            and least < max(edges) <= most
                            and (x2 - x1) * (y2 - y1) < area
                        ):
                            chosen, area = place, (x2 - x1) * (y2 - y1)
                    wanted = torch.zeros(classes)
                    cell = (sample, slice(None), row, column)
                    if chosen is not None:
                        answering += 1
                        wanted[labels[sample, chosen]] = 1.0
                        left, top, right, bottom = (distances[level][cell] * stride).tolist()
                        truth = boxes[sample, chosen].tolist()
                        total += 1 - giou([x - left, y - top, x + right, y + bottom], truth)
                        if centerness is not None:
                            x1, y1, x2, y2 = truth
                            across, down = (x - x1, x2 - x), (y - y1, y2 - y)
                            central = math.sqrt(min(across) / max(across) * min(down) / max(down))
                            stated = 1 / (1 + math.exp(-float(centerness[level][sample, 0, row, column])))
                            total -= central * math.log(stated) + (1 - central) * math.log(1 - stated)
                    total += float(focal_of_answers(scores[level][cell], wanted, alpha=0.25)) * classes
            least = most
    return torch.tensor(total / max(answering, 1))


# ----------------------------------------------------------------------------------------------------------- cases

IMAGE = {"input": "float32 2 3 4 4", "target": "int64:0..2 2 4 4"}
MASKS = {"input": "float32 2 3 4 4", "target": "float32:0..1 2 3 4 4"}
ANSWERS = {"input": "float32 4 3", "target": "float32:0..1 4 3"}
WIDE = {"input": "float64 4 3", "target": "float64 4 3"}
PYRAMID = {
    "scores": ["float32 2 3 6 6", "float32 2 3 3 3"],
    "distances": ["float32:0.1..3 2 4 6 6", "float32:0.1..3 2 4 3 3"],
    "boxes": "float32:0..48 2 5 4",
    "labels": "int64:0..2 2 5",
}


def weighted(numbers: list[float]) -> Tensor:
    return torch.tensor(numbers)


REGRESSION = [
    Case("MSELoss", make=nn.MSELoss),
    Case("MSELoss", make=lambda: nn.MSELoss(reduction="sum"), params={"reduction": "sum"}),
    Case("MSELoss", make=nn.MSELoss, inputs=WIDE, name="float64"),
    Case("L1Loss", make=nn.L1Loss),
    Case("SmoothL1Loss", make=nn.SmoothL1Loss),
    Case("SmoothL1Loss", make=lambda: nn.SmoothL1Loss(beta=0.3), params={"beta": 0.3}),
    Case("HuberLoss", make=nn.HuberLoss),
    Case("HuberLoss", make=lambda: nn.HuberLoss(delta=0.5), params={"delta": 0.5}),
    Case("PoissonNLLLoss", make=nn.PoissonNLLLoss),
    Case("PoissonNLLLoss", make=lambda: nn.PoissonNLLLoss(full=True), params={"full": True}),
    Case(
        "PoissonNLLLoss",
        make=lambda: nn.PoissonNLLLoss(log_input=False, eps=1e-3),
        params={"log_input": False, "eps": 1e-3},
        inputs={"input": "float32:0.1..4 4 3"},
    ),
    Case("GaussianNLLLoss", make=nn.GaussianNLLLoss),
    Case("GaussianNLLLoss", make=lambda: nn.GaussianNLLLoss(full=True, eps=1e-2), params={"full": True, "eps": 1e-2}),
    Case("GaussianNLLLoss", make=nn.GaussianNLLLoss, inputs={"var": "float32:0.5..2 4 1"}, name="one variance"),
    Case("KLDivLoss", make=lambda: nn.KLDivLoss(reduction="batchmean")),
    Case("KLDivLoss", make=lambda: nn.KLDivLoss(reduction="sum"), params={"reduction": "sum"}),
    Case(
        "KLDivLoss",
        make=lambda: nn.KLDivLoss(reduction="batchmean", log_target=True),
        params={"log_target": True},
        inputs={"target": "float32:-3..-1 4 3"},
    ),
    Case("GaussianKLLoss", call=kl, tolerance=CLOSE),
    Case(
        "GaussianKLLoss",
        call=lambda mean, log_var: kl(mean, log_var, samples=False),
        params={"reduction": "sum"},
        inputs={"mean": "float32 4 2 3", "log_var": "float32 4 2 3"},
        tolerance=CLOSE,
    ),
]

CLASSES = [
    Case("CrossEntropyLoss", make=nn.CrossEntropyLoss),
    Case("CrossEntropyLoss", make=nn.CrossEntropyLoss, inputs=IMAGE, name="image"),
    Case(
        "CrossEntropyLoss", make=lambda: nn.CrossEntropyLoss(ignore_index=1), params={"ignore_index": 1}, inputs=IMAGE
    ),
    Case(
        "CrossEntropyLoss",
        make=lambda: nn.CrossEntropyLoss(weight=weighted([1.0, 2.0, 0.5]), label_smoothing=0.1),
        params={"weight": [1, 2, 0.5], "label_smoothing": 0.1},
        inputs=IMAGE,
    ),
    Case(
        "CrossEntropyLoss",
        make=lambda: nn.CrossEntropyLoss(weight=weighted([1.0, 2.0, 0.5]).double()),
        params={"weight": [1.0, 2.0, 0.5]},
        inputs={"input": "float64 4 3", "target": "int64:0..2 4"},
        name="float64",
    ),
    Case("CrossEntropyLoss", make=nn.CrossEntropyLoss, inputs=ANSWERS, name="probabilities"),
    Case("NLLLoss", make=nn.NLLLoss),
    Case(
        "NLLLoss",
        make=lambda: nn.NLLLoss(weight=weighted([1.0, 2.0, 0.5]), ignore_index=0, reduction="sum"),
        params={"weight": [1, 2, 0.5], "ignore_index": 0, "reduction": "sum"},
        inputs=IMAGE,
    ),
    Case("MultiMarginLoss", make=nn.MultiMarginLoss),
    Case(
        "MultiMarginLoss",
        make=lambda: nn.MultiMarginLoss(p=2, margin=0.5, weight=weighted([1.0, 2.0, 0.5])),
        params={"p": 2, "margin": 0.5, "weight": [1, 2, 0.5]},
        inputs={"input": "float32 4 3", "target": "int64:0..2 4"},
    ),
    Case("BCELoss", make=nn.BCELoss),
    Case("BCELoss", make=lambda: nn.BCELoss(weight=weighted([1.0, 2.0, 0.5])), params={"weight": [1, 2, 0.5]}),
    Case("BCEWithLogitsLoss", make=nn.BCEWithLogitsLoss),
    Case(
        "BCEWithLogitsLoss",
        make=lambda: nn.BCEWithLogitsLoss(weight=weighted([1.0, 2.0, 0.5]), pos_weight=weighted([3.0])),
        params={"weight": [1, 2, 0.5], "pos_weight": [3]},
    ),
    Case(
        "BCEWithLogitsLoss",
        make=lambda: nn.BCEWithLogitsLoss(pos_weight=weighted([1.0, 2.0, 0.5])[:, None, None]),
        params={"pos_weight": [1, 2, 0.5]},
        inputs=MASKS,
        name="masks",
    ),
    Case("SoftMarginLoss", make=nn.SoftMarginLoss, constant=("target",)),
    Case("MultiLabelSoftMarginLoss", make=nn.MultiLabelSoftMarginLoss),
    Case(
        "MultiLabelSoftMarginLoss",
        make=lambda: nn.MultiLabelSoftMarginLoss(weight=weighted([1.0, 2.0, 0.5])),
        params={"weight": [1, 2, 0.5]},
    ),
    Case("MultiLabelMarginLoss", make=nn.MultiLabelMarginLoss),
    Case("FocalLoss", call=focal_of_classes, tolerance=CLOSE),
    Case(
        "FocalLoss",
        call=lambda input, target: focal_of_classes(input, target, 0.5, [1.0, 2.0, 0.5], 1),
        params={"gamma": 0.5, "weight": [1, 2, 0.5], "ignore_index": 1},
        inputs=IMAGE,
        tolerance=CLOSE,
    ),
    Case("FocalLoss", call=focal_of_answers, inputs=ANSWERS, tolerance=CLOSE, name="answers"),
    Case(
        "FocalLoss",
        call=lambda input, target: focal_of_answers(input, target, 1.0, 0.25),
        params={"gamma": 1.0, "alpha": 0.25},
        inputs=MASKS,
        tolerance=CLOSE,
    ),
    Case("FocalLoss", make=nn.CrossEntropyLoss, params={"gamma": 0.0}, tolerance=CLOSE),
    Case("DiceLoss", call=overlap, tolerance=CLOSE),
    Case("DiceLoss", call=overlap, inputs=MASKS, tolerance=CLOSE, name="masks"),
    Case(
        "DiceLoss",
        call=lambda input, target: overlap(input, target, smooth=0.05, first=1, ignored=2, batch=True),
        params={"smooth": 0.1, "background": False, "ignore_index": 2, "batch": True},
        tolerance=CLOSE,
    ),
    Case("TverskyLoss", call=lambda input, target: overlap(input, target, 0.3, 0.7, 1.0), tolerance=CLOSE),
    Case(
        "TverskyLoss",
        call=lambda input, target: overlap(input, target, 1.0, 1.0, 1e-3),
        params={"alpha": 1.0, "beta": 1.0, "smooth": 1e-3},
        inputs=MASKS,
        tolerance=CLOSE,
        name="jaccard",
    ),
]

PAIRS = [
    Case("CosineEmbeddingLoss", make=nn.CosineEmbeddingLoss),
    Case("CosineEmbeddingLoss", make=lambda: nn.CosineEmbeddingLoss(margin=0.3), params={"margin": 0.3}),
    Case("HingeEmbeddingLoss", make=nn.HingeEmbeddingLoss),
    Case("HingeEmbeddingLoss", make=lambda: nn.HingeEmbeddingLoss(margin=2.0), params={"margin": 2.0}),
    Case("MarginRankingLoss", make=nn.MarginRankingLoss),
    Case("MarginRankingLoss", make=lambda: nn.MarginRankingLoss(margin=0.5), params={"margin": 0.5}),
    Case("ContrastiveLoss", call=contrastive, tolerance=CLOSE),
    Case(
        "ContrastiveLoss",
        call=lambda input1, input2, target: contrastive(input1, input2, target, 6.0),
        params={"margin": 6.0},
        tolerance=CLOSE,
    ),
    Case("TripletMarginLoss", make=nn.TripletMarginLoss),
    Case(
        "TripletMarginLoss",
        make=lambda: nn.TripletMarginLoss(margin=2.0, p=1.0, swap=True),
        params={"margin": 2.0, "p": 1.0, "swap": True},
    ),
    Case(
        "TripletMarginWithDistanceLoss",
        make=lambda: nn.TripletMarginWithDistanceLoss(
            distance_function=lambda one, other: 1 - nn.functional.cosine_similarity(one, other, dim=-1)
        ),
    ),
    Case(
        "TripletMarginWithDistanceLoss",
        make=nn.TripletMarginWithDistanceLoss,
        params={"distance": "euclidean"},
    ),
    Case(
        "TripletMarginWithDistanceLoss",
        make=lambda: nn.TripletMarginWithDistanceLoss(
            distance_function=nn.PairwiseDistance(p=1.0), margin=0.2, swap=True
        ),
        params={"distance": "manhattan", "margin": 0.2, "swap": True},
    ),
    Case("InfoNCELoss", call=info_nce, tolerance=CLOSE),
    Case(
        "InfoNCELoss",
        call=lambda query, positive: info_nce(query, positive, 0.5, both=False),
        params={"temperature": 0.5, "symmetric": False},
        tolerance=CLOSE,
    ),
    Case("BPRLoss", call=bpr, tolerance=CLOSE),
    Case("BPRLoss", call=bpr, inputs={"negative": "float32 4 5"}, tolerance=CLOSE, name="several"),
]

SEQUENCES = [
    Case("CTCLoss", call=lambda log_probs, targets: ctc(log_probs, targets, [8, 8], [3, 3])),
    Case(
        "CTCLoss",
        call=lambda log_probs, targets, input_lengths, target_lengths: ctc(
            log_probs, targets, input_lengths.tolist(), target_lengths.tolist()
        ),
        inputs={"input_lengths": "int64:6..8 2", "target_lengths": "int64:1..3 2"},
        name="lengths",
    ),
    Case(
        "CTCLoss",
        call=lambda log_probs, targets: nn.CTCLoss(blank=4)(
            log_probs.transpose(0, 1), targets, torch.tensor([8, 8]), (targets == 4).cumsum(1).eq(0).sum(1)
        ),
        params={"blank": 4, "zero_infinity": False},
        inputs={"targets": "int64:0..4 2 3"},
    ),
]

BOXES = [
    Case("GIoULoss", call=giou_loss, tolerance=CLOSE),
    Case("GIoULoss", call=giou_loss, inputs={"mask": "bool 2 3"}, tolerance=CLOSE, name="mask"),
    *(
        Case(
            "GIoULoss",
            call=lambda input, target, form=form: giou_loss(input, target, form=form),
            params={"format": form},
            tolerance=CLOSE,
        )
        for form in ("xywh", "cxcywh")
    ),
    Case("FCOSLoss", call=fcos, tolerance=CLOSE),
    Case(
        "FCOSLoss",
        call=lambda **given: fcos(**given, strides=(8, 16), radius=0),
        params={"strides": [8, 16], "radius": 0.0},
        inputs={
            **PYRAMID,
            "mask": "bool 2 5",
            "centerness": ["float32 2 1 6 6", "float32 2 1 3 3"],
        },
        tolerance=CLOSE,
        name="pyramid",
    ),
]

CASES = [*REGRESSION, *CLASSES, *PAIRS, *SEQUENCES, *BOXES]
