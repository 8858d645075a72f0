"""All of `torch.nn`: each module is an op with PyTorch's own params, or is left out for a reason."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import torch
from torch import nn

from engine.declare import Loss, Op, Recipe, Value
from engine.ops import OPS
from engine.ops.excluded import EXCLUDED
from engine.recipes import find
from tests.engine.catalogue.case import Case
from tests.engine.catalogue.test_catalogue import CASES

NAMES = tuple(torch.nn.modules.__all__)

ADAPTIVE = "AdaptiveLogSoftmaxWithLoss"  # a loss with the params of a layer
LAYERS = [name for name in NAMES if name in OPS and (name == ADAPTIVE or not issubclass(OPS[name], Loss))]

EVERYWHERE = frozenset({"device", "dtype", "inplace"})  # the run's and the compiler's business

# Params whose value is the size of what flows in.
DERIVED = frozenset(
    """in_channels in_features in1_features in2_features num_features num_channels normalized_shape input_size d_model
    embed_dim kdim vdim""".split()
)

# Params that no op has, op by op, and why.
LEFT_OUT: Mapping[str, Mapping[str, str]] = {
    "ConvTranspose1d": {"padding_mode": "PyTorch takes zeros alone."},
    "ConvTranspose2d": {"padding_mode": "PyTorch takes zeros alone."},
    "ConvTranspose3d": {"padding_mode": "PyTorch takes zeros alone."},
    "GRU": {"proj_size": "PyTorch takes it for LSTM alone."},
    "RNN": {"proj_size": "PyTorch takes it for LSTM alone."},
    "Hardtanh": {"min_value": "The old name of min_val.", "max_value": "The old name of max_val."},
    "SyncBatchNorm": {"process_group": "The processes are the run's, not the graph's."},
    "TransformerEncoder": {
        "encoder_layer": "It is built from the op's own params.",
        "enable_nested_tensor": "A shortcut that warns and changes padded steps in evaluation; it is always off.",
        "mask_check": "It belongs to that shortcut.",
    },
    "TransformerDecoder": {"decoder_layer": "It is built from the op's own params."},
    "Transformer": {
        "custom_encoder": "A graph wires an encoder of its own to a TransformerDecoder.",
        "custom_decoder": "A graph wires a decoder of its own to a TransformerEncoder.",
    },
}

# Params that are ours: PyTorch takes what they say in another form.
OURS: Mapping[str, Mapping[str, str]] = {
    "LayerNorm": {"axes": "normalized_shape, counted in axes"},
    "RMSNorm": {"axes": "normalized_shape, counted in axes"},
}

# A stack is built from a layer, whose params are its own as well.
LAYER_OF = {"TransformerEncoder": "TransformerEncoderLayer", "TransformerDecoder": "TransformerDecoderLayer"}


def constructor(name: str) -> inspect.Signature:
    """The params of a class of torch.nn; RNN, LSTM and GRU show theirs in their base class alone."""
    if name not in ("RNN", "LSTM", "GRU"):
        return inspect.signature(getattr(nn, name))
    params = [each for each in inspect.signature(nn.RNNBase).parameters.values() if each.name != "mode"]
    if name == "RNN":
        nonlinearity = inspect.Parameter("nonlinearity", inspect.Parameter.KEYWORD_ONLY, default="tanh")
        params = [each.replace(kind=inspect.Parameter.POSITIONAL_OR_KEYWORD) for each in params] + [nonlinearity]
    return inspect.Signature(params)


def torch_params(name: str) -> set[str]:
    params = constructor(name).parameters.values()
    named = {each.name for each in params if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)}
    return {each for each in named - EVERYWHERE if not each.startswith("_")}


def test_every_module_of_torch_nn_is_an_op_or_left_out_for_a_reason() -> None:
    assert set(NAMES) - set(OPS) - set(EXCLUDED) == set()


def test_what_is_left_out_exists_in_pytorch_and_is_no_op() -> None:
    assert set(EXCLUDED) - set(NAMES) == set()
    assert set(EXCLUDED) & set(OPS) == set()
    assert all(reason.endswith(".") and len(reason.split()) > 4 for reason in EXCLUDED.values())


def test_a_lazy_module_becomes_the_op_that_its_reason_names() -> None:
    lazy = [name for name in EXCLUDED if name.startswith("Lazy")]
    for name in lazy:
        become = getattr(nn, name).cls_to_become.__name__
        assert become in OPS and become in EXCLUDED[name]
    assert lazy


def test_an_old_name_is_a_form_of_the_op_that_its_reason_names() -> None:
    assert issubclass(nn.modules.NLLLoss2d, nn.NLLLoss)
    assert issubclass(nn.UpsamplingBilinear2d, nn.Upsample)
    assert issubclass(nn.UpsamplingNearest2d, nn.Upsample)


def test_cross_map_lrn_keeps_channel_0_in_all_its_windows() -> None:
    input = torch.zeros(1, 6, 1, 1)
    input[0, 0], input[0, 5] = 1000.0, 1.0
    far = input.clone()
    far[0, 0] = 0.0
    for module, touched in ((nn.CrossMapLRN2d(3, alpha=1.0), True), (nn.LocalResponseNorm(3, alpha=1.0), False)):
        assert bool((module(input)[0, 5] != module(far)[0, 5]).any()) == touched


@pytest.mark.parametrize("name", LAYERS)
def test_an_op_has_every_param_of_its_module(name: str) -> None:
    params = set(OPS[name].params())
    assert torch_params(name) - params - DERIVED == set(LEFT_OUT.get(name, {}))


@pytest.mark.parametrize("name", LAYERS)
def test_an_op_has_no_param_that_its_module_lacks(name: str) -> None:
    known = torch_params(name) | set(inspect.signature(getattr(nn, name).forward).parameters)
    known |= torch_params(LAYER_OF[name]) if name in LAYER_OF else set()
    assert set(OPS[name].params()) - known == set(OURS.get(name, {}))


@pytest.mark.parametrize("name", LAYERS)
def test_the_ports_of_an_op_are_those_of_its_module(name: str) -> None:
    """By name, except where PyTorch calls the states `hx`, RMSNorm's input `x`, and adaptive softmax's `input_`."""
    ours = list(OPS[name].input_ports())
    theirs = list(inspect.signature(getattr(nn, name).forward).parameters)[1:]
    if "hx" in theirs:
        place = theirs.index("hx")
        theirs[place : place + 1] = ["h_0", "c_0"] if "LSTM" in name else ["h_0"]
    theirs = ["input" if each == "x" else each.removesuffix("_") for each in theirs]
    assert [each for each in theirs if each in ours] == ours


# ------------------------------------------------------------------------------- what a recipe hands to its module

LAYER_CASES = [case for case in CASES if case.op in LAYERS]


def built(case: Case) -> tuple[Op, Recipe, list[tuple[int, ...]]]:
    """The case's op, its recipe, and the shapes of what flows in."""
    op, problems = OPS[case.op].parse(case.params)
    assert op is not None and problems == []
    values = {port: Value(port, tuple(tensor.shape), str(tensor.dtype)[6:]) for port, tensor in case.given().items()}
    recipe = op.build(**values)
    assert isinstance(recipe, Recipe)
    return op, recipe, [value.shape for value in values.values()]


def recipes_in(recipe: Recipe) -> Iterator[Recipe]:
    yield recipe
    for each in (*recipe.args, *recipe.kwargs.values()):
        if isinstance(each, Recipe):
            yield from recipes_in(each)


def handed(recipe: Recipe) -> dict[str, Any]:
    """What a recipe passes, by PyTorch's names, its defaults filled in."""
    name = find(recipe.target).__name__
    bound = constructor(name).bind(*recipe.args, **recipe.kwargs)
    bound.apply_defaults()
    return bound.arguments


def plain(value: Any) -> Any:
    """Values that mean the same made equal: lists as tuples, PyTorch's None as off, "valid" as no padding."""
    if isinstance(value, list):
        return tuple(value)
    if value == "valid":
        return 0
    return False if value is None else value


@pytest.mark.parametrize("case", LAYER_CASES, ids=str)
def test_a_recipe_hands_on_what_the_params_say(case: Case) -> None:
    op, recipe, _shapes = built(case)
    compared = 0
    for each in recipes_in(recipe):
        for name, value in handed(each).items():
            if name in op.params() and not isinstance(value, Recipe):
                value = "relu" if value is nn.functional.relu else value
                assert plain(value) == plain(getattr(op, name)), (each.target, name)
                compared += 1
    assert compared > 0 or not set(op.params()) & torch_params(case.op)


@pytest.mark.parametrize("case", LAYER_CASES, ids=str)
def test_a_derived_param_is_the_size_of_what_flows_in(case: Case) -> None:
    _op, recipe, shapes = built(case)
    for each in recipes_in(recipe):
        for name in DERIVED & set(handed(each)):
            value = handed(each)[name]
            tails = [shape[-axes:] for shape in shapes for axes in range(1, len(shape))]
            sizes = [size for shape in shapes for size in shape[1:]]
            assert value is None or value in sizes or value in tails, (each.target, name)


@pytest.mark.parametrize("case", LAYER_CASES, ids=str)
def test_what_a_module_is_called_with_is_what_the_params_say(case: Case) -> None:
    op, recipe, _shapes = built(case)
    parameters = inspect.signature(find(recipe.target).forward).parameters
    assert set(recipe.forward) <= set(parameters)
    for name in {"need_weights", "output_size"} & set(op.params()) & set(parameters):
        value = recipe.forward.get(name, parameters[name].default)
        wanted = getattr(op, name)
        axes = len(value) if isinstance(value, list) else 1
        assert value == ([wanted] * axes if isinstance(value, list) and isinstance(wanted, int) else plain_list(wanted))


def plain_list(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
