from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine import edit
from engine.check import check
from engine.compile import compile
from engine.problem import Mistake
from engine.spec import Spec
from engine.start_from import start_from
from engine.train.checkpoint import load_tensors
from engine.train.folder import Run
from tests.engine.train.making import iris, trained


def tensors(spec: Spec) -> dict[str, dict[str, tuple[int, ...]]]:
    return {node: dict(each.tensors) for node, each in check(spec).nodes.items()}


def test_every_node_that_fits_begins_with_the_weights_of_a_run(tmp_path: Path) -> None:
    trained(iris(epochs=1), tmp_path / "run")
    spec = edit.insert(iris(), "BatchNorm1d", "tanh_1", "input")
    found = start_from(spec, tmp_path / "run", tensors(spec))
    assert (found.begun, found.anew) == (("linear_1", "linear_2"), ("batch_norm1d_1",))
    assert found.words() == "linear_1, linear_2 begin from the file; batch_norm1d_1 begins anew."
    module = compile(found.spec, seed=3, folder=tmp_path).module.state_dict()
    kept = load_tensors(Run(tmp_path / "run").weights)
    assert all(torch.equal(module[name], each) for name, each in kept.items())


def test_what_fits_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="does not exist"):
        start_from(iris(), tmp_path / "gone", {})
    trained(iris(epochs=1), tmp_path / "run")
    wider = edit.set_param(iris(), "linear_1", "out_features", 5)
    with pytest.raises(Mistake, match=r"no weights of the names and shapes of these nodes: linear_1, linear_2"):
        start_from(wider, tmp_path / "run", tensors(wider))
    (tmp_path / "text").write_text("no tensors")
    with pytest.raises(Mistake, match="no whole safetensors file"):
        start_from(wider, tmp_path / "text", tensors(wider))
