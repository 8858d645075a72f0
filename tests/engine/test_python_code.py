from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine import edit
from engine.blocks import op_of
from engine.check import check
from engine.kinds import Bool, Either, Float, Int, ListOf, Nothing, Text
from engine.ops.python import Python
from engine.problem import Mistake
from engine.python_code import read_code, read_names
from engine.spec import Node, Spec
from tests.engine.python_nodes import LAYER, leaving_a_mark, with_code


def test_the_ports_of_a_function_are_its_parameters() -> None:
    signature = read_code("def forward(x, masks: list[Tensor], y=None, *, scale=2.0): ...")
    assert {name: (port.optional, port.list) for name, port in signature.ports.items()} == {
        "x": (False, False),
        "masks": (False, True),
        "y": (True, False),
    }
    assert list(signature.params) == ["scale"]


def test_the_params_of_a_layer_are_those_of_its_init_and_behind_the_star_of_forward() -> None:
    signature = read_code(LAYER)
    assert list(signature.ports) == ["x"]
    assert list(signature.init) == ["width", "bias"]
    assert list(signature.forward) == ["scale"]


@pytest.mark.parametrize(
    ("written", "kind", "default"),
    [
        ("a=3", Int(), 3),
        ("a=-2.5", Float(), -2.5),
        ("a: float = 3", Float(), 3.0),
        ("a=True", Bool(), True),
        ("a='relu'", Text(), "relu"),
        ("a: int | None = None", Either((Int(), Nothing())), None),
        ("a=(1, 2)", ListOf(Int()), (1, 2)),
        ("a=[1, 2.5]", ListOf(Float()), (1, 2.5)),
    ],
)
def test_a_param_takes_what_its_annotation_or_its_default_says(written: str, kind: Any, default: Any) -> None:
    (param,) = read_code(f"def forward(x, *, {written}): ...").params.values()
    assert (param.kind, param.default) == (kind, default)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("", "neither a function forward nor a class Model"),
        ("def forward(x:", "Line 1 of the code does not compile"),
        ("def forward(x):\n    return x\nreturn 3", "Line 3 of the code does not compile: 'return' outside function"),
        ("def forward(x):\n  y\n   z", "Line 3 of the code does not compile"),
        ("def forward(x): ...\x00", "does not compile"),
        ("def forward(*x): ...", "name of its own"),
        ("def forward(**x): ...", "name of its own"),
        ("def forward(x, /): ...", "name of its own"),
        ("def forward(x, *, a): ...", "a of forward needs a default"),
        ("def forward(x, *, a=f()): ...", "default that is computed"),
        ("def forward(x, *, a: int = 1.5): ...", "must be a whole number"),
        ("def forward(x, *, a=None): ...", "must be a number, a text"),
        ("def forward(x, *, a=1e999): ...", "finite"),
        ("def forward(x, *, a=1j): ...", "must be a number"),
        ("def forward(code): ...", "choose another name"),
        ("async def forward(x): ...", "neither"),
        ("class Model(nn.Module): ...", "Model has no method forward"),
        ("class Model(nn.Module):\n  def forward(): ...", "must take self first"),
        ("class Model(nn.Module):\n  def __init__(self, *a): ...\n  def forward(self, x): ...", "name each"),
        ("class Model(nn.Module):\n  def __init__(self, a): ...\n  def forward(self, x): ...", "needs a default"),
        (
            "class Model(nn.Module):\n  def __init__(self, x=1): ...\n  def forward(self, x): ...",
            "stands for two things",
        ),
        ("class Model(nn.Module):\n  def forward(self, x): ...\ndef forward(x): ...", "keep one of them"),
        ("def forward(x):\n  global y", "Line 2 of the code uses global"),
        ("from os import *\ndef forward(x): ...", r"imports \*; name what it needs"),
        ("from __future__ import annotations\ndef forward(x): ...", "leave it out"),
        ("x = " + "-" * 100_000 + "1", "nested too deeply"),
        ("x = a" + ".b" * 90_000, "nested too deeply"),
        ("x" * 200_001, "more than 200,000 letters"),
        ("x = '\ud800'", "does not compile"),
    ],
)
def test_code_that_is_no_nodes_is_refused_with_a_sentence_at_the_code(code: str, words: str) -> None:
    with pytest.raises(Mistake, match=words) as refused:
        read_code(code)
    assert refused.value.param == "code"
    assert refused.value.message.endswith(".")
    problems = [each for each in check(with_code(code)).problems if each.node == "python_1"]
    assert [(each.param, each.message) for each in problems] == [("code", refused.value.message)]


def test_reading_code_does_not_run_it(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    assert list(read_code(leaving_a_mark(mark)).ports) == ["x", "y"]
    assert not mark.exists()


def test_a_layer_may_inherit_what_it_declares_from_a_class_beside_it() -> None:
    base = "class Base(nn.Module):\n  def __init__(self, a=1): ...\n  def forward(self, x, y): ...\n"
    signature = read_code(base + "class Model(Base): ...")
    assert (list(signature.ports), list(signature.init)) == (["x", "y"], ["a"])
    with pytest.raises(Mistake, match="no method forward"):
        read_code("class Model(Other): ...\nclass Other(Model): ...")


@pytest.mark.parametrize("text", ["", "a b", "a,", "a, a", "1", "a.b", "(a, b)"])
def test_names_that_cannot_be_outputs_are_refused_at_their_param(text: str) -> None:
    with pytest.raises(Mistake) as refused:
        read_names(text)
    assert refused.value.param == "output_names"
    problems = [each for each in check(with_code("def forward(x): return x", text)).problems if each.node == "python_1"]
    assert "output_names" in [each.param for each in problems]


def test_a_node_has_the_ports_and_params_of_its_code() -> None:
    spec = with_code("def forward(a, b=None, *, rate=0.5):\n    return a, b", "left, right")
    op = op_of(spec, spec.nodes["python_1"])
    assert op is not None
    assert list(op.input_ports()) == ["a", "b"]
    assert op.output_ports() == ("left", "right")
    assert op.defaults()["rate"] == 0.5
    assert op is op_of(spec, spec.nodes["python_1"])
    instance, problems = op.parse({**spec.nodes["python_1"].params, "rate": 0.25})
    assert problems == []
    assert instance is not None
    assert instance.summary() == "rate 0.25"
    with pytest.raises(Mistake, match="no input 'x'"):
        edit.connect(spec, "input_1", "python_1", "x")
    wired = edit.connect(edit.disconnect(spec, "python_1", "x"), "input_1", "python_1", "a")
    assert wired.nodes["python_1"].inputs == {"a": "input_1"}


def test_wrong_and_unknown_params_are_named() -> None:
    spec = with_code(LAYER, width="wide", depth=3)
    found = {each.param: each for each in check(spec).problems if each.node == "python_1"}
    assert 'width is "wide"; it must be a whole number.' in found["width"].message
    assert "no param 'depth'" in found["depth"].message
    assert edit.reset_param(spec, "python_1", "width").nodes["python_1"].params["width"] == 8


def test_while_the_code_cannot_be_read_the_wires_stay() -> None:
    spec = with_code("def forward(x, more: list): return x")
    spec = edit.connect(edit.connect(spec, "input_1", "python_1", "more"), "input_1", "python_1", "more")
    spec = edit.set_param(spec, "python_1", "code", "def forward(x, more: list: return x")
    op = op_of(spec, spec.nodes["python_1"])
    assert op is not None
    assert {name: port.list for name, port in op.input_ports().items()} == {"x": False, "more": True}
    assert [each.param for each in check(spec).problems if each.node == "python_1"] == ["code"]


def test_code_that_is_no_text_is_refused() -> None:
    for code in (3, None, ["def forward(x): ..."], {"param": "a"}):
        node = Node("python_1", "Python", {"code": code, "output_names": "output"})
        assert op_of(Spec(), node) is Python
        assert [each.param for each in Python.parse(node.params)[1]] == ["code"]
