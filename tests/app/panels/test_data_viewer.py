from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
from pytestqt.qtbot import QtBot

from app.data_helper import DataHelper
from app.document import Document
from app.panels import data_viewer
from app.panels.data_samples import SampleBrowser
from engine import edit
from engine.spec import Spec
from tests.app.gestures import press, words_in
from tests.app.panels.samples import Answering, read


@pytest.fixture
def engine() -> Answering:
    return Answering()


@pytest.fixture
def browser(document: Document, engine: Answering, qtbot: QtBot, tmp_path: Path) -> SampleBrowser:
    for name in ("high", "low"):
        (tmp_path / "sounds" / name).mkdir(parents=True)
        for number in range(4):
            soundfile.write(tmp_path / "sounds" / name / f"{number}.wav", [0.5, -0.5] * 1000, 8000)
    shown = SampleBrowser(DataHelper(document, engine))
    qtbot.addWidget(shown)
    shown.resize(800, 500)
    shown.show()
    read(document, edit.set_source(Spec(), "AudioFolder", {"path": str(tmp_path / "sounds")}))
    shown.show_data(document.data_report)
    engine.answer()
    return shown


def test_a_sound_that_cannot_be_played_says_why(
    browser: SampleBrowser, engine: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_viewer, "why_silent", lambda: "There is no loudspeaker.")
    browser.gallery.opened.emit(2)
    engine.answer()
    assert not browser.viewer.play.isEnabled()
    assert "There is no loudspeaker." in words_in(browser.viewer)
    browser.viewer.grab()
    browser.viewer.close()


def test_a_sound_is_played_from_its_samples(
    browser: SampleBrowser, engine: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    played: list[tuple[int, int, int]] = []

    def play(pcm: bytes, rate: int, channels: int) -> str:
        played.append((len(pcm), rate, channels))
        return ""

    monkeypatch.setattr(data_viewer, "why_silent", lambda: "")
    monkeypatch.setattr(browser.viewer._player, "play", play)
    browser.gallery.opened.emit(0)
    engine.answer()
    press(browser.viewer, "Play")
    engine.answer()
    assert played == [(4000, 8000, 1)]
    browser.viewer._moved(0.5)
    browser.viewer.grab()
    browser.viewer.close()


def test_a_sound_that_is_gone_is_said(browser: SampleBrowser, engine: Answering, tmp_path: Path) -> None:
    for path in (tmp_path / "sounds").rglob("*.wav"):
        path.unlink()
    browser.gallery.opened.emit(0)
    engine.answer()
    assert "sound" in words_in(browser.viewer)
    browser.viewer.close()
