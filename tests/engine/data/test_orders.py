from __future__ import annotations

import torch

from engine.data.orders import balanced, epoch_order


def test_a_buffer_moves_no_sample_further_than_it_is_long() -> None:
    order = epoch_order(0, 1, 10_000, buffer=50)
    assert torch.equal(order.sort().values, torch.arange(10_000))
    moved = (order - torch.arange(10_000)).abs()
    assert moved.max() <= 50
    assert moved.double().mean() > 10
    assert torch.equal(order, epoch_order(0, 1, 10_000, buffer=50))
    assert not torch.equal(order, epoch_order(0, 2, 10_000, buffer=50))


def test_weights_of_classes_add_up_to_the_same() -> None:
    labels = torch.tensor([0, 0, 0, 1, 2, 2])
    weights = balanced(labels)
    assert [float(weights[labels == each].sum()) for each in range(3)] == [1.0, 1.0, 1.0]


def test_a_sample_without_weight_is_never_drawn() -> None:
    weights = torch.tensor([0.0, 1.0, 0.0, 2.0, 0.0])
    drawn = torch.cat([epoch_order(0, epoch, 5, weights=weights) for epoch in range(200)])
    assert set(drawn.tolist()) == {1, 3}
