"""Trains with Keras; KERAS_BACKEND says on what."""

from __future__ import annotations

import os
import sys

import keras
from rounds import Rounds, Task, task

BACKEND = os.environ["KERAS_BACKEND"]


def limit_threads(threads: int) -> None:
    """Have the backend compute in so many threads."""
    if BACKEND == "torch":
        import torch

        torch.set_num_threads(threads)
    else:
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)


def network(name: str) -> keras.Model:
    """The MLP 10-64-64-3, or the MNIST CNN; channels lie as the backend is fastest."""
    layers = keras.layers
    if name == "mlp":
        dense = [layers.Dense(64, activation="relu"), layers.Dense(64, activation="relu"), layers.Dense(3)]
        return keras.Sequential([keras.Input((10,)), *dense])
    first = BACKEND == "torch"
    keras.config.set_image_data_format("channels_first" if first else "channels_last")
    convolutions = [
        layers.Conv2D(32, 3, padding="same", activation="relu"), layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, padding="same", activation="relu"), layers.MaxPooling2D(2),
    ]  # fmt: skip
    head = [layers.Flatten(), layers.Dropout(0.3), layers.Dense(128, activation="relu"), layers.Dense(10)]
    return keras.Sequential([keras.Input((1, 28, 28) if first else (28, 28, 1)), *convolutions, *head])


class Turns(keras.callbacks.Callback):  # type: ignore[misc]  # not installed where types are checked
    """Lets each epoch wait for its turn."""

    def __init__(self, rounds: Rounds) -> None:
        super().__init__()
        self._rounds = rounds

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        """Wait."""
        self._rounds.wait()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        """Tell."""
        self._rounds.tell()


def run(todo: Task) -> None:
    """Train the epochs that are asked for."""
    limit_threads(todo.threads)
    model = network(todo.network)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.Adam(1e-3), loss=loss, metrics=["accuracy"])
    inputs = todo.inputs.reshape(len(todo.inputs), *model.input_shape[1:])
    turns = Turns(Rounds(len(inputs)))
    model.fit(inputs, todo.labels, todo.batch_size, todo.epochs, verbose=0, callbacks=[turns])


if __name__ == "__main__":
    run(task(sys.argv[1:]))
