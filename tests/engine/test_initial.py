from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from engine import edit, fixes
from engine.check import check
from engine.compile import Compiled, compile
from engine.ops.initializer import EXCLUDED, LEFT_OUT, Initializer
from engine.problem import Mistake
from engine.spec import Spec, dumps, loads
from tests.builders import chain, image_classifier

init = nn.init
SEED = 3


def drawn(spec: Spec, folder: Path | None = None) -> Compiled:
    return compile(spec, seed=SEED, folder=folder)


def matrices(op: str, tensor: str = "weight", /, **params: Any) -> Spec:
    """The image classifier with an initializer for one tensor of its Linear (10 x 256)."""
    return edit.set_init(image_classifier(), "linear_1", tensor, {"op": op, "params": params})


def by_hand(fill: Callable[[Tensor], Any], tensor: str = "weight") -> nn.Linear:
    torch.manual_seed(SEED)
    nn.Conv2d(1, 4, 3, padding="same")
    linear = nn.Linear(256, 10)
    fill(getattr(linear, tensor))
    return linear


CASES: list[tuple[str, dict[str, Any], Callable[[Tensor], Any]]] = [
    ("Normal", {"mean": 0.5, "std": 0.1}, lambda t: init.normal_(t, 0.5, 0.1)),
    ("Uniform", {"a": -1.0, "b": 2.0}, lambda t: init.uniform_(t, -1.0, 2.0)),
    (
        "TruncatedNormal",
        {"mean": 0.1, "std": 0.2, "a": -0.1, "b": 0.3},
        lambda t: init.trunc_normal_(t, 0.1, 0.2, -0.1, 0.3),
    ),
    ("XavierUniform", {"gain": 2.0}, lambda t: init.xavier_uniform_(t, 2.0)),
    ("XavierNormal", {"gain": 0.5}, lambda t: init.xavier_normal_(t, 0.5)),
    ("KaimingUniform", {}, lambda t: init.kaiming_uniform_(t, nonlinearity="relu")),
    (
        "KaimingUniform",
        {"a": 0.2, "mode": "fan_out", "nonlinearity": "leaky_relu"},
        lambda t: init.kaiming_uniform_(t, 0.2, "fan_out", "leaky_relu"),
    ),
    (
        "KaimingNormal",
        {"nonlinearity": "tanh", "mode": "fan_out"},
        lambda t: init.kaiming_normal_(t, 0.0, "fan_out", "tanh"),
    ),
    ("KaimingNormal", {"nonlinearity": "selu"}, lambda t: init.kaiming_normal_(t, 0.0, "fan_in", "selu")),
    ("Orthogonal", {"gain": 1.5}, lambda t: init.orthogonal_(t, 1.5)),
    ("Constant", {"val": 0.25}, lambda t: init.constant_(t, 0.25)),
    ("Zeros", {}, init.zeros_),
    ("Ones", {}, init.ones_),
    ("Eye", {}, init.eye_),
    ("Sparse", {"sparsity": 0.5, "std": 0.1}, lambda t: init.sparse_(t, 0.5, 0.1)),
    ("Default", {}, lambda t: t),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{'-'.join(case[1])}")
def test_an_initializer_draws_what_its_function_draws(
    case: tuple[str, dict[str, Any], Callable[[Tensor], Any]],
) -> None:
    name, params, fill = case
    module = drawn(matrices(name, **params)).module
    assert torch.equal(module.get_parameter("linear_1.weight"), by_hand(fill).weight)
    assert torch.equal(module.get_parameter("linear_1.bias"), by_hand(fill).bias)


@pytest.mark.parametrize("groups", [1, 2])
def test_dirac_hands_channels_on(groups: int) -> None:
    spec = edit.set_init(image_classifier(), "conv2d_1", "weight", {"op": "Dirac", "params": {"groups": groups}})
    expected = torch.zeros(4, 1, 3, 3)
    init.dirac_(expected, groups)
    assert torch.equal(drawn(spec).module.get_parameter("conv2d_1.weight"), expected)


def test_every_initializer_has_a_case() -> None:
    assert {name for name, _params, _fill in CASES} | {"Dirac", "FromFile"} == set(Initializer.registry)


def test_every_function_of_torch_nn_init_is_declared_or_left_out_with_a_reason() -> None:
    theirs = {name for name in init.__all__ if name.endswith("_")} | {"calculate_gain"}
    ours = {each.target.removeprefix("nn.init.") for each in Initializer.registry.values()}
    left_out = {name.rpartition(".")[2] for name in EXCLUDED}
    assert theirs == {name for name in ours if name and "." not in name} | left_out


@pytest.mark.parametrize("name", [name for name, each in Initializer.registry.items() if "nn.init" in each.target])
def test_an_initializer_has_the_params_of_its_function(name: str) -> None:
    declared = Initializer.registry[name]
    function = getattr(init, declared.target.removeprefix("nn.init."))
    assert set(declared.params()) == set(inspect.signature(function).parameters) - set(LEFT_OUT)


def test_torchs_own_draws_stay_bit_for_bit_where_nothing_is_set() -> None:
    plain, spec = drawn(image_classifier()).module, matrices("Normal", "bias", std=1.0)
    spec = edit.set_init(spec, "conv2d_1", "bias", "Zeros")
    module = drawn(spec).module
    for name in ("linear_1.weight", "conv2d_1.weight"):
        assert torch.equal(plain.get_parameter(name), module.get_parameter(name))
    assert module.get_parameter("conv2d_1.bias").abs().sum() == 0


def test_initializers_draw_in_the_order_in_which_nodes_were_made() -> None:
    spec = edit.set_init(matrices("Normal", std=1.0), "conv2d_1", "weight", {"op": "Normal", "params": {"std": 1.0}})
    module = drawn(spec).module
    torch.manual_seed(SEED)
    conv, linear = nn.Conv2d(1, 4, 3, padding="same"), nn.Linear(256, 10)
    init.normal_(conv.weight)
    init.normal_(linear.weight)
    assert torch.equal(module.get_parameter("conv2d_1.weight"), conv.weight)
    assert torch.equal(module.get_parameter("linear_1.weight"), linear.weight)


def test_the_same_seed_draws_the_same_and_leaves_torchs_stream_alone() -> None:
    spec = matrices("Orthogonal")
    torch.manual_seed(9)
    one, after = drawn(spec).module, torch.rand(1)
    torch.manual_seed(9)
    other = compile(spec, seed=SEED).module
    assert torch.equal(after, torch.rand(1))
    assert torch.equal(one.get_parameter("linear_1.weight"), other.get_parameter("linear_1.weight"))


# ----------------------------------------------------------------------------------------------------- the default


def test_the_default_fills_matrices_and_nothing_else() -> None:
    spec = chain("Embedding", "LSTM", "LayerNorm", "Linear", shape=("N", "T"), dtype="int64")
    spec = edit.set_param(spec, "layer_norm_1", "axes", 1)
    spec = edit.add(spec, "MultiheadAttention", inputs=dict.fromkeys(("query", "key", "value"), "linear_1"))
    spec = edit.add(spec, "Output", inputs={"input": "multihead_attention_1"})
    spec = edit.set_init(spec, "linear_1", "weight", "Default")
    plain = compile(spec, only="inference", seed=SEED).module
    module = compile(
        edit.set_default_init(spec, {"op": "Constant", "params": {"val": 7.0}}), only="inference", seed=SEED
    ).module
    filled = {name for name, each in module.named_parameters() if bool((each == 7).all())}
    assert filled == {
        "lstm_1.weight_ih_l0",
        "lstm_1.weight_hh_l0",
        "multihead_attention_1.in_proj_weight",
        "multihead_attention_1.out_proj.weight",
    }
    for name, each in plain.named_parameters():
        assert name in filled or torch.equal(each, module.get_parameter(name))


def test_a_normalisation_of_two_axes_is_no_matrix() -> None:
    spec = edit.set_param(chain("LayerNorm", "Output", shape=("N", 4, 5)), "layer_norm_1", "axes", 2)
    module = compile(edit.set_default_init(spec, "Zeros"), only="inference", seed=SEED).module
    assert torch.equal(module.get_parameter("layer_norm_1.weight"), torch.ones(4, 5))


def test_a_node_that_the_default_does_not_fit_is_told_and_can_keep_pytorchs_draw() -> None:
    spec = edit.set_default_init(image_classifier(), "Eye")
    (problem,) = check(spec).problems
    assert (problem.node, problem.param) == ("conv2d_1", "weights.init.weight")
    assert "Eye needs 2 axes; weight of conv2d_1 has 4." in problem.message
    mended = fixes.apply(spec, problem.fixes[0])
    assert check(mended).problems == ()
    assert torch.equal(drawn(mended).module.get_parameter("linear_1.weight"), init.eye_(torch.empty(10, 256)))


# ------------------------------------------------------------------------------------------------------------ files


def from_file(folder: Path, tensors: dict[str, Tensor], name: str = "w", path: str = "there.safetensors") -> Spec:
    save_file(tensors, folder / "there.safetensors")
    return matrices("FromFile", path=path, name=name)


def test_weights_begin_from_a_file_beside_the_project(tmp_path: Path) -> None:
    given = torch.randn(10, 256)
    spec = from_file(tmp_path, {"w": given})
    assert check(spec, tmp_path).problems == ()
    assert torch.equal(drawn(spec, tmp_path).module.get_parameter("linear_1.weight"), given)


@pytest.mark.parametrize(
    ("tensors", "name", "path", "words"),
    [
        (
            {"w": torch.zeros(3, 2)},
            "w",
            "there.safetensors",
            "w is 3 × 2 in there.safetensors, and weight of linear_1 is 10 × 256",
        ),
        ({"weigth": torch.zeros(10, 256)}, "weight", "there.safetensors", "did you mean 'weigth'"),
        ({"w": torch.zeros(1)}, "w", "gone.safetensors", "does not exist"),
    ],
)
def test_a_file_that_does_not_fit_is_told(
    tmp_path: Path, tensors: dict[str, Tensor], name: str, path: str, words: str
) -> None:
    spec = from_file(tmp_path, tensors, name, path)
    (problem,) = check(spec, tmp_path).problems
    assert words in problem.message
    assert problem.node == "linear_1"
    assert check(spec).problems == ()  # without a folder files are not looked for
    with pytest.raises(Mistake, match="linear_1"):
        drawn(spec, tmp_path)
    assert check(fixes.apply(spec, problem.fixes[0]), tmp_path).problems == ()


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    spec = from_file(tmp_path, {"w": torch.zeros(10, 256)})
    (tmp_path / "there.safetensors").write_bytes(b"\x10\x00")
    (problem,) = check(spec, tmp_path).problems
    assert "no whole safetensors file" in problem.message


# --------------------------------------------------------------------------------------------------------- problems


@pytest.mark.parametrize(
    ("node", "tensor", "value", "words"),
    [
        ("linear_1", "weigth", "Zeros", "did you mean 'weight'"),
        ("relu_1", "weight", "Zeros", "it has no weights"),
        ("linear_1", "bias", "XavierUniform", "XavierUniform needs at least 2 axes; bias of linear_1 has 1."),
        ("linear_1", "weight", "Dirac", "Dirac needs 3 to 5 axes; weight of linear_1 has 2."),
        ("conv2d_1", "weight", "Sparse", "Sparse needs 2 axes; weight of conv2d_1 has 4."),
        ("conv2d_1", "weight", {"op": "Dirac", "params": {"groups": 3}}, "does not divide the 4 filters"),
        ("linear_1", "weight", {"op": "Normal", "params": {"std": -1}}, "std is -1; it must be at least 0."),
        ("linear_1", "weight", {"op": "Normal", "params": {"sdt": 1}}, "did you mean 'std'"),
        ("linear_1", "weight", {"op": "Uniform", "params": {"a": 1, "b": 0}}, "above b"),
        ("linear_1", "weight", {"op": "TruncatedNormal", "params": {"a": 1, "b": 0}}, "not below b"),
        ("linear_1", "weight", {"op": "TruncatedNormal", "params": {"mean": 9.0}}, "two standard deviations"),
        ("linear_1", "weight", {"op": "FromFile", "params": {}}, "path is empty"),
        ("linear_1", "weight", {"op": "FromFile", "params": {"path": "a"}}, "name is empty"),
    ],
)
def test_an_initializer_that_cannot_be_is_told_and_can_be_removed(
    node: str, tensor: str, value: Any, words: str
) -> None:
    spec = edit.set_init(image_classifier(), node, tensor, value)
    (problem,) = check(spec).problems
    assert (problem.node, problem.param) == (node, f"weights.init.{tensor}")
    assert words in problem.message and problem.message.endswith(".")
    mended = fixes.apply(spec, problem.fixes[0])
    assert check(mended).problems == ()
    assert mended.nodes[node].weights == {}
    assert loads(dumps(spec)) == spec


@pytest.mark.parametrize(
    ("value", "param", "words"),
    [
        ({"op": "Normall"}, "training.init", "did you mean 'Normal'"),
        ("Normal", "training.init", '"op" and "params"'),
        ({"op": "Normal", "params": {"std": -1}}, "training.init.params.std", "at least 0"),
        ({"op": "Normal", "params": 3}, "training.init", "object"),
        ({"op": "FromFile", "params": {"path": "a", "name": "b"}}, "training.init", "no default"),
    ],
)
def test_a_default_that_cannot_be_is_told_at_its_path(value: Any, param: str, words: str) -> None:
    spec = edit.set_setting(image_classifier(), "training.init", value)
    (problem,) = check(spec).problems
    assert (problem.node, problem.param) == (None, param)
    assert words in problem.message
    assert check(fixes.apply(spec, problem.fixes[0])).problems == ()
