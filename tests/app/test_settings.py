from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest
from PySide6.QtCore import QByteArray

from app.settings import MOST_RECENT, Settings


def stored() -> Path:
    return platformdirs.user_config_path("netloom") / "studio.ini"


def test_what_is_remembered_is_read_by_the_next_studio(tmp_path: Path) -> None:
    (tmp_path / "a.netloom").write_text("")
    settings = Settings()
    settings.set_geometry(QByteArray(b"place"), QByteArray(b"docks"))
    settings.set_theme("dark")
    settings.add_recent(tmp_path / "a.netloom")
    settings.sync()
    again = Settings()
    assert again.geometry() == (QByteArray(b"place"), QByteArray(b"docks"))
    assert again.theme() == "dark"
    assert again.recent() == [tmp_path / "a.netloom"]


def test_the_first_time_there_is_nothing_to_remember() -> None:
    settings = Settings()
    assert settings.geometry() is None
    assert settings.theme() == "system"
    assert settings.recent() == []


def test_recent_files_are_the_newest_first_each_once_and_gone_ones_left_out(tmp_path: Path) -> None:
    paths = [tmp_path / f"{place}.netloom" for place in range(MOST_RECENT + 3)]
    settings = Settings()
    for path in paths:
        path.write_text("")
        settings.add_recent(path)
    settings.add_recent(paths[5])
    assert settings.recent() == [paths[5], *(each for each in reversed(paths) if each != paths[5])][:MOST_RECENT]
    paths[-1].unlink()
    assert paths[-1] not in settings.recent()


@pytest.mark.parametrize(
    "text", ["theme=purple\nrecent=3\n[window]\ngeometry=hello\nstate1=7\n", "\x00\xff nonsense [[["]
)
def test_settings_that_cannot_be_read_are_as_if_they_were_not_there(text: str) -> None:
    stored().parent.mkdir(parents=True)
    stored().write_text(f"[General]\n{text}", encoding="latin-1")
    settings = Settings()
    assert settings.geometry() is None
    assert settings.theme() == "system"
    assert settings.recent() == []
