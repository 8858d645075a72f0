"""A trained model made ready to be deployed: batch norms go into the weights before them, unused weights go away.

This rounds differently from the graph it came from: each folded layer computes the same number to about 1e-5 of the
largest in its result, in float32. Training, and the Python export, keep the graph as it is.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from engine.compile import Compiled, assemble, module_path
from engine.declare import Recipe
from engine.passes import Ran, listed, nodes_of
from engine.program import Program, Ref, replace_refs

NAME = "batch norms"
TOLERANCE = 1e-5  # of the largest number in a folded layer's result, in float32

_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_Layer = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d
_Norm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d


def deploy(compiled: Compiled) -> Compiled:
    """Return a model for evaluation alone, with the present weights; the one given stays as it is.

    It was compiled for inference. What comes back has copies of the weights that its outputs need, folded as far as
    can be, and is in evaluation mode.
    """
    program = compiled.program
    if program.losses or not program.outputs:
        raise ValueError("only a graph that was compiled for inference can be deployed")
    used = {
        step.node: compiled.module.get_submodule(module_path(step.node))
        for step in program.steps
        if isinstance(step.recipe, Recipe)
    }
    modules: dict[str, nn.Module] = copy.deepcopy(used)  # at once: shared weights stay shared
    pairs = list(_pairs(program, modules))
    for pair in pairs:
        modules[pair.layer] = folded(modules[pair.layer], modules.pop(pair.norm))
    smaller = _without_norms(program, pairs)
    names = [f"{pair.norm} into {pair.layer}" for pair in pairs]
    note = f"Batch norms went into the weights before them: {listed(names)}." if names else ""
    ran = Ran(NAME, note, nodes_of(program), nodes_of(smaller))
    module = assemble(smaller, modules).eval()
    return replace(compiled, module=module, program=smaller, ran=(*compiled.ran, ran))


@dataclass(frozen=True, slots=True)
class _Pair:
    """A layer and the batch norm behind it."""

    layer: str
    norm: str


def _pairs(program: Program, modules: Mapping[str, nn.Module]) -> Iterator[_Pair]:
    """Yield the pairs that can be folded: nothing else uses the layer's result."""
    uses = Counter(ref.node for step in program.steps for ref in step.refs())
    uses.update(ref.node for ref in program.outputs.values())
    for step in program.steps:
        norm, source = modules.get(step.node), step.args[0] if step.args else None
        if not isinstance(norm, _Norm) or not isinstance(source, Ref) or uses[source.node] > 1:
            continue
        if source.node in modules and _can_take(modules[source.node], norm, program, source):
            yield _Pair(source.node, step.node)


def _can_take(layer: nn.Module, norm: _Norm, program: Program, result: Ref) -> bool:
    """Whether the channels of a layer are those that a batch norm scales, and the numbers allow it."""
    if norm.running_mean is None or not isinstance(layer, _Layer) or "weight" not in layer._parameters:
        return False
    if isinstance(layer, nn.Linear):
        known = program.tensors.get(result)
        fits = known is not None and len(known.shape) == 2 and layer.out_features == norm.num_features
    else:
        fits = layer.out_channels == norm.num_features and (not isinstance(layer, _TRANSPOSED) or layer.groups == 1)
    return fits and bool(torch.isfinite(_scale(norm)).all())


def _scale(norm: _Norm) -> Tensor:
    """What a batch norm multiplies each channel by in evaluation mode, in float64."""
    assert norm.running_var is not None
    scale = (norm.running_var.detach().double() + norm.eps).rsqrt()
    return scale if norm.weight is None else scale * norm.weight.detach().double()


def folded(layer: nn.Module, norm: nn.Module) -> nn.Module:
    """Return a copy of a Linear or a convolution that also does the work of the batch norm behind it."""
    assert isinstance(layer, _Layer)
    assert isinstance(norm, _Norm)
    assert norm.running_mean is not None
    scale, weight = _scale(norm), layer.weight.detach()
    bias = torch.zeros_like(scale) if layer.bias is None else layer.bias.detach().double()
    bias = (bias - norm.running_mean.double()) * scale
    if norm.bias is not None:
        bias = bias + norm.bias.detach().double()
    axis = 1 if isinstance(layer, _TRANSPOSED) else 0
    shape = [1] * weight.ndim
    shape[axis] = -1
    copied = copy.copy(layer)
    copied._parameters = dict(layer._parameters)
    copied.weight = _parameter((weight.double() * scale.view(shape)).to(weight.dtype), layer)
    copied.bias = _parameter(bias.to(weight.dtype), layer)
    return copied


def _parameter(numbers: Tensor, layer: _Layer) -> nn.Parameter:
    return nn.Parameter(numbers, requires_grad=layer.weight.requires_grad)


def _without_norms(program: Program, pairs: list[_Pair]) -> Program:
    layers = {pair.norm: pair.layer for pair in pairs}

    def now(ref: Ref) -> Ref:
        return Ref(layers[ref.node]) if ref.node in layers else ref

    steps = []
    for step in program.steps:
        if step.node in layers:
            continue
        recipe = step.recipe
        if isinstance(recipe, Recipe) and step.node in layers.values():
            recipe = Recipe(recipe.target, *recipe.args, **{**recipe.kwargs, "bias": True})
        kwargs = {name: replace_refs(value, now) for name, value in step.kwargs.items()}
        steps.append(replace(step, recipe=recipe, args=replace_refs(step.args, now), kwargs=kwargs))
    outputs = {node: now(ref) for node, ref in program.outputs.items()}
    return replace(program, steps=tuple(steps), outputs=outputs)
