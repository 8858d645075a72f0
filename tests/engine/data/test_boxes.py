from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.data import batches, epoch_order, lengths_of
from engine.data.boxes import Boxes, boxes_column, given, tensor
from engine.problem import Mistake

SAMPLES = [
    np.array([[1, 2, 3, 4, 0], [5, 6, 7, 8, 1]], np.float32),
    np.zeros((0, 5), np.float32),
    np.array([[9, 9, 10, 10, 2]], np.float32),
]


def ports(column: Boxes) -> dict[str, torch.Tensor]:
    held = {name: column.port(name) for name in ("boxes", "labels", "mask")}
    return dict(zip(held, next(batches(held, 3)), strict=True))


def test_a_batch_is_filled_up_to_its_most_boxes_and_says_which_are_real() -> None:
    found = ports(tensor(SAMPLES))
    assert found["boxes"].dtype == torch.float32
    assert found["boxes"][0].tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert found["boxes"][1].tolist() == [[0] * 4] * 2
    assert found["labels"].dtype == torch.int64
    assert found["labels"].tolist() == [[0, 1], [0, 0], [2, 0]]
    assert found["mask"].tolist() == [[True, True], [False, False], [True, False]]


def test_images_without_boxes_make_a_batch_of_one_empty_place() -> None:
    found = ports(tensor([SAMPLES[1]] * 3))
    assert found["boxes"].shape == (3, 1, 4)
    assert not found["mask"].any()


def test_a_column_moves_to_a_device_whole() -> None:
    moved = tensor(SAMPLES).to(torch.device("cpu"))
    assert torch.equal(ports(moved)["boxes"], ports(tensor(SAMPLES))["boxes"])


def test_images_are_not_sorted_by_their_boxes() -> None:
    column = tensor(SAMPLES)
    assert lengths_of({"boxes": column, "labels": column.port("labels")}) is None
    assert len(epoch_order(0, 0, 3, lengths=column.counts, batch_size=2)) == 3


def test_boxes_to_predict_for_are_read_with_their_classes() -> None:
    classes = boxes_column("boxes", ["cat", "dog"]).classes
    assert given({"boxes": [[1, 2, 3, 4]], "labels": ["dog"]}, "boxes", classes).tolist() == [[1, 2, 3, 4, 1]]
    assert given([[1, 2, 3, 4]], "boxes", classes).tolist() == [[1, 2, 3, 4, 0]]
    assert given([], "boxes", classes).shape == (0, 5)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("here", "must be a list of boxes"),
        ([[1, 2, 3]], "must be a list of boxes"),
        ({"boxes": [[1, 2, 3, 4]], "labels": ["dgo"]}, "the class 'dgo' \\(did you mean 'dog'\\?\\)"),
        ({"boxes": [[1, 2, 3, 4]], "labels": ["dog", "cat"]}, "labels must name the class of each"),
    ],
)
def test_what_are_no_boxes_is_said(value: object, words: str) -> None:
    with pytest.raises(Mistake, match=words):
        given(value, "boxes", ["cat", "dog"])
