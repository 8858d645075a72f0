"""torch.compile around a network, with a trial: where it fails, training goes on without it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from engine import draws
from engine.train.optimizers import Answers, Forward

BACKEND = "inductor"
TAKES_TIME = "The network is compiled at its first batch, which may take a minute."
MOST_WORDS = 160


class CompiledForward:
    """The forward pass of a network, compiled at the first batch of the run; `news` tells once where that failed.

    `losses` name what is differentiated in the trial, `plain` is the forward pass as it is. Batches of sizes that were
    `varied` have the same code, others code of their own: which one a batch has must not depend on those before it,
    or a run that is resumed would end with other bits.
    """

    def __init__(self, module: nn.Module, plain: Forward, losses: Sequence[str], *, varied: bool) -> None:
        from torch._dynamo.exc import TorchDynamoException  # loads the compiler, which takes a second
        from torch._inductor.exc import InductorError

        self._faults = (TorchDynamoException, InductorError)
        self._module, self._plain, self._losses, self._varied = module, plain, losses, varied
        self._forward: Forward | None = None
        self._notes: tuple[str, ...] = ()

    def __call__(self, *batch: Tensor) -> Answers:
        forward = self.prepare(batch)
        try:
            return forward(*batch)
        except self._faults as error:  # a batch of another size is compiled anew
            self._forward = self._without(error)
            return self._forward(*batch)

    @property
    def is_prepared(self) -> bool:
        """Whether it knows how to compute batches, compiled or not."""
        return self._forward is not None

    def prepare(self, batch: Sequence[Tensor]) -> Forward:
        """The compiled forward pass; the first batch, on which its code may depend, has to be the run's first."""
        if self._forward is None:
            self._forward = self._tried(batch)
        return self._forward

    def news(self) -> tuple[str, ...]:
        """Why it is not compiled, told once."""
        notes, self._notes = self._notes, ()
        return notes

    def _tried(self, batch: Sequence[Tensor]) -> Forward:
        """The compiled forward pass, after a trial that leaves no trace; the plain one where it fails."""
        compiled: Forward = torch.compile(self._plain, backend=BACKEND, dynamic=self._varied)
        buffers = {name: each.clone() for name, each in self._module.named_buffers()}
        weights = [each for each in self._module.parameters() if each.requires_grad]
        try:
            with draws.apart(weights[0].device):
                answers = compiled(*batch)
                loss = torch.stack([answers[name] for name in self._losses]).sum()
                torch.autograd.grad(loss, weights, allow_unused=True)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:  # a compiler fails in as many ways as there are compilers
            return self._without(error)
        finally:
            with torch.no_grad():
                for name, each in self._module.named_buffers():
                    each.copy_(buffers[name])
        return compiled

    def _without(self, error: Exception) -> Forward:
        """The plain forward pass, and a note of why."""
        words = " ".join(str(error).split())[:MOST_WORDS].rstrip(". ")
        self._notes = (f"The network is not compiled: {words}. Training goes on without.",)
        return self._plain
