"""The short ways on the meta device against torch's own, and against the CPU."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from engine.meta import SHORT, Meta, aten

x, y, row = torch.randn(2, 4, 3, 5), torch.randn(2, 4, 3, 5), torch.randn(5)
turned = x.permute(0, 2, 3, 1)
four, whole = torch.ones(4), torch.ones(2, 4, dtype=torch.int64)
classes = torch.zeros(2, 3, 5, dtype=torch.int64)

CALLS: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
    *((op, (x,), {}) for op in (
        aten.relu, aten.gelu, aten.leaky_relu, aten.elu, aten.hardtanh, aten.hardswish, aten.hardsigmoid, aten.mish,
        aten.sigmoid, aten.softplus, aten.exp, aten.sqrt, aten.neg)),
    (aten.relu, (turned,), {}), (aten.relu, (x[:, 1:, ::2],), {}), (aten.relu, (x.expand(3, 2, 4, 3, 5),), {}),
    (aten.relu, (whole,), {}), (aten.sigmoid, (whole,), {}), (aten.gelu, (x.double(),), {"approximate": "tanh"}),
    (aten.threshold, (x, 0.5, 1.0), {}),
    *((op, (x, y), {}) for op in (aten.add, aten.sub, aten.mul, aten.div)),
    *((aten.add, pair, {}) for pair in (
        (x, row), (row, x), (x, x.double()), (x, 2), (x, 1j), (x, whole[0, 0]), (whole, 0.5), (x, turned),
        (x, torch.tensor(1.0)), (x, torch.randn(3, 1)), (x, torch.randn(1, 1, 1, 1)), (x.half(), 3.0),
        (x[:, :, :1, :1].contiguous(), y), (torch.randn(4, 1, 1), x), (torch.randn(3), x), (x, torch.randn(2, 4, 3, 4)),
        (torch.randn(0, 4, 3, 5), x[:1].contiguous()), (torch.randn(0, 4, 3, 5), x))),
    *((op, args, {}) for op in (aten.tril, aten.triu) for args in (
        (x,), (x, 1), (turned, -1), (row,), (whole.bool(),), (x[0, 0], 2))),
    (aten.add, (x, y), {"alpha": 2}), (aten.div, (x, y), {"rounding_mode": "floor"}),
    (aten.add_, (x, y), {}), (aten.mul_, (x, row), {}), (aten.div_, (x, 2.0), {}), (aten.zero_, (x,), {}),
    (aten.add_, (torch.zeros(()).long(), 1), {}), (aten.fill_, (x, 3.0), {}), (aten.normal_, (x, 0.0, 1.0), {}),
    (aten.uniform_, (x,), {}), (aten.bernoulli_, (x, 0.5), {}),
    (aten.cat, ([x, y, x],), {}), (aten.cat, ([x, y[:, :2]], 1), {}), (aten.cat, ([x, y], -1), {}),
    (aten.cat, ([x, y.double()], 1), {}), (aten.cat, ([x, x[:, :, :2]], 1), {}), (aten.cat, ([x, y], 4), {}),
    (aten.cat, ([x, torch.zeros(0)], 1), {}),
    *((op, (x, 1, False), {}) for op in (aten._softmax, aten._log_softmax)), (aten._softmax, (x, 5, False), {}),
    (aten._safe_softmax, (x, -1), {}), (aten._safe_softmax, (x, -1), {"dtype": torch.float64}),
    (aten.native_batch_norm, (x, four, four, four, four, True, 0.1, 1e-5), {}),
    (aten.native_batch_norm, (turned, None, None, None, None, True, 0.1, 1e-5), {}),
    (aten.native_batch_norm, (x, four, four, four, four, False, 0.1, 1e-5), {}),
    (aten.native_layer_norm, (x, [5], row, row, 1e-5), {}), (aten.native_layer_norm, (x, [3, 5], None, None, 1e-5), {}),
    (aten.native_layer_norm, (x, [4], None, None, 1e-5), {}),
    (aten.nll_loss_forward, (row.expand(4, 5), four.long(), None, 1, -100), {}),
    (aten.nll_loss_forward, (row.expand(4, 5), four.long(), row, 0, -100), {}),
    (aten.nll_loss_forward, (row.expand(4, 5), four[:3].long(), None, 1, -100), {}),
    (aten.nll_loss2d_forward, (x, classes, None, 1, -100), {}),
    (aten.nll_loss2d_forward, (x, classes, None, 0, -100), {}),
    (aten.addmm, (row, x[0, 0, :, :3], y[0, 0]), {}), (aten.addmm, (row, x[0, 0], y[0, 0]), {}),
    (aten.addmm, (torch.ones(()), x[0, 0, :, :3], y[0, 0]), {}),
    (aten.addmm, (row, x[0, 0, :, :3], y[0, 0]), {"beta": 2}),
    (aten.mean, (x,), {}), (aten.mean, (x, [1]), {}), (aten.mean, (x, [-1, 2], True), {}), (aten.mean, (x, [4]), {}),
    (aten.mean, (x, [1, 1]), {}), (aten.mean, (x, [1]), {"dtype": torch.float64}), (aten.mean, (whole, [1]), {}),
]  # fmt: skip


def told(work: Callable[[], Any]) -> Any:
    """Shapes, types and strides of a result, or the kind of what is raised."""
    try:
        result = work()
    except (RuntimeError, IndexError, TypeError) as error:
        return type(error).__name__
    results = result if isinstance(result, tuple | list) else [result]
    return [(tuple(each.shape), each.dtype, each.stride()) for each in results]


def moved(value: Any) -> Any:
    if isinstance(value, list):
        return [moved(each) for each in value]
    if not isinstance(value, Tensor):
        return value
    return torch.empty_strided(value.shape, value.stride(), dtype=value.dtype, device="meta")


def short(op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    with Meta():
        return op(*args, **kwargs)


@pytest.mark.parametrize(("op", "args", "kwargs"), CALLS, ids=lambda value: "")
def test_a_short_way_leads_to_what_torch_gives_or_refuses(op: Any, args: Any, kwargs: dict[str, Any]) -> None:
    on_meta = tuple(moved(each) for each in args)
    assert told(lambda: short(op, on_meta, kwargs)) == told(lambda: op(*on_meta, **kwargs))


def test_numbers_on_the_cpu_are_computed_as_ever() -> None:
    for op in (aten.relu, aten.neg):
        assert torch.equal(short(op, (x,), {}), op(x))
    assert torch.equal(short(aten.cat, ([x, y], 1), {}), torch.cat([x, y], 1))
    assert torch.equal(short(aten.mean, (x, [1]), {}), x.mean(1))


def test_every_short_way_is_tried() -> None:
    assert SHORT.keys() == {op for op, _args, _kwargs in CALLS}


def test_a_first_check_does_without_the_compiler_of_torch() -> None:
    script = """
import sys
from engine import edit
from engine.check import check
from tests import architectures
for spec in (architectures.resnet18(10, 64), architectures.unet(2, 64), architectures.vit_encoder(64, 4, 2, 50)):
    assert not check(edit.remove(spec, [node for node in spec.nodes if node == "accuracy"])).problems
assert "torch._dynamo" not in sys.modules, "torch._dynamo was imported"
"""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
