"""The samples of a split and a class, asked for page by page as they come to be shown."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.data_helper import DataHelper

PAGE = 60
MOST_PAGES = 60  # that are kept
TOPIC = "samples"
Sample = dict[str, Any]


class Pages(QObject):
    """Keeps the pages that were shown last; one is asked for at a time, the one that is wanted last first."""

    changed = Signal()  # how many samples there are, or that they cannot be read
    arrived = Signal()

    def __init__(self, helper: DataHelper, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._helper = helper
        self._pages: OrderedDict[int, list[Sample]] = OrderedDict()
        self._asked: int | None = None
        self._wanted: int | None = None
        self._choice: dict[str, Any] = {"part": "", "class": "", "tokens": False}
        self.total = 0
        self.error = ""
        self.known = False  # whether an answer has come for what is chosen

    def show(self, part: str, cls: str, *, tokens: bool) -> None:
        """Begin anew with a part and a class, "" for all, with the tokens of texts where they are asked for."""
        self._choice = {"part": part, "class": cls, "tokens": tokens}
        self.forget()
        self._ask(0)

    def forget(self) -> None:
        """Let go of all samples."""
        self._pages.clear()
        self._helper.forget(TOPIC)
        self._asked = self._wanted = None
        self.total, self.error, self.known = 0, "", False
        self.changed.emit()

    def sample(self, place: int) -> Sample | None:
        """The sample at a place; None while it is on its way."""
        start = place // PAGE * PAGE
        if start in self._pages:
            self._pages.move_to_end(start)
        else:
            self._want(start)
        return self.peek(place)

    def peek(self, place: int) -> Sample | None:
        """The sample at a place where it is here; none is asked for."""
        page = self._pages.get(place // PAGE * PAGE, [])
        return page[place % PAGE] if place % PAGE < len(page) else None

    def _want(self, start: int) -> None:
        if self._asked is None:
            self._ask(start)
        elif start != self._asked:
            self._wanted = start

    def _ask(self, start: int) -> None:
        self._asked, self._wanted = start, None
        self._helper.ask(TOPIC, self._take, "browse", start=start, count=PAGE, **self._choice)

    def _take(self, answer: dict[str, Any]) -> None:
        self._asked = None
        first = not self.known
        self.known, self.error = True, str(answer.get("error", ""))
        if not self.error:
            self._pages[answer["start"]] = answer["samples"]
            while len(self._pages) > MOST_PAGES:
                self._pages.popitem(last=False)
            first = first or self.total != answer["total"]
            self.total = answer["total"]
        if first or self.error:
            self.changed.emit()
        self.arrived.emit()
        if self._wanted is not None and not self.error and self._asked is None:
            self._ask(self._wanted)
