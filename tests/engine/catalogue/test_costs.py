"""What each op of the catalogue multiplies, against PyTorch's own counter at work on the CPU."""

from __future__ import annotations

import pytest
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from engine.check import check
from tests.engine.catalogue.case import Case
from tests.engine.catalogue.test_catalogue import CASES, compiled_spec, connected, outputs
from tests.engine.test_count import plain_kernels

# Products that PyTorch's counter passes over, by hand: an op at its case's inputs -> multiply-accumulates.
BY_HAND = {
    "Bilinear": lambda given, told: told * given["input1"].shape[-1] * given["input2"].shape[-1],
    "Cdist": lambda given, told: told * given["x1"].shape[-1],
}
# One vector at a time: what comes out, times the axis that is summed over.
VECTORS = ("MatMul",)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_op_counts_what_pytorch_counts_at_work(case: Case) -> None:
    report = check(connected(case))
    (node,) = [node for node in connected(case).nodes.values() if node.op == case.op]
    told, given = report.nodes[node.id].macs, case.given()
    if told is None:
        assert case.op == "AdaptiveLogSoftmaxWithLoss"  # which clusters it computes depends on the targets
        return
    counter, compiled = FlopCounterMode(display=False), compiled_spec(connected(case))
    with plain_kernels(), sdpa_kernel(SDPBackend.MATH), counter:
        results = outputs(compiled, given)
    expected = counter.get_total_flops() // 2
    if case.op in BY_HAND:
        expected = BY_HAND[case.op](given, results[0].numel())
    elif case.op in VECTORS:
        expected = results[0].numel() * given["input"].shape[-1]
    assert told == expected
