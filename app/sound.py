"""Playing sounds, where the machine can be heard."""

from __future__ import annotations

import functools
import importlib
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

TICK_MS = 40
BYTES = 2  # of a number of 16 bits


@functools.cache
def _found() -> tuple[Any, str]:
    """The package that plays, or None and why nothing can be played."""
    try:
        sounddevice = importlib.import_module("sounddevice")  # raises OSError without PortAudio
    except ImportError:
        return None, "Sounds can be played once the package sounddevice is installed: pip install sounddevice"
    except OSError:
        return None, "Sounds cannot be played: the library PortAudio, which sounddevice needs, is not installed."
    try:
        sounddevice.check_output_settings()
    except (sounddevice.PortAudioError, ValueError):
        return None, "Sounds cannot be played: this machine has no device for sound."
    return sounddevice, ""


def why_silent() -> str:
    """Why no sound can be played here; empty where one can."""
    return _found()[1]


class Player(QObject):
    """Plays one sound at a time."""

    moved = Signal(float)  # the share that was played; 0 once it has ended

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._stream: Any = None
        self._data, self._at = b"", 0
        self._timer = QTimer(self)
        self._timer.setInterval(TICK_MS)
        self._timer.timeout.connect(self._tell)

    @property
    def playing(self) -> bool:
        """Whether a sound is under way."""
        return self._stream is not None

    def play(self, pcm: bytes, rate: int, channels: int) -> str:
        """Play 16-bit numbers, channels mixed; returns why that fails, empty where it does not."""
        self.stop()
        sounddevice, why = _found()
        if why:
            return str(why)
        self._data, self._at = pcm, 0

        def fill(out: Any, frames: int, _time: Any, _status: Any) -> None:
            """Hand the next numbers over, in a thread of the library's own."""
            wanted = frames * channels * BYTES
            part = self._data[self._at : self._at + wanted]
            self._at += wanted
            out[:] = part.ljust(wanted, b"\0")

        try:
            self._stream = sounddevice.RawOutputStream(rate, channels=channels, dtype="int16", callback=fill)
            self._stream.start()
        except (sounddevice.PortAudioError, ValueError) as error:
            self._stream = None
            return f"The sound cannot be played: {error}."
        self._timer.start()
        return ""

    def stop(self) -> None:
        """Be silent."""
        self._timer.stop()
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
            self.moved.emit(0.0)

    def _tell(self) -> None:
        if self._at >= len(self._data):
            self.stop()
        else:
            self.moved.emit(self._at / len(self._data))
