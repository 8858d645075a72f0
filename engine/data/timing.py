"""How fast the data of a spec comes, stage by stage, with nothing that trains on it."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from engine.data.loader import Loader, whole_flow
from engine.data.prepare import batching_of, prepare
from engine.events import Stage
from engine.spec import Spec

SECONDS = 3.0  # of batches that are taken
MOST_EPOCHS = 1000


@dataclass(frozen=True)
class Timing:
    """What was measured: seconds until the first batch could be made, and samples a second from then on."""

    cache: str
    workers: int
    prepare_seconds: float
    samples: int
    samples_per_second: float
    megabytes_per_second: float
    stages: tuple[Stage, ...]

    def encode(self) -> dict[str, Any]:
        """As JSON."""
        return {**asdict(self), "stages": [asdict(each) for each in self.stages]}


def measure(spec: Spec, folder: Path, seconds: float = SECONDS) -> Timing:
    """Prepare the columns that the graph is bound to, or all, and take training batches for some seconds.

    Raises Mistake where the data is at fault.
    """
    begun = time.perf_counter()
    dataset = prepare(spec, folder)
    prepared = time.perf_counter() - begun
    loader = Loader(whole_flow(dataset), batching_of(spec), torch.device("cpu"), 0)
    with closing(loader):
        for _batch in loader.training(0):  # workers start, and files are in the system's memory
            break
        taken = bytes_taken = epoch = 0
        loader.stages.begin()
        begun = time.perf_counter()
        while time.perf_counter() - begun < seconds and epoch < MOST_EPOCHS:
            epoch += 1
            for batch in loader.training(epoch):
                taken += len(batch[0])
                bytes_taken += sum(each.nbytes for each in batch)
                if time.perf_counter() - begun >= seconds:
                    break
        passed = time.perf_counter() - begun
        stages = tuple(each for each in loader.stages.stages() if each.name != "model")
        return Timing(
            dataset.cache,
            loader.workers,
            prepared,
            taken,
            taken / passed,
            bytes_taken / passed / 2**20,
            stages or (Stage("batch", taken / passed, 1.0),),
        )
