from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from engine import edit, validate
from engine.events import Failed, Finished, Progress, Stopped
from engine.spec import Spec
from engine.train import loop
from engine.train.commands import Command
from engine.train.folder import Run
from engine.train.gradients import Gradients
from engine.train.predict import evaluate
from tests.engine.train.making import (
    BATCH,
    by_hand,
    hand_batches,
    iris,
    last_weights,
    plain,
    same_weights,
    settings,
    train_by_hand,
    trained,
    with_settings,
)


def batched(spec: Spec, size: int) -> Spec:
    return edit.set_setting(spec, "data.batching.batch_size", size)


def close(first: Path, second: Path) -> bool:
    ours, theirs = last_weights(first), last_weights(second)
    return all(torch.allclose(ours[name], theirs[name], atol=1e-6) for name in theirs)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_batches_that_are_added_up_act_as_one_large_batch(tmp_path: Path, count: int) -> None:
    spec = plain(iris("SGD", lr=0.1))
    trained(batched(spec, BATCH * count), tmp_path / "large")
    trained(with_settings(spec, accumulate=count), tmp_path / "added")
    assert close(tmp_path / "added", tmp_path / "large")


def two_heads(*nodes: Any) -> Spec:
    """Two losses on heads of their own, each with an optimizer that trains these nodes."""
    spec = edit.add(plain(iris("SGD", lr=0.1)), "Linear", params={"out_features": 3}, inputs={"input": "tanh_1"})
    spec = edit.add(spec, "CrossEntropyLoss", inputs={"input": "linear_3", "target": "input_2"})
    spec = edit.add_optimizer(spec, "SGD")
    for place, taken in enumerate(nodes):
        spec = edit.set_setting(spec, f"training.optimizers.{place}.nodes", taken)
        spec = edit.set_setting(spec, f"training.optimizers.{place}.losses", [f"cross_entropy_loss_{place + 1}"])
    return spec


def test_several_optimizers_add_up_each_for_its_own_losses(tmp_path: Path) -> None:
    spec = two_heads(["linear_2"], ["linear_3"])
    trained(batched(spec, BATCH * 2), tmp_path / "large")
    trained(with_settings(spec, accumulate=2), tmp_path / "added")
    assert close(tmp_path / "added", tmp_path / "large")


def test_optimizers_of_the_same_weights_do_not_add_up_each_others_gradients(tmp_path: Path) -> None:
    spec = edit.set_setting(two_heads("*", "*"), "training.optimizers.1.params.lr", 1e-30)
    trained(with_settings(plain(iris("SGD", lr=0.1)), accumulate=2), tmp_path / "alone")
    trained(with_settings(spec, accumulate=2), tmp_path / "beside")
    assert close(tmp_path / "beside", tmp_path / "alone")


@pytest.mark.parametrize("setting", ["clip_norm", "clip_value"])
def test_gradients_are_clipped_as_torch_clips_them(tmp_path: Path, setting: str) -> None:
    spec = with_settings(plain(iris("SGD", epochs=2, lr=0.1)), **{setting: 0.05})
    trained(spec, tmp_path / "run")
    model, loss_of = by_hand(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, fused=True)
    for _epoch, features, labels in hand_batches(spec, tmp_path, 2):
        optimizer.zero_grad()
        loss_of(model(features), labels).backward()
        if setting == "clip_norm":
            nn.utils.clip_grad_norm_(model.parameters(), 0.05)
        else:
            nn.utils.clip_grad_value_(model.parameters(), 0.05)
        optimizer.step()
    assert same_weights(tmp_path / "run", model)


def test_clipping_that_never_bites_changes_no_bit(tmp_path: Path) -> None:
    spec = with_settings(plain(iris("Adam", epochs=2)), clip_norm=1e9)
    trained(spec, tmp_path / "run")
    model = by_hand()
    train_by_hand(model, torch.optim.Adam(model.parameters(), fused=True), hand_batches(spec, tmp_path, 2))
    assert same_weights(tmp_path / "run", model)


def test_lbfgs_clips_what_each_of_its_runs_gives(tmp_path: Path) -> None:
    spec = with_settings(plain(iris("LBFGS", epochs=1)), clip_norm=0.05)
    assert isinstance(trained(spec, tmp_path / "clipped")[-1], Finished)
    trained(plain(iris("LBFGS", epochs=1)), tmp_path / "free")
    assert not close(tmp_path / "clipped", tmp_path / "free")


@pytest.mark.parametrize(
    "values", [{"accumulate": 4}, {"accumulate": 3, "clip_norm": 0.1, "ema_decay": 0.9}, {"precision": "bf16"}]
)
def test_a_run_stopped_between_batches_that_are_added_up_goes_on_bit_for_bit(
    tmp_path: Path, values: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "READ_SECONDS", 0.0)
    spec = with_settings(iris(), **values)
    trained(spec, tmp_path / "whole")
    run = Run(tmp_path / "stopped")
    for event in loop.train(spec, tmp_path, run):
        if isinstance(event, Progress) and (event.epoch, event.step) == (2, 2):
            run.tell(Command("stop"))
    assert isinstance(event, Stopped)
    assert isinstance(list(loop.resume(run))[-1], Finished)
    whole, resumed = last_weights(tmp_path / "whole"), last_weights(run.path)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert (tmp_path / "whole" / "weights.safetensors").read_bytes() == run.weights.read_bytes()


def test_a_scaled_loss_gives_the_same_steps_and_one_that_overflows_none() -> None:
    weight = nn.Parameter(torch.tensor([1.0, 2.0]))
    optimizer = torch.optim.SGD([weight], lr=0.1, fused=True)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    gradients = Gradients(
        settings(clip_norm=1.0), [[weight]], batch_size=4, epoch_batches=9, run_batches=9, scaler=scaler
    )

    def step(number: int, slope: float) -> None:
        gradients.begin(number, 4)
        gradients.restore(0)
        torch.autograd.backward(gradients.scaled((weight * slope).sum()))
        gradients.settle(optimizer)
        gradients.step(optimizer)
        gradients.end()

    step(0, 0.5)
    assert torch.allclose(weight, torch.tensor([0.95, 1.95]))
    step(1, float("inf"))
    assert torch.allclose(weight, torch.tensor([0.95, 1.95]))
    assert gradients.state()["scaler"]["scale"] == 512.0


@pytest.mark.parametrize(("setting", "value"), [("accumulate", 2), ("clip_norm", 1.0), ("clip_value", 1.0)])
def test_sparse_gradients_are_refused_with_what_to_do(tmp_path: Path, setting: str, value: float) -> None:
    spec = edit.add(iris(), "Embedding", params={"sparse": True}, inputs={"input": "input_2"})
    (problem,) = [each for each in training_problems(with_settings(spec, **{setting: value})) if each.param]
    assert f"sparse gradients, which {setting} cannot treat" in problem.message
    assert [fix.text for fix in problem.fixes] == ["Turn sparse off at embedding_1", f"Reset {setting}"]


@pytest.mark.parametrize(("setting", "value"), [("accumulate", 2), ("precision", "fp16")])
def test_an_optimizer_that_runs_the_network_several_times_says_what_does_not_go_with_it(
    tmp_path: Path, setting: str, value: Any
) -> None:
    last = trained(with_settings(iris("LBFGS"), **{setting: value}), tmp_path / "run")[-1]
    assert isinstance(last, Failed)
    assert "LBFGS runs the network several times" in last.message


def training_problems(spec: Spec) -> list[Any]:
    return [each for each in validate.problems(spec) if each.param and each.param.startswith("training.")]


def test_labels_are_smoothed_as_pytorch_smooths_them(tmp_path: Path) -> None:
    spec = with_settings(plain(iris("SGD", epochs=2, lr=0.1)), label_smoothing=0.2)
    finished = trained(spec, tmp_path / "run")[-1]
    model, loss_of = by_hand(), nn.CrossEntropyLoss(label_smoothing=0.2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, fused=True)
    for _epoch, features, labels in hand_batches(spec, tmp_path, 2):
        optimizer.zero_grad()
        loss_of(model(features), labels).backward()
        optimizer.step()
    assert same_weights(tmp_path / "run", model)
    assert evaluate(Run(tmp_path / "run")).scores == finished.test
