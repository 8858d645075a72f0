"""What becomes of gradients before an optimizer takes its step: added up over batches, scaled back, clipped."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.amp import GradScaler

from engine.ops.settings import Training
from engine.train.averaging import Average
from engine.train.guard import Guard
from engine.train.optimizers import Acts, Answers, Forward, Step, repeating, total


class Gradients:
    """How gradients are treated: batches of them averaged, clipped by norm and value, scaled in half precision.

    `batch_size` is that of a whole batch, `epoch_batches` and `run_batches` count those of an epoch and of the run:
    with the last of each, what was added up acts even where batches are still lacking. `weights` are those of each
    turn of optimizers.
    """

    def __init__(
        self,
        training: Training,
        weights: Sequence[Sequence[nn.Parameter]],
        *,
        batch_size: int,
        epoch_batches: int,
        run_batches: int,
        scaler: GradScaler | None = None,
        average: Average | None = None,
    ) -> None:
        self._wanted, self._batch_size = training.accumulate, batch_size
        self._epoch_batches, self.run_batches = epoch_batches, run_batches
        self._norm, self._value = training.clip_norm, training.clip_value
        self._scaler, self._average = scaler, average
        self._weights = weights
        self._held: dict[int, list[Tensor | None]] = {}  # what each turn has added up; turns may share weights
        self.acts = True  # whether optimizers take their steps with this batch
        self.steps = 0  # that were taken
        self._batches = self._samples = 0  # since then
        self._share = 1.0  # of a whole batch that this one has

    @property
    def are_plain(self) -> bool:
        """Whether optimizers take them as they are, after every batch."""
        as_they_are = self._norm is None and self._value is None and self._wanted == 1
        return as_they_are and self._scaler is None and self._average is None

    @property
    def are_scaled(self) -> bool:
        """Whether losses are scaled, so that a gradient that is not finite only says that the scale is too large."""
        return self._scaler is not None

    def never_end(self) -> None:
        """Let no epoch and no run come to an end: optimizers act with whole rounds of batches alone."""
        self._epoch_batches = self.run_batches = sys.maxsize

    def forget(self) -> None:
        """Leave out what was added up since the last step."""
        self._held.clear()
        self._batches = self._samples = 0

    def begin(self, number: int, samples: int) -> None:
        """Begin the batch with this number in the run."""
        self._batches += 1
        self._samples += samples
        self._share = samples / self._batch_size
        is_last = (number + 1) % self._epoch_batches == 0 or number + 1 >= self.run_batches
        self.acts = is_last or self._batches >= self._wanted

    def restore(self, turn: int) -> None:
        """Put what a turn has added up where the next backward pass adds to it."""
        held = self._held.get(turn) or [None] * len(self._weights[turn])
        for weight, grad in zip(self._weights[turn], held, strict=True):
            weight.grad = grad

    def scaled(self, loss: Tensor) -> Tensor:
        """The loss to be differentiated: by its share of a whole batch, times the scale of half precision."""
        if self._wanted > 1 and self._share != 1.0:
            loss = loss * self._share
        return loss if self._scaler is None else self._scaler.scale(loss)

    def keep(self, turn: int) -> None:
        """Keep what a turn has added up for the next batch."""
        self._held[turn] = [weight.grad for weight in self._weights[turn]]

    def settle(self, optimizer: torch.optim.Optimizer) -> None:
        """Make an optimizer's gradients those of the mean over all samples, without the scale, and clip them."""
        if self._scaler is not None:
            self._scaler.unscale_(optimizer)
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        factor = self._batch_size / self._samples
        if self._wanted > 1 and factor != 1.0:
            torch._foreach_mul_([weight.grad for weight in weights if weight.grad is not None], factor)
        if self._norm is not None:
            torch.nn.utils.clip_grad_norm_(weights, self._norm)
        if self._value is not None:
            torch.nn.utils.clip_grad_value_(weights, self._value)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        """Let an optimizer take its step; in half precision it rests where a gradient is not finite."""
        if self._scaler is None:
            optimizer.step()
        else:
            self._scaler.step(optimizer)

    def end(self) -> None:
        """End a batch, after the optimizers."""
        if not self.acts:
            return
        self.steps += 1
        self.forget()
        if self._scaler is not None:
            self._scaler.update()
        if self._average is not None:
            self._average.update()

    def state(self) -> dict[str, Any]:
        """Where it stands between two batches, as JSON and tensors."""
        return {
            "steps": self.steps,
            "batches": self._batches,
            "samples": self._samples,
            "held": {str(turn): grads for turn, grads in self._held.items()},
            "scaler": None if self._scaler is None else self._scaler.state_dict(),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Go back to where `state` was written."""
        self.steps, self._batches, self._samples = state["steps"], state["batches"], state["samples"]
        self._held = {int(turn): self._placed(int(turn), grads) for turn, grads in state["held"].items()}
        if self._scaler is not None and state["scaler"]:
            self._scaler.load_state_dict(state["scaler"])

    def _placed(self, turn: int, grads: Sequence[Tensor | None]) -> list[Tensor | None]:
        """Gradients on the device of their weights, and in their layout."""
        pairs = zip(self._weights[turn], grads, strict=True)
        return [None if grad is None else torch.empty_like(weight).copy_(grad) for weight, grad in pairs]


def careful_stepper(forward: Forward, turns: Sequence[Acts], gradients: Gradients, guard: Guard | None = None) -> Step:
    """Like `stepper`, with gradients that are treated before a guard sees them and the optimizers take their steps."""
    acts = [_turn(forward, place, turn, gradients, guard, alone=len(turns) == 1) for place, turn in enumerate(turns)]

    def step(batch: list[Tensor], number: int) -> Answers:
        gradients.begin(number, len(batch[0]))
        told: dict[str, Tensor] = {}
        owned: set[str] = set()
        for turn, act in zip(turns, acts, strict=True):
            if gradients.steps % turn.every:
                continue
            answers = act(batch, number)
            fresh = [name for name, _factor in turn.losses if name not in owned]
            told = {**answers, **told, **{name: answers[name] for name in fresh}}
            owned.update(fresh)
        gradients.end()
        return told

    return step


def _turn(forward: Forward, place: int, turn: Acts, gradients: Gradients, guard: Guard | None, *, alone: bool) -> Step:
    if turn.repeats:
        return repeating(forward, turn, guard, gradients.settle)
    inputs = None if alone else list(turn.weights)

    def step(batch: list[Tensor], _number: int) -> Answers:
        gradients.restore(place)
        answers = forward(*batch)
        loss = total(answers, turn.losses)
        torch.autograd.backward(gradients.scaled(loss), inputs=inputs)
        if gradients.acts:
            for each in turn.acting:
                gradients.settle(each.optimizer)
        if guard is not None:
            guard.check(loss, turn.weights if gradients.acts and not gradients.are_scaled else ())
        if not gradients.acts:
            gradients.keep(place)
            return answers
        for each in turn.acting:
            gradients.step(each.optimizer)
            if each.schedule is not None and each.schedule.counts_steps:
                each.after_step()
        return answers

    return step
