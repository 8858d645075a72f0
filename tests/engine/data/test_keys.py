from __future__ import annotations

import pytest
import torch
from scipy import stats

from engine.data.keys import GOLDEN, Keys, _mixed, _signed, drawn, drawn_normal, generator

EVERY = Keys(3, 1, torch.arange(20_000))


def test_the_hash_is_splitmix64() -> None:
    first = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]  # of java.util.SplittableRandom's seed 0
    counters = torch.tensor([_signed(GOLDEN * place) for place in (1, 2, 3)])
    assert [each % 2**64 for each in _mixed(counters).tolist()] == first


@pytest.mark.parametrize(("draw", "law"), [(drawn, stats.uniform), (drawn_normal, stats.norm)])
def test_draws_follow_their_law_and_do_not_depend_on_each_other(draw: object, law: object) -> None:
    found = draw(EVERY, 2, 4)  # type: ignore[operator]
    for column in found.T:
        assert stats.kstest(column.numpy(), law.cdf).pvalue > 1e-4  # type: ignore[attr-defined]
    others = [draw(EVERY, 3, 1), draw(Keys(4, 1, EVERY.samples), 2, 1), draw(Keys(3, 2, EVERY.samples), 2, 1)]  # type: ignore[operator]
    whole = torch.cat([found, *others, found[:, :1].roll(1, 0)], 1)
    assert torch.corrcoef(whole.T).fill_diagonal_(0).abs().max() < 0.03


def test_a_draw_depends_on_seed_epoch_and_sample_alone() -> None:
    whole = drawn(EVERY, 0, 3)
    order = torch.randperm(20_000)[:50]
    assert drawn(Keys(3, 1, order), 0, 3).equal(whole[order])
    assert drawn(Keys(3, 1, order[:1]), 0, 3).equal(whole[order[:1]])
    assert whole.min() >= 0 and whole.max() < 1
    assert (drawn(Keys(3, 1, order), 0, 1) == whole[order, :1]).all()


def test_negative_and_large_seeds_draw_too() -> None:
    found = [drawn(Keys(seed, 0, torch.arange(4)), 0, 2) for seed in (-1, 0, 2**63, 2**80)]
    assert all(torch.isfinite(each).all() for each in found)
    assert not found[0].equal(found[1])


def test_a_generator_for_one_sample_is_its_own() -> None:
    keys = Keys(5, 2, torch.tensor([7, 9]))
    one, again = generator(keys, 0, 1).random(), generator(Keys(5, 2, torch.tensor([9, 7])), 1, 1).random()
    assert one == again
    assert len({one, generator(keys, 1, 1).random(), generator(keys, 0, 2).random()}) == 3
