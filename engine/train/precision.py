"""The numbers that a network computes in, and torch's switches while a run is at work."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch.amp import GradScaler

from engine.ops.settings import Training
from engine.problem import Fix, Mistake

HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}
WORKSPACE, WORKSPACE_SIZES = "CUBLAS_WORKSPACE_CONFIG", ":4096:8"  # with which cuBLAS gives the same bits each time
PATH = "training.precision"


@dataclass(frozen=True, slots=True)
class Precision:
    """What a run computes in on its device: `half` in autocast, where it is not None; `note` says what it cannot."""

    half: torch.dtype | None = None
    tf32: bool = False
    note: str = ""

    def at_work(self, device: torch.device) -> AbstractContextManager[Any]:
        """A context in which torch computes in it."""
        return nullcontext() if self.half is None else torch.autocast(device.type, self.half)

    def scaler(self, device: torch.device) -> GradScaler | None:
        """What keeps small gradients from vanishing in fp16."""
        return GradScaler(device.type) if self.half is torch.float16 else None


def chosen(wanted: str, device: torch.device) -> Precision:
    """What is used of a wanted precision on a device; raises Mistake for a GPU that lacks bf16."""
    if device.type == "cpu" and wanted in ("tf32", "fp16"):
        return Precision(
            note=f"{wanted} is for GPUs, so this run on the CPU computes in float32; here is bf16 beside it."
        )
    if wanted == "bf16" and device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        fix = Fix("Compute in fp16", "set_setting", {"path": PATH, "value": "fp16"})
        raise Mistake("precision is bf16, which this GPU does not have; choose fp16.", param=PATH, fixes=(fix,))
    return Precision(HALVES.get(wanted), wanted == "tf32")


@contextmanager
def switched(training: Training, precision: Precision) -> Iterator[None]:
    """Set torch's switches for a run, and set them back after it."""
    products, filters = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    exact, exact_filters = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.deterministic
    filling: Any = torch.utils.deterministic  # its attribute is unknown to mypy
    filled, workspace = filling.fill_uninitialized_memory, os.environ.get(WORKSPACE)
    torch.set_float32_matmul_precision("high" if precision.tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = precision.tf32
    if training.deterministic:
        os.environ.setdefault(WORKSPACE, WORKSPACE_SIZES)
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.deterministic = True
        filling.fill_uninitialized_memory = False  # no operation reads what was never written
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(products)
        torch.backends.cudnn.allow_tf32 = filters
        torch.use_deterministic_algorithms(exact)
        torch.backends.cudnn.deterministic = exact_filters
        filling.fill_uninitialized_memory = filled
        if workspace is None:
            os.environ.pop(WORKSPACE, None)


def indeterminate(error: RuntimeError) -> Mistake | None:
    """What to say where an operation has no deterministic form, by what torch says; None for another error."""
    if WORKSPACE in str(error):
        words = "deterministic came too late for this process, which has used the GPU before; train again in a new one."
        return Mistake(words, param="training.deterministic")
    found = re.match(r"(\S+) does not have a deterministic implementation", str(error))
    if found is None:
        return None
    fix = Fix("Turn deterministic off", "set_setting", {"path": "training.deterministic", "value": False})
    words = f"PyTorch's {found[1].rstrip('_')} has no form that gives the same bits each time on this device"
    return Mistake(
        f"{words}; turn deterministic off, or take another layer in its place.",
        param="training.deterministic",
        fixes=(fix,),
    )
