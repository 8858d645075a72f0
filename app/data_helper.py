"""Questions about the document's data to the helper process, of which only the newest of each kind is answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject

from app.document import Document
from app.engine_process import EngineProcess
from engine.spec import Spec, encode

Take = Callable[[dict[str, Any]], None]
INPUT, SEED = "Input", "seed"


class DataHelper(QObject):
    """Asks about the data of the project that is open; answers that have become out of date are dropped."""

    def __init__(self, document: Document, worker: EngineProcess) -> None:
        super().__init__(document)
        self._document, self._worker = document, worker
        self._newest: dict[str, int] = {}
        document.replaced.connect(self._newest.clear)

    def ask(self, topic: str, take: Take, do: str, **arguments: Any) -> None:
        """Send a request; `take` gets the answer unless the topic was asked about anew, or forgotten, meanwhile."""
        number = 0

        def answered(answer: dict[str, Any]) -> None:
            if self._newest.get(topic) == number:
                take(answer)

        spec, folder = encode(of_data(self._document.spec)), str(self._document.folder)
        number = self._worker.request(do, answered, spec=spec, folder=folder, **arguments)
        self._newest[topic] = number

    def forget(self, topic: str) -> None:
        """Want no answer to what was asked of a topic."""
        self._newest.pop(topic, None)


def of_data(spec: Spec) -> Spec:
    """What the data depends on: its section, the Inputs that are bound to columns, and the seed of random steps."""
    inputs = [replace(node, inputs={}) for node in spec.nodes.values() if node.op == INPUT]
    training = {name: value for name, value in spec.training.items() if name == SEED}
    return replace(spec, blocks={}, training=training, canvas={}).with_nodes(inputs)
