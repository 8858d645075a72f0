from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from engine import data
from engine.data.archive import entered, unpacked
from engine.data.archivecache import cache_folder
from engine.data.guess import guess
from engine.problem import Mistake
from tests.engine.data.making import HERE, image_folder, refusal, source

TABLE = "x,kind\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(20))


def zipped(path: Path, **texts: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in texts.items():
            archive.writestr(name.replace("__", "/") + ".csv", text)
    return path


def tarred(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    kind: Any = f"w:{path.suffix[1:].replace('tgz', 'gz').replace('tar', '')}"
    with tarfile.open(path, kind) as archive:
        for info, content in members:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize("ending", ["tar", "tar.gz", "tgz", "tar.xz", "tar.bz2"])
def test_a_table_is_read_from_a_tar_of_any_kind(tmp_path: Path, ending: str) -> None:
    path = tarred(tmp_path / f"set.{ending}", (tarfile.TarInfo("table.csv"), TABLE.encode()))
    assert data.report(source("Table", path), HERE).columns["kind"].classes == ("a", "b")


def test_a_table_is_read_from_a_zip_by_itself_or_by_its_place(tmp_path: Path) -> None:
    path = zipped(tmp_path / "set.zip", folder__one=TABLE)
    for named in (path, path / "folder" / "one.csv", path / "one.csv"):
        if named == path / "one.csv":
            assert "holds no one.csv" in refusal(source("Table", named))[0]
        else:
            assert not data.report(source("Table", named), HERE).problems
    two = zipped(tmp_path / "two.zip", one=TABLE, two=TABLE)
    assert "holds one.csv, two.csv; name the" in refusal(source("Table", two))[0]
    assert not data.report(source("Table", two / "two.csv"), HERE).problems
    assert "did you mean 'two.csv'" in refusal(source("Table", two / "twoo.csv"))[0]


def test_what_is_wrong_in_an_archive_is_named_by_its_place_there(tmp_path: Path) -> None:
    path = zipped(tmp_path / "set.zip", folder__one="a,b\n1,2\n3\n")
    assert refusal(source("Table", path))[0].startswith(f"{path}/folder/one.csv: row 3 has 1 values")
    with pytest.raises(Mistake, match=r"set\.zip/folder/one\.csv: row 3"):
        guess(path)


def test_an_image_folder_in_a_zip_is_read_and_a_changed_zip_anew(tmp_path: Path) -> None:
    home = image_folder(tmp_path / "pictures", {"cat": 3, "dog": 3})

    def pack() -> Path:
        path = tmp_path / "pictures.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for each in home.rglob("*.png"):
                archive.write(each, each.relative_to(tmp_path))
        return path

    assert data.report(source("ImageFolder", pack()), HERE).columns["label"].classes == ("cat", "dog")
    image_folder(home, {"hen": 3})
    assert data.report(source("ImageFolder", pack()), HERE).columns["label"].classes == ("cat", "dog", "hen")


def test_an_archive_is_unpacked_once_whatever_its_name(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", one=TABLE)
    first = unpacked(path)
    (first / "mark").touch()
    assert (unpacked(path) / "mark").exists()
    assert [each for each in cache_folder().iterdir() if each.name.startswith(".")] == []


@pytest.mark.parametrize("name", ["../../evil", "/etc/evil", "a/../../evil", "..\\evil", "C:\\evil"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_a_path_that_climbs_out_is_refused_and_nothing_is_unpacked(tmp_path: Path, name: str, kind: str) -> None:
    path = tmp_path / f"bad.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("good.csv", TABLE)
            info = zipfile.ZipInfo("x")
            info.filename = name
            archive.writestr(info, "evil")
    else:
        tarred(path, (tarfile.TarInfo("good.csv"), TABLE.encode()), (tarfile.TarInfo(name), b"evil"))
    message, param = refusal(source("Table", path))
    assert str(path) in message
    assert "climbs out" in message
    assert param == "data.source.params.path"
    assert list(cache_folder().iterdir()) == []
    assert not list(tmp_path.parent.glob("evil*"))


def test_a_place_that_climbs_out_of_an_archive_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", one=TABLE)
    with pytest.raises(Mistake, match="holds no"):
        entered(path / ".." / ".." / "secret.csv")


def test_links_and_devices_are_refused(tmp_path: Path) -> None:
    for kind, word in ((tarfile.SYMTYPE, "a link"), (tarfile.LNKTYPE, "a link"), (tarfile.CHRTYPE, "a device")):
        info = tarfile.TarInfo("x")
        info.type, info.linkname = kind, "/etc/passwd"
        assert word in refusal(source("Table", tarred(tmp_path / f"{word[2:]}{kind[0]}.tar", (info, b""))))[0]
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        info_zip = zipfile.ZipInfo("x")
        info_zip.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info_zip, "/etc/passwd")
    assert "a link" in refusal(source("Table", tmp_path / "link.zip"))[0]


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.7])
def test_a_truncated_archive_is_refused_in_a_sentence(tmp_path: Path, ending: str, share: float) -> None:
    content = "".join(f"{i * 7919 % 10007},{i}\n" for i in range(20_000)).encode()
    path = tmp_path / f"cut.{ending}"
    if ending == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.csv", content)
    else:
        tarred(path, (tarfile.TarInfo("a.csv"), content))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    message, _ = refusal(source("Table", path))
    assert f"{path} is cut off or damaged" in message


def test_a_zip_whose_bytes_are_wrong_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", one=TABLE * 50)
    content = bytearray(path.read_bytes())
    content[200] ^= 255
    path.write_bytes(content)
    assert "cut off or damaged" in refusal(source("Table", path))[0]


def test_an_archive_larger_than_the_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.data.archive.shutil.disk_usage", lambda _path: type("Usage", (), {"free": 2**20})())
    assert "make room" in refusal(source("Table", zipped(tmp_path / "a.zip", one=TABLE)))[0]
