"""Settings of a project: how its data is split and batched, and how long and where it trains."""

from __future__ import annotations

from typing import Literal

from engine.declare import Declared, param
from engine.kinds import Column, Score


class Settings(Declared, family="settings"):
    """A group of settings of the spec."""


class Split(Settings):
    """How samples are shared out between training, validation and test.

    Where the data brings a test part of its own, `test` does not apply.
    """

    method: Literal["auto", "random", "grouped", "by time", "k-fold", "given"] = param(
        "auto",
        "Drawn at random, whole groups at random, the latest last, a fold of several, or as the data says; "
        "auto is by time for a time series, and random for all else.",
    )
    column: Column = param(
        "",
        "Column that splits: equal values stay together (grouped, k-fold), it tells the order (by time), "
        "or it names the part (given; empty: the data's own parts).",
    )
    validation: float = param(0.1, "Share of the samples that watches over training.", low=0, below=1)
    test: float = param(0.1, "Share of the samples kept for the test at the end.", low=0, below=1)
    stratify: bool = param(True, "Whether each part gets its share of every class, where there are classes.")
    seed: int = param(0, "Start of the random draw; the same seed splits alike.", low=0, high=2**32 - 1)
    folds: int = param(5, "With k-fold: the number of folds.", low=2, high=1000, advanced=True)
    fold: int = param(1, "With k-fold: the fold that validates, from 1 on.", low=1, high=1000, advanced=True)
    validation_from: str = param(
        "",
        "By time: first day, moment or number of validation, such as 2011-01-01; empty: by its share.",
        advanced=True,
    )
    test_from: str = param("", "By time: first day, moment or number of the test; empty: by its share.", advanced=True)


class Batching(Settings):
    """How samples are grouped into batches."""

    batch_size: int = param(32, "Samples in a batch.", low=1, high=2**24)
    shuffle: bool = param(True, "Whether training samples come in a new order each epoch.")
    by_length: bool = param(
        True,
        "Whether samples of like length come together, where they differ in it, so that less is filled up.",
        advanced=True,
    )
    drop_last: bool = param(False, "Whether a last, smaller training batch is left out.", advanced=True)
    sampling: Literal["each once", "balanced", "weighted"] = param(
        "each once",
        "How an epoch draws training samples: each once, all classes of the target equally often, or in proportion "
        "to the column of weights.",
        advanced=True,
    )
    weights: Column = param("", "With weighted sampling: the column of numbers that says how often.", advanced=True)
    shuffle_buffer: int = param(
        0,
        "Places that a sample moves at most when shuffled, so that a disk is read nearly in order; 0 for any.",
        low=0,
        high=2**40,
        advanced=True,
    )
    cache: Literal["auto", "none", "memory", "disk"] = param(
        "auto",
        "Where samples are kept once they are read: in memory, in a file on the disk, or not at all; auto keeps them "
        "in memory where they fit well, and on the disk where not.",
        advanced=True,
    )
    workers: int | None = param(
        None,
        "Processes that read samples that are not kept in memory; empty: as many as the machine has cores to spare.",
        low=0,
        high=256,
        advanced=True,
    )
    prefetch: int = param(2, "Batches that each worker makes ahead.", low=1, high=1024, advanced=True)
    resident: Literal["auto", "device", "host"] = param(
        "auto",
        "Where data that is in memory lies while training: on the device, so that no batch is copied, or beside it; "
        "auto is on the device where it takes no more than half of the memory that is free there.",
        advanced=True,
    )


class Training(Settings):
    """How long, where and how to train."""

    epochs: int = param(10, "Times all training samples are seen.", low=1, high=10**6)
    device: Literal["auto", "cpu", "cuda"] = param("auto", "Where to compute: a GPU where there is one, or as said.")
    max_steps: int | None = param(
        None,
        "Batches after which training ends, where that is before the last epoch; empty for no limit.",
        low=1,
        high=10**12,
        advanced=True,
        group="Length",
    )
    max_minutes: float | None = param(
        None,
        "Minutes after which training ends, where that is before the last epoch; empty for no limit.",
        above=0,
        advanced=True,
        group="Length",
    )
    accumulate: int = param(
        1,
        "Batches whose gradients are averaged before the weights change, so that they act as one so many times larger.",
        low=1,
        high=2**20,
        advanced=True,
        group="Gradients",
    )
    clip_norm: float | None = param(
        None,
        "Longest that all gradients of an optimizer may be together; longer ones are scaled down; empty for any.",
        above=0,
        advanced=True,
        group="Gradients",
    )
    clip_value: float | None = param(
        None,
        "Largest that each number of a gradient may be, without its sign; empty for any.",
        above=0,
        advanced=True,
        group="Gradients",
    )
    precision: Literal["float32", "tf32", "bf16", "fp16"] = param(
        "float32",
        "Numbers that the network computes in: full float32; on a GPU tf32 (rounded in products), bf16 or fp16 (half "
        "the memory, most layers faster; fp16 with scaled losses). On a CPU there are float32 and bf16.",
        advanced=True,
        group="Speed",
    )
    compile: bool = param(
        False,
        "Whether PyTorch compiles the network, which takes a while and makes its steps faster; where it cannot, "
        "training goes on without and says why.",
        advanced=True,
        group="Speed",
    )
    patience: int | None = param(
        None,
        "Epochs in a row without a better score after which training ends; empty: it goes on to its end.",
        low=1,
        high=10**6,
        advanced=True,
        group="Early stopping",
    )
    min_delta: float = param(
        0.0, "By how much a score must be better to count.", low=0, advanced=True, group="Early stopping"
    )
    stop_metric: Score = param(
        "",
        "Loss or metric that early stopping watches; empty: the one that says which epoch is best.",
        advanced=True,
        group="Early stopping",
    )
    best_metric: Score = param(
        "",
        "Loss or metric that says which epoch is best and so whose weights are kept; empty: the first metric, or the "
        "loss where there is none.",
        advanced=True,
        group="Best weights",
    )
    ema_decay: float | None = param(
        None,
        "Share of itself that a moving average of the weights keeps in each step, such as 0.999; the average is what "
        "is validated and kept; empty: the weights themselves.",
        above=0,
        below=1,
        advanced=True,
        group="Best weights",
    )
    class_weights: Literal["none", "balanced"] = param(
        "none",
        "How much classes count in losses that have weights for them and none set: all alike, or the rare ones more, "
        "by how often each is among the training samples.",
        advanced=True,
        group="Classes",
    )
    label_smoothing: float = param(
        0.0,
        "Share of the target that is spread over all classes, in cross-entropy losses that have none set.",
        low=0,
        high=1,
        advanced=True,
        group="Classes",
    )
    seed: int = param(
        0,
        "Start of all random choices; the same seed trains alike.",
        low=0,
        high=2**32 - 1,
        advanced=True,
        group="Reproducibility",
    )
    deterministic: bool = param(
        False,
        "Whether the device may only use operations that give the same bits each time, which can be slower; one that "
        "has no such form ends the training with its name.",
        advanced=True,
        group="Reproducibility",
    )
    checkpoint_every: int = param(
        1, "Epochs from one checkpoint to the next.", low=1, high=10**6, advanced=True, group="Checkpoints"
    )
    checkpoint_minutes: float | None = param(
        None,
        "Minutes after which a checkpoint is written within an epoch too; empty: only at the ends of epochs.",
        above=0,
        advanced=True,
        group="Checkpoints",
    )
    keep_checkpoints: int = param(
        2,
        "Checkpoints that are kept, the newest; one that is damaged is passed over.",
        low=1,
        high=10**6,
        advanced=True,
        group="Checkpoints",
    )


class Weights(Settings):
    """How a node's weights are trained, where that differs from the rest.

    `init` stands beside these in the spec: {tensor: {"op": "XavierUniform", "params": {...}}}.
    """

    subject = "A node's weights section"

    frozen: bool = param(False, "Whether training leaves the weights as they are.")
    mode: Literal["train", "eval"] = param(
        "train", "How the node works while training: with eval, dropout rests and batch statistics stay as they are."
    )
    lr_factor: float = param(1.0, "What the learning rate is multiplied by for these weights.", above=0)
    decay: float | None = param(None, "Weight decay of these weights; empty: that of the optimizer.", low=0)


class Turn(Settings):
    """Which weights an optimizer changes, for which losses, and when."""

    subject = "An optimizer"

    name: str = param("main", "Name of the optimizer in curves and messages.")
    nodes: Literal["*"] | tuple[str, ...] = param(
        "*", 'Nodes whose weights it changes; "node.tensor" names one tensor, "*" stands for all nodes.'
    )
    losses: Literal["*"] | tuple[str, ...] = param("*", 'Losses it makes small; "*" stands for all.')
    every: int = param(1, "It acts once in so many steps.", low=1, high=10**9)
    together: bool = param(
        False,
        "Whether it acts on the same run of the network as the optimizer before it, which has the same losses and the "
        "same every; otherwise the network is run anew with the weights that the one before has changed.",
        advanced=True,
    )
