from __future__ import annotations

from pathlib import Path

import pytest
import torch

from engine import edit
from engine.problem import Mistake
from engine.progress import Headway, watched
from engine.train import batchfinder
from engine.train.batchfinder import estimated, find_batch_size
from engine.train.session import open_session
from tests.engine.train.making import iris


def test_sizes_are_doubled_until_a_batch_holds_all_samples(tmp_path: Path) -> None:
    fitted = find_batch_size(iris(), tmp_path)
    assert [each.batch_size for each in fitted.tried] == [8, 16, 32, 64, 120]
    assert (fitted.largest, fitted.reason) == (120, "samples")
    assert all(each.fits and each.samples_per_second > 0 for each in fitted.tried)
    best = max(each.samples_per_second for each in fitted.tried)
    good = next(each for each in fitted.tried if each.batch_size == fitted.suggestion)
    assert good.samples_per_second >= 0.9 * best


def test_each_size_is_told_as_the_next_is_tried(tmp_path: Path) -> None:
    told: list[Headway] = []
    with watched(told.append):
        fitted = find_batch_size(iris(), tmp_path).encode()
    assert told[0].found is None
    for place, each in enumerate(told[1:-1], 1):
        assert each.found is not None
        assert each.found["tried"] == fitted["tried"][:place]
        assert each.found["reason"] == "stopped"


@pytest.mark.parametrize("most", [20, 40, 63, 100])
def test_the_largest_size_that_fits_is_closed_in_upon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    session = open_session(iris(), tmp_path)
    monkeypatch.setattr(batchfinder, "free_memory", lambda: estimated(session, most) / batchfinder.FREE_SHARE)
    fitted = find_batch_size(iris(), tmp_path)
    assert fitted.reason == "memory"
    assert most - most // 8 - 1 <= fitted.largest <= most
    assert all(each.fits == (each.batch_size <= most) for each in fitted.tried)


def test_what_a_device_runs_out_of_memory_at_does_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = batchfinder._measured

    def short(session: object, size: int, needed: int) -> object:
        if size > 32:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return measured(session, size, needed)  # type: ignore[arg-type]  # whatever it is called with

    monkeypatch.setattr(batchfinder, "_measured", short)
    assert find_batch_size(iris(), tmp_path).largest == 32


def test_steps_that_take_too_long_end_the_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batchfinder, "MOST_SECONDS", 0.0)
    fitted = find_batch_size(iris(), tmp_path)
    assert ([each.batch_size for each in fitted.tried], fitted.reason) == ([8], "time")


def test_where_nothing_fits_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batchfinder, "free_memory", lambda: 1)
    with pytest.raises(Mistake, match="Not even the smallest batch fits"):
        find_batch_size(edit.set_setting(iris(), "training.epochs", 1), tmp_path)
