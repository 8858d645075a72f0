"""Processes of the engine that live by themselves, whatever becomes of the one that starts them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Literal

ROOT = Path(__file__).parents[1]

Process = subprocess.Popen[bytes]


def start(verb: Sequence[str], stderr: IO[bytes] | int, *, stdin: int = subprocess.DEVNULL) -> Process:
    """Start a process that does a verb of the command line in a session of its own; raises OSError where none can."""
    return subprocess.Popen(
        [sys.executable, "-m", "engine", *verb],
        cwd=ROOT,
        stdin=stdin,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,  # a Ctrl+C is meant for who started it
    )


def start_logged(verb: Sequence[str], log: Path, mode: Literal["ab", "wb"] = "ab") -> Process:
    """Start one whose words go to a file, behind what is there or in its place."""
    with log.open(mode) as stream:
        return start(verb, stream)
