"""From the start of the process to the window shown, against a bare script with an empty NodeGraphQt graph."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from statistics import median

from tests.bench.figure import Figure

ROUNDS = 7

BARE = """
from PySide6.QtWidgets import QApplication
app = QApplication([])
from NodeGraphQt import NodeGraph
graph = NodeGraph()
graph.widget.resize(1440, 900)
graph.widget.show()
app.processEvents()
"""

STUDIO = """
import app.main
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from app.window import Window
QApplication.exec = staticmethod(lambda: (QApplication.processEvents(), 0)[1])
Window.begin = lambda self: None
app.main.main([])
import os, sys
assert "torch" not in sys.modules
sys.stdout.flush()
os._exit(0)
"""


def _seconds(script: str, home: str) -> float:
    folders = {f"XDG_{name}_HOME": home for name in ("CONFIG", "DATA", "STATE", "CACHE")}
    environment = {**os.environ, **folders, "QT_QPA_PLATFORM": "offscreen", "QT_PREFERRED_BINDING": "PySide6"}
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], env=environment, check=True, capture_output=True)
    return time.perf_counter() - begun


def run() -> list[Figure]:
    """Start both again and again, in turn."""
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as home:
        for _ in range(ROUNDS + 1):
            ours.append(_seconds(STUDIO, home))
            theirs.append(_seconds(BARE, home))
    return [Figure("window shown", median(ours[1:]), "s", 2.0, "lower", median(theirs[1:]))]
