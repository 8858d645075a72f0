"""Training a run again, so that the same numbers come out: on its device, with its threads, and its data's folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from engine.devices import choose, devices
from engine.problem import Mistake
from engine.runs import environment_changes
from engine.train.folder import Run
from engine.train.session import environment


def folder_of(run: Run) -> Path:
    """Where relative paths of the run's data start."""
    known = run.environment().get("folder")
    if not known:
        raise Mistake(f"{run.path} has no environment.json, which says where its data lies; name it by --data-folder.")
    return Path(str(known))


def device_of(run: Run) -> str | None:
    """The device that the run was trained on, or None where this machine has it not."""
    known = _known(run).get("device")
    return str(known) if known in {each.name for each in devices()} else None


def _known(run: Run) -> Mapping[str, Any]:
    """The environment of a run; "cuda" without a number is the first one there."""
    known = run.environment()
    return {**known, "device": "cuda:0"} if known.get("device") == "cuda" else known


def take_threads(run: Run) -> None:
    """Compute with as many threads as the run did; another number gives other last bits."""
    threads = run.environment().get("threads")
    if isinstance(threads, int) and threads > 0:
        torch.set_num_threads(threads)


def changes(run: Run) -> list[str]:
    """Say what is not as it was when the run was trained, and may lead to other numbers."""
    then = _known(run)
    now = environment(choose(device_of(run) or "auto"), Path(str(then.get("folder", "."))))
    return environment_changes(then, {**now, "threads": then.get("threads")})
