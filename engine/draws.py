"""Where random numbers come from: torch's generators, and those of Python and NumPy, which a node's code may use."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

TORCH, PYTHON, NUMPY = "host", "python", "numpy"
MOST = 2**32  # what NumPy takes for a seed is below it


def seed(number: int) -> None:
    """Let all that is drawn from here on depend on a number alone."""
    torch.manual_seed(number)
    random.seed(number)
    np.random.seed(number % MOST)


def mark() -> Callable[[], None]:
    """Take note of where the generators on the host are; what is returned goes back there, quicker than `load`."""
    return partial(_set, torch.get_rng_state(), random.getstate(), np.random.get_state(legacy=False))


def _set(host: Tensor, python: tuple[Any, ...], numpy: Any) -> None:
    torch.set_rng_state(host)
    random.setstate(python)
    np.random.set_state(numpy)


def state() -> dict[str, Any]:
    """Where the generators on the host are, as JSON values and tensors."""
    version, words, spare = random.getstate()
    numpy: Any = np.random.get_state(legacy=False)
    key = torch.from_numpy(numpy["state"]["key"].astype(np.int64))
    return {
        TORCH: torch.get_rng_state(),
        PYTHON: {"version": version, "words": torch.tensor(words), "spare": spare},
        NUMPY: {**numpy, "state": {"key": key, "pos": int(numpy["state"]["pos"])}},
    }


def load(state: Mapping[str, Any]) -> None:
    """Go back to a state; one of an older version tells of torch alone."""
    torch.set_rng_state(state[TORCH])
    if PYTHON in state:
        python = state[PYTHON]
        random.setstate((python["version"], tuple(python["words"].tolist()), python["spare"]))
    if NUMPY in state:
        numpy = state[NUMPY]
        key = numpy["state"]["key"].numpy().astype(np.uint32)
        np.random.set_state({**numpy, "state": {**numpy["state"], "key": key}})


@contextmanager
def apart(device: torch.device | None = None) -> Iterator[None]:
    """Draw on the host, and on a device, without a trace: at the end the generators are where they were."""
    go_back = mark()
    try:
        with torch.random.fork_rng(devices=[device] if device is not None and device.type == "cuda" else []):
            yield
    finally:
        go_back()
