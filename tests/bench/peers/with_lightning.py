"""Trains with Lightning."""

from __future__ import annotations

import logging
import sys
import warnings

import lightning
import torch
from rounds import Rounds, Task, task
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


def network(name: str) -> nn.Module:
    """The MLP 10-64-64-3, or the MNIST CNN."""
    if name == "mlp":
        return nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding="same"), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding="same"), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.3), nn.Linear(3136, 128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip


class Model(lightning.LightningModule):  # type: ignore[misc]  # not installed where types are checked
    """A network with its loss and its accuracy, logged for each epoch."""

    def __init__(self, name: str, rounds: Rounds) -> None:
        super().__init__()
        self._network, self._rounds, self._loss = network(name), rounds, nn.CrossEntropyLoss()

    def training_step(self, batch: tuple[Tensor, Tensor], _place: int) -> Tensor:
        """The loss of a batch."""
        inputs, labels = batch
        scores = self._network(inputs)
        loss: Tensor = self._loss(scores, labels)
        self.log_dict({"loss": loss, "accuracy": (scores.argmax(1) == labels).float().mean()}, on_epoch=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam."""
        return torch.optim.Adam(self.parameters(), lr=1e-3)

    def on_train_epoch_start(self) -> None:
        """Wait."""
        self._rounds.wait()

    def on_train_epoch_end(self) -> None:
        """Tell."""
        self._rounds.tell()


def run(todo: Task) -> None:
    """Train the epochs that are asked for."""
    warnings.simplefilter("ignore")
    logging.getLogger("lightning").setLevel(logging.ERROR)
    torch.set_num_threads(todo.threads)
    data = TensorDataset(torch.from_numpy(todo.inputs), torch.from_numpy(todo.labels))
    trainer = lightning.Trainer(
        max_epochs=todo.epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    model = Model(todo.network, Rounds(len(data)))
    trainer.fit(model, DataLoader(data, batch_size=todo.batch_size, shuffle=True))


if __name__ == "__main__":
    run(task(sys.argv[1:]))
