"""Single tensors in safetensors files: what there is, and taking it."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import safetensors

from engine.declare import did_you_mean
from engine.problem import Mistake

if TYPE_CHECKING:
    from torch import Tensor

BESIDE = "netloom"  # what a file tells beside its tensors, as JSON
ALIASES = "aliases"  # in it, the names of tensors that are others under another name, and the names of those

Shapes = Mapping[str, tuple[int, ...]]


def copy_from_file(tensor: Tensor, path: str, name: str) -> Tensor:
    """Fill a tensor with the one of that name and shape in a safetensors file."""
    import torch  # takes seconds, and the window only looks at what there is

    with safetensors.safe_open(path, framework="pt") as stored, torch.no_grad():
        return tensor.copy_(stored.get_tensor(_aliases(stored).get(name, name)))


def checked_file(path: Path, name: str, what: str, shape: tuple[int, ...]) -> None:
    """Raise Mistake where a file does not hold a tensor of that name and shape; `what` would be filled with it."""
    if not path.is_file():
        raise Mistake(f"{path} does not exist; choose a safetensors file.", param="path")
    shapes = shapes_in(path)
    found = shapes.get(name)
    if found is None:
        known = did_you_mean(name, shapes) or f"; it has {', '.join(sorted(shapes)[:8]) or 'none'}"
        raise Mistake(f"{path} holds no tensor {name!r}{known}.", param="name")
    if found != shape:
        words = f"{name} is {_sizes(found)} in {path.name}, and {what} is {_sizes(shape)}"
        raise Mistake(f"{words}; choose a tensor of the same shape.", param="name")


def shapes_in(path: Path) -> Shapes:
    """The tensors of a safetensors file under all their names, and their shapes; raises Mistake where it is none."""
    try:
        facts = path.stat()
        return _shapes(path, facts.st_mtime_ns, facts.st_size, facts.st_ino)
    except (safetensors.SafetensorError, OSError, ValueError, KeyError) as error:
        raise Mistake(f"{path} is no whole safetensors file: {error}.", param="path") from None


@functools.lru_cache(maxsize=4)
def _shapes(path: Path, _mtime_ns: int, _size: int, _inode: int) -> Shapes:
    """The shapes of the tensors of a file as it stands, which is asked of for each of them at every check."""
    with safetensors.safe_open(path, framework="np") as stored:
        shapes = {name: tuple(stored.get_slice(name).get_shape()) for name in stored.keys()}  # noqa: SIM118  # no mapping
        return shapes | {name: shapes[first] for name, first in _aliases(stored).items()}


def _aliases(stored: Any) -> Mapping[str, str]:
    return told_beside(stored).get(ALIASES, {})  # type: ignore[no-any-return]  # as it was written


def told_beside(stored: Any) -> dict[str, Any]:
    """What a safetensors file, opened, tells beside its tensors; nothing where another program wrote it."""
    return json.loads((stored.metadata() or {}).get(BESIDE, "{}"))  # type: ignore[no-any-return]  # an object of ours


def _sizes(shape: tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "one number"
