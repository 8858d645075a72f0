"""Losses and metrics whose target does not go with the scores: in shape, in type, in the place of the classes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from engine.declare import INDEX, INT64, Compared
from engine.flow import Flow
from engine.heads import widened
from engine.mistakes import broken as fix
from engine.mistakes.broken import Broken, inserts
from engine.problem import Fix
from engine.sizes import Size

SUMMARIES = ("LSTM", "GRU", "RNN")
ON_NUMBERS = ("MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss")


@dataclass(frozen=True, slots=True)
class Pair:
    """What a loss or metric compares: the ports and flows of its scores and of its target."""

    broken: Broken
    port: str
    scores: Flow
    target_port: str
    target: Flow

    @property
    def node(self) -> str:
        return self.broken.node.id

    @property
    def expected(self) -> tuple[Size, ...]:
        """The shape of a target that holds class indices for the scores."""
        return (*self.scores.shape[:1], *self.scores.shape[2:])

    def behind(self, op: str, **params: Any) -> Iterator[Fix]:
        """The fix that puts an op behind the node the scores come from: what else takes them is mended with it."""
        wire = self.broken.node.inputs.get(self.port)
        if isinstance(wire, str) and "." not in wire:
            yield fix.behind(op, wire, **params)

    def takes(self, dtype: str) -> bool:
        """Whether the target may be of a type."""
        return dtype in self.broken.op.input_ports()[self.target_port].port.dtypes


def misfit_target(broken: Broken) -> Iterator[Fix]:
    """Propose what brings a target and its scores together, the plainest first."""
    pair = _pair(broken)
    if pair is None:
        return
    for propose in PROPOSALS:
        yield from propose(pair)
    yield from flattened(broken)


def _pair(broken: Broken) -> Pair | None:
    op = broken.op
    if not issubclass(op, Compared):
        return None
    first = broken.first
    others = [port for port in broken.flows if port != first and broken.flow(port) is not None]
    named = [op.classes[1]] if op.classes else [port for port in (broken.where, "target") if port in others]
    target_port = next(iter([*named, *others]), "")
    scores, target = broken.flow(first), broken.flow(target_port)
    return Pair(broken, first, scores, target_port, target) if scores is not None and target is not None else None


def _one_axis_more(pair: Pair) -> Iterator[Fix]:
    """N × 1 against N: drop the axis of the longer one."""
    scores, target = pair.scores.shape, pair.target.shape
    if scores == (*target, 1):
        squeeze = {"dim": len(target)}
        yield from pair.behind("Squeeze", **squeeze)
        yield pair.broken.insert("Squeeze", pair.port, **squeeze)
    if target in ((*scores, 1), (*pair.expected, 1)):
        yield pair.broken.insert("Squeeze", pair.target_port, dim=len(target) - 1)
    if len(target) > 1 and target == (target[0], 1, *pair.expected[1:]):
        yield pair.broken.insert("Squeeze", pair.target_port, dim=1)


def _classes_last(pair: Pair) -> Iterator[Fix]:
    """Scores with the classes along the last axis, for targets of indices."""
    axes = len(pair.scores.shape)
    if axes > 2 and pair.target.shape == pair.scores.shape[:-1]:
        yield pair.broken.insert("Permute", pair.port, dims=(0, axes - 1, *range(1, axes - 1)))


def _as_indices(pair: Pair) -> Iterator[Fix]:
    """Class indices that come as other numbers, or with an axis of 1, or as one-hot vectors."""
    dtype = next((dtype for dtype in INDEX if pair.takes(dtype)), None)
    cast = ("Cast", {"dtype": dtype})
    if dtype is None or len(pair.scores.shape) < 2:
        return
    if pair.target.shape == pair.expected and pair.target.dtype not in INT64:
        yield inserts(pair.node, pair.target_port, cast)
    if pair.target.shape == (*pair.expected, 1) and pair.target.dtype not in INT64:
        squeeze = ("Squeeze", {"dim": len(pair.expected)})
        yield inserts(pair.node, pair.target_port, squeeze, cast)
    if pair.target.shape == pair.scores.shape:
        yield pair.broken.insert("Argmax", pair.target_port, dim=1)


def _as_numbers(pair: Pair) -> Iterator[Fix]:
    """Targets of another type than the scores."""
    same = pair.target.shape == pair.scores.shape
    cast = ("Cast", {"dtype": pair.scores.dtype})
    if pair.target.dtype == pair.scores.dtype or not pair.takes(pair.scores.dtype):
        return
    if same:
        yield inserts(pair.node, pair.target_port, cast)
    elif pair.scores.shape == (*pair.target.shape, 1):
        yield inserts(pair.node, pair.target_port, ("Unsqueeze", {"dim": len(pair.target.shape)}), cast)


def _another_loss(pair: Pair) -> Iterator[Fix]:
    """Class indices for a loss on numbers, or numbers for a loss on classes."""
    scores, target = pair.scores.shape, pair.target.shape
    if pair.broken.node.op in ON_NUMBERS and pair.target.dtype in INT64 and target == pair.expected:
        yield fix.become(pair.node, "CrossEntropyLoss")
    if pair.broken.node.op == "CrossEntropyLoss" and scores[1:] == (1,) and pair.target.dtype == pair.scores.dtype:
        loss = fix.become(pair.node, "MSELoss")
        squeeze = [*pair.behind("Squeeze", dim=1)] if len(target) == 1 else []
        yield fix.in_turn(f"{loss.text}, and squeeze its input", [loss, *squeeze]) if squeeze else loss


def _as_large(pair: Pair) -> Iterator[Fix]:
    """Masks or images of another size than the scores."""
    sizes = pair.target.shape[1:] if len(pair.target.shape) == len(pair.scores.shape) - 1 else pair.target.shape[2:]
    fixed = bool(sizes) and all(isinstance(size, int) for size in sizes)
    if fixed and 3 <= len(pair.scores.shape) <= 5 and sizes != pair.scores.shape[2:]:
        size = sizes[0] if len(set(sizes)) == 1 else list(sizes)
        resize = {"size": size, "scale_factor": None}
        yield from pair.behind("Upsample", **resize)
        yield inserts(pair.node, pair.port, ("Upsample", resize))


def _step_chosen(pair: Pair) -> Iterator[Fix]:
    """Scores for every step of a sequence where there is one target for all: take the last step, or their mean."""
    if len(pair.scores.shape) != 3 or len(pair.target.shape) not in (1, 2):
        return
    head = next((node.id for node in pair.broken.upstream() if node.op == "Linear"), None)
    recurrent = any(node.op in SUMMARIES for node in pair.broken.upstream())
    choices = [("Select", {"dim": 1, "index": -1}), ("Mean", {"dim": 1})]
    if pair.scores.shape[1] == pair.target.shape[0]:  # a state of each layer, as a recurrent layer gives it
        choices = [("Select", {"dim": 0, "index": -1}), ("Mean", {"dim": 0})]
    for op, params in choices if recurrent else reversed(choices):
        if head is not None:
            yield fix.insert(op, head, "input", **params)
        yield pair.broken.insert(op, pair.port, **params)


def _as_wide(pair: Pair) -> Iterator[Fix]:
    """A head with another number of outputs than the target has numbers."""
    scores, target = pair.scores.shape, pair.target.shape
    if len(scores) == len(target) > 1 and scores[1] != target[1] and isinstance(target[1], int):
        yield from widened(pair.broken.spec, pair.broken.node, pair.port, target[1])
    last = target[-1] if target else None
    if len(scores) == len(target) > 2 and isinstance(last, int) and scores[-1] != last:
        yield from widened(pair.broken.spec, pair.broken.node, pair.port, last)
    if len(target) == 1 and len(scores) == 2 and scores[1] != 1:
        for head in widened(pair.broken.spec, pair.broken.node, pair.port, 1):
            squeeze = [*pair.behind("Squeeze", dim=1), pair.broken.insert("Squeeze", pair.port, dim=1)]
            yield fix.in_turn(f"{head.text}, and squeeze it", (head, squeeze[0]))


def flattened(broken: Broken) -> Iterator[Fix]:
    """An image, or a batch of sequences, that reached a loss: flatten before the first Linear on the way."""
    found = None
    for node in broken.upstream():
        flow = broken.checked[node.id].flows.get("input") if node.id in broken.checked else None
        if node.op == "Linear" and isinstance(flow, Flow) and len(flow.shape) > 2:
            found = node.id
    if found is not None:
        yield fix.insert("Flatten", found, "input")


PROPOSALS: tuple[Callable[[Pair], Iterator[Fix]], ...] = (
    _one_axis_more, _classes_last, _as_indices, _as_numbers, _another_loss, _as_large, _step_chosen, _as_wide,
)  # fmt: skip
