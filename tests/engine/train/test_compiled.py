from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from engine import edit
from engine.events import Epoch, Finished, Progress
from engine.spec import Spec
from engine.train import compiled, loop
from engine.train.commands import Command
from engine.train.compiled import CompiledForward
from engine.train.folder import Run
from engine.train.optimizers import Forward
from tests.engine.train.making import BATCH, iris, last_weights, trained


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


def stopped_before_the_last_step(spec: Spec, run: Run) -> None:
    """Train until only the short last batch of the second epoch is left."""
    for event in loop.train(spec, run.path.parent, run):
        if isinstance(event, Progress) and (event.epoch, event.step) == (2, event.steps - 1):
            run.tell(Command("stop"))


def test_a_resumed_run_is_compiled_for_its_first_batch_and_not_for_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "READ_SECONDS", 0.0)
    monkeypatch.setattr(compiled, "BACKEND", "eager")
    tried: list[int] = []
    trial = CompiledForward._tried

    def noted(self: CompiledForward, batch: Sequence[torch.Tensor]) -> Forward:
        tried.append(len(batch[0]))
        return trial(self, batch)

    monkeypatch.setattr(CompiledForward, "_tried", noted)
    run = Run(tmp_path / "run")
    stopped_before_the_last_step(normed(), run)
    assert isinstance(list(loop.resume(run))[-1], Finished)
    assert tried == [BATCH, BATCH]
    list(loop.resume(run))  # there is no step left to compile for
    assert tried == [BATCH, BATCH]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch's compiler, at itself
def test_a_compiled_run_that_was_stopped_ends_with_the_bits_of_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "READ_SECONDS", 0.0)
    trained(normed(), tmp_path / "whole")
    run = Run(tmp_path / "run")
    torch._dynamo.reset()  # as in another process
    stopped_before_the_last_step(normed(), run)
    torch._dynamo.reset()
    assert isinstance(list(loop.resume(run))[-1], Finished)
    ours, theirs = last_weights(run.path), last_weights(tmp_path / "whole")
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
