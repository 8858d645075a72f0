from __future__ import annotations

import pytest
import torch
from torch import nn

from engine import edit
from engine.compile import compile, lower
from engine.problem import Mistake
from engine.spec import Spec
from tests.builders import chain, image_classifier


def test_the_compiled_graph_computes_what_pytorch_computes_by_hand() -> None:
    compiled = compile(image_classifier(), seed=3)
    torch.manual_seed(3)
    by_hand = nn.Sequential(nn.Conv2d(1, 4, 3, padding="same"), nn.ReLU(), nn.Flatten(), nn.Linear(256, 10))
    image, label = torch.randn(5, 1, 8, 8), torch.randint(0, 10, (5,))
    answers = compiled.module(image, label)
    scores = by_hand(image)
    assert torch.equal(answers["cross_entropy_loss_1"], nn.CrossEntropyLoss()(scores, label))
    assert answers["accuracy"].tolist() == [(scores.argmax(1) == label).sum(), 5]


def test_a_seed_gives_the_same_weights_and_leaves_torchs_stream_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one, other = (compile(image_classifier(), seed=7).module.state_dict() for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_inference_needs_neither_the_target_nor_the_loss() -> None:
    compiled = compile(image_classifier(), only="inference", seed=0)
    assert [feed.node for feed in compiled.feeds] == ["input_1"]
    assert list(compiled.module(torch.randn(2, 1, 8, 8))) == ["output_1"]
    assert "cross_entropy_loss_1" in compiled.passes[0]


def test_training_skips_what_only_an_output_needs_but_keeps_its_weights() -> None:
    spec = edit.add(image_classifier(), "Linear", inputs={"input": "flatten_1"})
    spec = edit.add(spec, "Output", inputs={"input": "linear_2"})
    compiled = compile(spec, seed=0)
    assert "linear_2" not in compiled.module.code
    assert "linear_2.weight" in compiled.module.state_dict()


def test_weights_are_named_after_the_nodes() -> None:
    names = set(compile(image_classifier(), seed=0).module.state_dict())
    assert names == {"conv2d_1.weight", "conv2d_1.bias", "linear_1.weight", "linear_1.bias"}


def test_a_list_input_keeps_its_order_and_takes_a_source_twice() -> None:
    spec = chain("ReLU", shape=("N", 3))
    spec = edit.add(spec, "Concat", inputs={"tensors": ["relu_1", "input_1", "relu_1"]})
    spec = edit.add(spec, "Output", inputs={"input": "concat_1"})
    given = torch.tensor([[-1.0, 2.0, -3.0]])
    relu = given.relu()
    answer = compile(spec, only="inference").module(given)["output_1"]
    assert torch.equal(answer, torch.cat([relu, given, relu], dim=1))


def test_states_and_tuples_go_where_they_are_wired() -> None:
    spec = chain("LSTM", shape=("N", "T", 4))
    spec = edit.add(spec, "LSTM", inputs={"input": "input_1", "h_0": "lstm_1.h_n", "c_0": "lstm_1.c_n"})
    for wire in ("lstm_2.output", "lstm_2.h_n", "lstm_2.c_n"):
        spec = edit.add(spec, "Output", inputs={"input": wire})
    compiled = compile(spec, only="inference", seed=0)
    torch.manual_seed(0)
    first, second = nn.LSTM(4, 64, batch_first=True), nn.LSTM(4, 64, batch_first=True)
    given = torch.randn(2, 7, 4)
    output, (h_n, c_n) = second(given, first(given)[1])
    answers = compiled.module(given)
    assert all(
        torch.equal(answers[f"output_{place}"], expected) for place, expected in enumerate((output, h_n, c_n), 1)
    )


def test_optional_inputs_after_a_gap_go_by_keyword() -> None:
    spec = chain(shape=("N", 5, 16))
    spec = edit.add(spec, "Input", params={"shape": [5, 5], "dtype": "bool"})
    spec = edit.add(spec, "MultiheadAttention", inputs=dict.fromkeys(("query", "key", "value"), "input_1"))
    spec = edit.connect(spec, "input_2", "multihead_attention_1", "attn_mask")
    spec = edit.add(spec, "Output", inputs={"input": "multihead_attention_1"})
    compiled = compile(spec, only="inference", seed=0)
    torch.manual_seed(0)
    by_hand = nn.MultiheadAttention(16, 8, batch_first=True)
    given, mask = torch.randn(2, 5, 16), torch.ones(5, 5, dtype=torch.bool).triu(1)
    expected = by_hand(given, given, given, need_weights=False, attn_mask=mask)[0]
    assert torch.equal(compiled.module(given, mask)["output_1"], expected)


def test_several_losses_come_out_side_by_side_with_their_factors() -> None:
    spec = edit.add(image_classifier(), "MSELoss", inputs={"input": "linear_1", "target": "linear_1"})
    spec = edit.set_factor(spec, "mse_loss_1", 0.25)
    compiled = compile(spec, seed=0)
    assert compiled.program.losses == {"cross_entropy_loss_1": 1.0, "mse_loss_1": 0.25}
    answers = compiled.module(torch.randn(2, 1, 8, 8), torch.tensor([1, 2]))
    assert answers["mse_loss_1"] == 0


def test_without_a_metric_the_loss_brings_its_own() -> None:
    spec = edit.remove(image_classifier(), ["accuracy"])
    assert list(compile(spec, seed=0).program.metrics) == ["accuracy"]


def test_a_problem_is_raised_as_a_sentence_with_its_place() -> None:
    with pytest.raises(Mistake, match=r"conv2d_1\.out_channels: out_channels is 0; it must be at least 1\."):
        lower(edit.set_param(image_classifier(), "conv2d_1", "out_channels", 0))


@pytest.mark.parametrize(
    ("gone", "only", "words"), [("loss", "training", "no loss"), ("output", "inference", "no Output")]
)
def test_nothing_to_train_or_predict_is_said(gone: str, only: str, words: str) -> None:
    spec = image_classifier()
    spec = edit.remove(spec, [node for node in spec.nodes if gone in node])
    with pytest.raises(Mistake, match=words):
        compile(spec, only=only)  # type: ignore[arg-type]


def test_an_empty_graph_cannot_be_compiled() -> None:
    with pytest.raises(Mistake):
        compile(Spec())
