from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from engine import edit
from engine.events import Changed, Epoch, Failed, Finished
from engine.ops.optimizer import LEFT_OUT, Optimizer
from engine.optimizers import read_optimizers
from engine.spec import Spec
from engine.train import loop
from engine.train.checkpoint import load_tensors
from engine.train.commands import Command
from engine.train.folder import Run
from engine.train.optimizers import FUSED
from engine.train.session import open_session
from tests.engine.train.making import (
    NAMES,
    Build,
    by_hand,
    hand_batches,
    iris,
    last_weights,
    plain,
    same_weights,
    train_by_hand,
    trained,
)

optim = torch.optim

CASES: list[tuple[str, dict[str, Any], Build]] = [
    ("SGD", {"lr": 0.1}, lambda p: optim.SGD(p, lr=0.1, fused=True)),
    (
        "SGD",
        {"lr": 0.05, "momentum": 0.9, "nesterov": True},
        lambda p: optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True, fused=True),
    ),
    (
        "SGD",
        {"lr": 0.05, "momentum": 0.9, "dampening": 0.5, "weight_decay": 0.01},
        lambda p: optim.SGD(p, lr=0.05, momentum=0.9, dampening=0.5, weight_decay=0.01, fused=True),
    ),
    ("Adam", {"lr": 0.01}, lambda p: optim.Adam(p, lr=0.01, fused=True)),
    (
        "Adam",
        {"lr": 0.01, "betas": [0.8, 0.99], "eps": 1e-6, "amsgrad": True, "weight_decay": 0.1},
        lambda p: optim.Adam(p, 0.01, (0.8, 0.99), 1e-6, 0.1, True, fused=True),
    ),
    (
        "AdamW",
        {"lr": 0.01, "weight_decay": 0.1},
        lambda p: optim.AdamW(p, lr=0.01, weight_decay=0.1, fused=True),
    ),
    ("RMSprop", {"lr": 0.001}, lambda p: optim.RMSprop(p, lr=0.001)),
    (
        "RMSprop",
        {"lr": 0.001, "alpha": 0.9, "momentum": 0.5, "centered": True, "weight_decay": 0.1, "eps": 1e-6},
        lambda p: optim.RMSprop(p, 0.001, 0.9, 1e-6, 0.1, 0.5, True),
    ),
    ("Adagrad", {}, lambda p: optim.Adagrad(p, fused=True)),
    (
        "Adagrad",
        {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.01, "initial_accumulator_value": 0.1, "eps": 1e-8},
        lambda p: optim.Adagrad(p, 0.1, 0.1, 0.01, 0.1, 1e-8, fused=True),
    ),
    ("Adadelta", {}, optim.Adadelta),
    (
        "Adadelta",
        {"lr": 0.5, "rho": 0.8, "eps": 1e-5, "weight_decay": 0.1},
        lambda p: optim.Adadelta(p, 0.5, 0.8, 1e-5, 0.1),
    ),
    ("Adamax", {}, optim.Adamax),
    (
        "Adamax",
        {"lr": 0.01, "betas": [0.8, 0.9], "eps": 1e-6, "weight_decay": 0.1},
        lambda p: optim.Adamax(p, 0.01, (0.8, 0.9), 1e-6, 0.1),
    ),
    ("NAdam", {}, optim.NAdam),
    (
        "NAdam",
        {"lr": 0.01, "weight_decay": 0.1, "momentum_decay": 0.01, "decoupled_weight_decay": True},
        lambda p: optim.NAdam(p, 0.01, weight_decay=0.1, momentum_decay=0.01, decoupled_weight_decay=True),
    ),
    ("RAdam", {}, optim.RAdam),
    (
        "RAdam",
        {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True},
        lambda p: optim.RAdam(p, 0.01, weight_decay=0.1, decoupled_weight_decay=True),
    ),
    ("Rprop", {}, optim.Rprop),
    (
        "Rprop",
        {"lr": 0.001, "etas": [0.4, 1.1], "step_sizes": [1e-5, 0.1]},
        lambda p: optim.Rprop(p, 0.001, (0.4, 1.1), (1e-5, 0.1)),
    ),
    ("ASGD", {}, optim.ASGD),
    (
        "ASGD",
        {"lr": 0.1, "lambd": 0.01, "alpha": 0.5, "t0": 2.0, "weight_decay": 0.1},
        lambda p: optim.ASGD(p, 0.1, 0.01, 0.5, 2.0, 0.1),
    ),
    ("Adafactor", {}, optim.Adafactor),
    (
        "Adafactor",
        {"lr": 0.1, "beta2_decay": -0.5, "eps1": 1e-20, "eps2": 0.01, "d": 2.0, "weight_decay": 0.1},
        lambda p: optim.Adafactor(p, 0.1, -0.5, (1e-20, 0.01), 2.0, 0.1),
    ),
]


def named(case: tuple[str, dict[str, Any], Build]) -> str:
    return f"{case[0]}-{len(case[1])}"


@pytest.mark.parametrize("case", CASES, ids=named)
def test_training_computes_what_a_loop_written_by_hand_computes(
    tmp_path: Path, case: tuple[str, dict[str, Any], Build]
) -> None:
    name, params, build = case
    spec = plain(iris(name, epochs=2, **params))
    events = trained(spec, tmp_path / "run")
    assert isinstance(events[-1], Finished), events[-1]
    model = by_hand()
    train_by_hand(model, build(model.parameters()), hand_batches(spec, tmp_path, 2))
    assert same_weights(tmp_path / "run", model)


def without_bias(name: str, **params: Any) -> Spec:
    spec = plain(iris(name, epochs=2, **params))
    for node in NAMES:
        spec = edit.set_param(spec, node, "bias", False)
    return spec


@pytest.mark.parametrize(
    ("params", "build"),
    [
        ({}, optim.Muon),
        (
            {"lr": 0.02, "weight_decay": 0.01, "momentum": 0.9, "nesterov": False, "ns_steps": 4},
            lambda p: optim.Muon(p, 0.02, 0.01, 0.9, False, ns_steps=4),
        ),
        (
            {"ns_coefficients": [3.0, -4.0, 2.0], "eps": 1e-6, "adjust_lr_fn": "match_rms_adamw"},
            lambda p: optim.Muon(p, ns_coefficients=(3.0, -4.0, 2.0), eps=1e-6, adjust_lr_fn="match_rms_adamw"),
        ),
    ],
)
def test_muon_trains_matrices(tmp_path: Path, params: dict[str, Any], build: Build) -> None:
    spec = without_bias("Muon", **params)
    events = trained(spec, tmp_path / "run")
    assert isinstance(events[-1], Finished), events[-1]
    model = by_hand(bias=False)
    train_by_hand(model, build(model.parameters()), hand_batches(spec, tmp_path, 2))
    assert same_weights(tmp_path / "run", model)


@pytest.mark.parametrize(
    ("params", "build"),
    [
        ({"max_iter": 4}, lambda p: optim.LBFGS(p, max_iter=4)),
        (
            {"lr": 0.5, "max_iter": 5, "max_eval": 7, "history_size": 3, "line_search_fn": "strong_wolfe"},
            lambda p: optim.LBFGS(p, 0.5, 5, 7, history_size=3, line_search_fn="strong_wolfe"),
        ),
        (
            {"max_iter": 4, "tolerance_grad": 0.1, "tolerance_change": 0.01},
            lambda p: optim.LBFGS(p, max_iter=4, tolerance_grad=0.1, tolerance_change=0.01),
        ),
    ],
)
def test_lbfgs_runs_the_network_again_in_each_step(tmp_path: Path, params: dict[str, Any], build: Build) -> None:
    spec = plain(iris("LBFGS", epochs=2, **params))
    events = trained(spec, tmp_path / "run")
    assert isinstance(events[-1], Finished), events[-1]
    model = by_hand()
    optimizer, loss_of, told, counted = build(model.parameters()), nn.CrossEntropyLoss(), 0.0, 0
    for epoch, features, labels in hand_batches(spec, tmp_path, 2):
        seen: list[float] = []

        def closure(features: Tensor = features, labels: Tensor = labels, seen: list[float] = seen) -> Tensor:
            optimizer.zero_grad()
            loss: Tensor = loss_of(model(features), labels)
            loss.backward()  # type: ignore[no-untyped-call]  # torch left it out
            seen.append(loss.item())
            return loss

        optimizer.step(closure)  # type: ignore[arg-type]
        if epoch == 1:
            told, counted = told + seen[0] * len(labels), counted + len(labels)
    assert same_weights(tmp_path / "run", model)
    last = [event for event in events if isinstance(event, Epoch)][-1]
    assert last.train["loss"] == pytest.approx(told / counted)


def test_lbfgs_takes_convolutions(tmp_path: Path) -> None:
    from tests.engine.train.test_loop import digits  # its filters would be stored channels last

    spec = edit.set_setting(edit.set_optimizer(digits(epochs=1), "LBFGS"), "training.optimizers.0.params.max_iter", 2)
    spec = edit.set_setting(spec, "data.batching.batch_size", 500)
    assert isinstance(trained(spec, tmp_path / "run")[-1], Finished)


class Lookup(nn.Module):
    """An Embedding with sparse gradients before a Linear."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding_1 = nn.Embedding(3, 4, sparse=True)
        self.linear_1 = nn.Linear(4, 3)

    def forward(self, label: Tensor) -> Tensor:
        scores: Tensor = self.linear_1(self.embedding_1(label))
        return scores


def lookup(*entries: dict[str, Any]) -> Spec:
    """Iris' label, looked up in an Embedding, predicts itself."""
    spec = edit.set_source(Spec(), "Iris")
    spec = edit.set_setting(edit.set_setting(spec, "training.epochs", 2), "data.batching.batch_size", 16)
    spec = edit.add(spec, "Input", params={"column": "label", "shape": ["N"], "dtype": "int64"})
    spec = edit.add(spec, "Embedding", params={"num_embeddings": 3, "embedding_dim": 4}, inputs={"input": "input_1"})
    spec = edit.add(spec, "Linear", params={"out_features": 3}, inputs={"input": "embedding_1"})
    spec = edit.add(spec, "CrossEntropyLoss", inputs={"input": "linear_1", "target": "input_1"})
    return edit.set_setting(spec, "training.optimizers", list(entries))


@pytest.mark.parametrize(
    ("name", "build"),
    [
        ("SparseAdam", lambda p: optim.SparseAdam(p, lr=0.01)),
        ("SGD", lambda p: optim.SGD(p, lr=0.01)),
        ("Adagrad", lambda p: optim.Adagrad(p, lr=0.01)),
    ],
)
def test_sparse_gradients_train_what_is_looked_up(tmp_path: Path, name: str, build: Build) -> None:
    spec = lookup(
        {"name": "rows", "op": name, "params": {"lr": 0.01}, "nodes": ["embedding_1"]},
        {"name": "rest", "op": "SGD", "params": {"lr": 0.1}, "nodes": ["linear_1"], "together": True},
    )
    spec = edit.set_param(spec, "embedding_1", "sparse", True)
    events = trained(spec, tmp_path / "run")
    assert isinstance(events[-1], Finished), events[-1]
    torch.manual_seed(0)
    model = Lookup()
    rows, rest = build(model.embedding_1.parameters()), optim.SGD(model.linear_1.parameters(), lr=0.1, fused=True)
    for _epoch, _features, labels in hand_batches(spec, tmp_path, 2):
        rows.zero_grad()
        rest.zero_grad()
        nn.CrossEntropyLoss()(model(labels), labels).backward()
        rows.step()
        rest.step()
    ours = last_weights(tmp_path / "run")
    assert all(torch.equal(ours[name], each) for name, each in model.named_parameters())


# ---------------------------------------------------------------------------------------------------- declarations


@pytest.mark.parametrize("name", list(Optimizer.registry))
def test_an_optimizer_has_the_params_of_its_class(name: str) -> None:
    theirs = set(inspect.signature(getattr(optim, name)).parameters) - set(LEFT_OUT)
    if name == "Adam":
        theirs -= {"decoupled_weight_decay"}  # AdamW is that
    ours = {"eps" if each in ("eps1", "eps2") else each for each in Optimizer.registry[name].params()}
    assert ours == theirs


def test_every_optimizer_of_pytorch_is_declared() -> None:
    theirs = {
        name
        for name in dir(optim)
        if isinstance(each := getattr(optim, name), type) and issubclass(each, optim.Optimizer)
    }
    assert theirs - {"Optimizer"} == set(Optimizer.registry)


def test_the_fused_optimizers_are_those_that_have_a_fused_kernel() -> None:
    weights = nn.Linear(2, 2)
    fused = {name for name in Optimizer.registry if "fused" in inspect.signature(getattr(optim, name)).parameters}
    assert set(FUSED) == fused
    for name in fused:
        weights(torch.ones(1, 2)).sum().backward()
        getattr(optim, name)(weights.parameters(), fused=True).step()


# ------------------------------------------------------------------------------------------------------- resuming


@pytest.mark.parametrize("name", ["LBFGS", "Rprop", "ASGD", "NAdam", "Adafactor", "Adagrad", "Muon", "Adamax", "RAdam"])
def test_a_stopped_run_of_any_optimizer_goes_on_as_if_it_had_never_stopped(tmp_path: Path, name: str) -> None:
    spec = without_bias(name) if name == "Muon" else iris(name)
    spec = edit.set_setting(spec, "training.epochs", 4)
    trained(spec, tmp_path / "whole")
    run = Run(tmp_path / "run")
    for event in loop.train(spec, tmp_path, run):
        if isinstance(event, Epoch) and event.epoch == 2:
            run.tell(Command("stop"))
    assert isinstance(list(loop.resume(run))[-1], Finished)
    one, other = last_weights(tmp_path / "whole"), last_weights(run.path)
    assert all(torch.equal(one[each], other[each]) for each in one)


def test_an_optimizer_that_was_renamed_starts_anew_with_the_weights_as_they_are(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    trained(iris(epochs=1), run.path)
    run.begin(edit.set_setting(iris(epochs=2), "training.optimizers.0.name", "other"))
    events = list(loop.resume(run))
    assert any(isinstance(each, Changed) and "go on with what was learned" in each.message for each in events)
    assert isinstance(events[-1], Finished)


# -------------------------------------------------------------------------------------------------- nodes' settings


def group_of(session: Any, weight: nn.Parameter) -> dict[str, Any]:
    (acting,) = session.acting
    return next(group for group in acting.optimizer.param_groups if any(each is weight for each in group["params"]))


def test_without_settings_there_is_one_group_in_the_order_of_the_weights(tmp_path: Path) -> None:
    session = open_session(iris(), tmp_path)
    (acting,) = session.acting
    (group,) = acting.optimizer.param_groups
    assert [id(each) for each in group["params"]] == [id(each) for each in session.compiled.module.parameters()]


def test_nodes_with_settings_train_as_groups_written_by_hand(tmp_path: Path) -> None:
    spec = plain(iris("AdamW", epochs=2, lr=0.01))
    spec = edit.set_weights(spec, "linear_1", "lr_factor", 0.1)
    spec = edit.set_weights(spec, "linear_1", "decay", 0.5)
    trained(spec, tmp_path / "run")
    model = by_hand()
    groups: list[dict[str, Any]] = [
        {"params": model[0].parameters(), "lr": 0.01 * 0.1, "weight_decay": 0.5},
        {"params": model[2].parameters()},
    ]
    train_by_hand(model, optim.AdamW(groups, lr=0.01, fused=True), hand_batches(spec, tmp_path, 2))
    assert same_weights(tmp_path / "run", model)


def test_a_schedule_moves_every_group_by_its_own_factor(tmp_path: Path) -> None:
    spec = edit.set_weights(iris("SGD", lr=0.1, epochs=4), "linear_1", "lr_factor", 0.5)
    spec = edit.set_schedule(spec, 0, {"op": "CosineAnnealingLR", "params": {"eta_min": 0.02}})
    session = open_session(spec, tmp_path)
    module, (acting,) = session.compiled.module, session.acting
    for _epoch in range(4):
        slow, fast = (group_of(session, module.get_parameter(f"linear_{place}.weight"))["lr"] for place in (1, 2))
        assert slow == fast * 0.5
        acting.after_epoch(1.0, None)
    assert group_of(session, module.get_parameter("linear_2.weight"))["lr"] == pytest.approx(0.02)


def test_frozen_weights_stay_and_have_no_gradient(tmp_path: Path) -> None:
    spec = edit.set_weights(plain(iris("SGD", epochs=2, lr=0.1, weight_decay=0.1)), "linear_1", "frozen", True)
    trained(spec, tmp_path / "run")
    model = by_hand()
    for each in model[0].parameters():
        each.requires_grad_(False)
    optimizer = optim.SGD(model[2].parameters(), lr=0.1, weight_decay=0.1, fused=True)
    train_by_hand(model, optimizer, hand_batches(spec, tmp_path, 2))
    assert same_weights(tmp_path / "run", model)
    session = open_session(spec, tmp_path)
    assert not session.compiled.module.get_parameter("linear_1.weight").requires_grad


def teacher(mode: str) -> Spec:
    """A batch normalisation and a dropout that rest, or not, before a Linear."""
    spec = edit.insert(iris("SGD", epochs=2, lr=0.1), "BatchNorm1d", "linear_1", "input")
    for node in ("batch_norm1d_1", "dropout_1"):
        spec = edit.set_weights(edit.set_weights(spec, node, "frozen", True), node, "mode", mode)
    return spec


def test_a_node_in_evaluation_mode_neither_drops_nor_measures(tmp_path: Path) -> None:
    spec = teacher("eval")
    trained(spec, tmp_path / "run")
    torch.manual_seed(0)
    norm = nn.BatchNorm1d(4).eval().requires_grad_(False)
    layers = by_hand(seed=0)
    model = nn.Sequential(norm, *layers)  # a batch normalisation draws no numbers when it is made
    optimizer = optim.SGD(layers.parameters(), lr=0.1, fused=True)
    train_by_hand(model, optimizer, hand_batches(spec, tmp_path, 2))
    ours = last_weights(tmp_path / "run")
    assert torch.equal(ours["linear_1.weight"], layers.get_parameter("0.weight"))
    assert torch.equal(ours["batch_norm1d_1.running_mean"], torch.zeros(4))
    assert int(ours["batch_norm1d_1.num_batches_tracked"]) == 0


def test_a_frozen_node_in_training_mode_still_measures(tmp_path: Path) -> None:
    trained(teacher("train"), tmp_path / "run")
    assert int(last_weights(tmp_path / "run")["batch_norm1d_1.num_batches_tracked"]) > 0


def test_the_modes_hold_after_measuring(tmp_path: Path) -> None:
    session = open_session(teacher("eval"), tmp_path)
    session.measure("validation")
    modes = {name: each.training for name, each in session.compiled.module.named_children()}
    assert modes["linear_1"] and not modes["batch_norm1d_1"] and not modes["dropout_1"]


def test_a_graph_that_is_all_frozen_is_told(tmp_path: Path) -> None:
    spec = iris()
    for node in NAMES:
        spec = edit.set_weights(spec, node, "frozen", True)
    failed = trained(spec, tmp_path / "run")[-1]
    assert isinstance(failed, Failed)
    assert "frozen" in failed.message


def test_weights_that_feed_no_loss_are_told(tmp_path: Path) -> None:
    spec = edit.remove(iris(), ["linear_2", "cross_entropy_loss_1", "output_1"])
    spec = edit.add(spec, "Cast", inputs={"input": "input_2"}, params={"dtype": "float32"})
    spec = edit.add(spec, "MSELoss", inputs={"input": "cast_1", "target": "cast_1"})
    failed = trained(spec, tmp_path / "run")[-1]
    assert isinstance(failed, Failed)
    assert "mse_loss_1" in failed.message and "learn nothing" in failed.message


# ------------------------------------------------------------------------------------------------ several optimizers


class Gan(nn.Module):
    """A generator that adds dropout's noise to four numbers, and a discriminator that tells them from real ones."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 4))
        self.discriminator = nn.Linear(4, 1)


def gan(every: int = 1) -> Spec:
    spec = edit.set_source(Spec(name="gan"), "Iris")
    spec = edit.set_setting(edit.set_setting(spec, "training.epochs", 2), "data.batching.batch_size", 16)
    spec = edit.add(spec, "Input", params={"column": "features", "shape": ["N", 4]})
    spec = edit.add(spec, "Input", params={"column": "label", "shape": ["N"], "dtype": "int64"})
    spec = edit.add(spec, "Dropout", params={"p": 0.5}, inputs={"input": "input_1"})
    spec = edit.add(spec, "Linear", params={"out_features": 8}, inputs={"input": "dropout_1"})
    spec = edit.add(spec, "Tanh", inputs={"input": "linear_1"})
    spec = edit.add(spec, "Linear", params={"out_features": 4}, inputs={"input": "tanh_1"})
    spec = edit.add(spec, "Concat", params={"dim": 0}, inputs={"tensors": ["input_1", "linear_2"]})
    spec = edit.add(spec, "Linear", params={"out_features": 1}, inputs={"input": "concat_1"})
    # The discriminator wants real ones low and made ones high; the generator wants the mean score low.
    spec = edit.add(spec, "Select", params={"dim": 1, "index": 0}, inputs={"input": "linear_3"})
    spec = edit.add(spec, "Multiply", inputs={"input": "select_1", "other": "select_1"})
    spec = edit.add(spec, "Tanh", inputs={"input": "select_1"})
    spec = edit.add(spec, "MSELoss", inputs={"input": "tanh_2", "target": "multiply_1"})
    spec = edit.add(spec, "L1Loss", inputs={"input": "select_1", "target": "multiply_1"})
    spec = edit.set_factor(spec, "l1_loss_1", 0.5)
    critic = {"name": "critic", "op": "Adam", "params": {"lr": 0.01}, "nodes": ["linear_3"], "losses": ["mse_loss_1"]}
    maker = {
        "name": "maker",
        "op": "SGD",
        "params": {"lr": 0.1},
        "nodes": ["linear_1", "linear_2"],
        "losses": ["l1_loss_1"],
        "every": every,
    }
    return edit.set_setting(spec, "training.optimizers", [critic, maker])


def gan_by_hand(spec: Spec, folder: Path, every: int) -> Gan:
    torch.manual_seed(0)
    model = Gan()
    critic = optim.Adam(model.discriminator.parameters(), lr=0.01, fused=True)
    maker = optim.SGD(model.generator.parameters(), lr=0.1, fused=True)

    def scores(features: Tensor) -> Tensor:
        both: Tensor = model.discriminator(torch.cat([features, model.generator(features)], 0))
        return both.select(1, 0)

    begun = -1
    for number, (epoch, features, _labels) in enumerate(hand_batches(spec, folder, 2)):
        if epoch != begun:
            torch.manual_seed(epoch + 1)  # as a run does at the beginning of each epoch
            begun = epoch
        critic.zero_grad()
        score = scores(features)
        square = score * score  # in the order of the graph, in which gradients are summed
        nn.MSELoss()(torch.tanh(score), square).backward()
        critic.step()
        if number % every == 0:
            maker.zero_grad()
            score = scores(features)
            (nn.L1Loss()(score, score * score) * 0.5).backward()
            maker.step()
    return model


@pytest.mark.parametrize("every", [1, 3])
def test_two_optimizers_train_a_toy_gan_as_a_loop_by_hand_does(tmp_path: Path, every: int) -> None:
    spec = gan(every)
    events = trained(spec, tmp_path / "run")
    assert isinstance(events[-1], Finished), events[-1]
    model = gan_by_hand(spec, tmp_path, every)
    ours = last_weights(tmp_path / "run")
    pairs = {"linear_1": model.generator[1], "linear_2": model.generator[3], "linear_3": model.discriminator}
    for node, layer in pairs.items():
        assert torch.equal(ours[f"{node}.weight"], layer.get_parameter("weight")), node
        assert torch.equal(ours[f"{node}.bias"], layer.get_parameter("bias")), node
    last = next(event for event in reversed(events) if isinstance(event, Epoch))
    assert set(last.learning_rates) == {"critic", "maker"}
    assert {"loss", "mse_loss_1", "l1_loss_1"} <= set(last.train)


def test_a_stopped_run_of_two_optimizers_goes_on_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    spec = edit.set_setting(gan(3), "training.epochs", 4)
    trained(spec, tmp_path / "whole")
    run = Run(tmp_path / "run")
    for event in loop.train(spec, tmp_path, run):
        if isinstance(event, Epoch) and event.epoch == 2:
            run.tell(Command("stop"))
    list(loop.resume(run))
    one, other = last_weights(tmp_path / "whole"), last_weights(run.path)
    assert all(torch.equal(one[each], other[each]) for each in one)


def test_optimizers_that_act_together_share_one_run_of_the_network(tmp_path: Path) -> None:
    spec = plain(iris("SGD", epochs=2, lr=0.1))
    spec = edit.set_setting(spec, "training.optimizers.0.nodes", ["linear_1.weight", "linear_2.weight"])
    spec = edit.add_optimizer(spec, "AdamW", nodes=["linear_1.bias", "linear_2.bias"], together=True)
    trained(spec, tmp_path / "run")
    model = by_hand()
    first = optim.SGD([model.get_parameter("0.weight"), model.get_parameter("2.weight")], lr=0.1, fused=True)
    second = optim.AdamW([model.get_parameter("0.bias"), model.get_parameter("2.bias")], fused=True)
    for _epoch, features, labels in hand_batches(spec, tmp_path, 2):
        first.zero_grad()
        second.zero_grad()
        nn.CrossEntropyLoss()(model(features), labels).backward()
        first.step()
        second.step()
    assert same_weights(tmp_path / "run", model)


def test_a_node_in_no_optimizer_stays_and_a_node_in_two_is_changed_by_both(tmp_path: Path) -> None:
    spec = plain(iris("SGD", epochs=1, lr=0.1))
    spec = edit.set_setting(spec, "training.optimizers.0.nodes", ["linear_2"])
    spec = edit.add_optimizer(spec, "SGD", nodes=["linear_2.bias"])
    trained(spec, tmp_path / "run")
    model = by_hand()
    before = model.get_parameter("0.weight").clone()
    first = optim.SGD(model[2].parameters(), lr=0.1, fused=True)
    second = optim.SGD([model.get_parameter("2.bias")], lr=0.01, fused=True)
    for _epoch, features, labels in hand_batches(spec, tmp_path, 1):
        for optimizer in (first, second):
            model.zero_grad()
            nn.CrossEntropyLoss()(model(features), labels).backward()
            optimizer.step()
    assert torch.equal(last_weights(tmp_path / "run")["linear_1.weight"], before)
    assert same_weights(tmp_path / "run", model)


def test_gradients_of_a_turn_reach_only_its_own_weights(tmp_path: Path) -> None:
    session = open_session(gan(), tmp_path)
    from engine.train.optimizers import stepper

    batches: Iterator[list[Tensor]] = session.loader.training(0, 0)
    stepper(session.compiled.module.forward, list(session.turns[:1]) * 2)(next(batches), 0)
    module = session.compiled.module
    assert module.get_parameter("linear_3.weight").grad is not None
    assert module.get_parameter("linear_1.weight").grad is None


def test_the_optimizers_of_a_checkpoint_are_kept_apart_by_name(tmp_path: Path) -> None:
    trained(edit.set_setting(gan(), "training.epochs", 1), tmp_path / "run")
    names = load_tensors(next((tmp_path / "run" / "checkpoints").glob("*.safetensors")))
    assert any(name.startswith("optimizers.critic.") for name in names)
    entries, problems = read_optimizers(gan(), ["mse_loss_1", "l1_loss_1"])
    assert [entry.turn.name for entry in entries] == ["critic", "maker"] and problems == []


def test_a_first_step_that_a_flag_forbids_leaves_momentum_as_if_it_had_not_been(tmp_path: Path) -> None:
    session = open_session(iris("SGD", lr=0.1, momentum=0.9), tmp_path)
    (acting,) = session.acting
    weights = [weight for turn in session.turns for weight in turn.weights]
    copies = [weight.detach().clone().requires_grad_() for weight in weights]
    by_hand = torch.optim.SGD(copies, lr=0.1, momentum=0.9)
    for flag in (1.0, 0.0, 0.0):
        acting.optimizer.found_inf = torch.tensor(flag)  # type: ignore[attr-defined]  # what fused kernels look at
        for weight, copy in zip(weights, copies, strict=True):
            weight.grad = torch.full_like(weight, 0.5)
            copy.grad = torch.full_like(copy, 0.5)
        acting.optimizer.step()
        if not flag:
            by_hand.step()
    assert all(torch.allclose(ours, theirs) for ours, theirs in zip(weights, copies, strict=True))
