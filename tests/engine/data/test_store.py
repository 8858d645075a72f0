from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine import data, edit
from engine.data import store
from engine.problem import Mistake
from tests.engine.data.making import HERE, source
from tests.engine.data.test_loader import pictures


def blocks() -> Iterator[np.ndarray]:
    yield from np.arange(24, dtype=np.float32).reshape(6, 4).reshape(3, 2, 4)


def test_an_array_is_written_once_and_mapped_from_then_on() -> None:
    first, facts = store.stored("key", blocks, 96, lambda: {"seen": 3})
    again, told = store.stored("key", lambda: pytest.fail("written again"), 96)
    assert np.array_equal(first, np.arange(24, dtype=np.float32).reshape(6, 4))
    assert np.array_equal(first, again)
    assert facts == told == {"seen": 3}
    assert [path.suffix for path in store.store_folder().iterdir() if path.name.startswith(".")] == []


def test_a_file_that_was_cut_off_is_made_anew() -> None:
    store.stored("key", blocks, 96)
    path = store.store_folder() / "key.npy"
    path.write_bytes(path.read_bytes()[:-20])
    values, _facts = store.stored("key", blocks, 96)
    assert values[-1, -1] == 23


def test_pages_that_are_given_back_are_read_again() -> None:
    values, _facts = store.stored("key", blocks, 96)
    before = values.copy()
    store.release(0)
    assert np.array_equal(values, before)


def test_a_key_follows_its_facts() -> None:
    assert store.key_of("a", 1, np.arange(3)) == store.key_of("a", 1, np.arange(3))
    assert store.key_of("a", 1, np.arange(3)) != store.key_of("a", 1, np.arange(4))
    assert store.key_of("ab", "c") != store.key_of("a", "bc")


def test_files_that_were_not_used_for_longest_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        store.stored(f"key{number}", blocks, 96)
        os.utime(store.store_folder() / f"key{number}.npy", (number, number))
    monkeypatch.setattr(store, "MOST_BYTES", 2 * (store.store_folder() / "key0.npy").stat().st_size + 96)
    store.stored("key3", blocks, 96)
    assert sorted(path.stem for path in store.store_folder().glob("*.npy")) == ["key1", "key2", "key3"]


def test_a_disk_that_fills_up_while_caching_is_told_with_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(store, "_write_header", full)
    with pytest.raises(Mistake, match=r"is full.*set cache to none") as caught:
        data.prepare(edit.set_setting(pictures(tmp_path), "data.batching.cache", "disk"), HERE)
    assert str(store.store_folder()) in caught.value.message
    assert caught.value.param == "data.batching.cache"
    assert list(store.store_folder().iterdir()) == []


def test_too_little_room_is_told_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "LEFT_FREE", 2**60)
    with pytest.raises(Mistake, match="is full"):
        data.prepare(edit.set_setting(pictures(tmp_path), "data.batching.cache", "disk"), HERE)


def test_auto_keeps_what_fits_in_memory_else_on_the_disk_else_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = source("ImageFolder", pictures(tmp_path).data["source"]["params"]["path"], height=8, width=8)
    assert data.prepare(spec, HERE).cache == "memory"
    monkeypatch.setattr("engine.data.keep.free_memory", lambda: 1000)
    assert data.prepare(spec, HERE).cache == "disk"
    monkeypatch.setattr(store, "LEFT_FREE", 2**60)
    assert data.prepare(spec, HERE).cache == "none"
