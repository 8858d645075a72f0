"""Losses that PyTorch lacks, or takes in another form."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def reduced(losses: Tensor, reduction: str) -> Tensor:
    """The mean or the sum of all losses."""
    return losses.mean() if reduction == "mean" else losses.sum()


class GaussianKLLoss(nn.Module):
    """Divergence of N(mean, exp(log_var)) from N(0, 1), summed over each sample: mean and log_var N ... -> one number.

    Kingma and Welling, Auto-Encoding Variational Bayes, 2013, appendix B.
    """

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = reduction

    def forward(self, mean: Tensor, log_var: Tensor) -> Tensor:
        terms = -0.5 * (1 + log_var - mean.square() - log_var.exp())
        return reduced(terms.reshape(len(terms), -1).sum(1), self.reduction)


class SigmoidFocalLoss(nn.Module):
    """Focal loss of raw scores for yes-or-no targets, both of one shape -> one number.

    Lin et al., Focal Loss for Dense Object Detection, 2017. `alpha` weighs yes, 1 - alpha no; None weighs both as 1.
    """

    def __init__(self, gamma: float = 2.0, alpha: float | None = None, reduction: str = "mean") -> None:
        super().__init__()
        self.gamma, self.alpha, self.reduction = gamma, alpha, reduction

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return reduced(sigmoid_focal(input, target, self.gamma, self.alpha), self.reduction)


def sigmoid_focal(input: Tensor, target: Tensor, gamma: float, alpha: float | None) -> Tensor:
    """The focal loss of each number. A wrongness of 0 would have no slope for a gamma below 1, so it stays above."""
    probability = input.sigmoid()
    wrong = probability * (1 - target) + (1 - probability) * target
    losses = nn.functional.binary_cross_entropy_with_logits(input, target, reduction="none")
    losses = losses * wrong.clamp_min(torch.finfo(wrong.dtype).eps ** 2) ** gamma
    return losses if alpha is None else losses * (alpha * target + (1 - alpha) * (1 - target))


class SoftmaxFocalLoss(nn.Module):
    """Focal loss of raw scores N C ... for class indices N ... -> one number; "mean" is over what is not ignored.

    Lin et al., Focal Loss for Dense Object Detection, 2017, for several classes.
    """

    weight: Tensor | None

    def __init__(
        self, gamma: float = 2.0, weight: Tensor | None = None, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.gamma, self.ignore_index, self.reduction = gamma, ignore_index, reduction

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        counted = target != self.ignore_index
        classes = torch.where(counted, target, 0)
        logarithms = input.log_softmax(1).gather(1, classes.unsqueeze(1)).squeeze(1)
        wrong = -torch.expm1(logarithms)
        losses = -logarithms * wrong.clamp_min(torch.finfo(wrong.dtype).eps ** 2) ** self.gamma
        if self.weight is not None:
            losses = losses * self.weight[classes]
        total = torch.where(counted, losses, 0).sum()
        return total / counted.sum().clamp_min(1) if self.reduction == "mean" else total


def regions(input: Tensor, target: Tensor, ignore_index: int) -> tuple[Tensor, Tensor]:
    """Predicted and true regions N C L from raw scores N C ... and class indices N ... or answers N C ..."""
    if target.is_floating_point():
        return input.sigmoid().flatten(2), target.flatten(2)
    counted = target != ignore_index
    truth = nn.functional.one_hot(torch.where(counted, target, 0), input.shape[1]).movedim(-1, 1) * counted.unsqueeze(1)
    return (input.softmax(1) * counted.unsqueeze(1)).flatten(2), truth.to(input.dtype).flatten(2)


class TverskyLoss(nn.Module):
    """1 - (hits + smooth) / (hits + alpha false alarms + beta misses + smooth), for each sample and class.

    Raw scores N C ..., class indices N ... or answers N C ... -> one number. Salehi et al., Tversky loss function for
    image segmentation, 2017.
    """

    def __init__(
        self,
        alpha: float = 0.3,
        beta: float = 0.7,
        smooth: float = 1.0,
        *,
        batch: bool = False,
        background: bool = True,
        ignore_index: int = -100,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        self.alpha, self.beta, self.smooth = alpha, beta, smooth
        self.batch, self.background = batch, background
        self.ignore_index, self.reduction = ignore_index, reduction

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        found, true = regions(input, target, self.ignore_index)
        axes = (0, 2) if self.batch else (2,)
        hits, alarms, misses = (each.sum(axes) for each in (found * true, found * (1 - true), (1 - found) * true))
        shares = (hits + self.smooth) / (hits + self.alpha * alarms + self.beta * misses + self.smooth)
        return reduced(1 - (shares if self.background else shares[..., 1:]), self.reduction)


class DiceLoss(TverskyLoss):
    """1 - (2 hits + smooth) / (found + true + smooth), for each sample and class: a Tversky loss that weighs alike.

    Raw scores N C ..., class indices N ... or answers N C ... -> one number. Milletari et al., V-Net, 2016.
    """

    def __init__(
        self,
        smooth: float = 1.0,
        *,
        batch: bool = False,
        background: bool = True,
        ignore_index: int = -100,
        reduction: str = "mean",
    ) -> None:
        super().__init__(
            0.5,
            0.5,
            smooth / 2,
            batch=batch,
            background=background,
            ignore_index=ignore_index,
            reduction=reduction,
        )


class CosineDistance(nn.Module):
    """1 - cosine of vectors along the last axis: ... D -> ..."""

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        return 1 - nn.functional.cosine_similarity(one, other, dim=-1)


class ContrastiveLoss(nn.Module):
    """Squared distance of pairs N D where target N is 1, squared shortfall of a margin where it is 0 -> one number.

    Hadsell, Chopra and LeCun, Dimensionality Reduction by Learning an Invariant Mapping, 2006, without its halves.
    """

    def __init__(self, margin: float = 1.0, reduction: str = "mean") -> None:
        super().__init__()
        self.margin, self.reduction = margin, reduction

    def forward(self, input1: Tensor, input2: Tensor, target: Tensor) -> Tensor:
        distance = nn.functional.pairwise_distance(input1, input2)
        apart = (self.margin - distance).clamp_min(0).square()
        return reduced(target * distance.square() + (1 - target) * apart, self.reduction)


class InfoNCELoss(nn.Module):
    """Cross entropy of finding each query's partner among the batch's by cosine: query and positive N D -> one number.

    Van den Oord et al., Representation Learning with Contrastive Predictive Coding, 2018; symmetric as in Radford et
    al., CLIP, 2021.
    """

    def __init__(self, temperature: float = 0.1, *, symmetric: bool = True, reduction: str = "mean") -> None:
        super().__init__()
        self.temperature, self.symmetric, self.reduction = temperature, symmetric, reduction

    def forward(self, query: Tensor, positive: Tensor) -> Tensor:
        scores = nn.functional.normalize(query, dim=1) @ nn.functional.normalize(positive, dim=1).T / self.temperature
        partners = torch.arange(len(scores), device=scores.device)
        loss = nn.functional.cross_entropy(scores, partners, reduction=self.reduction)
        if not self.symmetric:
            return loss
        return (loss + nn.functional.cross_entropy(scores.T, partners, reduction=self.reduction)) / 2


class BPRLoss(nn.Module):
    """-log sigmoid(positive - negative) of scores: positive N ..., negative of that shape or with one more axis.

    Rendle et al., BPR: Bayesian Personalized Ranking from Implicit Feedback, 2009.
    """

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = reduction

    def forward(self, positive: Tensor, negative: Tensor) -> Tensor:
        if negative.ndim > positive.ndim:
            positive = positive.unsqueeze(-1)
        return reduced(-nn.functional.logsigmoid(positive - negative), self.reduction)


class CTCLoss(nn.CTCLoss):
    """PyTorch's CTC loss with the batch first: log_probs N T C, targets N S, lengths N -> one number.

    Without input_lengths every sequence has T steps, without target_lengths a target ends at its first blank.
    """

    def forward(
        self,
        log_probs: Tensor,
        targets: Tensor,
        input_lengths: Tensor | None = None,
        target_lengths: Tensor | None = None,
    ) -> Tensor:
        if input_lengths is None:
            input_lengths = torch.full_like(targets[:, 0], log_probs.shape[1])
        if target_lengths is None:
            target_lengths = (targets == self.blank).cumsum(1).eq(0).sum(1)
        return super().forward(log_probs.transpose(0, 1), targets, input_lengths, target_lengths)


def as_corners(boxes: Tensor, format: str) -> Tensor:
    """Boxes ... 4 as x1 y1 x2 y2, from that ("xyxy"), from corner and sizes ("xywh") or centre and sizes ("cxcywh")."""
    if format == "xyxy":
        return boxes
    place, size = boxes[..., :2], boxes[..., 2:]
    first = place if format == "xywh" else place - size / 2
    return torch.cat((first, first + size), dim=-1)


def generalized_iou(one: Tensor, other: Tensor) -> Tensor:
    """Generalised intersection over union of boxes ... 4 as corners, pair by pair: ..., from -1 to 1.

    Rezatofighi et al., Generalized Intersection over Union, 2019. Boxes without area count as hardly touching.
    """
    tiny = torch.finfo(one.dtype).eps ** 2
    shared = (torch.minimum(one[..., 2:], other[..., 2:]) - torch.maximum(one[..., :2], other[..., :2])).clamp_min(0)
    around = torch.maximum(one[..., 2:], other[..., 2:]) - torch.minimum(one[..., :2], other[..., :2])
    areas = [(each[..., 2:] - each[..., :2]).clamp_min(0).prod(-1) for each in (one, other)]
    intersection, hull = shared.prod(-1), around.clamp_min(0).prod(-1)
    union = areas[0] + areas[1] - intersection
    return intersection / union.clamp_min(tiny) - (hull - union) / hull.clamp_min(tiny)


class GIoULoss(nn.Module):
    """1 - generalised IoU of boxes ... 4, pair by pair; a mask ... says which count -> one number."""

    def __init__(self, format: str = "xyxy", reduction: str = "mean") -> None:
        super().__init__()
        self.format, self.reduction = format, reduction

    def forward(self, input: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        losses = 1 - generalized_iou(as_corners(input, self.format), as_corners(target, self.format))
        if mask is None:
            return reduced(losses, self.reduction)
        total = (losses * mask).sum()
        return total / mask.sum().clamp_min(1) if self.reduction == "mean" else total


class FCOSLoss(nn.Module):
    """Tian et al., FCOS: Fully Convolutional One-Stage Object Detection, 2019, in four steps.

    1. Every cell of every level has its centre in the image. It answers for a box that holds the centre, whose
       centre is less than `radius` strides away, and whose farthest edge is at a distance that suits the level (up to
       8 strides, and more than the level before takes; the last level takes all that is larger); for the smallest of
       several.
    2. Its class: focal loss over all cells, all classes "no" where a cell answers for no box.
    3. Its box: 1 - generalised IoU of the box that `distances` span around the centre.
    4. Its centre-ness: sqrt(min(l, r) / max(l, r) * min(t, b) / max(t, b)) of its true distances.

    scores: a list of N C H W (raw); distances: N 4 H W (left, top, right, bottom in strides, positive); centerness:
    N 1 H W (raw); boxes N M 4 (corners in pixels), labels N M, mask N M -> the three losses' sum, one number; "mean"
    divides by the cells that answer for a box.
    """

    def __init__(
        self,
        strides: tuple[int, ...],
        radius: float = 1.5,
        alpha: float = 0.25,
        gamma: float = 2.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        self.strides, self.radius, self.alpha, self.gamma = strides, radius, alpha, gamma
        self.reduction = reduction

    def forward(
        self,
        scores: list[Tensor],
        distances: list[Tensor],
        boxes: Tensor,
        labels: Tensor,
        mask: Tensor | None = None,
        centerness: list[Tensor] | None = None,
    ) -> Tensor:
        centres, strides, reaches = self._cells(scores)
        guesses = torch.cat([each.flatten(2) for each in scores], 2).transpose(1, 2)  # N A C, A cells of all levels
        edges = torch.cat([each.flatten(2) for each in distances], 2).transpose(1, 2) * strides[:, None]  # in pixels
        inner = None if centerness is None else torch.cat([each.flatten(2) for each in centerness], 2)[:, 0]
        boxes, real = boxes.detach(), torch.ones_like(labels, dtype=torch.bool) if mask is None else mask
        losses, answering = [], []
        for place in range(len(boxes)):  # one image at a time: all pairs of cells and boxes take much memory
            chosen, positive = self._assigned(boxes[place], real[place], centres, strides, reaches)
            truth = boxes[place][chosen]
            wanted = nn.functional.one_hot(labels[place][chosen].clamp(0, guesses.shape[2] - 1), guesses.shape[2])
            wanted = (wanted * positive[:, None]).to(guesses.dtype)
            loss = sigmoid_focal(guesses[place], wanted, self.gamma, self.alpha).sum()
            spanned = torch.cat((centres - edges[place, :, :2], centres + edges[place, :, 2:]), dim=1)
            loss = loss + ((1 - generalized_iou(spanned, truth)) * positive).sum()
            if inner is not None:
                true = centredness(distances_to_edges(centres, truth)).nan_to_num() * positive
                loss = loss + nn.functional.binary_cross_entropy_with_logits(
                    inner[place], true, positive, reduction="sum"
                )
            losses.append(loss)
            answering.append(positive.sum())
        total = torch.stack(losses).sum()
        return total / torch.stack(answering).sum().clamp_min(1) if self.reduction == "mean" else total

    def _cells(self, levels: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """For all cells of all levels: centres A 2 in pixels, strides A, and the distances A 2 that suit the level."""
        centres, strides, reaches = [], [], []
        least = 0.0
        for number, (level, stride) in enumerate(zip(levels, self.strides, strict=True), 1):
            height, width = level.shape[2:]
            rows = (torch.arange(height, device=level.device, dtype=level.dtype) + 0.5) * stride
            columns = (torch.arange(width, device=level.device, dtype=level.dtype) + 0.5) * stride
            y, x = torch.meshgrid(rows, columns, indexing="ij")
            centres.append(torch.stack((x.flatten(), y.flatten()), dim=1))
            strides.append(torch.full_like(centres[-1][:, 0], stride))
            most = math.inf if number == len(levels) else 8.0 * stride
            reaches.append(centres[-1].new_tensor([least, most]).expand(height * width, 2))
            least = most
        return torch.cat(centres), torch.cat(strides), torch.cat(reaches)

    def _assigned(
        self, boxes: Tensor, real: Tensor, centres: Tensor, strides: Tensor, reaches: Tensor
    ) -> tuple[Tensor, Tensor]:
        """For each cell the place of its box among M, and 1 where it answers for one, else 0."""
        edges = distances_to_edges(centres[:, None], boxes)  # A M 4
        farthest = edges.amax(2)
        suits = (edges.amin(2) > 0) & (farthest > reaches[:, :1]) & (farthest <= reaches[:, 1:]) & real
        if self.radius > 0:
            off = (centres[:, None] - (boxes[:, :2] + boxes[:, 2:]) / 2).abs().amax(2)
            suits = suits & (off < self.radius * strides[:, None])
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
        smallest, chosen = torch.where(suits, areas, math.inf).min(1)
        return chosen, smallest.isfinite().to(boxes.dtype)


def distances_to_edges(points: Tensor, boxes: Tensor) -> Tensor:
    """How far points ... 2 are inside the left, top, right and bottom edge of boxes ... 4: ... 4."""
    return torch.cat((points - boxes[..., :2], boxes[..., 2:] - points), dim=-1)


def centredness(edges: Tensor) -> Tensor:
    """How central a point is by its distances ... 4 to the edges: 1 in the centre, 0 on an edge."""
    near, far = (
        torch.stack((pick(edges[..., ::2], -1), pick(edges[..., 1::2], -1))) for pick in (torch.amin, torch.amax)
    )
    return (near / far).clamp_min(0).prod(0).sqrt()
