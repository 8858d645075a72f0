"""Numbers that are not finite: kept from the weights at the first step that has one, and traced to their node."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, fx, nn

from engine import draws
from engine.compile import NODE

FOUND = "found_inf"  # what fused optimizers look at before they step


class NotFinite(Exception):  # caught by the loop, which tells the user
    """A loss or a gradient became NaN or infinite; the weights are those of before the step, `late` steps ago."""

    def __init__(self, late: int = 0) -> None:
        super().__init__(late)
        self.late = late


class Guard:
    """Looks at the loss and all gradients before an optimizer does, and keeps it from its step where one is not finite.

    On a CPU it raises NotFinite at once. On a GPU nothing waits for the answer: a flag on the device keeps fused
    optimizers from every step from the first bad one on, and `look`, which is asked now and then, raises it. Other
    optimizers cannot read the flag there, so for them the host waits; and where losses are `scaled`, for then the
    scaler has a flag of its own in its place. A graph that is `coded` runs code of the user's, which may draw from
    Python's and NumPy's generators too.
    """

    def __init__(
        self,
        module: nn.Module,
        optimizers: Sequence[torch.optim.Optimizer],
        device: torch.device,
        *,
        scaled: bool = False,
        coded: bool = False,
    ) -> None:
        self._flag = torch.zeros((), device=device)
        self._late = torch.zeros((), device=device)
        self._one = torch.ones((), device=device)
        self._waits = device.type == "cpu" or scaled or not all(each.defaults.get("fused") for each in optimizers)
        self._draws = device.type == "cpu"  # a GPU's generator is not asked for its state at each step
        self._mark = draws.mark if coded else _mark  # all generators take 60 µs, too much for a step that draws by one
        self._go_back = self._mark()
        self._buffers = [each for each in module.buffers() if each.numel()]
        self._kept = [each.clone() for each in self._buffers]
        if not self._waits:
            for each in optimizers:
                setattr(each, FOUND, self._flag)

    def begin(self) -> None:
        """Begin a step: what running the network changes by itself is kept, so that `restore` brings it back."""
        if self._draws:
            self._go_back = self._mark()
        if not self._waits:
            self._late += self._flag
        elif self._buffers:
            torch._foreach_copy_(self._kept, self._buffers)

    def check(self, loss: Tensor, weights: Sequence[Tensor]) -> None:
        """Look at a loss and the gradients of weights; raises NotFinite where the host may know at once."""
        found = [_numbers(grad) for weight in weights if (grad := weight.grad) is not None]
        found.append(loss.detach())
        for alike in _by_dtype(found):
            torch._amp_foreach_non_finite_check_and_unscale_(alike, self._flag, self._one)
        if self._waits and self._flag.item():
            raise NotFinite

    @torch.no_grad()
    def look(self) -> None:
        """Read the flag of a GPU; raises NotFinite where it has risen since the last look."""
        if self._waits:
            return
        late = int((self._late + self._flag).item())
        if late:
            raise NotFinite(late)
        if self._buffers:
            torch._foreach_copy_(self._kept, self._buffers)

    @torch.no_grad()
    def restore(self) -> None:
        """Bring back what the network changed by itself in the bad step, or on a GPU since the last look."""
        if self._buffers:
            torch._foreach_copy_(self._buffers, self._kept)
        if self._draws:
            self._go_back()
        self._flag.zero_()
        self._late.zero_()


def _mark() -> Callable[[], None]:
    """Take note of where torch's generator on the host is; what is returned goes back there."""
    return partial(torch.set_rng_state, torch.get_rng_state())


def _numbers(grad: Tensor) -> Tensor:
    """A gradient as a tensor of plain numbers that shares its memory."""
    if grad.layout is torch.strided and not grad.dtype.is_complex:
        return grad
    grad = grad.detach()
    grad = grad._values() if grad.is_sparse else grad
    return torch.view_as_real(grad) if grad.is_complex() else grad


def _by_dtype(tensors: list[Tensor]) -> Iterator[list[Tensor]]:
    first = tensors[0].dtype
    if all(each.dtype == first for each in tensors):
        yield tensors
        return
    for dtype in {each.dtype for each in tensors}:
        yield [each for each in tensors if each.dtype == dtype]


# ------------------------------------------------------------------------------------------------------- the culprit


@dataclass(frozen=True, slots=True)
class Culprit:
    """The first node at which a number is not finite: in what the graph is given, its output, or a gradient."""

    node: str
    where: str  # "given", "output" or "gradient"


@dataclass
class _Trail(fx.Interpreter):
    """Runs a graph node by node and keeps the tensors that come out, in order."""

    module: fx.GraphModule
    order: list[tuple[fx.Node, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(self.module, garbage_collect_values=False)

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        if n.op not in ("output", "get_attr"):
            self.order.append((n, result))
        return result


def find_culprit(
    module: fx.GraphModule, batch: Sequence[Tensor], loss_of: Callable[[Mapping[str, Tensor]], Tensor]
) -> Culprit | None:
    """Run a batch node by node and name the first at which a number is not finite; None where all are finite.

    Outputs are looked at in the order of the graph, then gradients from the loss backwards.
    """
    trail = _Trail(module)
    answers = trail.run(*batch)
    for node, result in trail.order:
        if not all(_is_finite(each) for each in _tensors(result)):
            return Culprit(_name(node), "given" if node.op == "placeholder" else "output")
    return _bad_gradient(module, trail.order, loss_of(answers))


def _bad_gradient(module: fx.GraphModule, order: Sequence[tuple[fx.Node, Any]], loss: Tensor) -> Culprit | None:
    """The node whose step backwards gives the first gradient that is not finite."""
    shown = [
        (node, each)
        for node, result in order
        for each in _tensors(result)
        if each.requires_grad and each.is_floating_point()
    ]
    weights = [(name, each) for name, each in module.named_parameters() if each.requires_grad]
    wanted = [each for _node, each in shown] + [each for _name, each in weights]
    grads = torch.autograd.grad(loss, wanted, allow_unused=True)
    bad = {node for (node, _each), grad in zip(shown, grads, strict=False) if grad is not None and not _is_finite(grad)}
    for node, _result in reversed(order):
        if node in bad:
            users = [each for each in node.users if each not in bad and each.op != "output"]
            return Culprit(_name(users[-1] if users else node), "gradient")
    for (name, _weight), grad in zip(weights, grads[len(shown) :], strict=True):
        if grad is not None and not _is_finite(grad):
            return Culprit(_owner(order, name), "gradient")
    return None


def _owner(order: Sequence[tuple[fx.Node, Any]], weight: str) -> str:
    """The node whose module holds a weight."""
    calls = [node for node, _result in order if node.op == "call_module" and weight.startswith(f"{node.target}.")]
    return _name(calls[0]) if calls else weight


def _name(node: fx.Node) -> str:
    """The node of the spec to which a node of the graph belongs: its own, or the one that it prepares."""
    seen, waiting = {node}, [node]
    while waiting:
        each = waiting.pop(0)
        if NODE in each.meta:
            return str(each.meta[NODE])
        if each.op == "placeholder":
            return str(each.target)
        for user in each.users:
            if user not in seen:
                seen.add(user)
                waiting.append(user)
    return node.name


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _tensors(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _tensors(each)


def _is_finite(tensor: Tensor) -> bool:
    if tensor.is_sparse:
        tensor = tensor.coalesce().values()
    return not (tensor.is_floating_point() or tensor.is_complex()) or bool(tensor.isfinite().all())
