from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import torch

from engine import edit
from engine.compile import compile
from engine.examples import examples
from engine.export import export
from engine.export.formats import FORMATS
from engine.problem import Mistake
from engine.spec import Spec, load, save
from engine.train.checkpoint import save_tensors
from engine.train.folder import Run
from tests.alone import computed_alone
from tests.builders import chain, image_classifier


def run_folder(spec: Spec, path: Path) -> Path:
    """A run folder with freshly drawn weights, as if it were trained."""
    run = Run(path)
    run.begin(spec)
    save_tensors(run.weights, compile(spec, only="inference", seed=5).module.state_dict())
    return path


def recurrent() -> Spec:
    spec = chain("LSTM", shape=("N", "T", 4))
    spec = edit.add(spec, "LSTM", inputs={"input": "input_1", "h_0": "lstm_1.h_n", "c_0": "lstm_1.c_n"})
    inputs = {"query": "lstm_2", "key": "lstm_1", "value": "lstm_1"}
    spec = edit.add(spec, "MultiheadAttention", params={"need_weights": True}, inputs=inputs)
    spec = edit.add(
        spec, "Concat", params={"dim": -1}, inputs={"tensors": ["lstm_2", "multihead_attention_1", "lstm_2"]}
    )
    spec = edit.add(spec, "Output", inputs={"input": "concat_1"})
    return edit.add(spec, "Output", inputs={"input": "multihead_attention_1.weights"})


@pytest.mark.parametrize(
    ("spec", "given"),
    [
        (image_classifier(), {"a": torch.rand(3, 1, 8, 8)}),
        (recurrent(), {"a": torch.randn(2, 6, 4)}),
        (edit.add(chain("Cast", dtype="int64"), "Output", inputs={"input": "cast_1"}), {"a": torch.ones(2, 16).long()}),
    ],
)
def test_the_exported_module_computes_the_same_bit_for_bit(
    tmp_path: Path, spec: Spec, given: dict[str, torch.Tensor]
) -> None:
    run = run_folder(spec, tmp_path / "run")
    source, *_ = export(run, "python", tmp_path / "exported.py")
    alone = computed_alone(source, given, tmp_path)
    module = compile(spec, only="inference", seed=5).module.eval()
    with torch.inference_mode():
        expected = module(*given.values())
    assert alone.keys() == expected.keys()
    assert all(torch.equal(alone[name], expected[name]) for name in expected)


def test_the_exported_module_runs_as_a_script(tmp_path: Path) -> None:
    export(image_classifier(), "python", tmp_path / "exported.py")
    command = [sys.executable, "-I", "exported.py"]
    said = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60).stdout
    assert said == "output_1 (2, 10) torch.float32\n"


def test_the_exported_module_names_the_classes_that_it_predicts(tmp_path: Path) -> None:
    trained, (output,) = classified(tmp_path)
    names = ["it's", *(f'"{place}"' for place in range(9))]
    trained.write_json("data.json", {"columns": {"label": {"kind": "category", "classes": names}}})
    export(trained.path, "python", tmp_path / "exported.py")
    code = "import exported, torch; model = exported.load_model(); outputs = model(torch.rand(20, 1, 8, 8))"
    said = f"print([outputs[{output!r}].argmax(1).tolist(), exported.class_names(outputs)[{output!r}]])"
    command = [sys.executable, "-c", f"{code}; {said}"]
    answer = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60).stdout
    places, named = ast.literal_eval(answer)
    assert named == [names[place] for place in places]


def classified(folder: Path) -> tuple[Run, list[str]]:
    """A run whose Output is a class of the column "label", and the ids of its Outputs."""
    spec = edit.add(image_classifier(), "Input", params={"column": "label", "shape": ["N"], "dtype": "int64"})
    (output,) = [node for node in spec.nodes.values() if node.op == "Output"]
    target = list(spec.nodes)[-1]
    inputs = {"input": output.inputs["input"], "target": target}
    spec = edit.add(spec, "CrossEntropyLoss", inputs=inputs)
    spec = edit.set_decode(spec, output.id, {"op": "Argmax", "params": {}})
    return Run(run_folder(spec, folder / "run")), [output.id]


def test_the_exported_source_has_a_line_a_node_and_no_targets(tmp_path: Path) -> None:
    (path,) = export(image_classifier(), "python", tmp_path / "exported.py")
    text = path.read_text()
    assert "self.conv2d_1 = nn.Conv2d(1, 4, 3, padding='same')" in text
    assert "conv2d_1 = self.conv2d_1(input_1)" in text
    assert "CrossEntropyLoss" not in text
    assert "input_2" not in text


def test_titles_and_names_cannot_smuggle_code_into_the_source(tmp_path: Path) -> None:
    spec = edit.set_title(image_classifier(), "conv2d_1", 'x\nimport os; os.abort() """')
    spec = edit.set_name(spec, 'evil"""\nraise SystemExit(3)\n"""')
    export(spec, "python", tmp_path / "exported.py")
    done = subprocess.run(
        [sys.executable, "-I", "exported.py"], cwd=tmp_path, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0


def test_ids_that_are_python_names_of_the_module_do_not_clash(tmp_path: Path) -> None:
    spec = edit.add(Spec(), "Input", params={"shape": ["N", 4]})
    text = json.dumps({"netloom": 1, "nodes": [{"id": "torch", "op": "Linear", "inputs": {"input": "input_1"}}]})
    spec = edit.paste(spec, text, (0, 0))
    nodes = {"torch_1": "torch"}
    assert "torch_1" in spec.nodes and nodes
    spec = edit.add(spec, "Output", inputs={"input": "torch_1"})
    export(spec, "python", tmp_path / "exported.py")
    assert subprocess.run([sys.executable, "-I", "exported.py"], cwd=tmp_path, timeout=60, check=False).returncode == 0


@pytest.mark.parametrize("example", examples(), ids=lambda each: each.name)
def test_every_example_exports_in_every_format(tmp_path: Path, example: object) -> None:
    spec = load(example.path)  # type: ignore[attr-defined]
    run = run_folder(spec, tmp_path / "run")
    for name, each in FORMATS.items():
        for path in export(run, name, tmp_path / f"out{each.suffix}"):
            assert path.stat().st_size > 0
    root = ET.parse(tmp_path / "out.svg").getroot()
    assert len(root.findall("{http://www.w3.org/2000/svg}g")) == len(spec.nodes)
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    assert load(tmp_path / "out.netloom") == spec


@pytest.mark.parametrize(
    ("format", "path", "words"),
    [
        ("pyhton", "a.py", "did you mean 'python'"),
        ("python", "missing/a.py", "does not exist"),
        ("safetensors", "a.safetensors", "needs a trained model"),
        ("svg", ".", "is a folder"),
    ],
)
def test_what_cannot_be_exported_is_told(tmp_path: Path, format: str, path: str, words: str) -> None:
    with pytest.raises(Mistake, match=words):
        export(image_classifier(), format, Path(path), folder=tmp_path)


def test_a_graph_with_a_problem_or_without_an_output_is_not_written(tmp_path: Path) -> None:
    broken = edit.set_param(image_classifier(), "conv2d_1", "out_channels", 0)
    for spec, words in ((broken, "conv2d_1"), (edit.remove(image_classifier(), ["output_1"]), "no Output")):
        with pytest.raises(Mistake, match=words):
            export(spec, "python", tmp_path / "a.py")
    assert not (tmp_path / "a.py").exists()


def test_a_picture_of_odd_titles_is_still_xml(tmp_path: Path) -> None:
    spec = edit.set_title(image_classifier(), "conv2d_1", "<b>&\x00\u2028]]> " + "long " * 30)
    (path,) = export(spec, "svg", tmp_path / "a.svg")
    assert "&lt;b&gt;" in path.read_text()
    ET.parse(path)


def test_a_saved_spec_is_what_is_exported(tmp_path: Path) -> None:
    save(image_classifier(), tmp_path / "a.netloom")
    export(image_classifier(), "spec", tmp_path / "b.netloom")
    assert (tmp_path / "a.netloom").read_bytes() == (tmp_path / "b.netloom").read_bytes()
