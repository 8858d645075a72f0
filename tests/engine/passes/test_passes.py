from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from engine import block_edits, edit
from engine.block_edits import group
from engine.check import Checker
from engine.cli import main
from engine.compile import compile, explain
from engine.declare import Recipe
from engine.export.python_file import source
from engine.ops import OPS
from engine.passes import PASSES, listed, optimise
from engine.passes.facts import DROPOUTS, bears_weights, is_pure
from engine.program import Ref
from engine.recipes import build, find
from engine.report import Optimised, Report
from engine.spec import Spec, save
from tests.builders import chain, image_classifier
from tests.engine.passes.making import call, layer, program

NAMES = ("dead code", "constants", "identities", "common subexpressions")


def busy() -> Spec:
    """A classifier with a duplicate, an inverse pair, a Dropout and a dead branch."""
    spec = edit.add(Spec(), "Input", params={"column": "x", "shape": ["N", 3, 4]})
    spec = edit.add(spec, "Input", params={"column": "y", "shape": ["N"], "dtype": "int64"})
    for _ in range(2):
        spec = edit.add(spec, "Tanh", inputs={"input": "input_1"})
    spec = edit.add(spec, "Permute", inputs={"input": "tanh_1"})
    spec = edit.add(spec, "Permute", inputs={"input": "permute_1"})
    spec = edit.add(spec, "Add", inputs={"input": "permute_2", "other": "tanh_2"})
    spec = edit.add(spec, "Dropout", inputs={"input": "add_1"})
    spec = edit.add(spec, "Flatten", inputs={"input": "dropout_1"})
    spec = edit.add(spec, "Linear", params={"out_features": 3}, inputs={"input": "flatten_1"})
    spec = edit.add(spec, "ReLU", inputs={"input": "tanh_2"})
    spec = edit.add(spec, "CrossEntropyLoss", inputs={"input": "linear_1", "target": "input_2"})
    return edit.add(spec, "Output", inputs={"input": "linear_1"})


def test_each_pass_tells_what_it_did_and_how_many_nodes_are_left() -> None:
    compiled = compile(busy(), only="inference", seed=0)
    told = {each.name: (each.before, each.after, each.note) for each in compiled.ran}
    # 12 nodes of ours that feed or compute, and the loss's own metric
    assert told == {
        "dead code": (13, 9, "Dead-code elimination left out input_2, relu_1, cross_entropy_loss_1, accuracy."),
        "dropouts": (9, 8, "Dropouts do nothing when predicting and fell away: dropout_1."),
        "constants": (8, 8, ""),
        "identities": (8, 6, "Steps that change nothing fell away: permute_2."),
        "common subexpressions": (6, 5, "Equal steps are computed once: tanh_2 with tanh_1."),
    }
    assert compiled.passes == tuple(each.note for each in compiled.ran if each.note)


def test_training_is_optimised_without_touching_dropout_or_any_number() -> None:
    compiled, plain = compile(busy(), seed=0), compile(busy(), seed=0, passes=PASSES["training"][:1])
    assert [each.name for each in compiled.ran] == list(NAMES)
    assert [step.node for step in compiled.program.steps] == [
        "tanh_1", "add_1", "dropout_1", "flatten_1", "linear_1", "cross_entropy_loss_1", "accuracy",
    ]  # fmt: skip
    given = (torch.randn(5, 3, 4), torch.randint(0, 3, (5,)))
    states = []
    for each in (compiled, plain):
        optimizer = torch.optim.Adam(each.module.parameters())
        torch.manual_seed(0)
        for _ in range(3):
            optimizer.zero_grad()
            each.module(*given)["cross_entropy_loss_1"].backward()
            optimizer.step()
        states.append(each.module.state_dict())
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_the_python_export_is_the_graph_as_it_was_drawn() -> None:
    text = source(busy(), "w.safetensors")
    for line in ("tanh_2 = ", "permute_2 = ", "dropout_1 = "):
        assert line in text
    assert "relu_1 = " not in text


@pytest.mark.parametrize("only", ["training", "inference"])
def test_blocks_are_optimised_written_out_and_weights_keep_their_names(only: str) -> None:
    spec = chain("Linear", "Tanh", shape=("N", 4))
    spec = edit.set_param(spec, "linear_1", "out_features", 4)
    spec = edit.add(spec, "Tanh", inputs={"input": "linear_1"})
    spec = edit.add(spec, "Add", inputs={"input": "tanh_1", "other": "tanh_2"})
    spec = edit.add(spec, "Output", inputs={"input": "add_1"})
    spec = edit.add(spec, "MSELoss", inputs={"input": "add_1", "target": "input_1"})
    spec = group(spec, ["linear_1", "tanh_1", "tanh_2", "add_1"], "Part")
    spec = block_edits.set_repeat(spec, "part_1", 2)
    compiled, plain = (compile(spec, only=only, seed=2, passes=each) for each in (None, ()))  # type: ignore[arg-type]
    assert compiled.module.state_dict().keys() == plain.module.state_dict().keys()
    merged = "part_1/1/tanh_2" not in [step.node for step in compiled.program.steps]
    assert merged is (only == "inference")
    given = torch.randn(3, 4)
    one, other = compiled.module.eval()(given), plain.module.eval()(given)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_list_of_names_is_cut() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed([*"abcdefghi"]) == "a, b, c, d, e, f and 3 more"
    assert optimise(program([], ["x"]), PASSES["inference"])[1][0].note == ""


# --------------------------------------------------------------------------------------------------------- reports


def test_a_report_tells_for_what_the_nodes_are_counted() -> None:
    checker = Checker()
    assert not checker.check(busy()).problems
    optimised, ran = explain(busy(), checker)
    assert optimised == Optimised("training", 12, 8)
    assert (ran[0].before, ran[-1].after) == (12, 8)
    assert explain(busy(), checker, "inference")[0] == Optimised("inference", 12, 5)
    report = Report(optimised=optimised)
    assert Report.decode(json.loads(json.dumps(report.encode()))) == report
    assert Report.decode(Report().encode()).optimised is None


def test_the_command_line_prints_a_line_a_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "busy.netloom"
    save(busy(), path)
    assert main(["check", str(path), "--passes"]) == 0
    text = capsys.readouterr().out
    assert "Optimised: 12 → 8 nodes (training)" in text
    assert "permute_2" in text and "Found nothing to do." in text
    assert sum(line.startswith("  ") for line in text.splitlines()) == len(NAMES)
    assert main(["check", str(path), "--passes", "--for", "deployment"]) == 0
    assert "(deployment)" in (text := capsys.readouterr().out) and "batch norms" in text


def test_the_command_line_gives_the_passes_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "busy.netloom"
    save(busy(), path)
    assert main(["check", str(path), "--passes", "--for", "inference", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [list(each) for each in found["passes"]] == [["name", "note", "before", "after"]] * 5
    assert found["passes"][-1]["note"] == "Equal steps are computed once: tanh_2 with tanh_1."
    assert found["optimised"] == {"purpose": "inference", "before": 12, "after": 5}
    assert main(["check", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert "passes" not in found and found["optimised"] is None


def test_a_graph_with_problems_has_no_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken.netloom"
    save(edit.set_param(image_classifier(), "conv2d_1", "out_channels", 0), path)
    assert main(["check", str(path), "--passes", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["passes"] == []


# ------------------------------------------------------------------------------------------------------ the catalogue


def built(name: str) -> Recipe | None:
    """The recipe that an op gives for its example."""
    checked = Checker()
    spec, wires = Spec(), {}
    for port, text in OPS[name].example.items():
        names = []
        for each in [text] if isinstance(text, str) else text:
            dtype, *sizes = each.split()
            names.append(edit.new_id(spec, "Input"))
            spec = edit.add(spec, "Input", params={"shape": [*map(int, sizes)], "dtype": dtype.partition(":")[0]})
        wires[port] = names[0] if isinstance(text, str) else names
    node = edit.new_id(spec, name)
    spec = edit.add(spec, name, inputs=wires)
    checked.check(spec)
    recipe = checked.checked[node].recipe if node in checked.checked else None
    return recipe if isinstance(recipe, Recipe) else None


@pytest.mark.parametrize("name", [name for name, op in OPS.items() if name not in ("Input", "Output")])
def test_only_modules_without_weights_state_and_chance_count_as_pure(name: str) -> None:
    recipe = built(name)
    if recipe is None:
        return
    step = layer("a", recipe, Ref("x"), random=OPS[name].random)
    module = build(recipe)
    stateful = bool(module.state_dict())
    assert not (stateful and is_pure(step))
    assert stateful <= bears_weights(step)
    assert not (OPS[name].random and is_pure(step))


def test_dropouts_hand_on_their_very_input_when_predicting() -> None:
    axes = {"Dropout1d": 3, "Dropout2d": 4, "Dropout3d": 5}
    for target in DROPOUTS:
        given = torch.randn((2, 3, 4, 4, 4)[: axes.get(target.partition(".")[2], 3)])
        assert find(target)(0.5).eval()(given) is given


def test_pure_modules_of_torch_hold_nothing() -> None:
    """Every class that counts as pure, built where it needs no arguments, has no weights and gives the same twice."""
    count = 0
    for name in dir(torch.nn):
        kind = getattr(torch.nn, name)
        if not isinstance(kind, type) or not issubclass(kind, torch.nn.Module):
            continue
        if not is_pure(layer("a", Recipe(f"nn.{name}"), Ref("x"))):
            continue
        try:
            module = kind()
        except TypeError:
            continue
        assert not module.state_dict(), name
        count += 1
    assert count > 20
    assert not is_pure(call("a", "torch.nn.functional.dropout", Ref("x")))
