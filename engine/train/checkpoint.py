"""Tensors on the disk, and the states of a run to go on from: safetensors files with checksums; no pickle."""

from __future__ import annotations

import contextlib
import errno
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import safetensors
import torch
from safetensors.torch import save
from torch import Tensor, nn

from engine.problem import Mistake
from engine.spec import write_atomically
from engine.tensorfile import ALIASES, BESIDE, told_beside
from engine.train.folder import CHECKPOINT, DAMAGED, Run

CHECKSUMS = "crc32"
STATE = "state"
EPOCH = "epoch"  # after which weights were those of a file
TENSOR = "tensor"  # key of what stands for a tensor in JSON
FULL = (errno.ENOSPC, errno.EDQUOT)

T = TypeVar("T")
State = dict[str, Any]  # JSON values and tensors, nested


class Stateful(Protocol):
    """A part of a run that a checkpoint keeps."""

    def state(self) -> Mapping[str, Any]:
        """Where it stands, as JSON values and tensors, nested."""
        ...

    def load(self, state: Mapping[str, Any]) -> None:
        """Go back to where `state` was written."""
        ...


# --------------------------------------------------------------------------------------------------------- tensors


def save_tensors(path: Path, tensors: Mapping[str, Tensor], beside: Mapping[str, Any] | None = None) -> None:
    """Write tensors atomically, and JSON values beside them; the same tensors always give the same bytes.

    Tensors that share memory are written once, with a table of the other names.
    """
    written, aliases = _once(tensors)
    rows = {name: each.detach().cpu().contiguous() for name, each in written.items()}
    told = {ALIASES: aliases, CHECKSUMS: {name: _checksum(each) for name, each in rows.items()}, **(beside or {})}
    data = save(rows, metadata={BESIDE: json.dumps(told)})  # under one key, for the order of several is left to chance
    write_atomically(path, lambda stream: stream.write(data))


def _once(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors without those that are another one under another name, and a table of these."""
    written: dict[str, Tensor] = {}
    names: dict[tuple[int, tuple[int, ...], tuple[int, ...]], str] = {}
    aliases: dict[str, str] = {}
    for name, tensor in tensors.items():
        key = (tensor.data_ptr(), tuple(tensor.shape), tuple(tensor.stride()))
        if tensor.numel() and key in names:
            aliases[name] = names[key]
            continue
        names[key] = name
        written[name] = tensor
    return written, aliases


def _checksum(tensor: Tensor) -> int:
    return zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data) if tensor.numel() else 0


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read tensors; raises Mistake where the file is missing or damaged."""
    return _read(path)[0]


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a file and what is told beside them."""
    if not path.is_file():
        raise Mistake(f"{path} does not exist.")
    try:
        with safetensors.safe_open(path, framework="pt") as stored:
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118  # no mapping
            beside = told_beside(stored)
        for name, checksum in beside.get(CHECKSUMS, {}).items():
            if _checksum(tensors[name]) != checksum:
                raise Mistake(f"{path} is damaged: {name} is not what was written.")
    except (safetensors.SafetensorError, OSError, ValueError, KeyError) as error:
        raise Mistake(f"{path} is no whole safetensors file: {error}.") from None
    return tensors | {name: tensors[first] for name, first in beside.get(ALIASES, {}).items()}, beside


def load_weights(module: nn.Module, path: Path) -> None:
    """Put the weights of a file into a module; raises Mistake where they do not fit."""
    tensors = load_tensors(path)
    words = misfit(module, tensors)
    if words:
        raise Mistake(f"{path} does not fit the graph: {words}.")
    module.load_state_dict(tensors)


def misfit(module: nn.Module, tensors: Mapping[str, Tensor]) -> str:
    """What keeps tensors from being the weights of a module, "" where nothing does."""
    wanted = module.state_dict()
    lacking, extra = sorted(wanted.keys() - tensors.keys()), sorted(tensors.keys() - wanted.keys())
    if lacking or extra:
        return f"it lacks {lacking[0]}" if lacking else f"it holds {extra[0]}, which the graph does not have"
    for name, tensor in wanted.items():
        if tensors[name].shape != tensor.shape:
            sizes = f"{tuple(tensors[name].shape)} in the file and {tuple(tensor.shape)} in the graph"
            return f"{name} is {sizes}"
    return ""


# ----------------------------------------------------------------------------------------------------- checkpoints


@dataclass
class Progressed:
    """How far a run has come: whole epochs, steps of the next, what was measured, which epoch was best.

    `epochs` are all that it is to train, those that were added to its settings among them; 0 for those of its settings.
    """

    epoch: int = 0
    step: int = 0
    totals: dict[str, list[float]] = field(default_factory=dict)
    best_epoch: int = 0
    best_score: float | None = None
    seconds: float = 0.0
    epochs: int = 0
    states: dict[str, dict[str, Tensor]] = field(default_factory=dict)  # of the metrics that gather


def is_kept(run: Run, progressed: Progressed) -> bool:
    """Whether the best weights of a run's folder are those of the epoch that is told to be the best."""
    try:
        with safetensors.safe_open(run.weights, framework="pt") as stored:
            beside = told_beside(stored)
    except (safetensors.SafetensorError, OSError, ValueError):
        return False
    return progressed.best_epoch > 0 and beside.get(EPOCH, progressed.best_epoch) == progressed.best_epoch


@dataclass(frozen=True)
class Saved:
    """A checkpoint as it was read: its file, the spec that it is of, how far the run was, the state of each part."""

    path: Path
    spec: str
    progressed: Progressed
    parts: Mapping[str, State]


def snapshot(
    run: Run, spec: str, progressed: Progressed, parts: Mapping[str, Stateful], *, keep: int
) -> Callable[[], Path]:
    """Copy the whole state of a run to the host; what is returned writes it, and may be called in another thread.

    It returns the checkpoint's path; all but the newest `keep` are taken away once it is on the disk.
    """
    tensors: dict[str, Tensor] = {}
    state = {  # as JSON it is what it was, whatever becomes of the run meanwhile
        "spec": spec,
        "progress": _taken_apart(vars(progressed), "progress", tensors),
        "parts": {name: _taken_apart(part.state(), name, tensors) for name, part in parts.items()},
    }
    copies = host_copies(tensors)
    path = run.checkpoints / f"{progressed.epoch:07d}-{progressed.step:09d}{CHECKPOINT}"

    def write() -> Path:
        save_tensors(path, copies, {STATE: state})
        _remove(run.checkpoint_files()[keep:])
        return path

    return write


def making_room(run: Run, write: Callable[[], T]) -> T:
    """Write something of a run; where the disk is full, once more after all checkpoints but the newest gave way."""
    try:
        return write()
    except OSError as error:
        older = run.checkpoint_files()[1:]
        if error.errno not in FULL or not older:
            raise
        _remove(older)
        return write()


def _remove(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def host_copies(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies of tensors in host memory; those that share memory share that of their copies."""
    written, aliases = _once(tensors)
    copies = {name: each.detach().to("cpu", copy=True).contiguous() for name, each in written.items()}
    return copies | {name: copies[first] for name, first in aliases.items()}


def newest_checkpoint(run: Run) -> tuple[Saved, tuple[str, ...]]:
    """The newest checkpoint that is whole, and what there is to say of newer ones that are not.

    Raises Mistake where there is none.
    """
    notes: list[str] = []
    for path in run.checkpoint_files():
        try:
            return _saved(path), tuple(notes)
        except Mistake as mistake:
            notes.append(f"{mistake.message} It is set aside, and the run goes on from the checkpoint before it.")
            with contextlib.suppress(OSError):
                path.replace(path.with_name(f"{path.name}{DAMAGED}"))
    words = "no checkpoint that is whole" if notes else "no checkpoint to go on from"
    raise Mistake(f"{run.path} has {words}; train it anew.")


def _saved(path: Path) -> Saved:
    tensors, beside = _read(path)
    try:
        state = beside[STATE]
        progressed = Progressed(**_put_together(state["progress"], tensors))
        return Saved(path, state["spec"], progressed, _put_together(state["parts"], tensors))
    except (KeyError, ValueError, TypeError):
        raise Mistake(f"{path} is no checkpoint of this version.") from None


def _taken_apart(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """Turn a state into JSON: each tensor goes into `tensors` and leaves its name in its place."""
    if isinstance(value, Tensor):
        tensors[name] = value
        return {TENSOR: name}
    if isinstance(value, Mapping):
        return {key: _taken_apart(each, f"{name}.{key}", tensors) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_taken_apart(each, f"{name}.{place}", tensors) for place, each in enumerate(value)]
    return value


def _put_together(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, Mapping):
        if value.keys() == {TENSOR}:
            return tensors[value[TENSOR]].clone()  # memory of its own: sums depend on how numbers are aligned
        return {key: _put_together(each, tensors) for key, each in value.items()}
    return [_put_together(each, tensors) for each in value] if isinstance(value, list) else value
