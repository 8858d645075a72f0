"""A training process that is ready before it is wanted: it has torch loaded and waits for its run."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

from engine.detached import Process, start, start_logged


class Warm:
    """Keeps one process that waits; it ends by itself when nobody can give it a run any more."""

    def __init__(self) -> None:
        self._process: Process | None = None

    def prepare(self) -> None:
        """Start one, unless one waits already."""
        if self._process is None or self._process.poll() is not None:
            self._process = start(["wait"], subprocess.DEVNULL, stdin=subprocess.PIPE)

    def launch(self, arguments: Sequence[str], log: Path) -> Process:
        """Have the waiting process run a verb, or a new one where none waits; raises OSError where none can."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None and _ordered(process, arguments, log):
            return process
        return start_logged(arguments, log)

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
