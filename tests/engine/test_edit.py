from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import card, edit, fixes
from engine.columns import Column
from engine.problem import Fix, Mistake
from engine.spec import Spec, dumps, loads
from tests.builders import chain, image_classifier
from tests.engine.test_layout import overlap


def test_a_new_node_stores_all_its_params() -> None:
    spec = edit.add(Spec(), "Conv2d", pos=(10, 3), params={"out_channels": 7})
    node = spec.nodes["conv2d_1"]
    assert node.params["out_channels"] == 7
    assert set(node.params) == set(edit.OPS["Conv2d"].params())
    assert spec.canvas["conv2d_1"]["pos"] == [8, 0]


def test_ids_are_never_given_twice() -> None:
    spec = chain("ReLU", "ReLU", "ReLU")
    assert list(spec.nodes) == ["input_1", "relu_1", "relu_2", "relu_3"]
    assert edit.new_id(edit.remove(spec, ["relu_2"]), "ReLU") == "relu_2"


def test_an_edit_leaves_the_old_spec_as_it_was() -> None:
    spec = image_classifier()
    before = dumps(spec)
    edit.remove(spec, ["conv2d_1"])
    edit.set_param(spec, "linear_1", "out_features", 3)
    edit.set_setting(spec, "training.epochs", 3)
    edit.move(spec, {"linear_1": (80, 80)})
    assert dumps(spec) == before


def test_removing_a_node_removes_its_wires_and_its_place() -> None:
    spec = edit.remove(edit.move(image_classifier(), {"relu_1": (8, 8)}), ["relu_1"])
    assert spec.nodes["flatten_1"].inputs == {}
    assert "relu_1" not in spec.canvas


def test_removing_a_source_keeps_the_other_wires_of_a_list_in_order() -> None:
    spec = chain("ReLU", "Tanh")
    spec = edit.add(spec, "Concat", inputs={"tensors": ["tanh_1", "relu_1", "input_1", "relu_1"]})
    assert edit.remove(spec, ["relu_1"]).nodes["concat_1"].inputs == {"tensors": ("tanh_1", "input_1")}


def test_a_wire_into_a_taken_port_replaces_the_old_one() -> None:
    spec = edit.connect(chain("ReLU", "Tanh"), "input_1", "tanh_1", "input")
    assert spec.nodes["tanh_1"].inputs == {"input": "input_1"}


def test_list_ports_append_replace_and_remove_by_place() -> None:
    spec = edit.add(chain("ReLU"), "Concat")
    for source in ("input_1", "relu_1", "input_1"):
        spec = edit.connect(spec, source, "concat_1", "tensors")
    assert spec.nodes["concat_1"].inputs["tensors"] == ("input_1", "relu_1", "input_1")
    spec = edit.connect(spec, "relu_1", "concat_1", "tensors", 0)
    spec = edit.disconnect(spec, "concat_1", "tensors", 1)
    assert spec.nodes["concat_1"].inputs["tensors"] == ("relu_1", "input_1")


def test_the_first_output_is_named_by_the_node_alone() -> None:
    spec = edit.add(chain("LSTM", shape=("N", "T", 4)), "ReLU")
    assert edit.connect(spec, "lstm_1.output", "relu_1", "input").nodes["relu_1"].inputs["input"] == "lstm_1"
    assert edit.connect(spec, "lstm_1.h_n", "relu_1", "input").nodes["relu_1"].inputs["input"] == "lstm_1.h_n"


@pytest.mark.parametrize(
    ("source", "node", "port", "words"),
    [
        ("tanh_1", "relu_1", "input", "circle"),
        ("relu_1", "relu_1", "input", "circle"),
        ("relu_1", "tanh_1", "inputt", "did you mean 'input'"),
        ("nobody", "tanh_1", "input", "no node 'nobody'"),
        ("relu_1.h_n", "tanh_1", "input", "no output 'h_n'"),
        ("output_1", "tanh_1", "input", "no output to wire"),
    ],
)
def test_a_wire_that_makes_no_sense_is_refused(source: str, node: str, port: str, words: str) -> None:
    with pytest.raises(Mistake, match=words):
        edit.connect(chain("ReLU", "Tanh", "Output"), source, node, port)


def test_inserting_on_a_wire_puts_the_new_op_between() -> None:
    spec = edit.insert(chain("ReLU", "Tanh"), "Dropout", "tanh_1", "input")
    assert spec.nodes["tanh_1"].inputs == {"input": "dropout_1"}
    assert spec.nodes["dropout_1"].inputs == {"input": "relu_1"}


def test_an_inserted_card_stands_on_no_other() -> None:
    spec = edit.tidy(chain(*["ReLU"] * 30))
    for node in ("relu_1", "relu_12", "relu_30"):
        changed = edit.insert(spec, "Dropout", node, "input")
        places = {each: edit.position(changed, each) for each in changed.nodes}
        assert overlap(changed, places) == []


def test_cards_step_right_for_one_inserted_between_them_and_the_next_line_stays() -> None:
    spec = edit.tidy(chain(*["ReLU"] * 30))
    changed = edit.insert(spec, "Dropout", "relu_2", "input")
    (x, y), last = edit.position(spec, "relu_2"), edit.position(spec, "relu_30")
    assert edit.position(changed, "dropout_1") == (x, y)
    assert edit.position(changed, "relu_2")[0] >= x + card.WIDTH
    assert edit.position(changed, "relu_1") == edit.position(spec, "relu_1")
    assert edit.position(changed, "relu_30") == last


def test_an_inserted_card_goes_above_or_below_where_others_cannot_step_aside() -> None:
    spec = edit.tidy(chain("ReLU", "Tanh"))
    x, y = edit.position(spec, "tanh_1")
    crowded = edit.add(spec, "Input", (x + card.WIDTH + 48, y))
    changed = edit.insert(crowded, "Dropout", "tanh_1", "input")
    assert edit.position(changed, "tanh_1") == (x, y)
    assert abs(edit.position(changed, "dropout_1")[1] - y) > card.HEIGHT


def test_an_inserted_card_stands_in_the_middle_where_there_is_room() -> None:
    spec = edit.move(chain("ReLU"), {"input_1": (0, 80), "relu_1": (800, 80)})
    assert edit.position(edit.insert(spec, "Dropout", "relu_1", "input"), "dropout_1") == (400, 80)


def test_inserting_into_a_list_keeps_the_place() -> None:
    spec = edit.add(chain("ReLU"), "Concat", inputs={"tensors": ["input_1", "relu_1"]})
    spec = edit.insert(spec, "Tanh", "concat_1", "tensors", 0)
    assert spec.nodes["concat_1"].inputs["tensors"] == ("tanh_1", "relu_1")
    assert spec.nodes["tanh_1"].inputs == {"input": "input_1"}


def test_replacing_an_op_keeps_wires_and_params_that_fit() -> None:
    spec = edit.set_param(chain("LSTM", "Linear", shape=("N", "T", 4)), "lstm_1", "hidden_size", 9)
    spec = edit.connect(spec, "lstm_1.c_n", "linear_1", "input")
    gru = edit.replace_op(spec, "lstm_1", "GRU")
    assert gru.nodes["lstm_1"].op == "GRU"
    assert gru.nodes["lstm_1"].params["hidden_size"] == 9
    assert gru.nodes["lstm_1"].inputs == {"input": "input_1"}
    assert gru.nodes["linear_1"].inputs == {"input": "lstm_1"}


def test_paste_gives_new_ids_and_keeps_the_wires_among_the_copies() -> None:
    spec = edit.tidy(image_classifier())
    text = edit.copy(spec, ["conv2d_1", "relu_1", "flatten_1"])
    pasted = edit.paste(spec, text, (800, 400))
    assert edit.new_nodes(spec, pasted) == ["conv2d_2", "relu_2", "flatten_2"]
    assert pasted.nodes["relu_2"].inputs == {"input": "conv2d_2"}
    assert pasted.nodes["conv2d_2"].inputs == {"input": "input_1"}
    assert min(pasted.canvas[node]["pos"][0] for node in ("conv2d_2", "relu_2", "flatten_2")) == 800


def test_paste_into_another_project_drops_wires_from_what_is_not_there() -> None:
    text = edit.copy(image_classifier(), ["relu_1"])
    assert edit.paste(Spec(), text, (0, 0)).nodes["relu_1"].inputs == {}


@pytest.mark.parametrize(
    "text", ["", "hello", "[1]", "{}", '{"netloom": 1, "nodes": []}', '{"netloom": 1, "nodes": [3]}']
)
def test_pasting_something_else_is_refused(text: str) -> None:
    with pytest.raises(Mistake):
        edit.paste(Spec(), text, (0, 0))


def test_settings_are_set_by_their_path() -> None:
    spec = edit.set_optimizer(edit.set_source(Spec(), "Table"), "SGD")
    spec = edit.set_setting(spec, "data.source.params.path", "a.csv")
    spec = edit.set_setting(spec, "training.optimizers.0.params.lr", 0.5)
    spec = edit.set_setting(spec, "data.columns.image.steps", [{"op": "Scale", "params": {}}])
    assert spec.data["source"]["params"]["path"] == "a.csv"
    assert spec.training["optimizers"][0]["params"]["lr"] == 0.5
    assert spec.data["columns"] == {"image": {"steps": [{"op": "Scale", "params": {}}]}}


@pytest.mark.parametrize("path", ["training", "nodes.x", "training.optimizers.3.op", "training.epochs.deep"])
def test_a_path_that_names_no_setting_is_refused(path: str) -> None:
    spec = edit.set_setting(edit.set_optimizer(Spec(), "Adam"), "training.epochs", 3)
    with pytest.raises(Mistake, match="names no setting"):
        edit.set_setting(spec, path, 1)


def test_binding_an_input_takes_name_shape_and_dtype() -> None:
    spec = edit.bind(chain(), "input_1", Column("image", "image", (1, 8, 8), "float32"))
    expected = {"column": "image", "shape": ["N", 1, 8, 8], "dtype": "float32", "name": None, "ports": "output"}
    assert dict(spec.nodes["input_1"].params) == expected


def test_a_fix_runs_the_edit_it_names_and_no_other_function() -> None:
    fix = Fix("Set", "set_param", {"node": "input_1", "name": "dtype", "value": "int64"})
    assert fixes.apply(chain(), fix).nodes["input_1"].params["dtype"] == "int64"
    for wrong in (Fix("?", "exec", {}), Fix("?", "set_param", {"code": 1}), Fix("?", "json", {})):
        with pytest.raises(Mistake):
            fixes.apply(chain(), wrong)


EDITS = st.sampled_from(["add", "remove", "connect", "disconnect", "insert", "replace", "duplicate", "move"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(EDITS, st.integers(0, 50), st.integers(0, 50), st.integers(0, 50)), max_size=25))
def test_any_sequence_of_edits_gives_a_spec_that_saves_and_loads_the_same(
    steps: list[tuple[str, int, int, int]],
) -> None:
    spec = image_classifier()
    for step in steps:
        try:
            spec = _edited(spec, *step)
        except Mistake:
            continue
        assert loads(dumps(spec)) == spec
        assert set(spec.canvas) <= set(spec.nodes)
        assert all(source in spec.nodes for node in spec.nodes.values() for source in node.sources())
    assert json.loads(dumps(spec))["format"] == 1


def _edited(spec: Spec, what: str, one: int, two: int, three: int) -> Spec:
    ids, ops = list(spec.nodes) or ["none"], list(edit.OPS)
    node, other, op = ids[one % len(ids)], ids[two % len(ids)], ops[three % len(ops)]
    known = spec.nodes.get(node)
    ports = list(edit.OPS[known.op].input_ports()) if known else []
    port = ports[three % len(ports)] if ports else "input"
    match what:
        case "add":
            return edit.add(spec, op)
        case "remove":
            return edit.remove(spec, [node, other])
        case "connect":
            return edit.connect(spec, other, node, port)
        case "disconnect":
            return edit.disconnect(spec, node, port)
        case "insert":
            return edit.insert(spec, op, node, port)
        case "replace":
            return edit.replace_op(spec, node, op)
        case "duplicate":
            return edit.duplicate(spec, {node, other})
        case _:
            return edit.move(spec, {node: (one * 10, two * 10)})


def test_an_op_put_behind_a_node_feeds_all_that_the_node_fed() -> None:
    spec = edit.insert_behind(image_classifier(), "Dropout", "linear_1", params={"p": 0.1})
    fed = [node.id for node in spec.nodes.values() if "dropout_1" in node.sources()]
    assert fed == ["cross_entropy_loss_1", "accuracy", "output_1"]
    assert spec.nodes["dropout_1"].inputs == {"input": "linear_1"}
    second = edit.insert_behind(chain("LSTM", shape=("N", "T", 5)), "Dropout", "lstm_1", "h_n")
    assert second.nodes["dropout_1"].inputs == {"input": "lstm_1.h_n"}
    with pytest.raises(Mistake, match="cannot stand behind"):
        edit.insert_behind(spec, "Dropout", "output_1")


def test_ops_put_in_once_feed_all_ports_that_one_output_fed() -> None:
    wires = {"query": "input_1", "key": "input_1", "value": "linear_1"}
    spec = edit.add(chain("Linear", shape=("N", "T", 16)), "MultiheadAttention", inputs=wires)
    ops: list[dict[str, Any]] = [{"op": "Dropout"}, {"op": "Cast", "params": {"dtype": "float64"}}]
    spec = edit.insert_once(spec, "multihead_attention_1", "query", ops)
    fed = dict(spec.nodes["multihead_attention_1"].inputs)
    assert fed == {"query": "cast_1", "key": "cast_1", "value": "linear_1"}
    assert spec.nodes["cast_1"].inputs == {"input": "dropout_1"}
    assert spec.nodes["linear_1"].inputs == {"input": "input_1"}
    with pytest.raises(Mistake, match="Nothing is wired"):
        edit.insert_once(spec, "multihead_attention_1", "attn_mask", ops)


def test_a_node_that_is_taken_out_joins_its_wires() -> None:
    spec = image_classifier()
    taken = edit.take_out(spec, "relu_1")
    assert taken.nodes["flatten_1"].inputs == {"input": "conv2d_1"}
    assert set(spec.nodes) - set(taken.nodes) == {"relu_1"}
    assert "relu_1" not in taken.canvas
    assert edit.take_out(spec, "input_1") == edit.remove(spec, ["input_1"])


def test_a_wire_moves_to_another_port() -> None:
    wires = dict.fromkeys(("query", "key", "value"), "input_1")
    spec = edit.add(chain(shape=("N", "T", 16)), "MultiheadAttention", inputs={**wires, "attn_mask": "input_1"})
    moved = edit.move_wire(spec, "multihead_attention_1", "attn_mask", "key_padding_mask")
    assert moved.nodes["multihead_attention_1"].inputs == {**wires, "key_padding_mask": "input_1"}
    with pytest.raises(Mistake, match="No wire"):
        edit.move_wire(moved, "multihead_attention_1", "attn_mask", "key_padding_mask")
