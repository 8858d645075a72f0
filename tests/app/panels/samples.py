"""A helper that answers at once as the engine does, and small data for the panels that look at it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from PIL import Image

from app.document import Document
from app.engine_process import EngineProcess, Reply
from engine import edit
from engine.data import report as data_report
from engine.serve import Server
from engine.spec import Spec


class Answering(EngineProcess):
    """Answers when it is told to, with what the engine says; requests are kept."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[dict[str, Any]] = []
        self._replies: list[tuple[dict[str, Any], Reply]] = []

    def request(self, do: str, reply: Reply, **arguments: Any) -> int:
        self._next += 1
        request = {"id": self._next, "do": do, **arguments}
        self.requests.append(request)
        self._replies.append((request, reply))
        return self._next

    def answer(self, *topics: str) -> None:
        """Answer all that waits, or what is of some kinds; answers may ask for more."""
        while waiting := [each for each in self._replies if not topics or each[0]["do"] in topics]:
            for each in waiting:
                self._replies.remove(each)
                each[1](self._done(each[0]))

    def _done(self, request: dict[str, Any]) -> dict[str, Any]:
        replies = io.StringIO()
        Server(io.StringIO(json.dumps(request)), replies).run()
        answer: dict[str, Any] = json.loads(replies.getvalue().splitlines()[-1])
        return answer

    def asked(self, do: str) -> list[dict[str, Any]]:
        """The requests of a kind so far."""
        return [each for each in self.requests if each["do"] == do]


def table_of(folder: Path, rows: int = 200) -> Spec:
    """A table of numbers, a category and its target."""
    text = "age,town,kind\n" + "".join(f"{i % 90},t{i % 4},{'xyz'[i % 3]}\n" for i in range(rows))
    (folder / "people.csv").write_text(text)
    return edit.set_source(Spec(), "Table", {"path": str(folder / "people.csv"), "target": "kind"})


def pictures(folder: Path, count: int = 5) -> Spec:
    """A folder of images of two classes."""
    for name, colour in (("cat", (255, 0, 0)), ("dog", (0, 0, 255))):
        (folder / "pictures" / name).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (12, 8), colour).save(folder / "pictures" / name / f"{number}.png")
    return edit.set_source(Spec(), "ImageFolder", {"path": str(folder / "pictures"), "height": 8, "width": 8})


def read(document: Document, spec: Spec | None = None) -> None:
    """Open a spec, or keep the one there is, and take in what the engine says of its data."""
    if spec is not None:
        document.new(spec)
    document.set_data(data_report(document.spec, document.folder))
