"""What all tests share: an off-screen Qt, folders of their own, real data where it lies, and no warning unheard."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["QT_PREFERRED_BINDING"] = "PySide6"
os.environ.setdefault("NETLOOM_DATA", str(ROOT.parent / "shared" / "data"))
os.environ.setdefault("OMP_NUM_THREADS", "1")  # two workers share two cores


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep tests away from the user's settings, data and logs."""
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / ".user" / name.lower()))


@pytest.fixture(autouse=True)
def no_warning_unheard(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Let a test fail whose code logs a warning or worse."""
    yield
    loud = [
        record for when in ("setup", "call") for record in caplog.get_records(when) if record.levelno >= logging.WARNING
    ]
    assert not loud, f"logged: {loud[0].getMessage()}"


@pytest.fixture
def data_folder() -> Callable[[str], Path]:
    """Give the folder of a real data set, or skip where it is not there."""

    def folder(name: str) -> Path:
        path = Path(os.environ["NETLOOM_DATA"]) / name
        if not path.is_dir():
            pytest.skip(f"the data set {name} is not at {path}")
        return path

    return folder
