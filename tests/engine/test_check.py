from __future__ import annotations

from typing import Any

import pytest

from engine import edit, fixes
from engine.check import Checker, Stopped, check
from engine.report import Report
from engine.spec import Spec
from tests.builders import chain, image_classifier


def shape(report: Report, node: str, port: str = "output") -> str:
    return str(report.nodes[node].outputs[port])


def test_a_whole_network_is_checked_with_shapes_and_parameter_counts() -> None:
    report = check(image_classifier())
    assert report.problems == ()
    assert shape(report, "conv2d_1") == "N × 4 × 8 × 8"
    assert shape(report, "linear_1") == "N × 10"
    assert report.nodes["conv2d_1"].parameters == 4 * 9 + 4
    assert report.parameters == 4 * 9 + 4 + 256 * 10 + 10


def test_a_report_survives_json() -> None:
    report = check(edit.set_param(image_classifier(), "conv2d_1", "kernel_size", 0))
    assert Report.decode(report.encode()) == report


@pytest.mark.parametrize(
    ("op", "params", "expected"),
    [
        ("Conv1d", {"stride": 2, "padding": 1}, "N × 32 × (T+1)//2"),
        ("Conv1d", {"kernel_size": 5, "padding": 0}, "N × 32 × T-4"),
        ("ConvTranspose1d", {}, "N × 32 × 2*T"),
        ("MaxPool1d", {}, "N × 16 × T//2"),
        ("AvgPool1d", {"kernel_size": 3}, "N × 16 × T//3"),
        ("AdaptiveAvgPool1d", {}, "N × 16 × 1"),
        ("Flatten", {"start_dim": 0, "end_dim": 1}, "16*N × T"),
        ("Flatten", {}, "N × 16*T"),
        ("Flatten", {"start_dim": 0}, "16*N*T"),
        ("Permute", {"dims": [2, 0, 1]}, "T × N × 16"),
        ("Mean", {"dim": 2}, "N × 16"),
    ],
)
def test_free_sizes_keep_their_names(op: str, params: dict[str, object], expected: str) -> None:
    spec = edit.add(chain(shape=("N", 16, "T")), op, params=params)
    first = next(iter(edit.OPS[op].input_ports()))
    report = check(edit.add(edit.connect(spec, "input_1", list(spec.nodes)[-1], first), "Output"))
    assert str(next(iter(report.nodes[list(spec.nodes)[-1]].outputs.values()))) == expected


def test_strides_one_after_the_other_add_up_exactly() -> None:
    spec = chain("Conv1d", "Conv1d", shape=("N", 8, "T"))
    for node in ("conv1d_1", "conv1d_2"):
        spec = edit.set_param(edit.set_param(spec, node, "stride", 3), node, "padding", 0)
    report = check(spec)
    text = shape(report, "conv1d_2").split(" × ")[2]
    for length in range(20, 60):
        once = (length - 3) // 3 + 1
        assert eval(text, {"T": length}) == (once - 3) // 3 + 1  # an expression of our own making


def test_a_layer_sized_by_a_free_axis_is_refused_by_name() -> None:
    (problem,) = check(edit.add(chain("Linear", shape=("N", "T")), "Output", inputs={"input": "linear_1"})).problems
    assert problem.node == "linear_1"
    assert "T, which varies" in problem.message


def test_a_wrong_dtype_comes_with_a_cast_that_mends_it() -> None:
    spec = edit.add(chain("Linear", dtype="int64"), "Output", inputs={"input": "linear_1"})
    (problem,) = check(spec).problems
    assert (problem.node, problem.param) == ("linear_1", "input")
    mended = fixes.apply(spec, problem.fixes[0])
    assert check(mended).problems == ()


def test_an_image_into_a_classifier_comes_with_a_flatten_that_mends_it() -> None:
    spec = image_classifier()
    spec = edit.remove(edit.connect(spec, "relu_1", "linear_1", "input"), ["flatten_1"])
    problems = check(spec).problems
    assert {problem.node for problem in problems} == {"cross_entropy_loss_1", "accuracy"}
    assert problems[0].fixes[0].text == "Insert Flatten before linear_1"
    assert check(fixes.apply(spec, problems[0].fixes[0])).problems == ()


def test_a_missing_channel_axis_comes_with_an_unsqueeze() -> None:
    spec = edit.add(chain("Conv2d", shape=("N", 8, 8)), "Output", inputs={"input": "conv2d_1"})
    (problem,) = check(spec).problems
    assert "3 axes" in problem.message and "N C H W" in problem.message
    assert check(fixes.apply(spec, problem.fixes[0])).problems == ()


def test_nodes_behind_a_broken_one_are_silent() -> None:
    report = check(edit.set_param(image_classifier(), "conv2d_1", "out_channels", 0))
    assert [(each.node, each.param) for each in report.problems] == [("conv2d_1", "out_channels")]
    assert "linear_1" not in report.nodes and "input_1" in report.nodes


def test_all_problems_come_in_one_pass() -> None:
    spec = edit.set_param(image_classifier(), "conv2d_1", "out_channels", 0)
    spec = edit.add(spec, "Linear")
    spec = edit.set_setting(spec, "training.epochs", 0)
    places = {(each.node, each.param) for each in check(spec).problems}
    assert places == {("conv2d_1", "out_channels"), ("linear_2", "input"), (None, "training.epochs")}


def test_several_inputs_and_outputs_of_a_node_are_wired_by_name() -> None:
    spec = chain("LSTM", "LSTM", shape=("N", "T", 5))
    spec = edit.connect(edit.connect(spec, "lstm_1.h_n", "lstm_2", "h_0"), "lstm_1.c_n", "lstm_2", "c_0")
    spec = edit.add(spec, "Output", inputs={"input": "lstm_2.h_n"})
    assert shape(check(spec), "lstm_2", "h_n") == "1 × N × 64"
    (problem,) = check(edit.set_param(spec, "lstm_2", "hidden_size", 32)).problems
    assert (problem.node, problem.param) == ("lstm_2", "h_0")
    assert "[1, N, 64]" in problem.message and "[1, N, 32]" in problem.message


def test_a_port_that_gives_no_tensor_says_so() -> None:
    spec = chain(shape=("N", "T", 16))
    spec = edit.add(spec, "MultiheadAttention", inputs=dict.fromkeys(("query", "key", "value"), "input_1"))
    spec = edit.add(spec, "Output", inputs={"input": "multihead_attention_1.weights"})
    (problem,) = check(spec).problems
    assert (problem.node, problem.param) == ("output_1", "input")
    shown = edit.set_param(spec, "multihead_attention_1", "need_weights", True)
    assert shape(check(shown), "multihead_attention_1", "weights") == "N × T × T"


def test_an_edit_checks_again_only_what_it_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    checker = Checker()
    spec = image_classifier()
    checker.check(spec)
    ran: list[str] = []
    one = Checker.one

    def told(self: Checker, node: Any, flows: Any) -> Any:
        ran.append(node.id)
        return one(self, node, flows)

    monkeypatch.setattr(Checker, "one", told)
    checker.check(edit.set_param(spec, "linear_1", "out_features", 12))
    assert ran == ["linear_1", "cross_entropy_loss_1", "accuracy", "output_1"]
    ran.clear()
    checker.check(edit.move(edit.set_param(spec, "linear_1", "out_features", 12), {"linear_1": (80, 80)}))
    assert ran == []


def test_a_check_stops_when_it_is_told_to() -> None:
    with pytest.raises(Stopped):
        Checker().check(image_classifier(), stop=lambda: True)


def test_an_empty_project_has_no_problems() -> None:
    assert check(Spec()).problems == ()
