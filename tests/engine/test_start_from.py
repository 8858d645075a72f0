from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine import block_edits, edit, fixes
from engine.check import check
from engine.compile import compile
from engine.dissolve import dissolve
from engine.problem import Mistake
from engine.spec import Spec
from engine.start_from import Begun, start_from
from engine.train.checkpoint import load_tensors, save_tensors
from engine.train.folder import Run
from tests.engine.train.making import iris, last_weights, trained


def begun(spec: Spec, path: Path) -> Begun:
    return start_from(spec, path, check(spec).nodes)


def first_tensors(spec: Spec, folder: Path) -> dict[str, Tensor]:
    """All that a network begins with."""
    return compile(spec, seed=3, folder=folder).module.state_dict()


def normed(epochs: int = 1) -> Spec:
    """Iris with a batch normalisation, whose running mean and variance are no weights."""
    return edit.insert(iris(epochs=epochs), "BatchNorm1d", "tanh_1", "input")


def in_blocks(epochs: int = 1) -> Spec:
    """Twice a block that stands twice in a row and holds one that does, with a layer and a normalisation."""
    spec = edit.insert(normed(epochs), "Linear", "tanh_1", "input")
    spec = edit.set_param(spec, "linear_3", "out_features", 16)
    spec = block_edits.group(spec, ["batch_norm1d_1", "linear_3"], "Layer")
    spec = block_edits.set_repeat(spec, "layer_1", 2)
    spec = block_edits.group(spec, ["layer_1"], "Layers")
    spec = block_edits.set_repeat(spec, "layers_1", 2)
    spec = block_edits.set_repeat(block_edits.use_block(spec, "Layers"), "layers_2", 2)
    (port,) = spec.nodes["layers_1"].inputs
    return edit.connect(edit.connect(spec, "layers_1", "layers_2", port), "layers_2", "tanh_1", "input")


def test_every_node_that_fits_begins_with_the_weights_of_a_run(tmp_path: Path) -> None:
    trained(iris(epochs=1), tmp_path / "run")
    found = begun(normed(), tmp_path / "run")
    assert (found.begun, found.anew) == (("linear_1", "linear_2"), ("batch_norm1d_1",))
    assert found.words() == "linear_1, linear_2 begin from the file; batch_norm1d_1 begins anew."
    module = first_tensors(found.spec, tmp_path)
    kept = load_tensors(Run(tmp_path / "run").weights)
    assert all(torch.equal(module[name], each) for name, each in kept.items())


def test_buffers_begin_from_the_file_too(tmp_path: Path) -> None:
    trained(normed(), tmp_path / "run")
    found = begun(normed(), tmp_path / "run")
    assert found.words() == "linear_1, linear_2, batch_norm1d_1 begin from the file."
    module, kept = first_tensors(found.spec, tmp_path), load_tensors(Run(tmp_path / "run").weights)
    assert kept["batch_norm1d_1.running_mean"].abs().sum() > 0
    assert module.keys() == kept.keys()
    assert all(torch.equal(module[name], each) for name, each in kept.items())


def test_each_use_and_round_of_a_block_begins_with_its_own_tensors(tmp_path: Path) -> None:
    trained(in_blocks(), tmp_path / "run")
    found = begun(in_blocks(), tmp_path / "run")
    assert found.words() == "linear_1, layers_1, layers_2, linear_2 begin from the file."
    assert check(found.spec, tmp_path).problems == ()
    kept = load_tensors(Run(tmp_path / "run").weights)
    module = first_tensors(found.spec, tmp_path)
    assert sum("running_var" in name for name in kept) == 8
    assert module.keys() == kept.keys()
    assert all(torch.equal(module[name], each) for name, each in kept.items())
    assert found.spec.blocks == in_blocks().blocks


def test_what_fits_in_part_is_named_by_its_nodes(tmp_path: Path) -> None:
    trained(in_blocks(), tmp_path / "run")
    kept = load_tensors(Run(tmp_path / "run").weights)
    gone = ("layers_1.0.layer_1.1.linear_3.weight", "layers_1.0.layer_1.1.linear_3.bias", "linear_2.bias")
    save_tensors(tmp_path / "some.safetensors", {name: each for name, each in kept.items() if name not in gone})
    found = begun(in_blocks(), tmp_path / "some.safetensors")
    assert (found.partly, found.anew) == (("linear_2",), ("layers_1/0/layer_1/1/linear_3",))
    assert found.words() == (
        "linear_1, layers_1/0/layer_1/0, layers_1/0/layer_1/1/batch_norm1d_1, layers_1/1, layers_2 begin from the"
        " file; linear_2 begins from the file in part; layers_1/0/layer_1/1/linear_3 begins anew."
    )


def test_rounds_that_share_their_weights_begin_as_one(tmp_path: Path) -> None:
    spec = block_edits.set_share_weights(in_blocks(), "layers_1", True)
    trained(spec, tmp_path / "run")
    found = begun(spec, tmp_path / "run")
    assert found.words() == "linear_1, layers_1, layers_2, linear_2 begin from the file."
    assert check(found.spec, tmp_path).problems == ()
    module, kept = first_tensors(found.spec, tmp_path), load_tensors(Run(tmp_path / "run").weights)
    assert all(torch.equal(module[name], each) for name, each in kept.items())
    apart = begun(in_blocks(), tmp_path / "run").spec
    assert check(block_edits.set_share_weights(apart, "layers_1", True), tmp_path).problems == ()


def test_what_the_run_shared_begins_from_the_file_where_it_is_shared_no_more(tmp_path: Path) -> None:
    apart = edit.add(iris(epochs=1), "Linear", params={"out_features": 3}, inputs={"input": "tanh_1"})
    apart = edit.add(apart, "Add", inputs={"input": "linear_2", "other": "linear_3"})
    apart = edit.connect(apart, "add_1", "cross_entropy_loss_1", "input")
    trained(edit.set_share(apart, "linear_3", "linear_2"), tmp_path / "run")
    run = Run(tmp_path / "run")
    for path in (run.weights, run.checkpoint_files()[0]):
        found = begun(apart, path)
        assert found.words() == "linear_1, linear_2, linear_3 begin from the file."
        assert check(found.spec, tmp_path).problems == ()
    module, kept = first_tensors(begun(apart, run.path).spec, tmp_path), load_tensors(run.weights)
    assert all(torch.equal(module[name], each) for name, each in kept.items())


def test_what_does_not_fit_begins_anew_though_it_began_from_another_file_before(tmp_path: Path) -> None:
    trained(in_blocks(), tmp_path / "first")
    kept = load_tensors(Run(tmp_path / "first").weights)
    some = {name: each for name, each in kept.items() if "linear_3" not in name and name != "linear_2.bias"}
    save_tensors(tmp_path / "second.safetensors", some)
    chosen = edit.set_init(begun(in_blocks(), tmp_path / "first").spec, "linear_2", "bias", "Ones")
    again = begun(chosen, tmp_path / "second.safetensors")
    fresh = begun(in_blocks(), tmp_path / "second.safetensors")
    assert again.words() == fresh.words()
    assert again.spec == edit.set_init(fresh.spec, "linear_2", "bias", "Ones")


def test_a_dissolved_block_still_begins_from_the_file(tmp_path: Path) -> None:
    trained(in_blocks(), tmp_path / "run")
    spec = dissolve(begun(in_blocks(), tmp_path / "run").spec, "layers_1")
    assert check(spec, tmp_path).problems == ()
    module, kept = first_tensors(spec, tmp_path), load_tensors(Run(tmp_path / "run").weights)
    names = [name for name in module if name.startswith("layer_") and name.endswith(".running_mean")]
    assert len(names) == 4
    found = {tuple(module[name].tolist()) for name in names}
    assert found == {tuple(each.tolist()) for name, each in kept.items() if "layers_1" in name and "_mean" in name}


def test_a_network_begins_with_the_weights_of_a_checkpoint(tmp_path: Path) -> None:
    spec = edit.set_setting(normed(), "training.ema_decay", 0.5)
    trained(spec, tmp_path / "run")
    found = begun(spec, Run(tmp_path / "run").checkpoint_files()[0])
    assert not found.anew
    module = first_tensors(found.spec, tmp_path)
    assert all(torch.equal(module[name], each) for name, each in last_weights(tmp_path / "run").items())


def test_a_file_that_is_gone_is_told_at_the_use_that_begins_from_it(tmp_path: Path) -> None:
    trained(in_blocks(), tmp_path / "run")
    spec = begun(in_blocks(), tmp_path / "run").spec
    Run(tmp_path / "run").weights.unlink()
    problems = check(spec, tmp_path).problems
    inside = [each for each in problems if each.node == "layers_1"]
    assert len(inside) == len(spec.nodes["layers_1"].weights["init"])
    assert inside[0].param == "weights.init.0.layer_1.0.batch_norm1d_1.weight"
    assert "does not exist; choose a safetensors file." in inside[0].message
    for problem in problems:
        spec = fixes.apply(spec, problem.fixes[0])
    assert check(spec, tmp_path).problems == ()
    assert spec == in_blocks()


def test_rounds_beyond_the_count_begin_from_the_file_once_they_are_back(tmp_path: Path) -> None:
    trained(in_blocks(), tmp_path / "run")
    spec = begun(in_blocks(), tmp_path / "run").spec
    fewer = block_edits.set_repeat(spec, "layers_1", 1)
    assert check(fewer, tmp_path).problems == ()
    module, kept = first_tensors(fewer, tmp_path), load_tensors(Run(tmp_path / "run").weights)
    assert {name for name in kept if name not in module} == {name for name in kept if name.startswith("layers_1.1.")}
    assert all(torch.equal(each, kept[name]) for name, each in module.items())
    assert block_edits.set_repeat(fewer, "layers_1", 2) == spec


def test_rounds_beyond_the_count_inside_of_a_block_are_no_problem(tmp_path: Path) -> None:
    trained(in_blocks(), tmp_path / "run")
    spec = begun(in_blocks(), tmp_path / "run").spec
    spec = block_edits.in_block(spec, "Layers", lambda inner: block_edits.set_repeat(inner, "layer_1", 1))
    assert check(spec, tmp_path).problems == ()


def test_first_numbers_for_what_no_round_holds_are_told_at_the_use_and_taken_away_with_a_click() -> None:
    spec = in_blocks()
    for path in ("0.layer_9.0.linear_3.bias", "1.layer_1", "1000.layer_1.0.linear_3.bias"):
        spec = edit.set_init(spec, "layers_1", path, "Zeros")
    spec = edit.set_init(spec, "layers_1", PATH, "Zeros")
    (problem,) = check(spec).problems
    assert (problem.node, problem.param) == ("layers_1", "weights.init.0.layer_9.0.linear_3.bias")
    assert problem.message == (
        "layers_1 gives first numbers to '0.layer_9.0.linear_3.bias' and 2 more, which it does not hold; a path is a"
        " round, from 0 on, a node of Layers and its tensor, such as 0.linear_1.weight."
    )
    assert fixes.apply(spec, problem.fixes[0]) == edit.set_init(in_blocks(), "layers_1", PATH, "Zeros")


def test_a_tensor_that_a_node_in_a_block_lacks_is_told_at_the_use() -> None:
    spec = edit.set_init(in_blocks(), "layers_2", "1.layer_1.0.linear_3.weigth", "Zeros")
    (problem,) = check(spec).problems
    assert (problem.node, problem.param) == ("layers_2", "weights.init.1.layer_1.0.linear_3.weigth")
    assert "did you mean 'weight'" in problem.message
    assert fixes.apply(spec, problem.fixes[0]) == in_blocks()


def test_what_is_said_at_a_use_counts_more_than_what_is_said_in_the_block() -> None:
    spec = in_blocks()
    spec = block_edits.in_block(spec, "Layer", lambda inner: edit.set_init(inner, "linear_3", "bias", "Ones"))
    spec = edit.set_init(spec, "layers_1", PATH, "Zeros")
    module = first_tensors(spec, Path())
    assert not module[f"layers_1.{PATH}"].any()
    assert bool((module[f"layers_2.{PATH}"] == 1.0).all())


PATH = "0.layer_1.0.linear_3.bias"


def test_only_a_file_gives_buffers_their_first_numbers() -> None:
    spec = edit.set_init(normed(), "batch_norm1d_1", "running_mean", "Zeros")
    (problem,) = check(spec).problems
    assert problem.message == (
        "running_mean of batch_norm1d_1 is a buffer, which the node fills itself; only FromFile can give it first"
        " numbers."
    )
    assert fixes.apply(spec, problem.fixes[0]) == normed()


def test_what_fits_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match="does not exist"):
        start_from(iris(), tmp_path / "gone", {})
    trained(iris(epochs=1), tmp_path / "run")
    wider = edit.set_param(iris(), "linear_1", "out_features", 5)
    with pytest.raises(Mistake, match=r"no weights of the names and shapes of these nodes: linear_1, linear_2"):
        begun(edit.set_param(wider, "linear_2", "out_features", 4), tmp_path / "run")
    (tmp_path / "text").write_text("no tensors")
    with pytest.raises(Mistake, match="no whole safetensors file"):
        begun(wider, tmp_path / "text")
