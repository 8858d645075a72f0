from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine import block_edits, edit
from engine.block_edits import group
from engine.compile import Compiled, compile
from engine.deploy import TOLERANCE, deploy
from engine.spec import Spec
from tests.builders import chain, image_classifier


def settled(compiled: Compiled, given: Tensor) -> Compiled:
    """A model whose batch norms have seen data and learned scales, in evaluation mode."""
    source = torch.Generator().manual_seed(3)
    for module in compiled.module.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.affine:
            module.weight.data = torch.randn(module.num_features, generator=source)
            module.bias.data = torch.randn(module.num_features, generator=source)
    compiled.module.train()
    with torch.no_grad():
        for _ in range(5):
            compiled.module(given)
    compiled.module.eval()
    return compiled


def with_norm(layer: str, norm: str, shape: tuple[int | str, ...], **params: Any) -> Spec:
    spec = chain(layer, norm, "ReLU", shape=shape)
    node = next(node for node in spec.nodes if node.startswith(layer.lower()[:4]))
    for name, value in params.items():
        spec = edit.set_param(spec, node, name, value)
    return edit.add(spec, "Output", inputs={"input": "relu_1"})


def close(one: Tensor, other: Tensor) -> bool:
    """Whether two results of one folded layer are equal to the stated tolerance."""
    return bool((one - other).abs().max() <= TOLERANCE * other.abs().max())


@pytest.mark.parametrize(
    ("layer", "norm", "shape", "params"),
    [
        ("Conv1d", "BatchNorm1d", ("N", 3, 9), {}),
        ("Conv2d", "BatchNorm2d", ("N", 3, 9, 9), {"bias": False}),
        ("Conv2d", "BatchNorm2d", ("N", 4, 9, 9), {"groups": 2, "padding": 1, "stride": 2}),
        ("Conv2d", "BatchNorm2d", ("N", 4, 9, 9), {"padding_mode": "reflect", "dilation": 2}),
        ("Conv3d", "BatchNorm3d", ("N", 2, 5, 5, 5), {}),
        ("ConvTranspose1d", "BatchNorm1d", ("N", 3, 9), {}),
        ("ConvTranspose2d", "BatchNorm2d", ("N", 3, 5, 5), {"bias": False}),
        ("ConvTranspose3d", "BatchNorm3d", ("N", 2, 3, 3, 3), {}),
        ("Linear", "BatchNorm1d", ("N", 6), {}),
        ("Linear", "BatchNorm1d", ("N", 6), {"bias": False}),
    ],
)
def test_a_batch_norm_goes_into_the_layer_before_it(layer: str, norm: str, shape: Any, params: dict[str, Any]) -> None:
    given = torch.randn(6, *shape[1:])
    compiled = settled(compile(with_norm(layer, norm, shape, **params), only="inference", seed=1), given)
    before = {name: tensor.clone() for name, tensor in compiled.module.state_dict().items()}
    deployed = deploy(compiled)
    assert [step.recipe.target for step in deployed.program.steps] == [f"nn.{layer}", "nn.ReLU"]
    assert not any("norm" in name for name in deployed.module.state_dict())
    assert not deployed.module.training
    assert close(deployed.module(given)["output_1"], compiled.module(given)["output_1"])
    after = compiled.module.state_dict()
    assert before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)
    (layer_node, norm_node) = (step.node for step in compiled.program.steps[:2])
    assert deployed.passes[-1] == f"Batch norms went into the weights before them: {norm_node} into {layer_node}."
    assert (deployed.ran[-1].before, deployed.ran[-1].after) == (4, 3)


@pytest.mark.parametrize(
    ("layer", "norm", "shape", "params"),
    [
        ("ConvTranspose2d", "BatchNorm2d", ("N", 4, 5, 5), {"groups": 2}),
        ("Linear", "BatchNorm1d", ("N", 64, 6), {}),  # scales the axis before the features, though both are 64
        ("ReLU", "BatchNorm1d", ("N", 6), {}),
    ],
)
def test_a_batch_norm_over_other_channels_stays(layer: str, norm: str, shape: Any, params: dict[str, Any]) -> None:
    given = torch.randn(6, *shape[1:])
    compiled = settled(compile(with_norm(layer, norm, shape, **params), only="inference", seed=1), given)
    deployed = deploy(compiled)
    assert [step.node for step in deployed.program.steps] == [step.node for step in compiled.program.steps]
    assert torch.equal(deployed.module(given)["output_1"], compiled.module(given)["output_1"])


@pytest.mark.parametrize(("param", "folds"), [("affine", True), ("track_running_stats", False)])
def test_what_a_batch_norm_lacks(param: str, folds: bool) -> None:
    spec = edit.set_param(with_norm("Conv2d", "BatchNorm2d", ("N", 3, 6, 6)), "batch_norm2d_1", param, False)
    given = torch.randn(4, 3, 6, 6)
    compiled = settled(compile(spec, only="inference", seed=1), given)
    deployed = deploy(compiled)
    assert ("batch_norm2d_1" not in [step.node for step in deployed.program.steps]) is folds
    assert close(deployed.module(given)["output_1"], compiled.module(given)["output_1"])


def test_a_layer_whose_result_is_used_elsewhere_keeps_its_numbers() -> None:
    spec = with_norm("Linear", "BatchNorm1d", ("N", 6))
    for wire in ("linear_1", "relu_1"):
        used = edit.add(spec, "Output", inputs={"input": wire})
        given = torch.randn(5, 6)
        compiled = settled(compile(used, only="inference", seed=1), given)
        deployed = deploy(compiled)
        assert ("batch_norm1d_1" in [step.node for step in deployed.program.steps]) is (wire == "linear_1")
        one, other = deployed.module(given), compiled.module(given)
        assert all(close(one[name], other[name]) for name in other)


def test_a_batch_norm_that_is_an_output_itself_is_folded() -> None:
    spec = edit.add(chain("Linear", "BatchNorm1d", shape=("N", 6)), "Output", inputs={"input": "batch_norm1d_1"})
    given = torch.randn(5, 6)
    compiled = settled(compile(spec, only="inference", seed=1), given)
    deployed = deploy(compiled)
    assert [step.node for step in deployed.program.steps] == ["linear_1"]
    assert close(deployed.module(given)["output_1"], compiled.module(given)["output_1"])


def test_a_broken_variance_is_left_for_all_to_see() -> None:
    compiled = compile(with_norm("Linear", "BatchNorm1d", ("N", 6)), only="inference", seed=1)
    compiled.module.get_buffer("batch_norm1d_1.running_var")[0] = float("nan")
    deployed = deploy(compiled)
    assert "batch_norm1d_1" in [step.node for step in deployed.program.steps]


def test_a_deep_network_of_blocks_is_folded_in_each_round() -> None:
    spec = chain("Conv2d", "BatchNorm2d", "ReLU", shape=("N", 8, 10, 10))
    spec = edit.set_param(spec, "conv2d_1", "out_channels", 8)
    spec = edit.add(spec, "Add", inputs={"input": "relu_1", "other": "input_1"})
    spec = edit.add(spec, "Output", inputs={"input": "add_1"})
    spec = group(spec, ["conv2d_1", "batch_norm2d_1", "relu_1", "add_1"], "Residual")
    spec = block_edits.set_repeat(spec, "residual_1", 6)
    given = torch.randn(4, 8, 10, 10)
    compiled = settled(compile(spec, only="inference", seed=1), given)
    deployed = deploy(compiled)
    assert len(compiled.program.steps) - len(deployed.program.steps) == 6
    assert "residual_1.5.conv2d_1.bias" in deployed.module.state_dict()
    torch.testing.assert_close(deployed.module(given), compiled.module(given), rtol=1e-4, atol=1e-4)


def test_weights_that_no_output_needs_are_left_out() -> None:
    spec = edit.add(image_classifier(), "Linear", inputs={"input": "flatten_1"})
    compiled = compile(spec, only="inference", seed=0)
    assert "linear_2.weight" in compiled.module.state_dict()
    deployed = deploy(compiled)
    assert set(deployed.module.state_dict()) == {"conv2d_1.weight", "conv2d_1.bias", "linear_1.weight", "linear_1.bias"}
    given = torch.randn(2, 1, 8, 8)
    assert torch.equal(deployed.module(given)["output_1"], compiled.module.eval()(given)["output_1"])


def test_training_is_never_folded() -> None:
    with pytest.raises(ValueError, match="compiled for inference"):
        deploy(compile(image_classifier(), seed=0))
    spec = with_norm("Linear", "BatchNorm1d", ("N", 6))
    spec = edit.add(spec, "L1Loss", inputs={"input": "relu_1", "target": "relu_1"})
    assert "batch_norm1d_1" in compile(spec, seed=0).module.code
    without = replace(compile(spec, only="inference", seed=0).program, outputs={})
    with pytest.raises(ValueError, match="compiled for inference"):
        deploy(replace(compile(spec, only="inference", seed=0), program=without))
