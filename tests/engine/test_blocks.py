from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine import block_edits, edit, fixes
from engine.block_edits import expose, group, in_block, inside, unexpose, use_block, uses
from engine.blocks import block_op, op_of, taken
from engine.check import check
from engine.compile import compile
from engine.dissolve import dissolve
from engine.events import Finished
from engine.expand import expand, home
from engine.export.python_file import source
from engine.picture import svg
from engine.problem import Mistake
from engine.spec import Spec, dumps, loads
from engine.train.checkpoint import load_tensors
from engine.train.folder import Run
from engine.train.loop import train
from engine.train.predict import predict
from tests.builders import chain, image_classifier


def answers(spec: Spec, *shape: int) -> list[torch.Tensor]:
    """What a spec's Outputs compute from the same weights, drawn in the order of the modules."""
    given = torch.randn(*shape, generator=torch.Generator().manual_seed(2))
    return list(compile(spec, only="inference", seed=4).module.eval()(given).values())


def residual(repeat: int = 2, *, share: bool = False) -> Spec:
    """Input 4 -> a block of Linear, ReLU, Linear and a sum, `repeat` times -> Output."""
    spec = chain("Linear", "ReLU", "Linear", shape=("N", 4))
    spec = edit.set_param(edit.set_param(spec, "linear_1", "out_features", 8), "linear_2", "out_features", 4)
    spec = edit.add(spec, "Add", inputs={"input": "linear_2", "other": "input_1"})
    spec = edit.add(spec, "Output", inputs={"input": "add_1"})
    spec = group(spec, ["linear_1", "relu_1", "linear_2", "add_1"], "Residual")
    return block_edits.set_share_weights(block_edits.set_repeat(spec, "residual_1", repeat), "residual_1", share)


def test_a_block_made_of_a_selection_computes_the_same() -> None:
    spec = image_classifier()
    grouped = group(spec, ["conv2d_1", "relu_1", "flatten_1", "accuracy"], "Features")
    assert list(grouped.nodes)[2] == "features_1"
    assert "accuracy" in grouped.nodes
    assert grouped.nodes["features_1"].inputs == {"input": "input_1"}
    assert grouped.nodes["linear_1"].inputs == {"input": "features_1"}
    assert check(grouped).problems == ()
    assert check(grouped).parameters == check(spec).parameters
    assert torch.equal(answers(grouped, 2, 1, 8, 8)[0], answers(spec, 2, 1, 8, 8)[0])


def test_a_block_that_is_dissolved_computes_the_same_and_is_gone() -> None:
    for share in (False, True):
        spec = residual(3, share=share)
        dissolved = dissolve(spec, "residual_1")
        assert dissolved.blocks == {}
        assert {"linear_1", "linear_1_1", "linear_1_2"} <= dissolved.nodes.keys()
        if not share:
            assert torch.equal(answers(dissolved, 5, 4)[0], answers(spec, 5, 4)[0])


def test_grouping_and_dissolving_gives_back_the_same_graph() -> None:
    spec = image_classifier()
    again = dissolve(group(spec, ["conv2d_1", "relu_1"], "Part"), "part_1")
    assert {node: (each.op, each.params, each.inputs) for node, each in again.nodes.items()} == {
        node: (each.op, each.params, each.inputs) for node, each in spec.nodes.items()
    }
    assert again.canvas == spec.canvas


def test_rounds_have_weights_of_their_own_under_names_of_their_own() -> None:
    spec = residual(3)
    report = check(spec)
    assert report.problems == ()
    assert str(report.nodes["residual_1"].outputs["output"]) == "N × 4"
    assert report.nodes["residual_1/2/linear_1"].parameters == 4 * 8 + 8
    assert report.nodes["residual_1"].parameters == report.parameters == 3 * (4 * 8 + 8 + 8 * 4 + 4)
    names = set(compile(spec, only="inference").module.state_dict())
    assert {"residual_1.0.linear_1.weight", "residual_1.2.linear_2.bias"} <= names


def test_a_param_is_exposed_set_at_each_use_and_computed_from() -> None:
    spec = expose(residual(1), "Residual", "linear_1", "out_features", "width")
    assert spec.nodes["residual_1"].params == {"width": 8}
    op = block_op(spec, "Residual")
    assert op.params()["width"].refuse(0) == "width is 0; it must be at least 1."
    spec = edit.set_param(spec, "residual_1", "width", 32)
    assert str(check(spec).nodes["residual_1/0/linear_1"].outputs["output"]) == "N × 32"
    spec = in_block(
        spec, "Residual", lambda inner: edit.set_param(inner, "linear_1", "out_features", {"expr": "2 * width + 1"})
    )
    assert str(check(spec).nodes["residual_1/0/linear_1"].outputs["output"]) == "N × 65"
    dissolved = dissolve(spec, "residual_1")
    assert dissolved.nodes["linear_1"].params["out_features"] == 65
    assert unexpose(spec, "Residual", "width").blocks["Residual"].nodes["linear_1"].params["out_features"] == 17


def test_an_edit_inside_a_block_changes_all_its_uses_once() -> None:
    spec = use_block(residual(2), "Residual", (0, 200), {"input": "input_1"})
    spec = edit.add(spec, "Output", inputs={"input": "residual_2"})
    spec = in_block(spec, "Residual", lambda inner: edit.replace_op(inner, "relu_1", "GELU"))
    flat = expand(spec).spec
    assert [node.op for path, node in flat.nodes.items() if path.endswith("relu_1")] == ["GELU"] * 3
    assert uses(spec, "Residual") == [("", "residual_1"), ("", "residual_2")]


def test_a_mistake_inside_a_block_is_told_once_and_its_fix_mends_the_block() -> None:
    spec = in_block(residual(3), "Residual", lambda inner: edit.set_param(inner, "linear_1", "out_features", 0))
    (problem,) = check(spec).problems
    assert (problem.node, problem.param) == ("residual_1/0/linear_1", "out_features")
    assert home(spec, str(problem.node)) == ("Residual", "linear_1")
    assert check(fixes.apply(spec, problem.fixes[0])).problems == ()


def test_blocks_hold_blocks() -> None:
    spec = group(residual(2), ["residual_1"], "Stage")
    assert check(spec).problems == ()
    assert "stage_1/0/residual_1/1/linear_1" in check(spec).nodes
    assert torch.equal(answers(spec, 2, 4)[0], answers(residual(2), 2, 4)[0])
    assert loads(dumps(spec)) == spec


def test_a_block_never_comes_to_hold_itself() -> None:
    spec = group(residual(2), ["residual_1"], "Stage")
    with pytest.raises(Mistake, match=r"hold itself: Residual → Stage → Residual"):
        in_block(spec, "Residual", lambda inner: use_block(inner, "Stage"))
    held = inside(spec, "Residual")
    by_hand = block_edits.put_back(spec, "Residual", use_block(held, "Stage"))
    (problem,) = [each for each in check(by_hand).problems if "itself" in each.message]
    assert "Stage → Residual → Stage" in problem.message
    assert op_of(by_hand, by_hand.nodes["stage_1"]) is not None


def test_a_group_that_wires_lead_out_of_and_into_again_is_refused() -> None:
    spec = chain("Linear", "ReLU", "Linear")
    with pytest.raises(Mistake, match="relu_1 lies between"):
        group(spec, ["linear_1", "linear_2"], "Both")


@pytest.mark.parametrize(
    ("change", "node", "param", "words"),
    [
        (lambda s: edit.set_param(s, "residual_1", "depth", 3), "residual_1", "depth", "no param 'depth'"),
        (lambda s: loads(dumps(s).replace('"repeat": 2', '"repeat": 0')), "residual_1", "repeat", "at least 1"),
        (lambda s: loads(dumps(s).replace('"repeat": 2', '"repeat": "x"')), "residual_1", "repeat", "whole number"),
        (lambda s: loads(dumps(s).replace('"block": "Residual"', '"block": "Residul"')), "residual_1",
         "block", "did you mean 'Residual'"),
        (lambda s: edit.disconnect(s, "residual_1", "input"), "residual_1", "input", "Nothing is wired"),
        (lambda s: edit.set_param(s, "output_1", "name", {"param": "x"}), "output_1", "name", "inside a block"),
        (lambda s: in_block(s, "Residual", lambda i: edit.set_param(i, "linear_1", "bias", {"expr": "1/0"})),
         "residual_1/0/linear_1", "bias", "divides by zero"),
    ],
)  # fmt: skip
def test_wrong_uses_are_told_where_they_stand(change: object, node: str, param: str, words: str) -> None:
    spec = change(residual(2))  # type: ignore[operator]
    problems = [each for each in check(spec).problems if each.node]
    assert [(each.node, each.param) for each in problems] == [(node, param)]
    assert words in problems[0].message


def test_a_block_in_use_is_not_deleted_and_a_renamed_one_keeps_its_uses() -> None:
    spec = residual(2)
    with pytest.raises(Mistake, match="in use: residual_1"):
        block_edits.remove_block(spec, "Residual")
    renamed = block_edits.rename_block(spec, "Residual", "Skip")
    assert renamed.nodes["residual_1"].block == "Skip"
    assert check(renamed).problems == ()
    with pytest.raises(Mistake, match="taken"):
        block_edits.rename_block(spec, "Residual", "Linear")


def test_rounds_without_end_are_refused() -> None:
    spec = residual(1000)
    for name in ("A", "B"):
        spec = group(spec, list(spec.nodes), name)
        spec = block_edits.set_repeat(spec, list(spec.nodes)[-2], 1000)
    assert any("more than 50,000 nodes" in problem.message for problem in check(spec).problems)


def test_a_copied_block_brings_its_definition_into_another_project() -> None:
    spec = group(residual(2), ["residual_1"], "Stage")
    text = edit.copy(spec, ["stage_1"])
    pasted = edit.paste(Spec(), text, (0, 0))
    assert pasted.blocks == spec.blocks
    other = edit.paste(group(image_classifier(), ["relu_1"], "Residual"), text, (0, 0))
    assert {"Residual", "Residual2", "Stage"} == other.blocks.keys()
    assert other.blocks["Stage"].nodes["residual_1"].block == "Residual2"
    assert edit.paste(spec, text, (0, 0)).blocks == spec.blocks


def test_a_block_is_drawn_with_its_ports_and_rounds() -> None:
    text = svg(residual(6), check(residual(6)))
    assert "Residual" in text
    assert "× 6" in text


def test_a_network_of_blocks_learns_is_resumed_and_predicts_class_names(tmp_path: Path) -> None:
    spec = group(edit.set_source(image_classifier(), "Digits"), ["conv2d_1", "relu_1", "flatten_1", "linear_1"], "Body")
    spec = edit.set_decode(edit.set_setting(spec, "training.epochs", 3), "output_1", {"op": "Argmax", "params": {}})
    spec = edit.set_weights(spec, "body_1", "lr_factor", 2.0)
    run = Run(tmp_path / "run")
    finished = list(train(spec, tmp_path, run))[-1]
    assert isinstance(finished, Finished)
    assert finished.test["accuracy"] > 0.8
    assert "body_1.0.conv2d_1.weight" in load_tensors(run.weights)
    assert next(predict(run, [{"image": [[0.0] * 8] * 8}]))["output_1"] in set("0123456789")


def test_an_optimizer_that_names_a_block_trains_what_is_inside(tmp_path: Path) -> None:
    spec = group(edit.set_source(image_classifier(), "Digits"), ["conv2d_1", "relu_1"], "Body")
    spec = edit.set_setting(edit.set_optimizer(spec, "SGD"), "training.epochs", 1)
    spec = edit.set_setting(spec, "training.optimizers.0.nodes", ["body_1"])
    run = Run(tmp_path / "run")
    list(train(spec, tmp_path, run))
    before = compile(spec, seed=0).module.state_dict()
    after = load_tensors(run.weights)
    changed = {name for name in after if not torch.equal(before[name], after[name])}
    assert changed == {"body_1.0.conv2d_1.weight", "body_1.0.conv2d_1.bias"}


def exported(spec: Spec) -> tuple[str, torch.nn.Module]:
    """The Python export of a spec, and its model with the weights that the compiled graph has."""
    text = source(spec, "w.safetensors")
    space: dict[str, object] = {"__name__": "exported"}
    exec(text, space)
    model = space["Model"]()  # type: ignore[operator]
    model.load_state_dict(compile(spec, only="inference", seed=4).module.state_dict())
    return text, model.eval()


@pytest.mark.parametrize("repeat", [1, 2, 5])
def test_a_block_is_exported_as_a_class_that_computes_the_same(repeat: int) -> None:
    spec = residual(repeat)
    text, model = exported(spec)
    assert text.count("class Residual(nn.Module)") == 1
    given = torch.randn(5, 4, generator=torch.Generator().manual_seed(2))
    assert torch.equal(model(given)["output_1"], answers(spec, 5, 4)[0])


def test_blocks_of_other_sizes_are_exported_as_classes_of_their_own() -> None:
    spec = chain("Linear", "ReLU", shape=("N", 4))
    spec = group(spec, ["linear_1", "relu_1"], "Layer")
    spec = expose(spec, "Layer", "linear_1", "out_features", "width")
    spec = edit.set_param(spec, "layer_1", "width", 6)
    spec = use_block(spec, "Layer", (0, 0), {"input": "layer_1"})
    spec = group(spec, ["layer_1", "layer_2"], "Pair")
    spec = edit.add(spec, "LSTM", inputs={"input": "pair_1"})
    spec = edit.remove(spec, ["lstm_1"])
    spec = edit.add(spec, "Output", inputs={"input": "pair_1"})
    text, model = exported(spec)
    assert "class Layer(nn.Module)" in text and "class Layer2(nn.Module)" in text and "class Pair(nn.Module)" in text
    given = torch.randn(3, 4, generator=torch.Generator().manual_seed(2))
    assert torch.equal(model(given)["output_1"], answers(spec, 3, 4)[0])


def test_a_block_with_several_ins_and_outs_is_exported(tmp_path: Path) -> None:
    spec = chain("LSTM", shape=("N", "T", 4))
    spec = edit.set_param(spec, "lstm_1", "hidden_size", 4)
    spec = edit.connect(edit.add(spec, "LSTM", params={"hidden_size": 4}), "lstm_1", "lstm_2", "input")
    for port in ("h", "c"):
        spec = edit.connect(spec, f"lstm_1.{port}_n", "lstm_2", f"{port}_0")
    spec = edit.add(spec, "Output", inputs={"input": "lstm_2"})
    spec = edit.add(spec, "Output", inputs={"input": "lstm_2.c_n"})
    spec = group(spec, ["lstm_2"], "Second")
    assert spec.nodes["second_1"].inputs == {"input": "lstm_1", "h_0": "lstm_1.h_n", "c_0": "lstm_1.c_n"}
    _text, model = exported(spec)
    given = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(2))
    for name, answer in zip(("output_1", "output_2"), answers(spec, 2, 6, 4), strict=True):
        assert torch.equal(model(given)[name], answer)


@pytest.mark.parametrize("odd", [[], {}, 3, None])
def test_a_value_that_is_taken_from_no_name_is_refused_in_a_sentence(odd: object) -> None:
    with pytest.raises(Mistake, match="The block has no param"):
        taken({"param": odd}, {"width": 8})
