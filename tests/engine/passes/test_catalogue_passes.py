"""Every op of the catalogue under the passes: twice on the same inputs, what it gives stays the same to the bit."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine import edit
from engine.check import check
from engine.compile import Compiled, compile
from engine.passes import AS_DRAWN
from engine.passes.facts import is_pure
from engine.spec import Spec
from tests.engine.catalogue.case import Case, flattened
from tests.engine.passes.making import same_bits

FOLDER = Path(__file__).parents[1] / "catalogue"
CASES: dict[str, Case] = {
    case.op: case
    for path in sorted(FOLDER.glob("cases_*.py"))
    for case in importlib.import_module(f"tests.engine.catalogue.{path.stem}").CASES
}


def twice(case: Case) -> Spec:
    """A case's graph with its op once more on the same inputs, and Outputs of both."""
    spec = case.spec()
    node = next(node for node in spec.nodes.values() if node.op not in ("Input", "Output"))
    spec = edit.add(spec, case.op, params=node.params, inputs=dict(node.inputs))
    twin = list(spec.nodes)[-1]
    for wire in [str(each.inputs["input"]) for each in spec.nodes.values() if each.op == "Output"]:
        spec = edit.add(spec, "Output", inputs={"input": wire.replace(node.id, twin, 1)})
    gone = [problem.node for problem in check(spec).problems if "gives no tensor" in problem.message]
    return edit.remove(spec, [each for each in gone if each])


def answers(compiled: Compiled, case: Case) -> dict[str, Tensor]:
    """What a graph gives when it predicts; random ops draw from one seed."""
    tensors = [tensor for port in case.given().values() for tensor in flattened(port)]
    feeds = [int(feed.node.removeprefix("input_")) - 1 for feed in compiled.feeds]
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(3)
        return dict(compiled.module.eval()(*(tensors[place] for place in feeds)))


@pytest.mark.parametrize("op", CASES)
def test_an_op_that_stands_twice_gives_the_same(op: str) -> None:
    spec = twice(CASES[op])
    plain, better = (compile(spec, only="inference", seed=2, passes=passes) for passes in (AS_DRAWN, None))
    one, other = answers(plain, CASES[op]), answers(better, CASES[op])
    assert one.keys() == other.keys()
    assert [name for name in one if not same_bits(one[name], other[name])] == []
    assert plain.module.state_dict().keys() == better.module.state_dict().keys()
    steps = plain.program.steps
    if len(steps) == 2 and all(map(is_pure, steps)):
        assert len(better.program.steps) <= 1


@pytest.mark.parametrize("op", CASES)
def test_what_counts_as_pure_gives_the_same_each_time_and_leaves_its_inputs_alone(op: str) -> None:
    case = CASES[op]
    spec = twice(case)
    compiled = compile(spec, only="inference", seed=2, passes=AS_DRAWN)
    if not all(map(is_pure, compiled.program.steps)):
        return
    compiled.module.train()
    tensors = [tensor for port in case.given().values() for tensor in flattened(port)]
    feeds = [int(feed.node.removeprefix("input_")) - 1 for feed in compiled.feeds]
    before = [tensor.clone() for tensor in tensors]
    one, other = (compiled.module(*(tensors[place] for place in feeds)) for _ in range(2))
    assert [name for name in one if not same_bits(one[name].detach(), other[name].detach())] == []
    assert all(torch.equal(tensor, old) or tensor.isnan().any() for tensor, old in zip(tensors, before, strict=True))
