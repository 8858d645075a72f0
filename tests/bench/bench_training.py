"""Training throughput of the real trainer against the same model and loop written by hand in PyTorch."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from engine import edit
from engine.events import Epoch
from engine.spec import Spec
from engine.train.folder import Run
from engine.train.loop import train
from tests.bench.figure import Figure

ROUNDS = 5
Array = np.ndarray[Any, Any]
Layer = tuple[str, dict[str, Any]]  # an op and its params

HIDDEN: list[Layer] = [("Linear", {"out_features": 64}), ("ReLU", {})]
DENSE: list[Layer] = [*HIDDEN, *HIDDEN, ("Linear", {"out_features": 3})]
CONVOLUTIONAL: list[Layer] = [
    ("Conv2d", {"out_channels": 32}), ("ReLU", {}), ("MaxPool2d", {}),
    ("Conv2d", {"out_channels": 64}), ("ReLU", {}), ("MaxPool2d", {}),
    ("Flatten", {}), ("Dropout", {"p": 0.3}), ("Linear", {"out_features": 128}), ("ReLU", {}),
    ("Linear", {"out_features": 10}),
]  # fmt: skip


def _by_hand(model: nn.Module, inputs: torch.Tensor, labels: torch.Tensor, batch_size: int) -> float:
    """Samples per second of an epoch: Adam, loss and accuracy read each step."""
    loader = DataLoader(TensorDataset(inputs, labels), batch_size=batch_size, shuffle=True)
    optimizer, criterion = torch.optim.Adam(model.parameters()), nn.CrossEntropyLoss()
    loss_sum, right, begun = 0.0, 0, time.perf_counter()
    for batch, target in loader:
        optimizer.zero_grad()
        scores = model(batch)
        loss = criterion(scores, target)
        loss.backward()
        optimizer.step()
        loss_sum += loss.item() * len(target)
        right += int((scores.argmax(1) == target).sum().item())
    return len(inputs) / (time.perf_counter() - begun)


def project(folder: Path, inputs: Array, labels: Array, batch_size: int, layers: list[Layer]) -> Spec:
    """A project that trains layers in a row on arrays, which are written to the folder; no sample is held back."""
    np.savez(folder / "data.npz", x=inputs, y=labels)
    spec = edit.set_setting(edit.set_source(Spec(), "Arrays"), "data.source.params.path", "data.npz")
    spec = edit.set_setting(spec, "data.split", {"validation": 0.0, "test": 0.0})
    spec = edit.set_setting(spec, "data.batching.batch_size", batch_size)
    spec = edit.set_setting(edit.set_optimizer(spec, "Adam"), "training.epochs", ROUNDS + 1)
    spec = edit.add(spec, "Input", params={"column": "x", "shape": ["N", *inputs.shape[1:]]})
    spec = edit.add(spec, "Input", params={"column": "y", "shape": ["N"], "dtype": "int64"})
    last = "input_1"
    for op, params in layers:
        spec, last = edit.add(spec, op, params=params, inputs={"input": last}), edit.new_id(spec, op)
    spec = edit.add(spec, "CrossEntropyLoss", inputs={"input": last, "target": "input_2"})
    return edit.add(spec, "Accuracy", inputs={"input": last, "target": "input_2"})


def _compare(
    name: str, target: float, model: nn.Module, data: tuple[Array, Array], batch_size: int, layers: list[Layer]
) -> Figure:
    inputs, labels = data
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        spec = project(folder, inputs, labels, batch_size, layers)
        stream = train(spec, folder, Run(folder / "run"))
        ours, theirs = [], []
        tensors = torch.from_numpy(inputs), torch.from_numpy(labels)
        for event in stream:  # their epochs run between ours, under the same conditions
            if isinstance(event, Epoch):
                ours.append(event.samples_per_second)
                theirs.append(_by_hand(model, *tensors, batch_size))
    return Figure(name, median(ours[1:]), "samples/s", target, "higher", median(theirs[1:]))


def table() -> tuple[Array, Array]:
    """20,000 rows of ten numbers, in three classes."""
    random = np.random.default_rng(0)
    return random.standard_normal((20_000, 10), dtype=np.float32), random.integers(0, 3, 20_000)


def images() -> tuple[Array, Array]:
    """4,096 pictures of 28 x 28 pixels, in ten classes."""
    random = np.random.default_rng(0)
    return random.random((4_096, 1, 28, 28), dtype=np.float32), random.integers(0, 10, 4_096)


def run() -> list[Figure]:
    """Measure an MLP on a table, and the MNIST network."""
    mlp = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))
    cnn = nn.Sequential(
        nn.Conv2d(1, 32, 3, padding="same"), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding="same"), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.3), nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip
    return [
        _compare("training an MLP 10-64-64-3, 20,000 x 10, batch 32", 1.5, mlp, table(), 32, DENSE),
        _compare("training the MNIST CNN, batch 64", 1.0, cnn, images(), 64, CONVOLUTIONAL),
    ]
