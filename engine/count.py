"""What an op costs: multiply-accumulates, and the memory that training keeps. Found on the meta device, or stated.

Counted as published tables count: what convolutions, dense layers, attention and other products of matrices multiply
and add up. Activations, normalisation, pooling, interpolation, look-ups, sums and losses count nothing.

Memory is what PyTorch saves for the backward pass, with fused attention, which keeps no matrix of scores.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import flop_registry

from engine.declare import Metric, Op, Value
from engine.meta import Meta
from engine.problem import Mistake

BATCH = "N"
ASSUMED_SIZE = 128  # what a free size but the batch counts as where nothing else is said
SAMPLES = (1, 2)  # tried in this order: normalisation over the batch refuses a single sample


@dataclass(frozen=True, slots=True)
class Cost:
    """What an op costs for one sample, or altogether where what flows in has no free batch (`batched` is off).

    `macs` is None where it cannot be told. `inside` are bytes that the op keeps for the backward pass beside its
    inputs and outputs; `reads` and `gives` name the input ports ("input", "tensors[1]") and the output ports whose
    tensors it needs then; `views` says which outputs are the numbers of an input, seen in another shape.
    """

    macs: int | None = 0
    inside: int = 0
    reads: frozenset[str] = frozenset()
    gives: frozenset[str] = frozenset()
    views: tuple[tuple[str, str], ...] = ()
    batched: bool = True


NOTHING = Cost()

Values = Mapping[str, Any]  # input port -> a Value or a list of them
Call = Callable[[Mapping[str, Any]], Mapping[str, Tensor]]  # tensors by input port -> tensors by output port
Measure = Callable[[Values, int], Cost]  # what flows in, and the samples in it


def cost(op: Op, values: Callable[[int], Values], measure: Measure, *, multiplies: bool) -> Cost:
    """Tell what an op costs for one sample.

    `values` gives what flows in at a number of samples; `measure` runs the op on that and raises Mistake where that
    fails. What neither runs nor states its cost keeps all that flows in; its multiply-accumulates are not known if it
    `multiplies`, having weights to multiply with, else none.
    """
    if isinstance(op, Metric):
        return NOTHING
    batched = _shapes(values(1)) != _shapes(values(2))
    told = op.cost(**values(1))
    if told is not None:
        return Cost(*told, batched=batched)
    for samples in SAMPLES if batched else (1,):
        try:
            return replace(measure(values(samples), samples), batched=batched)
        except Mistake:
            continue
    ports = frozenset(value.port for value in _each(values(1)))
    return Cost(None if multiplies else 0, 0, ports, frozenset(type(op).output_ports()), batched=batched)


def _shapes(values: Values) -> list[tuple[int, ...]]:
    return [value.shape for value in _each(values)]


def measured(module: nn.Module | None, tensors: Mapping[str, Any], call: Call, samples: int) -> Cost:
    """Run an op as training does and see what it multiplies and keeps; `tensors` require gradients where they can.

    Ports are told by their names in `tensors`, those of a list with their place.
    """
    kept: list[Tensor] = []  # holds what it lists, so that no memory is used twice

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    products = _Products()
    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), products:
        outputs = call(tensors)
    came = {_memory(tensor): port for port, tensor in _named(tensors)}
    went = {_memory(tensor): port for port, tensor in outputs.items() if _memory(tensor) not in came}
    sizes = {_memory(tensor): tensor.untyped_storage().nbytes() for tensor in kept}
    passing = {_memory(tensor) for tensor in (*_weights(module), *products.scores)}
    inside = sum(size for memory, size in sizes.items() if memory not in came.keys() | went.keys() | passing)
    return Cost(
        -(-products.macs // samples),
        inside // samples,
        frozenset(port for memory, port in came.items() if memory in sizes),
        frozenset(port for memory, port in went.items() if memory in sizes),
        tuple((port, came[_memory(tensor)]) for port, tensor in outputs.items() if _memory(tensor) in came),
    )


def _named(tensors: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    for port, value in tensors.items():
        if isinstance(value, list):
            yield from ((f"{port}[{place}]", each) for place, each in enumerate(value))
        else:
            yield port, value


def _each(values: Mapping[str, Any]) -> Iterator[Any]:
    for value in values.values():
        yield from value if isinstance(value, list) else (value,)


def with_gradients(value: Value | list[Value]) -> Any:
    """A tensor without numbers, or a list of them, as training hands it to an op."""
    if isinstance(value, list):
        return [with_gradients(each) for each in value]
    dtype = getattr(torch, value.dtype)
    trained = dtype.is_floating_point or dtype.is_complex
    return torch.empty(tuple(map(int, value.shape)), dtype=dtype, device="meta", requires_grad=trained)


def _weights(module: nn.Module | None) -> Iterator[Tensor]:
    if module is not None:
        yield from module.parameters()
        yield from module.buffers()


def _memory(tensor: Tensor) -> int:
    """A number for the memory that a tensor lies in, the same for its views."""
    memory: int = tensor.untyped_storage()._cdata
    return memory


class _Products(Meta):  # type: ignore[no-untyped-call]
    """Counts the multiply-accumulates of what runs below it, and collects the scores of attention.

    PyTorch computes attention on the meta device step by step; `scores` are the matrices in between, which fused
    kernels do not keep.
    """

    def __init__(self) -> None:
        super().__init__()
        self.macs = 0
        self.scores: list[Tensor] = []
        self._scored: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = super().__torch_dispatch__(func, types, args, kwargs)
        packet = getattr(func, "_overloadpacket", None)  # an operator of a higher order has none
        if packet in flop_registry:
            self.macs += flop_registry[packet](*args, **(kwargs or {}), out_val=result) // 2
        elif packet in MACS:
            self.macs += MACS[packet](args, result)
        elif packet is torch.ops.aten._safe_softmax or self._is_of_scores(args):
            scores = result if isinstance(result, tuple) else (result,)
            self.scores += scores
            self._scored.update(map(_memory, scores))
        return result

    def _is_of_scores(self, args: Any) -> bool:
        return bool(self._scored) and any(isinstance(each, Tensor) and _memory(each) in self._scored for each in args)


def _bilinear(args: Any, _result: Tensor) -> int:
    """Sizes of the product that three tensors make together, axes of 1 put in where each lacks one."""
    shapes = []
    for tensor, added in zip(args[:3], args[3:6], strict=True):
        shape = list(tensor.shape)
        for axis in added:
            shape.insert(axis, 1)
        shapes.append(shape)
    return math.prod(map(max, zip(*shapes, strict=True)))


# What torch's own table lacks: (arguments, result) -> multiply-accumulates.
MACS: Mapping[Any, Callable[[Any, Any], int]] = {
    torch.ops.aten.mv: lambda args, _result: args[0].numel(),
    torch.ops.aten.addmv: lambda args, _result: args[1].numel(),
    torch.ops.aten.dot: lambda args, _result: args[0].numel(),
    torch.ops.aten.vdot: lambda args, _result: args[0].numel(),
    torch.ops.aten._trilinear: _bilinear,
    torch.ops.aten._cdist_forward: lambda args, result: result.numel() * args[0].shape[-1],
}
