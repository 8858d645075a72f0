"""What metrics compute for one batch: a tensor (sum, count), added up on the device and read now and then.

The functions named `given...` make a batch ready for metrics that gather over batches: those of torchmetrics and of
`engine.measures`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

LEAST_TARGET = 1.17e-06  # as torchmetrics: what a smaller target counts as, where an error is divided by it


def wide(numbers: Tensor) -> Tensor:
    """Half-precision numbers as float32, so that their sums are right."""
    return numbers if numbers.dtype in (torch.float32, torch.float64) else numbers.float()


def totals(added: Tensor, counted: Tensor | int) -> Tensor:
    """The pair (sum, count)."""
    return torch.stack((added, counted if isinstance(counted, Tensor) else torch.full_like(added, counted)))


def correct_class(input: Tensor, target: Tensor, ignore_index: int) -> Tensor:
    """Count right classes: scores N C ..., class indices N ...; (right, counted)."""
    counted = target != ignore_index
    return totals(((input.argmax(1) == target) & counted).sum(), counted.sum())


def correct_among(input: Tensor, target: Tensor, k: int, ignore_index: int) -> Tensor:
    """Count right classes among the k best: scores N C ..., class indices N ...; (right, counted)."""
    counted = target != ignore_index
    among = (input.topk(k, dim=1).indices == target.unsqueeze(1)).any(1)
    return totals((among & counted).sum(), counted.sum())


def correct_answer(input: Tensor, target: Tensor, threshold: float) -> Tensor:
    """Count right yes-or-no answers: scores and targets of one shape; (right, counted)."""
    return totals(((input >= threshold) == (target >= 0.5)).sum(), target.numel())


def absolute_error(input: Tensor, target: Tensor) -> Tensor:
    """Add up |input - target|; (sum, counted)."""
    return totals(wide(input - target).abs().sum(), target.numel())


def squared_error(input: Tensor, target: Tensor) -> Tensor:
    """Add up (input - target)**2; (sum, counted)."""
    return totals(wide(input - target).square().sum(), target.numel())


def relative_error(input: Tensor, target: Tensor) -> Tensor:
    """Add up |input - target| / |target|; (sum, counted)."""
    shares = wide(input - target).abs() / wide(target).abs().clamp_min(LEAST_TARGET)
    return totals(shares.sum(), target.numel())


def negative_log_likelihood(input: Tensor, target: Tensor, ignore_index: int) -> Tensor:
    """Add up the cross entropy: raw scores N C ..., class indices N ...; (sum, counted)."""
    added = nn.functional.cross_entropy(wide(input), target, ignore_index=ignore_index, reduction="sum")
    return totals(added, (target != ignore_index).sum())


# ----------------------------------------------------------------------------------------------------------- regions


def dice_of_classes(input: Tensor, target: Tensor, background: bool, ignore_index: int) -> Tensor:
    """Add up the Dice overlap of samples: scores N C ..., class indices N ...; (sum, samples)."""
    count, counted = input.shape[1], target != ignore_index
    found, true = (
        (nn.functional.one_hot(torch.where(counted, each, 0), count) * counted.unsqueeze(-1)).movedim(-1, 1).flatten(2)
        for each in (input.argmax(1), target)
    )
    first = 0 if background or count == 1 else 1
    return dice(found[:, first:], true[:, first:])


def dice_of_answers(input: Tensor, target: Tensor, threshold: float) -> Tensor:
    """Add up the Dice overlap of samples: scores and targets N C ... of one shape; (sum, samples)."""
    found, true = ((input >= threshold), (target >= 0.5))
    if input.ndim < 3:  # a sample's labels are its only region
        found, true = (each.reshape(len(each), 1, -1) for each in (found, true))
    return dice(found.flatten(2).long(), true.flatten(2).long())


def dice(found: Tensor, true: Tensor) -> Tensor:
    """Add up, over samples, the mean overlap of the regions N C L that are found or there; (sum, samples)."""
    sizes = (found.sum(2) + true.sum(2)).float()
    overlap = 2 * (found * true).sum(2) / sizes.clamp_min(1)
    there = sizes > 0
    means = (overlap * there).sum(1) / there.sum(1).clamp_min(1)
    counted = there.any(1)
    return totals((means * counted).sum(), counted.sum())


# ----------------------------------------------------------------------------------------------------------- ranking


def relevance(input: Tensor, target: Tensor) -> Tensor:
    """How relevant each item N K is: target itself, or 1 at the places N it holds."""
    if target.shape == input.shape:
        return wide(target.float() if not target.is_floating_point() else target)
    return nn.functional.one_hot(target, input.shape[1]).float()


def ahead(input: Tensor) -> tuple[Tensor, Tensor]:
    """For each score N K, how many of its row are greater, and how many are at least as great."""
    ascending = input.sort(dim=1).values
    count = input.shape[1]
    greater = count - torch.searchsorted(ascending, input.contiguous(), right=True)
    return greater, count - torch.searchsorted(ascending, input.contiguous())


def best_rank(input: Tensor, relevant: Tensor) -> Tensor:
    """The rank N of the first relevant item of each row, infinite where there is none."""
    greater, at_least = ahead(input)
    ranks = (greater + at_least + 1) / 2
    return torch.where(relevant > 0, ranks, torch.inf).amin(1)


def ndcg(input: Tensor, target: Tensor, k: int | None) -> Tensor:
    """Add up the normalised discounted cumulative gain of rows: scores N K, relevance; (sum, rows with a right item).

    Items with one score share the discounts of the places they fill. Järvelin and Kekäläinen, 2002.
    """
    gains, count = relevance(input, target), input.shape[1]
    places = torch.arange(count, device=input.device)
    discounts = (1 / torch.log2(places + 2.0)) * (places < (k or count))
    upto = nn.functional.pad(discounts.cumsum(0), (1, 0))
    greater, at_least = ahead(input)
    gained = (gains * (upto[at_least] - upto[greater]) / (at_least - greater)).sum(1)
    best = (gains.sort(dim=1, descending=True).values * discounts).sum(1)
    there = best > 0
    return totals(torch.where(there, gained / best.clamp_min(torch.finfo(best.dtype).tiny), 0).sum(), there.sum())


def hit_rate(input: Tensor, target: Tensor, k: int | None) -> Tensor:
    """Count rows with a relevant item among the first k: scores N K, relevance; (hits, rows with a right item)."""
    rank = best_rank(input, relevance(input, target))
    return totals((rank <= (k or input.shape[1])).sum(), rank.isfinite().sum())


def reciprocal_rank(input: Tensor, target: Tensor, k: int | None) -> Tensor:
    """Add up 1 / rank of the first relevant item: scores N K, relevance; (sum, rows with a right item)."""
    rank = best_rank(input, relevance(input, target))
    return totals(((rank <= (k or input.shape[1])) / rank).sum(), rank.isfinite().sum())


# ------------------------------------------------------------------------------------------------------------- given


def given(*tensors: Tensor | None) -> tuple[Tensor | None, ...]:
    """The inputs as they are."""
    return tuple(None if each is None else each.detach() for each in tensors)


def given_outputs(input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Numbers N ... D as rows of D outputs."""
    rows = (1,) if input.ndim < 2 else input.shape[-1:]
    return input.detach().reshape(-1, *rows), target.detach().reshape(-1, *rows)


def given_classes(input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Scores N C ... as the classes N ... they answer."""
    return input.detach().argmax(1), target


def given_answers(input: Tensor, target: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    """Scores as answers of yes (1) or no (0), and so the targets; other whole numbers stay, such as -100."""
    return (input >= threshold).long(), (target + 0.5).floor().long()
