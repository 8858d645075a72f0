"""The colours of runs: the same in the list, in the curves and where runs are compared."""

from __future__ import annotations

from PySide6.QtGui import QColor

from app.theme import theme
from engine.train.folder import Run

COLOURS = (  # in the light and in the dark theme
    ("#2563d9", "#5b93ff"),
    ("#c2570c", "#f59a4a"),
    ("#1f7a36", "#63c774"),
    ("#b5379b", "#ea7fd3"),
    ("#0f8a8f", "#3fc6c9"),
    ("#8a6d1f", "#d1b155"),
    ("#c22f2f", "#ff8a80"),
    ("#6a4fc2", "#a991f7"),
    ("#566173", "#aab4c3"),
    ("#6b7d12", "#bccb5a"),
)


class RunColours:
    """Gives each run that is shown a colour, and keeps it for as long as the run is shown."""

    def __init__(self) -> None:
        self._places: dict[Run, int] = {}

    def colour(self, run: Run, *, further: bool = False) -> QColor:
        """The colour of a run, or the one `further` on, for a second line of the same run."""
        if run not in self._places:
            taken = set(self._places.values())
            self._places[run] = next(place for place in range(len(taken) + 1) if place not in taken)
        return QColor(COLOURS[(self._places[run] + further) % len(COLOURS)][theme().dark])

    def release(self, run: Run) -> None:
        """Give the colour of a run back, for it is not shown any more."""
        self._places.pop(run, None)
