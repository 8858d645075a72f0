from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import nn

from engine import data, edit
from engine.data import Ragged
from engine.events import Started
from engine.spec import Spec
from engine.train.classweights import balanced, positive
from engine.train.folder import Run
from engine.train.predict import evaluate, predict
from engine.train.session import Session, open_session
from tests.engine.train.making import iris, last_weights, trained

LABELS = np.repeat([0, 1, 2], [120, 60, 20])


def lopsided(folder: Path, labels: Any = LABELS) -> Spec:
    """Iris on samples of our own, of which some classes are rare."""
    features = np.random.default_rng(0).normal(size=(len(labels), 4)).astype(np.float32)
    np.savez(folder / "data.npz", features=features, label=labels)
    return edit.set_setting(
        edit.set_source(iris(), "Arrays", {"path": "data.npz"}), "training.class_weights", "balanced"
    )


def loss_of(session: Session) -> Any:
    return session.compiled.module.get_submodule("cross_entropy_loss_1")


def test_weights_balance_the_classes_of_the_training_samples_as_scikit_learn_does(tmp_path: Path) -> None:
    spec = lopsided(tmp_path)
    labels = data.prepare(spec, tmp_path, ["label"]).splits["train"]["label"].numpy()
    wanted = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    assert torch.allclose(loss_of(open_session(spec, tmp_path)).weight, torch.tensor(wanted, dtype=torch.float32))


def test_a_project_that_does_not_write_out_what_is_empty_is_balanced_too(tmp_path: Path) -> None:
    spec = lopsided(tmp_path)
    loss = replace(spec.nodes["cross_entropy_loss_1"], params={})
    bare = replace(spec, nodes={**spec.nodes, loss.id: loss})
    assert torch.equal(loss_of(open_session(bare, tmp_path)).weight, loss_of(open_session(spec, tmp_path)).weight)


def test_a_class_without_samples_counts_as_one() -> None:
    weights = balanced(torch.tensor([30, 0, 10]))
    assert torch.allclose(weights, torch.tensor([40 / 60, 1.0, 40 / 20]))


def test_a_run_with_class_weights_is_measured_resumed_and_asked_like_any_other(tmp_path: Path) -> None:
    finished = trained(lopsided(tmp_path), tmp_path / "run")[-1]
    run = Run(tmp_path / "run")
    assert evaluate(run).scores == finished.test
    assert [each["output_1"] for each in predict(run, [{"features": [0.1, 0.2, 0.3, 0.4]}])]
    assert not any("cross_entropy" in name for name in last_weights(run.path))


def test_weights_that_are_set_stay_and_it_is_said(tmp_path: Path) -> None:
    spec = edit.set_param(lopsided(tmp_path), "cross_entropy_loss_1", "weight", [1.0, 2.0, 3.0])
    started = next(each for each in trained(spec, tmp_path / "run") if isinstance(each, Started))
    assert "class_weights changes nothing at cross_entropy_loss_1: its weight is set already." in started.notes
    assert loss_of(open_session(spec, tmp_path)).weight.tolist() == [1.0, 2.0, 3.0]


def yes_or_no(folder: Path) -> Spec:
    spec = edit.set_source(Spec(), "Arrays", {"path": "data.npz"})
    labels = (np.random.default_rng(1).random((300, 3)) < [0.5, 0.2, 0.05]).astype(np.float32)
    np.savez(folder / "data.npz", x=np.zeros((300, 4), np.float32), y=labels)
    spec = edit.set_setting(spec, "training.class_weights", "balanced")
    spec = edit.add(spec, "Input", params={"column": "x", "shape": ["N", 4]})
    spec = edit.add(spec, "Input", params={"column": "y", "shape": ["N", 3]})
    spec = edit.add(spec, "Linear", params={"out_features": 3}, inputs={"input": "input_1"})
    return edit.add(spec, "BCEWithLogitsLoss", inputs={"input": "linear_1", "target": "input_2"})


def test_a_yes_counts_as_much_as_there_are_noes_for_it(tmp_path: Path) -> None:
    spec = yes_or_no(tmp_path)
    labels = data.prepare(spec, tmp_path, ["y"]).splits["train"]["y"]
    wanted = (1 - labels).sum(0) / labels.sum(0)
    module: Any = open_session(spec, tmp_path).compiled.module.get_submodule("bce_with_logits_loss_1")
    assert torch.allclose(module.pos_weight, wanted)


@pytest.mark.parametrize("shape", [(8,), (8, 1), (8, 3), (8, 3, 2, 2)])
def test_weights_for_yeses_fit_targets_of_any_shape(shape: tuple[int, ...]) -> None:
    target = (torch.arange(torch.Size(shape).numel()).view(shape) % 3 == 0).float()
    weight = positive(iter([target[:3], target[3:]]))
    nn.BCEWithLogitsLoss(pos_weight=weight)(torch.zeros(shape), target)
    if len(shape) == 4:
        assert torch.allclose(weight[:, 0, 0], (1 - target).sum((0, 2, 3)) / target.sum((0, 2, 3)))


def test_a_label_that_is_always_or_never_a_yes_counts_as_one() -> None:
    assert positive(iter([torch.tensor([[0.0, 1.0], [0.0, 1.0]])])).tolist() == [1.0, 1.0]


def test_what_fills_up_targets_of_differing_length_is_not_counted() -> None:
    from engine.train.classweights import _blocks, _counts  # the counting alone

    held = data.ragged.Flat(np.array([0, 1, 1, 2, 2, 2], np.int64), np.array([0, 1, 6]))
    assert _counts(_blocks(Ragged.of(held)), 3, -1).tolist() == [1, 2, 3]


def test_a_loss_that_takes_no_weights_is_said(tmp_path: Path) -> None:
    spec = yes_or_no(tmp_path)
    spec = edit.add(edit.remove(spec, ["bce_with_logits_loss_1"]), "MSELoss",
                    inputs={"input": "linear_1", "target": "input_2"})  # fmt: skip
    started = next(each for each in trained(spec, tmp_path / "run") if isinstance(each, Started))
    assert "class_weights changes nothing at mse_loss_1: MSELoss takes no weights for classes." in started.notes
