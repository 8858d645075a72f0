from __future__ import annotations

import errno
import sys
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from engine.train.lock import is_held


def test_a_lock_is_held_as_long_as_somebody_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    held = [is_held(path)]
    with FileLock(path):
        held.append(is_held(path))
    held.append(is_held(path))
    assert held == [False, True, False]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no lock that is shared")
def test_looking_at_a_lock_writes_nothing_and_is_in_nobodys_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lock"
    path.touch()
    path.chmod(0o444)
    opened, modes = Path.open, []

    def only_read(file: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        modes.append(mode)
        stream = opened(file, mode, *rest, **more)
        if len(modes) == 1:
            assert not is_held(path)  # while another looks
        return stream

    monkeypatch.setattr(Path, "open", only_read)
    assert not is_held(path)
    assert modes == ["rb", "rb"]


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOENT])
def test_a_lock_that_may_not_be_looked_at_counts_as_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, "no")

    (tmp_path / "lock").touch()
    monkeypatch.setattr("engine.train.lock._is_held", refuse)
    assert not is_held(tmp_path / "lock")
