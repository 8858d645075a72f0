from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from engine import edit
from engine.compile import module_path
from engine.events import Failed, Finished, Started
from engine.problem import Mistake
from engine.spec import Spec
from engine.train.folder import Run
from engine.train.precision import Precision, chosen, indeterminate, switched
from engine.train.predict import evaluate
from engine.train.session import _unsafe, open_session
from tests.engine.train.making import iris, last_weights, settings, trained

CPU, GPU = torch.device("cpu"), torch.device("cuda:0")


def in_precision(precision: str) -> Spec:
    return edit.set_setting(iris(epochs=2), "training.precision", precision)


@pytest.mark.parametrize(("precision", "dtype"), [("float32", torch.float32), ("bf16", torch.bfloat16)])
def test_layers_compute_in_the_precision_that_was_chosen_and_weights_stay_as_they_are(
    tmp_path: Path, precision: str, dtype: torch.dtype
) -> None:
    session = open_session(in_precision(precision), tmp_path)
    seen: list[torch.dtype] = []
    layer = session.compiled.module.get_submodule(module_path("linear_2"))
    layer.register_forward_hook(lambda _module, _inputs, output: seen.append(output.dtype))
    with session.at_work():
        answers = session.stepper()(next(session.loader.training(0)), 0)
        session.measure("validation")
    assert set(seen) == {dtype}
    assert answers["cross_entropy_loss_1"].dtype == torch.float32
    assert {each.dtype for each in session.compiled.module.parameters()} == {torch.float32}


def test_a_run_in_bf16_learns_and_is_measured_as_it_was(tmp_path: Path) -> None:
    finished = trained(in_precision("bf16"), tmp_path / "run")[-1]
    assert isinstance(finished, Finished)
    assert evaluate(Run(tmp_path / "run")).scores == finished.test


@pytest.mark.parametrize("precision", ["tf32", "fp16"])
def test_what_only_gpus_have_is_said_on_a_cpu_which_takes_float32(tmp_path: Path, precision: str) -> None:
    events = trained(edit.set_setting(in_precision(precision), "training.device", "cpu"), tmp_path / "run")
    started = next(each for each in events if isinstance(each, Started))
    assert any(note.startswith(f"{precision} is for GPUs") for note in started.notes)
    trained(in_precision("float32"), tmp_path / "full")
    ours, theirs = last_weights(tmp_path / "run"), last_weights(tmp_path / "full")
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_fp16_on_a_gpu_scales_its_losses_and_bf16_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *, including_emulation: True)
    assert chosen("fp16", GPU) == Precision(torch.float16)
    assert chosen("bf16", GPU) == Precision(torch.bfloat16)
    assert chosen("tf32", GPU) == Precision(tf32=True)
    assert chosen("bf16", GPU).scaler(CPU) is None
    assert chosen("fp16", GPU).scaler(CPU) is not None


def test_a_gpu_without_bf16_is_said_with_what_to_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *, including_emulation: False)
    with pytest.raises(Mistake, match="this GPU does not have; choose fp16") as raised:
        chosen("bf16", GPU)
    assert raised.value.fixes[0].arguments == {"path": "training.precision", "value": "fp16"}


def switches() -> tuple[Any, ...]:
    return (
        torch.get_float32_matmul_precision(),
        torch.backends.cudnn.allow_tf32,
        torch.backends.cudnn.deterministic,
        torch.are_deterministic_algorithms_enabled(),
    )


def test_torchs_switches_are_set_for_a_run_and_set_back_after_it() -> None:
    before = switches()
    with switched(settings(deterministic=True), Precision(tf32=True)):
        assert switches() == ("high", True, True, True)
    with switched(settings(), Precision()):
        assert switches() == ("highest", False, before[2], False)
    assert switches() == before


def unpooling() -> Spec:
    """Layers of which one has no deterministic form."""
    spec = edit.set_setting(edit.set_source(Spec(), "Digits"), "training.epochs", 1)
    spec = edit.add(spec, "Input", params={"column": "image", "shape": ["N", 1, 8, 8]})
    spec = edit.add(spec, "Input", params={"column": "label", "shape": ["N"], "dtype": "int64"})
    spec = edit.add(spec, "MaxPool2d", params={"return_indices": True}, inputs={"input": "input_1"})
    wires = {"input": "max_pool2d_1.output", "indices": "max_pool2d_1.indices"}
    spec = edit.add(spec, "MaxUnpool2d", inputs=wires)
    spec = edit.add(spec, "Flatten", inputs={"input": "max_unpool2d_1"})
    spec = edit.add(spec, "Linear", params={"out_features": 10}, inputs={"input": "flatten_1"})
    return edit.add(spec, "CrossEntropyLoss", inputs={"input": "linear_1", "target": "input_2"})


def test_an_operation_without_a_deterministic_form_is_named(tmp_path: Path) -> None:
    spec = unpooling()
    assert isinstance(trained(spec, tmp_path / "free")[-1], Finished)
    failed = trained(edit.set_setting(spec, "training.deterministic", True), tmp_path / "strict")[-1]
    assert isinstance(failed, Failed)
    assert "max_unpooling2d_forward_out has no form that gives the same bits each time" in failed.message
    assert failed.param == "training.deterministic"
    assert not torch.are_deterministic_algorithms_enabled()


def test_other_errors_of_torch_are_left_to_others() -> None:
    assert indeterminate(RuntimeError("mat1 and mat2 shapes cannot be multiplied")) is None


def test_strict_runs_of_one_seed_are_alike_to_the_bit(tmp_path: Path) -> None:
    spec = edit.set_setting(iris(), "training.deterministic", True)
    for name in ("first", "second"):
        trained(spec, tmp_path / name)
    first, second = last_weights(tmp_path / "first"), last_weights(tmp_path / "second")
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_loss_that_a_gpu_refuses_in_half_precision_is_said_with_what_to_take() -> None:
    spec = edit.add(Spec(), "BCELoss")
    (problem,) = _unsafe(spec, Precision(torch.float16), GPU)
    assert problem.node == "bce_loss_1"
    assert "take BCEWithLogitsLoss in its place" in problem.message
    assert list(_unsafe(spec, Precision(torch.bfloat16), CPU)) == []
    assert list(_unsafe(spec, Precision(), GPU)) == []


def test_a_process_that_has_used_a_gpu_is_too_late_for_strict_runs() -> None:
    words = (
        "Deterministic behavior was enabled, but you must set an environment variable: CUBLAS_WORKSPACE_CONFIG=:16:8"
    )
    told = indeterminate(RuntimeError(words))
    assert told is not None
    assert "train again in a new one" in told.message
