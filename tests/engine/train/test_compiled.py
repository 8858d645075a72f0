from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from engine import edit
from engine.events import Epoch, Finished
from engine.spec import Spec
from engine.train import compiled
from tests.engine.train.making import iris, last_weights, trained


def normed() -> Spec:
    """Iris with dropout and a batch normalisation, which has a state that each forward pass changes."""
    spec = edit.set_setting(iris(epochs=2), "training.compile", True)
    spec = edit.add(spec, "BatchNorm1d", inputs={"input": "linear_1"})
    return edit.connect(spec, "batch_norm1d_1", "tanh_1", "input")


def refusing(_module: Any, _inputs: Any) -> Any:
    raise RuntimeError("this backend\ncannot do it")


def close(first: Path, second: Path) -> bool:
    ours, theirs = last_weights(first), last_weights(second)
    return all(torch.allclose(ours[name], theirs[name], atol=1e-5) for name in theirs)


def test_a_compiled_network_learns_as_the_same_one_does_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "BACKEND", "aot_eager")
    events = trained(normed(), tmp_path / "compiled")
    assert isinstance(events[-1], Finished)
    assert [each.notes for each in events if isinstance(each, Epoch)] == [(), ()]
    trained(edit.set_setting(normed(), "training.compile", False), tmp_path / "plain")
    assert close(tmp_path / "compiled", tmp_path / "plain")


def test_where_it_cannot_be_compiled_training_goes_on_without_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "BACKEND", refusing)
    events = trained(normed(), tmp_path / "refused")
    notes = [each.notes for each in events if isinstance(each, Epoch)]
    assert len(notes[0]) == 1
    assert "The network is not compiled: " in notes[0][0]
    assert "this backend cannot do it" in notes[0][0]
    assert notes[1] == ()
    trained(edit.set_setting(normed(), "training.compile", False), tmp_path / "plain")
    ours, theirs = last_weights(tmp_path / "refused"), last_weights(tmp_path / "plain")
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)  # the trial left no trace


def test_a_batch_of_another_size_that_cannot_be_compiled_is_no_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiling: list[int] = []

    def only_once(module: Any, _inputs: Any) -> Any:
        compiling.append(1)
        return module.forward if len(compiling) == 1 else refusing(module, _inputs)

    monkeypatch.setattr(compiled, "BACKEND", only_once)
    events = trained(normed(), tmp_path / "run")
    assert isinstance(events[-1], Finished)
    assert len(compiling) > 1
    (note,) = [each for event in events if isinstance(event, Epoch) for each in event.notes]
    assert "The network is not compiled: " in note
