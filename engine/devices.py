"""The devices that a graph can run on, and the choice among them."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from engine.problem import Mistake


@dataclass(frozen=True, slots=True)
class Device:
    """A device by torch's name, such as "cuda:0", and in words."""

    name: str
    description: str


def devices() -> list[Device]:
    """List the devices of this machine, the CPU first."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    found = [Device("cpu", f"CPU, {cores} core{'s' * (cores > 1)}")]
    for index in range(torch.cuda.device_count()):
        facts = torch.cuda.get_device_properties(index)
        found.append(Device(f"cuda:{index}", f"{facts.name}, {facts.total_memory / 2**30:.0f} GiB"))
    return found


def choose(device: str) -> torch.device:
    """Choose a device: "auto" is a GPU where there is one; raises Mistake where the wished one is missing."""
    if device == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise Mistake(
            "device is cuda, and PyTorch sees no CUDA GPU here; choose auto or cpu, or install PyTorch with CUDA.",
            param="training.device",
        )
    try:
        return torch.device(device)
    except RuntimeError:
        raise Mistake(f"There is no device {device!r}; choose auto, cpu or cuda.", param="training.device") from None
