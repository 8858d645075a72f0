from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.cli import main
from engine.spec import save
from tests.engine.train.making import iris


@pytest.fixture
def project(tmp_path: Path) -> str:
    path = tmp_path / "iris.netloom"
    save(iris(), path)
    return str(path)


def test_a_learning_rate_is_found_and_told_how_to_take(project: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find-lr", project, "--device", "cpu"]) == 0
    out = capsys.readouterr().out
    assert "The loss falls fastest at" in out
    assert main(["find-lr", project, "--json"]) == 0
    swept = json.loads(capsys.readouterr().out)
    assert f"--set training.optimizers.main.params.lr={swept['suggestion']:g}" in out


def test_a_batch_size_is_found_and_told_how_to_take(project: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find-batch", project]) == 0
    out = capsys.readouterr().out
    assert "The largest is 120: it holds all training samples." in out
    assert "--set data.batching.batch_size=" in out
    assert main(["find-batch", project, "--json"]) == 0
    assert [each["batch_size"] for each in json.loads(capsys.readouterr().out)["tried"]] == [8, 16, 32, 64, 120]


def test_what_is_wrong_with_the_project_is_said(project: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["find-lr", project, "--set", "nodes.input_1.params.column=nothing"]) == 2
    assert "The data has no column 'nothing'" in capsys.readouterr().err
