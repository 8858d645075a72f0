"""`python -m tests.bench.peers PYTHON`: our trainer against Keras and Lightning, which PYTHON's environment has.

Epochs of all of them alternate in one run, with the same data, batches, optimizer and number of threads.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Self

import numpy as np
import torch

from engine.events import Epoch
from engine.train.folder import Run
from engine.train.loop import train
from tests.bench.bench_training import CONVOLUTIONAL, DENSE, ROUNDS, Array, Layer, images, project, table
from tests.bench.figure import Figure

HERE = Path(__file__).parent
PEERS = {
    "Keras/TensorFlow": ("with_keras.py", {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}),
    "Keras/torch": ("with_keras.py", {"KERAS_BACKEND": "torch"}),
    "Lightning": ("with_lightning.py", {}),
}


class Peer:
    """A peer's process: it trains an epoch when it is told to."""

    def __init__(self, python: str, name: str, arguments: list[str], threads: int) -> None:
        script, environment = PEERS[name]
        self._process = subprocess.Popen(
            [python, str(HERE / script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment, "OMP_NUM_THREADS": str(threads)},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def epoch(self) -> float:
        """Train an epoch; returns its samples a second."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())


def compare(
    python: str, name: str, target: float, network: str, data: tuple[Array, Array], batch_size: int, layers: list[Layer]
) -> list[Figure]:
    """Train one network with all of them; the first figure is against the best of the peers, and has the target."""
    threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as home, ExitStack() as stack:
        folder = Path(home)
        spec = project(folder, *data, batch_size, layers)
        np.savez(folder / "peers.npz", x=data[0], y=data[1])
        numbers = map(str, (batch_size, ROUNDS + 1, threads))
        arguments = [network, str(folder / "peers.npz"), *numbers]
        peers = {each: stack.enter_context(Peer(python, each, arguments, threads)) for each in PEERS}
        ours: list[float] = []
        theirs: dict[str, list[float]] = {each: [] for each in peers}
        for event in train(spec, folder, Run(folder / "run")):
            if isinstance(event, Epoch):
                ours.append(event.samples_per_second)
                for each, peer in peers.items():
                    theirs[each].append(peer.epoch())
    speed = {each: median(measured[1:]) for each, measured in theirs.items()}
    best = max(speed, key=lambda each: speed[each])
    rows = [Figure(f"{name}: against {best}, the best", median(ours[1:]), "samples/s", target, "higher", speed[best])]
    others = [each for each in speed if each != best]
    return rows + [Figure(f"  {each}", median(ours[1:]), "samples/s", target, "higher", speed[each]) for each in others]


def main(arguments: list[str]) -> int:
    """Measure against the environment of the Python that is named; 1 where a target is missed."""
    (python,) = arguments
    print(f"{'':58} {'ours':>10} {'theirs':>10} {'unit':12} {'ratio':>6} target")
    figures = compare(python, "MLP 10-64-64-3, batch 32", 2.5, "mlp", table(), 32, DENSE)
    figures += compare(python, "MNIST CNN, batch 64", 1.0, "cnn", images(), 64, CONVOLUTIONAL)
    for figure in figures:
        print(figure.row(), flush=True)
    return 0 if all(figure.met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
