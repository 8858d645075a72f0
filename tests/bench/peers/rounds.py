"""What every peer does: trains an epoch each time it is told to, and says how many samples a second that was.

Runs in the peers' own environment, so it imports nothing of Netloom.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Task:
    """Which network is to be trained ("mlp" or "cnn"), on what, for how many epochs, in how many threads."""

    network: str
    inputs: Array
    labels: Array
    batch_size: int
    epochs: int
    threads: int


def task(arguments: list[str]) -> Task:
    """Read NETWORK DATA BATCH EPOCHS THREADS."""
    network, path, *numbers = arguments
    data = np.load(Path(path))
    return Task(network, data["x"], data["y"], *map(int, numbers))


class Rounds:
    """Waits for a line before each epoch, and writes its speed behind it."""

    def __init__(self, samples: int) -> None:
        self._samples, self._begun = samples, 0.0
        self._out, sys.stdout = sys.stdout, sys.stderr

    def wait(self) -> None:
        """Wait for the turn; the clock runs from then on."""
        sys.stdin.readline()
        self._begun = time.perf_counter()

    def tell(self) -> None:
        """Tell the samples a second of the epoch that has ended."""
        print(self._samples / (time.perf_counter() - self._begun), file=self._out, flush=True)
