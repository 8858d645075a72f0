from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine import edit
from engine.cli import main
from engine.report import Report
from engine.spec import Spec, save
from tests import architectures
from tests.builders import chain, image_classifier


def saved(spec: Spec, folder: Path) -> str:
    path = folder / "project.netloom"
    save(spec, path)
    return str(path)


def test_a_check_tells_what_each_node_and_the_whole_costs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", saved(architectures.resnet18(), tmp_path)]) == 0
    *nodes, total = capsys.readouterr().out.splitlines()
    assert [line.split() for line in nodes if line.startswith("linear_1 ")] == [
        ["linear_1", "Linear", *"N × 1000 float32".split(), "513,000", "512,000"]
    ]
    assert [line.split()[-4:] for line in nodes if line.startswith("stage_3 ")] == [["8.39", "M", "411", "M"]]
    assert total == (
        "13 nodes, 11.7 M parameters, 1.81 G multiply-accumulates a sample, 44.6 MiB of weights, "
        "678 MiB of activations at batch 32"
    )


def test_free_sizes_count_as_told_and_the_line_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = edit.add(chain("Linear", shape=("N", "T", 16)), "Output", inputs={"input": "linear_1"})
    path = saved(spec, tmp_path)
    assert main(["check", path, "--size", "T=10", "--size", "N=2"]) == 0
    total = capsys.readouterr().out.splitlines()[-1]
    assert "10,240 multiply-accumulates a sample" in total
    assert total.endswith("1.25 KiB of activations at batch 2; counted with T as 10 (see --size)")
    for wrong in ("T", "T=0", "T=x", "=5"):
        assert main(["check", path, "--size", wrong]) == 2
        assert f"--size {wrong} is no size" in capsys.readouterr().err


def test_json_holds_the_counts_beside_what_scripts_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", saved(image_classifier(), tmp_path), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert {
        "problems",
        "parameters",
        "macs",
        "nodes",
        "frozen",
        "weight_bytes",
        "activation_bytes",
        "sizes",
        "optimised",
    } == set(data)
    assert data["macs"] == 4 * 9 * 64 + 256 * 10
    assert data["nodes"]["conv2d_1"]["macs"] == 4 * 9 * 64
    assert Report.decode(data).activation_bytes == data["activation_bytes"] > 0


def test_what_cannot_be_counted_is_told_as_unknown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = edit.add(chain("Conv1d", shape=("N", 4, "T")), "Output", inputs={"input": "conv1d_1"})
    spec = edit.set_param(edit.set_param(spec, "conv1d_1", "padding", 0), "conv1d_1", "kernel_size", 9)
    assert main(["check", saved(spec, tmp_path), "--size", "T=4"]) == 0
    assert "? multiply-accumulates a sample" in capsys.readouterr().out


def test_a_size_that_the_graph_lacks_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", saved(image_classifier(), tmp_path), "--size", "Q=7"]) == 2
    assert "the graph has no such size; it has N" in capsys.readouterr().err


def test_passes_of_a_graph_that_neither_learns_nor_predicts_are_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = edit.add(image_classifier(), "Accuracy", inputs={"input": "linear_1", "target": "input_2"})
    ends = [node.id for node in spec.nodes.values() if node.op in ("Output", "CrossEntropyLoss")]
    path = saved(edit.remove(spec, ends), tmp_path)
    status = main(["check", path])
    assert status == 0
    plain = capsys.readouterr().out
    assert main(["check", path, "--passes"]) == status
    assert capsys.readouterr().out == plain
