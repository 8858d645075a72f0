"""Opening a 1,000-node graph and fitting it in view, against stock NodeGraphQt with the same nodes and wires."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tests.bench.figure import Figure

NODES = 1000


def _ours() -> float:
    from PySide6.QtWidgets import QApplication

    from app.canvas import Canvas
    from app.document import Document
    from engine import edit
    from tests.bench.bench_check import _plain_chain

    spec = edit.tidy(_plain_chain(NODES))
    document = Document(Path())
    canvas = Canvas(document)
    canvas.resize(1200, 800)
    canvas.show()
    QApplication.processEvents()
    begun = time.perf_counter()
    document.new(spec)
    canvas.fit()
    canvas.viewer.viewport().repaint()
    seconds = time.perf_counter() - begun
    QApplication.processEvents()
    assert len(canvas.cards) == NODES
    return seconds


def _stock() -> float:
    from NodeGraphQt import BaseNode, NodeGraph
    from PySide6.QtWidgets import QApplication

    class Plain(BaseNode):  # type: ignore[misc]  # NodeGraphQt has no types
        __identifier__ = "bench"
        NODE_NAME = "Plain"

        def __init__(self) -> None:
            super().__init__()
            self.add_input("input")
            self.add_output("output")

    graph = NodeGraph()
    graph.register_node(Plain)
    graph.widget.resize(1200, 800)
    graph.widget.show()
    QApplication.processEvents()
    begun = time.perf_counter()
    last = None
    for place in range(NODES):
        pos = [(place % 34) * 256, (place // 34) * 160]
        node = graph.create_node("bench.Plain", pos=pos, push_undo=False)
        if last is not None:
            last.output(0).connect_to(node.input(0), push_undo=False)
        last = node
    graph.viewer().zoom_to_nodes([node.view for node in graph.all_nodes()])
    graph.viewer().viewport().repaint()
    return time.perf_counter() - begun


def run() -> list[Figure]:
    """Measure both in one process, ours first and last."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    os.environ["QT_PREFERRED_BINDING"] = "PySide6"
    from PySide6.QtWidgets import QApplication

    app = QApplication([])
    first, stock, second = _ours(), _stock(), _ours()
    app.closeAllWindows()
    return [Figure("opening and fitting 1,000 nodes", (first + second) / 2, "s", 1 / 3, "lower", stock)]
