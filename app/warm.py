"""A training process that is ready before it is wanted: it has torch loaded and waits for its run."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]

Process = subprocess.Popen[bytes]


def engine(arguments: Sequence[str], *, stdin: int, stderr: int) -> Process:
    """Start a process of the engine that lives by itself, whatever becomes of the window."""
    return subprocess.Popen(
        [sys.executable, "-m", "engine", *arguments],
        cwd=ROOT,
        stdin=stdin,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )


class Warm:
    """Keeps one process that waits; it ends by itself when nobody can give it a run any more."""

    def __init__(self) -> None:
        self._process: Process | None = None

    def prepare(self) -> None:
        """Start one, unless one waits already."""
        if self._process is None or self._process.poll() is not None:
            self._process = engine(["wait"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def launch(self, arguments: Sequence[str], log: Path) -> Process:
        """Have the waiting process run a verb, or a new one where none waits; raises OSError where none can."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None and _ordered(process, arguments, log):
            return process
        with log.open("ab") as stream:
            return engine(arguments, stdin=subprocess.DEVNULL, stderr=stream.fileno())

    def close(self) -> None:
        """Let the waiting process go."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            assert process.stdin is not None
            process.stdin.close()


def _ordered(process: Process, arguments: Sequence[str], log: Path) -> bool:
    """Hand a verb to a waiting process; whether it could be reached."""
    assert process.stdin is not None
    log.touch()
    order = json.dumps({"arguments": list(arguments), "log": str(log)})
    try:
        process.stdin.write(order.encode() + b"\n")
        process.stdin.close()
    except OSError:  # it has just ended
        with contextlib.suppress(OSError):
            process.stdin.close()
        return False
    return True
