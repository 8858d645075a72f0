"""Importing the catalogue, which needs no torch, against importing torch."""

from __future__ import annotations

import subprocess
import sys
from statistics import median

from tests.bench.figure import Figure

ROUNDS = 5


def _seconds(module: str) -> float:
    """How long a fresh process takes to import a module."""
    code = f"import time; begun = time.perf_counter(); import {module}; print(time.perf_counter() - begun)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout)


def run() -> list[Figure]:
    """Measure both in turns."""
    pairs = [(_seconds("engine.ops"), _seconds("torch")) for _ in range(ROUNDS)]
    ours, theirs = (median(each) for each in zip(*pairs, strict=True))
    return [Figure("importing the catalogue, against importing torch", ours, "s", 0.15, "lower", theirs)]
