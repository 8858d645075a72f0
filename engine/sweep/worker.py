"""The process that trains trials, one after the other, so that torch is loaded once for many.

Requests are JSON lines on stdin: {"run": a folder with spec.json, "folder": where the data's paths start}. What comes
of a trial stands in its run folder. When stdin ends, the trial at work is stopped with a checkpoint.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from pathlib import Path
from typing import IO

from engine.sweep.folder import stop_trial
from engine.train.folder import Run

NICENESS = 10


def main(arguments: list[str]) -> int:
    """Train what is asked for until stdin ends; the argument is the number of threads, none for torch's own choice."""
    sys.stdout = sys.stderr  # whatever prints goes to the sweep's log
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    if arguments:
        import torch  # takes seconds; requests may come meanwhile

        torch.set_num_threads(int(arguments[0]))
    Worker(sys.stdin).run()
    return 0


def _is_gpu_lost() -> bool:
    """Whether a kernel failed on the GPU, after which this process can do no more with it."""
    import torch  # loaded by the trial before

    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return False
    try:
        torch.cuda.synchronize()
    except RuntimeError:
        return True
    return False


class Worker:
    """Trains one run after the other."""

    def __init__(self, requests: IO[str]) -> None:
        self._requests = requests
        self._waiting: queue.SimpleQueue[tuple[Run, Path] | None] = queue.SimpleQueue()
        self._at_work: Run | None = None
        self._ended = threading.Event()

    def run(self) -> None:
        """Train until the requests end."""
        threading.Thread(target=self._read, daemon=True).start()
        from engine.train.loop import train  # torch's seconds: requests may come meanwhile

        while (request := self._waiting.get()) is not None and not self._ended.is_set():
            self._at_work, folder = request
            for _event in train(self._at_work.spec(), folder, self._at_work):
                if self._ended.is_set():
                    stop_trial(self._at_work)
            if _is_gpu_lost():
                return  # the next trial needs a process of its own

    def _read(self) -> None:
        for line in self._requests:
            request = json.loads(line)
            self._waiting.put((Run(Path(request["run"])), Path(request["folder"])))
        self._ended.set()
        if self._at_work is not None:
            stop_trial(self._at_work)
        self._waiting.put(None)
