from __future__ import annotations

import pytest
import torch

from engine.data import batch_count, batches, batching, epoch_order


def tensors(count: int) -> dict[str, torch.Tensor]:
    return {"x": torch.arange(count * 3.0).reshape(count, 3), "y": torch.arange(count)}


@pytest.mark.parametrize("block_bytes", [1, 500, 2**23])
@pytest.mark.parametrize("drop_last", [False, True])
def test_batches_hold_the_samples_in_the_given_order(
    monkeypatch: pytest.MonkeyPatch, block_bytes: int, drop_last: bool
) -> None:
    monkeypatch.setattr(batching, "BLOCK_BYTES", block_bytes)
    order = epoch_order(0, 0, 23)
    found = list(batches(tensors(23), 5, order=order, drop_last=drop_last))
    assert [len(y) for _x, y in found] == [5, 5, 5, 5] + [3] * (not drop_last)
    assert torch.equal(torch.cat([y for _x, y in found]), order[: 20 if drop_last else 23])
    assert all(torch.equal(x[:, 0], y * 3.0) for x, y in found)
    assert batch_count(23, 5, drop_last=drop_last) == len(found)


@pytest.mark.parametrize("start", [0, 1, 3, 5, 9])
def test_an_epoch_resumed_at_a_step_yields_the_rest_of_it(monkeypatch: pytest.MonkeyPatch, start: int) -> None:
    monkeypatch.setattr(batching, "MOST_BATCHES", 2)
    order = epoch_order(4, 2, 23)
    whole = list(batches(tensors(23), 5, order=order))
    rest = list(batches(tensors(23), 5, order=order, start=start))
    assert len(rest) == max(0, 5 - start)
    assert all(
        torch.equal(mine, theirs)
        for one, other in zip(rest, whole[start:], strict=True)
        for mine, theirs in zip(one, other, strict=True)
    )


def test_without_an_order_samples_come_as_they_lie_and_are_not_copied() -> None:
    given = tensors(7)
    found = list(batches(given, 3))
    assert torch.equal(torch.cat([y for _x, y in found]), given["y"])
    assert found[0][0].data_ptr() == given["x"].data_ptr()


def test_an_order_may_name_fewer_samples_than_there_are() -> None:
    found = list(batches(tensors(9), 2, order=torch.tensor([8, 1, 5])))
    assert [y.tolist() for _x, y in found] == [[8, 1], [5]]


def test_the_order_of_an_epoch_depends_on_seed_and_epoch_alone() -> None:
    assert torch.equal(epoch_order(1, 2, 50), epoch_order(1, 2, 50))
    assert not torch.equal(epoch_order(1, 2, 50), epoch_order(1, 3, 50))
    assert not torch.equal(epoch_order(1, 2, 50), epoch_order(2, 2, 50))
    assert epoch_order(2**32 - 1, 10**6, 50).sort().values.tolist() == list(range(50))
