from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest

from engine import data
from engine.cli import main
from engine.data import archivecache
from engine.data.archive import unpacked
from engine.data.archivecache import as_given, cache_folder, clear, kept, prune
from tests.engine.data.making import HERE, refusal, source

TABLE = "x,kind\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(20))
DAY_S = 86_400


def zipped(path: Path, text: str = TABLE) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("table.csv", text)
    return path


def unused(path: Path, days: float, text: str = TABLE) -> Path:
    """Unpack an archive as a process did that has gone since."""
    home = unpacked(zipped(path, text))
    for lock in home.parent.glob(f"{home.name}.*.lock"):
        archivecache._held.pop(lock).release()
        lock.unlink(missing_ok=True)
    then = time.time() - days * DAY_S
    os.utime(home.with_name(home.name + ".json"), (then, then))
    return home


def test_what_was_not_used_for_long_is_thrown_away(tmp_path: Path) -> None:
    new, old = unused(tmp_path / "new.zip", 29, "a\n2\n"), unused(tmp_path / "old.zip", 31, "a\n1\n")
    assert prune() == len("a\n1\n")
    assert not old.exists()
    assert new.exists()
    assert not list(cache_folder().glob(f"{old.name}*"))


def test_beyond_the_limit_the_longest_unused_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    homes = [unused(tmp_path / f"{days}.zip", days, f"a\n{days:03}\n" * 100) for days in (1, 3, 2)]
    size = kept()[0].size
    monkeypatch.setattr(archivecache, "MOST_BYTES", 2 * size)
    assert prune() == size
    assert [home.exists() for home in homes] == [True, False, True]
    assert prune(room_for=size) == size
    assert [home.exists() for home in homes] == [True, False, False]


def test_what_is_in_use_stays_whoever_uses_it(tmp_path: Path) -> None:
    path = zipped(tmp_path / "set.zip")
    imports = "from pathlib import Path; from engine.data.archive import unpacked"
    code = f"{imports}; unpacked(Path({str(path)!r})); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, env=dict(os.environ)) as other:
        while not list(cache_folder().glob("set-*.lock")):
            time.sleep(0.02)
        assert clear() == (0, 1)
        other.communicate(b"\n", timeout=30)
    assert clear() == (len(TABLE), 0)
    assert list(cache_folder().iterdir()) == []


def test_using_an_archive_again_makes_it_young(tmp_path: Path) -> None:
    home = unused(tmp_path / "set.zip", 40)
    unpacked(tmp_path / "set.zip")
    assert prune() == 0
    assert home.exists()


def test_unpacking_makes_room_before(tmp_path: Path) -> None:
    old = unused(tmp_path / "old.zip", 31)
    unpacked(zipped(tmp_path / "new.zip", TABLE * 2))
    assert not old.exists()


def test_what_a_dead_process_left_behind_is_deleted(tmp_path: Path) -> None:
    cache_folder().mkdir(parents=True)
    old, young = cache_folder() / ".unpacking-old", cache_folder() / ".unpacking-young"
    for each in (old, young):
        each.mkdir()
    os.utime(old, (0, 0))
    prune()
    assert not old.exists()
    assert young.exists()


def test_the_command_clears_the_cache(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unused(tmp_path / "old.zip", 1)
    unpacked(zipped(tmp_path / "now.zip", "a\n1\n"))
    assert main(["data", "--clear-cache"]) == 0
    told = capsys.readouterr().out
    assert f"{cache_folder()}: {len(TABLE)} bytes freed; 1 in use is kept\n" in told
    assert told.endswith("prepared: 0 bytes freed\n")
    assert main(["data"]) == 2
    assert "Which data?" in capsys.readouterr().err


def test_a_member_is_named_by_its_place_in_the_archive_that_was_opened_last(tmp_path: Path) -> None:
    home = unpacked(zipped(tmp_path / "one.zip"))
    assert as_given(f"{home / 'table.csv'} is odd.") == f"{tmp_path / 'one.zip'}/table.csv is odd."
    shutil.copy(tmp_path / "one.zip", tmp_path / "two.zip")
    assert as_given(str(unpacked(tmp_path / "two.zip"))) == str(tmp_path / "two.zip")
    assert as_given("/elsewhere/set-0123456789abcdef0123/x") == "/elsewhere/set-0123456789abcdef0123/x"


def test_a_damaged_image_is_named_by_its_place_in_the_archive(tmp_path: Path) -> None:
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"):
            archive.writestr(f"pictures/{name}", "no picture")
    (problem,) = data.report(source("ImageFolder", path), HERE).problems
    assert f"{path}/pictures/cat/1.png is no image" in problem.message


def test_damaged_sounds_are_named_by_their_place_in_the_archive(tmp_path: Path) -> None:
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("cat/1.wav", "dog/1.wav"):
            archive.writestr(name, "no sound")
    assert f"{path}/cat/1.wav cannot be decoded" in refusal(source("AudioFolder", path))[0]


def test_a_small_archive_of_much_is_refused_unless_its_user_unpacks_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.data.archive.MOST_BYTES_UNASKED", 2**20)
    bomb = zipped(tmp_path / "bomb.zip", "0" * 2**21)
    assert "as files made to fill disks do" in refusal(source("Table", bomb))[0]
    assert list(cache_folder().iterdir()) == []
    table = "".join(f"{row * 7919 % 10007},{row}\n" for row in range(150_000))
    assert not data.report(source("Table", zipped(tmp_path / "table.zip", table)), HERE).problems


def test_a_disk_that_fills_while_unpacking_is_told_with_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: Any, **_keywords: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("zipfile.ZipFile.extractall", full)
    message = refusal(source("Table", zipped(tmp_path / "set.zip")))[0]
    assert f"{tmp_path / 'set.zip'} unpacks to {len(TABLE)} bytes, and {cache_folder()} has" in message
    assert "--clear-cache" in message
    assert list(cache_folder().iterdir()) == []
