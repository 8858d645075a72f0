from __future__ import annotations

import builtins
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from engine import block_edits, edit, python_trial, trust
from engine.check import Checker, check
from engine.cli import main
from engine.compile import compile
from engine.events import Epoch, Event, Failed, Finished, Measuring, Progress, Stopped
from engine.export import export
from engine.export.own_code import indented
from engine.python_code import file_name
from engine.python_node import fault_of, node_of
from engine.spec import Spec, load, save
from engine.train import loop
from engine.train.checkpoint import load_weights, save_tensors
from engine.train.commands import Command
from engine.train.folder import Run
from engine.train.predict import load_model
from tests.alone import computed_alone
from tests.builders import chain
from tests.engine.export.test_export import run_folder
from tests.engine.python_nodes import LAYER, leaving_a_mark, trusted, with_code


def shapes(spec: Spec) -> dict[str, str]:
    """What comes out of the Python node, or the sentence that refuses it."""
    report = check(spec)
    if report.problems:
        (problem,) = report.problems
        assert (problem.node, problem.param) == ("python_1", "code")
        return {"": problem.message}
    return {port: f"{tensor} {tensor.dtype}" for port, tensor in report.nodes["python_1"].outputs.items()}


# ---------------------------------------------------------------------------------------------------------- check

MAKING = "class Model(nn.Module):\n  def __init__(self):\n    {}\n  def forward(self, x): return x"


@pytest.mark.parametrize(
    ("code", "names", "told"),
    [
        ("def forward(x): return x", "output", {"output": "N × T × 16 float32"}),
        ("def forward(x): return x.mean(1), x[:, ::2].long()", "a, b",
         {"a": "N × 16 float32", "b": "N × (T+1)//2 × 16 int64"}),
        ("def forward(x): return [F.pad(x, (0, 0, 40, 0)), math.pi * x.sum()]", "a, b",
         {"a": "N × T+40 × 16 float32", "b": "scalar float32"}),
        ("def forward(x): return x.flatten(0, 1)", "output", {"output": "N*T × 16 float32"}),
        # what needs numbers is tried with small real ones
        ("def forward(x):\n  return x if x.sum() > 0 else -x", "output", {"output": "N × T × 16 float32"}),
        ("def forward(x):\n  return torch.from_numpy(x.numpy()[:, 1:])", "output", {"output": "N × T-1 × 16 float32"}),
        ("def forward(x):\n  return x + torch.ones(16)", "output", {"output": "N × T × 16 float32"}),
        # what the small sizes are too small for is tried at large ones
        ("def forward(x):\n  return F.avg_pool1d(x.mT, 150, 1)", "output", {"output": "N × 16 × T-149 float32"}),
    ],
)  # fmt: skip
def test_the_check_tells_the_shapes_by_name(code: str, names: str, told: dict[str, str]) -> None:
    assert shapes(trusted(code, names, ("N", "T", 16))) == told


@pytest.mark.parametrize(
    ("code", "names", "words"),
    [
        ("def forward(x):\n  y = x\n  return y @ y", "output", "Line 3 of the code raises RuntimeError: "),
        ("def forward(x):\n  def inner(y):\n    return 1 / 0\n  return inner(x)", "output",
         "Line 3 of the code raises ZeroDivisionError: division by zero."),
        ("value = 1 / 0\ndef forward(x): return x", "output", "Line 1 of the code raises ZeroDivisionError"),
        ("import sys\ndef forward(x):\n  sys.exit()", "output", "Line 3 of the code raises SystemExit"),
        ("def forward(x): return x, x", "output", "a tuple of 2; output_names has one name"),
        ("def forward(x): return x", "a, b", "forward returns a tensor; output_names has 2 names, a, b"),
        ("def forward(x): return x, x, x", "a, b", "forward returns 3 values and output_names has 2 names: a, b."),
        ("def forward(x): return x, 3", "a, b", "a value of the type int for b; it must be a tensor."),
        ("def forward(x): x", "output", "forward returns nothing"),
        ("def forward(x): return {'output': x}", "output", "a value of the type dict"),
        ("class Model:\n  def forward(self, x): return x", "output", "Model is no nn.Module"),
        (MAKING.format("self.a = nn.Linear(2, 2)"), "output",
         "Line 3 of the code raises AttributeError: cannot assign module before"),
        (MAKING.format("super().__init__(); self.a = nn.LazyLinear(2)"), "output",
         "a.weight of Model has no size until data comes"),
        ("import os\ndef forward(x): os._exit(3)", "output", "ended the process"),
        ("import os, signal\ndef forward(x): os.kill(os.getpid(), signal.SIGSEGV)", "output", "ended the process"),
        ("class E(Exception):\n  def __str__(self): raise KeyError\ndef forward(x): raise E", "output",
         "Line 3 of the code raises E."),
        ("def forward(x): raise ValueError('a' * 10000)", "output", "aaa…."),
    ],
)  # fmt: skip
def test_bad_code_is_a_sentence_with_the_line(code: str, names: str, words: str) -> None:
    (message,) = shapes(trusted(code, names)).values()
    assert words in message
    assert len(message) < 600


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("def forward(x):\n  while True:\n    pass", "; it was at line "),
        ("import time\ndef forward(x):\n  time.sleep(1000)", "; it was at line 3"),
        ("while True: pass\ndef forward(x): return x", "; it was at line 1"),
        ("import re\ndef forward(x):\n  re.match('(a+)+$', 'a' * 60 + 'b')", ""),  # never lets go of the interpreter
    ],
)
def test_code_without_end_is_stopped_and_told_where_it_was(
    code: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(python_trial, "LOAD_SECONDS", 3.0)
    monkeypatch.setattr(python_trial, "RUN_SECONDS", 3.0)
    spec, checker = trusted(code), Checker()
    (problem,) = checker.check(spec).problems
    assert problem.message.startswith("The code did not come to an end in time" + line)
    begun = time.monotonic()
    assert checker.check(edit.move(spec, {"python_1": (8, 8)})).problems == (problem,)
    assert time.monotonic() - begun < 1.0  # it is not tried again
    assert shapes(trusted("def forward(x): return x"))


def test_code_that_takes_too_much_memory_is_stopped() -> None:
    (message,) = shapes(trusted("def forward(x):\n  return x + torch.ones(10**10, device='cpu').sum()")).values()
    assert "memory" in message


def test_what_code_prints_and_asks_for_does_not_disturb_the_check() -> None:
    code = "import sys, os\nprint('{}')\ndef forward(x):\n  print('[]'); os.write(1, b'{}\\n')\n"
    code += "  sys.stdin.read()\n  return x"
    assert shapes(trusted(code)) == {"output": "N × 16 float32"}


def test_the_same_code_is_tried_once(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    code = f"def forward(x):\n  open({str(mark)!r}, 'a').write('.')\n  return x\n"
    spec, checker = trusted(code), Checker()
    checker.check(spec)
    tried = mark.read_text()
    spec = edit.add(spec, "Python", params={"code": code}, inputs={"x": "input_1"})
    assert checker.check(edit.set_title(spec, "python_1", "mine")).problems == ()
    assert mark.read_text() == tried


def test_a_list_of_tensors_and_an_input_without_a_wire_come_as_they_are() -> None:
    code = "def forward(xs: list, y=None, z=None):\n  return torch.cat(xs, 1) * (2 if y is None else 3) + z.sum()"
    trust.trust(code)
    spec = edit.add(Spec(), "Input", params={"shape": ["N", 2]})
    inputs = {"xs": ["input_1", "input_1"], "z": "input_1"}
    spec = edit.add(spec, "Python", params={"code": code}, inputs=inputs)
    spec = edit.add(spec, "Output", inputs={"input": "python_1"})
    assert shapes(spec) == {"output": "N × 4 float32"}
    given = torch.randn(3, 2)
    expected = torch.cat([given, given], 1) * 2 + given.sum()
    assert torch.equal(compile(spec, only="inference").module(given)["output_1"], expected)


def test_a_node_without_inputs_gives_what_it_holds() -> None:
    code = "class Model(nn.Module):\n  def __init__(self):\n    super().__init__()\n"
    code += "    self.value = nn.Parameter(torch.zeros(3))\n  def forward(self): return self.value\n"
    trust.trust(code)
    spec = edit.add(edit.add(Spec(), "Python", params={"code": code}), "Output", inputs={"input": "python_1"})
    assert shapes(spec) == {"output": "3 float32"}
    assert check(spec).parameters == 3


# ------------------------------------------------------------------------------------------------- layers at work


class ByHand(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(16, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.linear(x)) * 3.0


def test_a_layer_computes_what_it_computes_by_hand_with_gradients() -> None:
    spec = trusted(LAYER, width=5, scale=3.0)
    report = check(spec)
    assert (report.problems, report.parameters) == ((), 16 * 5 + 5)
    assert report.nodes["python_1"].tensors == {"linear.weight": (5, 16), "linear.bias": (5,)}
    compiled = compile(spec, only="inference", seed=4)
    assert set(compiled.module.state_dict()) == {"python_1.linear.weight", "python_1.linear.bias", "python_1.calls"}
    torch.manual_seed(4)
    by_hand, given = ByHand(5), torch.randn(7, 16)
    for module in (compiled.module, by_hand):
        answer = module(given)
        (answer["output_1"] if isinstance(answer, dict) else answer).sum().backward()
    assert torch.equal(compiled.module(given)["output_1"], by_hand(given))
    grads = [each.grad for each in compiled.module.parameters()]
    for mine, theirs in zip(grads, [each.grad for each in by_hand.parameters()], strict=True):
        assert mine is not None
        assert theirs is not None
        assert torch.equal(mine, theirs)


def test_a_layer_is_saved_and_loaded(tmp_path: Path) -> None:
    spec = trusted(LAYER)
    one, other = (compile(spec, only="inference", seed=seed).module for seed in (1, 2))
    save_tensors(tmp_path / "w.safetensors", one.state_dict())
    load_weights(other, tmp_path / "w.safetensors")
    given = torch.randn(2, 16)
    assert torch.equal(one(given)["output_1"], other(given)["output_1"])


def test_several_outputs_go_where_they_are_wired() -> None:
    spec = trusted("def forward(x): return x + 1, x * 2", "more, twice")
    answers = compile(spec, only="inference").module(torch.ones(1, 16))
    assert [answer.unique().item() for answer in answers.values()] == [2, 2]
    given = torch.full((1, 16), 5.0)
    answers = compile(spec, only="inference").module(given)
    assert torch.equal(answers["output_1"], given + 1) and torch.equal(answers["output_2"], given * 2)


def test_two_nodes_with_the_same_code_have_weights_and_globals_of_their_own() -> None:
    code = LAYER.replace("class Model", "count = []\nclass Model").replace(
        "        self.calls", "        count.append(1)\n        self.calls"
    )
    spec = trusted(code)
    spec = edit.add(spec, "Python", params={"code": code}, inputs={"x": "input_1"})
    module: Any = compile(edit.add(spec, "Output", inputs={"input": "python_2"}), only="inference", seed=1).module
    one, other = module.python_1, module.python_2
    assert not torch.equal(one.linear.weight, other.linear.weight)
    one(torch.ones(1, 16))
    assert (len(one.forward.__func__.__globals__["count"]), len(other.forward.__func__.__globals__["count"])) == (1, 0)


def test_python_nodes_stand_in_blocks() -> None:
    spec = trusted(LAYER, width=16)
    spec = block_edits.group(spec, ["python_1"], "Own")
    spec = block_edits.set_repeat(spec, "own_1", 2)
    spec = block_edits.expose(spec, "Own", "python_1", "scale", "scale")
    spec = edit.set_param(spec, "own_1", "scale", 0.5)
    compiled = compile(spec, only="inference", seed=4)
    assert "own_1.1.python_1.linear.weight" in compiled.module.state_dict()
    torch.manual_seed(4)
    first, second = nn.Linear(16, 16), nn.Linear(16, 16)
    given = torch.randn(3, 16)
    expected = torch.relu(second(torch.relu(first(given)) * 0.5)) * 0.5
    assert torch.equal(compiled.module(given)["output_1"], expected)


# ------------------------------------------------------------------------------------------------------- training


def iris(code: str) -> Spec:
    """Iris through a Python node with 3 outputs a sample."""
    spec = edit.set_source(Spec(), "Iris")
    spec = edit.set_setting(edit.set_setting(spec, "training.epochs", 2), "data.batching.batch_size", 16)
    spec = edit.add(spec, "Input", params={"column": "features", "shape": ["N", 4]})
    spec = edit.add(spec, "Input", params={"column": "label", "shape": ["N"], "dtype": "int64"})
    spec = edit.add(spec, "Linear", params={"out_features": 16}, inputs={"input": "input_1"})
    spec = edit.add(spec, "Python", params={"code": code}, inputs={"x": "linear_1"})
    spec = edit.add(spec, "CrossEntropyLoss", inputs={"input": "python_1", "target": "input_2"})
    return edit.add(spec, "Output", inputs={"input": "python_1"})


HEAD = LAYER.replace("width: int = 8", "width: int = 3")


def test_a_layer_is_trained_and_predicts_after_it_was_loaded(tmp_path: Path) -> None:
    trust.trust(HEAD)
    events = list(loop.train(iris(HEAD), tmp_path, Run(tmp_path / "run")))
    assert isinstance(events[-1], Finished)
    compiled = load_model(Run(tmp_path / "run"))
    before = compile(iris(HEAD), seed=0).module.state_dict()["python_1.linear.weight"]
    assert not torch.equal(compiled.module.state_dict()["python_1.linear.weight"], before)
    assert compiled.module.state_dict()["python_1.calls"] > 0


DRAWING = """\
import random
import numpy as np

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(16, 3)
        with torch.no_grad():
            self.linear.weight *= random.gauss(1.0, 0.5)

    def forward(self, x):
        return self.linear(x) * random.uniform(0.5, 1.5) + np.random.randn()
"""


@pytest.mark.parametrize("kind", [Progress, Measuring])
def test_a_stopped_run_draws_for_its_code_as_if_it_had_never_stopped(
    tmp_path: Path, kind: type[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "READ_SECONDS", 0.0)
    trust.trust(DRAWING)
    spec = edit.set_setting(iris(DRAWING), "data.batching.batch_size", 6)
    whole, run = Run(tmp_path / "whole"), Run(tmp_path / "run")
    events = list(loop.train(spec, tmp_path, whole))
    moment, stopped = 0, []
    for event in loop.train(spec, tmp_path, run):
        stopped.append(event)
        moment += isinstance(event, kind)
        if moment == 2:  # batches are still to come
            run.tell(Command("stop"))
    assert isinstance(stopped[-1], Stopped)
    resumed = list(loop.resume(run))
    assert run.weights.read_bytes() == whole.weights.read_bytes()
    for one, other in zip(scores(events), scores([*stopped, *resumed]), strict=True):
        assert one == other


def scores(events: list[Event]) -> list[Any]:
    epochs = [(each.train, each.validation) for each in events if isinstance(each, Epoch)]
    return [*epochs, *(each.test for each in events if isinstance(each, Finished))]


def test_a_run_of_somebody_else_needs_trust_too(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    code = HEAD.replace("class Model", f"open({str(mark)!r}, 'a').close()\nclass Model")
    trust.trust(code)
    assert isinstance(list(loop.train(iris(code), tmp_path, Run(tmp_path / "run")))[-1], Finished)
    trust.forget(code)
    mark.unlink()
    run, sample = str(tmp_path / "run"), '{"features": [1, 2, 3, 4]}'
    for verb in (["resume", run], ["evaluate", run], ["predict", run, sample]):
        assert main(verb) == 2
    assert not mark.exists()
    assert main(["predict", run, sample, "--trust"]) == 0
    assert mark.exists()
    assert main(["evaluate", run]) == 0


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("if x.shape[0] == 16 and x.requires_grad: raise KeyError('a')", "Line 8 of the code raises KeyError: 'a'."),
        ("if x.shape[0] == 16 and x.requires_grad: x @ x[:3]", "Line 8 of the code raises RuntimeError"),
        ("if x.shape[0] == 16 and x.requires_grad: open('/nowhere/x')", "Line 8 of the code raises FileNotFoundError"),
        ("if x.shape[0] == 16 and x.requires_grad: return None", "forward returns nothing"),
    ],
)  # fmt: skip
def test_code_that_fails_in_training_ends_the_run_with_node_and_line(tmp_path: Path, broken: str, words: str) -> None:
    code = HEAD.replace("        self.calls += 1\n", f"        {broken}\n        self.calls += 1\n")
    trust.trust(code)
    failed = list(loop.train(iris(code), tmp_path, Run(tmp_path / "run")))[-1]
    assert isinstance(failed, Failed)
    assert (failed.node, failed.param) == ("python_1", "code")
    assert words in failed.message


def test_code_that_fails_in_a_block_names_the_node_by_its_path(tmp_path: Path) -> None:
    code = HEAD.replace("        self.calls += 1\n", "        if x.requires_grad: raise KeyError('a')\n")
    trust.trust(code)
    spec = block_edits.group(iris(code), ["linear_1", "python_1"], "Own")
    failed = list(loop.train(spec, tmp_path, Run(tmp_path / "run")))[-1]
    assert isinstance(failed, Failed)
    assert failed.node == "own_1/0/python_1"


def test_the_command_line_tells_of_failing_code_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = HEAD.replace(
        "        self.calls += 1\n", "        if not self.training and x.shape[0] == 1: raise KeyError('a')\n"
    )
    trust.trust(code)
    list(loop.train(iris(code), tmp_path, Run(tmp_path / "run")))
    capsys.readouterr()
    assert main(["predict", str(tmp_path / "run"), '{"features": [1, 2, 3, 4]}']) == 1
    error = capsys.readouterr().err
    assert error == "netloom: python_1: Line 8 of the code raises KeyError: 'a'.\n"


def test_what_no_code_raised_is_no_fault_of_code() -> None:
    with pytest.raises(KeyError) as raised:
        dict[str, int]()["a"]
    assert fault_of(raised.value) is None


def test_a_fault_outside_of_the_graph_is_placed_by_its_code() -> None:
    code = "def forward(x):\n  return 1 / 0\n"
    space: dict[str, Any] = {}
    exec(builtins.compile(code, file_name(code), "exec"), space)
    with pytest.raises(ZeroDivisionError) as raised:
        space["forward"](1)
    fault = fault_of(raised.value)
    assert fault is not None
    assert (fault.line, fault.node, node_of(with_code(code), fault)) == (2, None, "python_1")


# --------------------------------------------------------------------------------------------------------- export

ODD = '''\
import math as m
from collections.abc import Sequence

TEXT = """one
    two
three"""

def helper(x):
	return f"""{x}
  {len(TEXT)}"""

class Base(nn.Module):
    """What it does:

    nothing."""
    def forward(self, x):
        return F.relu(self.linear(x)) * m.pi + len(TEXT) + len(helper(1)) + math.e

class Model(Base):
    def __init__(self, width=4, name="it's"):
        super().__init__()
        assert name == "it's"
        self.linear = nn.Linear(16, width)
'''


def test_exported_source_holds_the_code_and_computes_the_same(tmp_path: Path) -> None:
    spec = trusted(ODD, width=3)
    trust.trust(LAYER)
    spec = edit.add(spec, "Python", params={"code": LAYER, "scale": 2.0, "bias": False}, inputs={"x": "input_1"})
    spec = edit.add(spec, "Python", params={"code": LAYER, "width": 2}, inputs={"x": "input_1"})
    for node in ("python_2", "python_3"):
        spec = edit.add(spec, "Output", inputs={"input": node})
    run = run_folder(spec, tmp_path / "run")
    source, *_ = export(run, "python", tmp_path / "exported.py")
    assert (
        source.read_text().count("class Model(nn.Module):") == 2
    )  # one of the nodes', of two with the same code; the graph's
    given = torch.randn(5, 16)
    alone = computed_alone(source, {"a": given}, tmp_path)
    expected = compile(spec, only="inference", seed=5).module.eval()(given)
    assert {name: tensor.shape for name, tensor in alone.items()} == {name: t.shape for name, t in expected.items()}
    assert all(torch.equal(alone[name], expected[name]) for name in expected)


def test_exported_source_names_the_packages_that_the_code_needs(tmp_path: Path) -> None:
    spec = trusted("import os, numpy as np\nimport torch.nn\nfrom scipy import signal\ndef forward(x): return x")
    source, *_ = export(spec, "python", tmp_path / "exported.py")
    assert "It needs PyTorch and numpy, scipy." in source.read_text().splitlines()[0]
    source, *_ = export(trusted(LAYER), "python", tmp_path / "exported.py")
    assert "It needs PyTorch alone." in source.read_text().splitlines()[0]


def test_indented_code_keeps_its_texts() -> None:
    space: dict[str, object] = {}
    exec("\n".join(["def texts():", *indented('a = """x\n  y\n\nz"""\nb = f"""{a}\n{\n1}\n"""\nc = "q\\\n  r"'),
                    "    return a, b, c"]), space)  # fmt: skip
    assert space["texts"]() == ("x\n  y\n\nz", "x\n  y\n\nz\n1\n", "q  r")  # type: ignore[operator]


def test_a_spec_carries_the_code_as_it_was_typed(tmp_path: Path) -> None:
    code = 'def forward(x):\n\treturn x  # "quoted" \\ × ☃\n'
    spec = with_code(code)
    export(spec, "spec", tmp_path / "out.netloom")
    save(spec, tmp_path / "p.netloom")
    assert (tmp_path / "out.netloom").read_text() == (tmp_path / "p.netloom").read_text()
    assert load(tmp_path / "p.netloom").nodes["python_1"].params["code"] == code


def test_a_new_node_passes_on_what_it_gets() -> None:
    spec = edit.add(chain("Python"), "Output", inputs={"input": "python_1"})
    given = torch.randn(2, 16)
    assert torch.equal(compile(spec, only="inference").module(given)["output_1"], given)


def test_marks_are_left_only_by_what_runs(tmp_path: Path) -> None:
    code = leaving_a_mark(tmp_path / "mark")
    assert shapes(trusted(code)) == {"output": "N × 16 float32"}
    assert (tmp_path / "mark").exists()


def test_lists_are_lists_in_the_check_in_training_and_in_the_export(tmp_path: Path) -> None:
    layer = "class Model(nn.Module):\n    def __init__(self, sizes: list = [1, 2]):\n        super().__init__()\n"
    layer += "        self.sizes = sizes + [3]\n    def forward(self, x, *, more: list = [4]):\n"
    layer += "        return x + sum(self.sizes + more + [5])\n"
    spec = trusted(layer)
    assert check(spec).problems == ()
    given = torch.zeros(2, 16)
    computed = compile(spec, only="inference").module(given)["output_1"]
    assert computed.unique().tolist() == [15.0]
    source, *_ = export(run_folder(spec, tmp_path / "run"), "python", tmp_path / "exported.py")
    assert torch.equal(computed_alone(source, {"a": given}, tmp_path)["output_1"], computed)


def test_two_codes_are_two_functions_in_the_export_whatever_their_nodes_are_called(tmp_path: Path) -> None:
    one, other = "def forward(x):\n    return x + 1\n", "def forward(x):\n    return x * 7\n"
    trust.trust(other)
    spec = block_edits.group(trusted(one), ["python_1"], "Blk")
    spec = edit.add(spec, "Python", params={"code": other}, inputs={"x": "blk_1"})
    outer = spec.nodes["python_1"]
    named = replace(outer, id="blk_1_0_python_1")
    spec = spec.with_nodes([*(each for each in spec.nodes.values() if each is not outer), named])
    spec = edit.add(spec, "Output", inputs={"input": named.id})
    given = torch.ones(2, 16)
    expected = compile(spec, only="inference").module(given)
    source, *_ = export(run_folder(spec, tmp_path / "run"), "python", tmp_path / "exported.py")
    alone = computed_alone(source, {"a": given}, tmp_path)
    assert all(torch.equal(alone[name], expected[name]) for name in expected)


def test_what_code_prints_goes_beside_the_answers(capsys: pytest.CaptureFixture[str]) -> None:
    compile(trusted("print('hello')\ndef forward(x):\n    print(x.shape)\n    return x\n"), only="inference").module(
        torch.ones(2, 16)
    )
    said = capsys.readouterr()
    assert said.out == ""
    assert "hello" in said.err and "torch.Size([2, 16])" in said.err
