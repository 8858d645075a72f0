"""Single tensors taken from safetensors files."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import safetensors
import torch
from torch import Tensor

from engine.declare import did_you_mean
from engine.problem import Mistake


def copy_from_file(tensor: Tensor, path: str, name: str) -> Tensor:
    """Fill a tensor with the one of that name and shape in a safetensors file."""
    with safetensors.safe_open(path, framework="pt") as stored, torch.no_grad():
        return tensor.copy_(stored.get_tensor(name))


def checked_file(path: Path, name: str, what: str, shape: tuple[int, ...]) -> None:
    """Raise Mistake where a file does not hold a tensor of that name and shape; `what` would be filled with it."""
    if not path.is_file():
        raise Mistake(f"{path} does not exist; choose a safetensors file.", param="path")
    try:
        facts = path.stat()
        shapes = _shapes(path, facts.st_mtime_ns, facts.st_size, facts.st_ino)
    except (safetensors.SafetensorError, OSError) as error:
        raise Mistake(f"{path} is no whole safetensors file: {error}.", param="path") from None
    found = shapes.get(name)
    if found is None:
        known = did_you_mean(name, shapes) or f"; it has {', '.join(sorted(shapes)[:8]) or 'none'}"
        raise Mistake(f"{path} holds no tensor {name!r}{known}.", param="name")
    if found != shape:
        words = f"{name} is {_sizes(found)} in {path.name}, and {what} is {_sizes(shape)}"
        raise Mistake(f"{words}; choose a tensor of the same shape.", param="name")


@functools.lru_cache(maxsize=4)
def _shapes(path: Path, _mtime_ns: int, _size: int, _inode: int) -> Mapping[str, tuple[int, ...]]:
    """The shapes of the tensors of a file as it stands, which is asked of for each of them at every check."""
    with safetensors.safe_open(path, framework="pt") as stored:
        return {name: tuple(stored.get_slice(name).get_shape()) for name in stored.keys()}  # noqa: SIM118  # no mapping


def _sizes(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "one number"
