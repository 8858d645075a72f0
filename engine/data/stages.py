"""How long each stage of the data's way to the model takes, and what would shorten the wait for it."""

from __future__ import annotations

import time
from collections.abc import Mapping

from engine.events import Stage

NAMES = ("read", "steps", "cache", "batch", "copy", "model")
MUCH = 0.15  # share of the time that the model waited, from which a word is worth it


class Stages:
    """Adds up the seconds of each stage since `begin`."""

    def __init__(self, workers: int = 0, spare: int = 0) -> None:
        """`workers` read beside training; `spare` more would each have a core of their own."""
        self._workers, self._spare = workers, spare
        self.begin()

    def begin(self) -> None:
        """Start anew."""
        self._seconds: dict[str, float] = {}
        self._samples = 0
        self._waited = 0.0
        self._begun = time.perf_counter()

    def add(self, name: str, seconds: float) -> None:
        """A stage was at work for so many seconds."""
        self._seconds[name] = self._seconds.get(name, 0.0) + seconds

    def took(self, samples: int, waited: float) -> None:
        """The model got a batch of so many samples, for which it waited so many seconds."""
        self._samples += samples
        self._waited += waited

    @property
    def waited(self) -> float:
        """The share of the time in which the model waited, from 0 to 1."""
        return min(1.0, self._waited / max(1e-9, time.perf_counter() - self._begun))

    def stages(self) -> tuple[Stage, ...]:
        """The stages that were at work, in their order."""
        passed = max(1e-9, time.perf_counter() - self._begun)
        seconds = {**self._seconds, "model": max(0.0, passed - self._waited)}
        return tuple(
            Stage(name, self._at_once(name) * self._samples / seconds[name], seconds[name] / passed)
            for name in NAMES
            if seconds.get(name)
        )

    def _at_once(self, name: str) -> int:
        """How many batches a stage works on side by side."""
        return max(1, self._workers) if name == "read" else 1

    def advice(self, cache: str) -> str:
        """What would shorten the wait, "" where it is short. `cache` is where samples are kept."""
        if self.waited < MUCH:
            return ""
        worst = max(self._seconds, key=lambda name: self._seconds[name], default="")
        share = f"The model waits for data {self.waited:.0%} of the time"
        if worst == "read":
            return f"{share}: reading is the bottleneck; {self._for_reading(cache)}."
        words: Mapping[str, str] = {
            "steps": "the steps of the columns are; take fewer of the random ones, or smaller images",
            "batch": "gathering batches is; raise batch_size",
            "copy": "copying to the device is; set resident to device, or shrink the samples",
        }
        return f"{share}: {words[worst]}." if worst in words else ""

    def _for_reading(self, cache: str) -> str:
        """How to read faster: workers as far as there are cores for them, then a cache."""
        busy = self.waited / max(1e-9, 1 - self.waited)  # how much longer reading takes than the model
        more = min(self._spare, max(1, round(busy * max(1, self._workers))))
        if more and cache == "none":
            return f"{more} more worker{'s' if more > 1 else ''} would help, or a cache on the disk"
        if more:
            return f"{more} more worker{'s' if more > 1 else ''} would help"
        return "keep samples in memory or on the disk (cache)" if cache == "none" else "a faster disk would help"
