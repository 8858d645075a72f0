from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

OPS = '''\
"""Ops of a package that is installed beside Netloom."""

from typing import Annotated

from engine.declare import FLOAT, Call, Op, Port, Recipe, Value, param

Floats = Annotated[Value, Port(FLOAT, "...")]


class Wavelet(Op, group="Waves"):
    """Multiplies by weights that it learns."""

    synonyms = ("ripple",)
    example = {"input": "float32 2 3"}

    width: int = param(4, "Weights to learn.", low=1)

    def build(self, input: Floats) -> Recipe:
        return Recipe("waves.layers:Wavelet", input[-1], self.width)


class Halve(Op):
    """Takes the half."""

    example = {"input": "float32 2 3"}

    def build(self, input: Floats) -> Call:
        return Call("waves.layers:functions.halve", input)
'''
LAYERS = """\
import torch


class Wavelet(torch.nn.Module):
    def __init__(self, features, width):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(features, width))

    def forward(self, input):
        return input @ self.weight


class functions:
    def halve(input):
        return input / 2
"""


def installed(folder: Path, name: str, entry: str, files: dict[str, str]) -> Path:
    """Install a package in a folder, as pip would, with an entry point for ops; returns the folder."""
    package = folder / name
    package.mkdir(parents=True)
    for file, text in {"__init__.py": "", **files}.items():
        (package / file).write_text(text)
    facts = folder / f"{name}-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text(f"[console_scripts]\n\n[netloom.ops]\nmine = {entry}\n")
    return folder


def waves(folder: Path) -> Path:
    return installed(folder, "waves", "waves.ops", {"ops.py": OPS, "layers.py": LAYERS})


def python(folder: Path, *arguments: str, at: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run Python with what is installed in a folder."""
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=at, env=environment, capture_output=True, text=True, timeout=120, check=False)


def listed(folder: Path) -> tuple[dict[str, Any], str]:
    """The ops as `netloom ops --json` tells them, and what stands on stderr."""
    done = python(folder, "-m", "engine", "ops", "--json")
    assert done.returncode == 0, done.stderr
    return {op["op"]: op for op in json.loads(done.stdout)}, done.stderr


def test_ops_of_an_installed_package_are_listed_like_all_others(tmp_path: Path) -> None:
    ops, errors = listed(waves(tmp_path))
    assert errors == ""
    assert ops["Wavelet"]["group"] == "Waves"
    assert ops["Wavelet"]["torch"] == "waves.layers.Wavelet"
    assert ops["Halve"]["group"] == "Installed"
    assert {"Linear", "Conv2d"} <= ops.keys()
    told = python(tmp_path, "-m", "engine", "ops").stdout
    assert told.index("\nMetrics\n") < told.index("\nWaves\n") < told.index("\n  Wavelet ")
    script = "from engine.ops import GROUPS, search; print(search('ripple'), *GROUPS[-3:])"
    assert python(tmp_path, "-c", script).stdout == "['Wavelet'] Metrics Waves Installed\n"


WORK = """
import sys
from pathlib import Path
import torch
from engine import edit
from engine.check import check
from engine.compile import compile
from engine.export.python_file import source
from engine.picture import svg
from engine.spec import Spec, save
from engine.train.checkpoint import save_tensors

assert "waves.layers" not in sys.modules
spec = edit.add(Spec(), "Input", params={"shape": ["N", 3]})
spec = edit.add(spec, "Wavelet", params={"width": 5}, inputs={"input": "input_1"})
spec = edit.add(spec, "Halve", inputs={"input": "wavelet_1"})
spec = edit.add(spec, "Output", inputs={"input": "halve_1"})
report = check(spec)
print(report.problems, str(report.nodes["halve_1"].outputs["output"]), report.parameters)
svg(spec, report)
module = compile(spec, only="inference", seed=1).module
torch.manual_seed(1)
given, weight = torch.ones(2, 3), torch.randn(3, 5)
assert torch.equal(module(given)["output_1"], given @ weight / 2)
Path("exported.py").write_text(source(spec, "exported.safetensors"))
save_tensors(Path("exported.safetensors"), module.state_dict())
torch.save(module(given)["output_1"].detach(), "expected.pt")
save(spec, Path("p.netloom"))
"""


def test_an_installed_op_is_checked_compiled_and_exported(tmp_path: Path) -> None:
    waves(tmp_path / "site")
    done = python(tmp_path / "site", "-c", WORK, at=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "() N × 5 15\n"
    text = (tmp_path / "exported.py").read_text()
    assert "It needs PyTorch and waves." in text.splitlines()[0]
    assert "\nimport waves.layers\n" in text
    assert "self.wavelet_1 = waves.layers.Wavelet(3, 5)" in text
    alone = (
        "import sys; sys.path[:0] = ['.', 'site']; import torch, exported; "
        "answer = exported.load_model()(torch.ones(2, 3))['output_1']; "
        "assert torch.equal(answer, torch.load('expected.pt')); "
        "assert 'engine' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", alone], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    without = subprocess.run(
        [sys.executable, "-m", "engine", "check", str(tmp_path / "p.netloom")],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert without.returncode == 2
    assert "There is no op 'Wavelet'" in without.stderr


def test_a_function_may_declare_the_ops(tmp_path: Path) -> None:
    text = "def declare():\n    import waves.late\n"
    ops, errors = listed(installed(tmp_path, "waves", "waves.ops:declare", {"ops.py": text, "late.py": OPS}))
    assert errors == ""
    assert ops["Wavelet"]["group"] == "Waves"


@pytest.mark.parametrize(
    ("name", "entry", "text", "words"),
    [
        ("a", "a.ops", "import nothing_of_this_name", "cannot be loaded: ModuleNotFoundError: No module named"),
        ("b", "b.nowhere", "", "cannot be loaded: ModuleNotFoundError"),
        ("c", "c.ops:nothing", "", "cannot be loaded: AttributeError"),
        ("d", "d.ops", "import sys; sys.exit(3)", "cannot be loaded: SystemExit: 3."),
        ("e", "e.ops:declare", "def declare(): raise KeyError('x')", "cannot be loaded: KeyError: 'x'."),
        ("f", "f.ops", "x = 1", "declares no ops"),
        ("g", "g.ops", OPS.replace("class Wavelet", "class Linear"), "Linear of the package g (g.ops) is left out"),
        ("h", "h.ops", OPS.replace('"""Multiplies by weights that it learns."""', ""), "left out: it has no docstring"),
        ("i", "i.ops", OPS.replace("width: int", "width: complex"), "is declared wrongly, TypeError"),
        ("j", "j.ops", OPS.replace("param(4, ", "param(0, "), "its own defaults are refused (width is 0"),
        ("k", "k.ops", OPS.replace("input: Floats) -> Recipe", "input) -> Recipe"), "is declared wrongly"),
        ("l", "l.ops", OPS.replace('group="Waves"', "group=3"), "must be texts"),
        ("m", "m.ops", OPS + "\n1 / 0\n", "cannot be loaded: ZeroDivisionError"),
    ],
)  # fmt: skip
def test_a_broken_package_is_a_sentence_and_no_crash(
    tmp_path: Path, name: str, entry: str, text: str, words: str
) -> None:
    waves(tmp_path)
    ops, errors = listed(installed(tmp_path, name, entry, {"ops.py": text}))
    (line,) = [each for each in errors.splitlines() if f"package {name} " in each and words in each]
    assert line.endswith(".")
    assert "Traceback" not in errors
    assert ops["Linear"]["torch"] == "torch.nn.Linear"


def test_what_an_installed_op_raises_is_a_problem_at_its_node(tmp_path: Path) -> None:
    text = OPS.replace("return Recipe(", "raise KeyError('deep')\n        return Recipe(", 1)
    text = text.replace("layers:functions.halve", "layers:functions.third")
    installed(
        tmp_path, "waves", "waves.ops", {"ops.py": text.replace('synonyms = ("ripple",)\n    example', "example_")}
    )
    script = """
from engine import edit
from engine.check import check
from engine.spec import Spec
spec = edit.add(Spec(), "Input", params={"shape": ["N", 3]})
for op in ("Wavelet", "Halve"):
    spec = edit.add(spec, op, inputs={"input": "input_1"})
for problem in check(spec).problems:
    print(problem)
"""
    done = python(tmp_path, "-c", script)
    told = done.stdout.splitlines()
    assert "wavelet_1.input: Wavelet of the package waves failed: KeyError: 'deep'." in told, done.stderr
    assert any("waves.layers:functions.third is not to be found" in line for line in told)


def test_without_such_packages_nothing_is_searched_for() -> None:
    script = "import sys, engine.plugins as p; before = set(sys.modules); p.load({}); print(set(sys.modules) - before)"
    assert python(ROOT, "-c", script).stdout == "set()\n"
