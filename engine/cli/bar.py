"""A bar on the terminal for work that takes a while before a verb has anything to print."""

from __future__ import annotations

import sys
from typing import Any

from engine.progress import BYTES, Headway


class Bar:
    """Draws how far work has come on stderr, where that is a terminal."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._what = ""

    def __call__(self, headway: Headway) -> None:
        if not sys.stderr.isatty():
            return
        if headway.what != self._what:
            self.close()
            self._bar, self._what = self._begun(headway), headway.what
        if self._bar is None:
            return
        self._bar.total, self._bar.n = headway.total or None, headway.done
        self._bar.refresh()

    def _begun(self, headway: Headway) -> Any:
        from tqdm import tqdm  # a moment that few verbs need

        if not headway.what:
            return None
        scaled = headway.unit == BYTES
        unit = "B" if scaled else headway.unit
        return tqdm(desc=headway.what, unit=unit, unit_scale=scaled, unit_divisor=1024, leave=False)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar, self._what = None, ""
