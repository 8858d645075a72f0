"""What the catalogue's cases cannot show of losses: real boxes, what is refused, and what a graph trains on."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from engine import edit, fixes, modules
from engine.check import check
from engine.compile import compile
from engine.declare import Loss
from engine.ops import OPS
from engine.spec import Spec
from tests.engine.catalogue.case import Case
from tests.engine.catalogue.cases_losses import fcos


def graph(op: str, params: dict[str, Any] | None = None, **inputs: str | list[str]) -> Spec:
    """Inputs such as "float32 N 4" wired to an op."""
    spec, wires = Spec(), {}
    for port, texts in inputs.items():
        names = []
        for text in [texts] if isinstance(texts, str) else texts:
            dtype, *sizes = text.split()
            names.append(edit.new_id(spec, "Input"))
            shape = [int(size) if size.isdigit() else size for size in sizes]
            spec = edit.add(spec, "Input", params={"shape": shape, "dtype": dtype})
        wires[port] = names[0] if isinstance(texts, str) else names
    return edit.add(spec, op, params=params, inputs=wires)


def messages(spec: Spec) -> list[str]:
    return [problem.message for problem in check(spec).problems]


def some_boxes(images: int, count: int, size: float, source: torch.Generator) -> torch.Tensor:
    first = torch.rand(images, count, 2, generator=source) * size * 0.7
    return torch.cat((first, first + torch.rand(images, count, 2, generator=source) * size * 0.6 + 2), dim=2)


@pytest.mark.parametrize("radius", [1.5, 0.0])
@pytest.mark.parametrize("central", [True, False])
def test_the_detection_loss_counts_each_cell_as_the_formula_says(radius: float, central: bool) -> None:
    source = torch.Generator().manual_seed(3)
    strides, grids = (8, 16), ((20, 18), (10, 9))
    scores = [torch.randn(2, 3, *grid, generator=source) for grid in grids]
    distances = [torch.rand(2, 4, *grid, generator=source) * 4 for grid in grids]
    boxes = some_boxes(2, 6, 160.0, source)
    labels = torch.randint(0, 3, (2, 6), generator=source)
    mask = torch.tensor([[True] * 5 + [False], [True, False] * 3])
    inner = [torch.randn(2, 1, *grid, generator=source) for grid in grids] if central else None
    loss = modules.FCOSLoss(strides, radius=radius)
    centres, steps, reaches = loss._cells(scores)
    answering = [loss._assigned(boxes[i], mask[i], centres, steps, reaches)[1] for i in range(2)]
    assert all(any(bool(each[steps == stride].any()) for each in answering) for stride in strides)
    by_hand = fcos(scores, distances, boxes, labels, mask, inner, strides=strides, radius=radius)
    torch.testing.assert_close(loss(scores, distances, boxes, labels, mask, inner), by_hand, rtol=1e-5, atol=1e-5)


def test_the_detection_loss_is_least_where_boxes_and_classes_are_right() -> None:
    source = torch.Generator().manual_seed(4)
    boxes, labels = some_boxes(1, 1, 60.0, source), torch.tensor([[1]])
    loss = modules.FCOSLoss((8,))
    scores, raw = torch.zeros(1, 3, 8, 8, requires_grad=True), torch.zeros(1, 4, 8, 8, requires_grad=True)
    optimizer = torch.optim.Adam([scores, raw], lr=0.1)
    for _ in range(400):
        optimizer.zero_grad()
        value = loss([scores], [torch.nn.functional.softplus(raw)], boxes, labels)
        value.backward()
        optimizer.step()
    assert value.item() < 0.05
    best = int(scores[0].amax(0).argmax())
    row, column = divmod(best, 8)
    left, top, right, bottom = (torch.nn.functional.softplus(raw[0, :, row, column]) * 8).tolist()
    x, y = (column + 0.5) * 8, (row + 0.5) * 8
    assert [x - left, y - top, x + right, y + bottom] == pytest.approx(boxes[0, 0].tolist(), abs=1.0)
    assert int(scores[0, :, row, column].argmax()) == 1


def test_an_image_without_boxes_trains_the_classes_alone() -> None:
    boxes, labels, mask = torch.zeros(1, 2, 4), torch.zeros(1, 2, dtype=torch.int64), torch.zeros(1, 2).bool()
    distances = torch.ones(1, 4, 4, 4, requires_grad=True)
    scores = torch.zeros(1, 3, 4, 4, requires_grad=True)
    loss = modules.FCOSLoss((8,))([scores], [distances], boxes, labels, mask, [torch.zeros(1, 1, 4, 4)])
    loss.backward()
    assert loss.isfinite()
    assert distances.grad is not None and not distances.grad.any()
    assert scores.grad is not None and bool((scores.grad > 0).all())


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            graph("CrossEntropyLoss", {"weight": [1, 2]}, input="float32 N 3", target="int64 N"),
            "weight has 2 numbers, one for each class, but input has 3; give 3 or none.",
        ),
        (
            graph("CrossEntropyLoss", {"ignore_index": 2}, input="float32 N 3", target="float32 N 3"),
            "ignore_index is 2, but target holds probabilities",
        ),
        (
            graph("CrossEntropyLoss", input="float32 N 20 50", target="int64 N 20"),
            "put a Permute before it that brings them to axis 1.",
        ),
        (
            graph("BCEWithLogitsLoss", {"pos_weight": [1, 2]}, input="float32 N", target="float32 N"),
            "pos_weight has 2 numbers, one for each label along axis 1, but input has 1; give 1 or none.",
        ),
        (
            graph("MSELoss", input="float32 N 1", target="float32 N"),
            "input is N × 1 and target is N; both must have one shape.",
        ),
        (
            graph("MSELoss", input="float32 N 1", target="float64 N 1"),
            "input is float32 and target is float64; put a Cast before one of them.",
        ),
        (graph("FocalLoss", {"alpha": 0.3}, input="float32 N 3", target="int64 N"), "use weight and reset alpha"),
        (graph("FocalLoss", {"weight": [1]}, input="float32 N 3", target="float32 N 3"), "use alpha and reset weight"),
        (
            graph("CTCLoss", {"blank": 5}, log_probs="float32 N 9 5", targets="int64 N 3"),
            "blank is 5, but log_probs has 5 classes, counted from 0.",
        ),
        (
            graph("GaussianNLLLoss", input="float32 N 3", target="float32 N 3", var="float32 N 2"),
            "var is N × 2 and input is N × 3; var must be N × 3",
        ),
        (
            graph("BPRLoss", positive="float32 N", negative="float32 N 3 4"),
            "negative must have positive's shape, or one more axis",
        ),
        (
            graph(
                "FCOSLoss",
                scores=["float32 N 3 8 8", "float32 N 3 4 4"],
                distances=["float32 N 4 8 8", "float32 N 4 4 4"],
                boxes="float32 N 5 4",
                labels="int64 N 5",
            ),
            "scores has 2 levels and strides has 1; give strides a number for each level.",
        ),
        (
            graph(
                "FCOSLoss",
                scores=["float32 N 3 8 8"],
                distances=["float32 N 4 4 4"],
                boxes="float32 N 5 4",
                labels="int64 N 5",
            ),
            "Level 1 is 8 × 8 cells in scores and 4 × 4 in distances",
        ),
    ],
)
def test_a_loss_says_what_does_not_fit_and_what_to_do(spec: Spec, words: str) -> None:
    (message,) = messages(spec)
    assert words in message


def test_free_sizes_are_as_good_as_fixed_ones_for_every_loss_with_sequences() -> None:
    assert messages(graph("CTCLoss", log_probs="float32 N T 5", targets="int64 N S")) == []
    assert messages(graph("CrossEntropyLoss", input="float32 N 5 T", target="int64 N T")) == []
    assert messages(graph("GIoULoss", input="float32 N M 4", target="float32 N M 4", mask="bool N M")) == []


def test_class_weights_are_no_weights_that_train_and_leave_with_the_loss() -> None:
    spec = edit.add(Spec(), "Input", params={"shape": ["N", 4]})
    spec = edit.add(spec, "Input", params={"shape": ["N"], "dtype": "int64"})
    spec = edit.add(spec, "Linear", params={"out_features": 2}, inputs={"input": "input_1"})
    loss = {"input": "linear_1", "target": "input_2"}
    spec = edit.add(spec, "CrossEntropyLoss", params={"weight": [1, 5]}, inputs=loss)
    compiled = compile(spec)
    assert [name for name, _ in compiled.module.named_parameters()] == ["linear_1.weight", "linear_1.bias"]
    assert check(spec).parameters == 10


def fixed(spec: Spec) -> Spec:
    """The spec after the first fix that its first problem offers."""
    return fixes.apply(spec, check(spec).problems[0].fixes[0])


@pytest.mark.parametrize(
    ("spec", "inserted"),
    [
        (graph("CrossEntropyLoss", input="float32 N 20 50", target="int64 N 20"), "Permute"),
        (graph("Perplexity", input="float32 N 7 T 50", target="int64 N 7 T"), "Permute"),
        (graph("MSELoss", input="float32 N 1", target="float32 N"), "Squeeze"),
        (graph("BCEWithLogitsLoss", input="float32 N", target="float32 N 1"), "Squeeze"),
        (graph("L1Loss", input="float32 N 3", target="float64 N 3"), "Cast"),
        (graph("BCELoss", input="float32 N 3", target="int64 N 3"), "Cast"),
        (graph("F1", input="float32 N 1", target="int64 N"), "Squeeze"),
    ],
)
def test_a_click_mends_what_often_does_not_fit(spec: Spec, inserted: str) -> None:
    mended = fixed(spec)
    assert {node.op for node in mended.nodes.values()} - {node.op for node in spec.nodes.values()} == {inserted}
    assert check(mended).problems == ()


LOSSES = [name for name, op in OPS.items() if issubclass(op, Loss)]


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_measured_by_the_metrics_it_names(name: str) -> None:
    op: Any = OPS[name]
    program = compile(Case(name).spec()).program
    named = {"CharacterErrorRate": {}} if name == "CTCLoss" else op.metrics
    assert [type(metric).__name__ for metric in program.metrics.values()] == list(named)


def test_probabilities_as_a_target_have_no_accuracy() -> None:
    spec = graph("CrossEntropyLoss", input="float32 N 3", target="float32 N 3")
    assert compile(spec).program.metrics == {}


def test_a_metric_node_takes_the_place_of_those_a_loss_names() -> None:
    spec = graph("CrossEntropyLoss", input="float32 N 3", target="int64 N")
    spec = edit.add(spec, "F1", inputs={"input": "input_1", "target": "input_2"})
    assert list(compile(spec).program.metrics) == ["f1"]
