from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from engine import edit
from engine.events import Epoch, Finished
from engine.train.averaging import Average
from engine.train.checkpoint import load_tensors
from engine.train.folder import Run
from engine.train.parts import Weights
from engine.train.predict import evaluate
from tests.engine.train.making import NAMES, by_hand, hand_batches, iris, plain, same_weights, trained


def test_the_average_of_the_weights_follows_its_formula_and_is_what_is_kept(tmp_path: Path) -> None:
    spec = edit.set_setting(plain(iris("SGD", epochs=1, lr=0.1)), "training.ema_decay", 0.8)
    events = trained(spec, tmp_path / "run")
    model, loss_of = by_hand(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, fused=True)
    averages = [each.detach().double() for each in model.parameters()]
    for _epoch, features, labels in hand_batches(spec, tmp_path, 1):
        optimizer.zero_grad()
        loss_of(model(features), labels).backward()
        optimizer.step()
        averages = [
            0.8 * old + 0.2 * new.detach().double() for old, new in zip(averages, model.parameters(), strict=True)
        ]
    assert same_weights(tmp_path / "run", model)  # training itself goes on with the weights as they are
    kept = load_tensors(tmp_path / "run" / "weights.safetensors")
    names = [f"{node}.{name}" for node, place in NAMES.items() for name, _each in model[place].named_parameters()]
    assert all(torch.allclose(kept[name].double(), each, atol=1e-6) for name, each in zip(names, averages, strict=True))
    assert evaluate(Run(tmp_path / "run")).scores == events[-1].test


def test_while_the_average_stands_in_place_the_weights_are_aside() -> None:
    layer = nn.Linear(2, 1)
    layer.bias.requires_grad_(False)
    average, weights = Average(layer, 0.5), Weights(layer)
    before = layer.weight.detach().clone()
    with torch.no_grad():
        layer.weight.add_(2.0)
    average.update()
    with weights.aside():
        average.take_place()
        assert torch.allclose(layer.weight, before + 1.0)
        assert torch.allclose(weights.state()["weight"], before + 2.0)
    assert torch.allclose(layer.weight, before + 2.0)
    assert list(average.state()) == ["weight"]


def test_the_average_of_a_weight_that_nodes_share_is_kept_under_both_names(tmp_path: Path) -> None:
    spec = edit.add(iris(epochs=2), "Linear", params={"out_features": 3}, inputs={"input": "tanh_1"})
    spec = edit.set_share(edit.set_setting(spec, "training.ema_decay", 0.99), "linear_3", "linear_2")
    spec = edit.add(spec, "Add", inputs={"input": "linear_2", "other": "linear_3"})
    spec = edit.connect(spec, "add_1", "cross_entropy_loss_1", "input")
    events = trained(spec, tmp_path / "run")
    assert isinstance(events[-1], Finished)
    kept = load_tensors(tmp_path / "run" / "weights.safetensors")
    assert torch.equal(kept["linear_2.weight"], kept["linear_3.weight"])
    best = next(each for each in events if isinstance(each, Epoch) and each.epoch == events[-1].best_epoch)
    assert evaluate(Run(tmp_path / "run"), "validation").scores == best.validation
