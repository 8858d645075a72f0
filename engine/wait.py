"""A process that has everything loaded and waits for its verb, so that training begins at once."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

from engine.cli import main
from engine.events import Progress
from engine.examples import FOLDER, find_example
from engine.problem import Mistake
from engine.spec import load
from engine.train.folder import Run

EXAMPLE = "iris"  # trained for a moment, for much of torch is loaded only by its first step


def wait() -> int:
    """Load all that training takes, then run the verb that comes as a JSON line; end where stdin ends without one.

    The line is {"arguments": [...], "log": PATH}: what the verb prints to stderr goes to the log, the rest to nothing.
    """
    _warm_up()
    line = sys.stdin.readline()
    if not line:
        return 0
    order = json.loads(line)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    nothing = os.open(os.devnull, os.O_RDWR)
    for kept, stream in ((nothing, 0), (nothing, 1), (log, 2)):
        os.dup2(kept, stream)
    return main(order["arguments"])


def _warm_up() -> None:
    from engine.train.loop import train  # after the window has had its processor time; this takes seconds

    with tempfile.TemporaryDirectory() as folder:
        try:
            # not on a GPU: its memory is not ours until a run wants it, and cuBLAS must not have been used before a
            # deterministic run sets its workspace
            stream = train(load(find_example(EXAMPLE)), FOLDER, Run(Path(folder) / "run"), device="cpu")
            next((event for event in stream if isinstance(event, Progress)), None)
            stream.close()  # type: ignore[attr-defined]  # a generator
        except Mistake:  # the run that comes will tell it
            return
