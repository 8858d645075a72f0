"""Programs made by hand, run, and compared to the bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from engine.compile import assemble, build_modules
from engine.declare import Call, Pattern, Recipe, names_in
from engine.program import Feed, Program, Ref, Step


@dataclass(frozen=True)
class Known:
    """Shape and dtype of a tensor."""

    shape: tuple[int | str, ...]
    dtype: str


def call(node: str, target: str, *args: Any, outputs: Pattern = "output", random: bool = False, **kwargs: Any) -> Step:
    """A step that calls a function."""
    return Step(node, Call(target), args, kwargs, outputs, random)


def layer(node: str, recipe: Recipe, *args: Any, outputs: Pattern = "output", random: bool = False) -> Step:
    """A step that calls a module."""
    return Step(node, recipe, args, {}, outputs, random)


def program(
    steps: Sequence[Step],
    outputs: Sequence[Ref | str] = (),
    *,
    losses: Sequence[str] = (),
    shapes: Mapping[str, tuple[int, ...]] | None = None,
) -> Program:
    """A program with the feed `x` (2, 3, 4), or those of `shapes`; running it tells what is known of its tensors."""
    feeds = tuple(Feed(name, None, shape, "float32") for name, shape in (shapes or {"x": (2, 3, 4)}).items())
    refs = [Ref(each) if isinstance(each, str) else each for each in outputs]
    made = Program(
        feeds, tuple(steps), losses=dict.fromkeys(losses, 1.0), outputs={f"out_{n}": ref for n, ref in enumerate(refs)}
    )
    return replace(made, tensors=known(made))


def known(made: Program) -> dict[Ref, Known]:
    """Shape and dtype of every tensor of a program."""
    ports = {Ref(feed.node) for feed in made.feeds}
    for step in made.steps:
        names = (("",) if isinstance(step.outputs, str) else names_in(step.outputs)) if step.outputs else ()
        ports |= {Ref(step.node, name) for name in names}
    whole = replace(made, losses={}, outputs={f"{ref.node}:{ref.port}": ref for ref in ports})
    answers = run(whole, numbers(made))
    return {
        ref: Known(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))
        for ref in ports
        if isinstance(tensor := answers[f"{ref.node}:{ref.port}"], Tensor)
    }


def numbers(made: Program, seed: int = 0) -> list[Tensor]:
    """Numbers for the feeds, zeros of both signs among them."""
    source = torch.Generator().manual_seed(seed)
    given = []
    for feed in made.feeds:
        tensor = torch.randn(tuple(map(int, feed.shape)), generator=source).mul(4).round().div(2)
        flat = tensor.view(-1)
        flat[0], flat[-1] = 0.0, -0.0
        given.append(tensor)
    return given


def module_of(made: Program, seed: int = 7, weights: Program | None = None) -> nn.Module:
    """A program as a module, with the weights of another's steps where one is given."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return assemble(made, build_modules(weights or made))


def run(made: Program, given: Sequence[Tensor], weights: Program | None = None) -> dict[str, Any]:
    """What a program gives in evaluation mode."""
    answers: dict[str, Any] = module_of(made, weights=weights).eval()(*_chosen(made, weights, given))
    return answers


def _chosen(made: Program, whole: Program | None, given: Sequence[Tensor]) -> list[Tensor]:
    """The tensors for the feeds that are left."""
    if whole is None:
        return list(given)
    by_name = dict(zip((feed.node for feed in whole.feeds), given, strict=True))
    return [by_name[feed.node] for feed in made.feeds]


def trained(made: Program, given: Sequence[Tensor], weights: Program, steps: int = 2) -> dict[str, Tensor]:
    """The losses, the gradients of the first step, and the weights after a few steps of SGD."""
    module = module_of(made, weights=weights).train()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    found: dict[str, Tensor] = {}
    for step in range(steps):
        optimizer.zero_grad()
        torch.manual_seed(step)
        losses = module(*_chosen(made, weights, given))
        total = torch.stack([losses[name] for name in made.losses]).sum()
        if total.requires_grad:
            total.backward()  # type: ignore[no-untyped-call]  # so it is in torch
            optimizer.step()
        found |= {f"{step}.{name}": each.detach() for name, each in losses.items()}
        found |= {f"{step}.{n}.grad": p.grad.clone() for n, p in module.named_parameters() if p.grad is not None}
    return found | {name: tensor.clone() for name, tensor in module.state_dict().items()}


def same_bits(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are equal to the bit and lie alike in memory."""
    if (one.dtype, one.shape, one.stride()) != (other.dtype, other.shape, other.stride()):
        return False
    if not one.is_floating_point():
        return torch.equal(one, other)
    both = one.isnan() & other.isnan()
    return bool((both | ((one == other) & (one.signbit() == other.signbit()))).all())
