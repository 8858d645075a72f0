"""Projects and loops that the tests of training share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine import data, edit
from engine.ops.settings import Training
from engine.runs import Runs
from engine.spec import Spec
from engine.train import loop
from engine.train.checkpoint import load_tensors
from engine.train.folder import Run

BATCH = 16


def iris(optimizer: str = "Adam", epochs: int = 3, **params: Any) -> Spec:
    """A small network on iris, with dropout, so that random states matter."""
    spec = edit.set_optimizer(edit.set_source(Spec(name="iris"), "Iris"), optimizer)
    for name, value in params.items():
        spec = edit.set_setting(spec, f"training.optimizers.0.params.{name}", value)
    spec = edit.set_setting(edit.set_setting(spec, "training.epochs", epochs), "data.batching.batch_size", BATCH)
    spec = edit.add(spec, "Input", params={"column": "features", "shape": ["N", 4]})
    spec = edit.add(spec, "Input", params={"column": "label", "shape": ["N"], "dtype": "int64"})
    spec = edit.add(spec, "Linear", params={"out_features": 16}, inputs={"input": "input_1"})
    spec = edit.add(spec, "Dropout", params={"p": 0.2}, inputs={"input": "linear_1"})
    spec = edit.add(spec, "Tanh", inputs={"input": "dropout_1"})
    spec = edit.add(spec, "Linear", params={"out_features": 3}, inputs={"input": "tanh_1"})
    spec = edit.add(spec, "CrossEntropyLoss", inputs={"input": "linear_2", "target": "input_2"})
    spec = edit.add(spec, "Output", inputs={"input": "linear_2"})
    return edit.set_decode(spec, "output_1", {"op": "Argmax", "params": {}})


def with_settings(spec: Spec, **settings: Any) -> Spec:
    """A spec with these settings of its training."""
    for name, value in settings.items():
        spec = edit.set_setting(spec, f"training.{name}", value)
    return spec


def settings(**values: Any) -> Training:
    """Settings of training, the rest at their defaults."""
    read, problems = Training.parse(values)
    assert read is not None, problems
    return read


def trained(spec: Spec, run: Path) -> list[Any]:
    return list(loop.train(spec, run.parent, Run(run)))


def state_of(run: Run) -> str:
    """How a run stands, as the list of runs tells it."""
    return Runs(run.path.parent).again(run).state


def plain(spec: Spec) -> Spec:
    """The same without dropout, so that a loop by hand draws no numbers."""
    return edit.set_param(spec, "dropout_1", "p", 0.0)


def last_weights(run: Path) -> dict[str, Tensor]:
    """The weights as the last step left them, by name."""
    tensors = load_tensors(Run(run).checkpoint_files()[0])
    return {name.removeprefix("weights."): each for name, each in tensors.items() if name.startswith("weights.")}


def by_hand(seed: int = 0, *, bias: bool = True) -> nn.Sequential:
    """The network of `iris`, without dropout, its weights drawn as a run draws them."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 16, bias=bias), nn.Tanh(), nn.Linear(16, 3, bias=bias))


NAMES = {"linear_1": 0, "linear_2": 2}  # of nodes -> places in the network by hand


def same_weights(run: Path, model: nn.Sequential) -> bool:
    """Whether a run ended with the very weights of a model by hand."""
    ours = last_weights(run)
    theirs = {f"{node}.{name}": each for node, place in NAMES.items() for name, each in model[place].named_parameters()}
    assert ours.keys() == theirs.keys()
    return all(torch.equal(ours[name], theirs[name]) for name in ours)


def hand_batches(spec: Spec, folder: Path, epochs: int) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Yield (epoch, features, labels) batch by batch, in the order of a run."""
    training = data.prepare(spec, folder, ["features", "label"]).splits["train"]
    features, labels = training["features"], training["label"]
    for epoch in range(epochs):
        for rows in data.epoch_order(0, epoch, len(labels)).split(BATCH):  # type: ignore[no-untyped-call]  # torch left it out
            yield epoch, features[rows], labels[rows]


def train_by_hand(
    model: nn.Module, optimizer: torch.optim.Optimizer, batches: Iterator[tuple[int, Tensor, Tensor]]
) -> None:
    """The loop that everybody writes."""
    loss_of = nn.CrossEntropyLoss()
    for _epoch, features, labels in batches:
        optimizer.zero_grad()
        loss_of(model(features), labels).backward()
        optimizer.step()


Build = Callable[[Any], torch.optim.Optimizer]
