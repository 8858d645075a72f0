from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from engine.devices import Device
from engine.problem import Mistake
from engine.train import again
from engine.train.folder import Run
from tests.engine.train.making import iris, trained


@pytest.fixture
def run(tmp_path: Path) -> Run:
    trained(iris(epochs=1), tmp_path / "runs" / "a")
    return Run(tmp_path / "runs" / "a")


@pytest.fixture
def own_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_a_run_of_this_machine_is_trained_again_as_it_was(run: Run) -> None:
    assert again.changes(run) == []
    assert again.device_of(run) == "cpu"
    assert again.folder_of(run) == run.path.parent


def test_what_is_another_version_or_device_now_is_said(run: Run) -> None:
    run.write_json("environment.json", {**run.environment(), "torch": "1.0", "device": "cuda:9", "threads": 64})
    assert again.changes(run) == [
        f"PyTorch was 1.0; it is {torch.__version__} now.",
        "The device was cuda:9; it is cpu now.",
    ]
    assert again.device_of(run) is None


@pytest.mark.parametrize("name", ["cuda", "cuda:0"])
def test_a_gpu_without_a_number_is_the_first_one(run: Run, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(again, "devices", lambda: [Device("cpu", ""), Device("cuda:0", "")])
    monkeypatch.setattr(again, "choose", torch.device)
    monkeypatch.setattr(again, "environment", lambda device, _folder: {**run.environment(), "device": str(device)})
    run.write_json("environment.json", {**run.environment(), "device": name})
    assert again.device_of(run) == "cuda:0"
    assert again.changes(run) == []


def test_the_number_of_threads_is_taken_over(run: Run, own_threads: None) -> None:
    run.write_json("environment.json", {**run.environment(), "threads": 2})
    again.take_threads(run)
    assert torch.get_num_threads() == 2
    run.write_json("environment.json", {"threads": None})
    again.take_threads(run)
    assert torch.get_num_threads() == 2


def test_a_run_without_an_environment_cannot_say_where_its_data_lies(run: Run) -> None:
    (run.path / "environment.json").unlink()
    with pytest.raises(Mistake, match="--data-folder"):
        again.folder_of(run)
    assert again.changes(run) == []
