from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine import draws, edit, fixes
from engine.compile import compile
from engine.events import Checkpoint, Failed
from engine.ops.optimizer import Optimizer
from engine.spec import Spec
from engine.train import loop
from engine.train.checkpoint import newest_checkpoint
from engine.train.folder import Run
from engine.train.guard import Culprit, Guard, NotFinite, find_culprit
from engine.trust import trust
from tests.engine.train.making import iris, trained, with_settings

PRONE = 40  # samples, all good but the one at the end


def table(folder: Path, *, last: float) -> Spec:
    """Numbers of 1 whose last sample is another one; a Log of them feeds a Linear."""
    np.savez(folder / "data.npz", x=np.array([[1.0]] * (PRONE - 1) + [[last]], np.float32), y=np.ones((PRONE, 1), "f4"))
    spec = edit.set_setting(edit.set_source(Spec(), "Arrays"), "data.source.params.path", "data.npz")
    spec = edit.set_setting(spec, "data.split", {"validation": 0.0, "test": 0.0})
    spec = edit.set_setting(spec, "data.batching", {"batch_size": 4, "shuffle": False})
    spec = edit.add(spec, "Input", params={"column": "x", "shape": ["N", 1]})
    return edit.add(spec, "Input", params={"column": "y", "shape": ["N", 1]})


def logs(folder: Path) -> Spec:
    """A Log that meets a zero in the tenth step."""
    spec = edit.add(table(folder, last=0.0), "BatchNorm1d", inputs={"input": "input_1"})
    spec = edit.add(spec, "Log", inputs={"input": "input_1"})
    spec = edit.add(spec, "Add", inputs={"input": "log_1", "other": "batch_norm1d_1"})
    spec = edit.add(spec, "Linear", params={"out_features": 1}, inputs={"input": "add_1"})
    return edit.add(spec, "MSELoss", inputs={"input": "linear_1", "target": "input_2"})


def failed_of(events: list[Any]) -> Failed:
    assert isinstance(events[-1], Failed)
    return events[-1]


def test_the_first_node_that_gives_no_finite_number_is_named_with_its_step(tmp_path: Path) -> None:
    failed = failed_of(trained(logs(tmp_path), tmp_path / "run"))
    assert (failed.node, failed.epoch, failed.step) == ("log_1", 0, 9)
    assert (
        "epoch 1, step 10: log_1 gives the first number that is not finite. Try a Clamp before log_1" in failed.message
    )


def test_the_weights_from_before_the_bad_step_are_kept(tmp_path: Path) -> None:
    run, spec = Run(tmp_path / "run"), logs(tmp_path)
    events = trained(spec, run.path)
    assert isinstance(events[-2], Checkpoint)
    saved = newest_checkpoint(run)[0]
    assert (saved.progressed.epoch, saved.progressed.step) == (0, 9)
    good = edit.set_setting(spec, "data.batching", {"batch_size": 4, "shuffle": False, "drop_last": True})
    np.savez(tmp_path / "data.npz", x=np.ones((PRONE - 1, 1), "f4"), y=np.ones((PRONE - 1, 1), "f4"))
    trained(edit.set_setting(good, "training.epochs", 1), tmp_path / "good")
    kept, whole = saved.parts, newest_checkpoint(Run(tmp_path / "good"))[0].parts
    assert kept["weights"].keys() == whole["weights"].keys()
    assert all(torch.equal(each, whole["weights"][name]) for name, each in kept["weights"].items())
    for name, values in kept["optimizers"]["main"]["weights"].items():
        assert all(torch.equal(each, whole["optimizers"]["main"]["weights"][name][key]) for key, each in values.items())


def test_a_gradient_that_is_not_finite_is_caught_though_the_loss_is(tmp_path: Path) -> None:
    spec = edit.add(table(tmp_path, last=1.0), "Linear", params={"out_features": 1}, inputs={"input": "input_1"})
    spec = edit.add(spec, "Subtract", inputs={"input": "linear_1", "other": "linear_1"})
    spec = edit.add(spec, "Sqrt", inputs={"input": "subtract_1"})
    spec = edit.add(spec, "MSELoss", inputs={"input": "sqrt_1", "target": "input_2"})
    failed = failed_of(trained(spec, tmp_path / "run"))
    assert (failed.node, failed.step) == ("sqrt_1", 0)
    assert "sqrt_1 gives the first gradient that is not finite" in failed.message


def test_an_input_that_is_not_finite_is_told_apart_from_what_a_node_makes_of_it(tmp_path: Path) -> None:
    compiled = compile(logs(tmp_path), seed=0)
    batch = [torch.full((4, 1), np.inf), torch.ones(4, 1)]
    found = find_culprit(compiled.module, batch, lambda answers: answers["mse_loss_1"])
    assert found == Culprit("input_1", "given")


def test_a_learning_rate_that_is_far_too_large_comes_with_its_fix(tmp_path: Path) -> None:
    spec = iris("SGD", lr=1e38)
    failed = failed_of(trained(spec, tmp_path / "run"))
    (fix,) = failed.fixes
    assert fixes.apply(spec, fix).training["optimizers"][0]["params"]["lr"] == pytest.approx(1e37)


@pytest.mark.parametrize("name", sorted(Optimizer.registry.keys() - {"Muon", "SparseAdam"}))  # not for such weights
def test_every_optimizer_is_kept_from_a_step_with_a_number_that_is_not_finite(name: str, tmp_path: Path) -> None:
    run, spec = Run(tmp_path / "run"), edit.set_optimizer(logs(tmp_path), name)
    failed = failed_of(trained(spec, run.path))
    assert (failed.node, failed.step) == ("log_1", 9)
    saved = newest_checkpoint(run)[0]
    assert all(each.isfinite().all() for each in saved.parts["weights"].values())


@pytest.mark.parametrize("optimizer", ["Adam", "AdamW", "SGD", "Adagrad"])
def test_a_flag_keeps_fused_optimizers_from_all_steps_after_the_first_bad_one(optimizer: str) -> None:
    """As on a GPU, where the host does not wait to know of it."""
    module = torch.nn.Linear(2, 1)
    fused = getattr(torch.optim, optimizer)(module.parameters(), lr=0.1, fused=True)
    guard = Guard(module, [fused], torch.device("cpu"))
    guard._waits = False
    fused.found_inf = guard._flag
    before: list[torch.Tensor] = []
    for step in range(5):
        guard.begin()
        fused.zero_grad()
        loss = module(torch.full((3, 2), np.nan if step == 2 else 1.0)).sum()
        loss.backward()
        guard.check(loss, list(module.parameters()))
        if step == 2:
            before = [each.detach().clone() for each in module.parameters()]
        fused.step()
    with pytest.raises(NotFinite) as caught:
        guard.look()
    assert caught.value.late == 3
    assert all(torch.equal(one, other) for one, other in zip(before, module.parameters(), strict=True))


def test_a_run_goes_on_gently_after_its_numbers_left_their_range(tmp_path: Path) -> None:
    run, spec = Run(tmp_path / "run"), edit.set_setting(logs(tmp_path), "training.epochs", 2)
    trained(spec, run.path)
    safe = edit.insert(spec, "Clamp", "log_1", "input")
    safe = edit.set_param(safe, "clamp_1", "min", 0.1)
    events = list(loop.resume(run, spec=safe))
    assert type(events[-1]).__name__ == "Finished"


@pytest.mark.parametrize("values", [{"accumulate": 2}, {"clip_norm": 1.0}, {"ema_decay": 0.9}, {"accumulate": 4}])
def test_gradients_that_are_treated_first_are_watched_all_the_same(tmp_path: Path, values: dict[str, Any]) -> None:
    run = Run(tmp_path / "run")
    failed = failed_of(trained(with_settings(logs(tmp_path), **values), run.path))
    assert (failed.node, failed.step) == ("log_1", 9)
    parts = newest_checkpoint(run)[0].parts
    assert all(each.isfinite().all() for each in parts["weights"].values())
    assert all(each.isfinite().all() for each in parts.get("average", {}).values())
    assert parts["gradients"]["held"] == {}


def test_with_scaled_losses_the_scaler_has_the_flag_and_the_host_waits() -> None:
    module = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, fused=True)
    guard = Guard(module, [optimizer], torch.device("cpu"), scaled=True)
    assert not hasattr(optimizer, "found_inf")
    with pytest.raises(NotFinite):
        guard.check(torch.tensor(np.nan), ())


CODE = """\
import random
import numpy as np
def forward(x):
    return torch.log(x) * (random.uniform(0.5, 1.5) + np.random.rand())
"""


def test_code_of_the_users_draws_in_the_bad_step_again_what_it_drew(tmp_path: Path) -> None:
    trust(CODE)
    spec = edit.set_param(edit.add(table(tmp_path, last=0.0), "Python"), "python_1", "code", CODE)
    spec = edit.connect(spec, "input_1", "python_1", "x")
    spec = edit.add(spec, "Linear", params={"out_features": 1}, inputs={"input": "python_1"})
    spec = edit.add(spec, "MSELoss", inputs={"input": "linear_1", "target": "input_2"})
    failed = failed_of(trained(spec, tmp_path / "run"))
    assert (failed.node, failed.step) == ("python_1", 9)
    kept = newest_checkpoint(Run(tmp_path / "run"))[0].parts["random"]
    draws.seed(1)  # as the first epoch of a run whose seed is 0 is seeded
    for _ in range(9):
        random.uniform(0.5, 1.5)
        np.random.rand()
    expected = draws.state()
    assert torch.equal(kept["python"]["words"], expected["python"]["words"])
    assert torch.equal(kept["numpy"]["state"]["key"], expected["numpy"]["state"]["key"])
    assert kept["numpy"]["state"]["pos"] == expected["numpy"]["state"]["pos"]
