"""The meta device without torch's detours: the shapes that many of its rules there work out in slow Python.

The first of those rules to run also brings in all of torch's compiler, which takes longer than checking a large graph.
What is not as plain as expected is left to torch, its refusals too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten


class Meta(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own base is not typed
    """Lets ops that run below it on the meta device take the short way."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Say that nothing here is ever compiled: torch would bring in its compiler to be sure of that."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return result_of(func, args, kwargs or {})


def result_of(func: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """What an op of torch gives for meta tensors."""
    short = SHORT.get(getattr(func, "_overloadpacket", None))  # an operator of a higher order has none
    result = short(*args) if short is not None and kwargs.keys() <= SHAPELESS and _on_meta(args[0]) else None
    return func(*args, **kwargs) if result is None else result


def _on_meta(first: Any) -> bool:
    tensor = first[0] if isinstance(first, list | tuple) and first else first
    return isinstance(tensor, Tensor) and tensor.is_meta


def _alike(input: Tensor, *others: Any) -> Tensor | None:
    """Floats in the shape of `input`, where other tensors are of its type and last axes, and other numbers real."""
    return _like(input) if _are_alike(input, *others) else None


def _like(input: Tensor) -> Tensor:
    return _new(input, input.shape) if input.is_contiguous() else torch.empty_like(input)


def _new(input: Tensor, sizes: Sequence[int]) -> Tensor:
    return torch.empty(sizes, dtype=input.dtype, device="meta")  # new_empty takes a detour itself


def _joined(one: Tensor, two: Any, *rest: Any) -> Tensor | None:
    """Floats in the shape that two tensors stretch to, or that of one where the other is a number."""
    if not isinstance(two, Tensor) or not one.is_contiguous() or not two.is_contiguous():
        return _alike(one, two, *rest)
    if one.dtype != two.dtype or not one.is_floating_point() or not two.is_meta:
        return None
    sizes = list(one.shape if one.ndim >= two.ndim else two.shape)
    other = two.shape if one.ndim >= two.ndim else one.shape
    for axis, size in enumerate(other, len(sizes) - len(other)):
        if size not in (1, sizes[axis]) and sizes[axis] != 1:
            return None
        sizes[axis] = max(size, sizes[axis]) if 0 not in (size, sizes[axis]) else 0
    return _new(one, sizes)


def _triangle(input: Tensor, *_diagonal: int) -> Tensor | None:
    return _new(input, input.shape) if input.ndim > 1 and input.is_contiguous() else None


def _in_place(input: Tensor, *others: Any) -> Tensor | None:
    return input if _are_alike(input, *others) else None


def _are_alike(input: Tensor, *others: Any) -> bool:
    if not input.is_floating_point():
        return False
    for other in others:
        if isinstance(other, Tensor):
            within = input.shape[max(0, input.ndim - other.ndim) :]
            if other.shape != within or other.dtype != input.dtype or not other.is_meta:
                return False
        elif isinstance(other, complex):
            return False
    return True


def _cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor | None:
    first = tensors[0]
    if not -first.ndim <= dim < first.ndim:
        return None
    axis = dim % first.ndim
    for other in tensors:
        if other.ndim != first.ndim or other.dtype != first.dtype:
            return None
        if any(
            place != axis and one != two for place, (one, two) in enumerate(zip(first.shape, other.shape, strict=True))
        ):
            return None
    sizes = list(first.shape)
    sizes[axis] = sum(each.shape[axis] for each in tensors)
    return _new(first, sizes)


def _softmax(input: Tensor, dim: int, *other: Any) -> Tensor | None:
    """A softmax without a type of its own."""
    return None if any(other) or not -input.ndim <= dim < input.ndim else _alike(input)


def _batch_norm(input: Tensor, *rest: Any) -> tuple[Tensor, Tensor, Tensor] | None:
    channels = input.shape[1]
    if any(isinstance(each, Tensor) and each.shape != (channels,) for each in rest):
        return None
    return _like(input), _new(input, (channels,)), _new(input, (channels,))


def _layer_norm(input: Tensor, shape: Sequence[int], *rest: Any) -> tuple[Tensor, Tensor, Tensor] | None:
    axes = len(shape)
    if not axes or tuple(input.shape[-axes:]) != tuple(shape):
        return None
    if any(isinstance(each, Tensor) and tuple(each.shape) != tuple(shape) for each in rest):
        return None
    sizes = (*input.shape[:-axes], *(1 for _ in shape))
    return _like(input), _new(input, sizes), _new(input, sizes)


def _nll_loss(input: Tensor, target: Tensor, weight: Tensor | None, reduction: int, _ignored: int) -> Any:
    if input.ndim < 2 or tuple(target.shape) != (input.shape[0], *input.shape[2:]):
        return None
    if weight is not None and tuple(weight.shape) != (input.shape[1],):
        return None
    return _new(input, () if reduction else target.shape), _new(input, ())


def _addmm(added: Tensor, one: Tensor, two: Tensor) -> Tensor | None:
    fits = one.ndim == two.ndim == 2 and one.shape[1] == two.shape[0] and tuple(added.shape) == (two.shape[1],)
    return _new(one, (one.shape[0], two.shape[1])) if fits and added.dtype == one.dtype == two.dtype else None


def _mean(input: Tensor, dims: Sequence[int] | None = None, keep: bool = False) -> Tensor | None:
    axes = {dim % input.ndim for dim in dims or () if -input.ndim <= dim < input.ndim}
    if not axes or len(axes) != len(dims or ()) or not input.is_floating_point():
        return None
    kept = [1 if axis in axes else size for axis, size in enumerate(input.shape) if keep or axis not in axes]
    return _new(input, kept)


SHAPELESS = frozenset({"alpha", "approximate", "generator", "rounding_mode"})  # keywords that change no shape or type

ALIKE = (
    aten.relu, aten.gelu, aten.leaky_relu, aten.elu, aten.hardtanh, aten.hardswish, aten.hardsigmoid, aten.mish,
    aten.sigmoid, aten.softplus, aten.threshold, aten.exp, aten.sqrt, aten.neg,
)  # fmt: skip
IN_PLACE = (aten.add_, aten.mul_, aten.div_, aten.bernoulli_, aten.normal_, aten.uniform_, aten.fill_, aten.zero_)

SHORT: Mapping[Any, Callable[..., Any]] = {
    **dict.fromkeys(ALIKE, _alike),
    **dict.fromkeys((aten.add, aten.sub, aten.mul, aten.div), _joined),
    **dict.fromkeys(IN_PLACE, _in_place),
    **dict.fromkeys((aten.tril, aten.triu), _triangle),
    aten.cat: _cat,
    aten._softmax: _softmax,
    aten._safe_softmax: _softmax,
    aten._log_softmax: _softmax,
    aten.native_batch_norm: _batch_norm,
    aten.native_layer_norm: _layer_norm,
    aten.nll_loss_forward: _nll_loss,
    aten.nll_loss2d_forward: _nll_loss,
    aten.addmm: _addmm,
    aten.mean: _mean,
}
