"""Well-known networks against the figures published for them, and against PyTorch's own counter."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from engine.blocks import op_of
from engine.check import check
from engine.compile import compile
from engine.examples import find_example
from engine.expand import expand
from engine.export import export
from engine.report import Report
from engine.spec import Spec, dumps, load, loads
from engine.train.checkpoint import save_tensors
from engine.train.folder import Run
from tests import architectures
from tests.alone import computed_alone
from tests.engine.test_count import counted_by_torch, given

# Parameters and multiply-accumulates (in G) that torchvision publishes with its models.
PUBLISHED = {
    architectures.resnet18: (11_689_512, 1.814),
    architectures.resnet50: (25_557_032, 4.089),
    architectures.vgg16: (138_357_544, 15.47),
    architectures.mobilenet_v3_small: (2_542_856, 0.057),
    architectures.vit_b16: (86_567_656, 17.564),
}


def made(build: Callable[..., Spec], *sizes: int, **free: int) -> tuple[Spec, Report]:
    """The spec and its check, which must find no mistake."""
    spec = build(*sizes)
    report = check(spec, sizes=free)
    unsupported = [problem.message for problem in report.problems if "not supported by this version" in problem.message]
    assert [problem for problem in report.problems if problem.message not in unsupported] == []
    return spec, report


@pytest.mark.parametrize("build", PUBLISHED, ids=lambda build: build.__name__)
def test_a_network_counts_what_is_published_of_it(build: Callable[..., Spec]) -> None:
    parameters, macs = PUBLISHED[build]
    _spec, report = made(build)
    assert report.parameters == parameters
    assert report.macs == pytest.approx(macs * 1e9, rel=0.01)


@pytest.mark.parametrize("build", architectures.ALL, ids=lambda build: build.__name__)
def test_a_network_is_a_handful_of_nodes_and_survives_its_file(build: Callable[..., Spec]) -> None:
    spec, _report = made(build)
    assert len(spec.nodes) <= 30 < len(expand(spec).spec.nodes)
    assert loads(dumps(spec)) == spec
    for nodes in (spec.nodes, *(block.nodes for block in spec.blocks.values())):
        for node in nodes.values():
            op = op_of(spec, node)
            assert op is not None and op.params().keys() == node.params.keys()


def test_the_parts_of_a_vision_transformer_add_up() -> None:
    report = check(architectures.vit_encoder())
    outside = {"patches": 768 * 3 * 16 * 16 + 768, "token": 768, "positions": 197 * 768, "head": 768 * 1000 + 1000}
    assert report.parameters + sum(outside.values()) == PUBLISHED[architectures.vit_b16][0]
    macs = (report.macs or 0) + 196 * 768 * 3 * 16 * 16 + 768 * 1000
    assert macs == pytest.approx(17.564e9, rel=0.0001)


def test_a_u_net_has_the_size_of_the_one_in_wide_use() -> None:
    spec, report = made(architectures.unet, 2, 96)
    assert report.parameters == 31_037_698  # milesial's UNet(3, 2)
    assert report.macs == counted_by_torch(spec, N=1)


def attended(width: int, queries: int, keys: int) -> int:
    """What one attention multiplies: four projections, scores and sums."""
    return 2 * queries * width**2 + 2 * keys * width**2 + 2 * queries * keys * width


def test_a_decoder_counts_the_smallest_gpt_2() -> None:
    _spec, report = made(architectures.gpt, T=1024)
    assert report.parameters == 124_439_808
    layer = attended(768, 1024, 1024) + 2 * 1024 * 4 * 768**2
    assert report.macs == 12 * layer + 1024 * 768 * 50257


def test_an_encoder_and_a_decoder_count_the_base_transformer() -> None:
    _spec, report = made(architectures.transformer, S=30, T=20)
    wide = 2 * 512 * 2048 + 2048 + 512
    attention, norm = 4 * (512 * 512 + 512), 2 * 512
    assert report.parameters == 37000 * 512 + 6 * (attention + wide + 2 * norm) + 6 * (2 * attention + wide + 3 * norm)
    encoder = attended(512, 30, 30) + 2 * 30 * 4 * 512**2
    decoder = attended(512, 20, 20) + attended(512, 20, 30) + 2 * 20 * 4 * 512**2
    assert report.macs == 6 * (encoder + decoder) + 20 * 512 * 37000


# ----------------------------------------------------------------------------------------------------- as examples

SIZES = {"N": 1, "S": 5, "T": 6}


@pytest.mark.parametrize("build", architectures.ALL, ids=lambda build: build.__name__)
def test_the_example_that_ships_is_the_network(build: Callable[..., Spec]) -> None:
    assert load(find_example(build.__name__)) == architectures.example(build)


@pytest.mark.parametrize("build", architectures.ALL, ids=lambda build: build.__name__)
def test_an_example_trains_a_step(build: Callable[..., Spec]) -> None:
    torch.manual_seed(0)
    compiled = compile(load(find_example(build.__name__)), seed=0)
    module, tensors = compiled.module.train(), given(compiled, SIZES)
    (loss,) = compiled.program.losses
    result = module(*tensors)[loss]
    result.backward()
    weights = dict(module.named_parameters())
    assert [name for name, each in weights.items() if each.grad is None or not each.grad.isfinite().all()] == []
    before = {name: each.detach().sum().item() for name, each in weights.items()}
    torch.optim.AdamW(module.parameters(), lr=0.01).step()
    still = [name for name, each in weights.items() if each.detach().sum().item() == before[name]]
    assert math.isfinite(result.item())
    assert set(still) <= {name for name, each in weights.items() if not each.grad.any()}  # type: ignore[union-attr]


@pytest.mark.parametrize("build", architectures.ALL, ids=lambda build: build.__name__)
def test_an_example_exports_to_python_that_computes_the_same(build: Callable[..., Spec], tmp_path: Path) -> None:
    spec = load(find_example(build.__name__))
    compiled = compile(spec, only="inference", seed=5)
    run = Run(tmp_path / "run")
    run.begin(spec)
    save_tensors(run.weights, compiled.module.state_dict())
    source, *_ = export(run.path, "python", tmp_path / "exported.py")
    tensors = given(compiled, SIZES)
    named = {feed.node: tensor for feed, tensor in zip(compiled.feeds, tensors, strict=True)}
    with torch.inference_mode():
        expected = compiled.module.eval()(*tensors)
    alone = computed_alone(source, named, tmp_path)
    assert alone.keys() == expected.keys()
    assert all(torch.equal(alone[name], expected[name]) for name in expected)
