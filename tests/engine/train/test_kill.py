from __future__ import annotations

import random
from pathlib import Path

import pytest

from engine import edit
from engine.spec import Spec, save
from engine.train.folder import Run
from tests.engine.data.making import steps
from tests.engine.data.test_loader import pictures, with_batching
from tests.engine.train.killing import Nursery
from tests.engine.train.making import iris, state_of

LONGEST = 0.4  # seconds that a trainer lives, once it has begun
EPOCHS_A_KILL = 60


@pytest.fixture(scope="module")
def nursery() -> Nursery:
    return Nursery()


def network(epochs: int) -> Spec:
    """Dropout, batch statistics, an optimizer with moments and a schedule by step: all that a checkpoint must hold."""
    spec = edit.insert(iris("AdamW", epochs=epochs, lr=0.01), "BatchNorm1d", "tanh_1", "input")
    schedule = {"op": "CosineAnnealingLR", "params": {"interval": "step"}}
    spec = edit.set_setting(edit.set_schedule(spec, 0, schedule), "training.checkpoint_every", 3)
    return edit.set_setting(spec, "training.checkpoint_minutes", 0.001)


def augmented(folder: Path, epochs: int) -> Spec:
    """Images that are read by worker processes each time anew, and changed at random."""
    spec = with_batching(pictures(folder, count=24), cache="none", workers=2, batch_size=4)
    spec = steps(spec, "image", "RandomFlip", ("RandomCrop", {"size": 8, "padding": 2}), "ColourJitter", "Standardize")
    spec = edit.set_setting(spec, "training.epochs", epochs)
    spec = edit.add(spec, "Input", params={"column": "image", "shape": ["N", 3, 8, 8]})
    spec = edit.add(spec, "Input", params={"column": "label", "shape": ["N"], "dtype": "int64"})
    spec = edit.add(spec, "Conv2d", params={"out_channels": 4}, inputs={"input": "input_1"})
    spec = edit.add(spec, "Flatten", inputs={"input": "conv2d_1"})
    spec = edit.add(spec, "Dropout", inputs={"input": "flatten_1"})
    spec = edit.add(spec, "Linear", params={"out_features": 2}, inputs={"input": "dropout_1"})
    return edit.add(spec, "CrossEntropyLoss", inputs={"input": "linear_1", "target": "input_2"})


def killed_and_whole(nursery: Nursery, spec: Spec, folder: Path, kills: int, longest: float = LONGEST) -> None:
    """Train twice, once killed again and again: weights and last state are the same, byte for byte."""
    save(spec, folder / "project.netloom")
    whole, killed = Run(folder / "whole"), Run(folder / "killed")
    nursery.finish(folder / "project.netloom", whole)
    chance = random.Random(kills)
    for _ in range(kills):
        nursery.kill_once(folder / "project.netloom", killed, chance, longest)
    nursery.finish(folder / "project.netloom", killed)
    assert killed.weights.read_bytes() == whole.weights.read_bytes()
    one, other = killed.checkpoint_files()[0], whole.checkpoint_files()[0]
    assert one.name == other.name
    assert tensors_of(one) == tensors_of(other)
    assert state_of(killed) == "finished"


def tensors_of(checkpoint: Path) -> bytes:
    """The bytes of a checkpoint behind its header, which tells of the time that the run took."""
    data = checkpoint.read_bytes()
    return data[8 + int.from_bytes(data[:8], "little") :]


def test_a_run_killed_three_times_ends_with_the_same_bytes(nursery: Nursery, tmp_path: Path) -> None:
    killed_and_whole(nursery, network(3 * EPOCHS_A_KILL), tmp_path, kills=3)


def test_a_run_whose_workers_augment_images_ends_with_the_same_bytes(nursery: Nursery, tmp_path: Path) -> None:
    killed_and_whole(nursery, augmented(tmp_path, 40), tmp_path, kills=2)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_run_killed_thirty_times_ends_with_the_same_bytes(nursery: Nursery, tmp_path: Path) -> None:
    killed_and_whole(nursery, network(30 * EPOCHS_A_KILL), tmp_path, kills=30)
