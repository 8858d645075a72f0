from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from engine import edit, fixes
from engine.events import Checkpoint, Failed, Finished
from engine.train import loop, optimizers, session
from engine.train.checkpoint import newest_checkpoint
from engine.train.folder import Run
from tests.engine.train.making import iris, trained


def failing_from(step: int, error: Exception) -> Any:
    """A stepper whose step fails from a number on."""
    made = optimizers.stepper

    def stepper(*arguments: Any) -> Any:
        take = made(*arguments)

        def failing(batch: Any, number: int) -> Any:
            if number >= step:
                raise error
            return take(batch, number)

        return failing

    return stepper


def test_memory_that_runs_out_keeps_what_was_reached_and_half_the_batch_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, spec = Run(tmp_path / "run"), iris(epochs=2)
    monkeypatch.setattr(session, "stepper", failing_from(3, torch.OutOfMemoryError("CUDA out of memory.")))
    events = trained(spec, run.path)
    assert [type(each) for each in events[-2:]] == [Checkpoint, Failed]
    assert (events[-1].epoch, events[-1].step, events[-1].param) == (0, 3, "data.batching.batch_size")
    assert newest_checkpoint(run)[0].progressed.step == 3
    monkeypatch.undo()
    halved = fixes.apply(spec, events[-1].fixes[0])
    assert isinstance(list(loop.resume(run, spec=halved))[-1], Finished)


def test_a_batch_of_one_is_not_halved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "stepper", failing_from(0, torch.OutOfMemoryError("CUDA out of memory.")))
    failed = trained(edit.set_setting(iris(), "data.batching.batch_size", 1), tmp_path / "run")[-1]
    assert failed.fixes == ()
    assert "Make the network smaller" in failed.message


def test_a_number_that_a_gpu_refuses_leads_to_the_columns_of_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        session, "stepper", failing_from(0, RuntimeError("CUDA error: device-side assert triggered\nmore"))
    )
    failed = trained(iris(), tmp_path / "run")[-1]
    assert "a class or an index outside its range. Look at label (input_2)" in failed.message
    assert fixes.apply(iris(), failed.fixes[0]).training["device"] == "cpu"


def test_a_fault_of_torch_is_told_in_its_first_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "stepper", failing_from(0, RuntimeError("no kernel.\nat here")))
    assert trained(iris(), tmp_path / "run")[-1].message == "PyTorch stopped the training: no kernel."


def test_memory_that_runs_out_in_an_optimizers_first_step_can_be_gone_on_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, made = Run(tmp_path / "run"), iter(range(2))
    zeros = torch.zeros_like

    def scarce(*arguments: Any, **more: Any) -> torch.Tensor:
        if next(made, None) is None:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return zeros(*arguments, **more)

    monkeypatch.setattr(torch, "zeros_like", scarce)
    assert "needs more memory" in trained(iris(epochs=1), run.path)[-1].message
    monkeypatch.undo()
    assert isinstance(list(loop.resume(run))[-1], Finished)
    trained(iris(epochs=1), tmp_path / "whole")
    assert run.weights.read_bytes() == (tmp_path / "whole" / "weights.safetensors").read_bytes()
