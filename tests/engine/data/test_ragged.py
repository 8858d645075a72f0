from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.data import batches, epoch_order, lengths_of
from engine.data.ragged import Flat, InMemory, Ragged, bounds, flat

LENGTHS = [3, 1, 5, 2, 4, 1, 6]


def samples() -> list[torch.Tensor]:
    return [torch.arange(1, length + 1) * 10**place for place, length in enumerate(LENGTHS)]


def column(fill: float = 0.0, width: int | None = None) -> Ragged:
    held = flat([each.numpy() for each in samples()], np.empty(0, np.int64))
    return Ragged.of(held, fill=fill, width=width)


@pytest.mark.parametrize("order", [None, [6, 0, 2, 5, 1, 4, 3]])
def test_a_batch_is_what_torch_pads_by_hand(order: list[int] | None) -> None:
    places = list(range(7)) if order is None else order
    found = list(batches({"x": column()}, 3, order=None if order is None else torch.tensor(order)))
    for number, (batch,) in enumerate(found):
        by_hand = [samples()[place] for place in places[3 * number : 3 * number + 3]]
        assert torch.equal(batch, torch.nn.utils.rnn.pad_sequence(by_hand, batch_first=True))
    assert [len(batch) for (batch,) in found] == [3, 3, 1]


def test_a_width_fills_every_batch_up_to_it() -> None:
    found = list(batches({"x": column(-1, 8)}, 4))
    assert [tuple(batch.shape) for (batch,) in found] == [(4, 8), (3, 8)]
    assert found[0][0][1].tolist() == [10, -1, -1, -1, -1, -1, -1, -1]


def test_frames_are_filled_along_the_axis_that_differs() -> None:
    frames = [np.full((length, 4), length, np.float32) for length in (2, 5)]
    (batch,) = next(batches({"x": Ragged.of(flat(frames, frames[0][:0]), axis=1)}, 2))
    assert batch.shape == (2, 4, 5)
    assert batch[0, :, 2:].eq(0).all()
    assert batch[0, :, :2].eq(2).all()


def test_lengths_dense_columns_and_padded_ones_go_together() -> None:
    ragged = column()
    order = epoch_order(1, 2, 7)
    columns: dict[str, InMemory] = {"x": ragged, "length": ragged.lengths, "y": torch.arange(7)}
    for x, length, y in batches(columns, 2, order=order):
        assert length.tolist() == [LENGTHS[place] for place in y.tolist()]
        assert x.ne(0).sum(1).tolist() == length.tolist()


def test_a_resumed_epoch_yields_the_rest_of_it() -> None:
    order = epoch_order(3, 1, 7)
    whole = [each[0] for each in batches({"x": column()}, 2, order=order)]
    rest = [each[0] for each in batches({"x": column()}, 2, order=order, start=2)]
    assert all(map(torch.equal, whole[2:], rest))


def test_samples_of_like_length_come_together_the_same_way_for_a_seed() -> None:
    lengths = torch.randint(1, 400, (1003,), generator=torch.Generator().manual_seed(0))

    def bucketed(epoch: int) -> torch.Tensor:
        return epoch_order(5, epoch, 1003, lengths=lengths, batch_size=10)

    order = bucketed(1)
    assert torch.equal(order, bucketed(1))
    assert not torch.equal(order, bucketed(2))
    assert torch.equal(order.sort().values, torch.arange(1003))

    def filled(order: torch.Tensor) -> int:
        return sum(int(lengths[part].max()) * len(part) for part in torch.split(order, 10))

    assert filled(order) < 1.05 * int(lengths.sum()) < 1.5 * int(lengths.sum()) < filled(epoch_order(5, 1, 1003))


def test_lengths_of_several_columns_are_added_up() -> None:
    found = lengths_of({"a": column(), "b": torch.arange(7), "c": column()})
    assert found is not None
    assert found.tolist() == [2 * length for length in LENGTHS]
    assert lengths_of({"b": torch.arange(7)}) is None


def test_samples_are_cut_and_taken_by_their_bounds() -> None:
    held = Flat(np.arange(9), bounds(np.array([4, 0, 5])))
    assert [held[place].tolist() for place in range(3)] == [[0, 1, 2, 3], [], [4, 5, 6, 7, 8]]
    assert held.cut(2).values.tolist() == [0, 1, 4, 5]
    ends = held.taken(held.offsets[1:] - np.minimum(held.lengths, 2), np.minimum(held.lengths, 2))
    assert ends.values.tolist() == [2, 3, 7, 8]


def test_no_samples_are_no_batches() -> None:
    empty = Ragged.of(flat([], np.empty(0, np.int64)))
    assert list(batches({"x": empty}, 4)) == []
