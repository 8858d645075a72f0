from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from app import sound
from app.sound import Player, why_silent


class PortAudioError(Exception):
    pass


class Stream:
    """Takes numbers when it is told to, as a device does."""

    def __init__(self, rate: int, *, channels: int, dtype: str, callback: Any) -> None:
        self.rate, self.channels, self.dtype, self.fill = rate, channels, dtype, callback
        self.started = self.closed = False
        opened.append(self)

    def start(self) -> None:
        self.started = True

    def close(self) -> None:
        self.closed = True

    def take(self, frames: int) -> bytes:
        out = bytearray(frames * self.channels * 2)
        self.fill(memoryview(out), frames, None, None)
        return bytes(out)


opened: list[Stream] = []


@pytest.fixture(autouse=True)
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[types.SimpleNamespace]:
    """A machine with a loudspeaker that is written down."""
    package = types.SimpleNamespace(
        PortAudioError=PortAudioError, check_output_settings=lambda: None, RawOutputStream=Stream
    )
    monkeypatch.setitem(sys.modules, "sounddevice", package)  # type: ignore[arg-type]
    sound._found.cache_clear()
    opened.clear()
    yield package
    sound._found.cache_clear()


def test_a_sound_is_handed_over_piece_by_piece_and_ends(qtbot: QtBot) -> None:
    player = Player()
    moved: list[float] = []
    player.moved.connect(moved.append)
    assert player.play(bytes(range(1, 13)), 8000, 1) == ""
    (stream,) = opened
    assert (stream.rate, stream.channels, stream.dtype, stream.started) == (8000, 1, "int16", True)
    assert stream.take(4) == bytes(range(1, 9))
    qtbot.waitUntil(lambda: bool(moved))
    assert moved[-1] == pytest.approx(8 / 12)
    assert stream.take(4) == bytes([9, 10, 11, 12, 0, 0, 0, 0])  # silence fills it up
    qtbot.waitUntil(lambda: not player.playing)
    assert moved[-1] == 0
    assert stream.closed


def test_a_second_sound_ends_the_first(qtbot: QtBot) -> None:
    player = Player()
    player.play(b"\0" * 100, 8000, 1)
    player.play(b"\0" * 100, 16_000, 2)
    assert [each.closed for each in opened] == [True, False]
    player.stop()
    assert opened[1].closed


def test_a_machine_without_a_device_says_so(device: types.SimpleNamespace) -> None:
    def none() -> None:
        raise PortAudioError("no device")

    device.check_output_settings = none
    assert "no device for sound" in why_silent()
    assert "no device for sound" in Player().play(b"", 8000, 1)


def test_a_package_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert "pip install sounddevice" in why_silent()


def test_a_device_that_refuses_is_told(device: types.SimpleNamespace) -> None:
    def refusing(*_args: Any, **_kept: Any) -> None:
        raise PortAudioError("invalid sample rate")

    device.RawOutputStream = refusing
    assert "invalid sample rate" in Player().play(b"", 1, 1)
