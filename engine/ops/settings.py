"""Settings of a project: how its data is split and batched, and how long and where it trains."""

from __future__ import annotations

from typing import Literal

from engine.declare import Declared, param


class Settings(Declared, family="settings"):
    """A group of settings of the spec."""


class Split(Settings):
    """How samples are shared out between training, validation and test.

    Where the data brings a test part of its own, `test` does not apply.
    """

    validation: float = param(0.1, "Share of the samples that watches over training.", low=0, below=1)
    test: float = param(0.1, "Share of the samples kept for the test at the end.", low=0, below=1)
    stratify: bool = param(True, "Whether each part gets its share of every class, where there are classes.")
    seed: int = param(0, "Start of the random draw; the same seed splits alike.", low=0, high=2**32 - 1)


class Batching(Settings):
    """How samples are grouped into batches."""

    batch_size: int = param(32, "Samples in a batch.", low=1, high=2**24)
    shuffle: bool = param(True, "Whether training samples come in a new order each epoch.")
    drop_last: bool = param(False, "Whether a last, smaller training batch is left out.", advanced=True)


class Training(Settings):
    """How long and where to train."""

    epochs: int = param(10, "Times all training samples are seen.", low=1, high=10**6)
    seed: int = param(0, "Start of all random choices; the same seed trains alike.", low=0, high=2**32 - 1)
    device: Literal["auto", "cpu", "cuda"] = param("auto", "Where to compute: a GPU where there is one, or as said.")
